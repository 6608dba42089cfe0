"""What JavaScript and TypeScript sources need when they run: packages, local files, and programs they call.

What it cannot see, it says: a module or a program whose name is computed, `child_process` handed
on to other code. What it never sees is what the packages in node_modules do themselves, and
modules that a framework loads by its own configuration or by their place in a folder.
"""

from __future__ import annotations

import bisect
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from slimify.context.found import LocalFile, Place, Program, Unknown, line_of, source
from slimify.context.node.javascript import T, Text, Token, string_at, tokens
from slimify.context.node.modules import is_builtin, package_name, resolve_file
from slimify.context.node.tsconfig import TsConfig
from slimify.context.shell import calls
from slimify.semantics.build_context import BuildContext

_FILES = 3000
_CHARACTERS = 10_000_000
_MANY = 5000

# Functions of child_process (Node.js documentation, "Child process"), and whether their first
# argument is a shell's text, a program, or a module.
_CALLS = {
    "exec": "shell",
    "execSync": "shell",
    "spawn": "program",
    "spawnSync": "program",
    "execFile": "program",
    "execFileSync": "program",
    "fork": "module",
}
# Packages that start programs for others: their functions in the same terms (each package's
# README); "" is the value that the module itself is.
_RUNNERS: dict[str, dict[str, str]] = {
    "child_process": _CALLS,
    "cross-spawn": {"": "program", "sync": "program", "spawn": "program"},
    "execa": {
        "": "program",
        "execa": "program",
        "execaSync": "program",
        "sync": "program",
        "command": "shell",
        "commandSync": "shell",
        "execaCommand": "shell",
        "execaCommandSync": "shell",
    },
    "shelljs": {"exec": "shell", "which": "program"},
    "child-process-promise": _CALLS,
}
_OPAQUE_RUNNERS = frozenset({"zx", "node-pty", "node-cmd", "spawn-command", "tinyexec", "nano-spawn", "shelljs-live"})


class Import(NamedTuple):
    """A module that a file asks for. `package` is the npm package it belongs to, `file` the file of the context.

    Neither is set for a module of Node itself, and for one that nothing is known of.
    """

    specifier: str
    package: str | None
    file: str | None
    place: Place


class Needs(NamedTuple):
    """What one file, or several, need."""

    imports: tuple[Import, ...]
    programs: tuple[Program, ...]
    files: tuple[LocalFile, ...]
    unknown: tuple[Unknown, ...]

    @property
    def packages(self) -> dict[str, Place]:
        """Every npm package that is imported, with the first place."""
        found: dict[str, Place] = {}
        for one in self.imports:
            if one.package is not None:
                found.setdefault(one.package, one.place)
        return found


class Application(NamedTuple):
    """The files that are reached from the entry points by imports, and what they need."""

    files: tuple[str, ...]
    needs: Needs


def application(context: BuildContext, entries: Iterable[str], aliases: TsConfig | None = None) -> Application:
    """Follow the imports of local files from the entry points. Bounded in files and characters.

    `aliases` is the configuration by whose `paths` and `baseUrl` other names mean local files.
    """
    waiting = list(entries)
    seen: dict[str, None] = {}
    parts: list[Needs] = []
    extra: list[Unknown] = []
    size = 0
    while waiting:
        path = waiting.pop(0)
        if path in seen or path.endswith((".json", ".node", ".css", ".scss", ".svg", ".png")):
            continue
        if len(seen) >= _FILES or size > _CHARACTERS:
            extra.append(Unknown("more sources than are looked through", Place(path)))
            break
        seen[path] = None
        text = source(context, path)
        if text is None:
            extra.append(Unknown("the source cannot be read", Place(path)))
            continue
        size += len(text)
        found = scan(context, path, text, aliases)
        parts.append(found)
        waiting += [one.file for one in found.imports if one.file is not None and "node_modules" not in one.file]
        waiting += [one.path for one in found.files if one.path.endswith((".js", ".mjs", ".cjs", ".ts"))]
    return Application(
        tuple(seen),
        Needs(
            tuple(one for part in parts for one in part.imports),
            tuple(one for part in parts for one in part.programs),
            tuple(one for part in parts for one in part.files),
            (*(one for part in parts for one in part.unknown), *extra),
        ),
    )


def scan(context: BuildContext, path: str, text: str, aliases: TsConfig | None = None) -> Needs:
    """What the text of one file needs; `path` is where it stands in the context."""
    return _Scan(context, path, text, aliases).needs()


def mentioned(context: BuildContext, files: Iterable[str], names: Iterable[str]) -> dict[str, Place]:
    """Packages whose names stand in the sources as a string, alone or as the start of a path.

    Frameworks load modules by such names: a view engine, a database driver, a log transport.
    """
    wanted = frozenset(names)
    found: dict[str, Place] = {}
    for path in files:
        text = source(context, path)
        if text is None or not any(name in text for name in wanted):
            continue
        for token in tokens(_code(path, text)):
            if token.kind in (T.STRING, T.TEMPLATE):
                name = package_name(token.value)
                if name in wanted and name is not None:
                    found.setdefault(name, Place(path, line_of(text, token.at)))
    return found


def _code(path: str, text: str) -> str:
    """The script parts of a component file (.vue, .svelte, .astro), with everything else blanked."""
    if not path.endswith((".vue", ".svelte", ".astro")):
        return text
    kept: list[tuple[int, int]] = []
    if path.endswith(".astro") and text.startswith("---"):
        kept.append((3, max(text.find("\n---", 3), 3)))
    for match in re.finditer(r"<script\b[^>]*>", text, re.IGNORECASE):
        end = text.find("</script", match.end())
        kept.append((match.end(), end if end >= 0 else len(text)))
        if end < 0:
            break
    parts = []
    at = 0
    for start, end in kept:
        if start < at:
            continue
        parts += [re.sub(r"[^\n]", " ", text[at:start]), text[start:end]]
        at = end
    return "".join(parts)


class _Scan:
    def __init__(self, context: BuildContext, path: str, text: str, aliases: TsConfig | None) -> None:
        text = _code(path, text)
        self.context = context
        self.aliases = aliases
        self.path = path
        self.folder = posixpath.dirname(path)
        self.tokens = tokens(text)
        self.feeds = [match.start() for match in re.finditer("\n", text)]
        self.imports: list[Import] = []
        self.programs: list[Program] = []
        self.files: list[LocalFile] = []
        self.unknown: list[Unknown] = []
        # Names of this file that stand for a module that starts programs, and for its functions.
        self.modules: dict[str, str] = {}
        self.functions: dict[str, str] = {}
        self.declared: set[int] = set()
        self.constants = self._constants()

    def needs(self) -> Needs:
        for at, token in enumerate(self.tokens):
            if token.kind is not T.NAME or self._behind_dot(at):
                continue
            if token.value == "require":
                self._require(at)
            elif token.value == "import":
                self._import(at)
            elif token.value == "export":
                self._export(at)
            elif token.value in ("Worker", "URL") and self._value(at - 1) == "new":
                self._worker(at)
        if self.modules or self.functions:
            self._aliases()
            for at, token in enumerate(self.tokens):
                if token.kind is T.NAME and not self._behind_dot(at):
                    self._use(at, token)
        return Needs(
            tuple(self.imports[:_MANY]), tuple(self.programs[:_MANY]), tuple(self.files[:_MANY]), tuple(self.unknown)
        )

    def _value(self, at: int) -> str:
        """The name or mark at a token; nothing for strings, whose text could look like one."""
        if 0 <= at < len(self.tokens) and self.tokens[at].kind in (T.NAME, T.MARK):
            return self.tokens[at].value
        return ""

    def _behind_dot(self, at: int) -> bool:
        return self._value(at - 1) == "."

    def _place(self, at: int) -> Place:
        return Place(self.path, bisect.bisect_left(self.feeds, self.tokens[at].at) + 1)

    def _cannot(self, reason: str, at: int) -> None:
        if len(self.unknown) < _MANY:
            self.unknown.append(Unknown(reason, self._place(at)))

    def _constants(self) -> dict[str, str]:
        """`const NAME = 'text'` at any level, where no other declaration has the name."""
        found: dict[str, str] = {}
        twice: set[str] = set()
        for at, token in enumerate(self.tokens):
            if token.kind is T.NAME and token.value in ("const", "let", "var"):
                name = self._value(at + 1)
                if name in found:
                    twice.add(name)
                text = string_at(self.tokens, at + 3) if self._value(at + 2) == "=" else None
                if token.value == "const" and text is not None and text.whole:
                    found[name] = text.value
        return {name: value for name, value in found.items() if name not in twice}

    def _text(self, at: int) -> Text | None:
        text = string_at(self.tokens, at)
        name = self._value(at)
        if text is None and name in self.constants and self._value(at + 1) in (",", ")", "]"):
            return Text(self.constants[name], True, at + 1)
        return text

    def _add(self, specifier: str, at: int) -> None:
        if is_builtin(specifier):
            self.imports.append(Import(specifier, None, None, self._place(at)))
            return
        if specifier.startswith((".", "/")):
            found = resolve_file(self.context, self.folder, specifier) if specifier[0] == "." else None
            self.imports.append(Import(specifier, None, found, self._place(at)))
            if found is None:
                self._cannot(f"{specifier} is not in the context", at)
            return
        if "://" in specifier or specifier.startswith("data:"):
            return
        for candidate in self.aliases.candidates(specifier) if self.aliases is not None else ():
            found = resolve_file(self.context, "", candidate)
            if found is not None:
                self.imports.append(Import(specifier, None, found, self._place(at)))
                return
        name = package_name(specifier)
        self.imports.append(Import(specifier, name, None, self._place(at)))
        if name is None:
            self._cannot(f"{specifier} is an alias that a build tool resolves", at)
        elif name in _OPAQUE_RUNNERS:
            self._cannot(f"{name} starts programs in ways that are not looked into", at)

    def _require(self, at: int) -> None:
        """`require('x')`, `require.resolve('x')`."""
        opening = at + 1
        if self._value(opening) == "." and self._value(at + 2) in ("resolve", "ensure"):
            opening = at + 3
        if self._value(opening) != "(":
            return
        text = self._text(opening + 1)
        if text is None or not text.whole:
            if self._value(opening + 1) != ")" and self._value(at - 1) not in ("function", "const", "let", "var"):
                self._cannot("require of a computed name", at)
            return
        self._add(text.value, at)
        if opening == at + 1 and self._value(text.end) == ")":
            self._bind(_runner(text.value), at, text.end)

    def _bind(self, runner: str | None, at: int, closing: int) -> None:
        """Note which names a runner's module gets: `x = …`, `{ a, b: c } = …`, `….exec`."""
        if runner is None:
            return
        start = at - 1
        if self._value(start) == "await":
            start -= 1
        while self._value(start) == "(":
            start -= 1
            if self._value(start) == "await":
                start -= 1
        while self._value(closing + 1) == ")":
            closing += 1
        called = self._value(closing + 2) if self._value(closing + 1) == "." else ""
        if called and self._value(closing + 3) == "(":
            self._call(_RUNNERS[runner].get(called), closing + 3)
            return
        if self._value(closing + 1) == "(" and "" in _RUNNERS[runner]:
            self._call(_RUNNERS[runner][""], closing + 1)
            return
        if self._value(start) == "=" and self.tokens[start - 1].kind is T.NAME:
            name = self._value(start - 1)
            self.declared.add(start - 1)
            if called:
                self._bind_function(name, runner, called, start - 1)
            else:
                self.modules[name] = runner
        elif self._value(start) == "=" and self._value(start - 1) == "}":
            self._bind_names(runner, start - 1, ":")
        elif runner == "child_process" and self._value(start) in ("(", ",", ":"):
            self._cannot("child_process is handed on", at)

    def _bind_function(self, name: str, runner: str, exported: str, at: int) -> None:
        kind = _RUNNERS[runner].get(exported)
        if kind is not None:
            self.functions[name] = kind
            self.declared.add(at)

    def _bind_names(self, runner: str, closing: int, separator: str) -> None:
        """`{ exec, spawn: start }` or `{ exec, spawn as start }`, read backwards from its brace."""
        at = closing - 1
        names: list[int] = []
        while at >= 0 and self._value(at) != "{" and closing - at < 200:
            if self.tokens[at].kind is T.NAME:
                names.append(at)
            at -= 1
        names.reverse()
        skip = -1
        for index, position in enumerate(names):
            if position <= skip:
                continue
            exported = local = self._value(position)
            where = position
            if self._value(position + 1) == separator and index + 1 < len(names):
                # `as` is itself a name; the one behind it is the local name.
                where = position + 2
                local = self._value(where)
                skip = where
            self.declared.update((position, where))
            if exported == "default":
                self.modules[local] = runner
            else:
                self._bind_function(local, runner, exported, where)

    def _import(self, at: int) -> None:
        """`import x from 'y'`, `import 'y'`, `import('y')`; types alone are no need."""
        if self._value(at + 1) == "(":
            text = self._text(at + 2)
            if text is None or not text.whole:
                self._cannot("import of a computed name", at)
                return
            self._add(text.value, at)
            if self._value(text.end) == ")":
                self._bind(_runner(text.value), at, text.end)
            return
        if self._value(at + 1) == ".":
            return  # import.meta
        text = string_at(self.tokens, at + 1)
        if text is not None:
            self._add(text.value, at)
            return
        end = self._from(at)
        if end is None:
            # TypeScript: import x = require('y') is seen at its require.
            return
        if self._value(at + 1) == "type" and self._value(at + 2) not in ("from", ","):
            return
        specifier = self.tokens[end + 1].value
        self._add(specifier, at)
        runner = _runner(specifier)
        if runner is None:
            return
        for position in range(at + 1, end):
            token = self.tokens[position]
            if self._value(position) == "{":
                closing = next((one for one in range(position, end) if self._value(one) == "}"), None)
                if closing is not None:
                    self._bind_names(runner, closing, "as")
                break
            if token.kind is T.NAME and token.value != "as":
                self.modules[token.value] = runner
                self.declared.add(position)

    def _from(self, at: int) -> int | None:
        """The `from` of an import or export clause, if a string stands behind it."""
        for position in range(at + 1, min(at + 2000, len(self.tokens) - 1)):
            token = self.tokens[position]
            if token.kind is T.NAME and token.value == "from" and self.tokens[position + 1].kind is T.STRING:
                return position
            if token.kind not in (T.NAME, T.MARK, T.STRING) or token.value in (";", "(", "=", "import", "export"):
                return None
        return None

    def _export(self, at: int) -> None:
        following = self._value(at + 1)
        if following == "type":
            return
        if following in ("{", "*"):
            end = self._from(at)
            if end is not None:
                self._add(self.tokens[end + 1].value, at)

    def _worker(self, at: int) -> None:
        """`new Worker('./x.js')`, `new URL('./x.js', import.meta.url)`."""
        text = self._text(at + 2) if self._value(at + 1) == "(" else None
        if text is not None and text.whole and text.value.startswith("."):
            found = resolve_file(self.context, self.folder, text.value)
            if found is not None:
                self.files.append(LocalFile(found, f"new {self._value(at)}", self._place(at)))

    def _aliases(self) -> None:
        """`run = promisify(exec)`, `{ exec } = cp`, `run = cp.exec`."""
        for at in range(2, len(self.tokens)):
            if self._value(at - 1) != "=":
                continue
            start = at
            if self._value(at) == "util" and self._value(at + 1) == ".":
                start = at + 2
            promised = self._value(start) == "promisify" and self._value(start + 1) == "("
            if promised:
                start += 2
            name = self._value(start)
            target = self._value(at - 2)
            if name in self.modules and self._value(start + 1) == ".":
                kind = _RUNNERS[self.modules[name]].get(self._value(start + 2))
                if kind is not None and self._value(start + 3) != "(" and self.tokens[at - 2].kind is T.NAME:
                    self.functions[target] = kind
                    self.declared.update((at - 2, start))
            elif name in self.modules and target == "}":
                self._bind_names(self.modules[name], at - 2, ":")
                self.declared.add(start)
            elif (
                name in self.functions
                and (promised or self._value(start + 1) != "(")
                and self.tokens[at - 2].kind is T.NAME
            ):
                self.functions[target] = self.functions[name]
                self.declared.update((at - 2, start))

    def _use(self, at: int, token: Token) -> None:
        """A call of a function that starts a program, or another mention of it."""
        name = token.value
        if at in self.declared or (name not in self.modules and name not in self.functions):
            return
        following = self._value(at + 1)
        if name in self.functions:
            if following == "(":
                if self._value(at - 1) != "function":
                    self._call(self.functions[name], at + 1)
            elif following != ":" and self._value(at - 1) not in ("{", "function"):
                self._cannot(f"{name} of child_process is handed on", at)
            return
        functions = _RUNNERS[self.modules[name]]
        if following == "." and self._value(at + 3) == "(":
            self._call(functions.get(self._value(at + 2)), at + 3)
        elif following == "(" and "" in functions:
            self._call(functions[""], at + 1)
        elif following not in (".", ":"):
            self._cannot(f"{name} is handed on", at)

    def _call(self, kind: str | None, opening: int) -> None:
        if kind is None:
            return
        at = opening + 1
        if kind == "program" and self._value(at) == "process" and self._value(at + 2) == "execPath":
            self.programs.append(Program("node", (), self._place(at)))
            return
        text = self._text(at)
        if text is None:
            what = "a module" if kind == "module" else "a program"
            self._cannot(f"{what} whose name is computed is started", opening)
        elif kind == "module":
            self._module(text, at)
        elif kind == "shell" or " " in text.value.strip():
            self._script(text.value, at)
        elif not text.whole:
            self._cannot("a program whose name is computed is started", opening)
        else:
            self._script(" ".join([shlex.quote(text.value), *self._arguments(text.end)]), at)

    def _arguments(self, at: int) -> Iterator[str]:
        """The members of an array literal behind a comma, quoted for the shell."""
        if self._value(at) != "," or self._value(at + 1) != "[":
            if self._value(at) == ",":
                yield '"$_"'
            return
        at += 2
        for _ in range(200):
            if at >= len(self.tokens) or self._value(at) == "]":
                return
            text = self._text(at)
            if text is None:
                yield '"$_"'
                depth = 0
                while at < len(self.tokens) and (depth or self._value(at) not in (",", "]")):
                    depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(self._value(at), 0)
                    at += 1
            else:
                yield shlex.quote(text.value) if text.whole else '"$_"'
                at = text.end
            if self._value(at) == ",":
                at += 1

    def _module(self, text: Text, at: int) -> None:
        found = resolve_file(self.context, self.folder, text.value) if text.whole else None
        if found is None and text.whole:
            found = resolve_file(self.context, "", text.value)
        if found is None:
            self._cannot("a forked module is not in the context", at)
        else:
            self.files.append(LocalFile(found, "fork", self._place(at)))

    def _script(self, text: str, at: int) -> None:
        found = calls(text[:10_000], self.path, self._place(at).line)
        self.programs += found.programs
        self.unknown += found.unknown
        for path, program in zip(found.paths, found.programs, strict=True):
            if path.startswith("./"):
                file = resolve_file(self.context, "", path) or resolve_file(self.context, self.folder, path)
                if file is not None:
                    self.files.append(LocalFile(file, "started", program.place))


def _runner(specifier: str) -> str | None:
    name = specifier.removeprefix("node:")
    return name if name in _RUNNERS else None


def packages_of(imports: Sequence[Import]) -> frozenset[str]:
    """The names of the npm packages that are imported."""
    return frozenset(one.package for one in imports if one.package is not None)
