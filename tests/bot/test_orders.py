"""What people tell the bot in comments."""

from __future__ import annotations

import time

import pytest

from slimify.bot.forge import Comment
from slimify.bot.orders import NONE, Orders, orders_in, orders_of

NAMES = ("merge-runs", "split-stage")


def read(*comments: Comment, answered: tuple[int, ...] = ()) -> Orders:
    return orders_of(comments, answered, "slimify[bot]", {"ann": True, "bob": False}.__getitem__, NAMES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/slimify rebase", [["rebase"]]),
        ("thank you\r\n/slimify  ignore merge-runs,split-stage\r\n", [["ignore", "merge-runs", "split-stage"]]),
        ("/slimify stop\n/slimify rebase", [["stop"], ["rebase"]]),
        ("  /slimify stop", [["stop"]]),
        ("/slimify", [[]]),
        ("> /slimify stop", []),
        ("I would never write /slimify stop", []),
        ("/slimifystop", []),
        ("```\n/slimify stop\n```", []),
        ("~~~text\n/slimify stop\n", []),
        ("```\nx\n```\n/slimify stop", [["stop"]]),
        ("    /slimify stop", []),
        ("/slimify stop\n" * 100, [["stop"]] * 10),
    ],
)
def test_the_words(text: str, words: list[list[str]]) -> None:
    assert orders_in(text) == words


@pytest.mark.parametrize("mark", ["`", "~"])
def test_a_long_row_of_marks_takes_no_time(mark: str) -> None:
    """Everybody may comment, and the text is looked at before it is known whose it is."""
    begun = time.process_time()
    assert orders_in(mark * 200_000 + "\n/slimify stop") == []
    assert orders_in(f"{mark * 200_000}x") == []
    assert time.process_time() - begun < 5, "it is linear: a quadratic search takes minutes"


def test_who_may_push_is_heard() -> None:
    assert read(Comment(1, "ann", "/slimify rebase")) == Orders(rebase=True, read=(1,))
    assert read(Comment(1, "bob", "/slimify stop")) == NONE
    assert read(Comment(1, "slimify[bot]", "/slimify stop")) == NONE
    assert read(Comment(1, "carl", "a remark")) == NONE, "who gives no order is not looked up"


def test_what_is_answered_is_not_read_again() -> None:
    old, new = Comment(4, "ann", "/slimify stop"), Comment(9, "ann", "/slimify ignore merge-runs")
    assert read(old, new, answered=(4,)) == Orders(ignore=("merge-runs",), read=(9,))


def test_several_orders_add_up() -> None:
    found = read(Comment(1, "ann", "/slimify ignore merge-runs"), Comment(2, "ann", "/slimify ignore split-stage"))
    assert found == Orders(ignore=("merge-runs", "split-stage"), read=(1, 2))


@pytest.mark.parametrize(
    "text", ["/slimify", "/slimify ignore", "/slimify ignore nothing", "/slimify dance", "/slimify stop now"]
)
def test_what_makes_no_sense_is_told(text: str) -> None:
    assert read(Comment(1, "ann", text)) == Orders(unknown=(text[9:],), read=(1,))
