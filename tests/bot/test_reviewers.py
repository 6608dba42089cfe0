"""Whom to ask for a review."""

from __future__ import annotations

import pytest

from slimify.bot.owners import owners_of
from slimify.bot.reviewers import Reviewers, reviewers_of

OWNERS = """\
* @everybody
/services/api/ @ann @acme/platform  # who knows it
*.md docs@example.org
/services/api/Dockerfile @bob
[Database][2] @carl
!/x @dora
"""


def owners(*paths: str, **files: str) -> Reviewers:
    return owners_of(paths, {name.replace("_", "/"): text.encode() for name, text in files.items()}.get)


def test_the_last_pattern_holds() -> None:
    assert owners("services/api/Dockerfile", CODEOWNERS=OWNERS) == Reviewers(("bob",))
    assert owners("services/api/.dockerignore", CODEOWNERS=OWNERS) == Reviewers(("ann",), ("acme/platform",))
    assert owners("Dockerfile", CODEOWNERS=OWNERS) == Reviewers(("everybody",))
    assert owners("README.md", CODEOWNERS=OWNERS) == Reviewers(), "an address is nobody who can be asked"
    assert owners("D", "x", CODEOWNERS=OWNERS) == Reviewers(("everybody",)), "a section is no pattern"


def test_the_places() -> None:
    assert owners("a", docs_CODEOWNERS="* @late", CODEOWNERS="* @early") == Reviewers(("early",))
    assert owners("a", docs_CODEOWNERS="* @late") == Reviewers(("late",))
    assert owners("a") == Reviewers()


@pytest.mark.parametrize(
    "text", ["[z-a] @x", "\\ @x", "* @x; rm -rf /", "* @" + "x" * 200, "/" + "**/" * 5000 + "y @x", "\0"]
)
def test_a_file_that_makes_no_sense_names_nobody(text: str) -> None:
    found = owners("a/b/c", CODEOWNERS=text)
    assert found in (Reviewers(), Reviewers(("x",))) and "rm" not in str(found)


def test_a_slow_pattern_is_not_tried() -> None:
    assert owners("a" * 5000, CODEOWNERS="*a" * 400 + "b @x") == Reviewers()


def test_names() -> None:
    names = ["@ann", "ann", "acme/team", "no one", "-x", "a/b/c", "@", "@x\n@y", "slimify[bot]"]
    assert reviewers_of(names) == Reviewers(("ann",), ("acme/team", "a/b/c"))
    assert reviewers_of(["Ann", "bob"]).without("ann") == Reviewers(("bob",))
    assert len(reviewers_of([f"p{n}" for n in range(100)]).people) == 15
