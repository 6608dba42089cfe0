"""Whether pip and its like can install a wheel: by its name (PEP 427, PEP 425, PEP 600, PEP 656)."""

from __future__ import annotations

import re
from collections.abc import Iterable

# PEP 513, 571 and 599: the old names of the first three.
_OLD = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_PLATFORM = re.compile(r"(manylinux|musllinux)_(\d{1,3})_(\d{1,3})_(\w+)")


def installable(files: Iterable[str], minor: int, libc: str, arch: str) -> bool:
    """Whether one of the files is a wheel for CPython 3.`minor` on Linux.

    `libc` is `glibc` or `musl` with its version, as in `glibc 2.36`; `arch` is x86_64 or aarch64.
    """
    return any(_fits(name, minor, libc, arch) for name in files if name.endswith(".whl"))


def for_linux(files: Iterable[str]) -> bool:
    """Whether anything among the files can be installed on Linux at all: a source archive, or a wheel that says so."""
    return any(not name.endswith(".whl") or re.search(r"-any\.whl|linux", name) for name in files)


def _fits(name: str, minor: int, libc: str, arch: str) -> bool:
    parts = name.removesuffix(".whl").split("-")
    if len(parts) not in (5, 6):
        return False
    interpreters, abis, platforms = (part.split(".") for part in parts[-3:])
    return (
        any(_platform(one, libc, arch) for one in platforms)
        and any(_abi(one, minor) for one in abis)
        and any(_interpreter(one, minor, "abi3" in abis or abis == ["none"]) for one in interpreters)
    )


def _interpreter(tag: str, minor: int, any_later: bool) -> bool:
    match = re.fullmatch(r"(py|cp)3(\d{1,3})?", tag)
    if match is None:
        return False
    if match[2] is None:
        return match[1] == "py"
    return int(match[2]) == minor or (int(match[2]) < minor and (any_later or match[1] == "py"))


def _abi(tag: str, minor: int) -> bool:
    # Up to 3.7 the ABI had an `m` at its end.
    return tag in ("none", "abi3", f"cp3{minor}") or (minor < 8 and tag == f"cp3{minor}m")


def _platform(tag: str, libc: str, arch: str) -> bool:
    if tag == "any":
        return True
    for old, version in _OLD.items():
        if tag == f"{old}_{arch}":
            tag = f"manylinux_{version[0]}_{version[1]}_{arch}"
    match = _PLATFORM.fullmatch(tag)
    family, _, number = libc.partition(" ")
    if match is None or match[4] != arch or match[1] != {"glibc": "manylinux", "musl": "musllinux"}.get(family):
        return False
    has = tuple(int(part) for part in number.split("."))
    return (int(match[2]), int(match[3])) <= has[:2]
