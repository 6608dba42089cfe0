"""Which C library a Rust crate links, and when it brings that library itself."""

from __future__ import annotations

import functools
import json
import os
from typing import NamedTuple


class SysCrate(NamedTuple):
    """`library` is the name behind `-l`. `vendored_by` are crates, `features` are `crate/feature`, that build it in."""

    library: str
    how: str
    vendored_by: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


@functools.cache
def load() -> dict[str, SysCrate]:
    """All known crates by name."""
    path = os.path.join(os.path.dirname(__file__), "rust_crates.json")
    with open(path, encoding="utf-8") as file:
        crates = json.load(file)["crates"]
    return {
        name: SysCrate(one["library"], one["how"], tuple(one.get("vendored_by", ())), tuple(one.get("features", ())))
        for name, one in crates.items()
    }
