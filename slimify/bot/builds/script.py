"""Shell scripts, wherever they stand: which builds they run, and in which folder, as far as that is constant.

Both ways of an `if` are read as if they were taken. A variable that has more than one value is not known, but a loop
over plain words is gone through.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from slimify.bot.builds.command import PROGRAMS, read_command
from slimify.bot.builds.holes import ROOT, at, hole, is_known
from slimify.bot.builds.named import Named, Problem
from slimify.context.found import Place
from slimify.syntax.shell import AndOr, Command, Compound, Pipeline, Sequence, ShellNode, parse_script

_LONGEST = 200_000
_ROUNDS = 40
_STEPS = 20_000
_BUILDING = re.compile(rf"\b(?:{'|'.join(PROGRAMS)})\b")
_BUILD_LINE = re.compile(r"(?:^|[\s;&|(])(?:docker|podman|buildah|nerdctl)\b[^\n#]*\s(?:build|bud)\s")
# Variables in which a CI system gives the folder that it has checked the repository out into.
_CHECKOUTS = """
    GITHUB_WORKSPACE CI_PROJECT_DIR BUILD_SOURCESDIRECTORY SYSTEM_DEFAULTWORKINGDIRECTORY CIRCLE_WORKING_DIRECTORY
    TRAVIS_BUILD_DIR BITBUCKET_CLONE_DIR DRONE_WORKSPACE CI_WORKSPACE WORKSPACE BUILD_WORKSPACE_DIRECTORY
    CODEBUILD_SRC_DIR
"""
CHECKOUTS = dict.fromkeys(_CHECKOUTS.split(), ROOT)
_EXPANSION = re.compile(
    r"'[^']*'|\\.|\$\((?P<command>(?:[^()]|\([^()]*\))*)\)|`(?P<old>[^`]*)`"
    r"|\$\{(?P<name>\w+)(?::?-(?P<default>[^}]*))?\}|\$\{(?P<other>[^}]*)\}|\$(?P<bare>\w+)|\$(?P<special>[@*#?])",
    re.DOTALL,
)
_OWN_FOLDER = re.compile(
    r"""dirname\s+(?:--\s+)?["']?(?:\$0|\$\{0\}|\$\{?BASH_SOURCE(?:\[0\])?\}?)["']?(.*)""", re.DOTALL
)
_UP = re.compile(r"(?:/[\w.-]+)+")
# Text that is handed to some program: what it says of builds is no command of this script.
_HEREDOC = re.compile(r"<<-?[ ]*([\"']?)([A-Za-z_]\w*)\1(?P<rest>[^\n]*\n)(?:.*?\n)??[\t ]*\2[ ]*(?=\n|\Z)", re.DOTALL)
_WRAPPERS = frozenset("sudo time exec command env nohup retry travis_retry".split())


class Shell(NamedTuple):
    """Where a script starts, and its variables by name. `own` is the folder that the script's file is in."""

    folder: str
    variables: Mapping[str, str]
    own: str = ""


def may_build(text: str) -> bool:
    """Whether a text has the words in it without which there is no build. Quick."""
    return ("build" in text or "bud" in text or "executor" in text) and _BUILDING.search(text) is not None


def read_script(text: str, shell: Shell, path: str, line: int) -> Iterator[Named | Problem]:
    """The builds of a script that starts at a line of a file."""
    if len(text) > _LONGEST or not may_build(text):
        return
    # Of the same length, so that offsets tell the line.
    joined = _HEREDOC.sub(_blank, text.replace("\\\n", "  "))
    walk = _Walk(shell, text, path, line)
    script = parse_script(joined)
    if not script.opaque:
        walk.sequence(script.body)
    else:
        walk.lines(joined)
    yield from walk.found


def _blank(match: re.Match[str]) -> str:
    """As many characters and lines without a here-document, but with what stands behind its mark."""
    before = " " * (match.start("rest") - match.start())
    return before + match["rest"] + re.sub(r"[^\n]", " ", match[0][len(before) + len(match["rest"]) :])


class _Walk:
    def __init__(self, shell: Shell, text: str, path: str, line: int) -> None:
        self.folder = shell.folder
        self.variables = {**CHECKOUTS, **shell.variables}
        self.own = shell.own
        self.text = text
        self.path = path
        self.first = line
        self.found: list[Named | Problem] = []
        self.base = 0
        self.steps = 0
        self.depth = 0

    def lines(self, text: str) -> None:
        """A script that cannot be read as a whole: each of its lines that builds, alone."""
        for line in text.splitlines(keepends=True):
            if _BUILD_LINE.search(line):
                script = parse_script(line.strip().strip("`'\"(),;"))
                if script.opaque:
                    self.found.append(Problem(self.path, self.line(0), "a command that builds is not understood"))
                else:
                    self.sequence(script.body)
            self.base += len(line)

    def line(self, offset: int) -> int:
        return self.first + self.text.count("\n", 0, self.base + offset)

    def sequence(self, node: Sequence) -> None:
        for item in node.items:
            self.node(item.node)

    def node(self, node: ShellNode) -> None:
        self.steps += 1
        if self.steps > _STEPS or self.depth > 50:
            return
        self.depth += 1
        if isinstance(node, Command):
            self.command(node)
        elif isinstance(node, AndOr):
            for one in node.operands:
                self.node(one)
        elif isinstance(node, Pipeline):
            for one in node.commands:
                self.apart(one)
        elif node.kind == "for":
            self.loop(node)
        elif node.kind == "group":
            for part in node.parts:
                self.sequence(part)
        else:
            self.apart(node)
        self.depth -= 1

    def apart(self, node: ShellNode) -> None:
        """What happens in a shell of its own, or perhaps not at all: it leaves the folder and variables in doubt."""
        folder, before = self.folder, dict(self.variables)
        if isinstance(node, Compound):
            for part in node.parts:
                self.sequence(part)
        else:
            self.node(node)
        own = isinstance(node, Compound) and node.kind != "subshell"
        self.folder = folder
        for name, value in self.variables.items():
            if own and before.get(name) != value:
                before[name] = hole(name)
        self.variables = before

    def loop(self, node: Compound) -> None:
        words = [word.text for word in node.words]
        values = [self.expanded(word) for word in words[1:]]
        if not words or not all(value is not None and is_known(value) for value in values) or len(values) > _ROUNDS:
            values = [hole(words[0])] if words else []
        plain = [part for value in values if value is not None for part in (value.split() or [value])]
        for value in plain if not any("*" in one for one in plain) else [hole(words[0])]:
            self.variables[words[0]] = value
            for part in node.parts:
                self.sequence(part)

    def command(self, node: Command) -> None:
        assigned = {one.name: self.expanded(one.value.text) for one in node.assignments}
        for one in node.assignments:
            for inner in one.value.substitutions:
                self.apart(Compound(inner.start, inner.end, "subshell", (inner,), (), ()))
        if not node.words:
            self.variables.update((name, hole(name) if value is None else value) for name, value in assigned.items())
            return
        words: list[str] = []
        for word in node.words:
            for inner in word.substitutions:
                self.apart(Compound(inner.start, inner.end, "subshell", (inner,), (), ()))
            words += self.fields(word.text)
        while words and (words[0] in _WRAPPERS or (words[0].startswith("-") or re.match(r"\w+=", words[0]))):
            words.pop(0)
        self.run(words, Place(self.path, self.line(node.start)))

    def run(self, words: list[str], place: Place) -> None:
        if not words:
            return
        name = words[0]
        operands = [word for word in words[1:] if not word.startswith("-")]
        if name in ("cd", "pushd") and operands:
            to = at(self.folder, operands[0])
            self.folder = hole("cd") if to is None else to
        elif name == "popd":
            self.folder = hole("popd")
        elif name in ("export", "readonly", "local", "declare"):
            for word in operands:
                variable, equals, value = word.partition("=")
                if equals:
                    self.variables[variable] = value
        elif name in ("sh", "bash") and "-c" in words[:-1]:
            # The text is shorter than the one that it stands in, so that this comes to an end.
            text = words[words.index("-c") + 1]
            shell = Shell(self.folder, self.variables, self.own)
            self.found += read_script(text, shell, self.path, place.line) if len(text) < len(self.text) else ()
        else:
            self.found += read_command(words, self.folder, place)

    def fields(self, text: str) -> list[str]:
        """The words that a word becomes: one, or for a variable that holds options, all of these."""
        bare = re.fullmatch(r"\$\{?(\w+)\}?", text)
        value = self.variables.get(bare[1]) if bare else None
        if value is not None:
            return value.split()
        expanded = self.expanded(text)
        if expanded == "" and not set(text) & set("'\""):
            return []
        return [hole("word") if expanded is None else expanded]

    def expanded(self, text: str) -> str | None:
        """What a word stands for, with holes for what is not known; None if it is no word at all."""
        try:
            return "".join(shlex.split(_EXPANSION.sub(self.value, text)))
        except ValueError:
            return None

    def value(self, match: re.Match[str]) -> str:
        if match[0][0] in "'\\":
            return match[0]
        command = match["command"] if match["command"] is not None else match["old"]
        if command is not None:
            return self.substituted(command.strip())
        name = match["name"] or match["bare"]
        if name == "PWD":
            return "."
        if name in self.variables and not set(self.variables[name]) & set("'\"\\"):
            return self.variables[name]
        if name and match["default"] is not None:
            return _EXPANSION.sub(self.value, match["default"].strip("\"'"))
        if (match["other"] or "").startswith(("BASH_SOURCE%/", "0%/")):
            return ROOT + "/" + self.own
        return hole(name or match["other"] or match["special"] or "")

    def substituted(self, command: str) -> str:
        """What a few commands print that scripts find their folder with."""
        own = _OWN_FOLDER.search(command)
        if own:
            up = _UP.search(own[1].replace('"', ""))
            return f"{ROOT}/{self.own}{up[0] if up else ''}"
        if command == "pwd":
            return "."
        if command.startswith("git rev-parse --show-toplevel"):
            return ROOT
        return hole(command)
