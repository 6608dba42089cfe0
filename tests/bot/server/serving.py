"""Serve a queue in a process of its own: PLACE FOLDER SECONDS. The port is the first line of the output.

With `none` for the seconds nothing is visited; with `sweep` neither, and repositories are swept, every other time in
vain.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from slimify.bot.jobs import Job, Visit
from slimify.bot.server import Address, Hook, Sweep, serve
from tests.bot.queue.visits import open_queue, visit

SECRET = "a secret of some length"


_times = itertools.count()


def swept() -> Iterator[Job]:
    time = next(_times)
    if time % 2 == 0:
        raise ConnectionError("https://token@forge")
    yield from (Job("hub", f"acme/{time}-{number}", "sweep") for number in range(3))


def main() -> None:
    place, folder, seconds = sys.argv[1:]
    queue = open_queue(place)
    chosen: Visit | None = None
    if seconds not in ("none", "sweep"):
        chosen = functools.partial(visit, Path(folder), float(seconds))
    sweep = Sweep(swept, seconds=0.1) if seconds == "sweep" else None
    hooks = {"hub": Hook("github", (SECRET,))}
    serve(queue, hooks, chosen, address=Address(port=0), sweep=sweep, on_listening=lambda port: print(port, flush=True))
    queue.close()


if __name__ == "__main__":
    main()
