"""Nothing is opened but what the Dockerfile can reach: the interpreter itself tells what is.

An audit hook cannot be taken away again, so each case runs in an interpreter of its own. Files are opened by
their name in an open folder, and so by names that are each there only once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_WATCHED = """
import json, os, sys
import slimify

opened, listed = set(), set()

def hook(event, arguments):
    if event == "open":
        opened.add(os.path.basename(arguments[0]) if isinstance(arguments[0], str) else "")
    elif event in ("os.scandir", "os.listdir"):
        listed.add(os.path.realpath(arguments[0] or "."))

text, level = open("Dockerfile").read(), sys.argv[1]
sys.addaudithook(hook)
outcome = slimify.fix(text, context=".", level=level)
print(json.dumps([sorted(opened), sorted(listed), [change.rewrite.transform for change in outcome.changes]]))
"""

_FILES = {
    ".dockerignore": "docs\nsecret-*\n",
    "requirements.txt": "flask==3.0.3\n",
    "package.json": '{"name": "app", "dependencies": {"express": "4.19.2"}}',
    "package-lock.json": json.dumps(
        {
            "name": "app",
            "lockfileVersion": 3,
            "packages": {
                "": {"name": "app", "dependencies": {"express": "4.19.2"}},
                "node_modules/express": {"version": "4.19.2"},
            },
        }
    ),
    "src/app.py": "import flask\nimport src.other\n",
    "src/other.py": "import os\n",
    "src/server.js": "require('express')()\n",
    "src/page.html": "<p>git</p>\n",
    "tests/test_app.py": "import src.app\n",
    "tools/release.sh": "git push\n",
    "tools/Makefile": "all:\n\tgit push\n",
    "data/numbers.csv": "1,2\n",
    "docs/conf.py": "import git\n",
    "docs/deep/index.py": "import git\n",
    "secret-key": "x\n",
    ".git/config": "x\n",
    ".git/objects/pack": "x" * 200_000,
}
_IGNORED = {"conf.py", "index.py", "secret-key"}
_OUTSIDE = {"outside.py", "beside.txt"}


def watch(folder: Path, dockerfile: str, level: str = "standard") -> tuple[set[str], set[str], list[str]]:
    """The files of the folder and those beside it that were opened, the folders listed, and what was changed."""
    root = folder / "context"
    for path, text in {**{f"context/{path}": text for path, text in _FILES.items()}, "other/outside.py": ""}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "beside.txt").write_text("x")
    (root / "src" / "linked.py").symlink_to("../../other/outside.py")
    (root / "Dockerfile").write_text(dockerfile)
    command = [sys.executable, "-P", "-c", _WATCHED, level]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    opened, listed, transforms = json.loads(done.stdout)
    known = {path.name for path in folder.rglob("*") if path.is_file()}
    below = {path for path in listed if path.startswith(str(folder.resolve())) and Path(path).is_dir()}
    return known & set(opened), below, transforms


_PYTHON = (
    "FROM python:3.12\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    'COPY src src\nCMD ["python", "-m", "src.app"]\n'
)
_NODE = (
    "FROM node:20\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci\n"
    'COPY src src\nCMD ["node", "src/server.js"]\n'
)


@pytest.mark.parametrize(
    ("dockerfile", "reachable", "read"),
    [
        (_PYTHON, {"requirements.txt", "app.py", "other.py"}, {"requirements.txt", "app.py", "other.py"}),
        (
            _NODE,
            {"package.json", "package-lock.json", "server.js"},
            {"package.json", "package-lock.json", "server.js"},
        ),
        (
            "FROM debian:12\nCOPY data /data\nRUN apt-get update && apt-get install -y curl\n",
            {"numbers.csv"},
            set(),
        ),
    ],
    ids=["python", "node", "debian"],
)
def test_only_what_is_copied_is_read(dockerfile: str, reachable: set[str], read: set[str], tmp_path: Path) -> None:
    opened, listed, transforms = watch(tmp_path, dockerfile)
    assert transforms
    assert read <= opened <= reachable | {".dockerignore"}
    assert not [path for path in listed if not path.startswith(str(tmp_path.resolve() / "context"))]
    assert not [path for path in listed if "docs" in path]


def test_of_a_whole_context_nothing_is_read_that_is_ignored(tmp_path: Path) -> None:
    opened, listed, transforms = watch(tmp_path, _PYTHON.replace("COPY src src", "COPY . ."))
    assert "slim-base" in transforms
    assert {"requirements.txt", "app.py", "Makefile"} <= opened
    assert not opened & (_IGNORED | _OUTSIDE)
    assert not [path for path in listed if "docs" in path or "other" in path]
    # The version history is weighed, and not looked into.
    assert not opened & {"config", "pack"}


def test_at_level_safe_nothing_is_opened(tmp_path: Path) -> None:
    opened, listed, transforms = watch(tmp_path, _PYTHON, level="safe")
    assert transforms == ["clean-package-cache"]
    assert not opened
    assert not listed
