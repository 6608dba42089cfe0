"""The fewest edits: they make the new text of the old one, and leave alone what both have."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimify.editor.minimal import minimal_edits
from slimify.syntax.source import Source

_TEXTS = st.lists(st.sampled_from(["a", "b", " ", "\n", "\r\n", "\r", "\t", "RUN x", "\\", "😀", "é"]), max_size=30)


def _made(before: str, after: str) -> str:
    edits = minimal_edits(Source(before), Source(after))
    at = 0
    for edit in edits:
        assert at <= edit.span.start <= edit.span.end
        for offset in edit.span:
            assert before[offset - 1 : offset + 1] != "\r\n", "no editor has a place there"
        at = edit.span.end + 1
    for edit in reversed(edits):
        before = before[: edit.span.start] + edit.text + before[edit.span.end :]
    return before


@settings(max_examples=500)
@given(_TEXTS.map("".join), _TEXTS.map("".join))
def test_any_two_texts(before: str, after: str) -> None:
    assert _made(before, after) == after


@settings(max_examples=200)
@given(_TEXTS, st.data())
def test_a_text_and_what_became_of_it(pieces: list[str], data: st.DataObject) -> None:
    after = list(pieces)
    for _ in range(data.draw(st.integers(0, 3))):
        after.insert(data.draw(st.integers(0, len(after))), data.draw(st.sampled_from(["\n", "x", "\r\n", " "])))
    assert _made("".join(pieces), "".join(after)) == "".join(after)


@pytest.mark.parametrize(
    ("before", "after", "edits"),
    [
        ("RUN a\nRUN b\n", "RUN a \\\n    && b\n", [((5, 5), " \\"), ((6, 10), "    && ")]),
        ("FROM a\nENV b c\n", "FROM a\nENV b=c\n", [((11, 14), "b=c")]),
        ("FROM a  \r\n", "FROM a\r\n", [((6, 8), "")]),
    ],
)
def test_what_is_left_alone(before: str, after: str, edits: list[tuple[tuple[int, int], str]]) -> None:
    found = minimal_edits(Source(before), Source(after))
    assert _made(before, after) == after
    assert sum(len(edit.text) for edit in found) <= sum(len(new) for _, new in edits) + 3


def test_a_long_block_is_not_compared_piece_by_piece() -> None:
    before = "".join(f"a{at} b\n" for at in range(2000))
    after = "".join(f"c{at} d\n" for at in range(2000))
    assert _made(before, after) == after
