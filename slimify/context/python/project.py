"""One folder of the context as a Python project: how it is installed, and what that installs and needs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from slimify.context.python.conda import Conda, read_conda
from slimify.context.python.locks import Lock, find_locks, read_lock
from slimify.context.python.metadata import Metadata, Script
from slimify.context.python.paths import is_file, is_folder
from slimify.context.python.pipfile import read_pipfile
from slimify.context.python.problems import Problem
from slimify.context.python.pyproject import read_pyproject
from slimify.context.python.requirement import Origin, Requirement
from slimify.context.python.requirements import Requirements, read_requirements
from slimify.context.python.setup_cfg import read_setup_cfg
from slimify.context.python.setup_py import read_setup_py
from slimify.semantics.build_context import BuildContext, Kind

_REQUIREMENTS = re.compile(r"(?:.*[-_.])?requirements?(?:[-_.].*)?\.(?:txt|in)", re.IGNORECASE)
_DEVELOPMENT = re.compile(
    r"(?:^|[-_./])(?:dev|devel|develop|development|tests?|testing|lint|docs?|ci|local|typing|hatch)(?:$|[-_./])",
    re.IGNORECASE,
)
_PRODUCTION = re.compile(r"(?:^|[-_./])(?:requirements?|base|main|common|prod|production)(?:$|[-_./])", re.IGNORECASE)
_CONDA = ("environment.yml", "environment.yaml", "conda.yml", "conda.yaml")


class Dependency(NamedTuple):
    """A package that the project installs.

    `version` is None where it is not fixed. `development` says whether only development needs it, None
    where that is not known. `group` is that of the manifest: an extra, or a dependency group.
    """

    name: str
    version: str | None
    development: bool | None
    origin: Origin
    group: str
    file: str
    line: int


class PythonProject(NamedTuple):
    """What a folder of the context tells.

    `manifests` are the files that say what is installed, those that they include among them. `manager`
    is pip, pip-tools, poetry, pdm, uv, pipenv, conda or setuptools; empty where there is nothing to
    install. `lock` is the lock file in use. `reads` are the files that a build of the project itself
    reads besides, as they are written there. `needs_git` and `needs_compiler` are of that build and of
    fetching the dependencies, not of building a dependency. `unknown` says what could not be told.
    """

    folder: str
    manifests: tuple[str, ...]
    manager: str
    lock: Lock | None
    requires_python: str
    needs_git: bool
    needs_compiler: bool
    reads: tuple[str, ...]
    local: tuple[str, ...]
    scripts: tuple[Script, ...]
    dependencies: tuple[Dependency, ...]
    requirements: tuple[tuple[str, Requirements], ...]
    metadata: tuple[Metadata, ...]
    conda: Conda | None
    unknown: tuple[str, ...]
    problems: tuple[Problem, ...]


def read_project(context: BuildContext, folder: str = "") -> PythonProject | None:
    """Read the manifests that stand in a folder; None where there are none of Python's."""
    metadata = [
        one
        for one in (
            read_pyproject(context, posixpath.join(folder, "pyproject.toml")),
            read_setup_cfg(context, posixpath.join(folder, "setup.cfg")),
            read_setup_py(context, posixpath.join(folder, "setup.py")),
            read_pipfile(context, posixpath.join(folder, "Pipfile")),
        )
        if one is not None
    ]
    files = [one.path for one in context.children(folder) if one.kind in (Kind.FILE, Kind.LINK)]
    names = [one for one in files if _REQUIREMENTS.fullmatch(posixpath.basename(one))]
    inner = posixpath.join(folder, "requirements")
    if is_folder(context, inner):
        names += [
            one.path for one in context.children(inner) if one.kind is Kind.FILE and one.path.endswith((".txt", ".in"))
        ]
    requirements = tuple((path, read_requirements(context, path, folder)) for path in names)
    conda = next((one for name in _CONDA if (one := read_conda(context, posixpath.join(folder, name)))), None)
    locks = [found for path in find_locks(context, folder) if (found := read_lock(context, path)) is not None]
    if not metadata and not requirements and conda is None and not locks:
        return None
    lock = locks[0] if locks else None
    dependencies = tuple(_dependencies(lock, metadata, requirements, conda))
    manifests = [one.path for one in metadata] + [one.path for one in locks] + ([conda.path] if conda else [])
    manifests += [path for _, one in requirements for path in one.files]
    manifests += list(conda.files) if conda else []
    return PythonProject(
        folder=folder,
        manifests=tuple(dict.fromkeys(manifests)),
        manager=_manager(context, metadata, lock, names, conda),
        lock=lock,
        requires_python=_python(metadata, lock, conda),
        needs_git=any(one.needs_git for one in metadata)
        or any(one.needs_git for _, one in requirements)
        or (lock is not None and lock.needs_git),
        needs_compiler=any(one.builds_native_code for one in metadata),
        reads=tuple(dict.fromkeys(path for one in metadata for path in one.reads)),
        local=tuple(
            dict.fromkeys(
                [path for one in metadata for path in one.local]
                + [path for _, one in requirements for path in one.paths]
            )
        ),
        scripts=tuple(dict.fromkeys(script for one in metadata for script in one.scripts)),
        dependencies=dependencies,
        requirements=requirements,
        metadata=tuple(metadata),
        conda=conda,
        unknown=tuple(f"{one.path}: {what}" for one in metadata for what in one.unknown),
        problems=tuple(
            [problem for one in metadata for problem in one.problems]
            + [problem for _, one in requirements for problem in one.problems]
            + [problem for one in locks for problem in one.problems]
            + (list(conda.problems) if conda else [])
        ),
    )


def _manager(
    context: BuildContext, metadata: list[Metadata], lock: Lock | None, names: list[str], conda: Conda | None
) -> str:
    """The tool that installs the project: its lock file tells best, then its own table, then what is there."""
    if lock is not None and lock.tool != "pylock":
        return lock.tool
    tools = {tool for one in metadata for tool in one.tools}
    for one in metadata:
        if posixpath.basename(one.path) == "Pipfile":
            return "pipenv"
    for tool in ("poetry", "pdm", "uv"):
        if tool in tools and any(one.dependencies and one.path.endswith("pyproject.toml") for one in metadata):
            return tool
    if names:
        compiled = any(path.endswith(".in") and is_file(context, f"{path[:-3]}.txt") for path in names)
        return "pip-tools" if compiled else "pip"
    if conda is not None:
        return "conda"
    if any(one.path.endswith(("setup.py", "setup.cfg")) and (one.name or one.dependencies) for one in metadata):
        return "setuptools"
    return "pip" if any(one.name or one.dependencies for one in metadata) else ""


def _python(metadata: list[Metadata], lock: Lock | None, conda: Conda | None) -> str:
    for one in metadata:
        if one.requires_python:
            return one.requires_python
    return (lock.requires_python if lock else "") or (conda.python if conda else "")


def _dependencies(
    lock: Lock | None,
    metadata: list[Metadata],
    requirements: tuple[tuple[str, Requirements], ...],
    conda: Conda | None,
) -> Iterable[Dependency]:
    if lock is not None and lock.packages:
        main = [one.name for each in metadata for one in each.dependencies if not one.group]
        development = lock.development_only(main)
        for package in lock.packages:
            if package.origin is Origin.EDITABLE and package.place == ".":
                continue
            only = package.name in development if development is not None else None
            group = package.groups[0] if package.groups else ""
            yield Dependency(package.name, package.version or None, only, package.origin, group, lock.path, 0)
        return
    for each in metadata:
        for one in each.dependencies:
            yield _dependency(one, _for_development(one.group))
    for path, found in requirements:
        fixed = {one.name: one.version for one in found.constraints if one.version}
        for one in found.requirements:
            dependency = _dependency(one, _for_development(posixpath.basename(path).rpartition(".")[0]))
            yield dependency._replace(version=dependency.version or fixed.get(one.name))
    for one in (*conda.packages, *conda.pip) if conda else ():
        yield _dependency(one, False)


def _for_development(group: str) -> bool | None:
    """Whether a group or a file is meant for development, as far as its name tells; None for another extra."""
    if not group or _DEVELOPMENT.search(group):
        return bool(group)
    return False if _PRODUCTION.search(group) else None


def _dependency(one: Requirement, development: bool | None) -> Dependency:
    return Dependency(one.name, one.version, development, one.origin, one.group, one.file, one.line)
