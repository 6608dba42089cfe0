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
    for at, one in enumerate(read):
        if isinstance(one, str):
            if at:
                yield _declined(steps[at - 1], steps[at], one)
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
    if len(row) < 2:
        return
    gains = list(_gains(row))
    group = [row[0]]
    first = 0
    for at, one in enumerate(row[1:], 1):
        wanted = [gain for gain in gains if gain.first < at <= gain.last]
        if not wanted:
            yield _declined(
                row[at - 1].step,
                one.step,
                "no bytes are won, and the border between them serves the build cache",
            )
        else:
            joint = plan([*group, one])
            if isinstance(joint, Plan):
                group.append(one)
                continue
            yield _declined(row[at - 1].step, one.step, joint)
        yield from _rewrite(build, group, first, gains)
        group, first = [one], at
    yield from _rewrite(build, group, first, gains)


def _rewrite(build: Build, group: list[Unit], first: int, gains: list[_Gain]) -> Iterator[Rewrite]:
    if len(group) < 2:
        return
    joint = plan(group)
    assert isinstance(joint, Plan)
    last = first + len(group) - 1
    reasons: dict[str, Evidence] = {}
    for gain in gains:
        if first <= gain.first and gain.last <= last:
            reasons.setdefault(gain.text, Evidence(gain.text, group[gain.last - first].step.instruction.span))
    if not reasons:
        return
    yield Rewrite(
        transform=NAME,
        level=Level.SAFE,
        title=f"join {len(group)} RUNs into one layer",
        reason="; ".join(reasons),
        edits=edits(build, group, joint),
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
    for at, one in enumerate(row):
        for earlier in range(at):
            other = row[earlier]
            if path := _meets(one.effects.deletes, other):
                yield _Gain(earlier, at, f"{path} is deleted in a later layer than the one that wrote it")
                break
            if path := _meets(one.effects.touches, other, written_only=True):
                yield _Gain(earlier, at, f"changing {path} in a later layer stores its bytes a second time")
                break
        if not at:
            continue
        manager = _installer(row[at - 1]) & _installer(one)
        if manager:
            yield _Gain(at - 1, at, f"both use {', '.join(sorted(manager))}, whose leftovers one clean-up can remove")
        elif _cheap(row[at - 1]) and _cheap(one):
            yield _Gain(at - 1, at, "both are cheap to run again, so that two layers serve nothing")


def _meets(paths: frozenset[str], earlier: Unit, written_only: bool = False) -> str:
    """The first of the paths that an earlier RUN wrote, or at least named, or that lies inside such a path."""
    names = earlier.effects.writes if written_only else earlier.effects.writes | earlier.effects.mentions
    names = frozenset(name for name in names if not _cleaned(name, earlier.effects.deletes))
    for path in sorted(paths):
        base = path.rstrip("*").rstrip("/")
        if base in names and " " in base:
            return path
        if base.count("/") < 2 and base not in names:
            # `/tmp`, `/app`: only what lies inside counts, since the folder itself was there before.
            if path != base and any(name.startswith(base + "/") for name in names if base not in ("", ".")):
                return path
            continue
        if any(name == base or name.startswith(base + "/") for name in names):
            return path
    return ""


def _cleaned(name: str, deleted: frozenset[str]) -> bool:
    """Whether the RUN that wrote a path has deleted it as well, so that there is nothing left to win."""
    return any(
        name == path.rstrip("*").rstrip("/") or name.startswith(path.rstrip("*").rstrip("/") + "/") for path in deleted
    )


def _installer(one: Unit) -> frozenset[str]:
    """The package managers with which a RUN installs something or refreshes an index."""
    found = set()
    for invocation in one.effects.invocations:
        manager, action = invocation.manager, verb(invocation)
        if manager and action and (action.name in manager.installs or action.name in manager.refreshes):
            found.add(manager.title)
    return frozenset(found)


def _cheap(one: Unit) -> bool:
    programs = {invocation.program for invocation in one.effects.invocations}
    if programs <= _WITHOUT_EFFECT:
        return False  # see modern-instructions: it should go, not be carried along
    return all(invocation.program is not None and invocation.program in CHEAP for invocation in one.effects.invocations)
