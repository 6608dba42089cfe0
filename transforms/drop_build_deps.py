"""drop-build-deps: what serves only to build goes again in the layer that it was installed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimify.rewrite.edit import Evidence, Finding, Level, Rewrite
from slimify.semantics.build import Build, BuildStage

NAME = "drop-build-deps"
_TITLE = "build dependencies stay in the image"


def drop_build_deps(build: Build) -> Iterator[Rewrite | Finding]:
    """Remove compilers and headers at the end of the last RUN that needs them.

    >>> # RUN apk add --no-cache gcc musl-dev     RUN apk add --no-cache --virtual .build-deps gcc musl-dev \\
    >>> # RUN pip install bcrypt              ->      && pip install bcrypt \\
    >>> #                                             && apk del --no-network .build-deps
    """
    for stage in build.stages:
        if build.ships(stage.index):
            yield from _stage(build, stage)


def _stage(build: Build, stage: BuildStage) -> Iterator[Rewrite | Finding]:
    from slimify.transforms.build_deps.installs import installs, read_install, removes

    calls = [(step, call) for step in stage.steps for call in installs(step)]
    # Whoever removes packages in the RUN that installs them has thought of it.
    calls = [(step, call) for step, call in calls if not removes(step)]
    found = [one for step, call in calls if (one := read_install(step, call)) is not None]
    if not found:
        return
    from slimify.transforms.build_deps.exchange import exchange, line_of
    from slimify.transforms.build_deps.refused import RefusedError
    from slimify.transforms.build_deps.row import row_of
    from slimify.transforms.build_deps.write import written

    span = found[0].step.instruction.span
    try:
        if len(found) > 1:
            raise RefusedError("they are installed by several commands", found[1].step.instruction.span)
        install = found[0]
        if not build.pragmas.allows(NAME, install.step.instruction):
            return
        line = line_of(build, stage)
        _context(build, line.chain)
        row = row_of(build, stage, install, NAME)
        swap = exchange(build, line, install, row.last)
        made = written(build, row, install, swap)
    except RefusedError as refused:
        evidence = (Evidence("what stands against it", refused.span),) if refused.span is not None else ()
        why = refused.why + (" ({line 0})" if evidence and refused.span != span else "")
        yield Finding(NAME, _TITLE, why, span, evidence=evidence)
        return
    names = ", ".join(swap.removed if len(swap.removed) <= 4 else [*swap.removed[:3], f"{len(swap.removed) - 3} more"])
    reason = f"nothing that runs after the build uses {names}"
    if row.moved is not None:
        reason += "; to be gone in the same layer, they are installed there"
    yield Rewrite(
        transform=NAME,
        level=Level.STANDARD,
        title="remove build dependencies in the layer that uses them",
        reason=reason,
        edits=made.edits,
        evidence=(Evidence("the last use is here", row.last.instruction.span), *swap.evidence),
        saves=swap.saves,
        drops=made.drops,
    )


def _context(build: Build, chain: Iterable[BuildStage]) -> None:
    """Refuse where files come from a build context that is not known."""
    from slimify.transforms.build_deps.refused import RefusedError

    from slimify.context.copies import named

    for step in (step for stage in chain for step in stage.steps):
        if build.context is None and named(step.instruction, step.state):
            span = step.instruction.span
            raise RefusedError("what the application uses is not known without the build context", span)
