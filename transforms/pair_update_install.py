"""pair-update-install: an index update and the install that needs it belong in one layer."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator

from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite, Severity
from slimify.rewrite.join import Plan, Unit, edits, plan, unit, wall
from slimify.semantics.build import Build, Step
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import CHEAP, Effects, effects
from slimify.semantics.later import LaterUse, step_invocations
from slimify.syntax.shell import AndOr, Command, Item
from slimify.syntax.source import Span

NAME = "pair-update-install"
_SOURCE = "https://docs.docker.com/build/building/best-practices/#apt-get"


def pair_update_install(build: Build) -> Iterator[Rewrite | Finding]:
    """Put `update` where its `install` is, so that a cached update can never be older than the install.

    >>> # RUN apt-get update               RUN apt-get update \\
    >>> # RUN apt-get install -y git  ->       && apt-get install -y git
    """
    later, busy = LaterUse(build), functools.cache(lambda: _busy(build))
    for stage in build.stages:
        update: tuple[Step, Invocation] | None = None
        for step in stage.steps:
            if step.keyword != "RUN":
                continue
            body = step.body
            if body is None or body.script.opaque or not step.state.shell.posix:
                update = None
                continue
            found = effects(body.script, step.state.variables, step.state.workdir)
            needing = _unrefreshed(found)
            if update is not None and needing is not None and needing.manager is update[1].manager:
                proposal = _pair(build, update, step, needing)
                yield proposal
                if isinstance(proposal, Rewrite) and proposal.level is Level.STANDARD:
                    # From here on this is where the index comes from.
                    update = (step, needing)
            update = _pending_update(step, found, update)
            fetched = update is not None and update[0] is step and update[1] is not needing
            if update is not None and fetched and not _wanted(later, update, busy):
                yield _useless(update)


def _wanted(later: LaterUse, update: tuple[Step, Invocation], busy: Callable[[], frozenset[int]]) -> bool:
    """Whether anything on top of the update, in its own RUN or later, may use the index.

    `busy` tells the stages in which programs run that nothing is known of.
    """
    step, invocation = update
    manager = invocation.manager
    if manager is None or step.body is None or step.stage in busy():
        return True
    own = effects(step.body.script, step.state.variables, step.state.workdir).invocations
    behind = own[own.index(invocation) + 1 :]
    if any(call.manager is manager for call in behind):
        return True
    return later.of(step, manager).step is not None


def _busy(build: Build) -> frozenset[int]:
    """Stages that run, themselves or in a stage on top of them, what may well install packages."""
    busy = set()
    for stage in reversed(build.stages):
        calls = [step_invocations(step) for step in stage.steps]
        unknown = any(
            found is None or any(call.manager is None and call.program not in CHEAP for call in found)
            for found in calls
        )
        if unknown or any(child in busy for child in build.children[stage.index]):
            busy.add(stage.index)
    return frozenset(busy)


def _useless(update: tuple[Step, Invocation]) -> Finding:
    step, invocation = update
    return Finding(
        NAME,
        "an index is fetched that nothing uses",
        f"no {invocation.program} install follows; the update only makes the layer larger",
        step.instruction.span,
        Severity.WARNING,
    )


def _unrefreshed(found: Effects) -> Invocation | None:
    """The first command of a RUN that needs an index which this RUN has not fetched before it."""
    fresh = set()
    for invocation in found.invocations:
        manager, action = invocation.manager, verb(invocation)
        if manager is None or action is None or not manager.needs_index:
            continue
        if action.name in manager.refreshes:
            fresh.add(manager.name)
        elif action.name in manager.needs_index and manager.name not in fresh and not _local(action.operands):
            return invocation
    return None


def _local(operands: tuple[str | None, ...]) -> bool:
    """Whether all that is installed are package files, which may well need no index."""
    return bool(operands) and all(one is not None and one.endswith(".deb") for one in operands)


def _pending_update(
    step: Step, found: Effects, before: tuple[Step, Invocation] | None
) -> tuple[Step, Invocation] | None:
    """The update whose index lies in the layers so far without an install in its own RUN."""
    pending = before
    for invocation in found.invocations:
        manager, action = invocation.manager, verb(invocation)
        if manager is None or action is None or not manager.needs_index:
            continue
        if action.name in manager.refreshes:
            pending = (step, invocation)
    return pending


def _pair(build: Build, update: tuple[Step, Invocation], step: Step, needing: Invocation) -> Rewrite | Finding:
    above, _ = update
    evidence = (
        Evidence("the index is fetched here", above.instruction.span),
        Evidence("and needed here", step.instruction.span, _SOURCE),
    )
    reason = "when the install changes, Docker takes the update from its cache, with an index of long ago"
    between = build.stages[step.stage].steps[above.index : step.index + 1]
    if above.stage == step.stage and _one_row(between, needing):
        joined = _join(build, between)
        if not isinstance(joined, str):
            return Rewrite(NAME, Level.SAFE, "join the update with its install", reason, joined, evidence)
    return _own_update(build, update, step, needing, reason, evidence)


def _one_row(steps: tuple[Step, ...], needing: Invocation) -> bool:
    """Whether only RUNs lie between update and install, and none of them is expensive for a reason of its own."""
    if any(step.keyword != "RUN" for step in steps):
        return False
    for step in steps[1:-1]:
        for call in step_invocations(step) or ():
            if call.manager is not needing.manager and call.program not in CHEAP:
                return False
    return True


def _join(build: Build, steps: tuple[Step, ...]) -> tuple[Edit, ...] | str:
    units: list[Unit] = []
    for step in steps:
        one = unit(build, step, NAME)
        if isinstance(one, str):
            return one
        if units and (why := wall(build, units[-1], one)):
            return why
        units.append(one)
    joint = plan(units)
    return edits(build, units, joint) if isinstance(joint, Plan) else joint


def _own_update(
    build: Build,
    before: tuple[Step, Invocation],
    step: Step,
    needing: Invocation,
    reason: str,
    evidence: tuple[Evidence, ...],
) -> Rewrite | Finding:
    """Give a separated install an update of its own, by the program and the wrappers it uses itself."""
    above, update = before
    body = step.body
    assert body is not None

    def declined(why: str) -> Finding:
        return Finding(
            NAME,
            "an install relies on the index of another layer",
            why,
            step.instruction.span,
            evidence=evidence,
        )

    if needing.nested:
        return declined("the command stands inside a string or a substitution")
    if step.instruction.flag("network") == "none" or any(mount.type == "cache" for mount in step.mounts):
        return declined("it runs without network, or with a cache mount that may hold the index")
    if not build.pragmas.allows(NAME, step.instruction):
        return declined("a pragma protects it")
    place = _place(body.script.body.items, needing.command)
    if place is None:
        return declined("the install stands where the failure of an update would go unnoticed")
    if not _plain(above, update):
        return declined("the update is run in a way, or under a condition, that may be needed here too")
    if (where := _changes_sources(build, above, step)) is not None:
        return declined(f"{where.keyword} on line {where.instruction.start_line} changes what the update would fetch")
    command = needing.command
    if command.assignments or set(needing.wrappers) - {"sudo"} or update.wrappers != needing.wrappers:
        return declined("how to call the update there is not certain")
    words = " ".join(word.text for word in command.words if word.end <= needing.typed[-1].end)
    at = body.span(place, place + 1).start
    return Rewrite(
        transform=NAME,
        level=Level.STANDARD,
        title="give a separate install its own update",
        reason=reason,
        edits=(Edit(Span(at, at), f"{words} update && "),),
        evidence=evidence,
    )


# Options of an update that only make it quieter, or answer yes.
_QUIET = frozenset({"-y", "--yes", "--assume-yes", "-q", "-qq", "--quiet", "-yq", "-qy", "-yqq", "-qqy"})
_SOURCES = re.compile(r"/etc/apt|/etc/opkg|sources\.list|apt-key|add-apt-repository|apt-add-repository|\.gpg|\.asc\b")


def _plain(above: Step, update: Invocation) -> bool:
    """Whether an update is one that can be repeated as `update`, and whose failure fails its RUN."""
    body = above.body
    if body is None or update.nested or update.command.assignments or update.command.redirects:
        return False
    if any(argument not in _QUIET and argument != "update" for argument in update.argv):
        return False
    for item in body.script.body.items:
        operands = item.node.operands if isinstance(item.node, AndOr) else (item.node,)
        if any(one is update.command for one in operands):
            return not (isinstance(item.node, AndOr) and "||" in item.node.operators)
    return False


def _changes_sources(build: Build, above: Step, step: Step) -> Step | None:
    """The first instruction since the update's own, or that one, which may change the package sources."""
    chain = [step.stage]
    while chain[-1] != above.stage:
        parent = build.stages[chain[-1]].parent
        if parent is None:
            break
        chain.append(parent)
    between = [one for stage in reversed(chain) for one in build.stages[stage].steps]
    first, last = between.index(above), between.index(step)
    for one in between[first : last + 1]:
        if one.keyword not in ("RUN", "COPY", "ADD"):
            continue
        text = build.dockerfile.source[one.instruction.span]
        if _SOURCES.search(text) or (one.keyword == "ADD" and text.split()[-1] == "/"):
            return one
    return None


def _place(items: tuple[Item, ...], command: Command) -> int | None:
    """Where in the script the command starts, if it runs with the list up to there and its failure fails the RUN."""
    node = items[-1].node
    if node is command:
        return command.start
    if isinstance(node, AndOr) and "||" not in node.operators and any(one is command for one in node.operands):
        return command.start
    return None
