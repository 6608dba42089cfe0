"""Programs that install the packages of a Python application: how large they are, and which packages they bring along.

The data is `python_installers.json`, which says where its facts come from.
"""

from __future__ import annotations

import functools
import json
import os
from typing import NamedTuple

from slimify.knowledge.language_packages import normalised


class Installer(NamedTuple):
    """A program from PyPI: the bytes that it takes with all it requires, 0 where that is not known, and their names."""

    name: str
    bytes: int
    brings: frozenset[str]


@functools.cache
def installers() -> dict[str, Installer]:
    """All installers that are known, by the name of their package."""
    path = os.path.join(os.path.dirname(__file__), "python_installers.json")
    with open(path, encoding="utf-8") as file:
        data = json.load(file)["installers"]
    return {name: Installer(name, one["bytes"], frozenset(one["brings"].split())) for name, one in data.items()}


def installer(name: str) -> Installer | None:
    """What is known of an installer, however its name is spelled. None: nothing."""
    return installers().get(normalised(name))
