"""The images that single steps of a build become with Podman and Buildah, and which of them one build has made.

A log cannot say that: what a RUN prints stands in it too, and a build inside a build prints the same lines. So the
engine is asked what is there. Where it can label what a step becomes (`--layer-label`, buildah-build(1)), the label
decides. Where it cannot, an image was made by a build if it was not there before, has no name, and the log mentions it;
what somebody else builds at the same time is in no log of ours, and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from typing import NamedTuple

# A step's image has a line of its own, with the beginning of its ID.
_MENTION = re.compile(r"--> ([0-9a-f]{8,64})\s*")


class Note(NamedTuple):
    """What is written down when a build begins: the label that it gives, or the IDs that are there before it."""

    label: str = ""
    before: frozenset[str] = frozenset()

    def write(self, path: str) -> None:
        """Keep it for a later start, which has nothing else after a crash."""
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join([f"label {self.label}" if self.label else "before", *sorted(self.before)]))

    @classmethod
    def read(cls, path: str) -> Note | None:
        """What was written down; None where nothing was."""
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                first, *ids = file.read().split("\n")
        except OSError:
            return None
        if first.startswith("label "):
            return cls(label=first.removeprefix("label "))
        return cls(before=frozenset(ids)) if first == "before" else None


def note_of(log: str) -> str:
    """Where the note on a build lies whose log is given."""
    return f"{log}.images"


def unnamed(listed: str) -> list[str]:
    """The IDs without a name in a list of `ID NAME` lines, in its order."""
    # Buildah puts columns into a table.
    rows = [(words[0], words[-1]) for line in listed.splitlines() if (words := line.split(None, 1))]
    named = {bare(one) for one, name in rows if not name.startswith("<none>")}
    return [one for one in dict.fromkeys(bare(one) for one, _ in rows) if one not in named]


def bare(identity: str) -> str:
    """An ID without the name of its sum."""
    return identity.strip().removeprefix("sha256:")


def mentioned(log: str, candidates: Iterable[str], before: Set[str]) -> Iterator[str]:
    """Those of the candidates that were not there before, and that a log mentions."""
    new = [one for one in candidates if one not in before]
    with open(log, encoding="utf-8", errors="replace") as file:
        said = {match[1] for line in file if (match := _MENTION.fullmatch(line))}
    for one in new:
        if any(one.startswith(short) for short in said):
            yield one
