"""Proofs with a real engine: applications of the bench, rewrites that are broken on purpose, and a kill.

They need the engine that `bench/engine.sh start` starts, in which base images may be made under their real names.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from bench import apps, bases, rewriters
from slimify.proof.engine import BuildOptions, Engine, EngineError, find_engine
from slimify.proof.prove import Proof, Prover, Subject, Verdict
from slimify.proof.session import REPOSITORY, clear_leftovers, session
from slimify.proof.smoke import Smoke

pytestmark = pytest.mark.xdist_group("engine")

DEBIAN, PYTHON = "debian:bookworm-slim", "python:3.11-slim"
OPTIONS = BuildOptions(network="host", timeout=900)
# Bundled applications, and what they need besides the base images of the broken rewrites.
PROVED = ("c-make", "node-express", "node-typescript", "py-fastapi-uv", "py-flask-gunicorn", "py-pandas")
IMAGES = (DEBIAN, "debian:bookworm", PYTHON, "python:3.11", "node:20-slim", "node:20")


@pytest.fixture(scope="session")
def engine() -> Engine:
    if not os.environ.get("SLIMIFY_STAND_INS"):
        pytest.skip("no engine of `bench/engine.sh start` (as root, on Debian): nothing was built")
    try:
        found = find_engine("docker")
    except EngineError as error:
        pytest.skip(str(error))
    bases.make(IMAGES, quick=True)
    return found


@pytest.mark.parametrize("name", PROVED)
def test_a_bundled_application(engine: Engine, tmp_path: Path, name: str) -> None:
    (app,) = apps.load(only=(name,))
    context = tmp_path / "context"
    app.copy_to(context)
    written = rewriters.by_slimify("standard", app, context)
    with session(engine) as names:
        prover = Prover(engine, names, OPTIONS, app.smoke, lambda _: None, rebuild=False)
        proof = prover.prove(written.subject(app.naive, context))
    assert proof.differences == ()
    assert proof.verdict is Verdict.SMALLER, proof.after and proof.after.built.log[-2000:]
    assert proof.after is not None
    assert proof.after.size < proof.before.size


SERVER = """\
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(open("/etc/greeting", "rb").read())

http.server.HTTPServer(("", 8000), Handler).serve_forever()
"""
SERVED = f"""\
FROM {PYTHON}
RUN pip install --no-cache-dir idna==3.7 && echo hello > /etc/greeting
WORKDIR /app
COPY . .
RUN echo 1 > made
EXPOSE 8000
CMD ["python3", "server.py"]
"""
QUERY = f"""\
FROM {DEBIAN}
RUN apt-get update && apt-get install -y --no-install-recommends sqlite3 && rm -rf /var/lib/apt/lists/*
CMD ["sqlite3", ":memory:", "select 6 * 7"]
"""
BROKEN = {
    "library": (
        QUERY.replace("lists/*", "lists/* /usr/lib/*/libsqlite3.so*"),
        ["/usr/bin/sqlite3 needs libsqlite3.so.0", "exit status"],
    ),
    "file": (SERVED.replace("EXPOSE", "RUN rm made\nEXPOSE"), ["/app/made"]),
    "copied file": (
        SERVED.replace("COPY . .", "COPY note.txt ."),
        ["/app/server.py", "exit status", "answer of 8000/"],
    ),
    "command": (SERVED.replace('"server.py"', '"-u", "server.py"'), ["Cmd"]),
    "import": (
        SERVED.replace("> /etc/greeting", "> /etc/greeting && rm /usr/local/lib/python3*/*-packages/idna/core.py"),
        ["Python package idna loads"],
    ),
    "answer": (SERVED.replace("echo hello", "echo good-bye"), ["answer of 8000/"]),
}


class Prove(NamedTuple):
    """Proves against what was built once."""

    prover: Prover
    context: Path

    def __call__(self, before: str, after: str) -> Proof:
        return self.prover.prove(Subject(before, after, str(self.context), (None, None)))


@pytest.fixture(scope="module")
def prove(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prove]:
    context = tmp_path_factory.mktemp("context")
    (context / "server.py").write_text(SERVER)
    (context / "note.txt").write_text("x\n")
    with session(engine) as names:
        yield Prove(Prover(engine, names, OPTIONS, Smoke(wait=15), lambda _: None, rebuild=False), context)


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_caught(prove: Prove, what: str) -> None:
    after, expected = BROKEN[what]
    proof = prove(QUERY if after.startswith(QUERY[:25]) else SERVED, after)
    assert proof.verdict is Verdict.DIFFERENT
    assert [one.what for one in proof.differences] == expected


def test_what_is_not_broken_passes(prove: Prove) -> None:
    proof = prove(SERVED, SERVED + "# a comment\n")
    assert proof.differences == ()
    assert proof.verdict is Verdict.SAME_SIZE
    assert proof.seen is not None
    assert proof.seen[0].answers == {"8000/": "200\nhello"}


def test_a_rewrite_that_does_not_build(prove: Prove) -> None:
    assert prove(SERVED, SERVED.replace("RUN echo 1", "RUN exit 7")).verdict is Verdict.NOT_BUILT


def left(engine: Engine) -> list[str]:
    folders = [one.name for one in Path(tempfile.gettempdir()).glob(f"{REPOSITORY}-*")]
    return [*engine.images(REPOSITORY), *engine.containers(f"{REPOSITORY}-"), *folders]


def wait_for(found: Iterator[bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not next(found):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.2)


def test_a_kill_in_the_middle_of_a_build_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    # The second layer would be there some time after the next start, were the build not ended.
    dockerfile.write_text(f"FROM {DEBIAN}\nRUN echo began\nRUN sleep 8\n")
    assert not clear_leftovers(engine)
    command = [sys.executable, "-m", "slimify", "prove", "--network", "host", str(dockerfile)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    logs = Path(tempfile.gettempdir())
    pattern = f"{REPOSITORY}-p{process.pid}s*/0/log"
    wait_for("sleep 8" in "".join(one.read_text() for one in logs.glob(pattern)) for _ in iter(int, 1))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [one for one in left(engine) if f"p{process.pid}s" in one]
    (cleared,) = clear_leftovers(engine)
    assert cleared.startswith(f"p{process.pid}s")
    assert not [one for one in left(engine) if cleared in one]
    time.sleep(12)
    assert not [one for one in left(engine) if cleared in one]
