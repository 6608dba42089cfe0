"""A forge of each kind with one repository, and the bot connected to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from slimify.bot.forge import Forge
from slimify.bot.forges.connect import connect
from tests.bot.fakes import FakeForge, FakeGitea, FakeGitHub, FakeGitLab, FakeRepository, FakeServer

SERVERS: dict[str, type[FakeServer]] = {"github": FakeGitHub, "gitlab": FakeGitLab, "gitea": FakeGitea}
BRANCH = "slimify/images"


@pytest.fixture(params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fake(tmp_path: Path) -> FakeForge:
    return FakeForge(tmp_path)


@pytest.fixture
def shop(fake: FakeForge) -> FakeRepository:
    shop = fake.create_repository("acme/shop", {"Dockerfile": "FROM debian\nRUN a\n"})
    shop.push_as(fake.bot, BRANCH, {"Dockerfile": "FROM debian\nRUN a && b\n"})
    return shop


@pytest.fixture
def server(fake: FakeForge, kind: str) -> Iterator[FakeServer]:
    with SERVERS[kind](fake) as server:
        yield server


@pytest.fixture
def bot(fake: FakeForge, server: FakeServer, kind: str) -> Forge:
    return connect(kind, server.url, fake.token)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the bot would have slept; it does not."""
    times: list[float] = []
    monkeypatch.setattr("slimify.bot.forges.asking.time.sleep", times.append)
    return times
