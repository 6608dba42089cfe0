"""GitLab, through python-gitlab. A pull request is a merge request here, and its number the one within the project."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import gitlab
import requests

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
from slimify.bot.forges.asking import TIMEOUT, USER_AGENT, Ask, Failed, RefusedError, last_is
from slimify.bot.forges.suggestion import for_gitlab
from slimify.bot.redact import Secrets

CLOUD = "gitlab.com"

DRAFT = "Draft: "
_DRAFT = re.compile(r"\s*(?:\[draft\]|\(draft\)|draft:)\s*", re.IGNORECASE)

DEVELOPER = 30
"""The lowest level of access that may push: https://docs.gitlab.com/api/members/#roles."""

_STATES = {"merged": State.MERGED, "closed": State.CLOSED}


class _Client(gitlab.Gitlab):
    """Waits for no rate limit by itself: python-gitlab would, as long as a forge asks for, and has no option for it."""

    def http_request(self, *arguments: Any, **named: Any) -> requests.Response:
        return super().http_request(*arguments, **{**named, "obey_rate_limit": False})


class GitLab:
    """A GitLab with a token, for one thread at a time. `url` is its address in a browser."""

    kind = "gitlab"

    def __init__(self, url: str, token: str) -> None:
        self._cloud = urlsplit(url).hostname == CLOUD
        self._redact = Secrets([token]).redact
        self._headers: dict[str, str] = {}
        session = requests.Session()
        # python-gitlab's exceptions have no headers, which say how long a rate limit lasts.
        session.hooks["response"].append(self._remember)
        self._gitlab = _Client(
            url,
            # Access tokens of every kind may come so (https://docs.gitlab.com/api/rest/authentication/), and requests
            # takes this header off a redirect to another host, but not PRIVATE-TOKEN.
            oauth_token=token,
            timeout=TIMEOUT,
            user_agent=USER_AGENT,
            per_page=100,
            # The address of a next page would else be followed to any host, with the token.
            keep_base_url=True,
            session=session,
        )

    def me(self) -> str:
        return str(self._ask("tell whose token this is").read(self._user).username)

    def repository(self, name: str) -> Repository:
        ask = self._ask(f"read {name}")
        raw = ask.read(lambda: self._gitlab.projects.get(name))
        found = _repository(raw)
        if _level(raw) is None:
            # What comes from a group above, or another that the project is shared with, is told of members only.
            found = found._replace(can_push=self._may_write(ask, name, ask.read(self._user).id))
        return found

    def of_owner(self, owner: str) -> Iterator[Repository]:
        ask = self._ask(f"list the repositories of {owner}")
        group = self._gitlab.groups.get(owner, lazy=True)
        try:
            whole = self._all(
                ask, lambda: group.projects.list(include_subgroups=True, with_shared=False, iterator=True)
            )
            yield from map(_repository, whole)
        except NotFoundError:
            number = self._number(ask, owner)
            if number is None:
                raise
            user = self._gitlab.users.get(number, lazy=True)
            yield from map(_repository, self._all(ask, lambda: user.projects.list(iterator=True)))

    def search(self, query: str) -> Iterator[Repository]:
        ask = self._ask("search for repositories")
        found = self._all(ask, lambda: self._gitlab.projects.list(search=query, iterator=True))
        yield from map(_repository, found)

    def with_branch(self, repository: str, branch: str) -> Sequence[PullRequest]:
        ask = self._ask(f"list the merge requests of {repository}")
        return self._pulls(ask, repository, state="all", source_branch=branch)

    def open_from(self, repository: str, prefix: str) -> Sequence[PullRequest]:
        ask = self._ask(f"list the open merge requests of {repository}")
        return self._pulls(ask, repository, prefix, state="opened")

    def open(self, repository: str, new: NewPullRequest) -> PullRequest:
        ask = self._ask(f"open a merge request in {repository}")
        asked = {
            "source_branch": new.head,
            "target_branch": new.base,
            "title": (DRAFT if new.draft else "") + new.title,
            "description": new.body,
        }
        manager = self._project(repository).mergerequests

        def existing() -> PullRequest | None:
            found = self._pulls(ask, repository, state="opened", source_branch=new.head)
            return next((one for one in found if one.base == new.base), None)

        return ask.write(lambda: _pull(manager.create(asked)), existing, there=(409,))

    def update(self, repository: str, number: int, *, title: str, body: str) -> None:
        ask = self._ask(f"change merge request {repository}!{number}")
        raw = ask.read(lambda: self._project(repository).mergerequests.get(number))
        raw.title, raw.description = (DRAFT if raw.draft else "") + title, body
        ask.read(lambda: raw.save())

    def close(self, repository: str, number: int) -> None:
        ask = self._ask(f"close merge request {repository}!{number}")
        manager = self._project(repository).mergerequests
        if ask.read(lambda: manager.get(number)).state == "opened":
            ask.read(lambda: manager.update(number, {"state_event": "close"}))

    def delete_branch(self, repository: str, branch: str) -> None:
        ask = self._ask(f"delete branch {branch} of {repository}")
        with contextlib.suppress(NotFoundError):
            ask.read(lambda: self._project(repository).branches.delete(branch))

    def comments(self, repository: str, number: int) -> Sequence[Comment]:
        return self._comments(self._ask(f"read the comments of {repository}!{number}"), repository, number)

    def comment(self, repository: str, number: int, body: str) -> None:
        ask = self._ask(f"comment on {repository}!{number}")

        def said() -> bool:
            return last_is(self._comments(ask, repository, number), self.me(), body)

        ask.do(lambda: self._pull(repository, number).notes.create({"body": body}), said)

    def may_write(self, repository: str, login: str) -> bool:
        ask = self._ask(f"tell what {login} may do in {repository}")
        number = self._number(ask, login)
        return number is not None and self._may_write(ask, repository, number)

    def label(self, repository: str, number: int, labels: Sequence[str]) -> None:
        if not labels:
            return
        ask, manager = self._ask(f"label {repository}!{number}"), self._project(repository).mergerequests
        with contextlib.suppress(RefusedError, ForbiddenError):
            # GitLab makes a label that there is none of.
            ask.read(lambda: manager.update(number, {"add_labels": ",".join(labels)}))

    def request_review(
        self,
        repository: str,
        number: int,
        people: Sequence[str],
        teams: Sequence[str],  # noqa: ARG002
    ) -> None:
        """Groups cannot be asked for a review at GitLab, so that `teams` are left out."""
        ask, manager = self._ask(f"ask for a review of {repository}!{number}"), self._project(repository).mergerequests
        asked = [found for login in people if (found := self._number(ask, login)) is not None]
        if not asked:
            return
        there = [one["id"] for one in ask.read(lambda: manager.get(number)).reviewers]
        with contextlib.suppress(RefusedError, ForbiddenError):
            ask.read(lambda: manager.update(number, {"reviewer_ids": list(dict.fromkeys([*there, *asked]))}))

    def suggest(self, repository: str, number: int, commit: str, suggestions: Sequence[Suggestion]) -> None:
        """A thread for each: GitLab's reviews are drafts first, of which some would stay if the bot died between."""
        ask = self._ask(f"review {repository}!{number}")
        raw = ask.read(lambda: self._project(repository).mergerequests.get(number))
        for one in suggestions:
            body = for_gitlab(one.body, one.last - one.first)
            # The lines are those of the merge request: https://docs.gitlab.com/api/discussions/.
            position = {
                "position_type": "text",
                "base_sha": raw.diff_refs["base_sha"],
                "start_sha": raw.diff_refs["start_sha"],
                "head_sha": commit,
                "old_path": one.path,
                "new_path": one.path,
                "new_line": one.last,
            }
            try:
                self._discuss(ask, raw, {"body": body, "position": position})
            except RefusedError as refused:
                if refused.status != 400:
                    raise
                # A line that the merge request does not change has to be named by its number in the old file too.
                self._discuss(ask, raw, {"body": f"`{one.path}`, lines {one.first} to {one.last}:\n\n{one.body}"})

    def publish(self, name: str, text: str) -> str | None:
        """A snippet for everybody with an account. None at gitlab.com, which has only private and public ones."""
        if self._cloud:
            return None
        files = [{"file_path": name, "content": text}]
        snippet = {"title": name, "files": files, "visibility": "internal"}
        try:
            made = self._ask("publish a page").once(lambda: self._gitlab.snippets.create(snippet))
        except (RefusedError, ForbiddenError, NotFoundError):
            return None
        return str(made.web_url)

    def _ask(self, what: str) -> Ask:
        return Ask(what, self._tell, self._redact)

    def _remember(self, response: requests.Response, *_: object, **__: object) -> None:
        self._headers = dict(response.headers)

    def _tell(self, error: Exception) -> Failed | None:
        if isinstance(error, gitlab.exceptions.GitlabParsingError):
            return Failed(None, f"this is not an answer of GitLab's API: {error}")
        if isinstance(error, gitlab.exceptions.GitlabError):
            return Failed(error.response_code or 0, str(error.error_message), self._headers)
        if isinstance(error, requests.RequestException):
            return Failed(None, f"{type(error).__name__}: {error}")
        return None

    def _user(self) -> Any:
        if self._gitlab.user is None:
            self._gitlab.auth()
        return self._gitlab.user

    def _project(self, name: str) -> Any:
        """A project that is not asked for itself."""
        return self._gitlab.projects.get(name, lazy=True)

    def _pull(self, repository: str, number: int) -> Any:
        return self._project(repository).mergerequests.get(number, lazy=True)

    def _all(self, ask: Ask, items: Callable[[], Any]) -> Iterator[Any]:
        found = ask.read(items)
        return ask.each(lambda _: next(found))

    def _pulls(self, ask: Ask, repository: str, prefix: str = "", **query: str) -> list[PullRequest]:
        """Those from the project's own branches, the newest first."""
        manager = self._project(repository).mergerequests
        return [
            _pull(raw)
            for raw in self._all(ask, lambda: manager.list(order_by="created_at", sort="desc", iterator=True, **query))
            if raw.source_project_id == raw.target_project_id and raw.source_branch.startswith(prefix)
        ]

    def _comments(self, ask: Ask, repository: str, number: int) -> list[Comment]:
        notes = self._pull(repository, number).notes
        return [
            Comment(note.id, str(note.author["username"]), note.body)
            for note in self._all(ask, lambda: notes.list(order_by="created_at", sort="asc", iterator=True))
            if not note.system and note.type != "DiffNote"
        ]

    def _discuss(self, ask: Ask, raw: Any, discussion: dict[str, Any]) -> None:
        def made() -> bool:
            notes = self._all(ask, lambda: raw.notes.list(iterator=True))
            return any((one.author["username"], one.body) == (self.me(), discussion["body"]) for one in notes)

        ask.do(lambda: raw.discussions.create(discussion), made)

    def _number(self, ask: Ask, login: str) -> int | None:
        found = ask.read(lambda: self._gitlab.users.list(username=login, get_all=False))
        return next((int(one.id) for one in found if one.username.lower() == login.lower()), None)

    def _may_write(self, ask: Ask, repository: str, number: int) -> bool:
        try:
            member = ask.read(lambda: self._project(repository).members_all.get(number))
        except NotFoundError:
            return False
        return bool(member.access_level >= DEVELOPER and getattr(member, "state", "active") == "active")


def _repository(raw: Any) -> Repository:
    level = _level(raw)
    return Repository(
        name=str(raw.path_with_namespace),
        clone_url=str(raw.http_url_to_repo),
        web_url=str(raw.web_url),
        default_branch=str(getattr(raw, "default_branch", None) or ""),
        archived=bool(getattr(raw, "archived", False)),
        fork=bool(getattr(raw, "forked_from_project", None)),
        empty=bool(getattr(raw, "empty_repo", False)),
        can_push=level is None or level >= DEVELOPER,
        private=getattr(raw, "visibility", None) != "public",
    )


def _level(raw: Any) -> int | None:
    """The level of access that a project says the token has; None where it says none."""
    permissions = getattr(raw, "permissions", None) or {}
    levels = [one["access_level"] for one in permissions.values() if one]
    return max(levels, default=None)


def _pull(raw: Any) -> PullRequest:
    return PullRequest(
        number=int(raw.iid),
        state=_STATES.get(raw.state, State.OPEN),
        title=_DRAFT.sub("", raw.title, count=1) if raw.draft else str(raw.title),
        body=str(raw.description or ""),
        url=str(raw.web_url),
        author=str(raw.author["username"]),
        head=str(raw.source_branch),
        base=str(raw.target_branch),
        draft=bool(raw.draft),
        labels=tuple(raw.labels),
    )
