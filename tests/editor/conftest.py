"""A server of our own in another process, and an editor that notes what it is told."""

from __future__ import annotations

import ast
import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types
from pygls.lsp.client import LanguageClient


class Editor(LanguageClient):
    """A client that keeps the diagnostics it got, the settings it is asked for, and what was shown."""

    def __init__(self) -> None:
        super().__init__("tests", "1")
        self.published: list[types.PublishDiagnosticsParams] = []
        self.settings: dict[str, dict[str, Any]] = {}
        self.messages: list[str] = []
        self.registered: list[str] = []
        self.progress: list[Any] = []
        self.refreshed = 0
        self._versions: dict[str, int] = {}
        self._news = asyncio.Condition()
        self._listen()

    def _listen(self) -> None:
        @self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        async def publish(params: types.PublishDiagnosticsParams) -> None:
            async with self._news:
                self.published.append(params)
                self._news.notify_all()

        @self.feature(types.WORKSPACE_CONFIGURATION)
        def configuration(params: types.ConfigurationParams) -> list[Any]:
            return [self.settings.get(item.scope_uri or "", self.settings.get("", {})) for item in params.items]

        @self.feature(types.WINDOW_SHOW_MESSAGE)
        def message(params: types.ShowMessageParams) -> None:
            self.messages.append(params.message)

        @self.feature(types.CLIENT_REGISTER_CAPABILITY)
        def register(params: types.RegistrationParams) -> None:
            self.registered += [one.method for one in params.registrations]

        @self.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
        def create(params: types.WorkDoneProgressCreateParams) -> None:
            pass

        @self.feature(types.PROGRESS)
        def progress(params: types.ProgressParams) -> None:
            self.progress.append(params)

        @self.feature(types.WORKSPACE_DIAGNOSTIC_REFRESH)
        def refresh(*_: object) -> None:
            self.refreshed += 1

    async def begin(self, *folders: Path, **more: Any) -> types.InitializeResult:
        """Shake hands. `more` are client capabilities beside the usual ones."""
        capabilities = types.ClientCapabilities(
            workspace=types.WorkspaceClientCapabilities(
                configuration=True,
                workspace_folders=True,
                workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True),
                did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
                diagnostics=types.DiagnosticWorkspaceClientCapabilities(refresh_support=True),
            ),
            window=types.WindowClientCapabilities(work_done_progress=True),
        )
        for name, value in more.items():
            if name == "workspace":
                capabilities.workspace = value
            else:
                setattr(capabilities, name, value)
        answer = await self.initialize_async(
            types.InitializeParams(
                capabilities, workspace_folders=[types.WorkspaceFolder(one.as_uri(), one.name) for one in folders]
            )
        )
        self.initialized(types.InitializedParams())
        return answer

    def open(self, path: Path | str, text: str, language: str = "dockerfile") -> str:
        """Open a document, which need not be on the disk, and return its URI."""
        uri = path.as_uri() if isinstance(path, Path) else path
        self._versions[uri] = 1
        self.text_document_did_open(types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, 1, text)))
        return uri

    def change(self, uri: str, *changes: types.TextDocumentContentChangeEvent) -> int:
        """Change a document, wholly or in parts, and return its new version."""
        self._versions[uri] += 1
        version = self._versions[uri]
        self.text_document_did_change(
            types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(version, uri), list(changes))
        )
        return version

    def rewrite(self, uri: str, text: str) -> int:
        return self.change(uri, types.TextDocumentContentChangeWholeDocument(text))

    async def diagnostics(self, uri: str, version: int | None = None, after: int = 0) -> list[types.Diagnostic]:
        """The diagnostics of a version (the last one that is pushed if none is named)."""

        def found() -> types.PublishDiagnosticsParams | None:
            fitting = [one for one in self.published[after:] if one.uri == uri and version in (None, one.version)]
            return fitting[-1] if fitting else None

        async with self._news:
            await asyncio.wait_for(self._news.wait_for(lambda: found() is not None), 60)
        params = found()
        assert params is not None
        return list(params.diagnostics)

    async def formatted(self, uri: str, wanted: types.Range | None = None) -> list[types.TextEdit]:
        document, options = types.TextDocumentIdentifier(uri), types.FormattingOptions(4, True)
        if wanted is not None:
            edits = await self.text_document_range_formatting_async(
                types.DocumentRangeFormattingParams(document, wanted, options)
            )
        else:
            edits = await self.text_document_formatting_async(types.DocumentFormattingParams(document, options))
        return list(edits or ())

    async def actions(self, uri: str, line: int, *only: str) -> dict[str, types.CodeAction]:
        place = types.Position(line - 1, 0)
        context = types.CodeActionContext([], only=list(only) or None)
        found = await self.text_document_code_action_async(
            types.CodeActionParams(types.TextDocumentIdentifier(uri), types.Range(place, place), context)
        )
        return {one.title: _action(one) for one in found or ()}


def _action(one: types.CodeAction | types.Command) -> types.CodeAction:
    """lsprotocol takes every code action with a command for a bare command, and makes a text of what is in it."""
    if isinstance(one, types.CodeAction):
        return one
    return types.CodeAction(one.title, command=types.Command(**ast.literal_eval(one.command)))


@pytest_asyncio.fixture
async def editor() -> AsyncIterator[Editor]:
    """An editor with a running server that has not been greeted yet."""
    made = Editor()
    await made.start_io(sys.executable, "-m", "slimify", "lsp")
    yield made
    try:
        await asyncio.wait_for(made.shutdown_async(None), 30)
        made.exit(None)
    finally:
        await made.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository, so that no configuration above it is found."""
    (tmp_path / ".git").mkdir()
    return tmp_path
