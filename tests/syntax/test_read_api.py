"""dockerfile-parse's answers over our own tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dockerfile_parse.parser import DockerfileParser

from slimify import DockerfileReader
from slimify.read_api import ReadOnlyError
from slimify.syntax.errors import DockerfileSyntaxError

from ..shared_corpus import samples

TEXT = """# syntax=docker/dockerfile:1
ARG V=3.12
FROM python:${V} AS build
# why
ENV A=b C="d e"
RUN <<EOF
LABEL not=one
EOF
RUN a \\

    && b
FROM debian
LABEL x=${A:-1} y=2
CMD ["c"]
"""


def test_answers() -> None:
    reader = DockerfileReader(TEXT)
    assert reader.parent_images == ["python:3.12", "debian"]
    assert reader.baseimage == "debian"
    assert reader.is_multistage
    assert reader.cmd == '["c"]'
    assert dict(reader.labels)["y"] == "2"
    assert [next(iter(one)) for one in json.loads(reader.json)] == [
        "COMMENT", "ARG", "FROM", "COMMENT", "ENV", "RUN", "RUN", "FROM", "LABEL", "CMD",
    ]  # fmt: skip


def test_heredocs_and_blank_lines_are_read_as_docker_does() -> None:
    structure = DockerfileReader(TEXT).structure
    runs = [(one["startline"], one["endline"], one["value"]) for one in structure if one["instruction"] == "RUN"]
    assert runs == [(5, 7, "<<EOF"), (8, 10, "a     && b")]
    assert "not" not in DockerfileReader(TEXT).labels


@pytest.mark.parametrize("change", ["cmd", "baseimage", "content", "lines", "labels"])
def test_nothing_is_written(change: str) -> None:
    reader = DockerfileReader(TEXT)
    with pytest.raises(ReadOnlyError):
        setattr(reader, change, {"a": "b"} if change == "labels" else ["x"] if change == "lines" else "x")
    assert reader.content == TEXT


def test_adding_lines_is_no_way_around() -> None:
    with pytest.raises(ReadOnlyError):
        DockerfileReader(TEXT).add_lines("RUN x")


def test_what_docker_refuses() -> None:
    with pytest.raises(DockerfileSyntaxError):
        DockerfileReader("FROM a\nRUN <<EOF\n")


def answers(parser: DockerfileParser) -> tuple[object, ...] | str:
    try:
        return parser.parent_images, parser.cmd, dict(parser.labels), dict(parser.envs), dict(parser.args)
    except (ValueError, IndexError, AttributeError) as error:
        return type(error).__name__


def test_plain_files_give_the_same_answers_as_the_original(tmp_path: Path) -> None:
    compared = 0
    for sample in samples():
        data = sample.data
        if b"<<" in data or b"\r" in data or not data.isascii() or b"\\" in data or b"`" in data or b"\x0c" in data:
            continue
        try:
            ours = DockerfileReader(data)
        except DockerfileSyntaxError:
            continue
        path = tmp_path / "Dockerfile"
        path.write_bytes(data)
        theirs = DockerfileParser(str(path))
        assert ours.structure == theirs.structure, sample.name
        assert answers(ours) == answers(theirs), sample.name
        compared += 1
    assert compared > 10
