"""What Ruby and PHP have in common: the sources ship as they are, and the build adds to them.

Where all that the build adds is known by name, the user's own COPY stays and these are laid over it. Where
commands change files among those of the application (assets, caches), its folder is taken over as the build leaves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from slimify.transforms.split_stage.core import Part
from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.knowledge.image_folders import holds_nothing
from slimify.semantics.build import BuildStage, Step, pairs
from slimify.semantics.commands import Invocation, invocations

_USERS = frozenset("addgroup adduser groupadd groupmod useradd usermod".split())
# What they set up may matter to the build as well, and does no harm in both stages.
_AS_WELL = frozenset("mkdir cp mv bundle bundler".split())
# Where Debian keeps the name of the time zone (tzdata).
TIME_ZONE = re.compile(r"/etc/timezone")
_ROOT = frozenset(["root", "0", "root:root", "0:0"])


class Laid(NamedTuple):
    """A file or folder of the build that lies over what is copied; `owner` is that of a `--chown`."""

    path: str
    owner: str = ""

    @property
    def line(self) -> str:
        flags = f" --chown={self.owner}" if self.owner else ""
        return f"COPY --from={{name}}{flags} {self.path} {self.path}"


class Layout:
    """Where each instruction goes. `runs` are the sorted RUNs by index; `dropped` packages only serve the build.

    `settings` are the files, as they are typed, that the build makes and that are copied from it.
    """

    def __init__(
        self,
        stage: BuildStage,
        runs: dict[int, Run],
        files: Files,
        dropped: frozenset[str],
        settings: re.Pattern[str] | None = None,
    ) -> None:
        self.stage = stage
        self.runs = runs
        self.files = files
        self.dropped = dropped
        self.settings = settings
        self.last = max(at for at, run in runs.items() if run.moves)
        self.folder = self._folder()
        if self.folder:
            self.last = self._tidied()
        self._settled()

    @property
    def moving(self) -> list[Run]:
        """The RUNs that only the build stage has."""
        return [run for at, run in self.runs.items() if self._run(at) is Part.BUILD]

    def parts(self) -> tuple[Part, ...]:
        """For each instruction, the stage that it belongs to."""
        return tuple(self._part(step) for step in self.stage.steps)

    def late(self, name: str, laid: Iterable[Laid]) -> tuple[str, ...]:
        """What comes over the files of the stage that ships."""
        if self.folder:
            return (Laid(self.folder).line.format(name=name),)
        return tuple(one.line.format(name=name) for one in laid)

    def _folder(self) -> str:
        """The folder that is taken over as a whole; empty if there is none."""
        places = [
            (self.files.folder(run.step), run.step) for at, run in self.runs.items() if run.edits and at <= self.last
        ]
        if not places:
            return ""
        folder = min((one for one, _ in places), key=len)
        assert self.stage.image is not None
        for place, step in places:
            if place != folder and not place.startswith(f"{folder}/"):
                raise Refused("files are changed in more than one folder", step.instruction.span)
        if holds_nothing(self.stage.image, folder) is None:
            raise Refused(
                f"files are changed in {folder}, where the image has others as well", places[0][1].instruction.span
            )
        return folder

    def _tidied(self) -> int:
        """The last of the RUNs right behind the build that only delete files of the application."""
        last = self.last
        for step in self.stage.steps[self.last + 1 :]:
            run = self.runs.get(step.index)
            deletes = run is not None and run.edits and not run.sets_up and _programs(step) == {"rm"}
            if step.keyword in ("COPY", "ADD", "USER", "VOLUME") or (step.keyword == "RUN" and not deletes):
                break
            if deletes and self.files.folder(step) == self.folder:
                last = step.index
        return last

    def _settled(self) -> None:
        """Refuse what would have another owner or mode, or another meaning, once the build is apart."""
        for step in self.stage.steps[: self.last]:
            one = step.instruction
            if step.keyword == "USER" and one.arguments.strip() not in _ROOT:
                raise Refused("the build goes on behind a USER", one.span)
            if step.keyword == "VOLUME":
                raise Refused("the build goes on behind a VOLUME", one.span)
            if not self.folder:
                continue
            if step.keyword in ("COPY", "ADD") and one.flag("chown") and self._inside(step):
                raise Refused("files are given an owner before the build changes some of them", one.span)
            run = self.runs.get(step.index)
            if run is not None and run.sets_up and not run.edits and self._chowns(step):
                raise Refused("files are given an owner before the build changes some of them", one.span)

    def _part(self, step: Step) -> Part:
        if step.index > self.last:
            return Part.RUN
        if step.keyword in ("ENV", "ARG", "WORKDIR", "USER"):
            return Part.BOTH
        if step.keyword == "RUN":
            return self._run(step.index)
        if step.keyword not in ("COPY", "ADD"):
            return Part.RUN
        if step.index not in self.files.taken:
            return Part.BUILD
        if self.folder:
            return Part.BUILD if self._inside(step) else Part.BOTH
        moving = {at for at in self.runs if self._run(at) is not Part.RUN}
        return Part.BUILD if self.files.again(step.index, moving) else Part.BOTH

    def _run(self, at: int) -> Part:
        run = self.runs[at]
        if at > self.last:
            return Part.RUN
        if run.moves or run.edits or self.dropped & {*run.packages}:
            return Part.BUILD
        if run.packages:
            return Part.BOTH
        programs = _programs(run.step)
        written = self._written(run.step)
        if written is not None:
            return written
        if programs & _USERS:
            return Part.BOTH if self._owners() else Part.RUN
        if self.folder and programs == {"chmod"} and not self._outside(run.step):
            return Part.BUILD
        return Part.BOTH if programs and programs <= _AS_WELL else Part.RUN

    def _written(self, step: Step) -> Part | None:
        """Where a RUN belongs that changes settings that are copied; None for any other.

        One that changes others as well can be in both stages if it writes those that are copied anew.
        """
        body = step.body
        assert body is not None
        commands = [(one, body.script.text[one.start : one.end]) for one in body.script.commands()]
        copied = [one for one, text in commands if self.settings is not None and self.settings.search(text)]
        if len(copied) in (0, len(commands)):
            return Part.BUILD if copied else None
        new: set[str] = set()
        for one in copied:
            for redirect in one.redirects:
                target = redirect.target.text if redirect.target is not None else ""
                new |= {target} if redirect.operator == ">" else set()
                if target not in new:
                    raise Refused("a RUN changes settings of several kinds", step.instruction.span)
            if not one.redirects:
                raise Refused("a RUN changes settings of several kinds", step.instruction.span)
        return Part.BOTH

    def _owners(self) -> bool:
        """Whether a COPY of the build gives files to somebody by name."""
        return any(
            re.search(r"[a-z]", step.instruction.flag("chown") or "")
            for step in self.stage.steps[: self.last]
            if step.keyword in ("COPY", "ADD")
        )

    def _inside(self, step: Step) -> bool:
        """Whether all that is copied goes into the folder. Refused where only a part of it does."""
        inside = set()
        for _, place in self.files.taken[step.index].files:
            if place is None:
                raise Refused("where a file is copied to is not known", step.instruction.span)
            inside.add(place.startswith(f"{self.folder}/"))
        if len(inside) > 1:
            raise Refused(f"files are copied into {self.folder} and elsewhere at once", step.instruction.span)
        return inside == {True}

    def _chowns(self, step: Step) -> bool:
        return bool(_programs(step) & {"chown", "chgrp"}) and not self._outside(step)

    def _outside(self, step: Step) -> bool:
        """Whether all operands of a RUN are absolute paths, none of which has to do with the folder."""
        body = step.body
        assert body is not None
        for command in body.script.commands():
            for call in invocations(command, step.state.variables):
                if call.program not in ("chown", "chgrp", "chmod"):
                    continue
                for path in call.operands[1:]:
                    if path is None or not path.startswith("/"):
                        return False
                    if f"{self.folder}/".startswith(f"{path.rstrip('/')}/") or path.startswith(f"{self.folder}/"):
                        return False
        return True


def assigned(step: Step) -> Iterator[tuple[str, str]]:
    """The variables that an ENV or ARG sets, with what is written for their values."""
    if step.keyword == "ENV":
        yield from pairs(step.instruction)
    elif step.keyword == "ARG":
        for token in step.instruction.tokens:
            name, _, value = token.text.partition("=")
            yield name, value


def set_up(run: Run, call: Invocation, placed: Iterable[str]) -> Run | None:
    """Take a chmod of files that a COPY brings, wherever they lie, and the choice of a time zone."""
    paths = call.operands[1:]
    if call.program == "ln" and call.operands and call.operands[-1] == "/etc/localtime":
        return run._replace(sets_up=True)
    if call.program == "ln" and len(call.operands) == 2 and call.operands[0] in ("/dev/stdout", "/dev/stderr"):
        return run._replace(sets_up=True)
    if call.program != "chmod" or call.has("-R", "--recursive") or not paths or not {*paths} <= {*placed}:
        return None
    return run._replace(sets_up=True)


def _programs(step: Step) -> frozenset[str]:
    body = step.body
    assert body is not None
    return frozenset(
        call.program or ""
        for command in body.script.commands()
        for call in invocations(command, step.state.variables)
        if call.program not in ("set", "true", ":")
    )
