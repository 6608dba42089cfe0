"""Which commands of a script run only if something else turns out one way: the branches they stand in."""

from __future__ import annotations

from slimify.syntax.shell import AndOr, Command, Compound, Pipeline, Sequence, ShellNode

# Commands that ask; what `&&` puts behind them runs only if the answer is yes.
_QUESTIONS = frozenset(
    {"[", "test", "command", "type", "which", "hash", "grep", "egrep", "fgrep", "id", "getent", "false"}
)
_UNCONDITIONAL = frozenset({"subshell", "group"})


def branches(sequence: Sequence, target: Command) -> tuple[int, ...] | None:
    """The branches around a command, from the outside in, each by the offset it starts at.

    A command runs whenever another one does that stands behind it in the same branch or in a branch
    inside that one. None if the command is not in the sequence, or stands in a substitution.
    """
    for item in sequence.items:
        if item.node.start <= target.start < item.node.end:
            return _in_node(item.node, target)
    return None


def dominates(sequence: Sequence, first: Command, second: Command) -> bool:
    """Whether `first` has run, and succeeded or been meant to, whenever `second` runs."""
    outer, inner = branches(sequence, first), branches(sequence, second)
    return outer is not None and inner is not None and first.start <= second.start and inner[: len(outer)] == outer


def _in_node(node: ShellNode, target: Command) -> tuple[int, ...] | None:
    if isinstance(node, Command):
        return () if node is target else None
    if isinstance(node, Pipeline):
        inside = next((one for one in node.commands if one.start <= target.start < one.end), None)
        return _in_node(inside, target) if inside is not None else None
    if isinstance(node, AndOr):
        return _in_list(node, target)
    for at, part in enumerate(node.parts):
        if part.start <= target.start < part.end:
            found = branches(part, target)
            asked = at == 0 and node.kind in ("if", "while", "until")
            if found is None or asked or node.kind in _UNCONDITIONAL:
                return found
            return (part.start, *found)
    return None


def _in_list(node: AndOr, target: Command) -> tuple[int, ...] | None:
    marks: tuple[int, ...] = ()
    for at, operand in enumerate(node.operands):
        if at and (node.operators[at - 1] == "||" or _asks(node.operands[at - 1])):
            marks = (operand.start,)
        if operand.start <= target.start < operand.end:
            found = _in_node(operand, target)
            return None if found is None else marks + found
    return None


def _asks(node: ShellNode) -> bool:
    if isinstance(node, Pipeline):
        return node.negated or _asks(node.commands[-1])
    if isinstance(node, Compound):
        return node.kind in ("test", "arithmetic")
    return isinstance(node, Command) and node.name in _QUESTIONS
