"""What a build can see of its context. Reading it from a disk is for `slimify.context` to do."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Kind(enum.Enum):
    """What stands at a path."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"


class Entry(NamedTuple):
    """One path of the context. `path` is relative, with `/`; `size` in bytes; `target` is a link's."""

    path: str
    kind: Kind
    size: int
    mode: int
    target: str = ""


class IgnoreText(NamedTuple):
    """The ignore file that holds: its path, from the root of the context, and what it says."""

    path: str
    text: str


class BuildContext(Protocol):
    """The files that the builder is sent, after .dockerignore (Docker documentation, "Build context").

    Paths are relative to the root of the context, with `/` and without a leading `./`; the root
    itself is the empty string. A context never takes back what it has said, so that answers made
    from it can be kept under its name.
    """

    def __hash__(self) -> int: ...

    @property
    def root(self) -> str:
        """The folder, as the user named it."""
        ...

    @property
    def truncated(self) -> bool:
        """Whether there is more than was looked at, so that an absent path proves nothing."""
        ...

    def ignore_text(self) -> IgnoreText | None:
        """The ignore file that holds, whether it is sent itself or not; None if there is none."""
        ...

    def entries(self) -> Sequence[Entry]:
        """Everything that is sent, sorted by path; folders before what is in them."""
        ...

    def entry(self, path: str) -> Entry | None:
        """What is sent for this path, None if nothing is."""
        ...

    def children(self, folder: str) -> Sequence[Entry]:
        """What is sent directly inside a folder."""
        ...

    def read(self, path: str) -> bytes | None:
        """The content of a regular file that is sent, or of one that a link inside the context leads to.

        None where there is no such file, where it is larger than any manifest or source file that a
        person wrote, or where the link leads out of the context.
        """
        ...

    def text(self, path: str) -> str | None:
        """The content decoded: by its byte order mark (UTF-8, UTF-16), else as UTF-8 with `surrogateescape`."""
        ...
