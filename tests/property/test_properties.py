"""Lossless reading, agreement with BuildKit, and what a rewrite never does, on made-up Dockerfiles."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from oracles.buildkit import BuildKit, Doc, Read, Refused, fit

from slimify.rewrite.edit import Level, Severity
from slimify.rewrite.pipeline import MAX_PASSES, Options, fix
from slimify.semantics.validate import validate
from slimify.syntax.dockerfile import Dockerfile, Instruction, parse
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.shell import commands_in, shell_body
from slimify.syntax.source import Source

from . import strategies

_STRANGE_BLANKS = frozenset("\u00a0\u2003\u2028\x85\x0b\x0c\x1c\x1d\x1e\x1f")
slow = settings(max_examples=250, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def buildkit() -> Iterator[BuildKit]:
    with BuildKit() as running:
        yield running


def _tree(source: Source) -> Dockerfile | None:
    try:
        return parse(source)
    except DockerfileSyntaxError:
        return None


# ------------------------------------------------------------------------------ reading


@settings(max_examples=500)
@given(strategies.anything())
@example(b"")
@example(b"\xef\xbb\xbf")
@example(b"FROM a\\")
@example(b"FROM a\n\\")
def test_any_bytes_are_printed_as_they_were(data: bytes) -> None:
    source = Source.from_bytes(data)
    assert source.data == data
    if (tree := _tree(source)) is not None:
        assert tree.text().encode("utf-8", "surrogateescape") == data


@settings(max_examples=300)
@given(strategies.dockerfiles())
def test_a_dockerfile_is_read_and_printed_as_it_was(text: str) -> None:
    tree = parse(Source(text))
    assert tree.text() == text
    _check_spans(tree)


@settings(max_examples=300)
@given(strategies.anything())
def test_spans_of_any_bytes(data: bytes) -> None:
    if (tree := _tree(Source.from_bytes(data))) is not None:
        _check_spans(tree)


def _check_spans(tree: Dockerfile) -> None:
    source = tree.source
    for directive in tree.directives:
        assert source[directive.span].startswith("#")
        assert directive.value in source[directive.span]
    for comment in tree.comments:
        assert source[comment.span].startswith("#")
        assert "\n" not in source[comment.span]
        assert source.line_of(comment.span.start) == comment.line
    at = 0
    for one in tree.instructions:
        assert one.span.start >= at
        at = one.span.end
        # It may start with lines of nothing but the escape character.
        assert one.start_line <= source.line_of(one.span.start) <= one.end_line
        _check_instruction(source, one)
        if one.trigger is not None:
            _check_instruction(source, one.trigger)
        _check_script(source, one)
    _check_positions(source, tree)


def _joined(text: str, escape: str) -> str:
    """A stretch of source without its line continuations, and the comments and blank lines in them."""
    if "\n" not in text:
        return text
    out, pending = [], False
    lines = text.split("\n")
    for number, line in enumerate(lines):
        line = line.rstrip("\r") if number < len(lines) - 1 else line
        if pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        match = re.search(re.escape(escape) + r"[ \t]*$", line)
        pending = match is not None and number < len(lines) - 1
        out.append(line[: match.start()] if match and pending else line)
    return "".join(out)


def _check_instruction(source: Source, one: Instruction) -> None:
    escape = one.escape
    if not _STRANGE_BLANKS.isdisjoint(source.text):
        return  # this small joiner knows nothing of them
    assert _joined(source[one.keyword_span], escape).upper() == one.keyword
    assert _joined(source[one.source_arguments], escape) == one.arguments
    for flag in one.flags:
        written = _joined(source[flag.span], escape)
        assert written.startswith("--")
        if not any(char in written for char in "'\"\\`"):
            assert written == flag.text
    for word in one.words:
        if escape not in source[word.span]:
            assert source[word.span] == word.text
    for doc in one.heredocs:
        assert not source[doc.content] or source[doc.content].endswith("\n")
        terminator = source[doc.terminator]
        assert (terminator.lstrip("\t") if doc.chomp else terminator) == doc.name
        assert source.text[doc.content.end : doc.terminator.start] == ""


def _check_script(source: Source, one: Instruction) -> None:
    body = shell_body(one.trigger or one)
    if body is None or body.script.opaque or not _STRANGE_BLANKS.isdisjoint(source.text):
        return
    for command in commands_in(body.script.body):
        for word in command.words:
            assert body.script.text[word.start : word.end] == word.text
            assert _joined(source[body.span(word.start, word.end)], one.escape) == word.text


def _check_positions(source: Source, tree: Dockerfile) -> None:
    offsets = [len(source.text)]
    for one in tree.instructions:
        offsets += [*one.span, *(offset for word in one.words for offset in word.span)]
    for offset in offsets:
        before = source.text[:offset]
        line = before[before.rfind("\n") + 1 :]
        position = source.position(offset)
        assert position.line == before.count("\n") + 1
        assert position.column == len(line) + 1
        assert position.byte == len(before.encode("utf-8", "surrogateescape"))
        assert position.utf16 == len(line.encode("utf-16-le", "surrogatepass")) // 2


# ------------------------------------------------------------------------------ BuildKit


def _as_read(tree: Dockerfile) -> list[tuple[object, ...]]:
    return [
        (
            fit(one.keyword),
            one.start_line,
            one.end_line,
            _ascii(tuple(flag.text for flag in one.flags)),
            tuple(Doc(fit(doc.name), doc.descriptor, fit(tree.source[doc.content])) for doc in one.heredocs),
        )
        for one in tree.instructions
    ]


def _read(reads: list[Read]) -> list[tuple[object, ...]]:
    return [(one.keyword, one.start_line, one.end_line, _ascii(one.flags), one.heredocs) for one in reads]


def _ascii(flags: tuple[str, ...]) -> tuple[str, ...]:
    """BuildKit reads flags byte by byte, and makes other letters of those beyond ASCII."""
    return flags if all(flag.isascii() and "\0" not in flag for flag in flags) else ()


def _agree(text: str, buildkit: BuildKit) -> None:
    tree = _tree(Source(text))
    try:
        theirs = buildkit.read(text)
    except Refused as error:
        assert tree is None, error
        return
    assert tree is not None
    assert _as_read(tree) == _read(theirs)


@slow
@given(text=strategies.dockerfiles())
def test_buildkit_reads_the_same(text: str, buildkit: BuildKit) -> None:
    _agree(text, buildkit)


@settings(max_examples=600, suppress_health_check=list(HealthCheck))
@given(data=strategies.anything())
def test_buildkit_reads_the_same_in_any_bytes(data: bytes, buildkit: BuildKit) -> None:
    text = data.decode("utf-8", "surrogateescape")
    # What the binding's old parser does otherwise is in the table of tests/oracles/test_buildkit.py.
    if re.search(r"<<-?\s|onbuild.*<<|]\s*\S", text, re.IGNORECASE | re.DOTALL):
        return
    _agree(text, buildkit)


# ------------------------------------------------------------------------------ rewriting


@slow
@given(strategies.dockerfiles())
def test_a_second_fix_changes_nothing(text: str) -> None:
    source = Source(text)
    try:
        validate(parse(source))
    except DockerfileSyntaxError:
        return
    for level in Level:
        options = Options(level=level)
        outcome = fix(source, options)
        assert outcome.passes < MAX_PASSES
        again = fix(outcome.after, options)
        assert again.after.text == outcome.after.text
        assert not again.changes


@slow
@given(strategies.dockerfiles())
def test_there_are_no_faults(text: str) -> None:
    try:
        outcome = fix(Source(text), Options(level=Level.AGGRESSIVE))
    except DockerfileSyntaxError:
        return
    assert not [notice.reason for notice in outcome.notices if notice.finding.severity is Severity.FAULT]


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(text=strategies.dockerfiles())
def test_at_level_safe_no_command_is_lost_or_changed(text: str, buildkit: BuildKit) -> None:
    try:
        outcome = fix(Source(text), Options(level=Level.SAFE))
    except DockerfileSyntaxError:
        return
    if not outcome.changed:
        return
    before, after = buildkit.read(text), buildkit.read(outcome.after.text)
    old, new = _stages(before), _stages(after)
    assert len(old) == len(new)
    for old_stage, new_stage in zip(old, new, strict=True):
        remaining = iter(_commands(new_stage))
        for wanted in _commands(old_stage):
            assert any(_is(candidate, wanted) for candidate in remaining), (wanted, _commands(new_stage))
        for kind in ("COPY", "ADD", "WORKDIR", "USER", "ARG", "ONBUILD", "SHELL", "EXPOSE", "VOLUME", "FROM"):
            assert _of(old_stage, kind) == _of(new_stage, kind)
        for kind in ("CMD", "ENTRYPOINT", "HEALTHCHECK", "STOPSIGNAL"):
            assert _of(old_stage, kind)[-1:] == _of(new_stage, kind)[-1:]


def _stages(reads: list[Read]) -> list[list[Read]]:
    stages: list[list[Read]] = [[]]
    for one in reads:
        if one.keyword == "FROM":
            stages.append([])
        stages[-1].append(one)
    return stages


def _of(stage: list[Read], kind: str) -> list[tuple[object, ...]]:
    return [(one.flags, one.trigger, one.json, one.value, one.heredocs) for one in stage if one.keyword == kind]


_SEPARATORS = re.compile(r"(?:&&|\|\||[;&|\n(){}!]+)")


def _commands(stage: list[Read]) -> list[tuple[str, ...]]:
    """The commands of all RUNs, by a splitter that knows no more of the shell than its words and operators."""
    found: list[tuple[str, ...]] = []
    for one in stage:
        if one.keyword != "RUN":
            continue
        if one.json or one.heredocs:
            found.append((*one.flags, *one.value, *(doc.content for doc in one.heredocs)))
            continue
        found += _split(" ".join(one.value))
    return found


def _split(script: str) -> list[tuple[str, ...]]:
    lexer = shlex.shlex(script, posix=False, punctuation_chars="();|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:
        return [(script,)]
    commands: list[tuple[str, ...]] = []
    current: list[str] = []
    for word in [*words, ";"]:
        if _SEPARATORS.fullmatch(word):
            if current:
                commands.append(tuple(current))
            current = []
        else:
            current.append(word)
    return commands


def _is(candidate: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether a command is the wanted one, perhaps with options more."""
    if candidate == wanted:
        return True
    rest = list(candidate)
    for word in wanted:
        if word not in rest:
            return False
        while rest[0] != word:
            if not rest.pop(0).startswith("-"):
                return False
        rest.pop(0)
    return all(word.startswith("-") for word in rest)
