"""A folder of a commit as a build context, without a checkout: what a builder would be sent of one, and no more.

What a checkout changes by its attributes (line ends, `ident`, encodings) is not done here: files are as they are
stored, which is also how a commit writes them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from functools import cached_property

from slimify.bot.git import Clone
from slimify.bot.git_objects import LINK, SUBMODULE, TreeEntry
from slimify.context.dockerignore import IgnoreFile, choose
from slimify.context.listing import MAX_READ, ListedContext
from slimify.semantics.build_context import Entry, Kind


class GitTree(ListedContext):
    """A folder of a commit, from its root (the root itself is the empty string), for the Dockerfile at a path.

    Links are links, and lead nowhere outside of the commit. A submodule is an empty folder, with which the context is
    `truncated`. A file of Git LFS has the size of the file and no content: what is stored is not the file.
    """

    def __init__(self, clone: Clone, folder: str, dockerfile: str | None = None) -> None:
        super().__init__(folder)
        self._clone = clone
        self._dockerfile = dockerfile
        self._folders = clone.folders

    @cached_property
    def _base(self) -> str | None:
        """Where the folder really is; None if it is none."""
        return self._folders.folder(self.root)

    def _list(self, folder: str, optional: bool) -> Sequence[Entry]:  # noqa: ARG002
        if self._base is None:
            self._give_up(f"there is no folder {self.root or '.'}")
            return []
        prefix = f"{folder}/" if folder else ""
        below = posixpath.join(self._base, folder) if folder else self._base
        here = self._folders.at(below)
        if here is not None and here.mode == SUBMODULE and folder in self._verdicts:
            # Not for one that is ignored, and was only looked at.
            self._give_up(f"{below} is a submodule, which was not fetched")
        found: list[Entry] = []
        for name, entry in self._folders.inside(below).items():
            if not self._room(prefix + name):
                break
            found.append(self._entry(prefix + name, entry))
        return found

    def _entry(self, path: str, entry: TreeEntry | None) -> Entry:
        if entry is None or entry.mode == SUBMODULE:
            return Entry(path, Kind.FOLDER, 0, 0o755)
        if entry.mode == LINK:
            return Entry(path, Kind.LINK, 0, 0o777, self._folders.target(entry))
        size = self._folders.pointed_size(entry)
        return Entry(path, Kind.FILE, entry.size if size is None else size, int(entry.mode[-3:], 8))

    def _content(self, path: str) -> bytes | None:
        if self._base is None:
            return None
        entry = self._clone.entry(posixpath.join(self._base, path))
        if entry is None or not entry.regular or self._folders.pointed_size(entry) is not None:
            return None
        return self._clone.content(entry)

    @property
    def _base_of_ignore_file(self) -> str:
        return self.root or "."

    def _find_ignore_file(self) -> IgnoreFile | None:
        try:
            return choose(self.root, self._dockerfile, self._read_in)
        except _UnreadableError as error:
            self._give_up(f"the ignore file cannot be read: {error}")
            return None

    def _read_in(self, folder: str, name: str) -> bytes | None:
        """A file that Docker reads itself: a link counts too, if it leads to somewhere below the folder."""
        base = self._folders.folder(folder)
        path = None if base is None else self._folders.real(posixpath.join(base, name))
        if base is None or path is None or (base and not path.startswith(f"{base}/")):
            return None
        entry = self._clone.entry(path)
        if entry is None or not entry.regular:
            return None
        if entry.size > MAX_READ or self._folders.pointed_size(entry) is not None:
            raise _UnreadableError("it is too large, or a file of Git LFS")
        return self._clone.content(entry)


def resolve(clone: Clone, path: str) -> str | None:
    """Where a path of the commit leads when links are followed; None if that is nowhere, or outside of it."""
    return clone.folders.real(path)


class _UnreadableError(Exception):
    pass
