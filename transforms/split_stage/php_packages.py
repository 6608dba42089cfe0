"""What Composer leaves behind in a build, and whether that is known to be its own folder alone."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.php_build import Composer as Command
from slimify.transforms.split_stage.php_build import composer
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.context.php import Composer, ComposerLock, read_composer, read_composer_lock
from slimify.semantics.build import Build, BuildStage

# What a new application of Laravel has it run: they write to bootstrap/cache (laravel/framework, ComposerScripts and
# PackageManifest; laravel/laravel, composer.json).
_LARAVEL = re.compile(
    r"Illuminate\\Foundation\\ComposerScripts::postAutoloadDump|@php artisan package:discover(?: --ansi)?"
)
_CACHE = "bootstrap/cache"
_ELSEWHERE = re.compile(r"(?:^|[\s=>])(?:/|~|\$HOME)|\b(?:curl|wget|sudo)\b")
_OWNED = re.compile(r"\bch(?:own|mod)\b")
_INSTALLS = frozenset(["install", "i", "dump-autoload", "dumpautoload"])
# Plug-ins that write to the folder of packages alone (their own documentation).
_AT_HOME = frozenset(
    "composer/package-versions-deprecated cweagans/composer-patches dealerdirect/phpcodesniffer-composer-installer "
    "ocramius/package-versions pestphp/pest-plugin php-http/discovery phpstan/extension-installer "
    "symfony/runtime".split()
)


class Packages(NamedTuple):
    """What is to be laid over the sources; `whole` where that is not known, so that it is all that is in the folder."""

    laid: tuple[str, ...]
    whole: bool


def packages_of(build: Build, stage: BuildStage, files: Files, runs: dict[int, Run]) -> Packages | None:
    """What Composer leaves behind; None where it is not run. Raises `Refused` where its manifest is not known."""
    told = [
        (run, found)
        for run in runs.values()
        for one in run.builds
        if (found := composer(one)) is not None and found.verb
    ]
    if not told:
        return None
    run = told[0][0]
    span = run.step.instruction.span
    folder = files.folder(run.step)
    if any(files.folder(one.step) != folder for one, _ in told):
        raise Refused("Composer is run in more than one folder", span)
    place = files.source(run.step, posixpath.join(folder, "composer.json"))
    if place is None or posixpath.basename(place[0]) != "composer.json":
        raise Refused("no composer.json is known to be where Composer is run", span)
    assert build.context is not None
    source = posixpath.dirname(place[0])
    manifest = read_composer(build.context, source)
    lock = read_composer_lock(build.context, source)
    if not isinstance(manifest, Composer):
        raise Refused("composer.json cannot be read", span)
    text = build.context.text(manifest.path) or ""
    own = manifest.vendor == posixpath.join(source, "vendor") and '"bin-dir"' not in text and not manifest.repositories
    locked = files.source(run.step, posixpath.join(folder, "composer.lock")) is not None
    if not own or not locked or not isinstance(lock, ComposerLock):
        # Files are written elsewhere; without a lock that is one of them.
        return Packages((), whole=True)
    if any(one.verb not in _INSTALLS for _, one in told) or not _plugins(lock, [one for _, one in told]) <= _AT_HOME:
        return Packages((), whole=True)
    laid = [posixpath.join(folder, "vendor")]
    commands = manifest.install_commands if any(one.scripts for _, one in told) else ()
    if not commands:
        return Packages(tuple(laid), manifest.symfony and any(one.scripts for _, one in told))
    cache = f"{posixpath.join(folder, _CACHE)}/"
    known = all(_LARAVEL.fullmatch(one.text) for one in commands) and any(one.startswith(cache) for one in files.placed)
    if any(_ELSEWHERE.search(one.text) for one in commands):
        raise Refused("a script of composer.json may write elsewhere", span)
    owned = any(step.instruction.flag("chown") for step in stage.steps) or any(
        _OWNED.search(step.instruction.arguments) for step in stage.steps[: run.step.index] if step.keyword == "RUN"
    )
    return Packages((*laid, cache.rstrip("/")), whole=owned or not known)


def _plugins(lock: ComposerLock, told: list[Command]) -> set[str]:
    names = {*lock.plugins} if any(one.plugins for one in told) else set()
    return names | ({*lock.dev_plugins} if any(one.plugins and one.development for one in told) else set())
