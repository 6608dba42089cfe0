"""Which names are let through, beside what git itself says."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimify.bot.git_process import PROTOCOLS
from slimify.bot.names import is_branch, is_clone_url, is_dot_git, is_file_path, is_repository

from .plumbing import Bare

_ODD = ["", ".", "..", "/", "//", "@", "@{", "@{-1}", ".lock", "-", "HEAD", "~", "^", ":", "?", "*", "[", "\\", " "]
_PIECES = st.sampled_from([*_ODD, "a", "b.c", "x-y", "é", "{", "}", "\x7f", "\x01", "\t", "lock", "%", "$(id)", "'"])


def git_takes(name: str) -> bool:
    """What git says of a branch of this name."""
    if "\0" in name:
        return False
    as_ref = subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=False).returncode == 0
    # With `--branch` it takes no option and no HEAD, but looks up `@{-1}`, which is no name.
    return as_ref and not name.startswith("-") and name != "HEAD"


@given(st.lists(_PIECES, max_size=5).map("".join))
@settings(max_examples=150)
def test_branches_are_what_git_takes(name: str) -> None:
    # `@` alone is git's short name for HEAD wherever a revision stands.
    assert is_branch(name) == (git_takes(name) and name != "@")


@pytest.mark.parametrize("name", ["main", "slimify/small", "a.b", "a@b", "feature/x-1", "ünï", "$(id)", "a'b", "x{1}"])
def test_branches(name: str) -> None:
    assert is_branch(name)
    assert git_takes(name)


@pytest.mark.parametrize(
    "name", ["", "-x", "a..b", "a b", "a/.b", "a.lock", "a.lock/b", "a\nb", "\u202ea", "a\u200bb", "\udc80", "x" * 256]
)
def test_no_branches(name: str) -> None:
    assert not is_branch(name)


@pytest.mark.parametrize("name", ["owner/name", "o/n.js", "group/sub/deep/name", "_o/n", "o/n.atom"])
def test_repositories(name: str) -> None:
    assert is_repository(name)


def test_a_name_of_a_repository_may_begin_with_a_dot_or_a_dash() -> None:
    # `.github` and `-` are names that forges give; an owner is never so called.
    assert is_repository("owner/.github")
    assert is_repository("owner/-")
    assert is_repository("owner/-x")
    assert not is_repository("-owner/x")
    assert not is_repository(".owner/x")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "owner",
        "/name",
        "owner/",
        "a//b",
        "../b",
        "a/..",
        "a/.",
        "a/b c",
        "a/b?x",
        "a/b#x",
        "a/b%2e",
        "a/b\n",
        "a/b.git",
        "a/é",
        "-a/b",
        "a/b/../c",
        "a/" + "x" * 255,
        "https://a/b",
        "a@b/c",
        "a:b/c",
    ],
)
def test_no_repositories(name: str) -> None:
    assert not is_repository(name)


_DOT_GITS = [
    ".git",
    ".GIT",
    ".Git",
    ".git ",
    ".git.",
    ".git . .",
    ".git::$INDEX_ALLOCATION",
    ".git:x",
    "git~1",
    "GIT~1",
]
_DOT_GITS += [".g\u200cit", "\ufeff.git", ".gi\u206ft", "a\\.git", ".git\\a"]
_NO_DOT_GITS = [".gitignore", ".github", "git", "git~2", "a.git", ".git~1", ".gitx", ". git", "..git"]


@pytest.mark.parametrize("name", _DOT_GITS + _NO_DOT_GITS)
def test_the_folder_of_git_is_known_by_all_its_names(name: str, bare: Bare) -> None:
    """As git's own check of objects does it."""
    bare.tree([("100644", name.encode(), bare.blob(b""))])
    fsck = subprocess.run(
        ["git", f"--git-dir={bare.path}", "fsck", "--strict"], capture_output=True, text=True, check=False
    )
    assert is_dot_git(name) == ("hasDotgit" in fsck.stderr)


@pytest.mark.parametrize("path", ["Dockerfile", "a/b c/Dockerfile", "ünï/日本", "-x", "--help", ".gitignore", "a'b\"c"])
def test_paths(path: str) -> None:
    assert is_file_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "a/./b",
        "..",
        "a/..",
        "a\\b",
        "a\nb",
        "a\x1bb",
        "a\u202eb",
        "a\u2028b",
        "\udcff",
        "a/.git/b",
        ".GIT",
        "git~1",
        "a/.g\u200cit",
        "x" * 5000,
        "a\x00b",
    ],
)
def test_no_paths(path: str) -> None:
    assert not is_file_path(path)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/o/n.git",
        "http://127.0.0.1:8080/o/n",
        "ssh://git@gitlab.com:22/g/s/n.git",
        "https://h/o/n/",
        "https://[::1]:8443/o/n.git",
        "https://h/~user/n.git",
    ],
)
def test_addresses(url: str) -> None:
    assert is_clone_url(url, PROTOCOLS)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-x",
        "--upload-pack=id",
        "ext::sh -c id",
        "https::ext::x",
        "file:///etc",
        "git://h/o/n",
        "git@h:o/n",
        "/etc",
        "https://u:p@h/o/n",
        "https://token@h/o/n",
        "ssh://-oProxyCommand=id/o/n",
        "ssh://git@-x/o",
        "ssh://u:p@h/o/n",
        "https://h/o/../n",
        "https://h/o/n?x",
        "https://h/o/n#x",
        "https://h/o n",
        "https://h/o\nn",
        "https://h:x/o",
        "https:///o/n",
        "https://h",
        "https://h:0/o/n",
        "HTTPS://h/o/n",
        "https://h/o/\u202en",
        "https://h\\@x/o/n",
    ],
)
def test_no_addresses(url: str) -> None:
    assert not is_clone_url(url, PROTOCOLS)
