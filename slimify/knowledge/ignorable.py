"""What build contexts hold that no image wants, and what may be a secret.

`ignorable.toml` is the source and says what each field means; `ignorable.json` is made from it by
`scripts/compile_knowledge.py`.
"""

from __future__ import annotations

import functools
import json
import os
from typing import Any, NamedTuple


class Ignorable(NamedTuple):
    """Patterns that keep one kind of thing out. The fields are those of the TOML file, which explains them."""

    patterns: tuple[str, ...]
    what: str
    mention: str
    source: str
    needs: str = ""
    marker: str = ""


class Secret(NamedTuple):
    """Patterns of files that should be in no image, and what they are."""

    patterns: tuple[str, ...]
    what: str


@functools.cache
def _data() -> dict[str, list[dict[str, Any]]]:
    path = os.path.join(os.path.dirname(__file__), "ignorable.json")
    with open(path, encoding="utf-8") as file:
        data: dict[str, list[dict[str, Any]]] = json.load(file)
    return data


def _tuples(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}


@functools.cache
def ignorable() -> tuple[Ignorable, ...]:
    """In the order of the file."""
    return tuple(Ignorable(**_tuples(entry)) for entry in _data()["entry"])


@functools.cache
def secrets() -> tuple[Secret, ...]:
    """In the order of the file."""
    return tuple(Secret(**_tuples(entry)) for entry in _data()["secret"])
