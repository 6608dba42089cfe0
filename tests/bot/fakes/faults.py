"""What goes wrong between a forge and its client, on purpose."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Fault:
    """Spoils the next `times` requests whose `METHOD /path?query` has `match` (a regular expression) in it.

    `done` does first what was asked, so that only the answer is lost. `cut` breaks the connection in the middle of
    an answer, `delay` waits so many seconds first, and with neither status nor cut the request is served afterwards.
    """

    match: str = ""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    times: int = 1
    cut: bool = False
    done: bool = False
    delay: float = 0.0

    def takes(self, request: str) -> bool:
        """Whether this request is spoiled; counts it if so."""
        if not self.times or not re.search(self.match, request):
            return False
        self.times -= 1
        return True


def primary_rate_limit(match: str = "", *, seconds: float = 1, times: int = 1) -> Fault:
    """GitHub's answer when an hour's requests are used up.

    https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time() + seconds))}
    return Fault(match, 403, headers, {"message": "API rate limit exceeded for user ID 101."}, times)


def secondary_rate_limit(match: str = "", *, seconds: int = 1, status: int = 403, times: int = 1) -> Fault:
    """GitHub's answer to too much at once; with status 429 that of GitLab, Gitea and what stands in front of them."""
    text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    return Fault(match, status, {"Retry-After": str(seconds)}, {"message": text}, times)
