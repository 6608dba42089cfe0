"""Which libraries the -dev packages of Ubuntu and Alpine stand for: the common ones, written by hand.

`other_headers.json` names the sources. Debian's are in `slimify.knowledge.debian`, made from its indices.
"""

from __future__ import annotations

import functools
import json
import os
from typing import Any

UBUNTU_RELEASES = ("focal", "jammy", "noble")


def ubuntu_runtime_packages(dev_package: str, release: str) -> tuple[str, ...] | None:
    """The run-time packages of a program linked against a -dev package, by Ubuntu's code name; None where not known."""
    libraries = _table()["ubuntu"].get(release, {}).get(dev_package)
    return None if libraries is None else tuple(libraries)


def alpine_runtime_packages(dev_package: str, release: str | None = None) -> tuple[str, ...] | None:
    """The run-time packages of what was built with a package of Alpine; None where not known.

    Also of compilers: Alpine's base image has no libstdc++ and no libgcc. Empty where nothing is needed. `release` is
    as in alpine:3.20; without it what changed its name between releases is not known (openssl-dev).
    """
    entry = _table()["alpine"].get(dev_package)
    if entry is None or (len(entry) > 2 and _version(release) < _version(entry[2])):
        return None
    return tuple(entry[0])


def alpine_least_bytes(package: str) -> int:
    """What a compiler of Alpine takes at least, with what it requires; 0 where that is not known."""
    found: int = _table()["alpine_least_bytes"].get(package, [0])[0]
    return found


def _version(release: str | None) -> tuple[int, ...]:
    parts = (release or "").split(".")
    return (
        tuple(map(int, parts)) if all(part.isascii() and part.isdecimal() and len(part) < 6 for part in parts) else ()
    )


@functools.cache
def _table() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "other_headers.json"), encoding="utf-8") as file:
        table: dict[str, Any] = json.load(file)
    return table
