"""drop-dead-instructions: what a later instruction of the stage overrides has no effect."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite, Severity
from slimify.semantics.build import Build, BuildStage, Step
from slimify.syntax.source import Source, Span

NAME = "drop-dead-instructions"
_OVERRIDDEN = ("CMD", "ENTRYPOINT", "HEALTHCHECK", "STOPSIGNAL")


def drop_dead_instructions(build: Build) -> Iterator[Rewrite | Finding]:
    """Drop a CMD, ENTRYPOINT, HEALTHCHECK or STOPSIGNAL that a later one of its stage overrides.

    >>> # CMD ["a"]      ->  CMD ["b"]
    >>> # CMD ["b"]
    """
    for stage in build.stages:
        for keyword in _OVERRIDDEN:
            steps = [step for step in stage.steps if step.keyword == keyword]
            for dead, winner in itertools.pairwise(steps):
                if build.pragmas.guards(dead.instruction):
                    why = "a linter's ignore comment above it would come to stand above another instruction"
                    yield Finding(NAME, f"this {keyword} is overridden by a later one", why, dead.instruction.span)
                else:
                    yield _drop(build.dockerfile.source, dead, winner)
    yield from _unreached(build)


def _drop(source: Source, dead: Step, winner: Step) -> Rewrite:
    one = dead.instruction
    start = source.line_span(one.start_line).start
    end = source.line_span(one.end_line).end
    return Rewrite(
        transform=NAME,
        level=Level.SAFE,
        title=f"drop a {one.keyword} that a later one overrides",
        reason=f"only the last {one.keyword} of a stage takes effect",
        edits=(Edit(Span(start, end), ""),),
        evidence=(
            Evidence(
                "this is the one that counts",
                winner.instruction.span,
                f"https://docs.docker.com/reference/dockerfile/#{one.keyword.lower()}",
            ),
        ),
        keywords=frozenset({one.keyword}),
    )


def _unreached(build: Build) -> Iterator[Finding]:
    """Report, and never remove, a stage that the last one does not need: somebody may build it by name."""
    last = len(build.stages) - 1 if build.target is None else build.target
    needed: set[int] = set()
    pending = [last]
    while pending:
        index = pending.pop()
        if index not in needed:
            needed.add(index)
            pending += build.stages[index].needs
    for stage in build.stages:
        if stage.index not in needed:
            yield _report(stage)


def _report(stage: BuildStage) -> Finding:
    base = stage.stage.base
    if stage.name is None:
        title = f"the first FROM {stage.stage.image} has no effect" if not stage.steps else "nothing uses this stage"
        reason = (
            "each FROM starts a new stage with an empty file system; nothing is copied from this one, so that "
            "nothing it brings reaches the image (two FROMs do not add up)"
        )
        return Finding(NAME, title, reason, base.span, Severity.WARNING)
    reason = f"nothing that reaches the image uses it; it is left alone, since `--target {stage.name}` may ask for it"
    return Finding(NAME, f"stage {stage.name} does not reach the image", reason, base.span)
