"""Forges that are none: three APIs over one state in memory, with git over HTTP and faults on demand.

forge = FakeForge(tmp_path)
shop = forge.create_repository("acme/shop", {"Dockerfile": "FROM debian\n"})
with FakeGitHub(forge) as server:
    bot = connect("github", server.url, forge.token)
    forge.faults.append(Fault("POST .*/pulls", status=502, done=True))
    ...
    shop.close_by_user(1)
"""

from __future__ import annotations

from tests.bot.fakes.faults import Fault, primary_rate_limit, secondary_rate_limit
from tests.bot.fakes.gitea import FakeGitea
from tests.bot.fakes.github import FakeGitHub
from tests.bot.fakes.gitlab import FakeGitLab
from tests.bot.fakes.server import FakeServer
from tests.bot.fakes.state import FakeComment, FakeForge, FakePull, FakeRepository, FakeReview, FakeUser

__all__ = [
    "FakeComment",
    "FakeForge",
    "FakeGitHub",
    "FakeGitLab",
    "FakeGitea",
    "FakePull",
    "FakeRepository",
    "FakeReview",
    "FakeServer",
    "FakeUser",
    "Fault",
    "primary_rate_limit",
    "secondary_rate_limit",
]
