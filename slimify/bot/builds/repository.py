"""The files of a repository as they are in a commit: what readers ask, and a folder of it as a build context."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Protocol

from slimify.context.decoding import decode
from slimify.context.dockerignore import IgnoreFile, choose
from slimify.context.found import SOURCE_LIMIT
from slimify.context.links import follow
from slimify.context.listing import MAX_ENTRIES, MAX_PATH, MAX_READ, ListedContext
from slimify.context.paths import inside
from slimify.discovery import is_dockerfile
from slimify.semantics.build_context import Entry, Kind


class RepositoryFiles(Protocol):
    """Where the files come from, such as a tree of git. Paths start from the root of the repository, with `/`."""

    def paths(self) -> Sequence[Entry]:
        """Every file and link; folders may be left out. A submodule is `Kind.OTHER`."""
        ...

    def read(self, path: str) -> bytes | None:
        """The content of the regular file at exactly this path, without following a link; None if there is none."""
        ...


class Repository:
    """The files of a repository by folder. `problem` says what was not looked at; empty if everything was."""

    def __init__(self, files: RepositoryFiles) -> None:
        self._files = files
        self._folders: dict[str, dict[str, Entry]] = {"": {}}
        self._submodules: set[str] = set()
        self.problem = ""
        for count, entry in enumerate(files.paths()):
            if count >= MAX_ENTRIES or len(entry.path) > MAX_PATH:
                self.problem = f"there are more than {MAX_ENTRIES} files, or a path of more than {MAX_PATH} characters"
                break
            path = inside(entry.path)
            if path and path == entry.path:
                self._add(entry)
        self.root = FolderContext(self, "", ignore=False)

    def _add(self, entry: Entry) -> None:
        if entry.kind is Kind.OTHER:
            self._submodules.add(entry.path)
            entry = Entry(entry.path, Kind.FOLDER, 0, 0o755)
        if entry.kind is Kind.FOLDER:
            self._folders.setdefault(entry.path, {})
        while True:
            folder = posixpath.dirname(entry.path)
            known = folder in self._folders
            self._folders.setdefault(folder, {}).setdefault(entry.path, entry)
            if known:
                return
            entry = Entry(folder, Kind.FOLDER, 0, 0o755)

    @cached_property
    def dockerfiles(self) -> tuple[str, ...]:
        """The files that are Dockerfiles by their names, sorted, links left out."""
        return tuple(
            one.path for one in self.files() if one.kind is Kind.FILE and is_dockerfile(posixpath.basename(one.path))
        )

    def listed(self, folder: str) -> Sequence[Entry]:
        """What is directly in a folder."""
        return tuple(self._folders.get(folder, {}).values())

    def is_submodule(self, path: str) -> bool:
        """Whether another repository belongs at this path, of which nothing is known."""
        return path in self._submodules

    def files(self) -> Iterator[Entry]:
        """Every regular file and link, sorted by path."""
        everything = (one for folder in self._folders.values() for one in folder.values())
        return iter(sorted(one for one in everything if one.kind in (Kind.FILE, Kind.LINK)))

    def content(self, path: str) -> bytes | None:
        """The content of a regular file; None for one that is absent or larger than is read."""
        entry = self._folders.get(posixpath.dirname(path), {}).get(path)
        if entry is None or entry.kind is not Kind.FILE or entry.size > MAX_READ:
            return None
        data = self._files.read(path)
        return data if data is not None and len(data) <= MAX_READ else None

    def real(self, path: str) -> str | None:
        """The regular file that a path leads to, links inside of the repository followed; None if to none."""
        found = follow(self.root, path).path
        entry = self.root.entry(found) if found else None
        return found if entry is not None and entry.kind is Kind.FILE else None

    def folder(self, path: str) -> str | None:
        """The folder that a path leads to, links inside of the repository followed; None if to none."""
        # What begins at another root leads out, as does what climbs above this one.
        known = None if path.startswith("/") else inside(path)
        found = follow(self.root, known).path if known else known
        entry = None if found is None else self.root.entry(found)
        return found if entry is not None and entry.kind is Kind.FOLDER else None

    def text(self, path: str, limit: int = SOURCE_LIMIT) -> str | None:
        """The decoded text of a file that a person wrote; None for one that is absent, too long, or no text."""
        real = self.real(path)
        data = self.content(real) if real is not None else None
        if (
            data is None
            or len(data) > limit
            or (b"\0" in data[:8000] and not data.startswith((b"\xff\xfe", b"\xfe\xff")))
        ):
            return None
        return decode(data).replace("\r\n", "\n")


class FolderContext(ListedContext):
    """A folder of a repository as the builder would send it. Implements `BuildContext`.

    `folder` and `dockerfile` start from the root of the repository; without `ignore` no ignore file holds. Links lead
    nowhere outside of the repository. A submodule is an empty folder, with which the context is `truncated`.
    """

    def __init__(
        self, repository: Repository, folder: str, dockerfile: str | None = None, *, ignore: bool = True
    ) -> None:
        super().__init__(folder)
        self._repository = repository
        self._dockerfile = dockerfile
        self._ignore = ignore
        if repository.problem:
            self._give_up(repository.problem)

    @cached_property
    def _base(self) -> str | None:
        """Where the folder really is; None if it is none."""
        return self._repository.folder(self.root)

    def _list(self, folder: str, optional: bool) -> Sequence[Entry]:  # noqa: ARG002
        base = self._base
        if base is None:
            self._give_up(f"there is no folder {self.root or '.'}")
            return []
        below = posixpath.join(base, folder) if folder else base
        if self._repository.is_submodule(below) and folder in self._verdicts:
            # Not for one that is ignored, and was only looked at.
            self._give_up(f"{below} is a submodule, which was not fetched")
        skip = len(base) + 1 if base else 0
        found = (one._replace(path=one.path[skip:]) for one in self._repository.listed(below))
        return [one for one in found if self._room(one.path)]

    def _content(self, path: str) -> bytes | None:
        return None if self._base is None else self._repository.content(posixpath.join(self._base, path))

    @property
    def _base_of_ignore_file(self) -> str:
        return self.root or "."

    def _find_ignore_file(self) -> IgnoreFile | None:
        if not self._ignore:
            return None
        try:
            return choose(self.root, self._dockerfile, self._read_in)
        except _UnreadableError as error:
            self._give_up(f"the ignore file cannot be read: {error}")
            return None

    def _read_in(self, folder: str, name: str) -> bytes | None:
        """A file that Docker reads itself: a link counts too, if it leads to somewhere below the folder."""
        base = self._repository.folder(folder)
        path = None if base is None else self._repository.real(posixpath.join(base, name))
        if path is None or (base and not path.startswith(f"{base}/")):
            return None
        data = self._repository.content(path)
        if data is None:
            raise _UnreadableError("it is too large, or what is stored is not the file")
        return data


class _UnreadableError(Exception):
    pass
