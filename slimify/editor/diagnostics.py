"""What is marked in a document: what Docker refuses, what slimify warns of, and what it would change."""

from __future__ import annotations

from lsprotocol import types

from slimify.editor.analysis import Trouble
from slimify.editor.convert import SOURCE, line_range, page_of, span_range
from slimify.editor.ignore_file import REFERENCE, remarks
from slimify.editor.text import Text
from slimify.report.common import clean, human_size, runs
from slimify.rewrite.edit import Severity
from slimify.rewrite.outcome import Change, Outcome
from slimify.syntax.source import Source, Span


def of_outcome(outcome: Outcome | Trouble, text: Text, source: Source) -> list[types.Diagnostic]:
    """The diagnostics of a Dockerfile. Notes, which say why something was not done, are not among them."""
    if isinstance(outcome, Trouble):
        return [_trouble(outcome, text, source)]
    found = [_change(change, text, source) for change in outcome.changes]
    for notice in outcome.notices:
        finding = notice.finding
        if finding.severity is Severity.NOTE:
            continue
        fault = finding.severity is Severity.FAULT
        found.append(
            types.Diagnostic(
                range=line_range(text, source, notice.line, notice.end_line),
                severity=types.DiagnosticSeverity.Information if fault else types.DiagnosticSeverity.Warning,
                code=finding.transform,
                code_description=page_of(finding.transform),
                source=SOURCE,
                message=clean(f"{finding.title}: {notice.reason}"),
            )
        )
    return found


def _trouble(trouble: Trouble, text: Text, source: Source) -> types.Diagnostic:
    line = min(trouble.line, len(source.line_starts))
    content = source.line_content(line)
    start = min(content.start + trouble.column - 1, content.end)
    error = types.DiagnosticSeverity.Information if trouble.ours else types.DiagnosticSeverity.Error
    return types.Diagnostic(
        range=span_range(text, Span(start, content.end)),
        severity=error,
        source=SOURCE,
        message=clean(trouble.message),
    )


def _change(change: Change, text: Text, source: Source) -> types.Diagnostic:
    rewrite = change.rewrite
    first, last = runs(change.lines)[0]
    saves = f" (about {human_size(rewrite.saves)} less)" if rewrite.saves else ""
    return types.Diagnostic(
        range=line_range(text, source, first, last),
        severity=types.DiagnosticSeverity.Information,
        code=rewrite.transform,
        code_description=page_of(rewrite.transform),
        source=SOURCE,
        message=clean(f"{rewrite.title}: {rewrite.reason}{saves}"),
    )


def of_ignore_file(text: Text, source: Source) -> list[types.Diagnostic]:
    """The diagnostics of a `.dockerignore`."""
    return [
        types.Diagnostic(
            range=span_range(text, one.span),
            severity=types.DiagnosticSeverity.Error if one.error else types.DiagnosticSeverity.Warning,
            code="dockerignore",
            code_description=types.CodeDescription(REFERENCE),
            source=SOURCE,
            message=clean(one.message),
        )
        for one in remarks(source)
    ]
