"""What packages of Alpine Linux that people build with are good for. The data, with its source, is `alpine.json`."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable
from typing import Any


@functools.cache
def _data() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "alpine.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


def is_build_only(package: str) -> bool:
    """Whether a package is known to serve only while something is built. False where not known."""
    return package in _data()["build"] or package.endswith("-dev")


def runtime_packages(package: str) -> tuple[str, ...] | None:
    """The packages with the libraries that what was linked against a -dev package loads; None where not known.

    Empty where every image of node on Alpine has them.
    """
    data = _data()
    if not package.endswith("-dev") or package in data["no_library"]:
        return ()
    found = data["libraries"].get(package)
    return None if found is None else tuple(found)


def programs(package: str) -> frozenset[str]:
    """The programs that a package brings, with what it depends on: its own name where nothing else is known."""
    return frozenset(_data()["programs"].get(package, [package]))


def installed_bytes(packages: Iterable[str]) -> int:
    """About how many bytes packages take at least, with what they depend on and share."""
    sizes = _data()["sizes"]
    return max((int(sizes.get(one, 0)) for one in packages), default=0)
