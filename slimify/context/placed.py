"""Which file of the build context lies where in the image, as far as COPY and ADD tell."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import NamedTuple

from slimify.context.copies import copied
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext
from slimify.syntax.words import WordError, expand


class Foreign(NamedTuple):
    """A COPY from another stage or image: its destination, None where it is not known."""

    step: Step
    origin: str
    to: str | None


class Placed(NamedTuple):
    """`files` maps paths of the image to paths of the context; `unknown` are instructions that may put more there."""

    files: dict[str, str]
    foreign: tuple[Foreign, ...]
    unknown: tuple[tuple[Step, str], ...]


def history(build: Build, stage: int) -> Iterator[Step]:
    """The steps of the stages that a stage continues, and then its own."""
    parent = build.stages[stage].parent
    if parent is not None:
        yield from history(build, parent)
    yield from build.stages[stage].steps


def placed(build: Build, context: BuildContext, stage: int, before: Step | None = None) -> Placed:
    """What COPY and ADD have put into a stage, at its end or before one of its steps."""
    files: dict[str, str] = {}
    foreign: list[Foreign] = []
    unknown: list[tuple[Step, str]] = []
    for step in history(build, stage):
        if step is before:
            break
        if step.keyword not in ("COPY", "ADD"):
            continue
        if origin := step.instruction.flag("from"):
            foreign.append(Foreign(step, origin.lower(), _destination(step)))
            continue
        found = copied(step.instruction, step.state, context)
        if isinstance(found, str):
            unknown.append((step, found))
            continue
        for path, to in found.files:
            if to is None:
                unknown.append((step, f"where {path} ends up is not known"))
            else:
                files[to] = path
    return Placed(files, tuple(foreign), tuple(unknown))


def _destination(step: Step) -> str | None:
    words = step.instruction.exec_form or tuple(token.text for token in step.instruction.tokens)
    try:
        path = expand(words[-1], step.state.variables, step.instruction.escape).value if words else None
    except WordError:
        return None
    if path is not None and not path.startswith("/"):
        path = posixpath.join(step.state.workdir, path) if step.state.workdir is not None else None
    return None if path is None else posixpath.normpath(path)
