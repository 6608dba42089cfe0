"""A token goes to its forge and nowhere else."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest

from slimify.bot.forge import Forge, ForgeError, NewPullRequest
from slimify.bot.forges.connect import connect
from tests.bot.fakes import FakeForge, FakeRepository, FakeServer, Fault
from tests.bot.forges.conftest import BRANCH


class Elsewhere(NamedTuple):
    """Another host, and the headers it was asked with."""

    url: str
    asked: list[str]


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Tests print nothing."""

        def do_GET(self) -> None:
            asked.append(str(self.headers))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    # The same machine by another name is another host.
    yield Elsewhere(f"http://localhost:{server.server_port}/api/v3/api/v4/api/v1", asked)
    server.shutdown()
    server.server_close()


def attempt(bot: Forge) -> str:
    """Everything that is told of a failure, with what led to it."""
    with pytest.raises(Exception) as raised:
        bot.repository("acme/shop")
    told = [str(raised.value), repr(raised.value), *traceback.format_exception(raised.value)]
    assert raised.value.__context__ is None
    return "".join(told)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host_goes_without_it(
    bot: Forge, fake: FakeForge, elsewhere: Elsewhere, slept: list[float], status: int
) -> None:
    fake.faults.append(Fault("", status, {"Location": f"{elsewhere.url}/repos/acme/shop"}, times=99))
    attempt(bot)
    assert fake.token not in "".join(elsewhere.asked)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_write_is_not_redirected_to_another_host(
    bot: Forge, fake: FakeForge, elsewhere: Elsewhere, slept: list[float], status: int
) -> None:
    fake.faults.append(Fault("POST", status, {"Location": f"{elsewhere.url}/x"}, times=99))
    with pytest.raises(ForgeError):
        bot.comment("acme/shop", 1, "Hello")
    assert fake.token not in "".join(elsewhere.asked)


def test_the_next_page_is_not_another_host_s(
    bot: Forge, fake: FakeForge, shop: FakeRepository, server: FakeServer, elsewhere: Elsewhere, slept: list[float]
) -> None:
    for number in range(110):
        shop.open_as("alice", f"feature/{number}")
    server.links = elsewhere.url
    try:
        found = len(bot.open_from("acme/shop", "feature/"))
    except ForgeError:
        found = 110
    assert found == 110
    assert elsewhere.asked == []


def test_an_error_that_repeats_it_is_told_without(bot: Forge, fake: FakeForge, slept: list[float]) -> None:
    fake.faults.append(Fault("", 400, body={"message": f"{fake.token} is bad"}))
    assert fake.token not in attempt(bot)
    fake.faults.append(Fault("", 500, body={"message": f"{fake.token} is bad"}, times=99))
    assert fake.token not in attempt(bot)
    fake.faults[:] = [Fault("", cut=True, times=99)]
    assert fake.token not in attempt(bot)


def test_no_log_has_it(
    bot: Forge, fake: FakeForge, shop: FakeRepository, caplog: pytest.LogCaptureFixture, slept: list[float]
) -> None:
    with caplog.at_level(logging.DEBUG):
        bot.open("acme/shop", NewPullRequest(BRANCH, "main", "Title", "Body"))
        bot.comment("acme/shop", 1, "Hello")
        fake.faults.append(Fault("", 500, times=99))
        attempt(bot)
    assert caplog.records
    assert fake.token not in caplog.text
    assert fake.token not in repr(bot)


@pytest.mark.parametrize("token", ["", "s3cret\n", "s3cret s3cret", "s3cr\u00e9t", "s3cret\x7f"])
def test_what_cannot_be_a_token_is_not_repeated(kind: str, token: str) -> None:
    with pytest.raises(ForgeError, match="the token for") as raised:
        connect(kind, "https://forge.example.org", token)
    assert "s3cr" not in str(raised.value)
