"""Expressions of HCL, as far as they are constant: what python-hcl2 leaves of them, made into plain values.

Source: HCL native syntax specification, "Template Expressions", "Variables and Variable Expressions".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slimify.bot.builds.holes import hole

_NAME = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*")
_PART = re.compile(
    r"\$\$\{|%%\{|(?P<dollar>\$\{(?P<inner>(?:[^{}\"]|\"[^\"]*\")*)\})|(?P<odd>[$%]\{)|\\(?P<escape>.)", re.DOTALL
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def parse(text: str) -> dict[str, Any]:
    """The attributes and blocks of an HCL file, expressions as text. Raises `ValueError` for what is no HCL."""
    import hcl2
    from lark.exceptions import LarkError

    try:
        found = hcl2.loads(text if text.endswith("\n") else text + "\n")
    except (LarkError, RecursionError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        line = getattr(error, "line", None)
        raise ValueError(f"is no HCL{f' at line {line}' if isinstance(line, int) and line > 0 else ''}") from None
    return found if isinstance(found, dict) else {}


def plain(value: Any, scope: Mapping[str, Any], depth: int = 0) -> Any:
    """The value of an expression: a string, which may have holes, None, or a list or table of such."""
    if depth > 20:
        return hole("deep")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return [plain(one, scope, depth + 1) for one in value]
    if isinstance(value, dict):
        return {
            key(name, scope): plain(one, scope, depth + 1) for name, one in value.items() if not name.startswith("__")
        }
    return _text(value, scope) if isinstance(value, str) else None


def key(name: str, scope: Mapping[str, Any]) -> str:
    """A key of a table: a bare word is a string there, what is in quotes or brackets an expression."""
    found = name if _NAME.fullmatch(name) else _text(name, scope)
    return found if isinstance(found, str) else hole(name)


def template(text: str, scope: Mapping[str, Any]) -> str:
    """The text between the quotes of a string, its `${…}` filled in."""

    def part(match: re.Match[str]) -> str:
        if match["escape"]:
            return _ESCAPES.get(match["escape"], match["escape"])
        if match["odd"]:
            return hole("template")
        if match["dollar"] is None:
            return match[0][1:]
        value = _name(match["inner"].strip(), scope)
        return value if isinstance(value, str) else hole(match["inner"])

    return _PART.sub(part, text)


def _text(text: str, scope: Mapping[str, Any]) -> Any:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        inner = text[1:-1]
        return hole("heredoc") if inner.startswith("<<") and "\n" in inner else template(inner, scope)
    if text.startswith("${") and text.endswith("}"):
        text = text[2:-1].strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    return _name(text, scope)


def _name(text: str, scope: Mapping[str, Any]) -> Any:
    """What a name stands for, with fields of tables behind dots; a hole for any other expression."""
    if text.startswith('"') and text.endswith('"') and text.count('"') == 2:
        return template(text[1:-1], scope)
    if not _NAME.fullmatch(text):
        return hole(text)
    value: Any = scope
    for name in text.split("."):
        value = value.get(name, _ABSENT) if isinstance(value, Mapping) else _ABSENT
    return hole(text) if value is _ABSENT or value is None else value


_ABSENT = object()
