"""The pack for Python on Alpine: the base stays, what is compiled with does not.

Nothing but packages that only serve the build is missing from what ships, so that no more has to be known than which
libraries they stand for, and which programs they may have brought.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from slimify.transforms.split_stage.core import Plan, Result, free_name
from slimify.transforms.split_stage.install import install
from slimify.transforms.split_stage.python_environment import Environment
from slimify.transforms.split_stage.python_stage import check_files, parts, read_stage, reason
from slimify.transforms.split_stage.python_start import start
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run
from slimify.transforms.split_stage.worth import Saving, worth

from slimify.knowledge.image_sizes import uncompressed_bytes
from slimify.knowledge.images import Image
from slimify.knowledge.other_headers import alpine_least_bytes, alpine_runtime_packages
from slimify.knowledge.python_installers import installer
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build, BuildStage

# Alpine has had musl 1.2 since 3.13.
_LIBC = "musl 1.2"
_FIRST = (3, 13)
# An extension for the interpreter of the image is not linked to the one of the distribution.
_OTHER_PYTHON = re.compile(r"python3-dev")
# BusyBox documentation, "Currently defined functions": what start scripts call of it.
_BUSYBOX = frozenset(
    "awk basename cat chmod chown cp cut date df dirname du env find getopt grep gunzip gzip head hostname id install "
    "kill killall ln ls md5sum mkdir mkfifo mktemp mv nc nice nohup nproc pgrep ping printenv printf ps pwd readlink "
    "realpath rm rmdir sed seq sh sha256sum sleep sort stat tail tar tee test timeout touch tr true uname uniq unzip "
    "wc wget which whoami xargs yes".split()
)


def plan_alpine(build: Build, stage: BuildStage, image: Image, runs: dict[int, Run]) -> Result:
    """How the stage is split. Raises `Refused`."""
    release = (image.release or "").removeprefix("alpine")
    match = re.fullmatch(r"3\.(\d+)(?:\.\d+)?", image.version)
    if match is None or not re.fullmatch(r"\d+\.\d+", release):
        raise Refused("which version of Python this is, or on which release, is not known")
    if tuple(map(int, release.split("."))) < _FIRST or int(match[1]) < 8:
        raise Refused(f"Alpine {release} is too old to know which wheels fit")
    read = read_stage(build, stage, runs, image, _LIBC)
    if read.ships.keeps == "poetry":
        raise Refused("whether Poetry, which starts the application, needs a compiler on Alpine is not known")
    begin = start(build, stage, read.files, read.found, runs.values(), read.ships)
    kept = {one for run in runs.values() for one in run.kept}
    for program, where in begin.programs:
        if program.rpartition("/")[2] not in _BUSYBOX | kept:
            raise Refused(f"{where} uses {program}, and what brings it is not known", stage.stage.base.span)
    for library, where in begin.libraries:
        raise Refused(f"{where} uses {library}, and what brings it is not known", stage.stage.base.span)
    check_files(build.context, begin, read.ships)
    added = _libraries(read.moving, release)
    saves = _pays(stage.image or "", read.moving, read.ships)
    moved = [one for run in read.moving for one in run.kept]
    installs = install(build, read.moving, [*moved, *added], "alpine")
    brought = read.ships.arrive(free_name(build))
    # Beside its folder in PATH an installer that stays would go into the virtualenv.
    late = read.ships.own or bool(read.ships.keeps)
    facts = [Evidence("this belongs to the build", run.step.instruction.span) for run in read.moving]
    facts += [Evidence(f"{one} is installed: it has the library of {dev}") for one, dev in added.items()]
    return Result(
        Plan(
            name=free_name(build),
            base=stage.stage.image,
            parts=parts(read, stage),
            prepare=read.ships.prepare(int(match[1])),
            arrive=(*installs, *(() if late else brought)),
            late=brought if late else (),
            prepare_at=read.ships.at,
        ),
        reason(read.moving, read.found, image, read.ships, added),
        tuple(facts),
        saves,
    )


def _libraries(moving: Iterable[Run], release: str) -> dict[str, str]:
    """What was compiled may be linked to these, each with the package that it was compiled with."""
    found: dict[str, str] = {}
    for run in moving:
        for one in run.build_only:
            if _OTHER_PYTHON.fullmatch(one):
                continue
            libraries = alpine_runtime_packages(one, release)
            if libraries is None:
                raise Refused(f"which libraries {one} stands for is not known", run.step.instruction.span)
            found.update((library, one) for library in libraries)
    return found


def _pays(image: str, moving: Iterable[Run], ships: Environment) -> Saving:
    base = uncompressed_bytes(image)
    tools = {one for run in moving for one in run.build_only}
    gone = max((alpine_least_bytes(one) for one in tools), default=0)
    gone += sum(one.bytes for name in set(ships.left) if (one := installer(name)) is not None)
    return worth(None if base is None else base.bytes + gone, None if base is None else base.bytes)
