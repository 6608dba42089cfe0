"""What an instruction costs and what it could do without, in bytes, as far as there is ground for an estimate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from slimify.report.common import human_size
from slimify.rewrite.outcome import Outcome
from slimify.semantics.build import Build, BuildStage, Step
from slimify.semantics.commands import verb
from slimify.semantics.effects import effects
from slimify.syntax.dockerfile import Instruction


class Estimate(NamedTuple):
    """So many bytes, and how that is known. `slim` is the smaller image that a FROM could have, and its bytes."""

    bytes: int
    how: str
    slim: tuple[str, int] | None = None


def cost(build: Build, one: Instruction) -> Estimate | None:
    """What an instruction adds to the image: a base image, or packages of Debian's."""
    for stage in build.stages:
        if stage.stage.base is one:
            return _base(stage)
        for step in stage.steps:
            if step.instruction is one:
                return _packages(step)
    return None


def _base(stage: BuildStage) -> Estimate | None:
    if stage.image is None or stage.parent is not None:
        return None
    from slimify.knowledge.image_siblings import slim_sibling
    from slimify.knowledge.image_sizes import uncompressed_bytes

    size = uncompressed_bytes(stage.image)
    if size is None:
        return None
    sibling = slim_sibling(stage.image)
    small = uncompressed_bytes(sibling) if sibling is not None else None
    slim = (sibling, small.bytes) if sibling is not None and small is not None and small.bytes < size.bytes else None
    return Estimate(size.bytes, size.how, slim)


def _packages(step: Step) -> Estimate | None:
    if step.keyword != "RUN" or step.body is None or step.body.script.opaque or step.state.image is None:
        return None
    names = list(_named(step))
    if not names:
        return None
    from slimify.knowledge.debian import closure_size
    from slimify.knowledge.images import describe

    image = describe(step.state.image)
    size = closure_size(names, image.release) if image is not None and image.release else None
    if not size:
        return None
    return Estimate(size, f"{', '.join(names)} and what they depend on, without what is recommended, on a slim image")


def _named(step: Step) -> Iterator[str]:
    body = step.body
    assert body is not None
    for call in effects(body.script, step.state.variables, step.state.workdir).invocations:
        action = verb(call) if call.program in ("apt-get", "apt") else None
        if action is not None and action.name == "install":
            yield from (word.partition("=")[0] for word in action.operands if word)


def saved(outcome: Outcome, one: Instruction) -> int:
    """What the changes of an instruction save, as estimated; 0 if that is nothing or not known."""
    return sum(
        change.rewrite.saves or 0
        for change in outcome.changes
        if any(one.start_line <= line <= one.end_line for line in change.lines)
    )


def hover_text(build: Build, outcome: Outcome | None, one: Instruction) -> str:
    """What there is to say of an instruction, as Markdown; empty if there is nothing."""
    parts: list[str] = []
    if (estimate := cost(build, one)) is not None:
        parts.append(f"**About {human_size(estimate.bytes)}**: {estimate.how}")
        if estimate.slim is not None:
            name, small = estimate.slim
            parts.append(f"`{name}` has about {human_size(small)}: {human_size(estimate.bytes - small)} less")
    if outcome is not None:
        for change in outcome.changes:
            if any(one.start_line <= line <= one.end_line for line in change.lines):
                rewrite = change.rewrite
                less = f", about {human_size(rewrite.saves)} less" if rewrite.saves else ""
                parts.append(f"`{rewrite.transform}` would {_lower(rewrite.title)}{less}: {rewrite.reason}")
        for notice in outcome.notices:
            if notice.line <= one.end_line and notice.end_line >= one.start_line:
                parts.append(f"`{notice.finding.transform}`: {notice.finding.title}: {notice.reason}")
    return "\n\n".join(parts)


def _lower(title: str) -> str:
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def hints(build: Build, outcome: Outcome | None) -> Iterator[tuple[Instruction, str]]:
    """For each instruction about whose bytes something is known: what it costs, and what could be saved."""
    for one in build.dockerfile.instructions:
        estimate = cost(build, one)
        less = saved(outcome, one) if outcome is not None else 0
        words = [f"about {human_size(estimate.bytes)}"] if estimate is not None else []
        words += [f"{human_size(less)} less with slimify"] if less else []
        if words:
            yield one, ", ".join(words)
