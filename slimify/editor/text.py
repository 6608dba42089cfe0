"""The text of a document as the Language Server Protocol counts it.

The protocol ends a line at a line feed, at a carriage return, and at both together, and at nothing
else (3.17, "Text Documents"); Docker's lines end at a line feed only, and Python's at a dozen
characters. A column counts UTF-8 bytes, UTF-16 code units or code points, as client and server have
agreed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|\n|\r")

UTF8, UTF16, UTF32 = "utf-8", "utf-16", "utf-32"


class Place(NamedTuple):
    """A line from 0, and a column from 0 in the units agreed upon."""

    line: int
    column: int


class Text:
    """An immutable text with its lines."""

    def __init__(self, text: str, encoding: str = UTF16) -> None:
        self.text = text
        self.encoding = encoding

    @cached_property
    def starts(self) -> list[int]:
        """Where each line starts. There is one more line than there are line ends."""
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    @cached_property
    def _plain(self) -> bool:
        """Whether a code point is a unit, wherever it stands."""
        return self.encoding == UTF32 or self.text.isascii()

    def offset(self, place: Place) -> int:
        """The offset of a place. One behind the end of its line, or of the text, is taken for that end.

        A place inside of a character is taken for the one in front of it.
        """
        if place.line >= len(self.starts):
            return len(self.text)
        start = self.starts[place.line]
        end = self._content_end(place.line)
        if self._plain:
            return min(start + place.column, end)
        units = 0
        for at in range(start, end):
            units += _units(self.text[at], self.encoding)
            if units > place.column:
                return at
        return end

    def place(self, offset: int) -> Place:
        """The place of an offset. Between the two characters of a line end there is none; that counts as before it."""
        line = bisect_right(self.starts, offset) - 1
        start = self.starts[line]
        before = self.text[start : min(offset, self._content_end(line))]
        if self._plain:
            return Place(line, len(before))
        return Place(line, sum(_units(char, self.encoding) for char in before))

    def line_of(self, offset: int) -> int:
        """The line, from 0, that holds an offset."""
        return bisect_right(self.starts, offset) - 1

    def replaced(self, start: Place, end: Place, new: str) -> Text:
        """The text with what stands between two places replaced."""
        first, last = self.offset(start), self.offset(end)
        return Text(self.text[:first] + new + self.text[max(first, last) :], self.encoding)

    def _content_end(self, line: int) -> int:
        if line + 1 == len(self.starts):
            return len(self.text)
        end = self.starts[line + 1]
        return end - 2 if self.text.startswith("\r\n", end - 2) else end - 1


def _units(char: str, encoding: str) -> int:
    if encoding == UTF16:
        return 2 if char > "\uffff" else 1
    if encoding == UTF8:
        return 1 if char < "\x80" else 2 if char < "\u0800" else 3 if char < "\U00010000" else 4
    return 1
