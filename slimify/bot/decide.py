"""What is to become of one branch and its pull request. Nothing is asked and nothing is done here.

A fresh proposal, the pull requests there were from the branch, and the branch as it is now go in; what to do, and why,
comes out. All memory is on the forge: markers in the texts of pull requests, and trailers in the bot's own commits.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple

from slimify.bot.forge import PullRequest, State
from slimify.bot.git_objects import Tip
from slimify.bot.marker import Marker, read_marker
from slimify.bot.orders import Orders
from slimify.bot.title import BASE, PROPOSAL, trailers_of

NO_MARKER = Marker("")


class Action(enum.Enum):
    """What to do."""

    NOTHING = "nothing"
    OPEN = "open"
    REFRESH = "refresh"
    ANSWER = "answer"
    CLOSE = "close"


class Branch(NamedTuple):
    """The branch as the forge has it. `ours` says that it is one commit, and that the bot made it.

    `proposal` is the fingerprint of what that commit holds.
    """

    tip: str
    ours: bool
    proposal: str = ""


class History(NamedTuple):
    """What there is on the forge: pull requests from the branch with their markers, the newest first, and the branch.

    `refused` are the names of the changes in pull requests that somebody closed, `ignored` the transforms that somebody
    asked to leave out, and `stopped` says that somebody wants no more of them at all.
    """

    pulls: tuple[tuple[PullRequest, Marker], ...]
    branch: Branch | None
    refused: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    stopped: bool = False

    @property
    def open(self) -> tuple[PullRequest, Marker] | None:
        """The pull request that is open, and its marker."""
        return next((one for one in self.pulls if one[0].state is State.OPEN), None)


class Decision(NamedTuple):
    """`push` says that the branch gets the new commit, if its tip is still `expected`; empty if there is no branch."""

    action: Action
    why: str
    push: bool = False
    expected: str = ""


def history_of(pulls: Sequence[PullRequest], branch: Branch | None, me: str) -> History:
    """What the pull requests say. Markers count only in what the bot itself opened."""
    known = tuple((one, read_marker(one.body) or NO_MARKER) for one in pulls if one.author == me)
    # What was closed without a merge was refused, unless the bot closed it because there was nothing left to do.
    refused = [marker for one, marker in known if one.state is State.CLOSED and not marker.void]
    # Who reopens one that was stopped wants the bot back.
    back = any(marker.stopped for one, marker in known if one.state is State.OPEN)
    return History(
        known,
        branch,
        frozenset(name for marker in refused for name in marker.changes),
        frozenset(name for _, marker in known for name in marker.ignored),
        not back and any(marker.stopped for _, marker in known),
    )


def branch_of(tip: Tip | None, email: str) -> Branch | None:
    """The branch at this tip. It is ours if it is one commit on top of the base, made by us and by nobody since."""
    if tip is None:
        return None
    said = trailers_of(tip.message)
    ours = tip.committer.email == email and len(tip.parents) == 1 and said.get(BASE) == tip.parents[0]
    return Branch(tip.sha, ours, said.get(PROPOSAL, "") if ours else "")


def decide(
    history: History,
    fingerprint: str | None,
    *,
    orders: Orders,
    in_time: bool,
    room: bool,
    why_nothing: str = "there is nothing to improve",
    unclear: bool = False,
) -> Decision:
    """What to do with a proposal of this fingerprint; None if there is none, and `why_nothing` says why.

    `unclear` says that there might be one another time: a file that cannot be read, or a build that fails, is no reason
    to close anything.

    `in_time` says that the schedule lets pull requests be opened and refreshed, `room` that there may be one more.
    """
    present, branch = history.open, history.branch
    answering = Action.ANSWER if orders.read else Action.NOTHING
    if orders.stop or history.stopped:
        if present is None:
            return Decision(Action.NOTHING, "somebody asked for no more pull requests")
        return Decision(Action.CLOSE, "somebody asked for it to stop")
    if fingerprint is None:
        if present is None or unclear:
            return Decision(answering if present is not None else Action.NOTHING, why_nothing)
        return Decision(Action.CLOSE, why_nothing)
    if present is None:
        return _without_pull_request(branch, in_time=in_time, room=room)
    if branch is None:
        # The forge closes a pull request whose branch is deleted, but not at once.
        return Decision(answering, "its branch is gone")
    if orders.rebase:
        return Decision(Action.REFRESH, "somebody asked for a rebase", push=True, expected=branch.tip)
    if not branch.ours:
        return Decision(answering, "somebody has committed to its branch")
    if branch.proposal != fingerprint:
        if not (in_time or orders.ignore):
            return Decision(answering, "it is not the time for it")
        return Decision(Action.REFRESH, "the proposal has changed", push=True, expected=branch.tip)
    if present[1].fingerprint != fingerprint:
        # An earlier visit came no further than the branch.
        return Decision(Action.REFRESH, "its text is out of date", push=True, expected=branch.tip)
    return Decision(answering, "it is up to date")


def _without_pull_request(branch: Branch | None, *, in_time: bool, room: bool) -> Decision:
    if branch is not None and not branch.ours:
        return Decision(Action.NOTHING, "somebody else has a branch of that name")
    if not in_time:
        return Decision(Action.NOTHING, "it is not the time for it")
    if not room:
        return Decision(Action.NOTHING, "enough pull requests are open")
    # A branch of our own may be left from before: a push whose pull request was not opened any more.
    return Decision(Action.OPEN, "there is something to improve", push=True, expected=branch.tip if branch else "")
