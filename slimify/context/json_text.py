"""JSON as people keep it in repositories: read without exceptions, with the lines of its keys."""

from __future__ import annotations

import json
import re
from typing import Any

# Comments and strings (tsconfig.json, bun.lock and others are read by parsers that take comments
# and trailing commas, in the manner of the TypeScript compiler's `parseConfigFileTextToJson`).
# What is never closed runs to the end, so that it is looked through only once.
_LOOSE = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|//[^\n]*|/\*(?:.*?\*/|.*\Z)|,(?=\s*[}\]])', re.DOTALL)
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|[{}\[\],:\n]')


def load(text: str, loose: bool = False) -> Any:
    """The value, or None for text that is no JSON; `loose` allows comments and trailing commas.

    Text that is too deep, or holds numbers of absurd length, is treated as no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if not loose:
            return None
    try:
        return json.loads(strict(text))
    except (ValueError, RecursionError):
        return None


def strict(text: str) -> str:
    """The text without comments and trailing commas; lines keep their numbers."""

    def keep(match: re.Match[str]) -> str:
        found = match[0]
        if found[0] == '"':
            return found
        return "\n" * found.count("\n") or " "

    # Twice, for a comma may have had a comment between itself and the bracket.
    return _LOOSE.sub(keep, _LOOSE.sub(keep, text))


def key_lines(text: str, depth: int = 2) -> dict[tuple[str, ...], int]:
    """The line of every object key that lies at most `depth` objects deep, as a path of keys.

    Keys inside arrays are left out. Meant for text that `load` has read.
    """
    lines: dict[tuple[str, ...], int] = {}
    path: list[str] = []
    brackets: list[str] = []
    key: str | None = None
    line = 1
    expect_key = False
    for match in _TOKEN.finditer(text):
        token = match[0]
        first = token[0]
        if first == "\n":
            line += 1
        elif first == "{":
            if brackets:
                path.append(key if key is not None and brackets[-1] == "{" else "[]")
            brackets.append("{")
            key, expect_key = None, True
        elif first == "[":
            path.append(key if key is not None and brackets[-1:] == ["{"] else "[]")
            brackets.append("[")
            key, expect_key = None, False
        elif first in "}]":
            if brackets:
                brackets.pop()
            if path:
                key = path.pop()
            expect_key = False
        elif first == ",":
            expect_key = brackets[-1:] == ["{"]
        elif first == '"' and expect_key:
            expect_key = False
            key = _string(token)
            if len(brackets) <= depth and "[]" not in path:
                lines.setdefault((*path, key), line)
    return lines


def _string(token: str) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return token[1:-1]
