"""The bot's requests, and the answers of the fakes, against the forges' own descriptions of their APIs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from slimify.bot.forge import Forge, NewPullRequest, NotFoundError, State, Suggestion
from slimify.bot.forges.connect import connect
from slimify.bot.forges.github import GitHub
from tests.bot.fakes import FakeForge, FakeGitea, FakeGitHub, FakeRepository
from tests.bot.forges import descriptions
from tests.bot.forges.conftest import BRANCH


def whole_story(bot: Forge, shop: FakeRepository) -> None:
    """Everything that the bot can ask for."""
    shop.permissions["alice"] = "write"
    shop.forge.user("alice")
    shop.teams.append("core")
    assert bot.me() == "slimify-bot"
    assert bot.repository("acme/shop").can_push
    assert len(list(bot.of_owner("acme"))) == 1
    assert len(list(bot.search("shop"))) == 1
    new = NewPullRequest(BRANCH, "main", "Make it small", "Why.", draft=True)
    assert bot.open("acme/shop", new).draft
    assert bot.open("acme/shop", new).number == 1
    bot.update("acme/shop", 1, title="Smaller", body="Why not.")
    bot.label("acme/shop", 1, ["docker"])
    bot.request_review("acme/shop", 1, ["alice"], ["core"])
    bot.comment("acme/shop", 1, "Hello.")
    assert [one.body for one in bot.comments("acme/shop", 1)] == ["Hello."]
    assert bot.may_write("acme/shop", "alice")
    bot.suggest("acme/shop", 1, shop.tip(BRANCH), [Suggestion("Dockerfile", 1, 2, "```suggestion\nFROM a\n```")])
    bot.publish("proof.html", "<p>")
    assert [one.title for one in bot.open_from("acme/shop", "slimify/")] == ["Smaller"]
    bot.close("acme/shop", 1)
    assert [one.state for one in bot.with_branch("acme/shop", BRANCH)] == [State.CLOSED]
    bot.delete_branch("acme/shop", BRANCH)
    bot.delete_branch("acme/shop", BRANCH)
    assert [one.number for one in bot.with_branch("acme/shop", BRANCH)] == [1]
    with pytest.raises(NotFoundError):
        bot.repository("acme/none")


@pytest.mark.xdist_group("prism")
def test_github_as_prism_reads_its_description(fake: FakeForge, shop: FakeRepository, tmp_path: Path) -> None:
    descriptions.need()
    log = tmp_path / "prism.log"
    with FakeGitHub(fake) as server, descriptions.prism(f"{server.api}/v3", log) as address:
        server.links = address
        whole_story(GitHub(address, fake.token), shop)
    # An answer that is not as described would be an error above, but for those that are not 2xx.
    assert "NO_PATH_MATCHED" not in log.read_text()
    assert not re.findall(r".*(?:Violation|VIOLATION|UNPROCESSABLE).*", log.read_text())
    assert len(fake.requests) > 20


GITEA = (
    ("POST", r"/repos/[^/]+/[^/]+/pulls$", "CreatePullRequestOption", "PullRequest"),
    ("PATCH", r"/repos/[^/]+/[^/]+/pulls/\d+$", "EditPullRequestOption", "PullRequest"),
    ("POST", r".*/comments$", "CreateIssueCommentOption", "Comment"),
    ("POST", r".*/issues/\d+/labels$", "IssueLabelsOption", "[Label"),
    ("POST", r"/repos/[^/]+/[^/]+/labels$", "CreateLabelOption", "Label"),
    ("POST", r".*/requested_reviewers$", "PullReviewRequestOptions", "[PullReview"),
    ("POST", r".*/reviews$", "CreatePullReviewOptions", "PullReview"),
    ("GET", r"/user$", "", "User"),
    ("GET", r"/repos/search\?", "", "SearchResults"),
    ("GET", r"/orgs/[^/]+/repos\?", "", "[Repository"),
    ("GET", r"/repos/[^/]+/shop$", "", "Repository"),
    ("GET", r".*/pulls\?", "", "[PullRequest"),
    ("GET", r".*/pulls/\d+$", "", "PullRequest"),
    ("GET", r".*/comments$", "", "[Comment"),
    ("GET", r".*/labels\?", "", "[Label"),
    ("GET", r".*/permission$", "", "RepoCollaboratorPermission"),
)
"""Which of Gitea's types a request has for its body, and the answer; a list of them after `[`."""


@pytest.mark.xdist_group("prism")
def test_gitea_as_its_types_say(fake: FakeForge, shop: FakeRepository) -> None:
    descriptions.need()
    with FakeGitea(fake) as server:
        whole_story(connect("gitea", server.url, fake.token), shop)
    checked = set()
    for (method, path, body), answer in zip(fake.requests, fake.answers, strict=True):
        if answer.status >= 300 or answer.status == 204:
            continue
        (one,) = [one for one in GITEA if one[0] == method and re.match(one[1], path)]
        checked.add(one)
        if one[2]:
            descriptions.assert_gitea(one[2], body)
        for value in answer.body if one[3].startswith("[") else [answer.body]:
            descriptions.assert_gitea(one[3].removeprefix("["), value)
    assert checked == set(GITEA)
