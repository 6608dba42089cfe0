"""Repositories and servers that mean harm, one test each."""

from __future__ import annotations

import itertools
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimify.bot.git import GitError, Limits, RefusedError, TemporaryGitError, TooLargeError
from slimify.bot.git_extract import extract
from slimify.bot.git_objects import Identity, read_tree
from slimify.bot.proposal import FileChange
from slimify.semantics.build_context import Kind

from .conftest import Cloned
from .plumbing import Bare
from .processes import working_on
from .server import GitServer
from .trees import resolve, tree_of

BOT = Identity("slimify", "bot@example.com")


def test_a_dockerfile_that_is_a_link_to_a_file_of_ours(bare: Bare, cloned: Cloned, tmp_path: Path) -> None:
    bare.lay({"Dockerfile": ("120000", b"/etc/passwd"), "up": ("120000", b"../../../../../../../etc/passwd")})
    out = tmp_path / "out"
    out.mkdir()
    with cloned() as found:
        tree = tree_of(found, "", "Dockerfile")
        for path in ("Dockerfile", "up"):
            assert found.read(path) is None
            assert resolve(found, path) is None
            assert tree.read(path) is None
            assert tree.lying_text(path) is None
            entry = tree.entry(path)
            assert entry is not None
            assert entry.kind is Kind.LINK
            with pytest.raises(RefusedError):
                found.make_commit([FileChange(path, None, b"FROM a\n")], "x", BOT)
        extract(found, str(out))
    assert os.readlink(out / "Dockerfile") == "/etc/passwd"


@pytest.mark.parametrize(
    "name", [b".git", b".GIT", b".git ", b"git~1", b"..", b".", b"a/b", b".g\xe2\x80\x8cit", b".git::$INDEX_ALLOCATION"]
)
@pytest.mark.parametrize("below", [False, True])
def test_an_entry_that_no_tree_may_have(bare: Bare, cloned: Cloned, name: bytes, below: bool) -> None:
    hook = bare.tree([("100755", b"post-checkout", bare.blob(b"#!/bin/sh\ntouch /tmp/pwned\n"))])
    tree = bare.tree([("40000", name, hook)])
    bare.commit(bare.tree([("40000", b"sub", tree)]) if below else tree)
    with pytest.raises(GitError), cloned():
        pass
    listing = b"100755 blob " + b"1" * 40 + b"      4\t" + (b"sub/" if below else b"") + name + b"/x\0"
    if name != b"a/b":  # which in a listing is a folder like any other
        with pytest.raises(GitError, match="no tree may have"):
            read_tree(listing)


def test_two_entries_of_one_name(bare: Bare, cloned: Cloned) -> None:
    """A link, and a folder that would be written through it."""
    below = bare.tree([("100644", b"x", bare.blob(b"1"))])
    bare.commit(bare.tree([("120000", b"a", bare.blob(b"/tmp")), ("40000", b"a", below)]))
    with pytest.raises(GitError), cloned():
        pass


def test_a_file_of_300_megabytes_takes_no_memory_and_is_not_read(bare: Bare, cloned: Cloned, tmp_path: Path) -> None:
    blob = bare.store("blob", bytes(1 << 20), times=300)
    bare.commit(bare.tree([("100644", b"Dockerfile", blob), ("100644", b"a", bare.blob(b"1"))]))
    limits = Limits(seconds=120, memory_bytes=280 << 20, pack_bytes=2 << 20, extracted_bytes=10 << 20)
    out = tmp_path / "out"
    out.mkdir()
    with cloned(limits=limits) as found:
        assert [one.size for one in found.entries()] == [300 << 20, 1]
        assert found.read("Dockerfile") is None
        assert found.read("a") == b"1"
        assert tree_of(found, "").read("Dockerfile") is None
        with pytest.raises(TooLargeError):
            extract(found, str(out))
        with pytest.raises(GitError):
            found.make_commit([FileChange("Dockerfile", b"", b"FROM a\n")], "x", BOT)
        sha = found.make_commit([FileChange("a", b"1", b"2")], "x", BOT)
        found.push("slimify/x", sha, None)
    assert bare.shown("slimify/x", "a") == b"2"
    assert list(out.iterdir()) == []


def test_a_repository_larger_than_allowed(bare: Bare, cloned: Cloned, tmp_path: Path) -> None:
    bare.lay({str(number): os.urandom(1 << 20) for number in range(4)})
    with pytest.raises(TooLargeError), cloned(limits=Limits(pack_bytes=2 << 20)):
        pass
    assert not (tmp_path / "clone0").exists()
    with cloned(limits=Limits(pack_bytes=8 << 20)) as found:
        assert len(found.entries()) == 4


def test_a_file_that_takes_more_memory_than_allowed(bare: Bare, cloned: Cloned) -> None:
    """A tree is always held in memory, however small its pack is."""
    blob = bare.blob(b"")
    bare.commit(bare.tree(("100644", b"%0200d" % number, blob) for number in range(300_000)))
    with pytest.raises(TooLargeError), cloned(limits=Limits(memory_bytes=64 << 20)):
        pass


def test_a_hundred_thousand_files(bare: Bare, cloned: Cloned) -> None:
    blob = bare.blob(b"x")
    folder = bare.tree(("100644", b"%05d" % number, blob) for number in range(1000))
    bare.commit(bare.tree([("40000", b"%03d" % number, folder) for number in range(100)]))
    with cloned() as found:
        start = time.process_time()
        assert len(found.entries()) == 100_000
        tree = tree_of(found, "")
        assert len(tree.entries()) == 100_100
        assert not tree.truncated
        assert time.process_time() - start < 20
        sha = found.make_commit([FileChange("050/00500", b"x", b"y")], "x", BOT)
        found.push("slimify/x", sha, None)
    assert bare.shown("slimify/x", "050/00500") == b"y"
    with cloned(limits=Limits(entries=99_999)) as found, pytest.raises(TooLargeError, match="100000 files"):
        found.entries()


def test_a_tree_that_holds_itself_a_billion_times(bare: Bare, cloned: Cloned) -> None:
    tree = bare.tree([("100644", b"f", bare.blob(b"x"))])
    for _ in range(9):
        tree = bare.tree([("40000", b"d%d" % number, tree) for number in range(10)])
    bare.commit(tree)
    with cloned() as found, pytest.raises(TooLargeError):
        found.entries()


@pytest.mark.parametrize(
    "name", ["new\nline", "quo'te\"s", "\udcff\udcfe", "-x", "--help", "a\tb", "$(id)", "a;b", "\x1b[31m"]
)
def test_names_that_trick_whoever_prints_them(bare: Bare, cloned: Cloned, name: str, tmp_path: Path) -> None:
    bare.lay({f"{name}/Dockerfile": b"FROM a\n", name + "2": b"2"})
    out = tmp_path / "out"
    out.mkdir()
    with cloned() as found:
        assert {one.path for one in found.entries()} == {f"{name}/Dockerfile", name + "2"}
        assert found.read(f"{name}/Dockerfile") == b"FROM a\n"
        assert tree_of(found, name).read("Dockerfile") == b"FROM a\n"
        extract(found, str(out))
        change = FileChange(f"{name}/Dockerfile", b"FROM a\n", b"FROM b\n")
        if name.isprintable():
            found.push("slimify/x", found.make_commit([change], "x", BOT), None)
        else:
            with pytest.raises(RefusedError) as caught:
                found.make_commit([change], "x", BOT)
            assert str(caught.value).isprintable()
    assert (out / name / "Dockerfile").read_bytes() == b"FROM a\n"
    assert (bare.tip("slimify/x") != "") == name.isprintable()


def _commands(marker: Path) -> dict[str, dict[str, bytes | tuple[str, bytes | str]]]:
    """Trees in which something would run, were they checked out or taken for a repository; the marker shows it."""
    touch = f"touch {marker}"
    script = ("100755", f"#!/bin/sh\n{touch}\n".encode())
    submodule = ("160000", "1" * 40)
    config = f"[core]\n\tfsmonitor = {touch}\n\thooksPath = hooks\n"
    config += f'[filter "evil"]\n\tsmudge = {touch}\n\tclean = {touch}\n\trequired\n'
    return {
        "ext": {".gitmodules": f'[submodule "a"]\n\tpath = a\n\turl = "ext::sh -c {touch}"\n'.encode(), "a": submodule},
        "update": {
            ".gitmodules": f'[submodule "a"]\n\tpath = a\n\turl = ./x\n\tupdate = "!{touch}"\n'.encode(), "a": submodule
        },
        "option": {
            ".gitmodules": f'[submodule "a"]\n\tpath = a\n\turl = "--upload-pack={touch}"\n'.encode(), "a": submodule
        },
        "name": {
            ".gitmodules": b'[submodule "../../hooks"]\n\tpath = a\n\turl = ./x\n',
            "a": submodule, "x/post-checkout": script,
        },
        "attributes": {".gitattributes": b"* filter=evil diff=evil merge=evil ident\n", ".gitconfig": config.encode()},
        "lfs": {
            ".gitattributes": b"* filter=lfs\n",
            ".lfsconfig": f'[lfs]\n\turl = "ext::{touch}"\n[lfs "customtransfer.x"]\n\tpath = {marker}\n'.encode(),
        },
        "bare": {
            "HEAD": b"ref: refs/heads/main\n", "config": config.encode(), "objects/info/x": b"", "refs/heads/x": b"",
            "hooks/post-checkout": script, "hooks/pre-push": script, "hooks/reference-transaction": script,
        },
        "hooks": {"hooks/pre-push": script, ".githooks/pre-commit": script, ".husky/pre-push": script},
    }  # fmt: skip


@pytest.mark.parametrize("kind", _commands(Path("x")))
def test_nothing_of_it_runs(bare: Bare, cloned: Cloned, kind: str, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    bare.lay({"Dockerfile": b"FROM a\n", **_commands(marker)[kind]})
    out = tmp_path / "out"
    out.mkdir()
    if kind in ("update", "option", "name"):
        with pytest.raises(GitError, match="gitmodules"), cloned():
            pass
    else:
        with cloned() as found:
            tree = tree_of(found, "", "Dockerfile")
            assert tree.read("Dockerfile") == b"FROM a\n"
            sha = found.make_commit([FileChange("Dockerfile", b"FROM a\n", b"FROM b\n")], "x", BOT)
            extract(found, str(out))
            found.push("slimify/x", sha, None)
            assert found.fetch("slimify/x") is not None
        assert bare.shown("slimify/x", "Dockerfile") == b"FROM b\n"
        assert (out / "Dockerfile").read_bytes() == b"FROM a\n"
    assert not marker.exists()


@pytest.mark.parametrize("head", ["refs/heads/-x", "refs/meta/config", "refs/heads/\u202ex", "refs/tags/v1", "commit"])
def test_a_head_that_is_no_branch(bare: Bare, cloned: Cloned, head: str) -> None:
    sha = bare.lay({"a": b""})
    (bare.path / "HEAD").write_text(f"{sha}\n" if head == "commit" else f"ref: {head}\n")
    if head != "commit":
        bare.git("update-ref", head, sha)
    with pytest.raises(GitError, match="default branch"), cloned():
        pass
    with cloned(branch="main") as found:
        assert found.commit == sha


def test_a_head_with_a_command_in_its_name(bare: Bare, cloned: Cloned, tmp_path: Path) -> None:
    sha = bare.lay({"a": b""}, branch="$(touch${IFS}ran)")
    (bare.path / "HEAD").write_text("ref: refs/heads/$(touch${IFS}ran)\n")
    with cloned() as found:
        assert (found.commit, found.branch) == (sha, "$(touch${IFS}ran)")
    assert not list(tmp_path.rglob("ran"))


def test_a_server_that_hangs(bare: Bare, server: GitServer, cloned: Cloned, tmp_path: Path) -> None:
    server.hang = 30
    start = time.monotonic()
    with pytest.raises(TemporaryGitError, match="more than 1 seconds"), cloned(limits=Limits(seconds=1)):
        pass
    assert time.monotonic() - start < 15
    assert working_on(tmp_path) == []


SHA = "1" * 40


def packet(data: bytes) -> bytes:
    return b"%04x" % (len(data) + 4) + data


# What a shallow fetch is answered with, twice: on asking, and in front of the pack.
SHALLOW = packet(f"shallow {SHA}".encode()) + b"0000"
NAK = packet(b"NAK\n")


def advertisement(abilities: str) -> bytes:
    """What a server of the first protocol begins with (gitprotocol-http(5), "Smart Clients")."""
    line = f"{SHA} refs/heads/main\0{abilities}\n".encode()
    return packet(b"# service=git-upload-pack\n") + b"0000" + packet(line) + b"0000"


def pack() -> Iterator[bytes]:
    """The beginning of a pack (gitformat-pack(5)): one file of a terabyte, which does not become smaller."""
    yield b"PACK" + (2).to_bytes(4, "big") + (1).to_bytes(4, "big")
    size, header = 1 << 40, bytearray()
    header.append(0x80 | 3 << 4 | size & 15)
    size >>= 4
    while size >= 128:
        header.append(0x80 | size & 127)
        size >>= 7
    yield bytes((*header, size))
    squeeze = zlib.compressobj(0)
    chunk = os.urandom(1 << 16)
    while True:
        yield squeeze.compress(chunk)


def test_a_server_that_sends_for_ever(bare: Bare, server: GitServer, cloned: Cloned, tmp_path: Path) -> None:
    server.advertised = advertisement("shallow no-progress")
    server.endless, server.endless_at = [iter([SHALLOW]), itertools.chain([SHALLOW, NAK], pack())], "/git-upload-pack"
    with pytest.raises(TooLargeError), cloned(branch="main", limits=Limits(seconds=60, pack_bytes=8 << 20)):
        pass
    assert working_on(tmp_path) == []
    assert not (tmp_path / "clone0").exists()


def test_a_server_that_talks_for_ever(bare: Bare, server: GitServer, cloned: Cloned, tmp_path: Path) -> None:
    """On the band for what people should read."""
    server.advertised = advertisement("shallow side-band-64k")
    chatter = itertools.repeat(packet(b"\2" + b"buy now\n" * 1000))
    server.endless, server.endless_at = [iter([SHALLOW]), itertools.chain([SHALLOW, NAK], chatter)], "/git-upload-pack"
    with pytest.raises(TemporaryGitError), cloned(branch="main", limits=Limits(seconds=3)):
        pass
    assert working_on(tmp_path) == []


def test_a_server_that_has_branches_without_end(bare: Bare, server: GitServer, cloned: Cloned, tmp_path: Path) -> None:
    names = (packet(b"%s refs/heads/%0200d\n" % (SHA.encode(), number)) for number in itertools.count())
    server.endless = [
        itertools.chain([advertisement("shallow")[:-4]], map(b"".join, zip(*[names] * 300, strict=False)))
    ]
    limits = Limits(seconds=60, memory_bytes=256 << 20)
    with pytest.raises(TooLargeError), cloned(branch="main", limits=limits):
        pass
    assert working_on(tmp_path) == []
