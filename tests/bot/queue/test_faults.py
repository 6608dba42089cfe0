"""What was injected, what happened, and what was lost: nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from slimify.bot.jobs import Counts, Ended, Job, QueueError, Result, Retries
from slimify.bot.process import own_name
from slimify.bot.queue_sqlite import SqliteQueue
from tests.bot.queue.test_workers import eventually, gone
from tests.bot.queue.visits import noted, open_queue, overlaps

ROOT = Path(__file__).parents[3]


def worker(
    place: str, folder: Path, *, workers: int, seconds: float, lease: float, which: str = ""
) -> subprocess.Popen[bytes]:
    arguments = [place, str(folder), str(workers), str(seconds), str(lease), *([which] if which else [])]
    return subprocess.Popen([sys.executable, "-m", "tests.bot.queue.visits", *arguments], cwd=ROOT)


def ended(process: subprocess.Popen[bytes]) -> int:
    process.terminate()
    return process.wait(90)


def test_ten_jobs_outlive_a_worker_that_is_killed(place: str, tmp_path: Path) -> None:
    queue = open_queue(place, lease=2.0)
    names = [f"acme/{number}" for number in range(10)]
    for name in names:
        queue.put(Job("hub", name))
    doomed = worker(place, tmp_path, workers=2, seconds=0.7, lease=2.0)
    other = worker(place, tmp_path, workers=2, seconds=0.7, lease=2.0)
    try:
        eventually(lambda: len(noted(tmp_path, "begin")) >= 4)
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
        eventually(lambda: queue.counts() == Counts(0, 0, 0), within=60.0)
    finally:
        doomed.kill()
        assert ended(other) == 0
    ends, begins = Counter(noted(tmp_path, "end")), Counter(noted(tmp_path, "begin"))
    # Nothing lost, nothing doubled: each was visited to the end once, and begun twice at most by the one that died.
    assert ends == Counter(names)
    assert sum(begins.values()) <= 12
    assert overlaps(tmp_path) == []
    queue.close()


def test_the_visits_of_a_worker_that_is_killed_end_with_it_even_while_c_code_hangs(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path / "queue.sqlite3")
    queue.put(Job("hub", "acme/hangs"))
    doomed = worker(str(queue.path), tmp_path, workers=1, seconds=0, lease=30.0, which="misbehave")
    try:
        eventually(lambda: len(noted(tmp_path, "begin")) == 1)
        visit = int((tmp_path / "log").read_text().split()[2])
    finally:
        doomed.kill()
        doomed.wait()
    assert gone(visit)
    queue.close()


def test_the_jobs_of_a_process_that_is_gone_are_taken_over_at_once(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path / "queue.sqlite3", lease=3600.0)
    queue.put(Job("hub", "acme/one"))
    doomed = worker(str(queue.path), tmp_path, workers=1, seconds=60.0, lease=3600.0)
    try:
        eventually(lambda: len(noted(tmp_path, "begin")) == 1)
        assert queue.take() is None
    finally:
        doomed.kill()
        doomed.wait()
    job = queue.take()
    assert job is not None
    assert job.attempt == 2
    queue.close()


def test_a_worker_that_was_paused_for_longer_than_its_lease_does_not_finish_what_others_have(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path / "queue.sqlite3", lease=1.0)
    queue.put(Job("hub", "acme/one"))
    paused = worker(str(queue.path), tmp_path, workers=1, seconds=4.0, lease=1.0)
    try:
        eventually(lambda: len(noted(tmp_path, "begin")) == 1)
        paused.send_signal(signal.SIGSTOP)
        job = None
        until = time.monotonic() + 10
        while job is None and time.monotonic() < until:
            job = queue.take()
            time.sleep(0.05)
        assert job is not None
        paused.send_signal(signal.SIGCONT)
        # It ends its own visit, and leaves the job alone.
        visit = int((tmp_path / "log").read_text().split()[2])
        assert gone(visit)
        assert queue.renew() == {job.number}
        queue.finish(job, Result(Ended.DONE))
        assert queue.counts() == Counts(0, 0, 0)
        assert noted(tmp_path, "end") == []
    finally:
        paused.send_signal(signal.SIGCONT)
        assert ended(paused) == 0
        queue.close()


def test_a_job_that_kills_its_worker_each_time_is_dead_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    retries = Retries(attempts=3, first=0.0)
    for attempt in range(4):
        queue = SqliteQueue(path, retries=retries)
        if attempt == 0:
            queue.put(Job("hub", "acme/one"))
        job = queue.take()
        assert (job.attempt if job else None) == (attempt + 1 if attempt < 3 else None)
        dead = queue.dead()
        queue.close()
        # As if the machine had been started anew since.
        written(path, "UPDATE holders SET boot = 'another'")
    assert [one.said for one in dead] == ["the worker that visited it died"]


def written(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)


def test_a_full_disk_is_told_and_what_was_kept_is_there_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from slimify.bot.jobs import Job, QueueError; from slimify.bot.queue_sqlite import SqliteQueue\n"
        "queue = SqliteQueue(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "kept = 0\n"
        "try:\n"
        "    while kept < 5000: kept += queue.put(Job('hub', f'acme/{kept}' + 'x' * 200))\n"
        "except QueueError as error: print(kept, error)\n"
        "print(queue.counts().waiting)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    first, count = done.stdout.splitlines()
    kept, said = first.split(" ", 1)
    assert 10 < int(kept) < 5000
    assert "the disk of the queue" in said
    queue = SqliteQueue(path)
    assert queue.counts().waiting == int(kept) == int(count)
    assert queue.put(Job("hub", "acme/more"))
    queue.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount")
def test_a_full_file_system_is_told(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", small], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        queue = SqliteQueue(small / "queue.sqlite3")
        kept = 0
        with pytest.raises(QueueError, match="the disk of the queue is full"):
            while kept < 5000:
                kept += queue.put(Job("hub", f"acme/{kept}" + "x" * 200))
        assert queue.counts().waiting == kept
        with pytest.raises(QueueError):
            queue.check() or queue.put(Job("hub", "acme/" + "y" * 4000))
        queue.close()
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_lock_that_somebody_holds_is_told_after_a_while(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    queue = SqliteQueue(path, busy=0.2)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(QueueError, match="locked by another process"):
            queue.put(Job("hub", "acme/one"))
        other.execute("ROLLBACK")
    assert queue.put(Job("hub", "acme/one"))
    queue.close()


def test_a_database_of_a_newer_slimify_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    SqliteQueue(path).close()
    written(path, "PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(QueueError, match="schema version 99, and this slimify knows 1"):
        SqliteQueue(path)
    assert path.read_bytes() == before


def test_what_is_not_a_queue_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite3"
    written(path, "CREATE TABLE other (one)")
    text = tmp_path / "text"
    text.write_text("not a database, but long enough to be read as one" * 100)
    for file in (path, text):
        before = file.read_bytes()
        with pytest.raises(QueueError, match="not a queue of slimify's"):
            SqliteQueue(file)
        assert file.read_bytes() == before
    with pytest.raises(QueueError, match="cannot be opened: No such file"):
        SqliteQueue(tmp_path / "nowhere" / "queue.sqlite3")
    with pytest.raises(QueueError, match="cannot be opened: Is a directory"):
        SqliteQueue(tmp_path)


def test_others_cannot_read_the_queue(tmp_path: Path) -> None:
    queue = SqliteQueue(tmp_path / "queue.sqlite3")
    queue.put(Job("hub", "acme/one"))
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    queue.close()


def test_a_clock_that_was_wrong_keeps_no_job_for_ever(sqlite: SqliteQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 20 * 365 * 24 * 3600)
    sqlite.put(Job("hub", "acme/one"))
    monkeypatch.setattr(time, "time", lambda: now)
    assert sqlite.take() is not None


def test_a_step_of_the_clock_takes_nobody_s_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy, other = (SqliteQueue(tmp_path / "queue.sqlite3", lease=60.0) for _ in range(2))
    busy.put(Job("hub", "acme/one"))
    job = busy.take()
    assert job is not None
    now = time.time()
    for step in (1e6, -1e6):
        monkeypatch.setattr(time, "time", lambda step=step: now + step)
        assert other.take() is None
        assert busy.renew() == {job.number}
    busy.close()
    other.close()


def test_a_process_is_gone_when_it_is_and_not_when_that_cannot_be_seen() -> None:
    here = own_name()
    if not here.boot:
        pytest.skip("no /proc here")
    assert not here.is_gone()
    assert here._replace(started="1").is_gone()
    assert here._replace(boot="another").is_gone()
    assert not here._replace(namespace="pid:[1]", pid=1 << 30).is_gone()
    assert not here._replace(boot="").is_gone()
    child = subprocess.Popen(
        [sys.executable, "-c", "import slimify.bot.process as p; print(*p.own_name())"], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    boot, namespace, pid, started = child.stdout.read().decode().split()
    child.wait()
    assert here._replace(pid=int(pid), started=started).is_gone()
    assert (boot, namespace) == (here.boot, here.namespace)
