"""For pull-request comments and step summaries: Markdown as GitHub, GitLab and Forgejo read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slimify.report.common import (
    changes_in_order,
    count,
    facts_of,
    facts_of_change,
    human_size,
    lines_of,
    notices_of,
)
from slimify.report.markdown_text import code, fenced, is_address, prose
from slimify.rewrite.diff import annotated_diff
from slimify.rewrite.edit import Severity
from slimify.rewrite.outcome import Change, Notice, Outcome

# GitHub takes comments of up to 65,536 characters.
LIMIT = 60_000
_HEADINGS = {Severity.FAULT: "Errors of slimify", Severity.WARNING: "Warnings", Severity.NOTE: "Notes"}


def render(outcomes: Sequence[Outcome], limit: int = LIMIT) -> str:
    """The report on all files, of at most `limit` characters; what does not fit is left out, and that is said."""
    said = [outcome for outcome in outcomes if outcome.changed or outcome.notices]
    blocks = [block for outcome in said for block in _file(outcome, limit // max(1, len(said)))]
    if not blocks:
        return "slimify found nothing to change.\n"
    kept: list[str] = []
    size = 0
    for at, block in enumerate(blocks):
        size += len(block) + 2
        if size > limit - 100:
            kept.append(f"_{count(len(blocks) - at, 'paragraph')} more left out, because the report is too long._")
            break
        kept.append(block)
    return "\n\n".join(kept) + "\n"


def _file(outcome: Outcome, limit: int) -> Iterator[str]:
    yield f"### slimify: {code(outcome.path)}"
    changes = changes_in_order(outcome)
    if changes:
        yield _table(changes, outcome)
    for transform in dict.fromkeys(change.rewrite.transform for change in changes):
        yield f"#### {code(transform)}"
        for change in changes:
            if change.rewrite.transform == transform:
                yield from _change(change)
    for severity, heading in _HEADINGS.items():
        notices = notices_of(outcome, severity)
        if notices:
            yield f"#### {heading}"
            yield "\n".join(line for notice in notices for line in _notice(notice, outcome))
    if outcome.changed:
        yield fenced(annotated_diff(outcome), limit // 2)


def _table(changes: Sequence[Change], outcome: Outcome) -> str:
    rows = ["| Lines | Change | Transform | Level | Saves (estimated) |", "| ---: | --- | --- | --- | ---: |"]
    for change in changes:
        rewrite = change.rewrite
        saves = f"~ {human_size(rewrite.saves)}" if rewrite.saves is not None else ""
        # A bar ends a cell, in a code span too (GFM 4.10), and backslashes in front of it change what it means.
        title, transform = (text.replace("|", "\u00a6") for text in (rewrite.title, rewrite.transform))
        cells = [lines_of(change.line, change.end_line), prose(title), code(transform), rewrite.level.label, saves]
        rows.append(f"| {' | '.join(cells)} |")
    if outcome.saves is not None and len(changes) > 1:
        rows.append(f"| | **All** | | | **~ {human_size(outcome.saves)}** |")
    return "\n".join(rows)


def _change(change: Change) -> Iterator[str]:
    where = "line" if change.line == change.end_line else "lines"
    yield f"**{prose(change.rewrite.title)}** ({where} {lines_of(change.line, change.end_line)})"
    if change.rewrite.reason.strip():
        yield prose(change.rewrite.reason)
    facts = [f"- {_fact(*fact)}" for fact in facts_of_change(change)]
    if facts:
        yield "\n".join(facts)


def _notice(notice: Notice, outcome: Outcome) -> Iterator[str]:
    finding = notice.finding
    reason = f": {prose(notice.reason)}" if finding.reason.strip() else ""
    where = lines_of(notice.line, notice.end_line)
    yield f"- {where}: **{prose(finding.title)}**{reason} ({code(finding.transform)})"
    for fact in facts_of(outcome, notice):
        yield f"  - {_fact(*fact)}"


def _fact(text: str, line: int, source: str) -> str:
    """A source is a link if it is a plain address of a fact that does not stand in the file."""
    behind = ""
    if source:
        link = not line and is_address(source)
        behind = f" (<{source}>)" if link else f" ({code(source)})"
    return f"{f'line {line}: ' if line else ''}{prose(text)}{behind}"
