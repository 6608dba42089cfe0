"""Applying edits to a text while keeping account of where every line came from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from slimify.rewrite.edit import Edit
from slimify.syntax.source import Source


class Origin(NamedTuple):
    """Where a line of the final text comes from: lines (from 1) of the original, and who had a hand in it."""

    lines: tuple[int, ...]
    transforms: tuple[str, ...]


class _Piece(NamedTuple):
    """A part of the new text, from `start` to `end`, and the old lines it comes from."""

    start: int
    end: int
    first: int
    last: int
    # Empty for what was kept.
    transform: str = ""
    # Whether the edit ends inside an old line, so that what follows is no whole line.
    cut: bool = False


def identity(source: Source) -> tuple[Origin, ...]:
    """The origins of a text that nobody has touched."""
    return tuple(Origin((line,), ()) for line in range(1, len(source.line_starts) + 1))


class OverlapError(ValueError):
    """Two edits that touch the same characters."""


def apply(
    source: Source, origins: Sequence[Origin], edits: Iterable[tuple[str, Edit]]
) -> tuple[Source, tuple[Origin, ...]]:
    """Apply (transform, edit) pairs; edits at one place keep their order.

    Raises `OverlapError`, having changed nothing, if two of them overlap.
    """
    ordered = sorted(edits, key=lambda pair: (pair[1].span.start, pair[1].span.end))
    text = source.text
    parts: list[str] = []
    pieces: list[_Piece] = []
    old = new = 0

    def keep(end: int) -> None:
        nonlocal old, new
        if end > old:
            parts.append(text[old:end])
            pieces.append(_Piece(new, new + end - old, source.line_of(old), source.line_of(end - 1)))
            new += end - old
            old = end

    for transform, edit in ordered:
        start, end = edit.span
        if start < old:
            raise OverlapError(f"{transform}: edit at {start} overlaps the one before it, which ends at {old}")
        keep(start)
        first = source.line_of(start)
        last = source.line_of(max(start, end - 1))
        parts.append(edit.text)
        cut = end > 0 and text[end - 1] != "\n"
        pieces.append(_Piece(new, new + len(edit.text), first, last, transform, cut))
        new += len(edit.text)
        old = end
    keep(len(text))
    result = Source("".join(parts), source.path)
    return result, _trace(result, origins, pieces)


def _trace(
    result: Source,
    origins: Sequence[Origin],
    pieces: list[_Piece],
) -> tuple[Origin, ...]:
    starts = result.line_starts
    found: list[Origin | None] = [None] * len(starts)

    def add(line: int, origin: Origin) -> None:
        known = found[line]
        found[line] = origin if known is None else _both(known, origin)

    for start, end, first, last, transform, cut in pieces:
        low = bisect_right(starts, start) - 1
        high = bisect_right(starts, max(start, end - 1)) - 1
        if transform:
            if cut:
                high = bisect_right(starts, end) - 1
            made = Origin((), ())
            for old in range(first, last + 1):
                made = _both(made, origins[old - 1])
            made = _both(made, Origin((), (transform,)))
            for line in range(low, high + 1):
                add(line, made)
        else:
            # A kept piece has as many line feeds in the new text as it had in the old.
            for line in range(low, high + 1):
                add(line, origins[first - 1 + line - low])
    if starts[-1] == len(result.text) and (found[-1] is None or not found[-1].lines):
        add(len(starts) - 1, origins[-1])
    return tuple(origin if origin is not None else Origin((), ()) for origin in found)


def _both(one: Origin, other: Origin) -> Origin:
    if one == other:
        return one
    lines = tuple(sorted({*one.lines, *other.lines}))
    return Origin(lines, tuple(dict.fromkeys((*one.transforms, *other.transforms))))
