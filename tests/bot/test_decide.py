"""What is to become of a branch and its pull request: every case, without a forge."""

from __future__ import annotations

import pytest

from slimify.bot.decide import Action, Branch, Decision, History, branch_of, decide, history_of
from slimify.bot.forge import PullRequest, State
from slimify.bot.git_objects import Identity, Tip
from slimify.bot.marker import Marker, written
from slimify.bot.orders import NONE, Orders

ME = "slimify-bot"
OURS = Branch("c0ffee", ours=True, proposal="aa")
THEIRS = Branch("badcab", ours=False)
REBASE, STOP = Orders(rebase=True, read=(7,)), Orders(stop=True, read=(7,))
IGNORE, UNKNOWN = Orders(ignore=("merge-runs",), read=(7,)), Orders(unknown=("dance",), read=(7,))


def pull(state: State, marker: Marker, author: str = ME) -> PullRequest:
    return PullRequest(1, state, "Title", f"text\n\n{written(marker)}\n", "", author, "slimify/x", "main")


def history(branch: Branch | None, *pulls: PullRequest) -> History:
    return history_of(pulls, branch, ME)


OPEN = pull(State.OPEN, Marker("aa", frozenset({"0" * 12})))


def decided(
    known: History, fingerprint: str | None = "aa", orders: Orders = NONE, in_time: bool = True, room: bool = True
) -> Decision:
    return decide(known, fingerprint, orders=orders, in_time=in_time, room=room)


@pytest.mark.parametrize(
    ("known", "fingerprint", "orders", "action", "push"),
    [
        (history(None), "aa", NONE, Action.OPEN, True),
        (history(OURS), "aa", NONE, Action.OPEN, True),
        (history(THEIRS), "aa", NONE, Action.NOTHING, False),
        (history(None), None, NONE, Action.NOTHING, False),
        (history(OURS, OPEN), "aa", NONE, Action.NOTHING, False),
        (history(OURS, OPEN), "aa", UNKNOWN, Action.ANSWER, False),
        (history(OURS, OPEN), "bb", NONE, Action.REFRESH, True),
        (history(OURS._replace(proposal="bb"), OPEN), "bb", NONE, Action.REFRESH, True),
        (history(OURS, OPEN), None, NONE, Action.CLOSE, False),
        (history(OURS, OPEN), "aa", REBASE, Action.REFRESH, True),
        (history(OURS, OPEN), "aa", STOP, Action.CLOSE, False),
        (history(THEIRS, OPEN), "bb", NONE, Action.NOTHING, False),
        (history(THEIRS, OPEN), "bb", IGNORE, Action.ANSWER, False),
        (history(THEIRS, OPEN), "bb", REBASE, Action.REFRESH, True),
        (history(THEIRS, OPEN), None, NONE, Action.CLOSE, False),
        (history(None, OPEN), "aa", NONE, Action.NOTHING, False),
        (history(None, OPEN), None, NONE, Action.CLOSE, False),
        (history(None, pull(State.CLOSED, Marker("aa", stopped=True))), "bb", NONE, Action.NOTHING, False),
        (history(OURS, pull(State.OPEN, Marker("aa", stopped=True))), "aa", NONE, Action.NOTHING, False),
        (history(None, pull(State.CLOSED, Marker("aa", stopped=True), "eve")), "aa", NONE, Action.OPEN, True),
    ],
)
def test_each_case(known: History, fingerprint: str | None, orders: Orders, action: Action, push: bool) -> None:
    found = decided(known, fingerprint, orders)
    assert (found.action, found.push) == (action, push)
    assert found.expected == (known.branch.tip if push and known.branch else ""), "a push is to what was looked at"


def test_what_is_unclear_closes_nothing() -> None:
    for known, action in ((history(OURS, OPEN), Action.NOTHING), (history(None), Action.NOTHING)):
        assert decide(known, None, orders=NONE, in_time=True, room=True, unclear=True).action is action
    stop = decide(history(OURS, OPEN), None, orders=STOP, in_time=True, room=True, unclear=True)
    assert stop.action is Action.CLOSE, "whoever wants it to stop need not wait"


def test_time_and_room() -> None:
    assert decided(history(None), in_time=False).action is Action.NOTHING
    assert decided(history(None), room=False).action is Action.NOTHING
    assert decided(history(OURS, OPEN), "bb", in_time=False).action is Action.NOTHING
    assert decided(history(OURS, OPEN), "bb", IGNORE, in_time=False).action is Action.REFRESH, "somebody waits for it"
    assert decided(history(OURS, OPEN), None, in_time=False).action is Action.CLOSE
    assert decided(history(OURS, OPEN), "bb", room=False).action is Action.REFRESH, "it is open already"


def test_what_was_refused() -> None:
    no, void = Marker("aa", frozenset({"a" * 12})), Marker("bb", frozenset({"b" * 12}), void=True)
    merged = Marker("cc", frozenset({"c" * 12}), ignored=frozenset({"merge-runs"}))
    known = history(None, pull(State.CLOSED, no), pull(State.CLOSED, void), pull(State.MERGED, merged))
    assert known.refused == {"a" * 12} and known.ignored == {"merge-runs"}
    assert history(None, pull(State.CLOSED, no, "eve")).refused == frozenset(), "only our own word counts"


@pytest.mark.parametrize(
    ("email", "parents", "base", "ours"),
    [
        ("us@x", ("b1",), "b1", True),
        ("us@x", ("b1",), "b2", False),
        ("them@x", ("b1",), "b1", False),
        ("us@x", ("b1", "b2"), "b1", False),
        ("us@x", (), "b1", False),
    ],
)
def test_whose_branch_it_is(email: str, parents: tuple[str, ...], base: str, ours: bool) -> None:
    base, parents = base[1] * 40, tuple(one[1] * 40 for one in parents)
    who = Identity("x", email)
    message = f"Title\n\nSlimify-Proposal: {'a' * 32}\nSlimify-Base: {base}\n"
    found = branch_of(Tip("t" * 40, parents, who, who, message), "us@x")
    assert found == Branch("t" * 40, ours, "a" * 32 if ours else "")
    assert branch_of(None, "us@x") is None
