"""git's own server, `git http-backend`, on loopback, with faults to be switched on."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class GitServer:
    """Serves the bare repositories of a folder. What is set here holds from the next request on.

    `token` is what everybody must show. `redirect` sends all elsewhere. `hang` answers nothing for so many seconds.
    `status` is answered instead of anything else. `cut_push` ends the connection of a push: `before` git has seen any
    of it, in the `middle` of the pack, or `after` git is done but before its answer. `endless` are the answers to
    the next requests, of which each may go on for ever.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.token: str | None = None
        self.redirect: str | None = None
        self.hang = 0.0
        self.status: int | None = None
        self.cut_push: str | None = None
        self.endless: list[Iterator[bytes]] = []
        self.endless_at = "/info/refs"
        self.advertised: bytes | None = None
        self.requests: list[tuple[str, str]] = []
        self.authorizations: list[str | None] = []
        server = self

        class Handler(_Handler):
            faults = server

        self._http = _Listening(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._http.server_port}"

    def url(self, name: str) -> str:
        return f"{self.origin}/{name}"

    @contextmanager
    def running(self) -> Iterator[GitServer]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()


class _Listening(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that are gone: they are ended on purpose."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    faults: GitServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self._body())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = bytearray()
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)

    def _serve(self, body: bytes) -> None:
        faults = self.faults
        shown = self.headers.get("Authorization")
        faults.requests.append((self.command, self.path))
        faults.authorizations.append(shown)
        if faults.hang:
            time.sleep(faults.hang)
        if faults.redirect is not None:
            self._plain(301, {"Location": faults.redirect + self.path})
        elif faults.status is not None:
            self._plain(faults.status, {})
        elif faults.token is not None and shown != "Basic " + base64.b64encode(faults.token.encode()).decode():
            self._plain(401, {"WWW-Authenticate": 'Basic realm="git"'})
        elif faults.advertised is not None and "/info/refs" in self.path:
            service = self.path.rpartition("=")[2]
            self._plain(200, {"Content-Type": f"application/x-{service}-advertisement"}, faults.advertised)
        elif faults.endless and faults.endless_at in self.path:
            self._endless(faults.endless.pop(0))
        else:
            self._git(body)

    def _plain(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _endless(self, data: Iterator[bytes]) -> None:
        kind = "advertisement" if "/info/refs" in self.path else "result"
        self.send_response(200)
        self.send_header("Content-Type", f"application/x-git-upload-pack-{kind}")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for chunk in data:
                self.wfile.write(chunk)
        except OSError:
            return

    def _git(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        push = self.command == "POST" and path.endswith("/git-receive-pack")
        cut = self.faults.cut_push if push else None
        if cut == "before":
            self._hang_up()
            return
        given = body[: len(body) - 20] if cut == "middle" else body
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.faults.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "somebody",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(given)),
        }
        done = subprocess.run(["git", "http-backend"], input=given, env=environment, capture_output=True, check=False)
        if cut is not None:
            self._hang_up()
            return
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self._plain(int(headers.pop("Status", "200").split()[0]), headers, answer)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(2)
