"""What the one who runs the bot has settled: forges, an identity, limits. What a repository says is in `Manners`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from slimify.bot.forge import ForgeError
from slimify.bot.forges.connect import split_address
from slimify.config import ConfigError, level_name, line_of, parsed
from slimify.config_values import (
    WrongError,
    boolean,
    host_and_port,
    one_of,
    seconds,
    size,
    string,
    strings,
    table,
    whole,
)

KINDS = {"github": "https://github.com", "gitlab": "https://gitlab.com", "gitea": "https://codeberg.org"}
"""The kinds of forges, each with the address that is meant where none is given."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class SecretPlace(NamedTuple):
    """Where a secret is to be found: in a variable of the environment, or in a file. Never the secret itself."""

    env: str | None = None
    file: str | None = None


class Account(NamedTuple):
    """A forge, and where its token is. `owners` are those whose repositories a sweep visits."""

    name: str
    kind: str
    url: str
    token: SecretPlace = SecretPlace()
    webhook_secret: SecretPlace = SecretPlace()
    owners: tuple[str, ...] = ()


class Author(NamedTuple):
    """Who commits. `signing_key` is what git's user.signingKey would be.

    A path, or `key::…` for a key of an agent, signs with ssh, anything else with gpg.
    """

    name: str = "slimify"
    email: str = "slimify@localhost"
    signing_key: str | None = None


class Building(NamedTuple):
    """Whether rewrites are proved, and by what. A repository has no say in any of this.

    `rebuild` asks for the times of rebuilds, too, which takes four more builds.
    """

    enabled: bool = False
    engine: str | None = None
    builder: str | None = None
    network: str | None = None
    timeout: float = 1800.0
    max_size: int = 10_000_000_000
    rebuild: bool = True


class Bot(NamedTuple):
    """All that holds for a run of the bot.

    `database` is the path of an SQLite file, or the address of a PostgreSQL database in `database_at`. `sweep` is every
    how many seconds all repositories of the owners are visited, None for never. `max_new` is how many pull requests one
    run may open. `visit_timeout` are the seconds one repository may take.
    """

    accounts: Mapping[str, Account] = {}
    author: Author = Author()
    prove: Building = Building()
    database: str = "slimify-bot.db"
    database_at: SecretPlace | None = None
    workers: int = 2
    sweep: float | None = None
    max_new: int = 50
    visit_timeout: float = 3600.0
    forks: bool = False
    listen: tuple[str, int] = ("127.0.0.1", 8080)
    dry_run: bool = False
    level: str | None = None


def _line(value: object) -> str:
    text = string(value)
    if not text.strip() or not text.isprintable():
        raise WrongError("must be one line of text")
    return text


def _identity(value: object) -> str:
    text = _line(value)
    if set(text) & set("<>"):
        raise WrongError("must not hold < or >, which git needs for itself")
    return text


def address(value: object) -> str:
    """The address of a forge. One in clear text is taken for this machine only. Raises `WrongError`."""
    text = string(value).rstrip("/")
    try:
        parts = split_address(text)
    except ForgeError:
        # What is no address is not repeated: there may be a password in it.
        raise WrongError("must be such as https://forge.example, without a user, a query or a fragment") from None
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise WrongError(f"must begin with https: a token would go to {parts.hostname} in clear text")
    return text


def _place(keys: Mapping[str, Any], what: str) -> SecretPlace:
    return SecretPlace(keys.get(f"{what}_env"), keys.get(f"{what}_file"))


_ACCOUNT: dict[str, Callable[[object], Any]] = {
    "kind": one_of(*KINDS),
    "url": address,
    "token-env": string,
    "token-file": string,
    "webhook-secret-env": string,
    "webhook-secret-file": string,
    "owners": strings,
}


def _accounts(value: object) -> dict[str, Account]:
    if not isinstance(value, Mapping):
        raise WrongError("must be a table of forges")
    found: dict[str, Account] = {}
    for name, item in value.items():
        if not _NAME.fullmatch(name):
            raise WrongError(f"{name!r} cannot be the name of a forge: small letters, digits and - only", name)
        try:
            keys = table(item, _ACCOUNT)
        except WrongError as error:
            raise WrongError(f"{name}: {error}", error.within or name) from None
        kind = keys.get("kind") or (name if name in KINDS else None)
        if kind is None:
            raise WrongError(f"{name}: kind is missing ({', '.join(KINDS)})", name)
        found[name] = Account(
            name,
            kind,
            keys.get("url", KINDS[kind]),
            _place(keys, "token"),
            _place(keys, "webhook_secret"),
            keys.get("owners", ()),
        )
    return found


_AUTHOR: dict[str, Callable[[object], Any]] = {
    "name": _identity,
    "email": _identity,
    "signing-key": _line,
}
_BUILDING: dict[str, Callable[[object], Any]] = {
    "enabled": boolean,
    "engine": one_of("docker", "podman", "buildah"),
    "builder": string,
    "network": string,
    "timeout": seconds,
    "max-size": size,
    "rebuild": boolean,
}
_KEYS: dict[str, Callable[[object], Any]] = {
    "forge": _accounts,
    "author": lambda value: Author(**table(value, _AUTHOR)),
    "prove": lambda value: Building(**table(value, _BUILDING)),
    "database": _line,
    "database-env": string,
    "database-file": string,
    "workers": whole(100_000),
    "sweep-hours": seconds,
    "max-new": whole(100_000),
    "visit-timeout": seconds,
    "forks": boolean,
    "listen": host_and_port,
    "dry-run": boolean,
    "level": level_name,
}


def read_settings(path: str) -> Bot:
    """The settings in a TOML file. Raises `ConfigError`, with the line where it is known."""
    try:
        with open(path, "rb") as file:
            text, document = parsed(path, file.read())
    except OSError as error:
        raise ConfigError(path, f"cannot be read: {error.strerror}") from None
    values: dict[str, Any] = {}
    for key, item in document.items():
        try:
            values |= table({key: item}, _KEYS)
        except WrongError as error:
            raise ConfigError(path, str(error), line_of(text, "", key, error.within)) from None
    accounts = values.pop("forge", {})
    env, file_name = values.pop("database_env", None), values.pop("database_file", None)
    hours = values.pop("sweep_hours", None)
    return Bot(
        accounts=accounts,
        database_at=SecretPlace(env, file_name) if env or file_name else None,
        sweep=None if hours is None else hours * 3600,
        **values,
    )


def secret_at(place: SecretPlace) -> str | None:
    """The secret, None if the place names none. Taken out of the environment, so that no other program gets it.

    Raises `ConfigError` where it is named and is not there.
    """
    if place.env is not None:
        value = os.environ.pop(place.env, "")
        if not value.strip():
            raise ConfigError(f"${place.env}", "is not set, and should hold a secret")
        return value.strip()
    if place.file is None:
        return None
    try:
        with open(place.file, encoding="ascii") as file:
            value = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is no plain text"
        raise ConfigError(place.file, f"cannot be read: {why}") from None
    if not value:
        raise ConfigError(place.file, "is empty, and should hold a secret")
    return value
