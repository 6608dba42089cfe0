"""clean-package-cache: no package manager leaves its cache in a layer."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from slimify.knowledge.package_managers import PackageManager, Remedy, load
from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite
from slimify.rewrite.insert import after_command, after_item, at_end
from slimify.semantics.build import Build, Step
from slimify.semantics.caches import (
    deleted,
    fills,
    mounted,
    moved,
    needs_cache,
    switched_off,
    tied,
    too_old,
    writable,
)
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import Effects, effects
from slimify.semantics.later import LaterUse, may_install
from slimify.syntax.shell import Body
from slimify.syntax.source import Span

NAME = "clean-package-cache"

# Wrappers that a clean-up command can be run under just as the command itself was.
_TRANSPARENT = frozenset(
    {"command", "env", "nice", "ionice", "nohup", "time", "timeout", "stdbuf", "eatmydata", "sudo", "doas"}
)
# Those of them that change neither the user nor the home folder.
_SAME_USER = _TRANSPARENT - {"sudo", "doas"}


def clean_package_cache(build: Build) -> Iterator[Rewrite | Finding]:
    """Add the flag or the clean-up that keeps a package manager's cache out of the layer.

    >>> # RUN pip install flask                  ->  RUN pip install --no-cache-dir flask
    >>> # RUN apt-get update && apt-get install -y git
    >>> #                                        ->  … && rm -rf /var/lib/apt/lists/*
    """
    later = LaterUse(build)
    for stage in build.stages:
        if not build.ships(stage.index):
            continue
        for step in stage.steps:
            if step.keyword == "RUN":
                yield from _clean(build, step, later)


def _clean(build: Build, step: Step, later: LaterUse) -> Iterator[Rewrite | Finding]:
    body = step.body
    if body is not None and body.script.opaque:
        yield from _unread(build, step, body.script.opaque)
    if body is None or body.script.opaque or not step.state.shell.posix or step.instruction.escape != "\\":
        return
    found = effects(body.script, step.state.variables, step.state.workdir)
    uses: dict[str, tuple[PackageManager, list[Invocation]]] = {}
    for invocation in found.invocations:
        manager = invocation.manager
        if manager is not None and fills(manager, invocation):
            uses.setdefault(manager.name, (manager, []))[1].append(invocation)
    for manager, used in uses.values():
        if not switched_off(manager, step, found):
            yield from _Cleaner(build, step, body, found, manager, tuple(used), later).proposals()


@functools.cache
def _fillers() -> re.Pattern[str]:
    """A call that fills a cache, by its looks: a program and one of its verbs."""
    calls = []
    for manager in load():
        verbs = "|".join(re.escape(one) for one in manager.fills if one)
        programs = "|".join(map(re.escape, manager.programs)) or manager.program_pattern
        if manager.remedies and verbs:
            calls.append(rf"(?:{programs})\s+(?:-\S+\s+)*(?:{verbs})")
    return re.compile(rf"(?<![\w./-])(?:{'|'.join(calls)})(?![\w-])")


def _unread(build: Build, step: Step, why: str) -> Iterator[Finding]:
    """Say what is not looked at, where it seems to leave a cache."""
    call = _fillers().search(build.dockerfile.source[step.instruction.span])
    if call is not None:
        title = f"what `{' '.join(call[0].split())}` leaves in this layer is not looked at"
        yield Finding(NAME, title, f"the script cannot be read with certainty ({why})", step.instruction.span)


class _Cleaner:
    """What can be done about one manager's cache in one RUN. `used` are the calls that fill it."""

    def __init__(
        self,
        build: Build,
        step: Step,
        body: Body,
        found: Effects,
        manager: PackageManager,
        used: tuple[Invocation, ...],
        later: LaterUse,
    ) -> None:
        self.build = build
        self.step = step
        self.body = body
        self.found = found
        self.manager = manager
        self.used = used
        self.later = later

    @property
    def errexit(self) -> bool:
        """Whether `set -e` may be on."""
        shell = self.step.state.shell
        return "e" in self.found.options or "e" in shell.options or not shell.certain

    def proposals(self) -> Iterator[Rewrite | Finding]:
        manager, step = self.manager, self.step
        open_uses = [use for use in self.used if not use.has(*manager.disabled_by_options)]
        if not open_uses or self._fetched_for_nothing():
            return
        why = ""
        for remedy in manager.remedies:
            paths = remedy.paths or manager.cache_paths
            last = open_uses[-1]
            if mounted(manager, paths, step.mounts):
                return
            if remedy.kind != "flag" and too_old(step.state.image, remedy.too_old):
                return
            if remedy.kind == "remove":
                paths = writable(paths, step, "sudo" in last.wrappers)
            if deleted(paths, last, self.found) or (
                not remedy.paths and any(deleted((path,), last, self.found) for path in paths)
            ):
                return
            result = self._remedy(remedy, open_uses)
            if not isinstance(result, str):
                yield result
                return
            why = result
        if why:
            yield Finding(NAME, f"{manager.title} leaves its cache in this layer", why, step.instruction.span)

    def _fetched_for_nothing(self) -> bool:
        """Whether this is an update that nothing uses: pair-update-install says so, and it should go as a whole."""
        manager = self.manager
        others = [call for call in self.found.invocations if call not in self.used]
        return bool(manager.needs_index) and not others and self.later.of(self.step, manager).step is None

    def _remedy(self, remedy: Remedy, used: Sequence[Invocation]) -> Rewrite | Finding | str:
        manager, step = self.manager, self.step
        if any(use.nested for use in used):
            return "the command stands inside a string or a substitution"
        if too_old(step.state.image, remedy.too_old):
            old = f"{step.state.image} may carry a {manager.title} older than {remedy.since}"
            return f"{old}, which does not know {remedy.flag}"
        if tied(manager, step, used):
            return "what is installed may be links into the cache"
        if (
            remedy.kind != "command"
            and moved(manager, step, used)
            and not (remedy.kind == "flag" and not any(use.has(*manager.moved_by_options) for use in used))
        ):
            return "an option or a variable puts its cache elsewhere"
        offline = manager.offline_options and any(use.has(*manager.offline_options) for use in used)
        if offline or step.instruction.flag("network") == "none":
            return "it is told to work offline, from its cache"
        later = self.later.of(step, manager)
        if later.step is not None:
            return Finding(
                NAME,
                f"{manager.title} leaves its cache in this layer",
                later.why,
                step.instruction.span,
                evidence=(Evidence("what still needs it", later.step.instruction.span),),
            )
        if remedy.kind == "flag":
            return self._by_flag(remedy, used)
        place = self._by_deletion(remedy) if remedy.kind == "remove" else self._by_command(remedy)
        if isinstance(place, str):
            return place
        return self._rewrite(f"leave no {manager.title} cache in the layer", (place,), remedy, self.used)

    def _by_flag(self, remedy: Remedy, used: Sequence[Invocation]) -> Rewrite | str:
        manager = self.manager
        edits = []
        for use in used:
            action = verb(use)
            if action is None or action.name not in remedy.verbs:
                return f"{remedy.flag} is not known to {manager.title} {action.name if action else ''}".rstrip()
            at = use.typed[-1].end if remedy.placement == "before-verb" else use.words[action.end - 1].end
            place = self.body.span(at - 1, at).end
            edits.append(Edit(Span(place, place), f" {remedy.flag}"))
        return self._rewrite(f"add {remedy.flag} to {manager.title}", tuple(edits), remedy, used)

    def _by_deletion(self, remedy: Remedy) -> Edit | str:
        """Delete the folders at the end of the script, or else behind the list of the last command that uses them."""
        homes = any("~" in path or "$" in path for path in remedy.paths)
        prefix = self._privilege(homes)
        if prefix is None:
            return "which user and home folder it is run with is not certain"
        paths = writable(remedy.paths, self.step, bool(prefix))
        if not paths:
            return "the user of this RUN may not delete the folder"
        command = f"{prefix}rm -rf {' '.join(paths)}"
        place = at_end(self.build, self.step, self.body, command, self.errexit)
        if not isinstance(place, str):
            return place
        calls = self.found.invocations
        last = max(at for at, call in enumerate(calls) if needs_cache(self.manager, call))
        rest = calls[last + 1 :]
        if self.manager.needs_index and any(may_install(call, self.manager) for call in rest):
            return place
        offset = calls[last].command.start
        if self.body.script.body.items[-1].node.start <= offset:
            return place
        return after_item(self.build, self.step, self.body, offset, command, self.errexit)

    def _privilege(self, homes: bool) -> str | None:
        """What to put in front of a deletion: nothing or `sudo `; None where the user is not certain."""
        kinds = set()
        for use in self.used:
            others = set(use.wrappers) - _SAME_USER
            if not others:
                kinds.add("")
            elif others <= {"sudo", "doas"} and not homes and not _names_user(use):
                kinds.add(f"{others.pop()} ")
            else:
                return None
        if len(kinds) > 1:
            # Who could do it without sudo once is root.
            return None if homes else ""
        return kinds.pop()

    def _by_command(self, remedy: Remedy) -> Edit | str:
        """Call the manager's own cleaner right behind the last use, in the same way as it was called there."""
        last = self.used[-1]
        others = set(last.wrappers) - _TRANSPARENT
        if others:
            return f"it runs under {', '.join(sorted(others))}"
        if any(call.has(*self._programs()) and _removes(call) for call in self.found.invocations):
            return f"{self.manager.title} itself is removed in this RUN"
        users = {(use.wrappers, use.assignments) for use in self.used}
        if len(users) > 1:
            return "it is called in different ways, which may mean different caches"
        text = self.body.script.text
        calling = [text[one.start : one.end] for one in last.command.assignments]
        calling += [word.text for word in last.command.words if word.end <= last.typed[-1].end]
        program = " ".join(word.text for word in last.typed)
        if "{program}" in remedy.command and remedy.command.startswith("{program}"):
            command = remedy.command.replace("{program}", " ".join(calling), 1)
        elif last.command.assignments or last.wrappers:
            return "how to call its clean-up there is not certain"
        else:
            command = remedy.command.replace("{program}", program)
        return after_command(self.build, self.step, self.body, last.command, command, self.errexit)

    def _programs(self) -> tuple[str, ...]:
        return (*self.manager.programs, *(word.value or "" for use in self.used for word in use.typed))

    def _rewrite(self, title: str, edits: tuple[Edit, ...], remedy: Remedy, used: Sequence[Invocation]) -> Rewrite:
        manager = self.manager
        command = used[-1].command
        action = verb(used[-1])
        fact = Evidence(
            f"{manager.title} {action.name if action else ''}".rstrip() + f" fills {manager.cache_paths[0]}",
            self.body.span(command.start, command.end),
        )
        return Rewrite(
            transform=NAME,
            level=Level.SAFE,
            title=title,
            reason=f"what {manager.title} keeps in {manager.cache_paths[0]} is never used again in the image",
            edits=edits,
            evidence=(fact, Evidence("how it is avoided", None, remedy.source)),
            saves=manager.estimate_bytes or None,
        )


def _names_user(use: Invocation) -> bool:
    words = [word.text for word in use.command.words if word.end <= use.typed[0].start]
    return any(word.startswith(("-u", "--user", "-H", "-i", "-g")) for word in words)


def _removes(call: Invocation) -> bool:
    action = verb(call)
    return call.manager is not None and action is not None and action.name in call.manager.removes
