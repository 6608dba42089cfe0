"""The files of a commit, as readers of a repository ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from slimify.bot.git import Clone
from slimify.bot.git_objects import LINK, SUBMODULE, TreeEntry
from slimify.semantics.build_context import Entry, Kind


class CommitFiles:
    """Implements `slimify.bot.builds.repository.RepositoryFiles` over a commit that nobody checks out.

    What a checkout changes by its attributes (line ends, `ident`, encodings) is not done: files are as they are stored,
    which is also how a commit writes them. A file of Git LFS has the size of the file, and no content.
    """

    def __init__(self, clone: Clone) -> None:
        self._clone = clone

    def paths(self) -> Sequence[Entry]:
        """Every file, link and submodule, sorted by path."""
        return self._paths

    @cached_property
    def _paths(self) -> tuple[Entry, ...]:
        return tuple(map(self._entry, self._clone.entries()))

    def _entry(self, entry: TreeEntry) -> Entry:
        if entry.mode == SUBMODULE:
            return Entry(entry.path, Kind.OTHER, 0, 0o755)
        if entry.mode == LINK:
            return Entry(entry.path, Kind.LINK, 0, 0o777, self._clone.folders.target(entry))
        size = self._clone.folders.pointed_size(entry)
        return Entry(entry.path, Kind.FILE, entry.size if size is None else size, int(entry.mode[-3:], 8))

    def read(self, path: str) -> bytes | None:
        """The content of the file at exactly this path; None if there is none, or if what is stored is not the file."""
        entry = self._clone.entry(path)
        if entry is None or not entry.regular or self._clone.folders.pointed_size(entry) is not None:
            return None
        return self._clone.content(entry)
