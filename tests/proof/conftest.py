"""An engine that is none, a place for it, and an application to prove."""

from __future__ import annotations

import contextlib
import http.server
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from .archives import docker_save, layer

PROGRAM = Path(__file__).with_name("fake_engine.py")
FAT = 'FROM debian:12-slim\nRUN apt-get update\nRUN apt-get install -y curl\nCMD ["curl"]\n'
# What is in the Dockerfile as it is and in no rewrite of it.
AS_IT_IS = "RUN apt-get update\nRUN"
FILES: Mapping[str, str | bytes] = {"app/main.py": "print(1)\n", "etc/passwd": "root\n"}
CACHE: Mapping[str, str | bytes] = {"var/lib/apt/lists/all": b"x" * 500_000}


class FakeEngine:
    """A `docker` on the path that knows what each Dockerfile comes to, and what was made with it."""

    def __init__(self, state: Path, temporary: Path) -> None:
        self.state = state
        self.temporary = temporary
        self.rules: dict[str, Any] = {"images": []}
        for folder in ("images", "containers"):
            (state / folder).mkdir(parents=True)
        self.settle()

    def knows(self, when: str, *layers: Mapping[str, str | bytes], **what: Any) -> None:
        """An image for every Dockerfile with this text in it; the first one holds. Keywords are those of the program.

        `config` is what the image is configured for; without `exit` it runs on.
        """
        archive = f"{len(self.rules['images'])}.tar"
        made, steps = [layer(one) for one in layers], [f"RUN step {number}" for number in range(len(layers))]
        config = what.pop("config", {"Cmd": ["curl"]})
        (self.state / archive).write_bytes(docker_save(made, steps, config))
        rule = {"when": when, "archive": archive, "exit": 0, **what}
        self.rules["images"].append(rule)
        self.settle()

    def settle(self) -> None:
        (self.state / "rules.json").write_text(json.dumps(self.rules))

    def called(self, name: str) -> None:
        """Let it be another engine."""
        programs = self.state.parent / "programs"
        (programs / "docker").unlink()
        (programs / name).chmod(0o755)

    def left(self) -> list[str]:
        """All images, containers and folders of proofs that are there; the log of a build that failed may stay."""
        made = [path.name for kind in ("images", "containers") for path in (self.state / kind).iterdir()]
        folders = [path.name for path in self.temporary.iterdir() if not path.name.startswith("slimify-log-")]
        return sorted([*made, *folders])

    def calls(self, command: str) -> list[list[str]]:
        """The arguments of each call of a command."""
        called = [json.loads(line) for line in (self.state / "calls").read_text().splitlines()]
        return [one for one in called if command in one[:2]]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """No other engine is to be found, and the temporary folder is the test's own."""
    programs, temporary = tmp_path / "programs", tmp_path / "temporary"
    programs.mkdir()
    temporary.mkdir()
    for name in ("docker", "podman", "buildah"):
        text = f'#!/bin/sh\nexec {sys.executable} -S -E {PROGRAM} {name} "$@"\n'
        (programs / name).write_text(text)
    (programs / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("FAKE_ENGINE", str(tmp_path / "engine"))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return FakeEngine(tmp_path / "engine", temporary)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a Dockerfile that can be made smaller, as the current folder."""
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / "Dockerfile").write_text(FAT)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def served() -> Iterator[Any]:
    """A function that serves a text on a port of its own, and gives the port."""
    servers = []

    def serve(text: str, status: int = 200, statuses: Sequence[int] = (), drips: float = 0) -> int:
        """With `statuses` the first answers have these, and the rest the last one; `drips` are seconds for a letter."""
        waiting = list(statuses)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(waiting.pop(0) if len(waiting) > 1 else waiting[0] if waiting else status)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.end_headers()
                with contextlib.suppress(OSError):
                    while drips:
                        self.wfile.write(b"x")
                        time.sleep(drips)
                    self.wfile.write(f"{self.path} {text}".encode())

            def log_message(self, *arguments: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()
