"""Entry scripts and other shell text of the context: which programs they start.

Source: POSIX.1-2017, "Shell Command Language"; the shebang line: execve(2).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from slimify.context.found import Place, Program, Unknown, is_file, source
from slimify.semantics.build_context import BuildContext
from slimify.semantics.commands import Invocation, Variables, invocations
from slimify.syntax.shell import (
    AndOr,
    Command,
    Compound,
    Pipeline,
    Script,
    Sequence,
    ShellNode,
    commands_in,
    parse_script,
)

_LIMIT = 200_000
_MANY = 2000
SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})
# What dash and bash do themselves (POSIX XCU 2.14, "Special Built-In Utilities"; bash(1), "SHELL
# BUILTIN COMMANDS"). No file of the image is needed for them.
BUILTINS = frozenset(
    """. : [ alias bg break builtin case cd command compgen complete continue declare dirs echo enable eval exec exit
    export false fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd read readarray
    readonly return set shift shopt source test times trap true type typeset ulimit umask unalias unset wait""".split()
)
_HEREDOC = re.compile(r"""(?<!<)<<(?P<tabs>-?)[ \t]*(?P<quote>['"\\]?)(?P<word>[A-Za-z_][\w.]*)['"]?""")
_ARGUMENTS = frozenset({'"$@"', "$@", '"$*"', "$*", '"${@}"', "${@}", '"${@:1}"', "${*}", '"${*}"'})
# Programs whose arguments are a command that they start (their manuals), besides those that
# `invocations` sees through: what of their options takes a value.
_INITS: dict[str, frozenset[str]] = {
    "tini": frozenset({"-p", "-e"}),
    "tini-static": frozenset({"-p", "-e"}),
    "dumb-init": frozenset({"-r", "--rewrite"}),
    "catatonit": frozenset(),
    "docker-php-entrypoint": frozenset(),
}


class Sourced(NamedTuple):
    """A file that is read into the script with `.` or `source`, as written; None where the name is computed."""

    path: str | None
    place: Place


class Calls(NamedTuple):
    """What shell text starts.

    `paths` are the words that name programs, in step with `programs`: `./bin/x` where the
    program is x. `runs_arguments` tells of an `exec "$@"`: the CMD of the image is run.
    """

    programs: tuple[Program, ...] = ()
    paths: tuple[str, ...] = ()
    sourced: tuple[Sourced, ...] = ()
    runs_arguments: bool = False
    unknown: tuple[Unknown, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the programs, each once."""
        return tuple(dict.fromkeys(one.name for one in self.programs))


class EntryScript(NamedTuple):
    """A script with what it starts. `interpreter` is the program of its shebang line with its arguments.

    For an interpreter that is no shell, `calls` is empty.
    """

    path: str
    interpreter: tuple[str, ...]
    calls: Calls

    @property
    def is_shell(self) -> bool:
        """Whether a shell reads it; it does so where there is no shebang line."""
        return not self.interpreter or self.interpreter[0] in SHELLS


def read_script(context: BuildContext, path: str) -> EntryScript | Unknown | None:
    """A script of the context: None if there is none, `Unknown` if it is no text (a compiled program)."""
    if not is_file(context, path):
        return None
    text = source(context, path, _LIMIT)
    if text is None:
        return Unknown("the script is no text, or too long", Place(path))
    interpreter = shebang(text)
    script = EntryScript(path, interpreter, Calls())
    return script._replace(calls=calls(text, path)) if script.is_shell else script


def shebang(text: str) -> tuple[str, ...]:
    """The interpreter and its arguments, `env` left out; nothing if there is none."""
    if not text.startswith("#!"):
        return ()
    words = text[2 : text.find("\n") if "\n" in text else len(text)].split()
    if words and posixpath.basename(words[0]) == "env":
        words.pop(0)
        while words and (words[0].startswith("-") or "=" in words[0]):
            words.pop(0)
    return (posixpath.basename(words[0]), *words[1:]) if words else ()


def calls(text: str, file: str, line: int = 1) -> Calls:
    """What a shell script starts. Its first line is line `line` of the file."""
    joined, lines, unknown = _prepare(text, file, line)
    script = parse_script(joined)
    if script.opaque:
        if script.opaque != "empty":
            unknown.append(Unknown(f"the shell text cannot be read: {script.opaque}", Place(file, line)))
        return Calls(unknown=tuple(unknown))
    functions = frozenset(_functions(script.body))
    variables = _variables(script)
    found = _Calls()
    found.unknown = unknown
    for command in script.commands():
        number = lines[min(joined.count("\n", 0, command.start), len(lines) - 1)]
        for one in invocations(command, variables):
            found.add(one, Place(file, number), functions)
    return found.value()


def calls_of(command: Command, place: Place) -> Calls:
    """What one command starts."""
    found = _Calls()
    for one in invocations(command):
        found.add(one, place, frozenset())
    return found.value()


def _prepare(text: str, file: str, line: int) -> tuple[str, list[int], list[Unknown]]:
    """The text without continuations and here-documents, and the line that each of its lines began as."""
    kept: list[str] = []
    lines: list[int] = []
    unknown: list[Unknown] = []
    waiting: list[tuple[str, bool, bool]] = []
    body: list[str] = []
    open_line = False
    for number, one in enumerate(text.replace("\r\n", "\n").split("\n"), line):
        if waiting:
            word, tabs, quoted = waiting[0]
            if (one.lstrip("\t") if tabs else one) == word:
                waiting.pop(0)
                if not quoted and any("$(" in part or "`" in part for part in body):
                    unknown.append(Unknown("a here-document that runs commands", Place(file, number)))
                body.clear()
            else:
                body.append(one)
            continue
        if not open_line:
            kept.append("")
            lines.append(number)
        comment = not open_line and one.lstrip().startswith("#")
        backslashes = len(one) - len(one.rstrip("\\"))
        open_line = backslashes % 2 == 1 and not comment
        if not comment:
            for match in _HEREDOC.finditer(one):
                waiting.append((match["word"], bool(match["tabs"]), bool(match["quote"])))
            one = _HEREDOC.sub("< /dev/null", one)
        kept[-1] += one[:-1] if open_line else one
    if waiting:
        unknown.append(Unknown("a here-document without an end", Place(file, lines[-1])))
    return "\n".join(kept), lines, unknown


def _functions(node: Sequence | ShellNode) -> Iterator[str]:
    """The names of the functions that are defined anywhere in the script."""
    waiting: list[Sequence | ShellNode] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Sequence):
            waiting += [item.node for item in one.items]
        elif isinstance(one, Compound):
            if one.kind == "function" and one.words and one.words[0].value:
                yield one.words[0].value
            waiting += one.parts
        elif isinstance(one, Pipeline):
            waiting += one.commands
        elif isinstance(one, AndOr):
            waiting += one.operands


def _variables(script: Script) -> Variables:
    """Variables that get one literal value, unconditionally, and no other anywhere in the script."""
    counts: dict[str, int] = {}
    for command in commands_in(script.body):
        names = [one.name for one in command.assignments]
        if command.name in ("export", "readonly", "local", "declare", "read", "typeset", "unset", "getopts"):
            names += [word.text.partition("=")[0] for word in command.words[1:]]
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    found: dict[str, str | None] = {}
    for item in script.body.items:
        node = item.node
        if isinstance(node, Command) and not node.words:
            for one in node.assignments:
                if counts[one.name] == 1 and one.value.value is not None and not one.value.pattern:
                    found[one.name] = one.value.value
    return found


class _Calls:
    def __init__(self) -> None:
        self.programs: list[Program] = []
        self.paths: list[str] = []
        self.sourced: list[Sourced] = []
        self.runs_arguments = False
        self.unknown: list[Unknown] = []

    def value(self) -> Calls:
        return Calls(
            tuple(self.programs), tuple(self.paths), tuple(self.sourced), self.runs_arguments, tuple(self.unknown)
        )

    def add(self, one: Invocation, place: Place, functions: Iterable[str]) -> None:
        if len(self.programs) + len(self.unknown) > _MANY:
            return
        for wrapper in one.wrappers:
            if wrapper not in BUILTINS and Program(wrapper, (), place) not in self.programs[-20:]:
                self._program(wrapper, wrapper, (), place)
        if one.program is None:
            if one.typed and one.typed[0].text in _ARGUMENTS:
                self.runs_arguments = True
            else:
                self.unknown.append(Unknown("a program whose name depends on a variable", place))
            return
        if one.program in functions:
            return
        if one.program in (".", "source"):
            self.sourced.append(Sourced(one.argv[0] if one.argv else None, place))
            return
        if one.program == "eval":
            self.unknown.append(Unknown("eval", place))
            return
        if one.program in SHELLS and any(arg and re.fullmatch(r"-[a-z]*c", arg) for arg in one.argv):
            # What could be read is looked through, and no call of a shell any more.
            self.unknown.append(Unknown("the text handed to a shell cannot be read", place))
        if one.program == "trap" and one.argv and one.argv[0] not in ("", "-", None):
            self._trap(one.argv[0] or "", place, functions)
        if one.program in BUILTINS:
            return
        # `python -m x` is a call of x to `invocations`; what is started is the interpreter.
        typed = one.typed[0].value or one.program
        argv = (*(word.value for word in one.typed[1:]), *one.argv)
        self._program(posixpath.basename(typed), typed, argv, place)
        if one.program in _INITS:
            self._init(one, place)

    def _program(self, name: str, path: str, argv: tuple[str | None, ...], place: Place) -> None:
        self.programs.append(Program(name, argv, place))
        self.paths.append(path)

    def _trap(self, text: str, place: Place, functions: Iterable[str]) -> None:
        """`trap 'kill $child' TERM`: the action is shell text (POSIX XCU 2.14, "trap")."""
        script = parse_script(text)
        if script.opaque:
            self.unknown.append(Unknown("the action of a trap cannot be read", place))
        for command in script.commands():
            for inner in invocations(command):
                if inner.program != "trap":
                    self.add(inner, place, functions)

    def _init(self, one: Invocation, place: Place) -> None:
        """`tini -g -- node server.js`: the command behind the options of an init."""
        at = 0
        while at < len(one.argv):
            value = one.argv[at]
            if value == "--":
                at += 1
                break
            if value is None or not value.startswith("-"):
                break
            at += 2 if value in _INITS[one.program or ""] else 1
        if at >= len(one.argv):
            return
        value = one.argv[at]
        if value is not None:
            self._program(posixpath.basename(value), value, one.argv[at + 1 :], place)
        elif one.words[at].text in _ARGUMENTS:
            self.runs_arguments = True
        else:
            self.unknown.append(Unknown("a program whose name depends on a variable", place))
