"""shfmt's reading of shell scripts, brought into a form that ours can be compared with.

A script becomes a nested tuple of what matters: which simple commands there are, their words as
written, and the operators between them. One process reads many scripts, each behind a marker.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from slimify.syntax import shell

Tree = tuple[Any, ...]
_MARKER = "__slimify_marker__"
_BATCH = 200


def program(name: str) -> str:
    """A program of the virtual environment that the tests run in, or of the PATH."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, f"{name} is not installed"
    return found


def plain(text: str) -> str:
    """One ASCII letter for each character beyond, so that shfmt's byte offsets are ours."""
    return text if text.isascii() else "".join(char if char < "\x80" else "Z" for char in text)


def refused(scripts: Sequence[str]) -> dict[int, str]:
    """The scripts that shfmt cannot read, with what it says of them."""
    with tempfile.TemporaryDirectory() as folder:
        for number, script in enumerate(scripts):
            Path(folder, f"{number}.bash").write_text(script + "\n", encoding="ascii", newline="\n")
        done = subprocess.run([program("shfmt"), "-l", folder], capture_output=True, text=True, check=False)
    found = {}
    for line in done.stderr.splitlines():
        if line.startswith(folder):
            name, _, message = line.removeprefix(folder + "/").partition(".bash:")
            found[int(name)] = message
    return found


def trees(scripts: Sequence[str]) -> Iterator[Tree]:
    """The tree of each script; shfmt must be able to read all of them."""
    for at in range(0, len(scripts), _BATCH):
        yield from _batch(scripts[at : at + _BATCH])


def _batch(scripts: Sequence[str]) -> Iterator[Tree]:
    text = "".join(f"{_MARKER}\n{script}\n\n" for script in scripts)
    done = subprocess.run(
        [program("shfmt"), "-ln", "bash", "--to-json"], input=text.encode("ascii"), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    reader = _Reader(text)
    groups: list[list[dict[str, Any]]] = []
    for statement in json.loads(done.stdout)["Stmts"]:
        if reader.text[_start(statement) : _end(statement)].startswith(_MARKER):
            groups.append([])
        else:
            groups[-1].append(statement)
    assert len(groups) == len(scripts)
    for group in groups:
        yield reader.statements(group)


def _start(node: dict[str, Any]) -> int:
    return int(node["Pos"]["Offset"])


def _end(node: dict[str, Any]) -> int:
    return int(node["End"]["Offset"])


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text

    def slice(self, node: dict[str, Any]) -> str:
        return self.text[_start(node) : _end(node)]

    def statements(self, nodes: Iterable[dict[str, Any]] | None) -> Tree:
        return tuple((self.statement(node), bool(node.get("Background"))) for node in nodes or ())

    def statement(self, node: dict[str, Any]) -> Tree:
        redirects = tuple(self.redirect(one) for one in node.get("Redirs") or ())
        command = node.get("Cmd")
        inner: Tree = ("command", (), (), redirects) if command is None else self.command(command, redirects)
        if node.get("Negated"):
            parts = inner[2] if inner[0] == "pipeline" else (inner,)
            return ("pipeline", True, parts)
        return inner

    def redirect(self, node: dict[str, Any]) -> Tree:
        number = node.get("N")
        word = node.get("Word")
        return (self.slice(number) if number else "", node["Op"], self.slice(word) if word else None)

    def words(self, nodes: Iterable[dict[str, Any]] | None) -> Tree:
        return tuple(self.slice(node) for node in nodes or ())

    def command(self, node: dict[str, Any], redirects: Tree) -> Tree:
        kind = node["Type"]
        if kind == "CallExpr":
            words = self.words(node.get("Args"))
            if words[:1] == ("[",) and words[-1] == "]" and not node.get("Assigns"):
                # A command like any other to the shell, a test like [[ ]] in our tree.
                return ("compound", "test", (), redirects)
            return ("command", self.words(node.get("Assigns")), words, redirects)
        if kind == "DeclClause":
            words = (node["Variant"]["Value"], *self.words(node.get("Args")))
            return ("command", (), words, redirects)
        if kind == "LetClause":
            return ("command", (), ("let", *self.words(node.get("Exprs"))), redirects)
        if kind == "BinaryCmd":
            return self.binary(node)
        return ("compound", *self.compound(kind, node), redirects)

    def binary(self, node: dict[str, Any]) -> Tree:
        left, right = self.statement(node["X"]), self.statement(node["Y"])
        operator = node["Op"]
        if operator in ("|", "|&"):
            before = left[2] if left[0] == "pipeline" else (left,)
            after = right[2] if right[0] == "pipeline" else (right,)
            negated = left[0] == "pipeline" and left[1]
            return ("pipeline", negated, (*before, *after))
        before, operators = (left[1], left[2]) if left[0] == "and-or" else ((left,), ())
        assert right[0] != "and-or"
        return ("and-or", (*before, right), (*operators, operator))

    def compound(self, kind: str, node: dict[str, Any]) -> Tree:
        if kind == "Subshell":
            return ("subshell", (self.statements(node.get("Stmts")),))
        if kind == "Block":
            return ("group", (self.statements(node.get("Stmts")),))
        if kind == "IfClause":
            return ("if", tuple(self.branches(node)))
        if kind == "WhileClause":
            parts = (self.statements(node.get("Cond")), self.statements(node.get("Do")))
            return ("until" if node.get("Until") else "while", parts)
        if kind == "ForClause":
            return ("select" if node.get("Select") else "for", (self.statements(node.get("Do")),))
        if kind == "CaseClause":
            parts = tuple(self.statements(item.get("Stmts")) for item in node.get("Items") or ())
            return ("case", tuple(part for part in parts if part))
        if kind == "FuncDecl":
            return ("function", (((self.statement(node["Body"]), False),),))
        if kind == "TestClause":
            return ("test", ())
        if kind == "ArithmCmd":
            return ("arithmetic", ())
        return (kind, ())

    def branches(self, node: dict[str, Any] | None) -> Iterator[Tree]:
        while node is not None:
            if node.get("Cond"):
                yield self.statements(node["Cond"])
            yield self.statements(node.get("Then"))
            node = node.get("Else")


def ours(script: shell.Script) -> Tree:
    """The same form of our own tree."""
    return _sequence(script.body, plain(script.text))


def _sequence(sequence: shell.Sequence, text: str) -> Tree:
    return tuple((_node(item.node, text), item.separator == "&") for item in sequence.items)


def _redirects(redirects: tuple[shell.Redirect, ...], text: str) -> Tree:
    ordered = sorted(redirects, key=lambda one: one.start)
    return tuple(
        (one.descriptor, one.operator, text[one.target.start : one.target.end] if one.target else None)
        for one in ordered
    )


def _node(node: shell.ShellNode, text: str) -> Tree:
    if isinstance(node, shell.AndOr):
        return ("and-or", tuple(_node(one, text) for one in node.operands), node.operators)
    if isinstance(node, shell.Pipeline):
        return ("pipeline", node.negated, tuple(_node(one, text) for one in node.commands))
    if isinstance(node, shell.Compound):
        parts = () if node.kind in ("test", "arithmetic") else tuple(_sequence(part, text) for part in node.parts)
        return ("compound", node.kind, parts, _redirects(node.redirects, text))
    words = tuple(text[word.start : word.end] for word in node.words)
    assignments = tuple(text[one.start : one.end] for one in node.assignments)
    if not words and not assignments and node.redirects:
        return ("command", (), (), _redirects(node.redirects, text))
    return ("command", assignments, words, _redirects(node.redirects, text))
