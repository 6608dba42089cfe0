"""When pull requests may be opened."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from slimify.bot.schedule import ScheduleError, is_time

MONDAY_NIGHT = datetime(2026, 11, 30, 3, 17, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "timezone", "due"),
    [
        ((), "UTC", True),
        (("* 0-5 * * MON-FRI",), "UTC", True),
        (("* 0-5 * * SAT",), "UTC", False),
        (("* 0-5 * * SAT", "17 3 30 11 *"), "UTC", True),
        (("* 12 * * *",), "Asia/Tokyo", True),
        (("* 3 * * *",), "Asia/Tokyo", False),
        (("0 0 31 12 *",), "UTC", False),
    ],
)
def test_a_minute(schedule: tuple[str, ...], timezone: str, due: bool) -> None:
    assert is_time(schedule, timezone, MONDAY_NIGHT) is due


@pytest.mark.parametrize("expression", ["* * * *", "every night at three", "99 * * * *", "0 0 30 2 *x"])
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(ScheduleError, match="is no cron expression"):
        is_time(("* * * * *", expression), "UTC", MONDAY_NIGHT)
