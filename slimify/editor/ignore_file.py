"""What is to be said of a `.dockerignore` file, and the layout that it can get without meaning anything else."""

from __future__ import annotations

import re
from typing import NamedTuple

from slimify.context.dockerignore import MAX_LINE_BYTES, read_patterns
from slimify.context.patterns import Matcher, PatternError
from slimify.rewrite.edit import Edit
from slimify.syntax.source import Source, Span

_ENDING_BLANKS = re.compile(r"[ \t]+(?=\r?$)", re.MULTILINE)
REFERENCE = "https://docs.docker.com/build/concepts/context/#dockerignore-files"


class Remark(NamedTuple):
    """Something about one line. `error`: Docker stops there."""

    span: Span
    message: str
    error: bool = False


def is_ignore_file(name: str) -> bool:
    """Whether a file of this name says what is left out of a build context."""
    return name.endswith((".dockerignore", ".containerignore"))


def remarks(source: Source) -> list[Remark]:
    """What Docker refuses in it, and what does not do what it seems to."""
    found: list[Remark] = []
    previous = ""
    for line in range(1, len(source.line_starts) + 1):
        span = source.line_content(line)
        text = source[span]
        if len(text) * 4 > MAX_LINE_BYTES and len(text.encode("utf-8", "surrogatepass")) > MAX_LINE_BYTES:
            found.append(Remark(span, f"a line is longer than Docker's limit of {MAX_LINE_BYTES} bytes", True))
            continue
        if text.startswith("#") or not text.strip():
            continue
        if text.lstrip().startswith("#"):
            found.append(Remark(span, "this is a pattern: a comment has its # in the first column"))
            continue
        try:
            (pattern,) = read_patterns(text.encode("utf-8", "surrogatepass"))
            Matcher([pattern])
        except (PatternError, ValueError) as error:
            found.append(Remark(span, str(error), True))
            continue
        if pattern == previous:
            found.append(Remark(span, f"the pattern above says {pattern} already"))
        previous = pattern
    return found


def layout_edits(source: Source) -> list[Edit]:
    """Take the blanks off the ends of patterns, which Docker does itself. Comments and all else stay."""
    found = []
    for match in _ENDING_BLANKS.finditer(source.text):
        start = source.line_starts[source.line_of(match.start()) - 1]
        if not source.text.startswith("#", start) and source.text[max(match.start() - 1, 0)] != "\r":
            found.append(Edit(Span(*match.span()), ""))
    return found
