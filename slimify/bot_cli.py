"""The command line of the bot, with typer. What the commands do stands in `slimify.bot`."""

from __future__ import annotations

import enum
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from slimify.run import FAILED, OK, complain, log, put

if TYPE_CHECKING:
    from slimify.bot.redact import Secrets
    from slimify.bot.reports import Report
    from slimify.bot.settings import Account, Bot

app = typer.Typer(help="Open pull requests that make images smaller, and keep them up to date.", no_args_is_help=True)


class Kind(enum.StrEnum):
    """The kinds of forges."""

    github = "github"
    gitlab = "gitlab"
    gitea = "gitea"


class BotFormat(enum.StrEnum):
    """The reports of `slimify bot run`."""

    text = "text"
    json = "json"


SettingsFile = Annotated[
    str | None, typer.Option("--settings", metavar="FILE", help="The settings of the one who runs the bot.")
]
NeededSettings = Annotated[
    str, typer.Option("--settings", metavar="FILE", help="The settings of the one who runs the bot.")
]


@app.command(
    epilog="Exit codes: 0 all repositories were visited; 2 bad usage, or some could not be visited. "
    "The token is read from GITHUB_TOKEN, GITLAB_TOKEN or GITEA_TOKEN, unless the settings or an option say otherwise."
)
def run(
    repositories: Annotated[
        list[str] | None, typer.Argument(metavar="[REPO]...", help="Repositories to visit, such as owner/name.")
    ] = None,
    org: Annotated[
        list[str] | None, typer.Option(metavar="OWNER", help="Visit all that belongs to this owner. Repeatable.")
    ] = None,
    search: Annotated[
        list[str] | None, typer.Option(metavar="QUERY", help="Visit what the forge's search finds. Repeatable.")
    ] = None,
    from_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Visit what this file names, one on a line; - for standard input."),
    ] = None,
    forge: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="github, gitlab, gitea, or a forge of the settings. (default: as the URL tells, or github)",
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the forge is, if it is one of your own.")
    ] = None,
    token_file: Annotated[str | None, typer.Option(metavar="FILE", help="Read the token from this file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; show all that would be done.")] = False,
    prove: Annotated[
        bool, typer.Option("--prove", help="Build and run both versions first, and propose what is the same program.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", "-j", metavar="N", help="Visits at a time. (default: 2)")
    ] = None,
    max_new: Annotated[
        int | None, typer.Option(metavar="N", help="How many pull requests may be opened. (default: 50)")
    ] = None,
    forks: Annotated[bool, typer.Option("--forks", help="Visit forks, too.")] = False,
    form: Annotated[BotFormat, typer.Option("--format", help="The report on standard output.")] = BotFormat.text,
    settings: SettingsFile = None,
) -> None:
    """Visit repositories once: open, refresh and close pull requests."""
    with _complaining():
        import json

        from slimify.bot.reports import as_data, as_text, summary
        from slimify.bot.run import Wanted, names_in
        from slimify.bot.run import run as visit

        bot = _settings(settings)
        account, token = _account(bot, forge, url, token_file)
        names = tuple(repositories or ())
        if from_file is not None:
            names += names_in(_lines(from_file))
        wanted = Wanted(names, tuple(org or ()), tuple(search or ()))
        if wanted == Wanted():
            raise typer.Exit(complain("name repositories, or where to find them: --org, --search, --from-file"))
        for option, value in (("--workers", workers), ("--max-new", max_new)):
            if value is not None and value < 1:
                raise typer.Exit(complain(f"{option} must be at least 1"))
        bot = bot._replace(
            dry_run=dry_run or bot.dry_run,
            forks=forks or bot.forks,
            workers=workers or bot.workers,
            max_new=max_new or bot.max_new,
            prove=bot.prove._replace(enabled=prove or bot.prove.enabled),
        )
        reports: list[Report] = []

        def show(report: Report) -> None:
            reports.append(report)
            if form is BotFormat.text:
                put(as_text(report))

        missed = visit(bot, account, token, wanted, show)
        if form is BotFormat.json:
            put(json.dumps([as_data(one) for one in reports], indent=2) + "\n")
        log(summary(reports))
        raise typer.Exit(FAILED if missed else OK)


@app.command(epilog="Exit codes: 0 it was asked to stop; 2 bad usage, or the queue cannot be used.")
def serve(
    settings: NeededSettings,
    workers: Annotated[
        bool, typer.Option("--workers/--no-workers", help="Visit here, too, or leave that to `slimify bot work`.")
    ] = True,
) -> None:
    """Take webhooks, keep a queue, and visit: the bot as a service."""
    with _complaining():
        from slimify.bot.service import serve as serve_all

        serve_all(_settings(settings), _logging(), workers=workers)


@app.command(epilog="Exit codes: 0 it was asked to stop; 2 bad usage, or the queue cannot be used.")
def work(settings: NeededSettings) -> None:
    """Visit what is in the queue: as many of these as wanted, on as many machines, with PostgreSQL."""
    with _complaining():
        from slimify.bot.service import work as work_on

        work_on(_settings(settings), _logging())


@app.command(epilog="Exit codes: 0 done; 2 bad usage, or the queue cannot be used.")
def queue(
    settings: NeededSettings,
    put_in: Annotated[
        list[str] | None, typer.Option("--put", metavar="FORGE:REPO", help="Put a repository in. Repeatable.")
    ] = None,
    revive: Annotated[
        list[int] | None, typer.Option(metavar="NUMBER", help="Try a dead job again. Repeatable.")
    ] = None,
) -> None:
    """Show how many repositories wait, and what could not be visited."""
    with _complaining():
        from slimify.bot.jobs import Job
        from slimify.bot.service import opened

        bot = _settings(settings)
        with opened(bot) as jobs:
            for one in put_in or ():
                forge, _, repository = one.partition(":")
                if forge not in bot.accounts or not repository:
                    raise typer.Exit(complain(f"--put {one} is no FORGE:REPO with a forge of the settings"))
                jobs.put(Job(forge, repository, "asked for"))
            for number in revive or ():
                if not jobs.revive(number):
                    raise typer.Exit(complain(f"there is no dead job {number}"))
            counts = jobs.counts()
            put(f"{counts.waiting} waiting, {counts.running} running, {counts.dead} dead\n")
            for dead in jobs.dead():
                put(f"{dead.job.number}  {dead.job.forge}:{dead.job.repository}  {dead.said}\n")


@contextmanager
def _complaining() -> Iterator[None]:
    """Say what is wrong, and end with the exit code for it."""
    try:
        from slimify.bot.forge import ForgeError
        from slimify.bot.jobs import QueueError
        from slimify.bot.redact import Secrets
        from slimify.config import ConfigError
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("slimify"):
            raise
        raise typer.Exit(complain(f"the bot needs {error.name}: pip install 'slimify[bot]'")) from None
    try:
        yield
    except (ForgeError, QueueError, ConfigError) as error:
        raise typer.Exit(complain(Secrets().redact(str(error)))) from None


def _settings(path: str | None) -> Bot:
    from slimify.bot.settings import Bot, read_settings

    return Bot() if path is None else read_settings(path)


def _account(bot: Bot, name: str | None, url: str | None, token_file: str | None) -> tuple[Account, str]:
    """The forge that is meant, and its token. Raises `ConfigError`."""
    from slimify.bot.forges.connect import kind_of
    from slimify.bot.settings import KINDS, Account, SecretPlace, address, secret_at
    from slimify.config import ConfigError
    from slimify.config_values import WrongError

    try:
        url = None if url is None else address(url)
    except WrongError as error:
        raise ConfigError("--url", str(error)) from None
    if name is None and len(bot.accounts) == 1:
        name = next(iter(bot.accounts))
    if name is None:
        name = (kind_of(url) if url is not None else None) or "github"
    account = bot.accounts.get(name)
    if account is None:
        if name not in KINDS:
            raise ConfigError("--forge", f"there is no forge {name} (known: {', '.join({**KINDS, **bot.accounts})})")
        account = Account(name, name, KINDS[name])
    account = account if url is None else account._replace(url=url)
    place = account.token if account.token != SecretPlace() else SecretPlace(env=f"{account.kind.upper()}_TOKEN")
    token = secret_at(place if token_file is None else SecretPlace(file=token_file))
    assert token is not None, "a place that names something has it, or raises"
    return account, token


def _lines(path: str) -> list[str]:
    from slimify.config import ConfigError

    try:
        if path == "-":
            return sys.stdin.read().splitlines()
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigError(path, f"cannot be read: {why}") from None


def _logging() -> Secrets:
    """Have a service talk to standard error, without the secrets that are returned, or any of a known form."""
    from slimify.bot.redact import Secrets, log_to_stderr

    secrets = Secrets()
    log_to_stderr(secrets)
    return secrets
