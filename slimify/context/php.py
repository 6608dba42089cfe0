"""PHP projects: composer.json and composer.lock.

Sources: Composer documentation, "The composer.json schema", "Scripts", "Platform packages".
"""

from __future__ import annotations

import posixpath
from typing import Any, NamedTuple

from slimify.context.found import Place, Unknown, is_file, join, source
from slimify.context.json_text import key_lines, load
from slimify.semantics.build_context import BuildContext

# What `composer install` runs (Composer documentation, "Scripts", command and installer events).
INSTALL_EVENTS = (
    "pre-install-cmd",
    "post-install-cmd",
    "pre-autoload-dump",
    "post-autoload-dump",
    "pre-operations-exec",
    "post-root-package-install",
)
_COUNT = 5000


class Requirement(NamedTuple):
    """A package or platform requirement; `extension` is the name behind `ext-`, empty for a package."""

    name: str
    constraint: str
    dev: bool
    place: Place

    @property
    def extension(self) -> str:
        return self.name[4:] if self.name.startswith("ext-") else ""


class Command(NamedTuple):
    """One command of a script, as written: `@php artisan x`, `Class::method`, shell text."""

    script: str
    text: str
    place: Place


class Composer(NamedTuple):
    """What a composer.json says.

    `autoload` are the paths that the class loader is made of, `repositories` local packages; both
    are paths of the context that an install or a dump of the autoloader reads.
    """

    path: str
    folder: str
    name: str
    requires: tuple[Requirement, ...]
    commands: tuple[Command, ...]
    autoload: tuple[str, ...]
    repositories: tuple[str, ...]
    vendor: str
    laravel: bool
    symfony: bool
    unknown: tuple[Unknown, ...]

    @property
    def php(self) -> str:
        """The versions of PHP that are asked for, empty if nothing is said."""
        return next((one.constraint for one in self.requires if one.name == "php" and not one.dev), "")

    @property
    def install_commands(self) -> tuple[Command, ...]:
        """The commands that an install runs; they may read the sources."""
        return tuple(one for one in self.commands if one.script in INSTALL_EVENTS)


class ComposerLock(NamedTuple):
    """A composer.lock: (name, version) of the packages, and the extensions that production asks for.

    `plugins` are packages that run as a part of Composer, `dev_plugins` those of development.
    """

    path: str
    packages: tuple[tuple[str, str], ...]
    dev: tuple[tuple[str, str], ...]
    extensions: tuple[str, ...]
    plugins: tuple[str, ...]
    dev_plugins: tuple[str, ...] = ()


def read_composer(context: BuildContext, folder: str = "") -> Composer | Unknown | None:
    """The composer.json of a folder: None if there is none, `Unknown` if it cannot be read."""
    path = posixpath.join(folder, "composer.json")
    if not is_file(context, path):
        return None
    text = source(context, path)
    data = load(text) if text is not None else None
    if text is None or not isinstance(data, dict):
        return Unknown("composer.json cannot be read", Place(path))
    lines = key_lines(text)
    unknown: list[Unknown] = []

    def mapping(key: str) -> dict[str, Any]:
        value = data.get(key)
        if value is None or value == []:
            return {}
        if not isinstance(value, dict) or len(value) > _COUNT:
            unknown.append(Unknown(f"{key} cannot be read", Place(path, lines.get((key,), 0))))
            return {}
        return value

    requires = tuple(
        Requirement(name, constraint, key == "require-dev", Place(path, lines.get((key, name), 0)))
        for key in ("require", "require-dev")
        for name, constraint in mapping(key).items()
        if isinstance(constraint, str)
    )
    commands = tuple(
        Command(name, one, Place(path, lines.get(("scripts", name), 0)))
        for name, value in mapping("scripts").items()
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, str)
    )
    config = mapping("config")
    vendor = config.get("vendor-dir")
    names = {one.name for one in requires}
    autoload, outside = _autoload(data, folder)
    unknown += [Unknown(f"{one} lies outside the context", Place(path)) for one in outside]
    repositories, lost = _repositories(data.get("repositories"), folder)
    unknown += [Unknown(f"the repository {one} is not followed", Place(path)) for one in lost]
    return Composer(
        path,
        folder,
        str(data.get("name", "")),
        requires,
        commands,
        autoload,
        repositories,
        posixpath.join(folder, vendor if isinstance(vendor, str) and "$" not in vendor else "vendor"),
        "laravel/framework" in names or is_file(context, posixpath.join(folder, "artisan")),
        "symfony/framework-bundle" in names or is_file(context, posixpath.join(folder, "bin/console")),
        tuple(unknown),
    )


def _autoload(data: dict[str, Any], folder: str) -> tuple[tuple[str, ...], list[str]]:
    written: list[str] = []
    for key in ("autoload", "autoload-dev"):
        rules = data.get(key)
        for rule in rules.values() if isinstance(rules, dict) else ():
            for paths in rule.values() if isinstance(rule, dict) else [rule]:
                written += [one for one in (paths if isinstance(paths, list) else [paths]) if isinstance(one, str)]
    joined = {one: join(folder, one) for one in written[:_COUNT]}
    found = tuple(sorted({path for path in joined.values() if path is not None}))
    return found, [one for one, path in joined.items() if path is None]


def _repositories(value: Any, folder: str) -> tuple[tuple[str, ...], list[str]]:
    """Packages that are kept in folders (`"type": "path"`); patterns and places outside are not followed."""
    found: list[str] = []
    lost: list[str] = []
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in members:
        url = one.get("url") if isinstance(one, dict) and one.get("type") in ("path", "artifact") else None
        if isinstance(url, str):
            path = join(folder, url)
            if path is None or any(char in url for char in "*?[{"):
                lost.append(url)
            else:
                found.append(path)
    return tuple(found), lost


def read_composer_lock(context: BuildContext, folder: str = "") -> ComposerLock | Unknown | None:
    """The composer.lock of a folder: None if there is none, `Unknown` if it cannot be read."""
    path = posixpath.join(folder, "composer.lock")
    if not is_file(context, path):
        return None
    text = source(context, path, 20_000_000)
    data = load(text) if text is not None else None
    if not isinstance(data, dict) or not isinstance(data.get("packages"), list):
        return Unknown("composer.lock cannot be read", Place(path))

    def packages(key: str) -> list[dict[str, Any]]:
        value = data.get(key)
        members = value if isinstance(value, list) else []
        return [one for one in members[:50_000] if isinstance(one, dict) and isinstance(one.get("name"), str)]

    kept, development = packages("packages"), packages("packages-dev")
    extensions: set[str] = set()
    for holder in [*kept, {"require": data.get("platform")}]:
        wanted = holder.get("require")
        if isinstance(wanted, dict):
            extensions |= {name[4:] for name in wanted if name.startswith("ext-")}
    return ComposerLock(
        path,
        tuple((one["name"], str(one.get("version", ""))) for one in kept),
        tuple((one["name"], str(one.get("version", ""))) for one in development),
        tuple(sorted(extensions)),
        tuple(one["name"] for one in kept if one.get("type") == "composer-plugin"),
        tuple(one["name"] for one in development if one.get("type") == "composer-plugin"),
    )
