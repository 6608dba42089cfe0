"""Visits for the tests, and programs that tests kill. Run as `python -m tests.bot.queue.visits`."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from slimify.bot.jobs import Ended, Job, Result, WorkQueue
from slimify.bot.queue_sqlite import SqliteQueue
from slimify.bot.stopping import stopping_on_signals
from slimify.bot.workers import work


def open_queue(place: str, **options: Any) -> WorkQueue:
    if place.startswith("host="):
        from slimify.bot.queue_postgres import PostgresQueue

        return PostgresQueue(place, **options)
    return SqliteQueue(Path(place), **options)


def note(folder: Path, what: str, job: Job) -> None:
    """Append a line, which is one write(2), so that lines of several processes do not mix."""
    with (folder / "log").open("ab", buffering=0) as log:
        log.write(f"{what} {job.repository} {os.getpid()} {time.monotonic()}\n".encode())


def noted(folder: Path, what: str) -> list[str]:
    log = folder / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split()[1] for line in lines if line.split()[0] == what]


def overlaps(folder: Path) -> list[str]:
    """The repositories that were visited by two processes that were alive at the same time, both unto the end."""
    spans: dict[str, list[tuple[float, float]]] = {}
    began: dict[tuple[str, str], float] = {}
    for line in (folder / "log").read_text().splitlines():
        what, repository, process, at = line.split()
        if what == "begin":
            began[repository, process] = float(at)
        elif what == "end":
            spans.setdefault(repository, []).append((began[repository, process], float(at)))
    return [
        name
        for name, times in spans.items()
        if any(later[0] < earlier[1] for earlier, later in zip(sorted(times), sorted(times)[1:], strict=False))
    ]


def visit(folder: Path, seconds: float, job: Job) -> Result:
    note(folder, "begin", job)
    time.sleep(seconds)
    note(folder, "end", job)
    return Result(Ended.DONE, "visited", pull_requests=("opened",))


def misbehave(folder: Path, job: Job) -> Result:
    """What the name of the repository says."""
    note(folder, "begin", job)
    what = job.repository.partition("/")[2]
    if what == "raises":
        raise ValueError("a secret: hunter2")
    if what == "later":
        return Result(Ended.LATER, "rate limit", 3600.0)
    if what == "babbles":
        return Result(Ended.DONE, "x" * (4 << 20))
    if what == "shouts":
        return Result(Ended.DONE, "x", None, ("opened",) * (1 << 20))
    if what == "hangs":
        # In C, with the lock of the interpreter held: neither a thread nor a signal handler of Python's gets a turn.
        re.match(r"(a+)+$", "a" * 64 + "b")
    if what == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "exits":
        os._exit(3)
    if what == "eats":
        return Result(Ended.DONE, str(len(bytearray(8 << 30))))
    if what == "leaves":
        child = subprocess.Popen(["sleep", "1000"])
        (folder / "child").write_text(str(child.pid))
        (Path(os.environ["TMPDIR"]) / "clone").mkdir()
        (folder / "tmp").write_text(os.environ["TMPDIR"])
    return Result(Ended.DONE)


def main() -> None:
    """Work on a queue: PLACE FOLDER WORKERS SECONDS LEASE [VISIT]."""
    place, folder, workers, seconds, lease, *which = sys.argv[1:]
    chosen = (
        functools.partial(misbehave, Path(folder)) if which else functools.partial(visit, Path(folder), float(seconds))
    )
    queue = open_queue(place, lease=float(lease))
    with stopping_on_signals() as stop:
        work(queue, chosen, workers=int(workers), stop=stop, poll=0.05)
    queue.close()


if __name__ == "__main__":
    main()
