"""What a forge posts to the bot: whether it comes from the forge, and which repositories it is a reason to visit.

Sources: docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries and …/webhook-events-and-payloads;
docs.gitlab.com/user/project/integrations/webhooks and …/webhook_events; docs.gitea.com/usage/webhooks (Forgejo's are
the same); standardwebhooks.com for how GitLab signs (merge request 230944 of gitlab-org/gitlab).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from slimify.bot.groups import PREFIX
from slimify.bot.jobs import Job
from slimify.bot.names import is_repository
from slimify.bot.orders import orders_in

TOLERANCE = 300.0
"""Seconds that a signed time may be off: what the libraries of Standard Webhooks let through."""


class Post(NamedTuple):
    """What was posted, and when, in seconds since the epoch. `headers` are found in any case of letters."""

    headers: Mapping[str, str]
    body: bytes
    now: float


def delivery_of(kind: str, post: Post, secrets: Sequence[str]) -> str | None:
    """Name a delivery that comes from the forge, the same name for the same delivery; None if it does not come from it.

    The name is made of what is signed: the delivery ID of GitHub and Gitea is not, so whoever repeats a delivery could
    give it another one. Several secrets are for the time of a change.
    """
    found = (_CHECKS[kind](post, secret) for secret in secrets if secret)
    return next((name for name in found if name is not None), None)


def _github(post: Post, secret: str) -> str | None:
    algorithm, _, signature = post.headers.get("X-Hub-Signature-256", "").partition("=")
    return _of_body(post) if algorithm == "sha256" and _matches(signature, post, secret) else None


def _gitea(post: Post, secret: str) -> str | None:
    if _matches(post.headers.get("X-Gitea-Signature", ""), post, secret):
        return _of_body(post)
    return _github(post, secret)


def _gitlab(post: Post, secret: str) -> str | None:
    if "webhook-signature" in post.headers:
        return _standard(post, secret)
    if not hmac.compare_digest(_bytes(post.headers.get("X-Gitlab-Token", "")), _bytes(secret)):
        return None
    # Whoever knows the token can write what they like, so there is nothing to keep from being repeated but GitLab's
    # own second try of the same delivery.
    return f"{post.headers.get('Idempotency-Key') or post.headers.get('X-Gitlab-Event-UUID', '')} {_of_body(post)}"


def _standard(post: Post, secret: str) -> str | None:
    name, time = post.headers.get("webhook-id", ""), post.headers.get("webhook-timestamp", "")
    if not name or not re.fullmatch(r"[0-9]{1,12}", time) or abs(post.now - int(time)) > TOLERANCE:
        return None
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return None
    digest = hmac.new(key, _bytes(f"{name}.{time}.") + post.body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    given = _bytes(post.headers.get("webhook-signature", "")).split(b" ")
    return name if any(hmac.compare_digest(one, expected) for one in given) else None


def _matches(signature: str, post: Post, secret: str) -> bool:
    expected = hmac.new(_bytes(secret), post.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(_bytes(signature), expected.encode())


def _bytes(text: str) -> bytes:
    # A header may hold bytes that are no text.
    return text.encode("utf-8", "surrogateescape")


def _of_body(post: Post) -> str:
    return hashlib.sha256(post.body).hexdigest()


_CHECKS: dict[str, Callable[[Post, str], str | None]] = {
    "github": _github,
    "gitlab": _gitlab,
    "gitea": _gitea,
}


def event_of(kind: str, headers: Mapping[str, str]) -> str:
    """The name of the event, from the header that the forge has for it; empty if there is none."""
    return headers.get({"github": "X-GitHub-Event", "gitlab": "X-Gitlab-Event", "gitea": "X-Gitea-Event"}[kind], "")


def jobs_of(kind: str, event: str, payload: Mapping[str, Any], *, forge: str = "", prefix: str = PREFIX) -> list[Job]:
    """The jobs that an event is a reason for; none for most events. `why` says which event it was.

    `forge` is the operator's name of the forge, `kind` by default; `prefix` is what the bot's own branches begin with.
    A payload that is not as it is documented, or whose names are not let through, is a reason for nothing.
    """
    found = _GITLAB if kind == "gitlab" else _GITHUB
    # GitLab says in the payload what it is, also for a system hook, whose header is always the same.
    name = (_text(payload, "event_name") or _text(payload, "object_kind")) if kind == "gitlab" else event
    reader = found.get(name)
    reasons = dict.fromkeys(reader(payload)) if reader is not None else {}
    return [
        Job(forge or kind, one.repository, one.why)
        for one in reasons
        if is_repository(one.repository) and (one.branch is None or one.branch.startswith(prefix))
    ]


class _Reason(NamedTuple):
    """A repository to visit; with `branch`, only if that branch is one of the bot's."""

    repository: str
    why: str
    branch: str | None = None


Reader = Callable[[Mapping[str, Any]], Iterator[_Reason]]


def _push(payload: Mapping[str, Any]) -> Iterator[_Reason]:
    branch = _text(payload, "repository", "default_branch")
    if branch and _text(payload, "ref") == f"refs/heads/{branch}" and payload.get("deleted") is not True:
        yield _Reason(_text(payload, "repository", "full_name"), "push")


def _comment(payload: Mapping[str, Any]) -> Iterator[_Reason]:
    # GitHub: a pull request is an issue with a `pull_request` in it. Gitea says `is_pull` besides.
    of_pull = bool(_at(payload, "issue", "pull_request")) or payload.get("is_pull") is True
    if of_pull and payload.get("action") == "created" and orders_in(_text(payload, "comment", "body")):
        yield _Reason(_text(payload, "repository", "full_name"), "comment")


def _pull(payload: Mapping[str, Any]) -> Iterator[_Reason]:
    name, head = _text(payload, "repository", "full_name"), _at(payload, "pull_request", "head")
    # Gitea spells it `synchronized`.
    happened = payload.get("action") in ("closed", "reopened", "synchronize", "synchronized")
    # A branch of a fork may have any name.
    if happened and _text(head, "repo", "full_name") == name:
        yield _Reason(name, f"pull request {payload['action']}", _text(head, "ref"))


def _installation(payload: Mapping[str, Any]) -> Iterator[_Reason]:
    key = {"created": "repositories", "added": "repositories_added"}.get(_text(payload, "action"), "")
    found = payload.get(key)
    for one in found if isinstance(found, list) else ():
        yield _Reason(_text(one, "full_name"), "installed")


def _repository(payload: Mapping[str, Any]) -> Iterator[_Reason]:
    # One that is new, has another name, or another default branch.
    if payload.get("action") in ("created", "edited", "publicized", "renamed", "transferred", "unarchived"):
        yield _Reason(_text(payload, "repository", "full_name"), f"repository {payload['action']}")


# Gitea names them the same (modules/webhook/type.go, `Event`).
_GITHUB: dict[str, Reader] = {
    "push": _push,
    "issue_comment": _comment,
    "pull_request": _pull,
    "installation": _installation,
    "installation_repositories": _installation,
    "repository": _repository,
}


def _lab_push(payload: Mapping[str, Any]) -> Iterator[_Reason]:
    branch = _text(payload, "project", "default_branch")
    deleted = set(_text(payload, "after")) == {"0"}
    if branch and _text(payload, "ref") == f"refs/heads/{branch}" and not deleted:
        yield _Reason(_text(payload, "project", "path_with_namespace"), "push")


def _lab_comment(payload: Mapping[str, Any]) -> Iterator[_Reason]:
    note = _at(payload, "object_attributes")
    # Before 16.11 there was no action, and an edited comment was no event.
    new = _text(note, "noteable_type") == "MergeRequest" and (_text(note, "action") or "create") == "create"
    if new and orders_in(_text(note, "note")):
        yield _Reason(_text(payload, "project", "path_with_namespace"), "comment")


def _lab_merge(payload: Mapping[str, Any]) -> Iterator[_Reason]:
    request = _at(payload, "object_attributes")
    action = _text(request, "action")
    # An update with an old revision is one that brought commits.
    happened = action in ("close", "merge", "reopen") or (action == "update" and _text(request, "oldrev"))
    if happened and _at(request, "source_project_id") == _at(request, "target_project_id"):
        name, branch = _text(payload, "project", "path_with_namespace"), _text(request, "source_branch")
        yield _Reason(name, f"merge request {action}", branch)


def _lab_project(payload: Mapping[str, Any]) -> Iterator[_Reason]:
    yield _Reason(_text(payload, "path_with_namespace"), _text(payload, "event_name").replace("_", " "))


_GITLAB: dict[str, Reader] = {
    "push": _lab_push,
    "note": _lab_comment,
    "merge_request": _lab_merge,
    "project_create": _lab_project,
    "project_rename": _lab_project,
    "project_transfer": _lab_project,
}


def _at(value: object, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _text(value: object, *path: str) -> str:
    found = _at(value, *path)
    return found if isinstance(found, str) else ""
