"""How the bot is to behave in a repository: the table `bot` of a configuration file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from slimify.config_values import WrongError, boolean, one_of, string, strings, table, whole

PER = ("repository", "dockerfile")
_LONGEST_LABEL = 50
_MOST = 20


class Manners(NamedTuple):
    """What a repository asks of the bot.

    `per` says what one pull request is about. `schedule` are cron expressions, in `timezone`: pull requests are opened
    and refreshed only in a minute that one of them names, and at any time if there is none. `max_open` is how many of
    them may be open at a time. `suggestions` asks for a review with a comment on each hunk. `base` is the branch to
    propose to, the default branch if it is None.
    """

    enabled: bool = True
    per: str = "repository"
    base: str | None = None
    draft: bool = False
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    codeowners: bool = True
    schedule: tuple[str, ...] = ()
    timezone: str = "UTC"
    max_open: int = 5
    suggestions: bool = False


def _labels(value: object) -> tuple[str, ...]:
    found = strings(value)
    if len(found) > _MOST:
        raise WrongError(f"may hold {_MOST} at most")
    for one in found:
        if not one.strip() or not one.isprintable() or len(one) > _LONGEST_LABEL or "," in one:
            raise WrongError(f"cannot be a label: {one!r}", one)
    return found


def _people(value: object) -> tuple[str, ...]:
    found = strings(value)
    if len(found) > _MOST:
        raise WrongError(f"may hold {_MOST} at most")
    return found


def _schedule(value: object) -> tuple[str, ...]:
    found = strings(value)
    for one in found:
        # What the fields may hold is for the bot to check, which has a library for it.
        if len(one.split()) != 5:
            raise WrongError(f"must be cron expressions of five fields, which {one!r} is not", one)
    return found


def _timezone(value: object) -> str:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(string(value)).key
    except (OSError, ValueError):
        raise WrongError(f"there is no time zone {value!r}") from None


# The keys of the table `bot`; config.schema.json says the same.
KEYS: dict[str, Callable[[object], Any]] = {
    "enabled": boolean,
    "per": one_of(*PER),
    "base": string,
    "draft": boolean,
    "labels": _labels,
    "reviewers": _people,
    "codeowners": boolean,
    "schedule": _schedule,
    "timezone": _timezone,
    "max-open": whole(1000),
    "suggestions": boolean,
}


def manners(value: object) -> Manners:
    """What the table says. Raises `WrongError`."""
    return Manners(**table(value, KEYS))
