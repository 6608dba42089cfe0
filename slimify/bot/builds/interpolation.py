"""Variables in a compose file, and the `.env` file that gives them values.

Source: Compose specification, "Interpolation"; Docker documentation, "Set environment variables", "Syntax".
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from dotenv import dotenv_values

from slimify.bot.builds.holes import hole

_DEEPEST = 10
_NAME = re.compile(r"[A-Za-z_]\w*")


def interpolate(text: str, values: Mapping[str, str], depth: int = 0) -> str:
    """The text with what its `$NAME` and `${NAME…}` stand for.

    A variable that has neither a value nor a default leaves a hole: Compose takes what the environment of
    whoever runs it says.
    """
    if "$" not in text:
        return text
    found: list[str] = []
    at = 0
    while (start := text.find("$", at)) >= 0:
        found.append(text[at:start])
        at = start + 1
        following = text[at : at + 1]
        if following == "$":
            found.append("$")
            at += 1
        elif following == "{" and depth < _DEEPEST:
            end = _closing(text, at)
            found.append(_value(text[at + 1 : end], values, depth))
            at = end + 1
        elif match := _NAME.match(text, at):
            found.append(values.get(match[0], hole(match[0])))
            at = match.end()
        else:
            found.append("$")
    return "".join([*found, text[at:]])


def _closing(text: str, at: int) -> int:
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return place
    return len(text)


def _value(inner: str, values: Mapping[str, str], depth: int) -> str:
    match = _NAME.match(inner)
    if match is None:
        return hole(inner)
    name, rest = match[0], inner[match.end() :]
    value = values.get(name)
    empty_counts = rest.startswith(":")
    operator, other = rest.removeprefix(":")[:1], rest.removeprefix(":")[1:]
    is_set = value is not None and (value != "" or not empty_counts)
    if operator == "+":
        return interpolate(other, values, depth + 1) if is_set else ""
    if is_set:
        return value or ""
    return interpolate(other, values, depth + 1) if operator == "-" else hole(name)


def read_env(text: str) -> dict[str, str]:
    """The variables of an env file. Those without a value are left out: the environment has it."""
    # A NUL cannot be in a variable; the library does not interpolate, for it would look into our environment.
    lines = dotenv_values(stream=io.StringIO(text.replace("\0", "")), interpolate=False)
    found: dict[str, str] = {}
    for name, value in lines.items():
        if value is not None:
            found[name] = interpolate(value, found)
    return found
