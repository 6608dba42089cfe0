"""What images to build with and those to run on have of their distribution. The data is `run_packages.toml`."""

from __future__ import annotations

import functools
import json
import os
import re
from typing import Any

from slimify.knowledge.images import describe


@functools.cache
def _entries() -> tuple[dict[str, Any], ...]:
    with open(os.path.join(os.path.dirname(__file__), "run_packages.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return tuple(data["image"])


@functools.lru_cache(maxsize=256)
def installed(reference: str) -> frozenset[str] | None:
    """The packages that an image installs by name. None where that is not known.

    As the present Dockerfile has it; an old version of an image may have had a few more or fewer.
    """
    image = describe(reference)
    if image is None or image.kind == "windows":
        return None
    for entry in _entries():
        if image.name in entry["images"] and re.fullmatch(entry["tag"], image.tag):
            return frozenset(entry["packages"])
    return None
