"""A Dockerfile as a tree that keeps every byte: directives, comments, instructions, stages.

The tokenizer follows BuildKit's own (`frontend/dockerfile/parser`): the same lines are
instructions, with the same first and last line, the same flags, and the same here-documents,
and the same files are refused. Every node knows its span in the source.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import BOM, Source, Span
from slimify.syntax.words import (
    SPACE,
    NotStrings,
    Token,
    WordError,
    blank_separated,
    builder_flags,
    heredoc_markers,
    json_strings,
    quoted_words,
)

KEYWORDS = frozenset(
    "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL "
    "USER VOLUME WORKDIR".split()
)
_MAY_BE_JSON = frozenset("ADD CMD COPY ENTRYPOINT RUN SHELL VOLUME".split())
_MAY_HOLD_HEREDOCS = frozenset("ADD COPY RUN".split())
_QUOTED_WORDS = frozenset("ARG ENV LABEL".split())
_NAME_VALUE = frozenset("ENV LABEL".split())

# Go's bufio.Scanner, with which BuildKit reads, gives up on longer lines; the line feed does not count.
MAX_LINE_BYTES = 65535

_DIRECTIVE = re.compile(r"#[\s\x85]*([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+?)[\t\n\f\r ]*", re.DOTALL)
_DIRECTIVE_NAMES = frozenset({"syntax", "escape", "check"})
_KEYWORD_END = re.compile(r"[\t\v\f\r ]+")


class Comment(NamedTuple):
    """A comment line, from its `#` to the end of its text."""

    span: Span
    line: int


class Directive(NamedTuple):
    """A parser directive such as `# syntax=docker/dockerfile:1`."""

    name: str
    value: str
    span: Span
    line: int


class Heredoc(NamedTuple):
    """A here-document: its marker's properties, its content, and the line that ends it."""

    name: str
    descriptor: int
    expand: bool
    chomp: bool
    content: Span
    terminator: Span


class Logical(NamedTuple):
    """An instruction's text with its continuation lines joined, and the way back into the source.

    `starts[i]` is the offset in `text` at which a piece begins that stands at `sources[i]` in the source.
    """

    text: str
    starts: tuple[int, ...]
    sources: tuple[int, ...]

    def offset(self, at: int) -> int:
        """The source offset of the character at `at`."""
        piece = bisect_right(self.starts, at) - 1
        return self.sources[piece] + at - self.starts[piece]

    def span(self, start: int, end: int) -> Span:
        """The source span of `text[start:end]`; it may run over line continuations."""
        if end <= start:
            at = self.offset(start)
            return Span(at, at)
        return Span(self.offset(start), self.offset(end - 1) + 1)


class Word(NamedTuple):
    """A word of an instruction, as Docker reads it, quotes still in it; `span` is where it stands."""

    text: str
    span: Span


class Flag(NamedTuple):
    """`--name` or `--name=value` in front of an instruction's arguments."""

    name: str
    value: str | None
    span: Span

    @property
    def text(self) -> str:
        return f"--{self.name}" if self.value is None else f"--{self.name}={self.value}"


class Instruction(NamedTuple):
    """One instruction, from its keyword to the end of its last line or here-document.

    `keyword` is in capitals, whatever the file says. `logical` is the joined text, and
    `arguments_span` the part of it behind keyword and flags. `exec_form` holds the strings of
    the JSON form. `trigger` is the instruction inside an ONBUILD.
    """

    keyword: str
    span: Span
    keyword_span: Span
    start_line: int
    end_line: int
    logical: Logical
    flags: tuple[Flag, ...]
    arguments_span: Span
    escape: str
    exec_form: tuple[str, ...] | None
    heredocs: tuple[Heredoc, ...]
    comments: tuple[Comment, ...]
    blank_lines: tuple[int, ...]
    trigger: Instruction | None

    @property
    def arguments(self) -> str:
        """The joined text behind keyword and flags, without the blanks around it."""
        start, end = self.arguments_span
        return self.logical.text[start:end]

    @property
    def tokens(self) -> list[Token]:
        """The words of the arguments, with offsets into `logical`."""
        return list(_tokens(self))

    @property
    def words(self) -> list[Word]:
        """The words of the arguments by the rules of this keyword, each with its span in the source."""
        return [Word(text, self.logical.span(start, end)) for text, start, end in self.tokens]

    @property
    def source_arguments(self) -> Span:
        """Where the arguments stand in the source."""
        return self.logical.span(*self.arguments_span)

    def flag(self, name: str) -> str | None:
        """The value of the last `--name=…`; an empty string for a flag without one, None without the flag."""
        for flag in reversed(self.flags):
            if flag.name == name:
                return flag.value or ""
        return None


@functools.lru_cache(maxsize=4096)
def _tokens(one: Instruction) -> tuple[Token, ...]:
    # Asked for again and again: once is enough.
    start, end = one.arguments_span
    if one.keyword in _QUOTED_WORDS:
        return tuple(quoted_words(one.logical.text, start, end, one.escape))
    return tuple(blank_separated(one.logical.text, start, end))


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A FROM and what follows it up to the next one."""

    index: int
    base: Instruction
    instructions: tuple[Instruction, ...]

    @property
    def image(self) -> str:
        """What the FROM names, variables unexpanded."""
        words = self.base.tokens
        return words[0].text if words else ""

    @property
    def name(self) -> str | None:
        """The stage's name in lower case, as Docker compares it."""
        words = self.base.tokens
        if len(words) == 3 and words[1].text.lower() == "as":
            return words[2].text.lower()
        return None


class Dockerfile(NamedTuple):
    """The whole file. `preamble` is what stands before the first FROM: global ARGs."""

    source: Source
    escape: str
    directives: tuple[Directive, ...]
    comments: tuple[Comment, ...]
    instructions: tuple[Instruction, ...]
    preamble: tuple[Instruction, ...]
    stages: tuple[Stage, ...]

    def directive(self, name: str) -> str | None:
        for directive in self.directives:
            if directive.name == name:
                return directive.value
        return None

    def text(self) -> str:
        """Print the tree: the gaps between the nodes, and the nodes, in order."""
        parts: list[str] = []
        at = 0
        nodes = sorted(
            [d.span for d in self.directives] + [c.span for c in self.comments] + [i.span for i in self.instructions]
        )
        for start, end in nodes:
            if start < at:
                continue  # a comment inside an instruction
            parts += [self.source.text[at:start], self.source.text[start:end]]
            at = end
        parts.append(self.source.text[at:])
        return "".join(parts)


def parse(source: Source) -> Dockerfile:
    """Read a Dockerfile.

    Raises `DockerfileSyntaxError` for what BuildKit's parser refuses: no instruction at all, an
    unterminated here-document, a repeated or wrong parser directive, a malformed ENV or LABEL, a
    JSON array of other things than strings, a line of more than 65,535 bytes.
    """
    return _Parser(source).parse()


class _Parser:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.starts = source.line_starts
        self.count = len(self.starts)
        if self.starts[-1] == len(self.text):
            self.count -= 1  # the empty line behind the last line feed is none
        self.line = 0  # index, from 0, of the next line to read
        self.escape = "\\"
        self.directives: list[Directive] = []
        self.directives_done = False
        self.comments: list[Comment] = []

    def parse(self) -> Dockerfile:
        self._check_line_lengths()
        instructions = tuple(self._instructions())
        if not instructions:
            raise self._error(max(self.count, 1), "file with no instructions")
        first = next((i for i, one in enumerate(instructions) if one.keyword == "FROM"), len(instructions))
        froms = [i for i, one in enumerate(instructions) if one.keyword == "FROM"]
        bounds = zip(froms, [*froms[1:], len(instructions)], strict=False)
        stages = tuple(
            Stage(index, instructions[start], instructions[start + 1 : end])
            for index, (start, end) in enumerate(bounds)
        )
        return Dockerfile(
            source=self.source,
            escape=self.escape,
            directives=tuple(self.directives),
            comments=tuple(self.comments),
            instructions=instructions,
            preamble=instructions[:first],
            stages=stages,
        )

    def _error(self, line: int, message: str, column: int = 1) -> DockerfileSyntaxError:
        return DockerfileSyntaxError(self.source.path, line, column, message)

    def _check_line_lengths(self) -> None:
        if len(self.text) * 4 <= MAX_LINE_BYTES:
            return
        for line in range(1, self.count + 1):
            start, end = self.source.line_span(line)
            if end - start > MAX_LINE_BYTES // 4:
                length = len(self.text[start:end].removesuffix("\n").encode("utf-8", "surrogateescape"))
                if length > MAX_LINE_BYTES:
                    raise self._error(line, f"line is longer than Docker's limit of {MAX_LINE_BYTES} bytes")

    def _content(self, index: int) -> tuple[int, int]:
        """Start and end of line `index` (from 0) without what ends it."""
        start = self.starts[index]
        end = self.starts[index + 1] if index + 1 < len(self.starts) else len(self.text)
        text = self.text
        while end > start and text[end - 1] in "\r\n":
            end -= 1
        return start, end

    def _skip_space(self, start: int, end: int) -> int:
        text = self.text
        while start < end and text[start] in SPACE:
            start += 1
        return start

    def _continuation(self, start: int, end: int) -> int | None:
        """Where the escape character stands that continues the line at `start:end`, or None."""
        text = self.text
        last = end
        while last > start and text[last - 1] in " \t":
            last -= 1
        if last == start or text[last - 1] != self.escape:
            return None
        if last - 2 >= start and text[last - 2] == self.escape:
            return None
        return last - 1

    def _instructions(self) -> Iterator[Instruction]:
        text = self.text
        while self.line < self.count:
            start, end = self._content(self.line)
            if self.line == 0 and text.startswith(BOM):
                start += 1
            start = self._skip_space(start, end)
            self.line += 1
            if start < end and text[start] == "#":
                if not self._read_directive(start, end):
                    self.comments.append(Comment(Span(start, end), self.line))
                continue
            self.directives_done = True
            if start == end:
                continue
            yield self._instruction(start, end)

    def _read_directive(self, start: int, end: int) -> bool:
        if self.directives_done:
            return False
        match = _DIRECTIVE.fullmatch(self.text, start, end)
        name = match[1].lower() if match else ""
        if match is None or name not in _DIRECTIVE_NAMES:
            self.directives_done = True
            return False
        if any(directive.name == name for directive in self.directives):
            raise self._error(self.line, f"only one {name} parser directive can be used")
        if name == "escape":
            if match[2] not in ("\\", "`"):
                message = f"invalid escape token '{match[2]}' does not match ` or \\"
                raise self._error(self.line, message)
            self.escape = match[2]
        self.directives.append(Directive(name, match[2], Span(start, end), self.line))
        return True

    def _instruction(self, start: int, end: int) -> Instruction:
        """Read the instruction whose first line, already passed, is `start:end`."""
        text = self.text
        start_line = self.line
        pieces: list[str] = []
        starts: list[int] = []
        sources: list[int] = []
        length = 0
        comments: list[Comment] = []
        blank_lines: list[int] = []
        last_end = end
        piece_start = start
        while True:
            continued = self._continuation(piece_start, end)
            piece_end = end if continued is None else continued
            starts.append(length)
            sources.append(piece_start)
            pieces.append(text[piece_start:piece_end])
            length += piece_end - piece_start
            last_end = end
            if continued is None:
                break
            found = False
            while self.line < self.count:
                piece_start, end = self._content(self.line)
                self.line += 1
                first = self._skip_space(piece_start, end)
                last_end = end
                if first == end:
                    blank_lines.append(self.line)
                elif text[first] == "#":
                    comments.append(Comment(Span(first, end), self.line))
                else:
                    found = True
                    break
            if not found:
                break
        self.comments += comments
        logical = Logical("".join(pieces), tuple(starts), tuple(sources))
        return self._node(logical, 0, start_line, last_end, comments, blank_lines)

    def _node(
        self,
        logical: Logical,
        at: int,
        start_line: int,
        end: int,
        comments: list[Comment],
        blank_lines: list[int],
        nested: bool = False,
    ) -> Instruction:
        line = logical.text
        stop = len(line)
        while at < stop and line[at] in SPACE:
            at += 1
        while stop > at and line[stop - 1] in SPACE:
            stop -= 1
        match = _KEYWORD_END.search(line, at, stop)
        keyword_end, rest = match.span() if match else (stop, stop)
        keyword = line[at:keyword_end].upper()
        tokens, begin = builder_flags(line, rest, stop, self.escape)
        while begin < stop and line[begin] in SPACE:
            begin += 1
        flags = tuple(_flag(token, logical) for token in tokens)
        arguments = Span(begin, stop)

        trigger = None
        if keyword == "ONBUILD" and begin < stop:
            trigger = self._node(logical, begin, start_line, end, [], [], nested=True)
        exec_form = self._exec_form(keyword, line, arguments, start_line)
        self._check_names(keyword, line, arguments, start_line)

        heredocs: tuple[Heredoc, ...] = ()
        holder = trigger if trigger is not None else (None if keyword == "ONBUILD" else self)
        if not nested and "<<" in line and holder is not None:
            holder_keyword = trigger.keyword if trigger is not None else keyword
            holder_json = trigger.exec_form if trigger is not None else exec_form
            if holder_keyword in _MAY_HOLD_HEREDOCS and holder_json is None:
                heredocs, end = self._heredocs(line, start_line, end)
        return Instruction(
            keyword=keyword,
            span=Span(logical.offset(at), end),
            keyword_span=logical.span(at, keyword_end),
            start_line=start_line,
            end_line=self.line,
            logical=logical,
            flags=flags,
            arguments_span=arguments,
            escape=self.escape,
            exec_form=exec_form,
            heredocs=heredocs,
            comments=tuple(comments),
            blank_lines=tuple(blank_lines),
            trigger=trigger,
        )

    def _exec_form(self, keyword: str, line: str, arguments: Span, start_line: int) -> tuple[str, ...] | None:
        text = line[arguments.start : arguments.end]
        if keyword == "HEALTHCHECK":
            head = _first_word(text)
            text = text[len(head) :]
        elif keyword not in _MAY_BE_JSON:
            return None
        try:
            return json_strings(text)
        except NotStrings as error:
            raise self._error(start_line, str(error)) from None

    def _check_names(self, keyword: str, line: str, arguments: Span, start_line: int) -> None:
        """ENV and LABEL are taken apart by BuildKit's parser already, so it is there that they fail."""
        if keyword not in _NAME_VALUE:
            return
        words = quoted_words(line, arguments.start, arguments.end, self.escape)
        if not words:
            return
        if "=" not in words[0].text:
            if _KEYWORD_END.search(line, arguments.start, arguments.end) is None:
                raise self._error(start_line, f"{keyword} must have two arguments")
            return
        for word in words:
            if "=" not in word.text:
                message = f'Syntax error - can\'t find = in "{word.text}". Must be of the form: name=value'
                raise self._error(start_line, message)

    def _heredocs(self, line: str, start_line: int, end: int) -> tuple[tuple[Heredoc, ...], int]:
        try:
            markers = heredoc_markers(line)
        except WordError as error:
            raise self._error(start_line, str(error)) from None
        text = self.text
        heredocs = []
        for marker in markers:
            content_start = self.starts[self.line] if self.line < len(self.starts) else len(text)
            while True:
                if self.line >= self.count:
                    raise self._error(start_line, f"unterminated heredoc {marker.name}")
                line_start, line_end = self._content(self.line)
                self.line += 1
                candidate = text[line_start:line_end]
                if (candidate.lstrip("\t") if marker.chomp else candidate) == marker.name:
                    break
            heredocs.append(Heredoc(*marker, Span(content_start, line_start), Span(line_start, line_end)))
            end = line_end
        return tuple(heredocs), end


def _first_word(text: str) -> str:
    for at, char in enumerate(text):
        if char in SPACE:
            return text[:at]
    return text


def _flag(token: Token, logical: Logical) -> Flag:
    name, equals, value = token.text.removeprefix("--").partition("=")
    return Flag(name, value if equals else None, logical.span(token.start, token.end))
