"""What the image runs: the command line, its start script, and what the application's sources ask for."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Iterable
from typing import NamedTuple

from slimify.transforms.split_stage.python_packages import Files, Installed
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.context.python.entry import Entry, find_entries
from slimify.context.python.need import PYTHON, NeedKind
from slimify.context.python.needs import read_needs
from slimify.context.python.reach import reachable
from slimify.knowledge.python import calls
from slimify.semantics.build import Build, BuildStage
from slimify.semantics.commands import invocations
from slimify.syntax.dockerfile import Instruction
from slimify.syntax.shell import parse_script
from slimify.syntax.source import Span

_INTERPRETER = re.compile(r"python(?:3(?:\.\d+)?)?")
# They run the command behind their options.
_INITS = frozenset(["dumb-init", "tini"])
_LOGIN = re.compile(r"\b(?:ba|da|a)?sh\b['\"\s]+(?:-\w+\s+)*(?:-\w*[li]\w*|--login)\b")
_EMPTY = re.compile(r"\benv['\"\s]+(?:-\S*[iu]|-['\"\s]|--ignore|--unset)")
_SHELLS = frozenset(["sh", "bash", "dash", "ash"])
# They start programs with another PATH, at other times, or as a service, or give somebody a shell.
_OTHER_PATH = frozenset(
    "at cron crond doas gosu init login runuser service setpriv ssh sshd start-stop-daemon su su-exec sudo supervisord "
    "supervisorctl systemctl systemd tmux screen ipython jupyter pip pip3 virtualenv venv".split()
)
# In the slim image as in the full one: with it comes the interpreter (docker-library/python).
_IN_IMAGE = frozenset(["pydoc", "idle", "python-config", "2to3"])
_GUI = frozenset(["tkinter", "turtle", "idlelib", "turtledemo", "ensurepip", "venv"])


class Start(NamedTuple):
    """What is asked for when the image runs, each with where; `files` are all that is copied from the context."""

    programs: tuple[tuple[str, str], ...]
    libraries: tuple[tuple[str, str], ...]
    stdlib: frozenset[str]
    files: tuple[str, ...]


def start(build: Build, stage: BuildStage, found: Installed, runs: Iterable[Run]) -> Start:
    """Follow the command lines into the context. Raises `Refused` where one cannot be followed to its end."""
    return _Reader(build, stage, found).read(runs)


class _Reader:
    def __init__(self, build: Build, stage: BuildStage, found: Installed) -> None:
        assert build.context is not None
        self.context = build.context
        self.stage = stage
        self.found = found
        self.files = Files(build, stage)
        self.places = {
            image: origin for taken in self.files.taken.values() for origin, image in taken.files if image is not None
        }
        self.workdir = stage.final_state.workdir or "/"
        self.programs: dict[tuple[str, str], None] = {}
        self.entries: dict[Entry, None] = {}
        self.seen: set[str] = set()
        self.has_cmd = False
        self.passes_on = False
        self.stdlib: frozenset[str] = frozenset()

    def read(self, runs: Iterable[Run]) -> Start:
        span = self.stage.stage.base.span
        lines = {one.keyword: one for one in self.stage.stage.instructions}
        entrypoint, cmd = lines.get("ENTRYPOINT"), lines.get("CMD")
        if entrypoint is None and cmd is None:
            raise Refused("the image is not told what to run")
        argv = [*(_argv(entrypoint) if entrypoint else ()), *(_argv(cmd) if cmd else ())]
        if entrypoint is not None and entrypoint.exec_form is None:
            argv = _argv(entrypoint)
        last = cmd or entrypoint
        assert last is not None
        self.has_cmd = entrypoint is not None and cmd is not None and entrypoint.exec_form is not None
        self._command(argv, last.span)
        if self.passes_on and cmd is not None:
            self._command(_argv(cmd), cmd.span)
        check = lines.get("HEALTHCHECK")
        if check is not None and check.arguments.upper() != "NONE":
            command = check.arguments.partition("CMD")[2].strip()
            self._command(_health(command), check.span)
        for run in runs:
            for words in run.starts:
                if (run.step.state.workdir or "/") != self.workdir:
                    raise Refused("the application is run in another folder than at the end", run.step.instruction.span)
                self._command([*words], run.step.instruction.span)
        libraries = self._sources(span)
        return Start(
            tuple(self.programs),
            tuple(libraries.items()),
            self.stdlib,
            tuple(dict.fromkeys(self.places.values())),
        )

    def _command(self, argv: list[str], span: Span) -> None:
        where = "the command line"
        self._script(" ".join(map(shlex.quote, argv)), where, span, 0)
        for entry in find_entries(argv, self.workdir, self.stage.final_state.env):
            self.entries[entry] = None

    def _script(self, text: str, where: str, span: Span, depth: int) -> None:
        if _LOGIN.search(text):
            raise Refused(f"{where} starts a login shell, which sets PATH anew", span)
        if _EMPTY.search(text):
            raise Refused(f"{where} empties the environment", span)
        script = parse_script(text)
        if script.opaque or depth > 3:
            raise Refused(f"{where} cannot be read: {script.opaque or 'scripts call scripts'}", span)
        for command in script.commands():
            if command.words and command.words[0].text == '"$@"' and self.has_cmd:
                self.passes_on = True
                continue
            assigned = {one.name for one in command.assignments}
            assigned.update(name for one in invocations(command) for name in one.assignments)
            if "PATH" in assigned:
                raise Refused(f"{where} sets PATH", span)
            for one in invocations(command, dict(self.stage.final_state.env)):
                handed = one.words if one.program == "exec" else one.typed
                if one.program is None or one.program == "exec":
                    if self.has_cmd and any(word.text == '"$@"' for word in handed):
                        self.passes_on = True
                        continue
                    raise Refused(f"{where} runs a program whose name is not known", span)
                if one.program in ("export", "declare", "typeset") and any(
                    word.text.lstrip("\"'").startswith("PATH=") for word in one.words
                ):
                    raise Refused(f"{where} sets PATH", span)
                for name in set(one.wrappers) - _SHELLS:
                    self._program(name, name, (), where, span, depth)
                typed = [word.value for word in one.typed]
                self._program(one.program, typed[0] or "", (*typed[1:], *one.argv), where, span, depth)

    def _program(
        self, program: str, typed: str, argv: tuple[str | None, ...], where: str, span: Span, depth: int
    ) -> None:
        if program in _OTHER_PATH or program.startswith("jupyter"):
            raise Refused(f"{where} runs {program}, which may not find what is in a virtualenv", span)
        if program in _INITS:
            rest = [one or "" for one in argv]
            while rest and rest[0].startswith("-"):
                if rest.pop(0) == "--":
                    break
            self._script(" ".join(map(shlex.quote, rest)), where, span, depth)
        if program in _SHELLS:
            operands = [one for one in argv if one is None or not one.startswith("-")]
            if not operands:
                raise Refused(f"{where} is only a shell, as for development", span)
            if "-c" not in argv:
                self._called(operands[0] or "", where, span, depth)
            return
        if program in (".", "source"):
            self._called(argv[0] or "" if argv else "", where, span, depth)
            return
        if program in calls().builtins:
            return
        module = _INTERPRETER.fullmatch(typed) is not None
        if module or (_INTERPRETER.fullmatch(program) and "/" not in typed):
            return
        if "/" in typed or posixpath.join(self.workdir, typed) in self.places:
            if typed.startswith(("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/")):
                self.programs[program, where] = None
            else:
                self._called(typed, where, span, depth)
            return
        for folder in ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"):
            if f"{folder}/{typed}" in self.places:
                self._called(f"{folder}/{typed}", where, span, depth)
                return
        if program in self.found.scripts or program in _IN_IMAGE:
            return
        self.programs[program, where] = None

    def _called(self, path: str, where: str, span: Span, depth: int) -> None:
        """A file of the context that is run: a shell script is read, a Python source found by its imports."""
        origin = self.places.get(posixpath.normpath(posixpath.join(self.workdir, path)))
        text = self.context.text(origin) if origin is not None else None
        if text is None or origin is None:
            raise Refused(f"{where} runs {path or 'a file'}, which is not known to come from the build context", span)
        if origin in self.seen:
            return
        self.seen.add(origin)
        first = text.partition("\n")[0]
        if first.startswith("#!") and "python" in first:
            if "/usr/bin/env" not in first:
                raise Refused(f"{origin} names the interpreter that runs it", span)
            for entry in find_entries(["python", path], self.workdir, self.stage.final_state.env):
                self.entries[entry] = None
            return
        if not re.match(r"#!\s*(?:/usr)?/bin/(?:env )?(?:ba|da|a)?sh\b", first) and not path.endswith(".sh"):
            raise Refused(f"{origin} is not a script that can be read", span)
        self._script(text.replace("\r\n", "\n"), origin, span, depth + 1)
        for entry in find_entries(["sh", "-c", text], self.workdir, self.stage.final_state.env):
            self.entries[entry] = None

    def _sources(self, span: Span) -> dict[str, str]:
        """The libraries that the reachable sources load; the programs they start go to the others."""
        reach = reachable(self.context, list(self.entries), self._roots())
        self.stdlib = frozenset(reach.stdlib)
        if self.stdlib & _GUI:
            raise Refused(f"the application imports {min(self.stdlib & _GUI)}", span)
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
                self._program(posixpath.basename(one.name), one.name, one.argv[1:], where, span, 0)
            elif one.kind is NeedKind.LIBRARY and one.name not in ("c", "libc.so.6", "libc.so"):
                libraries[one.name] = where
        return libraries

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
        return sorted(roots, key=len)


def _argv(instruction: Instruction) -> list[str]:
    if instruction.exec_form is not None:
        return list(instruction.exec_form)
    return ["sh", "-c", instruction.arguments]


def _health(command: str) -> list[str]:
    if command.startswith("["):
        try:
            words = json.loads(command)
        except ValueError:
            words = None
        if isinstance(words, list) and all(isinstance(one, str) for one in words):
            return words
    return ["sh", "-c", command]
