"""A fault at every single request of a visit: whatever goes wrong, the next visit ends where it would have ended.

`python -m tests.bot.test_faults` prints the table: what was injected, what the visit said, what was lost.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from slimify.bot.forge import ForgeError
from slimify.bot.git_errors import GitError
from tests.bot.fakes import Fault, primary_rate_limit, secondary_rate_limit
from tests.bot.story import NAIVE, SERVERS, Story, story

MANNERS = "[bot]\nlabels = ['docker']\nreviewers = ['bob']\n"
BRANCH = "slimify/smaller-images"


@dataclass
class At(Fault):
    """Spoils the request number `at`, from 0, and those after it as `times` says."""

    at: int = 0
    hit: str = ""

    def takes(self, request: str) -> bool:
        if self.at:
            self.at -= 1
            return False
        if self.times:
            self.hit = self.hit or request
        return super().takes(request)


class Killed(BaseException):
    """The process is gone: nothing after this is done, not even what cleans up on the forge."""


KINDS: dict[str, Callable[[int], At]] = {
    "502 for good": lambda at: At(status=502, times=1000, at=at),
    "502 once": lambda at: At(status=502, at=at),
    "connection cut": lambda at: At(cut=True, at=at),
    "answer lost": lambda at: At(cut=True, done=True, at=at),
    "rate limit, primary": lambda at: _at(primary_rate_limit(), at),
    "rate limit, secondary": lambda at: _at(secondary_rate_limit(), at),
}


def _at(fault: Fault, at: int) -> At:
    return At(status=fault.status, headers=fault.headers, body=fault.body, at=at)


def scene(one: Story) -> None:
    """What everything begins with: one pull request to be opened, with a label and a reviewer."""
    one.repository.push_as("ann", "main", {"slimify.toml": MANNERS})
    one.forge.user("bob")
    one.repository.permissions |= {"bob": "write", "ann": "write"}


def opened(one: Story) -> None:
    """A pull request that is to be refreshed, on the order of somebody."""
    scene(one)
    one.visit()
    one.repository.push_as("ann", "main", {"Dockerfile": NAIVE.replace("curl", "wget")})
    one.repository.comment_as("ann", 1, "/slimify ignore slim-base")


def voided(one: Story) -> None:
    """A pull request that is to be closed."""
    scene(one)
    one.visit()
    one.repository.push_as("ann", "main", {"Dockerfile": "FROM debian:12-slim\nCMD true\n"})


def stopped(one: Story) -> None:
    """A pull request that somebody wants to be the last."""
    scene(one)
    one.visit()
    one.repository.comment_as("ann", 1, "/slimify stop")


SCENES = {"open": scene, "refresh": opened, "close": voided, "stop": stopped}


def state(one: Story) -> object:
    """All that people see on the forge."""
    bot = one.forge.bot
    return (
        [
            (pull.state, pull.title, sorted(pull.labels), sorted(pull.reviewers), pull.draft)
            for pull in one.pulls.values()
        ],
        [[said.author == bot for said in pull.comments if not said.system] for pull in one.pulls.values()],
        [pull.body for pull in one.pulls.values()],
        one.repository.tip(BRANCH) and one.repository.read(BRANCH, "Dockerfile"),
        one.repository.git("for-each-ref", "--format=%(refname)"),
    )


def spoiled(kind: str, scene_name: str, make: Callable[[int], At]) -> Iterator[tuple[str, str, bool]]:
    """For each request of the visit: which one, what the visit said, and whether all is there after the next one."""
    with tempfile.TemporaryDirectory() as folder, story(kind, Path(folder)) as one:
        SCENES[scene_name](one)
        one.visit()
        wanted = state(one)
    for at in range(200):
        with tempfile.TemporaryDirectory() as folder, story(kind, Path(folder)) as one:
            SCENES[scene_name](one)
            fault = make(at)
            one.forge.faults.append(fault)
            said = "came through"
            try:
                one.visit()
            except (ForgeError, GitError) as error:
                said = type(error).__name__
            one.forge.faults.clear()
            if not fault.hit:
                return
            one.visit(again=True)
            yield fault.hit, said, state(one) == wanted
    raise AssertionError("a visit does not make so many requests")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slimify.bot.forges.asking.time.sleep", lambda _: None)


# All of the table takes long; a request that fails and an answer that is lost are what all others come to.
@pytest.mark.parametrize(
    ("kind", "scene_name", "fault"),
    [
        *(("github", "refresh", fault) for fault in KINDS),
        *(("github", scene, fault) for scene in ("open", "close", "stop") for fault in ("502 for good", "answer lost")),
        *((kind, scene, "answer lost") for kind in ("gitlab", "gitea") for scene in ("open", "refresh")),
        *((kind, "stop", "502 for good") for kind in ("gitlab", "gitea")),
    ],
)
def test_a_fault_at_every_request(kind: str, scene_name: str, fault: str) -> None:
    found = list(spoiled(kind, scene_name, KINDS[fault]))
    assert len(found) >= 8 and all(whole for _, _, whole in found), [one for one in found if not one[2]]


@pytest.mark.parametrize("scene_name", SCENES)
def test_killed_between_two_requests(scene_name: str) -> None:
    """A process that dies leaves what it has done, and the next one goes on from there."""
    with tempfile.TemporaryDirectory() as folder, story("github", Path(folder)) as one:
        SCENES[scene_name](one)
        one.visit()
        wanted = state(one)
    for at in range(200):
        with tempfile.TemporaryDirectory() as folder, story("github", Path(folder)) as one:
            SCENES[scene_name](one)
            visitor, left = one.visitor(), [at]
            for name in (name for name in dir(visitor.forge) if not name.startswith("_") and name != "kind"):
                setattr(visitor.forge, name, _dying(getattr(visitor.forge, name), left))
            with suppress(Killed):
                visitor.visit("acme/shop")
            if left[0] >= 0:
                return
            one.visit(again=True)
            assert state(one) == wanted, f"killed at call {at}"


def _dying(method: Callable[..., object], left: list[int]) -> Callable[..., object]:
    def called(*arguments: object, **named: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return method(*arguments, **named)

    return called


def main() -> None:
    """Print the table of all faults on all forges."""
    import slimify.bot.forges.asking as asking

    asking.time.sleep = lambda _: None  # type: ignore[attr-defined]
    print("| forge | visit | injected, at each request | requests | the visit | lost |")
    print("| --- | --- | --- | ---: | --- | ---: |")
    for kind in SERVERS:
        for scene_name in SCENES:
            for name, make in KINDS.items():
                found = list(spoiled(kind, scene_name, make))
                said = ", ".join(f"{number} {what}" for what, number in Counter(one[1] for one in found).items())
                lost = sum(not whole for _, _, whole in found)
                print(f"| {kind} | {scene_name} | {name} | {len(found)} | {said} | {lost} |")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
