"""The values of expressions, as far as the source alone tells them.

A text is a tuple of parts, None for a part that is not known: `f"convert {name}"` is
`("convert ", None)`. An expression may have several values; an empty tuple of parts is the empty string.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import libcst as cst

from slimify.context.python.names import Names, Scope, dotted
from slimify.context.python.need import PYTHON

Text = tuple[str | None, ...]

UNKNOWN: Text = (None,)

_MOST_VALUES = 8
_MOST_PARTS = 64
_MOST_ITEMS = 400
_LONGEST = 20_000
_FUEL = 20_000
_PERCENT = re.compile(r"%(?:\([^)]*\))?[#0\- +]*[0-9*]*(?:\.[0-9*]+)?[a-zA-Z%]")
_BRACES = re.compile(r"\{\{|\}\}|\{[^{}]*\}")
_SAME = frozenset({"str", "os.fspath", "os.fsdecode", "shlex.quote", "os.path.expanduser", "os.path.normpath"})


class Items(NamedTuple):
    """A list of arguments; `more` says that others may follow that are not known."""

    texts: tuple[Text, ...]
    more: bool = False


class Values:
    """The values in one module. What would take too long to find out is unknown."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.fuel = _FUEL

    def texts(self, node: cst.BaseExpression | None, scope: Scope, depth: int = 0) -> tuple[Text, ...]:
        """What a string expression may be; `UNKNOWN` among the values if it may be something else as well."""
        self.fuel -= 1
        if node is None or depth > 16 or self.fuel < 0:
            return (UNKNOWN,)
        found = self._texts(node, scope, depth + 1)
        found = tuple(dict.fromkeys(_merge(one) for one in found))
        return found if len(found) <= _MOST_VALUES else (*found[: _MOST_VALUES - 1], UNKNOWN)

    def _texts(self, node: cst.BaseExpression, scope: Scope, depth: int) -> tuple[Text, ...]:
        if isinstance(node, cst.SimpleString):
            return ((_decoded(node.evaluated_value),),)
        if isinstance(node, cst.ConcatenatedString):
            return self._pairs(node.left, node.right, scope, depth)
        if isinstance(node, cst.FormattedString):
            return self._formatted(node, scope, depth)
        if isinstance(node, cst.BinaryOperation):
            if isinstance(node.operator, cst.Add):
                return self._pairs(node.left, node.right, scope, depth)
            if isinstance(node.operator, cst.Modulo):
                return tuple(_holes(one, _PERCENT, "%%") for one in self.texts(node.left, scope, depth))
            return (UNKNOWN,)
        if isinstance(node, cst.IfExp):
            return self.texts(node.body, scope, depth) + self.texts(node.orelse, scope, depth)
        if isinstance(node, cst.BooleanOperation) and isinstance(node.operator, cst.Or):
            return self.texts(node.left, scope, depth) + self.texts(node.right, scope, depth)
        if isinstance(node, cst.Name | cst.Attribute):
            return self._named(node, scope, depth)
        if isinstance(node, cst.Call):
            return self._called(node, scope, depth)
        return (UNKNOWN,)

    def _pairs(self, left: cst.BaseExpression, right: cst.BaseExpression, scope: Scope, depth: int) -> tuple[Text, ...]:
        first, second = self.texts(left, scope, depth), self.texts(right, scope, depth)
        return tuple(_short(one + other) for one in first for other in second)

    def _formatted(self, node: cst.FormattedString, scope: Scope, depth: int) -> tuple[Text, ...]:
        found: tuple[Text, ...] = ((),)
        for part in node.parts:
            if isinstance(part, cst.FormattedStringText):
                # The raw source: what an escape stands for is looked at only where it would matter.
                text = part.value.replace("{{", "{").replace("}}", "}")
                more: tuple[Text, ...] = ((text,),) if "\\" not in text else (_holes((text,), re.compile(r"\\."), ""),)
            elif (
                isinstance(part, cst.FormattedStringExpression) and part.format_spec is None and part.conversion is None
            ):
                more = self.texts(part.expression, scope, depth)
            else:
                more = (UNKNOWN,)
            found = tuple(_short(one + other) for one in found for other in more)[:_MOST_VALUES]
        return found

    def _named(self, node: cst.Name | cst.Attribute, scope: Scope, depth: int) -> tuple[Text, ...]:
        if "sys.executable" in self.names.qualified(node, scope):
            return ((PYTHON,),)
        values, where = self.assigned(node, scope)
        found: list[Text] = []
        for value in values:
            found += self.texts(value, where, depth)
        return tuple(found) or (UNKNOWN,)

    def assigned(self, node: cst.BaseExpression, scope: Scope) -> tuple[list[cst.BaseExpression | None], Scope]:
        """What is assigned to a name, or to an attribute of `self` or of the class, and where."""
        name = dotted(node)
        top = self.names.collected.top
        if name in top.values and "." in name:
            return top.values[name], top
        owner, _, attribute = name.rpartition(".")
        if owner in ("self", "cls"):
            return top.values.get(attribute, []), top
        bound = self.names.bindings(name, scope) if name and not owner else None
        return (bound[1], bound[0]) if bound is not None else ([], scope)

    def _called(self, node: cst.Call, scope: Scope, depth: int) -> tuple[Text, ...]:
        arguments = node.args
        if isinstance(node.func, cst.Attribute):
            if node.func.attr.value == "format":
                return tuple(_holes(one, _BRACES, "{{") for one in self.texts(node.func.value, scope, depth))
            if node.func.attr.value in ("strip", "rstrip", "lstrip", "encode") and not arguments:
                return self.texts(node.func.value, scope, depth)
            if node.func.attr.value == "join" and len(arguments) == 1:
                return self._joined(node.func.value, arguments[0].value, scope, depth)
        names = self.names.qualified(node.func, scope)
        if not arguments:
            return (UNKNOWN,)
        if _SAME & set(names) or "shutil.which" in names or "pathlib.Path" in names:
            return self.texts(arguments[0].value, scope, depth)
        if {"os.environ.get", "os.getenv"} & set(names):
            default = arguments[1].value if len(arguments) > 1 else None
            return (UNKNOWN, *self.texts(default, scope, depth)) if default is not None else (UNKNOWN,)
        if "os.path.join" in names:
            found: tuple[Text, ...] = ((),)
            for argument in arguments[:_MOST_PARTS]:
                more = self.texts(argument.value, scope, depth) if not argument.star else (UNKNOWN,)
                found = tuple(_short((*one, "/", *other) if one else other) for one in found for other in more)
                found = found[:_MOST_VALUES]
            return found
        return (UNKNOWN,)

    def _joined(
        self, separator: cst.BaseExpression, node: cst.BaseExpression, scope: Scope, depth: int
    ) -> tuple[Text, ...]:
        found = []
        for between in self.texts(separator, scope, depth):
            for one in self.lists(node, scope, depth):
                parts: Text = ()
                for at, text in enumerate(one.texts):
                    parts += (between if at else ()) + text
                found.append(_short(parts + ((*between, None) if one.more else ())))
        return tuple(found) or (UNKNOWN,)

    def lists(self, node: cst.BaseExpression | None, scope: Scope, depth: int = 0) -> tuple[Items, ...]:
        """What a list of strings may be; no items and `more` where it is not known."""
        self.fuel -= 1
        if node is None or depth > 16 or self.fuel < 0:
            return (Items((), True),)
        found = tuple(dict.fromkeys(self._lists(node, scope, depth + 1)))
        return found if len(found) <= _MOST_VALUES else (*found[: _MOST_VALUES - 1], Items((), True))

    def _lists(self, node: cst.BaseExpression, scope: Scope, depth: int) -> tuple[Items, ...]:
        if isinstance(node, cst.List | cst.Tuple):
            return self._elements(node, scope, depth)
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
            found = []
            for left in self.lists(node.left, scope, depth):
                if left.more:
                    found.append(left)
                    continue
                found += [Items(left.texts + right.texts, right.more) for right in self.lists(node.right, scope, depth)]
            return tuple(found)
        if isinstance(node, cst.IfExp):
            return self.lists(node.body, scope, depth) + self.lists(node.orelse, scope, depth)
        if isinstance(node, cst.BooleanOperation) and isinstance(node.operator, cst.Or):
            return self.lists(node.left, scope, depth) + self.lists(node.right, scope, depth)
        if isinstance(node, cst.Name | cst.Attribute):
            values, where = self.assigned(node, scope)
            # A list that has a name may have grown before it is used.
            found = [one._replace(more=True) for value in values for one in self.lists(value, where, depth)]
            return tuple(found) or (Items((), True),)
        if isinstance(node, cst.Call):
            names = self.names.qualified(node.func, scope)
            if {"list", "tuple"} & set(names) and len(node.args) == 1:
                return self.lists(node.args[0].value, scope, depth)
            if "shlex.split" in names and node.args:
                return tuple(_words(one) for one in self.texts(node.args[0].value, scope, depth))
            if isinstance(node.func, cst.Attribute) and node.func.attr.value == "split" and not node.args:
                return tuple(_words(one) for one in self.texts(node.func.value, scope, depth))
            if isinstance(node.func, cst.Attribute) and node.func.attr.value == "copy" and not node.args:
                return self.lists(node.func.value, scope, depth)
        return (Items((), True),)

    def _elements(self, node: cst.List | cst.Tuple, scope: Scope, depth: int) -> tuple[Items, ...]:
        found: tuple[Items, ...] = (Items(()),)
        for element in node.elements[:_MOST_ITEMS]:
            if isinstance(element, cst.StarredElement):
                tails = self.lists(element.value, scope, depth)
            else:
                tails = tuple(Items((one,)) for one in self.texts(element.value, scope, depth))
            found = tuple(
                head if head.more else Items(head.texts + tail.texts, tail.more) for head in found for tail in tails
            )[:_MOST_VALUES]
        return found


def _merge(text: Text) -> Text:
    """The text with neighbouring known parts joined, and neighbouring unknown ones made one."""
    parts: list[str | None] = []
    for part in text:
        last = parts[-1] if parts else ""
        if parts and (part is None) == (last is None):
            parts[-1] = None if part is None or last is None else last + part
        elif part != "":
            parts.append(part)
    return tuple(parts)


def _short(text: Text) -> Text:
    merged = _merge(text)
    if len(merged) > _MOST_PARTS or sum(len(part) for part in merged if part) > _LONGEST:
        return UNKNOWN
    return merged


def _decoded(value: str | bytes) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _holes(text: Text, pattern: re.Pattern[str], literal: str) -> Text:
    """The text with everything that matches made unknown; a match that is `literal` stands for its first character."""
    parts: list[str | None] = []
    for part in text:
        if part is None:
            parts.append(None)
            continue
        at = 0
        for match in pattern.finditer(part):
            parts += [part[at : match.start()], match[0][0] if literal and match[0] == literal else None]
            at = match.end()
        parts.append(part[at:])
    return _short(tuple(parts))


def _words(text: Text) -> Items:
    """The words that splitting at blanks gives; a word with an unknown part may be any number of words."""
    words: list[Text] = []
    current: list[str | None] = []
    for part in text:
        if part is None:
            return Items(tuple(words) if not current else (*words, (*current, None)), True)
        pieces = part.split(" ") if part else []
        for at, piece in enumerate(pieces):
            if at and current:
                words.append(tuple(current))
                current = []
            if piece.strip():
                current.append(piece.strip())
    return Items((*words, tuple(current)) if current else tuple(words))


def known(text: Text) -> str | None:
    """The string, if every part of it is known."""
    whole = _merge(text)
    if not whole:
        return ""
    return whole[0] if len(whole) == 1 else None
