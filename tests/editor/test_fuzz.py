"""Random edits, one after the other: the server's text stays the client's, and nothing is ever raised."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from lsprotocol import types

from .apply import lines, offset
from .wire import Wire

STEPS = 10_000
URI = "file:///nowhere/Dockerfile"
PIECES = [
    "FROM debian:12\n", "FROM a AS b\n", "RUN apt-get update && apt-get install -y curl\n", "RUN a && b \\\n  && c  \n",
    "COPY --from=b /a /b\n", "RUN <<EOF\na\nEOF\n", "ENV A b\n", "# slimify: keep\n", "# escape=`\n", "\\", "`", "\n",
    "\r\n", "\r", " ", "\t", "'", '"', "&&", "||", "$(", ")", "{", "}", "#", "<<E", "\f", "\x0b", "\x85", "\u2028",
    "😀", "é", "\ufeff", "\x00", "a", "RUN ", "\udce9",
]  # fmt: skip


def _place(chance: random.Random, text: str, encoding: str) -> types.Position:
    """A place in the text; now and then one behind the end of a line or of all."""
    all_of = lines(text)
    line = chance.randrange(len(all_of) + 1) if chance.random() < 0.05 else chance.randrange(len(all_of))
    content = all_of[line].rstrip("\r\n") if line < len(all_of) else ""
    before = content[: chance.randint(0, len(content))]
    units = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    name = encoding if units == 1 else f"{encoding}-le"
    column = len(before.encode(name, "surrogatepass")) // units
    return types.Position(line, column + 1000 * (chance.random() < 0.02))


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_random_edits(encoding: str) -> None:
    chance = random.Random(encoding)
    wire = Wire()
    server, send = wire.server, wire.send

    general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind(encoding)])
    send("initialize", types.InitializeParams(types.ClientCapabilities(general=general)))
    send("initialized", types.InitializedParams(), request=False)
    text = "FROM debian:12\n"
    item = types.TextDocumentItem(URI, "dockerfile", 0, text)
    send("textDocument/didOpen", types.DidOpenTextDocumentParams(item), request=False)
    document = types.TextDocumentIdentifier(URI)
    for step in range(1, STEPS // 3 + 2):
        changes: list[Any] = []
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            new = "".join(chance.choices(PIECES, k=chance.randint(0, 3)))
            if chance.random() < 0.01 or len(text) > 3000:
                text = "FROM debian:12\n" + new
                changes.append(types.TextDocumentContentChangeWholeDocument(text))
                continue
            start, end = _place(chance, text, encoding), _place(chance, text, encoding)
            first, last = offset(text, start, encoding), offset(text, end, encoding)
            if first > last:
                start, end, first, last = end, start, last, first
            if last - first > 200:
                end, last = start, first
            text = text[:first] + new + text[last:]
            changes.append(types.TextDocumentContentChangePartial(types.Range(start, end), new))
        identifier = types.VersionedTextDocumentIdentifier(step, URI)
        send("textDocument/didChange", types.DidChangeTextDocumentParams(identifier, changes), request=False)
        known = server.document(URI)
        assert known is not None
        assert known.source == text, step
        if step % 5 == 0:
            send("textDocument/formatting", types.DocumentFormattingParams(document, types.FormattingOptions(4, True)))
            send("textDocument/documentSymbol", types.DocumentSymbolParams(document))
            place = _place(chance, text, encoding)
            send("textDocument/hover", types.HoverParams(document, place))
            send("textDocument/definition", types.DefinitionParams(document, place))
            asked = types.CodeActionParams(document, types.Range(place, place), types.CodeActionContext([]))
            send("textDocument/codeAction", asked)
            await asyncio.sleep(0.02 if step % 50 == 0 else 0)
    await asyncio.sleep(0.5)
    server.shutdown()
    errors = [one for one in wire.messages if "error" in one or one.get("method") == "window/showMessage"]
    assert errors == []
    faults = [
        item
        for one in wire.messages
        if one.get("method") == "textDocument/publishDiagnostics"
        for item in one["params"]["diagnostics"]
        if "internal fault" in item["message"]
    ]
    assert faults == []
    assert any(one.get("method") == "textDocument/publishDiagnostics" for one in wire.messages)
