"""What packages of PyPI depend on. `python_dependencies.json` is written by hand and says where its facts come from."""

from __future__ import annotations

import functools
import json
import os

from slimify.knowledge.language_packages import normalised


@functools.cache
def _requires() -> dict[str, list[str]]:
    path = os.path.join(os.path.dirname(__file__), "python_dependencies.json")
    with open(path, encoding="utf-8") as file:
        requires: dict[str, list[str]] = json.load(file)["requires"]
    return requires


def dependencies(name: str) -> tuple[str, ...] | None:
    """The packages that a package of PyPI requires itself, without extras, in any of its versions. None: not known."""
    found = _requires().get(normalised(name))
    return None if found is None else tuple(found)
