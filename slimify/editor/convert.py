"""From offsets and edits to what goes over the wire."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lsprotocol import types

from slimify.editor.text import Place, Text
from slimify.rewrite.edit import Edit
from slimify.syntax.source import Source, Span

SOURCE = "slimify"


def position(text: Text, offset: int) -> types.Position:
    """Where an offset is."""
    return types.Position(*text.place(offset))


def span_range(text: Text, span: Span) -> types.Range:
    """The range of a span."""
    return types.Range(position(text, span.start), position(text, span.end))


def offset_of(text: Text, place: types.Position) -> int:
    """The offset of a position that the client sent."""
    return text.offset(Place(place.line, place.character))


def lines_of_range(text: Text, source: Source, wanted: types.Range) -> tuple[int, int]:
    """The first and the last line, counted from 1 as Docker counts lines, that a range touches."""
    start, end = offset_of(text, wanted.start), offset_of(text, wanted.end)
    # A selection of whole lines ends in front of the first character of the next one.
    if end > start and source.text[end - 1 : end] == "\n":
        end -= 1
    return source.line_of(start), source.line_of(max(start, end))


def line_range(text: Text, source: Source, first: int, last: int) -> types.Range:
    """What is written in some lines, counted from 1, without the indent of the first."""
    last_known = len(source.line_starts)
    first, last = max(1, min(first, last_known)), max(1, min(last, last_known))
    start, end = source.line_content(first).start, source.line_content(last).end
    content = source.text[start:end]
    return span_range(text, Span(start + len(content) - len(content.lstrip(" \t")), end))


def text_edits(text: Text, edits: Iterable[Edit]) -> list[types.TextEdit]:
    """The edits as the client makes them."""
    return [types.TextEdit(span_range(text, edit.span), edit.text) for edit in edits]


def page_of(transform: str) -> types.CodeDescription | None:
    """The page of a transform, as it is installed."""
    import slimify.transforms as home

    path = Path(str(home.__file__)).parent / "pages" / f"{transform}.md"
    return types.CodeDescription(path.as_uri()) if path.is_file() else None
