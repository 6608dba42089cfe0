"""What can go wrong with git, told apart by what a caller does about it."""

from __future__ import annotations

import re

MAX_MESSAGE = 400
"""How much of git's own words an error carries, in characters."""


class GitError(Exception):
    """git refuses, or is refused. The message has no secrets and no control characters in it, and may be shown."""


class EmptyRepositoryError(GitError):
    """There is no commit in the repository, or none on any branch."""


class TooLargeError(GitError):
    """The repository, its tree or one of its files is beyond the limits that were set."""


class TemporaryGitError(GitError):
    """It may work later: the network, an error of the server, or a time limit."""


class RefusedError(GitError):
    """The forge does not let this happen: no access, a protected branch, a hook that declined, a redirect."""


class StaleError(GitError):
    """The branch is not where it was expected to be: somebody else has pushed."""


# What git 2.39 to 2.53, libcurl and OpenSSH print with LC_ALL=C. The first that matches holds: a server's refusal
# is followed by complaints about the connection, which are its consequence.
_KINDS: tuple[tuple[type[GitError], re.Pattern[str]], ...] = (
    (
        TooLargeError,
        re.compile(r"File too large|[Oo]ut of memory|Cannot allocate memory|exceeds maximum allowed"),
    ),
    (
        StaleError,
        re.compile(r"\(stale info\)|cannot lock ref|failed to lock|reference already exists|incorrect old value"),
    ),
    (TemporaryGitError, re.compile(r"\([Ii]nternal [Ss]erver [Ee]rror\)")),  # a refusal by its form only
    (
        RefusedError,
        re.compile(
            r"Authentication failed|could not read (?:Username|Password)|terminal prompts disabled"
            r"|returned error: (?:30\d|40[0134])|unable to update url base from redirection"
            r"|[Rr]epository .*not found|does not appear to be a git repository|remote rejected|hook declined"
            r"|[Pp]ermission (?:to .*)?denied|[Aa]ccess denied|Host key verification failed"
            r"|transport '.*' not allowed"
        ),
    ),
    (
        TemporaryGitError,
        re.compile(
            r"returned error: (?:5\d\d|408|429)|[Cc]ould not resolve host|[Cc]ould not resolve hostname"
            r"|[Ff]ailed to connect|[Cc]onnection (?:refused|reset|timed out|was reset|closed)|[Tt]imed? ?out"
            r"|unexpected disconnect|transfer closed with|early EOF|hung up unexpectedly|RPC failed"
            r"|Empty reply from server|[Nn]etwork is unreachable|No route to host"
            r"|SSL_ERROR_SYSCALL|TLS connection was non-properly terminated"
            r"|remote failed to report status|expected flush after ref listing|Operation too slow"
        ),
    ),
)

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def error_of(said: str) -> GitError:
    """The error for what git has said, which has no secrets in it any more: its kind, and its words made short."""
    kind = next((kind for kind, pattern in _KINDS if pattern.search(said)), GitError)
    return kind(shortened(said) or "git failed and did not say why")


def shortened(said: str) -> str:
    """git's words in one line. What came first says what went wrong; the rest are mostly consequences and advice."""
    lines = [_CONTROL.sub("", line).strip() for line in said.replace("\r", "\n").split("\n")]
    # What a server wants to tell is kept, as it may be the reason, but behind git's own words.
    told = [line for line in lines if line and not line.startswith(("hint:", "warning:", "Cloning into"))]
    told.sort(key=lambda line: line.startswith("remote:"))
    text = "; ".join(told)
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
