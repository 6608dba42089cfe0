"""One BuildKit parser for all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .buildkit import BuildKit


@pytest.fixture(scope="session")
def buildkit() -> Iterator[BuildKit]:
    with BuildKit() as running:
        yield running
