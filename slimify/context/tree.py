"""The build context as a folder on this machine. Nothing in it is run, and no link leads out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress

from slimify.context.dockerignore import IgnoreFile, choose
from slimify.context.listing import MAX_READ, ListedContext
from slimify.semantics.build_context import Entry, Kind


def open_context(root: str, dockerfile: str | None = None) -> Tree:
    """The build context `root`, for the Dockerfile at the path `dockerfile` if it is known.

    Both are paths as the user writes them, from the current folder. Nothing is looked at yet: if
    there is no such folder the context is empty and `truncated`.
    """
    return Tree(root, dockerfile)


class Tree(ListedContext):
    """A folder as Docker would send it. Implements `BuildContext`."""

    def __init__(self, root: str, dockerfile: str | None = None) -> None:
        super().__init__(root)
        self._dockerfile = dockerfile
        # Held on to, should somebody change the current folder between two questions.
        self._base = os.path.abspath(root)

    def _find_ignore_file(self) -> IgnoreFile | None:
        try:
            return choose(self._root, self._dockerfile, _read_in)
        except OSError as error:
            self._give_up(f"the ignore file cannot be read: {_why(error)}")
            return None

    def _list(self, folder: str, optional: bool) -> Sequence[Entry]:
        found: list[Entry] = []
        prefix = f"{folder}/" if folder else ""
        try:
            with os.scandir(os.path.join(self._base, folder) if folder else self._base) as scan:
                for item in scan:
                    path = prefix + item.name
                    if not self._room(path):
                        break
                    with suppress(FileNotFoundError):  # it was there a moment ago
                        found.append(_entry(item, path))
        except FileNotFoundError:
            if not folder:
                self._give_up(f"there is no folder {self._root}")
        except OSError as error:
            # The builder shrugs off what it may not look into only where it is ignored.
            if not (optional and isinstance(error, PermissionError)):
                name = os.path.join(self._root, folder) if folder else self._root
                self._give_up(f"{name} cannot be listed: {_why(error)}")
        return found

    def _content(self, path: str) -> bytes | None:
        return _read_below(self._base, path)


def _entry(item: os.DirEntry[str], path: str) -> Entry:
    status = item.stat(follow_symlinks=False)
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return Entry(path, Kind.FILE, status.st_size, mode & 0o7777)
    if stat.S_ISDIR(mode):
        return Entry(path, Kind.FOLDER, 0, mode & 0o7777)
    if stat.S_ISLNK(mode):
        return Entry(path, Kind.LINK, 0, mode & 0o7777, os.readlink(item.path))
    return Entry(path, Kind.OTHER, 0, mode & 0o7777)


def _read_in(folder: str, name: str) -> bytes | None:
    """A file that Docker reads itself: a link counts too, if it leads to somewhere below the folder.

    None if there is no such file. Raises `OSError` if there is one that cannot be read.
    """
    root = os.path.realpath(folder or ".")
    try:
        path = os.path.relpath(os.path.realpath(os.path.join(root, name)), root)
        if path == ".." or path.startswith("../") or not stat.S_ISREG(os.lstat(os.path.join(root, path)).st_mode):
            return None
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    data = _read_below(root, path)
    if data is None:
        raise OSError("no permission, or too large")
    return data


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _read_below(base: str, path: str) -> bytes | None:
    """The regular file at `path` below `base`; no link is followed, even one put there this moment."""
    try:
        descriptor = _opened(base, path)
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_READ:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(status.st_size)  # should it have grown since, as it was
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _opened(base: str, path: str) -> int:
    """A descriptor for `path`, opened step by step. A FIFO does not block it."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    *folders, name = path.split("/")
    descriptor = os.open(base, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        for folder in folders:
            step = os.open(folder, flags | os.O_DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = step
        return os.open(name, flags | os.O_NONBLOCK, dir_fd=descriptor)
    finally:
        os.close(descriptor)
