"""Where the instructions of a Node stage end up, and what is copied from the build stage."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from slimify.transforms.split_stage.core import Part
from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.install import install
from slimify.transforms.split_stage.node_built import Built
from slimify.transforms.split_stage.node_project import Project
from slimify.transforms.split_stage.node_runs import Task, What, removal_of
from slimify.transforms.split_stage.node_start import Start
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.semantics.build import Build, BuildStage

# They serve and start, and no build calls them.
_NOT_FOR_BUILDS = frozenset(["serve", "http-server", "pm2", "forever"])
_ROOT = (None, "", "root", "0", "0:0", "root:root")
_NODE_USERS = ("node", "node:node", "1000", "1000:1000")


class Layout(NamedTuple):
    """A stage taken apart: `last` is the index of the last RUN that moves, `whole` says that all of the project does.

    `chown` is the flag that gives what is copied its owner.
    """

    build: Build
    stage: BuildStage
    runs: dict[int, Run]
    moving: list[Run]
    tasks: list[Task]
    project: Project
    built: Built
    start: Start
    files: Files
    last: int
    whole: bool
    chown: str

    def places(self, page: bool) -> tuple[str, ...]:
        """The folders of the image that are copied from the build stage."""
        if page and self.built.page is not None:
            return (self.project.place(self.built.page),)
        if self.whole:
            return (self.project.folder,)
        return _artifacts(self.project, self.built, self.tasks)

    def late(self, name: str, page: bool) -> tuple[str, ...]:
        """The instructions that bring them."""
        return tuple(f"COPY --from={name} {self.chown}{place} {place}" for place in self.places(page))

    def arrive(self, packages: Iterable[str], distribution: str | None) -> tuple[str, ...]:
        """What is installed in the stage that ships: of the distribution, and globally by RUNs that do more."""
        lines = install(self.build, self.moving, packages, distribution or "debian")
        brought = [
            f"RUN {' && '.join([*self._settings(task), task.text])}"
            for task in self.tasks
            if task.what is What.GLOBAL and task.programs & self.start.everywhere and not self._apart(task.step.index)
        ]
        first = min(run.step.index for run in self.moving)
        if (lines or brought) and self.stage.steps[first].state.user not in _ROOT:
            raise Refused("what must be installed comes behind a USER", self.stage.steps[first].instruction.span)
        return (*lines, *dict.fromkeys(brought))

    def parts(self, page: bool) -> tuple[Part, ...]:
        """One for each instruction."""
        moving = {run.step.index for run in self.moving}
        if page:
            self._set_up()
        found = []
        for step in self.stage.steps:
            part = Part.RUN
            if step.index in moving and step.index > self.last:
                pass
            elif step.index in moving:
                part = self._global(step.index) if self._apart(step.index) else Part.BUILD
            elif step.index <= self.last and step.keyword in ("ENV", "ARG", "WORKDIR", "USER", "RUN"):
                part = Part.BOTH
            elif step.index <= self.last and step.index in self.files.taken:
                part = self._copied(step.index, page, moving)
            found.append(part)
        return tuple(found)

    def _set_up(self) -> None:
        """Refuse where owners or modes are given to files that are left behind."""
        for run in self.runs.values():
            words = run.step.instruction.arguments.split()
            places = [one for one in words if "/" in one or "." in one]
            if re.search(r"\bch(?:own|mod)\b", run.step.instruction.arguments) and any(
                posixpath.normpath(posixpath.join(run.step.state.workdir or "/", one)) != self.project.folder
                for one in places
            ):
                raise Refused("owners or modes are given to files that do not ship", run.step.instruction.span)

    def _copied(self, index: int, page: bool, moving: set[int]) -> Part:
        inside = all(_in(image, self.project.folder) for _, image in self.files.taken[index].files)
        if (page or self.whole) and inside:
            return Part.BUILD
        return Part.BUILD if self.files.again(index, moving) else Part.BOTH

    def _settings(self, task: Task) -> list[str]:
        """What sets up the manager in the same RUN before a global install."""
        before = self.tasks[: self.tasks.index(task)]
        return [one.text for one in before if one.step is task.step and one.settles]

    def _apart(self, index: int) -> bool:
        """Whether a RUN does nothing but install globally, or set up a manager."""
        here = [one for one in self.tasks if one.step.index == index]
        if not here or self.runs[index].packages or any(one.call.program == "rm" for one in here):
            return False
        settled = all(one.what in (What.GLOBAL, What.OTHER) for one in here)
        return settled and any(one.what is What.GLOBAL or one.settles for one in here)

    def _global(self, index: int) -> Part:
        here = [one for one in self.tasks if one.step.index == index and one.what is What.GLOBAL]
        if all(one.settles for one in self.tasks if one.step.index == index):
            return Part.BOTH
        if not any(one.programs & self.start.everywhere for one in here):
            return Part.BUILD
        served = all(re.sub(r"(?<=.)@[^/@]*$", "", name) in _NOT_FOR_BUILDS for one in here for name in one.names)
        return Part.RUN if served else Part.BOTH


def layout(
    build: Build,
    runs: dict[int, Run],
    moving: list[Run],
    tasks: list[Task],
    project: Project,
    built: Built,
    start: Start,
) -> Layout:
    """Take a stage apart. Raises `Refused` where files would not be as they were."""
    stage = build.stages[0]
    files = Files(build, stage)
    work = [one for one in tasks if one.what not in (What.GLOBAL, What.OTHER)]
    last = max([one.step.index for one in work] + [run.step.index for run in moving if run.packages])
    span = stage.steps[last].instruction.span
    if (stage.steps[last].state.workdir or "/") != project.folder:
        raise Refused("the build ends in another folder than that of package.json", span)
    chown = _owner(stage, runs, work, last)
    whole = built.beside or _overlap(files, project, built, tasks, last)
    if whole and (chown or project.folder == "/" or _owned(stage, runs, last)):
        raise Refused("the build writes beside the sources, whose owners differ", span)
    for step in stage.steps[: last + 1]:
        if step.keyword == "VOLUME":
            raise Refused("what is written below a VOLUME may get lost", step.instruction.span)
    return Layout(build, stage, runs, moving, tasks, project, built, start, files, last, whole, chown)


def _artifacts(project: Project, built: Built, tasks: list[Task]) -> tuple[str, ...]:
    found = () if removal_of(tasks) is not None else (project.modules,)
    outputs = sorted(project.place(one) for one in built.folders)
    for place in outputs:
        if not any(_in(place, one) for one in found):
            found = (*found, place)
    return found


def _owner(stage: BuildStage, runs: dict[int, Run], work: list[Task], last: int) -> str:
    """The flag for what the user of the build wrote. Refused where there are several, or one who is not node."""
    users = {one.step.state.user for one in work}
    first = min(one.step.index for one in work)
    for index, run in runs.items():
        text = run.step.instruction.arguments
        if first < index < last and run.sets_up and re.search(r"\bch(?:own|mod)\b", text):
            raise Refused("owners or modes are changed between the steps of the build", run.step.instruction.span)
    if users <= set(_ROOT):
        return ""
    if len(users) == 1 and users <= set(_NODE_USERS):
        return "--chown=node:node "
    raise Refused("packages are installed by a user whose group is not known", stage.steps[last].instruction.span)


def _owned(stage: BuildStage, runs: dict[int, Run], last: int) -> bool:
    """Whether files have other owners or modes than a COPY gives by itself, at the end of the build."""
    flags = any(step.keyword in ("COPY", "ADD") and step.instruction.flags for step in stage.steps[: last + 1])
    return flags or any(
        index < last and run.sets_up and re.search(r"\bch(?:own|mod)\b", run.step.instruction.arguments)
        for index, run in runs.items()
    )


def _overlap(files: Files, project: Project, built: Built, tasks: list[Task], last: int) -> bool:
    """Whether the context brings files to where the build writes before it does."""
    places = _artifacts(project, built, tasks)
    return any(
        image is not None and any(_in(image, place) for place in places)
        for index, taken in files.taken.items()
        if index <= last
        for _, image in taken.files
    )


def _in(path: str | None, folder: str) -> bool:
    return path is not None and f"{posixpath.normpath(path)}/".startswith(f"{folder.rstrip('/')}/")
