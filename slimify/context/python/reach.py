"""Which modules of the context an application can import, starting from where it is started."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from slimify.context.python.data import read_ini, string
from slimify.context.python.entry import Entry, EntryKind
from slimify.context.python.modules import Import, Module, Text, read_module
from slimify.context.python.paths import below, is_file, is_folder, join
from slimify.context.python.problems import Problem
from slimify.semantics.build_context import BuildContext, Kind

_MOST_FILES = 10_000
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*(?::[\w.]+(?:\(\))?)?")


class Imported(NamedTuple):
    """A top-level name that a module imports and the context does not have, with the first place."""

    name: str
    path: str
    line: int


class Reachable(NamedTuple):
    """What an application can import.

    `modules` are files of the context. `third_party` are what an installed package must bring; `stdlib`
    the modules of the standard library. `unknown` says why there may be more than the imports tell;
    then `everything` is true and `modules` are all the sources of the context. `named` are the other files
    of the context that a string in one of the modules names, by itself or below a folder that is named.
    """

    modules: tuple[str, ...]
    third_party: tuple[Imported, ...]
    stdlib: frozenset[str]
    unknown: tuple[Problem, ...]
    everything: bool
    named: tuple[str, ...]


def source_roots(context: BuildContext, folder: str = "") -> tuple[str, ...]:
    """The folders of a project in which modules are usually looked for: itself, and `src` if there is one."""
    source = posixpath.join(folder, "src")
    return (folder, source) if is_folder(context, source) else (folder,)


def reachable(context: BuildContext, entries: Sequence[Entry], roots: Sequence[str]) -> Reachable:
    """Follow the imports from these entries; `roots` are the folders of the context on the module path.

    The first root is the folder that the application is started in. The folder of a script that is
    run is a root as well, as Python has it.
    """
    walk = _Walk(context, list(dict.fromkeys(roots)))
    for entry in entries:
        walk.start(entry)
    if not entries:
        walk.doubt("", 0, "where the application starts is not known")
    walk.run()
    if walk.unknown:
        for path in _all_sources(context):
            walk.add(path)
        walk.run()
    return walk.result()


class _Walk:
    def __init__(self, context: BuildContext, roots: list[str]) -> None:
        self.context = context
        self.roots = roots
        self.waiting: list[str] = []
        self.modules: dict[str, None] = {}
        self.third_party: dict[str, Imported] = {}
        self.stdlib: set[str] = set()
        self.unknown: dict[Problem, None] = {}
        self.named: dict[str, None] = {}
        self.looked_up: dict[tuple[str, int], tuple[str, ...]] = {}
        self.strings: set[tuple[str, str]] = set()
        self.extensions: dict[tuple[str, str], str] | None = None

    def result(self) -> Reachable:
        named = tuple(path for path in self.named if path not in self.modules)
        return Reachable(
            tuple(self.modules),
            tuple(self.third_party.values()),
            frozenset(self.stdlib),
            tuple(self.unknown),
            bool(self.unknown),
            named,
        )

    def doubt(self, path: str, line: int, message: str) -> None:
        self.unknown[Problem(path, line, message)] = None

    def add(self, path: str) -> None:
        if path not in self.modules:
            if len(self.modules) >= _MOST_FILES:
                self.doubt(path, 0, f"more than {_MOST_FILES} modules")
                return
            self.modules[path] = None
            self.waiting.append(path)

    def start(self, entry: Entry) -> None:
        if entry.folder:
            folder = join(self.roots[0] if self.roots else "", entry.folder)
            if folder is None:
                self.doubt("", 0, f"{entry.folder} is not in the build context")
            elif folder not in self.roots:
                self.roots.append(folder)
        if entry.kind is EntryKind.SCRIPT:
            self._script(entry)
        elif entry.kind is EntryKind.MODULE:
            found = self.find(entry.target)
            main = self.find(f"{entry.target}.__main__")
            for path in (*found, *main):
                self.add(path)
            top = entry.target.partition(".")[0]
            if found or entry.optional:
                return
            if top in sys.stdlib_module_names:
                self.stdlib.add(top)
            elif any(is_folder(self.context, posixpath.join(root, top)) for root in self.roots):
                self.doubt("", 0, f"the module {entry.target} is not in the build context")
            else:
                self.third_party.setdefault(top, Imported(top, "", 0))
        elif entry.kind is EntryKind.CODE:
            self.read(read_module("", entry.target.encode("utf-8", "surrogateescape")))
        elif entry.kind is EntryKind.UWSGI:
            self._uwsgi(entry)
        else:
            self.doubt("", 0, entry.why or f"{entry.target} is not known to run Python")

    def _script(self, entry: Entry) -> None:
        for root in self.roots:
            path = join(root, entry.target)
            if path is not None and is_folder(self.context, path):
                path = posixpath.join(path, "__main__.py")
            if path is not None and is_file(self.context, path):
                if posixpath.dirname(path) not in self.roots:
                    self.roots.append(posixpath.dirname(path))
                self.add(path)
                return
        if not entry.optional:
            self.doubt("", 0, f"{entry.target} is not in the build context")

    def _uwsgi(self, entry: Entry) -> None:
        """The application in a uWSGI configuration (uWSGI documentation, "Configuration Options")."""
        path = join(self.roots[0] if self.roots else "", entry.target)
        read = read_ini(self.context, path) if path is not None else None
        if path is None or read is None or not read.present or read.problems:
            self.doubt("", 0, f"{entry.target} is not in the build context, or cannot be read")
            return
        options = read.table.get("uwsgi", {})
        folder = string(options.get("chdir")) or string(options.get("pythonpath"))
        if folder and not folder.startswith("/"):
            inner = join(posixpath.dirname(path), folder)
            if inner is not None and inner not in self.roots:
                self.roots.append(inner)
        found = False
        for key in ("module", "wsgi", "wsgi-file", "file", "mount"):
            value = string(options.get(key)).rpartition("=")[2].strip()
            if not value:
                continue
            found = True
            if value.partition(":")[0].endswith(".py"):
                # An absolute path names a place in the image: the file's name is all that can be looked for.
                name = posixpath.basename(value) if value.startswith("/") else value
                self._script(Entry(EntryKind.SCRIPT, name, via="uwsgi"))
            else:
                self.start(Entry(EntryKind.MODULE, value.partition(":")[0], via="uwsgi"))
        if not found:
            self.doubt(path, 0, "does not name an application")

    def run(self) -> None:
        """Read what has been found until nothing more is found."""
        while self.waiting:
            path = self.waiting.pop()
            data = self.context.read(path)
            if data is None:
                self.doubt(path, 0, "cannot be read, or is too large")
            elif path.endswith(".py"):
                self.read(read_module(path, data))
            else:
                self.doubt(path, 0, "is a compiled module")

    def read(self, module: Module) -> None:
        if module.problem:
            self.doubt(module.path, 0, module.problem)
        for one in module.dynamic:
            self.doubt(module.path, one.line, f"{one.value} imports what the source does not name")
        for each in module.imports:
            self._import(module.path, each)
        for one in module.applications:
            self._application(one)
        for one in module.strings:
            self._string(module.path, one)

    def _import(self, path: str, one: Import) -> None:
        folder = posixpath.dirname(path)
        if one.level:
            for _ in range(min(one.level, 100) - 1):
                folder = posixpath.dirname(folder)
            found = self._in(folder, one.module) if one.module else self._in(folder, "__init__")
            inner = [self._in(folder, f"{one.module}.{name}" if one.module else name) for name in one.names]
            for file in (*found, *(file for files in inner for file in files)):
                self.add(file)
            return
        found = self.find(one.module)
        for name in one.names:
            found += self.find(f"{one.module}.{name}")
        for file in found:
            self.add(file)
        top = one.module.partition(".")[0]
        # A folder without `__init__.py` is a package only if nothing installed has its name (PEP 420).
        if not top or found or self._regular(top):
            return
        if top in sys.stdlib_module_names or top == "__future__":
            self.stdlib.add(top)
        else:
            self.third_party.setdefault(top, Imported(top, path, one.line))

    def _regular(self, top: str) -> bool:
        """Whether the context has the module, or the package with an `__init__.py`, which nothing installed hides."""
        return any(
            is_file(self.context, posixpath.join(root, name))
            for root in self.roots
            for name in (f"{top}.py", f"{top}/__init__.py")
        )

    def find(self, name: str) -> tuple[str, ...]:
        """The files that importing a dotted name runs, of all the roots that have any."""
        key = (name, len(self.roots))
        if key not in self.looked_up:
            top = name.partition(".")[0]
            found: dict[str, None] = {}
            for root in self.roots:
                if top in sys.stdlib_module_names and not self._regular(top):
                    continue
                found.update(dict.fromkeys(self._in(root, name)))
            self.looked_up[key] = tuple(found)
        return self.looked_up[key]

    def _in(self, root: str, name: str) -> tuple[str, ...]:
        parts = name.split(".")
        if len(parts) > 50 or not all(parts):
            return ()
        found = []
        folder = root
        for at, part in enumerate(parts):
            path = posixpath.join(folder, part)
            if is_file(self.context, f"{path}/__init__.py"):
                found.append(f"{path}/__init__.py")
            elif is_file(self.context, f"{path}.py"):
                return (*found, f"{path}.py")
            elif not is_folder(self.context, path):
                compiled = self._compiled(folder, part)
                # `from package import name` of a name that is no module: the package was found all the same.
                return (*found, compiled) if compiled else tuple(found) if at else ()
            folder = path
        return tuple(found)

    def _compiled(self, folder: str, name: str) -> str:
        """An extension module of the name (`name.so`, `name.cpython-311-x86_64-linux-gnu.so`)."""
        if self.extensions is None:
            self.extensions = {}
            for entry in self.context.entries():
                if entry.kind is Kind.FILE and entry.path.endswith((".so", ".pyd", ".pyc")):
                    inner, base = posixpath.split(entry.path)
                    self.extensions[inner, base.partition(".")[0]] = entry.path
        return self.extensions.get((folder, name), "")

    def _application(self, one: Text) -> None:
        """An application of Django brings models, admin, commands … with it: all its modules."""
        name = one.value
        parts = name.split(".")
        # `shop.apps.ShopConfig` is the application `shop` (Django documentation, "Applications").
        names = [name] + ([".".join(parts[: parts.index("apps")])] if "apps" in parts[1:] else [])
        for each in names:
            for root in self.roots:
                folder = posixpath.join(root, each.replace(".", "/"))
                if _DOTTED.fullmatch(each) and self._in(root, each) and is_folder(self.context, folder):
                    for path in below(self.context, folder):
                        self.add(path)
        if _DOTTED.fullmatch(parts[0]) and not self._regular(parts[0]):
            self.third_party.setdefault(parts[0], Imported(parts[0], "", one.line))

    def _string(self, path: str, one: Text) -> None:
        value, folder = one.value, posixpath.dirname(path)
        if (value, folder) in self.strings:
            return
        self.strings.add((value, folder))
        # A word alone is not taken for a module: it is far too often one by chance.
        if ("." in value or ":" in value) and _DOTTED.fullmatch(value):
            for file in self.find(value.partition(":")[0]):
                self.add(file)
        for root in dict.fromkeys((*self.roots, folder)):
            named = join(root, value.strip().rstrip("/") or "/")
            entry = self.context.entry(named) if named else None
            if entry is not None and entry.path:
                self.named[entry.path] = None


def _all_sources(context: BuildContext) -> Iterator[str]:
    """All the sources of the context but those of a virtual environment, which is no part of the application."""
    environments = tuple(
        posixpath.dirname(one.path) + "/"
        for one in context.entries()
        if posixpath.basename(one.path) == "pyvenv.cfg" and "/" in one.path
    )
    for path in below(context, ""):
        if not path.startswith(environments) and "/node_modules/" not in f"/{path}":
            yield path
