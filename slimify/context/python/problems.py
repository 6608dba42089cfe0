"""What a reader could not understand."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """Something in a file that was not understood, so that what the reader says may not be all. Line 0 is the file."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"
