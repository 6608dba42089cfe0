"""The pipeline: order, conflicts, levels, pragmas, and the checks that stop a bad transform."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import slimify
from slimify.rewrite import registry
from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite, Severity
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import MAX_PASSES, Options, Transform, fix
from slimify.semantics.build import Build
from slimify.syntax.source import Source, Span

TEXT = "FROM debian:12 AS base\nENV A=1\nRUN apt-get update && echo one\nRUN echo two three\nCMD a\n"


def replacing(
    old: str,
    new: str,
    *,
    name: str = "bad",
    level: Level = Level.SAFE,
    keywords: frozenset[str] = frozenset({"RUN"}),
    drops: tuple[str, ...] = (),
) -> Transform:
    """A transform that replaces a piece of text wherever it stands."""

    def run(build: Build) -> Iterator[Rewrite | Finding]:
        text = build.dockerfile.source.text
        at = text.find(old)
        while at >= 0:
            edits = (Edit(Span(at, at + len(old)), new),)
            yield Rewrite(name, level, f"replace {old!r}", "a test", edits, keywords=keywords, drops=drops)
            at = text.find(old, at + len(old))

    return Transform(name, level, "a test", run)


def run(*transforms: Transform, text: str = TEXT, options: Options | None = None) -> Outcome:
    return fix(Source(text), options or Options(), pipeline=transforms)


def faults(outcome: Outcome) -> list[str]:
    return [notice.reason for notice in outcome.notices if notice.finding.severity is Severity.FAULT]


def test_what_is_not_asked_for_does_not_run() -> None:
    transform = replacing("two three", "two --x three", name="a-b")._replace(request="cache_mounts")
    assert not run(transform).changed
    assert run(transform, options=Options(cache_mounts=True)).changed
    assert run(transform, options=Options(only=("a-b",))).changed
    assert not run(transform, options=Options(cache_mounts=True, skip=("a-b",))).changed


# ------------------------------------------------------------------------------ the checks

# What a bad transform does: old, new, and a word of the reason for which it is dropped.
BAD = {
    "loses a command": (" && echo one", "", "is gone"),
    "loses a whole RUN": ("RUN echo two three\n", "", "is gone"),
    "changes a command": ("echo one", "echo 1", "is gone"),
    "loses a word": ("two three", "two", "is gone"),
    "swaps the words": ("two three", "three two", "is gone"),
    "changes ENV undeclared": ("A=1", "A=2", "should not have"),
    "drops ENV undeclared": ("ENV A=1\n", "", "should not have"),
    "adds an instruction": ("CMD a", "USER b\nCMD a", "should not have"),
    "changes CMD": ("CMD a", "CMD b", "should not have"),
    "renames a stage": ("AS base", "AS other", "changed its name"),
    "changes the base": ("debian:12", "debian:13", "changed its name or base"),
    "adds a stage": ("CMD a", "FROM x\nCMD a", "number of stages"),
    "drops the stage": ("FROM debian:12 AS base\n", "", "FROM"),
    "breaks the parse": ("RUN echo two", "RUN <<X echo two", "unterminated"),
    "breaks ENV": ("ENV A=1", "ENV A", "two arguments"),
    "makes an unknown instruction": ("RUN echo two", "RUNN echo two", "unknown instruction"),
    "makes the script opaque": ("echo two three", "echo 'two three", "is gone"),
    "hides a command in a comment": ("RUN echo two", "# RUN echo two", "is gone"),
    "swallows the next instruction": ("echo one\n", "echo one \\\n", "is gone"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_transform_is_dropped(name: str) -> None:
    old, new, reason = BAD[name]
    outcome = run(replacing(old, new))
    assert outcome.after.text == TEXT
    assert not outcome.changed
    assert not outcome.changes
    assert faults(outcome)
    assert reason in faults(outcome)[0]


@pytest.mark.parametrize(
    ("old", "new", "keywords"),
    [
        ("echo two", "echo -n two", {"RUN"}),
        ("A=1", "A=2", {"ENV"}),
        ("CMD a", "CMD b", {"CMD"}),
        ("RUN echo two", "RUN true && echo two", {"RUN"}),
        ("\nRUN echo two", " \\\n  && echo two", {"RUN"}),
        ("\nCMD", "\n# why\nCMD", {"RUN"}),
        ("AS base", "AS BASE", {"RUN", "FROM"}),
    ],
)
def test_a_good_transform_is_not(old: str, new: str, keywords: set[str]) -> None:
    outcome = run(replacing(old, new, keywords=frozenset(keywords)), options=Options())
    assert not faults(outcome)
    assert outcome.changed


def test_two_commands_may_not_change_places() -> None:
    def swap(build: Build) -> Iterator[Rewrite]:
        text = build.dockerfile.source.text
        first, second = text.index("echo one"), text.index("echo two three")
        edits = (Edit(Span(first, first + 8), "echo two three"), Edit(Span(second, second + 14), "echo one"))
        yield Rewrite("swap", Level.SAFE, "swap", "a test", edits)

    outcome = run(Transform("swap", Level.SAFE, "swap", swap))
    assert not outcome.changed
    assert "is gone" in faults(outcome)[0]


@pytest.mark.parametrize(
    ("old", "new", "drops", "good"),
    [
        (" && echo one", "", ("echo one",), True),
        ("apt-get update && ", "", ("apt-get update",), True),
        ("RUN echo two three\n", "", ("echo two three",), True),
        ("RUN echo two three\n", "", ("echo one",), False),
        ("apt-get update && echo one", "echo one", (), False),
        ("apt-get update && echo one", "true", ("echo one",), False),
        ("two three", "two", ("echo two three",), True),
        ("echo one", "echo -n one", ("echo three",), False),
        (" && echo one\nRUN echo two three", "", ("echo two three",), False),
    ],
)
def test_only_a_declared_command_may_go(old: str, new: str, drops: tuple[str, ...], good: bool) -> None:
    outcome = run(replacing(old, new, drops=drops))
    assert outcome.changed is good
    assert bool(faults(outcome)) is not good


@pytest.mark.parametrize(
    ("new", "adds", "good"),
    [
        ("RUN a\nCOPY . .\n", (), True),
        ("COPY p .\nRUN a\nCOPY . .\n", ("COPY p .",), True),
        ("COPY p .\nRUN a\nCOPY . .\n", (), False),
        ("COPY p .\nRUN a\nCOPY . .\n", ("COPY q .",), False),
        ("RUN a\nCOPY . .\n", ("COPY q .",), False),
        ("RUN a\nCOPY . ..\n", (), False),
        ("RUN a\n", (), False),
        ("COPY . .\nRUN b\n", (), False),
        ("COPY . .\n", (), False),
    ],
)
def test_a_copy_may_move_and_nothing_else(new: str, adds: tuple[str, ...], good: bool) -> None:
    def move(build: Build) -> Iterator[Rewrite]:
        text = build.dockerfile.source.text
        if text.endswith("COPY . .\nRUN a\n"):
            edits = (Edit(Span(len("FROM x\n"), len(text)), new),)
            yield Rewrite("move", Level.SAFE, "m", "m", edits, keywords=frozenset({"COPY"}), moves=True, adds=adds)

    outcome = run(Transform("move", Level.SAFE, "move", move), text="FROM x\nCOPY . .\nRUN a\n")
    assert outcome.changed is good
    assert bool(faults(outcome)) is not good


def test_a_test_command_may_not_be_lost() -> None:
    """`[` is a command like any other."""
    outcome = run(replacing("[ -f x ] && ", ""), text="FROM a\nRUN [ -f x ] && echo y\n")
    assert not outcome.changed


def test_an_operator_may_not_change() -> None:
    """`a && b` and `a || b` are the same commands, and not the same script."""
    outcome = run(replacing("&&", "||"))
    assert not outcome.changed


def test_a_redirection_may_not_be_lost() -> None:
    outcome = run(replacing(" > f", ""), text="FROM a\nRUN echo y > f\n")
    assert not outcome.changed


def test_the_exec_form_may_not_change() -> None:
    outcome = run(replacing('["a", "b"]', '["a"]'), text='FROM x\nRUN ["a", "b"]\n')
    assert not outcome.changed
    assert faults(outcome)


def test_the_flags_of_a_run_may_not_change() -> None:
    outcome = run(replacing("--network=none ", ""), text="FROM x\nRUN --network=none a\n")
    assert not outcome.changed


def test_only_the_guilty_rewrites_are_dropped() -> None:
    def some(build: Build) -> Iterator[Rewrite]:
        text = build.dockerfile.source.text
        for old, new in (
            ("echo one", "echo -n one"),
            ("echo two", "ecko two"),
            ("apt-get update", "apt-get -q update"),
        ):
            if (at := text.find(old)) >= 0:
                yield Rewrite("some", Level.SAFE, old, "a test", (Edit(Span(at, at + len(old)), new),))

    outcome = run(Transform("some", Level.SAFE, "some", some))
    assert "RUN apt-get -q update && echo -n one\nRUN echo two three\n" in outcome.after.text
    assert [change.rewrite.title for change in outcome.changes] == ["echo one", "apt-get update"]
    assert faults(outcome)
    assert all("ecko" not in line for line in outcome.after.text.splitlines())


def test_overlapping_edits_of_one_rewrite() -> None:
    def overlap(build: Build) -> Iterator[Rewrite]:
        at = build.dockerfile.source.text.index("echo two")
        edits = (Edit(Span(at, at + 6), "echo  "), Edit(Span(at + 4, at + 8), " two"))
        yield Rewrite("overlap", Level.SAFE, "overlap", "a test", edits)

    outcome = run(Transform("overlap", Level.SAFE, "overlap", overlap))
    assert not outcome.changed
    assert "overlaps" in faults(outcome)[0]


# ------------------------------------------------------------------------------ conflicts and passes


def test_the_first_of_two_rewrites_at_one_place_wins() -> None:
    def twice(build: Build) -> Iterator[Rewrite]:
        text = build.dockerfile.source.text
        if "-n" not in text:
            at = text.index("echo two")
            for option in ("-n", "-e"):
                edits = (Edit(Span(at, at + 8), f"echo {option} two"),)
                yield Rewrite("twice", Level.SAFE, option, "a test", edits)

    outcome = run(Transform("twice", Level.SAFE, "twice", twice))
    assert "echo -n two three" in outcome.after.text
    assert [change.rewrite.title for change in outcome.changes] == ["-n"]
    assert not faults(outcome)


def test_two_insertions_at_one_place_are_a_conflict() -> None:
    def insert(build: Build) -> Iterator[Rewrite]:
        text = build.dockerfile.source.text
        at = text.index("RUN echo") + len("RUN echo")
        for option in ("-n", "-e"):
            if option not in text:
                yield Rewrite("insert", Level.SAFE, option, "a test", (Edit(Span(at, at), f" {option}"),))

    outcome = run(Transform("insert", Level.SAFE, "insert", insert))
    # The second one gets its turn in the next pass.
    assert "echo -e -n two three" in outcome.after.text
    assert outcome.passes == 3


def test_a_later_transform_sees_what_an_earlier_one_made() -> None:
    outcome = run(replacing("echo two", "echo -n two", name="a"), replacing("-n two", "-n -e two", name="b"))
    assert "echo -n -e two three" in outcome.after.text


def _once(old: str, new: str, name: str) -> Transform:
    def run(build: Build) -> Iterator[Rewrite]:
        at = build.dockerfile.source.text.find(old)
        if at >= 0:
            yield Rewrite(name, Level.SAFE, name, "a test", (Edit(Span(at, at + len(old)), new),))

    return Transform(name, Level.SAFE, name, run)


def test_two_transforms_that_quarrel_come_to_an_end() -> None:
    text = "FROM a\nRUN  b\n"
    outcome = run(_once("RUN  b", "RUN   b", "more"), _once("RUN   b", "RUN  b", "less"), text=text)
    assert outcome.passes == MAX_PASSES + 2
    assert outcome.after.text == text
    assert len(outcome.changes) == 2 * outcome.passes


def test_nothing_to_do_is_one_pass() -> None:
    outcome = run(_once("nothing", "x", "x"))
    assert (outcome.passes, outcome.changed, outcome.changes) == (1, False, ())
    assert outcome.diff() == ""


def test_origins_through_passes() -> None:
    outcome = run(
        _once("\nRUN echo two", " && \\\n  echo two", "join"),
        _once("echo two three", "echo two \\\n  three", "split"),
        text="FROM a\n# c\nRUN echo one\nRUN echo two three\nCMD x\n",
    )
    assert outcome.after.text == "FROM a\n# c\nRUN echo one && \\\n  echo two \\\n  three\nCMD x\n"
    assert [origin.lines for origin in outcome.origins[:2]] == [(1,), (2,)]
    assert set(outcome.origins[3].transforms) == {"join", "split"}
    assert 4 in outcome.origins[4].lines
    assert outcome.origins[5].lines == (5,)
    assert [change.lines for change in outcome.changes] == [(3, 4), (3, 4)]


# ------------------------------------------------------------------------------ levels, choice, pragmas


def test_levels() -> None:
    aggressive = replacing("echo two", "echo -n two", level=Level.AGGRESSIVE)
    assert not run(aggressive, options=Options(level=Level.STANDARD)).changed
    assert run(aggressive, options=Options(level=Level.AGGRESSIVE)).changed
    mixed = Transform("x", Level.SAFE, "x", replacing("echo two", "echo -n two", level=Level.STANDARD).run)
    assert not run(mixed, options=Options(level=Level.SAFE)).changed
    assert run(mixed, options=Options(level=Level.STANDARD)).changed


def test_only_and_skip() -> None:
    one, two = replacing("echo one", "echo -n one", name="one"), replacing("echo two", "echo -n two", name="two")
    assert "-n two" not in run(one, two, options=Options(only=("one",))).after.text
    assert "-n one" not in run(one, two, options=Options(skip=("one",))).after.text
    assert not run(one, two, options=Options(only=("one",), skip=("one",))).changed


@pytest.mark.parametrize(
    ("pragma", "changed"),
    [
        ("# slimify: keep", False),
        ("# slimify: skip=x", False),
        ("# slimify: skip=y", True),
        ("# slimify: skip=y,x", False),
        ("# nothing", True),
    ],
)
def test_pragmas(pragma: str, changed: bool) -> None:
    transform = replacing("echo two", "echo -n two", name="x")
    assert run(transform, text=f"FROM a\n{pragma}\nRUN echo two\n").changed is changed
    assert run(transform, text=f"FROM a\nRUN echo \\\n{pragma}\n  one && echo two\n").changed is changed
    # It holds for one instruction only.
    assert run(transform, text=f"FROM a\n{pragma}\nRUN a\nRUN echo two\n").changed
    assert run(transform, text=f"FROM a\n{pragma}-file\nRUN echo two\n").changed or "slimify" in pragma


def test_a_pragma_stops_insertions_at_the_borders() -> None:
    text = "FROM a\n# slimify: keep\nRUN b\nRUN c\n"

    def insert(at: int) -> Callable[[Build], Iterator[Rewrite]]:
        def run(build: Build) -> Iterator[Rewrite]:
            if "-q" not in build.dockerfile.source.text:
                yield Rewrite("x", Level.SAFE, "x", "a test", (Edit(Span(at, at), " -q"),))

        return run

    end = text.index("RUN b") + len("RUN b")
    assert not run(Transform("x", Level.SAFE, "x", insert(end)), text=text).changed
    assert run(Transform("x", Level.SAFE, "x", insert(len(text) - 1)), text=text).changed


# ------------------------------------------------------------------------------ findings and the witness


def test_findings_speak_of_original_lines() -> None:
    def tell(build: Build) -> Iterator[Finding]:
        run = next(one for one in build.dockerfile.instructions if "two" in one.arguments)
        facts = (Evidence("a", run.span), Evidence("b"))
        yield Finding("tell", "a finding", "see {line 0}", run.span, evidence=facts)

    grow = _once("RUN echo one", "RUN echo \\\n  one", "grow")
    outcome = run(grow, Transform("tell", Level.SAFE, "tell", tell), text="FROM a\nRUN echo one\nRUN echo two\n")
    assert [(notice.line, notice.reason) for notice in outcome.notices] == [(3, "see line 3")]


def test_a_file_that_the_witness_reads_otherwise_is_left_alone() -> None:
    text = "FROM a\nRU\\\nN echo two\n"
    outcome = run(replacing("echo two", "echo -n two"), text=text)
    assert not outcome.changed
    assert outcome.notices[0].finding.severity is Severity.WARNING
    assert "second parser" in outcome.notices[0].reason


# ------------------------------------------------------------------------------ plug-ins


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with a transform in the entry-point group."""
    (tmp_path / "shouting_plugin.py").write_text(
        "from slimify.rewrite.edit import Edit, Level, Rewrite\n"
        "from slimify.rewrite.pipeline import Transform\n"
        "from slimify.syntax.source import Span\n"
        "def run(build):\n"
        "    at = build.dockerfile.source.text.find('echo quiet')\n"
        "    if at >= 0:\n"
        "        edit = Edit(Span(at + 4, at + 4), ' -n')\n"
        "        yield Rewrite('shout', Level.SAFE, 'shout', 'why not', (edit,))\n"
        "shout = Transform('shout', Level.SAFE, 'shout', run)\n"
    )
    info = tmp_path / "shouting_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[slimify.transforms]\nshout = shouting_plugin:shout\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.transforms.cache_clear()
    yield tmp_path
    registry.transforms.cache_clear()
    sys.modules.pop("shouting_plugin", None)


@pytest.mark.usefixtures("plugin")
def test_a_plugin_runs_after_our_own() -> None:
    assert [transform.name for transform in registry.transforms()][-1] == "shout"
    outcome = slimify.fix("FROM a\nRUN echo quiet\n")
    assert outcome.after.text == "FROM a\nRUN echo -n quiet\n"
    assert outcome.changes[0].rewrite.transform == "shout"
    assert not slimify.fix("FROM a\nRUN echo quiet\n", skip=["shout"]).changed


def test_without_a_plugin_there_are_our_own() -> None:
    from slimify.transforms import PIPELINE

    registry.transforms.cache_clear()
    assert tuple(registry.transforms()) == PIPELINE
    assert len({transform.name for transform in PIPELINE}) == len(PIPELINE)
