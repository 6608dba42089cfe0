"""One rewrite of a Dockerfile that is built in several ways, such as to several targets.

What each build makes of the stages that it uses is right for it, whatever becomes of the others. So the rewrites are
put together stage by stage, if all builds that use a stage make the same of it; otherwise there is no rewrite that is
right for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from slimify.rewrite.diff import Block, blocks, blocks_of_changes, split_lines
from slimify.rewrite.outcome import Change, Outcome
from slimify.rewrite.text import Origin, identity
from slimify.semantics.build import Build, analyse
from slimify.syntax.dockerfile import Dockerfile, parse
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source

# The place in front of the first FROM, which every build uses.
_FRONT = -1


class Part(NamedTuple):
    """What one build makes of the Dockerfile. `target` as it was given to it."""

    target: str | None
    outcome: Outcome


class _Replacement(NamedTuple):
    """Old lines, half-open from 0, the new ones, and where those come from."""

    start: int
    end: int
    lines: tuple[str, ...]
    origins: tuple[Origin, ...]

    def same(self, other: _Replacement) -> bool:
        return self[:3] == other[:3]


def together(parts: Sequence[Part]) -> Outcome | None:
    """The outcome for all of them, None if there is none. All have the same text before."""
    first = parts[0].outcome
    if all(_alike(first, part.outcome) for part in parts[1:]):
        return first
    dockerfile = parse(first.before)
    used = [_used(analyse(dockerfile, target=part.target)) for part in parts]
    wanted = [list(_replacements(dockerfile, part.outcome)) for part in parts]
    kept: list[_Replacement] = []
    for at, mine in enumerate(wanted):
        for stages, one in mine:
            if not stages & used[at]:
                continue  # of what this build does not use, it knows nothing
            for other, theirs in enumerate(wanted):
                if stages & used[other] and not any(one.same(it) for _, it in theirs):
                    return None
            if not any(one.same(it) for it in kept):
                kept.append(one)
    kept.sort(key=lambda one: (one.start, one.end))
    if any(one.end > following.start for one, following in pairwise(kept)):
        return None
    return _applied(dockerfile, parts, kept)


def _alike(one: Outcome, other: Outcome) -> bool:
    return one.after.text == other.after.text and one.files == other.files


def _used(build: Build) -> frozenset[int]:
    """The stages that a build to its target uses, and what stands in front of all."""
    last = build.target if build.target is not None else len(build.stages) - 1
    found, pending = {_FRONT}, [last]
    while pending:
        stage = pending.pop()
        if stage not in found:
            found.add(stage)
            pending += build.stages[stage].needs
            parent = build.stages[stage].parent
            pending += [] if parent is None else [parent]
    return frozenset(found)


def _replacements(dockerfile: Dockerfile, outcome: Outcome) -> Iterator[tuple[frozenset[int], _Replacement]]:
    """What is replaced, and in which stages; between two stages it is in both."""
    source = outcome.before
    starts = [source.line_of(stage.base.span.start) - 1 for stage in dockerfile.stages]
    new = split_lines(outcome.after.text)
    for block in blocks(source, outcome.after):
        yield (
            _stages(starts, block),
            _Replacement(
                block.old_start,
                block.old_end,
                tuple(new[block.new_start : block.new_end]),
                tuple(outcome.origins[block.new_start : block.new_end]),
            ),
        )


def _stages(starts: Sequence[int], block: Block) -> frozenset[int]:
    def at(line: int) -> int:
        return sum(start <= line for start in starts) - 1

    first = at(block.old_start - 1 if block.old_start == block.old_end else block.old_start)
    last = at(block.old_start if block.old_start == block.old_end else block.old_end - 1)
    return frozenset(range(first, last + 1))


def _applied(dockerfile: Dockerfile, parts: Sequence[Part], kept: Sequence[_Replacement]) -> Outcome | None:
    before = dockerfile.source
    old, origins = split_lines(before.text), list(identity(before))
    lines: list[str] = []
    from_where: list[Origin] = []
    done = 0
    for one in kept:
        lines += [*old[done : one.start], *one.lines]
        from_where += [*origins[done : one.start], *one.origins]
        done = one.end
    after = Source.from_bytes("".join([*lines, *old[done:]]).encode("utf-8", "surrogateescape"), before.path)
    from_where += origins[done:]
    try:
        new = parse(after)
        for part in parts:
            analyse(new, target=part.target)
    except (DockerfileSyntaxError, ValueError):
        return None
    if len(new.stages) != len(dockerfile.stages) and _counts_stages(dockerfile, parts):
        return None
    files = {file.path: file for part in parts for file in part.outcome.files}
    if any(files[file.path] != file for part in parts for file in part.outcome.files):
        return None
    return Outcome(
        before,
        after,
        tuple(_changes(parts, kept)),
        tuple(dict.fromkeys(notice for part in parts for notice in part.outcome.notices)),
        tuple(from_where),
        max(part.outcome.passes for part in parts),
        tuple(files.values()),
    )


def _counts_stages(dockerfile: Dockerfile, parts: Sequence[Part]) -> bool:
    """Whether a stage is called by its number, which another stage in front of it would change."""
    sources = [one.flag("from") for stage in dockerfile.stages for one in stage.instructions]
    return any(name is not None and name.isdecimal() for name in (*sources, *(part.target for part in parts)))


def _changes(parts: Sequence[Part], kept: Sequence[_Replacement]) -> Iterator[Change]:
    """The changes of which all is kept, each once, in the order of the file."""
    ranges = {(one.start, one.end) for one in kept}
    found: dict[tuple[str, str, tuple[int, ...]], Change] = {}
    for part in parts:
        for change, made_of in zip(part.outcome.changes, blocks_of_changes(part.outcome), strict=True):
            if all((block.old_start, block.old_end) in ranges for block in made_of):
                found.setdefault((change.rewrite.transform, change.rewrite.title, change.lines), change)
    yield from sorted(found.values(), key=lambda change: change.lines)
