"""Proofs for the bot: what a repository may say of them, and whole visits with a real engine."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

from bench import apps
from slimify.bot.prover import allowed
from slimify.bot.settings import Building
from slimify.proof.engine import Engine
from slimify.trial import Trial
from tests.bot.story import story
from tests.proof.test_engine import engine as engine  # a fixture

pytestmark = pytest.mark.xdist_group("engine")


def test_what_a_repository_may_not_say() -> None:
    hostile = Trial(
        run=("python",),
        expect="x",
        wait=99_999.0,
        network="host",
        arguments=("--privileged", "-v", "/:/host"),
        engine="podman",
        builder="theirs",
        platform="linux/arm64",
        secrets=("id=x,src=/etc/shadow",),
        timeout=999_999.0,
        max_size=10**12,
    )
    assert allowed(hostile, Building(engine="docker")) == Trial(
        run=("python",), expect="x", wait=300.0, engine="docker", timeout=1800.0, max_size=10_000_000_000
    )


@pytest.fixture
def project(tmp_path: Path) -> dict[str, str | bytes]:
    """The files of an application of the bench, as people write it."""
    (app,) = apps.load(only=("c-make",))
    app.copy_to(tmp_path / "context")
    files = [path for path in (tmp_path / "context").rglob("*") if path.is_file()]
    found: dict[str, str | bytes] = {str(path.relative_to(tmp_path / "context")): path.read_bytes() for path in files}
    return {**found, "Dockerfile": app.naive}


def test_a_proof_stands_in_the_pull_request(
    engine: Engine, tmp_path: Path, project: dict[str, str | bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both versions are built, and no token is where the builds could find it."""
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    with story("github", tmp_path, project) as one:
        bot = one.bot._replace(prove=Building(enabled=True, network="host", rebuild=False))
        event = one.one(bot=bot)
        assert event.what == "opened", event.why
        pull = one.pulls[1]
        assert re.fullmatch(r"Make the image \d+ MB smaller \(\d+ MB → \d+ MB\)", pull.title)
        assert "estimate" not in pull.title
        assert "| image |" in pull.body and one.forge.published[0][1].startswith("<!DOCTYPE html>")
        assert one.one(bot=bot).why == "it is up to date", "what is up to date is not proved again"
    assert not list(Path(tempfile.gettempdir()).glob("slimify-tree-*"))


def test_what_breaks_the_program_is_not_proposed(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dockerfile = (
        "FROM debian:bookworm-slim\nRUN nonexistent-command\nRUN apt-get update && apt-get install -y curl\nCMD true\n"
    )
    with story("github", tmp_path, {"Dockerfile": dockerfile}) as one:
        event = one.one(bot=one.bot._replace(prove=Building(enabled=True, network="host", rebuild=False)))
        assert event.what == "left" and event.why.startswith("Dockerfile: Dockerfile does not build as it is")
        assert not one.pulls
