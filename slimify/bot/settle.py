"""Settle one pull request: propose, decide, and do what was decided.

What is done is done in an order in which whatever a sudden death leaves out is found by the next visit: the branch
before the pull request, the marker that says why before the closing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import NamedTuple

from slimify.bot import texts
from slimify.bot.allowance import Allowance
from slimify.bot.body import Around, body_of
from slimify.bot.commit_files import CommitFiles
from slimify.bot.decide import Action, Decision, History, branch_of, decide, history_of
from slimify.bot.forge import (
    Comment,
    Forge,
    ForgeError,
    NewPullRequest,
    PullRequest,
    Repository,
    TemporaryError,
)
from slimify.bot.git import Clone
from slimify.bot.git_objects import Identity
from slimify.bot.groups import PREFIX, Group
from slimify.bot.links import Lines
from slimify.bot.marker import Marker, marker_of, with_marker
from slimify.bot.orders import NONE, Orders, orders_of
from slimify.bot.owners import owners_of
from slimify.bot.proposal import Proposal
from slimify.bot.propose import Asked, Prove, propose
from slimify.bot.reviewers import Reviewers, reviewers_of
from slimify.bot.schedule import is_time
from slimify.bot.settings import Bot
from slimify.bot.suggestions import take_back
from slimify.bot.title import commit_message, title_of
from slimify.bot.tree_config import TreeFinder
from slimify.config import FILE, known_transforms
from slimify.manners import Manners
from slimify.proof.html_report import as_html
from slimify.report.markdown_text import code

_NOTHING_PROVED = "no rewrite of it could be proved"
_MOST_TOLD = 3


class Event(NamedTuple):
    """Something that a visit did, would have done, or did not do. `what` is one word, such as `opened`.

    `proposal`, `title` and `body` are there where something is proposed.
    """

    what: str
    why: str
    branch: str = ""
    url: str = ""
    title: str = ""
    body: str = ""
    proposal: Proposal | None = None


class Surroundings(NamedTuple):
    """All that a pull request is settled with: the forge, the commit that is proposed to, and who wants what."""

    forge: Forge
    bot: Bot
    me: str
    repository: Repository
    commit: Clone
    files: CommitFiles
    finder: TreeFinder
    manners: Manners
    prove: Prove | None
    allowance: Allowance
    now: Callable[[], datetime]
    say: Callable[[str], None]
    redact: Callable[[str], str]
    again: bool

    @property
    def settings_file(self) -> str:
        """The file that slimify's settings are in, or belong in."""
        return self.finder.root.path or FILE


class Plan(NamedTuple):
    """What was decided, and all it takes to do it. `fingerprint` is that of the proposal before it was proved."""

    group: Group
    history: History
    orders: Orders
    decision: Decision
    proposal: Proposal
    fingerprint: str
    comments: Sequence[Comment]


def settle(around: Surroundings, group: Group, why_nothing: str) -> Event:
    """Have one pull request be as it should, and say what was done. `why_nothing` is for a group without proposals."""
    plan = _planned(around, group, why_nothing)
    if around.bot.dry_run:
        return _event(around, plan, f"would {plan.decision.action.value}")
    match plan.decision.action:
        case Action.OPEN:
            return _open(around, plan)
        case Action.REFRESH:
            return _refresh(around, plan)
        case Action.CLOSE:
            return _close(around, plan)
        case Action.ANSWER:
            return _answer(around, plan)
        case Action.NOTHING:
            return _leave(around, plan)


def _planned(around: Surroundings, group: Group, why_nothing: str) -> Plan:
    name, forge, manners = around.repository.name, around.forge, around.manners
    branch = branch_of(around.commit.fetch(group.branch), around.bot.author.email)
    history = history_of(forge.with_branch(name, group.branch), branch, around.me)
    orders = NONE
    comments: Sequence[Comment] = ()
    if history.open is not None:
        pull, marker = history.open
        comments, orders = _orders(around, pull, marker)
        if pull.base != around.commit.branch:
            # A pull request cannot be moved by every forge: the next visit opens another.
            group, why_nothing = group._replace(dockerfiles=()), "proposals now go to another branch"
    asked = Asked(history.ignored | frozenset(orders.ignore), history.refused, around.bot.level)
    if orders.stop or history.stopped:
        group = group._replace(dockerfiles=())
    proposal = propose(around.files, group.dockerfiles, around.finder.of_file, asked)
    fingerprint = proposal.fingerprint if proposal.files else None
    if not proposal.files:
        why_nothing = _why(proposal, why_nothing)
    # The forge is asked only if one more is wanted.
    wanted = fingerprint is not None and history.open is None
    decided = partial(
        decide,
        history,
        orders=orders,
        in_time=is_time(manners.schedule, manners.timezone, around.now()),
        room=wanted and around.allowance.left and len(forge.open_from(name, PREFIX)) < manners.max_open,
    )
    decision = decided(fingerprint, why_nothing=why_nothing, unclear=bool(proposal.unread))
    if decision.push and around.prove is not None and not around.bot.dry_run:
        # Only now, because a proof takes minutes.
        proposal = propose(around.files, group.dockerfiles, around.finder.of_file, asked, around.prove)
        if not proposal.files:
            decision = decided(None, why_nothing=_why(proposal, _NOTHING_PROVED), unclear=True)
    return Plan(group, history, orders, decision, proposal, fingerprint or "", comments)


def _why(proposal: Proposal, otherwise: str) -> str:
    """Why there is nothing in a proposal, as far as it says."""
    told = [f"{path}: {why}" for path, why in proposal.unread[:_MOST_TOLD]]
    return "; ".join(told) or ("all that there is was refused before" if proposal.declined else otherwise)


def _open(around: Surroundings, plan: Plan) -> Event:
    if not around.allowance.take():
        return _event(around, plan, "left", why="this run has opened as many as it may")
    commit = _pushed(around, plan)
    title = title_of(plan.proposal)
    body = _body(around, plan, _marker(plan, title))
    new = NewPullRequest(plan.group.branch, around.commit.branch, title, body, around.manners.draft)
    pull = around.forge.open(around.repository.name, new)
    _finish(around, plan, pull)
    if around.manners.suggestions:
        offers = [
            suggestion
            for one in plan.proposal.fixed
            if one.again is not None
            for suggestion in take_back(one.outcome, one.build.dockerfile, one.again).suggestions
        ]
        if offers:
            _if_allowed(around, lambda: around.forge.suggest(around.repository.name, pull.number, commit, offers))
    return _event(around, plan, "opened", url=pull.url)


def _refresh(around: Surroundings, plan: Plan) -> Event:
    pull, marker = _present(plan)
    _pushed(around, plan)
    # Whoever has given it another title wants that one.
    own = title_of(plan.proposal)
    title = own if marker.title in ("", pull.title) else pull.title
    body = _body(around, plan, _marker(plan, own))
    _say_done(around, plan, pull)
    around.forge.update(around.repository.name, pull.number, title=title, body=body)
    return _event(around, plan, "refreshed", url=pull.url)


def _close(around: Surroundings, plan: Plan) -> Event:
    pull, marker = _present(plan)
    name, forge, stop = around.repository.name, around.forge, plan.orders.stop or plan.history.stopped
    # First the marker: one that is closed without it counts as refused. The order to stop is not marked as answered
    # before it is carried out.
    marker = marker._replace(void=not stop, stopped=stop)
    body = with_marker(pull.body, marker)
    forge.update(name, pull.number, title=pull.title, body=body)
    _comment_once(around, plan, pull, "closed", texts.stopped() if stop else texts.closing(plan.decision.why))
    # Before it is closed, for afterwards nobody would look for it.
    if plan.history.branch is not None and plan.history.branch.ours:
        _if_allowed(around, lambda: forge.delete_branch(name, plan.group.branch))
    forge.close(name, pull.number)
    if plan.orders.read:
        body = with_marker(pull.body, marker._replace(answered=_answered(plan)))
        forge.update(name, pull.number, title=pull.title, body=body)
    return _event(around, plan, "closed", url=pull.url)


def _answer(around: Surroundings, plan: Plan) -> Event:
    pull, marker = _present(plan)
    _say_done(around, plan, pull)
    ignored = marker.ignored | frozenset(plan.orders.ignore)
    body = with_marker(pull.body, marker._replace(answered=_answered(plan), ignored=ignored, stopped=False))
    around.forge.update(around.repository.name, pull.number, title=pull.title, body=body)
    return _event(around, plan, "answered", url=pull.url)


def _leave(around: Surroundings, plan: Plan) -> Event:
    if plan.history.open is None:
        if around.again:
            _finish_stop(around, plan)
        return _event(around, plan, "left")
    pull, marker = plan.history.open
    branch = plan.history.branch
    if branch is not None and not branch.ours and plan.fingerprint != marker.fingerprint:
        _comment_once(around, plan, pull, f"outdated-{plan.fingerprint}", texts.somebody_else_s())
    elif around.again:
        _finish(around, plan, pull)
    return _event(around, plan, "left", url=pull.url)


def _finish_stop(around: Surroundings, plan: Plan) -> None:
    """Mark the order to stop as answered, or it would be carried out once more when somebody reopens."""
    for pull, marker in plan.history.pulls[:1]:
        if marker.stopped:
            answered = _orders(around, pull, marker)[1].read
            if answered:
                marker = marker._replace(answered=tuple(sorted({*marker.answered, *answered})))
                body = with_marker(pull.body, marker)
                around.forge.update(around.repository.name, pull.number, title=pull.title, body=body)


def _orders(around: Surroundings, pull: PullRequest, marker: Marker) -> tuple[Sequence[Comment], Orders]:
    """The comments of a pull request, and what is ordered in those that are not answered."""
    name, forge = around.repository.name, around.forge
    comments = forge.comments(name, pull.number)
    may_write = partial(forge.may_write, name)
    return comments, orders_of(comments, marker.answered, around.me, may_write, known_transforms())


def _present(plan: Plan) -> tuple[PullRequest, Marker]:
    assert plan.history.open is not None, "there is nothing to do to a pull request that is not there"
    return plan.history.open


def _pushed(around: Surroundings, plan: Plan) -> str:
    """Commit and push, unless the branch has all of it already, and return the commit."""
    branch, proposal = plan.history.branch, plan.proposal
    proven = any(one.proof is not None for one in proposal.fixed)
    if (
        branch is not None
        and branch.ours
        and branch.proposal == plan.fingerprint
        and not proven
        and not plan.orders.rebase
    ):
        return branch.tip
    author = around.bot.author
    commit = around.commit.make_commit(
        proposal.files,
        commit_message(proposal, plan.fingerprint, around.commit.commit),
        Identity(author.name, author.email),
        sign=author.signing_key,
    )
    around.commit.push(plan.group.branch, commit, plan.decision.expected or None)
    return commit


def _finish(around: Surroundings, plan: Plan, pull: PullRequest) -> None:
    """Labels and reviewers: to ask for them twice does no harm, and to be refused neither."""
    name, manners, forge = around.repository.name, around.manners, around.forge
    missing = [label for label in manners.labels if label not in pull.labels]
    if missing:
        _if_allowed(around, lambda: forge.label(name, pull.number, missing))
    owners = Reviewers()
    if manners.codeowners:
        owners = owners_of([file.path for file in plan.proposal.files], around.commit.read)
    asked = reviewers_of((*manners.reviewers, *owners.people, *owners.teams)).without(around.me)
    if asked.people or asked.teams:
        _if_allowed(around, lambda: forge.request_review(name, pull.number, asked.people, asked.teams))


def _if_allowed(around: Surroundings, action: Callable[[], object]) -> None:
    """Do what is not needed for a pull request to be one, if the forge lets us."""
    try:
        action()
    except TemporaryError:
        raise
    except ForgeError as error:
        around.say(f"{around.repository.name}: {error}")


def _say_done(around: Surroundings, plan: Plan, pull: PullRequest) -> None:
    """Answer the orders that there were."""
    orders = plan.orders
    if not orders.read:
        return
    done = [f"made anew on {code(around.commit.branch)}"] if orders.rebase else []
    done += [f"{code(name)} is left out from now on, here" for name in orders.ignore]
    text = texts.answer(done, orders.unknown, known_transforms())
    _comment_once(around, plan, pull, f"answer-{max(orders.read)}", text)


def _comment_once(around: Surroundings, plan: Plan, pull: PullRequest, name: str, text: str) -> None:
    if not any(one.author == around.me and texts.has_mark(name, one.body) for one in plan.comments):
        around.forge.comment(around.repository.name, pull.number, texts.marked(name, text))


def _marker(plan: Plan, title: str) -> Marker:
    ignored = plan.history.ignored | frozenset(plan.orders.ignore)
    return marker_of(plan.fingerprint, plan.proposal.changes, ignored=ignored, answered=_answered(plan), title=title)


def _answered(plan: Plan) -> tuple[int, ...]:
    before = plan.history.open[1].answered if plan.history.open is not None else ()
    return tuple(sorted({*before, *plan.orders.read}))


def _body(around: Surroundings, plan: Plan, marker: Marker) -> str:
    forge = around.forge
    report = next((one.proof for one in plan.proposal.fixed if one.proof is not None), None)
    url = None
    # A page can be read by all who have its address, or more; what a private repository holds is not for them.
    if report is not None and not around.repository.private:
        with suppress(ForgeError):
            url = forge.publish(f"slimify-{plan.fingerprint[:12]}.html", as_html(report, around.repository.name))
    return body_of(plan.proposal, marker, _around(around, report_url=url))


def _around(around: Surroundings, report_url: str | None = None) -> Around:
    """What the text says that the proposal does not know."""
    repository, commit = around.repository, around.commit.commit
    return Around(
        around.forge.kind,
        settings=around.settings_file,
        report_url=report_url,
        lines=Lines(around.forge.kind, repository.web_url, commit),
        redact=around.redact,
    )


def _event(around: Surroundings, plan: Plan, what: str, *, why: str = "", url: str = "") -> Event:
    proposal = plan.proposal if plan.proposal.files else None
    title = title_of(plan.proposal) if proposal is not None else ""
    body = ""
    if around.bot.dry_run and proposal is not None:
        body = body_of(plan.proposal, _marker(plan, title), _around(around))
    present = plan.history.open
    return Event(
        what,
        why or plan.decision.why,
        plan.group.branch,
        url or (present[0].url if present else ""),
        title,
        body,
        proposal,
    )
