"""The process: a port, an end without a trace, what it keeps, and a long read that is told and can be called off."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from slimify.config import NOTHING
from slimify.editor import analysis, session
from slimify.editor.analysis import Analysis, Pace, PacedTree, Stopped
from slimify.editor.settings import EditorSettings, read_settings
from slimify.semantics.build_context import Entry
from slimify.syntax.source import Source

from .conftest import Editor
from .wire import Wire


@pytest.mark.asyncio
async def test_a_port(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "slimify", "lsp", "--tcp", f"127.0.0.1:{port}"])
    editor = Editor()
    for _ in range(600):
        try:
            await editor.start_tcp("127.0.0.1", port)
            break
        except OSError:
            await asyncio.sleep(0.1)
    await editor.begin(folder)
    uri = editor.open(folder / "Dockerfile", "FROM a\nENV a b\n")
    (edit,) = await editor.formatted(uri)
    assert edit.new_text == "a=b"
    await editor.shutdown_async(None)
    editor.exit(None)
    assert await asyncio.to_thread(process.wait, 60) == 0
    await editor.stop()


@pytest.mark.parametrize("arguments", [["--tcp", "nowhere"], ["--tcp", "a:99999"], ["--tcp", "a:1", "--stdio"]])
def test_a_port_that_is_none(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "slimify", "lsp", *arguments], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"--tcp" in done.stderr


def test_an_end_without_a_word() -> None:
    """An editor that crashes closes the pipe."""
    done = subprocess.run(
        [sys.executable, "-m", "slimify", "lsp"], input=b"", capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_no_other_command_pays_for_it() -> None:
    code = (
        "import sys\nfrom slimify.__main__ import main\nmain(['fix', '-'])\nmain(['transforms'])\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('pygls', 'lsprotocol', 'cattrs', 'attrs')])"
    )
    done = subprocess.run([sys.executable, "-c", code], input=b"FROM a\n", capture_output=True, check=True)
    assert done.stdout.endswith(b"\n[]\n")


def test_a_server_does_not_load_what_proves() -> None:
    """It recalls what was measured, and nothing is built in it."""
    code = (
        "import sys, slimify.editor.features, slimify.editor.serve; "
        "print(sorted(name for name in sys.modules if name.startswith('slimify.proof.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"['slimify.proof.remembered']\n"


@pytest.mark.asyncio
async def test_a_long_read_is_told_and_can_be_called_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = PacedTree._list

    def slow(self: PacedTree, name: str, optional: bool) -> Sequence[Entry]:
        for _ in range(500):
            self._step()
            time.sleep(0.02)
        return listing(self, name, optional)

    monkeypatch.setattr(PacedTree, "_list", slow)
    monkeypatch.setattr(session, "_PATIENCE", 0.05)
    wire = Wire()

    async def until(method: str) -> dict[str, Any]:
        for _ in range(500):
            if found := wire.found(method):
                return found[-1]
            await asyncio.sleep(0.02)
        raise AssertionError(f"no {method}")

    window = types.WindowClientCapabilities(work_done_progress=True)
    wire.send("initialize", types.InitializeParams(types.ClientCapabilities(window=window)))
    wire.send("initialized", types.InitializedParams(), request=False)
    uri = (folder / "Dockerfile").as_uri()
    text = 'FROM node:20\nWORKDIR /srv\nCOPY . .\nRUN npm ci\nENV A b\nCMD ["node", "a.js"]\n'
    item = types.TextDocumentItem(uri, "dockerfile", 1, text)
    wire.send("textDocument/didOpen", types.DidOpenTextDocumentParams(item), request=False)
    wire.answer((await until("window/workDoneProgress/create"))["id"])
    begin = (await until("$/progress"))["params"]
    assert begin["value"]["kind"] == "begin"
    assert begin["value"]["cancellable"]
    # Formatting waits for none of it.
    start = time.perf_counter()
    options = types.FormattingOptions(4, True)
    number = wire.send(
        "textDocument/formatting", types.DocumentFormattingParams(types.TextDocumentIdentifier(uri), options)
    )
    while not any(one.get("id") == number for one in wire.messages):
        await asyncio.sleep(0.01)
    assert time.perf_counter() - start < 5
    assert not wire.found("textDocument/publishDiagnostics")
    wire.send("window/workDoneProgress/cancel", types.WorkDoneProgressCancelParams(begin["token"]), request=False)
    told = (await until("textDocument/publishDiagnostics"))["params"]["diagnostics"]
    assert "modern-instructions" in {one["code"] for one in told}
    assert wire.found("$/progress")[-1]["params"]["value"]["kind"] == "end"
    wire.server.shutdown()


def test_who_is_stopped_stops_and_who_waits_goes_first(folder: Path) -> None:
    (folder / "package.json").write_text('{"name": "a"}')
    text = 'FROM node:20\nWORKDIR /srv\nCOPY . .\nRUN npm ci\nCMD ["node", "a.js"]\n'
    made = Analysis(Source(text), EditorSettings().under(NOTHING))
    idle = threading.Event()
    pace = Pace(idle)
    tree = PacedTree(str(folder), str(folder / "Dockerfile"))
    tree.pace = pace
    told: list[Any] = []
    thread = threading.Thread(target=lambda: told.append(_stopped(made, tree, pace)))
    thread.start()
    thread.join(0.2)
    assert not told  # it makes room
    pace.stop()
    idle.set()
    thread.join(30)
    assert told == [True]


def _stopped(made: Analysis, tree: PacedTree, pace: Pace) -> bool:
    try:
        made.full(tree, pace)
    except Stopped:
        return True
    return False


def test_what_is_kept_of_closed_documents_is_bounded() -> None:
    for at in range(100):
        text = "FROM a\n" + "".join(f"RUN echo {at} {line}\n" for line in range(40))
        assert not isinstance(Analysis(Source(text), EditorSettings().under(NOTHING)).safe, Stopped)
        analysis.forget_others()
    assert sum(one.cache_info().currsize for one in analysis._KEPT) < 2 * analysis._MOST_KEPT


def test_settings() -> None:
    found, wrong = read_settings(
        {
            "level": "safe",
            "buildArgs": {"A": "b"},
            "inlayHints": True,
            "skip": ["merge-rums"],
            "trace": {},
            "target": None,
        }
    )
    assert found.config.level == "safe"
    assert found.config.build_args == (("A", "b"),)
    assert found.inlay_hints
    assert [one.partition(" ")[0] for one in wrong] == ["slimify.skip"]
    assert found.under(NOTHING).layout
    assert not read_settings({"layout": False})[0].under(NOTHING).layout
    assert read_settings("nothing") == (EditorSettings(), [])


@pytest.mark.asyncio
async def test_a_refusal_is_no_failure(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Editors show what a server writes: there is no traceback where an answer is that there is none."""
    wire = Wire()
    wire.send("initialize", types.InitializeParams(types.ClientCapabilities()))
    uri = (folder / "Dockerfile").as_uri()
    item = types.TextDocumentItem(uri, "dockerfile", 1, "FROM a AS b\nFROM b\n")
    wire.send("textDocument/didOpen", types.DidOpenTextDocumentParams(item), request=False)
    place = types.TextDocumentIdentifier(uri), types.Position(0, 10)
    number = wire.send("textDocument/rename", types.RenameParams(*place, "1st"))
    late = wire.send("$/cancelRequest", types.CancelParams(number), request=False)
    for _ in range(500):
        if answers := [one for one in wire.messages if one.get("id") == number]:
            break
        await asyncio.sleep(0.02)
    assert late and "error" in answers[0]
    assert caplog.records == []
    wire.server.shutdown()
