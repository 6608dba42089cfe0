"""Credentials reach the commands that talk to the forge, and nothing else: no argument, no file, no other program."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from slimify.bot.git import GitError, RefusedError, TemporaryGitError, clone
from slimify.bot.git_objects import Identity
from slimify.bot.git_process import Credentials, Limits
from slimify.bot.proposal import FileChange

from .conftest import Cloned
from .plumbing import Bare
from .processes import Seen, working_on
from .server import GitServer

BOT = Credentials("bot", "s3cret-token-of-the-bot")
SECRETS = (BOT.token.encode(), BOT.basic.encode())


def shows(data: bytes) -> bool:
    return any(secret in data for secret in SECRETS)


def test_what_the_machine_sees_of_a_slow_clone(
    bare: Bare, server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_OTHER_TOKEN", "another-secret")
    monkeypatch.setenv("no_proxy", "127.0.0.1,proxy-secret")
    monkeypatch.setenv("GIT_TRACE_CURL", "1")
    bare.lay({"a": b"1"})
    server.hang = 1.5
    seen: list[Seen] = []
    done = threading.Event()

    def visit() -> None:
        with clone(server.url("owner/app.git"), str(tmp_path / "c"), branch="main", credentials=BOT) as found:
            found.read("a")
            seen.extend(one for one in working_on(tmp_path / "c") if b"cat-file" in one.arguments)
            for path in (tmp_path / "c").rglob("*"):
                assert path.is_dir() or not shows(path.read_bytes())
        done.set()

    thread = threading.Thread(target=visit)
    thread.start()
    while thread.is_alive():
        seen += working_on(tmp_path / "c")
        time.sleep(0.05)
    thread.join()
    assert done.is_set()
    talking = [one for one in seen if b"fetch" in one.arguments or b"remote-http" in one.arguments]
    answering = [one for one in seen if b"cat-file" in one.arguments]
    assert any(b"remote-http" in one.arguments for one in talking)
    assert answering
    assert not any(shows(one.arguments) for one in seen)
    assert all(BOT.basic.encode() in one.environment for one in talking)
    assert not any(shows(one.environment) or b"proxy-secret" in one.environment for one in answering)
    assert all(b"proxy-secret" in one.environment for one in talking)
    assert not any(b"another-secret" in one.environment or b"GIT_TRACE" in one.environment for one in seen)


def test_which_commands_see_them(bare: Bare, cloned: Cloned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = bare.lay({"a": b"1"})
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "ssh-keygen"):
        real = shutil.which(name)
        (programs / name).write_text(f'#!/bin/sh\n{{ echo "{name} $1"; env; }} > {tmp_path}/saw-$$\nexec {real} "$@"\n')
        (programs / name).chmod(0o755)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with cloned(credentials=BOT) as found:
        found.fetch("main")
        sha = found.make_commit([FileChange("a", b"1", b"2")], "x", Identity("b", "b@c"), sign=str(tmp_path / "key"))
        found.push("slimify/x", sha, None)
        found.tip("slimify/x")
    assert bare.tip("main") == base
    saw: dict[str, set[bool]] = {}
    for path in tmp_path.glob("saw-*"):
        command, _, environment = path.read_bytes().partition(b"\n")
        saw.setdefault(command.decode(), set()).add(shows(environment))
    server = {"git http-backend", "git upload-pack", "git receive-pack", "git version"}
    assert {name for name, said in saw.items() if True in said} == {"git fetch", "git ls-remote", "git push"}
    assert {name for name, said in saw.items() if said == {False}} - server >= {
        "git init", "git ls-tree", "git hash-object", "git read-tree", "git update-index", "git write-tree",
        "git commit-tree", "git cat-file", "git rev-parse", "ssh-keygen -Y",
    }  # fmt: skip


def test_they_go_to_no_other_host(bare: Bare, server: GitServer, cloned: Cloned, tmp_path: Path) -> None:
    bare.lay({"a": b"1"})
    with GitServer(server.root).running() as other:
        server.redirect = other.origin
        for branch in (None, "main"):
            with pytest.raises(RefusedError, match=r"redirect|301"), cloned(credentials=BOT, branch=branch):
                pass
        assert other.requests == []
        assert server.authorizations[0] == f"Basic {BOT.basic}"


def test_nor_from_a_push(bare: Bare, server: GitServer, cloned: Cloned) -> None:
    bare.lay({"a": b"1"})
    with GitServer(server.root).running() as other, cloned(credentials=BOT) as found:
        sha = found.make_commit([FileChange("a", b"1", b"2")], "x", Identity("b", "b@c"))
        server.redirect = other.origin
        with pytest.raises(RefusedError, match=r"redirect|301"):
            found.push("slimify/x", sha, None)
        assert other.requests == []


def test_a_server_that_repeats_them(bare: Bare, server: GitServer, cloned: Cloned) -> None:
    """Whatever git is made to say, the error does not."""
    bare.lay({"a": b"1"})
    server.advertised = packet(f"ERR you sent {BOT.token} and {BOT.basic}")
    with pytest.raises(GitError, match="you sent") as caught, cloned(credentials=BOT):
        pass
    assert not shows(str(caught.value).encode())


def test_a_time_limit_says_nothing_of_them(bare: Bare, server: GitServer, cloned: Cloned) -> None:
    server.hang = 5
    with pytest.raises(TemporaryGitError) as caught, cloned(credentials=BOT, limits=Limits(seconds=0.5)):
        pass
    shown = repr(caught.value) + repr(caught.value.__context__) + repr(caught.value.__cause__)
    assert not shows(shown.encode())


def packet(text: str) -> bytes:
    """A line as git's protocol has it (gitprotocol-common(5), "pkt-line")."""
    return f"{len(text) + 4:04x}{text}".encode()
