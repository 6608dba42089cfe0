"""Titles and commit messages: the effect first, and what the bot knows its own commit by."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from slimify.bot.figures import estimated_size, figures, figures_in_all
from slimify.bot.title import EFFECTS, LONGEST, commit_message, strength, title_of, trailers_of
from slimify.proof.prove import Verdict
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.registry import transforms

from ...report import builder
from . import cases
from .cases import fixed, measured, proof, proposal

PRINT, BASE = "ab" * 16, "cd" * 20
C_MAKE = measured(533_492_117, 6, 1226, 38.66), measured(74_729_496, 3, 1226, 37.97)


def without_figures() -> Outcome:
    """The tame outcome, whose changes have no ground for an estimate."""
    tame = builder.tame()
    return tame._replace(changes=tuple(one._replace(rewrite=one.rewrite._replace(saves=None)) for one in tame.changes))


def at(path: str) -> Outcome:
    tame = builder.tame()
    return tame._replace(before=type(tame.before)(tame.before.text, path))


def test_measured() -> None:
    assert title_of(proposal(fixed(at("Dockerfile"), proof(*C_MAKE)))) == (
        "Make the image 459 MB smaller (533 MB → 75 MB)"
    )


def test_estimated() -> None:
    assert title_of(proposal(fixed(at("Dockerfile")))) == "Make the image about 40 MB smaller (estimated)"


def test_without_figures() -> None:
    tame = without_figures()
    assert title_of(proposal(fixed(tame))) == "Join layers that hide each other's files"
    assert title_of(proposal(fixed(tame), fixed(tame))) == "Join layers that hide each other's files (2 Dockerfiles)"
    assert title_of(proposal(fixed(builder.hostile()._replace(changes=())))) == "Improve the Dockerfile"


def test_several() -> None:
    one = fixed(builder.tame(), proof(*C_MAKE))
    assert title_of(proposal(one, one)) == "Make 2 images 918 MB smaller (1.1 GB → 149 MB)"
    assert title_of(proposal(one, fixed(builder.tame()))) == "Make 2 images about 500 MB smaller (estimated)"


@pytest.mark.parametrize("verdict", [one for one in Verdict if one not in (Verdict.SMALLER, Verdict.SAME_SIZE)])
def test_a_proof_that_fails_measures_nothing(verdict: Verdict) -> None:
    one = fixed(at("Dockerfile"), proof(*C_MAKE, verdict=verdict))
    assert title_of(proposal(one)) == "Make the image about 40 MB smaller (estimated)"
    assert figures(one).measured is None


def test_a_size_that_stays_is_no_effect() -> None:
    same = proof(measured(10**9, 3, 1, 1.0), measured(10**9 - 1000, 3, 1, 1.0), Verdict.SAME_SIZE)
    assert title_of(proposal(fixed(builder.tame(), same))) == "Join layers that hide each other's files"


@pytest.mark.parametrize(
    ("path", "image"),
    [
        ("Dockerfile", "the image"),
        ("services/api/Dockerfile", "the image of services/api"),
        (".devcontainer/Dockerfile", "the image of .devcontainer"),
        ("Dockerfile.dev", "the image of Dockerfile.dev"),
        ("a b/Dockerfile", "the image"),
        ("@admin/Dockerfile", "the image"),
        ("x/#1/Dockerfile", "the image"),
        ("GH-12/Dockerfile", "the image"),
        ("www.evil.example/Dockerfile", "the image"),
        ("deadbeef/Dockerfile", "the image"),
        (f"{'long/' * 20}Dockerfile", "the image"),
    ],
)
def test_which_image(path: str, image: str) -> None:
    assert title_of(proposal(fixed(at(path)))) == f"Make {image} about 40 MB smaller (estimated)"


def test_every_transform_has_an_effect_that_fits() -> None:
    assert {one.name for one in transforms()} <= EFFECTS.keys()
    assert all(len(f"{effect} (999 Dockerfiles)") <= LONGEST for effect in EFFECTS.values())
    assert strength("split-stage") < strength("layout") < strength("a plug-in's")


@pytest.mark.parametrize(
    ("size", "text"),
    [(812_317_888, "810 MB"), (40_123_456, "40 MB"), (1_274_000_000, "1.3 GB"), (5_400, "5.4 kB"), (7, "7 B")],
)
def test_an_estimate_is_no_more_exact_than_it_is(size: int, text: str) -> None:
    assert estimated_size(size) == text


def test_sums_of_nothing() -> None:
    assert figures_in_all([fixed(without_figures())]) == (None, None)
    assert figures_in_all([fixed(without_figures()), fixed(builder.tame())]).saved == 40_123_456


def test_the_message() -> None:
    one = proposal(fixed(at("Dockerfile"), proof(*C_MAKE)))
    message = commit_message(one, PRINT, BASE)
    assert message == (
        "Make the image 459 MB smaller (533 MB → 75 MB)\n\n"
        "- modern-instructions: Write MAINTAINER as a LABEL (line 2)\n"
        "- merge-runs: Join 2 RUN instructions (lines 3-4)\n\n"
        f"Slimify-Proposal: {PRINT}\nSlimify-Base: {BASE}\n"
    )
    assert trailers_of(message) == {"Slimify-Proposal": PRINT, "Slimify-Base": BASE}


def test_a_long_message_is_cut() -> None:
    message = commit_message(proposal(*[fixed(at(f"d{at_}/Dockerfile")) for at_ in range(100)]), PRINT, BASE)
    assert "\n- and 200 lines more\n\n" in message
    assert "d0/Dockerfile:\n- modern" in message
    assert all(len(line) <= LONGEST for line in message.split("\n"))


@pytest.mark.parametrize(("fingerprint", "base"), [("", BASE), (PRINT, "HEAD"), (f"{PRINT}\nX: y", BASE)])
def test_only_hashes_are_trailers(fingerprint: str, base: str) -> None:
    with pytest.raises(ValueError, match="no hash"):
        commit_message(cases.hostile(), fingerprint, base)


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("", {}),
        ("Fix it\n", {}),
        (f"Slimify-Base: {BASE}", {"Slimify-Base": BASE}),
        (f"x\r\n\r\nSlimify-Base: {BASE}\r\nSigned-off-by: me\r\n", {"Slimify-Base": BASE}),
        (f"x\n\nSlimify-Base: {BASE}\nSlimify-Base: {PRINT}\n", {}),
        (f"x\n\nSlimify-Base: {BASE}\n\nand more\n", {}),
        ("x\n\nSlimify-Base: HEAD\n", {}),
        ("x\n\n Slimify-Base: ab\n", {}),
    ],
)
def test_reading_trailers(message: str, found: dict[str, str]) -> None:
    assert trailers_of(message) == found


def test_git_reads_the_trailers(tmp_path: Path) -> None:
    for one in (proposal(cases.django()), cases.hostile(), proposal(fixed(without_figures()))):
        done = subprocess.run(
            ["git", "interpret-trailers", "--parse"],
            input=commit_message(one, PRINT, BASE),
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        assert done.stdout == f"Slimify-Proposal: {PRINT}\nSlimify-Base: {BASE}\n"
