"""What two runs of a container are compared by."""

from __future__ import annotations

import pytest

from slimify.proof.smoke import Seen, differences, normalised


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("started at 2026-11-28 10:11:12", "started at 2026-11-29 01:02:03"),
        ("[2026-11-28T10:11:12.123Z] up", "[2026-11-28T10:11:13.9Z] up"),
        ("<object at 0x7f01>", "<object at 0x7fff02>"),
        ("request 3f0c9a1e-1b2c-4d5e-8f90-a1b2c3d4e5f6", "request 00000000-1b2c-4d5e-8f90-a1b2c3d4e5f6"),
        ("container 0123456789ab", "container ba9876543210"),
        ("done in 12 ms", "done in 3.5 s"),
        ("Booting worker with pid: 7", "Booting worker with pid: 12"),
        ("28/Nov/2026:10:11:12 +0000 GET", "29/Nov/2026:10:11:13 +0000 GET"),
        ("Sat, 28 Nov 2026 10:11:12 GMT", "Sun, 29 Nov 2026 10:11:12 GMT"),
        ("\x1b[32mok\x1b[0m", "ok"),
        ("a  \nb", "a\nb"),
    ],
)
def test_what_changes_from_run_to_run(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("version 1.2", "version 1.3"), ("200 text/html\nhello", "500 text/html\nhello"), ("3 items", "4 items")],
)
def test_what_is_something_else(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def seen(
    exit_status: int | None = 0, output: str = "", answers: dict[str, str] | None = None, health: int | None = None
) -> Seen:
    return Seen(exit_status, output, answers or {}, health, "")


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (seen(), seen(), []),
        (seen(0), seen(1), ["exit status"]),
        (seen(None), seen(127), ["exit status"]),
        (seen(output="a"), seen(output="b"), ["output"]),
        (seen(None, answers={"80/": "200"}), seen(None, answers={"80/": "500"}), ["answer of 80/"]),
        (seen(None, answers={"80/": "200"}), seen(None), ["answer of 80/"]),
        (seen(None, health=0), seen(None, health=1), ["health check"]),
    ],
)
def test_differences(before: Seen, after: Seen, what: list[str]) -> None:
    assert [one.what for one in differences(before, after)] == what


def test_what_is_expected() -> None:
    assert not list(differences(seen(output="hello world"), seen(output="hello world"), "world"))
    assert list(differences(seen(output="hello"), seen(output="hello"), "world"))


def test_what_is_expected_may_have_a_number_that_is_not_compared() -> None:
    said = "wage 2100"
    ended = Seen(0, normalised(said), {}, None, said)
    assert not list(differences(ended, ended, expect=said))
    answered = seen(None, answers={"80/": normalised(f"200\n{said}")})
    assert not list(differences(answered, answered, expect=said))
