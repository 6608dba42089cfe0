"""What people meet who change to a slim image, beyond the lists of packages. The data, with sources, is `slim.json`."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple


class Facts(NamedTuple):
    """`man_pages` matches packages whose set-up fails without folders of manual pages.

    `documentation` matches text that speaks of what a slim image leaves out, `documents` are the packages and
    programs that do. `development` matches names of stages and files for developers, `shells` are the programs of
    images people work in, and `builders` images that compile. `starters` are programs that start what a file says.
    `interpreters` are not installed to make up for the full image's. `archives` are patterns of arguments of tar,
    with the program that it starts then; `secure` are programs that need certificates, `companions` packages that a
    program does little without, `remote` programs that may call ssh, and `ssh` matches text in which they do.
    `pulls` are Python packages that bring one that is always compiled. `extras` say what `package[extra]` brings.
    `modules` are modules of Python's library with the Debian packages, one of which they read; `lacking` those that
    a slim image cannot import. `files` matches paths that only a full image has.
    """

    man_pages: re.Pattern[str]
    documentation: re.Pattern[str]
    documents: frozenset[str]
    development: re.Pattern[str]
    shells: frozenset[str]
    builders: frozenset[str]
    starters: frozenset[str]
    interpreters: frozenset[str]
    archives: tuple[tuple[re.Pattern[str], str], ...]
    secure: frozenset[str]
    companions: Mapping[str, tuple[str, ...]]
    remote: frozenset[str]
    ssh: re.Pattern[str]
    pulls: Mapping[str, str]
    extras: Mapping[str, tuple[str, ...]]
    modules: Mapping[str, tuple[str, ...]]
    lacking: frozenset[str]
    files: re.Pattern[str]


@functools.cache
def facts() -> Facts:
    """The facts, read once."""
    with open(os.path.join(os.path.dirname(__file__), "slim.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    documents = data["documentation"]
    pulls = data["python_pulls"]
    return Facts(
        man_pages=re.compile("|".join(data["man_pages"]["patterns"])),
        documentation=re.compile("|".join(re.escape(path) + r"\b" for path in documents["paths"])),
        documents=frozenset([*documents["packages"], *documents["programs"]]),
        development=re.compile(data["development"]["names"], re.IGNORECASE),
        shells=frozenset(data["development"]["programs"]),
        builders=frozenset(data["builders"]["images"]),
        starters=frozenset(data["starters"]["programs"]),
        interpreters=frozenset(data["interpreters"]["programs"]),
        archives=tuple((re.compile(pattern), program) for pattern, program in data["archives"]["programs"]),
        secure=frozenset(data["certificates"]["programs"]),
        companions={name: tuple(names) for name, names in data["companions"]["programs"].items()},
        remote=frozenset(data["companions"]["remote"]),
        ssh=re.compile(data["companions"]["ssh"]),
        pulls=pulls["packages"],
        extras={name: tuple(names) for name, names in pulls["extras"].items()},
        modules={name: tuple(names) for name, names in data["python_modules"]["packages"].items()},
        lacking=frozenset(data["python_modules"]["lacking"]),
        files=re.compile(data["files"]["pattern"]),
    )
