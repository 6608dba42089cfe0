"""What only one of the forges does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from slimify.bot.forge import ForbiddenError, NewPullRequest, State, Suggestion
from slimify.bot.forges.connect import connect
from slimify.bot.forges.suggestion import as_code, for_gitlab
from tests.bot.fakes import FakeForge, FakeGitea, FakeGitHub, FakeGitLab, FakeRepository, Fault
from tests.bot.forges.conftest import BRANCH

NEW = NewPullRequest(head=BRANCH, base="main", title="Make it small", body="Why.\n")


@pytest.fixture
def github(fake: FakeForge) -> Iterator[FakeGitHub]:
    with FakeGitHub(fake) as server:
        yield server


@pytest.fixture
def gitlab(fake: FakeForge) -> Iterator[FakeGitLab]:
    with FakeGitLab(fake) as server:
        yield server


@pytest.fixture
def gitea(fake: FakeForge) -> Iterator[FakeGitea]:
    with FakeGitea(fake) as server:
        yield server


def test_github_an_installation_has_a_name_but_no_gists(fake: FakeForge, github: FakeGitHub) -> None:
    fake.add_user("slimify[bot]", "ghs_x", installation=True)
    bot = connect("github", github.url, "ghs_x")
    assert bot.me() == "slimify[bot]"
    assert bot.publish("a.html", "a") is None


def test_github_a_branch_that_is_deleted_closes_its_pull_request(shop: FakeRepository, github: FakeGitHub) -> None:
    bot = connect("github", github.url, shop.forge.token)
    bot.open("acme/shop", NEW)
    bot.delete_branch("acme/shop", BRANCH)
    (found,) = bot.with_branch("acme/shop", BRANCH)
    assert found.state is State.CLOSED


def test_github_says_why_it_refuses(shop: FakeRepository, github: FakeGitHub) -> None:
    bot = connect("github", github.url, shop.forge.token)
    with pytest.raises(Exception, match="422 Validation Failed: No commits between main and main"):
        bot.open("acme/shop", NEW._replace(head="main"))


def test_gitlab_groups_have_subgroups(fake: FakeForge, gitlab: FakeGitLab) -> None:
    fake.create_repository("acme/one", {"a": "b"})
    fake.create_repository("acme/below/two", {"a": "b"})
    bot = connect("gitlab", gitlab.url, fake.token)
    assert [one.name for one in bot.of_owner("acme")] == ["acme/one", "acme/below/two"]
    assert bot.repository("acme/below/two").can_push


@pytest.mark.parametrize("title", ["Draft: Title", "[Draft] Title", "(draft) Title", "draft:Title"])
def test_gitlab_titles_of_drafts(shop: FakeRepository, gitlab: FakeGitLab, title: str) -> None:
    told = gitlab.told(shop.open_as("alice", BRANCH, draft=True)) | {"title": title}
    shop.forge.faults.append(Fault("GET .*/merge_requests", 200, {"Content-Type": "application/json"}, [told]))
    (found,) = connect("gitlab", gitlab.url, shop.forge.token).with_branch("acme/shop", BRANCH)
    assert (found.title, found.draft) == ("Title", True)


@pytest.mark.parametrize("permission", ["write", "read", None])
def test_gitlab_who_is_a_member_through_a_group(
    shop: FakeRepository, gitlab: FakeGitLab, permission: str | None
) -> None:
    silent = {"permissions": {"project_access": None, "group_access": None}}
    told = gitlab.described(shop, shop.forge.user("slimify-bot")) | silent
    shop.forge.faults.append(Fault("GET .*shop$", 200, {"Content-Type": "application/json"}, told))
    shop.permissions = {"slimify-bot": permission} if permission else {}
    assert connect("gitlab", gitlab.url, shop.forge.token).repository("acme/shop").can_push == (permission == "write")


def test_gitlab_a_line_that_cannot_be_commented_becomes_a_thread(shop: FakeRepository, gitlab: FakeGitLab) -> None:
    bot = connect("gitlab", gitlab.url, shop.forge.token)
    bot.open("acme/shop", NEW)
    shop.forge.faults.append(Fault("POST .*discussions", 400, body={"message": "line_code can't be blank"}))
    bot.suggest("acme/shop", 1, shop.tip(BRANCH), [Suggestion("Dockerfile", 1, 2, "Text")])
    posted = [body for method, path, body in shop.forge.requests if path.endswith("/discussions")]
    assert posted[-1] == {"body": "`Dockerfile`, lines 1 to 2:\n\nText"}


def test_gitea_the_permission_of_others_is_for_administrators(shop: FakeRepository, gitea: FakeGitea) -> None:
    shop.permissions["alice"] = "write"
    shop.forge.user("alice"), shop.forge.user("bob")
    bot = connect("gitea", gitea.url, shop.forge.token)
    shop.forge.faults.append(Fault("GET .*/permission", 403, times=2))
    assert bot.may_write("acme/shop", "alice")
    assert not bot.may_write("acme/shop", "bob")


def test_gitea_closing_what_is_merged_changes_nothing(shop: FakeRepository, gitea: FakeGitea) -> None:
    bot = connect("gitea", gitea.url, shop.forge.token)
    bot.open("acme/shop", NEW)
    shop.merge(1)
    bot.close("acme/shop", 1)
    assert shop.pulls[1].state == "merged"
    shop.forge.faults.append(Fault("PATCH", 403))
    with pytest.raises(ForbiddenError):
        bot.close("acme/shop", 1)


def test_suggestion_blocks() -> None:
    body = "Why\n\n````suggestion\nRUN a\n````\n\n```sh\nsuggestion\n```\n"
    assert for_gitlab(body, 3) == body.replace("````suggestion", "````suggestion:-3+0")
    assert as_code(body) == body.replace("````suggestion", "````")
