"""The pack for Python with pip, poetry, uv, pipenv and pdm: a virtualenv is made in the build stage and copied.

The base is an official python image on Debian. It fires only where something is there just to build
with: where all that is installed comes as wheels, and neither a compiler nor an installer is, a smaller base does as
well without a second stage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from slimify.transforms.split_stage.core import Part, Plan, Result, free_name
from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.install import install
from slimify.transforms.split_stage.python_environment import Environment, copies_installer, environment
from slimify.transforms.split_stage.python_packages import Installed, installed
from slimify.transforms.split_stage.python_start import Start, start
from slimify.transforms.split_stage.python_tools import PIPED, sort_python
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
from slimify.knowledge.python_installers import installer
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build, BuildStage, Step
from slimify.semantics.build_context import BuildContext

_INSTALLS = re.compile(r"\b(?:pip[0-9.]*|poetry|uv|pipenv|pdm)\b.*\b(?:install|sync)\b", re.DOTALL)
_INSTALLERS = re.compile(r"\binstall\b.*\b(?:poetry|uv|pipenv|pdm)\b", re.DOTALL)
# Variables that only the installers read.
_TOOLS_VARIABLES = re.compile(
    r"(?:POETRY|PIPENV|PDM|UV|PIP)_(?:NO_CACHE\w*|NO_INTERACTION|COMPILE_BYTECODE|NOSPIN|YES)"
)
_BUILDS = re.compile(
    r"\b(?:apt|apt-get)\b.*\binstall\b.*(?:\b(?:gcc|make|build-essential|cmake)\b|g\+\+|-dev\b)", re.DOTALL
)
# Scripts of the user's own may well lie beside the interpreter.
_ELSEWHERE = re.compile(
    r"/usr/local/bin(?!/(?:[\w.-]+\.sh\b|[\"'\s]|$))|/usr/local/lib|(?:site|dist)-packages|/opt/venv"
)
# An extension for the interpreter of the image is not linked to the one of the distribution.
_OTHER_PYTHON = re.compile(r"(?:lib)?python3(?:\.\d+)?(?:-all)?-dev")
# Their maintainer scripts add system users, which take the next free number.
_MAKE_USERS = frozenset(
    "avahi-daemon dbus dbus-system-bus-common openssh-server polkitd postgresql-common redis-server systemd".split()
)
# Debian policy, base-passwd: users and groups that every image has.
_USERS = frozenset("root daemon bin sys adm www-data nobody nogroup users staff".split())
# Documentation of Python, "mimetypes": /etc/mime.types is read where it is there.
_MIME = frozenset("aiohttp django fastapi flask requests starlette tornado urllib3 werkzeug whitenoise".split())


def concerns(build: Build, image: Image) -> bool:
    """Whether something is installed, on Debian."""
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
                runs[step.index] = read_run(step, sort_python, _TOOLS_VARIABLES, PIPED)
            except Refused as reason:
                unread.append(reason)
    texts = [step.instruction.arguments for step in stage.steps if step.keyword == "RUN"]
    tools = any(run.build_only for run in runs.values()) or any(map(_BUILDS.search, texts))
    tools = tools or any(_INSTALLERS.search(text) or PIPED.search(text) for text in texts)
    tools = tools or any(map(serves_build, stage.steps))
    if image.kind == "slim" and not tools:
        return None
    if unread:
        raise unread[0]
    release, minor = _version(image)
    slim = stage.image if image.kind == "slim" else slim_sibling(stage.image)
    base = None if slim is None else respell(stage.stage.image, stage.image, slim)
    if slim is None or base is None or config(stage.image) != config(slim):
        raise Refused(f"no slim image of the same version and release as {stage.image} is known")
    moving = [run for run in runs.values() if run.moves]
    if not moving:
        raise Refused("nothing is installed that is known")
    _as_root(stage, moving[-1].step)
    files = Files(build, stage, serves_build)
    ships = environment(files, stage, moving, minor)
    for step in stage.steps:
        if _ELSEWHERE.search(ships.without(step.instruction.logical.text)):
            raise Refused("a path of the interpreter's own packages or programs is named", step.instruction.span)
    found = installed(build, files, moving, image.version, release, image.kind != "slim")
    _undisturbed(stage, files, runs, ships)
    _in_time(runs, ships)
    if not any(run.build_only for run in moving) and not found.compiled and not ships.left:
        raise Refused("nothing is compiled, so that a smaller base would do without a second stage")
    for run in runs.values():
        if run.adds_users and "adduser" not in _of_image(slim):
            raise Refused(f"adduser is not in {slim}", run.step.instruction.span)
    begin = start(build, stage, files, found, runs.values(), ships)
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
    gone = sorted(_MAKE_USERS & (system.before - system.after))
    for run in runs.values():
        if run.sets_up and gone and re.search(r"user", run.step.instruction.arguments):
            raise Refused(
                f"without {gone[0]} the next user that is added has another number", run.step.instruction.span
            )
    _elsewhere(build.context, begin, ships)
    saves = _pays(stage.image, slim, release, moving, system, ships)
    brought = ships.arrive(free_name(build))
    # Beside its folder in PATH an installer that stays would go into the virtualenv.
    late = ships.own or bool(ships.keeps)
    return Result(
        Plan(
            name=free_name(build),
            base=base,
            parts=_parts(stage, runs, found, ships),
            prepare=ships.prepare(minor),
            arrive=(*_packages(build, moving, system), *(() if late else brought)),
            late=brought if late else (),
            prepare_at=ships.at,
        ),
        _reason(moving, found, image, ships),
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


def serves_build(step: Step) -> bool:
    """Whether an instruction brings an installer from its own image."""
    return copies_installer(step)


def _as_root(stage: BuildStage, last: Step) -> None:
    for step in stage.steps[: last.index]:
        if step.keyword == "USER":
            raise Refused("packages are installed behind a USER", step.instruction.span)


def _in_time(runs: dict[int, Run], ships: Environment) -> None:
    """Refuse a RUN that starts the application, or a package, in front of where the environment arrives."""
    moving = [at for at, run in runs.items() if run.moves and at not in ships.kept]
    arrives = max(moving) if ships.own or ships.keeps else min(moving)
    for at, run in runs.items():
        if run.starts and at < arrives:
            raise Refused("something runs before all is installed", run.step.instruction.span)


def _undisturbed(stage: BuildStage, files: Files, runs: dict[int, Run], ships: Environment) -> None:
    """Refuse where something else lies in the environment of the project's own, or changes its owner on the way."""
    if not ships.own:
        return
    inside = f"{ships.folder}/"
    for index, taken in files.taken.items():
        if any(image is not None and image.startswith(inside) for _, image in taken.files):
            raise Refused(f"{ships.folder} comes from the build context as well", stage.steps[index].instruction.span)
    last = max(at for at, run in runs.items() if run.moves)
    for at, run in runs.items():
        if at < last and run.sets_up and re.search(r"\bch(?:own|mod)\b", run.step.instruction.arguments):
            raise Refused("an owner or mode is changed between two installs", run.step.instruction.span)


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


def _elsewhere(context: BuildContext | None, begin: Start, ships: Environment) -> None:
    """Refuse where a file names the place that packages are at without a virtualenv."""
    assert context is not None
    for path in begin.files:
        data = context.read(path)
        text = "" if data is None or len(data) >= 1 << 20 else data.decode("utf-8", "replace")
        if _ELSEWHERE.search(ships.without(text)):
            raise Refused(f"{path} names a path of the interpreter's own packages or programs")


def _pays(image: str, slim: str, release: str, moving: list[Run], system: System, ships: Environment) -> int:
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


def _parts(stage: BuildStage, runs: dict[int, Run], found: Installed, ships: Environment) -> tuple[Part, ...]:
    last = max(at for at, run in runs.items() if run.moves)
    owners = _owners(stage, runs, found)
    parts = []
    for step in stage.steps:
        part = Part.RUN
        if step.index <= last:
            if step.keyword in ("ENV", "ARG", "WORKDIR") or step.index in ships.kept | owners:
                part = Part.BOTH
            elif serves_build(step) or (step.keyword == "RUN" and runs[step.index].moves):
                part = Part.BUILD
            elif step.index in found.copies:
                part = Part.BUILD if step.index in found.copied_again else Part.BOTH
        parts.append(part)
    return tuple(parts)


def _owners(stage: BuildStage, runs: dict[int, Run], found: Installed) -> set[int]:
    """The RUNs that make the users whose names a COPY in the build stage has. Raises `Refused` where none does."""
    wanted: set[int] = set()
    for at in found.copies:
        owner = stage.steps[at].instruction.flag("chown")
        for name in (owner or "").split(":"):
            if not name or name.isdecimal() or name in _USERS:
                continue
            adds = re.compile(rf"(?:(?:user|group)add|add(?:user|group))\b.*\b{re.escape(name)}\b")
            made = [index for index, run in runs.items() if index < at and adds.search(run.step.instruction.arguments)]
            if not made or any(runs[index].packages or runs[index].starts for index in made):
                raise Refused(f"the user {name} is not made in the build stage", stage.steps[at].instruction.span)
            wanted.update(made)
    return wanted


def _packages(build: Build, moving: list[Run], system: System) -> tuple[str, ...]:
    return install(build, moving, [*(one for run in moving for one in run.kept), *system.added])


def _reason(moving: list[Run], found: Installed, image: Image, ships: Environment) -> str:
    tools = [*(one for run in moving for one in run.build_only), *ships.left]
    listed = _some(tools)
    what = [f"{', '.join(listed)} only serve{'s' if len(listed) == 1 else ''} the build"] if tools else []
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
