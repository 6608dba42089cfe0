"""How many pull requests one run may open, counted by all processes that share in it."""

from __future__ import annotations

import os


class Allowance:
    """A file that grows by a byte for each one taken: appending is atomic, and tells where the byte has landed."""

    def __init__(self, path: str, most: int) -> None:
        self._path = path
        self._most = most

    @property
    def left(self) -> bool:
        """Whether there may be one more."""
        try:
            return os.stat(self._path).st_size < self._most
        except FileNotFoundError:
            return self._most > 0

    def take(self) -> bool:
        """Take one, and say whether there was one."""
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, b".")
            return os.lseek(descriptor, 0, os.SEEK_CUR) <= self._most
        finally:
            os.close(descriptor)
