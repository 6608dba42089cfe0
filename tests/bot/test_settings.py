"""What the one who runs the bot has settled."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slimify.bot.settings import Account, Author, Bot, Building, SecretPlace, read_settings, secret_at
from slimify.config import ConfigError

WHOLE = """\
database = "/var/lib/slimify/bot.db"
workers = 4
sweep-hours = 24
max-new = 10

[author]
name = "Slim"
email = "slim@example.org"
signing-key = "/keys/slim.pub"

[prove]
enabled = true
engine = "docker"
max-size = "5GB"

[forge.github]
token-file = "/run/secrets/token"
owners = ["acme"]

[forge.inside]
kind = "gitlab"
url = "https://git.example.org/"
token-env = "GITLAB_TOKEN"
webhook-secret-env = "GITLAB_HOOK"
"""


def test_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "bot.toml"
    path.write_text(WHOLE)
    assert read_settings(str(path)) == Bot(
        accounts={
            "github": Account(
                "github", "github", "https://github.com", SecretPlace(file="/run/secrets/token"), owners=("acme",)
            ),
            "inside": Account(
                "inside", "gitlab", "https://git.example.org", SecretPlace("GITLAB_TOKEN"), SecretPlace("GITLAB_HOOK")
            ),
        },
        author=Author("Slim", "slim@example.org", "/keys/slim.pub"),
        prove=Building(enabled=True, engine="docker", max_size=5_000_000_000),
        database="/var/lib/slimify/bot.db",
        workers=4,
        sweep=86400.0,
        max_new=10,
    )


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("workers = 0", 1, "whole number"),
        ("\nworker = 2", 2, "did you mean 'workers'"),
        ("[author]\nname = 'a <b>'", 2, "< or >"),
        ("[forge.x]\nkind = 'svn'", 2, "x: kind must be one of github, gitlab, gitea"),
        ("[forge.x]\nurl = 'https://a.b'", 1, "x: kind is missing"),
        ("[forge.github]\nurl = 'http://git.example.org'", 2, "in clear text"),
        ("[forge.github]\nurl = 'https://me:pass@git.example.org'", 2, "without a user"),
        ("[forge.github]\nurl = 'https://[a'", 2, "without a user, a query or a fragment"),
        ("[forge.github]\nurl = 'https://git.example.org/#x'", 2, "without a user, a query or a fragment"),
        ("[forge.github]\nurl = 'https://git.example.org:x'", 2, "without a user, a query or a fragment"),
        ("[forge.github]\ntoken = 'ghp_abc'", 2, "unknown key 'token'"),
        ("[forge.'A b']\nkind = 'gitea'", 1, "cannot be the name"),
        ("listen = 'here'", 1, "listen here is no HOST:PORT"),
        ("workers = ", 1, "Invalid value"),
    ],
)
def test_what_is_wrong(tmp_path: Path, text: str, line: int, why: str) -> None:
    path = tmp_path / "bot.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_settings(str(path))
    assert why in str(caught.value) and caught.value.line == line


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_settings(str(tmp_path / "nowhere"))


def test_a_secret_leaves_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", " abc \n")
    assert secret_at(SecretPlace(env="A_TOKEN")) == "abc"
    assert "A_TOKEN" not in os.environ
    with pytest.raises(ConfigError, match=r"\$A_TOKEN: is not set"):
        secret_at(SecretPlace(env="A_TOKEN"))


def test_a_secret_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("abc\n")
    assert secret_at(SecretPlace(file=str(path))) == "abc"
    assert secret_at(SecretPlace()) is None
    for content, why in ((b"", "is empty"), (b"\xff", "plain text")):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=why):
            secret_at(SecretPlace(file=str(path)))
    with pytest.raises(ConfigError, match="cannot be read"):
        secret_at(SecretPlace(file=str(tmp_path / "nowhere")))
