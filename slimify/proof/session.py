"""What a proof makes, and that it is gone afterwards: also after an interruption, and after a crash at the next start.

Images are named `slimify-proof:ID-…`, containers `slimify-proof-ID-…`, and files lie in one folder below the temporary
folder that is named after the ID. The ID begins with the number of the process, so that a later one can tell what
nobody uses any more; it begins otherwise where everything is to be kept.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from slimify.proof import processes
from slimify.proof.engine import Engine, EngineError, note_of

REPOSITORY = "slimify-proof"
_PREFIX = f"{REPOSITORY}-"
_OWNER = re.compile(r"p(\d+)s\d+x[0-9a-f]+")


class Session:
    """Names for what is made, and a folder for files."""

    def __init__(self, identity: str, folder: str) -> None:
        self.identity = identity
        self.folder = folder

    def image(self, role: str) -> str:
        """A name for an image."""
        return f"{REPOSITORY}:{self.identity}-{role}"

    def container(self, role: str) -> str:
        """A name for a container."""
        return f"{_PREFIX}{self.identity}-{role}"

    def path(self, *parts: str) -> str:
        """A path in the folder, which is made."""
        path = os.path.join(self.folder, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path


@contextlib.contextmanager
def session(engine: Engine, keep: bool = False) -> Iterator[Session]:
    """Names for one proof. With its end everything that carries them is removed, unless it is to be kept.

    What earlier proofs left whose process is gone, and which were not to keep it, is removed at the start. SIGTERM ends
    it like Ctrl-C.
    """
    clear_leftovers(engine)
    number = os.getpid()
    identity = f"{'k' if keep else 'p'}{number}s{processes.started(number)}x{secrets.token_hex(3)}"
    folder = os.path.realpath(os.path.join(tempfile.gettempdir(), f"{_PREFIX}{identity}"))
    os.mkdir(folder, 0o700)
    before = _handle_term()
    try:
        yield Session(identity, folder)
    finally:
        if not keep:
            _clear(engine, identity)
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def clear_leftovers(engine: Engine) -> list[str]:
    """Remove what proofs left behind whose processes are gone; their IDs."""
    found = set()
    names = [*engine.images(REPOSITORY), *engine.containers(_PREFIX)]
    with contextlib.suppress(OSError):
        names += [one for one in os.listdir(tempfile.gettempdir()) if one.startswith(_PREFIX)]
    for name in names:
        match = _OWNER.search(name)
        if match and not _alive(match[0]):
            found.add(match[0])
    for identity in found:
        _clear(engine, identity)
    return sorted(found)


def _clear(engine: Engine, identity: str) -> None:
    folder = os.path.join(tempfile.gettempdir(), f"{_PREFIX}{identity}")
    # A build whose session was killed goes on by itself, and would name its image after this.
    for path in glob.glob(note_of(os.path.join(glob.escape(folder), "**", "*")), recursive=True):
        processes.end(path)
    with contextlib.suppress(EngineError):
        for container in engine.containers(f"{_PREFIX}{identity}"):
            engine.remove_container(container)
    with contextlib.suppress(EngineError):
        for image in engine.images(REPOSITORY):
            if image.startswith(f"{REPOSITORY}:{identity}") or f"/{REPOSITORY}:{identity}" in image:
                engine.remove_image(image)
    for log in sorted(glob.glob(os.path.join(glob.escape(folder), "**", "*log"), recursive=True)):
        with contextlib.suppress(OSError), open(log, encoding="utf-8", errors="replace") as file:
            # The last one first: an image is not removed while another one is built on it.
            for step in reversed(engine.steps(file.read())):
                engine.remove_image(step)
    shutil.rmtree(folder, ignore_errors=True)


def _alive(identity: str) -> bool:
    number, _, start = identity[1:].partition("x")[0].partition("s")
    return processes.alive(int(number), int(start))


def _handle_term() -> Callable[[int, FrameType | None], Any] | int | None:
    if threading.current_thread() is not threading.main_thread():
        return None

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    return signal.signal(signal.SIGTERM, stop)
