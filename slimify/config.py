"""What the user has settled: `slimify.toml` or `[tool.slimify]`, and the command line over it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from slimify.config_values import WrongError, boolean, build_args, number, percent, string, strings, suggestion
from slimify.manners import Manners, manners
from slimify.trial import Trial, trial

if TYPE_CHECKING:
    from slimify.rewrite.edit import Level
    from slimify.rewrite.pipeline import Options

LEVELS = ("safe", "standard", "aggressive")
DEFAULT_LEVEL = "standard"
FILE = "slimify.toml"
SCHEMA = os.path.join(os.path.dirname(__file__), "config.schema.json")


class UnknownNameError(ValueError):
    """A transform or a level that does not exist."""


class ConfigError(ValueError):
    """A configuration file that cannot be used. `line` and `column` start at 1; `line` is 0 if unknown."""

    def __init__(self, path: str, message: str, line: int = 0, column: int = 1) -> None:
        place = f"{path}:{line}:{column}" if line else path
        super().__init__(f"{place}: {message}")
        self.path = path
        self.line = line
        self.message = message


class Settings(NamedTuple):
    """What one file is fixed with: the arguments of `slimify.fix`."""

    level: str = DEFAULT_LEVEL
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    target: str | None = None
    build_args: dict[str, str] = {}  # noqa: RUF012 - never changed
    cache_mounts: bool = False
    layout: bool = False
    least_megabytes: float = 20.0
    least_percent: float = 10.0


class Config(NamedTuple):
    """What a configuration file says; None and empty for what it does not mention."""

    path: str | None = None
    level: str | None = None
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    target: str | None = None
    build_args: tuple[tuple[str, str], ...] = ()
    exclude: tuple[str, ...] = ()
    cache_mounts: bool | None = None
    layout: bool | None = None
    least_megabytes: float | None = None
    least_percent: float | None = None
    prove: Trial = Trial()
    bot: Manners = Manners()


NOTHING = Config()


def level_of(name: str) -> Level:
    """The level called `name`."""
    if name not in LEVELS:
        raise UnknownNameError(f"unknown level '{name}'{suggestion(name, LEVELS)} ({', '.join(LEVELS)})")
    from slimify.rewrite.edit import Level

    return Level[name.upper()]


def known_transforms() -> list[str]:
    """The names of all transforms in their order, those of plug-ins included."""
    from slimify.rewrite.registry import transforms

    return [transform.name for transform in transforms()]


def transform_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each once; `a,b` counts as two. Raises `UnknownNameError`."""
    found = dict.fromkeys(part.strip() for name in names for part in name.split(",") if part.strip())
    if found:
        known = known_transforms()
        for name in found:
            if name not in known:
                raise UnknownNameError(f"unknown transform '{name}'{suggestion(name, known)}")
    return tuple(found)


def options_of(settings: Settings) -> Options:
    """What the engine is asked for. Raises `UnknownNameError`."""
    from slimify.rewrite.pipeline import Options
    from slimify.semantics.build import Least

    return Options(
        level=level_of(settings.level),
        only=transform_names(settings.only),
        skip=transform_names(settings.skip),
        target=settings.target,
        build_args=settings.build_args,
        cache_mounts=settings.cache_mounts,
        least=Least(int(settings.least_megabytes * 1_000_000), settings.least_percent / 100),
        layout=settings.layout,
    )


def merge(config: Config, cli: Config) -> Settings:
    """What holds when the command line says `cli`: it wins, key by key; build arguments are merged.

    A transform that the command line asks for with --only is not skipped because the file says so.
    """
    return Settings(
        level=cli.level or config.level or DEFAULT_LEVEL,
        only=cli.only or config.only,
        skip=cli.skip or tuple(name for name in config.skip if name not in cli.only),
        target=cli.target if cli.target is not None else config.target,
        build_args={**dict(config.build_args), **dict(cli.build_args)},
        cache_mounts=bool(config.cache_mounts if cli.cache_mounts is None else cli.cache_mounts),
        layout=bool(config.layout if cli.layout is None else cli.layout),
        least_megabytes=Settings().least_megabytes if config.least_megabytes is None else config.least_megabytes,
        least_percent=Settings().least_percent if config.least_percent is None else config.least_percent,
    )


class Finder:
    """Finds the configuration that holds for a folder, and reads each file once."""

    def __init__(self, path: str | None = None, *, ignore: bool = False) -> None:
        """`path` is a file that holds everywhere (--config); with `ignore` none does (--no-config)."""
        self._cache: dict[str, Config | ConfigError] = {}
        self._fixed = NOTHING if ignore else None
        if path is not None and not ignore:
            found = _read(path, pyproject=os.path.basename(path) == "pyproject.toml")
            if found is None:
                raise ConfigError(path, "there is no [tool.slimify] table in it")
            self._fixed = found

    def of_file(self, path: str) -> Config:
        """The configuration for the file at `path`. Raises `ConfigError`."""
        return self.of_folder(os.path.dirname(path))

    def of_folder(self, folder: str) -> Config:
        """The nearest configuration from `folder` upwards. Raises `ConfigError`, each time it is asked."""
        if self._fixed is not None:
            return self._fixed
        found = self._search(os.path.abspath(folder))
        if isinstance(found, ConfigError):
            raise found
        return found

    def _search(self, folder: str) -> Config | ConfigError:
        visited: list[str] = []
        found: Config | ConfigError | None = None
        while found is None:
            found = self._cache.get(folder)
            if found is None:
                visited.append(folder)
                try:
                    found = _in_folder(folder)
                except ConfigError as error:
                    found = error
            if found is None:
                parent = os.path.dirname(folder)
                # A repository is a world of its own; its .git is a file in a worktree or a submodule.
                if parent == folder or os.path.exists(os.path.join(folder, ".git")):
                    found = NOTHING
                folder = parent
        self._cache.update(dict.fromkeys(visited, found))
        return found


def _in_folder(folder: str) -> Config | None:
    own = os.path.join(folder, FILE)
    if os.path.lexists(own):  # also a broken link or a folder: whoever put it there believes in it
        if os.path.exists(own) and not (os.path.isfile(own) or os.path.isdir(own)):
            raise ConfigError(own, "is not a regular file")  # nobody would ever write to a pipe that was found
        return _read(own, pyproject=False)
    shared = os.path.join(folder, "pyproject.toml")
    if os.path.isfile(shared):
        return _read(shared, pyproject=True)
    return None


def _read(path: str, *, pyproject: bool) -> Config | None:
    """The configuration at `path`; None for a pyproject.toml that does not mention slimify."""
    path = os.path.relpath(path) if os.path.abspath(path).startswith(os.getcwd() + os.sep) else path
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ConfigError(path, f"cannot be read: {error.strerror}") from None
    return interpret(path, data, pyproject=pyproject)


def interpret(path: str, data: bytes, *, pyproject: bool) -> Config | None:
    """The configuration that a file holds; None for a pyproject.toml that does not mention slimify.

    Raises `ConfigError`.
    """
    if pyproject and b"slimify" not in data:
        return None  # nor is it our business whether it is right
    text, document = parsed(path, data)
    if not pyproject:
        return _interpret(path, text, "", document)
    tool = document.get("tool")
    table = tool.get("slimify") if isinstance(tool, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict):
        raise ConfigError(path, "tool.slimify must be a table", line_of(text, "tool", "slimify"))
    return _interpret(path, text, "tool.slimify", table)


def parsed(path: str, data: bytes) -> tuple[str, dict[str, Any]]:
    """The text of a TOML file, and what it says. Raises `ConfigError`, with the place."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(path, "is not UTF-8", line) from None
    import tomllib  # 12 ms that only those with a configuration pay

    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _malformed(path, text, str(error)) from None


def _malformed(path: str, text: str, message: str) -> ConfigError:
    import re

    # tomllib tells the place in words only, until Python 3.14.
    match = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if match:
        return ConfigError(path, message[: match.start()], int(match[1]), int(match[2]))
    return ConfigError(path, message.removesuffix(" (at end of document)"), text.count("\n") + 1)


def level_name(value: object) -> str:
    """The name of a level. Raises `WrongError`."""
    if not isinstance(value, str):
        raise WrongError(f"must be one of {', '.join(LEVELS)}")
    try:
        level_of(value)
    except UnknownNameError as error:
        raise WrongError(str(error)) from None
    return value


def _transforms(value: object) -> tuple[str, ...]:
    names = strings(value)
    for name in names:
        try:
            transform_names([name])
        except UnknownNameError as error:
            raise WrongError(str(error), name) from None
    return names


# The keys of a configuration file, each with the function that checks it. config.schema.json says the same.
KEYS: dict[str, Callable[[object], Any]] = {
    "level": level_name,
    "only": _transforms,
    "skip": _transforms,
    "target": string,
    "build-args": build_args,
    "cache-mounts": boolean,
    "layout": boolean,
    "least-megabytes": number,
    "least-percent": percent,
    "exclude": strings,
    "prove": trial,
    "bot": manners,
}


def _interpret(path: str, text: str, header: str, table: Mapping[str, object]) -> Config:
    values: dict[str, Any] = {}
    for key, value in table.items():
        reader = KEYS.get(key)
        if reader is None:
            message = f"unknown key '{key}'{suggestion(key, KEYS)}"
            raise ConfigError(path, message, line_of(text, header, key))
        try:
            values[key.replace("-", "_")] = reader(value)
        except WrongError as error:
            inside = f"{header}.{key}" if header else key
            line = line_of(text, inside, error.within) or line_of(text, header, key, error.within)
            raise ConfigError(path, f"{key}: {error}", line) from None
    return Config(path=path, **values)


def line_of(text: str, header: str, key: str, within: str = "") -> int:
    """The line where `key` of the table `header` stands, or the first one from there on that holds `within`.

    0 if it is not found: tomllib keeps no places, and TOML has more ways to write a key than
    are worth following.
    """
    wanted = f"{header}.{key}" if header else key
    table = ""
    lines = text.split("\n")
    for place, line in enumerate(lines, 1):
        bare = line.strip()
        if bare.startswith("["):
            table = _plain(bare.strip("[] \t").partition("]")[0])
            name = table
        else:
            name = _plain(bare.partition("=")[0])
            name = f"{table}.{name}" if table else name
        if name != wanted and not name.startswith(wanted + "."):
            continue
        if within:
            # A string stands in quotes, a key need not.
            for spelling in (f'"{within}"', f"'{within}'", within):
                for at in range(place, len(lines) + 1):
                    if spelling in lines[at - 1]:
                        return at
        return place
    return 0


def _plain(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))
