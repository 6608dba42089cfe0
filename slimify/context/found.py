"""What the readers of the build context hand out: findings with their place, and what they could not see."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.semantics.build_context import BuildContext, Kind

# Larger than what a person writes, or what is looked through for meaning; lock files have a limit of their own.
SOURCE_LIMIT = 1_000_000


class Place(NamedTuple):
    """A line of a file of the context, counted from 1; 0 means the file as a whole."""

    file: str
    line: int = 0


class Unknown(NamedTuple):
    """Something that a reader met and could not see through. Whoever needs to know it has no proof."""

    reason: str
    place: Place


class Program(NamedTuple):
    """A program that is called by name, without folder; `argv` are its arguments, None for an unknown one."""

    name: str
    argv: tuple[str | None, ...]
    place: Place


class LocalFile(NamedTuple):
    """A path of the context that something reads. `why` is a few words."""

    path: str
    why: str
    place: Place


def join(folder: str, path: str) -> str | None:
    """The path of the context that `path`, relative to a folder of it, means; None if that lies outside."""
    if path.startswith("/") or "\0" in path:
        return None
    joined = posixpath.normpath(posixpath.join(folder, path))
    if joined == ".." or joined.startswith("../"):
        return None
    return "" if joined == "." else joined


def source(context: BuildContext, path: str, limit: int = SOURCE_LIMIT) -> str | None:
    """The text of a file; None if it is absent, longer than `limit` characters, or no text."""
    text = context.text(path)
    if text is None or len(text) > limit or "\0" in text:
        return None
    return text.removeprefix("\ufeff")


def is_file(context: BuildContext, path: str | None) -> bool:
    """Whether a file, or a link (to whatever), stands at the path."""
    entry = context.entry(path) if path else None
    return entry is not None and entry.kind in (Kind.FILE, Kind.LINK)


def is_folder(context: BuildContext, path: str | None) -> bool:
    """Whether a folder stands at the path; the root is one."""
    if path == "":
        return True
    entry = context.entry(path) if path else None
    return entry is not None and entry.kind is Kind.FOLDER


def line_of(text: str, offset: int) -> int:
    """The line, counted from 1, of an offset into a text."""
    return text.count("\n", 0, offset) + 1


def uncommented(text: str, pattern: re.Pattern[str]) -> str:
    """The text with white space for its comments, so that words stay apart and lines where they are.

    The pattern matches comments, which begin with a slash, and strings, so that none begins in one of these.
    """
    return pattern.sub(lambda match: match[0] if match[0][0] != "/" else "\n" * match[0].count("\n") or " ", text)
