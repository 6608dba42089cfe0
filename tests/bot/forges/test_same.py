"""What is the same at every forge."""

from __future__ import annotations

import pytest

from slimify.bot.forge import (
    Comment,
    ForbiddenError,
    Forge,
    NewPullRequest,
    NotFoundError,
    PullRequest,
    State,
    Suggestion,
)
from tests.bot.fakes import FakeForge, FakeRepository, Fault
from tests.bot.forges.conftest import BRANCH

NEW = NewPullRequest(head=BRANCH, base="main", title="Make it small", body="Why.\n")


def test_who_the_token_belongs_to(bot: Forge, fake: FakeForge) -> None:
    assert bot.me() == bot.me() == "slimify-bot"
    assert len(fake.requests) == 1


def test_a_repository(bot: Forge, fake: FakeForge, shop: FakeRepository) -> None:
    found = bot.repository("acme/shop")
    assert (found.name, found.default_branch, found.clone_url) == ("acme/shop", "main", shop.clone_url)
    assert found.web_url == f"{fake.public}/acme/shop"
    assert (found.archived, found.fork, found.empty, found.can_push) == (False, False, False, True)


def test_what_a_repository_can_be(bot: Forge, fake: FakeForge, shop: FakeRepository) -> None:
    fake.create_repository("acme/old", {"a": "b"}, archived=True)
    fake.create_repository("acme/empty")
    fake.create_repository("acme/fork", {"a": "b"}, parent=shop)
    fake.create_repository("acme/read", {"a": "b"}).permissions[fake.bot] = "read"
    assert bot.repository("acme/old").archived
    assert bot.repository("acme/empty").empty
    assert bot.repository("acme/fork").fork
    assert not bot.repository("acme/read").can_push


def test_there_is_no_such_repository(bot: Forge) -> None:
    with pytest.raises(NotFoundError, match="cannot read acme/none: 404"):
        bot.repository("acme/none")


def test_repositories_of_an_organisation_and_of_a_user(bot: Forge, fake: FakeForge) -> None:
    fake.add_user("alice")
    for number in range(7):
        fake.create_repository(f"acme/r{number}", {"a": "b"} if number == 0 else None)
    fake.create_repository("alice/own", {"a": "b"})
    assert [one.name for one in bot.of_owner("acme")] == [f"acme/r{number}" for number in range(7)]
    assert [one.name for one in bot.of_owner("alice")] == ["alice/own"]
    with pytest.raises(NotFoundError):
        list(bot.of_owner("nobody"))


def test_search(bot: Forge, fake: FakeForge, shop: FakeRepository) -> None:
    fake.create_repository("acme/other", {"a": "b"})
    assert [one.name for one in bot.search("sho")] == ["acme/shop"]


def test_a_pull_request_is_opened(bot: Forge, fake: FakeForge, shop: FakeRepository, kind: str) -> None:
    path = "/-/merge_requests/1" if kind == "gitlab" else "/pull/1" if kind == "github" else "/pulls/1"
    expected = PullRequest(
        number=1,
        state=State.OPEN,
        title=NEW.title,
        body=NEW.body,
        url=shop.clone_url.removesuffix(".git") + path,
        author="slimify-bot",
        head=BRANCH,
        base="main",
    )
    assert bot.open("acme/shop", NEW) == expected
    assert list(bot.with_branch("acme/shop", BRANCH)) == [expected]
    assert list(bot.open_from("acme/shop", "slimify/")) == [expected]
    assert bot.open_from("acme/shop", "other/") == []


def test_one_that_exists_is_returned(bot: Forge, shop: FakeRepository) -> None:
    first = bot.open("acme/shop", NEW)
    assert bot.open("acme/shop", NEW._replace(title="Again")) == first
    assert len(shop.pulls) == 1


def test_a_branch_that_does_not_exist(bot: Forge, shop: FakeRepository) -> None:
    with pytest.raises(Exception, match=r"cannot open a (pull|merge) request in acme/shop: 4"):
        bot.open("acme/shop", NEW._replace(head="slimify/none"))
    assert not shop.pulls


def test_a_draft_stays_a_draft_and_its_title_plain(bot: Forge, shop: FakeRepository) -> None:
    made = bot.open("acme/shop", NEW._replace(draft=True))
    assert (made.title, made.draft, shop.pulls[1].draft) == (NEW.title, True, True)
    bot.update("acme/shop", 1, title="Another", body="New")
    (found,) = bot.with_branch("acme/shop", BRANCH)
    assert (found.title, found.body, found.draft, shop.pulls[1].title) == ("Another", "New", True, "Another")


def test_what_is_ready_stays_ready(bot: Forge, shop: FakeRepository) -> None:
    bot.open("acme/shop", NEW)
    bot.update("acme/shop", 1, title="Another", body="New")
    (found,) = bot.with_branch("acme/shop", BRANCH)
    assert (found.title, found.draft) == ("Another", False)


def test_what_became_of_it(bot: Forge, shop: FakeRepository) -> None:
    for number, end in enumerate((shop.close_by_user, shop.merge), 1):
        shop.push_as("slimify-bot", BRANCH, {"Dockerfile": f"FROM debian\nRUN {number}\n"})
        assert bot.open("acme/shop", NEW).number == number
        end(number)
    shop.push_as("slimify-bot", BRANCH, {"Dockerfile": "FROM debian\nRUN c\n"})
    bot.open("acme/shop", NEW)
    found = bot.with_branch("acme/shop", BRANCH)
    assert [(one.number, one.state) for one in found] == [(3, State.OPEN), (2, State.MERGED), (1, State.CLOSED)]
    assert [one.number for one in bot.open_from("acme/shop", "slimify/")] == [3]


def test_a_fork_s_branch_of_the_same_name_is_another(bot: Forge, fake: FakeForge, shop: FakeRepository) -> None:
    fork = fake.create_repository("mallory/shop", {"Dockerfile": "FROM debian\n"}, parent=shop)
    fork.push_as("mallory", BRANCH, {"Dockerfile": "FROM evil\n"})
    shop.open_as("mallory", BRANCH, source=fork)
    assert bot.with_branch("acme/shop", BRANCH) == []
    assert bot.open_from("acme/shop", "slimify/") == []
    assert bot.open("acme/shop", NEW).number == 2


def test_a_long_list_is_read_page_by_page(bot: Forge, fake: FakeForge, shop: FakeRepository) -> None:
    for number in range(130):
        shop.open_as("alice", f"feature/{number}" if number else BRANCH)
    assert [one.number for one in bot.open_from("acme/shop", "slimify/")] == [1]
    assert len(bot.open_from("acme/shop", "feature/")) == 129


def test_close_and_delete(bot: Forge, shop: FakeRepository) -> None:
    bot.open("acme/shop", NEW)
    bot.close("acme/shop", 1)
    bot.close("acme/shop", 1)
    assert shop.pulls[1].state == "closed"
    bot.delete_branch("acme/shop", BRANCH)
    assert shop.tip(BRANCH) == ""
    bot.delete_branch("acme/shop", BRANCH)


def test_a_branch_that_may_not_be_deleted(bot: Forge, shop: FakeRepository) -> None:
    shop.permissions["slimify-bot"] = "read"
    with pytest.raises(ForbiddenError):
        bot.delete_branch("acme/shop", BRANCH)


def test_comments_are_those_of_people_the_oldest_first(bot: Forge, shop: FakeRepository) -> None:
    bot.open("acme/shop", NEW)
    shop.comment_as("alice", 1, "/slimify rebase")
    shop.note(1, "alice", "added 1 commit")
    bot.comment("acme/shop", 1, "Done.")
    found = bot.comments("acme/shop", 1)
    assert found == [
        Comment(found[0].number, "alice", "/slimify rebase"),
        Comment(found[1].number, "slimify-bot", "Done."),
    ]
    assert found[0].number < found[1].number


@pytest.mark.parametrize(
    ("permission", "may"), [("admin", True), ("write", True), ("read", False), ("", False), (None, False)]
)
def test_who_may_write(bot: Forge, fake: FakeForge, shop: FakeRepository, permission: str | None, may: bool) -> None:
    if permission is not None:
        fake.add_user("alice")
    if permission:
        shop.permissions["alice"] = permission
    assert bot.may_write("acme/shop", "alice") is may


def test_labels_are_made_where_there_are_none(bot: Forge, shop: FakeRepository) -> None:
    shop.labels.append("docker")
    bot.open("acme/shop", NEW)
    bot.label("acme/shop", 1, ["docker", "slim"])
    assert shop.pulls[1].labels == ["docker", "slim"] == shop.labels
    assert bot.with_branch("acme/shop", BRANCH)[0].labels == ("docker", "slim")


def test_labels_that_may_not_be_set_are_left_out(bot: Forge, shop: FakeRepository) -> None:
    bot.open("acme/shop", NEW)
    shop.permissions["slimify-bot"] = "read"
    bot.label("acme/shop", 1, ["slim"])
    assert not shop.pulls[1].labels


def test_who_cannot_be_asked_for_a_review_is_left_out(bot: Forge, shop: FakeRepository, kind: str) -> None:
    shop.permissions |= {"alice": "write", "bob": "admin"}
    shop.forge.user("alice"), shop.forge.user("bob")
    shop.teams.append("core")
    bot.open("acme/shop", NEW)
    bot.request_review("acme/shop", 1, ["alice", "nobody", "bob"], ["core", "none"])
    assert shop.pulls[1].reviewers == ["alice", "bob"]
    assert shop.pulls[1].teams == ([] if kind == "gitlab" else ["core"])


def test_a_review_of_lines(bot: Forge, shop: FakeRepository, kind: str) -> None:
    bot.open("acme/shop", NEW)
    tip = shop.tip(BRANCH)
    text = "Shorter:\n\n```suggestion\nRUN a\n```\n"
    bot.suggest("acme/shop", 1, tip, [Suggestion("Dockerfile", 1, 2, text), Suggestion("Dockerfile", 2, 2, text)])
    comments = [comment for review in shop.pulls[1].reviews for comment in review.comments]
    assert {review.commit for review in shop.pulls[1].reviews} == {tip}
    assert len(shop.pulls[1].reviews) == (2 if kind == "gitlab" else 1)
    if kind == "github":
        side = {"path": "Dockerfile", "body": text, "line": 2, "side": "RIGHT"}
        assert comments == [{**side, "start_line": 1, "start_side": "RIGHT"}, side]
    elif kind == "gitlab":
        assert [one["position"]["new_line"] for one in comments] == [2, 2]  # type: ignore[index]
        assert "```suggestion:-1+0\nRUN a\n```" in str(comments[0]["body"])
        assert "```suggestion:-0+0\nRUN a\n```" in str(comments[1]["body"])
    else:
        assert [one["new_position"] for one in comments] == [2, 2]
        assert "suggestion" not in str(comments)
    assert bot.comments("acme/shop", 1) == []


def test_a_page_is_published_where_there_is_a_place(bot: Forge, fake: FakeForge, kind: str) -> None:
    url = bot.publish("proof.html", "<p>")
    expected = {"github": "/gist/1", "gitlab": "/-/snippets/1", "gitea": None}[kind]
    assert url == (expected and fake.public + expected)
    assert fake.published == ([] if url is None else [("proof.html", "<p>")])


def test_a_page_that_may_not_be_published(bot: Forge, fake: FakeForge) -> None:
    fake.faults.append(Fault("POST", 403))
    assert bot.publish("proof.html", "<p>") is None
