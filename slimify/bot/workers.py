"""Workers: each takes a job, and visits the repository in a process of its own, until there is a reason to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import NamedTuple

from slimify.bot.jobs import Job, QueueError, Result, Visit, WorkQueue
from slimify.bot.process import machine_time
from slimify.bot.stopping import Stop
from slimify.bot.visiting import Limits, Running

_log = logging.getLogger(__name__)


class Ending(NamedTuple):
    """A visit that is over, for who counts or shows them."""

    job: Job
    result: Result
    seconds: float


def _nobody(ending: Ending) -> None:
    pass


def work(
    queue: WorkQueue,
    visit: Visit,
    *,
    workers: int,
    stop: Stop,
    limits: Limits | None = None,
    until_empty: bool = False,
    poll: float = 0.5,
    on_end: Callable[[Ending], None] = _nobody,
    preload: tuple[str, ...] = (),
) -> None:
    """Visit what is in the queue, `workers` at once, until asked to stop; with `until_empty`, until nothing is left.

    When asked, no job is begun any more, and those that run get `limits.grace` seconds; when asked again, they get
    none. What did not end in time is put back. A queue that cannot be used is tried again and again: visits go on as
    long as the lease is good, and how they ended is told when it can be.

    `visit` is sent to other processes, so it is a function of a module, or a `functools.partial` of one. `preload`
    names modules that every visit needs, and that need not be loaded by each.
    """
    _Pool(queue, visit, workers, stop, limits or Limits(), until_empty, poll, on_end, preload).run()


class _Pool:
    def __init__(
        self,
        queue: WorkQueue,
        visit: Visit,
        workers: int,
        stop: Stop,
        limits: Limits,
        until_empty: bool,
        poll: float,
        on_end: Callable[[Ending], None],
        preload: tuple[str, ...],
    ) -> None:
        self._queue, self._visit, self._workers, self._stop = queue, visit, workers, stop
        self._limits, self._until_empty, self._poll, self._on_end = limits, until_empty, poll, on_end
        self._preload = preload
        self._running: list[Running] = []
        self._untold: list[Ending] = []
        self._unfinished: list[Job] = []
        # In the time that leases are kept in: it goes on while the machine sleeps.
        self._renewed = machine_time()
        self._stop_at: float | None = None

    def run(self) -> None:
        try:
            while True:
                try:
                    if self._is_over():
                        break
                    self._renew()
                    self._tell()
                    begun = self._begin()
                except QueueError as error:
                    _log.error("%s", error)
                    self._abandon_if_lost()
                    begun = False
                self._wait(0.0 if begun else self._poll)
                self._collect()
        finally:
            self._give_up()

    def _is_over(self) -> bool:
        if self._stop.level == 0:
            if not self._until_empty or self._running or self._untold:
                return False
            counts = self._queue.counts()
            return not counts.waiting and not counts.running
        if self._stop_at is None:
            self._stop_at = time.monotonic() + self._limits.grace
        return not self._running or self._stop.level > 1 or time.monotonic() >= self._stop_at

    def _renew(self) -> None:
        """Renew the lease in time, before anything else: jobs that were lost may be begun by others already."""
        if not self._running or machine_time() < self._renewed + self._queue.lease / 3:
            return
        asked = machine_time()
        held = self._queue.renew()
        self._renewed = asked
        self._abandon([one for one in self._running if one.job.number not in held])

    def _abandon_if_lost(self) -> None:
        if machine_time() > self._renewed + self._queue.lease:
            self._abandon(self._running[:])

    def _abandon(self, lost: list[Running]) -> None:
        for one in lost:
            _log.warning("%s: its lease has run out, and another worker may have it: ended here", one.job.repository)
            one.end()
            self._running.remove(one)

    def _begin(self) -> bool:
        """Begin one visit, if there is one to begin."""
        if self._stop.level or len(self._running) >= self._workers:
            return False
        if not self._running:
            # Nothing was held, so nothing needed to be renewed: the lease begins with what is taken now.
            self._renewed = machine_time()
        job = self._queue.take()
        if job is None:
            return False
        try:
            self._running.append(Running(job, self._visit, self._limits, self._preload))
        except OSError as error:
            _log.error("%s: no process for the visit: %s", job.repository, error)
            self._queue.put_back(job)
            return False
        return True

    def _wait(self, seconds: float) -> None:
        full = len(self._running) >= self._workers
        nearest = min((one.began + self._limits.seconds for one in self._running), default=float("inf"))
        seconds = self._queue.lease / 6 if full and seconds and not self._untold else seconds
        seconds = max(0.0, min(seconds, nearest - time.monotonic()))
        if self._stop_at is not None:
            seconds = max(0.0, min(seconds, self._stop_at - time.monotonic()))
        if self._stop.fileno() in wait([self._stop.fileno(), *(one.wait_for for one in self._running)], seconds):
            self._stop.hear()

    def _collect(self) -> None:
        for one in self._running[:]:
            result = one.result()
            if result is None:
                continue
            self._running.remove(one)
            if self._stop.level and one.crashed:
                # Whoever stops a service may signal all of its processes, and that is no fault of the repository's.
                self._unfinished.append(one.job)
            else:
                self._untold.append(Ending(one.job, result, one.seconds))

    def _tell(self) -> None:
        while self._untold:
            ending = self._untold[0]
            self._queue.finish(ending.job, ending.result)
            del self._untold[0]
            _log.info("%s: %s %s", ending.job.repository, ending.result.ended.value, ending.result.said)
            self._on_end(ending)

    def _give_up(self) -> None:
        """Tell what is known, and put back what is not finished; what cannot be put back is found by the lease."""
        self._collect()
        for one in self._running:
            one.end()
            self._unfinished.append(one.job)
        self._running.clear()
        try:
            self._tell()
            for job in self._unfinished:
                self._queue.put_back(job)
        except QueueError as error:
            _log.error("%s", error)
