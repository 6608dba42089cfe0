"""Composer: installs with `require-dev`, and the proof that no source names what that brings."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Any

from slimify.transforms.production.evidence import MissingEvidence, certain, foreign_folders, images, started
from slimify.transforms.production.installs import (
    Install,
    action_of,
    behind,
    judged,
    leaving_out,
    project_folders,
)
from slimify.transforms.production.judge import Judge
from slimify.transforms.production.runs import Lost, Place, Runs

from slimify.context.json_text import load
from slimify.context.php import Composer, ComposerLock, read_composer, read_composer_lock
from slimify.context.placed import Placed, placed
from slimify.knowledge.production import facts, is_php_tool, is_plain_command
from slimify.rewrite.edit import Rewrite
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext
from slimify.semantics.commands import verb

NAME = "production-dependencies"
_TEST = re.compile(
    r"(^|/)(tests?|spec|features|docs?|database/(factories|seeders|seeds))/|(^|/)tests?\.php$", re.IGNORECASE
)
_CHANGES = re.compile(r"composer\S*\s+(?:require|remove|update|init|global)\b|composer\.(?:json|lock)")
_SEEDS = re.compile(r"seed|test|dusk|ide-helper|tinker|make:")
_HARMLESS = frozenset({"node"})
_SERVERS = frozenset({"php-fpm", "apache2-foreground", "nginx", "php", "docker-php-entrypoint", "frankenphp"})


def php_installs(build: Build) -> Iterator[tuple[Step, str, Rewrite | str]]:
    """For each stage that ships: where composer installs, with the rewrite or why there is none."""
    yield from judged(build, ("composer",), lambda *what: _Judge(*what).rewrite())


class _PhpRuns(Runs):
    """A web server runs any of the sources, so that all are looked at anyway: only commands matter here."""

    def language(self, argv: Sequence[str | None], place: Place, depth: int) -> None:
        words = [word or "" for word in argv]
        name = posixpath.basename(words[0])
        if name == "php" and any(word.endswith(("artisan", "bin/console")) for word in words):
            self._console(words, place)
        elif name not in _SERVERS:
            self.program(name, place, depth)

    def is_source(self, path: str) -> bool:
        return path.endswith((".php", "artisan"))

    def missing(self, typed: str, argv: Sequence[str | None], place: Place, depth: int) -> None:
        """What lies in vendor/bin comes from a package that stays: `call` has looked for the others."""
        if "vendor/bin/" in typed:
            return
        super().missing(typed, argv, place, depth)

    def file(self, origin: str, path: str, argv: Sequence[str | None], place: Place, depth: int) -> None:
        if posixpath.basename(origin) in ("artisan", "console"):
            self._console(["php", path, *(word or "" for word in argv)], place)
        elif not self.is_source(origin):
            super().file(origin, path, argv, place, depth)

    def _console(self, words: list[str], place: Place) -> None:
        for word in words[1:]:
            if _SEEDS.search(word):
                raise MissingEvidence(f"{place.name} runs {' '.join(words)}, which may need them")


class _Judge(Judge):
    def proven(self, context: BuildContext) -> Rewrite:
        composer, lock = self._project(context)
        lost = frozenset(name for name, _ in lock.dev)
        if not lost:
            raise MissingEvidence("")
        for one in composer.requires:
            if one.dev and one.name in lost and not is_php_tool(one.name):
                raise MissingEvidence(f"{one.name} is not known to be a mere tool: another package may load it")
        self._framework(context, composer)
        namespaces, programs = _brought(context, lock)
        self._nothing_needs(context, composer, Lost({}, programs), namespaces)
        return self._rewrite(lost, lock)

    def plain(self, install: Install) -> None:
        call = install.call
        action = verb(call)
        if action is None or action.operands:
            raise MissingEvidence("it installs something besides")
        for word in call.argv:
            if word is None or (word.startswith("-") and word.partition("=")[0] not in self.about["harmless"]):
                raise MissingEvidence(f"what {word or 'a computed option'} means for it is not known")

    def _project(self, context: BuildContext) -> tuple[Composer, ComposerLock]:
        names = ("composer.json", "composer.lock")
        self.workdir, folder = project_folders(
            self.build, context, self.installs, names, _CHANGES, lambda folder: _has_some(context, folder)
        )
        composer, lock = read_composer(context, folder), read_composer_lock(context, folder)
        if not isinstance(composer, Composer) or composer.unknown:
            raise MissingEvidence("composer.json cannot be read in full")
        if not isinstance(lock, ComposerLock):
            raise MissingEvidence("composer.lock cannot be read")
        self.facts.append(f"{composer.path} and {lock.path} are in the build context")
        return composer, lock

    def _framework(self, context: BuildContext, composer: Composer) -> None:
        """What `composer install` runs, and by what a framework decides which packages it loads."""
        if composer.symfony:
            for one in (
                self.first.state,
                *(self.build.stages[at].final_state for at in images(self.build, self.first)),
            ):
                if one.variable("APP_ENV") != "prod":
                    raise MissingEvidence("the mode of Symfony is not set to prod (APP_ENV) in front of it")
        text = self.build.dockerfile.source.text
        scripts = "dump" in text or not all(one.call.has("--no-scripts") for one in self.installs)
        for command in composer.install_commands if scripts else ():
            plain = is_plain_command(command.text) or (composer.symfony and command.text == "@auto-scripts")
            if not plain:
                raise MissingEvidence(
                    f"{command.place.file}:{command.place.line} runs {command.text}, which may need them"
                )
        for entry in context.children(posixpath.join(composer.folder, "bootstrap/cache")):
            if entry.path.endswith(".php"):
                raise MissingEvidence(f"{entry.path} is in the build context and may name what is left out")
        vendor = context.entry(composer.vendor)
        if vendor is not None:
            raise MissingEvidence(f"{composer.vendor} of the build context may be copied over what is installed")

    def _nothing_needs(self, context: BuildContext, composer: Composer, lost: Lost, namespaces: frozenset[str]) -> None:
        found = list(images(self.build, self.first))
        if not found:
            raise MissingEvidence("")
        calls = [one.call for one in self.installs]
        for stage in found:
            there = placed(self.build, context, stage)
            certain(there, context)
            foreign_folders(self.build, there, self.workdir, _HARMLESS)
            state = self.build.stages[stage].final_state
            mode = state.variable("APP_ENV")
            if state.sets("APP_ENV") and mode not in ("prod", "production"):
                raise MissingEvidence(f"APP_ENV is {mode or 'not known'} when it runs")
            runs = _PhpRuns(context, lost)
            command = runs.stage(started(self.build, stage, self.first, inherits=True), state, there, calls)
            self.facts.append(f"the image runs {command or 'what its base runs'}")
            self.facts.append(_sources(context, composer, there, namespaces))

    def _rewrite(self, lost: frozenset[str], lock: ComposerLock) -> Rewrite:
        flag = self.about["flag"]
        edits = [behind(one, one.call.argv.index(action_of(one.call)), f" {flag}") for one in self.installs]
        every = len(lost) + len(lock.packages)
        return leaving_out(self.installs, edits, flag, lost, every, lock.path, self.facts, self.about["source"])


def _has_some(context: BuildContext, folder: str) -> bool:
    composer = read_composer(context, folder)
    return not isinstance(composer, Composer) or any(one.dev for one in composer.requires)


def _brought(context: BuildContext, lock: ComposerLock) -> tuple[frozenset[str], dict[str, str]]:
    """How the names of classes begin that only development packages bring, and the programs of those.

    Raises `MissingEvidence` where one brings what cannot be told, or where a package that stays can use it.
    """
    data = load(context.text(lock.path) or "")
    locked = data if isinstance(data, dict) else {}
    kept = {name for one in _packages(locked, "packages") for name in _namespaces(one)}
    suggested = {str(name) for one in _packages(locked, "packages") for name in (one.get("suggest") or ())}
    lost, programs = set[str](), dict[str, str]()
    known: dict[str, list[str]] = facts()["php"]["classes"]
    for one in _packages(locked, "packages-dev"):
        name = str(one.get("name"))
        vendor = name.partition("/")[0]
        if name in suggested and not is_php_tool(name):
            raise MissingEvidence(f"a package that stays uses {name} if it is there, and only development brings it")
        lost |= {*_namespaces(one), *known.get(vendor, ())}
        loaded = one.get("autoload")
        hidden = isinstance(loaded, dict) and (loaded.get("classmap") or loaded.get("files"))
        if hidden and vendor not in known and not is_php_tool(name):
            raise MissingEvidence(f"which classes and functions {name} brings is not known")
        programs.update((posixpath.basename(str(program)), name) for program in one.get("bin") or ())
    return frozenset(lost - kept), programs


def _packages(locked: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = locked.get(key)
    return [one for one in value[:5000] if isinstance(one, dict)] if isinstance(value, list) else []


def _namespaces(package: dict[str, Any]) -> set[str]:
    loaded = package.get("autoload")
    rules = [loaded.get(kind) for kind in ("psr-4", "psr-0")] if isinstance(loaded, dict) else []
    return {name.strip("\\") for one in rules if isinstance(one, dict) for name in one if name.strip("\\")}


def _sources(context: BuildContext, composer: Composer, there: Placed, namespaces: frozenset[str]) -> str:
    count = 0
    names = "|".join(re.escape(name) for name in sorted(namespaces))
    pattern = re.compile(rf"(?<![\w\\])\\?(?:{names.replace(re.escape(chr(92)), '(?:' + chr(92) * 4 + ')')})(?![\w])")
    for path in sorted(set(there.files.values())):
        inner = posixpath.relpath(path, composer.folder) if composer.folder else path
        if not path.endswith((".php", ".phtml", "artisan")) or _TEST.search(inner):
            continue
        count += 1
        if composer.symfony and path.endswith("config/bundles.php"):
            # Symfony loads those of another mode only in that mode.
            continue
        text = context.text(path)
        if text is None:
            raise MissingEvidence(f"{path} cannot be read")
        match = pattern.search(_without_comments(text)) if namespaces else None
        if match is not None:
            raise MissingEvidence(f"{path} names {match[0]}, which only development packages bring")
    return f"none of the {count} PHP sources that are copied names a class of them"


def _without_comments(text: str) -> str:
    """Source without comments that stand on lines of their own, where documentation names types."""
    return re.sub(r"^\s*(?:\*|//|#(?!\[)|/\*).*$", "", text, flags=re.MULTILINE)
