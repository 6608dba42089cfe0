"""Why something was not done: every question that a menu offers has an answer."""

from __future__ import annotations

from slimify.rewrite.edit import Level, Severity
from slimify.rewrite.outcome import Notice, Outcome
from slimify.syntax.dockerfile import Dockerfile, Instruction

_SPLIT = "split-stage"


def declined(outcome: Outcome, one: Instruction) -> list[Notice]:
    """What was not done to an instruction, with the reasons."""
    return [
        notice
        for notice in outcome.notices
        if notice.finding.severity is Severity.NOTE
        and notice.line <= one.end_line
        and notice.end_line >= one.start_line
    ]


def is_split(outcome: Outcome) -> bool:
    """Whether a stage would be split."""
    return any(change.rewrite.transform == _SPLIT for change in outcome.changes)


def why_not_split(dockerfile: Dockerfile, outcome: Outcome, level: Level, context: bool) -> str:
    """Why no stage is split; `context`: whether the build context could be looked into."""
    told = [notice for notice in outcome.notices if notice.finding.transform == _SPLIT]
    if told:
        return "\n\n".join(f"{notice.finding.title}: {notice.reason} (line {notice.line})" for notice in told)
    if level is Level.SAFE:
        return "At level safe no stage is split."
    if not context or any(notice.finding.transform == "context" for notice in outcome.notices):
        return "The build context is not known, and so neither is what the application needs when it runs."
    if len(dockerfile.stages) != 1:
        return "There are several stages already; only a single one is split."
    if not any(one.keyword == "RUN" for one in dockerfile.instructions):
        return "Nothing is run in it, and so there is nothing that only a build needs."
    return "Nothing was found in it that is built in a way that slimify knows how to split."
