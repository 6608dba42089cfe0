"""What everybody on the machine can see of running processes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Seen(NamedTuple):
    """A process. `arguments` and `environment` as the kernel shows them, separated by NULs."""

    number: int
    arguments: bytes
    environment: bytes


def working_on(folder: Path) -> list[Seen]:
    """The processes that have a git directory below a folder."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with suppress(OSError):
                seen = Seen(int(place.name), (place / "cmdline").read_bytes(), (place / "environ").read_bytes())
                if b"GIT_DIR=" + bytes(folder) in seen.environment and seen.arguments:
                    found.append(seen)
    return found
