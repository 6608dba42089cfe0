"""GitHub, in the cloud and as Enterprise Server, through PyGithub.

PyGithub and not githubkit: it reads an answer for the fields that are asked for, where githubkit checks whole models,
so that an older Enterprise Server with other fields will do; and it needs requests alone, as python-gitlab does. Both
repeat a POST after an error of the server; both let that be turned off. PyGithub follows a redirect to its own host
only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import github
import requests
from github.GithubObject import GithubObject
from github.Issue import Issue
from github.PaginatedList import PaginatedList
from github.PullRequest import PullRequest as RawPull
from github.Repository import Repository as RawRepository
from urllib3 import Retry

from slimify.bot.forge import (
    Comment,
    ForbiddenError,
    ForgeError,
    NewPullRequest,
    NotFoundError,
    PullRequest,
    Repository,
    State,
    Suggestion,
)
from slimify.bot.forges.asking import TIMEOUT, USER_AGENT, Ask, Failed, RefusedError, last_is
from slimify.bot.forges.suggestion import REVIEW
from slimify.bot.redact import Secrets

Item = TypeVar("Item", bound=GithubObject)
T = TypeVar("T")

CLOUD = "api.github.com"


class GitHub:
    """A GitHub with a token, for one thread at a time. `api` is where its REST API begins."""

    kind = "github"

    def __init__(self, api: str, token: str) -> None:
        # A second between writes is GitHub's own advice against its secondary rate limits. An Enterprise Server has
        # none unless its administrator turns them on.
        pause = (0.25, 1.0) if urlsplit(api).hostname == CLOUD else (None, None)
        self._redact = Secrets([token]).redact
        self._me = ""
        self._github = github.Github(
            auth=github.Auth.Token(token),
            base_url=api,
            timeout=TIMEOUT,
            user_agent=USER_AGENT,
            per_page=100,
            # PyGithub takes the other redirects for answers. With no repeats left, one becomes an error.
            retry=Retry(0, read=False, allowed_methods=None, status_forcelist=(302, 303, 307, 308)),
            seconds_between_requests=pause[0],
            seconds_between_writes=pause[1],
            lazy=True,
        )

    def me(self) -> str:
        if not self._me:
            ask = self._ask("tell whose token this is")
            try:
                self._me = ask.read(lambda: self._github.get_user().login)
            except ForbiddenError:
                # A token of an installation has no user in the REST API; GraphQL names its bot.
                query = "query { viewer { login } }"
                asked = ask.read(lambda: self._github.requester.graphql_query(query, {}))
                self._me = str(asked[1]["data"]["viewer"]["login"])
        return self._me

    def repository(self, name: str) -> Repository:
        ask = self._ask(f"read {name}")
        raw = self._repository(name)
        ask.read(raw.complete)
        found = ask.read(lambda: _repository(raw))
        # `size` is of some while ago, and 0 for what is small: only then it is asked whether there is a branch.
        if raw.size == 0:
            found = found._replace(empty=not self._tip(ask, raw, found.default_branch))
        return found

    def of_owner(self, owner: str) -> Iterator[Repository]:
        ask = self._ask(f"list the repositories of {owner}")
        try:
            yield from self._all(ask, lambda: self._repositories(f"/orgs/{quote(owner)}/repos"), _repository)
        except NotFoundError:
            yield from self._all(ask, lambda: self._repositories(f"/users/{quote(owner)}/repos"), _repository)

    def search(self, query: str) -> Iterator[Repository]:
        ask = self._ask("search for repositories")
        yield from self._all(ask, lambda: self._github.search_repositories(query), _repository)

    def with_branch(self, repository: str, branch: str) -> Sequence[PullRequest]:
        return self._with_branch(self._ask(f"list the pull requests of {repository}"), repository, branch)

    def open_from(self, repository: str, prefix: str) -> Sequence[PullRequest]:
        ask = self._ask(f"list the open pull requests of {repository}")
        raw = self._repository(repository)
        found = self._all(ask, lambda: raw.get_pulls("open", "created", "desc"), _pull)
        return [pull for pull in found if pull is not None and pull.head.startswith(prefix)]

    def open(self, repository: str, new: NewPullRequest) -> PullRequest:
        ask = self._ask(f"open a pull request in {repository}")
        raw = self._repository(repository)

        def create() -> PullRequest | None:
            return _pull(raw.create_pull(new.base, new.head, title=new.title, body=new.body, draft=new.draft))

        def existing() -> PullRequest | None:
            found = self._with_branch(ask, repository, new.head)
            return next((one for one in found if one.state is State.OPEN and one.base == new.base), None)

        # 422 is said of much; one of it is that there is a pull request already.
        made = ask.write(create, existing, there=(422,))
        if made is None:
            raise ForgeError(f"cannot open a pull request in {repository}: {new.head} is not a branch of its own")
        return made

    def update(self, repository: str, number: int, *, title: str, body: str) -> None:
        pull = self._repository(repository).get_pull(number)
        self._ask(f"change pull request {repository}#{number}").read(lambda: pull.edit(title=title, body=body))

    def close(self, repository: str, number: int) -> None:
        pull = self._repository(repository).get_pull(number)
        self._ask(f"close pull request {repository}#{number}").read(lambda: pull.edit(state="closed"))

    def delete_branch(self, repository: str, branch: str) -> None:
        ask, requester = self._ask(f"delete branch {branch} of {repository}"), self._github.requester
        url = f"/repos/{repository}/git/refs/heads/{quote(branch)}"
        try:
            ask.read(lambda: requester.requestJsonAndCheck("DELETE", url))
        except NotFoundError:
            pass
        except RefusedError as refused:
            if "Reference does not exist" not in str(refused):
                raise

    def comments(self, repository: str, number: int) -> Sequence[Comment]:
        ask = self._ask(f"read the comments of {repository}#{number}")
        return self._comments(ask, self._issue(repository, number))

    def comment(self, repository: str, number: int, body: str) -> None:
        ask, issue = self._ask(f"comment on {repository}#{number}"), self._issue(repository, number)
        ask.do(lambda: issue.create_comment(body), lambda: last_is(self._comments(ask, issue), self.me(), body))

    def may_write(self, repository: str, login: str) -> bool:
        ask, raw = self._ask(f"tell what {login} may do in {repository}"), self._repository(repository)
        try:
            return ask.read(lambda: raw.get_collaborator_permission(login)) in ("admin", "write")
        except NotFoundError:
            return False

    def label(self, repository: str, number: int, labels: Sequence[str]) -> None:
        ask, requester = self._ask(f"label {repository}#{number}"), self._github.requester
        url = f"{self._issue(repository, number).url}/labels"
        # GitHub makes a label that there is none of, for those who may. `add_to_labels` of PyGithub sends a bare list,
        # where GitHub recommends an object, and Prism takes nothing else.
        _together_or_each(
            labels,
            lambda some: ask.read(lambda: requester.requestJsonAndCheck("POST", url, input={"labels": list(some)})),
        )

    def request_review(self, repository: str, number: int, people: Sequence[str], teams: Sequence[str]) -> None:
        ask = self._ask(f"ask for a review of {repository}#{number}")
        pull = self._repository(repository).get_pull(number)
        _together_or_each(people, lambda some: ask.read(lambda: pull.create_review_request(reviewers=list(some))))
        _together_or_each(teams, lambda some: ask.read(lambda: pull.create_review_request(team_reviewers=list(some))))

    def suggest(self, repository: str, number: int, commit: str, suggestions: Sequence[Suggestion]) -> None:
        if not suggestions:
            return
        ask, requester = self._ask(f"review {repository}#{number}"), self._github.requester
        pull = self._repository(repository).get_pull(number)
        comments = [_review_comment(one) for one in suggestions]
        review = {"commit_id": commit, "event": "COMMENT", "body": REVIEW, "comments": comments}

        def made() -> bool:
            reviews = self._all(ask, pull.get_reviews, lambda one: (one.user.login, one.commit_id, one.body))
            return (self.me(), commit, REVIEW) in reviews

        # Not `create_review`, which reads the whole commit only to learn the name that it was given.
        ask.do(lambda: requester.requestJsonAndCheck("POST", f"{pull.url}/reviews", input=review), made)

    def publish(self, name: str, text: str) -> str | None:
        """A secret gist; None for a token that may make none, such as every installation's."""
        ask = self._ask("publish a page")
        content = {name: github.InputFileContent(text)}
        try:
            return ask.once(lambda: self._github.get_user().create_gist(False, content).html_url)
        except (ForbiddenError, NotFoundError):
            return None

    def _ask(self, what: str) -> Ask:
        return Ask(what, _tell, self._redact)

    def _repository(self, name: str) -> RawRepository:
        """A repository that is not asked for until something of it is."""
        return self._github.get_repo(name)

    def _repositories(self, path: str) -> PaginatedList[RawRepository]:
        # Not `get_organization(owner).get_repos`, which asks for the organisation first.
        return PaginatedList(RawRepository, self._github.requester, path, {})

    def _issue(self, repository: str, number: int) -> Issue:
        """A pull request as the issue that it is too."""
        return self._repository(repository).get_issue(number)

    def _all(self, ask: Ask, items: Callable[[], PaginatedList[Item]], read: Callable[[Item], T]) -> Iterator[T]:
        found = items()
        return ask.each(lambda index: read(found[index]))

    def _with_branch(self, ask: Ask, repository: str, branch: str) -> list[PullRequest]:
        raw = self._repository(repository)
        head = f"{repository.partition('/')[0]}:{branch}"
        pulls = self._all(ask, lambda: raw.get_pulls("all", "created", "desc", head=head), _pull)
        return [pull for pull in pulls if pull is not None and pull.head == branch]

    def _tip(self, ask: Ask, raw: RawRepository, branch: str) -> str:
        requester, url = self._github.requester, f"{raw.url}/git/ref/heads/{quote(branch)}"
        try:
            answer: Any = ask.read(lambda: requester.requestJsonAndCheck("GET", url))[1]
        except NotFoundError:
            return ""
        except RefusedError as refused:
            if refused.status == 409:  # the repository is empty
                return ""
            raise
        return str(answer["object"]["sha"])

    def _comments(self, ask: Ask, issue: Issue) -> list[Comment]:
        return list(self._all(ask, issue.get_comments, lambda one: Comment(one.id, _login(one.user), one.body or "")))


def _tell(error: Exception) -> Failed | None:
    if isinstance(error, github.GithubException):
        data = error.data if isinstance(error.data, dict) else {}
        details = [one.get("message", "") if isinstance(one, dict) else str(one) for one in data.get("errors") or ()]
        text = ": ".join(str(part) for part in (data.get("message") or "", *details) if part)
        return Failed(error.status, text, error.headers or {})
    if isinstance(error, requests.exceptions.RetryError):
        return Failed(0, "GitHub redirects elsewhere; the repository may have got another name")
    if isinstance(error, requests.RequestException):
        return Failed(None, f"{type(error).__name__}: {error}")
    if isinstance(error, (ValueError, github.BadAttributeException)):
        return Failed(None, f"this is not an answer of GitHub's API: {error}")
    # A redirect to another host, or an address of another host in an answer.
    if isinstance(error, (RuntimeError, AssertionError)):
        return Failed(0, str(error))
    return None


def _repository(raw: RawRepository) -> Repository:
    permissions = raw.permissions
    return Repository(
        name=raw.full_name,
        clone_url=raw.clone_url,
        web_url=raw.html_url,
        default_branch=raw.default_branch,
        archived=raw.archived,
        fork=raw.fork,
        can_push=bool(permissions.push) if permissions else True,
        private=raw.private,
    )


def _pull(raw: RawPull) -> PullRequest | None:
    """None for one that comes from a fork; the repository of a fork may be gone."""
    if getattr(raw.head.repo, "id", None) != raw.base.repo.id:
        return None
    state = State.MERGED if raw.merged_at else State.OPEN if raw.state == "open" else State.CLOSED
    return PullRequest(
        number=raw.number,
        state=state,
        title=raw.title,
        body=raw.body or "",
        url=raw.html_url,
        author=_login(raw.user),
        head=raw.head.ref,
        base=raw.base.ref,
        draft=bool(raw.draft),
        labels=tuple(label.name for label in raw.labels),
    )


def _login(user: Any) -> str:
    """The name of an account; GitHub says `ghost` of one that is gone."""
    return str(user.login) if user else "ghost"


def _review_comment(suggestion: Suggestion) -> dict[str, Any]:
    comment = {"path": suggestion.path, "body": suggestion.body, "line": suggestion.last, "side": "RIGHT"}
    if suggestion.first < suggestion.last:
        comment |= {"start_line": suggestion.first, "start_side": "RIGHT"}
    return comment


def _together_or_each(names: Sequence[str], ask: Callable[[Sequence[str]], object]) -> None:
    """Ask for all names at once; if one of them spoils it, for each, leaving out those that are refused."""
    if not names:
        return
    try:
        ask(names)
    except (RefusedError, NotFoundError, ForbiddenError):
        for name in names if len(names) > 1 else ():
            _together_or_each([name], ask)
