"""Measure how many repositories a minute the bot visits, without proofs, and the memory that it takes.

    python scripts/bench_bot.py [--repositories N] [--workers N]…

Repositories are the applications of bench/apps, many times over, each a git repository of its own, behind a forge that
is none, on this machine (tests/bot/fakes), which takes its part of the processors. For each number of workers every
repository is visited twice: first a pull request is opened, and then there is nothing to do. Ratios are to one worker.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import apps
from tests.bot.fakes import FakeForge, FakeGitHub

NAME = "acme/shop-{}"


class Measured(NamedTuple):
    """Repositories a minute, and the most memory that the bot's processes had together, in bytes."""

    per_minute: float
    memory: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repositories", type=int, default=500)
    parser.add_argument("--workers", type=int, action="append")
    arguments = parser.parse_args()
    print("| workers | opening, a minute | ratio | nothing to do, a minute | ratio | memory, at most |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    first: tuple[Measured, Measured] | None = None
    for workers in arguments.workers or (1, 2, 4):
        with tempfile.TemporaryDirectory() as folder:
            opening, idle = both(Path(folder), arguments.repositories, workers)
        first = first or (opening, idle)
        ratios = [now.per_minute / then.per_minute for now, then in zip((opening, idle), first, strict=True)]
        memory = max(opening.memory, idle.memory) / 1e6
        print(
            f"| {workers} | {opening.per_minute:.0f} | {ratios[0]:.2f} | {idle.per_minute:.0f} | {ratios[1]:.2f}"
            f" | {memory:.0f} MB |",
            flush=True,
        )


def both(folder: Path, repositories: int, workers: int) -> tuple[Measured, Measured]:
    """A visit that opens pull requests, and one that finds nothing to do."""
    with FakeGitHub(FakeForge(folder)) as server:
        every = [files(app, folder / app.name) for app in apps.load()]
        for number in range(repositories):
            server.forge.create_repository(NAME.format(number), every[number % len(every)])
        opening = visit(server, repositories, workers)
        opened = sum(len(one.pulls) for one in server.forge.repositories.values())
        assert opened > repositories * 0.9, f"only {opened} pull requests were opened"
        return opening, visit(server, repositories, workers)


def files(app: apps.App, folder: Path) -> dict[str, str | bytes]:
    """An application as people write it."""
    app.copy_to(folder)
    found: dict[str, str | bytes] = {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    return {**found, "Dockerfile": app.naive}


def visit(server: FakeGitHub, repositories: int, workers: int) -> Measured:
    """One run of `slimify bot run` over all of them."""
    command = [sys.executable, "-m", "slimify", "bot", "run", "--url", server.url, "--workers", str(workers)]
    command += ["--max-new", str(repositories), "--from-file", "-"]
    names = "\n".join(NAME.format(number) for number in range(repositories))
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GITHUB_TOKEN": server.forge.token}
    begun = time.monotonic()
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    watch = Watch(process.pid)
    watch.start()
    process.communicate(names)
    seconds = time.monotonic() - begun
    watch.over.set()
    assert process.returncode == 0
    return Measured(60 * repositories / seconds, watch.most)


class Watch(threading.Thread):
    """Looks again and again at the memory of a process and of all that it started (PSS: what is shared counts once)."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.most = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.5):
            self.most = max(self.most, sum(map(memory, family(self.pid))))


def family(pid: int) -> list[int]:
    """A process, its children, and theirs."""
    found = [pid]
    for one in found:
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def memory(pid: int) -> int:
    """The bytes of a process; none if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
