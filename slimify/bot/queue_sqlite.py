"""A queue in a SQLite file, for one machine: any number of processes put jobs in, and any number take them.

A repository is one row, so it cannot run twice at the same time. Who takes jobs is a holder: a row with a lease that
it renews, and the name of its process. The jobs of a holder whose lease has run out, or whose process is gone for
certain, go to whoever takes next.

Leases are kept in the machine's own time, which nobody sets; that is enough, as a WAL file cannot be shared between
machines anyway (sqlite.org/wal.html). When a job is due has to survive a reboot, and is kept as the time of day: if the
clock is set forward, jobs that were to wait are due early; if it is set back, they wait longer by as much, but never
beyond `LONGEST_DELAY`.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from slimify.bot.jobs import LONGEST_DELAY, Counts, DeadJob, Ended, Job, QueueError, Result, Retries, both
from slimify.bot.process import ProcessName, machine_time, own_name

# In the header of the file, so that no other program's database is taken for a queue: "slmQ".
_APPLICATION = 0x736C6D51
# Step n brings a database of version n to version n + 1.
_MIGRATIONS = (
    """
    CREATE TABLE holders (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        boot TEXT NOT NULL, namespace TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL,
        renewed REAL NOT NULL, lease REAL NOT NULL
    ) STRICT;
    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        forge TEXT NOT NULL, repository TEXT NOT NULL, why TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'dead')),
        attempt INTEGER NOT NULL DEFAULT 1, failures INTEGER NOT NULL DEFAULT 0,
        due REAL NOT NULL,
        holder INTEGER REFERENCES holders (number) CHECK ((holder IS NOT NULL) = (state = 'running')),
        again TEXT, again_due REAL,
        said TEXT NOT NULL DEFAULT '',
        UNIQUE (forge, repository)
    ) STRICT;
    CREATE INDEX jobs_due ON jobs (due) WHERE state = 'waiting';
    CREATE INDEX jobs_holder ON jobs (holder) WHERE holder IS NOT NULL;
    CREATE TABLE deliveries (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE checked (one INTEGER PRIMARY KEY CHECK (one = 1), at REAL NOT NULL) STRICT;
    """,
)
_DELIVERIES = 100_000


class SqliteQueue:
    """A `WorkQueue` in a file, which is made if it is not there.

    `busy` is how many seconds a lock of another process is waited for. Whoever only puts jobs in needs no lease.
    """

    def __init__(self, path: Path, *, retries: Retries | None = None, lease: float = 30.0, busy: float = 5.0) -> None:
        self.path = path
        self.lease = lease
        self._retries = retries or Retries()
        self._holder: int | None = None
        self._lock = threading.Lock()
        with self._clearly():
            # Before SQLite makes it, so that others cannot read it; SQLite gives its WAL the same mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(path, timeout=busy, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def _prepare(self) -> None:
        with self._transaction() as db:
            (application,) = db.execute("PRAGMA application_id").fetchone()
            (version,) = db.execute("PRAGMA user_version").fetchone()
            (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if application != _APPLICATION and (application or tables):
                raise QueueError(f"{self.path}: this is a database, but not a queue of slimify's")
            if version > len(_MIGRATIONS):
                raise QueueError(
                    f"{self.path}: the queue has schema version {version}, and this slimify knows {len(_MIGRATIONS)}:"
                    " it was written by a newer one"
                )
            for step in _MIGRATIONS[version:]:
                for statement in step.split(";"):
                    db.execute(statement)
            if version < len(_MIGRATIONS):
                db.execute(f"PRAGMA application_id = {_APPLICATION}")
                db.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA journal_mode = WAL")
        # With less, what was committed last may be gone after a power cut (sqlite.org/pragma.html#pragma_synchronous),
        # and a webhook would have been answered for nothing.
        self._db.execute("PRAGMA synchronous = FULL")

    def put(self, job: Job, delay: float = 0.0) -> bool:
        with self._writing() as db:
            return self._put(db, job, delay)

    def _put(self, db: sqlite3.Connection, job: Job, delay: float) -> bool:
        due = time.time() + min(max(0.0, delay), LONGEST_DELAY)
        key = (job.forge, job.repository)
        row = db.execute(
            "SELECT state, why, attempt, due, again, again_due FROM jobs WHERE forge = ? AND repository = ?", key
        ).fetchone()
        if row is None:
            db.execute(
                "INSERT INTO jobs (forge, repository, why, state, due) VALUES (?, ?, ?, 'waiting', ?)",
                (*key, job.why, due),
            )
            return True
        state, why, attempt, until, again, again_until = row
        if state == "running":
            values = (job.why, due) if again is None else (both(again, job.why), min(due, again_until))
            db.execute("UPDATE jobs SET again = ?, again_due = ? WHERE forge = ? AND repository = ?", (*values, *key))
            return again is None
        if state == "dead":
            # Something is new, so it gets one more chance: it is dead again at once if it fails again.
            db.execute(
                "UPDATE jobs SET state = 'waiting', why = ?, attempt = 1, due = ? WHERE forge = ? AND repository = ?",
                (job.why, due, *key),
            )
            return True
        # One that was tried keeps its time: the forge, or the back-off, asked for it.
        values = (both(why, job.why), min(due, until) if attempt == 1 else until)
        db.execute("UPDATE jobs SET why = ?, due = ? WHERE forge = ? AND repository = ?", (*values, *key))
        return False

    def accept(self, delivery: str, jobs: Sequence[Job]) -> bool:
        with self._writing() as db:
            new = db.execute("INSERT INTO deliveries (name) VALUES (?) ON CONFLICT DO NOTHING", (delivery,))
            if not new.rowcount:
                return False
            db.execute("DELETE FROM deliveries WHERE number <= ?", ((new.lastrowid or 0) - _DELIVERIES,))
            for job in jobs:
                self._put(db, job, 0.0)
            return True

    def counts(self) -> Counts:
        with self._reading() as db:
            found = dict(db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
        return Counts(found.get("waiting", 0), found.get("running", 0), found.get("dead", 0))

    def take(self) -> Job | None:
        with self._reading() as db:
            # An idle worker asks all the time, and should keep nobody from writing.
            due = db.execute(f"SELECT 1 FROM jobs WHERE {_DUE}", _due(time.time())).fetchone()
            if due is None and not self._silent(db):
                return None
        with self._writing() as db:
            for holder in self._silent(db):
                self._take_over(db, holder)
            # Asked anew: what was taken over is due only since then.
            query = f"SELECT number, forge, repository, why, attempt FROM jobs WHERE {_DUE} ORDER BY due LIMIT 1"
            row = db.execute(query, _due(time.time())).fetchone()
            if row is None:
                return None
            number, forge, repository, why, attempt = row
            values = (self._own(db), number)
            db.execute("UPDATE jobs SET state = 'running', holder = ? WHERE number = ?", values)
            return Job(forge, repository, why, attempt, number)

    def _own(self, db: sqlite3.Connection) -> int:
        """The row that holds what this process takes. Others remove it when it was idle for longer than its lease."""
        values = (machine_time(), self._holder)
        if not db.execute("UPDATE holders SET renewed = ? WHERE number = ?", values).rowcount:
            made = db.execute(
                "INSERT INTO holders (boot, namespace, pid, started, renewed, lease) VALUES (?, ?, ?, ?, ?, ?)",
                (*own_name(), machine_time(), self.lease),
            )
            self._holder = made.lastrowid
        assert self._holder is not None
        return self._holder

    def _silent(self, db: sqlite3.Connection) -> list[int]:
        """The other holders whose jobs are anybody's."""
        now = machine_time()
        rows = db.execute("SELECT number, renewed, lease, boot, namespace, pid, started FROM holders").fetchall()
        return [
            number
            for number, renewed, lease, *name in rows
            # A lease from before the last boot may lie in the future.
            if number != self._holder and (not renewed <= now < renewed + lease or ProcessName(*name).is_gone())
        ]

    def _take_over(self, db: sqlite3.Connection, holder: int) -> None:
        columns = "number, attempt, failures, again, again_due"
        for row in db.execute(f"SELECT {columns} FROM jobs WHERE holder = ?", (holder,)).fetchall():
            # It may have been the job that killed the worker, so it counts as a failure; the first is forgiven at once.
            wait = 0.0 if row[2] == 0 else None
            self._end(db, row, Result(Ended.FAILED, "the worker that visited it died", wait))
        db.execute("DELETE FROM holders WHERE number = ?", (holder,))

    def renew(self) -> frozenset[int]:
        with self._writing() as db:
            if self._holder is None:
                return frozenset()
            values = (machine_time(), self._holder)
            if not db.execute("UPDATE holders SET renewed = ? WHERE number = ?", values).rowcount:
                self._holder = None
                return frozenset()
            return frozenset(number for (number,) in db.execute("SELECT number FROM jobs WHERE holder = ?", values[1:]))

    def finish(self, job: Job, result: Result) -> None:
        with self._writing() as db:
            row = self._held(db, job)
            if row is not None:
                self._end(db, row, result)

    def put_back(self, job: Job) -> None:
        with self._writing() as db:
            if self._held(db, job) is not None:
                db.execute(
                    "UPDATE jobs SET state = 'waiting', holder = NULL, due = ?, again = NULL, again_due = NULL"
                    " WHERE number = ?",
                    (time.time(), job.number),
                )

    def _held(self, db: sqlite3.Connection, job: Job) -> tuple[int, int, int, str | None, float | None] | None:
        found: tuple[int, int, int, str | None, float | None] | None = db.execute(
            "SELECT number, attempt, failures, again, again_due FROM jobs WHERE number = ? AND holder = ?",
            (job.number, self._holder),
        ).fetchone()
        return found

    def _end(self, db: sqlite3.Connection, row: tuple[int, int, int, str | None, float | None], result: Result) -> None:
        number, attempt, failures, again, again_due = row
        if result.ended is Ended.DONE:
            if again is None:
                db.execute("DELETE FROM jobs WHERE number = ?", (number,))
                return
            state, attempt, failures, due = "waiting", 1, 0, again_due
        else:
            failures += result.ended is Ended.FAILED
            # Who asked for it anew while it ran is owed another visit, like who puts in one that is dead.
            state = "dead" if failures >= self._retries.attempts and again is None else "waiting"
            due = time.time() + self._retries.delay(result, attempt)
            attempt += 1
        db.execute(
            "UPDATE jobs SET state = ?, why = coalesce(?, why), attempt = ?, failures = ?, due = ?, said = ?,"
            " holder = NULL, again = NULL, again_due = NULL WHERE number = ?",
            (state, again, attempt, failures, due, result.said, number),
        )

    def dead(self) -> list[DeadJob]:
        with self._reading() as db:
            rows = db.execute(
                "SELECT forge, repository, why, attempt - 1, number, said FROM jobs"
                " WHERE state = 'dead' ORDER BY number"
            ).fetchall()
        return [DeadJob(Job(*row[:5]), row[5]) for row in rows]

    def revive(self, number: int) -> bool:
        with self._writing() as db:
            changed = db.execute(
                "UPDATE jobs SET state = 'waiting', attempt = 1, failures = 0, due = ?"
                " WHERE number = ? AND state = 'dead'",
                (time.time(), number),
            )
            return changed.rowcount == 1

    def check(self) -> None:
        with self._writing() as db:
            db.execute("INSERT INTO checked VALUES (1, ?) ON CONFLICT DO UPDATE SET at = excluded.at", (time.time(),))

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._clearly(), self._transaction() as db:
            yield db

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._clearly():
            yield self._db

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        # At once for writing: what began as a reader cannot wait for its turn (sqlite.org/lang_transaction.html).
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _clearly(self) -> Iterator[None]:
        """Say what an error means for who runs the bot."""
        try:
            yield
        except OSError as error:
            raise QueueError(f"{self.path}: the queue cannot be opened: {error.strerror}") from error
        except sqlite3.Error as error:
            primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
            raise QueueError(f"{self.path}: {_MEANINGS.get(primary, 'the queue cannot be used')} ({error})") from error


# A time further off than any that is ever asked for was written by a clock that was wrong.
_DUE = "state = 'waiting' AND (due <= ? OR due > ?)"


def _due(now: float) -> tuple[float, float]:
    return now, now + LONGEST_DELAY + 60


_MEANINGS = {
    sqlite3.SQLITE_BUSY: "the queue is locked by another process",
    sqlite3.SQLITE_LOCKED: "the queue is locked",
    sqlite3.SQLITE_FULL: "the disk of the queue is full",
    sqlite3.SQLITE_IOERR: "the disk of the queue does not take what is written",
    sqlite3.SQLITE_READONLY: "the queue is read-only",
    sqlite3.SQLITE_CANTOPEN: "the queue cannot be opened",
    sqlite3.SQLITE_CORRUPT: "the queue is damaged",
    sqlite3.SQLITE_NOTADB: "this is not a queue of slimify's",
}


@contextlib.contextmanager
def temporary_queue(*, retries: Retries | None = None) -> Iterator[SqliteQueue]:
    """A queue that lasts as long as the command, for a list of repositories to visit at once."""
    with tempfile.TemporaryDirectory(prefix="slimify-queue-") as folder:
        queue = SqliteQueue(Path(folder) / "queue.sqlite3", retries=retries)
        try:
            yield queue
        finally:
            queue.close()
