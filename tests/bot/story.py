"""Stories of the bot: a forge that remembers, people who do things, and visits. Each step is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from slimify.bot.allowance import Allowance
from slimify.bot.forge import Forge
from slimify.bot.forges.connect import connect
from slimify.bot.git_process import Credentials
from slimify.bot.settings import Author, Bot
from slimify.bot.settle import Event
from slimify.bot.visit import Visited, Visitor
from tests.bot.fakes import FakeForge, FakeGitea, FakeGitHub, FakeGitLab, FakePull, FakeServer

SERVERS: dict[str, type[FakeServer]] = {"github": FakeGitHub, "gitlab": FakeGitLab, "gitea": FakeGitea}

NAIVE = """\
FROM debian:12
RUN apt-get update
RUN apt-get install -y curl
COPY . /srv
CMD ["curl", "--version"]
"""
TIDY = """\
FROM debian:12-slim
COPY . /srv
CMD ["true"]
"""


class Story:
    """One repository, `acme/shop`, on one kind of forge."""

    def __init__(self, kind: str, folder: Path, server: FakeServer, files: dict[str, str | bytes]) -> None:
        self.kind = kind
        self.folder = folder
        self.server = server
        self.forge = server.forge
        self.now = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
        self.bot = Bot(author=Author("slimify", "slimify@example.org"))
        self.told: list[str] = []
        self.said: list[str] = []
        self.repository = self.forge.create_repository("acme/shop", files)

    def client(self) -> Forge:
        return connect(self.kind, self.server.url, self.forge.token)

    def visitor(self, bot: Bot | None = None) -> Visitor:
        bot = bot or self.bot
        allowance = Allowance(str(self.folder / "opened"), bot.max_new)
        credentials = Credentials("x-access-token", self.forge.token)
        return Visitor(self.client(), bot, credentials, allowance, lambda: self.now, self.said.append, str)

    def visit(self, *, bot: Bot | None = None, again: bool = False, name: str = "acme/shop") -> Visited:
        """A visit, as it is told."""
        visited = self.visitor(bot).visit(name, again)
        for event in visited.events:
            self.told.append(f"  the bot: {event.what}, {event.why}{f' - {event.title}' if event.title else ''}")
        return visited

    def one(self, *, bot: Bot | None = None, again: bool = False) -> Event:
        """A visit that comes to one event."""
        (event,) = self.visit(bot=bot, again=again).events
        return event

    def tell(self, what: str) -> None:
        """Something that a person does."""
        self.told.append(what)

    def change(self, files: dict[str, str | bytes | None], branch: str = "main", login: str = "ann") -> None:
        self.tell(f"{login} changes {', '.join(files)} on {branch}")
        self.repository.push_as(login, branch, files)

    def says(self, login: str, text: str, number: int = 1) -> None:
        self.tell(f"{login} comments on #{number}: {text}")
        self.repository.permissions.setdefault("ann", "write")
        self.forge.user(login)
        self.repository.comment_as(login, number, text)

    def closes(self, number: int = 1) -> None:
        self.tell(f"ann closes #{number}")
        self.repository.close_by_user(number)

    def merges(self, number: int = 1) -> None:
        self.tell(f"ann merges #{number}")
        self.repository.merge(number)

    @property
    def pulls(self) -> dict[int, FakePull]:
        return self.repository.pulls

    def changed_things(self) -> list[str]:
        """The requests that may have changed something since the last time."""
        found = [f"{method} {path}" for method, path, _ in self.forge.requests if method != "GET"]
        self.forge.requests.clear()
        return [one for one in found if "git-upload-pack" not in one]


@contextmanager
def story(kind: str, folder: Path, files: dict[str, str | bytes] | None = None) -> Iterator[Story]:
    """A story on a forge of this kind, with a repository of these files."""
    with SERVERS[kind](FakeForge(folder / "forge")) as server:
        yield Story(kind, folder, server, files if files is not None else {"Dockerfile": NAIVE})
