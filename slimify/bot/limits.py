"""How long a text each forge takes, and what is left out of one that is longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from slimify.report.common import count

# GitHub: "body is too long (maximum is 65536 characters)". GitLab: "Maximum character count of issues, merge requests
# and notes" is 1,048,576 (GitLab docs, "Application limits"). Gitea keeps it in a column of type LONGTEXT, which was
# TEXT, with 65,535 bytes, and may be still in a database that was made then.
_LIMITS = {"github": 65_536, "gitlab": 1_048_576, "gitea": 65_535}
# For what a person or another bot may add, and for the line that says what is left out.
_ROOM = 2_000


class Section(NamedTuple):
    """A part of a text that is left out as a whole or not at all.

    Of the least importance is the highest `rank`; rank 0 is never left out. `name` is for the line that says so.
    """

    text: str
    rank: int = 0
    name: str = ""


def limit_of(forge: str) -> int:
    """How many bytes of UTF-8 a text may have, which is never more than characters. The least for an unknown forge."""
    return _LIMITS.get(forge, min(_LIMITS.values())) - _ROOM


def fitted(sections: Sequence[Section], limit: int) -> str:
    """The sections with blank lines between them, within `limit` bytes.

    What matters least is left out first, and of that the last; a line in the place of the first says so.
    """
    kept = dict(enumerate(sections))
    size = sum(_size(one) for one in sections)
    gone: list[int] = []
    for at in sorted((at for at in kept if kept[at].rank), key=lambda at: (-kept[at].rank, -at)):
        if size <= limit:
            break
        size -= _size(kept.pop(at))
        gone.append(at)
    parts = {at: one.text for at, one in kept.items()}
    if gone:
        names = list(dict.fromkeys(sections[at].name for at in sorted(gone) if sections[at].name))
        about = f": {', '.join(names[:5])}{' and more' if len(names) > 5 else ''}" if names else ""
        parts[min(gone)] = f"_{count(len(gone), 'section')} left out, because the text would be too long here{about}._"
    return "\n\n".join(parts[at] for at in sorted(parts))


def _size(section: Section) -> int:
    return len(section.text.encode("utf-8", "replace")) + 2
