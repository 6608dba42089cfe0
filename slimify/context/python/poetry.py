"""The `[tool.poetry]` table (Poetry documentation, "The pyproject.toml file", "Dependency specification")."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slimify.context.python.data import Table, inside, items, string, strings, table, tables
from slimify.context.python.metadata import Script
from slimify.context.python.requirement import Origin, Requirement, normalise

_VERSION = re.compile(r"v?\d+(?:\.\d+)*(?:[-_.]?(?:a|b|rc|alpha|beta|post|dev)[-_.]?\d*)*(?:\+[\w.]+)?")


def poetry_requirements(poetry: Table, file: str) -> tuple[Requirement, ...]:
    """The dependencies of all groups; one that only an extra brings has the extra's name as its group."""
    extras = {normalise(name): extra for extra, names in table(poetry.get("extras")).items() for name in strings(names)}
    found = list(_group(table(poetry.get("dependencies")), file, "", extras))
    found += _group(table(poetry.get("dev-dependencies")), file, "dev", {})
    for group, content in table(poetry.get("group")).items():
        found += _group(table(inside(content, "dependencies")), file, "" if group == "main" else group, {})
    return tuple(found)


def _group(dependencies: Table, file: str, group: str, extras: dict[str, str]) -> Iterator[Requirement]:
    for name, value in dependencies.items():
        if normalise(name) == "python":
            continue
        for one in value if isinstance(value, list) else [value]:
            yield _requirement(normalise(name), one, file, group, extras)


def _requirement(name: str, value: object, file: str, group: str, extras: dict[str, str]) -> Requirement:
    if isinstance(value, str):
        return Requirement(name, _specifier(value), file=file, group=group)
    one = table(value)
    origin, place = Origin.INDEX, ""
    if path := string(one.get("path")) or string(one.get("file")):
        origin, place = Origin.EDITABLE if one.get("develop") is True else Origin.PATH, path
    elif address := string(one.get("git")):
        wanted = string(one.get("rev")) or string(one.get("tag")) or string(one.get("branch"))
        origin, place = Origin.VCS, f"git+{address}" + (f"@{wanted}" if wanted else "")
    elif address := string(one.get("url")):
        origin, place = Origin.URL, address
    python = string(one.get("python"))
    marker = string(one.get("markers")) or (f'python_version "{python}"' if python else "")
    return Requirement(
        name,
        _specifier(string(one.get("version"))),
        strings(one.get("extras")),
        marker,
        origin,
        file,
        place=place,
        editable=one.get("develop") is True,
        group=extras.get(name, "optional") if one.get("optional") is True and not group else group,
    )


def _specifier(text: str) -> str:
    """Poetry's own syntax as it is, but a bare version, which means just that version, as `==version`."""
    text = text.strip()
    if _VERSION.fullmatch(text):
        return f"=={text}"
    return "" if text == "*" else text


def poetry_scripts(poetry: Table) -> tuple[Script, ...]:
    """The console scripts; a script that is a file is not among them."""
    found = []
    for name, value in table(poetry.get("scripts")).items():
        target = string(value) or string(inside(value, "callable")) or string(inside(value, "reference"))
        if ":" in target:
            found.append(Script(name, target))
    return tuple(found)


def poetry_packages(poetry: Table) -> tuple[str, ...]:
    """The folders and files of the project's modules, where it names them; they may be patterns."""
    return tuple(
        "/".join(part for part in (string(one.get("from")).strip("/"), string(one.get("include"))) if part)
        for one in tables(poetry.get("packages"))
    )


def poetry_reads(poetry: Table) -> tuple[str, ...]:
    """What a build reads beside the modules."""
    found = [*strings(poetry.get("readme")), *strings(poetry.get("license-files"))]
    for one in items(poetry.get("include")):
        found.append(string(one) or string(inside(one, "path")))
    found += [string(poetry.get("build")) or string(inside(poetry, "build", "script"))]
    for value in table(poetry.get("scripts")).values():
        if inside(value, "type") == "file":
            found.append(string(inside(value, "reference")))
    return tuple(one for one in found if one)
