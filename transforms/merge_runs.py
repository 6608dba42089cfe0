"""merge-runs: adjacent RUNs become one where that saves bytes or costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from slimify.rewrite.edit import Evidence, Finding, Level, Rewrite
from slimify.rewrite.join import Plan, Unit, edits, plan, unit, wall
from slimify.semantics.build import Build, Step
from slimify.semantics.commands import verb
from slimify.semantics.effects import CHEAP

NAME = "merge-runs"


class _Gain(NamedTuple):
    """Why the RUNs from one to another should be one."""

    first: int
    last: int
    text: str


def merge_runs(build: Build) -> Iterator[Rewrite | Finding]:
    """Join adjacent RUNs whose layers hide bytes from each other, and those too cheap to be worth a layer.

    >>> # RUN curl -O https://example.com/a.tgz        RUN curl -O https://example.com/a.tgz \\
    >>> # RUN tar xf a.tgz                      ->         && tar xf a.tgz \\
    >>> # RUN rm a.tgz                                     && rm a.tgz
    """
    for stage in build.stages:
        if not build.ships(stage.index):
            continue
        for steps in _neighbours(stage.steps):
            yield from _merge(build, steps)


# A RUN of nothing else changes a shell that is gone a moment later.
_WITHOUT_EFFECT = frozenset({"cd", "export", "alias", "set", "unset", "umask", "source", "."})


def _neighbours(steps: tuple[Step, ...]) -> Iterator[list[Step]]:
    """The longest rows of RUNs with nothing but comments and blank lines between them."""
    row: list[Step] = []
    for step in steps:
        if step.keyword == "RUN":
            row.append(step)
            continue
        if len(row) > 1:
            yield row
        row = []
    if len(row) > 1:
        yield row


def _merge(build: Build, steps: list[Step]) -> Iterator[Rewrite | Finding]:
    read = [unit(build, step, NAME) for step in steps]
    row: list[Unit] = []
    for step, one in zip(steps, read, strict=True):
        if isinstance(one, str):
            yield Finding(NAME, "this RUN is not joined with its neighbours", one, step.instruction.span)
            yield from _merge_row(build, row)
            row = []
            continue
        if row and (why := wall(build, row[-1], one)):
            yield _declined(row[-1].step, one.step, why)
            yield from _merge_row(build, row)
            row = []
        row.append(one)
    yield from _merge_row(build, row)


def _merge_row(build: Build, row: list[Unit]) -> Iterator[Rewrite | Finding]:
    """Cut a row of units where nothing is won across the border, and join what is left together."""
    if len(row) < 2:
        return
    gains = list(_gains(row))
    reach = list(range(len(row)))
    for gain in gains:
        reach[gain.first] = max(reach[gain.first], gain.last)
    first = furthest = 0
    for at in range(1, len(row) + 1):
        furthest = max(furthest, reach[at - 1])
        if furthest >= at:
            continue
        yield from _segment(build, row, first, at, gains)
        if at < len(row):
            why = "no bytes are won, and the border between them serves the build cache"
            yield _declined(row[at - 1].step, row[at].step, why)
        first = at


def _segment(build: Build, row: list[Unit], first: int, end: int, gains: list[_Gain]) -> Iterator[Rewrite | Finding]:
    """Join the units from `first` up to `end`; where that cannot be as a whole, from the top as far as it goes."""
    while end - first > 1:
        joint = plan(row[first:end])
        if isinstance(joint, Plan):
            yield from _rewrite(build, row, first, end, joint, gains)
            return
        until = first + 1
        best: Plan | None = None
        while until < end and isinstance(wider := plan(row[first : until + 1]), Plan):
            best, until = wider, until + 1
        yield _declined(row[until - 1].step, row[until].step, str(plan(row[first : until + 1])))
        if best is not None:
            yield from _rewrite(build, row, first, until, best, gains)
        first = until


def _rewrite(build: Build, row: list[Unit], first: int, end: int, joint: Plan, gains: list[_Gain]) -> Iterator[Rewrite]:
    reasons: dict[str, Evidence] = {}
    for gain in gains:
        if first <= gain.first and gain.last < end:
            reasons.setdefault(gain.text, Evidence(gain.text, row[gain.last].step.instruction.span))
    if not reasons:
        return
    yield Rewrite(
        transform=NAME,
        level=Level.SAFE,
        title=f"join {end - first} RUNs into one layer",
        reason="; ".join(reasons),
        edits=edits(build, row[first:end], joint),
        evidence=tuple(reasons.values()),
    )


def _declined(above: Step, below: Step, why: str) -> Finding:
    return Finding(
        NAME,
        "this RUN and the one above stay apart",
        why,
        below.instruction.span,
        evidence=(Evidence("the one above", above.instruction.span),),
    )


def _gains(row: list[Unit]) -> Iterator[_Gain]:
    written, named = _Paths(), _Paths()
    for at, one in enumerate(row):
        if at:
            for path in sorted(one.effects.deletes):
                if (earlier := named.meeting(path)) is not None:
                    yield _Gain(earlier, at, f"{path} is deleted in a later layer than the one that wrote it")
                    break
            else:
                for path in sorted(one.effects.touches):
                    if (earlier := written.meeting(path)) is not None:
                        yield _Gain(earlier, at, f"changing {path} in a later layer stores its bytes a second time")
                        break
            shared = _databases(row[at - 1]) & _databases(one)
            if shared:
                yield _Gain(at - 1, at, f"each layer that installs holds a copy of {', '.join(sorted(shared))}")
            elif _cheap(row[at - 1]) and _cheap(one) and _plain(row[at - 1 : at + 1]):
                yield _Gain(at - 1, at, "both are cheap to run again, so that two layers serve nothing")
        for path in one.effects.writes:
            if not _cleaned(path, one.effects.deletes):
                written.add(path, at)
                named.add(path, at)
        for path in one.effects.mentions:
            if not _cleaned(path, one.effects.deletes):
                named.add(path, at)


class _Paths:
    """Which RUN of a row was the first to write a path, or something inside it."""

    def __init__(self) -> None:
        self.exact: dict[str, int] = {}
        self.inside: dict[str, int] = {}

    def add(self, path: str, at: int) -> None:
        self.exact.setdefault(path, at)
        cut = path.rfind("/")
        while cut > 0:
            path = path[:cut]
            self.inside.setdefault(path, at)
            cut = path.rfind("/")

    def meeting(self, path: str) -> int | None:
        """The first RUN that wrote what deleting or changing `path` concerns, a pattern at its end allowed."""
        base = path.rstrip("*").rstrip("/")
        if base in ("", "."):
            return None
        # `/tmp`, `/app`: the folder itself was there before, so that only what lies inside counts.
        exact = None if base.count("/") < 2 and base.startswith("/") and path != base else self.exact.get(base)
        found = [at for at in (exact, self.inside.get(base)) if at is not None]
        return min(found, default=None)


def _cleaned(name: str, deleted: frozenset[str]) -> bool:
    """Whether the RUN that wrote a path has deleted it as well, so that there is nothing left to win."""
    return any(
        name == path.rstrip("*").rstrip("/") or name.startswith(path.rstrip("*").rstrip("/") + "/") for path in deleted
    )


def _databases(one: Unit) -> frozenset[str]:
    """The package databases that a RUN writes to, or will have to with the index that it fetches."""
    found = set()
    for invocation in one.effects.invocations:
        manager, action = invocation.manager, verb(invocation)
        if manager and action and (action.name in manager.installs or action.name in manager.refreshes):
            found.add(manager.database)
    return frozenset(found - {""})


def _plain(pair: list[Unit]) -> bool:
    """Whether the two can be joined without braces and subshells, which nobody would write to save a layer."""
    joint = plan(pair)
    return isinstance(joint, Plan) and all(not form.opening for form in joint.forms)


def _cheap(one: Unit) -> bool:
    programs = {invocation.program for invocation in one.effects.invocations}
    if programs <= _WITHOUT_EFFECT:
        return False  # see modern-instructions: it should go, not be carried along
    return all(invocation.program is not None and invocation.program in CHEAP for invocation in one.effects.invocations)
