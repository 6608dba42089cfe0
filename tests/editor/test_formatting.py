"""Formatting is level safe and the layout, in the fewest edits, and what `slimify fix` would write."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types
from shared_corpus import samples

import slimify

from .apply import apply
from .conftest import Editor

pytestmark = pytest.mark.asyncio

TEXT = """FROM debian:12-slim
# Häßlich 😀, and here: 😀
RUN apt-get update
RUN apt-get install -y curl  
RUN make a && make b \\
  && make c # 😀
ENV A b
CMD ["curl"]
"""  # noqa: W291


def _safe(text: str, layout: bool = True) -> str:
    return slimify.fix(text, level="safe", layout=layout).after.text


async def test_the_whole_document(editor: Editor, folder: Path) -> None:
    await editor.begin(folder)
    uri = editor.open(folder / "Dockerfile", TEXT)
    edits = await editor.formatted(uri)
    assert apply(TEXT, edits) == _safe(TEXT) != TEXT
    # What did not change is not in any edit.
    assert len(edits) > 2
    assert all("debian:12-slim" not in one.new_text and "Häßlich" not in one.new_text for one in edits)
    editor.rewrite(uri, _safe(TEXT))
    assert await editor.formatted(uri) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_position_encodings(editor: Editor, folder: Path, encoding: str) -> None:
    general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind(encoding)])
    answer = await editor.begin(folder, general=general)
    assert answer.capabilities.position_encoding == encoding
    text = 'FROM a\nRUN echo "😀é" && b \\\n  && c "é😀" && d "😀"  \n  \nENV é😀 a\n'
    uri = editor.open(folder / "Dockerfile", text)
    edits = await editor.formatted(uri)
    assert apply(text, edits, encoding) == _safe(text) != text
    # Behind the emoji of line 2, in the units agreed upon.
    place = types.Position(1, {"utf-8": 14, "utf-16": 12, "utf-32": 11}[encoding])
    editor.change(uri, types.TextDocumentContentChangePartial(types.Range(place, place), "ü"))
    changed = text.replace("😀é", "😀üé", 1)
    assert apply(changed, await editor.formatted(uri), encoding) == _safe(changed)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
async def test_the_layout_can_be_left_out(editor: Editor, folder: Path, newline: str) -> None:
    editor.settings = {"": {"layout": False}}
    await editor.begin(folder)
    text = TEXT.replace("\n", newline)
    uri = editor.open(folder / "Dockerfile", text)
    assert apply(text, await editor.formatted(uri)) == _safe(text, layout=False) != _safe(text)


async def test_a_range_takes_only_what_it_touches(editor: Editor, folder: Path) -> None:
    await editor.begin(folder)
    uri = editor.open(folder / "Dockerfile", TEXT)
    edits = await editor.formatted(uri, types.Range(types.Position(6, 2), types.Position(6, 2)))
    assert apply(TEXT, edits) == TEXT.replace("ENV A b", "ENV A=b")
    edits = await editor.formatted(uri, types.Range(types.Position(2, 0), types.Position(4, 0)))
    after = apply(TEXT, edits)
    assert "RUN apt-get update \\\n" in after
    assert "RUN make a && make b" in after
    assert "ENV A b" in after
    assert apply(TEXT, await editor.formatted(uri, types.Range(types.Position(0, 0), types.Position(99, 0)))) == _safe(
        TEXT
    )


@pytest.mark.parametrize(
    "text", ["", "FROM", "RUN <<EOF\n", "FROM a\nRUN <<EOF\nnobody ends this  \n", "FROM a\nENV\nRUN a  \n", "\ud800"]
)
async def test_what_docker_would_not_read_gets_no_edits(editor: Editor, folder: Path, text: str) -> None:
    await editor.begin(folder)
    uri = editor.open(folder / "Dockerfile", text)
    assert await editor.formatted(uri) == []
    if text:
        (found,) = await editor.diagnostics(uri)
        assert found.severity == types.DiagnosticSeverity.Error


async def test_on_save_it_is_for_those_who_ask(editor: Editor, folder: Path) -> None:
    saving = types.TextDocumentClientCapabilities(
        synchronization=types.TextDocumentSyncClientCapabilities(will_save_wait_until=True)
    )
    editor.settings = {"": {"fixOnSave": True}, folder.as_uri(): {"fixOnSave": False}}
    answer = await editor.begin(folder, text_document=saving)
    sync = answer.capabilities.text_document_sync
    assert isinstance(sync, types.TextDocumentSyncOptions)
    assert sync.will_save_wait_until
    assert sync.change is types.TextDocumentSyncKind.Incremental
    for path, wanted in [(folder / "Dockerfile", TEXT), (folder.parent / "Dockerfile", _safe(TEXT))]:
        uri = editor.open(path, TEXT)
        edits = await editor.text_document_will_save_wait_until_async(
            types.WillSaveTextDocumentParams(types.TextDocumentIdentifier(uri), types.TextDocumentSaveReason.Manual)
        )
        assert apply(TEXT, edits or ()) == wanted


async def test_real_files(editor: Editor, folder: Path) -> None:
    """In one document, one after the other, each equal to what the command line writes."""
    await editor.begin(folder)
    uri = editor.open(folder / "Dockerfile", "FROM a\n")
    for sample in samples()[::3]:
        text = sample.source.text
        editor.rewrite(uri, text)
        try:
            wanted = _safe(text)
        except slimify.DockerfileSyntaxError:
            wanted = text
        assert apply(text, await editor.formatted(uri)) == wanted, sample.name


async def test_an_ignore_file(editor: Editor, folder: Path) -> None:
    await editor.begin(folder)
    text = "# a comment  \nnode_modules  \n*.log\t\r\n\n  # no comment\n!  \na[\nb\nb\n"
    uri = editor.open(folder / ".dockerignore", text, "ignore")
    assert (
        apply(text, await editor.formatted(uri))
        == "# a comment  \nnode_modules\n*.log\r\n\n  # no comment\n!\na[\nb\nb\n"
    )
    found = await editor.diagnostics(uri)
    assert [one.range.start.line for one in found] == [4, 5, 6, 8]
    assert [one.severity for one in found] == [
        types.DiagnosticSeverity.Warning,
        types.DiagnosticSeverity.Error,
        types.DiagnosticSeverity.Error,
        types.DiagnosticSeverity.Warning,
    ]
