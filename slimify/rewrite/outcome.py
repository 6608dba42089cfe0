"""The one result of a fix, from which every report is made."""

from __future__ import annotations

from typing import NamedTuple

from slimify.rewrite.edit import Evidence, FileEdit, Finding, Rewrite
from slimify.rewrite.text import Origin
from slimify.syntax.source import Source


class Change(NamedTuple):
    """A rewrite that was applied. Line numbers are those of the original file."""

    rewrite: Rewrite
    lines: tuple[int, ...]
    evidence: tuple[tuple[Evidence, int], ...]

    @property
    def line(self) -> int:
        return self.lines[0]

    @property
    def end_line(self) -> int:
        return self.lines[-1]


class Notice(NamedTuple):
    """A finding. Line numbers are those of the original file; the column is exact where the line was not touched.

    `reason` is the finding's with the original line numbers filled in.
    """

    finding: Finding
    reason: str
    line: int
    column: int
    end_line: int


class Outcome(NamedTuple):
    """What `slimify.fix` made of one Dockerfile.

    `origins` has an entry for each line of `after`. `passes` is how often the pipeline ran until
    nothing changed any more. `files` are the other files to change, their paths from where that of
    the context starts; each belongs to one of the changes, in their order.
    """

    before: Source
    after: Source
    changes: tuple[Change, ...]
    notices: tuple[Notice, ...]
    origins: tuple[Origin, ...]
    passes: int
    files: tuple[FileEdit, ...] = ()

    @property
    def path(self) -> str:
        return self.before.path

    @property
    def changed(self) -> bool:
        return self.before.text != self.after.text or bool(self.files)

    @property
    def saves(self) -> int | None:
        """The sum of the estimates that there are, in bytes; None where there is none."""
        known = [change.rewrite.saves for change in self.changes if change.rewrite.saves is not None]
        return sum(known) if known else None

    def diff(self) -> str:
        """The unified diff from `before` to `after` and of the other files, empty if nothing changed."""
        from slimify.rewrite.diff import file_diff, unified_diff

        return unified_diff(self.before, self.after) + "".join(map(file_diff, self.files))
