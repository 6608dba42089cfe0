"""For pull-request comments and step summaries: Markdown as GitHub, GitLab and Forgejo read it.

What comes from a Dockerfile must not become markup, a link, or a mention. A forge looks for
mentions and references after the Markdown has been read, so that a backslash does not stop them;
nothing is looked for in code. Words that could be taken for one therefore become code spans, and
everything else is escaped (GitHub Flavored Markdown Spec 2.4, 6.1, 6.9; "Autolinked references"
in the GitHub docs; "GitLab-specific references" and "quick actions" in the GitLab docs).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from slimify.report.common import (
    changes_in_order,
    count,
    facts_of,
    facts_of_change,
    human_size,
    lines_of,
    notices_of,
    one_line,
    visible,
)
from slimify.rewrite.diff import annotated_diff
from slimify.rewrite.edit import Severity
from slimify.rewrite.outcome import Change, Notice, Outcome

# GitHub takes comments of up to 65,536 characters.
LIMIT = 60_000
_LONG = 60

# @user #12 !12 ~label %milestone &epic $snippet, maths, addresses, GH-12, commits, :emoji:, [issue:1], /command
_RISKY = re.compile(r"[@#!~%&^]\w|\$|://|www\.|mailto:|GH-\d|[0-9a-f]{7,}|:\w+:|\[\w+:|^\W*/", re.IGNORECASE)
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&{}()]")
_OPENING = re.compile(r"^(\d*)([#+\-=>.):])")
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(/[\w./~%#?=&+:-]*)?", re.ASCII)
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
        link = not line and _ADDRESS.fullmatch(source)
        behind = f" (<{source}>)" if link else f" ({code(source)})"
    return f"{f'line {line}: ' if line else ''}{prose(text)}{behind}"


# --- text that cannot do anything ---


def prose(text: str) -> str:
    """One line of text; what stands between back-ticks becomes code, and so does every risky word."""
    parts = re.split(r"(?<!`)`([^`]+)`(?!`)", one_line(text))
    return "".join(code(part) if at % 2 else _words(part, at == 0) for at, part in enumerate(parts))


def _words(text: str, first: bool) -> str:
    words = [code(word) if _RISKY.search(word) else _SPECIAL.sub(r"\\\g<0>", word) for word in text.split(" ")]
    if first:
        # What would open a list, a heading or a quotation at the start of a line.
        words[0] = _OPENING.sub(r"\1\\\2", words[0])
    return " ".join(words)


def code(text: str) -> str:
    """A code span whose fence is longer than any run of back-ticks in it (GFM 6.3)."""
    shown = one_line(text)
    if not shown:
        return ""
    fence = "`" * (_longest_run(shown) + 1)
    blank = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{blank}{shown}{blank}{fence}"


def fenced(diff: str, limit: int) -> str:
    """A diff as a code block, folded if it is long and cut if it is longer than `limit`."""
    text = visible(diff.replace("\r\n", "\n")).rstrip("\n")
    cut = ""
    if len(text) > limit:
        kept = text[:limit].rpartition("\n")[0]
        cut = f"\n\n_{count(text.count(chr(10)) - kept.count(chr(10)), 'line')} more left out._"
        text = kept
    fence = "`" * max(3, _longest_run(text) + 1)
    block = f"{fence}diff\n{text}\n{fence}{cut}"
    if text.count("\n") < _LONG:
        return block
    return f"<details><summary>Diff</summary>\n\n{block}\n\n</details>"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
