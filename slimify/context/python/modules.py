"""What a Python module imports, and the strings in it that may name modules or files. Many files, with `ast`."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from slimify.context.python.source import parse_tree

_MOST_STRINGS = 20_000
_LONGEST = 300

# Functions that import what their first argument names.
_IMPORTERS = frozenset({"import_module", "__import__", "import_string", "run_module"})
# Functions after which any module may be imported.
_DYNAMIC = frozenset(
    {
        "load_source", "load_module", "spec_from_file_location", "iter_modules", "walk_packages", "find_modules",
        "run_path", "exec", "execfile", "addsitedir", "entry_points", "iter_entry_points", "autodiscover_modules",
    }
)  # fmt: skip
# A path or the name of a module has no blank at its ends, and a word alone may name a folder.
_NAMING = re.compile(r"[\w-]{2,40}|[^\n]*[./:][^\n]*")
_STATEMENT = re.compile(
    rb"^[ \t]*+(?:from[ \t]++(\.*+[\w.]*+)[ \t]++import[ \t]++([\w, \t]*+)|import[ \t]++([\w., \t]++))", re.MULTILINE
)


class Import(NamedTuple):
    """An import: `from ..a import b, c` has the module `a`, the level 2 and the names `b` and `c`."""

    module: str
    level: int
    names: tuple[str, ...]
    line: int


class Text(NamedTuple):
    """A string in the source that may name something."""

    value: str
    line: int


class Module(NamedTuple):
    """One source file.

    `applications` are the names in Django's INSTALLED_APPS and lists that are called alike;
    `dynamic` are the places that import what the source does not name; `problem` says why the file
    was only searched for the beginnings of import statements.
    """

    path: str
    imports: tuple[Import, ...] = ()
    strings: tuple[Text, ...] = ()
    applications: tuple[Text, ...] = ()
    dynamic: tuple[Text, ...] = ()
    problem: str = ""


def read_module(path: str, data: bytes) -> Module:
    """Read one source file."""
    tree = parse_tree(data)
    if isinstance(tree, str):
        return Module(path, _searched(data), problem=tree)
    imports: list[Import] = []
    strings: list[Text] = []
    applications: list[Text] = []
    dynamic: list[Text] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            value = node.value
            if (
                isinstance(value, str)
                and len(value) <= _LONGEST
                and len(strings) < _MOST_STRINGS
                and _NAMING.fullmatch(value)
            ):
                strings.append(Text(value, node.lineno))
        elif isinstance(node, ast.Import):
            imports += [Import(alias.name, 0, (), node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            imports.append(Import(node.module or "", node.level, names, node.lineno))
        elif isinstance(node, ast.Call):
            _call(node, imports, dynamic)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if node.value is not None and any(isinstance(one, ast.Name) and one.id.endswith("APPS") for one in targets):
                applications += [
                    Text(one.value, one.lineno)
                    for one in ast.walk(node.value)
                    if isinstance(one, ast.Constant) and isinstance(one.value, str) and len(one.value) <= _LONGEST
                ]
    return Module(path, tuple(imports), tuple(strings), tuple(applications), tuple(dynamic))


def _call(node: ast.Call, imports: list[Import], dynamic: list[Text]) -> None:
    func = node.func
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    if name in _IMPORTERS:
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            module = first.value.lstrip(".")
            imports.append(Import(module, len(first.value) - len(module), (), node.lineno))
        else:
            dynamic.append(Text(name, node.lineno))
    elif name in _DYNAMIC and not (isinstance(func, ast.Attribute) and name in ("exec", "execfile")):
        dynamic.append(Text(name, node.lineno))
    elif name in ("append", "insert", "extend") and isinstance(func, ast.Attribute):
        path = func.value
        if (
            isinstance(path, ast.Attribute)
            and path.attr == "path"
            and isinstance(path.value, ast.Name)
            and path.value.id == "sys"
        ):
            dynamic.append(Text(f"sys.path.{name}", node.lineno))


def _searched(data: bytes) -> tuple[Import, ...]:
    """The imports of a file that has no tree, as far as they stand at the beginning of a line."""
    found = []
    at, line = 0, 1
    for match in _STATEMENT.finditer(data[: 1 << 20]):
        line += data.count(b"\n", at, match.start())
        at = match.start()
        if match[3] is not None:
            for part in match[3].split(b","):
                words = part.split()
                if words:
                    found.append(Import(words[0].decode("utf-8", "replace"), 0, (), line))
            continue
        module = match[1].decode("utf-8", "replace")
        names = tuple(part.split()[0].decode("utf-8", "replace") for part in match[2].split(b",") if part.split())
        found.append(Import(module.lstrip("."), len(module) - len(module.lstrip(".")), names, line))
    return tuple(found)
