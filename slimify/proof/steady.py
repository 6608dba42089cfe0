"""Comparing texts of two runs: what differs between two runs of one and the same version is not a difference.

A fixed pattern stands only for what cannot be a result: colours, times of the clock, addresses in memory, random IDs.
Everything else that changes from run to run is found by seeing the old version twice. Its two texts are laid side by
side, word by word; a word that differs between them may differ in the new version as well. Where they have not as many
words, the text as a whole is unsteady, and all that is compared is how long it is, roughly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_FIXED = (
    (re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]"), ""),
    # ISO 8601, RFC 9110 (HTTP), the common log format, and the clock alone.
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z| ?[+-]\d\d:?\d\d)?"), "TIME"),
    (
        re.compile(
            rf"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?\d{{1,2}}[ /](?:{_MONTH}|\d\d)[ /]\d{{4}}[: ]"
            r"\d\d:\d\d:\d\d(?: GMT| [+-]\d{4})?"
        ),
        "TIME",
    ),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"), "TIME"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "ADDRESS"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UUID"),
)
# A word may be a token in Base64 or a path; a `=` ends it only as the filling of Base64.
_WORD = re.compile(r"[\w.+/~%-]+={0,2}|[^\w.+/~%-]")
_NUMBER = re.compile(r"[\d.,+-]+")
# A length that is so many times another one is another length.
_ROUGHLY = 2
# What stands for a word that may differ, in what is shown.
_ANY = "…"


def normalised(text: str, own: Sequence[str] = ()) -> str:
    """A text without what cannot be a result. `own` are names of its own that a container knows, such as its ID."""
    for name in sorted(own, key=len, reverse=True):
        text = text.replace(name, "CONTAINER") if name else text
    for pattern, stands in _FIXED:
        text = pattern.sub(stands, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


class Match(NamedTuple):
    """How a text compares with what was seen before: whether it is the same, and what was not compared.

    `shown` is the text without what may differ; `unsteady` says how much of it was not compared, and is empty where
    all of it was.
    """

    same: bool
    shown: str
    unsteady: str = ""


def match(seen: Sequence[str], other: str) -> Match:
    """Compare a text with those that were seen in one version; each of them is normalised."""
    if other in seen:
        return Match(True, other)
    first, more = _WORD.findall(seen[0]), [_WORD.findall(one) for one in seen[1:] if one != seen[0]]
    if not more:
        return Match(False, seen[0])
    if any(len(one) != len(first) for one in more):
        return _by_length(seen, other)
    loose = {at for one in more for at, (a, b) in enumerate(zip(first, one, strict=True)) if a != b}
    if any(not first[at][0].isalnum() and first[at][0] not in "_.+/~%-" for at in loose):
        # A mark of punctuation against another one: these are not the same sentences.
        return _by_length(seen, other)
    shown = "".join(_ANY if at in loose else word for at, word in enumerate(first))
    words = _WORD.findall(other)
    same = len(words) == len(first) and all(
        _may_be(word, [first[at], *(one[at] for one in more)]) if at in loose else word == first[at]
        for at, word in enumerate(words)
    )
    return Match(same, shown, _count(len(loose)))


def _may_be(word: str, seen: Sequence[str]) -> bool:
    """Whether a word is of the kind of those in its place: where all are numbers it has to be one too."""
    if all(_NUMBER.fullmatch(one) for one in seen):
        return _NUMBER.fullmatch(word) is not None
    return _WORD.fullmatch(word) is not None and (word[0].isalnum() or word[0] in "_.+/~%-")


def _by_length(seen: Sequence[str], other: str) -> Match:
    lengths = [len(one) for one in seen]
    same = min(lengths) / _ROUGHLY <= len(other) <= max(lengths) * _ROUGHLY
    return Match(same, seen[0], "all of it but its length")


def _count(words: int) -> str:
    return "1 word" if words == 1 else f"{words} words"
