"""What must still be true after a rewrite that makes two stages of one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from slimify.semantics.build import Build, BuildStage, Step
from slimify.syntax.dockerfile import Instruction

# What of a stage becomes the configuration of its image (OCI image specification, "config").
_CONFIGURATION = frozenset(
    "CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL MAINTAINER ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR".split()
)
# In these Docker replaces no variables: they are left to the shell that runs the command.
_NOT_EXPANDED = frozenset(["CMD", "ENTRYPOINT", "HEALTHCHECK"])
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")


def reshaping_fault(before: Build, after: Build, brings: Iterable[str]) -> str:
    """Why `after` is not `before` with its last stage split in two; empty if it is.

    `brings` are the instructions that are new, as Docker reads them. Everything else must be there word
    for word and in its order, in one of the two stages or in both, and the configuration the same.
    """
    brings = [_plain(one.replace("\\\n", "")) for one in brings]
    count = len(before.stages)
    if len(after.stages) != count + 1:
        return "not exactly one stage is new"
    if _texts(before.dockerfile.preamble) != _texts(after.dockerfile.preamble):
        return "an instruction in front of the first stage changed"
    for old, new in zip(before.stages[:-1], after.stages[: count - 1], strict=True):
        if _texts((old.stage.base, *old.stage.instructions)) != _texts((new.stage.base, *new.stage.instructions)):
            return f"stage {old.label} changed"
    old, build, final = before.stages[-1], after.stages[-2], after.stages[-1]
    if final.name != old.name:
        return "the last stage changed its name"
    if build.name is None or build.name in {one.name for one in before.stages}:
        return "the new stage has no name of its own"
    if build.stage.image != old.stage.image or final.parent is not None:
        return "the new stage does not stand on the base of the old one"
    if _numbered(before):
        return "a stage is referred to by its number"
    return _lost(old, build, final, list(brings)) or same_configuration(before, after, brings)


def same_configuration(before: Build, after: Build, brings: Iterable[str] = ()) -> str:
    """How the configuration of the last stage differs, apart from the instructions `brings`; empty if it does not.

    What a variable in it stands for is compared as well, so that an ARG that got lost is noticed.
    """
    old, new = (list(_configuration(one.stages[-1], skipped)) for one, skipped in ((before, ()), (after, brings)))
    brought = {name for text in brings for name in re.findall(r"([A-Za-z_]\w*)=", text) if text.startswith("ENV")}
    for (keyword, text, values), (_, other, others) in zip(old, new, strict=False):
        if text != other:
            return f"{keyword} of the last stage changed"
        if any(one != two for one, two in zip(values, others, strict=True) if one[0] not in brought):
            return f"a variable in {keyword} of the last stage stands for something else"
    if len(old) != len(new):
        return "an instruction that configures the last stage is gone or new"
    ends = [one.stages[-1].final_state for one in (before, after)]
    if (ends[0].user, ends[0].workdir, ends[0].shell) != (ends[1].user, ends[1].workdir, ends[1].shell):
        return "the last stage ends with another user, folder or shell"
    rest = [{name: value for name, value in end.env.items() if name not in brought} for end in ends]
    return "the last stage ends with other variables" if rest[0] != rest[1] else ""


_Value = tuple[str, bool, str | None]


def _configuration(stage: BuildStage, skipped: Iterable[str]) -> Iterator[tuple[str, str, list[_Value]]]:
    waiting = list(skipped)
    for step in stage.steps:
        text = _text(step.instruction)
        if step.keyword not in _CONFIGURATION:
            continue
        if text in waiting:
            waiting.remove(text)
        else:
            yield step.keyword, text, _values(step)


def _values(step: Step) -> list[_Value]:
    if step.keyword in _NOT_EXPANDED:
        return []
    names = _VARIABLE.findall(step.instruction.logical.text)
    return [(name, step.state.sets(name), step.state.variable(name)) for name in names]


def _lost(old: BuildStage, build: BuildStage, final: BuildStage, brings: list[str]) -> str:
    """What is missing, new, or out of its order. Of instructions that are alike only the number is compared."""
    wanted = _texts(old.stage.instructions)
    kept: Counter[str] = Counter()
    for stage in (build, final):
        at = 0
        for text in _texts(stage.stage.instructions):
            if text in brings:
                brings.remove(text)
                continue
            while at < len(wanted) and wanted[at] != text:
                at += 1
            if at == len(wanted):
                return f"{text.split(None, 1)[0]} is new, or out of its order"
            kept[text] += 1
            at += 1
    for text, count in Counter(wanted).items():
        if kept[text] < count:
            return f"the instruction {text[:80]!r} is gone"
    return f"{brings[0]!r} is missing" if brings else ""


def _texts(instructions: Iterable[Instruction]) -> list[str]:
    return [_text(one) for one in instructions]


def _text(instruction: Instruction) -> str:
    rest = instruction.logical.text[len(instruction.keyword) :]
    return _plain(f"{instruction.keyword} {rest}")


def _plain(text: str) -> str:
    """Blanks between words are nobody's matter; those inside of quotes never change either."""
    return " ".join(text.split())


def _numbered(build: Build) -> bool:
    last = len(build.stages) - 1
    for step in build.steps():
        names = [step.instruction.flag("from") or "", *(one.source_stage for one in step.mounts)]
        if any(name.isdecimal() and int(name) >= last for name in names):
            return True
    return False
