"""Reading a .dockerignore file, and which one holds for a Dockerfile.

Source: Docker documentation, "Build context", ".dockerignore files"; github.com/moby/patternmatcher,
`ignorefile`; BuildKit `frontend/dockerui`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from functools import cached_property

from slimify.context.paths import clean
from slimify.context.patterns import Matcher, PatternError
from slimify.syntax.words import SPACE

DEFAULT_NAME = ".dockerignore"
# Go's bufio.Scanner, with which the file is read, gives up on longer lines.
MAX_LINE_BYTES = 65535

_BOM = b"\xef\xbb\xbf"


def own_name(dockerfile: str) -> str:
    """The name of the ignore file that holds for this Dockerfile alone, next to it."""
    return posixpath.basename(dockerfile) + DEFAULT_NAME


def read_patterns(data: bytes) -> tuple[str, ...]:
    """The patterns of an ignore file, in order, cleaned, without comments and blank lines.

    A byte order mark at the start is dropped, white space around a pattern and around its `!`
    goes, and so does one leading `/`. Raises `PatternError` for a line too long for Docker.
    """
    patterns = []
    for line in data.removeprefix(_BOM).split(b"\n"):
        if len(line) > MAX_LINE_BYTES:
            raise PatternError(f"a line is longer than Docker's limit of {MAX_LINE_BYTES} bytes")
        if line.startswith(b"#"):
            continue
        pattern = line.decode("utf-8", "surrogateescape").strip(SPACE)
        if not pattern:
            continue
        negated = pattern.startswith("!")
        if negated:
            pattern = pattern[1:].strip(SPACE)
        if pattern:
            pattern = clean(pattern)
            if pattern != "/":
                pattern = pattern.removeprefix("/")
        patterns.append("!" * negated + pattern)
    return tuple(patterns)


class IgnoreFile:
    """An ignore file: `path` as the user would name it, and what it holds."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data

    @cached_property
    def matcher(self) -> Matcher:
        """What it keeps out. Raises `PatternError` where Docker would stop, or slimify cannot follow."""
        return Matcher(read_patterns(self.data))


def choose(root: str, dockerfile: str | None, read: Callable[[str, str], bytes | None]) -> IgnoreFile | None:
    """The ignore file that holds: the Dockerfile's own, next to it, or else the one in the context's root.

    `read` gives the content of a file in a folder, by its name, None if there is none.
    """
    if dockerfile is not None:
        folder, name = posixpath.dirname(dockerfile), own_name(dockerfile)
        if (data := read(folder, name)) is not None:
            return IgnoreFile(posixpath.join(folder, name), data)
    if (data := read(root, DEFAULT_NAME)) is not None:
        return IgnoreFile(posixpath.join(root, DEFAULT_NAME), data)
    return None
