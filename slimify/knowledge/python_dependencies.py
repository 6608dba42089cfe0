"""What packages of PyPI depend on. `python_dependencies.json` says where its facts come from.

A part of it is written by hand and holds for every version of a package. The greater part is read from lock
files (`scripts/read_lock_dependencies.py`), which tell it of single versions, old and new. What any of these
requires is taken for what all of them require from the oldest one on, those included that nobody saw: a project
seldom requires a package in a version between two that do without. Of what is older nothing is known.
"""

from __future__ import annotations

import functools
import json
import os
from typing import Any

from slimify.knowledge.language_packages import normalised


@functools.cache
def _data() -> dict[str, Any]:
    path = os.path.join(os.path.dirname(__file__), "python_dependencies.json")
    with open(path, encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


def dependencies(name: str, specifier: str = "") -> tuple[str, ...] | None:
    """The packages that a package of PyPI requires itself, without extras, in any of its versions.

    None: not known for all versions that the specifier allows, of which the newest is installed. Counted is what
    any Python 3 on Linux may have to install, a backport for old ones too.
    """
    key = normalised(name)
    by_hand: list[str] | None = _data()["by_hand"].get(key)
    locked: tuple[str, str, list[str]] | None = _data()["locked"].get(key)
    if locked is not None and (by_hand is not None or _allows_none_before(specifier, locked[0])):
        return tuple(sorted({*(by_hand or ()), *locked[2]}))
    return None if by_hand is None else tuple(by_hand)


def _allows_none_before(specifier: str, oldest: str) -> bool:
    """Whether the newest version that a specifier allows is not older than the oldest one that is known."""
    if not specifier:
        return True
    # Takes 50 ms to import: only where there is a version to compare.
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    try:
        wanted, least = SpecifierSet(specifier), Version(oldest)
        return wanted.contains(least, prereleases=True) or any(
            one.operator in ("==", "===", "~=", ">=", ">") and Version(one.version.removesuffix(".*")) >= least
            for one in wanted
        )
    except (InvalidSpecifier, InvalidVersion):
        return False
