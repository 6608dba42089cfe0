"""split-stage: build in one stage, ship another that has only what runs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from slimify.rewrite.edit import Finding, Level, Rewrite
from slimify.semantics.build import Build, Step

if TYPE_CHECKING:
    from slimify.transforms.split_stage.core import Plan, Result

    from slimify.knowledge.images import Image

NAME = "split-stage"
# The module of the pack for each official image.
_JDKS = (
    "amazoncorretto",
    "azul-zulu",
    "eclipse-temurin",
    "gradle",
    "ibm-semeru-runtimes",
    "maven",
    "openjdk",
    "sapmachine",
)
_PACKS = {
    **dict.fromkeys(("alpine", "buildpack-deps", "debian", "gcc", "ubuntu"), "cpp"),
    "golang": "golang",
    "node": "node",
    "php": "php",
    "python": "python",
    "ruby": "ruby",
    "rust": "rust",
    **dict.fromkeys(("mcr.microsoft.com/dotnet/sdk", "mcr.microsoft.com/dotnet/core/sdk"), "dotnet"),
    **dict.fromkeys(_JDKS, "java"),
}
_TITLE = "the stage is not split"


class Pack(Protocol):
    """What the module of an ecosystem has to say. Only the one that is asked is loaded."""

    def concerns(self, build: Build, image: Image) -> bool:
        """Whether the only stage of a build, on this image, builds something that the pack knows of. It is cheap."""
        ...

    def plan(self, build: Build, image: Image) -> Result | None:
        """How the stage is split; None where there is nothing to split off. Raises `Refused`."""
        ...


def split_stage(build: Build) -> Iterator[Rewrite | Finding]:
    """Leave what is only there to build with in a stage of its own.

    >>> # FROM python:3.12                      FROM python:3.12 AS build
    >>> # COPY requirements.txt .               RUN python -m venv /opt/venv
    >>> # RUN pip install -r requirements.txt   ...
    >>> # COPY . .                          ->  FROM python:3.12-slim
    >>> # CMD ["python", "app.py"]              COPY --from=build /opt/venv /opt/venv
    """
    if build.context is None or len(build.stages) != 1:
        return
    stage = build.stages[0]
    if stage.image is None or not any(step.keyword == "RUN" for step in stage.steps):
        return
    from slimify.knowledge.images import describe

    image = describe(stage.image.partition("@")[0])
    name = None if image is None else _PACKS.get(image.name)
    if image is None or name is None:
        return
    pack: Pack = importlib.import_module(f"{__package__}.{name}")
    if not pack.concerns(build, image):
        return
    from slimify.transforms.split_stage.refused import Refused

    base = stage.stage.base
    try:
        _gate(build, getattr(pack, "serves_build", None))
        result = pack.plan(build, image)
        if result is None:
            return
        result.saves.check(build.least)
    except Refused as reason:
        yield Finding(NAME, _TITLE, reason.why, reason.span or base.span, evidence=reason.evidence)
        return
    if result.leaner is not None:
        yield _rewrite(build, result, result.leaner, Level.AGGRESSIVE)
    yield _rewrite(build, result, result.plan, Level.STANDARD)


def _rewrite(build: Build, result: Result, plan: Plan, level: Level) -> Rewrite:
    from slimify.transforms.split_stage.core import edits

    return Rewrite(
        transform=NAME,
        level=level,
        title=f"build in a stage of its own and ship {plan.base}",
        reason=result.reason,
        edits=edits(build, plan),
        evidence=result.evidence,
        saves=result.saves.bytes,
        keywords=frozenset(),
        reshapes=True,
        brings=plan.brings,
    )


def _gate(build: Build, serves_build: Callable[[Step], bool] | None) -> None:
    """Refuse what no pack can split, whatever is built.

    A pack may have a function `serves_build`, which knows the COPY from other images that only bring tools.
    """
    from slimify.transforms.split_stage.refused import Refused

    stage = build.stages[0]
    base = stage.stage.base
    syntax = build.dockerfile.directive("syntax")
    if syntax is not None and not syntax.removeprefix("docker.io/").startswith("docker/dockerfile"):
        raise Refused(f"the file is read by {syntax}, which may have rules of its own")
    if build.dockerfile.escape != "\\":
        raise Refused("the escape character is that of Windows")
    if "@" in stage.stage.image:
        raise Refused("the base is pinned by its digest, and that of a sibling is not known")
    if build.target is not None and stage.name is None:
        raise Refused("the stage is asked for by its number, which would become another")
    tools = [step.instruction for step in stage.steps if serves_build is not None and serves_build(step)]
    for one in (base, *stage.stage.instructions):
        if not build.pragmas.allows(NAME, one):
            raise Refused("a pragma protects an instruction", one.span)
        if one.keyword in ("ONBUILD", "SHELL"):
            raise Refused(f"{one.keyword} speaks of more than this stage", one.span)
        if one.heredocs:
            raise Refused("a here-document cannot be sorted into one of the stages", one.span)
        if one.keyword == "COPY" and one.flag("from") and one not in tools:
            raise Refused("what is copied from another image may serve the build, the application or both", one.span)
