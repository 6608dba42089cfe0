"""What the packs for compiled languages share: a program is built in one stage, and its files ship in another.

The build is everything up to the last RUN that builds. Of what it leaves, the stage that ships gets the outputs that
are known by name; of the build context it gets each COPY that brings something that the program may read.
"""

from __future__ import annotations

import functools
import posixpath
import re
from abc import ABC, abstractmethod
from typing import NamedTuple

from slimify.transforms.split_stage.core import Part, Plan, Result, free_name
from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.install import install
from slimify.transforms.split_stage.outputs import Outputs, changed, copies
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run, read_run
from slimify.transforms.split_stage.sources import parts
from slimify.transforms.split_stage.start import Called, CommandLines
from slimify.transforms.split_stage.system import Distribution, distribution
from slimify.transforms.split_stage.worth import worth

from slimify.knowledge.image_config import config
from slimify.knowledge.image_sizes import uncompressed_bytes
from slimify.knowledge.images import Image
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build, BuildStage, Step, pairs
from slimify.semantics.commands import Invocation, invocations

# The folders in which the distributions find programs by their names alone.
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")


class Needs(NamedTuple):
    """What the program asks of its image, each with who says so.

    `packages` are alternatives, of which one is to be there if it was before; `programs` are called, `libraries` loaded
    by their soname. `certain` says that nothing was met that could not be seen through.
    """

    packages: tuple[tuple[tuple[str, ...], str], ...] = ()
    programs: tuple[tuple[str, str], ...] = ()
    libraries: tuple[tuple[str, str], ...] = ()
    certain: bool = False
    evidence: tuple[Evidence, ...] = ()


class Compiled(ABC):
    """A pack for a language whose programs need no compiler to run. One object reads one stage."""

    #: The programs whose call makes a RUN one that builds.
    tools: re.Pattern[str]
    #: Variables that may stand in front of them.
    variables: re.Pattern[str] | None = None

    def __init__(self, build: Build, image: Image) -> None:
        self.build = build
        self.image = image
        self.stage: BuildStage = build.stages[0]
        self.outputs = Outputs()
        self.files = Files(build, self.stage)

    @abstractmethod
    def sort(self, run: Run, call: Invocation) -> Run | None:
        """Take a call of the language's own tools, and note what it leaves in `outputs`."""

    @abstractmethod
    def base(self) -> str:
        """The image that the program ships on. Raises `Refused` where none is known."""

    @abstractmethod
    def needs(self) -> Needs:
        """What the program asks of its image. Raises `Refused` where that is not known."""

    @abstractmethod
    def is_source(self, path: str) -> bool:
        """Whether only the language's tools read a file of the context."""

    @property
    def links(self) -> bool:
        """Whether what is built is linked to libraries of the distribution."""
        return True

    def only_builds(self, package: str) -> bool:
        """Whether a package that is no compiler serves the build alone all the same."""
        del package
        return False

    def runs_by(self, call: Called) -> bool:
        """Whether a call runs an output by a program of the base that ships, such as `java -jar`."""
        del call
        return False

    def system(self, base: str, runs: list[Run], dropped: frozenset[str]) -> Distribution:
        """The packages of the stage that ships on `base`, without those that are dropped."""
        return distribution(self.image, self.stage.image or "", base, runs, dropped)

    def asks(self, system: Distribution, runs: list[Run], dropped: frozenset[str]) -> None:
        """Ask for what more is to be there than the libraries of what is dropped. Raises `Refused`."""
        del system, runs, dropped

    def runtime(self, system: Distribution, package: str) -> tuple[tuple[str, ...], ...]:
        """What has the libraries of a package that is dropped. Raises `Refused` where that is not known."""
        return system.runtime(package)

    def saves(self, base: str, runs: list[Run], dropped: frozenset[str], system: Distribution) -> int:
        """The bytes that the image loses. Raises `Refused` where they are few, or not known."""
        del runs, dropped, system
        before, after = uncompressed_bytes(self.stage.image or ""), uncompressed_bytes(base)
        return worth(before and before.bytes, after and after.bytes)

    def brings(self, stage: str) -> tuple[str, ...]:
        """Instructions that bring what else the outputs ask for out of the build stage."""
        del stage
        return ()

    def reason(self) -> str:
        """What the user gains."""
        names = ", ".join(posixpath.basename(one) for one in self.outputs.all)
        return f"the compiler and what it works with are not needed to run {names}"

    def plan(self) -> Result | None:
        """How the stage is split; None where nothing is built. Raises `Refused`."""
        runs = self._runs()
        building = [run for run in runs if run.builds]
        if not building:
            return None
        last = building[-1].step.index
        moving = [
            run for run in runs if run.step.index <= last and (run.moves or any(map(self.only_builds, run.packages)))
        ]
        self._settled(last)
        if not self.outputs.all:
            raise Refused("what the build leaves is not known", building[-1].step.instruction.span)
        start = _Start(self)
        start.follow()
        if not start.runs_output:
            raise Refused("what the image runs is not what is built in it")
        base, needs = self.base(), self.needs()
        self._inherited(base)
        dropped = frozenset(
            one for run in moving for one in run.packages if one in run.build_only or self.only_builds(one)
        )
        system = self.system(base, runs, dropped)
        self.asks(system, runs, dropped)
        self._wants(system, needs, start, dropped)
        kept = [one for run in moving for one in run.packages if one not in dropped]
        name = free_name(self.build)
        return Result(
            Plan(
                name=name,
                base=base,
                parts=self._parts(runs, moving, last, needs),
                arrive=(
                    *install(self.build, moving, [*kept, *system.added], system.name),
                    *self._folders(),
                    *(f"ENV PATH={folder}:$PATH" for folder in start.folders),
                ),
                late=(*copies(name, self.outputs.all), *self.brings(name)),
            ),
            self.reason(),
            (
                *(Evidence("this belongs to the build", run.step.instruction.span) for run in moving),
                *needs.evidence,
                *(Evidence(f"{package} is installed: {why}") for package, why in system.added.items()),
            ),
            self.saves(base, runs, dropped, system),
        )

    def _runs(self) -> list[Run]:
        runs = []
        for step in self.stage.steps:
            if step.keyword == "RUN":
                building = self._builds(step)
                runs.append(read_run(step, functools.partial(self._sort, building), self.variables))
        return runs

    def _sort(self, building: bool, run: Run, call: Invocation) -> Run | None:
        return self.sort(run, call) or self.outputs.sort(run, call, building)

    def _builds(self, step: Step) -> bool:
        body = step.body
        return body is not None and any(
            one.program is not None and self.tools.fullmatch(one.program)
            for command in body.script.commands()
            for one in invocations(command, step.state.variables)
        )

    def _settled(self, last: int) -> None:
        """Refuse where files would get another owner, or a folder is that of the base image, or not known."""
        states = [*(step.state for step in self.stage.steps[1:]), self.stage.final_state]
        for step, after in zip(self.stage.steps, states, strict=True):
            if step.keyword == "WORKDIR" and after.workdir is None:
                raise Refused("it is not known which folder this is", step.instruction.span)
        for step in self.stage.steps[: last + 1]:
            if step.keyword == "USER":
                raise Refused("it is built behind a USER", step.instruction.span)
            if step.keyword == "VOLUME":
                raise Refused("it is built behind a VOLUME", step.instruction.span)
            here = step.keyword in ("COPY", "ADD") or (step.keyword == "RUN" and self._builds(step))
            if here and step.state.workdir is None and self._home() != "/":
                raise Refused(
                    f"the stage has no WORKDIR, and that of {self.image.name} is {self._home()}", step.instruction.span
                )

    def _home(self) -> str:
        known = config(self.stage.image or "")
        return known.workdir if known is not None else "/"

    def _inherited(self, base: str) -> None:
        """Refuse where the stage would lose what it has from its base: an entry point, variables, volumes, users."""
        if base == self.stage.stage.image:
            return
        old, new = config(self.stage.image or ""), config(base)
        if old is None:
            raise Refused(f"what {self.stage.image} is configured for is not known")
        span = self.stage.stage.base.span
        keywords = {step.keyword for step in self.stage.steps}
        entry = () if new is None else new.entrypoint
        if "ENTRYPOINT" not in keywords and old.entrypoint != entry:
            raise Refused(f"{base} starts its command in another way than {self.stage.image}", span)
        if old.stopsignal != ("" if new is None else new.stopsignal) or old.volumes or old.ports:
            raise Refused(f"{base} is configured in another way than {self.stage.image}", span)
        lost = [name for name in old.env if new is None or name not in new.env]
        if not lost:
            return
        mention = re.compile(rf"\b(?:{'|'.join(map(re.escape, lost))})\b")
        for step in self.stage.steps:
            if step.keyword != "RUN" and (found := mention.search(step.instruction.logical.text)):
                raise Refused(f"{found[0]}, which the base sets, is named", step.instruction.span)
        for path in dict.fromkeys(origin for taken in self.files.taken.values() for origin, _ in taken.files):
            data = self.files.text(path)
            if data is not None and (found := mention.search(data)):
                raise Refused(f"{path} names {found[0]}, which only the base of the build sets", span)

    def _wants(self, system: Distribution, needs: Needs, start: CommandLines, dropped: frozenset[str]) -> None:
        span = self.stage.stage.base.span
        if self.links:
            for one in dropped:
                for packages in self.runtime(system, one):
                    system.wants(packages, f"it has the library of {one}")
        for packages, why in needs.packages:
            system.wants(packages, why)
        for program, where in (*start.programs, *needs.programs):
            system.wants_program(program, where, span)
        for library, where in needs.libraries:
            system.wants_library(library, where, span)

    def _parts(self, runs: list[Run], moving: list[Run], last: int, needs: Needs) -> tuple[Part, ...]:
        moved = {run.step.index for run in moving}
        kinds = {run.step.index: run for run in runs}
        copied = parts(self.stage, self.files, last, self.is_source, needs.certain, self.outputs)
        found = []
        for step in self.stage.steps:
            part = Part.RUN
            if step.index in moved:
                part = Part.BUILD
            elif step.index < last:
                if step.keyword == "RUN" and self.outputs.takes(kinds[step.index]):
                    part = Part.BUILD
                elif step.keyword in ("ENV", "ARG", "WORKDIR") or (
                    step.keyword == "RUN" and self._serves_both(kinds[step.index])
                ):
                    part = Part.BOTH
                part = copied.get(step.index, part)
            found.append(part)
        return tuple(found)

    def _serves_both(self, run: Run) -> bool:
        if run.sets_up and any(self.outputs.at(path) for path in changed(run)):
            raise Refused("files are changed before the last of them is built", run.step.instruction.span)
        return True

    def _folders(self) -> tuple[str, ...]:
        made = self.outputs.empty_folders()
        return (f"RUN mkdir -p {' '.join(made)}",) if made else ()


class _Start(CommandLines):
    """What the image starts has to be an output, or a script that leads to one."""

    def __init__(self, pack: Compiled) -> None:
        super().__init__(pack.build, pack.stage)
        self.pack = pack
        self.runs_output = False
        # Those on the PATH of the compiler's image only.
        self.folders: dict[str, None] = {}

    def brought(self, call: Called) -> bool:
        found = self.pack.runs_by(call)
        if "/" in call.typed:
            found = found or self.pack.outputs.at(posixpath.normpath(posixpath.join(self.workdir, call.typed)))
        for folder in () if found or "/" in call.typed else self._path():
            if self.pack.outputs.at(f"{folder}/{call.typed}"):
                found = True
                if folder not in (*_PATH, *self._own):
                    self.folders[folder] = None
                break
        self.runs_output = self.runs_output or found
        return found

    def _path(self) -> tuple[str, ...]:
        known = config(self.stage.image or "")
        return (*self._own, *(() if known is None else known.path), *_PATH)

    @property
    def _own(self) -> tuple[str, ...]:
        """The folders that the stage puts on the PATH, which it does in the stage that ships as well."""
        values = [
            value
            for step in self.stage.steps
            if step.keyword == "ENV"
            for name, value in pairs(step.instruction)
            if name == "PATH"
        ]
        return tuple(one for value in values for one in value.strip("\"'").split(":") if one.startswith("/"))
