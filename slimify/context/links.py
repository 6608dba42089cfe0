"""Following symbolic links inside of a build context, by what it says of itself and never by the disk."""

from __future__ import annotations

from typing import NamedTuple

from slimify.context.paths import clean
from slimify.semantics.build_context import BuildContext, Kind

MAX_HOPS = 40
"""How many links are followed to get to a file, as many as Linux follows."""


class Way(NamedTuple):
    """Where a path leads, None for out of the context or nowhere, and the links that led there."""

    path: str | None
    links: tuple[str, ...]


def follow(context: BuildContext, path: str) -> Way:
    """Follow a path in the context, the root of which is also where an absolute path starts.

    An absolute link leads out: where it points to is a matter of the machine, or of the image.
    """
    direct = context.entry(path)
    if direct is not None and direct.kind is not Kind.LINK:
        return Way(direct.path, ())  # a context knows a path only by the folders that it goes through
    links: list[str] = []
    done: list[str] = []
    steps = _steps(clean(path))
    while steps:
        step = steps.pop()
        if step == "..":
            if not done:
                return Way(None, tuple(links))
            done.pop()
            continue
        here = "/".join((*done, step))
        found = context.entry(here)
        if found is None or (steps and found.kind not in (Kind.FOLDER, Kind.LINK)):
            return Way(None, tuple(links))
        if found.kind is Kind.LINK:
            links.append(here)
            if len(links) > MAX_HOPS or not found.target or found.target.startswith("/"):
                return Way(None, tuple(links))
            # Not cleaned: `x/..` is not here if x is a link.
            steps += _steps(found.target)
        else:
            done.append(step)
    return Way("/".join(done), tuple(links))


def _steps(path: str) -> list[str]:
    return [step for step in reversed(path.split("/")) if step not in ("", ".")]
