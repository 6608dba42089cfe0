"""For a GitHub Actions log: workflow commands, which the runner turns into annotations of the pull request.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
GitHub shows ten annotations of each kind for a step (same place, "Limitations" of annotations).
"""

from __future__ import annotations

from collections.abc import Sequence

from slimify.report.common import changes_in_order, facts_of, facts_of_change, human_size, one_line
from slimify.rewrite.edit import Severity
from slimify.rewrite.outcome import Change, Notice, Outcome

_COMMANDS = {Severity.FAULT: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(outcomes: Sequence[Outcome]) -> str:
    """One command a line: faults as errors, warnings as warnings, changes and notes as notices."""
    lines: list[str] = []
    for outcome in outcomes:
        ordered = sorted(outcome.notices, key=lambda notice: list(_COMMANDS).index(notice.finding.severity))
        lines += [_notice(notice, outcome) for notice in ordered if notice.finding.severity is not Severity.NOTE]
        lines += [_change(change, outcome) for change in changes_in_order(outcome)]
        lines += [_notice(notice, outcome) for notice in ordered if notice.finding.severity is Severity.NOTE]
    return "".join(line + "\n" for line in lines)


def _change(change: Change, outcome: Outcome) -> str:
    rewrite = change.rewrite
    about = [rewrite.transform, rewrite.level.label]
    if rewrite.saves is not None:
        about.append(f"~ {human_size(rewrite.saves)} smaller (estimated)")
    message = _message(rewrite.reason, facts_of_change(change), ", ".join(about))
    return _command("notice", outcome.path, change.line, change.end_line, rewrite.title, message)


def _notice(notice: Notice, outcome: Outcome) -> str:
    finding = notice.finding
    message = _message(notice.reason, facts_of(outcome, notice), finding.transform)
    command = _COMMANDS[finding.severity]
    return _command(command, outcome.path, notice.line, notice.end_line, finding.title, message)


def _message(reason: str, facts: Sequence[tuple[str, int, str]], about: str) -> str:
    lines = [one_line(line) for line in reason.split("\n") if line.strip()]
    for text, line, source in facts:
        behind = f" ({one_line(source)})" if source else ""
        lines.append(f"{f'line {line}: ' if line else ''}{one_line(text)}{behind}")
    return "\n".join([*lines, f"[{one_line(about)}]"])


def _command(command: str, path: str, line: int, end_line: int, title: str, message: str) -> str:
    values = {"file": one_line(path), "line": str(line), "endLine": str(end_line), "title": one_line(title)}
    properties = ",".join(f"{name}={_property(value)}" for name, value in values.items())
    return f"::{command} {properties}::{_data(message)}"


def _data(text: str) -> str:
    """As `escapeData` of actions/toolkit (packages/core/src/command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """As `escapeProperty` of actions/toolkit."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
