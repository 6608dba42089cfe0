"""Hostile repositories, from the clone to the text of the pull request. What git itself meets is in tests/bot/git."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options

from tests.bot.story import NAIVE, Story, story

EVIL = "x](https://evil.example) @admin #1 <img src=x onerror=alert(1)> `"


@pytest.fixture
def tale(tmp_path: Path) -> Iterator[Story]:
    with story("github", tmp_path, {"good/Dockerfile": NAIVE}) as one:
        yield one


def link(tale: Story, path: str, target: str) -> None:
    """Put a symbolic link into the repository."""
    git = tale.repository.git
    index = {"GIT_INDEX_FILE": str(tale.folder / "index")}
    git("read-tree", "main", env=index)
    blob = git("hash-object", "-w", "--stdin", stdin=target.encode())
    git("update-index", "--add", "--cacheinfo", f"120000,{blob},{path}", env=index)
    who = {f"GIT_{role}_{part}": "eve" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    commit = git("commit-tree", git("write-tree", env=index), "-p", "main", "-m", "x", env=who)
    git("update-ref", "refs/heads/main", commit)


def changed(tale: Story) -> list[str]:
    """The files that the proposal changes."""
    return tale.repository.git("diff", "--name-only", "main", "slimify/smaller-images").splitlines()


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../etc/passwd", "good/Dockerfile", "Dockerfile", "/dev/zero"])
def test_a_dockerfile_that_is_a_link(tale: Story, target: str) -> None:
    link(tale, "Dockerfile", target)
    link(tale, "slimify.toml", target)
    assert tale.one().what == "opened"
    assert changed(tale) == ["good/Dockerfile"]
    assert "root:" not in tale.pulls[1].body


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31m", "..%2f", "-rf", EVIL, "a b", "\u202egnp", "é"])
def test_names_that_try_something(tale: Story, name: str) -> None:
    path = f"{name.replace('/', '_')}/Dockerfile"
    tale.repository.git("config", "core.quotePath", "false")
    index = {"GIT_INDEX_FILE": str(tale.folder / "index")}
    git = tale.repository.git
    blob = git("rev-parse", "main:good/Dockerfile")
    git("read-tree", "main", env=index)
    git("update-index", "-z", "--index-info", stdin=f"100644 {blob}\t{path}\0".encode(), env=index)
    who = {f"GIT_{role}_{part}": "eve" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    commit = git("commit-tree", git("write-tree", env=index), "-p", "main", "-m", "x", env=who)
    git("update-ref", "refs/heads/main", commit)
    assert tale.one().what == "opened", "what one file is called keeps no other from being proposed"
    assert "good/Dockerfile" in changed(tale)
    pull = tale.pulls[1]
    for text in (pull.body, pull.title):
        assert "\x1b" not in text and "\u202e" not in text and "\na\nb" not in text
    shown = cmarkgfm.github_flavored_markdown_to_html(pull.body, options=Options.CMARK_OPT_UNSAFE)
    assert "<img" not in shown and 'href="https://evil' not in shown
    assert "@admin" not in re.sub(r"<code>.*?</code>", "", shown, flags=re.DOTALL), "a mention in code is none"


@pytest.mark.parametrize(
    "compose",
    [
        "services: {a: {build: {context: ../../.., dockerfile: etc/passwd}}}",
        "services: {a: {build: {context: ., dockerfile: /etc/passwd}}}",
        "services: {a: {build: {context: 'ext::sh -c touch% /tmp/pwned'}}}",
        "services: {a: {build: {context: good, args: {X: '$(touch /tmp/pwned)', Y: '`touch /tmp/pwned`'}}}}",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nservices: {a: {build: *c}}",
        "services: " + "{a: " * 500 + "1" + "}" * 500,
        "!!python/object/apply:os.system ['touch /tmp/pwned']",
    ],
)
def test_a_compose_file_that_tries_something(tale: Story, compose: str) -> None:
    tale.change({"compose.yaml": compose})
    assert tale.one().what == "opened"
    assert changed(tale) == ["good/Dockerfile"]
    assert not Path("/tmp/pwned").exists()


def test_a_stage_that_wants_to_be_markup(tale: Story) -> None:
    """Text of a Dockerfile is shown as code, and a comment of ours ends where we end it."""
    evil = (
        "FROM debian:12 AS base\nLABEL a='-->@admin' b='/close'\n"
        "RUN apt-get update\nRUN apt-get install -y curl '@admin' 'https://evil.example/x?a=-->'\nCMD curl\n"
    )
    tale.change({"good/Dockerfile": evil})
    tale.visit()
    body = tale.pulls[1].body
    assert body.count("-->") == 1 and body.rstrip().endswith("-->")
    assert not any(line.lstrip().startswith(("/close", "@admin")) for line in body.splitlines())
