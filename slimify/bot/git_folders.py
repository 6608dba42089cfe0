"""The folders of a commit, which git lists only files of, and what its links and pointers say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from slimify.bot.git_objects import SUBMODULE, TreeEntry

# Source: git-lfs, docs/spec.md, "The Pointer". One has fewer than 1024 bytes, and the version is its first key.
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:[a-z0-9.-]+ [^\n]*\n)*?size (\d{1,18})\n?")
_MAX_POINTER = 1024
_LFS = re.compile(rb"\bfilter=lfs\b")


class Folders:
    """What is in each folder, by name; the root is the empty string, and a submodule is an empty folder.

    `content` reads a file, or the target of a link.
    """

    def __init__(self, entries: Iterable[TreeEntry], content: Callable[[TreeEntry], bytes | None]) -> None:
        self._content = content
        self._targets: dict[str, str] = {}
        self._pointers: dict[str, int | None] = {}
        self._inside: dict[str, dict[str, TreeEntry | None]] = {"": {}}
        for entry in entries:
            self._put(entry)
            if entry.mode == SUBMODULE:
                self._inside[entry.path] = {}

    def _put(self, entry: TreeEntry) -> None:
        folder, _, name = entry.path.rpartition("/")
        new = folder not in self._inside
        self._inside.setdefault(folder, {})[name] = entry
        while new:
            folder, _, name = folder.rpartition("/")
            new = folder not in self._inside
            self._inside.setdefault(folder, {})[name] = None

    def __contains__(self, folder: str) -> bool:
        return folder in self._inside

    def inside(self, folder: str) -> Mapping[str, TreeEntry | None]:
        """What lies in a folder, by name, None for a folder; nothing if there is no such folder."""
        return self._inside.get(folder, {})

    def at(self, path: str) -> TreeEntry | None:
        """The file, link or submodule at this path, None if there is none."""
        folder, _, name = path.rpartition("/")
        return self.inside(folder).get(name)

    def target(self, link: TreeEntry) -> str:
        """Where a link points to; the empty string if it is nothing that can be pointed to.

        As git does in a checkout, what is behind a NUL is left out.
        """
        if link.sha not in self._targets:
            data = (self._content(link) or b"") if link.size < 4096 else b""
            self._targets[link.sha] = data.partition(b"\0")[0].decode("utf-8", "surrogateescape")
        return self._targets[link.sha]

    def pointed_size(self, file: TreeEntry) -> int | None:
        """The size of a file that Git LFS keeps elsewhere, None for all other files."""
        if file.size >= _MAX_POINTER or not self._uses_lfs:
            return None
        if file.sha not in self._pointers:
            match = _POINTER.match(self._content(file) or b"")
            self._pointers[file.sha] = int(match[1]) if match else None
        return self._pointers[file.sha]

    @cached_property
    def _uses_lfs(self) -> bool:
        # Most repositories do not, and no file of theirs is to be read for it.
        attributes = (found[".gitattributes"] for found in self._inside.values() if ".gitattributes" in found)
        return any(one is not None and one.regular and _LFS.search(self._content(one) or b"") for one in attributes)
