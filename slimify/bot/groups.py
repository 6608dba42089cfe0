"""Which Dockerfiles go into which pull request, and from which branch it comes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from slimify.bot.builds.find import DockerfileBuilds
from slimify.manners import Manners

PREFIX = "slimify/"
"""What all branches of the bot begin with."""

_WHOLE = PREFIX + "smaller-images"
_OTHER = re.compile(r"[^a-z0-9]+")
_LONGEST = 60


class Group(NamedTuple):
    """One pull request to be: its branch, and what it is about."""

    branch: str
    dockerfiles: tuple[DockerfileBuilds, ...]


def groups_of(dockerfiles: Sequence[DockerfileBuilds], manners: Manners) -> list[Group]:
    """The pull requests that a repository wants."""
    if not manners.enabled or not dockerfiles:
        return []
    if manners.per == "repository":
        return [Group(_WHOLE, tuple(dockerfiles))]
    return [Group(branch_for(one.dockerfile), (one,)) for one in dockerfiles]


def branch_for(dockerfile: str) -> str:
    """The branch for one Dockerfile. It can be told from its name, and no two have the same."""
    shown = _OTHER.sub("-", dockerfile.lower()).strip("-")[:_LONGEST].rstrip("-")
    named = hashlib.sha256(dockerfile.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{PREFIX}{shown}-{named}" if shown else f"{PREFIX}{named}"
