"""What the bot asks of a forge, whichever it is. Nothing here knows of a client library."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol


class ForgeError(Exception):
    """A forge that refuses, or cannot be reached. The message has no secrets in it, and may be shown."""


class NotFoundError(ForgeError):
    """There is no such thing, or the token may not see it; a forge does not tell which."""


class ForbiddenError(ForgeError):
    """The token may not do this."""


class TemporaryError(ForgeError):
    """It may work later: a rate limit, an error of the server, a broken connection.

    `wait` is how many seconds the forge asks for, None where it does not say.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class Repository(NamedTuple):
    """A repository as its forge describes it. `name` is its path there, such as `owner/name`.

    One is `private` unless everybody can read it.
    """

    name: str
    clone_url: str
    web_url: str
    default_branch: str
    archived: bool = False
    fork: bool = False
    empty: bool = False
    can_push: bool = True
    private: bool = True


class State(enum.Enum):
    """What became of a pull request."""

    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


class PullRequest(NamedTuple):
    """A pull request (GitLab: merge request) from a branch of the repository itself. `number` is the one people see.

    `author` is the login name, `head` the branch.
    """

    number: int
    state: State
    title: str
    body: str
    url: str
    author: str
    head: str
    base: str
    draft: bool = False
    labels: tuple[str, ...] = ()


class Comment(NamedTuple):
    """A comment of the conversation, not of a line. `author` is the login name."""

    number: int
    author: str
    body: str


class NewPullRequest(NamedTuple):
    """What a pull request is opened with."""

    head: str
    base: str
    title: str
    body: str
    draft: bool = False


class Suggestion(NamedTuple):
    """A review comment on lines of a file as the pull request has it.

    `first` and `last` count from 1. `body` is Markdown, and may hold a suggestion block.
    """

    path: str
    first: int
    last: int
    body: str


class Forge(Protocol):
    """A forge with a token. Every method raises `ForgeError`; waiting for rate limits is done inside, within reason.

    Names of repositories, branches and files come checked: `slimify.bot.names` says what is let through.
    """

    kind: str
    """`github`, `gitlab` or `gitea`."""

    def me(self) -> str:
        """The login name that the token belongs to."""
        ...

    def repository(self, name: str) -> Repository: ...

    def of_owner(self, owner: str) -> Iterator[Repository]:
        """The repositories of an organisation, a group with its subgroups, or a user."""
        ...

    def search(self, query: str) -> Iterator[Repository]:
        """What the forge's own search for repositories finds."""
        ...

    def with_branch(self, repository: str, branch: str) -> Sequence[PullRequest]:
        """The pull requests from this branch of the repository itself, in any state, the newest first."""
        ...

    def open_from(self, repository: str, prefix: str) -> Sequence[PullRequest]:
        """The open pull requests from branches of the repository itself whose names begin so."""
        ...

    def open(self, repository: str, new: NewPullRequest) -> PullRequest: ...

    def update(self, repository: str, number: int, *, title: str, body: str) -> None: ...

    def close(self, repository: str, number: int) -> None: ...

    def delete_branch(self, repository: str, branch: str) -> None:
        """Delete a branch; nothing happens if it is gone."""
        ...

    def comments(self, repository: str, number: int) -> Sequence[Comment]:
        """The comments of the conversation, the oldest first."""
        ...

    def comment(self, repository: str, number: int, body: str) -> None: ...

    def may_write(self, repository: str, login: str) -> bool:
        """Whether a person may push to the repository."""
        ...

    def label(self, repository: str, number: int, labels: Sequence[str]) -> None:
        """Add labels; those that do not exist are made if that is allowed, and left out otherwise."""
        ...

    def request_review(self, repository: str, number: int, people: Sequence[str], teams: Sequence[str]) -> None:
        """Ask for reviews. Who cannot be asked is left out."""
        ...

    def suggest(self, repository: str, number: int, commit: str, suggestions: Sequence[Suggestion]) -> None:
        """A review with comments on lines, as one."""
        ...

    def publish(self, name: str, text: str) -> str | None:
        """Put a page where people with the link can see it, and return its address; None where that cannot be."""
        ...
