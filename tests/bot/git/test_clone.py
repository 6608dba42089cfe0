"""What a clone gives, and what it says when there is nothing to give."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slimify.bot.git import (
    Clone,
    EmptyRepositoryError,
    GitError,
    Limits,
    RefusedError,
    TemporaryGitError,
    TooLargeError,
    clone,
)
from slimify.bot.git_errors import error_of
from slimify.bot.git_objects import Identity, TreeEntry
from slimify.bot.git_process import Credentials
from slimify.context.listing import MAX_READ

from .conftest import Cloned
from .plumbing import Bare
from .server import GitServer


def test_what_is_in_the_commit(bare: Bare, cloned: Cloned) -> None:
    sha = bare.lay({"Dockerfile": b"FROM a\n", "bin/run": ("100755", b"#!/bin/sh\n"), "to": ("120000", b"bin/run")})
    with cloned() as clone:
        assert (clone.commit, clone.branch) == (sha, "main")
        assert [(one.path, one.mode, one.size) for one in clone.entries()] == [
            ("Dockerfile", "100644", 7),
            ("bin/run", "100755", 10),
            ("to", "120000", 7),
        ]
        assert clone.read("Dockerfile") == b"FROM a\n"
        assert clone.read("bin/run") == b"#!/bin/sh\n"
        assert clone.read("Dockerfile") == b"FROM a\n"
        assert [clone.file_mode(path) for path in ("bin/run", "to", "bin", "gone")] == ["100755", "120000", None, None]
        assert [clone.read(path) for path in ("to", "bin", "gone", "", "../x")] == [None] * 5


def test_one_commit_of_one_branch_is_fetched_and_nothing_stays(bare: Bare, cloned: Cloned, tmp_path: Path) -> None:
    old = bare.lay({"a": b"1"})
    bare.lay({"a": b"2"}, branch="other")
    bare.git("tag", "v1", old)
    new = bare.commit(bare.tree_of({"a": b"3"}), parents=[old])
    with cloned() as clone:
        folder = tmp_path / "clone0"
        assert clone.commit == new
        packs = list(folder.glob("repository.git/objects/pack/*.pack"))
        assert len(packs) == 1
        assert clone._git.run("rev-list", "--all").decode().split() == [new]
        assert not list(folder.glob("repository.git/hooks/*"))
        assert clone._git.run("for-each-ref", "--format=%(refname)") == b"refs/slimify/base\n"
    assert not folder.exists()


def test_a_branch_by_its_name(bare: Bare, cloned: Cloned) -> None:
    bare.lay({"a": b"main"})
    sha = bare.lay({"a": b"dev"}, branch="feature/dev")
    with cloned(branch="feature/dev") as clone:
        assert (clone.commit, clone.read("a")) == (sha, b"dev")
    with pytest.raises(GitError, match="no branch gone"), cloned(branch="gone"):
        pass
    for name in ("--upload-pack=touch x", "a..b", "", "@{-1}", "x:y"):
        with pytest.raises(ValueError, match="name of a branch"), cloned(branch=name):
            pass


def test_a_tag_is_no_branch(bare: Bare, cloned: Cloned) -> None:
    bare.git("tag", "v1", bare.lay({"a": b""}))
    with pytest.raises(GitError, match="no branch v1"), cloned(branch="v1"):
        pass


@pytest.mark.parametrize("branch", [None, "main"])
def test_an_empty_repository(bare: Bare, cloned: Cloned, branch: str | None, tmp_path: Path) -> None:
    with pytest.raises(EmptyRepositoryError), cloned(branch=branch):
        pass
    assert not (tmp_path / "clone0").exists()


def test_the_folder_must_be_new(bare: Bare, server: GitServer, tmp_path: Path) -> None:
    bare.lay({"a": b""})
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "precious").write_text("x")
    with pytest.raises(FileExistsError), clone(server.url("owner/app.git"), str(mine)):
        pass
    assert (mine / "precious").exists()


def test_the_token_opens_and_nothing_else_does(bare: Bare, server: GitServer, cloned: Cloned) -> None:
    bare.lay({"a": b"1"})
    server.token = "bot:s3cret-token"
    with cloned(credentials=Credentials("bot", "s3cret-token")) as found:
        assert found.read("a") == b"1"
    for wrong in (None, Credentials("bot", "wrong-token-77")):
        with pytest.raises(RefusedError) as caught, cloned(credentials=wrong):
            pass
        assert "wrong-token-77" not in str(caught.value)
    assert repr(Credentials("bot", "s3cret-token")) == "Credentials(…)"


@pytest.mark.parametrize(
    ("status", "kind"), [(500, TemporaryGitError), (503, TemporaryGitError), (429, TemporaryGitError)]
)
def test_errors_of_the_server(bare: Bare, server: GitServer, cloned: Cloned, status: int, kind: type[GitError]) -> None:
    server.status = status
    with pytest.raises(kind, match=str(status)), cloned():
        pass


@pytest.mark.parametrize("status", [403, 404, 410])
def test_refusals_of_the_server(bare: Bare, server: GitServer, cloned: Cloned, status: int) -> None:
    server.status = status
    with pytest.raises(GitError) as caught, cloned():
        pass
    assert not isinstance(caught.value, TemporaryGitError)
    assert isinstance(caught.value, RefusedError) == (status != 410)


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(TemporaryGitError), clone("http://127.0.0.1:9/owner/app.git", str(tmp_path / "c")):
        pass


def test_a_file_that_is_too_large_is_not_read(bare: Bare, cloned: Cloned) -> None:
    bare.lay({"big": b"x" * (MAX_READ + 1), "fits": b"x" * MAX_READ})
    with cloned() as found:
        assert found.read("big") is None
        assert found.read("fits") == b"x" * MAX_READ
        assert sum(map(len, found.chunks(found.entries()[0]))) == MAX_READ + 1
        assert found.read("fits") == b"x" * MAX_READ


def test_a_file_that_was_left_in_the_middle(bare: Bare, cloned: Cloned) -> None:
    bare.lay({"a": b"a" * 5_000_000, "b": b"bbb"})
    with cloned() as found:
        chunks = found.chunks(found.entries()[0])
        next(chunks)
        chunks.close()  # type: ignore[attr-defined]
        assert found.read("b") == b"bbb"


def test_more_files_than_allowed(bare: Bare, cloned: Cloned) -> None:
    bare.lay({f"f{number}": b"" for number in range(11)})
    with cloned(limits=Limits(entries=10)) as found, pytest.raises(TooLargeError, match="11 files"):
        found.entries()
    with cloned(limits=Limits(entries=11)) as found:
        assert len(found.entries()) == 11


def test_the_tip_of_another_branch(bare: Bare, cloned: Cloned) -> None:
    base = bare.lay({"a": b"1"})
    text = "Make it small\n\nBecause.\n\ngpgsig none"
    sha = bare.commit(bare.tree_of({"a": b"2"}), branch="slimify/x", parents=[base, base], message=text)
    with cloned() as found:
        tip = found.fetch("slimify/x")
        assert tip is not None
        person = Identity("A U Thor", "author@example.com")
        assert tip == (sha, (base, base), person, person, text + "\n")
        assert found.fetch("slimify/gone") is None
        assert found.tip("slimify/x") == sha
        assert found.tip("x") is None
        assert found.commit == base
        assert found.read("a") == b"1"


@pytest.mark.parametrize("url", ["file://{path}", "{path}", "ext::sh -c id", "git://127.0.0.1/x"])
def test_only_what_a_forge_is_reached_by(bare: Bare, tmp_path: Path, url: str) -> None:
    bare.lay({"a": b""})
    with pytest.raises(RefusedError), clone(url.format(path=bare.path), str(tmp_path / "c")):
        pass


def test_an_operator_may_ask_for_more(bare: Bare, tmp_path: Path) -> None:
    sha = bare.lay({"a": b""})
    with clone(f"file://{bare.path}", str(tmp_path / "c"), protocols=frozenset({"file"})) as found:
        assert found.commit == sha


def test_by_ssh(bare: Bare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha = bare.lay({"a": b"1"})
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/called\nenv >> {tmp_path}/env\nfor last; do :; done\nexec sh -c "$last"\n'
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    secret = Credentials("bot", "s3cret-token")
    with clone(f"ssh://git@forge.example:2222{bare.path}", str(tmp_path / "c"), credentials=secret) as found:
        assert found.commit == sha
        found.push("mine", sha, None)
    assert bare.tip("mine") == sha
    called = (tmp_path / "called").read_text()
    assert "BatchMode=yes" in called
    assert "StrictHostKeyChecking=yes" in called
    seen = (tmp_path / "env").read_text()
    assert secret.token not in seen
    assert secret.basic not in seen


def test_entries_are_of_their_own_type(bare: Bare, cloned: Cloned) -> None:
    sha = bare.lay({"old": ("100664", b"1")})
    assert sha
    with cloned() as found:
        assert found.entries() == (TreeEntry("old", "100644", bare.blob(b"1"), 1),)
        assert isinstance(found, Clone)


def test_messages_are_short_and_plain() -> None:
    said = "remote: \x1b[31mno\x1b[0m\r\nhint: try\nfatal: " + "x" * 1000
    message = str(error_of(said))
    assert message.startswith("fatal: xxx")
    assert len(message) == 400
    assert "\x1b" not in str(error_of("remote: \x1b[31mno\x1b[0m\nfatal: a"))
    assert str(error_of("remote: why\nfatal: a")) == "fatal: a; remote: why"
    assert str(error_of("")) == "git failed and did not say why"


def test_a_connection_that_is_cut_before_all_has_come() -> None:
    said = (
        "fatal: unable to access 'https://forge.example/a/b.git/': transfer closed with 99998 bytes remaining to read"
    )
    assert isinstance(error_of(said), TemporaryGitError)
