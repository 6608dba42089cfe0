"""What is known of Python's ecosystem: who starts programs, what servers take as arguments, what builds need.

`python.json` is written by hand and says where its facts come from.
"""

from __future__ import annotations

import functools
import json
import os
from typing import NamedTuple


class Server(NamedTuple):
    """A program that is told which part of an application to run.

    `kind` says how: `application` is an operand `module:attribute`, `modules` are operands that name
    modules, `script` an operand that names a file, `flask` and `celery` an option that names a module,
    `django` a management command, `uwsgi` options of its own, `wrapper` a command line of its own as
    operands, `unknown` something that is not readable from the arguments. `options` take a value in the
    next argument, those in `directory` a folder of modules. `verbs` come before the operand; `default`
    are the files that are looked for where there is none.
    """

    kind: str
    options: frozenset[str]
    directory: frozenset[str]
    verbs: frozenset[str]
    default: tuple[str, ...]


class Calls(NamedTuple):
    """Functions by qualified name, with the name of the parameter that matters.

    `argv` take a list or a string, `shell` a string for the shell, `first` and `second` a program as
    that positional argument. `attribute` are modules whose every attribute is a program; `methods`
    start a program on an object whose type is not known. `builtins` are the commands that a POSIX
    shell has in itself, so that no program of that name is needed (POSIX, XCU 2.14; dash(1)).
    """

    argv: dict[str, str]
    shell: dict[str, str]
    first: dict[str, str]
    second: dict[str, str]
    attribute: frozenset[str]
    methods: dict[str, str]
    builtins: frozenset[str]
    libraries: dict[str, str]
    files: dict[str, str]
    path_methods: frozenset[str]


class Builds(NamedTuple):
    """Packages, by normalised name, that say something about a project whose build requires them.

    `version_from_git` read the version from the repository, `builds_native_code` run a compiler.
    """

    version_from_git: frozenset[str]
    builds_native_code: frozenset[str]


@functools.cache
def _data() -> dict[str, object]:
    path = os.path.join(os.path.dirname(__file__), "python.json")
    with open(path, encoding="utf-8") as file:
        data: dict[str, object] = json.load(file)
    return data


def _section(name: str) -> dict[str, object]:
    section = _data()[name]
    assert isinstance(section, dict)
    return section


def _names(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def _table(value: object) -> dict[str, str]:
    return {str(key): str(one) for key, one in value.items()} if isinstance(value, dict) else {}


@functools.cache
def calls() -> Calls:
    """The functions that start programs, load libraries and open files."""
    programs = _section("programs")
    return Calls(
        argv=_table(programs["argv"]),
        shell=_table(programs["shell"]),
        first=_table(programs["first"]),
        second=_table(programs["second"]),
        attribute=frozenset(_names(programs["attribute"])),
        methods=_table(programs["methods"]),
        builtins=frozenset(_names(programs["shell_builtins"])),
        libraries=_table(_data()["libraries"]),
        files=_table(_data()["files"]),
        path_methods=frozenset(_names(_data()["path_methods"])),
    )


@functools.cache
def servers() -> dict[str, Server]:
    """The servers and runners by the name of their program."""
    found = {}
    for name, value in _section("servers").items():
        assert isinstance(value, dict)
        found[name] = Server(
            str(value["kind"]),
            frozenset(_names(value["options"])),
            frozenset(_names(value.get("directory"))),
            frozenset(_names(value.get("verbs"))),
            _names(value.get("default")),
        )
    return found


@functools.cache
def builds() -> Builds:
    """What a project's build requirements tell."""
    return Builds(frozenset(_names(_data()["version_from_git"])), frozenset(_names(_data()["builds_native_code"])))
