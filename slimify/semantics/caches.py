"""Whether a package manager's cache gets into a layer at all: mounts, switches, and what a RUN deletes by itself."""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Sequence

from slimify.knowledge.package_managers import PackageManager, load
from slimify.semantics.build import Mount, Step
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import Effects

_HELP = ("--help", "-h")
_ROOT = frozenset({"root", "0"})
# A home folder, or any other that only the environment knows, in front of a path.
_UNKNOWN_FOLDER = re.compile(r'~|"?\$\{[^}]*\}"?|"?\$\([^)]*\)"?')


def fills(manager: PackageManager, invocation: Invocation) -> bool:
    """Whether a call of the manager leaves something in its cache."""
    action = verb(invocation)
    if action is None or action.name not in manager.fills:
        return False
    return not invocation.has(*_HELP, *manager.harmless_options)


def needs_cache(manager: PackageManager, invocation: Invocation) -> bool:
    """Whether a call wants the index in the cache to be there, or puts it there."""
    action = verb(invocation) if invocation.manager is manager else None
    return action is not None and action.name in (*manager.fills, *manager.installs, *manager.needs_index)


def switched_off(manager: PackageManager, step: Step, found: Effects) -> bool:
    """Whether the environment tells the manager to keep no cache, or the RUN ends with a cleaner of its own."""
    script = step.body.script.text if step.body else ""
    if any(step.state.sets(name) or f"{name}=" in script for name in manager.disabled_by_env):
        return True
    for invocation in reversed(found.invocations):
        action = verb(invocation) if invocation.manager is manager else None
        if action is not None and action.name in manager.cleans:
            return True
        if action is not None and action.name in manager.fills:
            break
    return any(text in script for text in manager.cleaned_by)


def moved(manager: PackageManager, step: Step, uses: Sequence[Invocation]) -> bool:
    """Whether an option or a variable puts the cache elsewhere than where it is known to be."""
    script = step.body.script.text if step.body else ""
    names = (*manager.moved_by_env, *(("HOME",) if any("~" in path for path in manager.cache_paths) else ()))
    if any(step.state.sets(name) or f"{name}=" in script for name in names):
        return True
    return any(use.has(*manager.moved_by_options) for use in uses) if manager.moved_by_options else False


def tied(manager: PackageManager, step: Step, uses: Sequence[Invocation]) -> bool:
    """Whether what is installed may be links into the cache."""
    script = step.body.script.text if step.body else ""
    if any(step.state.sets(name) or f"{name}=" in script for name in manager.tied_by_env):
        return True
    return bool(manager.tied_by_options) and any(use.has(*manager.tied_by_options) for use in uses)


def mounted(manager: PackageManager, paths: Sequence[str], present: Sequence[Mount]) -> bool:
    """Whether a mount lies over the cache, so that nothing of it gets into the layer.

    A cache that a variable or a home folder may have put anywhere is taken to lie under any cache
    mount that is not plainly another manager's.
    """
    anywhere = bool(manager.moved_by_env) or any(_UNKNOWN_FOLDER.match(path) for path in paths)
    for mount in present:
        target = mount.target.rstrip("/")
        if mount.type in ("secret", "ssh") or not target:
            continue
        if any(_lies_over(target, path) for path in paths):
            return True
        if anywhere and mount.type != "bind" and not _another_managers(manager, target):
            return True
    return False


def _lies_over(target: str, path: str) -> bool:
    """Whether a mount at `target` covers the folder `path`, or a part of it."""
    folder = path.rstrip("/*")
    tail = _UNKNOWN_FOLDER.sub("", folder, count=1).strip("/") if _UNKNOWN_FOLDER.match(folder) else ""
    if tail:
        # The home folder is whoever's: any …/.cache/pip will do, and so will any …/.cache.
        parts = tail.split("/")
        heads = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        return any(target.endswith("/" + head) for head in heads) or f"/{tail}/" in target or target == "/root"
    return (folder + "/").startswith(target + "/") or target.startswith(folder + "/")


@functools.lru_cache(maxsize=256)
def _another_managers(manager: PackageManager, target: str) -> bool:
    others = [one for one in load() if one.name != manager.name]
    return any(_plainly(target, path) for one in others for path in one.cache_paths)


def _plainly(target: str, path: str) -> bool:
    """Whether nobody would put anything but the folder `path` at `target`."""
    folder = path.rstrip("/*")
    if not _UNKNOWN_FOLDER.match(folder):
        return _lies_over(target, path)
    tail = _UNKNOWN_FOLDER.sub("", folder, count=1).strip("/")
    return "/" in tail and (target + "/").endswith(f"/{tail}/")


def deleted(paths: Sequence[str], last: Invocation, found: Effects) -> bool:
    """Whether the RUN itself deletes all these folders after the last command that fills them."""
    gone: list[str] = []
    for invocation in found.invocations[found.invocations.index(last) + 1 :]:
        if invocation.program in ("rm", "find"):
            gone += [value or word.text for value, word in zip(invocation.argv, invocation.words, strict=True)]
    return bool(paths) and all(any(path == cache or _covers(path, cache) for path in gone) for cache in paths)


def _covers(path: str, cache: str) -> bool:
    """Whether deleting a path, which may end in a pattern, empties a cache folder."""
    path, cache = path.rstrip("/"), cache.rstrip("/*")
    base = path.rstrip("*.").rstrip("/")
    if not base:
        return False
    if cache.startswith("~"):
        home = base.removeprefix("/root").removeprefix("$HOME").removeprefix("~")
        return base.endswith(cache[1:]) or (home != base and (cache[1:] + "/").startswith(home + "/"))
    return cache == base or cache.startswith(base + "/") or fnmatch.fnmatch(cache, path)


def writable(paths: Sequence[str], step: Step, privileged: bool) -> tuple[str, ...]:
    """Those of the folders that the user of the step may delete: a known ordinary user only what lies at home."""
    user = step.state.user
    if privileged or user is None or user.partition(":")[0] in _ROOT:
        return tuple(paths)
    return tuple(path for path in paths if path.startswith("~"))


def too_old(image: str | None, patterns: Sequence[str]) -> bool:
    """Whether a base image is one of those whose tools are too old."""
    return image is not None and any(fnmatch.fnmatch(image, pattern) for pattern in patterns)
