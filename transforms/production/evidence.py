"""What a proof needs of the build, whatever the language: which images there are, and what they start."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from slimify.context.placed import Placed, history
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext

# A part of a name, as `dev-tools` and `unit_test` have it.
DEVELOPMENT = re.compile(r"dev|test|lint|ci$|^ci|debug|build|local|e2e|storybook", re.IGNORECASE)


class MissingEvidence(Exception):
    """Why it is not proven; without text where there is nothing to be said."""


class Started(NamedTuple):
    """The instructions in force at the end of a stage, and the RUNs from the install on.

    `writing` are the texts of instructions that may write a script: with a redirection or a here-document.
    """

    entrypoint: Step | None
    command: Step | None
    health: Step | None
    later: tuple[Step, ...]
    writing: tuple[str, ...]


def images(build: Build, install: Step) -> Iterator[int]:
    """The stages that end as an image with what `install` has put there. Raises `MissingEvidence`."""
    holding = {install.stage}
    for stage in build.stages:
        if stage.parent in holding:
            holding.add(stage.index)
    last = len(build.stages) - 1 if build.target is None else build.target
    for stage in build.stages:
        if stage.index not in holding and stage.needs & holding:
            raise MissingEvidence(f"stage {stage.label} takes files from this one")
    for index in sorted(holding):
        stage = build.stages[index]
        if index != last and stage.name and DEVELOPMENT.search(stage.name):
            raise MissingEvidence(f"stage {stage.label} looks like one for development")
        # One that others continue may be asked for as well, if it says what it runs.
        runs = any(one.keyword in ("CMD", "ENTRYPOINT") for one in history(build, index))
        if runs or not build.children[index]:
            yield index


def started(build: Build, stage: int, install: Step, inherits: bool = False) -> Started:
    """What runs in a stage from the install on; `inherits` where the command of the base image is as good.

    Raises `MissingEvidence`.
    """
    entrypoint: Step | None = None
    command: Step | None = None
    health: Step | None = None
    later: list[Step] = []
    for one in history(build, stage):
        if one.keyword == "ENTRYPOINT":
            entrypoint = one
            # An ENTRYPOINT drops the CMD of the image below (Dockerfile reference, "ENTRYPOINT").
            command = command if command is not None and command.stage == one.stage else None
        elif one.keyword == "CMD":
            command = one
        elif one.keyword == "HEALTHCHECK":
            health = one
        elif one.keyword == "ONBUILD":
            raise MissingEvidence("a trigger for other images may need them")
        elif one.keyword == "RUN" and (later or one is install):
            later.append(one)
    if entrypoint is None and command is None and not inherits:
        raise MissingEvidence("nothing says what the image runs")
    source = build.dockerfile.source
    writing: list[str] = []
    for one in history(build, stage):
        if one.instruction.heredocs or (one.keyword == "RUN" and ">" in one.instruction.logical.text):
            writing += [one.instruction.logical.text, *(source[each.content] for each in one.instruction.heredocs)]
    return Started(entrypoint, command, health, tuple(later), tuple(writing))


def health_command(health: Step) -> str | list[str] | None:
    """The command of a HEALTHCHECK, as text or in exec form; None where there is none."""
    match = re.search(r"(?:^|\s)CMD\s+(.*)", health.instruction.logical.text, re.DOTALL)
    if match is None:
        return None
    text = match[1].strip()
    try:
        argv = json.loads(text) if text.startswith("[") else None
    except ValueError:
        argv = None
    return argv if isinstance(argv, list) and all(isinstance(one, str) for one in argv) else text


def certain(there: Placed, context: BuildContext) -> None:
    """Raises `MissingEvidence` where it is not known which files of the context are in the image."""
    for _, why in there.unknown:
        raise MissingEvidence(f"what a COPY takes is not known: {why}")
    if context.truncated:
        raise MissingEvidence("the build context was not looked at as a whole")


def bound(step: Step, context: BuildContext) -> dict[str, str]:
    """The files of the context that a RUN sees through bind mounts, by their path in the image."""
    found: dict[str, str] = {}
    for mount in step.mounts:
        if mount.type == "bind" and not mount.source_stage and mount.target:
            source = posixpath.normpath(mount.source or ".").lstrip("/")
            if context.entry("" if source == "." else source) is not None:
                found[mount.target] = "" if source == "." else source
    return found


def foreign_folders(build: Build, there: Placed, folder: str, harmless: frozenset[str]) -> None:
    """Raises `MissingEvidence` where sources may come from elsewhere than the context.

    What a stage on one of the `harmless` images makes for a folder further down is not run by this language.
    """
    from slimify.knowledge.images import describe

    for one in there.foreign:
        if one.to is None:
            raise MissingEvidence("where a COPY from another stage puts its files is not known")
        if covers(one.to, folder):
            raise MissingEvidence("a COPY from another stage brings what is run")
        if covers(folder, one.to):
            origin = next((s for s in build.stages if one.origin in (s.name, str(s.index))), None)
            image = describe(origin.final_state.image or "") if origin is not None else None
            if image is None or image.name not in harmless:
                raise MissingEvidence(f"what is copied from {one.origin} may be run")


def covers(folder: str, path: str) -> bool:
    """Whether a path is a folder or lies in it."""
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")
