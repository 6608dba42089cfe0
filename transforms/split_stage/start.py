"""What the image starts: its command lines, and the scripts of the context that they call."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.refused import Refused

from slimify.knowledge.python import calls
from slimify.semantics.build import Build, BuildStage
from slimify.semantics.commands import invocations
from slimify.syntax.dockerfile import Instruction
from slimify.syntax.shell import parse_script
from slimify.syntax.source import Span

# They run the command behind their options.
_INITS = frozenset(["dumb-init", "tini"])
_LOGIN = re.compile(r"\b(?:ba|da|a)?sh\b['\"\s]+(?:-\w+\s+)*(?:-\w*[li]\w*|--login)\b")
_EMPTY = re.compile(r"\benv['\"\s]+(?:-\S*[iu]|-['\"\s]|--ignore|--unset)")
_SHELLS = frozenset(["sh", "bash", "dash", "ash"])
_ALL = ('"$@"', '"${@}"')
_SHELL_SCRIPT = re.compile(r"#!\s*(?:/usr)?/bin/(?:env )?(?:ba|da|a)?sh\b")
_DISTRIBUTION = ("/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/")


class Called(NamedTuple):
    """A program that is run: its name, how it is typed, its arguments, who runs it, and how many scripts deep."""

    program: str
    typed: str
    argv: tuple[str | None, ...]
    where: str
    span: Span
    depth: int = 0


class CommandLines:
    """Follows ENTRYPOINT, CMD and HEALTHCHECK into the context. Raises `Refused` where one cannot be followed.

    `places` are the files of the image that come from the context, each with its path there. `programs` are those that
    the distribution has to bring, each with who calls it. What an ecosystem brings is for its pack to say, which
    overrides the methods without an underscore.
    """

    def __init__(self, build: Build, stage: BuildStage, files: Files | None = None) -> None:
        assert build.context is not None
        self.context = build.context
        self.stage = stage
        self.files = files or Files(build, stage)
        self.places = {
            image: origin for taken in self.files.taken.values() for origin, image in taken.files if image is not None
        }
        self.workdir = self.files.folder(None)
        self.programs: dict[tuple[str, str], None] = {}
        self._seen: set[str] = set()
        self._has_cmd = False
        self._passes_on = False

    def follow(self) -> None:
        """Read what the image runs, and how its health is checked."""
        lines = {one.keyword: one for one in self.stage.stage.instructions}
        entrypoint, cmd = lines.get("ENTRYPOINT"), lines.get("CMD")
        if entrypoint is None and cmd is None:
            raise Refused("the image is not told what to run")
        argv = [*(_argv(entrypoint) if entrypoint else ()), *(_argv(cmd) if cmd else ())]
        if entrypoint is not None and entrypoint.exec_form is None:
            argv = _argv(entrypoint)
        last = cmd or entrypoint
        assert last is not None
        self._has_cmd = entrypoint is not None and cmd is not None and entrypoint.exec_form is not None
        self.command(argv, last.span)
        if self._passes_on and cmd is not None:
            self.command(_argv(cmd), cmd.span)
        check = lines.get("HEALTHCHECK")
        if check is not None and check.arguments.upper() != "NONE":
            self.command(_health(check.arguments.partition("CMD")[2].strip()), check.span)

    def command(self, argv: list[str], span: Span) -> None:
        """One command line, as Docker would run it in the final folder."""
        self.shell(shlex.join(argv), "the command line", span, 0)
        self.started(argv)

    def program(self, call: Called) -> None:
        """Follow a program to a script of the context, or note that the distribution has to bring it."""
        program, typed, argv, where, span, depth = call
        self.check(call)
        if program in _INITS:
            rest = [one or "" for one in argv]
            while rest and rest[0].startswith("-"):
                if rest.pop(0) == "--":
                    break
            self.shell(shlex.join(rest), where, span, depth)
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
        if program in calls().builtins or self.brought(call):
            return
        if "/" in typed or posixpath.join(self.workdir, typed) in self.places:
            if typed.startswith(_DISTRIBUTION):
                self.programs[program, where] = None
            else:
                self._called(typed, where, span, depth)
            return
        for folder in ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"):
            if f"{folder}/{typed}" in self.places:
                self._called(f"{folder}/{typed}", where, span, depth)
                return
        if not self.installed(program):
            self.programs[program, where] = None

    def started(self, argv: list[str]) -> None:
        """A whole command line is run, for an ecosystem that finds its entries in it."""

    def check(self, call: Called) -> None:
        """Raise `Refused` for a program that must not be called."""

    def brought(self, call: Called) -> bool:
        """Whether a program is the ecosystem's own, wherever it lies, and is there when the image runs."""
        return False

    def installed(self, program: str) -> bool:
        """Whether a program on the PATH comes with what the ecosystem's tools installed."""
        return False

    def opened(self, origin: str, path: str, text: str, span: Span) -> bool:
        """Whether a file of the context that is run is a source of the ecosystem, which then is looked at."""
        return False

    def script(self, text: str) -> None:
        """A shell script of the context is run, for an ecosystem that finds its entries in it."""

    def shell(self, text: str, where: str, span: Span, depth: int) -> None:
        """Follow a shell script, or a command line as a shell would have it."""
        if _LOGIN.search(text):
            raise Refused(f"{where} starts a login shell, which sets PATH anew", span)
        if _EMPTY.search(text):
            raise Refused(f"{where} empties the environment", span)
        script = parse_script(text)
        if script.opaque or depth > 3:
            raise Refused(f"{where} cannot be read: {script.opaque or 'scripts call scripts'}", span)
        for command in script.commands():
            if command.words and command.words[0].text in _ALL and self._has_cmd:
                self._passes_on = True
                continue
            assigned = {one.name for one in command.assignments}
            assigned.update(name for one in invocations(command) for name in one.assignments)
            if "PATH" in assigned:
                raise Refused(f"{where} sets PATH", span)
            for one in invocations(command, dict(self.stage.final_state.env)):
                handed = one.words if one.program == "exec" else one.typed
                if one.program is None or one.program == "exec":
                    if self._has_cmd and any(word.text in _ALL for word in handed):
                        self._passes_on = True
                        continue
                    raise Refused(f"{where} runs a program whose name is not known", span)
                if one.program in ("export", "declare", "typeset") and any(
                    word.text.lstrip("\"'").startswith("PATH=") for word in one.words
                ):
                    raise Refused(f"{where} sets PATH", span)
                for name in set(one.wrappers) - _SHELLS:
                    self.program(Called(name, name, (), where, span, depth))
                typed = [word.value for word in one.typed]
                self.program(Called(one.program, typed[0] or "", (*typed[1:], *one.argv), where, span, depth))

    def _called(self, path: str, where: str, span: Span, depth: int) -> None:
        """A file of the context is run: a shell script is read, a source is for the pack."""
        origin = self.places.get(posixpath.normpath(posixpath.join(self.workdir, path)))
        text = self.context.text(origin) if origin is not None else None
        if text is None or origin is None:
            raise Refused(f"{where} runs {path or 'a file'}, which is not known to come from the build context", span)
        if origin in self._seen:
            return
        self._seen.add(origin)
        if self.opened(origin, path, text, span):
            return
        if not _SHELL_SCRIPT.match(text) and not path.endswith(".sh"):
            raise Refused(f"{origin} is not a script that can be read", span)
        self.shell(text.replace("\r\n", "\n"), origin, span, depth + 1)
        self.script(text)


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
