"""From a text before and after to the fewest characters that have to be replaced, so that cursors and folds stay."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slimify.rewrite.diff import blocks, split_lines
from slimify.rewrite.edit import Edit
from slimify.syntax.source import Source, Span

# Words, blanks, and line ends, of which none is ever taken apart: an editor has no place inside of one.
_PIECE = re.compile(r"[^ \t\r\n]+|[ \t]+|\r\n|\r|\n")
# Up to this many pairs of pieces they are all compared with each other; measured: a few milliseconds.
_PAIRS = 10_000


def minimal_edits(before: Source, after: Source) -> list[Edit]:
    """Edits of `before` that make `after` of it, in order, none touching another."""
    if before.text == after.text:
        return []
    old, new = split_lines(before.text), split_lines(after.text)
    starts = before.line_starts
    found: list[Edit] = []
    for block in blocks(before, after):
        start = starts[block.old_start] if block.old_start < len(starts) else len(before.text)
        was = "".join(old[block.old_start : block.old_end])
        found += _within(start, was, "".join(new[block.new_start : block.new_end]))
    return found


def _within(start: int, old: str, new: str) -> Iterator[Edit]:
    """The pieces that differ between `old`, which stands at `start`, and `new`."""
    olds, news = _PIECE.findall(old), _PIECE.findall(new)
    head = 0
    while head < min(len(olds), len(news)) and olds[head] == news[head]:
        head += 1
    tail = 0
    while tail < min(len(olds), len(news)) - head and olds[-1 - tail] == news[-1 - tail]:
        tail += 1
    start += sum(map(len, olds[:head]))
    olds, news = olds[head : len(olds) - tail], news[head : len(news) - tail]
    if not olds or not news or len(olds) * len(news) > _PAIRS:
        if olds or news:
            yield Edit(Span(start, start + sum(map(len, olds))), "".join(news))
        return
    from difflib import SequenceMatcher

    for kind, i, i_end, j, j_end in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        end = start + sum(map(len, olds[i:i_end]))
        if kind != "equal":
            yield Edit(Span(start, end), "".join(news[j:j_end]))
        start = end
