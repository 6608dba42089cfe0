"""Cache mounts are made on request only: `--cache-mounts`, `cache-mounts = true`, or by naming the transform."""

from __future__ import annotations

from pathlib import Path

import pytest

import slimify

from .conftest import Run

TEXT = b"FROM python:3.12\nRUN pip install flask\n"
MOUNT = b"RUN --mount=type=cache,id=pip-python-3.12,target=/root/.cache/pip \\\n    pip install flask\n"


def test_off_by_default(here: Path, slimify: Run) -> None:
    assert b"--mount" not in slimify("fix", "-", stdin=TEXT).stdout


@pytest.mark.parametrize("more", [(), ("--verbose",)], ids=["front door", "typer"])
def test_asked_for(here: Path, slimify: Run, more: tuple[str, ...]) -> None:
    done = slimify("fix", "--cache-mounts", *more, "-", stdin=TEXT)
    assert MOUNT in done.stdout
    assert b"--no-cache-dir" not in done.stdout


def test_to_name_it_is_to_ask_for_it(here: Path, slimify: Run) -> None:
    assert MOUNT in slimify("fix", "--only", "cache-mounts", "-", stdin=TEXT).stdout


def test_by_configuration(here: Path, slimify: Run) -> None:
    Path("slimify.toml").write_text("cache-mounts = true\n")
    Path("Dockerfile").write_bytes(TEXT)
    assert MOUNT in slimify("fix", "-", stdin=TEXT).stdout
    assert b"--mount" not in slimify("fix", "--no-cache-mounts", "-", stdin=TEXT).stdout
    assert b"--mount" not in slimify("fix", "--cache-mounts", "--skip", "cache-mounts", "-", stdin=TEXT).stdout
    assert b"--mount" not in slimify("fix", "--level", "safe", "-", stdin=TEXT).stdout
    slimify("fix")
    assert MOUNT in Path("Dockerfile").read_bytes()
    assert slimify("fix", "--check").returncode == 0


def test_from_the_library() -> None:
    assert MOUNT in slimify.fix(TEXT, cache_mounts=True).after.data
    assert b"--mount" not in slimify.fix(TEXT).after.data
