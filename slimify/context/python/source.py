"""Python sources as trees, without risk: neither parser is safe on everything that a file may hold."""

from __future__ import annotations

import ast
import io
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst

_MOST_BYTES = 1 << 20
_MOST_CST_BYTES = 384 << 10

# libcst's parser recurses without looking at the stack, and takes a time exponential in the depth of
# a mapping pattern (measured with 1.9). People do not write deeper than about 45 levels.
_DEEPEST = 60
_DEEPEST_PATTERN = 6
_MOST_PARTS = 200


def parse_tree(data: bytes) -> ast.Module | str:
    """The syntax tree of a source file, or why there is none.

    The interpreter's own parser: what is written for a later Python, or for Python 2, has no tree.
    """
    if len(data) > _MOST_BYTES:
        return f"is larger than {_MOST_BYTES} bytes"
    try:
        with warnings.catch_warnings():
            # An escape that is not one is not ours to complain about.
            warnings.simplefilter("ignore")
            return ast.parse(data)
    except SyntaxError as error:
        return f"cannot be parsed by this Python: {error.msg} (line {error.lineno or 0})"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"cannot be parsed: {str(error)[:100] or type(error).__name__}"


def parse_concrete(data: bytes) -> libcst.Module | str:
    """The concrete syntax tree of a source file, or why there is none."""
    if len(data) > _MOST_CST_BYTES:
        return f"is larger than {_MOST_CST_BYTES} bytes"
    tree = parse_tree(data)
    if isinstance(tree, str):
        return tree
    if not _shallow(tree) or _chained(data):
        return "is nested too deeply"
    # 190 ms: only where there is a file to read.
    import libcst

    try:
        return libcst.parse_module(data)
    except (libcst.ParserSyntaxError, ValueError, LookupError, RecursionError) as error:
        return f"cannot be parsed: {type(error).__name__}"


def _shallow(tree: ast.AST) -> bool:
    """Whether nothing is nested deeper than people write, in the sense of libcst's trees.

    A chain of `and` and a dotted name are one node here and a node for each part there.
    """
    level: list[tuple[ast.AST, int]] = [(tree, 0)]
    for _ in range(_DEEPEST):
        below: list[tuple[ast.AST, int]] = []
        for node, patterns in level:
            if isinstance(node, ast.pattern):
                patterns += 1
                if patterns > _DEEPEST_PATTERN:
                    return False
            elif isinstance(node, ast.BoolOp):
                if len(node.values) > _MOST_PARTS:
                    return False
            elif isinstance(node, ast.alias):
                if node.name.count(".") > _MOST_PARTS:
                    return False
            elif isinstance(node, ast.ImportFrom) and (node.module or "").count(".") + node.level > _MOST_PARTS:
                return False
            below += [(child, patterns) for child in ast.iter_child_nodes(node)]
        if not below:
            return True
        level = below
    return False


def _chained(data: bytes) -> bool:
    """Whether more string literals stand in a row than libcst, which nests them, can bear."""
    if data.count(b'"') + data.count(b"'") <= 2 * _MOST_PARTS:
        return False
    import token
    import tokenize

    opens = {token.STRING, getattr(token, "FSTRING_START", token.STRING)}
    inside = {getattr(token, name, token.NL) for name in ("FSTRING_MIDDLE", "FSTRING_END")}
    between = {token.NL, token.COMMENT} if hasattr(token, "COMMENT") else {token.NL}
    row = 0
    try:
        for one in tokenize.tokenize(io.BytesIO(data).readline):
            if one.type in opens:
                row += 1
                if row > _MOST_PARTS:
                    return True
            elif one.type not in inside and one.type not in between:
                row = 0
    except (tokenize.TokenError, SyntaxError, ValueError, LookupError):
        return True
    return False
