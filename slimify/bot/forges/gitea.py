"""Gitea and Forgejo, which share this API, through requests.

No client library: py-gitea asks without a time limit and logs what it sends; pyforgejo repeats a POST after an error
of the server and reads `.env` files as soon as it is imported; the others have not been kept. What the bot asks is
small, and https://docs.gitea.com/api/ describes it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import requests
from requests.auth import AuthBase

from slimify.bot.forge import (
    Comment,
    ForbiddenError,
    NewPullRequest,
    NotFoundError,
    PullRequest,
    Repository,
    State,
    Suggestion,
)
from slimify.bot.forges.asking import LIMIT, TIMEOUT, USER_AGENT, Ask, Failed, RefusedError, last_is
from slimify.bot.forges.suggestion import REVIEW, as_code
from slimify.bot.redact import Secrets

DRAFT = "WIP: "
_DRAFT = re.compile(r"\s*(?:WIP:|\[WIP\])\s*", re.IGNORECASE)

PAGE = 50
"""The most that a page has unless an administrator changes it (`MAX_RESPONSE_ITEMS`)."""

COLOUR = "#ededed"


class Gitea:
    """A Gitea or Forgejo with a token, for one thread at a time. `url` is its address in a browser."""

    kind = "gitea"

    def __init__(self, url: str, token: str) -> None:
        self._api = url.rstrip("/") + "/api/v1"
        self._redact = Secrets([token]).redact
        self._me = ""
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        self._session.auth = _Token(token)

    def me(self) -> str:
        if not self._me:
            self._me = str(self._get(self._ask("tell whose token this is"), "/user")["login"])
        return self._me

    def repository(self, name: str) -> Repository:
        return _repository(self._get(self._ask(f"read {name}"), f"/repos/{name}"))

    def of_owner(self, owner: str) -> Iterator[Repository]:
        ask = self._ask(f"list the repositories of {owner}")
        try:
            yield from map(_repository, self._all(ask, f"/orgs/{quote(owner)}/repos"))
        except NotFoundError:
            yield from map(_repository, self._all(ask, f"/users/{quote(owner)}/repos"))

    def search(self, query: str) -> Iterator[Repository]:
        yield from map(_repository, self._all(self._ask("search for repositories"), "/repos/search", q=query))

    def with_branch(self, repository: str, branch: str) -> Sequence[PullRequest]:
        """Looked for among the newest `LIMIT`, as this API cannot be asked for those of a branch."""
        ask = self._ask(f"list the pull requests of {repository}")
        return [pull for pull in self._pulls(ask, repository, "all") if pull.head == branch]

    def open_from(self, repository: str, prefix: str) -> Sequence[PullRequest]:
        ask = self._ask(f"list the open pull requests of {repository}")
        return [pull for pull in self._pulls(ask, repository, "open") if pull.head.startswith(prefix)]

    def open(self, repository: str, new: NewPullRequest) -> PullRequest:
        ask = self._ask(f"open a pull request in {repository}")
        title = (DRAFT if new.draft else "") + new.title
        asked = {"head": new.head, "base": new.base, "title": title, "body": new.body}

        def existing() -> PullRequest | None:
            pulls = self._pulls(ask, repository, "open")
            return next((one for one in pulls if (one.head, one.base) == (new.head, new.base)), None)

        def create() -> PullRequest:
            return _pull(self._send("POST", f"/repos/{repository}/pulls", asked))

        # 422 of older ones.
        return ask.write(create, existing, there=(409, 422))

    def update(self, repository: str, number: int, *, title: str, body: str) -> None:
        ask = self._ask(f"change pull request {repository}#{number}")
        path = f"/repos/{repository}/pulls/{number}"
        draft = _DRAFT.match(self._get(ask, path)["title"])
        changed = {"title": (DRAFT if draft else "") + title, "body": body}
        ask.read(lambda: self._send("PATCH", path, changed))

    def close(self, repository: str, number: int) -> None:
        ask = self._ask(f"close pull request {repository}#{number}")
        try:
            ask.read(lambda: self._send("PATCH", f"/repos/{repository}/pulls/{number}", {"state": "closed"}))
        except RefusedError as refused:
            if refused.status != 412:  # it is merged
                raise

    def delete_branch(self, repository: str, branch: str) -> None:
        ask = self._ask(f"delete branch {branch} of {repository}")
        with contextlib.suppress(NotFoundError):
            ask.read(lambda: self._send("DELETE", f"/repos/{repository}/branches/{quote(branch)}"))

    def comments(self, repository: str, number: int) -> Sequence[Comment]:
        return self._comments(self._ask(f"read the comments of {repository}#{number}"), repository, number)

    def comment(self, repository: str, number: int, body: str) -> None:
        ask, path = self._ask(f"comment on {repository}#{number}"), f"/repos/{repository}/issues/{number}/comments"

        def said() -> bool:
            return last_is(self._comments(ask, repository, number), self.me(), body)

        ask.do(lambda: self._send("POST", path, {"body": body}), said)

    def may_write(self, repository: str, login: str) -> bool:
        ask = self._ask(f"tell what {login} may do in {repository}")
        path = f"/repos/{repository}/collaborators/{quote(login, safe='')}/permission"
        try:
            return self._get(ask, path)["permission"] in ("owner", "admin", "write")
        except NotFoundError:
            return False
        except ForbiddenError:
            # Only administrators are told of others; who may be assigned an issue may write, and everybody is told.
            assignees = self._get(ask, f"/repos/{repository}/assignees")
            return any(one["login"].lower() == login.lower() for one in assignees)

    def label(self, repository: str, number: int, labels: Sequence[str]) -> None:
        ask = self._ask(f"label {repository}#{number}")
        known = {one["name"]: one["id"] for one in self._all(ask, f"/repos/{repository}/labels")}
        try:
            for name in labels:
                if name not in known:
                    new = {"name": name, "color": COLOUR}
                    made = ask.once(lambda new=new: self._send("POST", f"/repos/{repository}/labels", new))  # type: ignore[misc]
                    known[name] = made["id"]
        except (ForbiddenError, RefusedError):
            pass
        numbers = [known[name] for name in labels if name in known]
        try:
            if numbers:
                ask.read(lambda: self._send("POST", f"/repos/{repository}/issues/{number}/labels", {"labels": numbers}))
        except ForbiddenError:
            pass

    def request_review(self, repository: str, number: int, people: Sequence[str], teams: Sequence[str]) -> None:
        ask = self._ask(f"ask for a review of {repository}#{number}")
        path = f"/repos/{repository}/pulls/{number}/requested_reviewers"
        for field, names in (("reviewers", people), ("team_reviewers", teams)):
            for name in names:
                try:
                    ask.read(lambda asked={field: [name]}: self._send("POST", path, asked))  # type: ignore[misc]
                except (RefusedError, NotFoundError, ForbiddenError):
                    continue

    def suggest(self, repository: str, number: int, commit: str, suggestions: Sequence[Suggestion]) -> None:
        """A comment stands at one line here, the last; the suggestion is shown as code."""
        if not suggestions:
            return
        ask, path = self._ask(f"review {repository}#{number}"), f"/repos/{repository}/pulls/{number}/reviews"
        comments = [
            {"path": one.path, "body": as_code(one.body), "new_position": one.last, "old_position": 0}
            for one in suggestions
        ]
        review = {"commit_id": commit, "event": "COMMENT", "body": REVIEW, "comments": comments}

        def made() -> bool:
            reviews = [(one["user"]["login"], one["commit_id"], one["body"]) for one in self._all(ask, path)]
            return (self.me(), commit, REVIEW) in reviews

        ask.do(lambda: self._send("POST", path, review), made)

    def publish(self, name: str, text: str) -> str | None:  # noqa: ARG002
        """Always None: there are no gists here."""
        return None

    def _ask(self, what: str) -> Ask:
        return Ask(what, _tell, self._redact)

    def _send(self, method: str, path: str, body: object = None, query: dict[str, str] | None = None) -> Any:
        return _json(self._request(method, path, body, query))

    def _request(self, method: str, path: str, body: object, query: dict[str, str] | None) -> requests.Response:
        # A write that is redirected would become a GET.
        answer = self._session.request(
            method, self._api + path, json=body, params=query, timeout=TIMEOUT, allow_redirects=method == "GET"
        )
        if answer.status_code >= 300:
            raise requests.HTTPError(response=answer)
        return answer

    def _get(self, ask: Ask, path: str) -> Any:
        return ask.read(lambda: self._send("GET", path))

    def _all(self, ask: Ask, path: str, **query: str) -> Iterator[Any]:
        """The items of a list, page by page. Only the number of the next page is believed, not its address."""
        for page in range(1, LIMIT // PAGE + 1):
            asked = {**query, "limit": str(PAGE), "page": str(page)}
            answer = ask.read(lambda asked=asked: self._request("GET", path, None, asked))  # type: ignore[misc]
            found = _json(answer)
            yield from found["data"] if isinstance(found, dict) else found
            if "next" not in answer.links:
                return

    def _pulls(self, ask: Ask, repository: str, state: str) -> Iterator[PullRequest]:
        """Those from the repository's own branches, the newest first."""
        for raw in self._all(ask, f"/repos/{repository}/pulls", state=state):
            if raw["head"]["repo_id"] == raw["base"]["repo_id"]:
                yield _pull(raw)

    def _comments(self, ask: Ask, repository: str, number: int) -> list[Comment]:
        found = self._get(ask, f"/repos/{repository}/issues/{number}/comments")
        return [Comment(one["id"], one["user"]["login"], one["body"]) for one in found]


class _Token(AuthBase):
    """The token on every request to the forge. requests takes the header off a redirect to another host.

    As `Session.auth` it also keeps requests from what a `.netrc` has for the host.
    """

    def __init__(self, token: str) -> None:
        self._header = f"token {token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


def _tell(error: Exception) -> Failed | None:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        answer = error.response
        try:
            said = answer.json()["message"]
        except (ValueError, KeyError, TypeError):
            said = answer.reason
        return Failed(answer.status_code, str(said), answer.headers)
    if isinstance(error, requests.RequestException):
        return Failed(None, f"{type(error).__name__}: {error}")
    return None


def _json(answer: requests.Response) -> Any:
    return answer.json() if answer.content else None


def _repository(raw: Any) -> Repository:
    return Repository(
        name=raw["full_name"],
        clone_url=raw["clone_url"],
        web_url=raw["html_url"],
        default_branch=raw["default_branch"],
        archived=raw["archived"],
        fork=raw["fork"],
        empty=raw["empty"],
        can_push=bool((raw.get("permissions") or {"push": True})["push"]),
        private=raw["private"],
    )


def _pull(raw: Any) -> PullRequest:
    head = raw["head"]
    state = State.MERGED if raw["merged"] else State.OPEN if raw["state"] == "open" else State.CLOSED
    draft = _DRAFT.match(raw["title"])
    return PullRequest(
        number=raw["number"],
        state=state,
        title=raw["title"][draft.end() if draft else 0 :],
        body=raw["body"] or "",
        url=raw["html_url"],
        author=raw["user"]["login"],
        head=head["label"],
        base=raw["base"]["ref"],
        draft=bool(draft),
        labels=tuple(label["name"] for label in raw["labels"] or ()),
    )
