"""What splitting a stage with Python in it takes, whatever the distribution of the base."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from typing import NamedTuple

from slimify.transforms.split_stage.core import Part
from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.python_environment import Environment, copies_installer, environment
from slimify.transforms.split_stage.python_packages import Installed, installed
from slimify.transforms.split_stage.python_settings import read_unasked
from slimify.transforms.split_stage.python_start import Start
from slimify.transforms.split_stage.python_tools import PIPED, pipe_installer, sort_python
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run, read_run

from slimify.context.run_elsewhere import run_elsewhere
from slimify.knowledge.images import Image
from slimify.semantics.build import Build, BuildStage, Step
from slimify.semantics.build_context import BuildContext

_INSTALLERS = re.compile(r"\binstall\b.*\b(?:poetry|uv|pipenv|pdm)\b", re.DOTALL)
# Variables that only the installers read.
_TOOLS_VARIABLES = re.compile(
    r"(?:POETRY|PIPENV|PDM|UV|PIP)_(?:NO_CACHE\w*|NO_INTERACTION|COMPILE_BYTECODE|NOSPIN|YES)"
)
_BUILDS = re.compile(
    r"\b(?:(?:apt|apt-get)\b.*\binstall|apk\b.*\badd)\b"
    r".*(?:\b(?:gcc|make|build-essential|build-base|cmake)\b|g\+\+|-dev\b)",
    re.DOTALL,
)
# Scripts of the user's own may well lie beside the interpreter.
_ELSEWHERE = re.compile(
    r"/usr/local/bin(?!/(?:[\w.-]+\.sh\b|[\"'\s]|$))|/usr/local/lib|(?:site|dist)-packages|/opt/venv"
)
# What a Compose file may have run in the image that only the build stage has, or that is blind to a virtualenv.
_ONLY_BUILDS = re.compile(
    r"(?<![\w./-])(?:apt-get|apk|cron|crond|g\+\+|gcc|git|make|pdm|pip3?|pipenv|poetry|sudo|supervisord|uv)(?![\w./-])"
)
# Debian policy, base-passwd: users and groups that every image has.
_USERS = frozenset("root daemon bin sys adm www-data nobody nogroup users staff".split())


class Stage(NamedTuple):
    """The RUNs of a stage, those that move to the build stage, the files, the environment, and what is in it.

    `unasked` are the COPY and ADD of files that installers read without being told to.
    """

    runs: dict[int, Run]
    moving: list[Run]
    files: Files
    ships: Environment
    found: Installed
    unasked: frozenset[int]


def sorted_runs(stage: BuildStage) -> tuple[dict[int, Run], list[Refused], bool]:
    """The RUNs that can be sorted, why the others cannot, and whether anything is there only to build with."""
    runs: dict[int, Run] = {}
    unread: list[Refused] = []
    for step in stage.steps:
        if step.keyword == "RUN":
            try:
                runs[step.index] = read_run(step, sort_python, _TOOLS_VARIABLES, pipe_installer)
            except Refused as reason:
                unread.append(reason)
    texts = [step.instruction.arguments for step in stage.steps if step.keyword == "RUN"]
    tools = any(run.build_only for run in runs.values()) or any(map(serves_build, stage.steps))
    tools = tools or any(one.search(text) for text in texts for one in (_BUILDS, _INSTALLERS, PIPED))
    return runs, unread, tools


def read_stage(build: Build, stage: BuildStage, runs: dict[int, Run], image: Image, libc: str) -> Stage:
    """What is installed in a stage, and where to. Raises `Refused` where that is not all known."""
    moving = [run for run in runs.values() if run.moves]
    if not moving:
        raise Refused("nothing is installed that is known")
    _as_root(stage, moving[-1].step)
    files = Files(build, stage)
    ships = environment(files, stage, moving, int(image.version.split(".")[1]))
    for step in stage.steps:
        if not serves_build(step) and _ELSEWHERE.search(ships.without(step.instruction.logical.text)):
            raise Refused("a path of the interpreter's own packages or programs is named", step.instruction.span)
    found = installed(build, files, moving, image.version, libc, image.kind == "full")
    _undisturbed(stage, files, runs, ships)
    _in_time(runs, ships)
    _elsewhere(build, ships)
    return Stage(runs, moving, files, ships, found, read_unasked(stage, files, moving[-1].step.index))


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


def _elsewhere(build: Build, ships: Environment) -> None:
    """Refuse where a Compose file has run in the image what would not be found there."""
    assert build.context is not None
    for command, at in run_elsewhere(build.context, ()).commands:
        match = _ONLY_BUILDS.search(command)
        if match is not None and match[0] != ships.keeps:
            raise Refused(f"{at.file} runs {match[0]} in an image")
        if _ELSEWHERE.search(ships.without(command)):
            raise Refused(f"{at.file} names a path of the interpreter's own packages or programs")


def _undisturbed(stage: BuildStage, files: Files, runs: dict[int, Run], ships: Environment) -> None:
    """Refuse where something else lies in the environment of the project's own, or changes its owner on the way."""
    if not ships.own:
        for step in stage.steps:
            words = step.instruction.exec_form or tuple(one.text for one in step.instruction.tokens)
            if step.keyword == "VOLUME" and any(f"{ships.folder}/".startswith(f"{one.rstrip('/')}/") for one in words):
                raise Refused(f"a volume lies over {ships.folder}", step.instruction.span)
        return
    inside = f"{ships.folder}/"
    for index, taken in files.taken.items():
        if any(image is not None and image.startswith(inside) for _, image in taken.files):
            raise Refused(f"{ships.folder} comes from the build context as well", stage.steps[index].instruction.span)
    last = max(at for at, run in runs.items() if run.moves)
    for at, run in runs.items():
        if at < last and run.sets_up and re.search(r"\bch(?:own|mod)\b", run.step.instruction.arguments):
            raise Refused("an owner or mode is changed between two installs", run.step.instruction.span)


def check_files(context: BuildContext | None, begin: Start, ships: Environment) -> None:
    """Refuse where a file names the place that packages are at without a virtualenv."""
    assert context is not None
    for path in begin.files:
        data = context.read(path)
        text = "" if data is None or len(data) >= 1 << 20 else data.decode("utf-8", "replace")
        if _ELSEWHERE.search(ships.without(text)):
            raise Refused(f"{path} names a path of the interpreter's own packages or programs")


def parts(read: Stage, stage: BuildStage) -> tuple[Part, ...]:
    """Where each instruction goes."""
    runs, found, ships = read.runs, read.found, read.ships
    last = max(at for at, run in runs.items() if run.moves)
    owners = _owners(stage, runs, found)
    found_parts: list[Part] = []
    for step in stage.steps:
        part = Part.RUN
        if step.index <= last:
            if step.keyword in ("ENV", "ARG", "WORKDIR") or step.index in ships.kept | owners:
                part = Part.BOTH
            elif serves_build(step) or (step.keyword == "RUN" and runs[step.index].moves):
                part = Part.BUILD
            elif step.index in found.copies:
                part = Part.BUILD if step.index in found.copied_again else Part.BOTH
            elif step.index in read.unasked:
                part = Part.BOTH
        found_parts.append(part)
    return tuple(found_parts)


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


def reason(moving: list[Run], found: Installed, image: Image, ships: Environment, added: Container[str]) -> str:
    """What the image carries for nothing; not what is `added` to the packages that it ships."""
    tools = [*(one for run in moving for one in run.build_only if one not in added), *ships.left]
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
