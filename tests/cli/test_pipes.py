"""A pipe in a folder is no file: whoever opened it would wait for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import FAT

ALONE = "warning: no Dockerfile found in app\n"


def fix(path: str) -> subprocess.CompletedProcess[str]:
    """Run `slimify fix`; one that waits is ended, and fails the test."""
    command = [sys.executable, "-m", "slimify", "fix", path]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "NO_COLOR": "1"}
    )


@pytest.mark.parametrize("name", ["Dockerfile", "x.Dockerfile", "link"])
def test_a_dockerfile_that_is_a_pipe_is_not_found(here: Path, name: str) -> None:
    (here / "app").mkdir()
    os.mkfifo(here / "app" / name)
    if name == "link":
        (here / "app" / "Dockerfile").symlink_to("link")
    done = fix("app")
    assert done.stderr == ALONE
    assert done.stdout == ""


def test_a_pipe_that_is_named_is_refused(here: Path) -> None:
    os.mkfifo(here / "Dockerfile")
    done = fix("Dockerfile")
    assert done.returncode != 0
    assert "is not a regular file" in done.stderr


@pytest.mark.parametrize("name", [".gitignore", ".dockerignore", "package.json", "requirements.txt", "pyproject.toml"])
def test_a_pipe_beside_a_dockerfile(here: Path, name: str) -> None:
    (here / "Dockerfile").write_bytes(FAT + b"COPY . /app\n")
    os.mkfifo(here / name)
    done = fix(".")
    assert done.returncode == 0
    assert (here / "Dockerfile").read_bytes() != FAT + b"COPY . /app\n"


def test_a_configuration_that_is_a_pipe(here: Path) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    os.mkfifo(here / "slimify.toml")
    done = fix(".")
    assert done.returncode != 0
    assert "slimify.toml: is not a regular file" in done.stderr
