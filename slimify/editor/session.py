"""One running server: the documents that are open, their settings and contexts, and the work that is under way."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import NamedTuple, TypeVar
from urllib.parse import unquote

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

import slimify
from slimify.config import ConfigError, Finder
from slimify.editor.analysis import Analysis, Pace, PacedTree, Proposal, Stopped, Trouble, forget_others
from slimify.editor.documents import Document
from slimify.editor.ignore_file import is_ignore_file
from slimify.editor.settings import EditorSettings, read_settings
from slimify.rewrite.edit import Level
from slimify.rewrite.outcome import Outcome
from slimify.syntax.source import Source

T = TypeVar("T")

# Who types goes on typing, and who saves asks for edits: both come first.
_BREATH = 0.02
# What is done sooner needs no progress bar.
_PATIENCE = 0.5
# Who has not typed for so many seconds does not notice that garbage of this age is collected.
_PAUSES = ((0.3, 1), (5.0, 2))
# A checkout changes many files at once.
_SETTLE = 0.3


class _Job(NamedTuple):
    """Work on an analysis in the other thread."""

    analysis: Analysis
    pace: Pace
    outcome: asyncio.Future[Outcome | Trouble]
    proposals: list[asyncio.Future[list[Proposal]]]


class Session(LanguageServer):
    """The language server with its state. What it answers stands in `features`."""

    def __init__(self) -> None:
        super().__init__("slimify", slimify.__version__)
        self.finder = Finder()
        self.settings: dict[str, EditorSettings] = {}
        # Those that settings were asked for; "" is the whole workspace.
        self._folders = [""]
        self.configured = asyncio.Event()
        self.watches = False
        self._generation = 0
        self._analyses: dict[str, Analysis | Trouble] = {}
        self._jobs: dict[str, _Job] = {}
        self._trees: dict[tuple[str, str], PacedTree] = {}
        # Contexts that the user did not want to wait for.
        self._unread: set[tuple[str, str]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._refreshing: asyncio.TimerHandle | None = None
        self._sweeps: list[asyncio.TimerHandle] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = threading.Event()
        self._idle.set()
        # One: two threads of Python are not faster than one.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="analysis")

    def shutdown(self) -> None:
        for uri in list(self._jobs):
            self._stop(uri)
        self._executor.shutdown(wait=False, cancel_futures=True)
        super().shutdown()  # type: ignore[no-untyped-call]

    # --- documents ---

    def document(self, uri: str) -> Document | None:
        """The document, if it is open."""
        found = self.workspace.text_documents.get(unquote(uri))
        return found if isinstance(found, Document) else None

    def open_uris(self) -> Sequence[str]:
        """The URIs of the open documents, as the client writes them."""
        return [one.uri for one in self.workspace.text_documents.values()]

    @staticmethod
    def is_ignore(document: Document) -> bool:
        """Whether it is a `.dockerignore`."""
        return is_ignore_file(document.filename or "") or document.language_id in ("dockerignore", "ignore")

    def source(self, document: Document) -> Source:
        """Its text, as the engine takes it."""
        return Source(document.source, document.filename or "Dockerfile")

    # --- settings ---

    def editor_settings(self, uri: str) -> EditorSettings:
        """The settings of the innermost folder of the workspace that holds a document."""
        folder = self._folder(uri)
        return self.settings.get(folder) or self.settings.get("") or EditorSettings()

    def _folder(self, uri: str) -> str:
        # pygls keeps them without their percent signs.
        uri = unquote(uri)
        folders = [one for one in self.workspace.folders if uri == one or uri.startswith(one.rstrip("/") + "/")]
        return max(folders, key=len, default="")

    def take_settings(self, folder: str, values: object) -> None:
        """Note what an editor says of a folder of the workspace, and tell it what it says wrongly."""
        self.settings[folder], wrong = read_settings(values)
        for message in wrong:
            self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))

    async def ask_settings(self) -> None:
        """Ask the editor for its settings, for the whole and for each folder.

        Editors tell that something has changed when they start, and when it was not ours: what was found stays then.
        """
        before = self.settings, self._folders
        folders = ["", *self.workspace.folders]
        items = [types.ConfigurationItem(scope_uri=uri or None, section="slimify") for uri in folders]
        try:
            answers = await self.workspace_configuration_async(types.ConfigurationParams(items))
        except Exception as error:  # an editor that says it can, and cannot
            self.window_log_message(types.LogMessageParams(types.MessageType.Warning, f"no settings: {error}"))
            answers = []
        self.settings, self._folders = dict(self.settings), folders
        for folder, values in zip(folders, answers, strict=False):
            self.take_settings(folder, values)
        if (self.settings, self._folders) != before:
            self.forget()
        self.configured.set()

    # --- analyses ---

    def analysis(self, document: Document) -> Analysis | Trouble:
        """All that can be said of the document as it is now."""
        known = self._analyses.get(document.uri)
        if isinstance(known, Analysis) and known.source.text == document.source:
            return known
        path = to_fs_path(document.uri) or ""
        try:
            project = self.finder.of_folder(os.path.dirname(path) or ".")
        except ConfigError as error:
            return Trouble(str(error))
        found = Analysis(self.source(document), self.editor_settings(document.uri).under(project))
        self._analyses[document.uri] = found
        return found

    def level(self, document: Document) -> Level:
        """The user's level."""
        analysis = self.analysis(document)
        return Level.SAFE if isinstance(analysis, Trouble) else analysis.full_options.level

    def has_context(self, document: Document) -> bool:
        """Whether there is a build context to look into."""
        return self._tree(document) is not None

    @contextmanager
    def first(self) -> Iterator[None]:
        """While a user waits for what is done now, the other thread stands back."""
        self._idle.clear()
        try:
            yield
        finally:
            self._idle.set()

    def _tree_key(self, document: Document) -> tuple[str, str] | None:
        path = to_fs_path(document.uri)
        if path is None or not document.uri.startswith("file:"):
            return None
        wanted = self.editor_settings(document.uri).context
        base = to_fs_path(self._folder(document.uri)) or os.path.dirname(path)
        return (os.path.join(base, wanted) if wanted else os.path.dirname(path), path)

    def _tree(self, document: Document) -> PacedTree | None:
        key = self._tree_key(document)
        if key is None or key in self._unread or not os.path.isdir(key[0]):
            return None
        return self._trees.setdefault(key, PacedTree(*key))

    def _job(self, document: Document, analysis: Analysis) -> _Job:
        job = self._jobs.get(document.uri)
        if job is not None and job.analysis is analysis:
            return job
        self._stop(document.uri)
        pace = Pace(self._idle)
        tree = self._tree(document) if analysis.full_options.level > Level.SAFE else None

        def work() -> Outcome | Trouble:
            pace.step()
            if tree is not None:
                tree.pace = pace
            return analysis.full(tree, pace)

        future = asyncio.get_running_loop().run_in_executor(self._executor, work)

        def ahead() -> None:
            with suppress(Stopped):
                pace.step()
                analysis.format_ahead(pace)

        def done(ended: asyncio.Future[Outcome | Trouble]) -> None:
            # Whoever waits for it hears what went wrong; if nobody does, nobody need. Else a save may be next.
            if not ended.cancelled() and ended.exception() is None:
                with suppress(RuntimeError):  # the server is about to end
                    self._executor.submit(ahead)

        future.add_done_callback(done)
        job = self._jobs[document.uri] = _Job(analysis, pace, future, [])
        if tree is not None:
            self.start(self._show_progress(document, job))
        return job

    def _stop(self, uri: str) -> None:
        job = self._jobs.pop(uri, None)
        if job is None:
            return
        job.pace.stop()
        if not job.outcome.done() or any(not one.done() for one in job.proposals):
            # What was being read then may be half read.
            for key in [key for key, tree in self._trees.items() if tree.pace is job.pace]:
                del self._trees[key]

    async def outcome(self, document: Document) -> Outcome | Trouble | None:
        """The outcome at the user's level; None if the document has changed before there was one."""
        analysis = self.analysis(document)
        if isinstance(analysis, Trouble):
            return analysis
        job = self._job(document, analysis)
        try:
            return await asyncio.shield(job.outcome)
        except Stopped:
            return None

    async def proposals(self, document: Document) -> list[Proposal]:
        """What could be done one by one; empty if the document has changed before that was known."""
        analysis = self.analysis(document)
        if isinstance(analysis, Trouble):
            return []
        job = self._job(document, analysis)
        if not job.proposals:
            tree = self._tree(document) if analysis.full_options.level > Level.SAFE else None
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self._executor, lambda: analysis.proposals(tree, job.pace))
            future.add_done_callback(lambda done: None if done.cancelled() else done.exception())
            job.proposals.append(future)
        try:
            return await asyncio.shield(job.proposals[0])
        except Stopped:
            return []

    async def in_thread(self, document: Document, work: Callable[[PacedTree | None, Pace], T]) -> T | None:
        """Do something with the context of a document; None if the document changed meanwhile."""
        analysis = self.analysis(document)
        if isinstance(analysis, Trouble):
            return None
        job = self._job(document, analysis)
        tree = self._tree(document) if analysis.full_options.level > Level.SAFE else None
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: work(tree, job.pace))
        except Stopped:
            return None

    # --- what is told without being asked ---

    def start(self, work: object) -> None:
        """Run a coroutine beside all else."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def changed(self, document: Document) -> None:
        """A document is new, or another one: what was thought of it is out of date."""
        self._stop(document.uri)
        self._analyses.pop(document.uri, None)
        self._later(document.uri, _BREATH)
        for timer in self._sweeps:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._sweeps = [loop.call_later(after, gc.collect, generation) for after, generation in _PAUSES]

    def closed(self, uri: str) -> None:
        """A document is closed."""
        self._stop(uri)
        self._analyses.pop(uri, None)
        if (timer := self._timers.pop(uri, None)) is not None:
            timer.cancel()
        forget_others()
        if not self.pulled():
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def forget(self, paths: Sequence[str] | None = None) -> None:
        """Settings have changed, or files (`paths`): look again at the documents that they matter to."""
        if paths is None or any(os.path.basename(one) in ("slimify.toml", "pyproject.toml") for one in paths):
            self.finder = Finder()
            paths = None
        # Git writes there with every command, and nothing in it changes what is said of a Dockerfile.
        paths = None if paths is None else [one for one in paths if f"{os.sep}.git{os.sep}" not in one]
        affected = []
        for uri in self.open_uris():
            document = self.document(uri)
            if document is None:
                continue
            key = self._tree_key(document)
            inside = key is not None and paths is not None and any(_lies_in(one, key[0]) for one in paths)
            if paths is None or inside:
                affected.append(uri)
                self._stop(uri)
                self._analyses.pop(uri, None)
                if key is not None:
                    self._trees.pop(key, None)
                    self._unread.discard(key)
        if not affected:
            return
        self._generation += 1
        if self.pulled():
            if not self.configured.is_set():
                return  # nobody was told anything yet
            if self._refreshing is not None:
                self._refreshing.cancel()
            self._refreshing = asyncio.get_running_loop().call_later(_SETTLE, self._refresh)
            return
        for uri in affected:
            self._later(uri, _SETTLE)

    def result_id(self, document: Document) -> str:
        """Names the state that a pulled report is about."""
        return f"{self._generation}:{document.version}"

    def pulled(self) -> bool:
        """Whether the client asks for diagnostics, so that they are not to be pushed as well."""
        capabilities = self.client_capabilities.text_document
        return capabilities is not None and capabilities.diagnostic is not None

    def _refresh(self) -> None:
        workspace = self.client_capabilities.workspace
        if workspace is not None and workspace.diagnostics is not None and workspace.diagnostics.refresh_support:
            self.workspace_diagnostic_refresh(None)

    def _later(self, uri: str, seconds: float) -> None:
        if self.pulled():
            return
        if (timer := self._timers.pop(uri, None)) is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._timers[uri] = loop.call_later(seconds, lambda: self.start(self._publish(uri)))

    async def _publish(self, uri: str) -> None:
        self._timers.pop(uri, None)
        document = self.document(uri)
        if document is None:
            return
        version = document.version
        items = await self.diagnostics(document)
        if items is not None and self.document(uri) is document and document.version == version:
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, items, version))

    async def diagnostics(self, document: Document) -> list[types.Diagnostic] | None:
        """The diagnostics of a document; None if it has changed before they were known."""
        from slimify.editor.diagnostics import of_ignore_file, of_outcome

        if not self.editor_settings(document.uri).diagnostics:
            return []
        text, source = document.content, self.source(document)
        if self.is_ignore(document):
            return of_ignore_file(text, source)
        outcome = await self.outcome(document)
        return None if outcome is None else of_outcome(outcome, text, source)

    async def _show_progress(self, document: Document, job: _Job) -> None:
        """Tell that the build context is being read, once that takes a while, and let the user do without it."""
        window = self.client_capabilities.window
        if window is None or not window.work_done_progress:
            return
        done, _ = await asyncio.wait([job.outcome], timeout=_PATIENCE)
        if done:
            return
        token = f"slimify/{id(job)}"
        await self.work_done_progress.create_async(token)
        where = os.path.basename(os.path.dirname(to_fs_path(document.uri) or ""))
        begin = types.WorkDoneProgressBegin("slimify", cancellable=True, message=f"reading the build context {where}")
        self.work_done_progress.begin(token, begin)
        wanted = asyncio.wrap_future(self.work_done_progress.tokens[token])
        await asyncio.wait([job.outcome, wanted], return_when=asyncio.FIRST_COMPLETED)
        self.work_done_progress.end(token, types.WorkDoneProgressEnd())
        self.work_done_progress.tokens.pop(token, None)
        if wanted.cancelled() and not job.outcome.done():
            if (key := self._tree_key(document)) is not None:
                self._unread.add(key)
            self._generation += 1
            self.changed(document)
            if self.pulled():
                self._refresh()
        wanted.cancel()


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))
