"""Work that outlives a process: one repository to visit is one job."""

from __future__ import annotations

import enum
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol


class QueueError(Exception):
    """The queue cannot be used: its disk is full, its database locked, of another version, or out of reach."""


class Job(NamedTuple):
    """A repository to visit. `forge` names one of the operator's forges, `why` what brought the job about.

    `attempt` counts from 1. `number` names the job in its queue.
    """

    forge: str
    repository: str
    why: str = ""
    attempt: int = 1
    number: int = 0


class Ended(enum.Enum):
    """How a visit ended."""

    DONE = "done"
    LATER = "later"
    FAILED = "failed"


class Result(NamedTuple):
    """What came of a visit. `wait` is how many seconds from now it may be tried again, None for what back-off says.

    `said` is a line for the log, without secrets. `pull_requests` says what was done to pull requests, once for each:
    `opened`, `refreshed` or `closed`.
    """

    ended: Ended
    said: str = ""
    wait: float | None = None
    pull_requests: tuple[str, ...] = ()


Visit = Callable[[Job], Result]
"""What a worker does with a job. What it raises counts as `Ended.FAILED`, and is tried again."""


class Counts(NamedTuple):
    """How many jobs there are of each kind."""

    waiting: int
    running: int
    dead: int


class Queue(Protocol):
    """A queue that survives every process that uses it. At most one job of a repository runs at a time.

    A repository that waits already is not put in twice; one that runs is visited once more afterwards.
    """

    def put(self, job: Job, delay: float = 0.0) -> bool:
        """Put a job in, to begin in `delay` seconds; False if the repository waits already."""
        ...

    def counts(self) -> Counts: ...


class DeadJob(NamedTuple):
    """A job that failed too often, and is tried no more unless it is revived or put in anew."""

    job: Job
    said: str


class WorkQueue(Queue, Protocol):
    """What workers and servers ask of a queue. Every method raises `QueueError`, and may be called in any thread.

    Whoever takes jobs holds them by a lease of `lease` seconds, and renews it: otherwise they are somebody else's. A
    visit may therefore happen twice, once by a worker that died in the middle of it, so a visit is to be idempotent:
    it looks at what there is on the forge before it does anything.
    """

    lease: float

    def accept(self, delivery: str, jobs: Sequence[Job]) -> bool:
        """Put jobs in on account of a delivery; False, and nothing is put in, if the delivery was accepted before."""
        ...

    def take(self) -> Job | None:
        """The job that has been due for longest, which is now held; None if none is due."""
        ...

    def renew(self) -> frozenset[int]:
        """Renew the lease, and return the numbers of the jobs that are still held."""
        ...

    def finish(self, job: Job, result: Result) -> None:
        """Say how the visit ended. Nothing happens if the job is no longer held."""
        ...

    def put_back(self, job: Job) -> None:
        """Give a job up without having tried: it is due again at once."""
        ...

    def dead(self) -> Sequence[DeadJob]: ...

    def revive(self, number: int) -> bool:
        """Let a dead job wait again, as if it had never failed; False if there is none of this number."""
        ...

    def check(self) -> None:
        """Raise `QueueError` if nothing can be written."""
        ...

    def close(self) -> None:
        """Let go of everything. Jobs that are still held are somebody else's once the lease has run out."""
        ...


LONGEST_DELAY = 7 * 24 * 3600.0
"""No job waits for longer, whatever is asked. A time further off than that comes from a clock that was wrong."""


class Retries(NamedTuple):
    """When a visit is tried again. After `attempts` failures the job is dead."""

    attempts: int = 5
    first: float = 60.0
    longest: float = 6 * 3600.0

    def pause(self, tries: int) -> float:
        """Seconds until the next try: doubled each time, and shortened by chance, by half at most, so that jobs that
        failed together do not come back together. Source: "equal jitter" in Exponential Backoff And Jitter, AWS
        Architecture Blog.
        """
        whole = min(self.longest, self.first * 2.0 ** min(tries - 1, 60))
        return whole * random.uniform(0.5, 1.0)

    def delay(self, result: Result, attempt: int) -> float:
        """Seconds until the next try after such a result."""
        return min(LONGEST_DELAY, self.pause(attempt) if result.wait is None else max(0.0, result.wait))


def both(first: str, second: str) -> str:
    """Two reasons as one, for two jobs that became one."""
    known = first.split(", ") if first else []
    return first if second in known or len(first) > 200 else ", ".join([*known, second])
