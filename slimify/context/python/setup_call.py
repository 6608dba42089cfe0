"""The call of `setup()` in a setup.py, as far as its arguments are literals."""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

from slimify.context.python.names import Called, Names, Scope, collect
from slimify.context.python.values import Values, known

_EXTENSIONS = frozenset({"ext_modules", "cffi_modules", "rust_extensions", "cython_modules", "cmake_source_dir"})
_STRINGS = frozenset({"name", "version", "python_requires"})
_LISTS = frozenset({"install_requires", "setup_requires", "tests_require", "packages", "py_modules"})
_TABLES = frozenset({"extras_require", "entry_points", "package_data"})
_COMPILERS = frozenset({"Extension", "cythonize", "Pybind11Extension", "CMakeExtension", "RustExtension", "mypycify"})


class SetupCall(NamedTuple):
    """The arguments by keyword; those that are computed are in `unknown`."""

    strings: dict[str, str]
    lists: dict[str, tuple[str, ...]]
    tables: dict[str, dict[str, tuple[str, ...]]]
    unknown: tuple[str, ...]
    version_from_git: bool
    builds_native_code: bool


def read_setup_call(module: cst.Module) -> SetupCall | None:
    """Read the one call of `setup`; None if there is not just one."""
    collected = collect(module)
    if collected is None:
        return None
    names = Names(collected)
    setups = [one for one in collected.calls if _name(one.call, names, one.scope) == "setup"]
    if len(setups) != 1:
        return None
    called = {_name(one.call, names, one.scope) for one in collected.calls}
    reader = _Reader(Values(names))
    reader.read(setups[0])
    version = {name for one in collected.calls for name in names.qualified(one.call.func, one.scope)}
    return SetupCall(
        reader.strings,
        reader.lists,
        reader.tables,
        tuple(reader.unknown),
        reader.scm or any(name.startswith(("versioneer.", "setuptools_scm.")) for name in version),
        reader.native or bool(called & _COMPILERS),
    )


def _name(call: cst.Call, names: Names, scope: Scope) -> str:
    """The last part of the name of what is called, seen through an alias."""
    found = names.qualified(call.func, scope)
    if found:
        return found[0].rpartition(".")[2]
    return call.func.value if isinstance(call.func, cst.Name) else ""


class _Reader:
    def __init__(self, values: Values) -> None:
        self.values = values
        self.strings: dict[str, str] = {}
        self.lists: dict[str, tuple[str, ...]] = {}
        self.tables: dict[str, dict[str, tuple[str, ...]]] = {}
        self.unknown: list[str] = []
        self.scm = False
        self.native = False

    def read(self, setup: Called) -> None:
        for argument in setup.call.args:
            if argument.star == "**":
                self._unpacked(argument.value, setup.scope)
            elif argument.keyword is not None:
                self._keyword(argument.keyword.value, argument.value, setup.scope)

    def _unpacked(self, node: cst.BaseExpression, scope: Scope) -> None:
        """`setup(**arguments)` where the arguments are one literal dictionary."""
        values, where = self.values.assigned(node, scope)
        literal = values[0] if len(values) == 1 else node
        if isinstance(literal, cst.Dict):
            for element in literal.elements:
                if isinstance(element, cst.DictElement):
                    key = known(self.values.texts(element.key, where)[0])
                    if key is not None:
                        self._keyword(key, element.value, where)
                        continue
                self.unknown.append("everything")
            return
        if isinstance(literal, cst.Call) and self.values.names.qualified(literal.func, where) == ("dict",):
            for argument in literal.args:
                if argument.keyword is not None:
                    self._keyword(argument.keyword.value, argument.value, where)
            return
        self.unknown.append("everything")

    def _keyword(self, name: str, node: cst.BaseExpression, scope: Scope) -> None:
        if name in ("use_scm_version", "pbr", "setuptools_git_versioning", "version_config"):
            self.scm = self.scm or not _is(node, "False", "None")
        elif name in _EXTENSIONS:
            empty = isinstance(node, cst.List | cst.Tuple) and not node.elements
            self.native = self.native or not (empty or _is(node, "None"))
        elif name in _STRINGS:
            texts = self.values.texts(node, scope)
            value = known(texts[0]) if len(texts) == 1 else None
            if value is None:
                self.unknown.append(name)
            else:
                self.strings[name] = value
        elif name in _LISTS:
            found = self._list(node, scope)
            if found is None:
                self.unknown.append(name)
            else:
                self.lists[name] = found
        elif name in _TABLES:
            table = self._table(node, scope)
            if table is None:
                self.unknown.append(name)
            else:
                self.tables[name] = table

    def _list(self, node: cst.BaseExpression, scope: Scope) -> tuple[str, ...] | None:
        node, scope = self._once(node, scope)
        if isinstance(node, cst.SimpleString | cst.ConcatenatedString):
            text = known(self.values.texts(node, scope)[0])
            return (text,) if text is not None else None
        found = self.values.lists(node, scope)
        if len(found) != 1 or found[0].more:
            return None
        texts = [known(text) for text in found[0].texts]
        return None if None in texts else tuple(text for text in texts if text is not None)

    def _table(self, node: cst.BaseExpression, scope: Scope) -> dict[str, tuple[str, ...]] | None:
        node, scope = self._once(node, scope)
        if not isinstance(node, cst.Dict):
            return None
        found = {}
        for element in node.elements:
            if not isinstance(element, cst.DictElement):
                return None
            key, value = known(self.values.texts(element.key, scope)[0]), self._list(element.value, scope)
            if key is None or value is None:
                return None
            found[key] = value
        return found

    def _once(self, node: cst.BaseExpression, scope: Scope) -> tuple[cst.BaseExpression, Scope]:
        """What a name stands for that is assigned to once; it may grow afterwards only by a statement of its own."""
        if isinstance(node, cst.Name):
            values, where = self.values.assigned(node, scope)
            if len(values) == 1 and values[0] is not None and node.value not in self.values.names.collected.grown:
                return values[0], where
        return node, scope


def _is(node: cst.BaseExpression, *names: str) -> bool:
    return isinstance(node, cst.Name) and node.value in names
