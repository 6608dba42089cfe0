"""What every queue promises, for each of them."""

from __future__ import annotations

import threading
import time

import pytest

from slimify.bot.jobs import Counts, Ended, Job, Result, Retries, WorkQueue
from tests.bot.conftest import Opened

ONE = Job("hub", "acme/one", "push")
DONE, FAILED = Result(Ended.DONE), Result(Ended.FAILED, "no build")


def taken(queue: WorkQueue, within: float = 2.0) -> Job:
    until = time.monotonic() + within
    while time.monotonic() < until:
        job = queue.take()
        if job is not None:
            return job
        time.sleep(0.01)
    raise AssertionError("no job came")


def test_a_job_comes_out_as_it_went_in_and_is_gone_when_it_is_done(opened: Opened) -> None:
    queue = opened()
    assert queue.put(ONE)
    assert queue.counts() == Counts(1, 0, 0)
    job = taken(queue)
    assert job._replace(number=0) == ONE
    assert queue.counts() == Counts(0, 1, 0)
    queue.finish(job, DONE)
    assert queue.counts() == Counts(0, 0, 0)


def test_a_job_outlives_the_queue_that_took_it(opened: Opened) -> None:
    first = opened()
    first.put(ONE)
    first.close()
    assert taken(opened()).repository == "acme/one"


def test_what_waits_is_not_put_in_twice(opened: Opened) -> None:
    queue = opened()
    assert [queue.put(ONE), queue.put(ONE)] == [True, False]
    queue.finish(taken(queue), DONE)
    assert queue.take() is None


def test_the_same_name_on_another_forge_is_another_repository(opened: Opened) -> None:
    queue = opened()
    assert queue.put(ONE)
    assert queue.put(ONE._replace(forge="lab"))
    assert {taken(queue).forge, taken(queue).forge} == {"hub", "lab"}


def test_what_runs_is_visited_once_more_afterwards(opened: Opened) -> None:
    queue, other = opened(), opened()
    queue.put(ONE)
    job = taken(queue)
    assert [other.put(ONE._replace(why="comment")), other.put(ONE)] == [True, False]
    assert other.take() is None
    queue.finish(job, DONE)
    again = taken(other)
    assert again.attempt == 1
    assert "comment" in again.why
    other.finish(again, DONE)
    assert other.counts() == Counts(0, 0, 0)


def test_a_job_waits_for_its_delay(opened: Opened) -> None:
    queue = opened()
    queue.put(ONE, delay=0.4)
    assert queue.take() is None
    began = time.monotonic()
    taken(queue)
    assert time.monotonic() - began > 0.2


def test_a_failure_is_tried_again_until_it_is_dead(opened: Opened, quick: Retries) -> None:
    queue = opened(retries=quick)
    queue.put(ONE)
    attempts = []
    for _ in range(quick.attempts):
        job = taken(queue)
        attempts.append(job.attempt)
        queue.finish(job, FAILED)
    assert attempts == [1, 2, 3]
    assert queue.counts() == Counts(0, 0, 1)
    (dead,) = queue.dead()
    assert (dead.job.repository, dead.said) == ("acme/one", "no build")
    assert queue.take() is None


def test_a_dead_job_is_revived_as_if_it_had_never_failed(opened: Opened) -> None:
    queue = opened(retries=Retries(attempts=2, first=0.0))
    queue.put(ONE)
    for _ in range(2):
        queue.finish(taken(queue), FAILED)
    (dead,) = queue.dead()
    assert queue.revive(dead.job.number)
    assert not queue.revive(dead.job.number)
    job = taken(queue)
    assert job.attempt == 1
    queue.finish(job, FAILED)
    assert queue.counts() == Counts(1, 0, 0)


def test_a_dead_job_that_is_put_in_anew_gets_one_more_chance(opened: Opened) -> None:
    queue = opened(retries=Retries(attempts=3, first=0.0))
    queue.put(ONE)
    for _ in range(3):
        queue.finish(taken(queue), FAILED)
    assert queue.put(ONE)
    assert queue.counts() == Counts(1, 0, 0)
    queue.finish(taken(queue), FAILED)
    assert queue.counts() == Counts(0, 0, 1)


def test_what_the_forge_asks_to_repeat_later_never_dies_and_waits_as_long_as_it_asks(opened: Opened) -> None:
    queue = opened(retries=Retries(attempts=2, first=0.0))
    queue.put(ONE)
    for _ in range(5):
        queue.finish(taken(queue), Result(Ended.LATER, "rate limit", 0.0))
    queue.finish(taken(queue), Result(Ended.LATER, "rate limit", 3600.0))
    assert queue.counts() == Counts(1, 0, 0)
    assert queue.take() is None


def test_a_failure_while_it_was_put_in_again_leaves_one_job(opened: Opened) -> None:
    queue = opened(retries=Retries(attempts=5, first=0.0))
    queue.put(ONE)
    job = taken(queue)
    queue.put(ONE)
    queue.finish(job, FAILED)
    assert queue.counts() == Counts(1, 0, 0)
    queue.finish(taken(queue), DONE)
    assert queue.counts() == Counts(0, 0, 0)


def test_what_is_put_back_is_due_again_at_once_and_has_not_failed(opened: Opened) -> None:
    queue = opened(retries=Retries(attempts=1))
    queue.put(ONE)
    queue.put_back(taken(queue))
    assert taken(queue).attempt == 1


def test_the_jobs_of_a_worker_that_is_silent_go_to_another_which_alone_can_end_them(opened: Opened) -> None:
    silent, other = opened(lease=0.5), opened(lease=0.5)
    silent.put(ONE)
    lost = taken(silent)
    assert other.take() is None
    job = taken(other, within=3.0)
    assert job.attempt == 2
    silent.finish(lost, DONE)
    assert other.counts() == Counts(0, 1, 0)
    assert silent.renew() == frozenset()
    assert other.renew() == {job.number}
    other.finish(job, DONE)
    assert other.counts() == Counts(0, 0, 0)
    # And the silent one can go on.
    silent.put(ONE)
    silent.finish(taken(silent), DONE)
    assert silent.counts() == Counts(0, 0, 0)


def test_a_lease_that_is_renewed_is_kept(opened: Opened) -> None:
    busy, other = opened(lease=2.0), opened(lease=2.0)
    busy.put(ONE)
    job = taken(busy)
    until = time.monotonic() + 4.0
    while time.monotonic() < until:
        renewed = time.monotonic()
        assert busy.renew() == {job.number}
        found = other.take()
        # A machine that is too busy to renew in time proves nothing.
        assert found is None or time.monotonic() > renewed + 2.0
        if found is not None:
            break
        time.sleep(0.2)


def test_a_worker_that_was_idle_for_longer_than_its_lease_takes_jobs_as_before(opened: Opened) -> None:
    idle, other = opened(lease=0.3), opened(lease=0.3)
    for queue in (idle, other):
        queue.put(ONE)
        queue.finish(taken(queue), DONE)
    time.sleep(0.5)
    other.put(ONE)
    other.finish(taken(other), DONE)
    idle.put(ONE)
    job = taken(idle)
    assert idle.renew() == {job.number}
    idle.finish(job, DONE)
    assert idle.counts() == Counts(0, 0, 0)


def test_a_delivery_is_accepted_once(opened: Opened) -> None:
    queue, other = opened(), opened()
    assert queue.accept("hub 1", [ONE, Job("hub", "acme/two")])
    assert not other.accept("hub 1", [Job("hub", "acme/three")])
    assert other.accept("hub 2", [ONE])
    assert queue.counts() == Counts(2, 0, 0)


def test_no_two_of_many_takers_get_the_same_repository(opened: Opened) -> None:
    queues = [opened() for _ in range(4)]
    for number in range(40):
        queues[0].put(Job("hub", f"acme/{number}"))
    seen: list[str] = []

    def take_all(queue: WorkQueue) -> None:
        while (job := queue.take()) is not None:
            seen.append(job.repository)

    threads = [threading.Thread(target=take_all, args=(queue,)) for queue in queues]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted(f"acme/{number}" for number in range(40))


def test_what_is_written_is_checked(opened: Opened) -> None:
    opened().check()


@pytest.mark.parametrize("wait", [None, 10.0, 1e9])
def test_a_pause_grows_is_bounded_and_differs(wait: float | None) -> None:
    retries = Retries(first=60.0, longest=3600.0)
    result = Result(Ended.FAILED, wait=wait)
    delays = [retries.delay(result, attempt) for attempt in (1, 2, 3, 50, 5000)]
    if wait is None:
        assert all(low <= delay <= 2 * low for delay, low in zip(delays, (30, 60, 120, 1800, 1800), strict=True))
        assert len({retries.pause(3) for _ in range(20)}) > 1
    else:
        assert delays == [min(wait, 7 * 24 * 3600)] * 5
