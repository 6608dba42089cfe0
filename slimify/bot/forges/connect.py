"""Connecting to a forge: which kind it is, where its API begins, and a token that can be sent at all."""

from __future__ import annotations

import importlib
from urllib.parse import SplitResult, urlsplit

from slimify.bot.forge import Forge, ForgeError

# The class of each kind, in the module of its name. Forgejo has Gitea's API.
_CLASSES = {"github": "GitHub", "gitlab": "GitLab", "gitea": "Gitea"}

_FIRST_LABELS = {"github": "github", "gitlab": "gitlab", "gitea": "gitea", "forgejo": "gitea"}


def connect(kind: str, url: str, token: str) -> Forge:
    """A forge with a token. `url` is its address in a browser, such as `https://github.com`.

    Raises `ForgeError` for an unknown kind, an address or a token that cannot be one, and a library that is not
    installed. The forge itself is not asked for anything yet.
    """
    if kind not in _CLASSES:
        raise ForgeError(f"unknown kind of forge: {kind!r} is none of {', '.join(_CLASSES)}")
    # requests says the value of a header that it refuses; and nothing of a wrong token may be told.
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ForgeError(f"the token for {kind} is empty, or has characters that no token has")
    parts = split_address(url)
    address = parts.geturl().rstrip("/")
    try:
        module = importlib.import_module(f"slimify.bot.forges.{kind}")
    except ModuleNotFoundError as missing:
        raise ForgeError(f"{missing.name} is not installed: pip install 'slimify[bot]'") from None
    forge: Forge = getattr(module, _CLASSES[kind])(github_api(parts) if kind == "github" else address, token)
    return forge


def kind_of(url: str) -> str | None:
    """The kind of a forge as its host's name tells it: of well-known hosts, and such as `gitlab.example.org`.

    Raises `ForgeError` for what is no address.
    """
    host = split_address(url).hostname or ""
    if host.endswith(".ghe.com"):
        return "github"
    return "gitea" if host == "codeberg.org" else _FIRST_LABELS.get(host.partition(".")[0])


def github_api(url: SplitResult) -> str:
    """Where GitHub's REST API begins, which is another host in the cloud.

    https://docs.github.com/en/enterprise-server/rest/using-the-rest-api/getting-started-with-the-rest-api, and for
    `ghe.com`: https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency.
    """
    host = url.hostname or ""
    if host in ("github.com", "www.github.com"):
        return "https://api.github.com"
    if host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return url.geturl().rstrip("/") + "/api/v3"


def split_address(url: str) -> SplitResult:
    """The parts of a forge's address. Raises `ForgeError` for what is none, or holds more than a forge's address."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        usable = None
    # What stands before an @ may be a password: it is not repeated.
    if not usable or "@" in parts.netloc or parts.query or parts.fragment:
        raise ForgeError("the address of a forge is such as https://github.com, without a user, a query or a fragment")
    return parts
