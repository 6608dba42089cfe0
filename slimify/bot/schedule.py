"""When pull requests may be opened and refreshed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError


class ScheduleError(ValueError):
    """A cron expression that cannot be read."""


def is_time(schedule: Sequence[str], timezone: str, now: datetime) -> bool:
    """Whether one of the expressions names this minute, or there is none. `now` has a time zone.

    Raises `ScheduleError`.
    """
    minute = now.astimezone(ZoneInfo(timezone)).replace(second=0, microsecond=0)
    due = False
    for expression in schedule:
        try:
            due |= next(CronSim(expression, minute - timedelta(minutes=1))) == minute
        except CronSimError as error:
            raise ScheduleError(f"{expression!r} is no cron expression: {error}") from None
        except StopIteration:
            continue
    return due or not schedule
