"""A second opinion on every tree: dockerfile-parse must see the same instructions on the same lines.

It reads Dockerfiles by rules of its own and knows nothing of here-documents, of blank lines
inside a continuation, or of a byte order mark. Those are masked line for line; on all the rest an
independent program has to agree before a rewritten file is written.
"""

from __future__ import annotations

import io
from typing import NamedTuple

from slimify.syntax.dockerfile import Dockerfile
from slimify.syntax.source import BOM


class Seen(NamedTuple):
    """An instruction as a parser reports it; lines count from 1."""

    keyword: str
    start_line: int
    end_line: int


def disagreement(dockerfile: Dockerfile) -> str:
    """Where dockerfile-parse and our own tree part ways, in words; empty if they agree."""
    ours = []
    for one in dockerfile.instructions:
        inner = sum(
            dockerfile.source.text.count("\n", doc.content.start, doc.terminator.start) + 1 for doc in one.heredocs
        )
        ours.append(Seen(one.keyword, one.start_line, one.end_line - inner))
    theirs = _structure(_masked(dockerfile))
    if ours == theirs:
        return ""
    for mine, other in zip(ours, theirs, strict=False):
        if mine != other:
            return f"line {mine.start_line}: {mine} is {other} to dockerfile-parse"
    return f"{len(ours)} instructions are {len(theirs)} to dockerfile-parse"


def _masked(dockerfile: Dockerfile) -> str:
    lines = dockerfile.source.text.split("\n")
    lines[0] = lines[0].removeprefix(BOM)
    for one in dockerfile.instructions:
        for line in one.blank_lines:
            lines[line - 1] = "#"
        if one.heredocs:
            inner = sum(
                dockerfile.source.text.count("\n", doc.content.start, doc.terminator.start) + 1 for doc in one.heredocs
            )
            for line in range(one.end_line - inner, one.end_line):
                lines[line] = "#"
    for directive in dockerfile.directives:
        # It reads directives only up to the first one it does not know; order is nothing to us.
        lines[directive.line - 1] = "#"
    if dockerfile.escape != "\\":
        lines[0] = f"# escape={dockerfile.escape}" if not dockerfile.directives else lines[0]
        lines[dockerfile.directives[0].line - 1] = f"# escape={dockerfile.escape}"
    # To Docker every carriage return in front of a line feed belongs to the line end.
    return "\n".join(line.rstrip("\r") for line in lines)


def _structure(text: str) -> list[Seen]:
    # Not at the top: only a file that changes is shown to the witness.
    from dockerfile_parse.parser import DockerfileParser

    parser = DockerfileParser(fileobj=io.BytesIO(text.encode("utf-8", "replace")))  # type: ignore[no-untyped-call]
    return [
        Seen(one["instruction"], one["startline"] + 1, one["endline"] + 1)
        for one in parser.structure
        if one["instruction"] != "COMMENT"
    ]
