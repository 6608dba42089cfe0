"""environment.yml (conda documentation, "Managing environments": creating an environment file manually)."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.context.python.data import items, read_yaml, string, strings
from slimify.context.python.paths import join
from slimify.context.python.problems import Problem
from slimify.context.python.requirement import Requirement, normalise, parse_requirement
from slimify.context.python.requirements import Requirements, read_requirements
from slimify.semantics.build_context import BuildContext


class Conda(NamedTuple):
    """A conda environment.

    `packages` are conda's own, which are not always Python's; `pip` is what pip installs on top.
    `python` is the version asked for, empty if none; `files` are requirements files that it includes.
    """

    path: str
    name: str = ""
    channels: tuple[str, ...] = ()
    packages: tuple[Requirement, ...] = ()
    pip: tuple[Requirement, ...] = ()
    python: str = ""
    files: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_conda(context: BuildContext, path: str) -> Conda | None:
    """Read an environment file; None where there is none."""
    read = read_yaml(context, path)
    if not read.present:
        return None
    if read.problems:
        return Conda(path, problems=read.problems)
    packages: list[Requirement] = []
    pip: list[Requirement] = []
    files: list[str] = []
    problems: list[Problem] = []
    for one in items(read.table.get("dependencies")):
        if isinstance(one, str):
            if (package := _match(one, path)) is None:
                problems.append(Problem(path, 0, f"is not a package of conda: {one[:80]}"))
            else:
                packages.append(package)
        elif isinstance(one, dict):
            for line in strings(one.get("pip")):
                included = _included(context, path, line)
                if included is not None:
                    pip += included.requirements
                    files += included.files
                    problems += included.problems
                elif (wanted := parse_requirement(line, path)) is not None:
                    pip.append(wanted)
                else:
                    problems.append(Problem(path, 0, f"is not read: {line[:80]}"))
    python = next((one.specifier for one in packages if one.name == "python"), "")
    return Conda(
        path,
        string(read.table.get("name")),
        strings(read.table.get("channels")),
        tuple(packages),
        tuple(pip),
        python,
        tuple(dict.fromkeys(files)),
        tuple(problems),
    )


def _included(context: BuildContext, path: str, line: str) -> Requirements | None:
    match = re.match(r"(?:-r|--requirement[ =])\s*(\S+)$", line.strip()[:1000])
    inside = join(posixpath.dirname(path), match[1]) if match else None
    return read_requirements(context, inside) if inside is not None else None


def _match(text: str, file: str) -> Requirement | None:
    """A package in conda's syntax: `channel::name=version=build`, `name >=1`, `name[version='>=1']`."""
    text = text.partition(" #")[0].strip()
    if len(text) > 500:
        return None
    text = text.rpartition("::")[2]
    match = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*(.*)", text)
    if match is None or not match[1].strip("-_."):
        return None
    name, rest = match[1], match[2].strip()
    if rest.startswith("["):
        rest = ""
    if rest.startswith("=") and not rest.startswith("=="):
        # `=1.2` means any 1.2.x, `=1.2=build` that very build.
        version, _, build = rest[1:].partition("=")
        if build:
            rest = f"=={version.strip()}"
    return Requirement(normalise(name), rest.replace(" ", ""), file=file)
