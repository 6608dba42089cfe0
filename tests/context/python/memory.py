"""A build context that is a dictionary."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from slimify.semantics.build_context import Entry, Kind


class Memory:
    """Files by path; a folder is there because something is in it."""

    root = "memory"

    def __init__(self, files: Mapping[str, str | bytes], truncated: bool = False) -> None:
        self.files = {path: one.encode() if isinstance(one, str) else one for path, one in files.items()}
        self.truncated = truncated
        self.opened: list[str] = []
        found = {path: Entry(path, Kind.FILE, len(data), 0o644) for path, data in self.files.items()}
        for path in self.files:
            while path := posixpath.dirname(path):
                found[path] = Entry(path, Kind.FOLDER, 0, 0o755)
        self.found = dict(sorted(found.items()))

    def entries(self) -> Sequence[Entry]:
        return tuple(self.found.values())

    def entry(self, path: str) -> Entry | None:
        return self.found.get(path)

    def lies_in(self, folder: str) -> Sequence[Entry]:
        return self.children(folder)

    def lying_text(self, path: str) -> str | None:
        return self.text(path)

    def children(self, folder: str) -> Sequence[Entry]:
        return tuple(one for one in self.found.values() if posixpath.dirname(one.path) == folder)

    def read(self, path: str) -> bytes | None:
        self.opened.append(path)
        return self.files.get(path)

    def text(self, path: str) -> str | None:
        data = self.read(path)
        return None if data is None else data.decode("utf-8", "surrogateescape")
