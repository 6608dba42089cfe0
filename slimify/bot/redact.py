"""Keeping secrets out of what is shown and logged: those that are known, and what has the look of one."""

from __future__ import annotations

import base64
import json
import logging
import re
import traceback
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
"""What stands where a secret was."""
SHORTEST = 4
"""A value of fewer characters is not hidden: it would be found everywhere, and protects nothing."""

# The shapes of tokens. Sources: GitHub, "About authentication to GitHub", "GitHub's token formats"; GitLab, "Token
# overview", "Token prefixes"; RFC 7519 (JWT); RFC 7468 (PEM). Gitea's are 40 hexadecimal digits, as commits are, and
# so are found by being known, or by where they stand.
_SHAPES = re.compile(
    r"\bgh[pousr]_[A-Za-z0-9_.-]{16,}"
    r"|\bgithub_pat_[A-Za-z0-9_]{16,}"
    r"|\bgl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct|imt)-[A-Za-z0-9_.=-]{16,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?"
)
# The places where secrets stand, each with what is kept in front of it.
_PLACES = (
    # https://user:password@host, https://token@host; up to the last @, as people forget to quote. ssh://git@host stays.
    re.compile(r"(?i)((?<![a-z0-9+.-])(?:https?|ftps?)://)[^\s/@]+(?:@[^\s/@]+)*(?=@)"),
    re.compile(r"(?i)((?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}://[^\s/@:]*:)[^\s/@]+(?:@[^\s/@]+)*(?=@)"),
    re.compile(
        r"""(?i)(\b(?:proxy-)?authorization["']?\s{0,4}[:=]\s{0,4}["']?)(?:(?:basic|bearer|token)\s{1,4})?[^\s"',;]+"""
    ),
    re.compile(r"""(?i)(\b(?:private-token|job-token|x-gitlab-token)["']?\s{0,4}[:=]\s{0,4}["']?)[^\s"',;]+"""),
    re.compile(r"""(?i)(\b(?:set-)?cookie:\s{0,4})[^\r\n"']+"""),
    re.compile(r"""(?i)([?&](?:access_token|private_token|job_token|token|client_secret)=)[^\s&#"']+"""),
)


class Secrets:
    """The secrets of this process. What is added later is found from then on."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._known: re.Pattern[str] | None = None
        for value in values:
            self.add(value)

    def __repr__(self) -> str:
        return f"Secrets({len(self._forms)} forms)"

    def add(self, value: str) -> None:
        """Hide this value from now on, also where it was quoted for an address or JSON, or is base64, alone or not."""
        value = value.strip()
        if len(value) < SHORTEST:
            return
        self._forms |= set(_forms(value))
        # The longest first: one may be a part of another.
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, longest_first)))

    def redact(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(MARK, text)
        for place in _PLACES:
            text = place.sub(rf"\g<1>{MARK}", text)
        return _SHAPES.sub(MARK, text)


class RedactingFilter(logging.Filter):
    """Takes the secrets out of all that a record says, tracebacks too.

    To be added to handlers: a logger's own filter does not see what comes from the loggers below it.
    """

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; it is always let through."""
        redact = self._secrets.redact
        try:
            message = record.getMessage()
        except Exception:  # arguments that do not fit: logging would print them, with what is in them
            message = f"{record.msg} {record.args}"
        if record.exc_info:
            # As text, so that no handler formats it once more from what it was.
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            record.exc_info = None
        for name, value in vars(record).items():
            if isinstance(value, str):
                setattr(record, name, redact(value))
        record.msg, record.args = redact(message), ()
        return True


def log_to_stderr(secrets: Secrets) -> None:
    """Have this process log to standard error, without secrets."""
    handler = logging.StreamHandler()
    handler.addFilter(RedactingFilter(secrets))
    logging.basicConfig(level=logging.INFO, handlers=[handler], format="%(asctime)s %(levelname)s %(message)s")


def _forms(value: str) -> Iterable[str]:
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    data = value.encode("utf-8", "surrogateescape")
    if len(data) < 8:
        return  # what is common to its encodings would be too short to be it
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # Within something longer, such as `user:token`, it begins at one of three places of a group; the characters
        # at both ends also depend on what is beside it.
        for shift in range(3):
            coded = encode(bytes(shift) + data).decode().rstrip("=")
            end = len(coded) - (1 if (shift + len(data)) % 3 else 0)
            yield coded[(0, 2, 3)[shift] : end]
