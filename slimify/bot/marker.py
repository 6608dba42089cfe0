"""What the bot remembers in the text of its pull request: a comment that nobody sees, which every forge keeps.

It is one line, `<!-- slimify: {…} -->` with JSON in it, and the last of the text. In the JSON no two hyphens and no
angle brackets follow each other, which would end the comment (CommonMark 0.31, 6.6 and 4.6), and no line begins
with anything else, so that a text of somebody else's that is quoted in code is never taken for one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

VERSION = 1

# Of everything there is at most so much, which keeps a marker below 16,000 characters.
_MOST_CHANGES = 500
_MOST_IGNORED = 100
_MOST_ANSWERED = 500

_LINE = re.compile(r"^<!-- slimify: (\{[^\n]*\}) -->[ \t]*\r?$", re.MULTILINE)
_LONGEST = 65_536
_LONGEST_TITLE = 256
_FINGERPRINT = re.compile(r"[0-9a-f]{1,64}")
_CHANGE = re.compile(r"[0-9a-f]{12}")
_TRANSFORM = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# As JavaScript and PostgreSQL can hold them; the forges' own numbers are smaller.
_LARGEST = 2**53


class Marker(NamedTuple):
    """What a pull request says of itself.

    `fingerprint` and `changes` are the proposal's, `ignored` the transforms that somebody asked to leave out. `stopped`
    says that nothing may be proposed to this repository any more. `answered` are the numbers of the comments that were
    dealt with. `title` is the one that the bot gave. `void` says that the bot itself closed it, since there was nothing
    left to do. Where there were more than 500 changes, `changes` are the first of them in their order, and `sum_of_all`
    is that of all.
    """

    fingerprint: str
    changes: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    stopped: bool = False
    answered: tuple[int, ...] = ()
    sum_of_all: str = ""
    title: str = ""
    void: bool = False

    def knows(self, changes: Iterable[str]) -> bool:
        """Whether all of these changes were in the proposal. Of one that was cut, only what is sure counts."""
        wanted = frozenset(changes)
        return wanted <= self.changes or (self.sum_of_all != "" and self.sum_of_all == _sum(wanted))


def marker_of(
    fingerprint: str,
    changes: Iterable[str],
    *,
    ignored: Iterable[str] = (),
    stopped: bool = False,
    answered: Iterable[int] = (),
    title: str = "",
) -> Marker:
    """A marker within the bounds: of too many changes the first in their order, of answered comments the latest."""
    every = sorted(set(changes))
    return Marker(
        fingerprint,
        frozenset(every[:_MOST_CHANGES]),
        frozenset(sorted(set(ignored))[:_MOST_IGNORED]),
        stopped,
        tuple(sorted(set(answered))[-_MOST_ANSWERED:]),
        _sum(every) if len(every) > _MOST_CHANGES else "",
        title,
    )


def written(marker: Marker) -> str:
    """The marker as it stands in a text, without a line feed. Raises `ValueError` for what could not be read back."""
    data: dict[str, Any] = {"v": VERSION, "fingerprint": marker.fingerprint, "changes": sorted(marker.changes)}
    if marker.ignored:
        data["ignored"] = sorted(marker.ignored)
    if marker.stopped:
        data["stopped"] = True
    if marker.answered:
        data["answered"] = list(marker.answered)
    if marker.sum_of_all:
        data["sum"] = marker.sum_of_all
    if marker.title:
        data["title"] = marker.title
    if marker.void:
        data["void"] = True
    text = json.dumps(data, separators=(",", ":")).replace("--", "-\\u002d")
    line = f"<!-- slimify: {text} -->"
    if read_marker(line) != marker:
        raise ValueError("a marker that cannot be read back")
    return line


def read_marker(body: str) -> Marker | None:
    """The last marker in a text that is one; None if there is none, or only such as this version does not know."""
    found: Marker | None = None
    for match in _LINE.finditer(body):
        if len(match[1]) <= _LONGEST:
            found = _read(match[1]) or found
    return found


def without_marker(body: str) -> str:
    """The text as people see it, to compare what they wrote with what the bot would."""
    return _LINE.sub("", body).rstrip()


def with_marker(body: str, marker: Marker) -> str:
    """The text as people see it, with this marker in place of what was there."""
    return f"{without_marker(body)}\n\n{written(marker)}\n"


def _read(text: str) -> Marker | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or type(data.get("v")) is not int or data["v"] != VERSION:
        return None
    fingerprint = data.get("fingerprint")
    if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
        return None
    total, title = data.get("sum", ""), data.get("title", "")
    return Marker(
        fingerprint,
        frozenset(_strings(data.get("changes"), _CHANGE)[:_MOST_CHANGES]),
        frozenset(_strings(data.get("ignored"), _TRANSFORM)[:_MOST_IGNORED]),
        data.get("stopped") is True,
        tuple(_numbers(data.get("answered"))[-_MOST_ANSWERED:]),
        total if isinstance(total, str) and _FINGERPRINT.fullmatch(total) else "",
        title if isinstance(title, str) and len(title) <= _LONGEST_TITLE else "",
        data.get("void") is True,
    )


def _strings(value: object, shape: re.Pattern[str]) -> list[str]:
    every: Sequence[object] = value if isinstance(value, list) else ()
    return [one for one in every if isinstance(one, str) and shape.fullmatch(one)]


def _numbers(value: object) -> list[int]:
    every: Sequence[object] = value if isinstance(value, list) else ()
    return sorted({one for one in every if type(one) is int and 0 <= one < _LARGEST})


def _sum(changes: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(changes)).encode("utf-8", "surrogateescape")).hexdigest()[:32]
