"""Which npm package installs a command that is called otherwise than the package."""

from __future__ import annotations

import functools
import json
import os


@functools.cache
def load() -> dict[str, str]:
    """Package by command; commands that are called like their package are left out."""
    path = os.path.join(os.path.dirname(__file__), "node_programs.json")
    with open(path, encoding="utf-8") as file:
        programs: dict[str, str] = json.load(file)["programs"]
    return programs
