"""About how many bytes packages of npm take when they are installed. The data, with its date, is `node_sizes.json`."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable
from typing import Any


@functools.cache
def _data() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "node_sizes.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


def installed_bytes(names: Iterable[str]) -> int:
    """The bytes of these packages together: as they were measured, others as the median of all that were."""
    sizes, median = _data()["packages"], _data()["median"]
    return sum(int(sizes.get(name, median)) for name in names)


def tree_bytes(names: Iterable[str]) -> int:
    """The least that packages take with all that they require: the largest of them, as far as that was measured."""
    trees = _data()["trees"]
    return max((int(trees.get(name, 0)) for name in names), default=0)
