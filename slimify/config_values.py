"""The kinds of values that a configuration file holds, and what is wrong with one that is of no such kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?`, or nothing if nothing is like it."""
    from difflib import get_close_matches

    close = get_close_matches(name.lower().replace("_", "-"), list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


class WrongError(ValueError):
    """A value that will not do. `within` is the key or the string in it that is to blame."""

    def __init__(self, message: str, within: str = "") -> None:
        super().__init__(message)
        self.within = within


def strings(value: object) -> tuple[str, ...]:
    """A list of strings. This and what follows raise `WrongError`."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise WrongError("must be a list of strings")
    return tuple(value)


def string(value: object) -> str:
    """A string."""
    if not isinstance(value, str):
        raise WrongError("must be a string")
    return value


def boolean(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise WrongError("must be true or false")
    return value


def number(value: object) -> float:
    """A number that is not below 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise WrongError("must be a number, and not below 0")
    return float(value)


def percent(value: object) -> float:
    """A number from 0 to 100."""
    if number(value) > 100:
        raise WrongError("must be a number from 0 to 100")
    return number(value)


def build_args(value: object) -> tuple[tuple[str, str], ...]:
    """A table of strings."""
    if not isinstance(value, Mapping):
        raise WrongError("must be a table of strings")
    for key, item in value.items():
        if not isinstance(item, str):
            raise WrongError(f"{key} must be a string", key)
    return tuple(value.items())


def one_of(*choices: str) -> Callable[[object], str]:
    """The reader for one of these strings."""

    def read(value: object) -> str:
        if value not in choices:
            raise WrongError(f"must be one of {', '.join(choices)}")
        return str(value)

    return read


def whole(most: int) -> Callable[[object], int]:
    """The reader for a whole number from 1 to `most`."""

    def read(value: object) -> int:
        if type(value) is not int or not 1 <= value <= most:
            raise WrongError(f"must be a whole number from 1 to {most}")
        return value

    return read


def host_and_port(value: object) -> tuple[str, int]:
    """An address as `HOST:PORT`, where an IPv6 address stands in brackets; without a host it is this machine."""
    text = string(value)
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise WrongError(f"{text} is no HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def command_words(value: object) -> tuple[str, ...]:
    """A command as a list of its words, or as one string that is taken apart as a shell does."""
    if isinstance(value, str):
        import shlex

        try:
            return tuple(shlex.split(value))
        except ValueError as error:
            raise WrongError(f"is no command: {str(error).lower()}") from None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise WrongError("must be a string or a list of strings")
    return tuple(value)


def seconds(value: object) -> float:
    """A number of seconds, more than none, and not without an end."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise WrongError("must be a number of seconds")
    return float(value)


def size(value: object) -> int:
    """Bytes, as a text that people write: `500MB`, `1.5 GB`."""
    import re

    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKMGT]?)B?", value.strip()) if isinstance(value, str) else None
    if match is None:
        raise WrongError(f"must be a size like 500MB or 1.5GB, and {value!r} is none")
    return int(float(match[1]) * 1000.0 ** " KMGT".index(match[2].upper() or " "))


def table(value: object, keys: Mapping[str, Callable[[object], Any]]) -> dict[str, Any]:
    """A table of these keys, each with the function that reads it, by the names that Python would give them."""
    if not isinstance(value, Mapping):
        raise WrongError("must be a table")
    values: dict[str, Any] = {}
    for key, item in value.items():
        if key not in keys:
            raise WrongError(f"unknown key '{key}'{suggestion(key, keys)}", key)
        try:
            values[key.replace("-", "_")] = keys[key](item)
        except WrongError as error:
            raise WrongError(f"{key} {error}", error.within or key) from None
    return values
