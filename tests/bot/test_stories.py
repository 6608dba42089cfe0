"""Whole stories, on three kinds of forges: what is opened, refreshed, closed, left alone, and never repeated."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimify.bot.settings import Building
from tests.bot.fakes import Fault
from tests.bot.story import NAIVE, SERVERS, TIDY, Story, story

BRANCH = "slimify/smaller-images"


@pytest.fixture(params=list(SERVERS))
def tale(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Story]:
    with story(request.param, tmp_path) as one:
        yield one


def test_opened_and_left_in_peace(tale: Story) -> None:
    event = tale.one()
    assert event.what == "opened"
    pull = tale.pulls[1]
    assert (pull.head, pull.base, pull.author) == (BRANCH, "main", tale.forge.bot)
    assert "rm -rf" in tale.repository.read(BRANCH, "Dockerfile")
    assert tale.repository.read("main", "Dockerfile") == NAIVE.strip(), "the base is never pushed to"
    tale.changed_things()
    assert tale.one().what == "left"
    tale.change({"src/app.c": "int main(void) { return 0; }\n"})
    assert tale.one().why == "it is up to date"
    assert tale.changed_things() == [], "what is up to date is not touched"


def test_the_base_moves(tale: Story) -> None:
    tale.visit()
    tale.change({"Dockerfile": NAIVE.replace("curl", "wget")})
    assert tale.one().what == "refreshed"
    assert list(tale.pulls) == [1]
    assert "wget" in tale.repository.read(BRANCH, "Dockerfile")
    assert tale.repository.git("rev-parse", f"{BRANCH}^") == tale.repository.tip("main"), (
        "one commit on top of the base"
    )


def test_closed_by_somebody_is_never_repeated(tale: Story) -> None:
    tale.visit()
    tale.closes()
    assert tale.one().what == "left"
    tale.change({"Dockerfile": NAIVE.replace("/srv", "/opt")})
    assert tale.one().what == "left"
    assert list(tale.pulls) == [1]


def test_after_a_no_only_what_is_new_is_proposed(tale: Story) -> None:
    tale.change({"Dockerfile": NAIVE.replace("debian:12", "debian:12-slim")})
    tale.visit()
    tale.closes()
    tale.change({"Dockerfile": NAIVE})
    assert tale.one().what == "opened"
    proposed = tale.repository.read(BRANCH, "Dockerfile")
    assert proposed.splitlines()[0] == "FROM debian:12-slim", "this is new"
    assert "rm -rf" not in proposed, "this was refused"


def test_merged_and_done(tale: Story) -> None:
    tale.visit()
    tale.merges()
    assert (tale.one().what, tale.one().why) == ("left", "there is nothing to improve")


def test_void(tale: Story) -> None:
    """Somebody mends it by hand; later there is something to do again."""
    tale.visit()
    tale.change({"Dockerfile": TIDY})
    assert tale.one().what == "closed"
    assert tale.pulls[1].state == "closed"
    assert tale.repository.tip(BRANCH) == "", "its branch goes with it"
    assert tale.one().what == "left"
    tale.change({"Dockerfile": NAIVE})
    assert tale.one().what == "opened", "what the bot closed itself, nobody has refused"


def test_a_dockerfile_that_cannot_be_read_for_a_while(tale: Story) -> None:
    """That is no reason to close anything."""
    tale.visit()
    tale.change({"Dockerfile": "FROM\n"})
    assert tale.one().what == "left"
    assert tale.pulls[1].state == "open"
    tale.change({"Dockerfile": NAIVE.replace("curl", "wget")})
    assert tale.one().what == "refreshed"


def test_a_proof_that_fails_for_a_while(tale: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    tale.visit()
    tale.change({"Dockerfile": NAIVE.replace("curl", "wget")})
    monkeypatch.setattr("slimify.bot.prover.Prover.__call__", lambda *_: "the registry does not answer")
    event = tale.one(bot=tale.bot._replace(prove=Building(enabled=True)))
    assert (event.what, event.why) == ("left", "Dockerfile: the registry does not answer")
    assert tale.pulls[1].state == "open"


def test_somebody_commits_to_the_branch(tale: Story) -> None:
    tale.visit()
    tale.change({"notes.txt": "mine\n"}, branch=BRANCH)
    mine = tale.repository.tip(BRANCH)
    assert tale.one().why == "somebody has committed to its branch"
    tale.change({"Dockerfile": NAIVE.replace("curl", "wget")})
    assert tale.one().what == "left" and tale.one().what == "left"
    assert tale.repository.tip(BRANCH) == mine
    told = [one.body for one in tale.pulls[1].comments if one.author == tale.forge.bot and not one.system]
    assert len(told) == 1 and "/slimify rebase" in told[0]
    tale.says("ann", "/slimify rebase")
    assert tale.one().what == "refreshed"
    assert "wget" in tale.repository.read(BRANCH, "Dockerfile")
    assert tale.repository.git("rev-parse", f"{BRANCH}^") == tale.repository.tip("main")


def test_a_branch_of_that_name_that_is_somebody_else_s(tale: Story) -> None:
    tale.change({"notes.txt": "mine\n"}, branch=BRANCH)
    mine = tale.repository.tip(BRANCH)
    assert tale.one().why == "somebody else has a branch of that name"
    assert tale.repository.tip(BRANCH) == mine and not tale.pulls


def test_ignore(tale: Story) -> None:
    tale.visit()
    tale.says("stranger", "/slimify ignore clean-package-cache")
    assert tale.one().what == "left", "who may not push is not heard"
    tale.says("ann", "Thanks!\n\n/slimify ignore clean-package-cache")
    assert tale.one().what == "refreshed"
    assert "rm -rf" not in tale.repository.read(BRANCH, "Dockerfile")
    assert [one.author for one in tale.pulls[1].comments if not one.system] == ["stranger", "ann", tale.forge.bot]
    assert tale.one().what == "left", "it is answered once, and stays in force"
    tale.change({"Dockerfile": NAIVE.replace("curl", "wget")})
    tale.visit()
    assert "rm -rf" not in tale.repository.read(BRANCH, "Dockerfile")


def test_what_makes_no_sense_is_answered(tale: Story) -> None:
    tale.visit()
    tale.says("ann", "/slimify dance @everybody")
    assert tale.one().what == "answered"
    said = next(one.body for one in tale.pulls[1].comments if one.author == tale.forge.bot and not one.system)
    assert "`/slimify dance @everybody` is not understood" in said and "`merge-runs`" in said
    assert tale.one().what == "left"


def test_stop_and_back(tale: Story) -> None:
    tale.visit()
    tale.says("ann", "/slimify stop")
    assert tale.one().what == "closed"
    assert tale.pulls[1].state == "closed" and tale.repository.tip(BRANCH) == ""
    tale.change({"Dockerfile": NAIVE.replace("curl", "wget").replace("CMD", "RUN pip install x\nCMD")})
    assert tale.one().why == "somebody asked for no more pull requests"
    assert list(tale.pulls) == [1]


def test_another_title_stays(tale: Story) -> None:
    tale.visit()
    tale.pulls[1].title = "Slim down the shop"
    tale.change({"Dockerfile": NAIVE.replace("curl", "wget")})
    assert tale.one().what == "refreshed"
    assert tale.pulls[1].title == "Slim down the shop"


def test_manners_of_the_repository(tale: Story) -> None:
    tale.change(
        {
            "slimify.toml": "[bot]\ndraft = true\nlabels = ['docker']\nreviewers = ['bob']\nsuggestions = true\n",
            "CODEOWNERS": "Dockerfile @carl\n",
        }
    )
    for login in ("bob", "carl"):
        tale.forge.user(login)
        tale.repository.permissions[login] = "write"
    tale.visit()
    pull = tale.pulls[1]
    assert pull.draft and pull.labels == ["docker"]
    assert set(pull.reviewers) == {"bob", "carl"}
    shown = json.dumps([review.comments for review in pull.reviews]) + "".join(one.body for one in pull.comments)
    assert "FROM debian:12" in shown, "a review offers to take each hunk back"


def test_signed(tale: Story, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    tale.visit(bot=tale.bot._replace(author=tale.bot.author._replace(signing_key=str(key))))
    assert "BEGIN SSH SIGNATURE" in tale.repository.git("cat-file", "commit", BRANCH)


def test_the_schedule(tale: Story) -> None:
    tale.change({"slimify.toml": "[bot]\nschedule = ['* 0-5 * * *']\n"})
    assert tale.one().why == "it is not the time for it"
    tale.now = tale.now.replace(hour=3)
    assert tale.one().what == "opened"


def test_switched_off(tale: Story) -> None:
    tale.visit()
    tale.change({"slimify.toml": "[bot]\nenabled = false\n"})
    assert tale.one().what == "closed"
    assert tale.one().what == "left"


def test_one_for_each_dockerfile(tale: Story) -> None:
    tale.change(
        {"slimify.toml": "[bot]\nper = 'dockerfile'\nmax-open = 2\n", "api/Dockerfile": NAIVE, "web/Dockerfile": NAIVE}
    )
    assert [event.what for event in tale.visit().events] == ["opened", "opened", "left"]
    assert len({pull.head for pull in tale.pulls.values()}) == 2
    tale.change({"slimify.toml": "[bot]\nper = 'repository'\n"})
    assert sorted(event.what for event in tale.visit().events) == ["closed", "closed", "opened"]


def test_a_limit_for_the_run(tale: Story) -> None:
    assert tale.one(bot=tale.bot._replace(max_new=1)).what == "opened"
    tale.forge.create_repository("acme/other", {"Dockerfile": NAIVE})
    (event,) = tale.visit(bot=tale.bot._replace(max_new=1), name="acme/other").events
    assert event.why == "enough pull requests are open"


def test_a_dry_run_changes_nothing(tale: Story) -> None:
    event = tale.one(bot=tale.bot._replace(dry_run=True))
    assert event.what == "would open" and event.title and "clean-package-cache" in event.body
    assert tale.changed_things() == [] and tale.repository.tip(BRANCH) == ""


@pytest.mark.parametrize("what", ["archived", "empty", "fork"])
def test_what_is_left_alone(tale: Story, what: str) -> None:
    if what == "archived":
        tale.repository.archived = True
    elif what == "fork":
        tale.repository.parent = tale.forge.create_repository("origin/shop", {"Dockerfile": NAIVE})
    else:
        tale.forge.create_repository("acme/none")
    (event,) = tale.visit(name="acme/none" if what == "empty" else "acme/shop").events
    assert event.what == "skipped" and what in event.why


def test_a_configuration_that_cannot_be_used(tale: Story) -> None:
    from slimify.config import ConfigError

    tale.change({"slimify.toml": "[bot]\nschedule = 'never'\n"})
    with pytest.raises(ConfigError, match=r"slimify.toml:2:1: bot: schedule must be a list"):
        tale.visit()
    assert not tale.pulls


def test_a_pull_request_from_a_fork_is_not_taken_for_ours(tale: Story) -> None:
    fork = tale.forge.create_repository("eve/shop", {"Dockerfile": NAIVE}, parent=tale.repository)
    fork.push_as("eve", BRANCH, {"Dockerfile": TIDY})
    tale.repository.open_as(
        "eve", BRANCH, source=fork, body='<!-- slimify: {"v":1,"fingerprint":"0","stopped":true} -->'
    )
    assert tale.one().what == "opened"


def test_an_answer_that_is_lost(tale: Story) -> None:
    """The pull request was opened, and the connection broke: there is one, and its labels are made good."""
    pattern = "POST .*(pulls|merge_requests)$"
    tale.change({"slimify.toml": "[bot]\nlabels = ['docker']\n"})
    tale.forge.faults.append(Fault(pattern, cut=True, done=True))
    tale.visit()
    assert list(tale.pulls) == [1] and tale.pulls[1].labels == ["docker"]


def main() -> None:
    """Print the longest story step by step."""
    with tempfile.TemporaryDirectory() as folder, story("github", Path(folder)) as tale:
        tale.visit()
        tale.change({"src/app.c": "int main(void) { return 0; }\n"})
        tale.visit()
        tale.change({"Dockerfile": NAIVE.replace("curl", "wget")})
        tale.visit()
        tale.says("stranger", "/slimify stop")
        tale.visit()
        tale.says("ann", "/slimify ignore slim-base")
        tale.visit()
        tale.change({"notes.txt": "mine\n"}, branch=BRANCH)
        tale.change({"Dockerfile": NAIVE.replace("curl", "jq")})
        tale.visit()
        tale.says("ann", "/slimify rebase")
        tale.visit()
        tale.closes()
        tale.visit()
        tale.change({"Dockerfile": NAIVE.replace("curl", "jq").replace("/srv", "/opt")})
        tale.visit()
        tale.change({"Dockerfile": NAIVE.replace("curl", "jq"), "web/Dockerfile": NAIVE})
        tale.visit()
        tale.merges(2)
        tale.visit()
        print("\n".join(tale.told))


if __name__ == "__main__":
    main()
