"""A server with one repository, and a clone of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from slimify.bot.git import Clone, Limits, clone

from .plumbing import Bare
from .server import GitServer

Cloned = Callable[..., AbstractContextManager[Clone]]
QUICK = Limits(seconds=60)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    root = tmp_path / "served"
    root.mkdir()
    with GitServer(root).running() as server:
        yield server


@pytest.fixture
def bare(server: GitServer) -> Bare:
    return Bare(server.root / "owner" / "app.git")


@pytest.fixture
def cloned(server: GitServer, bare: Bare, tmp_path: Path) -> Cloned:
    count = iter(range(1000))

    def start(**more: Any) -> AbstractContextManager[Clone]:
        return clone(server.url("owner/app.git"), str(tmp_path / f"clone{next(count)}"), **{"limits": QUICK, **more})

    return start
