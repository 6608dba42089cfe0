"""Pipfile (pipenv documentation, "Pipfile & Pipfile.lock")."""

from __future__ import annotations

import posixpath

from slimify.context.python.data import inside, read_toml, string, strings, table
from slimify.context.python.metadata import Metadata
from slimify.context.python.paths import join
from slimify.context.python.problems import Problem
from slimify.context.python.requirement import Origin, Requirement, normalise
from slimify.semantics.build_context import BuildContext

_NO_CATEGORY = frozenset({"source", "requires", "scripts", "pipenv", "build-system"})


def read_pipfile(context: BuildContext, path: str) -> Metadata | None:
    """Read a Pipfile; None where there is none. Every category but `packages` is a group, `dev-packages` is `dev`."""
    read = read_toml(context, path)
    if not read.present:
        return None
    if read.problems:
        return Metadata(path, problems=read.problems, unknown=("everything",))
    found: list[Requirement] = []
    for category, wanted in read.table.items():
        if category in _NO_CATEGORY:
            continue
        group = {"packages": "", "dev-packages": "dev"}.get(category, category)
        found += [_requirement(name, value, path, group) for name, value in table(wanted).items()]
    local, problems = [], []
    for one in found:
        if one.origin in (Origin.PATH, Origin.EDITABLE):
            place = join(posixpath.dirname(path), one.place)
            if place is None:
                problems.append(Problem(path, 0, f"{one.place[:200]} is outside of the build context"))
            else:
                local.append(place)
    python = string(inside(read.table, "requires", "python_full_version")) or string(
        inside(read.table, "requires", "python_version")
    )
    return Metadata(
        path,
        requires_python=f"=={python}" if python else "",
        dependencies=tuple(found),
        local=tuple(local),
        problems=tuple(problems),
    )


def _requirement(name: str, value: object, file: str, group: str) -> Requirement:
    if isinstance(value, str):
        return Requirement(normalise(name), "" if value == "*" else value, file=file, group=group)
    version, editable = string(inside(value, "version")), inside(value, "editable") is True
    one = Requirement(
        normalise(name),
        "" if version == "*" else version,
        strings(inside(value, "extras")),
        string(inside(value, "markers")),
        file=file,
        group=group,
        editable=editable,
    )
    if git := string(inside(value, "git")):
        return one._replace(origin=Origin.VCS, place=f"git+{git}")
    place = string(inside(value, "path")) or string(inside(value, "file"))
    if "://" in place:
        return one._replace(origin=Origin.URL, place=place)
    if place:
        return one._replace(origin=Origin.EDITABLE if editable else Origin.PATH, place=place)
    return one
