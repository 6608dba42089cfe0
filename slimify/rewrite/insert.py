"""Adding a command to the script of a RUN without changing what the rest of it does.

Behind the last list of a script a command is joined with `&&`, so that a failure stays a failure.
Between lists it becomes a list of its own where `set -e` is on, since that is ignored in front of
`&&` (POSIX XCU 2.15, "set").
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence as Row
from typing import NamedTuple

from slimify.rewrite.edit import Edit
from slimify.rewrite.join import Style
from slimify.semantics.build import Build, Step
from slimify.syntax.shell import AndOr, Body, Command, Compound, Item, Pipeline, Sequence, ShellNode
from slimify.syntax.source import Span


def at_end(build: Build, step: Step, body: Body, command: str, errexit: bool) -> Edit | str:
    """Run `command` when the whole script has succeeded, or say why that cannot be had."""
    last = body.script.body.items[-1]
    if last.separator == "&":
        return "the script ends with a background job"
    if errexit and _ends_compound(last.node):
        return "set -e would lose its effect inside the compound command in front of &&"
    if _leaves(last.node):
        return "the script ends by leaving the shell"
    return _insertion(build, step, body, last.node.end, "&&", command)


def after_item(build: Build, step: Step, body: Body, offset: int, command: str, errexit: bool) -> Edit | str:
    """Run `command` behind the list that holds `offset`; the last one of the script is for `at_end`."""
    items = body.script.body.items
    for item, following in itertools.pairwise(items):
        if not item.node.start <= offset < item.node.end:
            continue
        if item.separator == "&":
            return "it runs in the background"
        if _asks_status(body, following):
            return "the next command asks for its status"
        return _insertion(build, step, body, item.node.end, ";" if errexit else "&&", command)
    return "its place in the script was not found"


class _Place(NamedTuple):
    """Where a simple command stands: the innermost list of lists around it, and how deep that is."""

    items: tuple[Item, ...]
    at: int
    depth: int
    negated: bool


def after_command(build: Build, step: Step, body: Body, target: Command, command: str, errexit: bool) -> Edit | str:
    """Run `command` right behind the simple command `target`, and only where that one has run and succeeded.

    So it is right for a command that needs what `target` needs: the program, the folder, the
    environment of the subshell. A failure of `target` keeps its consequences, whatever they are.
    """
    place = _find(body.script.body, target, 0, False)
    if place is None or place.negated:
        return "it stands where nothing can be put behind it"
    item = place.items[place.at]
    if item.separator == "&":
        return "it runs in the background"
    if place.depth and errexit:
        return "set -e may be on inside the compound command that it stands in"
    node = item.node
    last = place.at == len(place.items) - 1
    operands = node.operands if isinstance(node, AndOr) else (node,)
    if isinstance(node, AndOr) and "||" in node.operators:
        if not last or not _alike(operands, target):
            return "it runs only if something else fails or succeeds"
        return _insertion(build, step, body, node.end, "&&", command)
    operand = next(one for one in operands if one.start <= target.start < one.end)
    if isinstance(operand, Pipeline) and operand.commands[-1] is not target:
        return "its own status is lost in a pipeline"
    if operand is not operands[-1] and (place.depth or not last):
        return "a failure of the clean-up would keep what follows it from running, and go unnoticed"
    if errexit and not last:
        if len(operands) > 1:
            return "set -e ignores what fails in a list of several commands, so that it may not have run"
        if _asks_status(body, place.items[place.at + 1]):
            return "the next command asks for its status"
        return _insertion(build, step, body, node.end, ";", command)
    return _insertion(build, step, body, operand.end, "&&", command)


def _asks_status(body: Body, item: Item) -> bool:
    return "$?" in body.script.text[item.node.start : item.node.end]


def _alike(operands: Row[ShellNode], target: Command) -> bool:
    """Whether all alternatives call the same program, so that one of them has run."""
    return all(isinstance(one, Command) and one.name is not None and one.name == target.name for one in operands)


def _find(sequence: Sequence, target: Command, depth: int, negated: bool) -> _Place | None:
    for at, item in enumerate(sequence.items):
        if not item.node.start <= target.start < item.node.end:
            continue
        for operand in item.node.operands if isinstance(item.node, AndOr) else (item.node,):
            commands = operand.commands if isinstance(operand, Pipeline) else (operand,)
            against = negated or (isinstance(operand, Pipeline) and operand.negated)
            for one in commands:
                if one is target:
                    return _Place(sequence.items, at, depth, against)
                if isinstance(one, Compound) and one.start <= target.start < one.end:
                    for part in one.parts:
                        if (found := _find(part, target, depth + 1, against)) is not None:
                            return found
    return None


def _ends_compound(node: ShellNode) -> bool:
    last = node.operands[-1] if isinstance(node, AndOr) else node
    if isinstance(last, Pipeline):
        last = last.commands[-1]
    return isinstance(last, Compound) and last.kind not in ("test", "arithmetic")


def _leaves(node: ShellNode) -> bool:
    last = node.operands[-1] if isinstance(node, AndOr) else node
    return isinstance(last, Command) and last.name in ("exit", "exec", "return")


def _insertion(build: Build, step: Step, body: Body, end: int, operator: str, command: str) -> Edit:
    source = build.dockerfile.source
    at = body.span(end - 1, end).end
    line = source.line_of(at - 1 if at else at)
    rest = source.text[at : source.line_content(line).end]
    style = Style.of(build.dockerfile, [step.instruction])
    newline = source.newline_at(line)
    bare = rest.strip(" \t")
    if bare in ("", "\\", ";", "&& \\", "&&\\", "; \\", ";\\"):
        if operator == ";":
            return Edit(Span(at, at), f"; \\{newline}{style.indent}{command}")
        if style.trailing:
            return Edit(Span(at, at), f" && \\{newline}{style.indent}{command}")
        return Edit(Span(at, at), f" \\{newline}{style.indent}&& {command}")
    return Edit(Span(at, at), f"; {command}" if operator == ";" else f" && {command}")
