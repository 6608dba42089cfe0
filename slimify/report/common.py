"""What the faces have in common: sizes, line numbers, and text that is safe to show."""

from __future__ import annotations

import re
from collections.abc import Sequence

from slimify.rewrite.edit import Severity
from slimify.rewrite.outcome import Change, Notice, Outcome

# C0 and C1 controls, line ends that an editor may see, direction controls (CVE-2021-42574), lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def human_size(size: int) -> str:
    """Bytes as `docker images` writes them, in powers of 1000 (go-units, HumanSize), but to two digits only."""
    amount = float(abs(size))
    sign = "-" if size < 0 else ""
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5 or unit == "GB":
            digits = 1 if unit != "B" and amount < 9.95 else 0
            return f"{sign}{amount:.{digits}f} {unit}"
        amount /= 1000
    raise AssertionError


def visible(text: str) -> str:
    """The text with all that could act on a terminal or an editor spelled out; tabs and line feeds stay."""
    return _UNSAFE.sub(lambda match: _spelled(match[0]), text)


def _spelled(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return "^" + chr(code + 0x40)
    if code == 0x7F:
        return "^?"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"<U+{code:04X}>"


def one_line(text: str) -> str:
    """The text on one line, made visible."""
    return visible(" ".join(text.split()))


def clean(text: str) -> str:
    """The text in which a byte that is not UTF-8 has become U+FFFD, so that any program can read it."""
    return _SURROGATE.sub("\ufffd", text)


def is_clean(text: str) -> bool:
    """Whether every byte of the text was UTF-8."""
    return _SURROGATE.search(text) is None


def count(number: int, noun: str) -> str:
    """`1 change`, `2 changes`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def lines_of(first: int, last: int) -> str:
    """`3` or `3-9`."""
    return str(first) if first == last else f"{first}-{last}"


def runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending line numbers as ranges without a gap: 1 2 3 7 gives (1, 3) and (7, 7)."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number <= found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def changes_in_order(outcome: Outcome) -> list[Change]:
    """The changes as a reader meets them in the file."""
    return sorted(outcome.changes, key=lambda change: (change.line, change.end_line))


def notices_of(outcome: Outcome, severity: Severity) -> list[Notice]:
    """The findings of one severity, in their order."""
    return [notice for notice in outcome.notices if notice.finding.severity is severity]


def facts_of(outcome: Outcome, notice: Notice) -> list[tuple[str, int, str]]:
    """The evidence of a notice as text, line and source.

    Its spans are those of the text as the last pass saw it. They tell a line of the original only
    if nothing was changed; otherwise the line is 0.
    """
    untouched = not outcome.changed
    return [
        (fact.text, outcome.before.line_of(fact.span.start) if fact.span and untouched else 0, fact.source)
        for fact in notice.finding.evidence
    ]


def facts_of_change(change: Change) -> list[tuple[str, int, str]]:
    """The evidence of a change as text, line (0 if it stands in no line) and source."""
    return [(fact.text, line, fact.source) for fact, line in change.evidence]
