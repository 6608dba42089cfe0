"""A build context over whatever can be listed and read: what is sent, found folder by folder, and links.

Tree lists a disk and MemoryContext a dictionary; what they have in common is here.
"""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property

from slimify.context.decoding import decode
from slimify.context.dockerignore import IgnoreFile
from slimify.context.links import follow
from slimify.context.paths import inside
from slimify.context.patterns import START, Matcher, PatternError, Verdict
from slimify.semantics.build_context import Entry, IgnoreText, Kind

MAX_ENTRIES = 200_000
"""How many paths are listed, ignored ones included, before the rest is left out."""
MAX_DEPTH = 100
"""How many folders deep."""
MAX_PATH = 2000
"""How long a path may be, in characters."""
MAX_READ = 4 * 1024 * 1024
"""The largest file that is read, in bytes."""

_ROOT = Entry("", Kind.FOLDER, 0, 0o755)


class ListedContext(ABC):
    """Implements `BuildContext`. A subclass says what a folder holds, what a file does, and what is ignored.

    Nothing is listed or read before it is asked for, and nothing twice, so that what was said stays true.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._seen = 0
        self._problem = ""
        self._verdicts: dict[str, Verdict] = {"": START}
        self._sent: dict[str, tuple[Entry, ...]] = {}
        self._kept_out: dict[str, list[Entry]] = {}
        self._reads: dict[str, bytes | None] = {}

    # What a subclass provides.

    @abstractmethod
    def _list(self, folder: str, optional: bool) -> Sequence[Entry]:
        """What is directly in a folder, ignored or not. `optional`: the builder does without it if it must."""

    @abstractmethod
    def _content(self, path: str) -> bytes | None:
        """The content of the regular file at a path without links, None if it is gone or too large."""

    @abstractmethod
    def _find_ignore_file(self) -> IgnoreFile | None:
        """The ignore file that holds, None if there is none."""

    # What everybody may ask.

    @property
    def root(self) -> str:
        """The folder, as the user named it."""
        return self._root

    @property
    def _base_of_ignore_file(self) -> str:
        """The folder that the path of the ignore file starts from, where that is not the current one."""
        return self._root

    @cached_property
    def ignore_file(self) -> IgnoreFile | None:
        """The ignore file that holds, whether it is sent itself or not; None if there is none."""
        return self._find_ignore_file()

    def ignore_text(self) -> IgnoreText | None:
        """The ignore file's path from the root of the context, and its text; None if there is none."""
        found = self.ignore_file
        if found is None:
            return None
        return IgnoreText(
            posixpath.relpath(found.path, self._base_of_ignore_file or "."),
            found.data.decode("utf-8", "surrogateescape"),
        )

    @property
    def truncated(self) -> bool:
        """Whether there is more than was looked at, so that an absent path proves nothing. Lists everything."""
        return bool(self.truncated_because)

    @property
    def truncated_because(self) -> str:
        """What was not looked at, and why; empty if everything was."""
        self.entries()
        return self._problem

    def entries(self) -> Sequence[Entry]:
        """Everything that is sent, sorted by path; folders before what is in them."""
        return self._everything

    def children(self, folder: str) -> Sequence[Entry]:
        """What is sent directly inside a folder, sorted; nothing if it is no folder, or a link to one."""
        path = inside(folder)
        return () if path is None else self._children(path)

    def entry(self, path: str) -> Entry | None:
        """What is sent for this path, None if nothing is. A link is itself, and leads nowhere."""
        listed = self._by_path.get(path.rpartition("/")[0])
        if listed is not None and path in listed:
            return listed[path]  # most are asked for as they are listed, and need no cleaning
        known = inside(path)
        if known is None:
            return None
        if not known:
            return _ROOT
        return self._names(known.rpartition("/")[0]).get(known)

    def ignored(self) -> Sequence[Entry]:
        """What the ignore file keeps out: of each ignored folder only the folder, which was not looked into."""
        self.entries()
        return sorted(one for entries in self._kept_out.values() for one in entries)

    def resolve(self, path: str) -> str | None:
        """Where a path leads when links are followed, inside of what is sent; None if it leads out or nowhere.

        An absolute link leads out: where it points to is a matter of the machine, or of the image.
        """
        return None if path.startswith("/") else follow(self, path).path

    def read(self, path: str) -> bytes | None:
        """The content of a regular file that is sent, links inside the context followed.

        None where there is no such file, where it is larger than `MAX_READ`, or where a link leads out.
        """
        if path in self._reads:
            return self._reads[path]
        real = self.resolve(path)
        if real is None:
            return None
        if real not in self._reads:
            entry = self.entry(real)
            regular = entry is not None and entry.kind is Kind.FILE and entry.size <= MAX_READ
            self._reads[real] = self._content(real) if regular else None
        return self._reads[real]

    def text(self, path: str) -> str | None:
        """The content decoded: by its byte order mark (UTF-8, UTF-16), else as UTF-8 with `surrogateescape`."""
        data = self.read(path)
        return None if data is None else decode(data)

    # How it is found out.

    @cached_property
    def _matcher(self) -> Matcher:
        ignore_file = self.ignore_file
        if ignore_file is None:
            return Matcher(())
        try:
            return ignore_file.matcher
        except PatternError as error:
            self._give_up(f"{ignore_file.path}: {error}")
            return Matcher(("**",))  # what is sent is not known, so nothing is said to be

    def _give_up(self, problem: str) -> None:
        self._problem = self._problem or problem

    def _room(self, path: str) -> bool:
        """Count one more path that was found, and say whether it is one too many, too deep or too long."""
        self._seen += 1
        if self._seen > MAX_ENTRIES:
            self._give_up(f"there are more than {MAX_ENTRIES} files and folders")
        elif len(path) > MAX_PATH:
            self._give_up(f"there is a path of more than {MAX_PATH} characters")
        else:
            return True
        return False

    @cached_property
    def _everything(self) -> tuple[Entry, ...]:
        found: list[Entry] = []
        pending = [""]
        while pending:
            entries = self._children(pending.pop())
            found += entries
            pending += [one.path for one in entries if one.kind is Kind.FOLDER]
        found.sort(key=_path)
        return tuple(found)

    def _names(self, folder: str) -> dict[str, Entry]:
        if folder not in self._by_path:
            self._by_path[folder] = {one.path: one for one in self._children(folder)}
        return self._by_path[folder]

    @cached_property
    def _by_path(self) -> dict[str, dict[str, Entry]]:
        return {}

    def _children(self, folder: str) -> tuple[Entry, ...]:
        if folder not in self._sent:
            # From the root down: whether a folder is sent at all is known by its parent's listing.
            parts = folder.split("/")
            for depth in range(len(parts)):
                self._listed("/".join(parts[:depth]))
                if "/".join(parts[: depth + 1]) not in self._verdicts:
                    return ()
        return self._listed(folder)

    def _listed(self, folder: str) -> tuple[Entry, ...]:
        if folder in self._sent:
            return self._sent[folder]
        parent = self._verdicts[folder]
        matcher = self._matcher
        sent: list[Entry] = []
        kept_out: list[Entry] = []
        if folder.count("/") + 1 > MAX_DEPTH:
            self._give_up(f"there are folders more than {MAX_DEPTH} deep")
        else:
            step = matcher.step
            for entry in self._list(folder, optional=parent.matched):
                path = entry.path
                verdict = step(path, parent)
                if not verdict.matched:
                    if entry.kind is Kind.FOLDER:
                        self._verdicts[path] = verdict
                    sent.append(entry)
                    continue
                if entry.kind is Kind.FOLDER and matcher.enters(path):
                    # An ignored folder is sent if, and because, something in it is.
                    self._verdicts[path] = verdict
                    if self._listed(path):
                        sent.append(entry)
                        continue
                    self._forget(path)
                kept_out.append(entry)
        sent.sort(key=_path)
        self._sent[folder] = tuple(sent)
        self._kept_out[folder] = kept_out
        return self._sent[folder]

    def _forget(self, folder: str) -> None:
        del self._verdicts[folder], self._sent[folder], self._kept_out[folder]


def _path(entry: Entry) -> str:
    return entry.path
