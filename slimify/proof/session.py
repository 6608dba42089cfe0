"""What a proof makes, and that it is gone afterwards: also after an interruption, and after a crash at the next start.

Images are named `slimify-proof:ID-…`, containers `slimify-proof-ID-…`, and files lie in one folder below the temporary
folder that is named after the ID. The ID begins with the number of the process, so that a later one can tell what
nobody uses any more; it begins otherwise where everything is to be kept. Processes have these numbers only where they
run: of what comes from another container or machine, which the same engine serves, only the age can be told.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import platform
import re
import secrets
import shutil
import signal
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from slimify.proof import processes
from slimify.proof.engine import Engine, EngineError, note_of

REPOSITORY = "slimify-proof"
_PREFIX = f"{REPOSITORY}-"
_OWNER = re.compile(
    r"p(?P<number>\d+)s(?P<start>\d+)h(?P<here>[0-9a-f]{8})t(?P<time>[0-9a-f]+)x[0-9a-f]{6}(?![0-9a-f])"
)
# No proof takes as long as that.
_OLD = 48 * 3600
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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

    What earlier proofs left whose process is gone, and which were not to keep it, is removed at the start. SIGTERM and
    SIGHUP end it like Ctrl-C; what is being removed then is removed all the same.
    """
    clear_leftovers(engine)
    number = os.getpid()
    owner = f"{number}s{processes.started(number)}h{_here()}t{int(time.time()):x}"
    identity = f"{'k' if keep else 'p'}{owner}x{secrets.token_hex(3)}"
    folder = os.path.realpath(os.path.join(tempfile.gettempdir(), f"{_PREFIX}{identity}"))
    os.mkdir(folder, 0o700)
    with _signals(_stop, (signal.SIGTERM, signal.SIGHUP)):
        try:
            yield Session(identity, folder)
        finally:
            if not keep:
                with _signals(signal.SIG_IGN, _ENDING):
                    _clear(engine, identity)


def clear_leftovers(engine: Engine) -> list[str]:
    """Remove what proofs left behind whose processes are gone; their IDs."""
    found = set()
    names = [*engine.images(REPOSITORY), *engine.containers(_PREFIX)]
    with contextlib.suppress(OSError):
        names += [one for one in os.listdir(tempfile.gettempdir()) if one.startswith(_PREFIX)]
    for name in names:
        match = _OWNER.search(name)
        if match and not _alive(match):
            found.add(match[0])
    for identity in found:
        _clear(engine, identity)
    return sorted(found)


def _clear(engine: Engine, identity: str) -> None:
    folder = os.path.join(tempfile.gettempdir(), f"{_PREFIX}{identity}")
    if _is_ours(folder):
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
    if _is_ours(folder):
        for log in glob.glob(os.path.join(glob.escape(folder), "**", "*log"), recursive=True):
            engine.remove_made(log)
        shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: str) -> bool:
    """Whether a folder is one that `session` made: everybody may make one of such a name in the temporary folder."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _alive(owner: re.Match[str]) -> bool:
    if owner["here"] == _here():
        return processes.alive(int(owner["number"]), int(owner["start"]))
    return time.time() - int(owner["time"], 16) < _OLD


def _here() -> str:
    """Where the numbers of processes are these: the machine since it was started, and the container (namespaces(7))."""
    known = [platform.node()]
    with contextlib.suppress(OSError):
        known.append(os.readlink("/proc/self/ns/pid"))
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            known.append(file.read())
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:8]


@contextlib.contextmanager
def _signals(handler: Any, numbers: tuple[signal.Signals, ...]) -> Iterator[None]:
    """Handle signals in this way for a while; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
