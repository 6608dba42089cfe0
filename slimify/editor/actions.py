"""Code actions: what slimify would do, one by one or all together, why it does not, and how to keep it away."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types
from pygls.uris import from_fs_path

from slimify.editor.analysis import Proposal
from slimify.editor.convert import text_edits
from slimify.editor.minimal import minimal_edits
from slimify.editor.text import UTF16, Text
from slimify.report.common import human_size
from slimify.rewrite.edit import Edit, FileEdit
from slimify.syntax.source import Source

FIX_ALL = "source.fixAll.slimify"
QUICK_FIX = types.CodeActionKind.QuickFix.value
WHY = "slimify.why"
ALL = "slimify.all"


def wanted(kind: str, only: list[str] | None) -> bool:
    """Whether a client that asks for these kinds, or for all, wants this one."""
    return only is None or any(kind == one or kind.startswith(f"{one}.") or one == "" for one in only)


def title_of(proposal: Proposal) -> str:
    """What a rewrite is called in a menu."""
    saves = proposal.rewrite.saves
    less = f" (about {human_size(saves)} less)" if saves else ""
    return f"{proposal.transform.name}: {proposal.rewrite.title}{less}"


def lines_of(proposal: Proposal, source: Source) -> set[int]:
    """The lines, from 1, that a rewrite is about."""
    rewrite = proposal.rewrite
    spans = [edit.span for edit in rewrite.edits] or [rewrite.span]
    return {
        line
        for span in spans
        for line in range(source.line_of(span.start), source.line_of(max(span.start, span.end - 1)) + 1)
    }


def workspace_edit(
    uri: str, version: int | None, text: Text, edits: list[Edit], files: tuple[FileEdit, ...], documents: bool
) -> types.WorkspaceEdit | None:
    """The edits of a document, and the other files that go with them; None if the client cannot be told of those."""
    own = text_edits(text, edits)
    if not documents:
        return None if files else types.WorkspaceEdit(changes={uri: own})
    changes: list[types.TextDocumentEdit | types.CreateFile | types.RenameFile | types.DeleteFile] = []
    if own:
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri, version)
        changes.append(types.TextDocumentEdit(identifier, list(own)))
    for file in files:
        target = from_fs_path(str(Path(file.path).absolute()))
        assert target is not None
        if file.before is None:
            changes.append(types.CreateFile(target, options=types.CreateFileOptions(ignore_if_exists=True)))
        before = Text(file.before or "", text.encoding or UTF16)
        made = minimal_edits(Source(before.text), Source(file.after))
        other = types.OptionalVersionedTextDocumentIdentifier(target, None)
        changes.append(types.TextDocumentEdit(other, list(text_edits(before, made))))
    return types.WorkspaceEdit(document_changes=changes)
