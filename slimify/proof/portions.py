"""The bytes of images in portions that can be drawn: those of each layer, and those that went away."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import NamedTuple

from slimify.proof.holdings import CACHES, Holding, holding
from slimify.proof.image import Image
from slimify.proof.show_layers import instruction
from slimify.proof.waste import account

HIDDEN = "hidden by a later layer"
ALL_CACHES = "caches"
# How much of a path says where something is: usr/lib/gcc, root/.cache/pip, var/lib/apt.
_DEPTH = 3


class Bar(NamedTuple):
    """A layer: the instruction that made it, and the bytes of each kind of file in it, the most first."""

    made_by: str
    portions: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        return sum(size for _, size in self.portions)


class Lost(NamedTuple):
    """Bytes that went away: what they were, and how many of them there were in each folder, the most first."""

    kind: str
    folders: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        return sum(size for _, size in self.folders)


def bars(image: Image) -> list[Bar]:
    """The layers of an image from the base upwards."""
    hidden: Counter[int] = Counter()
    unseen = set()
    for one in account(image).wasted:
        hidden[one.written] += one.size
        unseen.add((one.written, one.path))
    found = []
    for number, layer in enumerate(image.layers):
        sizes: Counter[str] = Counter()
        for path, file in layer.files.items():
            if file.size and (number, path) not in unseen:
                sizes[kind(holding(path))] += file.size
        if hidden[number]:
            sizes[HIDDEN] = hidden[number]
        found.append(Bar(instruction(layer.made_by) or layer.digest[:19], tuple(sizes.most_common())))
    return found


def lost(before: Image, after: Image) -> tuple[list[Lost], int]:
    """What went away, the most first, and the bytes that are new.

    Every copy in every layer counts, so that what went away without what is new is by how much the images differ.
    """
    difference = _by_path(before)
    difference.subtract(_by_path(after))
    folders: dict[str, Counter[str]] = {}
    new = 0
    for path, size in difference.items():
        if size > 0:
            folder = "/".join(["", *posixpath.dirname(path).split("/")[:_DEPTH]])
            folders.setdefault(kind(holding(path)), Counter())[folder] += size
        else:
            new -= size
    found = [Lost(what, tuple(sizes.most_common())) for what, sizes in folders.items()]
    return sorted(found, key=lambda one: (-one.size, one.kind)), new


def kind(what: Holding) -> str:
    """What a holding is drawn as: all caches are one."""
    return ALL_CACHES if what.transform == CACHES else what.title


def _by_path(image: Image) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for layer in image.layers:
        for path, file in layer.files.items():
            sizes[path] += file.size
    return sizes
