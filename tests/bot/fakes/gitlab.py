"""GitLab's REST API v4, as far as the bot asks it, after https://docs.gitlab.com/api/rest/."""

from __future__ import annotations

from typing import Any

from tests.bot.fakes.server import FakeServer, Refused, Request, route
from tests.bot.fakes.state import Answer, FakePull, FakeRepository, FakeReview, FakeUser

LEVELS = {"read": 20, "write": 30, "admin": 50}
STATES = {"open": "opened", "closed": "closed", "merged": "merged"}
DRAFT = "Draft: "


class FakeGitLab(FakeServer):
    """GitLab of one's own, under the root of its host."""

    prefix = "/api/v4"

    def token(self, headers: Any) -> str:
        return str(headers.get("PRIVATE-TOKEN") or super().token(headers))

    def error(self, status: int) -> object:
        return {"message": {401: "401 Unauthorized", 403: "403 Forbidden", 404: "404 Not found"}.get(status, "Error")}

    def user(self, login: str) -> dict[str, Any]:
        one = self.forge.user(login)
        return {"id": one.id, "username": login, "name": login, "state": "active", "web_url": f"{self.url}/{login}"}

    def described(self, repository: FakeRepository, asker: FakeUser) -> dict[str, Any]:
        level = LEVELS.get(repository.permissions.get(asker.login, ""))
        return {
            "id": repository.id,
            "name": repository.short_name,
            "path_with_namespace": repository.name,
            "web_url": f"{self.url}/{repository.name}",
            "http_url_to_repo": repository.clone_url,
            "default_branch": None if repository.empty else repository.default_branch,
            "archived": repository.archived,
            "empty_repo": repository.empty,
            "visibility": "private" if repository.private else "public",
            **({"forked_from_project": {"id": repository.parent.id}} if repository.parent else {}),
            "permissions": {
                "project_access": {"access_level": level, "notification_level": 3} if level else None,
                "group_access": None,
            },
        }

    def told(self, pull: FakePull) -> dict[str, Any]:
        base = pull.repository.tip(pull.base)
        return {
            "id": pull.id,
            "iid": pull.number,
            "project_id": pull.repository.id,
            "source_project_id": pull.source.id,
            "target_project_id": pull.repository.id,
            "title": (DRAFT if pull.draft else "") + pull.title,
            "description": pull.body,
            "state": STATES[pull.state],
            "draft": pull.draft,
            "work_in_progress": pull.draft,
            "author": self.user(pull.author),
            "source_branch": pull.head,
            "target_branch": pull.base,
            "sha": pull.head_commit,
            "labels": list(pull.labels),
            "reviewers": [self.user(login) for login in pull.reviewers],
            "web_url": f"{self.url}/{pull.repository.name}/-/merge_requests/{pull.number}",
            "diff_refs": {"base_sha": base, "start_sha": base, "head_sha": pull.head_commit},
        }

    def project(self, project: str) -> FakeRepository:
        for one in self.forge.repositories.values():
            if project == str(one.id):
                return one
        return self.repository(project)

    @route("GET", "/user")
    def me(self, request: Request) -> Answer:
        return Answer(self.user(request.user.login))

    @route("GET", "/users")
    def users(self, request: Request) -> Answer:
        login = request.query["username"]
        return self.page(request, "/users", [self.user(login)] if login in self.forge.users else [])

    @route("GET", "/projects")
    def search(self, request: Request) -> Answer:
        found = [one for one in self.forge.repositories.values() if request.query["search"] in one.name]
        return self.page(request, "/projects", [self.described(one, request.user) for one in found])

    @route("GET", "/groups/{group}/projects")
    def of_group(self, request: Request, group: str) -> Answer:
        below = [one for one in self.forge.repositories.values() if one.owner == group]
        if request.query.get("include_subgroups") in ("true", "True", "1"):
            below = [one for one in self.forge.repositories.values() if one.name.startswith(group + "/")]
        if group in self.forge.users or not below:
            raise Refused(404, self.error(404))
        return self.page(request, f"/groups/{group}/projects", [self.described(one, request.user) for one in below])

    @route("GET", "/users/{number}/projects")
    def of_user(self, request: Request, number: str) -> Answer:
        names = {one.login for one in self.forge.users.values() if str(one.id) == number}
        found = [one for one in self.forge.repositories.values() if one.owner in names]
        return self.page(request, f"/users/{number}/projects", [self.described(one, request.user) for one in found])

    @route("GET", "/projects/{project}")
    def one(self, request: Request, project: str) -> Answer:
        return Answer(self.described(self.project(project), request.user))

    @route("GET", "/projects/{project}/members/all/{number}")
    def member(self, request: Request, project: str, number: str) -> Answer:
        repository = self.project(project)
        for login, permission in repository.permissions.items():
            if str(self.forge.user(login).id) == number:
                return Answer({**self.user(login), "access_level": LEVELS[permission]})
        raise Refused(404, self.error(404))

    @route("GET", "/projects/{project}/repository/branches/{branch}")
    def branch(self, request: Request, project: str, branch: str) -> Answer:
        if not (tip := self.project(project).tip(branch)):
            raise Refused(404, {"message": "404 Branch Not Found"})
        return Answer({"name": branch, "commit": {"id": tip}, "protected": False})

    @route("DELETE", "/projects/{project}/repository/branches/{branch}")
    def unmake(self, request: Request, project: str, branch: str) -> Answer:
        repository = self.project(project)
        self.for_writing(repository, request.user)
        if not repository.tip(branch):
            raise Refused(404, {"message": "404 Branch Not Found"})
        repository.delete_branch(branch)
        return Answer(None, 204)

    @route("GET", "/projects/{project}/merge_requests")
    def pulls(self, request: Request, project: str) -> Answer:
        repository, query = self.project(project), request.query
        found = sorted(repository.pulls.values(), key=lambda pull: -pull.number)
        if (state := query.get("state", "all")) != "all":
            found = [pull for pull in found if STATES[pull.state] == state]
        if branch := query.get("source_branch"):
            found = [pull for pull in found if pull.head == branch]
        told = [self.told(pull) for pull in found]
        return self.page(request, f"/projects/{repository.id}/merge_requests", told)

    @route("POST", "/projects/{project}/merge_requests")
    def open(self, request: Request, project: str) -> Answer:
        repository, new = self.project(project), request.body
        self.for_writing(repository, request.user)
        for pull in repository.pulls.values():
            if (
                pull.source is repository
                and pull.state == "open"
                and (pull.head, pull.base) == (new["source_branch"], new["target_branch"])
            ):
                text = f"Another open merge request already exists for this source branch: !{pull.number}"
                raise Refused(409, {"message": [text]})
        if not repository.tip(new["source_branch"]):
            raise Refused(400, {"message": {"source_branch": ["does not exist"]}})
        draft = new["title"].startswith(DRAFT)
        made = repository.open_as(
            request.user.login,
            new["source_branch"],
            new["target_branch"],
            new["title"].removeprefix(DRAFT),
            new.get("description", ""),
            draft=draft,
        )
        return Answer(self.told(made), 201)

    @route("GET", "/projects/{project}/merge_requests/{number}")
    def show(self, request: Request, project: str, number: str) -> Answer:
        return Answer(self.told(self.pull(self.project(project), number)))

    @route("PUT", "/projects/{project}/merge_requests/{number}")
    def change(self, request: Request, project: str, number: str) -> Answer:
        repository, body = self.project(project), request.body
        pull = self.pull(repository, number)
        self.for_writing(repository, request.user)
        if "title" in body:
            pull.title, pull.draft = body["title"].removeprefix(DRAFT), body["title"].startswith(DRAFT)
            repository.note(pull.number, request.user.login, f"changed title to **{body['title']}**")
        pull.body = body.get("description", pull.body)
        if body.get("state_event") == "close" and pull.state == "open":
            repository.close_by_user(pull.number)
        names = body.get("add_labels") or []
        for label in names.split(",") if isinstance(names, str) else names:
            if label not in repository.labels:
                repository.labels.append(label)
            if label not in pull.labels:
                pull.labels.append(label)
        if "reviewer_ids" in body:
            known = {one.id: one.login for one in self.forge.users.values()}
            pull.reviewers = [known[number] for number in body["reviewer_ids"]]
        return Answer(self.told(pull))

    @route("GET", "/projects/{project}/merge_requests/{number}/notes")
    def notes(self, request: Request, project: str, number: str) -> Answer:
        pull = self.pull(self.project(project), number)
        told = [
            {"id": one.number, "body": one.body, "author": self.user(one.author), "system": one.system, "type": None}
            for one in pull.comments
        ] + [
            {"id": 9, "body": comment["body"], "author": self.user(one.author), "system": False, "type": "DiffNote"}
            for one in pull.reviews
            for comment in one.comments
        ]
        if request.query.get("sort", "desc") == "desc":
            told.reverse()
        return self.page(request, f"/projects/{project}/merge_requests/{number}/notes", told)

    @route("POST", "/projects/{project}/merge_requests/{number}/notes")
    def note(self, request: Request, project: str, number: str) -> Answer:
        repository = self.project(project)
        made = repository.comment_as(request.user.login, self.pull(repository, number).number, request.body["body"])
        return Answer({"id": made.number, "body": made.body, "author": self.user(made.author), "system": False}, 201)

    @route("POST", "/projects/{project}/merge_requests/{number}/discussions")
    def discuss(self, request: Request, project: str, number: str) -> Answer:
        pull = self.pull(self.project(project), number)
        position = request.body.get("position")
        needed = {"position_type", "base_sha", "start_sha", "head_sha", "new_path", "old_path", "new_line"}
        if position and (needed - set(position) or position["head_sha"] != pull.head_commit):
            raise Refused(400, {"message": '400 Bad request - Note {:line_code=>["can\'t be blank"]}'})
        pull.reviews.append(FakeReview(request.user.login, pull.head_commit, [request.body], request.body["body"]))
        return Answer({"id": f"{len(pull.reviews)}", "individual_note": False, "notes": []}, 201)

    @route("POST", "/snippets")
    def snippet(self, request: Request) -> Answer:
        (file,) = request.body["files"]
        self.forge.published.append((file["file_path"], file["content"]))
        number = len(self.forge.published)
        shape = {"id": number, "visibility": request.body["visibility"], "title": request.body["title"]}
        return Answer({**shape, "web_url": f"{self.url}/-/snippets/{number}"}, 201)
