"""One visit in a process of its own: repositories are hostile, so it may hang, crash, or eat all memory.

The process gets a session of its own, and all that it started ends with it, however it ends: its process group is
killed. It ends also when whoever started it ends, even by SIGKILL: the kernel sees to that on Linux
(PR_SET_PDEATHSIG, prctl(2)), also while C code hangs, and everywhere a thread that waits for the pipe to close does.
"""

from __future__ import annotations

import contextlib
import functools
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from slimify.bot.jobs import Ended, Job, Result, Visit

_MAX_ANSWER = 1 << 20
# A line for the log. A repository has a say in it, and a character may take six bytes.
_MOST_SAID = 4000


class Limits(NamedTuple):
    """What one visit may use: seconds of wall time, bytes of address space for each of its processes (RLIMIT_AS,
    getrlimit(2)). `grace` is how many seconds a graceful stop waits for visits that run.
    """

    seconds: float = 900.0
    memory: int = 4 << 30
    grace: float = 30.0


class Running:
    """A visit that was begun. `crashed` says that its process ended by itself, without an answer."""

    def __init__(self, job: Job, visit: Visit, limits: Limits, preload: tuple[str, ...] = ()) -> None:
        """Begin one. `preload` are modules that all visits need. Raises `OSError` if there is no process for it."""
        self.job = job
        self.began = time.monotonic()
        self.crashed = False
        self._limits = limits
        # What a killed visit leaves behind, clones for the most part, lies here, and goes when it ends.
        self._folder = tempfile.mkdtemp(prefix="slimify-visit-")
        context = _context((_module_of(visit), *preload))
        try:
            self._answer, theirs = context.Pipe()
            with theirs:
                self._process = context.Process(
                    target=_be, args=(theirs, visit, job, limits, self._folder), name=job.repository
                )
                try:
                    self._process.start()
                except BaseException:
                    self._answer.close()
                    raise
        except EOFError:
            # The fork server could not fork, which was its end; the next visit gets another.
            shutil.rmtree(self._folder, ignore_errors=True)
            raise OSError("the system gives no process") from None
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    @property
    def wait_for(self) -> Connection:
        """What becomes readable when there is an answer, or the process has ended."""
        return self._answer

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self.began

    def result(self) -> Result | None:
        """What came of it, after which nothing of it is left; None as long as it runs."""
        if self.seconds > self._limits.seconds:
            self.end()
            return Result(Ended.FAILED, f"took longer than {self._limits.seconds:g} s, and was ended")
        if not self._answer.poll():
            return None
        try:
            ended, said, wait, pull_requests = json.loads(self._answer.recv_bytes(_MAX_ANSWER))
            result = Result(Ended(ended), said, wait, tuple(pull_requests))
        except (EOFError, ConnectionError):
            self.crashed = True
            self._process.join()
            code = self._process.exitcode or 0
            name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            result = Result(Ended.FAILED, f"its process ended without an answer: {name}")
        except OSError:  # more than any answer is
            result = Result(Ended.FAILED, "its process gave an answer that is none")
        self.end()
        return result

    def end(self) -> None:
        """End the visit at once, with all that it started."""
        if self._process.pid is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                # It has ended already, or has not come as far as to have a group.
                self._process.kill()
        self._process.join()
        self._process.close()
        self._answer.close()
        shutil.rmtree(self._folder, ignore_errors=True)


@functools.cache
def _context(preload: tuple[str, ...]) -> multiprocessing.context.ForkServerContext:
    # Not a plain fork: who runs workers may have threads, and their locks would be copied as they are.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["slimify.bot.visiting", *preload])
    return context


def _module_of(visit: Visit) -> str:
    function = visit.func if isinstance(visit, functools.partial) else visit
    return str(getattr(function, "__module__", __name__))


def _be(answer: Connection, visit: Visit, job: Job, limits: Limits, folder: str) -> None:
    """The whole life of the process of a visit."""
    os.setsid()
    # Among them the pipe by which the fork server sees that nobody needs it: it would outlive who started it, and this
    # process with it.
    os.closerange(3, answer.fileno())
    os.closerange(answer.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    _end_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    memory = limits.memory if hard == resource.RLIM_INFINITY else min(limits.memory, hard)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    threading.Thread(target=_end_with_pipe, args=(answer,), daemon=True).start()
    result = _outcome(visit, job)
    said = result.said[:_MOST_SAID]
    answer.send_bytes(json.dumps([result.ended.value, said, result.wait, result.pull_requests]).encode())
    # As long as this process is there its group is, and the group is killed by its number.
    while True:
        signal.pause()


def _outcome(visit: Visit, job: Job) -> Result:
    try:
        return visit(job)
    except BaseException as error:
        # The message might hold a secret, such as an address with a token in it.
        return Result(Ended.FAILED, f"{type(error).__name__} at {_place(error)}")


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"


def _end_with_pipe(answer: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        # Nobody ever writes to it: it only becomes readable when the other end is closed.
        answer.poll(None)
    os.killpg(0, signal.SIGKILL)


def _end_with_parent() -> None:
    if sys.platform != "linux":
        return
    import ctypes

    pr_set_pdeathsig = 1  # linux/prctl.h
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
