"""The lines of a requirements file, as pip sees them (pip documentation, "Requirements File Format")."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

# The order matters: the mark of UTF-16 is the beginning of that of UTF-32.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
)
_COOKIE = re.compile(rb"coding[:=]\s*([-\w.]+)")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


class Line(NamedTuple):
    """A logical line without its comment. `unknown` are the variables in it that are not known."""

    number: int
    text: str
    unknown: tuple[str, ...]


def decode(data: bytes) -> str:
    """The text: by its byte order mark, by a coding cookie in the first two lines, else as UTF-8.

    Bytes that are not of that encoding become surrogates.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    for line in data.split(b"\n", 2)[:2]:
        match = _COOKIE.search(line[:200]) if line.startswith(b"#") else None
        if match:
            try:
                text = codecs.decode(data, match[1].decode("ascii"), "replace")
            except (LookupError, ValueError, TypeError):
                break
            # `rot13`, `hex` and their like are no encodings of text.
            return text if isinstance(text, str) else data.decode("utf-8", "surrogateescape")
    return data.decode("utf-8", "surrogateescape")


def logical_lines(text: str, environ: Mapping[str, str]) -> Iterator[Line]:
    """Join continued lines, drop comments and empty lines, and replace `${NAME}`, in this order."""
    for number, line in _joined(text):
        at = _comment(line)
        line = (line if at is None else line[:at]).strip()
        if line:
            unknown = tuple(name for name in _VARIABLE.findall(line) if name not in environ)
            yield Line(number, _VARIABLE.sub(lambda match: environ.get(match[1], match[0]), line), unknown)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), 1):
        comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            first = first if parts else number
            parts.append(line.strip("\\"))
        elif parts:
            # A comment ends a continued line, and the blank makes it one wherever it is joined to.
            yield first, "".join([*parts, f" {line}" if comment else line])
            parts = []
        else:
            yield number, line
    if parts:
        yield first, "".join(parts)


def _comment(line: str) -> int | None:
    at = line.find("#")
    while at > 0 and not line[at - 1].isspace():
        at = line.find("#", at + 1)
    return None if at < 0 else at
