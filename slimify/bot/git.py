"""One commit of a hostile repository: read without a checkout, and followed by a commit of ours.

No tree is ever written to a disk here, so nothing of it can act: no hook, no filter, no submodule, no link, no pipe,
no configuration. Sources: git-fetch(1), git-push(1), git-update-index(1), git-commit-tree(1), gitprotocol-v2(5).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

from slimify.bot.git_errors import EmptyRepositoryError, GitError, RefusedError, StaleError, TemporaryGitError
from slimify.bot.git_errors import TooLargeError as TooLargeError
from slimify.bot.git_folders import Folders
from slimify.bot.git_objects import Blobs, Identity, Tip, TreeEntry, read_commit, read_tree
from slimify.bot.git_process import PROTOCOLS, Credentials, Done, Git, Limits, more_configuration
from slimify.bot.names import is_branch, is_file_path
from slimify.bot.proposal import FileChange
from slimify.context.listing import MAX_READ

_BASE = "refs/slimify/base"
_TIP = "refs/slimify/tip"
_MODES = ("100644", "100755")


@contextmanager
def clone(
    url: str,
    folder: str,
    *,
    branch: str | None = None,
    credentials: Credentials | None = None,
    limits: Limits = Limits(),  # noqa: B008 - a tuple
    protocols: frozenset[str] = PROTOCOLS,
) -> Iterator[Clone]:
    """The newest commit of a branch, of the default one if none is named, in `folder`, which goes at the end.

    `folder` is made, and must not be there yet. Raises `GitError`: `EmptyRepositoryError` where there is no commit,
    `RefusedError` without access or for an address that is none of a forge's, `TooLargeError` beyond the limits,
    `TemporaryGitError` for what may work later; and `ValueError` for the name of a branch that can be none.
    """
    if branch is not None:
        _check_branch(branch)
    folder = os.path.abspath(folder)
    directory, home = os.path.join(folder, "repository.git"), os.path.join(folder, "home")
    git = Git(directory, home, url, credentials, limits, protocols)
    os.mkdir(folder, 0o700)
    try:
        for one in (directory, home):
            os.mkdir(one)
        git.run("init", "--quiet", "--bare")
        if branch is None:
            branch = _default_branch(git)
        commit = _fetch(git, branch, _BASE)
        if commit is None:
            if not git.run("ls-remote", "--heads", "--", url, talks=True):
                raise EmptyRepositoryError("the repository has no commit")
            raise GitError(f"the repository has no branch {branch}")
        found = Clone(git, branch, commit)
        try:
            yield found
        finally:
            found.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Clone:
    """A commit, `commit`, at the tip of `branch`, and the way back to the forge. `clone` makes it.

    What is asked of it raises `GitError`.
    """

    def __init__(self, git: Git, branch: str, commit: str) -> None:
        self._git = git
        self.branch = branch
        self.commit = commit
        self._blobs = Blobs(git)

    def close(self) -> None:
        """End what runs."""
        self._blobs.close()

    # What is in the commit.

    def entries(self) -> Sequence[TreeEntry]:
        """Its files, links and submodules, sorted by path. Raises `TooLargeError` if there are more than allowed."""
        return self._entries

    def entry(self, path: str) -> TreeEntry | None:
        """The file, link or submodule at this path, None if there is none."""
        return self.folders.at(path)

    def file_mode(self, path: str) -> str | None:
        """The mode of the file, link or submodule at this path as git has it, None if there is none."""
        entry = self.entry(path)
        return None if entry is None else entry.mode

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none, if it is a link or a submodule, or larger than `MAX_READ`."""
        entry = self.entry(path)
        return self.content(entry) if entry is not None and entry.regular else None

    def content(self, entry: TreeEntry) -> bytes | None:
        """The content of a file, or the target of a link; None if it is larger than `MAX_READ`."""
        return None if entry.size > MAX_READ else self._blobs.read(entry.sha)

    def chunks(self, entry: TreeEntry) -> Iterator[bytes]:
        """The content of a file of any size, piece by piece."""
        return self._blobs.chunks(entry.sha)

    @property
    def limits(self) -> Limits:
        """What the repository may cost."""
        return self._git.limits

    @cached_property
    def _entries(self) -> tuple[TreeEntry, ...]:
        # Printing is what ends the listing of a tree that holds itself many times over: MAX_OUTPUT.
        found = read_tree(self._git.run("ls-tree", "-r", "-z", "-l", "--full-tree", self.commit))
        if len(found) > self.limits.entries:
            raise TooLargeError(f"the repository has {len(found)} files, and {self.limits.entries} are allowed")
        return tuple(found)

    @cached_property
    def folders(self) -> Folders:
        """Its folders, and where its links lead."""
        return Folders(self._entries, self.content)

    # What is on the forge now.

    def fetch(self, branch: str) -> Tip | None:
        """The tip of another branch as the forge has it now, None if there is no such branch."""
        _check_branch(branch)
        sha = _fetch(self._git, branch, _TIP)
        return None if sha is None else read_commit(sha, self._git.run("cat-file", "commit", sha))

    def tip(self, branch: str) -> str | None:
        """Where a branch is on the forge now, without fetching it; None if there is no such branch."""
        _check_branch(branch)
        name = f"refs/heads/{branch}"
        said = self._git.run("ls-remote", "--refs", "--", self._git.url, name, talks=True)
        for line in said.decode("utf-8", "replace").splitlines():
            sha, _, found = line.partition("\t")
            if found == name:  # what is asked for is a pattern, and others end so too
                return sha
        return None

    # What is made of it.

    def make_commit(
        self, changes: Sequence[FileChange], message: str, author: Identity, *, sign: str | None = None
    ) -> str:
        """Make a commit on top of this one, and return its name. Nothing but these files changes.

        A file that is there keeps its mode, whatever the change says. `sign` is a key as git's `user.signingKey` has
        it: a path, or `key::…` of an agent, signs with ssh, anything else with gpg. Raises `StaleError` if a file is
        not what `before` says, and `RefusedError` for a path that cannot be written: one that git or another system
        takes for something else, that leads through a link, a submodule or a file, or to anything but a file.
        """
        if not changes or len({change.path for change in changes}) != len(changes):
            raise ValueError("a commit is of at least one change, and of one for each file")
        index = {"GIT_INDEX_FILE": os.path.join(os.path.dirname(self._git.directory), "index")}
        lines = [self._index_line(change) for change in changes]
        try:
            self._git.run("read-tree", self.commit, extra=index)
            self._git.run("update-index", "-z", "--index-info", data=b"".join(lines), extra=index)
            tree = _name(self._git.run("write-tree", extra=index))
        finally:
            if os.path.exists(index["GIT_INDEX_FILE"]):
                os.unlink(index["GIT_INDEX_FILE"])
        signing = [] if sign is None else [f"-S{sign}"]
        return _name(
            self._git.run(
                *("commit-tree", tree, "-p", self.commit, *signing),
                data=message.encode("utf-8", "replace"),
                extra=_made_by(author) | (_signed_with(sign) if sign is not None else {}),
            )
        )

    def _index_line(self, change: FileChange) -> bytes:
        path, there = change.path, self.entry(change.path)
        if not is_file_path(path):
            raise RefusedError(f"{ascii(path)[:100]} is no path that may be written")
        above = [path[:at] for at, character in enumerate(path) if character == "/"]
        if any(self.entry(folder) is not None for folder in above):
            raise RefusedError(f"{path} leads through something that is no folder")
        if path in self.folders or (there is not None and not there.regular):
            raise RefusedError(f"{path} is not a regular file")
        if (None if there is None else self.content(there)) != change.before:
            raise StaleError(f"{path} is not what the change was made from")
        mode = change.mode if there is None else there.mode
        if mode not in _MODES:
            raise RefusedError(f"{mode} is not the mode of a file")
        # Without a path, so that no attribute of the tree has a say in what is stored.
        sha = _name(self._git.run("hash-object", "-w", "--stdin", data=change.after))
        return f"{mode} {sha}\t{path}\0".encode()

    def push(self, branch: str, sha: str, expected: str | None) -> None:
        """Have a branch of the forge lead to a commit, if it is at `expected` now: None for not being there.

        Either all of it happens or nothing; when the connection breaks, the forge is asked which. Raises `StaleError`
        if the branch is elsewhere, `RefusedError` if the forge does not want it, and `TemporaryGitError` if nothing
        happened, or nobody can tell: then `tip` does, later. Raises `ValueError` for the branch that was cloned.
        """
        _check_branch(branch)
        if branch.casefold() == self.branch.casefold():
            raise ValueError("nothing is ever pushed to the branch that changes are proposed for")
        name = f"refs/heads/{branch}"
        command = ("push", "--porcelain", "--no-verify", "--recurse-submodules=no")
        lease = f"--force-with-lease={name}:{expected or ''}"
        try:
            done = self._git.attempt(*command, lease, "--", self._git.url, f"{sha}:{name}", talks=True)
            if done.status == 0:
                return
            error = self._push_error(done)
        except TemporaryGitError as late:
            error = late
        if isinstance(error, RefusedError) or not self._arrived(branch, sha):
            raise error

    def _push_error(self, done: Done) -> GitError:
        for line in done.output.split(b"\n"):
            if line.startswith(b"!\t"):  # git-push(1), "OUTPUT"; the reason is the last column
                return self._git.error(Done(done.status, b"", line.rpartition(b"\t")[2] + b"\n" + done.said))
        return self._git.error(done)

    def _arrived(self, branch: str, sha: str) -> bool:
        try:
            return self.tip(branch) == sha
        except GitError:
            return False


def _check_branch(branch: str) -> None:
    if not is_branch(branch):
        raise ValueError(f"{ascii(branch)[:100]} cannot be the name of a branch")


def _default_branch(git: Git) -> str:
    said = git.run("ls-remote", "--symref", "--", git.url, "HEAD", talks=True).decode("utf-8", "surrogateescape")
    if not said:
        raise EmptyRepositoryError("the repository has no commit")
    for line in said.splitlines():
        target, _, name = line.removeprefix("ref: ").partition("\t")
        branch = target.removeprefix("refs/heads/")
        if line.startswith("ref: refs/heads/") and name == "HEAD" and is_branch(branch):
            return branch
    raise GitError("the repository's default branch is no branch, or one with a name that cannot be used")


def _fetch(git: Git, branch: str, to: str) -> str | None:
    """Fetch the tip of a branch under a name of ours, and return the commit; None if there is no such branch."""
    done = git.attempt(
        *("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"),
        *("--", git.url, f"+refs/heads/{branch}:{to}"),
        talks=True,
    )
    if done.status == 0:
        return _name(git.run("rev-parse", "--verify", "--quiet", f"{to}^{{commit}}"))
    if f"couldn't find remote ref refs/heads/{branch}\n".encode() in done.said:
        return None
    raise git.error(done)


def _name(said: bytes) -> str:
    return said.decode("ascii").strip()


def _made_by(author: Identity) -> dict[str, str]:
    return {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", author.name), ("EMAIL", author.email))
    }


def _signed_with(key: str) -> dict[str, str]:
    """What a signing program needs to find its keys. It sees no credentials: it does not talk to a forge."""
    found = more_configuration({"gpg.format": "ssh" if key.startswith(("/", "key::")) else "openpgp"})
    found["GNUPGHOME"] = os.environ.get("GNUPGHOME") or os.path.expanduser("~/.gnupg")
    if "SSH_AUTH_SOCK" in os.environ:
        found["SSH_AUTH_SOCK"] = os.environ["SSH_AUTH_SOCK"]
    return found
