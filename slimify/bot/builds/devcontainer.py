"""devcontainer.json: the image that an editor or a code space works in.

Source: Development Containers specification, "devcontainer.json reference", "Image or Dockerfile specific properties",
"Docker Compose specific properties". Its Dockerfile and context are relative to the file's own folder.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from slimify.bot.builds.compose import read_compose
from slimify.bot.builds.holes import at, hole
from slimify.bot.builds.named import Named, Problem, Wants, arguments, named
from slimify.bot.builds.repository import Repository
from slimify.context.found import Place
from slimify.context.json_text import key_lines, load

NAME = re.compile(r"(?:.*/)?(?:\.devcontainer/(?:[^/]+/)?devcontainer|\.devcontainer)\.json")


def read_devcontainer(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The build that it names, and those of the compose files that it names under other names than usual."""
    text = repository.text(path)
    whole = load(text, loose=True) if text is not None else None
    if text is None or not isinstance(whole, dict):
        yield Problem(path, 0, "it is no JSON with comments")
        return
    lines = key_lines(text)
    folder = posixpath.dirname(path)
    build = whole.get("build")
    # Before there was `build`, two keys stood at the top.
    place = Place(path, lines.get(("build",), lines.get(("dockerFile",), 0)))
    old = {"dockerfile": whole.get("dockerFile"), "context": whole.get("context")}
    build = build if isinstance(build, dict) else old if isinstance(old["dockerfile"], str) else None
    if build is not None:
        wants = Wants(
            _text(build.get("context")) or ".",
            _text(build.get("dockerfile") or whole.get("dockerFile")) or "Dockerfile",
            place,
            _text(build.get("target")),
            tuple((name, _text(value)) for name, value in arguments(build.get("args"))),
        )
        found = named(wants, folder, in_context=False)
        if found is not None:
            yield found
    files = whole.get("dockerComposeFile")
    for name in files if isinstance(files, list) else [files]:
        other = at(folder, name) if isinstance(name, str) else None
        if other and repository.real(other) is not None:
            yield from read_compose(repository, other)


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return re.sub(r"\$\{([^}]*)\}", lambda match: hole(match[1]), value)
