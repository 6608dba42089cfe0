"""stand-in"""

from __future__ import annotations

import functools
import os
import re
import tomllib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remedy:
    kind: str
    source: str
    flag: str = ""
    verbs: tuple[str, ...] = ()
    since: str = ""
    placement: str = "after-verb"
    too_old: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    command: str = ""


@dataclass(frozen=True, slots=True)
class PackageManager:
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
    moved_by_env: tuple[str, ...] = ()
    estimate_bytes: int = 0
    estimate_source: str = ""
    notes: str = ""
    remedies: tuple[Remedy, ...] = ()


@functools.lru_cache
def load() -> tuple[PackageManager, ...]:
    with open(os.path.join(os.path.dirname(__file__), "package_managers.toml"), "rb") as f:
        data = tomllib.load(f)

    def tup(v):
        return tuple(v) if isinstance(v, list) else v

    out = []
    for m in data["manager"]:
        r = tuple(Remedy(**{k: tup(v) for k, v in x.items()}) for x in m.pop("remedy", []))
        out.append(PackageManager(**{k: tup(v) for k, v in m.items()}, remedies=r))
    return tuple(out)


@functools.lru_cache(maxsize=1024)
def find(program: str) -> PackageManager | None:
    for m in load():
        if program in m.programs or (m.program_pattern and re.fullmatch(m.program_pattern, program)):
            return m
    return None
