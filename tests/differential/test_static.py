"""Hazards 11, 13 and 14, as far as the text shows them."""

from __future__ import annotations

from . import static

BEFORE = """# syntax=docker/dockerfile:1
# first
FROM a
# about b
RUN b && \\
    # inside b
    c
# about d
RUN d <<E
# not a comment
E
"""


def test_comments_are_found() -> None:
    found = static.comments(BEFORE)
    assert [c.text for c in found] == ["# first", "# about b", "# inside b", "# about d"]
    assert found[1].instruction == found[2].instruction


def test_comments_kept() -> None:
    joined = BEFORE.replace("    c\n# about d\nRUN d", "    c && \\\n  # about d\n    d")
    assert joined != BEFORE
    assert static.check_comments(BEFORE, joined) == []
    assert static.check_comments(BEFORE, BEFORE + "# new\n") == []


def test_comments_lost_or_moved() -> None:
    assert static.check_comments(BEFORE, BEFORE.replace("# about d\n", "")) == ["comment lost: # about d"]
    swapped = BEFORE.replace("# about b", "#").replace("# about d", "# about b").replace("#\n", "# about d\n")
    assert any("moved" in problem for problem in static.check_comments(BEFORE, swapped))
    assert static.check_comments("FROM a\n# x\n# x\n", "FROM a\n# x\n") == ["comment lost: # x"]


WALL = "FROM a\nRUN a\nRUN b\n# slimify: keep\nRUN c\nRUN d\nRUN e\n"


def test_pragma() -> None:
    good = "FROM a\nRUN a && b && rm x\n# slimify: keep\nRUN c\nRUN d && e\n"
    assert static.check_pragmas(WALL, good) == []
    for bad in (
        "FROM a\nRUN a\nRUN b\n# slimify: keep\nRUN c && d\nRUN e\n",
        "FROM a\nRUN a\nRUN b && \\\n# slimify: keep\n c\nRUN d\nRUN e\n",
        "FROM a\nRUN a\nRUN b && d\n# slimify: keep\nRUN c\nRUN e\n",
        "FROM a\nRUN a\n# slimify: keep\nRUN c\nRUN b && d\nRUN e\n",
        "FROM a\nRUN a\nRUN b\nRUN c\nRUN d\nRUN e\n",
    ):
        assert static.check_pragmas(WALL, bad), bad


def test_joined_boundaries() -> None:
    after = "FROM a\nRUN a && b\n# slimify: keep\nRUN c\nRUN d\nRUN e\n"
    assert static.joined(WALL, after) == [static.Boundary("0", 2, 3, 2)]
    assert static.joined(WALL, WALL) == []
