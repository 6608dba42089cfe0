"""Packages of PyPI, npm and RubyGems: what they need to be built, and what from the system to run.

`python_packages.toml`, `node_packages.toml`, `ruby_packages.toml` and `system_packages.toml` are the
sources and say what each field means; the JSON files made from them by `scripts/compile_knowledge.py`
are what is read here, each when it is first asked for. A package that no file names is unknown: None.
"""

from __future__ import annotations

import functools
import json
import os
import re
from typing import Any, NamedTuple


class KnowledgeError(ValueError):
    """A data file that does not say what it should."""


class Library(NamedTuple):
    """A shared library, by the sonames that different releases give it; a system has one of them.

    `packages` are the Debian and Ubuntu packages that bring one of the sonames, newest release first.
    A release has one or none of them. Empty: no distribution packages it.
    """

    sonames: tuple[str, ...]
    packages: tuple[str, ...]


class Program(NamedTuple):
    """A program, by the names of which one is enough, and the Debian packages that bring one of them."""

    names: tuple[str, ...]
    packages: tuple[str, ...]


class Data(NamedTuple):
    """What a command fetches or generates outside the package, as a rule while the image is built.

    `command` is a part of a command or of a Python source; `install` means the package's own install
    script. `path` is where it goes by default, `~` being the home of the user who runs it, a path
    without `~` or `/` being relative to the project. `env` is the variable that moves it, if there is one.
    """

    command: str
    path: str
    env: str = ""


class PythonPackage(NamedTuple):
    """A package of PyPI.

    `name` is normalised as PEP 503 says. `kind` is `pure` (no compiled code), `wheels` (PyPI has binary
    wheels for Linux; `wheel_available` says where that is known) or `source` (each installation
    compiles). `wheels_since` is the first version with wheels for glibc on x86_64, where it is recorded.
    `build_needs` are the Debian packages of a build from source, `run_libraries` what must be there at run
    time however it was installed, `source_libraries` what must be there besides if it was built from source.
    `run_programs` are programs it may call, some for a part of its functions only. `scripts` are its console
    scripts, `servers` those that serve. `development_only`: no production run imports it. `source` says who says so.
    """

    name: str
    kind: str
    source: str
    import_names: tuple[str, ...] = ()
    wheels_since: str = ""
    build_needs: tuple[str, ...] = ()
    run_libraries: tuple[Library, ...] = ()
    source_libraries: tuple[Library, ...] = ()
    run_programs: tuple[Program, ...] = ()
    scripts: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    development_only: bool = False
    data: tuple[Data, ...] = ()


class NodePackage(NamedTuple):
    """A package of npm.

    `kind` is that of the newest version: `pure` (JavaScript or WebAssembly), `bundled` (binaries lie in
    registry packages), `downloaded` (an install script fetches a binary, and builds where there is none)
    or `compiled` (built at installation). `kind_before` are pairs of a version and the kind that all versions
    before it had, or that an earlier pair does not cover. `libcs` are the C libraries, `glibc` and `musl`, for
    which binaries are offered. The other fields are those of `PythonPackage`.
    """

    name: str
    kind: str
    source: str
    kind_before: tuple[tuple[str, str], ...] = ()
    libcs: tuple[str, ...] = ()
    build_needs: tuple[str, ...] = ()
    run_libraries: tuple[Library, ...] = ()
    source_libraries: tuple[Library, ...] = ()
    run_programs: tuple[Program, ...] = ()
    scripts: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    development_only: bool = False
    data: tuple[Data, ...] = ()


class RubyGem(NamedTuple):
    """A gem of RubyGems.

    `kind` is `pure`, `precompiled` (there are gems with the binary in them, since `precompiled_since` where
    that is recorded, for the C libraries `libcs`) or `extension` (compiled at installation).
    `requires` are the names `require` loads it by. The other fields are those of `PythonPackage`.
    """

    name: str
    kind: str
    source: str
    requires: tuple[str, ...] = ()
    precompiled_since: str = ""
    libcs: tuple[str, ...] = ()
    build_needs: tuple[str, ...] = ()
    run_libraries: tuple[Library, ...] = ()
    source_libraries: tuple[Library, ...] = ()
    run_programs: tuple[Program, ...] = ()
    scripts: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    development_only: bool = False
    data: tuple[Data, ...] = ()


def normalised(name: str) -> str:
    """The one spelling of a PyPI package's name (PEP 503), without extras."""
    return re.sub(r"[-_.]+", "-", name.partition("[")[0].strip()).lower()


def python_package(name: str) -> PythonPackage | None:
    """What is known of a package of PyPI, however its name is spelled. None: nothing."""
    entry = _python().get(normalised(name))
    return _python_value(entry["name"]) if entry is not None else None


def python_imports(module: str) -> tuple[PythonPackage, ...]:
    """All packages that bring a module, by its first part: `google.cloud` may be any that brings `google`."""
    names = _python_by_import().get(module.partition(".")[0], ())
    return tuple(_python_value(name) for name in names)


def python_import(module: str) -> PythonPackage | None:
    """The one package known to bring a module. None: no known one, or several (cv2, google, azure)."""
    found = python_imports(module)
    return found[0] if len(found) == 1 else None


def node_package(name: str) -> NodePackage | None:
    """What is known of a package of npm. None: nothing."""
    entry = _entries("node_packages").get(name)
    return None if entry is None else NodePackage(**_values("npm package", entry, {"kind_before"}))


def ruby_gem(name: str) -> RubyGem | None:
    """What is known of a gem. None: nothing."""
    entry = _entries("ruby_packages").get(name)
    if entry is None:
        return None
    fields = {"requires": [name.replace("-", "/")], **entry}
    return RubyGem(**_values("gem", fields))


def library(sonames: str) -> Library:
    """A library by its soname, or by several with `|` between them. Without packages: none is known."""
    names = tuple(sonames.split("|"))
    table = _read("system_packages")["libraries"]
    return Library(names, tuple(dict.fromkeys(package for name in names for package in table.get(name, ()))))


def program(names: str) -> Program:
    """A program by its name, or by several with `|` between them. Without packages: none is known."""
    each = tuple(names.split("|"))
    table = _read("system_packages")["programs"]
    return Program(each, tuple(dict.fromkeys(package for name in each for package in table.get(name, ()))))


_OLDEST = {"glibc": (2, 28), "musl": (1, 2)}
_LETTER = {"glibc": "g", "musl": "m"}
_MACHINE = {"x86_64": "x", "amd64": "x", "aarch64": "a", "arm64": "a"}


def wheel_available(name: str, version: str, python_minor: int, libc: str, arch: str) -> bool | None:
    """Whether pip finds a wheel of one version for CPython 3.`python_minor`; None if that is not recorded.

    `libc` is `glibc` or `musl`, with a version if it is known (`glibc 2.36`). Without one the oldest is
    assumed that an image still in use has: 2.28 and 1.2. `arch` is x86_64 or aarch64, or what Docker
    calls them, amd64 and arm64. A version stands for itself alone: nothing is derived for its neighbours.
    False does not mean that a compiler is needed: a source distribution of kind `pure` needs none.
    """
    text = _read("python_wheels")["packages"].get(normalised(name), {}).get(version.strip())
    family, _, number = libc.partition(" ")
    if text is None or family not in _LETTER:
        return None
    asked, *places = text.split(";")
    if arch not in _MACHINE:
        return True if any(place.startswith("*:") and _fits(place[2:], python_minor) for place in places) else None
    has = _number(number) if number else _OLDEST[family]
    newer = False
    for place in places:
        tag, _, minors = place.partition(":")
        if not _fits(minors, python_minor):
            continue
        if tag == "*":
            return True
        if tag[:2] == _LETTER[family] + _MACHINE[arch]:
            wants = _number(tag[2:])
            if has is not None and wants is not None and wants <= has:
                return True
            newer = True
    if newer and not number:
        return None
    first, dash, last = asked.partition("-")
    whole = bool(dash) and int(first) <= python_minor <= int(last)
    return False if whole else None


def recorded_versions(name: str) -> tuple[str, ...]:
    """The versions of a package of PyPI whose wheels are recorded, in no order."""
    return tuple(_read("python_wheels")["packages"].get(normalised(name), {}))


def _number(text: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d{1,3})\.(\d{1,3})(?:\.\d+)?", text.strip(), re.ASCII)
    return (int(found[1]), int(found[2])) if found else None


def _fits(minors: str, minor: int) -> bool:
    return any(minor >= int(one[:-1]) if one.endswith("+") else minor == int(one) for one in minors.split(","))


@functools.cache
def _read(name: str) -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), f"{name}.json"), encoding="utf-8") as file:
        data = json.load(file)
    if not isinstance(data, dict):
        raise KnowledgeError(f"{name}: not a table")
    return data


@functools.cache
def _entries(file: str) -> dict[str, dict[str, Any]]:
    """The entries of a file by name, groups taken apart."""
    data = _read(file)
    found: dict[str, dict[str, Any]] = {}
    for kind, groups in (("pure", data["plain"]), ("wheels", data.get("bundled", ()))):
        for group in groups:
            shared = {key: value for key, value in group.items() if key in ("source", "development_only")}
            for name in group["names"]:
                entry = {"name": name, "kind": kind, **shared}
                if name in group.get("imports", ()):
                    entry["imports"] = group["imports"][name]
                build = group.get("build", {}).get(name, {})
                entry |= {_BUILD[key]: value for key, value in build.items()}
                found[name] = entry
    found.update((entry["name"], entry) for entry in data["package"])
    return found


_BUILD = {"needs": "build_needs", "libraries": "source_libraries"}


def _python() -> dict[str, dict[str, Any]]:
    return _entries("python_packages")


@functools.lru_cache(maxsize=512)
def _python_value(name: str) -> PythonPackage:
    fields = dict(_python()[name])
    fields["import_names"] = fields.pop("imports", [name.replace("-", "_")])
    return PythonPackage(**_values("Python package", fields))


@functools.cache
def _python_by_import() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, entry in _python().items():
        for module in entry.get("imports", [name.replace("-", "_")]):
            found[module] = (*found.get(module, ()), name)
    return found


_FIELDS = {
    "Python package": frozenset(PythonPackage._fields),
    "npm package": frozenset(NodePackage._fields),
    "gem": frozenset(RubyGem._fields),
}
_READERS: dict[str, Any] = {
    "run_libraries": library,
    "source_libraries": library,
    "run_programs": program,
    "data": lambda fields: Data(**fields),
}


def _values(what: str, entry: dict[str, Any], tables: set[str] | frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields of an entry as values. Raises `KnowledgeError` for a key that no value has."""
    wrong = entry.keys() - _FIELDS[what]
    if wrong:
        raise KnowledgeError(f"{what} {entry.get('name', '?')}: unknown key {', '.join(sorted(wrong))}")
    values: dict[str, Any] = {}
    for key, value in entry.items():
        if key in tables:
            values[key] = tuple(value.items())
        elif isinstance(value, list):
            reader = _READERS.get(key)
            values[key] = tuple(reader(one) if reader else one for one in value)
        else:
            values[key] = value
    return values
