"""Edits, and where every line of the result comes from, through several passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.rewrite.edit import Edit
from slimify.rewrite.text import Origin, OverlapError, apply, identity
from slimify.syntax.source import Source, Span

TEXT = "one\ntwo\nthree\nfour\n"


def edit(start: int, end: int, text: str) -> Edit:
    return Edit(Span(start, end), text)


def at(old: str, new: str, text: str = TEXT) -> Edit:
    """Replace a stretch that stands in the text once."""
    assert text.count(old) == 1
    start = text.index(old)
    return edit(start, start + len(old), new)


def run(*edits: tuple[str, Edit], text: str = TEXT) -> tuple[str, list[Origin]]:
    source = Source(text)
    after, origins = apply(source, identity(source), edits)
    assert len(origins) == len(after.line_starts)
    return after.text, list(origins)


def test_nothing() -> None:
    text, origins = run()
    assert text == TEXT
    assert origins == [Origin((line,), ()) for line in (1, 2, 3, 4, 5)]


def test_a_change_inside_a_line() -> None:
    text, origins = run(("x", at("wo", "WO")))
    assert text == "one\ntWO\nthree\nfour\n"
    assert origins == [Origin((1,), ()), Origin((2,), ("x",)), Origin((3,), ()), Origin((4,), ()), Origin((5,), ())]


def test_new_lines() -> None:
    text, origins = run(("x", at("two", "two\n2b\n2c")))
    assert text == "one\ntwo\n2b\n2c\nthree\nfour\n"
    assert [origin.lines for origin in origins] == [(1,), (2,), (2,), (2,), (3,), (4,), (5,)]
    assert [origin.transforms for origin in origins] == [(), ("x",), ("x",), ("x",), (), (), ()]


def test_joined_lines() -> None:
    text, origins = run(("x", at("\nthree", " three")))
    assert text == "one\ntwo three\nfour\n"
    assert origins[1] == Origin((2, 3), ("x",))
    assert origins[2] == Origin((4,), ())


def test_a_line_behind_inserted_ones_keeps_its_number() -> None:
    text, origins = run(("x", edit(0, 0, "zero\n")))
    assert text == "zero\n" + TEXT
    assert origins[0].transforms == ("x",)
    assert [origin.lines[-1] for origin in origins[1:]] == [1, 2, 3, 4, 5]


def test_what_two_transforms_do_to_one_line() -> None:
    text, origins = run(("y", at("wo", "W")), ("x", edit(4, 5, "T")))
    assert text == "one\nTW\nthree\nfour\n"
    assert origins[1].lines == (2,)
    assert set(origins[1].transforms) == {"x", "y"}


def test_edits_at_one_place_keep_their_order() -> None:
    assert run(("x", edit(4, 4, "a")), ("y", edit(4, 4, "b")))[0] == "one\nabtwo\nthree\nfour\n"


def test_overlaps() -> None:
    with pytest.raises(OverlapError, match="x"):
        run(("x", edit(3, 6, "")), ("x", edit(5, 8, "")))
    with pytest.raises(OverlapError):
        run(("x", edit(3, 6, "")), ("y", edit(4, 4, "z")))
    assert run(("x", edit(3, 5, "")), ("y", edit(5, 8, "")))[0] == "onethree\nfour\n"


def test_several_passes() -> None:
    """Lines move, are joined and change again; each keeps the account of all of it."""
    source = Source(TEXT)
    first, origins = apply(source, identity(source), [("a", at("two\nthree", "two three"))])
    assert first.text == "one\ntwo three\nfour\n"
    second, origins = apply(first, origins, [("b", edit(0, 0, "zero\n"))])
    third, origins = apply(second, origins, [("c", at("o three", "o\n  three", second.text))])
    assert third.text == "zero\none\ntwo\n  three\nfour\n"
    assert origins[2].lines == origins[3].lines == (2, 3)
    assert origins[2].transforms == origins[3].transforms
    assert set(origins[3].transforms) == {"a", "c"}
    assert origins[4] == Origin((4,), ())
    fourth, origins = apply(third, origins, [("d", at("\nfour\n", "", third.text))])
    assert fourth.text == "zero\none\ntwo\n  three"
    assert {2, 3, 4} <= set(origins[3].lines)


def test_no_final_newline() -> None:
    text, origins = run(("x", edit(7, 7, " &&\n b")), text="one\ntwo")
    assert text == "one\ntwo &&\n b"
    assert [origin.lines for origin in origins] == [(1,), (2,), (2,)]


def test_crlf() -> None:
    text, origins = run(("x", edit(3, 5, " ")), text="one\r\ntwo\r\nthree\r\n")
    assert text == "one two\r\nthree\r\n"
    assert [origin.lines for origin in origins] == [(1, 2), (3,), (4,)]


@given(st.data())
def test_untouched_lines_are_what_they_claim_to_be(data: st.DataObject) -> None:
    """Through three passes of any edits: a line that nobody touched is the one line it says it is."""
    text = "".join(data.draw(st.lists(st.sampled_from(["a\n", "bb\n", "\n", "c\r\n", "d"]), min_size=1, max_size=8)))
    source = original = Source(text)
    origins = identity(source)
    before = text.split("\n")
    for name in "xyz":
        edits, low = [], 0
        while low < len(source.text) and len(edits) < 3:
            start = data.draw(st.integers(low, len(source.text)))
            end = data.draw(st.integers(start, min(start + 6, len(source.text))))
            edits.append((name, edit(start, end, data.draw(st.sampled_from(["", "q", "\n", "r\ns\n"])))))
            low = end + 1
        source, origins = apply(source, origins, edits)
        after = source.text.split("\n")
        assert len(after) == len(origins)
        for line, origin in zip(after, origins, strict=True):
            assert list(origin.lines) == sorted(set(origin.lines))
            assert all(1 <= number <= len(before) for number in origin.lines)
            if not origin.transforms:
                assert [line] == [before[number - 1] for number in origin.lines]
    assert original.text == text
