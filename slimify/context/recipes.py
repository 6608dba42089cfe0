"""What the recipes of a Makefile write, command by command."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from slimify.context.compile_line import COMPILER, CompileLine, read_compile_line
from slimify.context.found import Place, Unknown
from slimify.context.makefile import UNKNOWN, Rule
from slimify.semantics.commands import Invocation, invocations
from slimify.syntax.shell import Command, parse_script

# They write nothing, or only what is said by a redirection.
_QUIET = frozenset(
    ": [ awk cat cmp command cut date diff dirname basename echo exit export expr false file find grep egrep head "
    "ls nm nproc objdump pkg-config printf pwd readelf readlink set size sleep sort tail test tr true type uname uniq "
    "wc which".split()
)
# They make, change or remove files where they are told to.
_WRITE = frozenset(
    "ar bison byacc chmod cp flex gcc-ar gcc-ranlib install ld lex ln mkdir mv objcopy patch protoc ranlib re2c rm "
    "rmdir sed strip tee touch unzip tar windres xxd yacc".split()
)
_OBJECT = re.compile(r".*\.(?:o|lo|a|d|dep|gch|pch|i|ii|s)$")
# What a build may leave behind in a folder without any program reading it.
_TRACES = re.compile(r".*\.(?:o|lo|la|a|d|dep|gch|pch|i|ii|s|h|hh|hpp|hxx|c|cc|cpp|cxx|inc|stamp)$")


class Inner(NamedTuple):
    """A make that a recipe starts: where, with which goals, and which file it is told to read."""

    folder: str
    words: tuple[str, ...]
    place: Place


class Effects(NamedTuple):
    """What commands do, with paths as from the folder that make runs in.

    `programs` and `shared` are linked; `placed` are copied or installed, as source and target; `written` are other
    files that are made, `folders` those in which nothing is built, `removed` what is taken away, and `unknown` commands
    that may do anything.
    """

    lines: tuple[CompileLine, ...]
    plus_plus: bool
    programs: tuple[str, ...]
    shared: tuple[str, ...]
    placed: tuple[tuple[str, str], ...]
    written: tuple[tuple[str, Place], ...]
    folders: tuple[str, ...]
    removed: tuple[str, ...]
    inner: tuple[Inner, ...]
    unknown: tuple[Unknown, ...]


def read_effects(rules: Iterable[Rule]) -> Effects:
    """What all commands of the rules do, whether or not the rules apply."""
    reader = _Reader()
    for rule in rules:
        reader.targets.append(posixpath.normpath(rule.target))
        reader.implicit(rule)
        for line, place in rule.recipe:
            reader.recipe(line, place)
    return Effects(
        tuple(reader.lines),
        reader.plus_plus,
        tuple(dict.fromkeys(reader.programs)),
        tuple(dict.fromkeys(reader.shared)),
        tuple(reader.placed),
        tuple(reader.written),
        tuple(one for one in dict.fromkeys(reader.folders) if not reader.built_in(one)),
        tuple(reader.removed),
        tuple(reader.inner),
        tuple(reader.unknown),
    )


class _Reader:
    def __init__(self) -> None:
        self.lines: list[CompileLine] = []
        self.plus_plus = False
        self.programs: list[str] = []
        self.shared: list[str] = []
        self.placed: list[tuple[str, str]] = []
        self.written: list[tuple[str, Place]] = []
        self.folders: list[str] = []
        self.targets: list[str] = []
        self.removed: list[str] = []
        self.inner: list[Inner] = []
        self.unknown: list[Unknown] = []
        self.folder = ""

    def implicit(self, rule: Rule) -> None:
        """A target that has objects, and no recipe, is linked by a rule of make's own (manual, "Catalogue")."""
        if rule.recipe or not any(one.endswith((".o", UNKNOWN)) for one in rule.needs):
            return
        if f"{rule.target}.o" in rule.needs:
            self.programs.append(posixpath.normpath(rule.target))

    def recipe(self, line: str, place: Place) -> None:
        self.folder = ""
        script = parse_script(line)
        if script.opaque:
            if script.opaque != "empty":
                self.unknown.append(Unknown("a recipe cannot be read", place))
            return
        for command in script.commands():
            self.redirects(command, place)
            for one in invocations(command):
                self.command(one, place)

    def redirects(self, command: Command, place: Place) -> None:
        for one in command.redirects:
            if one.operator.startswith("<") or one.target is None or one.operator.endswith("&"):
                continue
            target = one.target.value
            if target is None or not target.startswith("/dev/"):
                self.write(target, place)

    def command(self, one: Invocation, place: Place) -> None:
        program = one.program
        words = [UNKNOWN if word is None else word for word in one.argv]
        operands = [word for word in words if not word.startswith("-")]
        if program is None or UNKNOWN in program or (one.wrappers and "sudo" in one.wrappers):
            self.unknown.append(Unknown("it runs a program that is not known", place))
        elif COMPILER.fullmatch(program):
            self.compiled(program, one.argv, place)
        elif program in ("make", "gmake"):
            self.inner.append(Inner(self.folder, tuple(words), place))
        elif program == "cd" and len(operands) == 1 and UNKNOWN not in operands[0]:
            self.folder = posixpath.join(self.folder, operands[0])
        elif program in ("cp", "mv", "install", "ln") and "-d" not in words and len(operands) > 1:
            self.place(program, words, place)
        elif program in ("mkdir", "rmdir", "chmod", "strip", "ranlib", "install"):
            changed = operands[1:] if program == "chmod" else operands
            if program == "mkdir":
                self.folders += [self.at(word) for word in operands if UNKNOWN not in word]
            elif any(word.startswith("/") for word in changed) and program != "install":
                self.write(next(word for word in changed if word.startswith("/")), place)
        elif program == "rm":
            self.removed += [self.at(word) for word in operands]
        elif program in _WRITE:
            for word in operands:
                if word.startswith("/") or program not in ("ar", "ld"):
                    self.write(word if word.startswith("/") else UNKNOWN, place)
            if program == "ld":
                self.write(UNKNOWN, place)
        elif program not in _QUIET:
            self.unknown.append(Unknown(f"it runs {one.typed[0].value or program}", place))

    def compiled(self, program: str, argv: tuple[str | None, ...], place: Place) -> None:
        argv = tuple(None if word is not None and word == UNKNOWN else word for word in argv)
        line = read_compile_line(argv)
        self.lines.append(line)
        self.targets.append(self.at(line.output or ""))
        self.plus_plus = self.plus_plus or "++" in program
        if line.output is None or UNKNOWN in line.output:
            if not line.objects:
                self.write(UNKNOWN, place)
        elif line.output and not line.objects and not _OBJECT.fullmatch(line.output):
            (self.shared if line.shared else self.programs).append(self.at(line.output))

    def place(self, program: str, words: list[str], place: Place) -> None:
        operands: list[str] = []
        rest = iter(words)
        for word in rest:
            if program == "install" and word in ("-m", "-o", "-g"):
                next(rest, None)
            elif not word.startswith("-"):
                operands.append(word)
        *sources, target = operands
        if UNKNOWN in " ".join(operands) or "-t" in words or program == "ln" or not sources:
            self.write(target if target.startswith("/") else UNKNOWN, place)
            return
        for one in sources:
            name = posixpath.basename(one.rstrip("/"))
            inside = target.endswith(("/", ".")) or len(sources) > 1 or posixpath.basename(target) == "bin"
            self.placed.append((self.at(one), self.at(posixpath.join(target, name) if inside else target)))

    def write(self, target: str | None, place: Place) -> None:
        if target is None or not _TRACES.fullmatch(target):
            self.written.append((UNKNOWN if target is None else self.at(target), place))

    def built_in(self, folder: str) -> bool:
        """Whether something is built in a folder, or it is itself a target."""
        return any(f"{one}/".startswith(f"{folder}/") for one in self.targets)

    def at(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, path))
