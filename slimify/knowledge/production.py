"""How package managers are told to leave development dependencies out. The data, with sources, is `production.toml`."""

from __future__ import annotations

import fnmatch
import functools
import json
import os
from typing import Any


@functools.cache
def facts() -> dict[str, Any]:
    """The parsed `production.json`."""
    with open(os.path.join(os.path.dirname(__file__), "production.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


def is_tool(package: str) -> bool:
    """Whether an npm package is a tool that nothing loads at run time but what names it."""
    return any(fnmatch.fnmatchcase(package, pattern) for pattern in facts()["node"]["tools"])


def node_major(reference: str) -> int | None:
    """The major version of Node in a tag of the official image; for a tag that moves, the least it can be."""
    from slimify.knowledge.images import describe

    image = describe(reference)
    if image is None or image.name != "node" or image.kind == "windows" or "onbuild" in image.tag:
        return None
    first = image.version.partition(".")[0]
    if first.isdecimal():
        return int(first)
    node = facts()["node"]
    word = image.tag.split("-")[0]
    known: int | None = node["codenames"].get(word, node["moving"].get(word))
    # A bare name of a release of Debian or Alpine (`node:bookworm`) is the newest version on it.
    return node["moving"]["latest"] if known is None and image.release in ("bookworm", "trixie") else known


def npm_flag(major: int) -> str | None:
    """The option of the npm that comes with a version of Node; None where that one is too old."""
    npm = facts()["manager"]["npm"]
    if major >= npm["since"]:
        return str(npm["flag"])
    return str(npm["older"]) if major >= npm["oldest"] else None
