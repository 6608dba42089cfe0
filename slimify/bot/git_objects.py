"""What git says of trees, files and commits. Sources: git-ls-tree(1), git-cat-file(1), gitformat-signature(5)."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from typing import IO, NamedTuple

from slimify.bot.git_errors import GitError
from slimify.bot.git_process import Git, end
from slimify.bot.names import is_entry_name

LINK = "120000"
SUBMODULE = "160000"


class TreeEntry(NamedTuple):
    """A file, symbolic link or submodule of a commit.

    `path` starts from the root, bytes that are no UTF-8 as `surrogateescape` has them. `mode` is one of git's four:
    `100644`, `100755`, `120000` for a link and `160000` for a submodule. `size` in bytes, 0 for a submodule.
    """

    path: str
    mode: str
    sha: str
    size: int

    @property
    def regular(self) -> bool:
        """Whether it is a file, and neither a link nor a submodule."""
        return self.mode.startswith("100")


class Identity(NamedTuple):
    """Who wrote or made a commit."""

    name: str
    email: str


class Tip(NamedTuple):
    """A commit at the end of a branch. `parents` are all that it has, whether they were fetched or not."""

    sha: str
    parents: tuple[str, ...]
    author: Identity
    committer: Identity
    message: str


def read_tree(listing: bytes) -> list[TreeEntry]:
    """The entries that `git ls-tree -r -z -l --full-tree` lists, sorted by path.

    Raises `GitError` for a path that leads elsewhere. git refuses such trees as it fetches them; this is for what
    another git lets through.
    """
    found: list[TreeEntry] = []
    for line in listing.split(b"\0")[:-1]:
        facts, _, raw = line.partition(b"\t")
        mode, _, sha, size = facts.decode("ascii").split()
        path = raw.decode("utf-8", "surrogateescape")
        if not all(map(is_entry_name, path.split("/"))):
            raise GitError(f"the tree has an entry that no tree may have: {ascii(path)[:100]}")
        found.append(TreeEntry(path, _mode(mode), sha, int(size) if size != "-" else 0))
    return sorted(found)


def _mode(mode: str) -> str:
    """As git itself reads it: old programs wrote more permissions than the one that counts (git, `canon_mode`)."""
    if mode in (LINK, SUBMODULE):
        return mode
    return "100755" if int(mode, 8) & 0o100 else "100644"


class Blobs:
    """The contents of files, by one git that goes on answering. May be asked from several threads."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def read(self, sha: str) -> bytes:
        """All of an object; its size is for the caller to have looked at. Raises `GitError` if it cannot be had."""
        return b"".join(self.chunks(sha))

    def chunks(self, sha: str, size: int = 1 << 20) -> Iterator[bytes]:
        """The same, piece by piece. Others wait until it is at its end."""
        with self._lock:
            asked, answer = self._pipes()
            whole = False
            try:
                asked.write(f"{sha}\n".encode())
                asked.flush()
                header = answer.readline().split()
                if len(header) != 3 or header[0].decode() != sha:
                    raise GitError(f"there is no object {sha}, or it cannot be read")
                left = int(header[2])
                while left:
                    chunk = answer.read(min(left, size))
                    if not chunk:
                        raise GitError(f"the object {sha} ends too early")
                    left -= len(chunk)
                    yield chunk
                answer.read(1)
                whole = True
            except OSError as error:
                raise GitError(f"git cannot be asked any more: {error.strerror}") from None
            finally:
                if not whole:
                    self._end()  # what it would say next belongs to nobody

    def close(self) -> None:
        """End the git that answers."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        if self._process is not None:
            end(self._process)
            self._process = None

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            self._process = self._git.start("cat-file", "--batch")
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        return process.stdin, process.stdout


_PERSON = re.compile(rb"(.*?) ?<([^>]*)>.*", re.DOTALL)


def read_commit(sha: str, data: bytes) -> Tip:
    """A commit as it is stored: git's own commands show a shallow one without its parents."""
    head, _, message = data.partition(b"\n\n")
    parents: list[str] = []
    people = {b"author": Identity("", ""), b"committer": Identity("", "")}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"parent":
            parents.append(value.decode("ascii", "replace"))
        elif key in people and (match := _PERSON.fullmatch(value)):
            people[key] = Identity(_text(match[1]), _text(match[2]))
    return Tip(sha, tuple(parents), people[b"author"], people[b"committer"], _text(message))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
