"""Whether what a RUN would clean up is still wanted by what comes after it."""

from __future__ import annotations

import posixpath
import shlex
from typing import NamedTuple

from slimify.knowledge.package_managers import PackageManager
from slimify.semantics.build import Build, Step
from slimify.semantics.commands import Invocation, Variables, verb
from slimify.semantics.effects import effects
from slimify.syntax.shell import parse_script

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh", ".", "source"})


class Later(NamedTuple):
    """`why` says what still needs the cache, `{line 0}` standing for where it does; empty if nothing does."""

    why: str
    step: Step | None = None


class LaterUse:
    """The answers for one build. Each step is looked at once for each package manager."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self._known: dict[tuple[str, int, int], Later] = {}

    def of(self, step: Step, manager: PackageManager) -> Later:
        """Look at every step on top of this one, until one fetches the index anew.

        A script of the build context is not looked into: for a manager that cannot work without its
        index, it may be one that installs, and then nothing may be cleaned.
        """
        if not (manager.needs_index or manager.offline_options or manager.reuses):
            return Later("")
        return self._from(step.stage, step.index + 1, manager)

    def _from(self, stage: int, index: int, manager: PackageManager) -> Later:
        steps = self.build.stages[stage].steps
        passed: list[int] = []
        answer: Later | None = None
        while answer is None:
            if (known := self._known.get((manager.name, stage, index))) is not None:
                answer = known
            elif index == len(steps):
                passed.append(index)
                answer = self._children(stage, manager)
            else:
                passed.append(index)
                answer = _decides(self.build, steps[index], manager)
                index += 1
        for at in passed:
            self._known[manager.name, stage, at] = answer
        return answer

    def _children(self, stage: int, manager: PackageManager) -> Later:
        for child in self.build.children[stage]:
            answer = self._from(child, 0, manager)
            if answer.step is not None:
                return answer
        return Later("")


def _decides(build: Build, one: Step, manager: PackageManager) -> Later | None:
    """What a step says of the cache below it: still wanted, fetched anew, or (None) nothing."""
    if one.keyword not in ("RUN", "ONBUILD", "CMD", "ENTRYPOINT"):
        return None
    calls = step_invocations(one)
    if calls is None:
        if _mentions(build, one, manager):
            return Later(f"{{line 0}} cannot be read with certainty and speaks of {manager.title}", one)
        return None
    for call in calls:
        if call.manager is manager:
            action = verb(call)
            if action is None:
                return Later(f"{{line 0}} runs {manager.title} for a purpose that is not known", one)
            if action.name in manager.refreshes:
                return Later("")
            if action.name in manager.needs_index:
                return Later(f"{call.program} {action.name} on {{line 0}} has no update of its own", one)
            if call.has(*manager.offline_options):
                return Later("{line 0} works offline, from the cache", one)
            if manager.reuses:
                return Later("{line 0} uses the cache again", one)
        elif manager.needs_index and one.keyword in ("RUN", "ONBUILD") and (script := _script(call)):
            return Later(f"{script} on {{line 0}} may install packages with the index of this layer", one)
    return None


def step_invocations(step: Step) -> tuple[Invocation, ...] | None:
    """The programs a step runs, in shell form or exec form; None if that cannot be told."""
    one = step.instruction.trigger or step.instruction
    if one.keyword not in ("RUN", "CMD", "ENTRYPOINT"):
        return ()
    if one.exec_form is not None:
        script = parse_script(shlex.join(one.exec_form)) if one.exec_form else None
        variables: Variables = {}
    else:
        body = step.body
        script = body.script if body is not None else None
        variables = step.state.variables
    if script is None:
        return ()
    return None if script.opaque else effects(script, variables, step.state.workdir).invocations


def _mentions(build: Build, step: Step, manager: PackageManager) -> bool:
    text = build.dockerfile.source[step.instruction.span]
    return any(program in text for program in manager.programs) or not manager.programs


def _script(call: Invocation) -> str:
    """The name of the script that a call runs, if it is one that nobody here can look into."""
    if call.program is None:
        return "a program named by a variable"
    if call.program in _SHELLS:
        for argument in call.argv:
            if argument is None:
                return "a script"
            if not argument.startswith("-"):
                return argument
        # `curl … | bash`: an installer from the network brings its own index.
        return ""
    typed = call.typed[0].value or ""
    if typed.endswith((".sh", ".bash")) or (
        "/" in typed and typed.startswith(("./", "../")) and posixpath.basename(typed) not in ("configure", "config")
    ):
        return typed
    return ""
