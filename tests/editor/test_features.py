"""Diagnostics, code actions, hover, hints, symbols and names, as an editor sees them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

import slimify

from .apply import apply
from .conftest import Editor

pytestmark = pytest.mark.asyncio

TEXT = """FROM python:3.11 AS Base
RUN apt-get update
RUN apt-get install -y libpq-dev
COPY requirements.txt .
RUN pip install -r requirements.txt

FROM base AS test
RUN --mount=type=bind,from=base,target=/x true
COPY --from=0 /a /b

FROM debian:12-slim
COPY --from=BASE /a /b
COPY --from=test /a /b
CMD ["true"]
"""


async def test_diagnostics_are_pushed(editor: Editor, folder: Path) -> None:
    await editor.begin(folder)
    uri = editor.open(
        folder / "Dockerfile", "FROM debian:12-slim\nRUN apt-get update\nRUN apt-get install -y curl\nRUN cd /x\n"
    )
    found = {str(one.code): one for one in await editor.diagnostics(uri, 1)}
    assert {"pair-update-install", "clean-package-cache", "modern-instructions"} <= set(found)
    one = found["pair-update-install"]
    assert one.source == "slimify"
    assert one.code_description is not None
    page = one.code_description.href.removeprefix("file://")
    assert Path(page).read_text().startswith("# pair-update-install\n")
    assert one.range.start.line == 1
    assert found["modern-instructions"].severity is types.DiagnosticSeverity.Warning
    assert "layout" not in found
    version = editor.rewrite(uri, "FROM debian:12-slim\nCMD a\nFRM\n")
    (wrong,) = await editor.diagnostics(uri, version)
    assert (wrong.range.start.line, wrong.severity) == (2, types.DiagnosticSeverity.Error)
    version = editor.rewrite(uri, "FROM debian:12-slim\nCMD a\n")
    assert await editor.diagnostics(uri, version) == []
    seen = len(editor.published)
    editor.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
    assert await editor.diagnostics(uri, None, seen) == []


async def test_diagnostics_are_pulled_by_who_can(editor: Editor, folder: Path) -> None:
    pulling = types.TextDocumentClientCapabilities(diagnostic=types.DiagnosticClientCapabilities())
    await editor.begin(folder, text_document=pulling)
    uri = editor.open(folder / "Dockerfile", "FROM debian:12-slim\nRUN apt-get update\nRUN apt-get install -y curl\n")
    ask = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
    report = await editor.text_document_diagnostic_async(ask)
    assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
    assert {one.code for one in report.items} == {"pair-update-install", "clean-package-cache"}
    ask.previous_result_id = report.result_id
    again = await editor.text_document_diagnostic_async(ask)
    assert isinstance(again, types.RelatedUnchangedDocumentDiagnosticReport)
    (folder / "slimify.toml").write_text('skip = ["clean-package-cache"]\n')
    event = types.FileEvent((folder / "slimify.toml").as_uri(), types.FileChangeType.Created)
    editor.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    report = await editor.text_document_diagnostic_async(ask)
    assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
    assert {one.code for one in report.items} == {"pair-update-install"}
    for _ in range(200):
        if editor.refreshed:
            break
        await asyncio.sleep(0.05)
    assert editor.refreshed
    assert not editor.published


async def test_the_context_is_watched(editor: Editor, folder: Path) -> None:
    """`dockerignore` proposes what the context holds, and sees that it holds something else."""
    (folder / "package.json").write_text('{"name": "a", "dependencies": {"left-pad": "1.3.0"}}')
    (folder / "package-lock.json").write_text(
        '{"name": "a", "lockfileVersion": 3, "packages": {"": {"dependencies": {"left-pad": "1.3.0"}},'
        ' "node_modules/left-pad": {"version": "1.3.0"}}}'
    )
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "a.js").write_bytes(b"x" * 300_000)
    text = (
        "FROM node:20-slim\nWORKDIR /srv\nCOPY package*.json ./\nRUN npm ci && npm cache clean --force\n"
        'COPY . .\nCMD ["node", "a.js"]\n'
    )
    await editor.begin(folder)
    uri = editor.open(folder / "Dockerfile", text)
    found = await editor.diagnostics(uri, 1)
    assert "dockerignore" in {one.code for one in found}
    assert types.WORKSPACE_DID_CHANGE_WATCHED_FILES in editor.registered
    named = await editor.actions(uri, 5)
    (title,) = [one for one in named if one.startswith("dockerignore")]
    edit = named[title].edit
    assert edit is not None
    assert edit.document_changes is not None
    create, change = edit.document_changes
    assert isinstance(create, types.CreateFile)
    assert create.uri == (folder / ".dockerignore").as_uri()
    assert isinstance(change, types.TextDocumentEdit)
    assert "node_modules" in change.edits[0].new_text  # type: ignore[union-attr]
    seen = len(editor.published)
    (folder / ".dockerignore").write_text("**/node_modules\n.git\n")
    event = types.FileEvent((folder / ".dockerignore").as_uri(), types.FileChangeType.Created)
    editor.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    assert "dockerignore" not in {one.code for one in await editor.diagnostics(uri, 1, seen)}


async def test_code_actions(editor: Editor, folder: Path) -> None:
    resolving = types.TextDocumentClientCapabilities(
        code_action=types.CodeActionClientCapabilities(
            data_support=True, resolve_support=types.ClientCodeActionResolveOptions(["edit"])
        )
    )
    await editor.begin(folder, text_document=resolving)
    text = (
        "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y curl\nENV A b\n"
        "RUN make a && make b \\\n && make c\n"
    )
    uri = editor.open(folder / "Dockerfile", text)
    found = await editor.actions(uri, 4)
    assert not [title for title in found if title.startswith("pair-update")]
    (title,) = [title for title in found if title.startswith("modern-instructions")]
    action = await editor.code_action_resolve_async(found[title])
    assert _edited(text, action) == text.replace("ENV A b", "ENV A=b")
    assert _edited(text, found["slimify: keep this instruction as it is"]) == text.replace(
        "ENV", "# slimify: keep\nENV"
    )
    away = found["slimify: keep modern-instructions away from this instruction"]
    assert _edited(text, away) == text.replace("ENV", "# slimify: skip=modern-instructions\nENV")
    (every,) = [title for title in found if title.startswith("slimify: all of the file, at level standard")]
    whole = slimify.fix(text, path=str(folder / "Dockerfile"), context=str(folder)).after.text
    assert _edited(text, await editor.code_action_resolve_async(found[every])) == whole
    only = await editor.actions(uri, 1, "source.fixAll")
    assert [one.kind for one in only.values()] == ["source.fixAll.slimify"]
    assert _edited(text, *only.values()) == slimify.fix(text, level="safe").after.text
    assert "make a && make b" in _edited(text, *only.values())
    why = (await editor.actions(uri, 1))["slimify: why is this stage not split?"]
    assert why.command is not None
    told = await editor.workspace_execute_command_async(
        types.ExecuteCommandParams(why.command.command, why.command.arguments)
    )
    assert told.startswith("the stage is not split: ")
    assert editor.messages == [told]
    editor.rewrite(uri, text + "\n")
    with pytest.raises(JsonRpcException):
        await editor.code_action_resolve_async(found[title])


def _edited(text: str, action: types.CodeAction) -> str:
    assert action.edit is not None
    assert action.edit.document_changes is not None
    (change,) = action.edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    assert change.text_document.version == 1
    return apply(text, [one for one in change.edits if isinstance(one, types.TextEdit)])


async def test_hover_and_hints(editor: Editor, folder: Path) -> None:
    editor.settings = {"": {"inlayHints": True}}
    await editor.begin(folder)
    uri = editor.open(folder / "Dockerfile", TEXT)
    document = types.TextDocumentIdentifier(uri)

    async def hover(line: int) -> str:
        found = await editor.text_document_hover_async(types.HoverParams(document, types.Position(line - 1, 1)))
        assert found is None or isinstance(found.contents, types.MarkupContent)
        return found.contents.value if found is not None and isinstance(found.contents, types.MarkupContent) else ""

    assert "`python:3.11-slim` has about" in await hover(1)
    assert "libpq-dev" in await hover(3)
    assert await hover(6) == ""
    everywhere = types.Range(types.Position(0, 0), types.Position(50, 0))
    hints = await editor.text_document_inlay_hint_async(types.InlayHintParams(document, everywhere))
    labels = {one.position.line: one.label for one in hints or ()}
    assert str(labels[0]).startswith("about ")
    editor.settings = {"": {}}
    editor.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
    for _ in range(100):
        if not await editor.text_document_inlay_hint_async(types.InlayHintParams(document, everywhere)):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("hints stay")


async def test_stages(editor: Editor, folder: Path) -> None:
    await editor.begin(folder)
    uri = editor.open(folder / "Dockerfile", TEXT)
    document = types.TextDocumentIdentifier(uri)
    symbols = await editor.text_document_document_symbol_async(types.DocumentSymbolParams(document))
    assert [one.name for one in symbols or ()] == ["base", "test", "stage 2"]
    lines = TEXT.split("\n")

    def at(line: int, word: str) -> types.Position:
        return types.Position(line - 1, lines[line - 1].index(word) + 1)

    for place in (at(7, "base"), at(8, "base"), at(9, "0"), at(12, "BASE")):
        found = await editor.text_document_definition_async(types.DefinitionParams(document, place))
        assert isinstance(found, types.Location)
        assert found.range == types.Range(types.Position(0, 20), types.Position(0, 24))
    assert await editor.text_document_definition_async(types.DefinitionParams(document, at(11, "debian"))) is None
    context = types.ReferenceContext(include_declaration=False)
    places = await editor.text_document_references_async(types.ReferenceParams(context, document, at(1, "Base")))
    assert [one.range.start.line for one in places or ()] == [6, 7, 8, 11]
    edit = await editor.text_document_rename_async(types.RenameParams(document, at(12, "BASE"), "builder"))
    assert edit is not None
    assert edit.document_changes is not None
    (change,) = edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    renamed = apply(TEXT, [one for one in change.edits if isinstance(one, types.TextEdit)])
    assert renamed == TEXT.replace("AS Base", "AS builder").replace("FROM base", "FROM builder").replace(
        "from=base", "from=builder"
    ).replace("from=BASE", "from=builder")
    for name in ("test", "1st", "scratch", "debian:12-slim", "a b"):
        with pytest.raises(JsonRpcException):
            await editor.text_document_rename_async(types.RenameParams(document, at(1, "Base"), name))
    ask = types.PrepareRenameParams(document, at(9, "0"))
    assert await editor.text_document_prepare_rename_async(ask) is None


async def test_settings_that_are_none(editor: Editor, folder: Path) -> None:
    """The project's file wins, what is wrong is told, and a folder has settings of its own."""
    inner = folder / "inner"
    inner.mkdir()
    (inner / "slimify.toml").write_text('level = "safe"\n')
    editor.settings = {"": {"level": "aggresive", "skip": ["clean-package-cache"], "colour": 1}}
    await editor.begin(folder)
    text = "FROM debian:12-slim\nRUN apt-get update && apt-get install -y curl\n"
    uri = editor.open(folder / "Dockerfile", text)
    assert {one.code for one in await editor.diagnostics(uri, 1)} == set()
    assert len(editor.messages) >= 2
    assert "did you mean 'aggressive'" in editor.messages[0]
    (folder / "slimify.toml").write_text("levl = 1\n")
    event = types.FileEvent((folder / "slimify.toml").as_uri(), types.FileChangeType.Changed)
    seen = len(editor.published)
    editor.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    (wrong,) = await editor.diagnostics(uri, 1, seen)
    assert "unknown key 'levl'" in wrong.message
    assert await editor.formatted(uri) == []


async def test_it_tells_why_it_takes_long_and_can_be_told_to_go_on(editor: Editor, folder: Path) -> None:
    await editor.begin(folder)
    uri = editor.open(folder / "Dockerfile", TEXT)
    # Requests that are called off get an answer that says so, and the next one is answered.
    asked = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(0, 0))
    future = editor.protocol.send_request_async(types.TEXT_DOCUMENT_HOVER, asked)
    task = asyncio.ensure_future(future)
    await asyncio.sleep(0)
    editor.cancel_request(types.CancelParams(next(iter(editor.protocol._request_futures))))
    with pytest.raises((JsonRpcException, asyncio.CancelledError)):
        await asyncio.wait_for(task, 30)
    assert await editor.text_document_hover_async(asked) is not None


async def test_settings_that_are_told_again_change_nothing(editor: Editor, folder: Path) -> None:
    """VS Code tells of its settings several times when it starts: what was found is not thrown away each time."""
    pulling = types.TextDocumentClientCapabilities(diagnostic=types.DiagnosticClientCapabilities())
    editor.settings = {"": {"level": "standard"}}
    await editor.begin(folder, text_document=pulling)
    ask = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(editor.open(folder / "Dockerfile", TEXT)))
    first = await editor.text_document_diagnostic_async(ask)
    assert isinstance(first, types.RelatedFullDocumentDiagnosticReport)
    ask.previous_result_id = first.result_id
    told = types.DidChangeConfigurationParams(None)
    for _ in range(2):
        editor.workspace_did_change_configuration(told)
        await asyncio.sleep(0.5)
        again = await editor.text_document_diagnostic_async(ask)
        assert isinstance(again, types.RelatedUnchangedDocumentDiagnosticReport)
    assert editor.refreshed == 0
    editor.settings = {"": {"level": "safe"}}
    editor.workspace_did_change_configuration(told)
    await asyncio.sleep(1)
    assert editor.refreshed == 1
    assert isinstance(await editor.text_document_diagnostic_async(ask), types.RelatedFullDocumentDiagnosticReport)


async def test_what_all_would_come_to(editor: Editor, folder: Path) -> None:
    """A preview shows what the code action for all of the file does, under the settings that hold for the project."""
    (folder / "slimify.toml").write_text('level = "safe"\n')
    (folder / "app.py").write_text("pass\n")
    editor.settings = {"": {"level": "standard", "skip": ["modern-instructions"]}}
    await editor.begin(folder)
    text = "FROM debian:12-slim\nMAINTAINER a\nRUN apt-get update && apt-get install -y curl\nCOPY app.py /\n"
    uri = editor.open(folder / "Dockerfile", text)
    ask = types.ExecuteCommandParams("slimify.all", [uri])
    found = await editor.workspace_execute_command_async(ask)
    assert found["level"] == "safe"
    assert found["text"] == slimify.fix(text, level="safe", skip=["modern-instructions"]).after.text != text
    assert found["files"] == []
    (every,) = [one for title, one in (await editor.actions(uri, 1)).items() if "all of the file" in title]
    assert _edited(text, every) == found["text"]
    assert found["edit"]["documentChanges"][0]["textDocument"]["version"] == 1
    editor.rewrite(uri, "FRM\n")
    wrong = await editor.workspace_execute_command_async(ask)
    assert "FRM" in wrong["error"]
    assert await editor.workspace_execute_command_async(types.ExecuteCommandParams("slimify.all", [uri + "x"])) is None
