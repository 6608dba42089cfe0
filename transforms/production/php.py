"""Composer: installs with `require-dev`, and the proof that no source names what that brings."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from slimify.transforms.production.evidence import (
    MissingEvidence,
    bound,
    certain,
    foreign_folders,
    images,
    named,
    started,
)
from slimify.transforms.production.runs import Lost, Place, Runs

from slimify.context.json_text import load
from slimify.context.php import Composer, ComposerLock, read_composer, read_composer_lock
from slimify.context.placed import Placed, history, placed
from slimify.knowledge.production import facts, is_php_tool, is_plain_command
from slimify.rewrite.edit import Edit, Evidence, Level, Rewrite
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import effects
from slimify.syntax.source import Span

NAME = "production-dependencies"
_TEST = re.compile(
    r"(^|/)(tests?|spec|features|docs?|database/(factories|seeders|seeds))/|(^|/)tests?\.php$", re.IGNORECASE
)
_CHANGES = re.compile(r"composer\S*\s+(?:require|remove|update|init|global)\b|composer\.(?:json|lock)")
_SEEDS = re.compile(r"seed|test|dusk|ide-helper|tinker|make:")
_HARMLESS = frozenset({"node"})
_SERVERS = frozenset({"php-fpm", "apache2-foreground", "nginx", "php", "docker-php-entrypoint", "frankenphp"})


class Install(NamedTuple):
    """A call of `composer install`."""

    step: Step
    call: Invocation


def php_installs(build: Build) -> Iterator[tuple[Step, str, Rewrite | str]]:
    """For each stage that ships: where composer installs, with the rewrite or why there is none."""
    found: dict[int, list[Install]] = {}
    for step in build.steps():
        body = step.body
        if step.keyword != "RUN" or body is None or body.script.opaque or not build.ships(step.stage):
            continue
        if "composer" not in body.script.text:
            continue
        for call in effects(body.script, step.state.variables, step.state.workdir).invocations:
            action = verb(call) if call.manager is not None and call.manager.name == "composer" else None
            if action is not None and action.name in facts()["manager"]["composer"]["verbs"]:
                found.setdefault(step.stage, []).append(Install(step, call))
    for installs in found.values():
        try:
            result: Rewrite | str = _Judge(build, installs).rewrite()
        except MissingEvidence as missing:
            result = str(missing)
        if result:
            yield installs[0].step, "composer", result


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


class _Judge:
    def __init__(self, build: Build, installs: list[Install]) -> None:
        self.build = build
        self.about: dict[str, Any] = facts()["manager"]["composer"]
        self.installs = installs
        self.first = installs[0].step
        self.facts: list[str] = []

    def rewrite(self) -> Rewrite:
        """The rewrite. Raises `MissingEvidence`."""
        said = [self._says(one) for one in self.installs]
        if all(said):
            raise MissingEvidence("")
        if any(said):
            raise MissingEvidence("this stage installs more than once, and says it only in one place")
        context = self.build.context
        if context is None:
            raise MissingEvidence("the build context is not known, so neither is what needs them")
        for install in self.installs:
            self._plain(install)
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

    def _says(self, install: Install) -> bool:
        step, call = install
        text = step.body.script.text if step.body else ""
        if any(step.state.sets(name) or f"{name}=" in text for name in self.about["env"]):
            return True
        return call.has(*self.about["options"])

    def _plain(self, install: Install) -> None:
        step, call = install
        action = verb(call)
        if call.nested or not step.state.shell.posix or step.instruction.escape != "\\":
            raise MissingEvidence("the command stands where no option can be added with certainty")
        if action is None or action.operands:
            raise MissingEvidence("it installs something besides")
        for word in call.argv:
            if word is None or (word.startswith("-") and word.partition("=")[0] not in self.about["harmless"]):
                raise MissingEvidence(f"what {word or 'a computed option'} means for it is not known")
        body = step.body
        calls = effects(body.script, step.state.variables, step.state.workdir).invocations if body else ()
        if any(one.program in ("cd", "pushd", "popd") for one in calls):
            raise MissingEvidence("the script changes the folder that it works in")

    def _project(self, context: BuildContext) -> tuple[Composer, ComposerLock]:
        workdir = self.first.state.workdir
        if workdir is None or any(one.step.state.workdir != workdir for one in self.installs):
            raise MissingEvidence("the folder that it works in is not known")
        self.workdir = workdir
        before = placed(self.build, context, self.first.stage, self.first)
        certain(before, context)
        files = {**before.files, **bound(self.first, context)}
        folders = set[str]()
        for name in ("composer.json", "composer.lock"):
            path = files.get(posixpath.join(workdir, name))
            if path is None or posixpath.basename(path) != name:
                raise MissingEvidence(f"{name} is not copied from the build context before it")
            folders.add(posixpath.dirname(path))
        for step in history(self.build, self.first.stage):
            if step is self.first:
                break
            if step.keyword == "RUN" and _CHANGES.search(step.instruction.logical.text):
                raise MissingEvidence("an earlier RUN may change what is installed")
        folder = folders.pop()
        composer, lock = read_composer(context, folder), read_composer_lock(context, folder)
        if folders or not isinstance(composer, Composer) or composer.unknown:
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
        scripts = not any(one.call.has("--no-scripts") for one in self.installs)
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
        edits: list[Edit] = []
        evidence: list[Evidence] = []
        for step, call in self.installs:
            body, action = step.body, verb(call)
            assert body is not None
            assert action is not None
            span = body.span(call.command.start, call.command.end)
            evidence.append(Evidence(f"composer {action.name}", span, self.about["source"]))
            end = call.words[action.end - 1].end
            at = body.span(end - 1, end).end
            edits.append(Edit(Span(at, at), f" {flag}"))
        evidence += [Evidence(text) for text in dict.fromkeys([named(lost), *self.facts])]
        return Rewrite(
            transform=NAME,
            level=Level.STANDARD,
            title=f"install without development dependencies ({flag})",
            reason=f"{len(lost)} of {len(lost) + len(lock.packages)} packages in {lock.path} are for development only, "
            "and nothing that runs in the image needs one",
            edits=tuple(edits),
            evidence=tuple(evidence),
        )


def _brought(context: BuildContext, lock: ComposerLock) -> tuple[frozenset[str], dict[str, str]]:
    """The first parts of the names of classes that only development packages bring, and their programs."""
    data = load(context.text(lock.path) or "")
    lost, kept, programs = set[str](), set[str](), dict[str, str]()
    for key, names in (("packages", kept), ("packages-dev", lost)):
        for package in (data.get(key) or [])[:5000] if isinstance(data, dict) else []:
            loaded = package.get("autoload") if isinstance(package, dict) else None
            for rules in (loaded.get("psr-4"), loaded.get("psr-0")) if isinstance(loaded, dict) else ():
                names.update(
                    name.strip("\\") for name in (rules if isinstance(rules, dict) else ()) if name.strip("\\")
                )
            if key == "packages-dev" and isinstance(package, dict):
                if not isinstance(loaded, dict) or "classmap" in loaded:
                    # A class map does not say which classes are in it: those of PHPUnit have its name.
                    names.add("PHPUnit")
                for one in package.get("bin") or []:
                    programs[posixpath.basename(str(one))] = str(package.get("name"))
    return frozenset(lost - kept), programs


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
