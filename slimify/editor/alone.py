"""The pipeline for a part of what it could do: a single rewrite, or what lies in a range of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from slimify.rewrite.edit import Finding, Rewrite
from slimify.rewrite.pipeline import Transform
from slimify.semantics.build import Build
from slimify.syntax.dockerfile import Dockerfile
from slimify.syntax.source import Source, Span


def single(transform: Transform, rewrite: Rewrite, source: Source) -> Transform:
    """A transform that makes just this rewrite, of just this text."""

    def run(build: Build) -> Iterator[Rewrite | Finding]:
        if build.dockerfile.source.text == source.text:
            yield rewrite

    return transform._replace(run=run)


def within(transforms: Iterable[Transform], source: Source, region: Span) -> list[Transform]:
    """The transforms, kept to a region of the text. What is around it stays, and so tells where it is."""
    rest = len(source.text) - region.end

    def kept(run: Callable[[Build], Iterator[Rewrite | Finding]]) -> Callable[[Build], Iterator[Rewrite | Finding]]:
        def inside(build: Build) -> Iterator[Rewrite | Finding]:
            end = len(build.dockerfile.source.text) - rest
            for one in run(build):
                if isinstance(one, Finding):
                    continue
                if one.edits and not one.files and one.span.start >= region.start and one.span.end <= end:
                    yield one

        return inside

    return [one._replace(run=kept(one.run)) for one in transforms]


def region_of(dockerfile: Dockerfile, first: int, last: int) -> Span:
    """The lines from `first` to `last`, counted from 1, and the rest of the instructions that they are part of."""
    source = dockerfile.source
    for one in dockerfile.instructions:
        if one.start_line <= last and one.end_line >= first:
            first, last = min(first, one.start_line), max(last, one.end_line)
    last = min(last, len(source.line_starts))
    return Span(source.line_starts[min(first, last) - 1], source.line_span(last).end)
