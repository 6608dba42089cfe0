"""Measure the language server beside its peers, in one run, and print the figures and their ratios.

    python scripts/bench_lsp.py [FOLDER] [--files N] [--lines N] [--docker-langserver PROGRAM] [--idle SECONDS]

Each server runs from beginning to end, as in an editor, and gets the same files one after the other, in turn
with the others, so that a machine that slows down slows all of them down. For each file:

- *diagnostics*: from a change of one line in the middle of the open document until its diagnostics have come;
- *formatting*, a moment later: from the request until the answer has come, as when somebody saves what he looks at;
- *formatting after a change*: the same, at once after another change. Nothing has been worked out by then.

Wall clock as the client sees it, and CPU time of the server and its children over the same span, as the scheduler
accounts it (/proc/PID/task/*/schedstat), which says more on a busy machine. Files are those that BuildKit accepts.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import bench

BIN = Path(sys.executable).parent
PATIENCE = 20.0


class Figure(NamedTuple):
    """One answer: milliseconds of wall clock, and of CPU in the server."""

    wall: float
    cpu: float


class Server:
    """A language server in a process of its own, and the little of a client that measuring takes."""

    def __init__(self, name: str, command: Sequence[str], root: Path) -> None:
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root
        )
        self._inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        self._number = 0
        self._told: set[int] = set()
        self.sent = 0
        self.missed = 0
        threading.Thread(target=self._read, daemon=True).start()
        folder = root.as_uri()
        answer = self.ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": folder,
                "workspaceFolders": [{"uri": folder, "name": "bench"}],
                "capabilities": {
                    "textDocument": {
                        "publishDiagnostics": {"versionSupport": True},
                        "formatting": {},
                        "synchronization": {},
                    }
                },
            },
        )
        assert answer is not None, f"{name} does not answer"
        self.formats = bool(answer["capabilities"].get("documentFormattingProvider"))
        sync = answer["capabilities"].get("textDocumentSync", 1)
        self.incremental = (sync if isinstance(sync, int) else sync.get("change", 1)) == 2
        self.version = str(answer.get("serverInfo", {}).get("version", ""))
        self.tell("initialized", {})

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        length = 0
        while header := stream.readline():
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
            elif not header.strip():
                self._inbox.put(json.loads(stream.read(length)))

    def _write(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()

    def tell(self, method: str, params: Any) -> None:
        if method in ("textDocument/didOpen", "textDocument/didChange"):
            self.sent = params["textDocument"]["version"]
            self._told.discard(self.sent)
        self._write({"method": method, "params": params})

    def _messages(self) -> Iterator[dict[str, Any]]:
        """What comes, until patience ends. Questions of the server's get an empty answer."""
        end = time.perf_counter() + PATIENCE
        while (left := end - time.perf_counter()) > 0:
            try:
                message = self._inbox.get(timeout=left)
            except queue.Empty:
                break
            if "method" in message and "id" in message:
                items = message.get("params", {}).get("items") if isinstance(message.get("params"), dict) else None
                self._write({"id": message["id"], "result": [None] * len(items) if items else None})
            elif message.get("method") == "textDocument/publishDiagnostics":
                # Who tells no version means the last one: each is waited for before the next.
                self._told.add(message["params"].get("version", self.sent))
            yield message
        self.missed += 1

    def send(self, method: str, params: Any) -> int:
        self._number += 1
        self._write({"id": self._number, "method": method, "params": params})
        return self._number

    def answer(self, number: int) -> Any:
        for message in self._messages():
            if message.get("id") == number and "method" not in message:
                return message.get("result")
        return None

    def ask(self, method: str, params: Any) -> Any:
        return self.answer(self.send(method, params))

    def diagnostics(self, version: int) -> None:
        """Wait for the diagnostics of a version, or of no version that is told."""
        if version in self._told:
            return
        for _ in self._messages():
            if version in self._told:
                return

    def processes(self) -> list[int]:
        """The server and its children."""
        found = [self.process.pid]
        for pid in found:
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(OSError):
                    found += [int(child) for child in path.read_text().split()]
        return found

    def cpu(self) -> float:
        """Milliseconds of CPU so far."""
        total = 0
        for pid in self.processes():
            for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                with suppress(OSError):
                    total += int(path.read_text().split()[0])
        return total / 1e6

    def memory(self) -> tuple[float, float]:
        """Megabytes now, and at most."""
        now = most = 0
        for pid in self.processes():
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                now += int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]
                most += int(re.search(r"VmHWM:\s+(\d+)", status)[1])  # type: ignore[index]
        return now * 1024 / 1e6, most * 1024 / 1e6

    def close(self) -> None:
        self.ask("shutdown", None)
        self.tell("exit", None)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()


def change(server: Server, uri: str, version: int, text: str, line: int, gone: bool) -> str:
    """Put a comment in front of a line, or take it away again, and return the new text."""
    lines = text.split("\n")
    place = {"line": line, "character": 0}
    if gone:
        del lines[line]
        edit = {"range": {"start": place, "end": {"line": line + 1, "character": 0}}, "text": ""}
    else:
        lines.insert(line, "# edited")
        edit = {"range": {"start": place, "end": place}, "text": "# edited\n"}
    after = "\n".join(lines)
    server.tell(
        "textDocument/didChange",
        {
            "textDocument": {"uri": uri, "version": version},
            "contentChanges": [edit if server.incremental else {"text": after}],
        },
    )
    return after


class Measured(NamedTuple):
    """The figures of one file; None for what a server does not do."""

    diagnostics: Figure
    settled: Figure | None = None
    formatting: Figure | None = None


def measure(server: Server, path: Path, text: str, line: int) -> Measured:
    """Open a document, change it twice, and close it."""
    uri = path.as_uri()
    document = {"uri": uri, "languageId": "dockerfile", "version": 1, "text": text}
    server.tell("textDocument/didOpen", {"textDocument": document})
    server.diagnostics(1)
    cpu, start = server.cpu(), time.perf_counter()
    text = change(server, uri, 2, text, line, gone=False)
    server.diagnostics(2)
    wall = time.perf_counter() - start
    found = Measured(Figure(wall * 1000, server.cpu() - cpu))
    if server.formats:
        time.sleep(0.15)
        found = found._replace(settled=formatting(server, uri))
        cpu = server.cpu()
        change(server, uri, 3, text, line, gone=True)
        found = found._replace(formatting=formatting(server, uri, cpu))
        server.diagnostics(3)
    server.tell("textDocument/didClose", {"textDocument": {"uri": uri}})
    return found


def formatting(server: Server, uri: str, cpu: float | None = None) -> Figure:
    """Have a document formatted; the CPU time counts from `cpu` on."""
    cpu = server.cpu() if cpu is None else cpu
    start = time.perf_counter()
    options = {"tabSize": 4, "insertSpaces": True}
    number = server.send("textDocument/formatting", {"textDocument": {"uri": uri}, "options": options})
    server.answer(number)
    return Figure((time.perf_counter() - start) * 1000, server.cpu() - cpu)


def middle(text: str) -> int:
    """The line, from 0, of the instruction in the middle."""
    from slimify.syntax.dockerfile import parse
    from slimify.syntax.source import Source

    instructions = parse(Source(text)).instructions
    return instructions[len(instructions) // 2].start_line - 1


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def rows(figures: dict[str, list[Figure]]) -> list[list[str]]:
    """A row a server: percentiles, and how they compare with slimify's."""
    base = figures["slimify"]
    made = []
    for name, all_of in figures.items():
        cells = [name]
        for pick in (lambda one: one.wall, lambda one: one.cpu):
            values, ours = [pick(one) for one in all_of], [pick(one) for one in base]
            for share in (0.5, 0.9, 0.99):
                cells.append(f"{percentile(values, share):.1f} ms" if values else "")
            for share in (0.5, 0.99):
                cells.append(f"{percentile(values, share) / percentile(ours, share):.2f}" if values else "")
        made.append(cells)
    return made


HEAD = [
    "wall p50",
    "p90",
    "p99",
    "p50 / slimify",
    "p99 / slimify",
    "CPU p50",
    "p90",
    "p99",
    "p50 / slimify",
    "p99 / slimify",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, nargs="?", default=bench.SHARED if bench.SHARED.is_dir() else bench.ROOT)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--lines", type=int, default=200, help="leave out longer files")
    parser.add_argument("--idle", type=float, default=10, help="how long to watch what an idle server does")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    parser.add_argument("--docker-langserver", default=shutil.which("docker-langserver"))
    options = parser.parse_args()
    commands = {"slimify": [str(BIN / "slimify"), "lsp"]}
    if (BIN / "tally").exists():
        commands["tally"] = [str(BIN / "tally"), "lsp", "--stdio"]
    if options.docker_langserver:
        commands["dockerfile-language-server-nodejs"] = [options.docker_langserver, "--stdio"]
    if options.alone:
        commands = {"slimify": commands["slimify"]}
    files = [path for path in bench.choose(options.folder, 10**9) if path.read_bytes().count(b"\n") <= options.lines]
    files = [files[at * len(files) // options.files] for at in range(min(options.files, len(files)))]
    with tempfile.TemporaryDirectory() as work:
        root = Path(work)
        servers = [Server(name, command, root) for name, command in commands.items()]
        figures: dict[str, list[Measured]] = {one.name: [] for one in servers}
        for at, path in enumerate(files):
            text = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
            target = root / str(at) / "Dockerfile"
            target.parent.mkdir()
            target.write_text(text, encoding="utf-8")
            line = middle(text)
            for server in servers:
                figures[server.name].append(measure(server, target, text, line))
        time.sleep(8)  # what is put off until nobody types is done by then
        before = [server.cpu() for server in servers]
        time.sleep(options.idle)
        idle = [server.cpu() - cpu for server, cpu in zip(servers, before, strict=True)]
        print(f"{len(files)} files of up to {options.lines} lines, one run, load {os.getloadavg()[0]:.1f}", end="\n\n")
        for at, what in enumerate(["change to diagnostics", "formatting", "formatting after a change"]):
            picked = {name: [one for all_of in found if (one := all_of[at])] for name, found in figures.items()}
            print(bench.table([what, *HEAD], rows(picked)), end="\n\n")
        found = []
        for server, cpu in zip(servers, idle, strict=True):
            now, most = server.memory()
            found.append(
                [server.name, server.version, f"{now:.0f} MB", f"{most:.0f} MB", f"{cpu:.1f} ms", str(server.missed)]
            )
        seconds = f"CPU in {options.idle:.0f} s of idling"
        print(bench.table(["server", "version", "memory", "at most", seconds, "answers missed"], found))
        for server in servers:
            server.close()


if __name__ == "__main__":
    main()
