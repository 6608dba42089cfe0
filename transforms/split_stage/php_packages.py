"""What Composer leaves behind in a build, and whether that is known to be its own folder alone."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.php_build import composer
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.context.found import Unknown
from slimify.context.php import Composer, ComposerLock, read_composer, read_composer_lock
from slimify.semantics.build import Build, BuildStage

# What a new application of Laravel has it run: they write to bootstrap/cache (laravel/framework, ComposerScripts and
# PackageManifest; laravel/laravel, composer.json).
_LARAVEL = re.compile(
    r"Illuminate\\Foundation\\ComposerScripts::postAutoloadDump|@php artisan package:discover(?: --ansi)?"
)
_CACHE = "bootstrap/cache"


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
    folder = posixpath.normpath(run.step.state.workdir or "/")
    if any(posixpath.normpath(one.step.state.workdir or "/") != folder for one, _ in told):
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
    if not manifest.vendor.startswith(posixpath.join(source, "vendor")) or manifest.repositories:
        return Packages((), whole=True)
    laid = [posixpath.join(folder, "vendor")]
    whole = isinstance(lock, Unknown) or any(
        one.verb not in ("install", "i", "dump-autoload", "dumpautoload") for _, one in told
    )
    locked = lock is not None and files.source(run.step, posixpath.join(folder, "composer.lock")) is not None
    if not locked:
        # It is written, and later than the sources are copied.
        whole = True
    if any(one.scripts for _, one in told):
        commands = manifest.install_commands
        whole = whole or manifest.symfony or not all(_LARAVEL.fullmatch(one.text) for one in commands)
        whole = whole or (isinstance(lock, ComposerLock) and bool(lock.plugins))
        if commands:
            kept = any(
                image is not None and image.startswith(posixpath.join(folder, _CACHE) + "/")
                for taken in files.taken.values()
                for _, image in taken.files
            )
            owned = any(step.instruction.flag("chown") for step in stage.steps)
            whole = whole or not kept or owned
            laid.append(posixpath.join(folder, _CACHE))
    return Packages(tuple(laid), whole)
