"""Comments that keep slimify away from an instruction, as edits."""

from __future__ import annotations

from slimify.rewrite.edit import Edit
from slimify.syntax.dockerfile import Dockerfile, Instruction
from slimify.syntax.source import BOM, Source, Span


def instruction_in(dockerfile: Dockerfile, first: int, last: int) -> Instruction | None:
    """The first instruction that has one of these lines, counted from 1."""
    return next((one for one in dockerfile.instructions if one.start_line <= last and one.end_line >= first), None)


def pragma_edit(source: Source, one: Instruction, words: str) -> Edit:
    """A line `# slimify: …` above an instruction, indented as it is."""
    start = source.line_starts[one.start_line - 1]
    start += source.text.startswith(BOM, start)
    indent = source.text[start : one.span.start]
    indent = "" if indent.strip(" \t") else indent
    newline = source.newline_at(one.start_line)
    return Edit(Span(start, start), f"{indent}# slimify: {words}{newline}")
