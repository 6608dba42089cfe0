from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slimify.bot.jobs import Retries, WorkQueue
from slimify.bot.queue_sqlite import SqliteQueue
from tests.bot.queue import postgres

Opened = Callable[..., WorkQueue]
_numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgres.server() as address:
        yield address


@pytest.fixture
def database(server: str) -> str:
    """The address of a database that nobody has used."""
    import psycopg

    name = f"queue{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("dbname=postgres", f"dbname={name}")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a queue is, as `visits.opened` takes it."""
    if request.param == "postgres":
        return str(request.getfixturevalue("database"))
    return str(tmp_path / "queue.sqlite3")


@pytest.fixture
def opened(place: str) -> Iterator[Opened]:
    """Opens the same queue as often as is asked for."""
    from tests.bot.queue.visits import open_queue

    queues: list[WorkQueue] = []

    def open_one(**options: Any) -> WorkQueue:
        queues.append(open_queue(place, **options))
        return queues[-1]

    yield open_one
    for queue in queues:
        queue.close()


@pytest.fixture
def quick() -> Retries:
    return Retries(attempts=3, first=0.05, longest=0.1)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteQueue]:
    queue = SqliteQueue(tmp_path / "queue.sqlite3")
    yield queue
    queue.close()
