"""layout: one command on a line where a chain is broken over lines, one indent, and no blanks at the ends of lines."""

from __future__ import annotations

from collections.abc import Iterator

from slimify.rewrite.edit import Edit, Level, Rewrite
from slimify.semantics.build import Build, Step

NAME = "layout"
_LINES = "a change of one command is then a change of one line"
_ENDS = "nobody sees them, and diffs are full of them"


def layout(build: Build) -> Iterator[Rewrite]:
    """Lay the file out, without a change to any word of it.

    >>> # RUN apt-get update && apt-get upgrade -y \\      RUN apt-get update \\
    >>> #  && apt-get clean                        ->      && apt-get upgrade -y \\
    >>> #                                                  && apt-get clean
    """
    from slimify.rewrite.layout import blanks, breaks

    source = build.dockerfile.source
    ends, between = blanks(build.dockerfile)
    steps = {step.instruction.span.start: step for step in build.steps()}
    for at, one in enumerate(build.dockerfile.instructions):
        step = steps.get(one.span.start)
        lines = breaks(source, one, step.body) if step is not None and step.body and _is_posix(step) else []
        if lines:
            yield _rewrite("put one command on a line, at one indent", _LINES, [*lines, *ends.get(at, ())], one.keyword)
        elif at in ends:
            yield _rewrite("take blanks off the ends of lines", _ENDS, ends[at], one.keyword)
    pragmas = build.pragmas
    if between and not pragmas.keep_file and NAME not in pragmas.skip_file:
        yield _rewrite("take blanks off empty lines", _ENDS, between)


def _is_posix(step: Step) -> bool:
    return step.keyword == "RUN" and step.state.shell.posix and step.state.family.os != "windows"


def _rewrite(title: str, reason: str, edits: list[Edit], *keywords: str) -> Rewrite:
    return Rewrite(
        transform=NAME,
        level=Level.SAFE,
        title=title,
        reason=reason,
        edits=tuple(edits),
        keywords=frozenset(keywords),
        lays_out=True,
    )
