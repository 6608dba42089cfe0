"""cache-mounts: package managers keep their caches on the builder, where the next build finds them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from slimify.knowledge.package_managers import CacheMount, PackageManager
from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite
from slimify.rewrite.join import Style
from slimify.semantics.build import Build, Step
from slimify.semantics.caches import fills, mounted, moved, switched_off, tied, too_old
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import Effects, effects
from slimify.semantics.later import LaterUse
from slimify.syntax.shell import Body
from slimify.syntax.source import Span

NAME = "cache-mounts"
# Frontends that know `RUN --mount` (BuildKit, docs/dockerfile-release-notes: 1.2).
_FRONTENDS = re.compile(r"(?:docker\.io/)?docker/dockerfile:(?:latest|labs|1(?:\.(?:[2-9]|\d\d))?(?:\.\d+)?(?:-labs)?)")
_OLD_FRONTENDS = re.compile(r".*:1\.[01](?:\.\d+)?")
_TRANSPARENT = frozenset({"command", "env", "nice", "ionice", "time", "timeout", "stdbuf", "eatmydata"})
_CLEANERS = frozenset({"clean", "autoclean", "auto-clean", "distclean", "dist-clean"})
# Sub-commands of go and cargo that touch no cache, and programs that may call them.
_ALONE = frozenset({"", "version", "env", "help", "fmt", "new", "init", "clean"})
_CALLERS = frozenset(
    """make gmake cmake ninja just task mage goreleaser bash sh dash ash python python3 perl node npm yarn pnpm bazel
    ko wails trunk cross maturin wasm-pack source .""".split()
)
# Programs that may be let loose on a folder with the mount in it.
_BROAD = frozenset("rm find mv rmdir cp rsync chown chgrp chmod".split())
_HOME = "/root"
_HOMES = re.compile(r"^(?:~|\$HOME|\$\{HOME\})(?=/|$)")


class _Found(NamedTuple):
    """The mounts that one manager gets in one RUN."""

    manager: PackageManager
    use: Invocation
    mounts: tuple[CacheMount, ...]


def cache_mounts(build: Build) -> Iterator[Rewrite | Finding]:
    """Mount the cache of each package manager of a RUN from the builder.

    >>> # RUN npm ci   ->   RUN --mount=type=cache,target=/root/.npm \\
    >>> #                       npm ci
    """
    frontend = build.dockerfile.directive("syntax")
    if frontend is not None and (not _FRONTENDS.fullmatch(frontend) or _OLD_FRONTENDS.fullmatch(frontend)):
        span = build.dockerfile.directives[0].span
        yield Finding(NAME, "no caches are mounted", f"whether {frontend} knows RUN --mount is not certain", span)
        return
    later = LaterUse(build)
    steps = [one for one in (_Step.of(build, step, later) for step in build.steps()) if one is not None]
    ready: set[int] = set()
    for one in steps:
        yield from one.proposals(steps, ready)


class _Step:
    """A RUN that uses package managers."""

    def __init__(self, build: Build, step: Step, body: Body, later: LaterUse) -> None:
        self.build = build
        self.step = step
        self.body = body
        self.later = later
        self.found: Effects = effects(body.script, step.state.variables, step.state.workdir)
        self.uses: dict[str, tuple[PackageManager, list[Invocation]]] = {}
        for call in self.found.invocations:
            manager = call.manager
            if manager is not None and manager.mounts and (fills(manager, call) or _reads(manager, call)):
                self.uses.setdefault(manager.name, (manager, []))[1].append(call)

    @classmethod
    def of(cls, build: Build, step: Step, later: LaterUse) -> _Step | None:
        body = step.body if step.keyword == "RUN" else None
        if body is None or body.script.opaque:
            return None
        one = cls(build, step, body, later)
        return one if one.uses else None

    def proposals(self, steps: list[_Step], ready: set[int]) -> Iterator[Rewrite | Finding]:
        chosen: list[_Found] = []
        for manager, uses in self.uses.values():
            result = self.judge(manager, uses)
            if isinstance(result, tuple) and any(one.builder and not one.setup for one in result):
                result = self._everywhere(manager, steps) or result
            if isinstance(result, tuple):
                chosen.append(_Found(manager, uses[0], result))
            elif result:
                title = f"the cache of {manager.title} is not mounted"
                yield Finding(NAME, title, result, self.step.instruction.span)
        if chosen:
            yield self._rewrite(chosen, ready)

    def judge(self, manager: PackageManager, uses: list[Invocation]) -> tuple[CacheMount, ...] | str:
        """The mounts for a manager, or why there are none; an empty text where they are there."""
        step = self.step
        targets = [_place(one) for one in manager.mounts]
        if mounted(manager, manager.cache_paths, step.mounts):
            return ""
        if any(mount.target and _meet(mount.target, target) for mount in step.mounts for target in targets):
            return ""
        if not step.state.shell.posix or step.instruction.escape != "\\" or step.instruction.heredocs:
            return "the form of this RUN leaves no certain place for a mount"
        if why := self._user(manager, uses):
            return why
        options = [one for use in uses for one in manager.disabled_by_options if use.has(one)]
        if options:
            return f"it is told to keep no cache by {options[0]}"
        if switched_off(manager, step, self.found) or any(_cleans(manager, call) for call in self.found.invocations):
            return "it is told to keep no cache, or empties it itself"
        if moved(manager, step, uses):
            return "an option or a variable puts its cache elsewhere"
        if tied(manager, step, uses):
            return "what is installed may be links into the cache"
        offline = any(use.has(*manager.offline_options) for use in uses) if manager.offline_options else False
        if offline or step.instruction.flag("network"):
            return "it is told to work offline, or in another network"
        if manager.needs_index and not any(_verb(use) in manager.refreshes for use in uses):
            return "it has no update of its own"
        later = self.later.of(step, manager)
        # Of what reuses its cache every RUN gets the mount, or none does.
        if later.step is not None and not manager.reuses:
            return later.why.replace("{line 0}", f"line {later.step.instruction.start_line}")
        return self._mounts(manager, uses)

    def _mounts(self, manager: PackageManager, uses: list[Invocation]) -> tuple[CacheMount, ...] | str:
        from slimify.knowledge.images import describe

        step = self.step
        script = self.body.script.text
        image = describe(step.state.image or "")
        ships = self.build.ships(step.stage)
        why = ""
        chosen: list[CacheMount] = []
        for one in manager.mounts:
            if one.images and (image is None or image.name not in one.images):
                why = f"where {manager.title} keeps its cache in {step.state.image or 'the base image'} is not known"
            elif any(step.state.sets(name) or f"{name}=" in script for name in one.env) or any(
                use.has(*one.env) for use in uses
            ):
                why = "an option or a variable puts its cache elsewhere"
            elif too_old(step.state.image, one.too_old):
                why = f"{step.state.image} is from before there was such a cache"
            elif one.builder and ships:
                why = why or "what it fetches may be used when the image runs"
            elif one.built and "$" in self.build.stages[self._root()].stage.image:
                why = "which image its cache belongs to depends on a variable"
            elif self._deletes(_place(one)) or self._named(_place(one)):
                return f"{_place(one)} is used or deleted by itself"
            else:
                chosen.append(one)
        return tuple(chosen) or why

    def _root(self) -> int:
        stage = self.step.stage
        while (parent := self.build.stages[stage].parent) is not None:
            stage = parent
        return stage

    def _user(self, manager: PackageManager, uses: list[Invocation]) -> str:
        """Why it is not certain that root runs it with root's home."""
        from slimify.knowledge.image_config import config
        from slimify.knowledge.images import describe

        state = self.step.state
        known = config(state.image or "")
        image = describe(state.image or "")
        named = image is not None and any(image.name in one.images for one in manager.mounts)
        if known is None and not named:
            return f"which user and variables {state.image or 'the base image'} sets is not known"
        user = state.user if state.user is not None else (known.user if known is not None else "root")
        if user.partition(":")[0] not in ("root", "0"):
            return f"it is run by {user}, to whom the folder of a mount would not belong"
        wrappers = {one for use in uses for one in use.wrappers} - _TRANSPARENT
        if wrappers:
            return f"it is run under {', '.join(sorted(wrappers))}"
        places = {*manager.moved_by_env, "HOME"}
        if state.sets("HOME") or (known is not None and places & set(known.env)):
            return "a variable puts its cache elsewhere"
        return ""

    def _deletes(self, target: str) -> bool:
        for call in self.found.invocations:
            if call.program not in _BROAD:
                continue
            for value, word in zip(call.argv, call.words, strict=True):
                path = _HOMES.sub(_HOME, value if value is not None else word.text.strip('"'))
                if path.startswith("-"):
                    continue
                # Of a pattern, the folder that it is looked for in.
                folder = re.split(r"[^/]*[*?\[]", path, maxsplit=1)[0] or "."
                if "$" in path or _meet(posixpath.join(self.step.state.workdir or "/-", folder), target):
                    return True
        return any(_meet(path, target) for path in self.found.deletes if path.startswith("/"))

    def _named(self, target: str) -> bool:
        """Whether something else than a mount names the folder."""
        for step in self.build.steps():
            text = step.instruction.logical.text
            for flag in step.instruction.flags:
                text = text.replace(flag.text, "")
            text = text.replace("~/", f"{_HOME}/").replace("$HOME/", f"{_HOME}/").replace("${HOME}/", f"{_HOME}/")
            if target in text and not re.search(rf"rm\s[^\n]*{re.escape(target)}", text):
                return True
        return False

    def _everywhere(self, manager: PackageManager, steps: list[_Step]) -> str:
        """What a mount keeps from the layer, later RUNs need a mount to see: all of them or none."""
        chain = _related(self.build, self.step.stage)
        for other in steps:
            if other.step.stage not in chain or manager.name not in other.uses:
                continue
            if any(mount.type in ("secret", "ssh") for mount in other.step.mounts):
                return "what a secret has fetched would be fetched again without it, once the cache is gone"
            result = other.judge(*other.uses[manager.name])
            if isinstance(result, str) and result:
                return f"line {other.step.instruction.start_line} could not have it: {result}"
        for step in self.build.steps():
            if step.stage in chain and step.keyword in ("RUN", "ONBUILD") and _may_call(step):
                return f"line {step.instruction.start_line} may use it in ways that cannot be seen"
        return ""

    def _rewrite(self, chosen: list[_Found], ready: set[int]) -> Rewrite:
        source = self.build.dockerfile.source
        style = Style.of(self.build.dockerfile, [self.step.instruction])
        newline = source.newline_at(self.step.instruction.start_line)
        start = self.body.script.body.items[0].node.start
        at = self.body.span(start, start + 1).start
        text = ""
        for found in chosen:
            for one in found.mounts:
                text += f"{self._flag(one)} \\{newline}{style.indent}"
        for setup in dict.fromkeys(one.setup for found in chosen for one in found.mounts if one.setup):
            related = _related(self.build, self.step.stage)
            if not related & ready and setup.rpartition("/")[2] not in source.text:
                text += f"{setup}; \\{newline}{style.indent}"
                ready.add(self.step.stage)
        names = " and ".join(found.manager.title for found in chosen)
        evidence = [
            Evidence(
                f"{found.manager.title} keeps its cache in {', '.join(_place(one) for one in found.mounts)}",
                self.body.span(found.use.command.start, found.use.command.end),
                found.manager.mount_source,
            )
            for found in chosen
        ]
        return Rewrite(
            transform=NAME,
            level=Level.STANDARD,
            title=f"mount the cache of {names}",
            reason="a cache mount is no part of the layer, and the next build finds there what was downloaded",
            edits=(Edit(Span(at, at), text),),
            evidence=tuple(evidence),
        )

    def _flag(self, one: CacheMount) -> str:
        name = one.id
        if one.built:
            name += "-" + re.sub(r"[^\w.-]+", "-", self.step.state.image or "")
        parts = ["type=cache", *([f"id={name}"] if name else []), f"target={_place(one)}"]
        return "--mount=" + ",".join([*parts, *([f"sharing={one.sharing}"] if one.sharing else [])])


def _related(build: Build, stage: int) -> set[int]:
    """A stage, those it continues, and those that continue it."""
    related = {stage}
    parent = build.stages[stage].parent
    while parent is not None:
        related.add(parent)
        parent = build.stages[parent].parent
    pending = list(build.children[stage])
    while pending:
        one = pending.pop()
        related.add(one)
        pending += build.children[one]
    return related


def _may_call(step: Step) -> bool:
    """Whether a RUN cannot be read, or starts scripts that may call anything."""
    if step.body is None or step.body.script.opaque or step.keyword == "ONBUILD":
        return True
    found = effects(step.body.script, step.state.variables, step.state.workdir)
    for call in found.invocations:
        typed = call.typed[0].value or ""
        if call.program is None or call.program in _CALLERS or typed.startswith(("./", "../")) or "$" in typed:
            return True
        if "/" in typed and not typed.startswith(("/usr/", "/bin/", "/sbin/")):
            return True
    return False


def _verb(call: Invocation) -> str | None:
    action = verb(call)
    return action.name if action is not None else None


def _place(one: CacheMount) -> str:
    return one.target.replace("~", _HOME, 1)


def _reads(manager: PackageManager, call: Invocation) -> bool:
    """Whether a call wants what another one has put into the cache: apt's lists, Go's modules."""
    action = verb(call)
    if action is None or call.has("--version", "--help"):
        return False
    return action.name in manager.needs_index or (manager.reuses and action.name not in _ALONE)


def _cleans(manager: PackageManager, call: Invocation) -> bool:
    action = verb(call) if call.manager is manager else None
    return action is not None and (action.name in manager.cleans or action.name in _CLEANERS)


def _meet(one: str, other: str) -> bool:
    """Whether one of two folders lies in the other."""
    first, second = (f"{posixpath.normpath(path).rstrip('/')}/" for path in (one, other))
    return first.startswith(second) or second.startswith(first)
