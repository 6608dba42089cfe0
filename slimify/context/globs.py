"""Go's `filepath.Match`: the globs of COPY and ADD, and the test that every ignore pattern must pass.

Source: Go documentation, `path/filepath`, "Match".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from slimify.context.expressions import ANY, STAR, PatternError, Piece, assemble, literal


def is_glob(path: str) -> bool:
    """Whether BuildKit looks for matches of a COPY source, rather than for that one path."""
    at = 0
    while at < len(path):
        if path[at] in "*?[":
            return True
        at += 2 if path[at] == "\\" else 1
    return False


@functools.lru_cache(maxsize=256)
def compile_glob(pattern: str) -> Callable[[str], object]:
    """The test whether a whole path matches. Raises `PatternError` for what Go calls a bad pattern."""
    return re.compile(assemble(_pieces(pattern)) + r"\Z").match


def check_glob(pattern: str) -> None:
    """Raise `PatternError` for what Go calls a bad pattern, however many wildcards it has.

    Some releases of Go see only the errors that they come to while they match, and take `a*[`. What
    that means then depends on the builder, so it is refused here.
    """
    _pieces(pattern)


def _pieces(pattern: str) -> list[Piece]:
    pieces = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            pieces.append(STAR)
        elif char == "?":
            pieces.append(ANY)
        elif char == "[":
            piece, at = _bracket(pattern, at)
            pieces.append(piece)
        elif char == "\\":
            pieces.append(literal(_at(pattern, at)))
            at += 1
        else:
            pieces.append(literal(char))
    return pieces


def _at(pattern: str, at: int) -> str:
    if at >= len(pattern):
        raise PatternError("has a bracket or an escape that does not end")
    return pattern[at]


def _bracket(pattern: str, at: int) -> tuple[Piece, int]:
    """The bracket expression whose inside starts at `at`, and where it ends."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[str] = []
    first = True
    while first or _at(pattern, at) != "]":
        first = False
        low, at = _member(pattern, at)
        high = low
        if _at(pattern, at) == "-":
            high, at = _member(pattern, at + 1)
        if low <= high:
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
    if not ranges:
        return Piece(r"[\s\S]" if negated else "(?!)", plain=False), at + 1
    return Piece(f"[{'^' * negated}{''.join(ranges)}]", plain=False), at + 1


def _member(pattern: str, at: int) -> tuple[str, int]:
    char = _at(pattern, at)
    if char in "-]":
        raise PatternError(f"has a {char} in brackets where a character must stand")
    if char == "\\":
        at += 1
        char = _at(pattern, at)
    if "\udc80" <= char <= "\udcff":
        raise PatternError("has bytes in brackets that are not UTF-8")
    _at(pattern, at + 1)
    return char, at + 1
