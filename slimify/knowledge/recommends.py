"""Recommended packages that are known to be used by those who install a package (Debian policy, 7.2)."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable


@functools.cache
def _table() -> dict[str, dict[str, list[str]]]:
    with open(os.path.join(os.path.dirname(__file__), "recommends.json"), encoding="utf-8") as file:
        table: dict[str, dict[str, list[str]]] = json.load(file)
    return table


def wanted_with(packages: Iterable[str]) -> dict[str, tuple[str, str]]:
    """For a list of packages: what else to install by name, with the reason and the source of it."""
    return {name: (why, source) for package in packages for name, (why, source) in _table().get(package, {}).items()}
