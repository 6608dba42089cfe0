"""Data files of all kinds, read into plain values, however hostile they are.

Each function gives what it read and what was wrong with it; where something was wrong the value is empty.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from slimify.context.python.problems import Problem
from slimify.semantics.build_context import BuildContext

_MOST_BYTES = 8 << 20
_MOST_YAML_BYTES = 256 << 10
_DEEPEST = 50

# tomllib takes a time that grows with the square of the number of parts of a dotted key, and
# configparser's with that of the length of a line.
_MOST_DOTS = 1000
_LONGEST_LINE = 4000

Table = dict[str, Any]


class Read(NamedTuple):
    """A table of strings, numbers, lists and tables, and what was wrong. `present` says whether there is a file."""

    table: Table
    present: bool
    problems: tuple[Problem, ...]


def _none(path: str, message: str) -> Read:
    return Read({}, True, (Problem(path, 0, message),))


def _bytes(context: BuildContext, path: str, most: int = _MOST_BYTES) -> bytes | Read:
    data = context.read(path)
    if data is None:
        entry = context.entry(path)
        return Read({}, False, ()) if entry is None else _none(path, "cannot be read, or is too large")
    return _none(path, f"is larger than {most} bytes") if len(data) > most else data


def read_toml(context: BuildContext, path: str) -> Read:
    """Read a TOML file."""
    data = _bytes(context, path)
    if isinstance(data, Read):
        return data
    if any(line.count(b".") > _MOST_DOTS for line in data.split(b"\n")):
        return _none(path, f"has a line with more than {_MOST_DOTS} dots")
    import tomllib

    try:
        # `utf-8-sig`: editors of one system write a mark that TOML does not know.
        return Read(tomllib.loads(data.decode("utf-8-sig")), True, ())
    except (ValueError, RecursionError) as error:
        return _none(path, f"is not TOML: {_line(error)}")


def read_json(context: BuildContext, path: str) -> Read:
    """Read a JSON file that holds an object."""
    data = _bytes(context, path)
    if isinstance(data, Read):
        return data
    import json

    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        return _none(path, f"is not JSON: {_line(error)}")
    return Read(value, True, ()) if isinstance(value, dict) else _none(path, "is not an object")


def read_ini(context: BuildContext, path: str) -> Read:
    """Read an INI file, as setuptools does: a table of tables of strings, without interpolation."""
    data = _bytes(context, path, _MOST_YAML_BYTES)
    if isinstance(data, Read):
        return data
    if any(len(line) > _LONGEST_LINE for line in data.split(b"\n")):
        return _none(path, f"has a line of more than {_LONGEST_LINE} bytes")
    import configparser

    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(data.decode("utf-8-sig", "surrogateescape"))
    except (configparser.Error, ValueError) as error:
        return _none(path, f"is not an INI file: {_line(error)}")
    return Read({name: dict(parser.items(name)) for name in parser.sections()}, True, ())


def read_yaml(context: BuildContext, path: str) -> Read:
    """Read the first document of a YAML file that holds a mapping; every scalar as a string.

    An alias is refused: nobody needs one here, and a few of them can stand for more values than
    any memory holds.
    """
    data = _bytes(context, path, _MOST_YAML_BYTES)
    if isinstance(data, Read):
        return data
    import yaml

    # libyaml's reader is in the package's wheels, but not in every distribution's build of it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    stack: list[tuple[Any, str | None]] = []
    top: list[Any] = []
    try:
        for event in yaml.parse(data, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                return _none(path, "has an alias")
            if isinstance(event, yaml.DocumentEndEvent):
                break
            if isinstance(event, yaml.CollectionEndEvent):
                value: Any = stack.pop()[0]
            elif isinstance(event, yaml.ScalarEvent):
                value = event.value
            elif isinstance(event, yaml.CollectionStartEvent):
                if len(stack) >= _DEEPEST:
                    return _none(path, f"is deeper than {_DEEPEST} levels")
                stack.append(({} if isinstance(event, yaml.MappingStartEvent) else [], None))
                continue
            else:
                continue
            _add(stack, top, value)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return _none(path, f"is not YAML: {_line(error)}")
    return Read(top[0], True, ()) if top and isinstance(top[0], dict) else _none(path, "is not a mapping")


def _add(stack: list[tuple[Any, str | None]], top: list[Any], value: Any) -> None:
    if not stack:
        top.append(value)
        return
    into, key = stack[-1]
    if isinstance(into, list):
        into.append(value)
    elif key is None:
        stack[-1] = (into, value if isinstance(value, str) else "")
    else:
        into[key] = value
        stack[-1] = (into, None)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def table(value: object) -> Table:
    """The value if it is a table, else an empty one."""
    return value if isinstance(value, dict) else {}


def inside(value: object, *keys: str) -> Any:
    """The value under a chain of keys; None where one of them is not there."""
    for key in keys:
        value = table(value).get(key)
    return value


def string(value: object) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def items(value: object) -> list[Any]:
    """The items of a list; a single value other than a table counts as a list of one."""
    if isinstance(value, list):
        return value
    return [] if value is None or isinstance(value, dict) else [value]


def strings(value: object) -> tuple[str, ...]:
    """The strings of a list, or the one string that stands instead of it."""
    return tuple(one for one in items(value) if isinstance(one, str))


def tables(value: object) -> tuple[Table, ...]:
    """The tables of a list, or the one table that stands instead of it."""
    return tuple(one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict))
