"""A queue in PostgreSQL, for any number of machines, kept by procrastinate.

What was read, in the sources of procrastinate 3.10, PgQueuer 1.6, Chancy 0.26 and pq 1.9, and why procrastinate:

- One repository at a time, and one more visit if it was asked for meanwhile, needs two rules: at most one running, and
  at most one waiting. procrastinate has just these as unique indexes, `lock` and `queueing_lock`. PgQueuer's
  `dedupe_key` and Chancy's `unique_key` are one rule over both states, so what is put in while the repository is
  visited would be refused, and a push be missed; neither keeps two jobs of one key from running at once otherwise. pq
  has no keys.
- A dead worker: all but pq have heartbeats in the database, so that a lost connection alone kills no visit, and a
  machine that is gone is noticed. PgQueuer and Chancy take over by themselves. procrastinate only tells which jobs are
  stalled, and its own worker does not even ask; what becomes of them is decided here. pq marks what it hands out, and
  nobody looks after it, unless a transaction is held for as long as the job runs.
- procrastinate's own retry turns a running job into a waiting one, which the index refuses if the repository waits
  already; its worker then leaves the job running for good. And it keeps the number, so a worker that was thought dead
  could end what another one has begun. So neither its worker nor its retry is used here: the next try is put in as a
  new job before the old one is deleted. If the second step is lost, there is a job too many, never one too few, and
  the index makes one of the two.

Leases are in the time of the database server alone, wherever workers run. If its clock is set forward by more than a
lease, workers are thought dead that are not: they notice when they renew, and end what they are at. When a job that has
to wait is due comes from the clock of who puts it in. Everybody who shares a queue needs the same `lease`.

Other than in SQLite, a job that waits keeps its time and its reason when the repository is put in once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, TypeVar

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ProcrastinateException
from procrastinate.jobs import Job as Row
from procrastinate.jobs import Status

from slimify.bot.jobs import LONGEST_DELAY, Counts, DeadJob, Ended, Job, QueueError, Result, Retries

_T = TypeVar("_T")

_QUEUE = "slimify"
_DEAD = "slimify-dead"
_TASK = "visit"
# Any number, as long as it is always the same: who makes tables, or decides about jobs of others, does it alone.
_TURN = 0x736C6D51
_DELIVERIES = 100_000
_TABLE = """
CREATE TABLE IF NOT EXISTS slimify_deliveries (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE
)
"""
# No statement takes long, so one that does waits for a database that is not there.
_PATIENCE = 30.0

# It says of each job and each reconnection what the workers say themselves, or nobody needs.
logging.getLogger("procrastinate").setLevel(logging.WARNING)


class PostgresQueue:
    """A `WorkQueue` in a database, whose tables are made if they are not there.

    `address` is a connection string of libpq's; a password is better left to PGPASSWORD or a password file.
    """

    def __init__(self, address: str, *, retries: Retries | None = None, lease: float = 30.0) -> None:
        self.lease = lease
        self._address = address
        self._retries = retries or Retries()
        self._worker: int | None = None
        self._renewed = self._looked = float("-inf")
        self._held: dict[int, Row] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slimify-postgres", daemon=True)
        self._thread.start()
        # `timeout` is for a connection out of the pool.
        self._app = App(connector=PsycopgConnector(conninfo=address, min_size=1, max_size=4, timeout=5.0))
        self._jobs = self._app.job_manager
        try:
            self._do(self._open())
        except BaseException:
            self.close()
            raise

    async def _open(self) -> None:
        async with self._turn() as connection:
            there = await (await connection.execute("SELECT to_regclass('procrastinate_jobs')")).fetchone()
            await self._app.open_async()
            if there == (None,):
                await self._app.schema_manager.apply_schema_async()
            function = await connection.execute("SELECT to_regproc('procrastinate_fetch_job_v2')")
            if await function.fetchone() == (None,):
                raise QueueError("the queue in PostgreSQL is of another version of procrastinate: see its migrations")
            await connection.execute(_TABLE)

    def put(self, job: Job, delay: float = 0.0) -> bool:
        return self._do(self._put(job, delay))

    async def _put(self, job: Job, delay: float, connection: psycopg.AsyncConnection[Any] | None = None) -> bool:
        dead = await self._dead_of(_key(job))
        # Something is new, so one that is dead gets one more chance: it is dead again at once if it fails again.
        failures = self._retries.attempts - 1 if dead else 0
        new = await self._defer(_row(job._replace(attempt=1), failures, delay), connection)
        for row in dead:
            await self._jobs.cancel_job_by_id_async(_number(row), delete_job=True)
        return new

    async def _defer(self, row: Row, connection: psycopg.AsyncConnection[Any] | None = None) -> bool:
        try:
            # A statement that fails ends the transaction it is in, unless it is in one of its own within.
            async with contextlib.nullcontext() if connection is None else connection.transaction():
                await self._jobs.defer_job_async(row, connection=connection)
        except AlreadyEnqueued:
            return False
        return True

    async def _dead_of(self, key: str) -> list[Row]:
        return list(await self._jobs.list_jobs_async(queue=_DEAD, queueing_lock=f"dead {key}", status="todo"))

    def accept(self, delivery: str, jobs: Sequence[Job]) -> bool:
        return self._do(self._accept(delivery, jobs))

    async def _accept(self, delivery: str, jobs: Sequence[Job]) -> bool:
        async with self._pool_connection() as connection:
            new = await connection.execute(
                "INSERT INTO slimify_deliveries (name) VALUES (%s) ON CONFLICT DO NOTHING RETURNING number", (delivery,)
            )
            number = await new.fetchone()
            if number is None:
                return False
            await connection.execute("DELETE FROM slimify_deliveries WHERE number <= %s", (number[0] - _DELIVERIES,))
            # In the same order everywhere: two that wait for each other's jobs would be a deadlock.
            for job in sorted(jobs):
                await self._put(job, 0.0, connection)
        return True

    def counts(self) -> Counts:
        return self._do(self._counts())

    async def _counts(self) -> Counts:
        found = {one["name"]: one for one in await self._jobs.list_queues_async()}
        alive, dead = found.get(_QUEUE, {}), found.get(_DEAD, {})
        return Counts(alive.get("todo", 0), alive.get("doing", 0), dead.get("todo", 0))

    def take(self) -> Job | None:
        return self._do(self._take())

    async def _take(self) -> Job | None:
        now = time.monotonic()
        if now > self._renewed + self.lease / 3 and self._worker is not None:
            await self._jobs.update_heartbeat(self._worker)
            self._renewed = now
        if now > self._looked + self.lease / 3:
            await self._take_over()
            self._looked = now
        row = await self._fetch()
        if row is None:
            return None
        self._held[_number(row)] = row
        return _job(row)

    async def _fetch(self) -> Row | None:
        if self._worker is not None:
            try:
                return await self._jobs.fetch_job(queues=[_QUEUE], worker_id=self._worker)
            except ProcrastinateException as error:
                # Others remove a worker that was silent, and that is seen only here.
                if not isinstance(error.__cause__, psycopg.errors.ForeignKeyViolation):
                    raise
        self._renewed = time.monotonic()
        self._worker = await self._jobs.register_worker()
        return await self._jobs.fetch_job(queues=[_QUEUE], worker_id=self._worker)

    async def _take_over(self) -> None:
        async with self._turn():
            for row in await self._jobs.get_stalled_jobs(queue=_QUEUE, seconds_since_heartbeat=self.lease):
                # It may have been the job that killed the worker, so it counts as a failure; the first is forgiven.
                wait = 0.0 if _failures(row) == 0 else None
                await self._try_again(row, Result(Ended.FAILED, "the worker that visited it died", wait))
            await self._jobs.prune_stalled_workers(self.lease)

    def renew(self) -> frozenset[int]:
        return self._do(self._renew())

    async def _renew(self) -> frozenset[int]:
        if self._worker is None:
            return frozenset()
        now = time.monotonic()
        await self._jobs.update_heartbeat(self._worker)
        rows = await self._jobs.list_jobs_async(queue=_QUEUE, status="doing", worker_id=self._worker)
        self._renewed = now
        return frozenset(_number(row) for row in rows)

    def finish(self, job: Job, result: Result) -> None:
        self._do(self._finish(job, result))

    async def _finish(self, job: Job, result: Result) -> None:
        row = self._held.get(job.number)
        if row is None:
            return
        if result.ended is Ended.DONE:
            await self._delete(row)
        else:
            async with self._turn():
                if await self._is_held(row):
                    await self._try_again(row, result)
        self._held.pop(job.number, None)

    async def _is_held(self, row: Row) -> bool:
        return bool(list(await self._jobs.list_jobs_async(id=row.id, status="doing", worker_id=row.worker_id)))

    async def _try_again(self, row: Row, result: Result) -> None:
        job, failures = _job(row), _failures(row) + (result.ended is Ended.FAILED)
        later = job._replace(attempt=job.attempt + 1)
        if failures < self._retries.attempts:
            await self._defer(_row(later, failures, self._retries.delay(result, job.attempt)))
        elif not await self._waits(job):
            await self._defer(_dead_row(job, result.said))
        await self._delete(row)

    async def _waits(self, job: Job) -> bool:
        return bool(list(await self._jobs.list_jobs_async(queue=_QUEUE, queueing_lock=_key(job), status="todo")))

    async def _delete(self, row: Row) -> None:
        # It is not there if it was taken over in the meantime, and there is nothing to do then; asking first is no
        # use, as it could be gone right afterwards. What else goes wrong is seen by the look at it.
        try:
            await self._jobs.finish_job(row, Status.SUCCEEDED, delete_job=True)
        except ProcrastinateException:
            if await self._is_held(row):
                raise

    def put_back(self, job: Job) -> None:
        self._do(self._put_back(job))

    async def _put_back(self, job: Job) -> None:
        row = self._held.get(job.number)
        if row is None:
            return
        async with self._turn():
            if await self._is_held(row):
                await self._defer(_row(job, _failures(row), 0.0))
                await self._delete(row)
        self._held.pop(job.number, None)

    def dead(self) -> list[DeadJob]:
        return self._do(self._list_dead())

    async def _list_dead(self) -> list[DeadJob]:
        rows = await self._jobs.list_jobs_async(queue=_DEAD, status="todo")
        return [DeadJob(_job(row), str(row.task_kwargs["said"])) for row in rows]

    def revive(self, number: int) -> bool:
        return self._do(self._revive(number))

    async def _revive(self, number: int) -> bool:
        for row in await self._jobs.list_jobs_async(id=number, queue=_DEAD, status="todo"):
            await self._defer(_row(_job(row)._replace(attempt=1), 0, 0.0))
            return await self._jobs.cancel_job_by_id_async(number, delete_job=True)
        return False

    def check(self) -> None:
        self._do(self._check())

    async def _check(self) -> None:
        async with self._pool_connection() as connection:
            # Read-only databases, such as standbys, refuse this; that a disk is full is seen when something is kept.
            await connection.execute("INSERT INTO slimify_deliveries (name) VALUES ('') ON CONFLICT DO NOTHING")

    def close(self) -> None:
        if self._loop.is_closed():
            return
        with contextlib.suppress(QueueError):
            self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        if self._worker is not None and not self._held:
            await self._jobs.unregister_worker(self._worker)
        await self._app.close_async()

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """Alone among all who use the database, for as long as it takes."""
        async with (
            await psycopg.AsyncConnection.connect(self._address, connect_timeout=5) as connection,
            connection.transaction(),
        ):
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_TURN,))
            yield connection

    @contextlib.asynccontextmanager
    async def _pool_connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        connector = self._app.connector
        assert isinstance(connector, PsycopgConnector)
        async with connector.pool.connection() as connection:
            yield connection

    def _do(self, what: Coroutine[Any, Any, _T]) -> _T:
        future = asyncio.run_coroutine_threadsafe(what, self._loop)
        try:
            return future.result(_PATIENCE)
        except TimeoutError as error:
            future.cancel()
            raise QueueError("the queue in PostgreSQL does not answer") from error
        except psycopg.Error as error:
            raise QueueError(f"the queue in PostgreSQL: {_first_line(error)}") from error
        except ProcrastinateException as error:
            raise QueueError(f"the queue in PostgreSQL: {_first_line(error.__cause__ or error)}") from error


def _key(job: Job) -> str:
    return f"{job.forge} {job.repository}"


def _row(job: Job, failures: int, delay: float) -> Row:
    due = min(max(0.0, delay), LONGEST_DELAY)
    return Row(
        queue=_QUEUE,
        task_name=_TASK,
        lock=_key(job),
        queueing_lock=_key(job),
        task_kwargs={
            "forge": job.forge,
            "repository": job.repository,
            "why": job.why,
            "attempt": job.attempt,
            "failures": failures,
        },
        scheduled_at=datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=due) if due else None,
    )


def _dead_row(job: Job, said: str) -> Row:
    """One that nobody fetches, and that keeps nothing else of the repository from running."""
    row = _row(job, 0, 0.0)
    return row.evolve(
        queue=_DEAD, lock=None, queueing_lock=f"dead {_key(job)}", task_kwargs={**row.task_kwargs, "said": said}
    )


def _job(row: Row) -> Job:
    found = row.task_kwargs
    return Job(
        str(found["forge"]), str(found["repository"]), str(found["why"]), int(str(found["attempt"])), _number(row)
    )


def _failures(row: Row) -> int:
    return int(str(row.task_kwargs["failures"]))


def _number(row: Row) -> int:
    assert row.id is not None
    return row.id


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
