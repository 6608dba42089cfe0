"""Files beside the Dockerfile: written with it, in its diff, and applied later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run

NODE = (
    b"FROM node:20-slim\nWORKDIR /app\nCOPY package.json package-lock.json ./\n"
    b'RUN npm ci && npm cache clean --force\nCOPY . .\nCMD ["node", "a.js"]\n'
)


@pytest.fixture
def application(here: Path) -> Path:
    folder = here / "web app"
    for name in ("node_modules", "src"):
        (folder / name).mkdir(parents=True)
    (folder / "Dockerfile").write_bytes(NODE)
    (folder / "package.json").write_bytes(b"{}")
    (folder / "package-lock.json").write_bytes(b'{"lockfileVersion": 3, "packages": {}}')
    (folder / "node_modules" / "a.js").write_bytes(b"x" * 200_000)
    return folder


def test_it_is_written_with_the_dockerfile(application: Path, slimify: Run) -> None:
    done = slimify("fix")
    assert done.returncode == 0
    assert (application / ".dockerignore").read_bytes() == b"**/node_modules\n"
    assert (application / "Dockerfile").read_bytes() == NODE
    assert done.stderr == b"1 file rewritten\n"
    assert slimify("fix", "--check").returncode == 0


def test_it_is_only_told_with_check_and_diff(application: Path, slimify: Run) -> None:
    assert slimify("fix", "--check").returncode == 1
    patch = slimify("fix", "--diff").stdout
    assert patch == b"--- /dev/null\n+++ b/web app/.dockerignore\t\n@@ -0,0 +1,1 @@ dockerignore\n+**/node_modules\n"
    assert not (application / ".dockerignore").exists()


def test_a_saved_diff_makes_it(application: Path, slimify: Run) -> None:
    patch = slimify("fix", "--diff").stdout
    assert slimify("apply", "-", "--skip", "dockerignore", stdin=patch).returncode == 0
    assert not (application / ".dockerignore").exists()
    assert slimify("apply", "-", stdin=patch).returncode == 0
    assert (application / ".dockerignore").read_bytes() == b"**/node_modules\n"
    assert slimify("apply", "-", stdin=patch).returncode == 2


def test_an_existing_one_is_extended(application: Path, slimify: Run) -> None:
    (application / ".dockerignore").write_bytes(b"*.md")
    patch = slimify("fix", "--diff").stdout
    assert slimify("apply", "-", stdin=patch).returncode == 0
    assert (application / ".dockerignore").read_bytes() == b"*.md\n**/node_modules\n"


def test_no_other_file_is_made_by_a_patch(here: Path, slimify: Run) -> None:
    patch = b"--- /dev/null\n+++ b/evil.sh\n@@ -0,0 +1,1 @@\n+echo\n"
    assert slimify("apply", "-", stdin=patch).returncode == 2
    assert not (here / "evil.sh").exists()


def test_standard_input_leaves_it(application: Path, slimify: Run) -> None:
    done = slimify("fix", "-", "--stdin-filename", "web app/Dockerfile", stdin=NODE)
    assert (done.returncode, done.stdout) == (0, NODE)
    assert b".dockerignore: not written" in done.stderr
    assert not (application / ".dockerignore").exists()


def test_another_folder_can_be_the_context(application: Path, slimify: Run) -> None:
    (application / "docker").mkdir()
    (application / "Dockerfile").rename(application / "docker" / "Dockerfile")
    assert slimify("fix", "--check", "web app/docker").returncode == 0
    assert slimify("fix", "--context", "web app", "web app/docker").returncode == 0
    assert (application / ".dockerignore").read_bytes() == b"**/node_modules\n"
    assert slimify("fix", "--context", "nowhere", "web app/docker").returncode == 2


def test_level_safe_does_not_look_at_the_context(application: Path, slimify: Run) -> None:
    assert slimify("fix", "--check", "--level", "safe").returncode == 0


@pytest.mark.parametrize("form", ["json", "sarif", "markdown", "github"])
def test_reports_speak_of_it(application: Path, slimify: Run, form: str) -> None:
    done = slimify("fix", "--check", "--format", form)
    assert b"dockerignore" in done.stdout
    if form in ("json", "sarif"):
        json.loads(done.stdout)


def test_a_folder_that_is_not_the_context_is_not_believed(application: Path, slimify: Run) -> None:
    (application / "Dockerfile").write_bytes(NODE.replace(b"COPY . .", b"COPY shared .\nCOPY . ."))
    done = slimify("fix", "--check", "-v")
    assert done.returncode == 0
    assert b"not the build context" in done.stdout
