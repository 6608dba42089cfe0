"""What packages of Alpine Linux that people build with are good for. The data, with its source, is `alpine.json`."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable
from typing import Any

from slimify.knowledge.other_headers import alpine_runtime_packages


@functools.cache
def _data() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "alpine.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


def is_build_only(package: str) -> bool:
    """Whether a package is known to serve only while something is built. False where not known."""
    return package in _data()["build"] or package.endswith("-dev")


def runtime_packages(package: str, release: str | None) -> tuple[str, ...] | None:
    """What an image of node lacks of the libraries that go with a -dev package; None where that is not known.

    `release` is as in alpine:3.20.
    """
    if not package.endswith("-dev") or package.startswith("python"):
        return ()
    found = alpine_runtime_packages(package, release)
    return None if found is None else tuple(one for one in found if one not in _data()["node"])


def programs(package: str) -> frozenset[str]:
    """The programs that a package brings, with what it depends on: its own name where nothing else is known."""
    return frozenset(_data()["programs"].get(package, [package]))


def installed_bytes(packages: Iterable[str]) -> int:
    """About how many bytes packages take at least, with what they depend on and share."""
    sizes = _data()["sizes"]
    return max((int(sizes.get(one, 0)) for one in packages), default=0)
