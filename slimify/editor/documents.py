"""The documents that an editor has open, kept as the protocol counts lines and columns (see `text`).

pygls's own documents end lines where Python does, and lose step with the editor at a form feed.
"""

from __future__ import annotations

from typing import Any

from lsprotocol import types
from pygls.workspace import TextDocument, Workspace

from slimify.editor.text import UTF16, Place, Text


class Document(TextDocument):
    """A document, and what it was made of by the changes that came."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        encoding = self.position_codec.encoding
        self.encoding = str(getattr(encoding, "value", encoding) or UTF16)
        self.content = Text(self._source or "", self.encoding)

    @property
    def source(self) -> str:
        return self.content.text

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        if isinstance(change, types.TextDocumentContentChangePartial):
            start, end = change.range.start, change.range.end
            self.content = self.content.replaced(
                Place(start.line, start.character), Place(end.line, end.character), change.text
            )
        else:
            self.content = Text(change.text, self.encoding)


class Documents(Workspace):
    """The workspace as pygls keeps it, with documents of our own."""

    def _create_text_document(
        self, doc_uri: str, source: str | None = None, version: int | None = None, language_id: str | None = None
    ) -> Document:
        return Document(
            doc_uri, source=source, version=version, language_id=language_id, position_codec=self.position_codec
        )
