"""Work that outlives a process: one repository to visit is one job."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NamedTuple, Protocol


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

    `said` is a line for the log, without secrets.
    """

    ended: Ended
    said: str = ""
    wait: float | None = None


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
