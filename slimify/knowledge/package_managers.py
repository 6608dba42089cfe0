"""Package managers: how to recognise them, what they leave behind, and how to make them leave nothing.

`package_managers.toml` is the source and says what each field means; `package_managers.json` is
made from it by `scripts/compile_knowledge.py` and is what is read here, in a tenth of the time.
"""

from __future__ import annotations

import functools
import json
import os
import re
from typing import Any, NamedTuple


class KnowledgeError(ValueError):
    """A data file that does not say what it should."""


class Remedy(NamedTuple):
    """One way to leave no cache: an option (`flag`), the deletion of `paths`, or a `command`.

    `too_old` are base images whose packaged manager is older than `since` and does not know the
    flag. `{program}` in `command` is the program as the user calls it.
    """

    kind: str
    source: str
    flag: str = ""
    verbs: tuple[str, ...] = ()
    since: str = ""
    placement: str = "after-verb"
    too_old: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    command: str = ""


class CacheMount(NamedTuple):
    """A folder that a cache mount may lie over, and on which conditions; the TOML file explains the fields."""

    target: str
    sharing: str = ""
    id: str = ""
    images: tuple[str, ...] = ()
    built: bool = False
    builder: bool = False
    setup: str = ""
    env: tuple[str, ...] = ()
    too_old: tuple[str, ...] = ()


class PackageManager(NamedTuple):
    """One package manager. The fields are those of the TOML file, which explains them."""

    name: str
    title: str
    programs: tuple[str, ...] = ()
    program_pattern: str = ""
    python_modules: tuple[str, ...] = ()
    global_value_options: tuple[str, ...] = ()
    installs: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()
    refreshes: tuple[str, ...] = ()
    needs_index: tuple[str, ...] = ()
    offline_options: tuple[str, ...] = ()
    reuses: bool = False
    removes: tuple[str, ...] = ()
    cleans: tuple[str, ...] = ()
    cache_paths: tuple[str, ...] = ()
    disabled_by_options: tuple[str, ...] = ()
    disabled_by_env: tuple[str, ...] = ()
    moved_by_options: tuple[str, ...] = ()
    moved_by_env: tuple[str, ...] = ()
    tied_by_options: tuple[str, ...] = ()
    tied_by_env: tuple[str, ...] = ()
    harmless_options: tuple[str, ...] = ()
    cleaned_by: tuple[str, ...] = ()
    front_ends: tuple[str, ...] = ()
    database: str = ""
    estimate_bytes: int = 0
    estimate_source: str = ""
    notes: str = ""
    mounts: tuple[CacheMount, ...] = ()
    mount_source: str = ""
    remedies: tuple[Remedy, ...] = ()


def read(data: dict[str, Any]) -> tuple[PackageManager, ...]:
    """Turn the parsed data file into values.

    Raises `KnowledgeError`, naming the manager, for a key that does not exist or a missing one.
    """
    managers = []
    for entry in data["manager"]:
        fields = dict(entry)
        name = fields.get("name", "?")
        try:
            remedies = tuple(Remedy(**_tuples(one)) for one in fields.pop("remedy", []))
            mounts = tuple(CacheMount(**_tuples(one)) for one in fields.pop("mounts", []))
            managers.append(PackageManager(**_tuples(fields), mounts=mounts, remedies=remedies))
        except TypeError as error:
            raise KnowledgeError(f"package manager {name}: {error}") from None
    return tuple(managers)


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}


@functools.cache
def load() -> tuple[PackageManager, ...]:
    """All package managers, in the order of the file."""
    path = os.path.join(os.path.dirname(__file__), "package_managers.json")
    with open(path, encoding="utf-8") as file:
        return read(json.load(file))


@functools.cache
def _by_name() -> dict[str, PackageManager]:
    return {program: manager for manager in load() for program in manager.programs}


@functools.lru_cache(maxsize=1024)
def find(program: str) -> PackageManager | None:
    """The package manager that a program, named by its file name without folder, belongs to."""
    found = _by_name().get(program)
    if found is not None:
        return found
    for manager in load():
        if manager.program_pattern and re.fullmatch(manager.program_pattern, program):
            return manager
    return None
