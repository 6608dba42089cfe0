"""Ignore patterns: moby's own cases, what moby answers to trickier ones, and another implementation."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import pytest
from e2b_dockerfile_utils import PatternMatcher
from hypothesis import given, settings
from hypothesis import strategies as st

from slimify.context.dockerignore import MAX_LINE_BYTES, choose, read_patterns
from slimify.context.globs import compile_glob, is_glob
from slimify.context.patterns import START, Matcher, PatternError

MOBY = json.loads(Path(__file__).with_name("moby.json").read_text())


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(("patterns", "path", "expected"), MOBY["matches"])
def test_moby_matches(patterns: list[str], path: str, expected: bool) -> None:
    assert Matcher(patterns).matches(path) is expected


@pytest.mark.parametrize(("pattern", "path", "expected"), MOBY["globs"])
def test_moby_globs(pattern: str, path: str, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(PatternError):
            Matcher([pattern])
        with pytest.raises(PatternError):
            compile_glob(pattern)
    else:
        assert Matcher([pattern]).matches(path) is expected


@pytest.mark.parametrize(("file", "verdicts"), MOBY["walks"])
def test_moby_walks(file: str, verdicts: dict[str, bool]) -> None:
    matcher = Matcher(read_patterns(encoded(file)))
    assert {path: matcher.matches(path) for path in verdicts} == verdicts


@pytest.mark.parametrize("file", MOBY["refused"])
def test_moby_refuses(file: str) -> None:
    with pytest.raises(PatternError):
        Matcher(read_patterns(encoded(file)))


@pytest.mark.parametrize(("file", "patterns"), MOBY["reads"])
def test_moby_reads(file: str, patterns: list[str]) -> None:
    assert list(read_patterns(encoded(file))) == patterns


def test_a_line_too_long_for_docker() -> None:
    assert len(read_patterns(b"a" * MAX_LINE_BYTES)) == 1
    with pytest.raises(PatternError, match="longer than Docker's limit"):
        read_patterns(b"a" * (MAX_LINE_BYTES + 1))


@pytest.mark.parametrize(
    "pattern",
    ["a{2}*", "\\Qa*", "\\x41*", "\\pL*", "[\\D]*", "\ufeff**a", "**/a*/**/b*/**/c*", "**/[a]*[b]*[c]*[d]*"],
)
def test_what_is_not_followed_is_said(pattern: str) -> None:
    with pytest.raises(PatternError, match="slimify"):
        Matcher([pattern])


def test_names_that_are_not_utf8() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert Matcher(read_patterns(b"caf\xe9")).matches(name)
    assert Matcher(read_patterns(b"caf?")).matches(name)
    # As an expression it is U+FFFD to Go, and so is every other byte that is not UTF-8.
    assert Matcher(read_patterns(b"c*f\xe9")).matches(b"caf\xe8".decode("utf-8", "surrogateescape"))
    assert not Matcher(read_patterns(b"c*f\xe9")).matches("cafe")
    with pytest.raises(PatternError):
        Matcher(read_patterns(b"[\xe9]"))


def test_patterns_are_kept_clean() -> None:
    matcher = Matcher(["docs", "  !docs/README.md  ", "", "./a//b/"])
    assert matcher.patterns == ("docs", "!docs/README.md", "a/b")
    assert matcher.has_exceptions
    assert not Matcher(["a"]).has_exceptions
    assert Matcher([]).step("a", START) == START


# Patterns, a folder that they match, and whether the builder looks into it all the same.
ENTERED: list[tuple[list[str], str, bool]] = [
    (["a"], "a", False),
    (["a", "!a/b"], "a", True),
    (["a", "!a/b"], "a/b", False),
    (["a", "!a/b/c/d"], "a/b/c", True),
    (["a", "b", "!a/x"], "b", False),
    (["a", "ab", "!ab/x"], "a", False),
    (["a", "!a/**"], "a", True),
    (["a", "!a/*"], "a/b", False),
    (["*", "!*.py"], "a", False),
    (["*", "!*/*.py"], "a", True),
    (["*", "!*/*.py"], "a/b", False),
    (["*", "!**/*.py"], "a/b/c", True),
    (["node_modules", "!docs/*.md"], "node_modules", False),
    (["a", "!a[/x]b"], "a", True),
    (["a", "!b|c*"], "a", True),
    # For fsutil this names `a` and nothing further in.
    (["a", "!a/*/**"], "a", True),
    (["a", "!a/*/**"], "a/b", False),
    # With a wildcard somewhere else it goes everywhere, and finds it.
    (["a", "!a/*/**", "!*.x"], "a/b", True),
]


@pytest.mark.parametrize(("patterns", "folder", "expected"), ENTERED)
def test_folders_that_are_entered(patterns: list[str], folder: str, expected: bool) -> None:
    assert Matcher(patterns).enters(folder) is expected


NAMES = st.sampled_from(["a", "b", "ab", ".a", "x.b", "node", "a b"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
SEGMENTS = st.sampled_from(
    ["a", "b", "ab", "*", "?", "**", "a*", "*.b", "[a-b]", "[^a]", "**b", "x.*", ".a", "node", "\\a"]
)
PATTERNS = st.tuples(
    st.sampled_from(["", "", "", "!", "/", "! /", "./"]),
    st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "", "/", " "]),
).map("".join)
# What moby passes on to Go's expressions as it is, the other implementation takes for itself.
TAME = PATTERNS.filter(lambda pattern: "\\" not in pattern)


@given(st.lists(TAME, max_size=5), st.lists(PATHS, min_size=1, max_size=8))
@settings(max_examples=500, deadline=None)
def test_another_implementation_agrees(patterns: list[str], paths: list[str]) -> None:
    ours = Matcher(read_patterns("\n".join(patterns).encode()))
    theirs = PatternMatcher(patterns)
    for path in paths:
        assert ours.matches(path) == theirs.matches(path), path


@given(st.lists(PATTERNS, max_size=5), PATHS, st.lists(NAMES, min_size=1, max_size=3).map("/".join))
@settings(max_examples=500, deadline=None)
def test_nothing_is_in_a_folder_that_is_not_entered(patterns: list[str], folder: str, inner: str) -> None:
    try:
        matcher = Matcher(read_patterns("\n".join(patterns).encode()))
    except PatternError:
        return
    # But for fsutil's own mistake, which the table above holds.
    if any(pattern.endswith("/*/**") for pattern in matcher.patterns):
        return
    if matcher.matches(folder) and not matcher.enters(folder):
        assert matcher.matches(f"{folder}/{inner}")


@given(st.text("ab/*?[]^-\\|{}().+$! é\ufeff2d:zQ", max_size=12), st.text("ab/[]^|2dé\n", min_size=1, max_size=9))
@settings(max_examples=1000, deadline=None)
def test_no_pattern_breaks_it(pattern: str, path: str) -> None:
    with contextlib.suppress(PatternError):
        Matcher(read_patterns(pattern.encode())).matches(path)


def test_no_pattern_takes_forever() -> None:
    started = time.perf_counter()
    for pattern in ("*a*a*a*a*a*a*a*a*a*a*a*b", "**/**/**/**/**/**/b*c", "**/a/**/a/**/b*c"):
        matcher = Matcher([pattern])
        assert not matcher.matches("a" * 250)
        assert not matcher.step("a/" * 100 + "a", START).matched
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("a[^b]c", "a/c", True),
        ("[z-a]", "z", False),
        ("[^z-a]", "z", True),
        ("**/x", "a/b/x", False),
        ("a]", "a]", True),
        ("*.txt", "a\n.txt", True),
        ("a\\*", "ab", False),
    ],
)
def test_globs(pattern: str, path: str, expected: bool) -> None:
    assert bool(compile_glob(pattern)(path)) is expected


def test_what_is_a_glob() -> None:
    assert is_glob("a*")
    assert is_glob("[")
    assert is_glob("\\\\*")
    assert not is_glob("a\\*")
    assert not is_glob("a]{b}")


def test_the_dockerfiles_own_ignore_file_wins() -> None:
    files = {"ctx/.dockerignore": b"a", "docker/api.Dockerfile.dockerignore": b"b"}

    def chosen(dockerfile: str | None) -> str | None:
        found = choose("ctx", dockerfile, lambda folder, name: files.get(f"{folder}/{name}"))
        return found and found.path

    assert chosen("docker/api.Dockerfile") == "docker/api.Dockerfile.dockerignore"
    assert chosen("docker/web.Dockerfile") == "ctx/.dockerignore"
    assert chosen(None) == "ctx/.dockerignore"
    files.clear()
    assert chosen("docker/api.Dockerfile") is None
