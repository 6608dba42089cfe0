"""What goes wrong between the bot and a forge: what is repeated, what is waited for, and that nothing is done twice."""

from __future__ import annotations

import time
from typing import Any

import pytest

from slimify.bot.forge import ForbiddenError, Forge, ForgeError, NewPullRequest, Suggestion, TemporaryError
from slimify.bot.forges.asking import Failed, rate_limit, retry_after
from slimify.bot.forges.connect import connect
from tests.bot.fakes import FakeForge, FakeRepository, FakeServer, Fault, primary_rate_limit, secondary_rate_limit
from tests.bot.forges.conftest import BRANCH

NEW = NewPullRequest(head=BRANCH, base="main", title="Make it small", body="Why.\n")
OPENING = "POST .*(pulls|merge_requests)$"


@pytest.mark.parametrize("how", [{"status": 500, "times": 2}, {"status": 502, "times": 2}, {"cut": True}])
def test_a_read_is_repeated(
    bot: Forge, fake: FakeForge, shop: FakeRepository, slept: list[float], how: dict[str, Any]
) -> None:
    fault = Fault("GET", **how)
    fake.faults.append(fault)
    assert bot.repository("acme/shop").name == "acme/shop"
    assert not fault.times
    assert len(slept) == (1 if fault.cut else 2)


def test_a_server_that_stays_broken_is_for_later(bot: Forge, fake: FakeForge, slept: list[float]) -> None:
    fake.faults.append(Fault("", 503, {"Retry-After": "7"}, times=99))
    with pytest.raises(TemporaryError, match="cannot read acme/shop: 503") as raised:
        bot.repository("acme/shop")
    assert raised.value.wait == 7
    assert slept == [7, 7, 7]


def test_nobody_listens(kind: str, slept: list[float]) -> None:
    with pytest.raises(TemporaryError, match="no answer"):
        connect(kind, "http://127.0.0.1:9", "t0k3n").repository("acme/shop")
    assert len(slept) == 3


def test_the_middle_of_a_list_is_repeated(
    bot: Forge, fake: FakeForge, shop: FakeRepository, slept: list[float]
) -> None:
    for number in range(110):
        shop.open_as("alice", f"feature/{number}")
    fake.faults += [Fault("[?&]page=2", 502), Fault("[?&]page=2", cut=True)]
    assert len(bot.open_from("acme/shop", "feature/")) == 110
    assert len(slept) == 2


@pytest.mark.parametrize("how", [{"status": 502, "done": True}, {"cut": True, "done": True}])
def test_a_pull_request_whose_answer_was_lost_is_found(
    bot: Forge, fake: FakeForge, shop: FakeRepository, slept: list[float], how: dict[str, Any]
) -> None:
    fake.faults.append(Fault(OPENING, **how))
    assert bot.open("acme/shop", NEW).number == 1
    assert [method for method, *_ in fake.requests].count("POST") == 1
    assert len(shop.pulls) == 1


@pytest.mark.parametrize("how", [{"status": 502}, {"cut": True}])
def test_a_pull_request_that_was_not_opened_is(
    bot: Forge, fake: FakeForge, shop: FakeRepository, slept: list[float], how: dict[str, Any]
) -> None:
    fake.faults.append(Fault(OPENING, **how))
    assert bot.open("acme/shop", NEW).number == 1
    assert len(shop.pulls) == 1


@pytest.mark.parametrize("done", [True, False])
def test_a_comment_is_never_made_twice(
    bot: Forge, fake: FakeForge, shop: FakeRepository, slept: list[float], done: bool
) -> None:
    bot.open("acme/shop", NEW)
    bot.comment("acme/shop", 1, "Before.")
    fake.faults.append(Fault("POST .*(comments|notes)", cut=True, done=done))
    bot.comment("acme/shop", 1, "Done.")
    assert [one.body for one in shop.pulls[1].comments] == ["Before.", "Done."]


def test_a_review_is_never_made_twice(
    bot: Forge, fake: FakeForge, shop: FakeRepository, slept: list[float], kind: str
) -> None:
    bot.open("acme/shop", NEW)
    fake.faults.append(Fault("POST .*(reviews|discussions)", 500, done=True))
    bot.suggest(
        "acme/shop", 1, shop.tip(BRANCH), [Suggestion("Dockerfile", 1, 1, "One"), Suggestion("Dockerfile", 2, 2, "Two")]
    )
    assert len(shop.pulls[1].reviews) == (2 if kind == "gitlab" else 1)


def test_what_is_published_is_not_repeated(bot: Forge, fake: FakeForge, slept: list[float], kind: str) -> None:
    if kind == "gitea":
        assert bot.publish("a.html", "a") is None
        return
    fake.faults.append(Fault("POST", 502, done=True))
    with pytest.raises(TemporaryError):
        bot.publish("a.html", "a")
    assert len(fake.published) == 1


@pytest.mark.parametrize("status", [403, 429])
def test_a_rate_limit_is_waited_for(
    bot: Forge, fake: FakeForge, shop: FakeRepository, slept: list[float], status: int
) -> None:
    fake.faults.append(secondary_rate_limit(OPENING, seconds=5, status=status, times=2))
    assert bot.open("acme/shop", NEW).number == 1
    assert slept == [5, 5]


def test_it_is_really_waited(bot: Forge, fake: FakeForge, shop: FakeRepository) -> None:
    fake.faults.append(secondary_rate_limit("", seconds=1))
    begun = time.monotonic()
    bot.repository("acme/shop")
    assert time.monotonic() - begun >= 1


def test_the_hour_s_limit_is_waited_for_until_it_is_reset(
    bot: Forge, fake: FakeForge, shop: FakeRepository, slept: list[float]
) -> None:
    fake.faults.append(primary_rate_limit("", seconds=30))
    bot.repository("acme/shop")
    assert len(slept) == 1
    assert 15 < slept[0] <= 31


@pytest.mark.parametrize("status", [403, 429])
def test_beyond_patience_it_is_for_later(
    bot: Forge, fake: FakeForge, shop: FakeRepository, slept: list[float], status: int
) -> None:
    fake.faults.append(secondary_rate_limit("", seconds=40, status=status, times=99))
    with pytest.raises(TemporaryError) as raised:
        bot.repository("acme/shop")
    assert raised.value.wait == 40
    assert slept == [40]
    fake.faults[:] = [primary_rate_limit("", seconds=1800)]
    with pytest.raises(TemporaryError, match="rate limit exceeded") as raised:
        bot.repository("acme/shop")
    assert 1700 < (raised.value.wait or 0) <= 1801


def test_a_rate_limit_until_a_day_and_an_hour(
    bot: Forge, fake: FakeForge, shop: FakeRepository, slept: list[float]
) -> None:
    """`Retry-After` may be a date (RFC 9110, 10.2.3)."""
    fake.faults.append(Fault("", 429, {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}))
    with pytest.raises(TemporaryError) as raised:
        bot.repository("acme/shop")
    assert (raised.value.wait or 0) > 86_400 and slept == []


def test_a_server_that_is_slow_is_not_waited_for_for_ever(
    bot: Forge, fake: FakeForge, shop: FakeRepository, monkeypatch: pytest.MonkeyPatch, server: FakeServer, kind: str
) -> None:
    monkeypatch.setattr(f"slimify.bot.forges.{kind}.TIMEOUT", 1)
    fake.faults.append(Fault("", delay=3))
    begun = time.monotonic()
    assert connect(kind, server.url, fake.token).repository("acme/shop").name == "acme/shop"
    assert time.monotonic() - begun > 1


def test_a_token_that_is_not_known(server: FakeServer, kind: str) -> None:
    with pytest.raises(ForbiddenError, match="cannot tell whose token this is: 401"):
        connect(kind, server.url, "another").me()


def test_what_is_no_json_is_for_later(bot: Forge, fake: FakeForge, slept: list[float]) -> None:
    fake.faults.append(Fault("", 200, body="{ <html>", headers={"Content-Type": "application/json"}, times=99))
    with pytest.raises(TemporaryError):
        bot.repository("acme/shop")


def test_a_forge_s_own_words_are_told_in_one_line(bot: Forge, fake: FakeForge) -> None:
    fake.faults.append(Fault("", 400, body={"message": "No\nway " + "x" * 900}))
    with pytest.raises(ForgeError, match=r"^cannot read acme/shop: 400 No way x+…$") as raised:
        bot.repository("acme/shop")
    assert len(str(raised.value)) < 350


def test_what_a_rate_limit_says() -> None:
    now = time.time()
    assert rate_limit(Failed(403, "You may not")) is None
    assert rate_limit(Failed(404, "rate limit")) is None
    assert rate_limit(Failed(429, "")) == 60
    assert rate_limit(Failed(403, "You have exceeded a secondary rate limit.")) == 60
    assert rate_limit(Failed(403, "", {"Retry-After": "0"})) == 1
    reset = rate_limit(Failed(429, "", {"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(now) + 10)}))
    assert reset is not None
    assert 8 < reset <= 11


def test_when_to_come_back() -> None:
    assert retry_after({}) is None
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"Retry-After": " 12 "}) == 12
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
