"""Commands with which an image is run from outside: Compose files, and scripts that call `docker run`.

They are read where the ignore file keeps them out of the context, too, as it does in most projects.

Compose files are read by lines (Compose specification, "command", "entrypoint"); a command that stands on
several lines is not understood, and said to be unknown.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence
from typing import NamedTuple

from slimify.context.found import SOURCE_LIMIT, Place, Unknown
from slimify.semantics.build_context import BuildContext, Kind

_COMPOSE = re.compile(r"(?:docker-)?compose[\w.-]*\.ya?ml")
_KEY = re.compile(r"\s*(?:command|entrypoint):(?:\s+(.*))?$")
_CALLERS = re.compile(r"Makefile|Jenkinsfile|\.travis\.yml|\.gitlab-ci\.yml|[\w.-]+\.sh|package\.json|[\w.-]+\.ya?ml")
_CALL = r"\bdocker(?:[ -]compose)?\b[^\n|;]*\s(?:run|exec)\s[^\n]*?[\s\"']({programs})(?=[\s\"']|$)([^\n\"']*)"
# The root, workflows, and where Compose files are kept apart from the sources.
_FOLDERS = ("", ".github/workflows", ".devcontainer", ".docker", "deploy", "docker")
NODE = ("npm", "yarn", "pnpm", "npx", "bunx?")


class Elsewhere(NamedTuple):
    """Commands as shell text, each with its place."""

    commands: tuple[tuple[str, Place], ...]
    unknown: tuple[Unknown, ...]


def compose_files(context: BuildContext) -> tuple[str, ...]:
    """The Compose files at the root of the context."""
    return tuple(
        one.path
        for one in context.lies_in("")
        if one.kind is Kind.FILE and _COMPOSE.fullmatch(posixpath.basename(one.path))
    )


def run_elsewhere(context: BuildContext, programs: Sequence[str] = NODE) -> Elsewhere:
    """What the files at the root of the context, and the workflows of its forge, run in an image.

    `programs` are patterns of the programs that `docker run` is looked through for; without any, only Compose files
    are read.
    """
    caller = re.compile(_CALL.format(programs="|".join(programs)))
    commands: list[tuple[str, Place]] = []
    unknown: list[Unknown] = []
    for folder in _FOLDERS:
        for entry in context.lies_in(folder):
            name = posixpath.basename(entry.path)
            compose = _COMPOSE.fullmatch(name) is not None
            if entry.kind is not Kind.FILE or not (compose or (programs and _CALLERS.fullmatch(name))):
                continue
            text = context.lying_text(entry.path)
            if text is None or len(text) > SOURCE_LIMIT:
                unknown.append(Unknown(f"{entry.path} cannot be read", Place(entry.path)))
                continue
            for number, line in enumerate(text.splitlines(), 1):
                place = Place(entry.path, number)
                match = _KEY.match(line) if compose else None
                call = caller.search(line)
                if match:
                    command = _command(match[1] or "")
                    if command is None:
                        unknown.append(Unknown(f"the command in {entry.path} is not understood", place))
                    else:
                        commands.append((command, place))
                elif call:
                    commands.append((f"{call[1]} {call[2].strip()}".strip(), place))
    return Elsewhere(tuple(commands), tuple(unknown))


def _command(text: str) -> str | None:
    """The value of a key as shell text; None for one that goes on in other lines, or is no plain scalar or list."""
    text = re.sub(r"\s+#.*", "", text).strip()
    if text.startswith("["):
        try:
            words = json.loads(text.replace("'", '"'))
        except ValueError:
            return None
        import shlex

        return shlex.join(map(str, words)) if isinstance(words, list) else None
    if not text or text[0] in "|>&*{" or "${" in text:
        return None
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text
