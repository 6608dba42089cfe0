"""The tables come back as they went in, and nothing else is taken for one."""

from __future__ import annotations

import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.knowledge.columns import pack, unpack

WORD = st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=8).filter(
    lambda text: text.split() == [text]
)
VALUE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=12)
COLUMNS = st.dictionaries(WORD, st.lists(VALUE, max_size=5), max_size=4)


@given(COLUMNS)
def test_round_trip(columns: dict[str, list[str]]) -> None:
    packed = pack(columns)
    assert unpack(packed) == columns
    assert list(unpack(packed)) == list(columns)
    assert pack(columns) == packed


@pytest.mark.parametrize("columns", [{"a": ["one\ntwo"]}, {"a b": []}, {"": []}, {"a\n": ["b"]}])
def test_what_would_not_come_back_is_refused(columns: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match=r"not a name for a column|a line end"):
        pack(columns)


@pytest.mark.parametrize(
    "data",
    [b"", b"plain text", pack({"a": ["b"]})[:-5]]
    + [
        lzma.compress(text.encode())
        for text in ("a", "a b", "a 3\nb", "a 1\nb\nc", "a -1\n", "a \N{SUPERSCRIPT TWO}\nb\nc")
    ],
)
def test_what_it_did_not_write_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a packed table"):
        unpack(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a packed table"):
        unpack(data)
