"""Repositories made up for measuring: as many files as are asked for, laid out as those of real applications are."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

Files = Iterator[tuple[str, str]]


def python() -> Files:
    """A web application that pip installs, with its sources, tests, pictures and pages; without end."""
    yield (
        "Dockerfile",
        (
            "FROM python:3.12\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
            'COPY . .\nEXPOSE 8000\nCMD ["gunicorn", "shop.app:app"]\n'
        ),
    )
    yield "requirements.txt", "flask==3.0.3\ngunicorn==22.0.0\nrequests==2.32.3\n"
    yield "shop/app.py", "import flask\n\nfrom shop import models\n\napp = flask.Flask(__name__)\n"
    yield "shop/models.py", "import os\n"
    source = "import json\nimport os\n\n\ndef shown(value):\n    return json.dumps([os.name, value])\n"
    yield from _endless("shop", "py", source * 10, "tests", "def test_it():\n    assert True\n" * 10)


def node() -> Files:
    """A server that npm installs from a lock file of 300 packages, with all the rest; without end."""
    yield (
        "Dockerfile",
        (
            "FROM node:20\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci\n"
            'COPY . .\nEXPOSE 3000\nCMD ["node", "src/server.js"]\n'
        ),
    )
    manifest = {
        "name": "shop",
        "version": "1.0.0",
        "scripts": {"start": "node src/server.js", "lint": "eslint ."},
        "dependencies": {"express": "^4.19.2"},
        "devDependencies": {"eslint": "^9.0.0"},
    }
    locked: dict[str, object] = {"": manifest}
    for number in range(300):
        locked[f"node_modules/package-{number}"] = {"version": "1.0.0", "integrity": "sha512-" + "a" * 86}
    locked["node_modules/express"] = {"version": "4.19.2"}
    locked["node_modules/eslint"] = {"version": "9.0.0", "dev": True}
    yield "package.json", json.dumps(manifest, indent=2)
    yield "package-lock.json", json.dumps({"name": "shop", "lockfileVersion": 3, "packages": locked}, indent=2)
    yield "src/server.js", "const express = require('express')\nexpress().listen(3000)\n"
    source = "const fs = require('fs')\nmodule.exports = () => fs.readFileSync('x')\n"
    yield from _endless("src", "js", source * 10, "test", "test('it', () => {})\n" * 10)


def _endless(sources: str, ending: str, source: str, tests: str, test: str) -> Files:
    number = 0
    while True:
        yield f"{sources}/part{number % 50}/module{number}.{ending}", source
        yield f"{tests}/part{number % 30}/test_{number}.{ending}", test
        yield f"static/part{number % 60}/picture{number}.svg", "<svg></svg>\n" * 50
        yield f"docs/part{number % 40}/page{number}.md", "# A page\n\nSome text.\n" * 20
        number += 1


APPLICATIONS: dict[str, tuple[Callable[[], Files], list[str]]] = {
    "Python": (python, ["Dockerfile", "requirements.txt"]),
    "Node": (node, ["Dockerfile", "package.json", "package-lock.json"]),
}
"""Each with the files that say how it is built."""


def make(folder: Path, files: Files, count: int) -> None:
    """A git repository of so many files."""
    for path, text in _first(files, count):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    author = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-q", "-m", "all of it"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def _first(files: Files, count: int) -> Files:
    for _, file in zip(range(count), files, strict=False):
        yield file
