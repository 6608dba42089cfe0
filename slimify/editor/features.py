"""The answers to an editor's requests, each a short way from what was asked to the module that knows."""

from __future__ import annotations

import asyncio
import logging

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.uris import to_fs_path

from slimify.editor import actions, stages
from slimify.editor.alone import region_of, single, within
from slimify.editor.analysis import Analysis, Pace, PacedTree, Proposal, Trouble
from slimify.editor.convert import lines_of_range, offset_of, span_range, text_edits
from slimify.editor.documents import Document, Documents
from slimify.editor.estimates import hints, hover_text
from slimify.editor.ignore_file import layout_edits
from slimify.editor.minimal import minimal_edits
from slimify.editor.pragma_edits import instruction_in, pragma_edit
from slimify.editor.proofs import proven_text
from slimify.editor.session import Session
from slimify.editor.symbols import document_symbols
from slimify.editor.whys import declined, is_split, why_not_split
from slimify.report.common import clean
from slimify.rewrite.edit import Edit
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.registry import transforms
from slimify.semantics.build import Build, TargetError, analyse
from slimify.syntax.dockerfile import Dockerfile

# LSP 3.17, "ErrorCodes": the server could not go on, and the client may ask again.
_SERVER_CANCELLED = -32802
_INVALID_REQUEST = -32803


def make_server() -> Session:
    """A server with all that it can."""
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_a_failure)
    server = Session()
    for register in (_lifecycle, _formatting, _diagnostics, _actions, _hovers, _names):
        register(server)
    return server


def _is_a_failure(record: logging.LogRecord) -> bool:
    """Whether a word of pygls' is worth showing: not that an answer was no, or came before it was called off."""
    refused = record.exc_info is not None and isinstance(record.exc_info[1], JsonRpcException)
    return not refused and not str(record.msg).startswith("Cancel notification for unknown")


def _opened(server: Session, uri: str) -> tuple[Document, Analysis] | None:
    """A Dockerfile that is open, and what there is to say of it; None for all else."""
    document = server.document(uri)
    if document is None or server.is_ignore(document):
        return None
    analysis = server.analysis(document)
    return None if isinstance(analysis, Trouble) else (document, analysis)


def _tree(server: Session, uri: str) -> tuple[Document, Dockerfile] | None:
    found = _opened(server, uri)
    return (found[0], found[1].dockerfile) if found is not None and found[1].dockerfile is not None else None


async def _settled(server: Session) -> None:
    """Wait for the settings; an editor that does not answer gets the usual ones."""
    if not server.configured.is_set():
        try:
            await asyncio.wait_for(server.configured.wait(), 2)
        except TimeoutError:
            server.configured.set()


# --- opening, changing, closing ---


def _lifecycle(server: Session) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        # pygls has made a workspace of its own a moment ago, which is still empty.
        old = server.workspace
        folders = list(old.folders.values())
        server.protocol._workspace = Documents(
            old.root_uri, types.TextDocumentSyncKind.Incremental, folders, old.position_encoding
        )
        server.take_settings("", _own_part(params.initialization_options))

    @server.feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        workspace = server.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace is not None else None
        if watching is not None and watching.dynamic_registration:
            options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher("**/*")])
            registration = types.Registration("slimify/files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            server.watches = True
            server.client_register_capability(types.RegistrationParams([registration]))
        if workspace is not None and workspace.configuration:
            told = workspace.did_change_configuration
            if told is not None and told.dynamic_registration:
                changes = types.DidChangeConfigurationRegistrationOptions(section="slimify")
                settings = types.Registration("slimify/settings", types.WORKSPACE_DID_CHANGE_CONFIGURATION, changes)
                server.client_register_capability(types.RegistrationParams([settings]))
            await server.ask_settings()
        server.configured.set()

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        if (document := server.document(params.text_document.uri)) is not None:
            server.changed(document)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        if (document := server.document(params.text_document.uri)) is not None:
            server.changed(document)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveTextDocumentParams) -> None:
        # A client that watches files tells of this one too.
        if not server.watches and (path := to_fs_path(params.text_document.uri)) is not None:
            server.forget([path])

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        server.closed(params.text_document.uri)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_files(params: types.DidChangeWatchedFilesParams) -> None:
        paths = [path for change in params.changes if (path := to_fs_path(change.uri)) is not None]
        # Contexts are read from the disk: what is being typed into a Dockerfile is told in another way.
        server.forget(paths)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        if not await _asked(server):
            server.take_settings("", _own_part(params.settings))
            server.forget()

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def did_change_folders(_: types.DidChangeWorkspaceFoldersParams) -> None:
        if not await _asked(server):
            server.forget()


async def _asked(server: Session) -> bool:
    """Ask for all settings, and look at everything again; False where the client cannot be asked."""
    workspace = server.client_capabilities.workspace
    if workspace is None or not workspace.configuration:
        return False
    await server.ask_settings()
    return True


def _own_part(values: object) -> object:
    """Our part of settings that may be all of the editor's."""
    return values.get("slimify", values) if isinstance(values, dict) else values


# --- formatting ---


def _formatting(server: Session) -> None:
    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    async def formatting(params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        await _settled(server)
        return _formatted(server, params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_RANGE_FORMATTING)
    async def range_formatting(params: types.DocumentRangeFormattingParams) -> list[types.TextEdit] | None:
        await _settled(server)
        return _formatted(server, params.text_document.uri, params.range)

    @server.feature(types.TEXT_DOCUMENT_WILL_SAVE_WAIT_UNTIL)
    async def will_save(params: types.WillSaveTextDocumentParams) -> list[types.TextEdit] | None:
        await _settled(server)
        if not server.editor_settings(params.text_document.uri).fix_on_save:
            return None
        return _formatted(server, params.text_document.uri)


def _formatted(server: Session, uri: str, wanted: types.Range | None = None) -> list[types.TextEdit] | None:
    """The edits of level safe, of the whole document or of what a range touches; None where nothing can be said."""
    document = server.document(uri)
    if document is None:
        return None
    text, source = document.content, server.source(document)
    if server.is_ignore(document):
        edits = layout_edits(source)
        if wanted is not None:
            first, last = lines_of_range(text, source, wanted)
            edits = [one for one in edits if first <= source.line_of(one.span.start) <= last]
        return text_edits(text, edits)
    if (found := _opened(server, uri)) is None:
        return None
    _, analysis = found
    with server.first():
        if wanted is None:
            outcome = analysis.safe
        elif (dockerfile := analysis.dockerfile) is None:
            return None
        else:
            region = region_of(dockerfile, *lines_of_range(text, source, wanted))
            outcome = analysis.fixed(analysis.safe_options, None, within(transforms(), source, region))
        if isinstance(outcome, Trouble):
            return None
        return text_edits(text, minimal_edits(outcome.before, outcome.after))


# --- diagnostics ---


def _diagnostics(server: Session) -> None:
    options = types.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False, identifier="slimify")

    @server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)
    async def diagnostic(params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        await _settled(server)
        document = server.document(params.text_document.uri)
        if document is None:
            return types.RelatedFullDocumentDiagnosticReport(items=[])
        name = server.result_id(document)
        if params.previous_result_id == name:
            return types.RelatedUnchangedDocumentDiagnosticReport(result_id=name)
        items = await server.diagnostics(document)
        if items is None:
            raise JsonRpcException("the document has changed", _SERVER_CANCELLED, {"retriggerRequest": True})
        return types.RelatedFullDocumentDiagnosticReport(items=items, result_id=name)


# --- code actions ---


def _actions(server: Session) -> None:
    options = types.CodeActionOptions(code_action_kinds=[actions.QUICK_FIX, actions.FIX_ALL], resolve_provider=True)

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        await _settled(server)
        if (found := _opened(server, params.text_document.uri)) is None or found[1].dockerfile is None:
            return []
        document, analysis = found
        only = params.context.only
        kinds = [one.value if isinstance(one, types.CodeActionKind) else one for one in only] if only else None
        made: list[types.CodeAction] = []
        if actions.wanted(actions.QUICK_FIX, kinds):
            made += await _quick_fixes(server, document, analysis, params)
        if actions.wanted(actions.FIX_ALL, kinds) and (edit := _fix_all(server, document, analysis)) is not None:
            made.append(types.CodeAction("slimify: all that is safe", kind=actions.FIX_ALL, edit=edit))
        return made

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        data = action.data
        if not isinstance(data, dict) or (document := server.document(str(data.get("uri")))) is None:
            return action
        if document.version != data.get("version"):
            raise JsonRpcException("the document has changed", _SERVER_CANCELLED)
        if data.get("all"):
            outcome = await server.outcome(document)
            action.edit = _edit_of(server, document, outcome) if isinstance(outcome, Outcome) else None
            return action
        found = await server.proposals(document)
        at = data.get("at")
        if isinstance(at, int) and at < len(found):
            action.edit = await _made(server, document, found[at])
        return action

    @server.command(actions.WHY)
    async def why(uri: str, line: int) -> str:
        await _settled(server)
        document = server.document(uri)
        outcome = await server.outcome(document) if document is not None else None
        if document is None or not isinstance(outcome, Outcome):
            return ""
        tree = _tree(server, uri)
        one = instruction_in(tree[1], line, line) if tree is not None else None
        if tree is None or one is None:
            return ""
        told = [f"{notice.finding.title}: {notice.reason}" for notice in declined(outcome, one)]
        if one.keyword == "FROM" and not is_split(outcome):
            told = [one for one in told if not one.startswith("the stage is not split")]
            told.insert(0, why_not_split(tree[1], outcome, server.level(document), server.has_context(document)))
        message = clean("\n\n".join(told))
        if message:
            server.window_show_message(types.ShowMessageParams(types.MessageType.Info, message))
        return message

    @server.command(actions.ALL)
    async def all_of_it(uri: str) -> dict[str, object] | None:
        """What the code action for all of a file would come to, for an editor that shows it first."""
        document = server.document(uri)
        if document is None or server.is_ignore(document):
            return None
        await _settled(server)
        version, outcome = document.version, None
        while outcome is None and document.version == version:
            outcome = await server.outcome(document)
        if outcome is None or document.version != version:
            return None
        if isinstance(outcome, Trouble):
            return {"error": clean(outcome.message)}
        return {
            "level": server.level(document).label,
            "text": outcome.after.text,
            "files": [one.path for one in outcome.files],
            "edit": _edit_of(server, document, outcome),
        }


async def _quick_fixes(
    server: Session, document: Document, analysis: Analysis, params: types.CodeActionParams
) -> list[types.CodeAction]:
    text, source, dockerfile = document.content, analysis.source, analysis.dockerfile
    assert dockerfile is not None
    first, last = lines_of_range(text, source, params.range)
    outcome = await server.outcome(document)
    if not isinstance(outcome, Outcome):
        return []
    lazy = _resolves(server)
    made: list[types.CodeAction] = []
    names: dict[str, None] = {}
    for at, proposal in enumerate(await server.proposals(document)):
        if not any(first <= line <= last for line in actions.lines_of(proposal, source)):
            continue
        names[proposal.transform.name] = None
        edit = None if lazy else await _made(server, document, proposal)
        if lazy or edit is not None:
            data = {"uri": document.uri, "version": document.version, "at": at} if lazy else None
            about = [one for one in params.context.diagnostics if one.code == proposal.transform.name]
            title = clean(actions.title_of(proposal))
            made.append(types.CodeAction(title, types.CodeActionKind.QuickFix, about or None, edit=edit, data=data))
    if outcome.changed:
        level = analysis.settings.level
        edit = None if lazy else _edit_of(server, document, outcome)
        data = {"uri": document.uri, "version": document.version, "all": True} if lazy else None
        title = f"slimify: all of the file, at level {level} ({len(outcome.changes)})"
        made.append(types.CodeAction(title, types.CodeActionKind.QuickFix, edit=edit, data=data))
    one = instruction_in(dockerfile, first, last)
    if one is None:
        return made
    asks = one.keyword == "FROM" and not is_split(outcome)
    if asks or declined(outcome, one):
        title = "slimify: why is this stage not split?" if asks else "slimify: why not more?"
        command = types.Command(title, actions.WHY, arguments=[document.uri, one.start_line])
        made.append(types.CodeAction(title, types.CodeActionKind.QuickFix, command=command))
    pragmas = [("keep", "keep this instruction as it is")]
    pragmas += [(f"skip={name}", f"keep {name} away from this instruction") for name in names]
    for words, what in pragmas:
        edit = _own_edit(server, document, [pragma_edit(source, one, words)])
        made.append(types.CodeAction(f"slimify: {what}", types.CodeActionKind.QuickFix, edit=edit))
    return made


def _fix_all(server: Session, document: Document, analysis: Analysis) -> types.WorkspaceEdit | None:
    """Runs unattended when a file is saved, and so is level safe, like formatting, but without a layout."""
    with server.first():
        outcome = analysis.fixed(analysis.safe_options._replace(layout=False), None)
    if isinstance(outcome, Trouble) or not outcome.changed:
        return None
    return _edit_of(server, document, outcome)


async def _made(server: Session, document: Document, proposal: Proposal) -> types.WorkspaceEdit | None:
    """What a single rewrite comes to, checked as all are."""
    analysis = server.analysis(document)
    if isinstance(analysis, Trouble):
        return None

    def work(tree: PacedTree | None, pace: Pace) -> Outcome | Trouble:
        pace.step()
        alone = single(proposal.transform, proposal.rewrite, analysis.source)
        return analysis.fixed(analysis.full_options, tree, [alone])

    outcome = await server.in_thread(document, work)
    return _edit_of(server, document, outcome) if isinstance(outcome, Outcome) and outcome.changed else None


def _edit_of(server: Session, document: Document, outcome: Outcome) -> types.WorkspaceEdit | None:
    edits = minimal_edits(outcome.before, outcome.after)
    return actions.workspace_edit(
        document.uri, document.version, document.content, edits, outcome.files, _takes_documents(server)
    )


def _own_edit(server: Session, document: Document, edits: list[Edit]) -> types.WorkspaceEdit | None:
    return actions.workspace_edit(document.uri, document.version, document.content, edits, (), _takes_documents(server))


def _takes_documents(server: Session) -> bool:
    workspace = server.client_capabilities.workspace
    return bool(workspace and workspace.workspace_edit and workspace.workspace_edit.document_changes)


def _resolves(server: Session) -> bool:
    document = server.client_capabilities.text_document
    action = document.code_action if document is not None else None
    return bool(
        action and action.data_support and action.resolve_support and "edit" in action.resolve_support.properties
    )


# --- hover and inlay hints ---


def _build(analysis: Analysis) -> Build | None:
    if analysis.dockerfile is None:
        return None
    options = analysis.full_options
    try:
        return analyse(analysis.dockerfile, target=options.target, build_args=options.build_args)
    except TargetError:
        return None


def _hovers(server: Session) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        await _settled(server)
        found = _opened(server, params.text_document.uri)
        build = _build(found[1]) if found is not None else None
        if found is None or build is None:
            return None
        document, analysis = found
        line = analysis.source.line_of(offset_of(document.content, params.position))
        one = instruction_in(build.dockerfile, line, line)
        text = document.content
        outcome = await server.outcome(document)
        if one is None:
            return None
        known = hover_text(build, outcome if isinstance(outcome, Outcome) else None, one)
        said = "\n\n".join(part for part in (proven_text(build, text.text, one), known) if part)
        if not said:
            return None
        content = types.MarkupContent(types.MarkupKind.Markdown, clean(said))
        return types.Hover(content, span_range(text, one.span))

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def inlay_hint(params: types.InlayHintParams) -> list[types.InlayHint]:
        await _settled(server)
        if not server.editor_settings(params.text_document.uri).inlay_hints:
            return []
        found = _opened(server, params.text_document.uri)
        build = _build(found[1]) if found is not None else None
        if found is None or build is None:
            return []
        document, analysis = found
        text, source = document.content, analysis.source
        first, last = lines_of_range(text, source, params.range)
        outcome = await server.outcome(document)
        made = []
        for one, label in hints(build, outcome if isinstance(outcome, Outcome) else None):
            if first <= one.start_line <= last:
                end = source.line_content(one.start_line).end
                place = span_range(text, one.span._replace(start=end, end=end)).start
                made.append(types.InlayHint(place, label, padding_left=True))
        return made


# --- stages ---


def _names(server: Session) -> None:
    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        found = _tree(server, params.text_document.uri)
        return document_symbols(found[1], found[0].content) if found is not None else []

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def definition(params: types.DefinitionParams) -> types.Location | None:
        found = _mention(server, params.text_document.uri, params.position)
        if found is None:
            return None
        document, dockerfile, one, _ = found
        base = dockerfile.stages[one.stage].base
        words = base.words
        span = words[2].span if len(words) == 3 else base.span
        return types.Location(document.uri, span_range(document.content, span))

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def references(params: types.ReferenceParams) -> list[types.Location]:
        found = _mention(server, params.text_document.uri, params.position)
        if found is None:
            return []
        document, _, one, all_of = found
        return [
            types.Location(document.uri, span_range(document.content, other.span))
            for other in all_of
            if other.stage == one.stage and (params.context.include_declaration or not other.defines)
        ]

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare_rename(params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
        found = _mention(server, params.text_document.uri, params.position)
        if found is None or found[2].numbered:
            return None
        document, dockerfile, one, _ = found
        return types.PrepareRenamePlaceholder(span_range(document.content, one.span), dockerfile.source[one.span])

    @server.feature(types.TEXT_DOCUMENT_RENAME)
    def rename(params: types.RenameParams) -> types.WorkspaceEdit | None:
        found = _mention(server, params.text_document.uri, params.position)
        if found is None or found[2].numbered:
            return None
        document, dockerfile, one, all_of = found
        if why := stages.cannot_be_named(dockerfile, one.stage, params.new_name):
            raise JsonRpcException(why, _INVALID_REQUEST)
        places = [other.span for other in all_of if other.stage == one.stage and not other.numbered]
        return _own_edit(server, document, [Edit(span, params.new_name) for span in places])


def _mention(
    server: Session, uri: str, position: types.Position
) -> tuple[Document, Dockerfile, stages.Mention, tuple[stages.Mention, ...]] | None:
    if (found := _tree(server, uri)) is None:
        return None
    document, dockerfile = found
    all_of = stages.mentions(dockerfile)
    one = stages.mention_at(all_of, offset_of(document.content, position))
    return (document, dockerfile, one, all_of) if one is not None else None
