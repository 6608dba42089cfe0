"""The tree of a Dockerfile: spans, stages, positions, and what is refused."""

from __future__ import annotations

import pytest

from slimify.syntax.dockerfile import parse
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Position, Source, Span

TEXT = (
    "\ufeff# syntax=docker/dockerfile:1\r\n"
    "# escape=\\\r\n"
    "ARG V=1\r\n"
    "from --platform=$BUILDPLATFORM  debian:$V  As Base\n"
    "# on top\n"
    'RUN --mount=type=cache,target="/a b" --network=none \\\r\n'
    "\t# 😀 inside\r\n"
    "\r\n"
    "  echo é😀 x \\\n"
    "  y\r\n"
    "COPY <<-ONE <<'TWO' /dst/\n"
    "\ta\n"
    "\tONE\n"
    "b\r\n"
    "TWO\n"
    "FROM scratch\n"
    'CMD ["/bin/a", "b"]'
)


def test_spans() -> None:
    source = Source(TEXT)
    tree = parse(source)
    assert tree.text() == TEXT
    assert [(one.name, one.value, source[one.span]) for one in tree.directives] == [
        ("syntax", "docker/dockerfile:1", "# syntax=docker/dockerfile:1"),
        ("escape", "\\", "# escape=\\"),
    ]
    assert [source[one.span] for one in tree.comments] == ["# on top", "# 😀 inside"]
    arg, base, run, copy, scratch, cmd = tree.instructions
    assert [source[one.keyword_span] for one in tree.instructions] == ["ARG", "from", "RUN", "COPY", "FROM", "CMD"]
    assert [(one.start_line, one.end_line) for one in tree.instructions] == [
        (3, 3), (4, 4), (6, 10), (11, 15), (16, 16), (17, 17),
    ]  # fmt: skip
    assert tree.preamble == (arg,)
    assert source[base.flags[0].span] == base.flags[0].text == "--platform=$BUILDPLATFORM"
    assert [word.text for word in base.words] == ["debian:$V", "As", "Base"]
    assert all(source[word.span] == word.text for word in base.words)
    assert [source[flag.span] for flag in run.flags] == ['--mount=type=cache,target="/a b"', "--network=none"]
    assert run.flag("mount") == "type=cache,target=/a b"
    assert run.flag("security") is None
    assert run.arguments == "echo é😀 x   y"
    assert source[run.source_arguments] == "echo é😀 x \\\n  y"
    assert run.blank_lines == (8,)
    assert source[run.span].startswith("RUN --mount")
    assert source[run.span].endswith("  y")
    assert [source[doc.content] for doc in copy.heredocs] == ["\ta\n", "b\r\n"]
    assert [source[doc.terminator] for doc in copy.heredocs] == ["\tONE", "TWO"]
    assert [(doc.name, doc.chomp, doc.expand) for doc in copy.heredocs] == [("ONE", True, True), ("TWO", False, False)]
    assert source[copy.span].endswith("TWO")
    assert source[copy.source_arguments] == "<<-ONE <<'TWO' /dst/"
    assert cmd.exec_form == ("/bin/a", "b")
    assert [(stage.name, stage.image, len(stage.instructions)) for stage in tree.stages] == [
        ("base", "debian:$V", 2),
        (None, "scratch", 1),
    ]
    assert scratch is tree.stages[1].base


def test_every_offset_has_its_position() -> None:
    source = Source(TEXT)
    data = source.data
    for offset in range(len(TEXT) + 1):
        position = source.position(offset)
        before = TEXT[:offset]
        line = before[before.rfind("\n") + 1 :]
        wanted = Position(
            line=before.count("\n") + 1,
            column=len(line) + 1,
            byte=len(before.encode()),
            utf16=len(line.encode("utf-16-le")) // 2,
        )
        assert position == wanted
    assert data.decode() == TEXT


def test_bytes_that_are_not_utf_8_keep_their_place() -> None:
    data = b"FROM a\nRUN \xff\xc3 b\n# \xe9\n"
    source = Source.from_bytes(data)
    assert source.data == data == parse(source).text().encode("utf-8", "surrogateescape")
    word = parse(source).instructions[1].words[1]
    assert word.text == "b"
    assert source.position(word.span.start).byte == data.index(b"b\n")


def test_line_ends() -> None:
    source = Source("a\r\nb\nc\n\nd")
    assert [source.newline_at(line) for line in range(1, 6)] == ["\r\n", "\n", "\n", "\n", "\n"]
    assert [source[source.line_content(line)] for line in range(1, 6)] == ["a", "b", "c", "", "d"]
    assert [source[source.line_span(line)] for line in range(1, 6)] == ["a\r\n", "b\n", "c\n", "\n", "d"]
    assert Source("a").newline_at(1) == "\n"
    assert Source("a\r\nb").newline_at(2) == "\r\n"
    # A line ends at its line feed, and nowhere else.
    assert Source("a\x0cb\u2028c\x85d").line_starts == [0]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "no instructions"),
        ("# a\n\n", 2, "no instructions"),
        ("FROM a\nRUN <<E\nb\n", 2, "unterminated heredoc E"),
        ("# escape=x\nFROM a\n", 1, "invalid escape token"),
        ("# escape=`\n# Escape=`\nFROM a\n", 2, "only one escape"),
        ("FROM a\n\nENV x\n", 3, "ENV must have two arguments"),
        ("FROM a\nLABEL x=1 y\n", 2, "can't find ="),
        ("FROM a\nCMD [1]\n", 2, "strings only"),
        ("FROM a\nRUN " + "x" * 70_000, 2, "longer than"),
    ],
)
def test_refusals_tell_the_line(text: str, line: int, message: str) -> None:
    with pytest.raises(DockerfileSyntaxError, match=message) as caught:
        parse(Source(text, "some/Dockerfile"))
    assert caught.value.line == line
    assert str(caught.value).startswith(f"some/Dockerfile:{line}:")


def test_onbuild() -> None:
    source = Source('FROM a\nonbuild  run --network=none \\\n  b\nONBUILD CMD ["c"]\nONBUILD COPY <<E /x\nd\nE\n')
    _, run, cmd, copy = parse(source).instructions
    assert run.trigger is not None
    assert (run.keyword, run.trigger.keyword, run.trigger.arguments) == ("ONBUILD", "RUN", "b")
    assert source[run.trigger.keyword_span] == "run"
    assert source[run.trigger.flags[0].span] == "--network=none"
    assert source[run.trigger.source_arguments] == "b"
    assert cmd.trigger is not None
    assert cmd.trigger.exec_form == ("c",)
    assert source[copy.heredocs[0].content] == "d\n"
    assert copy.end_line == 7


def test_a_span_over_a_continuation() -> None:
    source = Source("FROM a\nENV A=b\\\nc D=e\n")
    words = parse(source).instructions[1].words
    assert [word.text for word in words] == ["A=bc", "D=e"]
    assert [source[word.span] for word in words] == ["A=b\\\nc", "D=e"]
    assert words[1].span == Span(18, 21)
