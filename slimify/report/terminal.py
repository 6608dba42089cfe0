"""For people at a terminal: the diff, then what was done and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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

_RESET = "\x1b[0m"
_STYLES = {
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "red": "\x1b[31m",
    "green": "\x1b[32m",
    "yellow": "\x1b[33m",
    "cyan": "\x1b[36m",
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "note": "\x1b[1;34m",
}
_LEVELS = {"safe": "green", "standard": "yellow", "aggressive": "red"}
# A FAULT is slimify's own: the reader must not look for it in the Dockerfile.
_WORDS = {Severity.FAULT: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_INDENT = "    "


def render(outcome: Outcome, *, color: bool, diff: bool = True, notes: bool = False) -> str:
    """The report on one file; empty if there is nothing to say.

    Without colour the diff is exact, so that it can be saved and applied, and the text must be
    written with `errors="surrogateescape"`. With colour it is for the eye only: what could act
    on the terminal is spelled out.
    """
    paint = _Paint(color)
    severities = [Severity.FAULT, Severity.WARNING, *([Severity.NOTE] if notes else [])]
    entries = [_change(change, outcome, paint) for change in changes_in_order(outcome)]
    for severity in severities:
        entries += [_notice(notice, outcome, paint) for notice in notices_of(outcome, severity)]
    parts = [render_diff(outcome, color=color)] if diff and outcome.changed else []
    if entries:
        parts.append("\n".join([*("\n".join(entry) for entry in entries), _summary(outcome, notes, paint)]) + "\n")
    return "\n".join(parts)


def render_diff(outcome: Outcome, *, color: bool) -> str:
    """The diff alone, with the transforms' names in its hunk headers."""
    text = annotated_diff(outcome)
    return color_diff(text) if color else text


def color_diff(diff: str) -> str:
    """A diff in the colours of `git diff`. A carriage return is spelled out where it does not end a line."""
    return "".join(_colored(line) for line in diff.split("\n")[:-1])


def _colored(line: str) -> str:
    if line.startswith(("--- ", "+++ ")):
        style = "bold"
    elif line.startswith("@@"):
        style = "cyan"
    else:
        style = {"-": "red", "+": "green", "\\": "dim"}.get(line[:1], "")
    # A removed line may look like a file header ("-- a"), which is as harmless as it is rare.
    shown = visible(line.removesuffix("\r"))
    return f"{_STYLES[style]}{shown}{_RESET}\n" if style else f"{shown}\n"


class _Paint:
    def __init__(self, on: bool) -> None:
        self.on = on

    def __call__(self, style: str, text: str) -> str:
        return f"{_STYLES[style]}{text}{_RESET}" if self.on and text else text


def _change(change: Change, outcome: Outcome, paint: _Paint) -> list[str]:
    rewrite = change.rewrite
    level = rewrite.level.label
    about = [paint("cyan", one_line(rewrite.transform)), paint(_LEVELS[level], level)]
    if rewrite.saves is not None:
        about.append(f"~ {human_size(rewrite.saves)}")
    return [
        f"{_place(outcome, change.line, change.end_line, paint)} {paint('bold', one_line(rewrite.title))}",
        *_paragraphs(rewrite.reason),
        *_facts(facts_of_change(change), paint),
        _INDENT + paint("dim", "= ") + ", ".join(about),
    ]


def _notice(notice: Notice, outcome: Outcome, paint: _Paint) -> list[str]:
    finding = notice.finding
    word = _WORDS[finding.severity]
    place = _place(outcome, notice.line, notice.end_line, paint)
    return [
        f"{place} {paint(word, word + ':')} {paint('bold', one_line(finding.title))}",
        *_paragraphs(notice.reason),
        *_facts(facts_of(outcome, notice), paint),
        _INDENT + paint("dim", "= ") + paint("cyan", one_line(finding.transform)),
    ]


def _place(outcome: Outcome, first: int, last: int, paint: _Paint) -> str:
    return paint("bold", f"{one_line(outcome.path)}:{lines_of(first, last)}:")


def _paragraphs(text: str) -> list[str]:
    return [_INDENT + one_line(line) for line in text.split("\n") if line.strip()]


def _facts(facts: Sequence[tuple[str, int, str]], paint: _Paint) -> Iterable[str]:
    """Each fact behind the number of its line, as compilers show source lines."""
    width = max((len(str(line)) for _, line, _ in facts if line), default=1)
    for text, line, source in facts:
        number = paint("dim", f"{line or '':>{width}} |")
        behind = paint("dim", f" ({one_line(source)})") if source else ""
        yield f"{_INDENT}{number} {one_line(text)}{behind}"


def _summary(outcome: Outcome, notes: bool, paint: _Paint) -> str:
    faults, warnings, told = (
        len(notices_of(outcome, severity)) for severity in (Severity.FAULT, Severity.WARNING, Severity.NOTE)
    )
    parts = [count(len(outcome.changes), "change")] if outcome.changes else ["nothing changed"]
    parts += [count(faults, "error")] if faults else []
    parts += [count(warnings, "warning")] if warnings else []
    parts += [count(told, "note")] if told and notes else []
    saves = outcome.saves
    parts += [f"~ {human_size(saves)} smaller (estimated)"] if saves is not None else []
    return f"{paint('bold', one_line(outcome.path) + ':')} {', '.join(parts)}"
