"""An image as its layers: what each of them adds, and what it takes away.

Source of the format: OCI image specification, "Image Layer Filesystem Changeset" and "Image Configuration".
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, NamedTuple


class ImageError(Exception):
    """An image that cannot be read: what is wrong with it, and where."""


class FileKind(enum.IntEnum):
    """What an entry of a layer is."""

    FILE = 0
    FOLDER = 1
    LINK = 2
    HARD_LINK = 3
    OTHER = 4


class LayerFile(NamedTuple):
    """One entry of a layer. `size` in bytes, 0 for all that has no content of its own; `target` is a link's."""

    kind: FileKind
    size: int
    mode: int
    owner: int
    group: int
    target: str = ""


class Layer(NamedTuple):
    """One layer.

    `stored` is its size as it is stored, in bytes, `size` that of its files. `files` are by path, without a slash in
    front. `removed` are the paths that it hides, `emptied` the folders of which it hides all that was there before.
    `made_by` is the instruction, as the builder recorded it.
    """

    digest: str
    stored: int
    size: int
    files: Mapping[str, LayerFile]
    removed: frozenset[str]
    emptied: frozenset[str]
    made_by: str = ""


class Image(NamedTuple):
    """An image: its name as the user gave it, its layers from the base upwards, and its configuration."""

    name: str
    layers: tuple[Layer, ...]
    config: Mapping[str, Any]

    @property
    def size(self) -> int:
        """The bytes of all files in all layers."""
        return sum(layer.size for layer in self.layers)
