"""What a Python application asks for when the image runs: by its command lines, scripts and sources."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.python_environment import Environment
from slimify.transforms.split_stage.python_packages import Installed
from slimify.transforms.split_stage.python_tools import MANAGERS
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run
from slimify.transforms.split_stage.start import Called, CommandLines

from slimify.context.python.entry import Entry, find_entries
from slimify.context.python.need import PYTHON, NeedKind
from slimify.context.python.needs import read_needs
from slimify.context.python.paths import is_folder
from slimify.context.python.reach import Imported, reachable
from slimify.knowledge.language_packages import normalised, python_imports
from slimify.knowledge.python_installers import installer
from slimify.semantics.build import Build, BuildStage
from slimify.syntax.source import Span

_INTERPRETER = re.compile(r"python(?:3(?:\.\d+)?)?")
# They start programs with another PATH, at other times, or as a service, or give somebody a shell.
_OTHER_PATH = frozenset(
    "at cron crond doas gosu init login runuser service setpriv ssh sshd start-stop-daemon su su-exec sudo supervisord "
    "supervisorctl systemctl systemd tmux screen ipython jupyter pip pip3 virtualenv venv".split()
)
# In the slim image as in the full one: with it comes the interpreter (docker-library/python).
_IN_IMAGE = frozenset(["pydoc", "idle", "python-config", "2to3"])
_RUN_OPTIONS = frozenset(["--no-sync", "--frozen", "--locked", "--no-dev", "--offline", "-q", "--quiet", "--"])
_GUI = frozenset(["tkinter", "turtle", "idlelib", "turtledemo", "ensurepip", "venv"])


class Start(NamedTuple):
    """What is asked for when the image runs, each with where; `files` are all that is copied from the context."""

    programs: tuple[tuple[str, str], ...]
    libraries: tuple[tuple[str, str], ...]
    stdlib: frozenset[str]
    files: tuple[str, ...]


def start(
    build: Build, stage: BuildStage, files: Files, found: Installed, runs: Iterable[Run], environment: Environment
) -> Start:
    """Follow the command lines into the context. Raises `Refused` where one cannot be followed to its end."""
    return _Python(build, stage, files, found, environment).read(runs)


class _Python(CommandLines):
    def __init__(
        self, build: Build, stage: BuildStage, files: Files, found: Installed, environment: Environment
    ) -> None:
        super().__init__(build, stage, files)
        self.found = found
        self.environment = environment
        self.entries: dict[Entry, None] = {}
        self.stdlib: frozenset[str] = frozenset()

    def read(self, runs: Iterable[Run]) -> Start:
        self.follow()
        for run in runs:
            for words in run.starts:
                if (run.step.state.workdir or "/") != self.workdir:
                    raise Refused("the application is run in another folder than at the end", run.step.instruction.span)
                self.command([*words], run.step.instruction.span)
        libraries = self._sources(self.stage.stage.base.span)
        return Start(
            tuple(self.programs),
            tuple(libraries.items()),
            self.stdlib,
            tuple(dict.fromkeys(self.places.values())),
        )

    def started(self, argv: list[str]) -> None:
        for entry in find_entries(argv, self.workdir, self.stage.final_state.env, self.found.own):
            self.entries[entry] = None

    def script(self, text: str) -> None:
        self.started(["sh", "-c", text])

    def check(self, call: Called) -> None:
        if call.program in MANAGERS:
            self._managed(call)
        if call.program == "fastapi" and call.argv[:1] == ("dev",):
            raise Refused(f"{call.where} starts a server for development", call.span)
        if call.program in _OTHER_PATH or call.program.startswith("jupyter"):
            raise Refused(f"{call.where} runs {call.program}, which may not find what is in a virtualenv", call.span)

    def _managed(self, call: Called) -> None:
        """Follow `poetry run`, `uv run` and `pipenv run` to what they run."""
        rest = list(call.argv)
        if call.program != self.environment.keeps or rest[:1] != ["run"]:
            raise Refused(f"{call.where} runs {call.program}, which then belongs to what ships", call.span)
        rest = rest[1:]
        quiet = False
        while rest and rest[0] in _RUN_OPTIONS:
            quiet = rest.pop(0) == "--no-sync" or quiet
        words = [one for one in rest if one is not None]
        if not words or len(words) != len(rest) or words[0].startswith("-"):
            raise Refused(f"what {call.program} runs is not known", call.span)
        if call.program == "uv" and not quiet and (self.found.itself or not self.found.development):
            # The one is built anew, since its files are new; the others are installed where they were left out.
            raise Refused("uv would install the project, or what only development needs, at each start", call.span)
        if call.program == "uv" and words[0].endswith(".py"):
            words.insert(0, "python")
        self.shell(shlex.join(words), call.where, call.span, call.depth + 1)

    def brought(self, call: Called) -> bool:
        if "/" in call.typed:
            # All of the virtualenv ships.
            place = posixpath.normpath(posixpath.join(self.workdir, call.typed))
            return self.environment.own and posixpath.dirname(place) == f"{self.environment.folder}/bin"
        return bool(_INTERPRETER.fullmatch(call.typed)) or call.program in ("python", self.environment.keeps)

    def installed(self, program: str) -> bool:
        return program in self.found.scripts or program in _IN_IMAGE

    def opened(self, origin: str, path: str, text: str, span: Span) -> bool:
        first = text.partition("\n")[0]
        if not first.startswith("#!") or "python" not in first:
            return False
        if "/usr/bin/env" not in first:
            raise Refused(f"{origin} names the interpreter that runs it", span)
        self.started(["python", path])
        return True

    def _sources(self, span: Span) -> dict[str, str]:
        """The libraries that the reachable sources load; the programs they start go to the others."""
        reach = reachable(self.context, list(self.entries), self._roots())
        self.stdlib = frozenset(reach.stdlib)
        if self.stdlib & _GUI:
            raise Refused(f"the application imports {min(self.stdlib & _GUI)}", span)
        own = {one.target.partition(".")[0].partition(":")[0] for one in self.found.own}
        if lost := next((one.name for one in reach.third_party if one.name in own), None):
            raise Refused(f"where the project has its module {lost} is not known", span)
        self._lent(reach.third_party, span)
        needs = read_needs(self.context, reach.modules)
        if needs.unread:
            raise Refused(f"not all of the application can be read: {needs.unread[0]}", span)
        for one in needs.unknown:
            what = "a program" if one.kind is NeedKind.PROGRAM else "a library"
            raise Refused(f"{one.path}:{one.line} uses {what} whose name is not known", span)
        libraries: dict[str, str] = {}
        for one in needs.found:
            if one.name is None or one.name == PYTHON:
                continue
            where = f"{one.path}:{one.line}"
            if one.kind is NeedKind.PROGRAM:
                self.program(Called(posixpath.basename(one.name), one.name, one.argv[1:], where, span))
            elif one.kind is NeedKind.LIBRARY and one.name not in ("c", "libc.so.6", "libc.so"):
                libraries[one.name] = where
        return libraries

    def _lent(self, imports: Iterable[Imported], span: Span) -> None:
        """Refuse where the application imports what only came along with an installer that does not ship."""
        brought = {one for name in self.environment.left for one in getattr(installer(name), "brings", ())}
        for one in imports:
            names = {package.name for package in python_imports(one.name)} or {normalised(one.name)}
            if names & brought and not names & self.found.names:
                why = f"{one.path} imports {one.name}, which came with {', '.join(self.environment.left)}"
                raise Refused(why, span)

    def _roots(self) -> list[str]:
        """The folders of the context whose files end up in the folder that the image runs in."""
        prefix = self.workdir.rstrip("/") + "/"
        roots: dict[str, None] = {}
        for image, origin in self.places.items():
            relative = image.removeprefix(prefix)
            if image.startswith(prefix) and (origin == relative or origin.endswith(f"/{relative}")):
                roots[origin.removesuffix(relative).rstrip("/")] = None
        if not roots:
            raise Refused("what the image runs is not copied from the build context")
        found = sorted(roots, key=len)
        # What is installed from its own folder finds its modules there (setuptools documentation, "src-layout").
        sources = [posixpath.join(one, "src") for one in found] if self.found.itself else []
        return [*found, *(one for one in sources if is_folder(self.context, one))]
