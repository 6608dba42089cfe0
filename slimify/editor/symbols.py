"""The outline of a Dockerfile: its stages and, in them, its instructions."""

from __future__ import annotations

from lsprotocol import types

from slimify.editor.convert import span_range
from slimify.editor.text import Text
from slimify.report.common import clean
from slimify.syntax.dockerfile import Dockerfile, Instruction
from slimify.syntax.source import Span

_KINDS = {
    "ARG": types.SymbolKind.Variable,
    "ENV": types.SymbolKind.Variable,
    "LABEL": types.SymbolKind.Property,
    "COPY": types.SymbolKind.File,
    "ADD": types.SymbolKind.File,
    "EXPOSE": types.SymbolKind.Interface,
    "VOLUME": types.SymbolKind.Object,
}
_LONGEST = 60


def document_symbols(dockerfile: Dockerfile, text: Text) -> list[types.DocumentSymbol]:
    """The arguments in front of the first stage, and the stages."""
    found = [_instruction(one, text) for one in dockerfile.preamble]
    for stage in dockerfile.stages:
        end = stage.instructions[-1].span.end if stage.instructions else stage.base.span.end
        words = stage.base.words
        name = words[-1].span if stage.name is not None else stage.base.span
        found.append(
            types.DocumentSymbol(
                name=clean(stage.name or f"stage {stage.index}"),
                detail=clean(stage.image),
                kind=types.SymbolKind.Module,
                range=span_range(text, Span(stage.base.span.start, end)),
                selection_range=span_range(text, name),
                children=[_instruction(one, text) for one in stage.instructions],
            )
        )
    return found


def _instruction(one: Instruction, text: Text) -> types.DocumentSymbol:
    detail = " ".join(one.arguments.split())
    return types.DocumentSymbol(
        name=clean(one.keyword) or "?",
        detail=clean(detail if len(detail) <= _LONGEST else detail[: _LONGEST - 1] + "…"),
        kind=_KINDS.get(one.keyword, types.SymbolKind.Function),
        range=span_range(text, one.span),
        selection_range=span_range(text, one.keyword_span),
    )
