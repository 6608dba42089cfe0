"""Whom an image is for: one that people develop in has its tools for them, though nothing in it runs them."""

from __future__ import annotations

import posixpath

from slimify.transforms.split_stage.refused import Refused

from slimify.knowledge.slim import facts
from slimify.semantics.build import Build

# The only stage of a file is often named so, and yet is told what to run.
_SHIPS = frozenset(["build", "builder"])


def for_production(build: Build) -> None:
    """Refuse a file or stage that is named as one for development."""
    names = facts().development
    path = build.dockerfile.source.path or ""
    name = build.stages[0].name
    if (
        ".devcontainer" in path
        or names.search(posixpath.basename(path))
        or (name and name not in _SHIPS and names.search(name))
    ):
        raise Refused("the file or the stage is named as one for development")
