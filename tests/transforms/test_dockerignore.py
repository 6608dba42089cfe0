"""What is kept out of the build context, and what never is."""

from __future__ import annotations

import pytest

from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.syntax.source import Source

BIG = b"x" * 200_000
NODE = "FROM node:20\nCOPY package.json .\nRUN npm ci\nCOPY . .\nCMD node a.js\n"
PYTHON = "FROM python:3.12\nCOPY . /app\nRUN pip install -r /app/requirements.txt\n"
SOME = {"package.json": b'{"scripts": {"build": "vite build"}}', "a.js": b"1", "requirements.txt": b"flask\n"}


def run(text: str, files: dict[str, bytes]) -> Outcome:
    context = MemoryContext({**SOME, **files}, root="ctx")
    return fix(Source(text), Options(only=("dockerignore",)), context)


def written(outcome: Outcome) -> str | None:
    return outcome.files[0].after if outcome.files else None


@pytest.mark.parametrize(
    ("text", "path", "entry"),
    [
        (NODE, ".git/objects/pack", ".git"),
        (NODE, "node_modules/a/index.js", "**/node_modules"),
        (NODE, "web/node_modules/a/index.js", "**/node_modules"),
        (PYTHON, "app/__pycache__/a.cpython-312.pyc", "**/__pycache__"),
        (PYTHON, ".mypy_cache/3.12/a.json", "**/.mypy_cache"),
        (PYTHON, ".idea/workspace.xml", ".idea"),
    ],
)
def test_what_is_there_is_kept_out(text: str, path: str, entry: str) -> None:
    outcome = run(text, {path: BIG})
    assert written(outcome) is not None
    assert entry in (written(outcome) or "").splitlines()
    assert outcome.files[0].path == "ctx/.dockerignore"
    assert outcome.before.text == outcome.after.text
    assert outcome.changed
    again = MemoryContext({**SOME, path: BIG, ".dockerignore": (written(outcome) or "").encode()})
    assert not fix(outcome.after, Options(only=("dockerignore",)), again).changed


@pytest.mark.parametrize(
    ("text", "files"),
    [
        (NODE, {}),
        (NODE, {".git/HEAD": b"small"}),
        (NODE.replace("COPY . .", "COPY a.js ."), {".git/x": BIG}),
        (NODE.replace("COPY . .", "COPY . .\nCOPY .git .git"), {".git/x": BIG}),
        (NODE.replace("COPY . .", "ARG D=.git\nCOPY . .\nCOPY $D /v"), {".git/x": BIG}),
        (NODE.replace("COPY . .", "ARG D=_modules\nCOPY . .\nCOPY node$D /v"), {"node_modules/a.js": BIG}),
        (NODE.replace("COPY . .", "COPY . .\nRUN git describe > version"), {".git/x": BIG}),
        (NODE, {".git/x": BIG, "package.json": b'{"scripts": {"build": "git describe"}}'}),
        (NODE, {".git/x": BIG, "a.js": b"exec('git', ['rev-parse'])"}),
        (PYTHON, {".git/x": BIG, "pyproject.toml": b'[build-system]\nrequires = ["setuptools-scm"]\n'}),
        (PYTHON, {".git/x": BIG, "Makefile": b"version:\n\tgit describe\n"}),
        (PYTHON, {".git/x": BIG, "Dockerfile.test": b"FROM a\nRUN git status\n"}),
        (PYTHON, {"node_modules/a.js": BIG}),
        (NODE.replace("RUN npm ci\n", ""), {"node_modules/a.js": BIG}),
        (NODE.replace("COPY . .", "COPY . .\nCOPY node_modules node_modules"), {"node_modules/a.js": BIG}),
        (PYTHON, {"venv/x": BIG}),
        (PYTHON + "ENV PATH=/app/.venv/bin:$PATH\n", {".venv/pyvenv.cfg": b"", ".venv/x": BIG}),
        (NODE, {".git/x": BIG, ".dockerignore": b"*.md\n!README.md\n"}),
        ("ARG D\n" + NODE.replace("COPY . .", "ARG D\nCOPY . .\nCOPY $D /x"), {".git/x": BIG}),
        (NODE.replace("COPY . .", "COPY . .\nCOPY absent ."), {".git/x": BIG}),
    ],
)
def test_what_may_be_needed_stays(text: str, files: dict[str, bytes]) -> None:
    assert not run(text, files).changed


def test_addresses_are_no_use_of_the_history() -> None:
    package = b'{"repository": {"type": "git", "url": "git+https://github.com/a/b.git"}, "scripts": {"a": "tsc"}}'
    project = b'[project.urls]\nHome = "https://github.com/a/b.git"\n'
    assert run(NODE, {".git/x": BIG, "package.json": package, "pyproject.toml": project}).changed


def test_an_existing_file_is_extended_in_its_own_line_ends() -> None:
    outcome = run(NODE, {".git/x": BIG, ".dockerignore": b"*.md\r\n*.txt"})
    assert written(outcome) == "*.md\r\n*.txt\r\n.git\r\n"
    assert outcome.diff().endswith("+*.txt\r\n+.git\r\n")


def test_the_report_says_what_is_won() -> None:
    (change,) = run(NODE, {".git/a": BIG, ".git/b": BIG}).changes
    assert change.rewrite.title == "keep .git out of the build context"
    assert "400,000 bytes in 2 files" in change.rewrite.reason
    assert change.rewrite.saves == 400_000
    assert change.line == 4


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        (".env", b"PASSWORD=a", True),
        ("keys/server.pem", b"-----BEGIN PRIVATE KEY-----", True),
        ("certs/ca.pem", b"-----BEGIN CERTIFICATE-----", False),
        (".env.example", b"PASSWORD=", False),
        ("node_modules/a/x.pem", b"-----BEGIN PRIVATE KEY-----", False),
    ],
)
def test_secrets_are_told_and_left(path: str, content: bytes, told: bool) -> None:
    outcome = run(NODE, {path: content})
    assert not outcome.changed
    warnings = [one.finding.title for one in outcome.notices if one.finding.severity.value == "warning"]
    assert bool(warnings) == told
    assert all(path in title for title in warnings)


def test_the_dockerfile_is_no_other_one_once_it_has_changed() -> None:
    text = "FROM python:3.12-slim\n# As from git:\nRUN pip install flask\nCOPY . .\nCMD python a.py\n"
    files = {**SOME, ".git/x": BIG, "Dockerfile": text.encode()}
    outcome = fix(Source(text, "ctx/Dockerfile"), Options(), MemoryContext(files, root="ctx"))
    assert {change.rewrite.transform for change in outcome.changes} == {"clean-package-cache", "dockerignore"}
    files["Dockerfile"] = outcome.after.data
    files[".dockerignore"] = outcome.files[0].after.encode()
    assert not fix(outcome.after, Options(), MemoryContext(files, root="ctx")).changed
    files["Dockerfile.dev"] = b"FROM debian\nRUN git describe\n"
    del files[".dockerignore"]
    assert not fix(outcome.after, Options(), MemoryContext(files, root="ctx")).changed
