"""What a rewrite takes out of an image on purpose, so that the comparison does not call it a difference.

It is read off the two Dockerfiles, not off the rewrite's own account of itself.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import NamedTuple

from slimify.context.copies import copied
from slimify.context.placed import history as chain
from slimify.context.tree import open_context
from slimify.knowledge.image_config import config
from slimify.proof.image import FileKind, Image
from slimify.proof.show_layers import instruction
from slimify.proof.waste import account
from slimify.semantics.build import Build, analyse, pairs
from slimify.syntax.dockerfile import parse
from slimify.syntax.source import Source


class Side(NamedTuple):
    """A Dockerfile, by the path of its file, its text, and the build context."""

    path: str
    text: str
    context: str
    target: str | None
    build_args: dict[str, str]

    def build(self) -> Build:
        """What the text means. Raises `DockerfileSyntaxError` and `TargetError`."""
        dockerfile = parse(Source(self.text, self.path))
        context = open_context(self.context, self.path)
        return analyse(dockerfile, target=self.target, build_args=self.build_args, context=context)


class Expected(NamedTuple):
    """`files` are paths that are left out, without a slash in front; `variables` and `path` go with the base.
    `labels` are the names of labels that the Dockerfiles set themselves, None where a variable names one.
    `base_layers` are the layers of the new image that its base has brought.
    """

    files: frozenset[str]
    variables: frozenset[str]
    path: frozenset[str]
    base_layers: int
    labels: frozenset[str] | None


def expected(before: Side, after: Side, image: Image, new: Image) -> Expected:
    """What is left out of `new`: what is copied no more, and what instructions made that are in another stage now."""
    old_build, new_build = before.build(), after.build()
    old_files, new_files = _placed(old_build), _placed(new_build)
    files = {path.lstrip("/") for path in old_files - new_files}
    if len(new_build.stages) > len(old_build.stages):
        kept = {instruction(layer.made_by) for layer in new.layers}
        for path, visible in account(image).seen.items():
            made_by = instruction(image.layers[visible.layer].made_by)
            if made_by.startswith("RUN ") and made_by not in kept:
                files.add(path)
        files |= _emptied(image, files)
    variables, folders = _of_bases(old_build, new_build)
    return Expected(
        frozenset(files),
        variables,
        folders | _added_to_path(new_build),
        _base_layers(new, new_build),
        _labels(old_build, new_build),
    )


def _labels(*builds: Build) -> frozenset[str] | None:
    steps = [step for build in builds for stage in build.stages for step in stage.steps if step.keyword == "LABEL"]
    names = frozenset(name.strip("\"'") for step in steps for name, _ in pairs(step.instruction))
    return None if any("$" in name for name in names) else names


def _emptied(image: Image, files: set[str]) -> set[str]:
    """The folders that hold nothing else than files that are left out."""
    seen = account(image).seen
    left = {
        folder
        for path, one in seen.items()
        if one.file.kind is not FileKind.FOLDER and path not in files
        for folder in _above(path)
    }
    return {folder for path in files for folder in _above(path)} - left


def _above(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def _base_layers(image: Image, build: Build) -> int:
    """The layers below those of the Dockerfile: BuildKit records one entry of history for each of its instructions."""
    history = [one for one in image.config.get("history", ()) if isinstance(one, dict)]
    own = sum(1 for _ in chain(build, len(build.stages) - 1))
    return sum(not one.get("empty_layer") for one in history[: max(len(history) - own, 0)])


def _placed(build: Build) -> set[str]:
    """The files that COPY and ADD put into the last stage. A base of which nothing is known starts in the root."""
    assert build.context is not None
    stage = build.stages[-1]
    known = config(stage.image or "")
    home = known.workdir if known is not None else "/"
    found: set[str] = set()
    for step in chain(build, stage.index):
        if step.keyword in ("COPY", "ADD") and not step.instruction.flag("from"):
            state = step.state._replace(workdir=step.state.workdir or home)
            taken = copied(step.instruction, state, build.context)
            if not isinstance(taken, str):
                found.update(image for _, image in taken.files if image is not None)
    return found


def _of_bases(old: Build, new: Build) -> tuple[frozenset[str], frozenset[str]]:
    """The variables and the folders of PATH that only one of the base images sets."""
    configs = [config(build.stages[-1].image or "") for build in (old, new)]
    if old.stages[-1].image == new.stages[-1].image:
        return frozenset(), frozenset()
    names: list[frozenset[str]] = [frozenset(one.env) if one is not None else frozenset() for one in configs]
    paths: list[frozenset[str]] = [frozenset(one.path) if one is not None else frozenset() for one in configs]
    return names[0] ^ names[1], paths[0] ^ paths[1]


def _added_to_path(build: Build) -> frozenset[str]:
    found: set[str] = set()
    for step in build.stages[-1].steps:
        if step.keyword == "ENV":
            for name, value in pairs(step.instruction):
                if name == "PATH":
                    found.update(one for one in str(value).split(":") if one.startswith("/"))
    return frozenset(found)
