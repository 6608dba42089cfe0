"""What a worker does with a job: one visit, in a process of its own."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from slimify.bot.allowance import Allowance
from slimify.bot.forge import ForgeError, TemporaryError
from slimify.bot.forges.connect import connect
from slimify.bot.git_errors import GitError, TemporaryGitError
from slimify.bot.git_process import Credentials
from slimify.bot.jobs import Ended, Job, Result
from slimify.bot.redact import Secrets, log_to_stderr
from slimify.bot.reports import Report, as_data, report_of
from slimify.bot.schedule import ScheduleError
from slimify.bot.settings import Bot
from slimify.bot.visit import Visitor
from slimify.config import ConfigError
from slimify.report.common import one_line

# What git is told for a user name beside a token. Sources: GitHub docs, "Authenticating as a GitHub App installation";
# GitLab docs, "Clone with a token"; Gitea docs, "API usage": any name will do there.
_USERS = {"github": "x-access-token", "gitlab": "oauth2", "gitea": "slimify"}

_DONE = ("opened", "refreshed", "closed")
_log = logging.getLogger(__name__)


def modules_for(bot: Bot) -> tuple[str, ...]:
    """What every visit loads: the forges' libraries, and the engine, whose transforms are found by entry points."""
    kinds = dict.fromkeys(account.kind for account in bot.accounts.values())
    return (*(f"slimify.bot.forges.{kind}" for kind in kinds), "slimify.rewrite.pipeline", "slimify.transforms")


class Errand(NamedTuple):
    """What all visits of a process have in common.

    `tokens` are those of the forges, by name. `reports` is a folder in which each visit leaves its report under the
    number of its job, None for nobody wants it. `tries` is how often a visit may come to nothing for a while; None
    means that there is time.
    """

    bot: Bot
    tokens: Mapping[str, str]
    allowance: str
    reports: str | None = None
    tries: int | None = None

    def __repr__(self) -> str:
        return "Errand(…)"


def visit_job(errand: Errand, job: Job) -> Result:
    """Visit a repository, and say how it ended, without secrets. Nothing of what can happen is raised."""
    secrets = Secrets(errand.tokens.values())
    account = errand.bot.accounts.get(job.forge)
    if account is None or job.forge not in errand.tokens:
        return Result(Ended.FAILED, f"there is no forge {job.forge} any more")
    token = errand.tokens[job.forge]
    if errand.tries is None:
        # A process of its own, in which nobody has settled where its words go. `bot run` has a report for them.
        log_to_stderr(secrets)

    def say(text: str) -> None:
        # A repository has a say in it, and gets no second line.
        _log.info("%s: %s", job.repository, one_line(secrets.redact(text)))

    try:
        visitor = Visitor(
            connect(account.kind, account.url, token),
            errand.bot,
            Credentials(_USERS[account.kind], token),
            # Of a day, because a server goes on and on.
            Allowance(f"{errand.allowance}-{datetime.now(UTC):%F}", errand.bot.max_new),
            lambda: datetime.now(UTC),
            say,
            secrets.redact,
        )
        visited = visitor.visit(job.repository, again=job.attempt > 1)
    except (TemporaryError, TemporaryGitError) as error:
        late = errand.tries is not None and job.attempt >= errand.tries
        wait = error.wait if isinstance(error, TemporaryError) else None
        return Result(Ended.FAILED if late else Ended.LATER, secrets.redact(str(error)), wait)
    except (ForgeError, GitError, ConfigError, ScheduleError) as error:
        return Result(Ended.FAILED, secrets.redact(str(error)))
    if errand.reports is not None:
        _leave(report_path(errand.reports, job), report_of(visited, whole=errand.bot.dry_run))
    said = "; ".join(f"{one.what} {one.url or one.branch}: {one.why}" for one in visited.events)
    return Result(
        Ended.DONE, secrets.redact(said), None, tuple(one.what for one in visited.events if one.what in _DONE)
    )


def report_path(folder: str, job: Job) -> str:
    """Where a visit leaves its report."""
    return os.path.join(folder, f"{job.number}.json")


def _leave(path: str, report: Report) -> None:
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(as_data(report), file)
