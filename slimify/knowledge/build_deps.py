"""What only serves to build, what it leaves behind, and what builds again when the image runs.

`build_deps.json` is written by hand and names its sources. What -dev packages stand for is in `debian` and
`other_headers`.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from slimify.knowledge.other_headers import alpine_runtime_packages


class Facts(NamedTuple):
    """`busybox` are programs of Alpine's base image, `alpine_programs` those whose package has another name.

    `alpine_compilers` and `alpine_tools` are packages of Alpine, the latter without libraries of their own.
    `alpine_libraries` maps the beginnings of sonames to packages, an empty name for those of the base image.
    `alpine_brought` are the libraries of compilers that an image on Alpine has by itself.
    `debian_c` matches packages of headers that stand for no library that could be missing.
    `debian_compilers` maps packages to the libraries that come with them alone and that their output may be linked
    with. `recompiling` are packages of PyPI that start a compiler when they are used, `recompiles` matches sources
    that do, and `finds_libraries` sources that look for a library by its name.
    """

    busybox: frozenset[str]
    alpine_programs: Mapping[str, tuple[str, ...]]
    alpine_compilers: frozenset[str]
    alpine_tools: frozenset[str]
    alpine_libraries: Mapping[str, str]
    alpine_brought: Mapping[str, tuple[str, ...]]
    debian_c: re.Pattern[str]
    debian_compilers: Mapping[str, tuple[str, ...]]
    recompiling: frozenset[str]
    recompiles: re.Pattern[str]
    finds_libraries: re.Pattern[str]


@functools.cache
def facts() -> Facts:
    """The facts, read once."""
    with open(os.path.join(os.path.dirname(__file__), "build_deps.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    programs, libraries = data["alpine_programs"], data["alpine_libraries"]
    return Facts(
        busybox=frozenset(programs["busybox"].split()),
        alpine_programs={name: tuple(names) for name, names in programs["others"].items()},
        alpine_compilers=frozenset(data["alpine_compilers"]["packages"]),
        alpine_tools=frozenset(data["alpine_tools"]["packages"]),
        alpine_libraries={**dict.fromkeys(libraries["base"], ""), **libraries["packages"]},
        alpine_brought={name: tuple(names) for name, names in data["alpine_brought"]["images"].items()},
        debian_c=re.compile(data["debian_c"]["packages"]),
        debian_compilers={name: tuple(names) for name, names in data["debian_compilers"]["packages"].items()},
        recompiling=frozenset(data["compile_at_run_time"]["python"]),
        recompiles=re.compile(data["compile_at_run_time"]["sources"]),
        finds_libraries=re.compile(data["find_library"]["sources"]),
    )


def is_alpine_build_only(package: str) -> bool:
    """Whether a package of Alpine is known to serve only while something is built."""
    known = facts()
    return package in known.alpine_tools or package in known.alpine_compilers or package.endswith("-dev")


def left_by_alpine(package: str, release: str | None) -> tuple[str, ...] | None:
    """The packages that must stay when one that builds goes again; None where not known.

    `release` is Alpine's, as in 3.20.
    """
    known = facts()
    if package in known.alpine_tools:
        return ()
    if package == "gfortran":
        return ("libgfortran",)
    return alpine_runtime_packages(package, release)
