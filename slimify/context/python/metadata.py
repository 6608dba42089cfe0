"""What a project says of itself, whichever of its files says it."""

from __future__ import annotations

from typing import NamedTuple

from slimify.context.python.problems import Problem
from slimify.context.python.requirement import Requirement


class Script(NamedTuple):
    """A program that installing the project makes: its name, and `module:function` behind it."""

    name: str
    target: str


class Metadata(NamedTuple):
    """One manifest of a project.

    `dynamic` are the fields that only a build can tell. `reads` are the files that building the
    project, or its metadata, reads beside its sources; as patterns where the project gives patterns.
    `local` are the folders of other projects that it needs. `packages` are the folders of its
    modules as far as they are named. `tools` are the names of the `[tool.…]` tables. `unknown` says
    what is computed by code and could not be read.
    """

    path: str
    name: str = ""
    version: str = ""
    requires_python: str = ""
    backend: str = ""
    build_requires: tuple[Requirement, ...] = ()
    dependencies: tuple[Requirement, ...] = ()
    dynamic: tuple[str, ...] = ()
    scripts: tuple[Script, ...] = ()
    reads: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    version_from_git: bool = False
    builds_native_code: bool = False
    unknown: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def needs_git(self) -> bool:
        """Whether building or installing it runs git: for its version, or to fetch a dependency."""
        return self.version_from_git or any(
            one.vcs.lower() == "git" for one in (*self.build_requires, *self.dependencies)
        )
