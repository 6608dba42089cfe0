"""What the GitHub Action runs, by hand: annotations, a SARIF file, a summary, and the pull request."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import slimify
from tests.bot.fakes import FakeForge, FakeGitHub
from tests.bot.story import NAIVE, TIDY

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
SLIMIFY = Path(sys.executable).with_name("slimify")


def run(folder: Path, **inputs: str) -> tuple[int, str, dict[str, str], str]:
    """The status, what is printed, the outputs, and the summary."""
    output, summary = folder / "output", folder / "summary"
    output.touch()
    summary.touch()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "SLIMIFY": str(SLIMIFY),
        "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(summary),
        **{f"INPUT_{name.upper()}" if name.islower() else name: value for name, value in inputs.items()},
    }
    command = [str(ROOT / "bot" / "action.sh")]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
    return done.returncode, done.stdout + done.stderr, outputs, summary.read_text()


def test_every_input_reaches_the_script_through_the_environment() -> None:
    steps = ACTION["runs"]["steps"]
    environment = steps[-1]["env"]
    given = {
        re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", value)[1] for value in environment.values() if "inputs." in value
    }  # type: ignore[index]
    assert given == set(ACTION["inputs"])
    assert not any("${{" in step["run"] for step in steps), "an expression in a script is run as part of it"
    read = set(re.findall(r"INPUT_[A-Z_]+", (ROOT / "bot" / "action.sh").read_text()))
    assert read == {name for name in environment if name.startswith("INPUT_")}
    assert not any("uses" in step for step in steps), "what is not ours would have to be pinned"


def test_check(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(NAIVE)
    status, said, outputs, summary = run(tmp_path, paths="Dockerfile\n")
    assert status == 0
    assert "::notice file=Dockerfile,line=1" in said or "::warning file=Dockerfile" in said
    assert json.loads(Path(outputs["sarif"]).read_text())["version"] == "2.1.0"
    assert outputs["changes"] == "1"
    assert "slim-base" in summary
    assert (tmp_path / "Dockerfile").read_text() == NAIVE, "a check writes nothing"
    assert run(tmp_path, paths="Dockerfile", fail="true")[0] == 1


def test_check_of_what_is_tidy(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(TIDY)
    status, _, outputs, _ = run(tmp_path, fail="true")
    assert (status, outputs["changes"]) == (0, "0")


def test_check_of_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM\n")
    status, said, _, _ = run(tmp_path)
    assert status == 2 and "Dockerfile:1:1" in said


@pytest.mark.parametrize("paths", ["--help", "; touch pwned", "$(touch pwned)", "`touch pwned`"])
def test_inputs_are_never_run(tmp_path: Path, paths: str) -> None:
    status, _, _, _ = run(tmp_path, paths=paths, level="standard")
    assert status == 2 and not (tmp_path / "pwned").exists()


def test_pull_request(tmp_path: Path) -> None:
    with FakeGitHub(FakeForge(tmp_path / "forge")) as server:
        server.forge.create_repository("acme/shop", {"Dockerfile": NAIVE})
        given = {"GITHUB_SERVER_URL": server.url, "GITHUB_REPOSITORY": "acme/shop"}
        status, said, outputs, summary = run(tmp_path, mode="pull-request", token=server.forge.token, **given)
        assert status == 0, said
        assert outputs["changes"] == "1" and "acme/shop: opened" in summary
        assert server.forge.token not in said + summary
        (pull,) = server.forge.repositories["acme/shop"].pulls.values()
        assert pull.state == "open"


def test_a_mode_that_is_none(tmp_path: Path) -> None:
    status, said, _, _ = run(tmp_path, mode="dance")
    assert status == 2 and "'dance'" in said


def test_all_that_is_needed_is_pinned() -> None:
    """With its hash, at a version that pyproject.toml allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "bot" / "requirements.txt").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+) ", lines, re.MULTILINE))
    assert len(pinned) == len(re.findall(r"^\S+==\S+ \\\n +--hash=sha256:", lines, re.MULTILINE))
    for text in (*project["dependencies"], *project["optional-dependencies"]["bot"]):
        wanted = Requirement(text)
        assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), text


@pytest.mark.parametrize("level", ["safe", "standard", "aggressive"])
def test_there_is_nothing_to_improve_in_our_own_image(level: str) -> None:
    path = ROOT / "bot" / "Dockerfile"
    outcome = slimify.fix(path.read_bytes(), path=str(path), context=str(ROOT), level=level)
    assert outcome.diff() == ""


def test_the_template_for_gitlab() -> None:
    template = yaml.safe_load((ROOT / "bot" / "gitlab.yml").read_text())
    scripts = [line for job in template.values() if "script" in job for line in job["script"]]
    assert all("slimify" in line for line in scripts) and len(scripts) == 2
    assert not any("TOKEN" in word for line in scripts for word in line.split("slimify", 1)[1].split())
