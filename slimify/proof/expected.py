"""What a rewrite takes out of an image on purpose, so that the comparison does not call it a difference.

It is read off the two Dockerfiles, not off the rewrite's own account of itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from slimify.context.copies import copied
from slimify.context.placed import history as chain
from slimify.context.tree import open_context
from slimify.knowledge.image_config import config
from slimify.proof.image import FileKind, Image, above
from slimify.proof.show_layers import instruction
from slimify.proof.waste import Visible, account
from slimify.semantics.build import Build, analyse, pairs
from slimify.syntax.dockerfile import parse
from slimify.syntax.source import Source

Files = Mapping[str, Visible]


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
    """Paths are without a slash in front.

    `ignored` are files that are not in the build context any more, `behind` those that are left in another stage than
    the one that ships: that nobody misses them is to be shown by running the image. `placed` are all files that COPY
    and ADD put into the old one, `base` those of its base image. `variables` are the names that the Dockerfiles set
    themselves, `path` the folders that the old one puts on PATH and `added` those that only the new one does. `labels`
    are the names of labels that they set, None where a variable names one. `rebased` says that the new one is built on
    another base image, `split` that it has more stages. `base_layers` are the layers of the new image that its base has
    brought.
    """

    ignored: frozenset[str]
    behind: frozenset[str]
    placed: frozenset[str]
    base: frozenset[str]
    variables: frozenset[str]
    path: frozenset[str]
    added: frozenset[str]
    base_layers: int
    labels: frozenset[str] | None
    rebased: bool
    split: bool


def expected(before: Side, after: Side, image: Image, new: Image) -> Expected:
    """What is left out of `new`: what is ignored now, and what is copied or made in another stage."""
    old_build, new_build = before.build(), after.build()
    assert new_build.context is not None
    placed, still = _placed(old_build), _placed(new_build)
    there = {one.path for one in new_build.context.entries()}
    ignored = {path for path, source in placed.items() if path not in still and source not in there}
    behind: set[str] = set()
    seen = account(image).seen
    base_layers = _base_layers(image, old_build)
    split = len(new_build.stages) > len(old_build.stages)
    if split:
        behind = placed.keys() - still.keys() - ignored
        kept = {instruction(layer.made_by) for layer in new.layers}
        for path, visible in seen.items():
            made_by = instruction(image.layers[visible.layer].made_by)
            if made_by.startswith("RUN ") and made_by not in kept:
                behind.add(path)
    emptied = _emptied(seen, ignored | behind)
    own, other = _env(old_build), _env(new_build)
    return Expected(
        frozenset(ignored | emptied),
        frozenset(behind),
        frozenset(placed) | _copied(image, seen, old_build),
        _brought(image, seen, base_layers),
        frozenset(own.keys() | other.keys()),
        frozenset(_on_path(own)),
        frozenset(_on_path(other) - _on_path(own)),
        _base_layers(new, new_build),
        _labels(old_build, new_build),
        _base_of(old_build) != _base_of(new_build),
        split,
    )


def _copied(image: Image, seen: Files, build: Build) -> set[str]:
    """The files that COPY and ADD brought, from wherever it was: the base's own layers are below theirs."""
    steps = sum(step.keyword in ("COPY", "ADD") for step in chain(build, len(build.stages) - 1))
    made = [number for number, one in enumerate(image.layers) if instruction(one.made_by).startswith(("COPY ", "ADD "))]
    own = set(made[len(made) - min(steps, len(made)) :])
    return {path for path, one in seen.items() if one.layer in own and one.file.kind is not FileKind.FOLDER}


def _labels(*builds: Build) -> frozenset[str] | None:
    steps = [step for build in builds for stage in build.stages for step in stage.steps if step.keyword == "LABEL"]
    names = frozenset(name.strip("\"'") for step in steps for name, _ in pairs(step.instruction))
    return None if any("$" in name for name in names) else names


def _emptied(seen: Files, files: set[str]) -> set[str]:
    """The folders that hold nothing else than files that are left out."""
    left = {
        folder
        for path, one in seen.items()
        if one.file.kind is not FileKind.FOLDER and path not in files
        for folder in above(path)
    }
    return {folder for path in files for folder in above(path)} - left - {""}


def _base_layers(image: Image, build: Build) -> int:
    """The layers below those of the Dockerfile: BuildKit records one entry of history for each of its instructions."""
    history = [one for one in image.config.get("history", ()) if isinstance(one, dict)]
    own = sum(1 for _ in chain(build, len(build.stages) - 1))
    return sum(not one.get("empty_layer") for one in history[: max(len(history) - own, 0)])


def _placed(build: Build) -> dict[str, str]:
    """The files that COPY and ADD put into the last stage, with their sources in the build context.

    A base of which nothing is known starts in the root.
    """
    assert build.context is not None
    stage = build.stages[-1]
    known = config(stage.image or "")
    home = known.workdir if known is not None else "/"
    found: dict[str, str] = {}
    for step in chain(build, stage.index):
        if step.keyword in ("COPY", "ADD") and not step.instruction.flag("from"):
            state = step.state._replace(workdir=step.state.workdir or home)
            taken = copied(step.instruction, state, build.context)
            if not isinstance(taken, str):
                found.update((image.lstrip("/"), source) for source, image in taken.files if image is not None)
    return found


def _base_of(build: Build) -> str | None:
    """The image that the last stage is built on, through all stages between."""
    stage = build.stages[-1]
    while stage.parent is not None:
        stage = build.stages[stage.parent]
    return stage.image


def _brought(image: Image, seen: Files, layers: int) -> frozenset[str]:
    """The files as the base image has them, and its folders, whose mode a layer above may have repeated."""
    below = image.layers[:layers]
    folders = (path for layer in below for path, file in layer.files.items() if file.kind is FileKind.FOLDER)
    return frozenset(folders) | {path for path, one in seen.items() if one.layer < layers}


def _env(build: Build) -> dict[str, list[str]]:
    """The variables that the Dockerfile sets in what ships, with all values that they are given."""
    found: dict[str, list[str]] = {}
    for step in chain(build, len(build.stages) - 1):
        if step.keyword == "ENV":
            for name, value in pairs(step.instruction):
                found.setdefault(name, []).append(str(value))
    return found


def _on_path(variables: dict[str, list[str]]) -> set[str]:
    return {one for value in variables.get("PATH", ()) for one in value.split(":") if one.startswith("/")}
