"""How `slimify prove` tries an application: the table `prove` of a configuration file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from slimify.config_values import WrongError, command_words, seconds, size, string, strings, table


class Trial(NamedTuple):
    """How `slimify prove` tries the application; None for what is not mentioned.

    `run` is a command in place of the image's own, `http` are paths to ask for on each exposed port and on `ports`,
    `expect` is a text that an answer or the output has to contain, `wait` how many seconds it may take; `arguments` are
    words for the engine's `run`. A command of its own serves nothing that could be asked, so that `run` excludes `http`
    and `ports`. The others are for the builds: which engine and builder, the network, the platform, secrets as the
    engine takes them, how many seconds a build may take, and how many bytes an image.
    """

    run: tuple[str, ...] | None = None
    http: tuple[str, ...] | None = None
    expect: str | None = None
    wait: float | None = None
    network: str | None = None
    arguments: tuple[str, ...] | None = None
    engine: str | None = None
    builder: str | None = None
    platform: str | None = None
    secrets: tuple[str, ...] | None = None
    timeout: float | None = None
    max_size: int | None = None
    ports: tuple[int, ...] | None = None

    def under(self, cli: Trial) -> Trial:
        """What holds when the command line says `cli`: it wins, key by key, and over what its keys exclude."""
        settled = self
        if cli.run is not None:
            settled = self._replace(http=None, ports=None)
        elif cli.http is not None or cli.ports is not None:
            settled = self._replace(run=None)
        return settled._replace(**{key: value for key, value in cli._asdict().items() if value is not None})


def paths(value: object) -> tuple[str, ...]:
    """Paths of requests (RFC 9112, 3.2.1). This and what follows raise `WrongError`."""
    found = strings(value)
    for one in found:
        if not one.startswith("/"):
            raise WrongError(f"must begin with /, which {one!r} does not", one)
        if not one.isprintable():
            raise WrongError(f"cannot be asked for: {one!r}", one)
    return found


def ports(value: object) -> tuple[int, ...]:
    """Numbers of ports."""
    if not isinstance(value, list) or not all(type(one) is int and 0 < one < 1 << 16 for one in value):
        raise WrongError("must be a list of numbers from 1 to 65535")
    return tuple(dict.fromkeys(value))


def command(value: object) -> tuple[str, ...]:
    """The words of a command, of which there is at least one."""
    words = command_words(value)
    if not words or not words[0]:
        raise WrongError("is empty")
    return words


def refuse_both(found: Trial) -> None:
    """Raises `WrongError` where something is to be run and asked for at the same time."""
    if found.run is not None and (found.http or found.ports):
        key = "http" if found.http else "ports"
        raise WrongError(f"run and {key} exclude each other: a command of its own serves nothing to ask for", key)


# The keys of the table `prove`; config.schema.json says the same.
KEYS: dict[str, Callable[[object], Any]] = {
    "run": command,
    "http": paths,
    "expect": string,
    "wait": seconds,
    "network": string,
    "arguments": strings,
    "engine": string,
    "builder": string,
    "platform": string,
    "secrets": strings,
    "timeout": seconds,
    "max-size": size,
    "ports": ports,
}


def trial(value: object) -> Trial:
    """What the table says. Raises `WrongError`."""
    found = Trial(**table(value, KEYS))
    refuse_both(found)
    return found
