"""Paths that a module builds from its own place, `Path(__file__).parent / "data"`, or from nothing, `"data/x"`."""

from __future__ import annotations

import posixpath
from typing import NamedTuple

import libcst as cst

from slimify.context.python.names import Scope
from slimify.context.python.values import Values, known

_SAME = frozenset(
    {
        "str", "os.fspath", "pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "os.path.abspath",
        "os.path.realpath", "os.path.normpath",
    }
)  # fmt: skip
_SAME_METHODS = frozenset({"resolve", "absolute", "as_posix", "expanduser", "__str__"})


class Place(NamedTuple):
    """A path; in the context where `anchored`, else relative to the folder the program runs in, or absolute.

    `steps` counts what was added to the module's own path.
    """

    path: str
    anchored: bool
    steps: int = 0


class FilePaths:
    """The paths of one module, which stands at `own` in the context."""

    def __init__(self, own: str, values: Values) -> None:
        self.own = own
        self.values = values

    def place(self, node: cst.BaseExpression | None, scope: Scope, depth: int = 0) -> Place | None:
        """The path that an expression stands for; None if unknown, or if it may be one of several."""
        self.values.fuel -= 1
        if node is None or depth > 16 or self.values.fuel < 0:
            return None
        found = self._place(node, scope, depth + 1)
        if found is None or not found.anchored or (not found.path.startswith("../") and found.path != ".."):
            return found
        return None

    def _place(self, node: cst.BaseExpression, scope: Scope, depth: int) -> Place | None:
        if isinstance(node, cst.Name):
            if node.value == "__file__":
                return Place(self.own, True)
            return self._assigned(node, scope, depth)
        if isinstance(node, cst.BinaryOperation):
            if isinstance(node.operator, cst.Divide):
                return self._join(self.place(node.left, scope, depth), [node.right], scope)
            if isinstance(node.operator, cst.Add):
                left, right = self.place(node.left, scope, depth), self._text(node.right, scope)
                if left is None or right is None:
                    return None
                return Place(posixpath.normpath(left.path + right), left.anchored, left.steps + 1)
            return None
        if isinstance(node, cst.Attribute):
            if node.attr.value == "parent":
                return _up(self.place(node.value, scope, depth), 1)
            return self._assigned(node, scope, depth)
        if isinstance(node, cst.Subscript):
            return self._parents(node, scope, depth)
        if isinstance(node, cst.Call):
            return self._called(node, scope, depth)
        text = self._text(node, scope)
        return Place(posixpath.normpath(text), False) if text else None

    def _assigned(self, node: cst.BaseExpression, scope: Scope, depth: int) -> Place | None:
        values, where = self.values.assigned(node, scope)
        return self.place(values[0], where, depth) if len(values) == 1 else None

    def _called(self, node: cst.Call, scope: Scope, depth: int) -> Place | None:
        names = set(self.values.names.qualified(node.func, scope))
        first = node.args[0].value if node.args else None
        if names & _SAME and first is not None:
            return self._join(self.place(first, scope, depth), [arg.value for arg in node.args[1:]], scope)
        if "os.path.dirname" in names:
            return _up(self.place(first, scope, depth), 1)
        if "os.path.join" in names:
            return self._join(self.place(first, scope, depth), [arg.value for arg in node.args[1:]], scope)
        if isinstance(node.func, cst.Attribute):
            if node.func.attr.value in _SAME_METHODS:
                return self.place(node.func.value, scope, depth)
            if node.func.attr.value == "joinpath":
                return self._join(self.place(node.func.value, scope, depth), [arg.value for arg in node.args], scope)
            if node.func.attr.value == "with_name" and first is not None:
                return self._join(_up(self.place(node.func.value, scope, depth), 1), [first], scope)
        return None

    def _parents(self, node: cst.Subscript, scope: Scope, depth: int) -> Place | None:
        if not isinstance(node.value, cst.Attribute) or node.value.attr.value != "parents" or len(node.slice) != 1:
            return None
        index = node.slice[0].slice
        if isinstance(index, cst.Index) and isinstance(index.value, cst.Integer) and len(index.value.value) < 3:
            return _up(self.place(node.value.value, scope, depth), index.value.evaluated_value + 1)
        return None

    def _join(self, base: Place | None, parts: list[cst.BaseExpression], scope: Scope) -> Place | None:
        for part in parts:
            text = self._text(part, scope)
            if base is None or text is None:
                return None
            absolute = text.startswith("/")
            path = posixpath.normpath(posixpath.join(base.path, text))
            base = Place(path, base.anchored and not absolute, base.steps + 1)
        return base

    def _text(self, node: cst.BaseExpression, scope: Scope) -> str | None:
        texts = self.values.texts(node, scope)
        text = known(texts[0]) if len(texts) == 1 else None
        return None if text is None or "\0" in text or len(text) > 1000 else text


def _up(place: Place | None, levels: int) -> Place | None:
    for _ in range(levels if place is not None else 0):
        assert place is not None
        if place.path in ("", ".") and place.anchored:
            return None
        place = Place(posixpath.dirname(place.path), place.anchored, place.steps)
    return place
