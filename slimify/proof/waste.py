"""Bytes that an image carries and nobody can see: what a later layer writes again, or takes away."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from slimify.proof.image import FileKind, Image, Layer, LayerFile, above, all_above


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
    """A file as a container sees it, and the number of the layer that it is in.

    `written` is its path in that layer if it is another one: of a file with several names that has lost the first.
    """

    layer: int
    file: LayerFile
    written: str = ""


class _Tree:
    """The files that are seen, what is in each folder, and the further names of files."""

    def __init__(self) -> None:
        self.seen: dict[str, Visible] = {}
        self._inside: dict[str, set[str]] = defaultdict(set)
        self._links: dict[str, set[str]] = {}

    def put(self, path: str, visible: Visible) -> None:
        self.seen[path] = visible
        for folder in above(path):
            inside = self._inside[folder]
            if path in inside:
                break
            inside.add(path)
            path = folder

    def put_link(self, path: str, number: int, file: LayerFile) -> None:
        """A further name of a file that is seen; of a name that is such a name itself, of what that one names."""
        target = file.target
        named = self.seen.get(target)
        if named is not None and named.file.kind is FileKind.HARD_LINK:
            target = named.file.target
        if target in self.seen and target != path:
            self._links.setdefault(target, set()).add(path)
        self.put(path, Visible(number, file if target == file.target else file._replace(target=target)))

    def take(self, path: str) -> Iterator[tuple[str, Visible]]:
        """Remove a path with all that is below it."""
        yield from self.take_inside(path)
        self._inside[next(above(path), "")].discard(path)
        yield from self._taken(path)

    def take_inside(self, folder: str) -> Iterator[tuple[str, Visible]]:
        """Remove all that is below a folder."""
        waiting = list(self._inside.pop(folder, ()))
        while waiting:
            path = waiting.pop()
            waiting += self._inside.pop(path, ())
            yield from self._taken(path)

    def _taken(self, path: str) -> Iterator[tuple[str, Visible]]:
        found = self.seen.pop(path, None)
        if found is None:
            return
        if found.file.kind is FileKind.HARD_LINK and found.file.target in self._links:
            self._links[found.file.target].discard(path)
        yield path, found

    def passes_on(self, path: str, old: Visible) -> bool:
        """Whether a file that lost its name is seen under another one, which then is its first name."""
        names = sorted(self._links.pop(path, ()))
        if not names:
            return False
        first, *others = names
        self.seen[first] = old._replace(written=old.written or path)
        for one in others:
            link = self.seen[one]
            self.seen[one] = link._replace(file=link.file._replace(target=first))
        if others:
            self._links[first] = set(others)
        return True


class Account(NamedTuple):
    """What of an image is seen, by path, and what is wasted."""

    seen: dict[str, Visible]
    wasted: tuple[Wasted, ...]

    @property
    def wasted_bytes(self) -> int:
        return sum(one.size for one in self.wasted)


def account(image: Image) -> Account:
    """Lay the layers over each other, from the base upwards.

    A file with several names, which is one with hard links, is there as long as one of them is.
    """
    tree = _Tree()
    wasted: list[Wasted] = []
    for number, layer in enumerate(image.layers):
        gone = list(_gone(tree, layer))
        wasted += [
            Wasted(old.written or path, old.file.size, old.layer, number, how)
            for path, old, how in gone
            if not tree.passes_on(path, old) and old.file.size
        ]
        # A link may stand in front of what it links.
        links = []
        for path, file in layer.files.items():
            if file.kind is FileKind.HARD_LINK:
                links.append((path, file))
            else:
                tree.put(path, Visible(number, file))
        for path, file in links:
            tree.put_link(path, number, file)
    return Account(tree.seen, tuple(wasted))


def _gone(tree: _Tree, layer: Layer) -> Iterator[tuple[str, Visible, How]]:
    """What a layer hides of those below it: its own files it does not (OCI image specification, "Whiteouts")."""
    for folder in layer.emptied:
        yield from ((path, old, How.REMOVED) for path, old in tree.take_inside(folder))
    for removed in layer.removed:
        yield from ((path, old, How.REMOVED) for path, old in tree.take(removed))
    for path, file in layer.files.items():
        old = tree.seen.get(path)
        if file.kind is not FileKind.FOLDER or (old is not None and old.file.kind is not FileKind.FOLDER):
            new = _behind(file, layer)
            yield from ((one, was, _how(was.file, new)) for one, was in tree.take(path))


def _behind(file: LayerFile, layer: Layer) -> LayerFile:
    """A further name of a file as the file."""
    return layer.files.get(file.target, file) if file.kind is FileKind.HARD_LINK else file


def _how(old: LayerFile, new: LayerFile) -> How:
    relabelled = (old.mode, old.owner, old.group) != (new.mode, new.owner, new.group)
    return How.RELABELLED if relabelled and old.size == new.size and new.kind is FileKind.FILE else How.REWRITTEN


def as_dive_counts(image: Image) -> int:
    """The wasted bytes as `dive` counts them: those of all copies of a file that more than one layer has or removes.

    It counts the copy that is seen as well, so that it comes to more than `Account.wasted_bytes`; of a folder that is
    removed, it counts what was in it once more (dive, filetree/efficiency.go, `Efficiency`).
    """
    tree = _Tree()
    once: dict[str, int] = {}
    more: dict[str, int] = {}

    def count(path: str, size: int) -> None:
        if path in more:
            more[path] += size
        elif path in once:
            more[path] = once.pop(path) + size
        else:
            once[path] = size

    for number, layer in enumerate(image.layers):
        folders = all_above(layer.files)
        for folder in layer.emptied:
            list(tree.take_inside(folder))
        for path in layer.removed:
            count(path, sum(old.file.size for one, old in tree.take(path) if one != path))
        for path, file in layer.files.items():
            if path not in folders:
                count(path, file.size)
            if file.kind is not FileKind.FOLDER:
                list(tree.take(path))
            tree.put(path, Visible(number, file))
    return sum(more.values())
