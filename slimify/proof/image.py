"""An image as its layers: what each of them adds, and what it takes away.

Source of the format: OCI image specification, "Image Layer Filesystem Changeset" and "Image Configuration".
"""

from __future__ import annotations

import enum
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple


class ImageError(Exception):
    """An image that cannot be read: what is wrong with it, and where."""


class TooMuchError(ImageError):
    """An image that is larger than it may be, and is read no further."""


def above(path: str) -> Iterator[str]:
    """The folders above a path without a slash in front, from the nearest up to the root, which is empty."""
    while path:
        path = posixpath.dirname(path)
        yield path


def all_above(paths: Iterable[str]) -> set[str]:
    """The folders above all paths."""
    known: set[str] = set()
    for path in paths:
        for folder in above(path):
            if folder in known:
                break
            known.add(folder)
    return known


class FileKind(enum.IntEnum):
    """What an entry of a layer is."""

    FILE = 0
    FOLDER = 1
    LINK = 2
    HARD_LINK = 3
    OTHER = 4


class Linkage(NamedTuple):
    """What an ELF file asks of the loader: the sonames it needs, and where it looks first (ld.so(8)).

    A library that it loads is for as many `bits`, and for the same `machine`, a number of the ELF specification.
    """

    needed: tuple[str, ...]
    rpath: tuple[str, ...]
    runpath: tuple[str, ...]
    interpreter: str
    bits: int
    machine: int = 0


class Content(NamedTuple):
    """What is in a file: its digest, what it is linked to if it is a program, and its text if somebody wants it."""

    digest: str
    linkage: Linkage | None = None
    text: str = ""


class LayerFile(NamedTuple):
    """One entry of a layer. `size` in bytes, 0 for all that has no content of its own; `target` is a link's.

    `content` is None unless the image was read with contents.
    """

    kind: FileKind
    size: int
    mode: int
    owner: int
    group: int
    target: str = ""
    content: Content | None = None


class Layer(NamedTuple):
    """One layer.

    `stored` is its size as it is stored, in bytes, `size` that of its files. `files` are by path, without a slash in
    front. `removed` are the paths that it hides, `emptied` the folders of which it hides all that was there before.
    `made_by` is the instruction, as the builder recorded it. `compressed` is its size as it is pushed, None where that
    is as it is stored, or was not measured.
    """

    digest: str
    stored: int
    size: int
    files: Mapping[str, LayerFile]
    removed: frozenset[str]
    emptied: frozenset[str]
    made_by: str = ""
    compressed: int | None = None


class Image(NamedTuple):
    """An image: its name as the user gave it, its layers from the base upwards, and its configuration."""

    name: str
    layers: tuple[Layer, ...]
    config: Mapping[str, Any]

    @property
    def size(self) -> int:
        """The bytes of all files in all layers."""
        return sum(layer.size for layer in self.layers)

    @property
    def compressed_size(self) -> int:
        """The bytes of all layers as they are pushed, if that was measured."""
        return sum(layer.stored if layer.compressed is None else layer.compressed for layer in self.layers)
