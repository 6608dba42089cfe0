"""Writing one stage as two: the user's instructions, each in the stage that needs it, or in both."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from slimify.transforms.split_stage.worth import Saving

from slimify.rewrite.edit import Edit, Evidence
from slimify.semantics.build import Build, BuildStage
from slimify.syntax.dockerfile import Dockerfile, Instruction
from slimify.syntax.source import Source, Span

_NUMBERS = re.compile(r"\d+(?::\d+)?|root(?::root)?")
_MAKES_USERS = re.compile(r"\b(?:add(?:user|group)|(?:user|group)add)\b")


class Part(enum.Enum):
    """Where an instruction ends up: in the build stage, in the one that ships, or in both."""

    BUILD = "build"
    RUN = "run"
    BOTH = "both"


class Plan(NamedTuple):
    r"""How a stage becomes two.

    `base` is the image of the stage that ships, as it is to be written. `parts` has one entry for each
    instruction. `prepare` are new instructions of the build stage, in front of its first COPY, ADD or RUN, or of the
    instruction whose index is `prepare_at`, and `finish` those at its end; `arrive` and `late` are new ones of the
    stage that ships, in place of the first and of the last row of instructions that moved away: what is to lie over
    the files of a COPY that stays comes late. They are texts as they are to stand in the file, with `\n` for a line
    end.
    """

    name: str
    base: str
    parts: tuple[Part, ...]
    prepare: tuple[str, ...] = ()
    arrive: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    prepare_at: int | None = None
    finish: tuple[str, ...] = ()

    @property
    def brings(self) -> tuple[str, ...]:
        """All instructions that are new."""
        return (*self.prepare, *self.finish, *self.arrive, *self.late)


class Result(NamedTuple):
    """A plan, what speaks for it, and what the image is estimated to save.

    `leaner` is another plan, for level aggressive: its image has nothing to look around in with.
    """

    plan: Plan
    reason: str
    evidence: tuple[Evidence, ...]
    saves: Saving
    leaner: Plan | None = None


def with_users(stage: BuildStage, parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts, with what makes users in both stages where a COPY of the build stage gives files to one by name."""
    found = list(parts)
    for at, step in enumerate(stage.steps):
        owner = step.instruction.flag("chown") if step.keyword in ("COPY", "ADD") else None
        if owner and found[at] is not Part.RUN and not _NUMBERS.fullmatch(owner):
            for earlier in range(at):
                one = stage.steps[earlier]
                if (
                    found[earlier] is Part.RUN
                    and one.keyword == "RUN"
                    and _MAKES_USERS.search(one.instruction.arguments)
                ):
                    found[earlier] = Part.BOTH
    return tuple(found)


def free_name(build: Build) -> str:
    """A name for a build stage that no stage has."""
    taken = {stage.name for stage in build.stages}
    return next(name for name in ("build", "builder", "build-stage", "slimify-build") if name not in taken)


def edits(build: Build, plan: Plan) -> tuple[Edit, ...]:
    """The plan for the last stage as edits; text that stays where it is is not touched."""
    stage = build.stages[-1]
    plan = plan._replace(parts=with_users(stage, plan.parts))
    return tuple(_Writer(build.dockerfile, stage, plan).edits())


def block(dockerfile: Dockerfile, instruction: Instruction) -> Span:
    """An instruction with the comment lines right above it."""
    source = dockerfile.source
    comments = {one.line for one in dockerfile.comments}
    line = source.line_of(instruction.span.start)
    while line - 1 in comments:
        line -= 1
    return Span(source.line_span(line).start, instruction.span.end)


class _Writer:
    def __init__(self, dockerfile: Dockerfile, stage: BuildStage, plan: Plan) -> None:
        self.dockerfile = dockerfile
        self.source: Source = dockerfile.source
        self.stage = stage
        self.plan = plan
        base = stage.stage.base
        self.newline = self.source.newline_at(self.source.line_of(base.span.start))
        self.lower = self.source[base.keyword_span].islower()

    def edits(self) -> Iterator[Edit]:
        base = self.stage.stage.base
        yield Edit(Span(base.span.start, base.span.start), self._build_stage())
        image = base.words[0]
        if image.text != self.plan.base:
            yield Edit(image.span, self.plan.base)
        yield from self._removals()

    def _build_stage(self) -> str:
        base = self.stage.stage.base
        flags = "".join(f" {flag.text}" for flag in base.flags)
        word, name = ("from", "as") if self.lower else ("FROM", "AS")
        lines = [f"{word}{flags} {self.stage.stage.image} {name} {self.plan.name}", ""]
        moved = [at for at, part in enumerate(self.plan.parts) if part is not Part.RUN]
        prepared = False
        for at in moved:
            one = self.stage.stage.instructions[at]
            first = self.plan.prepare_at in (at, None) and one.keyword in ("RUN", "COPY", "ADD")
            if self.plan.prepare and not prepared and first:
                prepared = True
                if lines[-1]:
                    lines.append("")
                lines += [*map(self._cased, self.plan.prepare), ""]
            elif at and lines[-1] and self._apart(at):
                lines.append("")
            span = block(self.dockerfile, one) if self.plan.parts[at] is Part.BUILD else one.span
            lines.append(self.source[span])
        return self.newline.join([*lines, *map(self._cased, self.plan.finish), "", ""])

    def _apart(self, at: int) -> bool:
        """Whether a blank line stands above an instruction and its comments."""
        start = block(self.dockerfile, self.stage.stage.instructions[at]).start
        line = self.source.line_of(start)
        return line > 1 and not self.source[self.source.line_content(line - 1)].strip()

    def _removals(self) -> Iterator[Edit]:
        """One edit for each row of neighbours that move away, so that the blank lines around them end up as one."""
        arrive: Sequence[str] = self.plan.arrive
        rows = list(self._rows())
        for row in rows:
            if row is rows[-1]:
                arrive = (*arrive, *self.plan.late)
            first, last = (self.stage.stage.instructions[at] for at in (row[0], row[-1]))
            start = block(self.dockerfile, first).start
            end = last.span.end
            text = self.newline.join(map(self._cased, arrive))
            arrive = ()
            if not text:
                start, end = self._with_line_ends(start, end)
            yield Edit(Span(start, end), text)

    def _rows(self) -> Iterator[list[int]]:
        row: list[int] = []
        for at, part in enumerate(self.plan.parts):
            if part is not Part.BUILD:
                continue
            if row and (row[-1] != at - 1 or not self._joined(row[-1], at)):
                yield row
                row = []
            row.append(at)
        if row:
            yield row

    def _joined(self, one: int, other: int) -> bool:
        """Whether nothing but blank lines is between two instructions and the other one's comments."""
        instructions = self.stage.stage.instructions
        end = instructions[one].span.end
        return not self.source.text[end : block(self.dockerfile, instructions[other]).start].strip()

    def _with_line_ends(self, start: int, end: int) -> tuple[int, int]:
        """A span of whole lines with the line end behind it, and the blank lines above if there are some below."""
        source = self.source
        line = source.line_of(max(end - 1, start))
        end = source.line_span(line).end
        below = line + 1
        blank_below = end >= len(source.text) or not source[source.line_content(below)].strip()
        if blank_below:
            above = source.line_of(start) - 1
            while above > 1 and not source[source.line_content(above)].strip():
                start = source.line_span(above).start
                above -= 1
        return start, end

    def _cased(self, text: str) -> str:
        text = text.replace("\n", self.newline)
        if not self.lower:
            return text
        keyword, blank, rest = text.partition(" ")
        return keyword.lower() + blank + rest
