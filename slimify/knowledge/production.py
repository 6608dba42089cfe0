"""How package managers are told to leave development dependencies out. The data, with sources, is `production.toml`."""

from __future__ import annotations

import fnmatch
import functools
import json
import os
import re
from typing import Any, NamedTuple


@functools.cache
def facts() -> dict[str, Any]:
    """The parsed `production.json`."""
    with open(os.path.join(os.path.dirname(__file__), "production.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


def is_tool(package: str) -> bool:
    """Whether an npm package is a tool that nothing loads at run time but what names it."""
    return any(fnmatch.fnmatchcase(package, pattern) for pattern in facts()["node"]["tools"])


def node_major(reference: str) -> int | None:
    """The major version of Node in a tag of the official image; for a tag that moves, the least it can be."""
    from slimify.knowledge.images import describe

    image = describe(reference)
    if image is None or image.name != "node" or image.kind == "windows" or "onbuild" in image.tag:
        return None
    first = image.version.partition(".")[0]
    if first.isdecimal():
        return int(first)
    node = facts()["node"]
    word = image.tag.split("-")[0]
    known: int | None = node["codenames"].get(word, node["moving"].get(word))
    # A bare name of a release of Debian or Alpine (`node:bookworm`) is the newest version on it.
    return node["moving"]["latest"] if known is None and image.release in ("bookworm", "trixie") else known


def npm_flag(major: int) -> str | None:
    """The option of the npm that comes with a version of Node; None where that one is too old."""
    npm = facts()["manager"]["npm"]
    if major >= npm["since"]:
        return str(npm["flag"])
    return str(npm["older"]) if major >= npm["oldest"] else None


class Brought(NamedTuple):
    """The modules and programs that a Python package brings."""

    modules: frozenset[str]
    programs: frozenset[str]


@functools.cache
def _python_tools() -> dict[str, dict[str, Any]]:
    with open(os.path.join(os.path.dirname(__file__), "python_tools.json"), encoding="utf-8") as file:
        packages: dict[str, dict[str, Any]] = json.load(file)["packages"]
    return packages


def python_tool(name: str) -> Brought | None:
    """What a Python tool of development, or a package that one requires, brings; None for any other package."""
    entry = _python_tools().get(name)
    if entry is not None:
        return Brought(frozenset(entry["modules"]), frozenset(entry["programs"]))
    if name.startswith(tuple(facts()["python"]["prefixes"])):
        return Brought(frozenset({name.replace("-", "_")}), frozenset())
    return None


def required_by_tool(name: str, specifier: str = "", minor: int | None = None) -> tuple[str, ...] | None:
    """What a Python tool, or a package that one requires, requires itself, without extras.

    `minor` is that of Python 3, if it is known. None where it is not known for the versions that the
    specifier allows.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import Version

    entry = _python_tools().get(name)
    if entry is None:
        return None
    try:
        wanted = list(SpecifierSet(specifier))
        exact = next((Version(one.version) for one in wanted if one.operator == "==" and "*" not in one.version), None)
    except (InvalidSpecifier, ValueError):
        return None
    backports = facts()["python"]["backports"]
    required = tuple(one for one in entry["requires"] if minor is None or minor < backports.get(one, 99))
    if all(one.operator in (">=", ">", "!=") for one in wanted):
        return required
    newest_there = Version(str(entry["version"]))
    if exact is not None and exact.major == newest_there.major > 0:
        return required
    before, more = facts()["python"]["earlier"].get(name, (None, ()))
    if before is None:
        return None
    return required if exact is not None and exact >= Version(before) else (*required, *more)


def is_python_tool(name: str) -> bool:
    """Whether a package of PyPI is a tool itself, and not one that tools require."""
    python = facts()["python"]
    return name in python["tools"] or name.startswith(tuple(python["prefixes"]))


def newest(manager: str, specifier: str) -> str | None:
    """The newest version of a manager that a specifier allows (PEP 440); None if it is none that is known."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import Version

    try:
        wanted = SpecifierSet(specifier)
    except InvalidSpecifier:
        return None
    exact = [one.version for one in wanted if one.operator in ("==", "===") and "*" not in one.version]
    if exact:
        return exact[0]
    allowed = [one for one in facts()["manager"][manager]["releases"] if one in wanted]
    return max(allowed, key=Version) if allowed else None


def is_php_tool(name: str) -> bool:
    """Whether a package of Packagist is a tool that only tests, linters and people at work load."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in facts()["php"]["tools"])


def is_plain_command(text: str) -> bool:
    """Whether a script of composer.json is one that an application without development packages has as well."""
    return any(re.fullmatch(pattern, text.strip()) for pattern in facts()["php"]["commands"])


def is_ruby_tool(name: str) -> bool:
    """Whether a gem is a tool of development, or is only brought by some and used by nothing else unasked."""
    ruby = facts()["ruby"]
    return name in ruby["brought"] or any(fnmatch.fnmatchcase(name, pattern) for pattern in ruby["tools"])
