"""Diffs: made, read back, applied by us, by git and by patch, and taken apart by transform."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unidiff.patch import PatchSet

from slimify.rewrite.diff import (
    PatchError,
    annotated_diff,
    apply_patch,
    blocks_of_changes,
    hunks,
    parse,
    patched_files,
    select,
    split_lines,
    unified_diff,
    verify,
)
from slimify.rewrite.edit import Edit, Level, Rewrite
from slimify.rewrite.outcome import Change, Outcome
from slimify.rewrite.text import apply, identity
from slimify.syntax.source import Source, Span

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Lines that are easily mistaken for something else, and few enough that two texts have some in common.
LINES = [
    "", "a", "b", "RUN x", "-", "+", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "\\ No newline at end of file",
    "a\r", "\r", "x\ry", "\x0c", "p\x0cq", "u\u2028v", "\x85", "\ufeffFROM x", "\udcff\udc80", "ü", "\U0001f600", "\t",
    " ", "\x1c", "\x0b", "diff --git a/x b/x", "Binary files a and b differ",
]  # fmt: skip


@st.composite
def texts(draw: st.DrawFn, lines: list[str] = LINES) -> str:
    text = "\n".join(draw(st.lists(st.sampled_from(lines), max_size=14)))
    return text + draw(st.sampled_from(["", "\n"])) if text else text


def source(text: str, path: str = "Dockerfile") -> Source:
    return Source(text, path)


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def run_tool(folder: Path, command: list[str], before: str, patch: str, path: str = "Dockerfile") -> bytes | None:
    """The file after a tool applied the patch; None if the tool deleted it."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encoded(before))
    done = subprocess.run(command, input=encoded(patch), cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr, patch)
    assert b"fuzz" not in done.stdout
    return file.read_bytes() if file.exists() else None


GIT = ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-"]
PATCH = ["patch", "-p1", "--binary", "--no-backup-if-mismatch"]
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
needs_patch = pytest.mark.skipif(shutil.which("patch") is None, reason="patch is not installed")


# --- making and applying ---


@given(texts(), texts(), st.integers(0, 5))
def test_what_is_made_can_be_applied(before: str, after: str, context: int) -> None:
    one, other = source(before), source(after)
    diff = unified_diff(one, other, context)
    assert verify(one, other, diff)
    assert bool(diff) == (before != after)
    if diff:
        assert apply_patch(one, diff).text == after
        assert patched_files(diff) == ("Dockerfile",)


@given(st.text(), st.text())
def test_any_text_survives(before: str, after: str) -> None:
    assert verify(source(before), source(after), unified_diff(source(before), source(after)))


@given(st.binary(), st.binary())
def test_any_bytes_survive(before: bytes, after: bytes) -> None:
    one, other = Source.from_bytes(before), Source.from_bytes(after)
    diff = unified_diff(one, other)
    assert diff.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == diff
    assert verify(one, other, diff)
    assert not diff or apply_patch(one, diff).data == after


@needs_git
@SLOW
@given(before=texts(), after=texts())
def test_git_applies_it(tmp_path: Path, before: str, after: str) -> None:
    if before != after:
        result = run_tool(tmp_path, GIT, before, unified_diff(source(before), source(after)))
        # Without a date in the header git takes a patch that leaves nothing for a deletion.
        assert result == encoded(after) or (result is None and not after)


@needs_patch
@SLOW
@given(before=texts(), after=texts())
def test_patch_applies_it(tmp_path: Path, before: str, after: str) -> None:
    if before != after:
        result = run_tool(tmp_path, PATCH, before, unified_diff(source(before), source(after)))
        assert result == encoded(after) or (result is None and not after)


@given(texts(), texts())
def test_unidiff_reads_it(before: str, after: str) -> None:
    diff = unified_diff(source(before), source(after))
    files = PatchSet(diff)
    assert len(files) == (before != after)
    assert all(hunk.is_valid() or "\\" in {line.line_type for line in hunk} for file in files for hunk in file)


def test_the_format_is_that_of_gnu_diff() -> None:
    before = "FROM a\nRUN b\nRUN c\nRUN d\nRUN e\nCMD f"
    after = "FROM a\nRUN b\nRUN c\nRUN d\nRUN e\nCMD g\n"
    assert unified_diff(source(before), source(after), 2) == (
        "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -4,3 +4,3 @@\n RUN d\n RUN e\n"
        "-CMD f\n\\ No newline at end of file\n+CMD g\n"
    )
    assert (
        unified_diff(source(""), source("FROM a\n")) == "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -0,0 +1 @@\n+FROM a\n"
    )


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("Dockerfile", "a/Dockerfile"),
        ("./x//Dockerfile", "a/x/Dockerfile"),
        ("/srv/Dockerfile", "a/srv/Dockerfile"),
        ("my files/Dockerfile", "a/my files/Dockerfile\t"),
        ("tab\there", '"a/tab\\there"'),
        ('say "x" \\', '"a/say \\"x\\" \\\\"'),
        ("ü\udcff\n\x01", '"a/\\303\\274\\377\\n\\001"'),
    ],
)
def test_paths_are_written_as_git_does(path: str, header: str) -> None:
    one, other = source("a\n", path), source("b\n", path)
    diff = unified_diff(one, other)
    assert diff.startswith(f"--- {header}\n+++ {header.replace('a/', 'b/', 1)}\n")
    assert patched_files(diff) == (path.replace("./x//", "x/").removeprefix("/"),)
    assert verify(one, other, diff)


@pytest.mark.parametrize("path", ["my files/Dockerfile", "tab\there", 'say "x"\\', "ü", "x.b/a/Dockerfile"])
@pytest.mark.parametrize("tool", [pytest.param(GIT, marks=needs_git), pytest.param(PATCH, marks=needs_patch)])
def test_tools_find_such_paths(tmp_path: Path, path: str, tool: list[str]) -> None:
    diff = unified_diff(source("a\n", path), source("b\n", path))
    assert run_tool(tmp_path, tool, "a\n", diff, path) == b"b\n"


def test_split_lines_breaks_at_line_feeds_only() -> None:
    assert split_lines("a\x0cb\u2028c\r\rd\r\ne") == ["a\x0cb\u2028c\r\rd\r\n", "e"]
    assert split_lines("") == []
    assert split_lines("\n") == ["\n"]


@pytest.mark.parametrize("kind", ["unique", "repeated", "same", "shifted", "random"])
def test_long_files_are_fast(kind: str) -> None:
    size = 20_000
    if kind == "unique":
        old = [f"RUN {i}" for i in range(size)]
        new = [f"{line} && x" if i % 4 == 0 else line for i, line in enumerate(old)]
    elif kind == "repeated":
        old = [f"RUN {i % 40}" for i in range(size)]
        new = [f"{line} && x" if i % 40 == 7 else line for i, line in enumerate(old) if i % 40 != 20]
    elif kind == "same":
        old = ["RUN x"] * size
        new = ["RUN y" if i % 3 == 0 else "RUN x" for i in range(size)]
    elif kind == "shifted":
        old = [f"RUN {i % 100}" for i in range(size)]
        new = ["# z"] + [f"RUN {(i * 7) % 100}" for i in range(size)]
    else:
        old = [f"RUN {i * i * 7919 % 211}" for i in range(size)]
        new = [f"RUN {i * i * 104729 % 223}" for i in range(size)]
    before, after = source("\n".join(old)), source("\n".join(new))
    start = time.process_time()
    diff = unified_diff(before, after)
    assert time.process_time() - start < 5
    assert verify(before, after, diff)
    if kind in ("unique", "repeated"):
        changed = [line for line in diff.split("\n") if line[:1] in "+-" and line[:4] not in ("--- ", "+++ ")]
        assert len(changed) < size * 0.6


def test_importing_does_not_import_the_diff_libraries() -> None:
    code = "import sys, slimify.rewrite.diff; print(*({'difflib', 'unidiff', 'posixpath'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "difflib" not in out
    assert "unidiff" not in out


# --- strictness ---

BEFORE = "FROM a\nRUN b\nRUN c\nRUN d\nCMD e\n"
AFTER = "FROM a\nRUN b\nRUN x\nRUN d\nCMD e\n"
HEAD = "--- a/Dockerfile\n+++ b/Dockerfile\n"
DIFF = unified_diff(source(BEFORE), source(AFTER))


def test_a_hunk_is_found_where_its_lines_have_moved_to() -> None:
    assert apply_patch(source("# new\n" + BEFORE), DIFF).text == "# new\n" + AFTER


def test_a_hunk_that_fits_in_two_other_places_is_refused() -> None:
    with pytest.raises(
        PatchError, match=r"^Dockerfile, hunk 1, line 1: expected 'FROM a\\n', found '# new\\n'$"
    ) as info:
        apply_patch(source("# new\n" + BEFORE + BEFORE), DIFF)
    assert (info.value.path, info.value.hunk, info.value.line) == ("Dockerfile", 1, 1)


def test_context_must_match() -> None:
    with pytest.raises(PatchError, match="hunk 1, line 5: expected"):
        apply_patch(source(BEFORE.rstrip("\n")), DIFF)
    with pytest.raises(PatchError, match="the file has only 3 lines"):
        apply_patch(source("FROM a\nRUN b\nRUN c\n"), DIFF)


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (DIFF.replace("@@ -1,5 +1,5 @@", "@@ -1,3 +1,3 @@"), "belongs to no hunk"),
        (DIFF.replace("@@ -1,5 +1,5 @@", "@@ -1,9 +1,9 @@"), "not a valid patch"),
        (DIFF.replace("@@ -1,5 +1,5 @@", "@@ -one +two @@"), "belongs to no hunk"),
        (DIFF.replace("--- a/Dockerfile\n+++ b/Dockerfile\n", ""), "not a valid patch"),
        (DIFF.replace("--- a/Dockerfile", "--- /dev/null"), "creates the file"),
        (DIFF.replace("+++ b/Dockerfile", "+++ /dev/null"), "deletes the file"),
        (DIFF.replace("--- a/Dockerfile", "--- a/Dockerfile.old"), "mention"),
        (DIFF + DIFF[DIFF.index("@@") :], "overlaps the hunk before it"),
        ("", "does not mention"),
        ("nonsense\n", "does not mention"),
        (HEAD + "@@ -1 +1 @@\n-FROM a\n+FROM z\n\\ No newline at end of file\n", "not the last"),
        (HEAD + "@@ -9,0 +10 @@\n+x\n", "has only 5 lines"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(patch: str, message: str) -> None:
    with pytest.raises(PatchError, match=message):
        apply_patch(source(BEFORE), patch)
    assert not verify(source(BEFORE), source(AFTER), patch)


def test_a_patch_from_git_is_read() -> None:
    patch = (
        "From 1234 Mon Sep 17 00:00:00 2001\nSubject: [PATCH] x\n\n- a list\n---\n Dockerfile | 2 +-\n\n"
        "diff --git a/my app/Dockerfile b/my app/Dockerfile\nindex 1..2 100644\n"
        + DIFF.replace("/Dockerfile\n", "/my app/Dockerfile\t\n").replace("@@\n", "@@ FROM a AS b\n")
        + "-- \n2.39.5\n\n"
    )
    assert patched_files(patch) == ("my app/Dockerfile",)
    assert apply_patch(source(BEFORE, "my app/Dockerfile"), patch).text == AFTER
    with pytest.raises(PatchError, match="hunk 1: its header names no transforms"):
        apply_patch(source(BEFORE, "my app/Dockerfile"), patch, only=("merge-runs",))


def test_several_files_are_told_apart() -> None:
    other = unified_diff(source("a\n", "b/Dockerfile"), source("c\n", "b/Dockerfile"))
    both = DIFF + other
    assert patched_files(both) == ("Dockerfile", "b/Dockerfile")
    assert apply_patch(source("a\n"), both, path="./b/Dockerfile").text == "c\n"
    assert apply_patch(source(BEFORE), both).text == AFTER
    with pytest.raises(PatchError, match="c: the patch does not mention this file"):
        apply_patch(source("a\n", "c"), both)


def test_a_plain_diff_without_prefixes_keeps_its_folder() -> None:
    patch = DIFF.replace(" a/", " a/x/").replace(" b/", " a/x/")
    assert patched_files(patch) == ("a/x/Dockerfile",)


# --- by transform ---


def outcome_of(before: str, passes: list[list[tuple[str, list[Edit]]]]) -> Outcome:
    """What the pipeline would say after these rewrites."""
    first = text = source(before)
    origins = identity(first)
    changes: list[Change] = []
    for rewrites in passes:
        for name, edits in rewrites:
            lines = {
                line
                for edit in edits
                for at in range(
                    text.line_of(edit.span.start), text.line_of(max(edit.span.start, edit.span.end - 1)) + 1
                )
                for line in origins[at - 1].lines
            }
            rewrite = Rewrite(name, Level.SAFE, name.title(), "because", tuple(edits))
            changes.append(Change(rewrite, tuple(sorted(lines)), ()))
        text, origins = apply(text, origins, [(name, edit) for name, edits in rewrites for edit in edits])
    return Outcome(first, text, tuple(changes), (), origins, len(passes))


def lines_edit(text: str, first: int, last: int, new: str) -> Edit:
    """Replace lines `first` to `last` (from 1)."""
    one = source(text)
    return Edit(Span(one.line_span(first).start, one.line_span(last).end), new)


TWELVE = "".join(f"line {i}\n" for i in range(1, 13))


def spread() -> Outcome:
    return outcome_of(
        TWELVE,
        [
            [
                ("one", [lines_edit(TWELVE, 2, 3, "two and three\n")]),
                ("two", [lines_edit(TWELVE, 6, 6, "")]),
                ("three", [Edit(Span(len(TWELVE), len(TWELVE)), "the end\n")]),
            ]
        ],
    )


def test_each_hunk_names_its_transforms() -> None:
    diff = annotated_diff(spread())
    assert diff == (
        "--- a/Dockerfile\n+++ b/Dockerfile\n"
        "@@ -1,4 +1,3 @@ one\n line 1\n-line 2\n-line 3\n+two and three\n line 4\n"
        "@@ -5,3 +4,2 @@ two\n line 5\n-line 6\n line 7\n"
        "@@ -10,3 +8,4 @@ three\n line 10\n line 11\n line 12\n+the end\n"
    )
    assert verify(spread().before, spread().after, diff)
    assert [hunk.transforms for hunk in parse(diff)[0].hunks] == [("one",), ("two",), ("three",)]
    assert [info.transforms for info in hunks(spread())] == [("one",), ("two",), ("three",)]
    assert [info.changes for info in hunks(spread())] == [(0,), (1,), (2,)]


def test_select_takes_the_hunks_of_a_transform() -> None:
    assert select(spread(), only=("two",)).text == TWELVE.replace("line 6\n", "")
    assert select(spread(), skip=("two", "three")).text == TWELVE.replace("line 2\nline 3\n", "two and three\n")
    assert select(spread()).text == spread().after.text
    assert select(spread(), only=("none",)).text == TWELVE


def test_a_line_that_two_transforms_made_needs_both() -> None:
    first = lines_edit(TWELVE, 2, 3, "joined\n")
    middle = TWELVE.replace("line 2\nline 3\n", "joined\n")
    outcome = outcome_of(TWELVE, [[("one", [first])], [("two", [Edit(Span(13, 13), " and cleaned")])]])
    assert outcome.after.text == middle.replace("joined", "joined and cleaned")
    assert [info.together for info in hunks(outcome)] == [("one", "two")]
    assert select(outcome, only=("one",)).text == TWELVE
    assert select(outcome, skip=("two",)).text == TWELVE
    assert select(outcome, only=("one", "two")).text == outcome.after.text


def test_half_a_rewrite_is_never_applied() -> None:
    """`one` moves line 2 to the end, where `two` has a hand in the same line."""
    moved = ("one", [lines_edit(TWELVE, 2, 2, ""), Edit(Span(len(TWELVE), len(TWELVE)), "line 2\n")])
    middle = TWELVE.replace("line 2\n", "") + "line 2\n"
    outcome = outcome_of(TWELVE, [[moved], [("two", [lines_edit(middle, 12, 12, "line 2, better\n")])]])
    assert [info.transforms for info in hunks(outcome)] == [("one",), ("one", "two")]
    assert [info.together for info in hunks(outcome)] == [("one", "two")] * 2
    assert select(outcome, only=("one",)).text == TWELVE
    diff = annotated_diff(outcome)
    assert apply_patch(outcome.before, diff, only=("one",)).text == TWELVE
    assert blocks_of_changes(outcome)[0] == blocks_of_changes(outcome)[1]
    assert len(blocks_of_changes(outcome)[0]) == 2


NAMES = ["merge-runs", "clean", "modern"]


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    """A text after up to two passes of random rewrites of whole lines and parts of lines."""
    before = draw(texts())
    text = before
    passes: list[list[tuple[str, list[Edit]]]] = []
    for _ in range(draw(st.integers(0, 2))):
        cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8, unique=True)))
        edits = [
            Edit(Span(a, b), draw(texts(["", "a", "new", "RUN x"])))
            for a, b in zip(cuts[::2], cuts[1::2], strict=False)
        ]
        rewrites = []
        while edits:
            size = draw(st.integers(1, len(edits)))
            rewrites.append((draw(st.sampled_from(NAMES)), edits[:size]))
            edits = edits[size:]
        passes.append(rewrites)
        text = outcome_of(text, [rewrites]).after.text
    return outcome_of(before, passes)  # fmt: skip


CHOICE = st.lists(st.sampled_from(NAMES), unique=True)


@given(outcomes(), CHOICE, CHOICE)
def test_a_saved_patch_is_selected_like_the_outcome(outcome: Outcome, only: list[str], skip: list[str]) -> None:
    diff = annotated_diff(outcome)
    assert verify(outcome.before, outcome.after, diff)
    chosen = select(outcome, only, skip)
    if diff:
        assert all(info.together and set(info.transforms) <= set(info.together) for info in hunks(outcome))
        assert apply_patch(outcome.before, diff, only=only, skip=skip).text == chosen.text
    assert verify(outcome.before, chosen, unified_diff(outcome.before, chosen))


@given(outcomes())
def test_select_all_and_nothing(outcome: Outcome) -> None:
    assert select(outcome).text == outcome.after.text
    assert select(outcome, only=NAMES).text == outcome.after.text
    assert select(outcome, skip=NAMES).text == outcome.before.text
    assert select(outcome, only=["other"]).text == outcome.before.text


@given(outcomes(), st.sampled_from(NAMES))
def test_a_change_is_made_in_all_its_places_or_in_none(outcome: Outcome, name: str) -> None:
    wanted = {b for info in hunks(outcome) if set(info.together) <= {name} for b in info.blocks}
    for change, blocks in zip(outcome.changes, blocks_of_changes(outcome), strict=True):
        assert not wanted & set(blocks) or (set(blocks) <= wanted and change.rewrite.transform == name)


@needs_git
@SLOW
@given(outcome=outcomes())
def test_git_applies_an_annotated_diff(tmp_path: Path, outcome: Outcome) -> None:
    if outcome.changed and outcome.after.text:
        diff = annotated_diff(outcome)
        assert run_tool(tmp_path, GIT, outcome.before.text, diff) == outcome.after.data


@needs_patch
@SLOW
@given(outcome=outcomes())
def test_patch_applies_an_annotated_diff(tmp_path: Path, outcome: Outcome) -> None:
    if outcome.changed and outcome.after.text:
        diff = annotated_diff(outcome)
        assert run_tool(tmp_path, PATCH, outcome.before.text, diff) == outcome.after.data


def test_names_of_plug_ins_cannot_break_the_header() -> None:
    outcome = outcome_of("a\nb\n", [[("evil\n+x, y", [lines_edit("a\nb\n", 1, 1, "c\n")])]])
    assert "@@ -1,2 +1,2 @@ evil-x-y\n" in annotated_diff(outcome)
