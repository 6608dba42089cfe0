"""Connecting: kinds, addresses, what is not installed."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from slimify.bot.forge import Forge, ForgeError
from slimify.bot.forges.connect import connect, github_api, kind_of


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://github.com", "github"),
        ("https://GitHub.com/", "github"),
        ("https://acme.ghe.com", "github"),
        ("https://github.example.org", "github"),
        ("https://gitlab.com", "gitlab"),
        ("https://gitlab.example.org:8443/forge", "gitlab"),
        ("https://codeberg.org", "gitea"),
        ("https://gitea.com", "gitea"),
        ("https://forgejo.example.org", "gitea"),
        ("https://code.example.org", None),
        ("https://notgithub.com", None),
        ("https://github.com.example.org", "github"),
    ],
)
def test_kinds(url: str, kind: str | None) -> None:
    assert kind_of(url) == kind


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://www.github.com/", "https://api.github.com"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://github.example.org/", "https://github.example.org/api/v3"),
        ("https://example.org:8443", "https://example.org:8443/api/v3"),
    ],
)
def test_where_github_s_api_is(url: str, api: str) -> None:
    assert github_api(urlsplit(url)) == api


@pytest.mark.parametrize(
    "url",
    ["", "github.com", "ftp://github.com", "https://", "https://me:s3cret@github.com", "https://a.b:x", "https://a/?b"],
)
def test_what_is_no_address(url: str) -> None:
    for call in (lambda: kind_of(url), lambda: connect("github", url, "t0k3n")):
        with pytest.raises(ForgeError, match="the address of a forge is such as") as raised:
            call()
        assert "s3cret" not in str(raised.value)


def test_an_unknown_kind() -> None:
    with pytest.raises(ForgeError, match="unknown kind of forge: 'sourcehut' is none of github, gitlab, gitea"):
        connect("sourcehut", "https://sr.ht", "t0k3n")


def test_a_library_that_is_not_installed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    library = {"github": "github", "gitlab": "gitlab", "gitea": "requests"}[kind]
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"slimify.bot.forges.{kind}", raising=False)
    with pytest.raises(ForgeError, match=rf"^{library}( .*)? is not installed: pip install 'slimify\[bot\]'$"):
        connect(kind, "https://forge.example.org", "t0k3n")


def test_only_the_one_library_is_imported() -> None:
    code = (
        "import sys; from slimify.bot.forges.connect import connect;"
        "assert not {'requests', 'github', 'gitlab'} & set(sys.modules);"
        "connect('gitlab', 'https://gitlab.com', 't0k3n'); assert 'github' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_is_a_forge(kind: str) -> None:
    forge: Forge = connect(kind, "https://forge.example.org", "t0k3n")
    assert forge.kind == kind
