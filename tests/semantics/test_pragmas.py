"""What the user has put out of bounds."""

from __future__ import annotations

import pytest

from slimify.semantics.pragmas import Pragmas, read_pragmas
from slimify.syntax.dockerfile import Dockerfile, parse
from slimify.syntax.source import Source


def read(text: str) -> tuple[Dockerfile, Pragmas]:
    tree = parse(Source(text))
    return tree, read_pragmas(tree)


def kept(text: str) -> list[str]:
    tree, pragmas = read(text)
    return [one.arguments for one in tree.instructions if pragmas.keeps(one)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("FROM a\n# slimify: keep\nRUN b\nRUN c\n", ["b"]),
        ("FROM a\n#slimify:keep\nRUN b\nRUN c\n", ["b"]),
        ("FROM a\n# Slimify: keep\nRUN b\nRUN c\n", ["b"]),
        ("FROM a\n# slimify: keep\n# why\n\nRUN b\nRUN c\n", ["b"]),
        ("FROM a\nRUN b \\\n# slimify: keep\n  b2\nRUN c\n", ["b   b2"]),
        ("FROM a\nRUN b\n# slimify: keep\n", []),
        ("# slimify: keep\nFROM a\nRUN b\n", ["a"]),
        ("FROM a\nRUN b\n# slimify: keep-file\n", ["a", "b"]),
        ("FROM a\n# slimify keep\nRUN b\n", []),
        ("FROM a\n# not slimify: keep\nRUN b\n", []),
        ("FROM a\nRUN echo '# slimify: keep'\nRUN b\n", []),
        ("FROM a\n# slimify: kept\nRUN b\n", []),
        ("FROM a\r\n# slimify: keep\r\nRUN b\r\nRUN c\r\n", ["b"]),
    ],
)
def test_keep(text: str, wanted: list[str]) -> None:
    assert kept(text) == wanted


def test_skip() -> None:
    tree, pragmas = read("FROM a\n# slimify: skip=x,y\nRUN b\nRUN c\n# slimify: skip-file=z\n")
    _, b, c = tree.instructions
    assert [pragmas.allows(name, b) for name in "xyzw"] == [False, False, False, True]
    assert [pragmas.allows(name, c) for name in "xyzw"] == [True, True, False, True]
    assert sorted(name for name, _ in pragmas.named) == ["x", "y", "z"]


def test_several_above_one_instruction() -> None:
    tree, pragmas = read("FROM a\n# slimify: skip=x\n# slimify: skip = y keep\nRUN b\n")
    assert pragmas.keeps(tree.instructions[1])
    assert pragmas.skipped[tree.instructions[1].span.start] == {"x", "y"}


@pytest.mark.parametrize(
    ("comment", "unknown"),
    [
        ("# slimify: kep", ["kep"]),
        ("# slimify: skip", ["skip"]),
        ("# slimify: skip=", ["skip="]),
        ("# slimify: keep", []),
    ],
)
def test_what_is_not_understood(comment: str, unknown: list[str]) -> None:
    tree, pragmas = read(f"FROM a\n{comment}\nRUN b\n")
    assert [word for word, _ in pragmas.unknown] == unknown
    for _, span in pragmas.unknown:
        assert tree.source[span] == comment


@pytest.mark.parametrize(
    ("comment", "guarded"),
    [("# hadolint ignore=DL3008", True), ("# tally ignore=x", True), ("# check=skip=x", True), ("# ignore", False)],
)
def test_comments_of_linters(comment: str, guarded: bool) -> None:
    tree, pragmas = read(f"FROM a\n{comment}\nRUN b\nRUN c\n")
    assert [pragmas.guards(one) for one in tree.instructions] == [False, guarded, False]
