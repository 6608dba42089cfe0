"""Which folders a base image has nothing in. The data, with sources, is `image_folders.json`."""

from __future__ import annotations

import functools
import json
import os
from typing import Any, NamedTuple

from slimify.knowledge.images import describe

# Filesystem Hierarchy Standard 3.0, chapter 3, and what kernels and builders put there.
_ROOTS = frozenset(
    "bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys tmp usr var data".split()
)
# Folders for what is added to a system: each add-on has one of its own.
_OPEN = ("/opt", "/srv", "/usr/src")


class Nothing(NamedTuple):
    """That an image has nothing in a folder: whether it has the folder, and who says so."""

    exists: bool
    source: str


@functools.cache
def _facts() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "image_folders.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


def holds_nothing(reference: str, folder: str) -> Nothing | None:
    """Whether an image has surely nothing in `folder`, an absolute and clean path; None if that is not known."""
    facts = _facts()
    image = describe(reference)
    if image is None or image.kind == "windows" or image.name not in facts["images"]:
        return None
    empty = facts["empty"].get(image.name)
    if empty and folder in empty["folders"]:
        return Nothing(True, empty["source"])
    own = any(folder == one or folder.startswith((f"{one}/", f"{one}-")) for one in facts["own"])
    return Nothing(False, facts["source"]) if not own and is_added(folder) else None


def is_added(folder: str) -> bool:
    """Whether a folder is none of a distribution's own, so that its packages put nothing into it."""
    parts = folder.strip("/").split("/")
    if not parts[0] or parts[0].startswith((".", "docker-entrypoint", "__")):
        return False
    # What is in a user's home folder when it is made starts with a dot (useradd, /etc/skel).
    at_home = parts[0] == "home" and len(parts) > 2 and not parts[2].startswith(".")
    return at_home or parts[0] not in _ROOTS or any(folder.startswith(f"{one}/") for one in _OPEN)
