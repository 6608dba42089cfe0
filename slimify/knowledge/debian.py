"""What Debian's packages hold, need and weigh, by release.

Made from the package indices (Packages and Contents) of main for amd64 by `scripts/debian_packages.py`; `source`
says of which day. Left out is what nobody builds images for, such as games, documentation, other machines'
compilers, the packages of Go, Rust and Haskell, and libraries that nothing in Debian uses: None says that a package,
or a release, is not known here, never that it does not exist.

A release is a code name, such as "bookworm". Sizes are bytes, from Installed-Size, which is an estimate in KiB
(Debian policy, 5.6.20). Each kind of fact is a file of its own, loaded when it is first asked for.
"""

from __future__ import annotations

import enum
import functools
import json
import os
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from slimify.knowledge.columns import unpack

RELEASES = ("bullseye", "bookworm", "trixie")
DEBIAN_SLIM = "debian-slim"


class Role(enum.Enum):
    """What people install a package for."""

    COMPILER = "compiler"
    HEADERS = "headers"
    BUILD_TOOL = "build tool"
    FETCH_TOOL = "fetch tool"
    LIBRARY = "library"
    PROGRAM = "program"
    FONT = "font"
    DOC = "documentation"
    META = "meta package"
    UNKNOWN = "unknown"


_BUILD = (Role.COMPILER, Role.HEADERS, Role.BUILD_TOOL)
_SECTIONS = {
    "libdevel": Role.HEADERS,
    "devel": Role.BUILD_TOOL,
    "libs": Role.LIBRARY,
    "oldlibs": Role.LIBRARY,
    "introspection": Role.LIBRARY,
    "fonts": Role.FONT,
    "doc": Role.DOC,
    "metapackages": Role.META,
    "tasks": Role.META,
    **dict.fromkeys(
        "admin comm database editors electronics games gnome graphics httpd interpreters kde mail math misc net news "
        "science shells sound tex text utils vcs video web x11 xfce".split(),
        Role.PROGRAM,
    ),
}


# -- which package is what --


def is_build_only(package: str) -> bool:
    """Whether a package is known to serve only while something is built: compilers, headers and build tools.

    Judged by the name, for every release: hand-written (`package_roles.json` names the sources), and the ending -dev,
    which Debian keeps for the files that only compiling and linking needs (Debian policy, 8.4). False where not known.
    """
    return _named_role(package) in _BUILD


def package_role(package: str, release: str) -> Role:
    """What a package is for: by its name where that is known, else by its section in the release.

    A section is what the archive says of a package, not a promise: `devel` holds debuggers and what drives them, too.
    """
    role = _named_role(package)
    if role is not None:
        return role
    names = _names(release)
    number = names.number.get(package) if names else None
    if names is None or number is None:
        return Role.UNKNOWN
    return _SECTIONS.get(names.sections[ord(names.section[number]) - ord("0")], Role.UNKNOWN)


@functools.lru_cache(maxsize=4096)
def _named_role(package: str) -> Role | None:
    for role, pattern in _role_patterns():
        if pattern.fullmatch(package):
            return role
    return None


@functools.cache
def _role_patterns() -> tuple[tuple[Role, re.Pattern[str]], ...]:
    return tuple(
        (Role(role), re.compile("|".join(patterns))) for role, patterns in _json("package_roles.json")["roles"].items()
    )


# -- libraries, programs --


def runtime_packages(dev_package: str, release: str) -> tuple[str, ...] | None:
    """The packages of the shared libraries that a program linked against a -dev package needs, sorted.

    Only those of the package itself, or of the -dev packages it stands for (default-libmysqlclient-dev): what they
    depend on in turn comes with them. Empty for what is headers only or static. The libraries of the C and C++
    compilers themselves are never named. Also knows virtual -dev packages that one package provides.
    """
    return _headers(release).get(dev_package)


def package_of_program(program: str, release: str) -> tuple[str, ...]:
    """The packages that bring a program, by its file name, into /usr/bin, /usr/sbin, /bin or /sbin.

    Programs that are links made at installation time (update-alternatives: `java`, `awk`, `nc`) are known for the
    popular ones, by the package that makes the link. Any of the packages will do. Empty where none is known.
    """
    alternatives = _json("debian_alternatives.json")["programs"].get(program) if release in RELEASES else None
    found = _by_number(release, _files(release)[0].get(program, ()))
    if alternatives:
        names = _names(release)
        found += tuple(one for one in alternatives if names and one in names.number and one not in found)
    return found


def package_of_library(soname: str, release: str) -> tuple[str, ...]:
    """The packages that bring a shared library, by its soname such as libpq.so.5. Empty where none is known."""
    return _by_number(release, _files(release)[1].get(soname, ()))


def contents(packages: Iterable[str], release: str) -> tuple[dict[str, str], dict[str, str]]:
    """The programs and the shared libraries (by soname) of some packages, each with the package that brings it."""
    wanted = set(packages)
    found: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for kind, table in zip(found, _files(release), strict=True):
        for name, numbers in table.items():
            kind.update((name, one) for one in _by_number(release, numbers) if one in wanted)
    return found


def packages_of_link(name: str, release: str) -> tuple[str, ...]:
    """The packages of the shared libraries that `-lNAME` may find: libNAME.so.1, or libNAME-1.2.so. Sorted."""
    wanted = re.compile(rf"lib{re.escape(name)}(?:-[\d.]+)?\.so(?:\.[\w.]+)?")
    numbers = [one for soname, found in _files(release)[1].items() if wanted.fullmatch(soname) for one in found]
    return tuple(sorted(set(_by_number(release, numbers))))


# -- sizes and dependencies --


def knows(package: str, release: str) -> bool:
    """Whether a package of this name is known in the release, virtual packages apart."""
    names = _names(release)
    return names is not None and package in names.number


def resolve(package: str, release: str) -> str | None:
    """The package that apt installs under a name: itself, or the only one that provides it.

    apt refuses a virtual package with several providers, so these, like unknown names, are None.
    """
    names, graph = _names(release), _graph(release)
    if names is None or graph is None:
        return None
    if package in names.number:
        return package
    providers = provides(package, release)
    return providers[0] if len(providers) == 1 else None


def provides(package: str, release: str) -> tuple[str, ...]:
    """The packages that provide a virtual package (Debian policy, 3.6), sorted. Empty where none is known."""
    graph = _graph(release)
    return () if graph is None else _by_number(release, map(int, graph.virtual.get(package, "").split()))


def installed_size(package: str, release: str) -> int | None:
    """The bytes that a package takes when it is installed, without what it depends on."""
    names, graph = _names(release), _graph(release)
    number = names.number.get(package) if names else None
    return None if graph is None or number is None else int(graph.kib[number]) * 1024


def depends(package: str, release: str) -> tuple[str, ...]:
    """What a package depends on itself; of alternatives the first. Sorted. Empty where it is not known."""
    names, graph = _names(release), _graph(release)
    number = names.number.get(package) if names else None
    if names is None or graph is None or number is None:
        return ()
    return tuple(sorted({names.names[int(word)] for word in graph.depends[number].split() if word != "?"}))


def recommends(package: str, release: str) -> tuple[str, ...]:
    """What apt installs with a package unless it is told --no-install-recommends; of alternatives the first. Sorted.

    apt does so for each package that it installs, so what a package depends on may have recommendations, too.
    """
    names, graph = _names(release), _graph(release)
    number = names.number.get(package) if names else None
    if names is None or graph is None or number is None:
        return ()
    words = graph.recommends[number].split()
    return tuple(sorted(word[1:] if word.startswith("=") else names.names[int(word)] for word in words))


def base_packages(release: str) -> frozenset[str] | None:
    """The packages of the image debian:RELEASE-slim: essential and required ones, apt, and what they depend on."""
    names = _names(release)
    return None if names is None else frozenset(names.names[number] for number in names.base)


def closure(packages: Iterable[str], release: str) -> frozenset[str] | None:
    """What is there after `apt-get install --no-install-recommends` beyond debian:RELEASE-slim.

    Of alternatives the first that exists is taken, as apt does, unless the image has another. None if a package is not
    known, or depends on something that is not in the release.
    """
    names, graph = _names(release), _graph(release)
    if names is None or graph is None:
        return None
    seen = set(names.base)
    todo = []
    for package in packages:
        resolved = resolve(package, release)
        if resolved is None:
            return None
        todo.append(names.number[resolved])
    while todo:
        number = todo.pop()
        if number in seen:
            continue
        seen.add(number)
        words = graph.depends[number].split()
        if "?" in words:
            return None
        todo += map(int, words)
    return frozenset(names.names[number] for number in seen - names.base)


def closure_size(packages: Iterable[str], release: str, base: str = DEBIAN_SLIM) -> int | None:
    """The bytes that installing packages without Recommends adds to an image.

    None where `closure` is None, and for every other `base` than debian-slim.
    Debian's slim images drop documentation and manual pages as they install, so the truth is a little less.
    """
    added = closure(packages, release) if base == DEBIAN_SLIM else None
    graph, names = _graph(release), _names(release)
    if added is None or graph is None or names is None:
        return None
    return sum(int(graph.kib[names.number[one]]) for one in added) * 1024


def source(release: str) -> str | None:
    """Which indices the facts on a release were made from, and of which day."""
    names = _names(release)
    return None if names is None else names.source


# -- loading --


class _Names(NamedTuple):
    """Packages, sorted; everything else names them by their place here."""

    names: list[str]
    number: dict[str, int]
    sections: list[str]
    section: str
    base: frozenset[int]
    source: str


class _Graph(NamedTuple):
    """By a package's number: text, taken apart when it is asked for."""

    kib: list[str]
    depends: list[str]
    recommends: list[str]
    virtual: dict[str, str]


def _columns(release: str, kind: str) -> dict[str, list[str]]:
    with open(os.path.join(os.path.dirname(__file__), f"debian-{release}.{kind}.xz"), "rb") as file:
        return unpack(file.read())


@functools.cache
def _json(name: str) -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


@functools.cache
def _names(release: str) -> _Names | None:
    if release not in RELEASES:
        return None
    columns = _columns(release, "names")
    names = columns["names"]
    return _Names(
        names,
        {name: number for number, name in enumerate(names)},
        columns["sections"],
        columns["section"][0],
        frozenset(map(int, columns["base"][0].split())),
        columns["source"][0],
    )


@functools.cache
def _graph(release: str) -> _Graph | None:
    if release not in RELEASES:
        return None
    columns = _columns(release, "graph")
    virtual = dict(zip(columns["virtual"], columns["providers"], strict=True))
    return _Graph(columns["kib"], columns["depends"], columns["recommends"], virtual)


@functools.cache
def _files(release: str) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Programs and sonames, with the numbers of the packages that bring them."""
    programs: dict[str, list[int]] = {}
    sonames: dict[str, list[int]] = {}
    names = _names(release)
    if names is None:
        return programs, sonames
    columns = _columns(release, "files")
    for number, line in enumerate(columns["programs"]):
        if line:
            for word in line.split(" "):
                programs.setdefault(names.names[number] if word == "~" else word, []).append(number)
    for number, line in enumerate(columns["sonames"]):
        if line:
            name = names.names[number]
            for word in line.split(" "):
                # The first character counts what the soname has in common with the package's name.
                sonames.setdefault(name[: ord(word[0]) - 48] + word[1:], []).append(number)
    return programs, sonames


@functools.cache
def _headers(release: str) -> dict[str, tuple[str, ...]]:
    if release not in RELEASES:
        return {}
    columns = _columns(release, "headers")
    return {name: tuple(text.split()) for name, text in zip(columns["names"], columns["libraries"], strict=True)}


def _by_number(release: str, numbers: Iterable[int]) -> tuple[str, ...]:
    names = _names(release)
    return () if names is None else tuple(names.names[number] for number in numbers)
