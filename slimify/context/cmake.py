"""C and C++ projects: CMakeLists.txt, Makefile, configure and Meson, as far as plain text tells.

Sources: CMake documentation, "cmake-language(7)", "cmake-commands(7)"; POSIX make; GNU Coding
Standards, "Makefile Conventions" (prefix, DESTDIR, install); Meson documentation, "Syntax".
What conditions, functions and included modules decide is not seen; every command is read as if it ran.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from slimify.context.found import Place, Unknown, is_file, join, line_of, source
from slimify.semantics.build_context import BuildContext

_COMMANDS = 20_000
_FILES = 200
_CMAKE = re.compile(
    r"""\#\[(?P<hash>=*)\[(?:.*?\](?P=hash)\]|.*\Z)|\#[^\n]*|\[(?P<eq>=*)\[(?P<raw>.*?)\](?P=eq)\]
    |"(?P<text>(?:[^"\\]|\\.)*)"|(?P<mark>[()])|(?P<word>[^\s()"\#]+)""",
    re.DOTALL | re.VERBOSE,
)
_VARIABLE = re.compile(r"\$\{([\w.-]+)\}")


class Target(NamedTuple):
    """A program or library that is built. `kind` is executable, static, shared, module, or empty if not said.

    `links` are the names it is linked with, as written; `installed` says whether an install puts it somewhere.
    """

    name: str
    kind: str
    links: tuple[str, ...]
    installed: bool
    place: Place


class Native(NamedTuple):
    """What a build description of C or C++ says.

    `packages` are what it looks for on the system, `downloads` what it fetches when it runs.
    `has_install` says that there is an install step.
    """

    tool: str
    path: str
    project: str
    targets: tuple[Target, ...]
    packages: tuple[tuple[str, Place], ...]
    downloads: tuple[tuple[str, Place], ...]
    has_install: bool
    files: tuple[str, ...]
    unknown: tuple[Unknown, ...]


def read_cmake(context: BuildContext, folder: str = "") -> Native | Unknown | None:
    """The CMakeLists.txt of a folder and of those that it names: None without one, `Unknown` if unreadable."""
    path = posixpath.join(folder, "CMakeLists.txt")
    if not is_file(context, path):
        return None
    reader = _CMakeReader(context)
    if not reader.read(folder):
        return Unknown("CMakeLists.txt cannot be read", Place(path))
    targets = tuple(
        Target(name, kind, tuple(reader.links.get(name, ())), name in reader.installed, place)
        for name, (kind, place) in reader.targets.items()
    )
    return Native(
        "cmake",
        path,
        reader.variables.get("PROJECT_NAME", ""),
        targets,
        tuple(reader.packages),
        tuple(reader.downloads),
        reader.has_install,
        tuple(reader.files),
        tuple(reader.unknown),
    )


class _CMakeReader:
    def __init__(self, context: BuildContext) -> None:
        self.context = context
        self.variables: dict[str, str] = {}
        self.targets: dict[str, tuple[str, Place]] = {}
        self.links: dict[str, list[str]] = {}
        self.installed: set[str] = set()
        self.packages: list[tuple[str, Place]] = []
        self.downloads: list[tuple[str, Place]] = []
        self.has_install = False
        self.files: list[str] = []
        self.unknown: list[Unknown] = []

    def read(self, folder: str) -> bool:
        waiting = [folder]
        while waiting:
            path = posixpath.join(waiting.pop(0), "CMakeLists.txt")
            text = source(self.context, path)
            if path in self.files:
                continue
            if text is None or len(self.files) >= _FILES:
                self.unknown.append(Unknown("it cannot be read, or there are too many", Place(path)))
                continue
            self.files.append(path)
            for name, arguments, line in commands(text):
                inner = self.command(name, arguments, Place(path, line))
                if inner:
                    waiting.append(inner)
        return bool(self.files)

    def command(self, name: str, arguments: list[str], place: Place) -> str | None:
        """Note what a command says; the folder, where it is add_subdirectory."""
        values = [self.expand(one) for one in arguments]
        first = values[0] if values else ""
        if name == "project" and first:
            self.variables["PROJECT_NAME"] = first
            self.variables.setdefault("CMAKE_PROJECT_NAME", first)
        elif name == "set" and len(values) == 2:
            self.variables[first] = values[1]
        elif name in ("add_executable", "add_library"):
            self.target(name, values, place)
        elif name == "target_link_libraries" and first:
            self.links.setdefault(first, []).extend(
                one
                for one in values[1:]
                if one not in ("PUBLIC", "PRIVATE", "INTERFACE", "debug", "optimized", "general")
            )
        elif name == "find_package" and first:
            self.packages.append((first, place))
        elif name == "pkg_check_modules":
            skip = ("REQUIRED", "QUIET", "IMPORTED_TARGET", "GLOBAL", "NO_CMAKE_PATH", "NO_CMAKE_ENVIRONMENT_PATH")
            self.packages += [(re.split(r"[<>=]", one)[0], place) for one in values[1:] if one not in skip]
        elif name in ("fetchcontent_declare", "externalproject_add", "cpmaddpackage", "cpmfindpackage"):
            named = first == "NAME" and len(values) > 1
            self.downloads.append((values[1] if named else first, place))
        elif name == "file" and first == "DOWNLOAD":
            self.downloads.append((values[1] if len(values) > 1 else "", place))
        elif name == "install":
            self.install(values)
        elif name == "include" and first.endswith(".cmake"):
            self.unknown.append(Unknown(f"it includes {first}", place))
        elif name == "add_subdirectory" and first:
            inner = join(posixpath.dirname(place.file), first)
            if inner is not None and is_file(self.context, posixpath.join(inner, "CMakeLists.txt")):
                return inner
            self.unknown.append(Unknown(f"{first} is not in the context", place))
        return None

    def target(self, name: str, values: list[str], place: Place) -> None:
        if not values or {"IMPORTED", "ALIAS"} & set(values[1:3]):
            return
        if "$" in values[0]:
            self.unknown.append(Unknown("a target whose name is computed", place))
            return
        kind = "executable" if name == "add_executable" else values[1].lower() if len(values) > 1 else ""
        if kind not in ("executable", "static", "shared", "module", "object", "interface"):
            kind = ""
        self.targets.setdefault(values[0], (kind, place))

    def install(self, values: list[str]) -> None:
        self.has_install = True
        if values[:1] != ["TARGETS"]:
            return
        for one in values[1:]:
            if one in (
                "DESTINATION",
                "RUNTIME",
                "LIBRARY",
                "ARCHIVE",
                "EXPORT",
                "BUNDLE",
                "COMPONENT",
                "PUBLIC_HEADER",
            ):
                break
            self.installed.add(one)

    def expand(self, text: str) -> str:
        """The text with variables that `set` or `project` gave; others stay as they are."""
        for _ in range(5):
            changed = _VARIABLE.sub(lambda match: self.variables.get(match[1], match[0]), text)
            if changed == text or len(changed) > 5000:
                break
            text = changed
        return text[:5000]


def commands(text: str) -> Iterator[tuple[str, list[str], int]]:
    """Each command of a CMake file: its name in small letters, its arguments, its line."""
    name, line, depth, count = "", 0, 0, 0
    arguments: list[str] = []
    number, at = 1, 0
    for match in _CMAKE.finditer(text):
        number += text.count("\n", at, match.start())
        at = match.start()
        if match[0].startswith("#"):
            continue
        if match["mark"] == "(":
            depth += 1
            if depth == 1:
                arguments, line = [], number
        elif match["mark"] == ")":
            depth -= 1
            if depth <= 0:
                depth = 0
                if name:
                    yield name, arguments, line
                    count += 1
                name = ""
                if count > _COMMANDS:
                    return
        elif depth == 0:
            name = (match["word"] or "").lower()
        else:
            value = next(one for one in (match["raw"], match["text"], match["word"]) if one is not None)
            arguments += value.split(";") if match["word"] else [value]


class Makefile(NamedTuple):
    """A Makefile. `targets` are those with a plain name; `variables` what is set to one plain value.

    `libraries` are the names behind `-l`. `outputs` are the files behind `-o`, where they are plain.
    """

    path: str
    targets: tuple[tuple[str, Place], ...]
    variables: dict[str, str]
    libraries: tuple[str, ...]
    outputs: tuple[str, ...]
    has_install: bool
    destdir: bool
    unknown: tuple[Unknown, ...]


def read_makefile(context: BuildContext, folder: str = "") -> Makefile | Unknown | None:
    """The Makefile of a folder, by the names that GNU make looks for, in its order."""
    paths = [posixpath.join(folder, name) for name in ("GNUmakefile", "makefile", "Makefile")]
    path = next((one for one in paths if is_file(context, one)), None)
    if path is None:
        return None
    text = source(context, path, 500_000)
    if text is None:
        return Unknown("the Makefile cannot be read", Place(path))
    targets: dict[str, Place] = {}
    variables: dict[str, str] = {}
    unknown: list[Unknown] = []
    recipes: list[str] = []
    for number, line in enumerate(text.replace("\\\n", "  ").splitlines(), 1):
        if line.startswith("\t"):
            recipes.append(line)
            continue
        line = re.sub(r"(?<!\\)#.*", "", line).strip()
        assigned = re.match(r"(?:export\s+|override\s+)?([\w.-]+)\s*(?:\?|::?|\+|!)?=\s*(.*)", line)
        if assigned:
            variables[assigned[1]] = f"{variables.get(assigned[1], '')} {assigned[2]}".strip()[:2000]
        elif re.match(r"-?s?include\b", line):
            unknown.append(Unknown(f"it reads {line.partition(' ')[2]}", Place(path, number)))
        elif rule := re.match(r"([^:=]+)::?(?!=)", line):
            for name in rule[1].split():
                if "%" not in name and "$" not in name and not name.startswith("."):
                    targets.setdefault(name, Place(path, number))
    plain = {name: value for name, value in variables.items() if "$" not in value and "`" not in value}
    expanded = [
        re.sub(r"\$[({](\w+)[)}]", lambda match: plain.get(match[1], match[0]), one)
        for one in [*recipes, *variables.values()]
    ]
    libraries = dict.fromkeys(name for one in expanded for name in re.findall(r"(?<!\S)-l([\w+.-]+)", one))
    outputs = dict.fromkeys(name for one in expanded for name in re.findall(r"(?<!\S)-o\s+([\w+./-]+)", one))
    return Makefile(
        path,
        tuple(targets.items()),
        plain,
        tuple(libraries),
        tuple(name for name in outputs if not name.endswith(".o")),
        "install" in targets,
        "DESTDIR" in text,
        tuple(unknown),
    )


def read_meson(context: BuildContext, folder: str = "") -> Native | Unknown | None:
    """The meson.build of a folder; folders that it names are not followed."""
    path = posixpath.join(folder, "meson.build")
    if not is_file(context, path):
        return None
    text = source(context, path, 500_000)
    if text is None:
        return Unknown("meson.build cannot be read", Place(path))
    text = re.sub(r"#[^\n]*", "", text)
    project = re.search(r"\bproject\s*\(\s*'([^'\n]*)'", text)
    if project is None:
        return Unknown("meson.build names no project", Place(path))
    targets = []
    kinds = {"executable": "executable", "static_library": "static", "shared_library": "shared", "library": ""}
    for match in re.finditer(
        r"\b(executable|static_library|shared_library|library)\s*\(\s*'([^'\n]*)'([^()]{0,2000})", text
    ):
        installed = re.search(r"\binstall\s*:\s*true", match[3]) is not None
        targets.append(Target(match[2], kinds[match[1]], (), installed, Place(path, line_of(text, match.start()))))
    packages = [
        (match[1], Place(path, line_of(text, match.start())))
        for match in re.finditer(r"\bdependency\s*\(\s*'([^'\n]*)'", text)
    ]
    unknown = [
        Unknown("a folder that is not looked into", Place(path, line_of(text, match.start())))
        for match in re.finditer(r"\bsubdir\s*\(", text)
    ]
    return Native(
        "meson",
        path,
        project[1],
        tuple(targets),
        tuple(packages),
        (),
        any(one.installed for one in targets) or "install_data" in text,
        (path,),
        tuple(unknown),
    )


def autotools(context: BuildContext, folder: str = "") -> tuple[str, ...]:
    """The files of GNU autotools that stand in a folder: a ready configure, or what it is made from."""
    names = ("configure", "configure.ac", "configure.in", "autogen.sh", "bootstrap", "Makefile.am", "Makefile.in")
    return tuple(path for name in names if is_file(context, path := posixpath.join(folder, name)))
