"""Every case of corpus/ gives exactly what is expected, and what is expected is fit to be given."""

from __future__ import annotations

import subprocess
from pathlib import Path

import dockerfile
import pytest

from slimify.rewrite.pipeline import fix
from slimify.syntax.dockerfile import parse
from slimify.syntax.shell import shell_body

from .cases import cases, context_after, expected, options, run

CASES = cases()
HAZARDS = [*range(1, 37), *range(38, 41)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path) -> None:
    result, wanted = run(case), expected(case)
    assert result.error == wanted.error
    assert (result.report or None) == wanted.report
    assert result.output == wanted.output
    assert result.ignore == wanted.ignore
    if result.outcome is None:
        return
    after = result.outcome.after
    assert not fix(after, options(case), context_after(case, result.outcome)).changed
    assert not [notice for notice in result.outcome.notices if notice.finding.severity.value == "fault"]
    if after.text.isprintable() or after.text.isascii():
        dockerfile.parse_string(after.text)
    for instruction in parse(after).instructions:
        body = shell_body(instruction)
        if instruction.keyword == "RUN" and body is not None and not body.script.opaque:
            subprocess.run(["bash", "-n"], input=body.script.text.encode("utf-8", "surrogateescape"), check=True)


def test_half_of_the_cases_stay_as_they_are() -> None:
    kept = [case for case in CASES if expected(case).output is None and expected(case).ignore is None]
    assert len(kept) * 2 >= len(CASES)


@pytest.mark.parametrize("hazard", HAZARDS)
def test_each_hazard_has_a_rewrite_and_a_refusal(hazard: int) -> None:
    named = [case for case in CASES if case.name.startswith(f"hazard-{hazard:02}-")]
    assert {expected(case).output is None and expected(case).ignore is None for case in named} == {True, False}


def test_every_file_of_a_case_is_kept_by_git() -> None:
    """A context may have a .gitignore of its own, which keeps files from being committed with the case."""
    home = Path(__file__).parents[2]
    if not (home / ".git").exists():
        pytest.skip("no checkout of git")
    left = subprocess.run(
        ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "corpus"],
        cwd=home, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert left.stdout == ""
