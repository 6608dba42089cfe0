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

from slimify.transforms.split_stage.compiled_start import Start
from slimify.transforms.split_stage.core import Part, Plan, Result, free_name
from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.install import install
from slimify.transforms.split_stage.outputs import Outputs, absolute, changed, copies
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run, read_run, script_of
from slimify.transforms.split_stage.sources import Sorting, Staying, staying
from slimify.transforms.split_stage.start import Called, CommandLines
from slimify.transforms.split_stage.system import Distribution, System, distribution
from slimify.transforms.split_stage.there import There, brought, changes
from slimify.transforms.split_stage.worth import Saving, worth

from slimify.knowledge.image_config import config
from slimify.knowledge.image_siblings import run_sibling, static_sibling
from slimify.knowledge.image_sizes import uncompressed_bytes
from slimify.knowledge.images import Image
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build, BuildStage, Step
from slimify.semantics.commands import Invocation, invocations

# They show something to who reads the log of the build, and leave nothing.
_LOOKS = frozenset(["cat", "du", "echo", "find", "ls", "pwd"])


# What distroless images for static programs have (GoogleContainerTools/distroless, base/README.md).
_IN_STATIC = frozenset(["ca-certificates", "tzdata"])
_IN_STATIC_USERS = re.compile(r"root|nobody|nonroot|\d+(?::\d+)?")
# They say what the application is told, beside the scripts that are run.
_SAID = frozenset(["CMD", "ENTRYPOINT", "ENV", "HEALTHCHECK"])
# adduser takes the first free numbers from 100 up, as the scripts of packages do; useradd those from 999 down.
_SYSTEM_GROUP = re.compile(
    r"\b(?:addgroup\b[^;&|]*\s--system|adduser\b[^;&|]*(?:\s--system\b[^;&|]*\s--group|\s--group\b[^;&|]*\s--system))\b"
)
_MAKE_GROUPS = frozenset(["openssh-client"])
_SYSTEM_USER = re.compile(r"\badd(?:user|group)\b[^;&|]*\s--system\b")


class Needs(NamedTuple):
    """What the program asks of its image, each with who says so.

    `packages` are alternatives, of which one is to be there if it was before; `programs` are called, `libraries` loaded
    by their soname. `certain` says that nothing was met that could not be seen through, `whole` that the program reads
    all of the folder that it is built in.
    """

    packages: tuple[tuple[tuple[str, ...], str], ...] = ()
    programs: tuple[tuple[str, str], ...] = ()
    libraries: tuple[tuple[str, str], ...] = ()
    certain: bool = False
    whole: bool = False
    evidence: tuple[Evidence, ...] = ()


class Compiled(ABC):
    """A pack for a language whose programs need no compiler to run. One object reads one stage."""

    #: The programs whose call makes a RUN one that builds.
    tools: re.Pattern[str]
    #: Variables that may stand in front of them.
    variables: re.Pattern[str] | None = None
    #: Whether `sort` takes nothing to be built by a command that may fail, as in `mvn dependency:go-offline || true`.
    may_fail = False
    #: Entry points of base images that prepare something for the build and then run what they are given.
    passing: frozenset[str] = frozenset()
    #: Volumes of base images that only the language's tools use.
    build_volumes: frozenset[str] = frozenset()

    def __init__(self, build: Build, image: Image) -> None:
        assert build.context is not None
        self.build = build
        self.context = build.context
        self.image = image
        self.stage: BuildStage = build.stages[0]
        self.outputs = Outputs()
        self.runs: list[Run] = []
        self.files = Files(build, self.stage)

    @abstractmethod
    def sort(self, run: Run, call: Invocation) -> Run | None:
        """Take a call of the language's own tools, and note what it leaves in `outputs`."""

    @abstractmethod
    def base(self) -> str:
        """The image that the program ships on. Raises `Refused` where none is known."""

    def bare(self, fixed: bool) -> str:
        """The bare distribution of the same release. With `fixed` it must not be another one tomorrow."""
        image, literal = self.stage.image or "", self.stage.stage.image
        found, release = run_sibling(image), self.image.release
        if found is None or release is None:
            raise Refused(f"which release of a distribution {image} stands on is not known")
        named = release.removeprefix("alpine") in literal
        if "$" in literal and not named:
            raise Refused("which release of a distribution the base stands on depends on a variable")
        if fixed and not named and self.image.current:
            system = self.image.distribution.title()
            raise Refused(f"{image} names no release of {system}: what is built on the next may not run on this one")
        return found

    def spelled(self, base: str) -> str:
        """The image as it is to be written, with the variables of the FROM. Raises `Refused`."""
        return base

    @abstractmethod
    def needs(self) -> Needs:
        """What the program asks of its image. Raises `Refused` where that is not known."""

    @abstractmethod
    def is_source(self, path: str) -> bool:
        """Whether only the language's tools read a file of the context."""

    def is_tooling(self, path: str) -> bool:
        """Whether a file says how it is built and is no part of the program, so that it may name what only builds."""
        del path
        return False

    @property
    def static(self) -> bool:
        """Whether what is built needs no library at all."""
        return False

    @property
    def links(self) -> bool:
        """Whether what is built is linked to libraries of the distribution."""
        return True

    def only_builds(self, package: str) -> bool:
        """Whether a package that is no compiler serves the build alone all the same."""
        return self.image.distribution == "alpine" and package.endswith("-static")

    def runs_by(self, call: Called) -> bool:
        """Whether a call runs an output by a program of the base that ships, such as `java -jar`."""
        del call
        return False

    def shipped(self) -> tuple[str, ...]:
        """The outputs that the stage that ships is to have, asked for when it is known what the image runs."""
        return self.outputs.all

    def distribution(self, base: str, dropped: frozenset[str]) -> Distribution:
        """What is known of the packages of the stage that ships."""
        return distribution(self.image, self.stage.image or "", base, self.runs, dropped)

    def asks(self, system: Distribution, dropped: frozenset[str]) -> None:
        """Ask for what more is to be there than the libraries of what is dropped. Raises `Refused`."""
        del system, dropped

    def no_libraries_copied(self) -> None:
        """Refuse where the context has shared libraries: what they ask for themselves is not known."""
        for taken in self.files.taken.values():
            for origin, _ in taken.files:
                if re.search(r"\.so(?:\.\d+)*$", origin):
                    raise Refused(f"what {origin} is linked to is not known", self.stage.stage.base.span)

    def libraries(self, system: Distribution, package: str) -> None:
        """Ask for what has the libraries of a package that is dropped. Raises `Refused` where that is not known."""
        system.libraries_of(package, self.stage.stage.base.span)

    def brings(self, stage: str) -> tuple[str, ...]:
        """Instructions that bring what else the outputs ask for out of the build stage."""
        del stage
        return ()

    def saves(self, base: str, dropped: frozenset[str], system: Distribution) -> Saving:
        """The bytes that the image loses. Raises `Refused` where they are not known."""
        del dropped, system
        before, after = uncompressed_bytes(self.stage.image or ""), uncompressed_bytes(base)
        return worth(before and before.bytes, after and after.bytes)

    def unseen(self) -> tuple[str, ...]:
        """Folders of the image that only the build looks into."""
        return ()

    def settings(self, base: str) -> tuple[str, ...]:
        """Instructions that make up for what the other base is configured with. Raises `Refused`."""
        del base
        return ()

    def check(self, call: Called) -> None:
        """Raise `Refused` for a program that must not be called when the image runs: at first, the compiler."""
        if self.tools.fullmatch(call.program):
            raise Refused(f"{call.where} runs {call.program}, as for development", call.span)

    def reason(self) -> str:
        """What the user gains."""
        brought = {image for taken in self.files.taken.values() for _, image in taken.files}
        names = ", ".join(posixpath.basename(one) for one in self.outputs.all if one not in brought)
        return f"the compiler and what it works with are not needed to run {names}"

    def plan(self) -> Result | None:
        """How the stage is split; None where nothing is built. Raises `Refused`."""
        self._placed()
        self.runs = self._runs()
        building = [run for run in self.runs if any(call.program not in _LOOKS for call in run.builds)]
        if not building:
            return None
        last = max(run.step.index for run in self.runs if run.builds)
        moving = [
            run
            for run in self.runs
            if run.step.index <= last and (run.moves or any(map(self.only_builds, run.packages)))
        ]
        self._settled(last)
        start = Start(self)
        start.follow()
        if not self.outputs.all and not self.outputs.trees:
            raise Refused("what the build leaves is not known", building[-1].step.instruction.span)
        self.outputs.keep(start.started_paths)
        if not start.started_paths or not self.shipped():
            raise Refused("what the image runs is not what is built in it")
        base, needs = self.base(), self.needs()
        self._inherited(base)
        dropped = frozenset(
            one for run in moving for one in run.packages if one in run.build_only or self.only_builds(one)
        )
        system = self.distribution(base, dropped)
        self.asks(system, dropped)
        self._wants(system, needs, start, dropped)
        kept = [one for run in moving for one in run.packages if one not in dropped]
        name = free_name(self.build)
        sorting = Sorting(self.is_source, needs.certain, needs.whole, self.unseen(), self._named(start))
        parts, copied = self._sorted(moving, last, sorting)
        arrive = (
            *self.settings(base),
            *install(self.build, moving, [*kept, *system.added], system.name),
            *self._folders(),
            *(f"ENV PATH={folder}:$PATH" for folder in start.folders),
        )
        plan = Plan(
            name=name,
            base=self.spelled(base),
            parts=parts,
            arrive=arrive,
            instead=copied.copies,
            instead_of=copied.at,
            late=(*copies(name, self.shipped()), *self.brings(name)),
        )
        return Result(
            plan,
            self.reason(),
            (
                *(Evidence("this belongs to the build", run.step.instruction.span) for run in moving),
                *needs.evidence,
                *(Evidence(f"{package} is installed: {why}") for package, why in system.added.items()),
            ),
            self.saves(base, dropped, system),
            self._static(plan, {*kept, *system.added}, needs, start),
        )

    def _static(self, plan: Plan, packages: set[str], needs: Needs, start: CommandLines) -> Plan | None:
        """The plan with an image that has little but certificates and time zones; None where more is used."""
        found = static_sibling(self.stage.image or "")
        if found is None or not self.static or start.programs or needs.programs or needs.libraries:
            return None
        if packages - _IN_STATIC or any(self.outputs.empty_folders()):
            return None
        for step, part in zip(self.stage.steps, plan.parts, strict=True):
            shell = step.keyword in ("CMD", "ENTRYPOINT") and step.instruction.exec_form is None
            if part is Part.BUILD:
                continue
            if shell or step.keyword in ("RUN", "HEALTHCHECK") or step.instruction.flag("chown"):
                return None
            if step.keyword == "USER" and not _IN_STATIC_USERS.fullmatch(step.instruction.arguments):
                return None
        return plan._replace(base=found, arrive=tuple(one for one in plan.arrive if not one.startswith("RUN")))

    def _runs(self) -> list[Run]:
        runs = []
        for step in self.stage.steps:
            if step.keyword == "RUN":
                building = self._builds(step)
                runs.append(
                    read_run(step, functools.partial(self._sort, building), self.variables, may_fail=self.may_fail)
                )
                for mount in step.mounts:
                    # What is written there is not in the image.
                    self.outputs.forget(mount.target)
        return runs

    def _sort(self, building: bool, run: Run, call: Invocation) -> Run | None:
        if call.program in _LOOKS and not call.has("-delete", "-exec", "-execdir", "-fprint", "-ok"):
            return run._replace(builds=(*run.builds, call))
        return self.sort(run, call) or self.outputs.sort(run, call, building)

    def _builds(self, step: Step) -> bool:
        """Whether a RUN calls the language's tools, or takes what they made to another place."""
        script, run = script_of(step), Run(step)
        for command in script.commands() if script is not None else ():
            for one in invocations(command, step.state.variables):
                if one.program is not None and self.tools.fullmatch(one.program):
                    return True
                paths = [path for path in one.operands if path is not None]
                if one.program in ("cp", "mv") and any(self.outputs.at(absolute(run, path)) for path in paths):
                    return True
        return False

    def _settled(self, last: int) -> None:
        """Refuse where files would get another owner, or a folder is that of the base image, or not known."""
        states = [*(step.state for step in self.stage.steps[1:]), self.stage.final_state]
        for step, after in zip(self.stage.steps, states, strict=True):
            if step.keyword == "WORKDIR" and after.workdir is None:
                raise Refused("it is not known which folder this is", step.instruction.span)
        for step in self.stage.steps[: last + 1]:
            if step.keyword == "USER" and step.instruction.arguments.strip() not in ("root", "0", "root:root", "0:0"):
                raise Refused("it is built behind a USER", step.instruction.span)
            if step.keyword == "VOLUME" and self._in_volume(step):
                raise Refused("it is built behind a VOLUME", step.instruction.span)

    def _placed(self) -> None:
        """Refuse where a folder is that of the base image: the one that ships starts elsewhere."""
        for step in self.stage.steps:
            here = step.keyword in ("COPY", "ADD") or (step.keyword == "RUN" and self._builds(step))
            if here and step.keyword != "RUN":
                into = step.instruction.exec_form or [token.text for token in step.instruction.tokens]
                here = not into[-1].startswith("/")
            if here and step.state.workdir is None and self._home() != "/":
                raise Refused(
                    f"the stage has no WORKDIR, and that of {self.image.name} is {self._home()}", step.instruction.span
                )

    def _in_volume(self, step: Step) -> bool:
        """Whether a volume may hold anything that is copied or built."""
        written = step.instruction.exec_form or [token.text for token in step.instruction.tokens]
        places = [image for taken in self.files.taken.values() for _, image in taken.files]
        for one in written:
            path = posixpath.normpath(posixpath.join(step.state.workdir or "/", one))
            inside = any(place is None or f"{place}/".startswith(f"{path}/") for place in places)
            if "$" in one or inside or self.outputs.at(path):
                return True
        return False

    def _home(self) -> str:
        known = config(self.stage.image or "")
        return known.workdir if known is not None else "/"

    def _inherited(self, base: str) -> None:
        """Refuse where the stage would lose what it has from its base: an entry point, variables, volumes, users."""
        if base in (self.stage.image, self.stage.stage.image):
            return
        old, new = config(self.stage.image or ""), config(base)
        if old is None:
            raise Refused(f"what {self.stage.image} is configured for is not known")
        span = self.stage.stage.base.span
        keywords = {step.keyword for step in self.stage.steps}
        entry = () if new is None else new.entrypoint
        differs = old.entrypoint != entry and not {*old.entrypoint, *entry} <= self.passing
        if "ENTRYPOINT" not in keywords and differs:
            raise Refused(f"{base} starts its command in another way than {self.stage.image}", span)
        known = self.build_volumes.issuperset(old.volumes)
        if old.stopsignal != ("" if new is None else new.stopsignal) or not known or old.ports:
            raise Refused(f"{base} is configured in another way than {self.stage.image}", span)
        if self._home() != "/" and self.stage.final_state.workdir is None:
            raise Refused(f"the stage has no WORKDIR, and that of {self.image.name} is {self._home()}", span)
        env = {} if new is None else new.env
        brought = re.findall(r"(\w+)=", " ".join(self.settings(base)))
        lost = [name for name, value in old.env.items() if name not in env or env[name] != value]
        lost = [name for name in lost if name not in brought]
        if not lost:
            return
        mention = re.compile(rf"\b(?:{'|'.join(map(re.escape, lost))})\b")
        read = re.compile(rf"\$\{{?(?:{'|'.join(map(re.escape, lost))})\b")
        for step in self.stage.steps:
            looked = read if step.keyword in ("ENV", "ARG") else mention
            if step.keyword != "RUN" and (found := looked.search(step.instruction.logical.text)):
                raise Refused(f"{found[0]}, which the base sets, is named", step.instruction.span)
        for path in dict.fromkeys(origin for taken in self.files.taken.values() for origin, _ in taken.files):
            data = None if self.is_tooling(path) else self.files.text(path)
            if data is not None and (found := mention.search(data)):
                raise Refused(f"{path} names {found[0]}, which only the base of the build sets", span)

    def _wants(self, system: Distribution, needs: Needs, start: CommandLines, dropped: frozenset[str]) -> None:
        span = self.stage.stage.base.span
        if self.links:
            for one in sorted(dropped):
                self.libraries(system, one)
        for packages, why in needs.packages:
            system.wants(packages, why)
        for program, where in (*start.programs, *needs.programs):
            system.wants_program(program, where, span)
        for library, where in needs.libraries:
            system.wants_library(library, where, span)
        self._adds_users(system)

    def _adds_users(self, system: Distribution) -> None:
        """Refuse where users cannot be added as before: with adduser, and with the same numbers."""
        for run in self.runs:
            span = run.step.instruction.span
            if not run.adds_users or system.name == "alpine":
                continue
            if isinstance(system, System) and "adduser" not in system.after:
                raise Refused(f"adduser is not in {self.base()}", span)
            text = run.step.instruction.arguments
            gone = system.users if _SYSTEM_USER.search(text) else []
            if _SYSTEM_GROUP.search(text) and isinstance(system, System):
                gone = [*gone, *(_MAKE_GROUPS & (system.before - system.after))]
            if gone:
                raise Refused(f"without {gone[0]} what is added next has another number", span)

    def _sorted(self, moving: list[Run], last: int, sorting: Sorting) -> tuple[tuple[Part, ...], Staying]:
        """What becomes of each instruction. No COPY is narrowed where a RUN changes what then is left out."""
        copied = staying(self.stage, self.files, last, sorting, self.outputs)
        parts = self._parts(moving, last, copied)
        setting = [run for run in self.runs if run.sets_up and parts[run.step.index] is not Part.BUILD]
        if copied.copies and any(self._missing(run, parts, copied) for run in setting):
            copied = staying(self.stage, self.files, last, sorting, self.outputs, whole=True)
            parts = self._parts(moving, last, copied)
        for run in setting:
            for path in self._missing(run, parts, copied):
                brings = [at for at in self.files.taken if at < run.step.index and brought(path, self.files, at)]
                if not brings:
                    raise Refused(f"{path} is changed, and would only be in the build", run.step.instruction.span)
                for at in brings:
                    parts[at] = Part.BOTH if parts[at] is Part.BUILD else parts[at]
        self._same_users(parts)
        return tuple(parts), copied

    def _parts(self, moving: list[Run], last: int, copied: Staying) -> list[Part]:
        moved = {run.step.index for run in moving}
        kinds = {run.step.index: run for run in self.runs}
        first = min(run.step.index for run in self.runs if run.builds)
        found = []
        for step in self.stage.steps:
            part = Part.RUN
            if step.index in moved:
                part = Part.BUILD
            elif step.index < last:
                if step.keyword == "RUN" and self.outputs.takes(kinds[step.index]):
                    part = Part.BUILD
                elif step.keyword in ("ENV", "ARG", "WORKDIR", "RUN"):
                    part = Part.BOTH
                    if step.keyword == "RUN":
                        self._check_set_up(kinds[step.index], first)
                part = copied.parts.get(step.index, part)
            found.append(part)
        return found

    def _missing(self, run: Run, parts: list[Part], copied: Staying) -> list[str]:
        """The paths that a RUN gives another owner or mode, and that are not in the stage that ships by then."""
        moved = [at for at, part in enumerate(parts) if part is Part.BUILD]
        there = There(
            self.stage,
            self.files,
            self.runs,
            parts,
            early=(moved[0], self.outputs.empty_folders()),
            late=(moved[-1], self.shipped()),
            narrowed=(copied.at, copied.places),
        )
        return [path for path in changes(run) if not there.has(path, run.step.index)]

    def _named(self, start: CommandLines) -> tuple[str, ...]:
        """The places in the image that command lines, scripts and variables name, and the scripts that are run."""
        found = [place for place, origin in start.places.items() if origin in start.opened_files]
        workdir = self.stage.final_state.workdir or "/"
        texts = [self.files.text(origin) or "" for origin in sorted(start.opened_files)]
        texts += [step.instruction.logical.text for step in self.stage.steps if step.keyword in _SAID]
        for word in (one for text in texts for one in re.findall(r"[\w./@+~-]+", text)):
            if "/" in word or "." in word:
                found.append(posixpath.normpath(posixpath.join(workdir, word)))
        found = [one for one in found if not self.outputs.at(one)]
        return tuple(
            one for one in dict.fromkeys(found) if not f"{workdir.rstrip('/')}/".startswith(f"{one.rstrip('/')}/")
        )

    def _same_users(self, parts: list[Part]) -> None:
        """Refuse where something is given to a user of the old base."""
        old, new = config(self.stage.image or ""), config(self.base())
        gone = set(old.users if old is not None else ()) - set(new.users if new is not None else ())
        for step in self.stage.steps:
            text = step.instruction.flag("chown") or "" if step.keyword in ("COPY", "ADD") else ""
            text = step.instruction.arguments if step.keyword in ("USER", "RUN") else text
            if parts[step.index] is not Part.BUILD and (found := gone & set(re.findall(r"[\w-]+", text))):
                raise Refused(f"only {self.image.name} has the user {min(found)}", step.instruction.span)

    def _check_set_up(self, run: Run, first: int) -> None:
        """Refuse where a RUN that sets up changes an output, which the step `first` or a later one may have built."""
        if run.sets_up and run.step.index > first and any(self.outputs.at(path) for path in changed(run)):
            raise Refused("files are changed before the last of them is built", run.step.instruction.span)

    def _folders(self) -> tuple[str, ...]:
        made = self.outputs.empty_folders()
        return (f"RUN mkdir -p {' '.join(made)}",) if made else ()
