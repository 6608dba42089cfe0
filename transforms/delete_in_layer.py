"""delete-in-layer: what is there for a moment only does not stay in a layer."""

from __future__ import annotations

from collections.abc import Iterator

from slimify.rewrite.edit import Finding, Rewrite
from slimify.semantics.build import Build


def delete_in_layer(build: Build) -> Iterator[Rewrite | Finding]:
    """Remove archives when they are unpacked, and mount those that are copied only to be unpacked.

    >>> # RUN curl -O https://example.com/a.tgz \\     RUN curl -O https://example.com/a.tgz \\
    >>> #     && tar xf a.tgz                     ->      && tar xf a.tgz \\
    >>> #                                                 && rm a.tgz
    """
    from slimify.transforms.leftovers.copied import copied_archives
    from slimify.transforms.leftovers.downloads import downloaded
    from slimify.transforms.leftovers.later import deleted_later

    for stage in build.stages:
        if not build.ships(stage.index):
            continue
        handled: set[str] = set()
        for step in stage.steps:
            if step.keyword in ("COPY", "ADD"):
                yield from copied_archives(build, stage, step, handled)
            elif step.keyword == "RUN":
                yield from downloaded(build, step)
        yield from deleted_later(build, stage, handled)
