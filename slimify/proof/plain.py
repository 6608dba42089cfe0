"""Texts of others, shown: names in images and output of programs may hold what steers a terminal or forges a line."""

from __future__ import annotations

import re

# What steers a terminal (ECMA-48, C0 and C1), ends a line or turns the direction of what follows (Unicode, UAX 9), and
# halves of characters, as JSON can hold them; those that stand for bytes which are no UTF-8 stay.
_STEERS = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udc7f\udd00-\udfff"
_IN_LINES = re.compile(f"[{_STEERS}]")
_IN_ONE_LINE = re.compile(f"[{_STEERS}\t\n]")
_MARK = "\N{REPLACEMENT CHARACTER}"


def plain(text: str) -> str:
    """A text in one line, with a mark for each character that is none to be read."""
    return _IN_ONE_LINE.sub(_MARK, text)


def plain_lines(text: str) -> str:
    """The same of a text in which lines end and tabs stand."""
    return _IN_LINES.sub(_MARK, text)


def code(text: str) -> str:
    """A code span of Markdown that nothing in the text leaves (GitHub Flavored Markdown, "Code spans")."""
    return f"`{plain(' '.join(text.split())).replace('`', chr(39)) or ' '}`"
