"""YAML as hostile repositories may write it: bounded in size, in depth, and in what its aliases stand for.

Every scalar is a string that knows its line, null is None. Merge keys (`<<`) are merged; other tags are passed over.
Source: YAML 1.2, chapter 3; the YAML 1.1 "merge" type, which every tool here still reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

LIMIT = 512_000
"""The longest text that is read, in characters."""
_DEEPEST = 60
# How many values the aliases may stand for, all told.
_MOST_VALUES = 200_000
_FRACTION = re.compile(r"-?\d{1,10}\.\d{1,10}")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})


class Scalar(str):
    """A string of a YAML file, with its line, counted from 1."""

    line: int = 0

    @classmethod
    def of(cls, text: str, line: int) -> Scalar:
        """The text with its line."""
        made = cls(text)
        made.line = line
        return made


class YamlError(ValueError):
    """A text that is no YAML, or more than anybody needs. `line` counts from 1, 0 if unknown."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


def line_of(value: object, otherwise: int = 0) -> int:
    """The line of a value: of a scalar its own, of a table that of its first key."""
    if isinstance(value, Scalar):
        return value.line
    if isinstance(value, dict | list) and value:
        return line_of(next(iter(value)), otherwise)
    return otherwise


def load(text: str) -> list[Any]:
    """The documents of a YAML text. Raises `YamlError`."""
    if len(text) > LIMIT:
        raise YamlError(f"is longer than {LIMIT} characters")
    # libyaml's reader is in the package's wheels, but not in every distribution's build of it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # A lone surrogate, which decoding leaves for a byte that is not UTF-8, is none of YAML's characters.
    plain = text.encode("utf-8", "replace").decode("utf-8")
    try:
        return list(_Reader(yaml.parse(plain, Loader=loader)).documents())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or type(error).__name__
        raise YamlError(f"is not YAML: {said}", mark.line + 1 if mark is not None else 0) from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, YamlError):
            raise
        raise YamlError(f"is not YAML: {type(error).__name__}") from None


def _number(text: str) -> str:
    """The text, of a decimal fraction as its number is written again: `1.10` is no version to these tools, but 1.1."""
    if not _FRACTION.fullmatch(text):
        return text
    return text.rstrip("0").rstrip(".")


class _Reader:
    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self.events = events
        self.anchors: dict[str | None, Any] = {}
        # How many values each list or table stands for. They are kept alive by the anchors and the document.
        self.sizes: dict[int, int] = {}

    def documents(self) -> Iterator[Any]:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors = {}
                yield self.value(next(self.events), 0)

    def value(self, event: yaml.Event, depth: int) -> Any:
        line = event.start_mark.line + 1 if event.start_mark is not None else 0
        if depth > _DEEPEST:
            raise YamlError(f"is deeper than {_DEEPEST} levels", line)
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise YamlError("has an alias of what is not there, or not complete", line)
            return self.anchors[event.anchor]
        made: Any
        if isinstance(event, yaml.ScalarEvent):
            bare = event.implicit[0] and event.style in (None, "")
            text = _number(event.value) if bare else event.value
            made = None if bare and text in _NULL else Scalar.of(text, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            made = self.sequence(depth)
            self.count(made, made, line)
        else:
            made = self.mapping(depth)
            self.count(made, made.values(), line)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self.anchors[anchor] = made
        return made

    def sequence(self, depth: int) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.value(event, depth + 1))
        return found

    def mapping(self, depth: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: list[Any] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.value(event, depth + 1)
            value = self.value(next(self.events), depth + 1)
            if key == "<<":
                merged += value if isinstance(value, list) else [value]
            elif isinstance(key, str):
                own[key] = value
        if not merged:
            return own
        found: dict[str, Any] = {}
        for one in reversed(merged):  # the first of several that are merged wins
            if isinstance(one, dict):
                found.update(one)
        # A key keeps the line where it stands first; that of the table itself is the right one.
        return {**{key: value for key, value in found.items() if key not in own}, **own}

    def count(self, made: Any, inner: Any, line: int) -> None:
        size = 1 + sum(self.sizes[id(one)] if isinstance(one, list | dict) else 1 for one in inner)
        if size > _MOST_VALUES:
            raise YamlError(f"stands for more than {_MOST_VALUES} values", line)
        self.sizes[id(made)] = size
