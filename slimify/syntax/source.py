"""The text of a file: its bytes, its line-end and encoding habits, and where an offset lies in it."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

BOM = "\ufeff"


class Span(NamedTuple):
    """A half-open range of offsets into `Source.text`."""

    start: int
    end: int


class Position(NamedTuple):
    """A place in a file as people and editors count it.

    `line` and `column` start at 1, and `column` counts code points. `byte` is the offset from
    the start of the file in bytes. `utf16` is the column from 0 in UTF-16 code units, which is
    what an editor counts in (Language Server Protocol 3.17, "Position").
    """

    line: int
    column: int
    byte: int
    utf16: int


class Source:
    """One file, held as text that gives back exactly the bytes it came from.

    Offsets count code points of `text`. Bytes that are not UTF-8 become lone surrogates
    (PEP 383) and turn into the same bytes again in `data`.
    """

    __slots__ = ("__weakref__", "_byte_starts", "_line_starts", "path", "text")

    def __init__(self, text: str, path: str = "Dockerfile") -> None:
        self.text = text
        self.path = path
        self._line_starts: list[int] | None = None
        self._byte_starts: list[int] | None = None

    @classmethod
    def from_bytes(cls, data: bytes, path: str = "Dockerfile") -> Source:
        return cls(data.decode("utf-8", "surrogateescape"), path)

    @property
    def data(self) -> bytes:
        """The bytes of the file.

        Raises `UnicodeEncodeError` for a text that no file decodes to (a surrogate pair's half
        that PEP 383 does not use).
        """
        return self.text.encode("utf-8", "surrogateescape")

    def __len__(self) -> int:
        return len(self.text)

    def __getitem__(self, span: Span) -> str:
        return self.text[span.start : span.end]

    @property
    def line_starts(self) -> list[int]:
        """Offset of the first character of each line; a line ends after its line feed, and nowhere else."""
        if self._line_starts is None:
            starts = [0]
            find = self.text.find
            at = find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = find("\n", at + 1)
            self._line_starts = starts
        return self._line_starts

    def line_of(self, offset: int) -> int:
        """The number, from 1, of the line that holds `offset`."""
        return bisect_right(self.line_starts, offset)

    def line_span(self, line: int) -> Span:
        """The whole of line number `line`, its line feed included."""
        starts = self.line_starts
        end = starts[line] if line < len(starts) else len(self.text)
        return Span(starts[line - 1], end)

    def line_content(self, line: int) -> Span:
        """Line number `line` without the carriage returns and the line feed that end it."""
        start, end = self.line_span(line)
        text = self.text
        while end > start and text[end - 1] in "\r\n":
            end -= 1
        return Span(start, end)

    def position(self, offset: int) -> Position:
        line = self.line_of(offset)
        start = self.line_starts[line - 1]
        before = self.text[start:offset]
        return Position(
            line=line,
            column=offset - start + 1,
            byte=self._byte_start(line) + len(before.encode("utf-8", "surrogateescape")),
            utf16=len(before) + sum(c > "\uffff" for c in before),
        )

    def _byte_start(self, line: int) -> int:
        if self.text.isascii():
            return self.line_starts[line - 1]
        if self._byte_starts is None:
            starts = [0]
            for line_number in range(1, len(self.line_starts)):
                text = self[self.line_span(line_number)]
                starts.append(starts[-1] + len(text.encode("utf-8", "surrogateescape")))
            self._byte_starts = starts
        return self._byte_starts[line - 1]

    def newline_at(self, line: int) -> str:
        """The line end in use at line number `line`, so that a new line beside it can have the same."""
        start, end = self.line_span(line)
        if self.text.endswith("\r\n", start, end):
            return "\r\n"
        if end > start and self.text[end - 1] == "\n":
            return "\n"
        return self.newline_at(line - 1) if line > 1 else "\n"
