"""`slimify bot serve` and `work`: a queue that stays, forges that post, and workers on any number of machines."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from slimify.bot.forges.connect import connect
from slimify.bot.jobs import Job, WorkQueue
from slimify.bot.queue_sqlite import SqliteQueue
from slimify.bot.redact import Secrets
from slimify.bot.run import Wanted, repositories
from slimify.bot.server import Address, AddressError, Hook, Sweep
from slimify.bot.server import serve as serve_queue
from slimify.bot.settings import Bot, secret_at
from slimify.bot.stopping import stopping_on_signals
from slimify.bot.visiting import Limits
from slimify.bot.visits import Errand, modules_for, visit_job
from slimify.bot.workers import work as work_queue
from slimify.config import ConfigError


def tokens_of(bot: Bot, secrets: Secrets) -> dict[str, str]:
    """The tokens of all forges by name. Raises `ConfigError` where one is missing."""
    found = {}
    for name, account in bot.accounts.items():
        token = secret_at(account.token)
        if token is None:
            raise ConfigError(f"forge.{name}", "needs token-env or token-file")
        secrets.add(token)
        found[name] = token
    if not found:
        raise ConfigError("forge", "no forge is settled, such as [forge.github]")
    return found


def hooks_of(bot: Bot, secrets: Secrets) -> dict[str, Hook]:
    """The forges that may post, by name, each with its secret. Raises `ConfigError`."""
    found = {}
    for name, account in bot.accounts.items():
        secret = secret_at(account.webhook_secret)
        if secret is not None:
            secrets.add(secret)
            found[name] = Hook(account.kind, (secret,))
    return found


@contextmanager
def opened(bot: Bot) -> Iterator[WorkQueue]:
    """The queue of the settings. Raises `ConfigError` and `QueueError`."""
    address = None if bot.database_at is None else secret_at(bot.database_at)
    queue: WorkQueue
    if address is None:
        queue = SqliteQueue(Path(bot.database))
    else:
        from slimify.bot.queue_postgres import PostgresQueue

        queue = PostgresQueue(address)
    try:
        yield queue
    finally:
        queue.close()


def sweep_of(bot: Bot, tokens: Mapping[str, str]) -> Callable[[], Iterator[Job]]:
    """All repositories of the owners, as jobs."""

    def jobs() -> Iterator[Job]:
        for name, account in bot.accounts.items():
            if account.owners:
                forge = connect(account.kind, account.url, tokens[name])
                yield from (Job(name, one, "sweep") for one in repositories(forge, Wanted(owners=account.owners)))

    return jobs


def serve(bot: Bot, secrets: Secrets, *, workers: bool = True) -> None:
    """Take what forges post, and visit, until a signal comes. Without `workers` others visit.

    `secrets` learns what there is to be hidden. Raises `ConfigError` and `QueueError`.
    """
    tokens, hooks = tokens_of(bot, secrets), hooks_of(bot, secrets)
    if not hooks:
        raise ConfigError("forge", "no forge may post: webhook-secret-env or webhook-secret-file is missing")
    with opened(bot) as queue, _visit(bot, tokens) as visit, _told_as_configuration():
        serve_queue(
            queue,
            hooks,
            visit if workers else None,
            address=Address(*bot.listen),
            workers=bot.workers,
            limits=Limits(seconds=bot.visit_timeout),
            preload=modules_for(bot),
            sweep=None if bot.sweep is None else Sweep(sweep_of(bot, tokens), bot.sweep),
        )


def work(bot: Bot, secrets: Secrets) -> None:
    """Visit what is in the queue, until a signal comes.

    `secrets` learns what there is to be hidden. Raises `ConfigError` and `QueueError`.
    """
    tokens = tokens_of(bot, secrets)
    with opened(bot) as queue, _visit(bot, tokens) as visit, stopping_on_signals() as stop:
        limits, preload = Limits(seconds=bot.visit_timeout), modules_for(bot)
        work_queue(queue, visit, workers=bot.workers, stop=stop, limits=limits, preload=preload)


@contextmanager
def _told_as_configuration() -> Iterator[None]:
    try:
        yield
    except AddressError as error:
        raise ConfigError("listen", str(error)) from None


@contextmanager
def _visit(bot: Bot, tokens: Mapping[str, str]) -> Iterator[partial]:  # type: ignore[type-arg]
    with tempfile.TemporaryDirectory(prefix="slimify-bot-") as folder:
        yield partial(visit_job, Errand(bot, tokens, os.path.join(folder, "opened")))
