"""What a transform says: edits that belong together and why, or a finding without edits."""

from __future__ import annotations

import enum
from typing import NamedTuple

from slimify.syntax.source import Span


class Level(enum.IntEnum):
    """How much a rewrite may change; each level includes the ones below it."""

    SAFE = 1
    STANDARD = 2
    AGGRESSIVE = 3

    @property
    def label(self) -> str:
        return self.name.lower()


class Edit(NamedTuple):
    """Replace `span` of the source by `text`. An empty span inserts."""

    span: Span
    text: str


class FileEdit(NamedTuple):
    """Another file of the build context than the Dockerfile: its path there, and its text before and after.

    `before` is None for a file that is not there yet.
    """

    path: str
    before: str | None
    after: str


class Evidence(NamedTuple):
    """A fact that a rewrite or a finding rests on: where it stands in the file, or who says so."""

    text: str
    span: Span | None = None
    source: str = ""


class Rewrite(NamedTuple):
    """Edits that make sense only together.

    `title` is one line in the imperative; `reason` says what it is good for. `keywords` are the
    instructions whose text it may change: the pipeline holds it to that. `saves` is an estimate
    of the bytes the image loses, None where there is no ground for one. `files` are changed besides;
    a rewrite without edits says with `anchor` what in the Dockerfile it is about. `drops` are the
    commands of RUNs, as they are written, whose work is done in another way: no other may be
    missing. With `moves`, COPYs change their place and nothing else, and those in `adds` are new.
    `reshapes` says that the last stage becomes two: its instructions stay word for word, in one of
    them or in both, and `brings` are all that are new. With `lays_out`, no more than blanks between
    words and at the ends of lines change, and line breaks.
    """

    transform: str
    level: Level
    title: str
    reason: str
    edits: tuple[Edit, ...]
    evidence: tuple[Evidence, ...] = ()
    saves: int | None = None
    keywords: frozenset[str] = frozenset({"RUN"})
    files: tuple[FileEdit, ...] = ()
    anchor: Span | None = None
    drops: tuple[str, ...] = ()
    moves: bool = False
    adds: tuple[str, ...] = ()
    reshapes: bool = False
    brings: tuple[str, ...] = ()
    lays_out: bool = False

    @property
    def span(self) -> Span:
        """From the first edited character to the last."""
        if not self.edits:
            return self.anchor or Span(0, 0)
        return Span(min(e.span.start for e in self.edits), max(e.span.end for e in self.edits))


class Severity(enum.Enum):
    """How much a finding should trouble the reader."""

    NOTE = "note"
    WARNING = "warning"
    FAULT = "fault"


class Finding(NamedTuple):
    """Something to tell without an edit.

    A NOTE says what a transform declined to do and why; a WARNING is a problem of the
    Dockerfile that slimify does not mend by itself; a FAULT is an error of slimify's own, whose
    rewrite was dropped. `{line 0}` in `reason` stands for the line of the first piece of
    evidence, counted in the original file, which a transform in a later pass no longer sees.
    """

    transform: str
    title: str
    reason: str
    span: Span
    severity: Severity = Severity.NOTE
    evidence: tuple[Evidence, ...] = ()
