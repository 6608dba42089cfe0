"""A folder to work in, and the program run in it as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]

FAT = b'FROM debian:12-slim\nRUN apt-get update\nRUN apt-get install -y curl\nCMD ["curl"]\n'
SLIM = b'FROM debian:12-slim\nWORKDIR /srv\nCMD ["true"]\n'
BROKEN = b"FROM debian:12\nRUN <<EOF\nnobody ends this\n"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository as the current folder, so that no configuration above it is found."""
    folder = tmp_path / "repository"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def slimify(here: Path) -> Run:
    """Run the program in `here`; nothing of our own environment changes what it does."""
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "TERM")}

    def run(*arguments: str, stdin: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "slimify", *arguments]
        return subprocess.run(
            command, input=stdin, capture_output=True, cwd=here, env={**environment, **more}, check=False
        )

    return run
