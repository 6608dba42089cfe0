"""The RUNs from an install of build dependencies to the last use of them, which must become one layer."""

from __future__ import annotations

import itertools
import posixpath
import re
from typing import NamedTuple

from slimify.transforms.build_deps.installs import Install, builds
from slimify.transforms.build_deps.refused import RefusedError

from slimify.context.copies import copied
from slimify.knowledge.image_config import config
from slimify.rewrite.join import Plan, Unit, plan, unit, wall
from slimify.semantics.branches import branches
from slimify.semantics.build import Build, BuildStage, Step, pairs
from slimify.semantics.commands import verb
from slimify.semantics.later import step_invocations
from slimify.syntax.shell import AndOr
from slimify.syntax.words import WordError, expand

# Where system packages put files (Filesystem Hierarchy Standard 3.0).
_SYSTEM = re.compile(
    r"/(?:$|(?:bin|boot|dev|etc|lib\w*|proc|run|sbin|sys)(?:/|$)|(?:usr|var)(?!/(?:src|local/src|www|app)/)(?:/|$))"
)
# Variables that apt, apk and the maintainer scripts of packages read.
_READ = re.compile(r"PATH|HOME|TMPDIR|IFS|ENV|BASH_ENV|LD_\w+|(?:\w*_)?(?:PROXY|proxy)|APT_\w+|APK_\w+|DEB\w+|DPKG_\w+")
_SETTINGS = frozenset(
    {
        "CMD",
        "COPY",
        "ADD",
        "ENTRYPOINT",
        "ENV",
        "ARG",
        "EXPOSE",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "STOPSIGNAL",
        "WORKDIR",
    }
)
_PURE = frozenset({":", "echo", "rm", "set", "true"})
_LISTS = re.compile(r"-\w+|/var/(?:lib/apt/lists|cache/apt|cache/apk)(?:/.*)?")


class Row(NamedTuple):
    """`units` become one RUN, or are one; with `moved`, the RUN of the install moves down to the first of them."""

    units: tuple[Unit, ...]
    joint: Plan | None
    moved: Unit | None

    @property
    def last(self) -> Step:
        return self.units[-1].step


def row_of(build: Build, stage: BuildStage, install: Install, transform: str) -> Row:
    """The row. Raises `RefusedError` where it cannot be one layer."""
    start = install.step
    users = [step.index for step in stage.steps[start.index :] if _uses(step, install)]
    span = start.instruction.span
    if not users:
        raise RefusedError(
            f"nothing is seen to build with {install.tools[0]}, so that what it is for is not known", span
        )
    for step in build.successors(start):
        if step.stage != stage.index and _uses(step, install):
            raise RefusedError("a stage that is built on this one builds, too", step.instruction.span)
    steps = stage.steps[start.index : users[-1] + 1]
    units = [_unit(build, step, transform) for step in steps if step.keyword == "RUN"]
    first = next((at for at, step in enumerate(steps[1:], 1) if step.keyword == "RUN"), len(steps))
    if any(step.keyword != "RUN" for step in steps[first:]):
        last = next(step for step in reversed(steps) if step.keyword != "RUN")
        raise RefusedError(
            "it is used in RUNs with other instructions between them, which cannot become one", last.instruction.span
        )
    if len(units) == 1:
        _runs_for_certain(units[0], install)
        return Row((units[0],), None, None)
    for above, below in itertools.pairwise(units):
        if why := wall(build, above, below):
            raise RefusedError(f"the RUN that uses it cannot be joined with it: {why}", below.step.instruction.span)
    joint = plan(units)
    if (
        not isinstance(joint, Plan)
        or joint.operator != "&&"
        or joint.forms[-1].opening
        or (first > 1 and joint.forms[0].opening)
    ):
        why = "it would take groups of commands" if isinstance(joint, Plan) else joint
        raise RefusedError(f"the RUN that uses it cannot be joined with it: {why}", units[-1].step.instruction.span)
    for one in units:
        _as_root(one.step)
    _runs_for_certain(units[0], install)
    if first == 1:
        return Row(tuple(units), joint, None)
    _may_move(build, units[0], steps[1:first], install)
    rest = plan(units[1:]) if len(units) > 2 else None
    if isinstance(rest, str):
        raise RefusedError(f"the RUNs that use it cannot be joined: {rest}", units[1].step.instruction.span)
    return Row(tuple(units[1:]), rest, units[0])


def _uses(step: Step, install: Install) -> bool:
    """Whether a step may build. What stands in front of the install in the same RUN builds without it."""
    if step.keyword not in ("RUN", "ONBUILD"):
        return False
    for call in step_invocations(step) or ():
        if builds(call) and (step is not install.step or call.command.start > install.call.command.start):
            return True
    return False


def _unit(build: Build, step: Step, transform: str) -> Unit:
    one = unit(build, step, transform)
    if isinstance(one, str):
        raise RefusedError(f"a RUN between the install and the last use: {one}", step.instruction.span)
    return one


def _as_root(step: Step) -> None:
    if step.state.user not in (None, "root", "0", "root:root", "0:0"):
        raise RefusedError(f"{step.state.user} may not remove packages", step.instruction.span)


def _runs_for_certain(one: Unit, install: Install) -> None:
    """Refuse where the install may fail or be left out without an end of the build."""
    _as_root(one.step)
    span = one.step.instruction.span
    call = install.call
    if call.nested or call.wrappers or call.command.redirects:
        raise RefusedError("the install is no plain command", span)
    if branches(one.body.script.body, call.command) != ():
        raise RefusedError("the install runs only if something else does", span)
    options = one.effects.options | one.step.state.shell.options
    if one.several and "e" not in options:
        raise RefusedError("the script goes on when the install fails", span)
    node = next(item.node for item in one.items if item.node.start <= call.command.start < item.node.end)
    if isinstance(node, AndOr) and "||" in node.operators:
        raise RefusedError("the script goes on when the install fails", span)
    if install.alpine and one.several and node is not call.command:
        # `set -e` would not see the failure of the first of two calls (POSIX XCU 2.15).
        raise RefusedError("the install stands among other commands, where set -e has no effect", span)
    after = [other for other in one.effects.invocations if other.command.start > call.command.start]
    if any(other.program in ("exit", "exec", "cd") and other.nested for other in after) or one.effects.exits:
        raise RefusedError("the script may end before its end", span)


def _may_move(build: Build, moved: Unit, between: tuple[Step, ...], install: Install) -> None:
    """Refuse where the RUN of the install would find another system below the instructions that it moves past."""
    span = moved.step.instruction.span
    for call in moved.effects.invocations:
        manager = call.manager
        ours = install.call.manager
        plain = call.program in _PURE and (
            call.program != "rm" or all(_LISTS.fullmatch(one or "-") for one in call.argv)
        )
        if not plain and (manager is None or manager is not ours or verb(call) is None):
            raise RefusedError("the RUN of the install does other things, too, so that it cannot move", span)
    text = moved.text
    for step in between:
        one = step.instruction
        if one.keyword not in _SETTINGS:
            raise RefusedError(f"{one.keyword} stands between the install and its use", one.span)
        if one.keyword in ("ENV", "ARG"):
            names = [name for name, _ in pairs(one)] if one.keyword == "ENV" else _arguments(step)
            for name in names:
                if _READ.fullmatch(name) or re.search(rf"\b{re.escape(name)}\b", text):
                    raise RefusedError(f"{name} is set between the install and its use", one.span)
        if one.keyword in ("COPY", "ADD", "WORKDIR"):
            _apart(build, step, install)


def _arguments(step: Step) -> list[str]:
    return [token.text.partition("=")[0] for token in step.instruction.tokens]


def _apart(build: Build, step: Step, install: Install) -> None:
    """Refuse where packages may put files into a folder, or users that own what is copied."""
    one = step.instruction
    targets = _targets(build, step)
    if targets is None or any(_SYSTEM.match(target) for target in targets):
        raise RefusedError("what is between the install and its use may change the system's files", one.span)
    owner = one.flag("chown")
    others = [name for _, name in install.names if name not in install.tools]
    if owner is not None and others and not re.fullmatch(r"(?:root|\d+)(?::(?:root|\d+))?", owner):
        raise RefusedError(f"a package may bring {owner}, whom the files belong to", one.span)


def _targets(build: Build, step: Step) -> list[str] | None:
    """The paths that a COPY, ADD or WORKDIR may make; a folder with a slash at its end. None where not known."""
    one, state = step.instruction, step.state
    if state.workdir is None and (known := config(state.image or "")) is not None:
        state = state._replace(workdir=known.workdir or "/")
    if one.keyword != "WORKDIR" and build.context is not None and one.flag("from") is None:
        taken = copied(one, state, build.context)
        if not isinstance(taken, str):
            found = [target for _, target in taken.files]
            return None if None in found else [target for target in found if target is not None]
    words = one.exec_form or tuple(token.text for token in one.tokens)
    try:
        path = expand(words[-1], state.variables, one.escape).value if words else None
    except WordError:
        return None
    if path is not None and not path.startswith("/"):
        path = posixpath.join(state.workdir, path) if state.workdir else None
    return None if path is None else [posixpath.normpath(path).rstrip("/") + "/"]
