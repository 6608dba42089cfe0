"""What a build context weighs, and which of it weighs most. Pure functions over its entries."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from slimify.context.patterns import Matcher
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


def matched_by_each(entries: Sequence[Entry], patterns: Sequence[str]) -> Mapping[str, tuple[Entry, ...]]:
    """Which entries each of these patterns, which take nothing back, would keep out by itself; by pattern.

    `entries` are sorted as a context gives them, and are walked once, however many patterns there are.
    """
    matcher = Matcher(patterns)
    if matcher.has_exceptions or len(matcher.patterns) != len(patterns):
        raise ValueError("a pattern that takes back, or says nothing, keeps nothing out by itself")
    found: list[list[Entry]] = [[] for _ in patterns]
    below: dict[str, int] = {}
    for entry in entries:
        bits = below.get(entry.path.rpartition("/")[0], 0) | matcher.bits(entry.path)
        if not bits:
            continue
        if entry.kind is Kind.FOLDER:
            below[entry.path] = bits
        for number, out in enumerate(found):
            if bits >> number & 1:
                out.append(entry)
    return {pattern: tuple(out) for pattern, out in zip(patterns, found, strict=True)}


def _by(entries: Iterable[Entry], key: Callable[[Entry], str]) -> Mapping[str, Total]:
    totals: dict[str, Total] = {}
    for entry in entries:
        if entry.kind is not Kind.FOLDER:
            name = key(entry)
            before = totals.get(name, Total(0, 0))
            totals[name] = Total(before.files + 1, before.bytes + entry.size)
    return dict(sorted(totals.items(), key=lambda item: (-item[1].bytes, -item[1].files, item[0])))
