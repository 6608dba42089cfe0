"""How `slimify prove` tries an application: the table `prove` of a configuration file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from slimify.config_values import WrongError, command_words, seconds, size, string, strings, suggestion


class Trial(NamedTuple):
    """How `slimify prove` tries the application; None for what is not mentioned.

    `run` is a command in place of the image's own, `http` are paths to ask for on each exposed port, `expect` is a
    text that an answer or the output has to contain, `wait` how many seconds it may take; `arguments` are words for
    the engine's `run`. The others are for the builds: which engine and builder, the network, the platform, secrets as
    the engine takes them, how many seconds a build may take, and how many bytes an image.
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

    def under(self, cli: Trial) -> Trial:
        """What holds when the command line says `cli`: it wins, key by key."""
        return self._replace(**{key: value for key, value in cli._asdict().items() if value is not None})


# The keys of the table `prove`; config.schema.json says the same.
KEYS: dict[str, Callable[[object], Any]] = {
    "run": command_words,
    "http": strings,
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
}


def trial(value: object) -> Trial:
    """What the table says. Raises `WrongError`."""
    if not isinstance(value, Mapping):
        raise WrongError("must be a table")
    values: dict[str, Any] = {}
    for key, item in value.items():
        if key not in KEYS:
            raise WrongError(f"unknown key '{key}'{suggestion(key, KEYS)}", key)
        try:
            values[key.replace("-", "_")] = KEYS[key](item)
        except WrongError as error:
            raise WrongError(f"{key} {error}", key) from None
    return Trial(**values)
