"""The layout is changed on request only: `--layout`, `layout = true`, or alone by `--format-only`."""

from __future__ import annotations

from pathlib import Path

import pytest

import slimify

from .conftest import FAT, Run

TEXT = b"FROM debian:12-slim\nRUN make a && make b \\\n  && apt-get update && apt-get install -y curl\n"
LAID_OUT = b"FROM debian:12-slim\nRUN make a \\\n  && make b \\\n  && apt-get update \\\n  && apt-get install -y curl\n"
CLEANED = b"\\\n  && rm -rf /var/lib/apt/lists/*\n"


def test_off_by_default(here: Path, slimify: Run) -> None:
    assert b"RUN make a && make b \\\n" in slimify("fix", "-", stdin=TEXT).stdout


@pytest.mark.parametrize("more", [(), ("--verbose",)], ids=["front door", "typer"])
def test_alone(here: Path, slimify: Run, more: tuple[str, ...]) -> None:
    assert slimify("fix", "--format-only", *more, "-", stdin=TEXT).stdout == LAID_OUT
    assert slimify("fix", "--format-only", *more, "-", stdin=FAT).stdout == FAT


@pytest.mark.parametrize("more", [(), ("--verbose",)], ids=["front door", "typer"])
def test_with_the_others(here: Path, slimify: Run, more: tuple[str, ...]) -> None:
    done = slimify("fix", "--layout", "--level", "safe", *more, "-", stdin=TEXT).stdout
    assert done == LAID_OUT.removesuffix(b"\n") + b" " + CLEANED


def test_by_configuration(here: Path, slimify: Run) -> None:
    Path("slimify.toml").write_text("layout = true\n")
    assert b"RUN make a \\\n" in slimify("fix", "-", stdin=TEXT).stdout
    assert b"RUN make a &&" in slimify("fix", "--no-layout", "-v", "-", stdin=TEXT).stdout
    Path("slimify.toml").write_text('skip = ["layout"]\n')
    assert slimify("fix", "--format-only", "-", stdin=TEXT).stdout == LAID_OUT


@pytest.mark.parametrize("more", ["--level=safe", "--only=merge-runs"])
def test_what_contradicts_it(here: Path, slimify: Run, more: str) -> None:
    done = slimify("fix", "--format-only", more, "-", stdin=TEXT)
    assert done.returncode == 2
    assert b"--format-only" in done.stderr


def test_files_and_check(here: Path, slimify: Run) -> None:
    Path("Dockerfile").write_bytes(TEXT)
    assert slimify("fix", "--format-only", "--check").returncode == 1
    assert slimify("fix", "--format-only").returncode == 0
    assert Path("Dockerfile").read_bytes() == LAID_OUT
    assert slimify("fix", "--format-only", "--check").returncode == 0


def test_from_python() -> None:
    assert slimify.fix(TEXT, only=["layout"]).after.data == LAID_OUT
    assert slimify.fix(TEXT, skip=["clean-package-cache"], layout=True).after.data == LAID_OUT
