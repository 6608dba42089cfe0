"""The layout of a Dockerfile: where the lines of a chain break, how they are indented, and what blanks end a line.

The opinion is small. A chain that is broken over lines already has one command on a line, and the
lines that start its commands have one indent, that of most of them. A line ends without blanks.
Everything else is the user's: where the operators stand, the case of keywords, arguments that
run over several lines, chains on a single line, and the inside of strings, comments,
here-documents and compound commands.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from slimify.rewrite.edit import Edit
from slimify.rewrite.join import has_compound
from slimify.syntax.dockerfile import Dockerfile, Instruction
from slimify.syntax.shell import AndOr, Body, Command, Pipeline, ShellNode
from slimify.syntax.source import BOM, Source, Span

# A line feed ends a line, with or without a carriage return before it.
_ENDING_BLANKS = re.compile(r"[ \t]+(?=\r?$)", re.MULTILINE)
_BLANKS = re.compile(r"[ \t]*")


def blanks(dockerfile: Dockerfile) -> tuple[dict[int, list[Edit]], list[Edit]]:
    """Take the blanks off the ends of lines: by the instruction (its index) they end, and those of lines between.

    A comment keeps its own, and so does the text of a here-document. Behind an escape character that continues a
    line the blanks belong to nothing, not even in a string.
    """
    source = dockerfile.source
    text = source.text
    inside: dict[int, list[Edit]] = {}
    between: list[Edit] = []
    comments: set[int] | None = None
    for match in _ENDING_BLANKS.finditer(text):
        start, end = match.span()
        if start and text[start - 1] in ("\r", BOM):
            continue  # a carriage return that ends no line, which Docker would take for the end of this one
        line = source.line_of(start)
        if comments is None:
            comments = {one.line for one in dockerfile.comments} | {one.line for one in dockerfile.directives}
        if line in comments:
            continue
        edit = Edit(Span(start, end), "")
        at = bisect_left(dockerfile.instructions, line, key=lambda one: one.end_line)
        one = dockerfile.instructions[at] if at < len(dockerfile.instructions) else None
        if one is None or line < one.start_line:
            if not text[source.line_starts[line - 1] : start]:
                between.append(edit)
        elif not one.heredocs or start < one.heredocs[0].content.start:
            inside.setdefault(at, []).append(edit)
    return inside, between


def breaks(source: Source, one: Instruction, body: Body) -> list[Edit]:
    """Give each command of the RUN's chains a line of its own, and those lines one indent.

    Only what stands between the commands is touched, and a script that is not understood not at all.
    """
    script = body.script
    # The shell reads a comment up to the end of the instruction: nobody knows what was meant to be in it.
    if one.start_line == one.end_line or one.heredocs or one.escape != "\\" or script.opaque or script.comments:
        return []
    return [edit for chain in _chains(source, body) for edit in _of_chain(source, one, body, chain)]


class _Gap(NamedTuple):
    """What stands between two commands of a chain. `line` is where the next command's line starts, if it breaks."""

    left: ShellNode
    right: ShellNode
    operator: str
    span: Span
    broken: bool
    leading: bool
    line: Span | None


def _chains(source: Source, body: Body) -> Iterator[list[_Gap]]:
    """The lists and the AND-OR lists on the outermost level of the script that are broken, as the gaps in them."""
    items = body.script.body.items
    lines = [start - body.base for start in body.logical.starts[1:]]
    chains = [[(one.node, other.node, one.separator) for one, other in pairwise(items)]]
    for item in items:
        if isinstance(item.node, AndOr):
            pairs = zip(pairwise(item.node.operands), item.node.operators, strict=True)
            chains.append([(left, right, operator) for (left, right), operator in pairs])
    for chain in chains:
        # Whether a line starts between two commands is quickly seen; where the operator stands takes longer.
        if any(bisect_left(lines, left.end) < bisect_right(lines, right.start) for left, right, _ in chain):
            yield [_gap(source, body, *link) for link in chain]


def _gap(source: Source, body: Body, left: ShellNode, right: ShellNode, operator: str) -> _Gap:
    start = body.span(left.end - 1, left.end).end
    end = body.span(right.start, right.start + 1).start
    span = Span(start, end)
    between = body.script.text[left.end : right.start]
    if "\n" not in source[span] or between.strip(" \t") != operator:
        return _Gap(left, right, operator, span, "\n" in source[span], False, None)
    at = body.span(left.end + between.index(operator), left.end + between.index(operator) + 1).start
    leading = source.line_of(at) != source.line_of(start)
    first = at if leading else end
    indent = Span(source.line_starts[source.line_of(first) - 1], first)
    # An operator alone on its line starts no command.
    alone = leading and source.line_of(at) != source.line_of(end)
    return _Gap(left, right, operator, span, True, leading, None if alone or source[indent].strip(" \t") else indent)


def _of_chain(source: Source, one: Instruction, body: Body, chain: list[_Gap]) -> Iterator[Edit]:
    if not any(gap.broken and gap.line is not None for gap in chain):
        return
    indents = {leading: _usual(source, chain, leading) for leading in (True, False)}
    leading = sum(gap.leading for gap in chain) * 2 >= sum(gap.line is not None for gap in chain)
    # What binds how in `a && b || c` is best seen on one line.
    splits = all(gap.operator in ("&&", ";") for gap in chain)
    for gap in chain:
        if gap.line is not None:
            wanted = indents[gap.leading]
            if gap.operator in ("&&", ";") and source[gap.line] != wanted and _moves(source, body, gap):
                yield Edit(gap.line, wanted)
        elif splits and not gap.broken and source[gap.span].strip(" \t") == gap.operator:
            if has_compound(gap.left) or has_compound(gap.right):
                continue
            indent = indents[leading]
            newline = source.newline_at(source.line_of(gap.span.start))
            trailed = gap.operator if gap.operator == ";" else f" {gap.operator}"
            yield Edit(
                gap.span,
                f" \\{newline}{indent}{gap.operator} " if leading else f"{trailed} \\{newline}{indent}",
            )
            yield from _deeper(source, one, body, gap.right, indent)


def _usual(source: Source, chain: list[_Gap], leading: bool) -> str:
    """The indent of most lines that start with an operator, or of those behind one; of the first, if none is it."""
    found = Counter(source[gap.line] for gap in chain if gap.line is not None and gap.leading == leading)
    return found.most_common(1)[0][0] if found else ""


def _moves(source: Source, body: Body, gap: _Gap) -> bool:
    """Whether the line of a command may move: not the head of a structure whose other lines would stay."""
    end = body.span(gap.right.end - 1, gap.right.end).end
    return not has_compound(gap.right) or "\n" not in source[Span(gap.span.end, end)]


def _deeper(source: Source, one: Instruction, body: Body, node: ShellNode, indent: str) -> Iterator[Edit]:
    """Indent the further lines of a command that has got its own line, where they would not be deeper than it."""
    first = source.line_of(body.span(node.start, node.start + 1).start)
    last = source.line_of(body.span(node.end - 1, node.end).start)
    step = indent if 0 < len(indent) <= 4 else "\t" if "\t" in indent else "    "
    words = list(_words(node))
    comments = {comment.line for comment in one.comments}
    lines: list[Span] = []
    for line in range(first + 1, last + 1):
        start = source.line_starts[line - 1]
        match = _BLANKS.match(source.text, start)
        assert match is not None
        if line in comments:
            lines.append(Span(*match.span()))
        elif line not in one.blank_lines:
            at = _script_offset(body, start)
            if at is None or any(word.start < at < word.end for word in words):
                return  # a string that runs over lines: its blanks are its own
            lines.append(Span(*match.span()))
    if any(_width(source[blank]) <= _width(indent) for blank in lines):
        for blank in lines:
            yield Edit(Span(blank.start, blank.start), step)


def _width(indent: str) -> int:
    return len(indent.expandtabs(4))


def _script_offset(body: Body, offset: int) -> int | None:
    """Where in the script the line starts that stands at `offset` in the source."""
    at = bisect_left(body.logical.sources, offset)
    if at == len(body.logical.sources) or body.logical.sources[at] != offset:
        return None
    return body.logical.starts[at] - body.base


def _words(node: ShellNode) -> Iterator[Span]:
    """What a command is made of, each piece in one: its words, assignments and redirections."""
    if isinstance(node, Command):
        for parts in (node.assignments, node.words, node.redirects):
            yield from (Span(part.start, part.end) for part in parts)
    elif isinstance(node, Pipeline):
        for command in node.commands:
            yield from _words(command)
    else:
        yield Span(node.start, node.end)
