"""Repositories made object by object, as nobody makes them who means well."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

PERSON = "A U Thor <author@example.com> 1700000000 +0000"


class Bare:
    """A bare repository, which serves what is in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "-q", "--bare", "--initial-branch=main")
        self.git("config", "http.receivepack", "true")
        self.git("config", "core.bigFileThreshold", "1m")

    def git(self, *arguments: str, data: bytes = b"", check: bool = True, folder: Path | None = None) -> bytes:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_DIR": str(self.path),
        }
        command = ["git", *arguments]
        return subprocess.run(command, input=data, env=environment, cwd=folder, capture_output=True, check=check).stdout

    def name(self, *arguments: str, data: bytes = b"") -> str:
        return self.git(*arguments, data=data).decode().strip()

    def store(self, kind: str, data: bytes, times: int = 1) -> str:
        """An object as git stores one alone (gitformat-loose(5)), whatever it says; of `data` so many times over.

        By our own hand, as git refuses some of them, and takes its time for each.
        """
        header = f"{kind} {len(data) * times}\0".encode()
        name, squeeze = hashlib.sha1(header), zlib.compressobj(1)
        stored = [squeeze.compress(header)]
        for _ in range(times):
            name.update(data)
            stored.append(squeeze.compress(data))
        sha = name.hexdigest()
        place = self.path / "objects" / sha[:2] / sha[2:]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"".join((*stored, squeeze.flush())))
        return sha

    def blob(self, data: bytes) -> str:
        return self.store("blob", data)

    def tree(self, entries: Iterable[tuple[str, bytes, str]]) -> str:
        """A tree of entries (mode, name, object), sorted as git does, and with names that git would not take."""
        ordered = sorted(entries, key=lambda one: one[1] + (b"/" if one[0] == "40000" else b""))
        return self.store("tree", b"".join(f"{m} ".encode() + n + b"\0" + bytes.fromhex(sha) for m, n, sha in ordered))

    def tree_of(self, files: Mapping[str, bytes | tuple[str, bytes | str]]) -> str:
        """A tree of files by path: the content alone, or with a mode (a submodule has a commit for its content)."""
        here: list[tuple[str, bytes, str]] = []
        below: dict[str, dict[str, bytes | tuple[str, bytes | str]]] = {}
        for path, what in files.items():
            first, _, rest = path.partition("/")
            if rest:
                below.setdefault(first, {})[rest] = what
                continue
            mode, content = what if isinstance(what, tuple) else ("100644", what)
            here.append((mode, os.fsencode(first), content if isinstance(content, str) else self.blob(content)))
        here += [("40000", os.fsencode(name), self.tree_of(inside)) for name, inside in below.items()]
        return self.tree(here)

    def commit(self, tree: str, *, branch: str = "main", parents: Iterable[str] = (), message: str = "one") -> str:
        """Commit a tree, and have a branch lead there."""
        lines = [f"tree {tree}", *(f"parent {one}" for one in parents), f"author {PERSON}", f"committer {PERSON}"]
        sha = self.store("commit", "\n".join((*lines, "", message, "")).encode())
        self.git("update-ref", f"refs/heads/{branch}", sha)
        return sha

    def lay(self, files: Mapping[str, bytes | tuple[str, bytes | str]], **more: str) -> str:
        """Commit files."""
        return self.commit(self.tree_of(files), **more)

    def tip(self, branch: str) -> str:
        return self.git("rev-parse", "--verify", "-q", f"refs/heads/{branch}", check=False).decode().strip()

    def shown(self, revision: str, path: str) -> bytes:
        return self.git("cat-file", "blob", f"{revision}:{path}")
