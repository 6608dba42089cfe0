"""What a simple command does, seen through the wrappers people put around it.

`invocations` turns `sudo -E env X=1 nice python3 -m pip install a` into one `Invocation` of pip
with its arguments, and looks into `sh -c '…'`. What depends on a variable that is not known
stays unknown: its value is None.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from slimify.knowledge.package_managers import PackageManager, find
from slimify.syntax.shell import Command, Word, parse_script

Variables = Mapping[str, str | None]

_SIMPLE_EXPANSION = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*")

# Programs that run the command in their arguments, with those of their options that take a
# value in the next argument, and how many arguments of their own come before the command.
_WRAPPERS: dict[str, tuple[frozenset[str], int]] = {
    "builtin": (frozenset(), 0),
    "command": (frozenset(), 0),
    "doas": (frozenset({"-u", "-C"}), 0),
    "eatmydata": (frozenset(), 0),
    "env": (frozenset({"-u", "--unset", "-C", "--chdir"}), 0),
    "exec": (frozenset({"-a"}), 0),
    "fakeroot": (frozenset({"-l", "-s", "-i", "-b"}), 0),
    "gosu": (frozenset(), 1),
    "ionice": (frozenset({"-c", "-n"}), 0),
    "nice": (frozenset({"-n", "--adjustment"}), 0),
    "nohup": (frozenset(), 0),
    "setarch": (frozenset(), 1),
    "stdbuf": (frozenset({"-i", "-o", "-e"}), 0),
    "su-exec": (frozenset(), 1),
    "sudo": (frozenset({"-u", "-g", "-h", "-p", "-C", "-r", "-t", "-U", "-D", "-R", "-T"}), 0),
    "time": (frozenset({"-f", "-o"}), 0),
    "timeout": (frozenset({"-s", "--signal", "-k", "--kill-after"}), 1),
    "xargs": (frozenset({"-a", "-d", "-E", "-I", "-L", "-n", "-P", "-s", "--max-args", "--max-procs"}), 0),
}
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})


class Invocation(NamedTuple):
    """A program that a command runs.

    `program` is its name without folder, None if unknown; `pip` for `python -m pip`. `argv` are
    the values of its arguments, None for an unknown one; `words` are the same as words of the
    script. `nested` says that the command came out of a string or a substitution, where nothing
    can be put around it.
    `typed` are the words that name the program, wrappers left out, and `wrappers` their names.
    """

    program: str | None
    argv: tuple[str | None, ...]
    words: tuple[Word, ...]
    typed: tuple[Word, ...]
    wrappers: tuple[str, ...]
    assignments: tuple[str, ...]
    command: Command
    nested: bool = False

    @property
    def manager(self) -> PackageManager | None:
        return find(self.program) if self.program is not None else None

    def has(self, *options: str) -> bool:
        """Whether one of the options is among the arguments, with or without a `=value`."""
        return any(arg is not None and arg.partition("=")[0] in options for arg in self.argv)

    @property
    def operands(self) -> tuple[str | None, ...]:
        """The arguments that are no options; the values of separate options are among them."""
        return _operands(self.argv)


def _operands(argv: tuple[str | None, ...]) -> tuple[str | None, ...]:
    return tuple(arg for arg in argv if arg is None or not arg.startswith("-") or arg == "-")


class Verb(NamedTuple):
    """The sub-command of a package manager: its words, the packages behind it, and where they stand."""

    name: str
    operands: tuple[str | None, ...]
    end: int


def invocations(command: Command, variables: Variables | None = None) -> tuple[Invocation, ...]:
    """The programs a simple command runs: one, or those of the script in `sh -c`; none for a bare assignment."""
    if not command.words:
        return ()
    names = tuple(assignment.name for assignment in command.assignments)
    return tuple(_unwrap(command, command.words, (), names, variables or {}, False, 0))


def _unwrap(
    command: Command,
    words: tuple[Word, ...],
    wrappers: tuple[str, ...],
    assigned: tuple[str, ...],
    variables: Variables,
    nested: bool,
    depth: int,
) -> Iterator[Invocation]:
    values = tuple(resolve(word, variables) for word in words)
    at = 0
    while True:
        name = values[at] if at < len(values) else None
        program = posixpath.basename(name) if name else None
        if program is None or program not in _WRAPPERS:
            break
        start = _behind_wrapper(program, values, at)
        if start is None or start >= len(values):
            break
        assigned += tuple(v.partition("=")[0] for v in values[at + 1 : start] if v and _ASSIGNMENT.match(v))
        wrappers += (program,)
        at = start
    rest, arguments = values[at:], words[at:]
    script = _inner_script(program, rest)
    if script is not None and depth < 3:
        inner = parse_script(script)
        if not inner.opaque:
            for one in inner.commands():
                names = assigned + tuple(assignment.name for assignment in one.assignments)
                if one.words:
                    yield from _unwrap(one, one.words, (*wrappers, program or ""), names, variables, True, depth + 1)
            return
    typed = 1
    if program is not None and _PYTHON.fullmatch(program):
        module = _python_module(rest)
        if module is not None:
            typed = module + 1
            program = rest[module]
    elif program == "php" and len(rest) > 1 and rest[1] and posixpath.basename(rest[1]).startswith("composer"):
        typed, program = 2, "composer"
    yield Invocation(
        program=program,
        argv=rest[typed:],
        words=arguments[typed:],
        typed=arguments[:typed],
        wrappers=wrappers,
        assignments=assigned,
        command=command,
        nested=nested,
    )


def _behind_wrapper(program: str, values: tuple[str | None, ...], at: int) -> int | None:
    """Where the wrapped command starts; None where the wrapper is asked for something else."""
    valued, own = _WRAPPERS[program]
    at += 1
    while at < len(values):
        value = values[at]
        if value is None:
            break
        if program == "command" and value in ("-v", "-V"):
            return None
        if value == "--":
            at += 1
            break
        if value.startswith("-") and len(value) > 1:
            at += 2 if value in valued else 1
        elif program in ("env", "sudo") and _ASSIGNMENT.match(value):
            at += 1
        elif own:
            own -= 1
            at += 1
        else:
            break
    return at


def _inner_script(program: str | None, values: tuple[str | None, ...]) -> str | None:
    """The text behind `sh -c` or `su -c`."""
    if program not in _SHELLS and program not in ("su", "runuser"):
        return None
    for at, value in enumerate(values[1:-1], 1):
        if value is None:
            return None
        if value in ("-c", "--command") or (
            program in _SHELLS and value.startswith("-") and not value.startswith("--") and value.endswith("c")
        ):
            return values[at + 1]
    return None


def _python_module(values: tuple[str | None, ...]) -> int | None:
    """The index of NAME in `python -m NAME`."""
    for at, value in enumerate(values[1:], 1):
        if value == "-m":
            return at + 1 if at + 1 < len(values) and values[at + 1] is not None else None
        if value is None or not value.startswith("-"):
            return None
    return None


def resolve(word: Word, variables: Variables) -> str | None:
    """The value of a word, with `$NAME` and `${NAME}` replaced where the Dockerfile tells their values."""
    if word.value is not None or not variables or "$" not in word.text:
        return word.value
    text = word.text
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    if quoted:
        text = text[1:-1]
    if any(char in text for char in "\"'`\\("):
        return None
    parts: list[str] = []
    at = 0
    for match in _SIMPLE_EXPANSION.finditer(text):
        value = variables.get(match[1] or match[2])
        if value is None or (not quoted and (not value or any(c in value for c in " \t\n*?["))):
            return None
        parts += [text[at : match.start()], value]
        at = match.end()
    parts.append(text[at:])
    joined = "".join(parts)
    return None if "$" in "".join(parts[::2]) else joined


@functools.lru_cache(maxsize=64)
def _verbs(manager: PackageManager) -> frozenset[str]:
    return frozenset(
        [
            *manager.installs,
            *manager.fills,
            *manager.refreshes,
            *manager.needs_index,
            *manager.removes,
            *manager.cleans,
        ]
    )


def verb(invocation: Invocation) -> Verb | None:
    """The sub-command of a package manager, and what it is asked to work on; None if there is no telling."""
    return None if invocation.program is None else _verb(invocation.program, invocation.argv)


@functools.lru_cache(maxsize=2048)
def _verb(program: str, argv: tuple[str | None, ...]) -> Verb | None:
    manager = find(program)
    if manager is None:
        return None
    if _verbs(manager) == {""}:
        return Verb("", _operands(argv), 0)
    operands: list[tuple[int, str | None]] = []
    at = 0
    while at < len(argv):
        value = argv[at]
        if value is not None and value.startswith("-") and len(value) > 1:
            at += 2 if value in manager.global_value_options else 1
            continue
        operands.append((at, value))
        at += 1
    if not operands:
        return Verb("", (), 0)
    if operands[0][1] is None:
        return None
    best = 1
    for count in range(min(3, len(operands)), 1, -1):
        words = [value for _, value in operands[:count]]
        if None not in words and " ".join(word for word in words if word) in _verbs(manager):
            best = count
            break
    name = " ".join(value or "" for _, value in operands[:best])
    rest = tuple(value for _, value in operands[best:])
    return Verb(name, rest, operands[best - 1][0] + 1)
