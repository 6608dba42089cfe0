"""What Python packages and a Python application use of the base image."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from slimify.transforms.slim.base import At, RefusedError
from slimify.transforms.slim.wheels import Wheels

from slimify.knowledge.package_managers import PackageManager
from slimify.semantics.build import State
from slimify.semantics.commands import Invocation

if TYPE_CHECKING:
    from slimify.transforms.slim.commands import Commands

    from slimify.context.python.entry import Entry
    from slimify.context.python.metadata import Script
    from slimify.context.python.requirement import Requirement

_PYTHON = re.compile(r"python[0-9.]*")
# Modules of the library and of pip that start nothing and compile nothing.
_QUIET_MODULES = frozenset({"venv", "virtualenv", "compileall", "ensurepip", "http.server", "json.tool", "site"})
_QUIET_VERBS = frozenset({"cache", "check", "list", "show", "freeze", "config", "--version", "-V", "debug", "self"})
# What takes packages from elsewhere, or asks for a build.
_ELSEWHERE = re.compile(
    r"--(?:index-url|extra-index-url|find-links|no-binary|pre|no-index|global-option|config-settings)$|-i$|-f$"
)
# Variables by which pip and uv are told where packages come from and which (pip, "Environment Variables").
_MOVED = re.compile(
    r"(?:PIP|UV)_\w*(?:INDEX|BINARY|LINKS|CONSTRAINT|REQUIREMENT|OVERRIDE|PRE\b|PRERELEASE|CONFIG|BUILD)"
)
_IMPORTS_PROGRAMS = re.compile(r"^\s*from\s+(?:sh|plumbum(?:\.cmd)?)\s+import\b", re.MULTILINE)
# Words of a `python -c` that may start, load or read something.
_LOUD = re.compile(r"subprocess|system|popen|ctypes|exec|eval|which|import__|tkinter|mimetypes|pty|spawn|runpy")
_SYSTEM_PATH = re.compile(r"/(?:usr/)?s?bin/([a-zA-Z][\w.+-]*)")


class Python:
    """Gathers what is installed and what is started, and at the end looks at the sources."""

    def __init__(self, walk: Commands) -> None:
        self.walk = walk
        self.entries: list[tuple[Entry, State]] = []
        self.scripts: list[Script] = []
        # Whether a program of a package runs that may load any of the sources.
        self.everything = False
        self.at: At | None = None
        platform = walk.stage.stage.base.flag("platform") or ""
        self.wheels = Wheels(walk.ledger, only_amd64=platform.endswith(("/amd64", "/x86_64")))

    # -- installing --

    def install(self, manager: PackageManager, call: Invocation, at: At, state: State) -> None:
        """What pip, uv, poetry or pipenv is told to do."""
        for name in (*state.env, *state.args, *call.assignments):
            if _MOVED.match(name):
                raise RefusedError(f"{name} is set, so that which packages are installed is not known", at.span)
        for target in self.walk.files:
            if f"/{target}".endswith(("/pip.conf", "/uv.toml")):
                raise RefusedError(f"{target} may change which packages are installed", at.span)
        argv = list(call.argv)
        if manager.name == "uv" and argv[:1] == ["pip"]:
            argv.pop(0)
        action = next((word for word in argv if word is not None and not word.startswith("-")), None)
        if action in _QUIET_VERBS or (action is None and argv) or action == "venv":
            return
        if manager.name in ("poetry", "uv", "pipenv") and action == "run":
            self.command(manager.name, (manager.name,), argv, at, state)
            return
        if manager.name == "pip" or (manager.name == "uv" and list(call.argv)[:1] == ["pip"]):
            if action not in ("install", "sync"):
                raise RefusedError(f"what {manager.title} {action or ''} does is not looked into", at.span)
            self._pip(argv[argv.index(action) + 1 :], at, state)
        elif (manager.name, action) in (
            ("poetry", "install"),
            ("uv", "sync"),
            ("pipenv", "install"),
            ("pipenv", "sync"),
        ):
            operands = [word for word in argv[argv.index(action) + 1 :] if word is None or not word.startswith("-")]
            if operands and manager.name == "pipenv":
                raise RefusedError("what pipenv installs besides its lock file is not known", at.span)
            self._project(state.workdir or "/", at, locked=True)
        elif manager.name == "pipenv" and action == "lock":
            raise RefusedError("what is locked during the build is not known", at.span)
        else:
            raise RefusedError(f"what {manager.title} {action or ''} does is not looked into", at.span)

    def _pip(self, argv: list[str | None], at: At, state: State) -> None:
        from slimify.context.python.requirement import parse_requirement
        from slimify.knowledge.package_managers import find

        pip = find("pip")
        valued = pip.global_value_options if pip is not None else ()
        words = iter(argv)
        for word in words:
            if word is None:
                raise RefusedError("what pip installs is not known", at.span)
            name, equals, value = word.partition("=")
            if re.fullmatch(r"-[rce].+", word):
                name, equals, value = word[:2], "=", word[2:]
            if word.startswith("-"):
                if _ELSEWHERE.match(name) or name in ("-c", "--constraint", "--override"):
                    raise RefusedError(f"pip is told {name}", at.span)
                given = value if equals else next(words, None) if name in valued else ""
                if given is None:
                    raise RefusedError("what pip installs is not known", at.span)
                if name in ("-r", "--requirement"):
                    self._requirements(given, at, state)
                elif name in ("-e", "--editable"):
                    self._local(given, at, state)
            elif word.startswith((".", "/")) or "/" in word.partition("@")[0] or "://" in word:
                self._local(word, at, state)
            else:
                read = parse_requirement(word, "", 0)
                if read is None:
                    raise RefusedError(f"what {word} is, is not known", at.span)
                self._requirement(read, at)

    def _local(self, word: str, at: At, state: State) -> None:
        place = word.partition("[")[0]
        if "://" in place or place.startswith("git+"):
            raise RefusedError(f"{word} is fetched and built", at.span)
        self._project(posixpath.normpath(posixpath.join(state.workdir or "/", place)), at, locked=False)

    def _requirements(self, word: str, at: At, state: State) -> None:
        from slimify.context.python.requirements import read_requirements

        context = self.walk.build.context
        file = self.walk.file(word, state)
        if context is None or file is None:
            raise RefusedError(f"{word} is not in the build context", at.span)
        read = read_requirements(context, file)
        if read.missing or read.problems:
            why = f"{read.missing[0]} is missing" if read.missing else str(read.problems[0])
            raise RefusedError(f"{file} cannot be read as a whole: {why}", at.span)
        if read.paths:
            raise RefusedError(f"{file} installs {read.paths[0]}", at.span)
        for option in read.options:
            if _ELSEWHERE.match(option.name):
                raise RefusedError(f"{option.file}:{option.line} tells pip {option.name}", at.span)
        fixed = {one.name: one.specifier for one in read.constraints}
        for one in read.requirements:
            limit = ",".join(part for part in (one.specifier, fixed.get(one.name, "")) if part)
            self._requirement(one._replace(specifier=limit), at)

    def _requirement(self, one: Requirement, at: At) -> None:
        from slimify.context.python.requirement import Origin

        if one.origin is not Origin.INDEX or not one.name:
            raise RefusedError(f"{one.name or one.place} is built from {one.place or 'its sources'}", at.span)
        self.wheels.need(one.name, one.specifier, one.extras, one.marker, at)

    def _project(self, folder: str, at: At, locked: bool) -> None:
        from slimify.context.python.project import read_project
        from slimify.context.python.requirement import Origin

        context = self.walk.build.context
        places = self.walk.folders(folder)
        project = read_project(context, places[0]) if context is not None and len(places) == 1 else None
        if project is None:
            raise RefusedError(f"the project in {folder} is not in the build context", at.span)
        trouble = [str(one) for one in project.problems] + list(project.unknown) + list(project.local)
        if project.needs_compiler or project.needs_git or trouble:
            why = "it is compiled" if project.needs_compiler else "git is needed" if project.needs_git else trouble[0]
            raise RefusedError(f"the project is not installed plainly: {why}", at.span)
        if locked and project.lock is None:
            raise RefusedError("there is no lock file of the project", at.span)
        for one in project.dependencies:
            if one.development and not (locked and project.lock is not None):
                continue
            if one.origin is not Origin.INDEX:
                if one.origin in (Origin.PATH, Origin.EDITABLE) and locked:
                    continue
                raise RefusedError(f"{one.name} is built from its sources", at.span)
            self.wheels.need(one.name, f"=={one.version}" if one.version else "", (), "", at)
        self.scripts += project.scripts
        self.walk.ledger.programs.update(script.name for script in project.scripts)

    # -- running --

    def command(self, name: str, typed: Sequence[str], argv: Sequence[str | None], at: At, state: State) -> bool:
        """Note what a command line runs of Python; False if it runs none."""
        from slimify.context.python.entry import EntryKind, find_entries
        from slimify.knowledge.python import servers

        module = len(typed) > 1
        if name in self.walk.ledger.images.programs:
            return False
        runs = module or _PYTHON.fullmatch(name) or name.endswith(".py") or name in servers()
        runs = runs or name in {script.name for script in self.scripts}
        if not runs and name in self.wheels.console and name not in ("pip", "poetry", "pipenv", "uv"):
            self._first(at)
            self.everything = True
            return True
        if not runs and name not in ("poetry", "pipenv", "uv"):
            return False
        if self.walk.ledger.images.name != "python":
            raise RefusedError(f"{name} is run, which is not what {self.walk.ledger.images.name} is for", at.span)
        if not module and not name.endswith(".py") and not self.walk.ledger.program(name, at):
            raise RefusedError(f"where {name} comes from is not known", at.span)
        if module and name in _QUIET_MODULES:
            return True
        if not module and _PYTHON.fullmatch(name) and all(arg in ("--version", "-V", "-u") for arg in argv):
            return True
        environ = {one: value for one, value in state.env.items() if value is not None}
        for entry in find_entries([*typed, *argv], state.workdir, environ, self.scripts):
            if entry.kind is EntryKind.OTHER:
                inner = entry.target
                if inner and inner != name and entry.why.endswith("is not known to run Python"):
                    self.walk.plain(posixpath.basename(inner), at)
                    continue
                raise RefusedError(f"what {name} runs is not known: {entry.why or inner}", at.span)
            self.entries.append((entry, state))
            self._first(at)
        return True

    def _first(self, at: At) -> None:
        place = self.walk.final.place
        if self.at is None or place(at) < place(self.at):
            self.at = at

    def finish(self) -> None:
        """Look at the sources that can run."""
        walk = self.walk
        context = walk.build.context
        if self.at is None:
            return
        if context is None or walk.copies is None:
            self._alone()
            return
        from slimify.context.python.reach import reachable

        # Without an entry, all sources of the context are read.
        entries = [] if self.everything else [entry for entry, _ in self.entries]
        roots = [folder for _, state in self.entries for folder in walk.folders(state.workdir)]
        read = reachable(context, entries, roots or [""])
        path_set = any("PYTHONPATH" in state.env for _, state in self.entries)
        copied = set(walk.sources())
        modules = [path for path in read.modules if path in copied]
        if path_set:
            modules = [path for path in walk.sources() if path.endswith(".py")]
        if not modules and any(path.endswith(".py") for path in copied):
            raise RefusedError("which of the sources run is not known", self.at.span)
        self._library(read.stdlib)
        self._needs(modules)
        count = len(modules)
        walk.ledger.note(
            f"{count} Python source{'s' if count != 1 else ''} of the application looked through", self.at.span
        )

    def _alone(self) -> None:
        """Programs that come without sources of the context."""
        from slimify.context.python.entry import EntryKind
        from slimify.knowledge.language_packages import python_imports

        assert self.at is not None
        for entry, _ in self.entries:
            if entry.kind is EntryKind.CODE:
                if not re.fullmatch(r"[\w\s.,;=()'\"]*", entry.target) or _LOUD.search(entry.target):
                    raise RefusedError("what python -c runs is not looked into", self.at.span)
                continue
            top = entry.target.partition(".")[0]
            known = top in sys.stdlib_module_names or any(
                one.name in self.wheels.console for one in python_imports(top)
            )
            if entry.kind is not EntryKind.MODULE or entry.via != "python" or not known:
                raise RefusedError(f"{entry.target or entry.via} is not in the build context", self.at.span)

    def _library(self, modules: frozenset[str]) -> None:
        from slimify.knowledge.slim import facts

        assert self.at is not None
        for module in sorted(modules):
            top = module.partition(".")[0]
            if top in facts().lacking:
                raise RefusedError(f"{top} is imported, which the slim image has no library for", self.at.span)
            for package in facts().modules.get(top, ()):
                self.walk.ledger.package(package, f"{top} reads its table", self.at)

    def _needs(self, modules: Sequence[str]) -> None:
        from slimify.context.python.need import NeedKind
        from slimify.context.python.needs import read_needs

        walk, at = self.walk, self.at
        context = walk.build.context
        assert at is not None
        assert context is not None
        needs = read_needs(context, modules)
        if needs.unread:
            raise RefusedError(f"{needs.unread[0]}", at.span)
        for need in needs.unknown:
            raise RefusedError(f"{need.path}:{need.line}: {need.function} starts something that is not known", at.span)
        for need in needs.of(NeedKind.PROGRAM):
            if need.name is None or need.name == "{python}":
                continue
            base = posixpath.basename(need.name)
            if base.endswith((".py", ".exe", ".bat", ".cmd")) or _PYTHON.fullmatch(base):
                continue
            if not walk.ledger.program(base, at):
                raise RefusedError(f"{need.path}:{need.line}: what {base} needs is not known", at.span)
        for need in needs.of(NeedKind.LIBRARY):
            if need.name is not None:
                self._shared(need.name, f"{need.path}:{need.line}", at)
        self._texts(modules, at)

    def _shared(self, name: str, place: str, at: At) -> None:
        base = posixpath.basename(name)
        known = [
            one
            for one in self.walk.ledger.images.libraries
            if one == base or one.startswith((f"lib{base}.so", f"{base}."))
        ]
        if known:
            self.walk.ledger.library(known[:1], place, at)
        elif "/" in name and not name.startswith(("/lib", "/usr/lib")):
            raise RefusedError(f"{place}: what {name} needs is not known", at.span)

    def _texts(self, modules: Sequence[str], at: At) -> None:
        """Paths in the sources that only the full image has."""
        from slimify.knowledge.slim import facts

        context = self.walk.build.context
        assert context is not None
        for path in modules:
            text = context.text(path) or ""
            if _IMPORTS_PROGRAMS.search(text):
                raise RefusedError(f"{path} imports programs by their names", at.span)
            match = facts().files.search(text)
            if match is not None:
                raise RefusedError(f"{path} speaks of {match.group()}, which only the full image has", at.span)
            for match in _SYSTEM_PATH.finditer(text):
                if match[1] in self.walk.ledger.images.programs and not text.startswith("#!", match.start() - 2):
                    self.walk.ledger.program(match[1], at)
