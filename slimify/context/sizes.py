"""What a build context weighs, and which of it weighs most. Pure functions over its entries."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from slimify.context.patterns import START, Matcher, Verdict
from slimify.semantics.build_context import Entry, Kind


class Total(NamedTuple):
    """How many files (links and devices among them, folders not), and how many bytes."""

    files: int
    bytes: int


def total(entries: Iterable[Entry]) -> Total:
    """The whole of the entries."""
    files = size = 0
    for entry in entries:
        if entry.kind is not Kind.FOLDER:
            files += 1
            size += entry.size
    return Total(files, size)


def by_folder(entries: Iterable[Entry]) -> Mapping[str, Total]:
    """By folder in the root, `` for the files in the root itself; the heaviest first."""
    return _by(entries, lambda entry: entry.path.partition("/")[0] if "/" in entry.path else "")


def by_type(entries: Iterable[Entry]) -> Mapping[str, Total]:
    """By the ending of the name, in lower case without the dot, `` for none; the heaviest first."""
    return _by(entries, lambda entry: posixpath.splitext(entry.path)[1][1:].lower())


def left_out(entries: Sequence[Entry], matcher: Matcher) -> tuple[Entry, ...]:
    """Which entries more patterns would keep out, if they stood behind all others in the ignore file.

    `entries` are sorted as a context gives them. A folder that is kept out but for something in it
    is among them all the same. Patterns with `!` take back only what these patterns keep out.
    """
    verdicts: dict[str, Verdict] = {"": START}
    found = []
    for entry in entries:
        parent = verdicts.get(entry.path.rpartition("/")[0])
        if parent is None:
            found.append(entry)  # in a folder into which the builder would not have gone
            continue
        verdict = matcher.step(entry.path, parent)
        if entry.kind is Kind.FOLDER and not (verdict.matched and not matcher.enters(entry.path)):
            verdicts[entry.path] = verdict
        if verdict.matched:
            found.append(entry)
    return tuple(found)


def _by(entries: Iterable[Entry], key: Callable[[Entry], str]) -> Mapping[str, Total]:
    totals: dict[str, Total] = {}
    for entry in entries:
        if entry.kind is not Kind.FOLDER:
            name = key(entry)
            before = totals.get(name, Total(0, 0))
            totals[name] = Total(before.files + 1, before.bytes + entry.size)
    return dict(sorted(totals.items(), key=lambda item: (-item[1].bytes, -item[1].files, item[0])))
