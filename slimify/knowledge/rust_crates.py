"""Which C library a Rust crate links, and when it brings that library itself."""

from __future__ import annotations

import functools
import json
import os
from typing import Any, NamedTuple


class SysCrate(NamedTuple):
    """`library` is the name behind `-l`, empty where `how` is none.

    `vendored_by` are crates, `features` are `crate/feature`, that build it in.
    """

    library: str
    how: str
    vendored_by: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


@functools.cache
def _data() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "rust_crates.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


def dev_package(library: str) -> str | None:
    """The Debian package that a build against a library of the system needs, by the name behind `-l`."""
    found: str | None = _data()["libraries"].get(library)
    return found


@functools.cache
def load() -> dict[str, SysCrate]:
    """All known crates by name."""
    crates = _data()["crates"]
    return {
        name: SysCrate(one["library"], one["how"], tuple(one.get("vendored_by", ())), tuple(one.get("features", ())))
        for name, one in crates.items()
    }
