"""`slimify bot run`: visit repositories once, several at a time, and say what was done."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from slimify.bot.forge import Forge
from slimify.bot.forges.connect import connect
from slimify.bot.jobs import Ended, Job, Retries
from slimify.bot.queue_sqlite import temporary_queue
from slimify.bot.reports import Report, from_data
from slimify.bot.settings import Account, Bot
from slimify.bot.stopping import stopping_on_signals
from slimify.bot.visiting import Limits
from slimify.bot.visits import Errand, modules_for, report_path, visit_job
from slimify.bot.workers import Ending, work

# Somebody waits for it: a fault is tried once more, and what may work later not for hours.
_RETRIES = Retries(attempts=2, first=5.0, longest=60.0)
_TRIES = 6


class Wanted(NamedTuple):
    """Which repositories to visit: by name, those of owners, and those that a search finds."""

    names: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()


def repositories(forge: Forge, wanted: Wanted) -> Iterator[str]:
    """The names, each once, in their order. Raises `ForgeError`."""
    seen: set[str] = set()
    for name in _named(forge, wanted):
        if name.lower() not in seen:
            seen.add(name.lower())
            yield name


def _named(forge: Forge, wanted: Wanted) -> Iterator[str]:
    yield from wanted.names
    for owner in wanted.owners:
        yield from (one.name for one in forge.of_owner(owner))
    for query in wanted.searches:
        yield from (one.name for one in forge.search(query))


def names_in(lines: Iterable[str]) -> tuple[str, ...]:
    """The names in a file, one on a line; blank lines and what follows a `#` do not count."""
    bare = (line.partition("#")[0].strip() for line in lines)
    return tuple(line for line in bare if line)


def run(bot: Bot, account: Account, token: str, wanted: Wanted, show: Callable[[Report], None]) -> int:
    """Visit what is wanted, and give each report to `show` as it comes. Returns how many repositories were not visited.

    Raises `ForgeError` where it cannot be found out what to visit, and `QueueError` for a full disk.
    """
    names = list(repositories(connect(account.kind, account.url, token), wanted))
    bot = bot._replace(accounts={account.name: account})
    left = set(names)
    with (
        tempfile.TemporaryDirectory(prefix="slimify-bot-") as folder,
        temporary_queue(retries=_RETRIES) as queue,
        stopping_on_signals() as stop,
    ):
        for name in names:
            queue.put(Job(account.name, name, "run"))
        errand = Errand(bot, {account.name: token}, os.path.join(folder, "opened"), folder, _TRIES)

        def ended(ending: Ending) -> None:
            if ending.result.ended is Ended.DONE:
                left.discard(ending.job.repository)
                show(_report(folder, ending.job))

        work(
            queue,
            partial(visit_job, errand),
            workers=bot.workers,
            stop=stop,
            limits=Limits(seconds=bot.visit_timeout),
            until_empty=True,
            on_end=ended,
            preload=modules_for(bot),
        )
        for dead in queue.dead():
            show(Report(dead.job.repository, error=dead.said))
    return len(left)


def _report(folder: str, job: Job) -> Report:
    path = report_path(folder, job)
    with open(path, encoding="utf-8") as file:
        found = from_data(json.load(file))
    os.unlink(path)
    return found
