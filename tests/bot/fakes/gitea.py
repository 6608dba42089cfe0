"""The API of Gitea and Forgejo, as far as the bot asks it, after their `swagger.v1.json`."""

from __future__ import annotations

from typing import Any

from tests.bot.fakes.server import FakeServer, Refused, Request, route
from tests.bot.fakes.state import Answer, FakeComment, FakePull, FakeRepository, FakeReview

DRAFT = "WIP: "


class FakeGitea(FakeServer):
    """A Gitea."""

    prefix = "/api/v1"

    def user(self, login: str) -> dict[str, Any]:
        one = self.forge.user(login)
        return {"id": one.id, "login": login, "full_name": "", "email": f"{login}@noreply.example.org"}

    def described(self, repository: FakeRepository, asker: str) -> dict[str, Any]:
        permission = repository.permissions.get(asker, "read")
        return {
            "id": repository.id,
            "owner": {"id": 1, "login": repository.owner},
            "name": repository.short_name,
            "full_name": repository.name,
            "html_url": f"{self.url}/{repository.name}",
            "clone_url": repository.clone_url,
            "default_branch": repository.default_branch,
            "archived": repository.archived,
            "empty": repository.empty,
            "fork": repository.parent is not None,
            "private": repository.private,
            "permissions": {"admin": permission == "admin", "push": permission != "read", "pull": True},
        }

    def told(self, pull: FakePull, asker: str) -> dict[str, Any]:
        """A pull request. Once its branch is gone, `ref` differs from `label`: services/convert/pull.go of Gitea."""
        home, tip = pull.repository, pull.source.tip(pull.head)
        return {
            "id": pull.id,
            "number": pull.number,
            "user": self.user(pull.author),
            "title": (DRAFT if pull.draft else "") + pull.title,
            "body": pull.body,
            "draft": pull.draft,
            "labels": [self.label(home, name) for name in pull.labels],
            "state": "open" if pull.state == "open" else "closed",
            "merged": pull.state == "merged",
            "html_url": f"{self.url}/{home.name}/pulls/{pull.number}",
            "head": {
                "label": pull.head,
                "ref": pull.head if tip else f"refs/pull/{pull.number}/head",
                "sha": tip or pull.head_commit,
                "repo_id": pull.source.id,
                "repo": self.described(pull.source, asker),
            },
            "base": {
                "label": pull.base,
                "ref": pull.base,
                "sha": home.tip(pull.base),
                "repo_id": home.id,
                "repo": self.described(home, asker),
            },
        }

    def label(self, repository: FakeRepository, name: str) -> dict[str, Any]:
        shape = {"id": repository.labels.index(name) + 1, "name": name, "color": "ededed", "description": ""}
        return {**shape, "exclusive": False, "is_archived": False, "url": f"{self.api}/labels/{name}"}

    def remark(self, comment: FakeComment) -> dict[str, Any]:
        return {"id": comment.number, "body": comment.body, "user": self.user(comment.author)}

    @route("GET", "/user")
    def me(self, request: Request) -> Answer:
        return Answer(self.user(request.user.login))

    @route("GET", "/orgs/{organisation}/repos")
    def of_organisation(self, request: Request, organisation: str) -> Answer:
        if organisation not in self.forge.organisations:
            raise Refused(404, self.error(404))
        return self.owned(request, organisation, f"/orgs/{organisation}/repos")

    @route("GET", "/users/{login}/repos")
    def of_user(self, request: Request, login: str) -> Answer:
        if login not in self.forge.users:
            raise Refused(404, self.error(404))
        return self.owned(request, login, f"/users/{login}/repos")

    def owned(self, request: Request, owner: str, path: str) -> Answer:
        found = [one for one in self.forge.repositories.values() if one.owner == owner]
        return self.page(request, path, [self.described(one, request.user.login) for one in found], "limit")

    @route("GET", "/repos/search")
    def search(self, request: Request) -> Answer:
        found = [one for one in self.forge.repositories.values() if request.query["q"] in one.name]
        page = self.page(request, "/repos/search", [self.described(one, request.user.login) for one in found], "limit")
        return page._replace(body={"ok": True, "data": page.body})

    @route("GET", "/repos/{owner}/{name}")
    def one(self, request: Request, owner: str, name: str) -> Answer:
        return Answer(self.described(self.repository(f"{owner}/{name}"), request.user.login))

    @route("DELETE", "/repos/{owner}/{name}/branches/{branch:}")
    def unmake(self, request: Request, owner: str, name: str, branch: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        self.for_writing(repository, request.user)
        if not repository.tip(branch):
            raise Refused(404, self.error(404))
        repository.delete_branch(branch)
        return Answer(None, 204)

    @route("GET", "/repos/{owner}/{name}/pulls")
    def pulls(self, request: Request, owner: str, name: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        found = sorted(repository.pulls.values(), key=lambda pull: -pull.number)
        if (state := request.query.get("state", "open")) != "all":
            found = [pull for pull in found if (pull.state == "open") == (state == "open")]
        told = [self.told(pull, request.user.login) for pull in found]
        return self.page(request, f"/repos/{owner}/{name}/pulls", told, "limit")

    @route("POST", "/repos/{owner}/{name}/pulls")
    def open(self, request: Request, owner: str, name: str) -> Answer:
        repository, new = self.repository(f"{owner}/{name}"), request.body
        self.for_writing(repository, request.user)
        for pull in repository.pulls.values():
            if (
                pull.source is repository
                and pull.state == "open"
                and (pull.head, pull.base) == (new["head"], new["base"])
            ):
                raise Refused(409, {"message": f"pull request already exists for these targets [id: {pull.id}]"})
        if not repository.tip(new["head"]):
            raise Refused(404, self.error(404))
        title = new["title"]
        made = repository.open_as(
            request.user.login,
            new["head"],
            new["base"],
            title.removeprefix(DRAFT),
            new.get("body", ""),
            draft=title.startswith(DRAFT),
        )
        return Answer(self.told(made, request.user.login), 201)

    @route("GET", "/repos/{owner}/{name}/pulls/{number}")
    def show(self, request: Request, owner: str, name: str, number: str) -> Answer:
        return Answer(self.told(self.pull(self.repository(f"{owner}/{name}"), number), request.user.login))

    @route("PATCH", "/repos/{owner}/{name}/pulls/{number}")
    def change(self, request: Request, owner: str, name: str, number: str) -> Answer:
        repository, body = self.repository(f"{owner}/{name}"), request.body
        pull = self.pull(repository, number)
        if request.user.login != pull.author:
            self.for_writing(repository, request.user)
        if "title" in body:
            pull.title, pull.draft = body["title"].removeprefix(DRAFT), body["title"].startswith(DRAFT)
        pull.body = body.get("body", pull.body)
        if "state" in body and pull.state == "merged":
            raise Refused(412, {"message": "cannot change state of this pull request, it was already merged"})
        if body.get("state") == "closed" and pull.state == "open":
            repository.close_by_user(pull.number)
        return Answer(self.told(pull, request.user.login), 201)

    @route("GET", "/repos/{owner}/{name}/issues/{number}/comments")
    def comments(self, request: Request, owner: str, name: str, number: str) -> Answer:
        """All of them: this one has no pages."""
        pull = self.pull(self.repository(f"{owner}/{name}"), number)
        return Answer([self.remark(one) for one in pull.comments if not one.system])

    @route("POST", "/repos/{owner}/{name}/issues/{number}/comments")
    def comment(self, request: Request, owner: str, name: str, number: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        pull = self.pull(repository, number)
        return Answer(self.remark(repository.comment_as(request.user.login, pull.number, request.body["body"])), 201)

    @route("GET", "/repos/{owner}/{name}/labels")
    def labels(self, request: Request, owner: str, name: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        told = [self.label(repository, one) for one in repository.labels]
        return self.page(request, f"/repos/{owner}/{name}/labels", told, "limit")

    @route("POST", "/repos/{owner}/{name}/labels")
    def make_label(self, request: Request, owner: str, name: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        self.for_writing(repository, request.user)
        repository.labels.append(request.body["name"])
        return Answer(self.label(repository, request.body["name"]), 201)

    @route("POST", "/repos/{owner}/{name}/issues/{number}/labels")
    def add_labels(self, request: Request, owner: str, name: str, number: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        pull = self.pull(repository, number)
        self.for_writing(repository, request.user)
        for one in request.body["labels"]:
            if repository.labels[one - 1] not in pull.labels:
                pull.labels.append(repository.labels[one - 1])
        return Answer([self.label(repository, one) for one in pull.labels])

    @route("GET", "/repos/{owner}/{name}/collaborators/{login}/permission")
    def permission(self, request: Request, owner: str, name: str, login: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        if login not in self.forge.users:
            raise Refused(404, self.error(404))
        told = repository.permissions.get(login, "none" if repository.private else "read")
        return Answer({"permission": told, "role_name": told, "user": self.user(login)})

    @route("GET", "/repos/{owner}/{name}/assignees")
    def assignees(self, request: Request, owner: str, name: str) -> Answer:
        """Those with write access."""
        permissions = self.repository(f"{owner}/{name}").permissions
        return Answer([self.user(login) for login, one in permissions.items() if one in ("write", "admin")])

    @route("POST", "/repos/{owner}/{name}/pulls/{number}/requested_reviewers")
    def reviewers(self, request: Request, owner: str, name: str, number: str) -> Answer:
        repository = self.repository(f"{owner}/{name}")
        pull = self.pull(repository, number)
        people, teams = request.body.get("reviewers") or [], request.body.get("team_reviewers") or []
        if [one for one in people if one not in self.forge.users] or set(teams) - set(repository.teams):
            raise Refused(404, self.error(404))
        if [one for one in people if one not in repository.permissions or one == pull.author]:
            raise Refused(422, {"message": "a reviewer can't read the repository, or is its author"})
        pull.reviewers += [one for one in people if one not in pull.reviewers]
        pull.teams += [one for one in teams if one not in pull.teams]
        return Answer([], 201)

    @route("GET", "/repos/{owner}/{name}/pulls/{number}/reviews")
    def reviews(self, request: Request, owner: str, name: str, number: str) -> Answer:
        pull = self.pull(self.repository(f"{owner}/{name}"), number)
        told = [{"user": self.user(one.author), "commit_id": one.commit, "body": one.body} for one in pull.reviews]
        return self.page(request, f"/repos/{owner}/{name}/pulls/{number}/reviews", told, "limit")

    @route("POST", "/repos/{owner}/{name}/pulls/{number}/reviews")
    def review(self, request: Request, owner: str, name: str, number: str) -> Answer:
        pull = self.pull(self.repository(f"{owner}/{name}"), number)
        body = request.body
        pull.reviews.append(FakeReview(request.user.login, body["commit_id"], body["comments"], body.get("body", "")))
        return Answer({"id": len(pull.reviews), "state": "COMMENT", "body": body.get("body", "")})
