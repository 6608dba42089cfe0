"""`slimify bot run` as a user has it: a process, a token in the environment, a forge on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bot.fakes import FakeForge, FakeGitHub, Fault
from tests.bot.story import NAIVE, TIDY

TOKEN = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeGitHub]:
    with FakeGitHub(FakeForge(tmp_path / "forge", token=TOKEN)) as one:
        one.forge.create_repository("acme/shop", {"Dockerfile": NAIVE})
        one.forge.create_repository("acme/tidy", {"Dockerfile": TIDY})
        one.forge.create_repository("acme/none", {"README.md": "x"})
        yield one


def bot(server: FakeGitHub, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "slimify", "bot", "run", "--url", server.url, *arguments]
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GITHUB_TOKEN": TOKEN, **environment}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert TOKEN not in done.stdout + done.stderr
    return done


def test_an_owner(server: FakeGitHub) -> None:
    done = bot(server, "--org", "acme")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [
        "  Make the image about 75 MB smaller (estimated)",
        "acme/none: left: it has no Dockerfile",
        f"acme/shop: opened: there is something to improve {server.url}/acme/shop/pull/1",
        "acme/tidy: left (slimify/smaller-images): there is nothing to improve",
    ]
    assert "3 repositories: 2 left, 1 opened" in done.stderr
    assert "up to date" in bot(server, "acme/shop").stdout


def test_a_dry_run(server: FakeGitHub) -> None:
    done = bot(server, "--dry-run", "acme/shop")
    assert done.returncode == 0, done.stderr
    assert "acme/shop: would open" in done.stdout
    assert {"    -FROM debian:12", "    +FROM debian:12-slim"} <= set(done.stdout.splitlines())
    assert "/slimify stop" in done.stdout, "the whole text is shown"
    assert not server.forge.repositories["acme/shop"].pulls


def test_for_programs(server: FakeGitHub) -> None:
    done = bot(server, "--format", "json", "acme/shop", "acme/nowhere")
    assert done.returncode == 2, "one could not be visited"
    found = {one["repository"]: one for one in json.loads(done.stdout)}
    assert found["acme/shop"]["events"][0]["what"] == "opened"
    assert "404" in found["acme/nowhere"]["error"]


def test_names_from_a_file(server: FakeGitHub, tmp_path: Path) -> None:
    listed = tmp_path / "names"
    listed.write_text("# ours\nacme/shop\n\nacme/tidy  # small\nACME/shop\n")
    done = bot(server, "--dry-run", "--from-file", str(listed))
    assert "2 repositories" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "why"),
    [
        ((), {}, "name repositories"),
        (("acme/shop",), {"GITHUB_TOKEN": ""}, "$GITHUB_TOKEN: is not set"),
        (("acme/shop", "--forge", "bitbucket"), {}, "there is no forge bitbucket"),
        (("acme/shop", "--url", "http://forge.example"), {}, "in clear text"),
        (("acme/shop", "--token-file", "/nowhere"), {}, "/nowhere: cannot be read"),
        (("--from-file", "/nowhere"), {}, "/nowhere: cannot be read"),
        (("acme/shop", "--workers", "0"), {}, "at least 1"),
        (("acme/shop", "--settings", "/nowhere.toml"), {}, "/nowhere.toml: cannot be read"),
    ],
)
def test_bad_usage(server: FakeGitHub, arguments: tuple[str, ...], environment: dict[str, str], why: str) -> None:
    done = bot(server, *arguments, **environment)
    assert (done.returncode, done.stdout) == (2, "") and why in done.stderr


def test_a_wrong_token(server: FakeGitHub) -> None:
    done = bot(server, "acme/shop", GITHUB_TOKEN="ghp_wrongwrongwrongwrongwrong")
    assert done.returncode == 2 and "ghp_wrong" not in done.stdout + done.stderr


def test_what_works_again_after_a_while(server: FakeGitHub) -> None:
    server.forge.faults.append(Fault("git-upload-pack", status=503, times=2))
    done = bot(server, "acme/shop")
    assert done.returncode == 0 and "opened" in done.stdout


def test_names_that_are_attacks(server: FakeGitHub) -> None:
    names = [
        "../../etc/passwd",
        "--upload-pack=touch /tmp/x",
        "acme/shop\n::error::x",
        "acme/\x1b[31m",
        "a b/c",
        "acme",
    ]
    done = bot(server, "--", *names)
    assert "\x1b" not in done.stdout and "\n::error" not in done.stdout
    assert all("skipped" in line for line in done.stdout.splitlines())
    assert not [path for _, path, _ in server.forge.requests if "passwd" in path or "error" in path]
