"""Why a stage is not split."""

from __future__ import annotations

from slimify.rewrite.edit import Evidence
from slimify.syntax.source import Span


class Refused(Exception):
    """The evidence that is missing, and where it would have to be."""

    def __init__(self, why: str, span: Span | None = None, evidence: tuple[Evidence, ...] = ()) -> None:
        super().__init__(why)
        self.why = why
        self.span = span
        self.evidence = evidence
