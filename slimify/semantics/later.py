"""Whether what a RUN would clean up is still wanted by what comes after it."""

from __future__ import annotations

import functools
import posixpath
import re
import shlex
from collections.abc import Iterator
from typing import NamedTuple

from slimify.knowledge.package_managers import PackageManager
from slimify.semantics.branches import dominates
from slimify.semantics.build import Build, Step, mounts
from slimify.semantics.commands import Invocation, Variables, verb
from slimify.semantics.effects import CHEAP, effects
from slimify.syntax.shell import Script, parse_script

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh", ".", "source"})
_INTERPRETER = re.compile(r"(?:python|perl|ruby|node|php|Rscript)[0-9.]*")
_SYSTEM_FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin")
# Scripts of source packages, which build and do not install packages.
_BUILD_SCRIPTS = frozenset({"configure", "config", "Configure", "autogen.sh", "buildconf", "gradlew", "mvnw", "rebar3"})
# What scripts and make targets that fetch what a build needs are called.
_INSTALLER = re.compile(r"install|setup_|bootstrap|provision|\bdeps\b|dependenc|prereq|packages")
_HOME = re.compile(r"(?:~|\$HOME|\$\{HOME\}|/root|/home/[^/]+)(?=/|$)")


class Later(NamedTuple):
    """`why` says what still needs the cache, `{line 0}` standing for where it does; empty if nothing does."""

    why: str
    step: Step | None = None


class LaterUse:
    """The answers for one build. Each step is looked at once for each package manager."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self._known: dict[tuple[str, int, int], Later] = {}
        self._sources = tuple(_sources(build.steps()))

    def of(self, step: Step, manager: PackageManager) -> Later:
        """Look at every step on top of this one, until one fetches the index anew, and at what is copied from here.

        A script of the build context is not looked into: for a manager that cannot work without its
        index, it may be one that installs, and then nothing may be cleaned.
        """
        answer = self._from(step.stage, step.index + 1, manager)
        return answer if answer.step is not None else self._copied(step.stage, manager)

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

    def _copied(self, stage: int, manager: PackageManager) -> Later:
        """Whether a later stage takes the cache out of this one or of one built on it."""
        key = (manager.name, stage, -1)
        if (known := self._known.get(key)) is not None:
            return known
        names = {str(stage), self.build.stages[stage].name or str(stage)}
        answer = Later("")
        for one in self._sources:
            if any(name in names and _concerns(path, manager) for name, path in one.taken):
                answer = Later("{line 0} copies it into another stage", one.step)
                break
        for child in self.build.children[stage]:
            if answer.step is None:
                answer = self._copied(child, manager)
        self._known[key] = answer
        return answer


def _decides(build: Build, one: Step, manager: PackageManager) -> Later | None:
    """What a step says of the cache below it: still wanted, fetched anew, or (None) nothing."""
    if one.keyword not in ("RUN", "ONBUILD", "CMD", "ENTRYPOINT"):
        return None
    script = step_script(one)
    if script is None:
        return None
    if script.opaque:
        if _mentions(build, one, manager):
            return Later(f"{{line 0}} cannot be read with certainty and speaks of {manager.title}", one)
        return None
    calls = step_invocations(one) or ()
    refreshed: list[Invocation] = []
    for call in calls:
        if call.manager is manager:
            action = verb(call)
            if action is None:
                return Later(f"{{line 0}} runs {manager.title} for a purpose that is not known", one)
            if action.name in manager.refreshes:
                refreshed.append(call)
            elif any(_before(script, earlier, call) for earlier in refreshed):
                continue
            elif action.name in manager.needs_index or (not action.name and manager.needs_index):
                name = f"{call.program} {action.name}".rstrip()
                return Later(f"{name} on {{line 0}} has no update of its own", one)
            elif manager.offline_options and _offline(one, call, manager):
                return Later("{line 0} works offline, from the cache", one)
            elif manager.reuses:
                return Later("{line 0} uses the cache again", one)
        elif one.keyword in ("RUN", "ONBUILD"):
            if manager.needs_index and not refreshed and (what := may_install(call, manager, build)):
                return Later(f"{what} on {{line 0}} may install packages with the index of this layer", one)
            if call.program not in ("echo", "printf") and not _deletes_by_force(call):
                for path in call.operands:
                    if path is not None and _concerns(path, manager):
                        return Later(f"{call.program} on {{line 0}} works on {path}", one)
    if any(dominates(script.body, call.command, _last(script, calls).command) for call in refreshed):
        return Later("")
    return None


def _before(script: Script, refresh: Invocation, call: Invocation) -> bool:
    """Whether the index is fresh when `call` runs; in a string that a shell is given, by its order alone."""
    return (refresh.nested and call.nested) or dominates(script.body, refresh.command, call.command)


def _last(script: Script, calls: tuple[Invocation, ...]) -> Invocation:
    """The last command at the top of the script, to ask whether a refresh is certain to have run."""
    outer = script.body.items[-1].node
    return next((call for call in reversed(calls) if call.command.start >= outer.start), calls[-1])


def _offline(one: Step, call: Invocation, manager: PackageManager) -> bool:
    if call.has(*manager.offline_options) or one.instruction.flag("network") == "none":
        return True
    names = [*call.assignments, *one.state.env, *one.state.args]
    return any("offline" in name.lower() for name in names)


def step_script(step: Step) -> Script | None:
    """The script of a RUN, CMD or ENTRYPOINT, the words of an exec form written as one; None if it has none."""
    one = step.instruction.trigger or step.instruction
    if one.keyword not in ("RUN", "CMD", "ENTRYPOINT"):
        return None
    if one.exec_form is not None:
        return parse_script(shlex.join(one.exec_form)) if one.exec_form else None
    body = step.body
    return body.script if body is not None else None


def step_invocations(step: Step) -> tuple[Invocation, ...] | None:
    """The programs a step runs, in shell form or exec form; None if that cannot be told."""
    script = step_script(step)
    if script is None:
        return ()
    one = step.instruction.trigger or step.instruction
    variables: Variables = {} if one.exec_form is not None else step.state.variables
    return None if script.opaque else effects(script, variables, step.state.workdir).invocations


def _mentions(build: Build, step: Step, manager: PackageManager) -> bool:
    text = build.dockerfile.source[step.instruction.span]
    return any(program in text for program in manager.programs) or not manager.programs


def _deletes_by_force(call: Invocation) -> bool:
    return call.program in ("rm", "find") and (call.program == "find" or any(map(_forces, call.argv)))


def _forces(argument: str | None) -> bool:
    return argument is not None and (argument == "--force" or bool(re.fullmatch(r"-[a-zA-Z]*f[a-zA-Z]*", argument)))


def _concerns(path: str, manager: PackageManager) -> bool:
    """Whether a path is a cache folder, lies in one, or is a folder below a home that only caches lie in."""
    found = _HOME.sub("~", path.rpartition("=")[2].rstrip("/*"))
    for cache in manager.cache_paths:
        folder = cache.rstrip("/*")
        if found == folder or found.startswith(folder + "/"):
            return True
        if found.startswith("~/") and folder.startswith(found + "/"):
            return True
    return False


def may_install(call: Invocation, manager: PackageManager, build: Build | None = None) -> str:
    """What a call runs that may install packages through `manager` where nobody here can look; empty if nothing."""
    program = call.program
    if program is None:
        return "a program named by a variable"
    if program in manager.front_ends:
        return program
    if program in _SHELLS:
        # `curl … | bash`: an installer from the network brings its own index.
        return next((one or "a script" for one in call.argv if one is None or not one.startswith("-")), "")
    if program not in CHEAP and any(_names(word, manager) for word in call.argv):
        return program
    if _INTERPRETER.fullmatch(program):
        file = next((one for one in call.operands if one is not None), "")
        return file if _INSTALLER.search(posixpath.basename(file)) else ""
    if program in ("make", "gmake", "just", "task"):
        goals = [one for one in call.operands if one and one != "install" and _INSTALLER.search(one)]
        return f"{program} {goals[0]}" if goals else ""
    if program in CHEAP or program in _BUILD_SCRIPTS or call.manager is not None:
        return ""
    typed = call.typed[0].value or ""
    folder = posixpath.dirname(typed)
    if folder and folder not in _SYSTEM_FOLDERS:
        return typed
    # A program that the Dockerfile itself has put there is one that nobody knows.
    return program if build is not None and _put_there(build, program) else ""


@functools.lru_cache(maxsize=512)
def _put_there(build: Build, program: str) -> bool:
    return f"/{program}" in build.dockerfile.source.text


def _names(word: str | None, manager: PackageManager) -> bool:
    return word is not None and any(
        re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", word) for one in manager.programs
    )


class _Source(NamedTuple):
    """A step that takes files from stages: each by lower-case name or number, with the path."""

    step: Step
    taken: tuple[tuple[str, str], ...]


def _sources(steps: Iterator[Step]) -> Iterator[_Source]:
    """The steps that COPY or mount from a stage or image."""
    for step in steps:
        one = step.instruction.trigger or step.instruction
        if one.keyword == "COPY" and (name := one.flag("from")):
            paths = one.exec_form or tuple(token.text for token in one.tokens)
            yield _Source(step, tuple((name.lower(), path) for path in paths[:-1]))
        elif one.keyword == "RUN" and (present := [m for m in mounts(one) if m.source_stage]):
            yield _Source(step, tuple((mount.source_stage.lower(), mount.source or "/") for mount in present))
