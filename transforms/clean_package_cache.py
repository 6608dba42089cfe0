"""clean-package-cache: no package manager leaves its cache in a layer."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import NamedTuple

from slimify.knowledge.package_managers import PackageManager, Remedy
from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite
from slimify.rewrite.insert import after_command, after_list
from slimify.semantics.build import Build, Mount, Step, mounts
from slimify.semantics.commands import Invocation, Verb, verb
from slimify.semantics.effects import Effects, effects
from slimify.semantics.later import LaterUse
from slimify.syntax.shell import Body
from slimify.syntax.source import Span

NAME = "clean-package-cache"

# Wrappers that change neither the user nor the home folder.
_TRANSPARENT = frozenset(
    {"command", "env", "nice", "ionice", "nohup", "time", "timeout", "stdbuf", "eatmydata", "xargs"}
)


class _Use(NamedTuple):
    """A command that fills a cache."""

    invocation: Invocation
    verb: Verb


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
    if body is None or body.script.opaque or not step.state.shell.posix or step.instruction.escape != "\\":
        return
    found = effects(body.script, step.state.variables, step.state.workdir)
    uses: dict[str, tuple[PackageManager, list[_Use]]] = {}
    for invocation in found.invocations:
        manager = invocation.manager
        action = verb(invocation) if manager else None
        if manager and action and action.name in manager.fills and not invocation.has(*_HELP):
            uses.setdefault(manager.name, (manager, []))[1].append(_Use(invocation, action))
    for manager, used in uses.values():
        if not _switched_off(manager, step, found):
            yield from _remedy(build, step, body, found, manager, used, later)


_HELP = ("--help", "--version", "--dry-run", "--simulate", "-s", "--just-print", "--print-uris")


def _mounted(paths: tuple[str, ...], present: tuple[Mount, ...]) -> bool:
    """Whether a mount lies over one of the folders, or inside it, so that nothing of it gets into the layer."""
    for mount in present:
        target = mount.target.rstrip("/")
        if mount.type in ("secret", "ssh") or not target:
            continue
        for path in paths:
            folder = path.rstrip("/*")
            if folder.startswith("~"):
                # The home folder is whoever's: any …/.cache/pip will do, and so will any …/.cache.
                parts = folder[1:].split("/")
                tails = ["/".join(parts[:end]) for end in range(2, len(parts) + 1)]
                if any(target.endswith(tail) for tail in tails) or folder[1:] + "/" in target or target == "/root":
                    return True
            elif (folder + "/").startswith(target + "/") or target.startswith(folder + "/"):
                return True
    return False


def _switched_off(manager: PackageManager, step: Step, found: Effects) -> bool:
    """Whether the environment tells the manager to keep no cache, or the RUN ends with its own cleaner."""
    script = step.body.script.text if step.body else ""
    if any(step.state.sets(name) or f"{name}=" in script for name in manager.disabled_by_env):
        return True
    for invocation in reversed(found.invocations):
        action = verb(invocation) if invocation.manager is manager else None
        if action is not None and action.name in manager.cleans:
            return True
        if action is not None and action.name in manager.fills:
            return False
    return False


def _deleted(paths: tuple[str, ...], last: Invocation, found: Effects) -> bool:
    """Whether the RUN itself deletes all these folders after the last command that fills them."""
    gone = []
    for invocation in found.invocations[found.invocations.index(last) + 1 :]:
        if invocation.program in ("rm", "find"):
            gone += [value or word.text for value, word in zip(invocation.argv, invocation.words, strict=True)]
    return bool(paths) and all(any(path == cache or _covers(path, cache) for path in gone) for cache in paths)


def _covers(deleted: str, cache: str) -> bool:
    """Whether deleting a path, which may end in a pattern, empties a cache folder."""
    deleted, cache = deleted.rstrip("/"), cache.rstrip("/*")
    base = deleted.rstrip("*.").rstrip("/")
    if not base:
        return False
    if cache.startswith("~"):
        home = base.removeprefix("/root").removeprefix("$HOME").removeprefix("~")
        return base.endswith(cache[1:]) or (home != base and (cache[1:] + "/").startswith(home + "/"))
    return cache == base or cache.startswith(base + "/") or fnmatch.fnmatch(cache, deleted)


def _remedy(
    build: Build, step: Step, body: Body, found: Effects, manager: PackageManager, used: list[_Use], later: LaterUse
) -> Iterator[Rewrite | Finding]:
    open_uses = [use for use in used if not use.invocation.has(*manager.disabled_by_options)]
    if not open_uses:
        return
    why = "no way to clean up after it is known" if manager.remedies else ""
    for remedy in manager.remedies:
        paths = remedy.paths or manager.cache_paths
        if _mounted(paths, mounts(step.instruction)):
            return
        last = used[-1].invocation
        if _deleted(paths, last, found) or (not remedy.paths and any(_deleted((path,), last, found) for path in paths)):
            return
        if remedy.kind == "flag":
            result: Rewrite | Finding | str = _by_flag(step, body, manager, remedy, open_uses)
        else:
            result = _by_command(build, step, body, found, manager, remedy, open_uses, later)
        if not isinstance(result, str):
            yield result
            return
        why = result
    if why:
        yield Finding(NAME, f"{manager.title} leaves its cache in this layer", why, step.instruction.span)


def _by_flag(step: Step, body: Body, manager: PackageManager, remedy: Remedy, used: list[_Use]) -> Rewrite | str:
    base = step.state.image
    if base and any(fnmatch.fnmatch(base, pattern) for pattern in remedy.too_old):
        return f"{base} may carry a {manager.title} older than {remedy.since}, which does not know {remedy.flag}"
    edits = []
    for use in used:
        if use.verb.name not in remedy.verbs:
            return f"{remedy.flag} is not known to {manager.title} {use.verb.name}"
        if use.invocation.nested:
            return "the command stands inside a string or a substitution"
        if use.invocation.has(*manager.offline_options):
            return "it is told to work offline, from its cache"
        words = use.invocation.words
        if remedy.placement == "before-verb":
            at = use.invocation.typed[-1].end
        else:
            at = words[use.verb.end - 1].end
        place = body.span(at - 1, at).end
        edits.append(Edit(Span(place, place), f" {remedy.flag}"))
    if step.instruction.flag("network") == "none":
        return "the RUN has no network"
    return _rewrite(manager, f"add {remedy.flag} to {manager.title}", tuple(edits), remedy, used, body)


def _by_command(
    build: Build,
    step: Step,
    body: Body,
    found: Effects,
    manager: PackageManager,
    remedy: Remedy,
    used: list[_Use],
    later: LaterUse,
) -> Rewrite | Finding | str:
    last = used[-1].invocation
    if last.nested:
        return "the command stands inside a string or a substitution"
    use = later.of(step, manager)
    if use.step is not None:
        return Finding(
            NAME,
            f"{manager.title} leaves its cache in this layer",
            use.why,
            step.instruction.span,
            evidence=(Evidence("what still needs it", use.step.instruction.span),),
        )
    if len({"sudo" in use.invocation.wrappers for use in used}) > 1:
        return "it runs both with and without sudo, with a cache for each"
    prefix = ""
    others = set(last.wrappers) - _TRANSPARENT
    if others == {"sudo"} and not last.nested:
        prefix = "sudo "
    elif others:
        return f"it runs under {', '.join(sorted(others))}"
    errexit = "e" in found.options or "e" in step.state.shell.options or not step.state.shell.certain
    offset = last.command.words[0].start
    if remedy.kind == "remove":
        if prefix and any("~" in path for path in remedy.paths):
            return "which home folder sudo gives it is not known"
        if any(step.state.sets(name) or f"{name}=" in body.script.text for name in manager.moved_by_env):
            return "a variable moves its cache elsewhere"
        command = f"{prefix}rm -rf {' '.join(remedy.paths)}"
        place = after_list(build, step, body, offset, command, errexit)
    else:
        typed = " ".join(word.text for word in last.typed)
        command = prefix + remedy.command.replace("{program}", typed)
        place = after_command(build, step, body, offset, command, errexit)
    if isinstance(place, str):
        return place
    return _rewrite(manager, f"leave no {manager.title} cache in the layer", (place,), remedy, used, body)


def _rewrite(
    manager: PackageManager,
    title: str,
    edits: tuple[Edit, ...],
    remedy: Remedy,
    used: list[_Use],
    body: Body,
) -> Rewrite:
    words = used[-1].invocation.command
    spans = [] if used[-1].invocation.nested else [body.span(words.start, words.end)]
    facts = tuple(
        Evidence(f"{manager.title} {use.verb.name} fills {manager.cache_paths[0]}", span)
        for use, span in zip(used[-1:], spans, strict=False)
    )
    return Rewrite(
        transform=NAME,
        level=Level.SAFE,
        title=title,
        reason=f"what {manager.title} keeps in {manager.cache_paths[0]} is never used again in the image",
        edits=edits,
        evidence=(*facts, Evidence("how it is avoided", None, remedy.source)),
        saves=manager.estimate_bytes or None,
    )
