"""How a forge is asked, whichever library asks it: what is repeated, what is waited for, and what an error tells.

The libraries' own repeats are off. PyGithub and python-gitlab repeat a POST after an error of the server, which may
have done it, and wait as long as a forge asks for; here one call of the bot's has a bound for all its waiting.
"""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from slimify.bot.forge import Comment, ForbiddenError, ForgeError, NotFoundError, TemporaryError

T = TypeVar("T")

PATIENCE = 60.0
"""How many seconds one call may wait in all, before it says that it is to be tried later."""

TIMEOUT = 20
"""How many seconds a forge may be silent."""

LIMIT = 2000
"""How many items of a list are looked at, so that no forge keeps the bot busy for ever."""

REPEATS = 3
USER_AGENT = "slimify-bot"
LONGEST = 300


class Failed(NamedTuple):
    """What the exception of a client library tells.

    `status` is None where no whole answer came, and 0 where the library would not go on.
    """

    status: int | None
    message: str
    headers: Mapping[str, str] = {}

    @property
    def unclear(self) -> bool:
        """Whether a write may have been done all the same."""
        return self.status is None or self.status >= 500 or self.status == 408


class RefusedError(ForgeError):
    """A forge understood what was asked and will not do it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Ask:
    """One call of the bot's with all its requests. `what` goes on after "cannot", such as "open a pull request".

    `tell` reads the exceptions of one client library; those that it answers with None are raised as they are.
    `redact` takes the token out of what they say.
    """

    def __init__(self, what: str, tell: Callable[[Exception], Failed | None], redact: Callable[[str], str]) -> None:
        self._what = what
        self._tell = tell
        self._redact = redact
        self._left = PATIENCE

    def read(self, request: Callable[[], T]) -> T:
        """Ask for what may be asked twice: to read, and to write what stays the same when it is written again.

        Raises `ForgeError`.
        """
        return self._repeat(request, REPEATS, lambda: None)

    def write(self, request: Callable[[], T], done: Callable[[], T | None], there: Collection[int] = ()) -> T:
        """Ask for what must not be done twice. If it may have been done, `done` looks, and None says it was not.

        `there` are the statuses by which a forge may say that it was done before. Raises `ForgeError`.
        """
        try:
            return self._repeat(request, REPEATS, done)
        except RefusedError as refused:
            if refused.status not in there or (found := done()) is None:
                raise
            return found

    def do(self, request: Callable[[], object], done: Callable[[], bool]) -> None:
        """As `write`, for what has no answer that anybody needs. Raises `ForgeError`."""

        def requested() -> bool:
            request()
            return True

        self.write(requested, lambda: done() or None)

    def once(self, request: Callable[[], T]) -> T:
        """Ask for what must not be done twice and cannot be looked for. Raises `ForgeError`."""
        return self._repeat(request, 0, lambda: None)

    def each(self, request: Callable[[int], T]) -> Iterator[T]:
        """The items of a list in turn, until `request` raises `IndexError` or `StopIteration`."""
        for index in range(LIMIT):
            try:
                item = self.read(lambda index=index: request(index))  # type: ignore[misc]
            except (IndexError, StopIteration):
                return
            yield item

    def _repeat(self, request: Callable[[], T], repeats: int, done: Callable[[], T | None]) -> T:
        repeated = 0
        while True:
            found = self._try(request)
            if not isinstance(found, Failed):
                return found
            limited = rate_limit(found)
            if limited is not None:
                self._wait(limited, found)
            elif found.unclear and repeated < repeats:
                # Half of it at random, so that many workers do not come back together.
                self._wait(retry_after(found.headers) or 2**repeated * random.uniform(0.5, 1), found)
                repeated += 1
                if (looked := done()) is not None:
                    return looked
            else:
                raise self._error(found)

    def _try(self, request: Callable[[], T]) -> T | Failed:
        # What is raised is raised outside of `except`: a traceback would else show the library's exception too,
        # which may quote a header or an address.
        try:
            return request()
        except Exception as error:
            failed = self._tell(error)
            if failed is None:
                raise
        return failed

    def _wait(self, seconds: float, failed: Failed) -> None:
        if seconds > self._left:
            raise TemporaryError(self._message(failed), seconds)
        self._left -= seconds
        time.sleep(seconds)

    def _error(self, failed: Failed) -> ForgeError:
        message = self._message(failed)
        if failed.unclear:
            return TemporaryError(message, retry_after(failed.headers))
        if failed.status in (404, 410):
            return NotFoundError(message)
        if failed.status in (401, 403):
            return ForbiddenError(message)
        return RefusedError(message, failed.status or 0)

    def _message(self, failed: Failed) -> str:
        said = " ".join(self._redact(failed.message).split())
        if len(said) > LONGEST:
            said = said[: LONGEST - 1] + "…"
        status = {None: "no answer: ", 0: ""}.get(failed.status, f"{failed.status} ")
        return f"cannot {self._what}: {status}{said}"


def last_is(comments: Iterable[Comment], author: str, body: str) -> bool:
    """Whether this is the last that an author has said."""
    return [one.body for one in comments if one.author == author][-1:] == [body]


def rate_limit(failed: Failed) -> float | None:
    """How many seconds a rate limit wants waited; None if something else is the matter.

    GitHub: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api, which says 403 as
    well as 429, and a minute where there is no header. GitLab: https://docs.gitlab.com/security/rate_limits/.
    """
    headers = {name.lower(): value for name, value in failed.headers.items()}
    used_up = headers.get("x-ratelimit-remaining", headers.get("ratelimit-remaining")) == "0"
    says_so = used_up or "retry-after" in headers or "rate limit" in failed.message.lower()
    if failed.status != 429 and not (failed.status == 403 and says_so):
        return None
    asked = retry_after(headers)
    if asked is not None:
        return max(asked, 1.0)
    reset = headers.get("x-ratelimit-reset", headers.get("ratelimit-reset", ""))
    if used_up and reset.isdigit():
        # A second more: nothing says when within its second the reset happens.
        return max(int(reset) - time.time(), 0.0) + 1
    return 60.0


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that `Retry-After` asks for, which holds a number or a date (RFC 9110, section 10.2.3)."""
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(email.utils.parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
