"""What `make` does with a Makefile: the recipes that its goals reach, as commands, as far as plain text tells.

Sources: GNU make manual, "How make Processes a Makefile", "Conditional Parts of Makefiles", "Recipe Syntax",
"Implicit Rules". Nothing is run: what a function or a program computes is `UNKNOWN` in what is found.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from slimify.context.found import Place, Unknown, is_file, join, source
from slimify.semantics.build_context import BuildContext

# Stands in a text for what is not known.
UNKNOWN = "__unknown__"

_DEPTH = 30
_LENGTH = 20_000
_TARGETS = 200
_STEPS = 200_000
_NAMES = ("GNUmakefile", "makefile", "Makefile")
# GNU make manual, "Variables Used by Implicit Rules".
_BUILT_IN = {
    "AR": "ar", "AS": "as", "CC": "cc", "CXX": "g++", "CPP": "cc -E", "LD": "ld", "MAKE": "make", "RM": "rm -f",
    "LEX": "lex", "YACC": "yacc", "ARFLAGS": "rv", "SHELL": "/bin/sh", "OS": "", "DESTDIR": "",
}  # fmt: skip
_ASSIGN = re.compile(r"(?:(?:export|override|private)\s+)*([\w.-]+)\s*(\?|:{1,3}|\+|!)?=\s*(.*)", re.DOTALL)
_RULE = re.compile(r"((?:[^:=#]|\$\([^)]*\))+?)\s*(&?::?)(?![=:])\s*(.*)", re.DOTALL)


class Rule(NamedTuple):
    """A target with what it is made from and how; a recipe is its lines, each with its place."""

    target: str
    needs: tuple[str, ...]
    recipe: tuple[tuple[str, Place], ...]


class Rules(NamedTuple):
    """A Makefile with those it includes. `unknown` is what was met that could mean anything."""

    path: str
    rules: tuple[Rule, ...]
    variables: Mapping[str, str]
    phony: frozenset[str]
    unknown: tuple[Unknown, ...]

    def reached(self, goals: tuple[str, ...]) -> tuple[Rule, ...]:
        """The rules that making the goals may apply; without a goal, the first target is it.

        A rule with a pattern, or a name that is not known, counts as reached.
        """
        plain = [one for one in self.rules if "%" not in one.target and UNKNOWN not in one.target]
        if not goals:
            first = next((one.target for one in plain if "/" in one.target or one.target[0] != "."), None)
            goals = () if first is None else (self.variables.get(".DEFAULT_GOAL") or first,)
        waiting, seen = list(goals), set(goals)
        found = [one for one in self.rules if "%" in one.target or UNKNOWN in one.target]
        for one in found:
            waiting += [name for name in one.needs if name not in seen]
        while waiting:
            name = waiting.pop(0)
            for one in plain:
                if name == one.target:
                    if one not in found:
                        found.append(one)
                    for need in one.needs:
                        if need not in seen:
                            seen.add(need)
                            waiting.append(need)
        return tuple(found)

    def missing(self, goals: tuple[str, ...]) -> tuple[str, ...]:
        """The goals that no rule names."""
        return tuple(goal for goal in goals if not any(goal == one.target for one in self.rules))


def find_makefile(context: BuildContext, folder: str) -> str | None:
    """The file that make reads in a folder of the context."""
    return next((path for name in _NAMES if is_file(context, path := posixpath.join(folder, name))), None)


def read_rules(
    context: BuildContext,
    path: str,
    given: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Rules | Unknown:
    """Read a Makefile. `given` are the variables of the command line, which win over those in the file."""
    reader = _Reader(context, posixpath.dirname(path), dict(given or {}), dict(environment or {}))
    if not reader.read(path):
        return Unknown("it cannot be read", Place(path))
    return Rules(path, tuple(reader.finish()), reader.variables, frozenset(reader.phony), tuple(reader.unknown))


class _Raw(NamedTuple):
    targets: str
    needs: str
    recipe: list[tuple[str, Place]]


class _Reader:
    def __init__(self, context: BuildContext, folder: str, given: dict[str, str], environment: dict[str, str]) -> None:
        self.context = context
        self.folder = folder
        self.given = given
        self.variables: dict[str, str] = {**_BUILT_IN, **environment, **given}
        self.raw: list[_Raw] = []
        self.phony: set[str] = set()
        self.unknown: list[Unknown] = []
        self.files: list[str] = []
        self.steps = 0
        # One entry for each open conditional: whether its branch is taken, None if not known; whether one was.
        self.branches: list[tuple[bool | None, bool | None]] = []

    def read(self, path: str) -> bool:
        text = source(self.context, path, 500_000)
        if text is None or path in self.files or len(self.files) > 20:
            return False
        self.files.append(path)
        current: _Raw | None = None
        defining = False
        for line, number in _lines(text):
            place = Place(path, number)
            if defining:
                defining = not line.strip().startswith("endef")
            elif line.startswith("\t") and current is not None:
                if not any(taken is False for taken, _ in self.branches):
                    current.recipe.append((line.strip(), place))
            elif line.strip() and not line.lstrip().startswith("#"):
                plain = re.sub(r"(?<!\\)#.*", "", line).strip()
                if plain.startswith("define"):
                    defining = True
                    self.unknown.append(Unknown("it defines what is run elsewhere", place))
                elif not self.conditional(plain):
                    current = self.line(plain, place, current)
        return True

    def conditional(self, line: str) -> bool:
        word = line.split(None, 1)[0].split("(")[0]
        if word in ("ifeq", "ifneq", "ifdef", "ifndef"):
            value = self.condition(word, line[len(word) :].strip())
            self.branches.append((value, value))
        elif word == "else" and self.branches:
            rest = line[4:].strip()
            _, before = self.branches.pop()
            now = None if before is None else not before
            if rest.startswith(("ifeq", "ifneq", "ifdef", "ifndef")) and now:
                name = rest.split(None, 1)[0].split("(")[0]
                now = self.condition(name, rest[len(name) :].strip())
            self.branches.append((now, None if now is None or before is None else now or before))
        elif word == "endif" and self.branches:
            self.branches.pop()
        else:
            return any(taken is False for taken, _ in self.branches)
        return True

    def condition(self, word: str, rest: str) -> bool | None:
        if word in ("ifdef", "ifndef"):
            return bool(self.variables.get(self.expand(rest).strip())) == (word == "ifdef")
        match = re.fullmatch(r"\((.*),(.*)\)|([\"'])(.*)\3\s+([\"'])(.*)\5", rest)
        if match is None:
            return None
        both = (match[1], match[2]) if match[1] is not None else (match[4], match[6])
        one, other = (self.expand(text).strip() for text in both)
        return None if UNKNOWN in one + other else (one == other) == (word == "ifeq")

    def line(self, line: str, place: Place, current: _Raw | None) -> _Raw | None:
        """A line that is no recipe: the rule that it starts, if it is one."""
        included = re.match(r"(-|s)?include\s+(.*)", line)
        if included:
            self.include(included[2].split(), bool(included[1]), place)
            return current
        if re.match(r"(?:export|unexport|vpath|\.PHONY|undefine)\b", line) and not _ASSIGN.fullmatch(line):
            if line.startswith(".PHONY"):
                self.phony.update(line.partition(":")[2].split())
            return None if line.startswith(".PHONY") else current
        assigned = _ASSIGN.fullmatch(line)
        if assigned:
            self.assign(assigned[1], assigned[2] or "", assigned[3])
            return current
        rule = _RULE.fullmatch(line)
        if rule:
            own = re.match(r"([\w.-]+)\s*[:+?]?=", rule[3])
            if own:
                # A variable of one target only.
                self.variables[own[1]] = UNKNOWN
                return None
            if rule[1].strip() == ".PHONY":
                self.phony.update(self.expand(rule[3]).split())
                return None
            needs, semicolon, command = rule[3].partition(";")
            if rule[1].strip() in (".ONESHELL", ".RECIPEPREFIX"):
                self.unknown.append(Unknown(f"{rule[1].strip()} changes how it is read", place))
            made = _Raw(rule[1], needs.replace("|", " "), [(command.strip(), place)] if semicolon else [])
            self.raw.append(made)
            return made
        if "$(" in line and not re.match(r"\$\((?:info|warning|error)\b", line):
            self.unknown.append(Unknown("a function makes rules", place))
        return current

    def include(self, names: list[str], optional: bool, place: Place) -> None:
        for name in self.expand(" ".join(names)).split():
            path = join(self.folder, name)
            if path is not None and UNKNOWN not in name and is_file(self.context, path):
                self.read(path)
            elif not optional and not name.endswith(".d"):
                self.unknown.append(Unknown(f"it includes {name}, which is not in the context", place))

    def assign(self, name: str, operator: str, value: str) -> None:
        if name in self.given:
            return
        maybe = any(taken is None for taken, _ in self.branches)
        if maybe or operator == "!":
            self.variables[name] = UNKNOWN
        elif operator == "+":
            self.variables[name] = f"{self.variables.get(name, '')} {value}".strip()[:_LENGTH]
        elif operator.startswith(":"):
            self.variables[name] = self.expand(value)
        elif operator != "?" or name not in self.variables:
            self.variables[name] = value

    def finish(self) -> Iterator[Rule]:
        for one in self.raw:
            needs = tuple(self.expand(one.needs).split())
            for target in self.expand(one.targets).split()[:_TARGETS]:
                automatic = {
                    "@": target if "%" not in target else UNKNOWN,
                    "<": needs[0] if needs and "%" not in needs[0] else UNKNOWN,
                    "^": " ".join(needs) or UNKNOWN,
                    "+": " ".join(needs) or UNKNOWN,
                }
                recipe = ((self.command(line, automatic), place) for line, place in one.recipe)
                yield Rule(target, needs, tuple((line, place) for line, place in recipe if line))

    def command(self, line: str, automatic: Mapping[str, str]) -> str:
        line = re.sub(r"^[@+\s-]+", "", line)
        return re.sub(r"^[@+\s-]+", "", self.expand(line, automatic))

    def expand(self, text: str, automatic: Mapping[str, str] | None = None, depth: int = 0) -> str:
        """The text with what its variables stand for."""
        if "$" not in text:
            return text
        found: list[str] = []
        at, size = 0, 0
        while at < len(text) and size < _LENGTH:
            start = text.find("$", at)
            if start < 0 or start + 1 == len(text):
                break
            found.append(text[at:start])
            sign = text[start + 1]
            if sign in "({":
                end = _closing(text, start + 1)
                value = self.value(text[start + 2 : end], automatic, depth + 1)
                at = end + 1
            else:
                value = "$" if sign == "$" else self.value(sign, automatic, depth + 1)
                at = start + 2
            found.append(value)
            size += len(value)
        return "".join([*found, text[at:]])[:_LENGTH]

    def value(self, inner: str, automatic: Mapping[str, str] | None, depth: int) -> str:
        self.steps += 1
        if depth > _DEPTH or self.steps > _STEPS:
            return UNKNOWN
        name = inner.strip()
        if name[:1] and name[0] in "@<^+*?%":
            return (automatic or {}).get(name, UNKNOWN)
        if re.fullmatch(r"shell\s+uname(\s+-s)?(\s+2>/dev/null.*)?", name):
            return "Linux"
        if re.fullmatch(r"CURDIR|PWD", name):
            return UNKNOWN
        if re.fullmatch(r"[\w.-]+", name):
            return self.expand(self.variables.get(name, ""), automatic, depth)
        return UNKNOWN


def _closing(text: str, at: int) -> int:
    """Where the bracket at `at` is closed, or the end of the text."""
    closes = ")" if text[at] == "(" else "}"
    depth = 0
    for place in range(at, len(text)):
        if text[place] == text[at]:
            depth += 1
        elif text[place] == closes:
            depth -= 1
            if depth == 0:
                return place
    return len(text)


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """The lines with those that continue them, and the number of the first."""
    waiting, first = "", 0
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        first = first if waiting else number
        joined = waiting + line
        if line.endswith("\\") and not line.endswith("\\\\"):
            waiting = joined[:-1] + " "
            continue
        yield joined, first
        waiting = ""
    if waiting:
        yield waiting, first
