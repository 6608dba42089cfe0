"""The order of a set, which changes from process to process, is in nothing that is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOLD = """
from tests.golden.cases import cases, run
for case in cases():
    found = run(case)
    evidence = [one.rewrite.evidence for one in found.outcome.changes] if found.outcome is not None else []
    print(case.name, repr((found.error, found.report, found.output, found.ignore, evidence)))
"""


def told(seed: str) -> list[str]:
    home = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", TOLD],
        cwd=home,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("seed", ["8", "21"])
def test_no_seed_of_hashes_changes_anything(seed: str) -> None:
    assert [one for one, other in zip(told("1"), told(seed), strict=True) if one != other] == []
