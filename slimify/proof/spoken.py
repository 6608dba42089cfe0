"""Running a command whose output may have no end: what is kept of it is bounded, and all of it is read."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, NamedTuple

# What is kept of each stream. No report and no comparison needs more, and a program may write without an end.
KEPT = 4 * 10**6
_PIECE = 1 << 16
# How long the rest of an output may take to arrive when the command has ended.
_LAST_WORDS = 5.0


class Ran(NamedTuple):
    """A command that was run: its exit status, None where it was stopped, and what it wrote."""

    status: int | None
    output: str
    errors: str


class Kept:
    """The beginning of a stream; of what follows the number of bytes and a sum, so that no part goes unnoticed."""

    def __init__(self, bound: int = KEPT) -> None:
        self._bound = bound
        self._kept = bytearray()
        self._more = 0
        self._sum = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        """What was read next."""
        room = self._bound - len(self._kept)
        self._kept += piece[:room]
        if len(piece) > room:
            self._more += len(piece) - room
            self._sum.update(piece[room:])

    def text(self) -> str:
        """What is known of the stream."""
        text = self._kept.decode("utf-8", "replace")
        return f"{text}\n[{self._more} bytes more, SHA-256 {self._sum.hexdigest()}]" if self._more else text


def run(command: Sequence[str], timeout: float | None) -> Ran:
    """Run a command to its end, or until the time is over. Raises `OSError` where it cannot be started."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    streams = (process.stdout, Kept()), (process.stderr, Kept())
    readers = [threading.Thread(target=_read, args=one, daemon=True) for one in streams]
    for reader in readers:
        reader.start()
    try:
        status: int | None = process.wait(timeout)
    except subprocess.TimeoutExpired:
        status = None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for reader in readers:
            # A process that it left behind may hold the other end of the pipe open.
            reader.join(_LAST_WORDS)
    return Ran(status, streams[0][1].text(), streams[1][1].text())


def _read(stream: IO[bytes], kept: Kept) -> None:
    # `read1` of a pipe gives what is there, `read` would wait for all of it.
    # It is closed here, since closing it elsewhere would wait for a read that never ends.
    with stream:
        while piece := stream.read1(_PIECE):  # type: ignore[attr-defined]
            kept.add(piece)
