"""Starts the sandbox and speaks to the driver in it.

Whatever a Dockerfile's scripts do with builtins and redirections happens in a throw-away root, in
namespaces of its own (files, processes, network, user), and no external command exists there.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

_DRIVER = Path(__file__).with_name("driver.py")


class SandboxError(RuntimeError):
    """No sandbox here, or it broke."""


def _libraries(program: str) -> list[str]:
    """The shared libraries of a program, with its loader."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(?:=> |^\s*)(/\S+) \(", text, re.MULTILINE)


def _ways() -> list[tuple[list[str], bool]]:
    """Command prefixes that give a private root-like process, best first; and who mounts /mnt."""
    ways: list[tuple[list[str], bool]] = []
    bwrap = shutil.which("bwrap")
    if bwrap:
        base = [
            bwrap,
            "--unshare-all",
            "--unshare-user",
            "--uid",
            "0",
            "--gid",
            "0",
            "--cap-add",
            "ALL",
            "--die-with-parent",
            "--new-session",
            "--clearenv",
            "--ro-bind",
            "/",
            "/",
            "--dev",
            "/dev",
        ]
        ways.append(([*base, "--proc", "/proc", "--tmpfs", "/mnt", "--"], False))
        # Inside a container a fresh /proc may be refused.
        ways.append(([*base, "--ro-bind", "/proc", "/proc", "--tmpfs", "/mnt", "--"], False))
    unshare = shutil.which("unshare")
    if unshare:
        ways.append(
            (
                [
                    unshare,
                    "--user",
                    "--map-root-user",
                    "--mount",
                    "--pid",
                    "--fork",
                    "--kill-child",
                    "--net",
                    "--ipc",
                    "--uts",
                    "--mount-proc",
                    "--",
                ],
                True,
            )
        )
    return ways


@lru_cache(maxsize=1)
def _config() -> dict[str, Any]:
    shells = {name: shutil.which(name) for name in ("dash", "bash")}
    missing = [name for name, path in shells.items() if path is None]
    if missing:
        raise SandboxError(f"not installed: {', '.join(missing)}")
    libraries = sorted({lib for path in shells.values() if path for lib in _libraries(os.path.realpath(path))})
    return {
        "shells": {name: os.path.realpath(path) for name, path in shells.items() if path},
        "libraries": libraries,
    }


@lru_cache(maxsize=1)
def unavailable() -> str | None:
    """Why there can be no sandbox on this machine; None if there can."""
    try:
        with Sandbox():
            return None
    except SandboxError as error:
        return str(error)


def _end(process: subprocess.Popen[str]) -> str:
    """Wait for a killed driver; what it complained about."""
    process.wait()
    error = ""
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                if stream is process.stderr:
                    error = stream.read()
                stream.close()
    return error


class Sandbox:
    """One running driver. Serves any number of Dockerfiles, one after the other."""

    _way: tuple[list[str], bool] | None = None

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._open()

    def _open(self) -> None:
        problems = []
        for way in [Sandbox._way] if Sandbox._way else _ways():
            try:
                self._start(*way)
            except (SandboxError, OSError) as error:
                problems.append(f"{way[0][0]}: {error}")
                self.close()
            else:
                Sandbox._way = way
                return
        raise SandboxError("; ".join(problems) or "neither bwrap nor unshare is installed")

    def _start(self, prefix: Sequence[str], mount_tmpfs: bool) -> None:
        python = os.path.realpath(sys.executable)
        # -c, because the project may lie where the sandbox cannot see it.
        command = [*prefix, python, "-I", "-S", "-c", _DRIVER.read_text(encoding="utf-8")]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="ascii",
        )
        self.ask({**_config(), "mount_tmpfs": mount_tmpfs}, patience=20)

    def ask(self, message: dict[str, Any], patience: float = 60) -> dict[str, Any]:
        """One request, one answer."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise SandboxError("closed")
        try:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], patience)
            line = process.stdout.readline() if ready else ""
        except (BrokenPipeError, OSError):
            line = ""
        if not line:
            self._process = None
            process.kill()
            error = _end(process)
            raise SandboxError(f"the driver ended: {error.strip()[-2000:] or 'no answer'}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SandboxError(answer["error"])
        return answer

    def reset(self) -> None:
        """Forget the files of the Dockerfile before; start again if it killed the driver."""
        if self._process is None:
            self._open()
        self.ask({"op": "reset"})

    def add(self, dirs: Iterable[str], stubs: Iterable[str]) -> None:
        """Put directories and stand-ins into the root that every run starts from."""
        self.ask({"op": "add", "dirs": sorted(dirs), "stubs": sorted(stubs)})

    def close(self) -> None:
        """End the driver, and with it everything it started."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            _end(process)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
