"""Why build dependencies stay."""

from __future__ import annotations

from slimify.syntax.source import Span


class RefusedError(Exception):
    """The evidence that is missing, and where in the Dockerfile."""

    def __init__(self, why: str, span: Span | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.span = span
