"""The layout changes no word, is done after one run, and a rewrite that does more is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property import strategies
from shared_corpus import Sample, samples

from slimify.rewrite.checks import relaid
from slimify.rewrite.edit import Edit, Level, Rewrite, Severity
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, Transform, fix
from slimify.semantics.build import Build, analyse
from slimify.syntax.dockerfile import parse
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source, Span

LAYOUT = Options(level=Level.SAFE, only=("layout",))


def _checked(source: Source) -> Outcome:
    outcome = fix(source, LAYOUT)
    assert not [one for one in outcome.notices if one.finding.severity is Severity.FAULT]
    assert not fix(outcome.after, LAYOUT).changed
    assert relaid(analyse(parse(source)), analyse(parse(outcome.after))) == ""
    before, after = (one.text.replace("\\", "").split() for one in (outcome.before, outcome.after))
    # The operators may stand against a word and then apart from it.
    assert "".join(before) == "".join(after)
    return outcome


@st.composite
def chains(draw: st.DrawFn) -> str:
    """A RUN with a chain broken over lines here and there."""
    commands = draw(st.lists(strategies.scripts, min_size=2, max_size=5))
    out = [commands[0]]
    for command in commands[1:]:
        operator = draw(st.sampled_from(["&&", "&&", "&&", ";", "||", "|"]))
        indent = draw(st.sampled_from(["", "  ", "    ", "\t"]))
        end = "\\" + draw(st.sampled_from(["", "", "  "])) + draw(st.sampled_from(["\n", "\r\n"]))
        comment = draw(st.sampled_from(["", "", "# c  \n"]))
        forms = [
            f" {operator} ",
            operator,
            f" {operator} {end}{comment}{indent}",
            f" {end}{comment}{indent}{operator} ",
        ]
        out += [draw(st.sampled_from(forms)), command]
    return "RUN " + "".join(out) + draw(st.sampled_from(["\n", "  \n", "", "\r\n", "\t"]))


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.lists(chains(), min_size=1, max_size=2).map("\n".join))
def test_chains(text: str) -> None:
    with suppress(DockerfileSyntaxError):
        _checked(Source("FROM debian:12  \n" + text))


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(strategies.dockerfiles())
def test_made_up_files(text: str) -> None:
    _checked(Source(text))


@pytest.mark.parametrize("part", range(10))
def test_real_files(part: int) -> None:
    def files() -> Iterator[Sample]:
        yield from samples()[part::10]

    for sample in files():
        try:
            _checked(sample.source)
        except DockerfileSyntaxError:
            continue


def _with(text: str, *edits: tuple[int, int, str]) -> Outcome:
    """What becomes of a rewrite that says it is about the layout."""

    def transform(build: Build) -> Iterator[Rewrite]:
        if build.dockerfile.source.text == text:
            made = tuple(Edit(Span(start, end), new) for start, end, new in edits)
            yield Rewrite("x", Level.SAFE, "x", "x", made, lays_out=True)

    return fix(Source(text), Options(), pipeline=[Transform("x", Level.SAFE, "x", transform)])


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("FROM a\nRUN a && b\n", " && b", " \\\n && c"),
        ("FROM a\nRUN a && b\n", "&&", ";"),
        ("FROM a\nRUN a && b\n", "RUN", "run"),
        ('FROM a\nRUN echo "a b"\n', "a b", "a  b"),
        ("FROM a\nENV A=b C=d\n", " C", "  C"),
        ("FROM a\n# c\nRUN b\n", "# c", "#c"),
        ("FROM a\nRUN <<E\n a\nE\n", " a", "a"),
        ("FROM a\nRUN a\n", "RUN a\n", ""),
        ("FROM a\nRUN --network=none a\n", "none", "host"),
        ('FROM a\nRUN ["a",  "b"]\n', ',  "b"', ""),
    ],
)
def test_more_than_the_layout_is_refused(text: str, old: str, new: str) -> None:
    at = text.index(old)
    outcome = _with(text, (at, at + len(old), new))
    assert outcome.after.text == text
    assert [one.finding.severity for one in outcome.notices] == [Severity.FAULT]


def test_the_layout_alone_is_not() -> None:
    text = "FROM a\nRUN a && b\n"
    assert _with(text, (12, 13, " \\\n  ")).after.text == "FROM a\nRUN a \\\n  && b\n"
