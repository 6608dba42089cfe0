"""Commits on top of another, and how they get to the forge."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from slimify.bot.git import GitError, RefusedError, StaleError, TemporaryGitError
from slimify.bot.git_objects import Identity
from slimify.bot.proposal import FileChange

from .conftest import Cloned
from .plumbing import Bare
from .server import GitServer

BOT = Identity("slimify", "bot@example.com")
OLD, NEW = b"FROM a\n", b"FROM b\n"
CHANGE = FileChange("app/Dockerfile", OLD, NEW)


@pytest.fixture
def base(bare: Bare) -> str:
    return bare.lay(
        {
            "app/Dockerfile": OLD,
            "app/run": ("100755", b"#!/bin/sh\n"),
            "app/to": ("120000", b"run"),
            "lib": ("120000", b"/etc"),
            "sub": ("160000", "1" * 40),
            ".gitattributes": b"* filter=evil\n*.txt text eol=crlf\n",
        }
    )


def test_a_commit_changes_what_it_says_and_no_more(bare: Bare, base: str, cloned: Cloned) -> None:
    changes = [
        CHANGE,
        FileChange("app/run", b"#!/bin/sh\n", b"#!/bin/bash\n"),
        FileChange("app/.dockerignore", None, b".git\r\n"),
        FileChange("new/deep/x.txt", None, b"a\nb\n", "100755"),
    ]
    with cloned() as clone:
        sha = clone.make_commit(changes, "Make it small\n\nBecause é.\n", BOT)
        clone.push("slimify/small", sha, None)
    assert bare.tip("slimify/small") == sha
    assert bare.tip("main") == base
    said = bare.git("diff-tree", "-r", "--no-commit-id", base, sha).decode().splitlines()
    assert [(line.split()[0], line.split()[1], line.split("\t")[1]) for line in said] == [
        (":000000", "100644", "app/.dockerignore"),
        (":100644", "100644", "app/Dockerfile"),
        (":100755", "100755", "app/run"),
        (":000000", "100755", "new/deep/x.txt"),
    ]
    for change in changes:
        assert bare.shown(sha, change.path) == change.after
    text = bare.git("cat-file", "commit", sha).decode()
    assert f"parent {base}\nauthor slimify <bot@example.com> " in text
    assert "\ncommitter slimify <bot@example.com> " in text
    assert text.endswith("\n\nMake it small\n\nBecause é.\n")


@pytest.mark.parametrize(
    "change",
    [
        FileChange("lib/Dockerfile", None, b""),
        FileChange("sub/Dockerfile", None, b""),
        FileChange("app/Dockerfile/x", None, b""),
        FileChange("app", None, b""),
        FileChange("app/to", None, b""),
        FileChange("app/to", b"run", b""),
        FileChange("sub", None, b""),
        FileChange("../x", None, b""),
        FileChange("/x", None, b""),
        FileChange(".git/config", None, b""),
        FileChange("a/.GIT/hooks/x", None, b""),
        FileChange("git~1/x", None, b""),
        FileChange("a\nb", None, b""),
        FileChange("a//b", None, b""),
        FileChange("", None, b""),
        FileChange("link", None, b"/etc/passwd", "120000"),
        FileChange("module", None, b"", "160000"),
    ],
    ids=repr,
)
def test_paths_that_are_not_written(bare: Bare, base: str, cloned: Cloned, change: FileChange) -> None:
    with cloned() as clone, pytest.raises(RefusedError):
        clone.make_commit([change], "no", BOT)


@pytest.mark.parametrize("before", [None, b"FROM c\n"])
def test_a_file_that_is_not_what_it_was(base: str, cloned: Cloned, before: bytes | None) -> None:
    with cloned() as clone, pytest.raises(StaleError):
        clone.make_commit([FileChange("app/Dockerfile", before, NEW)], "no", BOT)


def test_a_new_file_that_is_gone(base: str, cloned: Cloned) -> None:
    with cloned() as clone, pytest.raises(StaleError):
        clone.make_commit([FileChange("gone", b"x", NEW)], "no", BOT)


def test_a_commit_of_nothing_or_twice_of_one(base: str, cloned: Cloned) -> None:
    with cloned() as clone:
        for changes in ([], [CHANGE, CHANGE]):
            with pytest.raises(ValueError, match="a commit is of"):
                clone.make_commit(changes, "no", BOT)


def test_signed_with_ssh(bare: Bare, base: str, cloned: Cloned, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bot", "-f", str(key)], check=True)
    with cloned() as clone:
        sha = clone.make_commit([CHANGE], "signed", BOT, sign=str(key))
        clone.push("slimify/x", sha, None)
        with pytest.raises(GitError):
            clone.make_commit([CHANGE], "signed", BOT, sign=str(tmp_path / "gone"))
    allowed = tmp_path / "allowed"
    allowed.write_text(f"bot@example.com {(tmp_path / 'key.pub').read_text()}")
    verify = ("-c", f"gpg.ssh.allowedSignersFile={allowed}", "verify-commit", sha)
    bare.git(*verify)
    allowed.write_text("")
    with pytest.raises(subprocess.CalledProcessError):
        bare.git(*verify)


def test_signed_with_gpg(
    bare: Bare, base: str, cloned: Cloned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "g"
    home.mkdir(0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    make = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "bot@example.com", "ed25519", "sign"]
    try:
        subprocess.run(make, check=True, capture_output=True)
        with cloned() as clone:
            sha = clone.make_commit([CHANGE], "signed", BOT, sign="bot@example.com")
            clone.push("slimify/x", sha, None)
        done = subprocess.run(
            ["git", f"--git-dir={bare.path}", "verify-commit", sha], capture_output=True, check=False, env=os.environ
        )
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)


def test_a_branch_of_ours_is_replaced_and_anybody_elses_is_not(bare: Bare, base: str, cloned: Cloned) -> None:
    with cloned() as clone:
        first = clone.make_commit([CHANGE], "first", BOT)
        clone.push("slimify/x", first, None)
    moved = bare.commit(bare.tree_of({"app/Dockerfile": OLD, "more": b""}), parents=[base])
    with cloned() as clone:
        second = clone.make_commit([CHANGE], "second", BOT)
        with pytest.raises(StaleError):
            clone.push("slimify/x", second, None)
        with pytest.raises(StaleError):
            clone.push("slimify/x", second, base)
        assert bare.tip("slimify/x") == first
        clone.push("slimify/x", second, first)
        assert bare.tip("slimify/x") == second
        clone.push("slimify/x", second, second)
        theirs = bare.commit(bare.tree_of({"theirs": b""}), branch="slimify/x", parents=[second])
        third = clone.make_commit([CHANGE], "third", BOT)
        with pytest.raises(StaleError):
            clone.push("slimify/x", third, second)
        assert bare.tip("slimify/x") == theirs
        with pytest.raises(StaleError):
            clone.push("slimify/new", third, second)
    assert bare.tip("slimify/new") == ""
    assert bare.tip("main") == moved


@pytest.mark.parametrize("branch", ["main", "Main"])
def test_never_to_the_branch_it_is_for(bare: Bare, base: str, cloned: Cloned, branch: str) -> None:
    with cloned() as clone:
        sha = clone.make_commit([CHANGE], "first", BOT)
        with pytest.raises(ValueError, match="nothing is ever pushed"):
            clone.push(branch, sha, base)
        for name in ("refs/heads/../main", "+x", "x:main", "-d"):
            if name != "+x":
                with pytest.raises(ValueError, match="name of a branch"):
                    clone.push(name, sha, None)


def test_a_hook_of_the_forge_declines(bare: Bare, base: str, cloned: Cloned) -> None:
    hook = bare.path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'no: https://u:hunter22@x/ is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    with cloned() as clone:
        sha = clone.make_commit([CHANGE], "first", BOT)
        with pytest.raises(RefusedError, match="hook declined") as caught:
            clone.push("slimify/x", sha, None)
    assert "is protected" in str(caught.value)
    assert "hunter22" not in str(caught.value)
    assert bare.tip("slimify/x") == ""


def test_a_forge_that_does_not_take_pushes(bare: Bare, base: str, cloned: Cloned) -> None:
    bare.git("config", "http.receivepack", "false")
    with cloned() as clone:
        sha = clone.make_commit([CHANGE], "first", BOT)
        with pytest.raises(RefusedError, match="403"):
            clone.push("slimify/x", sha, None)


@pytest.mark.parametrize(("cut", "arrives"), [("before", False), ("middle", False), ("after", True)])
def test_a_connection_that_breaks_in_the_middle_of_a_push(
    bare: Bare, base: str, server: GitServer, cloned: Cloned, cut: str, arrives: bool
) -> None:
    with cloned() as clone:
        sha = clone.make_commit([CHANGE], "first", BOT)
        server.cut_push = cut
        if arrives:
            clone.push("slimify/x", sha, None)
        else:
            with pytest.raises(TemporaryGitError):
                clone.push("slimify/x", sha, None)
        assert clone.tip("slimify/x") == (sha if arrives else None)
        assert bare.tip("slimify/x") == (sha if arrives else "")
        server.cut_push = None
        clone.push("slimify/x", sha, sha if arrives else None)
    assert bare.tip("slimify/x") == sha
    assert bare.git("fsck", "--strict") == b""


def test_a_push_that_is_larger_than_the_buffer_is_whole(bare: Bare, base: str, cloned: Cloned) -> None:
    data = os.urandom(17 << 20)
    with cloned() as clone:
        sha = clone.make_commit([FileChange("big", None, data)], "big", BOT)
        clone.push("slimify/x", sha, None)
    assert bare.shown(sha, "big") == data
