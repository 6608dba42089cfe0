"""An HTTP server around a fake forge, with a table of routes, faults, and git over HTTP."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.bot.fakes.faults import Fault
from tests.bot.fakes.state import Answer, FakeForge, FakePull, FakeRepository, FakeUser


class Refused(Exception):
    """An answer of an API that is an error."""

    def __init__(self, status: int, body: object) -> None:
        self.status, self.body = status, body


class Request(NamedTuple):
    """What a route is given: who asks, the query, the body as read from JSON."""

    user: FakeUser
    query: Mapping[str, str]
    body: Any


Route = Callable[..., Answer]


def route(method: str, path: str) -> Callable[[Route], Route]:
    """Mark a method of an API as the answer to a path, `{name}` being a part of it and `{name:}` the rest of it."""
    pattern = re.sub(r"\{(\w+):\}", r"(?P<\1>.+)", path)
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)

    def mark(function: Route) -> Route:
        function.route = method, re.compile(pattern + "$")  # type: ignore[attr-defined]
        return function

    return mark


class FakeServer:
    """A forge on loopback, from `with` on. `url` is its address as a browser would have it."""

    prefix = ""
    """Where the API begins."""

    def __init__(self, forge: FakeForge) -> None:
        self.forge = forge
        self.routes = [made for one in vars(type(self)).values() if (made := getattr(one, "route", None) and one)]
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else an answer in two pieces waits for the other side to say that the first has come.
            disable_nagle_algorithm = True

            def log_message(self, *arguments: object) -> None:
                """Tests print nothing."""

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (ConnectionError, BrokenPipeError):
                    self.close_connection = True

            def serve(self) -> None:
                owner.serve(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.api = self.url + self.prefix
        self.links = self.api
        """Where the links to further pages lead: to another address if a proxy stands in front."""

    def __enter__(self) -> Self:
        self.forge.public = self.url
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    # What an API says for itself.

    def token(self, headers: Mapping[str, str]) -> str:
        """The token of a request, as this API takes it."""
        return headers.get("Authorization", "").partition(" ")[2]

    def error(self, status: int) -> object:
        """The body of an error."""
        return {"message": {401: "Bad credentials", 403: "Forbidden", 404: "Not Found"}.get(status, "Error")}

    # What all of them need.

    def repository(self, name: str) -> FakeRepository:
        for own, repository in self.forge.repositories.items():
            if own.lower() == name.lower():
                return repository
        raise Refused(404, self.error(404))

    def pull(self, repository: FakeRepository, number: str) -> FakePull:
        if not number.isdigit() or int(number) not in repository.pulls:
            raise Refused(404, self.error(404))
        return repository.pulls[int(number)]

    def for_writing(self, repository: FakeRepository, user: FakeUser) -> None:
        if repository.archived or repository.permissions.get(user.login) not in ("write", "admin"):
            raise Refused(403, self.error(403))

    def page(self, request: Request, path: str, items: Iterable[object], size: str = "per_page") -> Answer:
        """One page of a list, with the header `Link` (RFC 8288) as all three APIs send it."""
        whole, page = list(items), int(request.query.get("page", "1"))
        size_of_page = min(int(request.query.get(size, "30")), 100)
        start = (page - 1) * size_of_page
        headers = {"X-Total-Count": str(len(whole))}
        if start + size_of_page < len(whole):
            rest = "&".join(f"{key}={value}" for key, value in request.query.items() if key != "page")
            headers["Link"] = f'<{self.links}{path}?{rest}&page={page + 1}>; rel="next"'
            headers["X-Next-Page"] = str(page + 1)
        return Answer(whole[start : start + size_of_page], 200, headers)

    def serve(self, http: BaseHTTPRequestHandler) -> None:
        raw = _body(http)
        asked = f"{http.command} {http.path}"
        with self.forge.lock:
            fault = next((one for one in self.forge.faults if one.takes(asked)), Fault(times=0))
        if fault.delay:
            time.sleep(fault.delay)
        broken = bool(fault.status or fault.cut)
        if urlsplit(http.path).path.startswith(self.prefix + "/"):
            answer = self.answer(http, raw) if fault.done or not broken else Answer(None)
            content, kind = json.dumps(answer.body).encode() if answer.status != 204 else b"", "application/json"
            status, headers = answer.status, answer.headers
        else:
            status, headers, content = (
                git_over_http(self.forge, http, raw) if fault.done or not broken else (0, {}, b"")
            )
            kind = headers.get("Content-Type", "text/plain")
        if fault.status:
            status, headers = fault.status, fault.headers
            text = fault.body if isinstance(fault.body, str) else json.dumps(fault.body or self.error(status))
            content = text.encode()
        if fault.cut:
            _cut(http)
            return
        http.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            http.send_header(name, value)
        if status != 204:
            http.send_header("Content-Length", str(len(content)))
        http.end_headers()
        if status != 204 and http.command != "HEAD":
            http.wfile.write(content)

    def answer(self, http: BaseHTTPRequestHandler, raw: bytes) -> Answer:
        """What the API says to a request."""
        address = urlsplit(http.path)
        path = address.path.removeprefix(self.prefix)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        body = json.loads(raw) if raw else None
        with self.forge.lock:
            self.forge.requests.append((http.command, http.path.removeprefix(self.prefix), body))
            user = self.forge.of_token(self.token(http.headers))  # type: ignore[arg-type]
            answer = self.dispatch(http.command, path, Request(user, query, body)) if user else None
            self.forge.answers.append(answer or Answer(self.error(401), 401))
            return self.forge.answers[-1]

    def dispatch(self, method: str, path: str, request: Request) -> Answer:
        for one in self.routes:
            own, pattern = one.route
            if own == method and (found := pattern.match(path)):
                parts = {name: unquote(value) for name, value in found.groupdict().items()}
                try:
                    return one(self, request, **parts)  # type: ignore[no-any-return]
                except Refused as refused:
                    return Answer(refused.body, refused.status)
        return Answer(self.error(404), 404)


def _body(http: BaseHTTPRequestHandler) -> bytes:
    if http.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return http.rfile.read(int(http.headers.get("Content-Length") or 0))
    whole = b""
    while size := int(http.rfile.readline().partition(b";")[0], 16):
        whole += http.rfile.read(size)
        http.rfile.readline()
    http.rfile.readline()
    return whole


def _cut(http: BaseHTTPRequestHandler) -> None:
    """Promise an answer, begin it, and hang up."""
    http.close_connection = True
    http.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n[{")
    http.wfile.flush()
    http.connection.shutdown(socket.SHUT_RDWR)


def git_over_http(forge: FakeForge, http: BaseHTTPRequestHandler, raw: bytes) -> tuple[int, Mapping[str, str], bytes]:
    """Serve `/owner/name.git` for clone and push: man git-http-backend. The token is the password."""
    address = urlsplit(http.path)
    name, dot_git, rest = address.path.strip("/").partition(".git/")
    repository = forge.repositories.get(name)
    if not dot_git or repository is None:
        return 404, {}, b"no such repository"
    given = http.headers.get("Authorization", "").removeprefix("Basic ")
    user = forge.of_token(base64.b64decode(given).decode().partition(":")[2]) if given else None
    pushes = "git-receive-pack" in http.path
    if user is None and (pushes or repository.private or given):
        return 401, {"WWW-Authenticate": 'Basic realm="forge"'}, b"who are you?"
    if pushes and (repository.archived or repository.permissions.get(user.login if user else "") not in WRITERS):
        return 403, {}, b"you may not push"
    with forge.lock:
        for pull in repository.pulls.values():
            _ = pull.head_commit  # a push may delete the branch; its last tip is still told
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(repository.bare),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "PATH_INFO": "/" + rest,
        "QUERY_STRING": address.query,
        "REQUEST_METHOD": http.command,
        "CONTENT_TYPE": http.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(raw)),
        "HTTP_CONTENT_ENCODING": http.headers.get("Content-Encoding", ""),
        "HTTP_GIT_PROTOCOL": http.headers.get("Git-Protocol", ""),
        "REMOTE_ADDR": "127.0.0.1",
        **({"REMOTE_USER": user.login} if user else {}),
    }
    ran = subprocess.run(["git", "http-backend"], input=raw, env=environment, capture_output=True, check=False)
    head, _, content = ran.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
    return int(headers.pop("Status", "200").partition(" ")[0]), headers, content


WRITERS = ("write", "admin")
