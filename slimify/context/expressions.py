"""Go's regular expressions, as far as moby's patternmatcher makes them, as Python's.

moby turns a pattern into an expression character by character and without a look at brackets, and
what it leaves unescaped (`|`, `{`, `^`, a letter behind a backslash) means to Go's `regexp` what it
means there. To match as Docker does is to take the same detour.
Source: github.com/moby/patternmatcher; Go's `regexp/syntax` documentation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class PatternError(ValueError):
    """A pattern that Docker refuses, or one whose meaning is not followed here."""


# Python backtracks where Go does not. A pattern with more repetitions that can quarrel over the same
# text is not followed, so that no ignore file can keep slimify busy for hours.
MAX_REPEATS = 4

_GLOBSTAR = "(.*/)?"
_NOT_SLASH = "[^/]"
_REPETITION = re.compile(r"\{[0-9]+(,[0-9]*)?\}", re.ASCII)
# Escapes outside of brackets that stand for no character (Go, `regexp/syntax`).
_EMPTY = {"A": r"\A", "b": r"\b", "B": r"\B", "z": r"\Z"}
_SETS = {"d": "0-9", "s": "\\t\\n\\f\\r ", "w": "0-9A-Za-z_"}
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NAMED_SETS = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": "\\x00-\\x7f",
    "blank": "\\t ",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\t\\n\\v\\f\\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
# Go decodes each byte that is not UTF-8 to U+FFFD; here they are lone surrogates.
_UNDECODABLE = "[\ufffd\udc80-\udcff]"


class Piece(NamedTuple):
    """Something that matches one character (or none, see `plain`), or with `repeated` any number of times.

    `plain` says that it matches exactly one character, and a `/` only if it stands for just that.
    """

    regex: str
    repeated: bool = False
    plain: bool = True


GLOBSTAR = Piece(_GLOBSTAR, repeated=True, plain=False)
STAR = Piece(_NOT_SLASH, repeated=True)
ANY = Piece(_NOT_SLASH)
REST = Piece(".", repeated=True, plain=False)


def literal(char: str) -> Piece:
    """The piece that matches this character."""
    return Piece(re.escape(char))


def assemble(pieces: Sequence[Piece]) -> str:
    """The Python expression, without anchors, for pieces one after the other.

    `*x*` takes the first `x` and never looks back: what a later one would let match, the second
    star does as well. Raises `PatternError` if too many repetitions remain.
    """
    kept: list[Piece] = []
    for piece in pieces:
        if not (piece.repeated and kept and kept[-1] == piece):
            kept.append(piece)
    parts: list[str] = []
    loose = 0
    at = 0
    while at < len(kept):
        piece = kept[at]
        at += 1
        if piece == STAR:
            end = at
            while end < len(kept) and kept[end].plain and not kept[end].repeated:
                end += 1
            if end < len(kept) and kept[end] == STAR:
                parts.append(f"(?>{_NOT_SLASH}*?{''.join(one.regex for one in kept[at:end])})")
                at = end
                continue
        if piece.repeated and (piece != REST or at < len(kept)):
            loose += 1
        repeat = "*" if piece.repeated and piece != GLOBSTAR else ""
        parts.append(piece.regex + repeat)
    if loose > MAX_REPEATS:
        raise PatternError("has more wildcards than slimify follows")
    return "".join(parts)


def to_python(expression: str) -> str:
    """An expression that moby made, to be matched from the start of a text. Raises `PatternError`."""
    return "|".join(_alternative(pieces) for pieces in _Reader(expression).alternatives())


def _alternative(pieces: list[Piece]) -> str:
    # Go searches: what is not anchored may start and end anywhere.
    anchored = bool(pieces) and pieces[0] == _START
    return ("" if anchored else r"[\s\S]*?") + assemble(pieces)


_START = Piece(r"\A", plain=False)
_END = Piece(r"\Z", plain=False)


class _Reader:
    """One pass over one expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def alternatives(self) -> list[list[Piece]]:
        found: list[list[Piece]] = [[]]
        while self.at < len(self.text):
            if self.text.startswith(_GLOBSTAR, self.at):
                self.at += len(_GLOBSTAR)
                found[-1].append(GLOBSTAR)
                continue
            char = self._next()
            if char == "|":
                found.append([])
            elif char == "*" and found[-1]:
                # It follows `.` or a bracket: moby writes it nowhere else.
                found[-1][-1] = found[-1][-1]._replace(repeated=True)
            else:
                found[-1].append(self._piece(char))
        return found

    def _next(self) -> str:
        if self.at >= len(self.text):
            raise PatternError("has a bracket or an escape that does not end")
        self.at += 1
        return self.text[self.at - 1]

    def _piece(self, char: str) -> Piece:
        if char == "^":
            return _START
        if char == "$":
            return _END
        if char == ".":
            return Piece(".", plain=False)
        if char == "[":
            return self._bracket()
        if char == "\\":
            return self._escape()
        if char == "{" and _REPETITION.match(self.text, self.at - 1):
            raise PatternError("has a repetition in braces, which slimify does not follow")
        if char == "\ufffd" or "\udc80" <= char <= "\udcff":
            return Piece(_UNDECODABLE)
        return literal(char)

    def _escape(self) -> Piece:
        char = self._next()
        if char in _EMPTY:
            return Piece(_EMPTY[char], plain=False)
        if char.lower() in _SETS:
            return Piece(f"[{'^' if char.isupper() else ''}{_SETS[char.lower()]}]", plain=False)
        return literal(_escaped(char))

    def _bracket(self) -> Piece:
        if self.text.startswith("^/]", self.at):
            self.at += 3
            return ANY
        inner: list[str] = []
        negated = self.text.startswith("^", self.at)
        self.at += negated
        first = True
        while first or not self.text.startswith("]", self.at):
            first = False
            if self.text.startswith("[:", self.at) and (end := self.text.find(":]", self.at)) > 0:
                inner.append(_named_set(self.text[self.at + 2 : end]))
                self.at = end + 2
                continue
            if self.text[self.at : self.at + 1] == "\\" and self.text[self.at + 1 : self.at + 2].lower() in _SETS:
                name = self.text[self.at + 1]
                if name.isupper():
                    raise PatternError(f"has \\{name} in brackets, which slimify does not follow")
                inner.append(_SETS[name])
                self.at += 2
                continue
            low = high = self._member()
            if self.text.startswith("-", self.at) and self.text[self.at + 1 : self.at + 2] not in ("", "]"):
                self.at += 1
                high = self._member()
            if high < low:
                raise PatternError(f"has the empty range {low}-{high}, which Docker refuses")
            inner.append(f"{re.escape(low)}-{re.escape(high)}" if low != high else re.escape(low))
        self.at += 1
        return Piece(f"[{'^' * negated}{''.join(inner)}]", plain=False)

    def _member(self) -> str:
        char = self._next()
        return _escaped(self._next()) if char == "\\" else char


def _escaped(char: str) -> str:
    """The character that stands behind a backslash, if Go knows it."""
    if char in _CONTROLS:
        return _CONTROLS[char]
    if char in "01234567QpPx":
        raise PatternError(f"has \\{char}, which slimify does not follow")
    if not char.isascii() or char.isalnum():
        raise PatternError(f"has \\{char}, which Docker refuses")
    return char


def _named_set(name: str) -> str:
    negated = name.startswith("^")
    if name.removeprefix("^") not in _NAMED_SETS:
        raise PatternError(f"has the unknown set [:{name}:], which Docker refuses")
    if negated:
        raise PatternError(f"has the set [:{name}:], which slimify does not follow")
    return _NAMED_SETS[name]
