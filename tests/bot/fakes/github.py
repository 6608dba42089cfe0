"""GitHub's REST API, as far as the bot asks it; `@octokit/openapi` says the shapes, and a test holds them to it."""

from __future__ import annotations

import re
from typing import Any

from tests.bot.fakes.server import FakeServer, Refused, Request, route
from tests.bot.fakes.state import Answer, FakeComment, FakePull, FakeRepository, FakeReview

WHEN = "2026-01-02T03:04:05Z"

USER_LINKS = "followers following gists starred subscriptions organizations repos events received_events"
REPOSITORY_LINKS = (
    "archive assignees blobs branches collaborators comments commits compare contents contributors deployments "
    "downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels "
    "languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags "
    "teams trees git ssh svn"
)
COUNTS = "forks forks_count open_issues open_issues_count stargazers_count watchers watchers_count"
SWITCHES = "has_issues has_projects has_wiki has_pages has_discussions has_downloads"


class FakeGitHub(FakeServer):
    """GitHub Enterprise Server, by its addresses; the cloud has the same API elsewhere."""

    prefix = "/api"
    """GraphQL lies beside the REST API, which is `/api/v3`."""

    def user(self, login: str) -> dict[str, Any]:
        url = f"{self.api}/v3/users/{login}"
        kind = "Organization" if login in self.forge.organisations else "Bot" if login.endswith("[bot]") else "User"
        one = self.forge.users.get(login)
        return {
            "login": login,
            "id": one.id if one else 1,
            "node_id": "U_1",
            "gravatar_id": "",
            "avatar_url": f"{url}/avatar",
            "url": url,
            "html_url": f"{self.url}/{login}",
            "type": kind,
            "site_admin": False,
            **{f"{name}_url": f"{url}/{name}" for name in USER_LINKS.split()},
        }

    def described(self, repository: FakeRepository, asker: str, *, whole: bool = True) -> dict[str, Any]:
        """A repository; not `whole` is what GitHub calls a minimal one, where these fields may be missing."""
        url = f"{self.api}/v3/repos/{repository.name}"
        permission = repository.permissions.get(asker, "read")
        shape: dict[str, Any] = {
            "id": repository.id,
            "node_id": "R_1",
            "name": repository.short_name,
            "full_name": repository.name,
            "owner": self.user(repository.owner),
            "private": repository.private,
            "html_url": f"{self.url}/{repository.name}",
            "description": None,
            "fork": repository.parent is not None,
            "url": url,
            **{f"{name}_url": f"{url}/{name}" for name in REPOSITORY_LINKS.split()},
            "archived": repository.archived,
            "default_branch": repository.default_branch,
            "clone_url": repository.clone_url,
            "size": 0 if repository.empty else 1,
            "permissions": {
                "admin": permission == "admin",
                "push": permission in ("write", "admin"),
                "pull": True,
            },
            "pushed_at": WHEN,
            "created_at": WHEN,
            "updated_at": WHEN,
        }
        if whole:
            shape |= dict.fromkeys(COUNTS.split(), 0) | dict.fromkeys(SWITCHES.split(), True)
            shape |= {"homepage": None, "language": None, "disabled": False, "mirror_url": None, "license": None}
            shape |= {"network_count": 0, "subscribers_count": 0, "score": 1.0}
        return shape

    def told(self, pull: FakePull, asker: str, *, whole: bool = True) -> dict[str, Any]:
        home = pull.repository
        url, issue = f"{self.api}/v3/repos/{home.name}/pulls/{pull.number}", f"{self.api}/v3/repos/{home.name}/issues"
        page = f"{self.url}/{home.name}/pull/{pull.number}"
        merged = pull.state == "merged"
        links = {name: {"href": url} for name in "comments commits statuses issue review_comments self".split()}
        shape: dict[str, Any] = {
            "_links": {**links, "html": {"href": page}, "review_comment": {"href": url}},
            "id": pull.id,
            "node_id": "PR_1",
            "number": pull.number,
            "url": url,
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "issue_url": f"{issue}/{pull.number}",
            "comments_url": f"{issue}/{pull.number}/comments",
            "commits_url": f"{url}/commits",
            "review_comments_url": f"{url}/comments",
            "review_comment_url": f"{url}/comments{{/number}}",
            "statuses_url": f"{url}/statuses",
            "state": "open" if pull.state == "open" else "closed",
            "locked": False,
            "title": pull.title,
            "body": pull.body or None,
            "user": self.user(pull.author),
            "labels": [self.label(home, name) for name in pull.labels],
            "assignee": None,
            "milestone": None,
            "created_at": WHEN,
            "updated_at": WHEN,
            "closed_at": None if pull.state == "open" else WHEN,
            "merged_at": WHEN if merged else None,
            "merge_commit_sha": None,
            "draft": pull.draft,
            "author_association": "CONTRIBUTOR",
            "auto_merge": None,
            "head": self.side(pull.source, pull.head, pull.head_commit, asker),
            "base": self.side(home, pull.base, home.tip(pull.base), asker),
        }
        if whole:
            shape |= dict.fromkeys("additions changed_files comments commits deletions review_comments".split(), 1)
            shape |= {"mergeable": True, "mergeable_state": "clean", "merged": merged, "merged_by": None}
            shape |= {"maintainer_can_modify": False}
        return shape

    def side(self, repository: FakeRepository, branch: str, commit: str, asker: str) -> dict[str, Any]:
        return {
            "label": f"{repository.owner}:{branch}",
            "ref": branch,
            "sha": commit,
            "user": self.user(repository.owner),
            "repo": self.described(repository, asker),
        }

    def label(self, repository: FakeRepository, name: str) -> dict[str, Any]:
        url = f"{self.api}/v3/repos/{repository.name}/labels/{name}"
        shape = {"id": 1, "node_id": "L_1", "url": url, "name": name, "color": "ededed", "default": False}
        return {**shape, "description": ""}

    def remark(self, pull: FakePull, comment: FakeComment) -> dict[str, Any]:
        url = f"{self.api}/v3/repos/{pull.repository.name}/issues"
        return {
            "id": comment.number,
            "node_id": "IC_1",
            "url": f"{url}/comments/{comment.number}",
            "html_url": f"{self.url}/{pull.repository.name}/pull/{pull.number}#issuecomment-{comment.number}",
            "issue_url": f"{url}/{pull.number}",
            "body": comment.body,
            "user": self.user(comment.author),
            "created_at": WHEN,
            "updated_at": WHEN,
            "author_association": "NONE",
        }

    def invalid(self, message: str) -> Refused:
        """GitHub's answer to a request that it understands and will not follow."""
        errors = [{"resource": "PullRequest", "code": "custom", "message": message}]
        return Refused(422, {"message": "Validation Failed", "errors": errors, "documentation_url": self.url})

    @route("GET", "/v3/user")
    def me(self, request: Request) -> Answer:
        if request.user.installation:
            raise Refused(403, {"message": "Resource not accessible by integration", "documentation_url": self.url})
        counts = dict.fromkeys("followers following public_gists public_repos".split(), 0)
        rest = dict.fromkeys("bio blog company email hireable location name".split())
        whole = self.user(request.user.login) | counts | rest | {"user_view_type": "public"}
        return Answer({**whole, "created_at": WHEN, "updated_at": WHEN})

    @route("POST", "/graphql")
    def graphql(self, request: Request) -> Answer:
        assert re.fullmatch(r"query\s*\{\s*viewer\s*\{\s*login\s*\}\s*\}", request.body["query"].strip())
        return Answer({"data": {"viewer": {"login": request.user.login}}})

    @route("GET", "/v3/orgs/{organisation}/repos")
    def of_organisation(self, request: Request, organisation: str) -> Answer:
        if organisation not in self.forge.organisations:
            raise Refused(404, self.error(404))
        return self.owned(request, organisation, f"/v3/orgs/{organisation}/repos")

    @route("GET", "/v3/users/{login}/repos")
    def of_user(self, request: Request, login: str) -> Answer:
        if login not in self.forge.users:
            raise Refused(404, self.error(404))
        return self.owned(request, login, f"/v3/users/{login}/repos")

    def owned(self, request: Request, owner: str, path: str) -> Answer:
        found = [one for one in self.forge.repositories.values() if one.owner == owner]
        return self.page(request, path, [self.described(one, request.user.login, whole=False) for one in found])

    @route("GET", "/v3/search/repositories")
    def search(self, request: Request) -> Answer:
        found = [one for one in self.forge.repositories.values() if request.query["q"] in one.name]
        items = [self.described(one, request.user.login) for one in found]
        page = self.page(request, "/v3/search/repositories", items)
        return page._replace(body={"total_count": len(found), "incomplete_results": False, "items": page.body})

    @route("GET", "/v3/repos/{owner}/{name}")
    def one(self, request: Request, owner: str, name: str) -> Answer:
        return Answer(self.described(self.repository(f"{owner}/{name}"), request.user.login))

    @route("GET", "/v3/repos/{owner}/{name}/git/ref/heads/{branch:}")
    def reference(self, request: Request, owner: str, name: str, branch: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        if repository.empty:
            raise Refused(409, {"message": "Git Repository is empty.", "documentation_url": self.url})
        if not (tip := repository.tip(branch)):
            raise Refused(404, self.error(404))
        url = f"{self.api}/v3/repos/{repository.name}/git"
        commit = {"type": "commit", "sha": tip, "url": f"{url}/commits/{tip}"}
        ref = f"refs/heads/{branch}"
        return Answer({"ref": ref, "node_id": "REF_1", "url": f"{url}/{ref}", "object": commit})

    @route("DELETE", "/v3/repos/{owner}/{name}/git/refs/heads/{branch:}")
    def unmake(self, request: Request, owner: str, name: str, branch: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        self.for_writing(repository, request.user)
        if not repository.tip(branch):
            raise Refused(422, {"message": "Reference does not exist", "documentation_url": self.url})
        repository.delete_branch(branch)
        for pull in repository.pulls.values():
            if pull.source is repository and pull.head == branch and pull.state == "open":
                pull.state = "closed"
        return Answer(None, 204)

    @route("GET", "/v3/repos/{owner}/{name}/pulls")
    def pulls(self, request: Request, owner: str, name: str) -> Answer:
        repository, query = self.repository(f"{owner}/{name}"), request.query
        found = sorted(repository.pulls.values(), key=lambda pull: -pull.number)
        if query.get("direction") == "asc":
            found.reverse()
        if (state := query.get("state", "open")) != "all":
            found = [pull for pull in found if (pull.state == "open") == (state == "open")]
        if head := query.get("head"):
            found = [pull for pull in found if f"{pull.source.owner}:{pull.head}".lower() == head.lower()]
        told = [self.told(pull, request.user.login, whole=False) for pull in found]
        return self.page(request, f"/v3/repos/{owner}/{name}/pulls", told)

    @route("POST", "/v3/repos/{owner}/{name}/pulls")
    def open(self, request: Request, owner: str, name: str) -> Answer:
        repository, new = self.repository(f"{owner}/{name}"), request.body
        self.for_writing(repository, request.user)
        same = [one for one in repository.pulls.values() if (one.head, one.base) == (new["head"], new["base"])]
        if any(one.state == "open" and one.source is repository for one in same):
            raise self.invalid(f"A pull request already exists for {repository.owner}:{new['head']}.")
        head, base = repository.tip(new["head"]), repository.tip(new["base"])
        if not head or not base:
            raise self.invalid("head or base is invalid")
        if head == base:
            raise self.invalid(f"No commits between {new['base']} and {new['head']}")
        made = repository.open_as(
            request.user.login, new["head"], new["base"], new["title"], new.get("body", ""), draft=new["draft"]
        )
        return Answer(self.told(made, request.user.login), 201)

    @route("GET", "/v3/repos/{owner}/{name}/pulls/{number}")
    def show(self, request: Request, owner: str, name: str, number: str) -> Answer:
        return Answer(self.told(self.pull(self.repository(f"{owner}/{name}"), number), request.user.login))

    @route("PATCH", "/v3/repos/{owner}/{name}/pulls/{number}")
    def change(self, request: Request, owner: str, name: str, number: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        pull = self.pull(repository, number)
        if request.user.login != pull.author:
            self.for_writing(repository, request.user)
        pull.title, pull.body = request.body.get("title", pull.title), request.body.get("body", pull.body)
        if request.body.get("state") == "closed" and pull.state == "open":
            repository.close_by_user(pull.number)
        return Answer(self.told(pull, request.user.login))

    @route("GET", "/v3/repos/{owner}/{name}/issues/{number}/comments")
    def comments(self, request: Request, owner: str, name: str, number: str) -> Answer:
        pull = self.pull(self.repository(f"{owner}/{name}"), number)
        told = [self.remark(pull, one) for one in pull.comments if not one.system]
        return self.page(request, f"/v3/repos/{owner}/{name}/issues/{number}/comments", told)

    @route("POST", "/v3/repos/{owner}/{name}/issues/{number}/comments")
    def comment(self, request: Request, owner: str, name: str, number: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        pull = self.pull(repository, number)
        made = repository.comment_as(request.user.login, pull.number, request.body["body"])
        return Answer(self.remark(pull, made), 201)

    @route("POST", "/v3/repos/{owner}/{name}/issues/{number}/labels")
    def labels(self, request: Request, owner: str, name: str, number: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        pull = self.pull(repository, number)
        self.for_writing(repository, request.user)
        for label in request.body if isinstance(request.body, list) else request.body["labels"]:
            if label not in repository.labels:
                repository.labels.append(label)
            if label not in pull.labels:
                pull.labels.append(label)
        return Answer([self.label(repository, label) for label in pull.labels])

    @route("GET", "/v3/repos/{owner}/{name}/collaborators/{login}/permission")
    def permission(self, request: Request, owner: str, name: str, login: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        self.for_writing(repository, request.user)
        if login not in self.forge.users:
            raise Refused(404, {"message": f"{login} is not a user", "documentation_url": self.url})
        told = repository.permissions.get(login, "none" if repository.private else "read")
        rights = dict.fromkeys(("admin", "maintain", "push", "triage", "pull"), False)
        person = {**self.user(login), "role_name": told, "permissions": rights}
        return Answer({"permission": told, "role_name": told, "user": person})

    @route("POST", "/v3/repos/{owner}/{name}/pulls/{number}/requested_reviewers")
    def reviewers(self, request: Request, owner: str, name: str, number: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        pull = self.pull(repository, number)
        people, teams = request.body.get("reviewers", []), request.body.get("team_reviewers", [])
        if pull.author in people:
            raise self.invalid("Review cannot be requested from pull request author.")
        if [one for one in people if one not in repository.permissions] or set(teams) - set(repository.teams):
            raise self.invalid("Reviews may only be requested from collaborators.")
        pull.reviewers += [one for one in people if one not in pull.reviewers]
        pull.teams += [one for one in teams if one not in pull.teams]
        return Answer(self.told(pull, request.user.login, whole=False), 201)

    @route("POST", "/v3/repos/{owner}/{name}/pulls/{number}/reviews")
    def review(self, request: Request, owner: str, name: str, number: str) -> Answer:
        pull = self.pull(self.repository(f"{owner}/{name}"), number)
        body = request.body
        if body["commit_id"] != pull.head_commit:
            raise self.invalid("commit_id is not part of the pull request")
        made = FakeReview(request.user.login, body["commit_id"], body["comments"], body.get("body", ""))
        pull.reviews.append(made)
        return Answer(self.reviewed(pull, made))

    @route("GET", "/v3/repos/{owner}/{name}/pulls/{number}/reviews")
    def reviews(self, request: Request, owner: str, name: str, number: str) -> Answer:
        pull = self.pull(self.repository(f"{owner}/{name}"), number)
        told = [self.reviewed(pull, one) for one in pull.reviews]
        return self.page(request, f"/v3/repos/{owner}/{name}/pulls/{number}/reviews", told)

    def reviewed(self, pull: FakePull, review: FakeReview) -> dict[str, Any]:
        url = f"{self.url}/{pull.repository.name}/pull/{pull.number}#review"
        api = f"{self.api}/v3/repos/{pull.repository.name}/pulls/{pull.number}"
        return {
            "id": pull.reviews.index(review) + 1,
            "node_id": "PRR_1",
            "user": self.user(review.author),
            "body": review.body,
            "state": "COMMENTED",
            "commit_id": review.commit,
            "html_url": url,
            "pull_request_url": api,
            "_links": {"html": {"href": url}, "pull_request": {"href": api}},
            "author_association": "CONTRIBUTOR",
        }

    @route("POST", "/v3/gists")
    def gist(self, request: Request) -> Answer:
        if request.user.installation:
            raise Refused(403, {"message": "Resource not accessible by integration", "documentation_url": self.url})
        assert request.body["public"] is False
        ((name, file),) = request.body["files"].items()
        self.forge.published.append((name, file["content"]))
        number = len(self.forge.published)
        page = f"{self.url}/gist/{number}"
        return Answer(
            {"id": str(number), "html_url": page, "url": f"{self.api}/v3/gists/{number}", "public": False}, 201
        )
