"""What a forge remembers, whichever API it is asked through. Branches lie in bare git repositories on disk."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.bot.fakes.faults import Fault

NOBODY = "0" * 40


class Answer(NamedTuple):
    """What an API says to a request."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}


@dataclass
class FakeUser:
    """Somebody with an account. An `installation` is a GitHub App's token: no `/user`, no gists."""

    login: str
    id: int
    token: str = ""
    installation: bool = False


@dataclass
class FakeComment:
    number: int
    author: str
    body: str
    system: bool = False


@dataclass
class FakeReview:
    """`comments` are as the API was given them."""

    author: str
    commit: str
    comments: list[dict[str, Any]]
    body: str = ""


@dataclass
class FakePull:
    """A pull request. `title` is without the prefix by which GitLab and Gitea mark drafts."""

    number: int
    id: int
    repository: FakeRepository
    source: FakeRepository
    head: str
    base: str
    title: str
    body: str
    author: str
    draft: bool = False
    state: str = "open"
    last_head: str = NOBODY
    labels: list[str] = field(default_factory=list)
    comments: list[FakeComment] = field(default_factory=list)
    reviews: list[FakeReview] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)

    @property
    def head_commit(self) -> str:
        """The tip of the branch while the pull request is open; what it was when it was closed, afterwards."""
        tip = self.source.tip(self.head) if self.state == "open" else ""
        if tip:
            self.last_head = tip
        return self.last_head


@dataclass
class FakeRepository:
    """A repository with its bare git repository. `permissions`: `admin`, `write` or `read`, by login."""

    forge: FakeForge
    id: int
    name: str
    bare: Path
    default_branch: str = "main"
    private: bool = False
    archived: bool = False
    parent: FakeRepository | None = None
    permissions: dict[str, str] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    pulls: dict[int, FakePull] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        return self.name.rpartition("/")[0]

    @property
    def short_name(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def clone_url(self) -> str:
        return f"{self.forge.public}/{self.name}.git"

    @property
    def empty(self) -> bool:
        return not self._packed() and not any(one.is_file() for one in (self.bare / "refs/heads").rglob("*"))

    def git(self, *arguments: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run git on the bare repository and return its output without white space around it."""
        command = ["git", "--git-dir", str(self.bare), *arguments]
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **(env or {})}
        ran = subprocess.run(command, input=stdin, env=environment, capture_output=True, check=True)
        return ran.stdout.decode().strip()

    def tip(self, branch: str) -> str:
        """The commit a branch points to, empty if there is no such branch."""
        # Read from the files (man gitrepository-layout): a long list would else start git for each of its items.
        with contextlib.suppress(OSError):
            return (self.bare / "refs/heads" / branch).read_text().strip()
        return self._packed().get(f"refs/heads/{branch}", "")

    def _packed(self) -> dict[str, str]:
        packed = self.bare / "packed-refs"
        lines = packed.read_text().splitlines() if packed.exists() else []
        return {line[41:]: line[:40] for line in lines if line[0] not in "#^" and line[41:].startswith("refs/heads/")}

    def read(self, branch: str, path: str) -> str:
        """The text of a file in a branch, without white space around it."""
        return self.git("show", f"refs/heads/{branch}:{path}")

    def push_as(
        self,
        login: str,
        branch: str,
        files: Mapping[str, str | bytes | None],
        message: str = "Change",
        onto: str | None = None,
    ) -> str:
        """Commit files (None deletes one) on a branch, which begins at `onto` if it is new; return the commit."""
        parent = self.tip(branch) or self.tip(onto or self.default_branch)
        index = {"GIT_INDEX_FILE": str(self.bare / "fake-index")}
        self.git("read-tree", parent or "--empty", env=index)
        for path, text in files.items():
            if text is None:
                self.git("update-index", "--index-info", stdin=f"0 {NOBODY}\t{path}\n".encode(), env=index)
                continue
            blob = self.git("hash-object", "-w", "--stdin", stdin=text.encode() if isinstance(text, str) else text)
            self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
        tree = self.git("write-tree", env=index)
        who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in _person(login)}
        above = ["-p", parent] if parent else []
        commit = self.git("commit-tree", tree, *above, "-m", message, env=who)
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def delete_branch(self, branch: str) -> None:
        for pull in self.pulls.values():
            _ = pull.head_commit  # remembers the tip
        self.git("update-ref", "-d", f"refs/heads/{branch}")

    def open_as(
        self,
        login: str,
        head: str,
        base: str | None = None,
        title: str = "Title",
        body: str = "",
        *,
        draft: bool = False,
        source: FakeRepository | None = None,
    ) -> FakePull:
        """Open a pull request; `source` is the fork it comes from."""
        number, home = len(self.pulls) + 1, source or self
        pull = FakePull(
            number=number,
            id=next(self.forge.ids),
            repository=self,
            source=home,
            head=head,
            base=base or self.default_branch,
            title=title,
            body=body,
            author=login,
            draft=draft,
        )
        self.pulls[number] = pull
        return pull

    def comment_as(self, login: str, number: int, text: str) -> FakeComment:
        comment = FakeComment(next(self.forge.ids), login, text)
        self.pulls[number].comments.append(comment)
        return comment

    def note(self, number: int, login: str, text: str) -> None:
        """What a forge itself says in a conversation."""
        self.pulls[number].comments.append(FakeComment(next(self.forge.ids), login, text, system=True))

    def close_by_user(self, number: int) -> None:
        """Close a pull request without merging it, as a person does in the browser."""
        self._end(number, "closed")

    def merge(self, number: int) -> str:
        """Merge a pull request and return the base's new tip. The branch stays."""
        pull = self.pulls[number]
        base, head = self.tip(pull.base), pull.head_commit
        tree = self.git("rev-parse", f"{head}^{{tree}}")
        who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in _person("merger")}
        merged = self.git("commit-tree", tree, "-p", base, "-p", head, "-m", f"Merge #{number}", env=who)
        self.git("update-ref", f"refs/heads/{pull.base}", merged)
        self._end(number, "merged")
        return merged

    def reopen(self, number: int) -> None:
        self.pulls[number].state = "open"

    def _end(self, number: int, state: str) -> None:
        pull = self.pulls[number]
        _ = pull.head_commit  # remembers the tip
        pull.state = state


class FakeForge:
    """A forge without an API: hand it to `FakeGitHub`, `FakeGitLab` or `FakeGitea`.

    `token` is the bot's. `requests` are all that were made, as (method, path with query, body), and `answers` what
    the API said to each.
    """

    def __init__(self, folder: Path, bot: str = "slimify-bot", token: str = "token-of-the-bot") -> None:
        self.folder = folder
        self.ids = itertools.count(101)
        self.lock = threading.RLock()
        self.public = ""
        self.users: dict[str, FakeUser] = {}
        self.organisations: set[str] = set()
        self.repositories: dict[str, FakeRepository] = {}
        self.published: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, object]] = []
        self.answers: list[Answer] = []
        self.bot = bot
        self.token = token
        self.add_user(bot, token)

    def add_user(self, login: str, token: str = "", *, installation: bool = False) -> FakeUser:
        user = FakeUser(login, next(self.ids), token, installation)
        self.users[login] = user
        return user

    def user(self, login: str) -> FakeUser:
        """Somebody, who gets an account if there was none."""
        return self.users.get(login) or self.add_user(login)

    def of_token(self, token: str) -> FakeUser | None:
        return next((user for user in self.users.values() if user.token and user.token == token), None)

    def create_repository(
        self,
        name: str,
        files: Mapping[str, str | bytes] | None = None,
        *,
        bare: Path | None = None,
        default_branch: str = "main",
        private: bool = False,
        archived: bool = False,
        parent: FakeRepository | None = None,
    ) -> FakeRepository:
        """Create a repository, with a first commit if `files` are given. The bot may push to it.

        `bare` is an existing bare git repository; one is made where it is None.
        """
        if bare is None:
            bare = self.folder / f"{name}.git"
            bare.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["git", "init", "-q", "--bare", "-b", default_branch, str(bare)], check=True)
        made = FakeRepository(self, next(self.ids), name, bare, default_branch, private, archived, parent)
        made.permissions[self.bot] = "write"
        self.repositories[name] = made
        if made.owner not in self.users:
            self.organisations.add(made.owner)
        if files:
            made.push_as("author", default_branch, files, "First")
        return made


def _person(login: str) -> tuple[tuple[str, str], ...]:
    return ("NAME", login), ("EMAIL", f"{login}@example.org"), ("DATE", "2026-01-02T03:04:05Z")
