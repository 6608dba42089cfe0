"""Every rewrite of a RUN in real Dockerfiles does what the original did, whichever call fails."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source

from .additions import documented
from .compare import compare
from .sandbox import Sandbox

ROOT = Path(__file__).parent.parent.parent
SHARED = ROOT.parent / "shared" / "corpus"
PARTS = 16
# Transforms that may change a RUN at levels safe and standard.
RUN_TRANSFORMS = ("merge-runs", "pair-update-install", "clean-package-cache")

# Files whose runs differ from one to the next, rewritten or not.
CHANCE = {
    "dockerhub_douglasanpa__sage/Dockerfile": "it names a file after the process id of the shell",
    "square__subzero/Dockerfile.0": "a placeholder in angle brackets opens and writes one file in a pipeline",
}


def dockerfiles() -> list[Path]:
    """The shared corpus if it lies beside the repository, and always our own cases."""
    found = [*ROOT.glob("corpus/*/Dockerfile"), *ROOT.glob("examples/*/Dockerfile")]
    if SHARED.is_dir():
        found += [path for path in SHARED.glob("dockerfiles/*/*") if path.suffix != ".tsv"]
        found += SHARED.glob("apps/**/Dockerfile*")
        found += [path for path in SHARED.glob("edge/*/*") if path.suffix != ".tsv"]
    return sorted(path for path in found if path.is_file())


@functools.cache
def changed() -> tuple[Outcome, ...]:
    """The outcomes of all files in which a RUN was changed, but for texts that no parser in the harness can hold."""
    outcomes = []
    for path in dockerfiles():
        if str(path).endswith(tuple(CHANCE)):
            continue
        data = path.read_bytes()
        try:
            data.decode()
            outcome = fix(Source.from_bytes(data, str(path)), Options(only=RUN_TRANSFORMS))
        except (UnicodeDecodeError, DockerfileSyntaxError):
            continue
        if b"\0" not in data and outcome.changed:
            outcomes.append(outcome)
    return tuple(outcomes)


def test_there_is_enough_to_compare() -> None:
    wanted = 500 if SHARED.is_dir() else 20
    assert len(changed()) >= wanted


@pytest.mark.parametrize("part", range(PARTS))
def test_rewritten_runs_behave_as_before(part: int) -> None:
    additions = documented()
    problems = []
    compared = 0
    with Sandbox() as sandbox:
        for outcome in changed()[part::PARTS]:
            report = compare(outcome.before.text, outcome.after.text, additions=additions, sandbox=sandbox)
            compared += report.variants
            problems += [f"{outcome.path}: {difference}" for difference in report.differences]
    assert not problems, "\n\n".join(problems[:5])
    assert compared or not changed()[part::PARTS]
