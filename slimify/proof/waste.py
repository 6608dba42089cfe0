"""Bytes that an image carries and nobody can see: what a later layer writes again, or takes away."""

from __future__ import annotations

import enum
import posixpath
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from slimify.proof.image import FileKind, Image, LayerFile


class How(enum.Enum):
    """What happened to a file in a later layer."""

    REMOVED = "removed"
    REWRITTEN = "written again"
    RELABELLED = "given another owner or mode"


class Wasted(NamedTuple):
    """A file that is in the layer `written`, and not seen any more because of the layer `hidden`; both by number."""

    path: str
    size: int
    written: int
    hidden: int
    how: How


class Visible(NamedTuple):
    """A file as a container sees it, and the number of the layer that it is in."""

    layer: int
    file: LayerFile


class _Tree:
    """The files that are seen, and what is in each folder."""

    def __init__(self) -> None:
        self.seen: dict[str, Visible] = {}
        self._inside: dict[str, set[str]] = defaultdict(set)

    def put(self, path: str, visible: Visible) -> None:
        self.seen[path] = visible
        while path:
            folder = posixpath.dirname(path)
            if path in self._inside[folder]:
                break
            self._inside[folder].add(path)
            path = folder

    def take(self, path: str) -> Iterator[tuple[str, Visible]]:
        """Remove a path with all that is below it."""
        yield from self.take_inside(path)
        self._inside[posixpath.dirname(path)].discard(path)
        if (found := self.seen.pop(path, None)) is not None:
            yield path, found

    def take_inside(self, folder: str) -> Iterator[tuple[str, Visible]]:
        """Remove all that is below a folder."""
        waiting = list(self._inside.pop(folder, ()))
        while waiting:
            path = waiting.pop()
            waiting += self._inside.pop(path, ())
            if (found := self.seen.pop(path, None)) is not None:
                yield path, found


class Account(NamedTuple):
    """What of an image is seen, by path, and what is wasted."""

    seen: dict[str, Visible]
    wasted: tuple[Wasted, ...]

    @property
    def wasted_bytes(self) -> int:
        return sum(one.size for one in self.wasted)


def account(image: Image) -> Account:
    """Lay the layers over each other, from the base upwards."""
    tree = _Tree()
    wasted: list[Wasted] = []
    for number, layer in enumerate(image.layers):
        # A layer's own files are not hidden by what it takes away (OCI image specification, "Whiteouts").
        gone = [found for folder in layer.emptied for found in tree.take_inside(folder)]
        gone += [found for path in layer.removed for found in tree.take(path)]
        wasted += [_wasted(path, old, number, How.REMOVED) for path, old in gone if old.file.size]
        for path, file in layer.files.items():
            if file.kind is not FileKind.FOLDER:
                lost = list(tree.take(path))
                wasted += [_wasted(one, was, number, _how(was.file, file)) for one, was in lost if was.file.size]
            tree.put(path, Visible(number, file))
    return Account(tree.seen, tuple(wasted))


def _wasted(path: str, old: Visible, hidden: int, how: How) -> Wasted:
    return Wasted(path, old.file.size, old.layer, hidden, how)


def _how(old: LayerFile, new: LayerFile) -> How:
    relabelled = (old.mode, old.owner, old.group) != (new.mode, new.owner, new.group)
    return How.RELABELLED if relabelled and old.size == new.size and new.kind is FileKind.FILE else How.REWRITTEN
