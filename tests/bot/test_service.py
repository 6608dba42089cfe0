"""The bot as a service, in processes of its own: webhooks, a queue that stays, workers that are killed."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bot.fakes import FakeForge, FakeGitHub
from tests.bot.story import NAIVE

SECRET = "it-is-a-secret"


class Service:
    """One fake GitHub, one settings file, and processes that use them."""

    def __init__(self, folder: Path, server: FakeGitHub, place: str) -> None:
        self.server = server
        self.place = place
        self.forge = server.forge
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.settings = folder / "settings.toml"
        queue = 'database-env = "THE_DATABASE"' if "dbname=" in place else f'database = "{place}"'
        self.settings.write_text(
            f'{queue}\nworkers = 2\nlisten = "127.0.0.1:{self.port}"\n'
            '[author]\nname = "slimify"\nemail = "slimify@example.org"\n'
            f'[forge.github]\nurl = "{server.url}"\ntoken-env = "THE_TOKEN"\nwebhook-secret-env = "THE_SECRET"\n'
            'owners = ["acme"]\n'
        )
        self.log = folder / "log"

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "slimify", "bot", *words, "--settings", str(self.settings)]

    @property
    def environment(self) -> dict[str, str]:
        secrets = {"THE_TOKEN": self.forge.token, "THE_SECRET": SECRET, "THE_DATABASE": self.place}
        return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **secrets}

    def run(self, *words: str) -> str:
        done = subprocess.run(self.command(*words), env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        with (
            self.log.open("ab") as log,
            subprocess.Popen(self.command(*words), env=self.environment, stderr=log) as one,
        ):
            try:
                yield one
            finally:
                one.terminate()
                one.wait(60)

    def ask(self, path: str, data: bytes | None = None, **headers: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.port}{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, named), timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def posts(self, event: str, payload: object, secret: str = SECRET) -> int:
        """What GitHub posts."""
        data = json.dumps(payload).encode()
        signature = "sha256=" + hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
        given = {"X_GitHub_Event": event, "X_Hub_Signature_256": signature, "X_GitHub_Delivery": str(time.time())}
        return self.ask("/webhook/github", data, Content_Type="application/json", **given)[0]


@pytest.fixture
def service(tmp_path: Path, place: str) -> Iterator[Service]:
    """With a queue in SQLite, and with one in PostgreSQL."""
    with FakeGitHub(FakeForge(tmp_path / "forge")) as server:
        yield Service(tmp_path, server, place)


def until(condition: object, seconds: float = 60.0) -> None:
    """Wait for something to come true."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


def test_from_a_webhook_to_a_pull_request(service: Service) -> None:
    files = {"Dockerfile": NAIVE, "compose.yaml": "services: {a: {build: ../..}}\n"}
    shop = service.forge.create_repository("acme/shop", files)
    push = {"ref": "refs/heads/main", "repository": {"full_name": "acme/shop", "default_branch": "main"}}
    with service.running("serve") as process:
        until(lambda: _answers(service))
        assert service.posts("push", push, secret="another") == 401
        assert service.posts("push", push) == 202
        until(lambda: shop.pulls)
        service.forge.user("ann")
        shop.permissions["ann"] = "write"
        shop.comment_as("ann", 1, "/slimify stop")
        comment = {
            "action": "created",
            "comment": {"body": "/slimify stop", "user": {"login": "ann"}},
            "issue": {"number": 1, "pull_request": {"url": "x"}},
            "repository": {"full_name": "acme/shop", "default_branch": "main"},
        }
        assert service.posts("issue_comment", comment) == 202
        until(lambda: shop.pulls[1].state == "closed")
        until(lambda: 'pull_requests_total{what="closed"} 1.0' in service.ask("/metrics")[1])
        assert service.ask("/healthz")[0] == 200
        process.terminate()
        assert process.wait(30) == 0, "it ends gracefully"
    said = service.log.read_text()
    assert service.forge.token not in said and SECRET not in said and "opened" in said
    assert "acme/shop: compose.yaml:1: the context ../.. is outside of the repository" in said


def _answers(service: Service) -> bool:
    try:
        return service.ask("/readyz")[0] == 200
    except OSError:
        return False


def test_kill_of_a_worker_with_ten_jobs(service: Service) -> None:
    """Nothing is lost and nothing doubled: each repository has one pull request, with its label."""
    names = [f"acme/shop-{number}" for number in range(10)]
    files = {"Dockerfile": NAIVE, "slimify.toml": "[bot]\nlabels = ['docker']\n"}
    for name in names:
        service.forge.create_repository(name, files)
    service.run("queue", *(word for name in names for word in ("--put", f"github:{name}")))
    opened = lambda: sum(len(service.forge.repositories[name].pulls) for name in names)  # noqa: E731
    with service.running("work") as process:
        until(lambda: opened() >= 3)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert opened() < 10, "else nothing was left to be lost"
    assert not service.run("queue").startswith("0 waiting, 0 running")
    with service.running("work"):
        until(lambda: service.run("queue").startswith("0 waiting, 0 running, 0 dead"))
    for name in names:
        pulls = service.forge.repositories[name].pulls
        assert [(pull.state, pull.labels) for pull in pulls.values()] == [("open", ["docker"])], name


def test_what_fails_is_kept_and_can_be_tried_again(service: Service) -> None:
    service.run("queue", "--put", "github:acme/gone")
    assert re.match(r"1 waiting, 0 running, 0 dead\n", service.run("queue"))
    done = subprocess.run(
        service.command("queue", "--put", "elsewhere:acme/x"), env=service.environment, capture_output=True, text=True
    )
    assert done.returncode == 2 and "FORGE:REPO" in done.stderr
