"""Workers: what ends a visit, what ends all of them, and what is left of it."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from slimify.bot.jobs import Counts, Ended, Job, Result, Retries
from slimify.bot.queue_sqlite import SqliteQueue, temporary_queue
from slimify.bot.stopping import Stop
from slimify.bot.visiting import Limits
from slimify.bot.workers import Ending, work
from tests.bot.queue.visits import misbehave, noted, visit

ONCE = Retries(attempts=1)


def ended(folder: Path, what: str, limits: Limits | None = None) -> tuple[Ending, Counts]:
    """How one visit ends, with a queue that gives up at once."""
    seen: list[Ending] = []
    with temporary_queue(retries=ONCE) as queue:
        queue.put(Job("hub", f"acme/{what}"))
        stop = Stop()

        def see(ending: Ending) -> None:
            seen.append(ending)
            stop.ask()

        work(queue, functools.partial(misbehave, folder), workers=1, stop=stop, limits=limits, poll=0.05, on_end=see)
        counts = queue.counts()
    (ending,) = seen
    return ending, counts


def test_a_visit_is_made_elsewhere_and_its_result_comes_back(tmp_path: Path) -> None:
    seen: list[Ending] = []
    with temporary_queue() as queue:
        for number in range(6):
            queue.put(Job("hub", f"acme/{number}"))
        done = functools.partial(visit, tmp_path, 0.05)
        work(queue, done, workers=3, stop=Stop(), until_empty=True, on_end=seen.append)
        assert queue.counts() == Counts(0, 0, 0)
    assert sorted(noted(tmp_path, "end")) == [f"acme/{number}" for number in range(6)]
    assert {ending.result.said for ending in seen} == {"visited"}
    assert {ending.result.pull_requests for ending in seen} == {("opened",)}
    assert str(os.getpid()) not in (tmp_path / "log").read_text()


def test_what_a_visit_raises_is_told_without_its_message(tmp_path: Path) -> None:
    ending, counts = ended(tmp_path, "raises")
    assert ending.result.said.startswith("ValueError at visits.py:")
    assert "hunter2" not in ending.result.said
    assert counts == Counts(0, 0, 1)


def test_what_a_forge_asks_to_repeat_later_is_not_a_failure(tmp_path: Path) -> None:
    ending, counts = ended(tmp_path, "later")
    assert (ending.result.ended, ending.result.wait) == (Ended.LATER, 3600.0)
    assert counts == Counts(1, 0, 0)


@pytest.mark.parametrize(("what", "said"), [("dies", "SIGKILL"), ("exits", "exit code 3")])
def test_a_process_that_ends_without_an_answer_is_a_failure(tmp_path: Path, what: str, said: str) -> None:
    ending, counts = ended(tmp_path, what)
    assert said in ending.result.said
    assert counts == Counts(0, 0, 1)


def test_an_answer_of_any_length(tmp_path: Path) -> None:
    """What a repository has a say in is cut; what is longer than any answer is none, and nobody waits for its end."""
    ending, _ = ended(tmp_path, "babbles")
    assert ending.result == Result(Ended.DONE, "x" * 4000)
    (tmp_path / "more").mkdir()
    ending, _ = ended(tmp_path / "more", "shouts")
    assert (ending.result.ended, ending.result.said) == (Ended.FAILED, "its process gave an answer that is none")


def test_a_visit_that_hangs_in_c_is_ended_in_time(tmp_path: Path) -> None:
    ending, counts = ended(tmp_path, "hangs", Limits(seconds=1.0))
    assert "longer than 1 s" in ending.result.said
    assert ending.seconds < 10
    assert counts == Counts(0, 0, 1)


def test_a_visit_that_eats_memory_gets_none(tmp_path: Path) -> None:
    ending, _ = ended(tmp_path, "eats", Limits(memory=1 << 30))
    assert ending.result.said.startswith("MemoryError")


def test_nothing_of_a_visit_is_left(tmp_path: Path) -> None:
    ended(tmp_path, "leaves")
    assert not Path((tmp_path / "tmp").read_text()).exists()
    assert gone(int((tmp_path / "child").read_text()))


def gone(process: int) -> bool:
    """Whether a process ends within a while; what is left of one that nobody waits for counts as ended."""
    for _ in range(100):
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def working(queue: SqliteQueue, folder: Path, seconds: float, limits: Limits) -> tuple[Stop, threading.Thread]:
    stop = Stop()
    chosen = functools.partial(visit, folder, seconds)
    thread = threading.Thread(
        target=work, args=(queue, chosen), kwargs={"workers": 2, "stop": stop, "limits": limits, "poll": 0.05}
    )
    thread.start()
    return stop, thread


def eventually(what: Callable[[], bool], within: float = 60.0) -> None:
    until = time.monotonic() + within
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_graceful_stop_lets_visits_end_and_begins_none(sqlite: SqliteQueue, tmp_path: Path) -> None:
    for number in range(5):
        sqlite.put(Job("hub", f"acme/{number}"))
    stop, thread = working(sqlite, tmp_path, 0.8, Limits(grace=20.0))
    eventually(lambda: len(noted(tmp_path, "begin")) == 2)
    stop.ask()
    thread.join()
    assert len(noted(tmp_path, "end")) == 2
    assert sqlite.counts() == Counts(3, 0, 0)


@pytest.mark.parametrize(("grace", "asks"), [(0.5, 1), (60.0, 2)])
def test_what_does_not_end_in_time_is_put_back(sqlite: SqliteQueue, tmp_path: Path, grace: float, asks: int) -> None:
    sqlite.put(Job("hub", "acme/one"))
    stop, thread = working(sqlite, tmp_path, 60.0, Limits(grace=grace))
    eventually(lambda: len(noted(tmp_path, "begin")) == 1)
    began = time.monotonic()
    for _ in range(asks):
        stop.ask()
    thread.join()
    assert time.monotonic() - began < 10
    assert not noted(tmp_path, "end")
    job = sqlite.take()
    assert job is not None
    assert job.attempt == 1
