"""JavaScript and TypeScript as a flat list of tokens, good enough to find imports and calls.

This is no parser. Comments, strings, template literals and regular expressions are told apart
(ECMA-262, "Lexical Grammar"); whether a `/` divides is guessed from the token before it, as a
wrong guess ends with the line. Text inside JSX elements is read as code.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class T(enum.IntEnum):
    """What a token is. A template with substitutions is HEAD, code, MIDDLE, code, …, TAIL."""

    NAME = 0
    NUMBER = 1
    STRING = 2
    TEMPLATE = 3
    HEAD = 4
    MIDDLE = 5
    TAIL = 6
    REGEX = 7
    MARK = 8


class Token(NamedTuple):
    """A token; the value of strings is what they mean, that of a template part what is written."""

    kind: T
    value: str
    at: int


_NEXT = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*(?:.*?\*/|.*\Z)|\A\#![^\n]*)
    |(?P<name>[A-Za-z_$\u0080-\U0010ffff][\w$\u0080-\U0010ffff]*)
    |(?P<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    |(?P<number>[0-9][\w.]*)
    |(?P<mark>=>|\.\.\.|[^\s])""",
    re.VERBOSE | re.DOTALL,
)
# Longer ones are not looked for, so that no text is looked through again and again.
_REGEX = re.compile(r"/(?![*/])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.){0,300}\]){1,1000}/[a-z]*")
_TEMPLATE = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*(`|\$\{|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\(\r\n|u\{[0-9a-fA-F]{1,6}\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
# Names behind which a value begins, so that a / there starts a regular expression.
_BEFORE_VALUE = frozenset("return typeof case in of delete void throw new instanceof do else await yield".split())


def tokens(text: str) -> list[Token]:
    """All tokens of a source file."""
    return list(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    depth = 0
    templates: list[int] = []
    last: Token | None = None
    while at < len(text):
        match = _NEXT.match(text, at)
        if match is None:
            break
        kind = match.lastgroup
        value = match[0]
        start = at
        at = match.end()
        if kind == "skip":
            continue
        if kind == "name":
            token = Token(T.NAME, value, start)
        elif kind == "string":
            token = Token(T.STRING, unescape(value[1:-1]), start)
        elif kind == "number":
            token = Token(T.NUMBER, value, start)
        elif value == "`" or (value == "}" and templates and templates[-1] == depth):
            whole = _TEMPLATE.match(text, at)
            assert whole is not None
            at = whole.end()
            chunk = text[start + 1 : whole.start(1)]
            opens = whole[1] == "${"
            if value == "`":
                token = Token(T.HEAD if opens else T.TEMPLATE, chunk, start)
                if opens:
                    templates.append(depth)
            else:
                token = Token(T.MIDDLE if opens else T.TAIL, chunk, start)
                if not opens:
                    templates.pop()
        elif value == "/" and _starts_value(last) and (regex := _REGEX.match(text, start)):
            at = regex.end()
            token = Token(T.REGEX, regex[0], start)
        else:
            if value == "{":
                depth += 1
            elif value == "}":
                depth -= 1
            token = Token(T.MARK, value, start)
        last = token
        yield token


def _starts_value(last: Token | None) -> bool:
    if last is None:
        return True
    if last.kind is T.NAME:
        return last.value in _BEFORE_VALUE
    return last.kind in (T.HEAD, T.MIDDLE) or (last.kind is T.MARK and last.value not in (")", "]", "}", "<"))


def unescape(text: str) -> str:
    """The value of the inside of a string literal."""
    if "\\" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        found = match[1]
        if found[0] in "ux" and len(found) > 1:
            code = int(found.strip("ux{}"), 16)
            return chr(code) if code < 0x110000 else ""
        return _ESCAPES.get(found, found)

    return _ESCAPE.sub(value, text)


class Text(NamedTuple):
    """A string expression: its value, with `hole` for each substitution; `end` is the token behind it."""

    value: str
    whole: bool
    end: int


def string_at(found: Sequence[Token], at: int, hole: str = "$_") -> Text | None:
    """The string literal or template at a token; None if something else stands there, or more is added to it."""
    if at >= len(found):
        return None
    token = found[at]
    whole = True
    if token.kind in (T.STRING, T.TEMPLATE):
        value = token.value if token.kind is T.STRING else unescape(token.value)
        at += 1
    elif token.kind is T.HEAD:
        whole = False
        parts = [unescape(token.value)]
        depth = 1
        at += 1
        while at < len(found) and depth:
            one = found[at]
            if one.kind is T.HEAD:
                depth += 1
            elif one.kind is T.TAIL:
                depth -= 1
            if (one.kind is T.MIDDLE and depth == 1) or (one.kind is T.TAIL and depth == 0):
                parts.append(unescape(one.value))
            at += 1
        value = hole.join(parts)
    else:
        return None
    if at < len(found) and found[at].value == "+" and found[at].kind is T.MARK:
        # What is added begins another word only where the literal ends with a blank.
        return Text(value + hole, False, at)
    return Text(value, whole, at)
