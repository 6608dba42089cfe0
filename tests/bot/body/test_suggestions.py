"""Suggestions: each is right alone, stands in one hunk of the diff, and what cannot be one is told."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given, settings

import slimify
from slimify.bot.forge import Suggestion
from slimify.bot.suggestions import Suggested, offer, shown_lines, take_back
from slimify.rewrite.diff import PatchError, split_lines, unified_diff
from slimify.rewrite.edit import FileEdit
from slimify.rewrite.outcome import Change, Outcome
from slimify.semantics.validate import validate
from slimify.syntax.dockerfile import parse
from slimify.syntax.source import Source

from ...golden.cases import cases as golden_cases
from ...golden.cases import context, options
from ...report import builder
from ...rewrite.test_diff import lines_edit, outcome_of, outcomes
from . import cases

GOLDENS = golden_cases()


def accepted(text: str, one: Suggestion) -> str:
    """The text after somebody commits a suggestion: the lines are replaced by what its block holds."""
    match = re.search(r"^(`{3,})suggestion\n(.*)^\1\Z", one.body, re.DOTALL | re.MULTILINE)
    assert match, one.body
    lines = split_lines(text)
    assert 1 <= one.first <= one.last <= len(lines)
    return "".join([*lines[: one.first - 1], match[2], *lines[one.last :]])


def again(outcome: Outcome, **more: object) -> tuple[Suggested, Suggested]:
    """Suggestions of both kinds for a Dockerfile without a context."""
    data = outcome.before.data

    def fix(only: Collection[str]) -> Outcome:
        return slimify.fix(data, path=outcome.path, only=only, **more)  # type: ignore[arg-type]

    whole = [(1, len(split_lines(outcome.before.text)))]
    return take_back(outcome, "Dockerfile", fix), offer(outcome, "Dockerfile", fix, whole)


TEXT = """\
FROM debian:12-slim
MAINTAINER me
WORKDIR /a
EXPOSE 1
EXPOSE 2
STOPSIGNAL 9
LABEL a=b
RUN apt-get update && apt-get install -y curl
COPY . /app
CMD ["/app/run"]
"""


def test_one_can_be_taken_back_and_another_kept() -> None:
    outcome = slimify.fix(TEXT)
    back, offers = again(outcome)
    assert not back.left_out
    assert [(one.first, one.last) for one in back.suggestions] == [(2, 2), (8, 9)]
    assert [(one.first, one.last) for one in offers.suggestions] == [(2, 2), (8, 8)]
    first, second = back.suggestions
    assert first.path == "Dockerfile"
    assert accepted(outcome.after.text, first) == slimify.fix(TEXT, skip=["modern-instructions"]).after.text
    assert accepted(outcome.after.text, second) == slimify.fix(TEXT, skip=["clean-package-cache"]).after.text
    assert accepted(TEXT, offers.suggestions[0]) == slimify.fix(TEXT, only=["modern-instructions"]).after.text
    assert accepted(accepted(outcome.after.text, second), first) == TEXT


def test_what_it_says() -> None:
    one, _ = again(slimify.fix(TEXT))
    assert one.suggestions[0].body == (
        "**MAINTAINER becomes LABEL maintainer** (`modern-instructions`): MAINTAINER is deprecated\n\n"
        "- deprecated since Docker 1.13 (<https://docs.docker.com/reference/dockerfile/#maintainer-deprecated>)\n\n"
        "To have it as it was before, commit this:\n\n```suggestion\nMAINTAINER me\n```"
    )
    _, other = again(slimify.fix(TEXT))
    assert "To have it, commit this:\n\n```suggestion\nLABEL maintainer=" in other.suggestions[0].body


@pytest.mark.parametrize("case", GOLDENS[::12], ids=lambda case: case.name)
def test_each_is_right_alone(case: Path, tmp_path: Path) -> None:
    """On the golden cases: a Dockerfile, as slimify makes it with or without these transforms, in a hunk of git's."""
    given = options(case)
    source = Source.from_bytes((case / "Dockerfile").read_bytes(), "Dockerfile")

    def fix(only: Collection[str]) -> Outcome:
        from slimify.rewrite.pipeline import fix as run

        return run(source, given._replace(only=tuple(only)), context(case))

    try:
        outcome = fix(given.only)
    except slimify.DockerfileSyntaxError:
        return
    found = take_back(outcome, "Dockerfile", fix)
    names = {change.rewrite.transform for change in outcome.changes if change.rewrite.edits}
    told = {name for one in found.left_out for name in one.transforms}
    said = {name for one in found.suggestions for name in names if f"(`{name}`)" in one.body}
    assert names <= told | said
    hunks = git_hunks(tmp_path, outcome)
    for one in found.suggestions:
        text = accepted(outcome.after.text, one)
        validate(parse(Source(text)))
        assert text != outcome.after.text
        assert any(first <= one.first and one.last <= last for first, last in hunks)
    if outcome.changed and not found.left_out:
        text = outcome.after.text
        for one in reversed(found.suggestions):
            text = accepted(text, one)
        assert text == outcome.before.text


def git_hunks(folder: Path, outcome: Outcome) -> list[tuple[int, int]]:
    """The lines of the new text that git's own diff shows."""
    for name, source in (("a", outcome.before), ("b", outcome.after)):
        (folder / name).write_bytes(source.data)
    done = subprocess.run(["git", "diff", "--no-index", "a", "b"], cwd=folder, capture_output=True, check=False)
    found = re.findall(rb"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", done.stdout, re.MULTILINE)
    return [(int(first), int(first) + int(length or 1) - 1) for first, length in found]


pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@settings(deadline=None, max_examples=200)
@given(outcomes())
def test_all_of_them_give_the_old_text(outcome: Outcome) -> None:
    """On random texts, most of which are no Dockerfiles: nothing is applied in part, and nothing overlaps."""
    found = take_back(outcome, "Dockerfile", lambda _: outcome)
    text = outcome.after.text
    for one in reversed(found.suggestions):
        text = accepted(text, one)
    if outcome.changed and not found.left_out:
        assert text == outcome.before.text
    assert all(one.last < other.first for one, other in zip(found.suggestions, found.suggestions[1:], strict=False))


def test_what_is_not_as_slimify_makes_it_is_one() -> None:
    """Where one transform builds on another, they are taken back together."""
    text = "FROM a\nRUN b\n" + "ENV c=d\n" * 9 + "RUN e\n"
    outcome = outcome_of(
        text, [[("x", [lines_edit(text, 2, 2, "RUN f\n")]), ("y", [lines_edit(text, 12, 12, "RUN g\n")])]]
    )
    apart = {
        ("x",): "FROM a\nRUN f\n" + "ENV c=d\n" * 9 + "RUN e\n",
        ("y",): "FROM a\nRUN b\n" + "ENV c=d\n" * 9 + "RUN g\n",
    }

    def independent(only: Collection[str]) -> Outcome:
        return outcome._replace(after=Source(apart[tuple(sorted(only))]))

    shown = [(1, 12)]
    assert [(one.first, one.last) for one in offer(outcome, "D", independent, shown).suggestions] == [(2, 2), (12, 12)]
    found = offer(outcome, "D", lambda _: outcome, shown)
    assert [(one.first, one.last) for one in found.suggestions] == [(2, 12)]
    assert accepted(text, found.suggestions[0]) == outcome.after.text
    # Nine lines lie between them, which git shows in two hunks.
    left = take_back(outcome, "D", lambda _: outcome)
    assert left.suggestions == ()
    assert [(one.first, one.last, one.transforms, one.why) for one in left.left_out] == [
        (2, 12, ("x", "y"), "its lines are not in one hunk of the diff")
    ]


@pytest.mark.parametrize(
    ("before", "line", "new", "back", "lines", "text"),
    [
        # A line that is new: there must be a line to write in.
        ("FROM a\nRUN b\n", 2, "RUN b\nRUN c\n", True, (2, 3), "RUN b\n"),
        ("FROM a\nRUN b\nRUN c\n", 2, "", True, (2, 2), "RUN b\nRUN c\n"),
        ("FROM a\nRUN b\n", 2, "", True, (1, 1), "FROM a\nRUN b\n"),
        ("FROM a\nRUN b\nRUN c\n", 2, "", False, (2, 3), "RUN c\n"),
        ("FROM a\nRUN b\n", 2, "", False, (1, 2), "FROM a\n"),
        # Empty lines at the end of a block get lost.
        ("FROM a\nRUN b\n\n\nRUN c\n", 2, "", False, (1, 5), None),
        ("FROM a\n\n\nRUN c\n", 2, "\n\n\n", False, (1, 4), None),
    ],
)
def test_lines_around(before: str, line: int, new: str, back: bool, lines: tuple[int, int], text: str | None) -> None:
    outcome = outcome_of(before, [[("x", [lines_edit(before, line, line, new)])]])
    length = len(split_lines(before))
    found = (
        take_back(outcome, "D", lambda _: outcome) if back else offer(outcome, "D", lambda _: outcome, [(1, length)])
    )
    (one,) = found.suggestions
    now, then = (outcome.after.text, before) if back else (before, outcome.after.text)
    assert accepted(now, one) == then
    assert (one.first, one.last) == lines
    if text is not None:
        assert f"```suggestion\n{text}```" in one.body
    assert not re.search(r"suggestion\n\s*\n|\n\s*\n```\Z", one.body)


@pytest.mark.parametrize(
    ("before", "new", "why"),
    [
        ("FROM a\nRUN b\r\n", "RUN c\n", "a suggestion cannot say that a line ends in CR LF"),
        ("FROM a\nRUN b", "RUN c", "a suggestion cannot say that the last line has no line feed"),
        ("FROM a\nRUN b\n", "RUN c", "a suggestion cannot say that the last line has no line feed"),
        ("FROM a\nRUN \udcff\n", "RUN c\n", "it holds characters that a comment does not keep"),
        ("FROM a\nRUN \u202eb\n", "RUN c\n", "it holds characters that a comment does not keep"),
        ("FROM a\nRUN b \\\n  /close\n", "RUN c \\\n", "a line looks like a command to the forge"),
        ("FROM a\nRUN b \\\n ```suggestion\n", "RUN c \\\n", "a line looks like the beginning of a suggestion"),
        ("FROM a\nRUN " + "b" * 70_000 + "\n", "RUN c\n", "it is too long for a comment"),
    ],
)
def test_what_no_suggestion_can_say(before: str, new: str, why: str) -> None:
    last = len(split_lines(before))
    outcome = outcome_of(before, [[("x", [lines_edit(before, 2, last, new)])]])
    found = take_back(outcome, "D", lambda _: outcome)
    assert found.suggestions == ()
    assert [one.why for one in found.left_out] == [why]


def test_a_file_that_is_all_new() -> None:
    outcome = outcome_of("\n", [[("x", [lines_edit("\n", 1, 1, "\n\n")])]])
    (left,) = take_back(outcome, "D", lambda _: outcome).left_out
    assert left.why == "nothing would be left in the file"


def test_other_files_are_told() -> None:
    tame = builder.tame()
    (rewrite, *_) = [change.rewrite for change in tame.changes]
    ignore = FileEdit(".dockerignore", None, ".git\n")
    other = Change(rewrite._replace(transform="dockerignore", edits=(), files=(ignore,)), (5,), ())
    outcome = tame._replace(changes=(*tame.changes, other), files=(ignore,))
    found = take_back(outcome, "D", lambda _: outcome)
    assert found.left_out[-1] == (5, 5, ("dockerignore",), "a suggestion takes back no other file than the Dockerfile")


def test_a_fence_that_nothing_ends() -> None:
    text = "FROM a\nRUN b ``` ````\n"
    outcome = outcome_of(text, [[("x", [lines_edit(text, 2, 2, "RUN c\n")])]])
    (one,) = take_back(outcome, "D", lambda _: outcome).suggestions
    assert one.body.endswith("`````suggestion\nRUN b ``` ````\n`````")
    assert accepted(outcome.after.text, one) == text


@pytest.mark.parametrize("app", ["node-express", "py-pandas", "c-make"])
def test_real_applications(app: str) -> None:
    outcome = cases.app(app)
    folder = cases.ROOT / "bench" / "apps" / app
    found = take_back(
        outcome, "Dockerfile", lambda only: slimify.fix(outcome.before.data, context=str(folder), only=only)
    )
    assert len(found.suggestions) == {"node-express": 2, "py-pandas": 2, "c-make": 1}[app]
    text = outcome.after.text
    for one in reversed(found.suggestions):
        text = accepted(text, one)
    assert text == outcome.before.text


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a\nb\n", "a\nc\n", [(1, 2)]),
        ("", "a\nb\n", [(1, 2)]),
        ("a\n", "", []),
        ("x\n" * 20, "y\n" + "x\n" * 20 + "z\n", [(1, 4), (19, 22)]),
        ("x\n" * 20, "x\n" * 18, [(16, 18)]),
    ],
)
def test_the_lines_that_a_diff_shows(before: str, after: str, shown: list[tuple[int, int]]) -> None:
    patch = unified_diff(Source(before, "D"), Source(after, "D"))
    assert shown_lines(patch, "D") == shown
    assert shown_lines(patch, "E") == []


def test_no_diff_at_all() -> None:
    with pytest.raises(PatchError):
        shown_lines("@@ -1 +1 @@\n-a\n", "D")


def test_only_lines_of_the_diff_are_commented() -> None:
    outcome = slimify.fix(TEXT)
    fix = lambda only: slimify.fix(TEXT, only=only)  # noqa: E731 - as a caller writes it
    found = offer(outcome, "Dockerfile", fix, [(6, 10)])
    assert [(one.first, one.last) for one in found.suggestions] == [(8, 8)]
    assert [(one.first, one.why) for one in found.left_out] == [(2, "its lines are not in one hunk of the diff")]
