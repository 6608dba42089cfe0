"""The pack for Python with pip: a virtualenv is made in the build stage and copied.

The base is an official python image on Debian. It fires only where something is there just to compile
with: where all that pip installs comes as wheels and no compiler is installed, a smaller base does as well
without a second stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from slimify.transforms.split_stage.core import Part, Plan, Result, free_name
from slimify.transforms.split_stage.install import install
from slimify.transforms.split_stage.python_packages import Installed, installed, sort_pip
from slimify.transforms.split_stage.python_start import Start, start
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run, read_run
from slimify.transforms.split_stage.system import System
from slimify.transforms.split_stage.worth import worth

from slimify.knowledge.debian import closure_size, resolve, runtime_packages
from slimify.knowledge.image_config import config
from slimify.knowledge.image_packages import packages as image_packages
from slimify.knowledge.image_siblings import respell, slim_sibling
from slimify.knowledge.image_sizes import uncompressed_bytes
from slimify.knowledge.images import Image
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build, BuildStage, Step, pairs
from slimify.semantics.build_context import BuildContext

VENV = "/opt/venv"
_PATH = f"ENV PATH={VENV}/bin:$PATH"
# Variables that lead pip or the interpreter past a virtualenv (documentation of pip and of Python).
_MISLEADING = re.compile(
    r"PATH|PYTHONHOME|PYTHONUSERBASE|PYTHONPLATLIBDIR|VIRTUAL_ENV|PIP_(?!NO_CACHE_DIR|DISABLE_PIP_VERSION_CHECK|INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT|TIMEOUT|ROOT_USER_ACTION|NO_COLOR|PROGRESS_BAR).*"
)
_INSTALLS = re.compile(r"\bpip[0-9.]*\b.*\binstall\b", re.DOTALL)
_BUILDS = re.compile(
    r"\b(?:apt|apt-get)\b.*\binstall\b.*(?:\b(?:gcc|make|build-essential|cmake)\b|g\+\+|-dev\b)", re.DOTALL
)
# Scripts of the user's own may well lie beside the interpreter.
_ELSEWHERE = re.compile(
    r"/usr/local/bin(?!/(?:[\w.-]+\.sh\b|[\"'\s]|$))|/usr/local/lib|(?:site|dist)-packages|/opt/venv"
)
# An extension for the interpreter of the image is not linked to the one of the distribution.
_OTHER_PYTHON = re.compile(r"(?:lib)?python3(?:\.\d+)?(?:-all)?-dev")
# Documentation of Python, "mimetypes": /etc/mime.types is read where it is there.
_MIME = frozenset("aiohttp django fastapi flask requests starlette tornado urllib3 werkzeug whitenoise".split())


def concerns(build: Build, image: Image) -> bool:
    """Whether pip installs something, on Debian."""
    runs = (step.instruction.arguments for step in build.stages[0].steps if step.keyword == "RUN")
    return image.distribution == "debian" and any(map(_INSTALLS.search, runs))


def plan(build: Build, image: Image) -> Result | None:
    """How the stage is split; None where there is nothing to split off. Raises `Refused`."""
    stage = build.stages[0]
    assert stage.image is not None
    runs = {}
    unread: list[Refused] = []
    for step in stage.steps:
        if step.keyword == "RUN":
            try:
                runs[step.index] = read_run(step, sort_pip)
            except Refused as reason:
                unread.append(reason)
    texts = [step.instruction.arguments for step in stage.steps if step.keyword == "RUN"]
    tools = any(run.build_only for run in runs.values()) or any(map(_BUILDS.search, texts))
    if image.kind == "slim" and not tools:
        return None
    if unread:
        raise unread[0]
    release, minor = _version(image)
    slim = stage.image if image.kind == "slim" else slim_sibling(stage.image)
    base = None if slim is None else respell(stage.stage.image, stage.image, slim)
    if slim is None or base is None or config(stage.image) != config(slim):
        raise Refused(f"no slim image of the same version and release as {stage.image} is known")
    _variables(stage)
    for step in stage.steps:
        if _ELSEWHERE.search(step.instruction.logical.text):
            raise Refused("a path of the interpreter's own packages or programs is named", step.instruction.span)
    moving = [run for run in runs.values() if run.moves]
    _as_root(stage, moving[-1].step)
    found = installed(build, stage, moving, minor, release, image.kind != "slim")
    if not any(run.build_only for run in moving) and not found.compiled:
        raise Refused("nothing is compiled, so that a smaller base would do without a second stage")
    for run in runs.values():
        if run.adds_users and "adduser" not in _of_image(slim):
            raise Refused(f"adduser is not in {slim}", run.step.instruction.span)
    begin = start(build, stage, found, runs.values())
    system = System(
        release,
        before=_of_image(stage.image),
        after=_of_image(slim),
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
    _elsewhere(build.context, begin)
    saves = _pays(stage.image, slim, release, moving, system)
    return Result(
        Plan(
            name=free_name(build),
            base=base,
            parts=_parts(stage, runs, found),
            prepare=_prepare(minor),
            arrive=_arrive(build, moving, system),
        ),
        _reason(moving, found, image),
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


def _variables(stage: BuildStage) -> None:
    for step in stage.steps:
        if step.keyword not in ("ENV", "ARG"):
            continue
        names = [name for name, _ in pairs(step.instruction)]
        if step.keyword == "ARG":
            names = [token.text.partition("=")[0] for token in step.instruction.tokens]
        for name in names:
            if _MISLEADING.fullmatch(name):
                raise Refused(f"{name} is set, which decides where packages are found", step.instruction.span)


def _as_root(stage: BuildStage, last: Step) -> None:
    for step in stage.steps[: last.index]:
        if step.keyword == "USER":
            raise Refused("packages are installed behind a USER", step.instruction.span)


def _of_image(reference: str) -> frozenset[str]:
    found = image_packages(reference)
    if found is None:
        raise Refused(f"which packages are in {reference} is not known")
    return found


def _needs(system: System, stage: BuildStage, moving: list[Run], found: Installed, begin: Start) -> None:
    """Have everything installed that was there, is needed to run, and would be gone."""
    for run in moving:
        for one in run.build_only:
            if _OTHER_PYTHON.fullmatch(one):
                continue
            if resolve(one, system.release) is None:
                raise Refused(f"the package {one} is not known", run.step.instruction.span)
            for library in runtime_packages(one, system.release) or ():
                system.wants((library,), f"it has the library of {one}")
    for name, packages in found.needs:
        system.wants(packages, f"{name} needs it to run")
    for program, where in begin.programs:
        system.wants_program(program, where, stage.stage.base.span)
    for library, where in begin.libraries:
        system.wants_library(library, where, stage.stage.base.span)


def _elsewhere(context: BuildContext | None, begin: Start) -> None:
    """Refuse where a file names the place that packages are at without a virtualenv."""
    assert context is not None
    for path in begin.files:
        data = context.read(path)
        if data is not None and len(data) < 1 << 20 and re.search(_ELSEWHERE.pattern.encode(), data):
            raise Refused(f"{path} names a path of the interpreter's own packages or programs")


def _pays(image: str, slim: str, release: str, moving: list[Run], system: System) -> int:
    before, after = uncompressed_bytes(image), uncompressed_bytes(slim)
    asked = [one for run in moving for one in run.packages]
    kept = [*(one for run in moving for one in run.kept), *system.added]
    gone, comes = closure_size(asked, release), closure_size(kept, release)
    if before is None or after is None or gone is None or comes is None:
        return worth(None, None)
    if image != slim:
        # Much of what is asked for is in the full image already.
        gone = 0
    return worth(before.bytes + gone, after.bytes + comes)


def _parts(stage: BuildStage, runs: dict[int, Run], found: Installed) -> tuple[Part, ...]:
    last = max(at for at, run in runs.items() if run.moves)
    parts = []
    for step in stage.steps:
        part = Part.RUN
        if step.index <= last:
            if step.keyword in ("ENV", "ARG", "WORKDIR"):
                part = Part.BOTH
            elif step.keyword == "RUN" and runs[step.index].moves:
                part = Part.BUILD
            elif step.index in found.copies:
                part = Part.BUILD if step.index in found.copied_again else Part.BOTH
        parts.append(part)
    return tuple(parts)


def _prepare(minor: int) -> tuple[str, ...]:
    # Up to 3.11 the images have setuptools and wheel beside pip, with which source distributions are built.
    option = " --system-site-packages" if minor < 12 else ""
    return f"RUN python -m venv{option} {VENV}", _PATH


def _arrive(build: Build, moving: list[Run], system: System) -> tuple[str, ...]:
    names = [*(one for run in moving for one in run.kept), *system.added]
    return *install(build, moving, names), f"COPY --from={free_name(build)} {VENV} {VENV}", _PATH


def _reason(moving: list[Run], found: Installed, image: Image) -> str:
    tools = [one for run in moving for one in run.build_only]
    what = [f"{', '.join(_some(tools))} only serve the build"] if tools else []
    if found.compiled and not tools:
        what.append(
            f"the compiler and headers of the full image only serve to build {', '.join(_some(found.compiled))}"
        )
    return " and ".join(what) or f"{image.tag} has more than what runs needs"


def _some(names: Iterable[str]) -> list[str]:
    listed = list(dict.fromkeys(names))
    return listed if len(listed) <= 4 else [*listed[:3], f"{len(listed) - 3} more"]


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
