"""What a pull request says of itself is read back, whatever is done to its text; and nothing else is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.bot.marker import Marker, marker_of, read_marker, without_marker, written

PRINT = "5e8937420a9b9aecc486f8080e4e8b8c"
changes = st.text("0123456789abcdef", min_size=12, max_size=12)
transforms = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
markers = st.builds(
    marker_of,
    st.just(PRINT),
    st.sets(changes, max_size=20),
    ignored=st.sets(transforms, max_size=5),
    stopped=st.booleans(),
    answered=st.sets(st.integers(0, 2**53 - 1), max_size=10),
)


@given(markers, st.text(max_size=40), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", " ", "\n", "\r\n\r\n"]))
def test_it_survives(marker: Marker, before: str, end: str, after: str) -> None:
    line = written(marker)
    assert "\n" not in line
    assert line.startswith("<!-- slimify: ")
    assert "--" not in line.removeprefix("<!--").removesuffix("-->")
    assert ">" not in line[:-1]
    body = f"{before}{end}{line}{after}"
    assert read_marker(body) == marker
    assert read_marker(body.replace("\r\n", "\n").strip()) == marker
    assert "slimify: {" not in without_marker(body).removeprefix(before)


@given(st.text() | st.text(max_size=30).map("<!-- slimify: {{{}}} -->".format))
def test_nothing_makes_it_fail(body: str) -> None:
    assert read_marker(body) is None or "fingerprint" in body


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(PRINT),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["v", "fingerprint", "changes", "ignored", "stopped", "answered", "sum"]),
)
def test_any_values(value: object, key: str) -> None:
    whole = {"v": 1, "fingerprint": PRINT, "changes": ["0" * 12], "ignored": ["layout"], "answered": [3]}
    found = read_marker(f"<!-- slimify: {json.dumps({**whole, key: value})} -->")
    if found is not None:
        assert read_marker(written(marker_of(found.fingerprint, found.changes))) is not None
        assert all(isinstance(one, str) and len(one) == 12 for one in found.changes)
        assert all(type(one) is int for one in found.answered)
    else:
        assert key in ("v", "fingerprint")


@pytest.mark.parametrize(
    "line",
    [
        '<!-- slimify: {"v":2,"fingerprint":"ab"} -->',
        '<!-- slimify: {"v":true,"fingerprint":"ab"} -->',
        '<!-- slimify: {"v":1} -->',
        '<!-- slimify: {"v":1,"fingerprint":"../x"} -->',
        "<!-- slimify: [1] -->",
        "<!-- slimify: {nonsense} -->",
        "<!-- slimify: " + '{"a":' * 5000 + "}" * 5000 + " -->",
        '<!-- slimify: {"v":' + "9" * 5000 + "} -->",
        '<!-- slimify: {"v":1,"fingerprint":"' + "a" * 70_000 + '"} -->',
        '> <!-- slimify: {"v":1,"fingerprint":"ab"} -->',
        '`<!-- slimify: {"v":1,"fingerprint":"ab"} -->`',
        '<!-- slimify: {"v":1,"fingerprint":"ab"} --> and more',
    ],
)
def test_what_is_none(line: str) -> None:
    assert read_marker(line) is None
    own = marker_of(PRINT, ["0" * 12])
    assert read_marker(f"{line}\n{written(own)}\n") == own
    assert read_marker(f"{written(own)}\n{line}\n") == own


def test_the_last_one_counts() -> None:
    one, other = marker_of("aa", []), marker_of("bb", [], stopped=True)
    assert read_marker(f"{written(one)}\n\n{written(other)}\n") == other


def test_of_many_changes_some_are_kept() -> None:
    every = [f"{at:012x}" for at in range(3000)]
    marker = marker_of(PRINT, reversed(every), ignored=["a" * 60] * 3, answered=range(10**9, 10**9 + 2000))
    assert len(written(marker)) < 16_000
    assert marker == marker_of(PRINT, every, ignored=["a" * 60], answered=range(10**9 + 1000, 10**9 + 2000))
    assert read_marker(written(marker)) == marker
    assert marker.answered[-1] == 10**9 + 1999
    assert marker.knows(every)
    assert marker.knows(every[:500])
    assert not marker.knows(every[:501])
    assert not marker.knows([*every, "f" * 12])


def test_what_it_knows() -> None:
    marker = marker_of(PRINT, ["0" * 12, "1" * 12])
    assert marker.knows(["1" * 12])
    assert marker.knows([])
    assert not marker.knows(["0" * 12, "2" * 12])


def test_a_marker_that_could_not_be_read_is_not_written() -> None:
    for marker in (Marker("no hash"), Marker(PRINT, frozenset(["x"])), Marker(PRINT, ignored=frozenset(["-->"]))):
        with pytest.raises(ValueError, match="read back"):
            written(marker)
