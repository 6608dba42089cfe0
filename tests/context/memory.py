"""A build context that lives in a dictionary, with nothing but what the readers ask for."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from slimify.semantics.build_context import BuildContext, Entry, Kind


class Files:
    """Paths and their contents; folders are made up from the paths."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self._data = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        found = {path: Entry(path, Kind.FILE, len(data), 0o644) for path, data in self._data.items()}
        for path in self._data:
            while path := posixpath.dirname(path):
                found.setdefault(path, Entry(path, Kind.FOLDER, 0, 0o755))
        self._entries = dict(sorted(found.items()))

    @property
    def root(self) -> str:
        return "memory"

    @property
    def truncated(self) -> bool:
        return False

    def entries(self) -> Sequence[Entry]:
        return tuple(self._entries.values())

    def entry(self, path: str) -> Entry | None:
        return self._entries.get(path)

    def lies_in(self, folder: str) -> Sequence[Entry]:
        return self.children(folder)

    def lying_text(self, path: str) -> str | None:
        return self.text(path)

    def children(self, folder: str) -> Sequence[Entry]:
        return tuple(one for path, one in self._entries.items() if path and posixpath.dirname(path) == folder)

    def read(self, path: str) -> bytes | None:
        return self._data.get(path)

    def text(self, path: str) -> str | None:
        data = self._data.get(path)
        return None if data is None else data.decode("utf-8", "surrogateescape")


def context(**files: str | bytes) -> BuildContext:
    """`context(**{"a/b.js": "…"})`."""
    return Files(files)
