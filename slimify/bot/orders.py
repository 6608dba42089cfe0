"""What people tell the bot in comments: `/slimify rebase`, `/slimify ignore merge-runs`, `/slimify stop`.

Only those who may push are listened to; to others nothing is answered either, so that nobody can make the bot talk.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from slimify.bot.forge import Comment

_LINE = re.compile(r"^[ \t]{0,3}/slimify\b[ \t]*([^\r\n]*)$", re.MULTILINE)
# Nothing that was taken is given back, which would change nothing, and take a long row of back-ticks for ever.
_FENCE = re.compile(r"^ {0,3}(`{3,}+|~{3,}+)[^\n]*+\n.*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
# More than this in one comment is a mistake or a joke.
_MOST = 10


class Orders(NamedTuple):
    """What was asked for since the bot last answered.

    `ignore` are transforms to leave out; `unknown` is what made no sense, each with the number of the comment;
    `read` are the numbers of all comments that held an order, and are answered by carrying it out.
    """

    rebase: bool = False
    stop: bool = False
    ignore: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    read: tuple[int, ...] = ()


NONE = Orders()


def orders_in(text: str) -> list[list[str]]:
    """The words of each line that begins with `/slimify`, outside of code blocks and quotations."""
    bare = _FENCE.sub("", text.replace("\r\n", "\n"))
    return [match[1].replace(",", " ").split() for match in _LINE.finditer(bare)][:_MOST]


def orders_of(
    comments: Iterable[Comment],
    answered: Collection[int],
    me: str,
    may_write: Callable[[str], bool],
    transforms: Sequence[str],
) -> Orders:
    """The orders in comments, except those whose numbers are in `answered`.

    `may_write` is asked once for each person who gives one. `transforms` are the names that can be ignored.
    """
    found = NONE
    allowed: dict[str, bool] = {}
    for comment in comments:
        if comment.number in answered or comment.author == me:
            continue
        lines = orders_in(comment.body)
        if not lines:
            continue
        if comment.author not in allowed:
            allowed[comment.author] = may_write(comment.author)
        if not allowed[comment.author]:
            continue
        for words in lines:
            found = _with(found, words, transforms)
        found = found._replace(read=(*found.read, comment.number))
    return found


def _with(found: Orders, words: Sequence[str], transforms: Sequence[str]) -> Orders:
    match words:
        case ["rebase"]:
            return found._replace(rebase=True)
        case ["stop"]:
            return found._replace(stop=True)
        case ["ignore", *names] if names and all(name in transforms for name in names):
            return found._replace(ignore=tuple(dict.fromkeys((*found.ignore, *names))))
        case _:
            return found._replace(unknown=(*found.unknown, " ".join(words)))
