"""What an editor makes of edits, written without a look at how the server counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from lsprotocol import types


def lines(text: str) -> list[str]:
    """The lines with their ends."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z|\Z", text)[: len(re.findall(r"\r\n|\r|\n", text)) + 1]


def offset(text: str, place: types.Position, encoding: str) -> int:
    all_of = lines(text)
    before = sum(map(len, all_of[: place.line]))
    line = all_of[place.line] if place.line < len(all_of) else ""
    content = line.rstrip("\r\n")
    unit = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    name = encoding if unit == 1 else f"{encoding}-le"
    raw = content.encode(name, "surrogatepass")[: place.character * unit]
    return before + len(raw.decode(name, "surrogatepass"))


def apply(text: str, edits: Sequence[types.TextEdit], encoding: str = "utf-16") -> str:
    """Make all edits at once, as the protocol wants it; none may touch another."""
    spans = sorted(
        (offset(text, one.range.start, encoding), offset(text, one.range.end, encoding), one.new_text) for one in edits
    )
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    for start, end, new in reversed(spans):
        text = text[:start] + new + text[end:]
    return text
