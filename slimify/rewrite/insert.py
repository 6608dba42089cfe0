"""Adding a command to the script of a RUN without changing what the rest of it does."""

from __future__ import annotations

from slimify.rewrite.edit import Edit
from slimify.rewrite.join import Style
from slimify.semantics.build import Build, Step
from slimify.syntax.shell import AndOr, Body, Command, Compound, Pipeline, ShellNode
from slimify.syntax.source import Span


def after_list(build: Build, step: Step, body: Body, offset: int, command: str, errexit: bool) -> Edit | str:
    """Run `command` when the list that holds `offset` has succeeded, or say why that cannot be had.

    Behind the last list of a script the command is joined with `&&`, so that a failure stays a
    failure. Between lists it becomes a list of its own, since `set -e` is ignored in front of `&&`
    (POSIX XCU 2.15, "set"); with `-e` on, a compound command at the end can be given neither.
    """
    items = body.script.body.items
    for at, item in enumerate(items):
        if not item.node.start <= offset < item.node.end:
            continue
        if item.separator == "&":
            return "it runs in the background"
        if at == len(items) - 1:
            if errexit and _ends_compound(item.node):
                return "set -e would lose its effect inside the compound command in front of &&"
            return _insertion(build, step, body, item.node.end, "&&", command)
        return _insertion(build, step, body, item.node.end, ";" if errexit else "&&", command)
    return "its place in the script was not found"


def after_command(build: Build, step: Step, body: Body, offset: int, command: str, errexit: bool) -> Edit | str:
    """Run `command` right behind the simple command at `offset`, or behind its list where that is not possible.

    It goes into the middle of a list only where its own failure, like any other there, fails the RUN.
    """
    node = body.script.body.items[-1].node
    if isinstance(node, AndOr) and "||" not in node.operators:
        for operand in node.operands:
            if operand.start <= offset < operand.end and isinstance(operand, Command | Pipeline):
                if isinstance(operand, Pipeline) and operand.negated:
                    break
                return _insertion(build, step, body, operand.end, "&&", command)
    return after_list(build, step, body, offset, command, errexit)


def _ends_compound(node: ShellNode) -> bool:
    last = node.operands[-1] if isinstance(node, AndOr) else node
    if isinstance(last, Pipeline):
        last = last.commands[-1]
    return isinstance(last, Compound) and last.kind not in ("test", "arithmetic")


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
