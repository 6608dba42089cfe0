"""Which events are a reason to visit a repository, and which posts come from a forge.

`payloads/github.json` is all of npm's @octokit/webhooks-examples 7.6.1 (MIT), GitHub's own examples, cut down to what
an event is told by. GitLab's and Gitea's are cut down from the pages that slimify/bot/webhook.py names.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from slimify.bot.jobs import Job
from slimify.bot.webhook import TOLERANCE, Post, delivery_of, event_of, jobs_of

EXAMPLES = json.loads((Path(__file__).parent / "payloads" / "github.json").read_text())
GITHUB_HEAD = {"ref": "slimify/main", "repo": {"full_name": "a/b"}}
GITHUB_REPOSITORY = {"full_name": "a/b", "default_branch": "main"}
GITHUB_COMMENT = {
    "action": "created",
    "issue": {"number": 2, "pull_request": {"url": "https://api.github.com/repos/a/b/pulls/2"}},
    "comment": {"body": "Thanks!\r\n/slimify rebase\r\n"},
    "repository": GITHUB_REPOSITORY,
}
PROJECT = {"id": 15, "path_with_namespace": "g/s/b", "default_branch": "main"}
GITLAB_PUSH = {
    "object_kind": "push",
    "event_name": "push",
    "after": "da15",
    "ref": "refs/heads/main",
    "project": PROJECT,
}
GITLAB_NOTE = {
    "object_kind": "note",
    "event_type": "note",
    "project": PROJECT,
    "object_attributes": {"note": "/slimify stop", "noteable_type": "MergeRequest", "action": "create"},
    "merge_request": {"iid": 1, "source_branch": "slimify/main"},
}
GITLAB_MERGE = {
    "object_kind": "merge_request",
    "event_type": "merge_request",
    "project": PROJECT,
    "object_attributes": {
        "iid": 1,
        "source_branch": "slimify/main",
        "source_project_id": 15,
        "target_project_id": 15,
        "state": "closed",
        "action": "close",
    },
}


def test_of_all_of_github_s_examples_these_are_reasons() -> None:
    found = Counter(
        (event, job.repository, job.why) for event, payload in EXAMPLES for job in jobs_of("github", event, payload)
    )
    assert set(found) == {
        ("push", "Codertocat/Hello-World", "push"),
        ("installation", "Codertocat/Hello-World", "installed"),
        ("installation_repositories", "Codertocat/Space", "installed"),
        ("repository", "Codertocat/Hello-World", "repository publicized"),
        ("repository", "Octocoders/Hello-World", "repository created"),
        ("repository", "Octocoders/Hello-World", "repository edited"),
        ("repository", "Octocoders/Hello-World", "repository renamed"),
        ("repository", "Octocoders/Hello-World", "repository transferred"),
    }


def test_github_s_pull_requests_are_reasons_if_the_branch_is_the_bot_s() -> None:
    # In the examples the branch is called `changes`.
    found = {
        (event, job.why) for event, payload in EXAMPLES for job in jobs_of("github", event, payload, prefix="changes")
    }
    assert {one for one in found if one[0] == "pull_request"} == {
        ("pull_request", "pull request closed"),
        ("pull_request", "pull request reopened"),
        ("pull_request", "pull request synchronize"),
    }


@pytest.mark.parametrize("kind", ["github", "gitea"])
def test_a_comment_with_a_command_is_a_reason(kind: str) -> None:
    assert jobs_of(kind, "issue_comment", GITHUB_COMMENT, forge="mine") == [Job("mine", "a/b", "comment")]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("action",), "edited"),
        (("action",), "deleted"),
        (("issue", "pull_request"), None),
        (("comment", "body"), "please /slimify rebase"),
        (("comment", "body"), "/slimifyrebase"),
        (("comment", "body"), "> /slimify rebase"),
        (("comment", "body"), None),
        (("comment",), "text"),
        (("repository", "full_name"), ["a/b"]),
        (("repository", "full_name"), "a/../b"),
        (("repository", "full_name"), ""),
    ],
)
def test_a_comment_that_is_none_of_ours_is_none(path: tuple[str, ...], value: object) -> None:
    assert jobs_of("github", "issue_comment", changed(GITHUB_COMMENT, path, value)) == []


def test_gitea_s_pull_requests_and_pushes_are_reasons() -> None:
    payload = {"action": "synchronized", "pull_request": {"head": GITHUB_HEAD}, "repository": GITHUB_REPOSITORY}
    assert jobs_of("gitea", "pull_request", payload) == [Job("gitea", "a/b", "pull request synchronized")]
    push = {"ref": "refs/heads/main", "after": "bffe", "repository": GITHUB_REPOSITORY}
    assert jobs_of("gitea", "push", push) == [Job("gitea", "a/b", "push")]
    issue = {**GITHUB_COMMENT, "issue": {"number": 2}, "is_pull": True}
    assert jobs_of("gitea", "issue_comment", issue) == [Job("gitea", "a/b", "comment")]


@pytest.mark.parametrize(
    "payload",
    [
        {"action": "labeled", "pull_request": {"head": GITHUB_HEAD}, "repository": GITHUB_REPOSITORY},
        {
            "action": "closed",
            "pull_request": {"head": {**GITHUB_HEAD, "repo": {"full_name": "fork/b"}}},
            "repository": GITHUB_REPOSITORY,
        },
        {
            "action": "closed",
            "pull_request": {"head": {**GITHUB_HEAD, "repo": None}},
            "repository": GITHUB_REPOSITORY,
        },
        {
            "action": "closed",
            "pull_request": {"head": {**GITHUB_HEAD, "ref": "feature/slimify/"}},
            "repository": GITHUB_REPOSITORY,
        },
    ],
)
def test_a_pull_request_that_is_none_of_ours_is_none(payload: dict[str, Any]) -> None:
    assert jobs_of("github", "pull_request", payload) == []


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (GITLAB_PUSH, "push"),
        (GITLAB_NOTE, "comment"),
        (GITLAB_MERGE, "merge request close"),
        ({"event_name": "project_create", "path_with_namespace": "g/s/b"}, "project create"),
    ],
)
def test_gitlab_s_events_are_told_by_the_payload(payload: dict[str, Any], why: str) -> None:
    for event in ("Push Hook", "System Hook"):
        assert jobs_of("gitlab", event, payload) == [Job("gitlab", "g/s/b", why)]


@pytest.mark.parametrize(
    ("payload", "path", "value"),
    [
        (GITLAB_PUSH, ("ref",), "refs/heads/feature"),
        (GITLAB_PUSH, ("after",), "0" * 40),
        (GITLAB_PUSH, ("project", "default_branch"), None),
        (GITLAB_NOTE, ("object_attributes", "noteable_type"), "Issue"),
        (GITLAB_NOTE, ("object_attributes", "action"), "update"),
        (GITLAB_NOTE, ("object_attributes", "note"), "thanks"),
        (GITLAB_MERGE, ("object_attributes", "source_branch"), "feature"),
        (GITLAB_MERGE, ("object_attributes", "source_project_id"), 16),
        (GITLAB_MERGE, ("object_attributes", "action"), "approved"),
        (GITLAB_MERGE, ("object_attributes", "action"), "update"),
    ],
)
def test_what_is_no_reason_on_gitlab(payload: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    assert jobs_of("gitlab", "System Hook", changed(payload, path, value)) == []


def test_new_commits_in_a_merge_request_are_a_reason() -> None:
    payload = changed(
        changed(GITLAB_MERGE, ("object_attributes", "action"), "update"), ("object_attributes", "oldrev"), "1"
    )
    assert [job.why for job in jobs_of("gitlab", "", payload)] == ["merge request update"]


def changed(payload: dict[str, Any], path: tuple[str, ...], value: object) -> dict[str, Any]:
    copied = copy.deepcopy(payload)
    at = copied
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return copied


# GitHub's own test values: docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries.
HELLO = b"Hello, World!"
HELLO_SECRET = "It's a Secret to Everybody"
HELLO_SIGNATURE = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def post(body: bytes = HELLO, now: float = 1_700_000_000.0, **headers: str) -> Post:
    return Post(CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()}), body, now)


def test_github_s_signature_is_checked() -> None:
    good = post(X_Hub_Signature_256=f"sha256={HELLO_SIGNATURE}")
    assert delivery_of("github", good, [HELLO_SECRET]) is not None
    # While it is being changed there are two.
    assert delivery_of("github", good, ["new", HELLO_SECRET]) == delivery_of("github", good, [HELLO_SECRET])
    assert delivery_of("github", good, ["new"]) is None
    assert delivery_of("github", good._replace(body=b"Hello, World?"), [HELLO_SECRET]) is None
    for secrets in ([], [""]):
        assert delivery_of("github", good, secrets) is None
        empty = hmac.new(b"", HELLO, hashlib.sha256).hexdigest()
        assert delivery_of("github", post(X_Hub_Signature_256=f"sha256={empty}"), secrets) is None


@pytest.mark.parametrize("signature", ["", "sha256=", HELLO_SIGNATURE, f"sha1={HELLO_SIGNATURE}", "sha256=\udcff"])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    assert delivery_of("github", post(X_Hub_Signature_256=signature), [HELLO_SECRET]) is None


def test_gitea_s_signature_is_checked() -> None:
    assert delivery_of("gitea", post(X_Gitea_Signature=HELLO_SIGNATURE), [HELLO_SECRET])
    assert delivery_of("gitea", post(X_Hub_Signature_256=f"sha256={HELLO_SIGNATURE}"), [HELLO_SECRET])
    assert delivery_of("gitea", post(X_Gitea_Signature=HELLO_SIGNATURE[::-1]), [HELLO_SECRET]) is None
    assert delivery_of("gitea", post(), [HELLO_SECRET]) is None


def test_gitlab_s_token_is_checked() -> None:
    good = post(X_Gitlab_Token="token", Idempotency_Key="one")
    assert delivery_of("gitlab", good, ["token"])
    assert delivery_of("gitlab", good, ["another"]) is None
    assert delivery_of("gitlab", post(), ["token"]) is None
    other = post(X_Gitlab_Token="token", Idempotency_Key="two")
    assert delivery_of("gitlab", good, ["token"]) != delivery_of("gitlab", other, ["token"])


# The example of the specification: standardwebhooks.com, and the tests of its libraries.
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD = Post(
    CIMultiDict(
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }
    ),
    b'{"test": 2432232314}',
    1614265330.0,
)


def test_gitlab_s_signature_is_checked() -> None:
    assert delivery_of("gitlab", STANDARD, [STANDARD_SECRET]) == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert delivery_of("gitlab", STANDARD, ["whsec_" + base64.b64encode(b"another").decode()]) is None
    assert delivery_of("gitlab", STANDARD, ["not base64!"]) is None
    assert delivery_of("gitlab", STANDARD._replace(body=b"{}"), [STANDARD_SECRET]) is None


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        ("webhook-signature", "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", True),
        ("webhook-signature", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", False),
        ("webhook-signature", "", False),
        ("webhook-id", "msg_another", False),
        ("webhook-id", "", False),
        ("webhook-timestamp", "1614265331", False),
        ("webhook-timestamp", "-1", False),
        ("webhook-timestamp", "9" * 5000, False),
        ("webhook-timestamp", "", False),
    ],
)
def test_each_part_of_gitlab_s_signature_counts(name: str, value: str, good: bool) -> None:
    headers = CIMultiDict(STANDARD.headers)
    headers[name] = value
    assert (delivery_of("gitlab", STANDARD._replace(headers=headers), [STANDARD_SECRET]) is not None) is good


@pytest.mark.parametrize(
    ("off", "good"), [(TOLERANCE, True), (-TOLERANCE, True), (TOLERANCE + 1, False), (-1e6, False)]
)
def test_what_was_signed_long_ago_is_refused(off: float, good: bool) -> None:
    later = STANDARD._replace(now=STANDARD.now + off)
    assert (delivery_of("gitlab", later, [STANDARD_SECRET]) is not None) is good


def test_a_signature_is_not_got_round_by_a_token() -> None:
    headers = CIMultiDict({**STANDARD.headers, "webhook-signature": "v1,AAAA", "X-Gitlab-Token": STANDARD_SECRET})
    assert delivery_of("gitlab", STANDARD._replace(headers=headers), [STANDARD_SECRET]) is None


@pytest.mark.parametrize("kind", ["github", "gitlab", "gitea"])
def test_each_forge_has_its_own_header_for_the_event(kind: str) -> None:
    headers = CIMultiDict({"X-GitHub-Event": "github", "X-Gitlab-Event": "gitlab", "X-Gitea-Event": "gitea"})
    assert event_of(kind, headers) == kind
    assert event_of(kind, {}) == ""
