"""What the names of a module stand for: imports and assignments, by function.

A name that is bound in several places has several meanings; all of them are kept, because what
matters is what a program may need.
"""

from __future__ import annotations

from typing import NamedTuple

import libcst as cst

_DEEPEST = 12
_MOST_MEANINGS = 8


class Scope(NamedTuple):
    """A function, or the module, with the one around it. `values` holds None for what cannot be an expression."""

    number: int
    outer: Scope | None
    imports: dict[str, list[str]]
    values: dict[str, list[cst.BaseExpression | None]]

    def chain(self) -> tuple[Scope, ...]:
        """The scope and those around it, from the inside."""
        found: list[Scope] = []
        scope: Scope | None = self
        while scope is not None:
            found.append(scope)
            scope = scope.outer
        return tuple(found)


class Called(NamedTuple):
    """A call, and the scope it stands in."""

    call: cst.Call
    scope: Scope


class Mentioned(NamedTuple):
    """A name or an attribute that is not called where it stands."""

    node: cst.BaseExpression
    scope: Scope


class Collected(NamedTuple):
    """All that is looked at in a module.

    `stars` are the modules whose every name is imported; `grown` the names that are added to after
    they were bound.
    """

    top: Scope
    calls: tuple[Called, ...]
    mentions: tuple[Mentioned, ...]
    joins: tuple[Mentioned, ...]
    stars: tuple[str, ...]
    grown: frozenset[str]


def collect(module: cst.Module) -> Collected | None:
    """Walk over a module once. None where it is nested more deeply than the walk can go."""
    collector = _Collector()
    try:
        module.visit(collector)
    except RecursionError:
        return None
    return Collected(
        collector.top,
        tuple(collector.calls),
        tuple(collector.mentions),
        tuple(collector.joins),
        tuple(collector.stars),
        frozenset(collector.grown),
    )


class _Collector(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.top = Scope(0, None, {}, {})
        self.scope = self.top
        self.count = 0
        self.calls: list[Called] = []
        self.mentions: list[Mentioned] = []
        self.joins: list[Mentioned] = []
        self.stars: list[str] = []
        self.grown: set[str] = set()
        self.called: set[cst.CSTNode] = set()

    def _bind(self, name: str, value: cst.BaseExpression | None) -> None:
        self.scope.values.setdefault(name, []).append(value)

    def _bind_target(self, target: cst.CSTNode, value: cst.BaseExpression | None) -> None:
        if isinstance(target, cst.Name):
            self._bind(target.value, value)
        elif isinstance(target, cst.Attribute) and isinstance(target.value, cst.Name):
            # `self.command = …` is a name of its own, shared by the methods.
            self.top.values.setdefault(f"{target.value.value}.{target.attr.value}", []).append(value)
        elif isinstance(target, cst.Tuple | cst.List):
            for element in target.elements:
                self._bind_target(element.value, None)

    def _enter(self) -> None:
        self.count += 1
        self.scope = Scope(self.count, self.scope, {}, {})

    def _leave(self) -> None:
        assert self.scope.outer is not None
        self.scope = self.scope.outer

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:  # noqa: N802
        self._bind(node.name.value, None)
        self._enter()

    def leave_FunctionDef(self, _node: cst.FunctionDef) -> None:  # noqa: N802
        self._leave()

    def visit_Lambda(self, _node: cst.Lambda) -> None:  # noqa: N802
        self._enter()

    def leave_Lambda(self, _node: cst.Lambda) -> None:  # noqa: N802
        self._leave()

    def visit_ClassDef(self, node: cst.ClassDef) -> None:  # noqa: N802
        self._bind(node.name.value, None)

    def visit_Annotation(self, _node: cst.Annotation) -> bool:  # noqa: N802
        return False

    def visit_Param(self, node: cst.Param) -> None:  # noqa: N802
        self._bind(node.name.value, None)
        if node.default is not None:
            self._bind(node.name.value, node.default)

    def visit_Import(self, node: cst.Import) -> bool:  # noqa: N802
        for alias in node.names:
            name = dotted(alias.name)
            if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
                self.scope.imports.setdefault(alias.asname.name.value, []).append(name)
            else:
                first = name.partition(".")[0]
                self.scope.imports.setdefault(first, []).append(first)
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:  # noqa: N802
        module = "." * len(node.relative) + (dotted(node.module) if node.module is not None else "")
        if isinstance(node.names, cst.ImportStar):
            self.stars.append(module)
            return False
        for alias in node.names:
            name = dotted(alias.name)
            bound = alias.asname.name if alias.asname is not None else alias.name
            if isinstance(bound, cst.Name):
                self.scope.imports.setdefault(bound.value, []).append(f"{module}.{name}")
        return False

    def visit_Assign(self, node: cst.Assign) -> None:  # noqa: N802
        for target in node.targets:
            self._bind_target(target.target, node.value)
            self.called.add(target.target)
        if self.scope.outer is not None and isinstance(node.value, cst.Name | cst.Attribute):
            # A name inside a function that stands for another is seen through wherever it is used.
            self.called.add(node.value)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:  # noqa: N802
        self._bind_target(node.target, node.value)
        self.called.add(node.target)

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:  # noqa: N802
        self._bind_target(node.target, node.value)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:  # noqa: N802
        self.grown.add(dotted(node.target))
        # What is added goes behind what is there, so the beginning stays.
        if not isinstance(node.operator, cst.AddAssign):
            self._bind_target(node.target, None)

    def visit_For(self, node: cst.For) -> None:  # noqa: N802
        self._bind_target(node.target, None)

    def visit_CompFor(self, node: cst.CompFor) -> None:  # noqa: N802
        self._bind_target(node.target, None)

    def visit_AsName(self, node: cst.AsName) -> None:  # noqa: N802
        self._bind_target(node.name, None)

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        self.calls.append(Called(node, self.scope))
        self.called.add(node.func)
        if isinstance(node.func, cst.Attribute) and node.func.attr.value in ("append", "extend", "insert", "update"):
            self.grown.add(dotted(node.func.value))

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:  # noqa: N802
        if isinstance(node.operator, cst.Divide):
            self.joins.append(Mentioned(node, self.scope))

    def visit_Subscript(self, node: cst.Subscript) -> None:  # noqa: N802
        self.mentions.append(Mentioned(node, self.scope))

    def visit_Attribute(self, node: cst.Attribute) -> bool:  # noqa: N802
        if node not in self.called:
            self.mentions.append(Mentioned(node, self.scope))
        # The name behind the dot is nobody's own; what is before it is a part of the whole.
        if not isinstance(node.value, cst.Name):
            node.value.visit(self)
        return False

    def visit_Name(self, node: cst.Name) -> None:  # noqa: N802
        if node not in self.called:
            self.mentions.append(Mentioned(node, self.scope))

    def visit_Arg_keyword(self, node: cst.Arg) -> None:  # noqa: N802
        if node.keyword is not None:
            self.called.add(node.keyword)


def dotted(node: cst.CSTNode | None) -> str:
    """`a.b.c` of a name or an attribute; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return ""
    return ".".join([node.value, *reversed(parts)])


class Names:
    """Qualified names, as `subprocess.run` for `sp.run` after `import subprocess as sp`."""

    def __init__(self, collected: Collected) -> None:
        self.collected = collected

    def bindings(self, name: str, scope: Scope) -> tuple[Scope, list[cst.BaseExpression | None]] | None:
        """What is assigned to a name in the innermost scope that assigns to it."""
        for one in scope.chain():
            if name in one.values:
                return one, one.values[name]
        return None

    def qualified(self, node: cst.BaseExpression, scope: Scope, depth: int = 0) -> tuple[str, ...]:
        """All that an expression may be called outside of this module; an instance is named as its class."""
        if depth > _DEEPEST:
            return ()
        if isinstance(node, cst.Name):
            return self._name(node.value, scope, depth)
        if isinstance(node, cst.Attribute):
            own = dotted(node)
            found = [f"{name}.{node.attr.value}" for name in self.qualified(node.value, scope, depth + 1)]
            for value in self.collected.top.values.get(own, ()) if own.count(".") == 1 else ():
                if value is not None and len(found) < _MOST_MEANINGS:
                    found += self.qualified(value, scope, depth + 1)
            return tuple(dict.fromkeys(found))[:_MOST_MEANINGS]
        if isinstance(node, cst.Call):
            if isinstance(node.func, cst.Name) and node.func.value == "__import__" and node.args:
                value = node.args[0].value
                return (str(value.evaluated_value),) if isinstance(value, cst.SimpleString) else ()
            names = self.qualified(node.func, scope, depth + 1)
            if "importlib.import_module" in names and node.args:
                value = node.args[0].value
                return (str(value.evaluated_value),) if isinstance(value, cst.SimpleString) else ()
            return names
        if isinstance(node, cst.Await):
            return self.qualified(node.expression, scope, depth + 1)
        return ()

    def _name(self, name: str, scope: Scope, depth: int) -> tuple[str, ...]:
        for one in scope.chain():
            found = list(one.imports.get(name, ()))
            bound = one.values.get(name)
            for value in bound or ():
                if value is not None and len(found) < _MOST_MEANINGS:
                    found += self.qualified(value, one, depth + 1)
            if found or bound:
                return tuple(dict.fromkeys(found))[:_MOST_MEANINGS]
        return (name, *(f"{module}.{name}" for module in self.collected.stars))[:_MOST_MEANINGS]
