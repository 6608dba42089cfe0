"""How many jobs a second the bot's queue carries, with visits that do nothing: `python scripts/bench_bot_queue.py`.

`queue` is the queue alone: put, take, finish, in one thread for each worker. `visits` starts a process for each job.
With an address of PostgreSQL (`host=… dbname=…`, whose tables are made and whose jobs are done) it is measured as well.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from slimify.bot.jobs import Ended, Job, Result, WorkQueue
from slimify.bot.queue_sqlite import SqliteQueue
from slimify.bot.stopping import Stop
from slimify.bot.workers import work


def nothing(_job: Job) -> Result:
    return Result(Ended.DONE)


def queue_alone(opened: Callable[[], WorkQueue], workers: int, jobs: int) -> tuple[float, float]:
    """Seconds to put all jobs in, and seconds to take and finish them."""
    queues = [opened() for _ in range(workers)]
    began = time.perf_counter()
    for number in range(jobs):
        queues[0].put(Job("bench", f"acme/{number}"))
    put = time.perf_counter()

    def drain(queue: WorkQueue) -> None:
        while (job := queue.take()) is not None:
            queue.finish(job, Result(Ended.DONE))

    threads = [threading.Thread(target=drain, args=(queue,)) for queue in queues]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = time.perf_counter()
    for queue in queues:
        queue.close()
    return put - began, ended - put


def visits(opened: Callable[[], WorkQueue], workers: int, jobs: int) -> float:
    """Seconds to visit all jobs, each in a process."""
    queue = opened()
    for number in range(jobs):
        queue.put(Job("bench", f"acme/{number}"))
    began = time.perf_counter()
    work(queue, nothing, workers=workers, stop=Stop(), until_empty=True)
    ended = time.perf_counter()
    queue.close()
    return ended - began


def measure(name: str, opened: Callable[[], WorkQueue], jobs: int) -> None:
    for workers in (1, 2, 4):
        put, taken = queue_alone(opened, workers, jobs)
        visited = visits(opened, workers, jobs)
        rates = f"put {jobs / put:7.0f}   take and finish {jobs / taken:7.0f}   visits {jobs / visited:7.1f}"
        print(f"{name:9} {workers} workers: jobs/s  {rates}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--postgres", metavar="ADDRESS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure("sqlite", lambda: SqliteQueue(Path(folder) / "queue.sqlite3"), options.jobs)
    if options.postgres:
        from slimify.bot.queue_postgres import PostgresQueue

        measure("postgres", lambda: PostgresQueue(options.postgres), options.jobs)


if __name__ == "__main__":
    main()
