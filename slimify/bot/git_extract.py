"""Writing a commit's tree to a disk, for a proof: by our own hand, as git would bring attributes and filters to it.

Each step down is taken by a descriptor that follows no link, so that nothing is written outside of the folder,
whatever the tree says and whatever the file system takes for the same name.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from slimify.bot.git_errors import GitError, TooLargeError
from slimify.bot.git_objects import LINK, SUBMODULE, TreeEntry
from slimify.bot.names import is_entry_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slimify.bot.git import Clone

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def extract(clone: Clone, folder: str, context: str = "") -> None:
    """Write what a folder of the commit holds below `folder`, each at its path from the root of the repository.

    `folder` is there, and empty. Files have the modes 644 and 755, links are links, a submodule is an empty folder. Of
    a file of Git LFS there is the pointer. Raises `TooLargeError`, with nothing written, if it is more than the limits
    allow, and `GitError` where the file system refuses.
    """
    prefix = f"{context}/" if context else ""
    entries = [entry for entry in clone.entries() if entry.path.startswith(prefix)]
    size = sum(entry.size for entry in entries)
    if size > clone.limits.extracted_bytes:
        raise TooLargeError(f"the files have {size} bytes, and {clone.limits.extracted_bytes} are allowed")
    try:
        root = os.open(folder, _FOLDER)
        try:
            for entry in entries:
                _write(clone, root, entry)
        finally:
            os.close(root)
    except (OSError, ValueError) as error:
        raise GitError(f"the tree cannot be written: {getattr(error, 'strerror', None) or error}") from None


def _write(clone: Clone, root: int, entry: TreeEntry) -> None:
    *folders, name = entry.path.split("/")
    if not all(map(is_entry_name, (*folders, name))):
        raise GitError("the tree has an entry that no tree may have")
    with _opened(root, folders) as parent:
        raw = os.fsencode(name)
        if entry.mode == SUBMODULE:
            os.mkdir(raw, 0o755, dir_fd=parent)
        elif entry.mode == LINK:
            os.symlink(clone.folders.target(entry), raw, dir_fd=parent)
        else:
            descriptor = os.open(raw, _FILE, 0o600, dir_fd=parent)
            with open(descriptor, "wb") as file:
                for chunk in clone.chunks(entry):
                    file.write(chunk)
                os.fchmod(descriptor, int(entry.mode[-3:], 8))


@contextmanager
def _opened(root: int, folders: list[str]) -> Iterator[int]:
    """A descriptor for a folder below `root`, which is made if it is not there."""
    descriptor = os.dup(root)
    try:
        for name in folders:
            raw = os.fsencode(name)
            try:
                os.mkdir(raw, 0o755, dir_fd=descriptor)
                made = True
            except FileExistsError:
                made = False
            step = os.open(raw, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = step
            if made:
                os.fchmod(descriptor, 0o755)  # as a checkout has it, whatever our mask says
        yield descriptor
    finally:
        os.close(descriptor)
