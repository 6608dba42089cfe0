"""What a reader finds in a file that says how an image is built."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from slimify.bot.builds.holes import at, is_known, shown
from slimify.context.found import Place

# moby `builder/remotecontext/urlutil` and BuildKit `gitutil`: what Docker takes for an address.
_REMOTE = re.compile(r"(?:https?|git|ssh|s3|gs|oci|docker-image|oci-layout)://|[\w.-]+@[\w.-]+:|github\.com/|-$")


class Named(NamedTuple):
    """A build that a file describes. Paths start from the root of the repository, and may have holes.

    The Dockerfile is the first of `dockerfiles` that there is. `contexts` are the additional ones by name: a path, or
    as written what is none. `why` says what is not known of it, whatever becomes of the holes. One that is `quiet` is
    not missed if there is no such Dockerfile.
    """

    dockerfiles: tuple[str, ...]
    context: str
    place: Place
    target: str | None = None
    build_args: tuple[tuple[str, str | None], ...] = ()
    contexts: tuple[tuple[str, str], ...] = ()
    why: str = ""
    quiet: bool = False


class Problem(NamedTuple):
    """Something that was not understood, or does not fit the repository. `line` counts from 1, 0 is the whole file."""

    path: str
    line: int
    why: str


class Wants(NamedTuple):
    """What a build says, before its paths are looked at: all of them as written.

    `dockerfile` is relative to `dockerfile_from`, the folder of the tool's choice; None means the usual name
    in the context.
    """

    context: str
    dockerfile: str | None
    place: Place
    target: str | None = None
    build_args: tuple[tuple[str, str | None], ...] = ()
    contexts: tuple[tuple[str, str], ...] = ()


def is_remote(context: str) -> bool:
    """Whether a context is no folder of this machine."""
    return _REMOTE.match(context) is not None or re.search(r"\.git(#|$)", context) is not None


def usual_names(context: str, podman: bool = False) -> tuple[str, ...]:
    """The files that a builder looks for in a context if it is told none.

    Sources: BuildKit `frontend/dockerui` (a `dockerfile` in small letters will do); buildah-build(1).
    """
    names = ("Containerfile", "Dockerfile") if podman else ("Dockerfile", "dockerfile")
    return tuple(posixpath.join(context, name) for name in names)


def named(wants: Wants, folder: str, *, in_context: bool, podman: bool = False) -> Named | Problem | None:
    """The build with its paths resolved. `folder` is where the tool runs; None for a build of something remote.

    `in_context` says that the Dockerfile's path is relative to the context, and not to `folder`. Podman looks in both.
    """
    if is_remote(wants.context) or wants.dockerfile == "-" or is_remote(wants.dockerfile or ""):
        return None
    context = at(folder, wants.context)
    if context is None:
        return Problem(*wants.place, f"the context {shown(wants.context)} is outside of the repository")
    if wants.dockerfile is None:
        dockerfiles: tuple[str, ...] = usual_names(context, podman)
    else:
        first = at(context if in_context else folder, wants.dockerfile)
        second = at(context, wants.dockerfile) if podman else None
        dockerfiles = tuple(dict.fromkeys(one for one in (first, second) if one))
        if not dockerfiles:
            return Problem(*wants.place, f"the Dockerfile {shown(wants.dockerfile)} is outside of the repository")
    return Named(
        dockerfiles,
        context,
        wants.place,
        wants.target or None,
        known_args(wants.build_args),
        tuple((name, _context(folder, value)) for name, value in wants.contexts),
    )


def known_args(pairs: Iterable[tuple[str, str | None]]) -> tuple[tuple[str, str | None], ...]:
    """Build arguments, each once, the last one counting, without a value where that is not known."""
    last = {name: value if value is not None and is_known(value) else None for name, value in pairs}
    return tuple((name, value) for name, value in last.items() if name and is_known(name))


def _context(folder: str, value: str) -> str:
    if ":" in value or is_remote(value):
        return value
    path = at(folder, value)
    return value if path is None else path


def arguments(value: object, given: Mapping[str, str] | None = None) -> list[tuple[str, str | None]]:
    """Names and values that stand as a table, or as a list of `NAME=value`. A bare name is looked up in `given`."""
    found: list[tuple[str, str | None]] = []
    if isinstance(value, dict):
        found = [(str(name), item if isinstance(item, str) else None) for name, item in value.items()]
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, str):
                name, equals, rest = item.partition("=")
                found.append((name, rest if equals else None))
    return [(name, (given or {}).get(name) if item is None else item) for name, item in found]
