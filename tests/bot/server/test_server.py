"""The server from outside: what it answers, and what is in the queue then."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from slimify.bot import server as module
from slimify.bot.jobs import Counts, Ended, Job, QueueError, Result
from slimify.bot.metrics import Metrics
from slimify.bot.queue_sqlite import SqliteQueue
from slimify.bot.server import Hook, application
from slimify.bot.stopping import Stop
from slimify.bot.workers import Ending
from tests.bot.queue.test_workers import eventually
from tests.bot.queue.visits import noted
from tests.bot.server.serving import SECRET

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.asyncio


def push(name: str, **more: object) -> bytes:
    return json.dumps(
        {"ref": "refs/heads/main", "repository": {"full_name": name, "default_branch": "main"}, **more}
    ).encode()


def signed(body: bytes, event: str = "push", secret: str = SECRET) -> dict[str, str]:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-GitHub-Event": event, "X-Hub-Signature-256": f"sha256={signature}"}


@pytest.fixture
def stop() -> Iterator[Stop]:
    made = Stop()
    yield made
    made.close()


@contextlib.asynccontextmanager
async def client(queue: SqliteQueue, stop: Stop, metrics: Metrics | None = None) -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    hooks = {"hub": Hook("github", (SECRET,))}
    app = application(queue, hooks, metrics or Metrics(), stop)
    async with TestClient(TestServer(app)) as made:
        yield made


async def posted(asked: TestClient, body: bytes, headers: dict[str, str], forge: str = "hub") -> tuple[int, bytes]:  # type: ignore[type-arg]
    async with asked.post(f"/webhook/{forge}", data=body, headers=headers) as answer:
        return answer.status, await answer.read()


async def test_what_is_answered_is_in_the_queue(sqlite: SqliteQueue, stop: Stop) -> None:
    body = push("acme/one")
    async with client(sqlite, stop) as asked:
        assert await posted(asked, body, signed(body)) == (202, b"")
        job = sqlite.take()
        assert job is not None
        assert (job.forge, job.repository, job.why) == ("hub", "acme/one", "push")
        sqlite.finish(job, Result(Ended.DONE))
        # The same delivery once more, and under another delivery ID, which is not signed.
        assert await posted(asked, body, signed(body)) == (204, b"")
        assert await posted(asked, body, {**signed(body), "X-GitHub-Delivery": "another"}) == (204, b"")
    assert sqlite.counts() == Counts(0, 0, 0)


@pytest.mark.parametrize(
    ("body", "headers", "forge", "status"),
    [
        (push("a/b"), {}, "hub", 401),
        (push("a/b"), signed(push("a/c")), "hub", 401),
        (push("a/b"), signed(push("a/b"), secret="another"), "hub", 401),
        (push("a/b"), {**signed(push("a/b")), "X-Hub-Signature-256": "sha256=\udcff"}, "hub", 401),
        (push("a/b"), {"X-GitHub-Event": "push", "X-Hub-Signature": "sha1=0"}, "hub", 401),
        (push("a/b"), signed(push("a/b")), "lab", 404),
        (b"payload=%7B%7D", signed(b"payload=%7B%7D"), "hub", 400),
        (b"[]", signed(b"[]"), "hub", 400),
        (b"[" * 100_000, signed(b"[" * 100_000), "hub", 400),
        (b"\xff", signed(b"\xff"), "hub", 400),
        (push("a/b"), signed(push("a/b"), event="star"), "hub", 204),
        (push("a/b"), signed(push("a/b"), event=""), "hub", 204),
    ],
)
async def test_what_is_refused_is_told_without_details_and_changes_nothing(
    sqlite: SqliteQueue, stop: Stop, body: bytes, headers: dict[str, str], forge: str, status: int
) -> None:
    async with client(sqlite, stop) as asked:
        port = asked.port
        if "\udcff" not in str(headers):
            assert await posted(asked, body, headers, forge) == (status, b"")
        else:
            lines = [f"{name}: {value}" for name, value in headers.items()]
            head = "\r\n".join([f"POST /webhook/{forge} HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", *lines])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body)
            # What is no HTTP at all is refused as such.
            assert int((await reader.readline()).split()[1]) in (status, 400)
            writer.close()
    assert sqlite.counts() == Counts(0, 0, 0)


async def test_a_body_that_is_too_long_is_refused(
    sqlite: SqliteQueue, stop: Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BODY", 1000)
    body = push("acme/one", padding="x" * 2000)

    async def in_pieces() -> AsyncIterator[bytes]:
        yield body

    async with client(sqlite, stop) as asked:
        assert await posted(asked, body, signed(body)) == (413, b"")
        async with asked.post("/webhook/hub", data=in_pieces(), headers=signed(body)) as answer:
            assert answer.status == 413


async def test_a_queue_that_cannot_be_used_is_told_everywhere(
    sqlite: SqliteQueue, stop: Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise QueueError("the disk of the queue is full")

    for name in ("accept", "check", "counts"):
        monkeypatch.setattr(sqlite, name, fail)
    body = push("acme/one")
    async with client(sqlite, stop) as asked:
        assert await posted(asked, body, signed(body)) == (503, b"")
        for path in ("/healthz", "/readyz", "/metrics"):
            async with asked.get(path) as answer:
                assert (answer.status, await answer.read()) == (503, b"")


async def test_health_readiness_and_metrics(sqlite: SqliteQueue, stop: Stop) -> None:
    metrics = Metrics()
    job = Job("hub", "acme/one")
    metrics.visited(Ending(job, Result(Ended.DONE, pull_requests=("opened", "closed")), 3.0))
    metrics.visited(Ending(job, Result(Ended.LATER, wait=60.0), 1.0))
    body = push("acme/one")
    async with client(sqlite, stop, metrics) as asked:
        await posted(asked, body, signed(body))
        await posted(asked, body, {})
        async with asked.get("/metrics") as answer:
            lines = set((await answer.text()).splitlines())
        async with asked.get("/healthz") as health, asked.get("/readyz") as ready:
            assert (health.status, ready.status) == (200, 200)
        stop.ask()
        async with asked.get("/healthz") as health, asked.get("/readyz") as ready:
            assert (health.status, ready.status) == (200, 503)
    assert lines >= {
        'slimify_jobs_total{outcome="done"} 1.0',
        'slimify_jobs_total{outcome="later"} 1.0',
        'slimify_jobs_total{outcome="failed"} 0.0',
        'slimify_queue_jobs{state="waiting"} 1.0',
        'slimify_visit_seconds_bucket{le="2.0"} 1.0',
        "slimify_visit_seconds_count 2.0",
        'slimify_pull_requests_total{what="opened"} 1.0',
        'slimify_pull_requests_total{what="closed"} 1.0',
        "slimify_rate_limit_waits_total 1.0",
        'slimify_webhooks_total{forge="hub",status="202"} 1.0',
        'slimify_webhooks_total{forge="hub",status="401"} 1.0',
    }


async def test_slow_clients_keep_nobody_from_being_answered(
    sqlite: SqliteQueue, stop: Stop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 1.0)
    async with client(sqlite, stop) as asked:
        slow = []
        for number in range(200):
            reader, writer = await asyncio.open_connection("127.0.0.1", asked.port)
            # Half of them stop within the head, and the others within the body.
            end = b"Content-Length: 1000\r\n\r\n{" if number % 2 else b"X-"
            writer.write(b"POST /webhook/hub HTTP/1.1\r\nHost: a\r\n" + end)
            slow.append((reader, writer))
        statuses = []
        until = time.monotonic() + 30
        number = 0
        while 202 not in statuses and time.monotonic() < until:
            body = push(f"acme/{number}")
            statuses.append((await posted(asked, body, signed(body)))[0])
            number += 1
            await asyncio.sleep(0.05)
        # Told to come again at worst, and at once, until those that stopped within the body are told off.
        assert set(statuses) <= {503, 202}
        assert 202 in statuses
        answers = {(await reader.readline())[9:12] for reader, _ in slow[1::2]}
        assert answers <= {b"408", b"503"}
        for _, writer in slow:
            writer.close()


@contextlib.contextmanager
def serving(place: Path, folder: Path, seconds: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bot.server.serving", str(place), str(folder), seconds],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def burst(port: int, names: list[str]) -> list[int]:
    """The status for each name, -1 where there was no answer."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50)) as session:

        async def one(name: str) -> int:
            body = push(name)
            try:
                while True:
                    url = f"http://127.0.0.1:{port}/webhook/hub"
                    async with session.post(url, data=body, headers=signed(body)) as answer:
                        if answer.status != 503:
                            return answer.status
                    await asyncio.sleep(0.1)
            except aiohttp.ClientError:
                return -1

        return await asyncio.gather(*(one(name) for name in names))


async def test_a_thousand_webhooks_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    names = [f"acme/{number}" for number in range(1000)]
    with serving(path, tmp_path, "none") as (_, port):
        assert await burst(port, names) == [202] * 1000
    queue = SqliteQueue(path)
    assert queue.counts() == Counts(1000, 0, 0)
    queue.close()


async def test_two_servers_on_one_queue_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    names = [f"acme/{number}" for number in range(100)]
    with serving(path, tmp_path, "none") as (_, one), serving(path, tmp_path, "none") as (_, two):
        answers = await asyncio.gather(burst(one, names), burst(two, names))
    # The same deliveries to both: one of the two accepts each.
    assert [sorted(pair) for pair in zip(*answers, strict=True)] == [[202, 204]] * 100
    queue = SqliteQueue(path)
    assert queue.counts() == Counts(100, 0, 0)
    queue.close()


async def test_what_was_answered_outlives_a_server_that_is_killed_and_what_was_not_can_be_sent_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "queue.sqlite3"
    names = [f"acme/{number}" for number in range(300)]
    with serving(path, tmp_path, "none") as (process, port):
        watched = SqliteQueue(path)
        sending = asyncio.create_task(burst(port, names))
        while watched.counts().waiting < 50:
            await asyncio.sleep(0.005)
        process.kill()
        answers = await sending
    accepted = {name for name, status in zip(names, answers, strict=True) if status == 202}
    assert 0 < len(accepted) < 300
    with serving(path, tmp_path, "none") as (_, port):
        again = await burst(port, [name for name in names if name not in accepted])
    # Some were on disk already, though nobody was told.
    assert set(again) <= {202, 204}
    assert watched.counts() == Counts(300, 0, 0)
    watched.close()


async def test_it_serves_and_works_and_stops_gracefully(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    names = [f"acme/{number}" for number in range(4)]
    with serving(path, tmp_path, "1.0") as (process, port):
        assert await burst(port, names) == [202] * 4
        eventually(lambda: len(noted(tmp_path, "begin")) == 2)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 90) == 0
    assert len(noted(tmp_path, "end")) == 2
    queue = SqliteQueue(path)
    assert queue.counts() == Counts(2, 0, 0)
    queue.close()


async def test_the_second_signal_stops_at_once(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    with serving(path, tmp_path, "60") as (process, port):
        assert await burst(port, ["acme/one"]) == [202]
        eventually(lambda: len(noted(tmp_path, "begin")) == 1)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        assert await asyncio.to_thread(process.wait, 50) == 0
    queue = SqliteQueue(path)
    job = queue.take()
    assert job is not None
    assert job.attempt == 1
    queue.close()


async def test_what_is_swept_is_put_in_and_a_sweep_that_fails_is_only_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    with serving(path, tmp_path, "sweep"):
        queue = SqliteQueue(path)
        eventually(lambda: queue.counts().waiting >= 6)
        job = queue.take()
        queue.close()
    assert job is not None
    assert job.why == "sweep"


async def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    with serving(tmp_path / "queue.sqlite3", tmp_path, "none") as (_, port), contextlib.ExitStack() as stack:
        stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        with pytest.raises(OSError, match="refused"):
            # All of 127/8 is loopback, and it is bound to one address of it.
            stack.enter_context(socket.create_connection(("127.0.0.2", port), timeout=2))
