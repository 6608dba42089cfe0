"""The pack for Python with pip, poetry, uv, pipenv and pdm: a virtualenv is made in the build stage and copied.

The base is an official python image. It fires only where something is there just to build
with: where all that is installed comes as wheels, and neither a compiler nor an installer is, a smaller base does as
well without a second stage.
"""

from __future__ import annotations

import re

from slimify.transforms.split_stage.audience import for_production
from slimify.transforms.split_stage.core import Plan, Result, free_name
from slimify.transforms.split_stage.install import install
from slimify.transforms.split_stage.python_environment import Environment
from slimify.transforms.split_stage.python_packages import Installed
from slimify.transforms.split_stage.python_stage import (
    check_files,
    parts,
    read_stage,
    reason,
    serves_build,
    sorted_runs,
)
from slimify.transforms.split_stage.python_start import Start, start
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run
from slimify.transforms.split_stage.system import System, of_image, preloaded
from slimify.transforms.split_stage.worth import Saving, worth

from slimify.knowledge.debian import closure_size
from slimify.knowledge.image_config import config
from slimify.knowledge.image_siblings import respell, slim_sibling
from slimify.knowledge.image_sizes import uncompressed_bytes
from slimify.knowledge.images import Image
from slimify.knowledge.python_installers import installer
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build, BuildStage

# The C library of each release (Debian package libc6).
_GLIBC = {"bullseye": "glibc 2.31", "bookworm": "glibc 2.36", "trixie": "glibc 2.41"}
_INSTALLS = re.compile(r"\b(?:pip[0-9.]*|poetry|uv|pipenv|pdm)\b.*\b(?:install|sync)\b", re.DOTALL)
# An extension for the interpreter of the image is not linked to the one of the distribution.
_OTHER_PYTHON = re.compile(r"(?:lib)?python3(?:\.\d+)?(?:-all)?-dev")
# Documentation of Python, "mimetypes": /etc/mime.types is read where it is there.
_MIME = frozenset("aiohttp django fastapi flask requests starlette tornado urllib3 werkzeug whitenoise".split())


__all__ = ["concerns", "plan", "serves_build"]


def concerns(build: Build, image: Image) -> bool:
    """Whether something is installed, on Debian or Alpine."""
    runs = (step.instruction.arguments for step in build.stages[0].steps if step.keyword == "RUN")
    return image.distribution in ("debian", "alpine") and any(map(_INSTALLS.search, runs))


def plan(build: Build, image: Image) -> Result | None:
    """How the stage is split; None where there is nothing to split off. Raises `Refused`."""
    stage = build.stages[0]
    assert stage.image is not None
    runs, unread, tools = sorted_runs(stage)
    if image.kind != "full" and not tools:
        return None
    if unread:
        raise unread[0]
    for_production(build)
    if image.distribution == "alpine":
        from slimify.transforms.split_stage.python_alpine import plan_alpine

        return plan_alpine(build, stage, image, runs)
    release, minor = _version(image)
    slim = stage.image if image.kind == "slim" else slim_sibling(stage.image)
    base = None if slim is None else respell(stage.stage.image, stage.image, slim)
    if slim is None or base is None or config(stage.image) != config(slim):
        raise Refused(f"no slim image of the same version and release as {stage.image} is known")
    read = read_stage(build, stage, runs, image, _GLIBC[release])
    _, moving, files, ships, found, _ = read
    if not any(run.build_only for run in moving) and not found.compiled and not ships.left:
        raise Refused("nothing is compiled, so that a smaller base would do without a second stage")
    for run in runs.values():
        if run.adds_users and "adduser" not in of_image(slim):
            raise Refused(f"adduser is not in {slim}", run.step.instruction.span)
    begin = start(build, stage, files, found, runs.values(), ships)
    system = System(
        release,
        before=of_image(stage.image),
        after=of_image(slim),
        installed=[(run.packages, run.recommends) for run in runs.values()],
        kept=[(run.kept, run.recommends) for run in runs.values()],
    )
    _needs(system, stage, moving, found, begin)
    if image.kind != "slim" and (found.names & _MIME or "mimetypes" in begin.stdlib):
        system.wants(("media-types",), "file types are guessed with /etc/mime.types")
    gone = system.users
    for run in runs.values():
        if run.sets_up and gone and re.search(r"user", run.step.instruction.arguments):
            raise Refused(
                f"without {gone[0]} the next user that is added has another number", run.step.instruction.span
            )
    check_files(build.context, begin, ships)
    saves = _pays(stage.image, slim, release, moving, system, ships)
    brought = ships.arrive(free_name(build))
    # Beside its folder in PATH an installer that stays would go into the virtualenv.
    late = ships.own or bool(ships.keeps)
    return Result(
        Plan(
            name=free_name(build),
            base=base,
            parts=parts(read, stage),
            prepare=ships.prepare(minor),
            arrive=(*_packages(build, moving, system), *(() if late else brought)),
            late=brought if late else (),
            prepare_at=ships.at,
        ),
        reason(moving, found, image, ships, system.added),
        _evidence(moving, found, system, slim, image, minor),
        saves,
    )


def _version(image: Image) -> tuple[str, int]:
    match = re.fullmatch(r"3\.(\d+)(\.\d+)?", image.version)
    if match is None or image.release not in ("bullseye", "bookworm", "trixie"):
        raise Refused("which version of Python this is, or on which release, is not known")
    minor = int(match[1])
    # The pip that makes a virtualenv is the one in Python itself: those of old versions know fewer wheels.
    if minor < 8 or (minor < 10 and match[2]):
        raise Refused(f"a virtualenv of Python {image.version} brings an older pip than the image")
    return image.release, minor


def _needs(system: System, stage: BuildStage, moving: list[Run], found: Installed, begin: Start) -> None:
    """Have everything installed that was there, is needed to run, and would be gone."""
    for run in moving:
        for one in run.build_only:
            if _OTHER_PYTHON.fullmatch(one):
                continue
            system.libraries_of(one, run.step.instruction.span)
    for name, packages in found.needs:
        system.wants(packages, f"{name} needs it to run")
    for program, where in begin.programs:
        system.wants_program(program, where, stage.stage.base.span)
    for library, where in begin.libraries:
        system.wants_library(library, where, stage.stage.base.span)
    for library, span in preloaded(stage):
        system.wants_library(library, "LD_PRELOAD", span)
    system.wants_modules()


def _pays(image: str, slim: str, release: str, moving: list[Run], system: System, ships: Environment) -> Saving:
    before, after = uncompressed_bytes(image), uncompressed_bytes(slim)
    asked = [one for run in moving for one in run.packages]
    kept = [*(one for run in moving for one in run.kept), *system.added]
    gone, comes = closure_size(asked, release), closure_size(kept, release)
    if before is None or after is None or gone is None or comes is None:
        return worth(None, None)
    if image != slim:
        # Much of what is asked for is in the full image already.
        gone = 0
    gone += sum(one.bytes for name in set(ships.left) if (one := installer(name)) is not None)
    return worth(before.bytes + gone, after.bytes + comes)


def _packages(build: Build, moving: list[Run], system: System) -> tuple[str, ...]:
    return install(build, moving, [*(one for run in moving for one in run.kept), *system.added])


def _evidence(
    moving: list[Run], found: Installed, system: System, slim: str, image: Image, minor: int
) -> tuple[Evidence, ...]:
    facts = [Evidence("this belongs to the build", run.step.instruction.span) for run in moving]
    facts += [Evidence(f"{name} is installed from source", None, source) for name, source in found.sources]
    facts += [Evidence(f"{package} is installed: {why}") for package, why in system.added.items()]
    if minor < 12:
        facts.append(
            Evidence("up to 3.11 the image has setuptools and wheel, which builds from source then use as before")
        )
    if image.kind != "slim":
        facts.append(Evidence(f"{slim} has the same Python on the same release, {image.release}", None, image.how))
    return tuple(facts)
