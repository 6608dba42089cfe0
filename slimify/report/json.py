"""For programs: everything that an outcome holds, as JSON.

`report.schema.json` beside this file describes it. `version` changes when something that is there
today is taken away or means something else; new keys may come at any time.

JSON texts are Unicode (RFC 8259, 8.1 and 8.2), so bytes of a Dockerfile that are not UTF-8 become
U+FFFD; `diff_base64` then has the diff byte for byte.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

import slimify
from slimify.report.common import clean, facts_of, facts_of_change, is_clean
from slimify.rewrite.diff import HunkInfo, annotated_diff, hunks
from slimify.rewrite.outcome import Change, Notice, Outcome
from slimify.syntax.source import Source

VERSION = 1


def render(outcomes: Sequence[Outcome]) -> str:
    """The report on any number of files, as one JSON text."""
    document = {
        "version": VERSION,
        "tool": {"name": "slimify", "version": slimify.__version__},
        "files": [_file(outcome) for outcome in outcomes],
    }
    return json.dumps(document, indent=2) + "\n"


def _file(outcome: Outcome) -> dict[str, Any]:
    diff = annotated_diff(outcome)
    exact = None if is_clean(diff) else base64.b64encode(diff.encode("utf-8", "surrogateescape")).decode()
    return {
        "path": clean(outcome.path),
        "changed": outcome.changed,
        "passes": outcome.passes,
        "estimated_bytes_saved": outcome.saves,
        "before": _text(outcome.before),
        "after": _text(outcome.after) if outcome.changed else None,
        "changes": [_change(change) for change in outcome.changes],
        "notices": [_notice(notice, outcome) for notice in outcome.notices],
        "hunks": [_hunk(hunk) for hunk in hunks(outcome)],
        "origins": [{"lines": list(one.lines), "transforms": list(one.transforms)} for one in outcome.origins],
        "diff": clean(diff),
        "diff_base64": exact,
    }


def _text(source: Source) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(source.data).hexdigest(), "bytes": len(source.data)}


def _change(change: Change) -> dict[str, Any]:
    rewrite = change.rewrite
    return {
        "transform": clean(rewrite.transform),
        "level": rewrite.level.label,
        "title": clean(rewrite.title),
        "reason": clean(rewrite.reason),
        "lines": list(change.lines),
        "estimated_bytes_saved": rewrite.saves,
        "evidence": _evidence(facts_of_change(change)),
    }


def _notice(notice: Notice, outcome: Outcome) -> dict[str, Any]:
    finding = notice.finding
    return {
        "severity": finding.severity.value,
        "transform": clean(finding.transform),
        "title": clean(finding.title),
        "reason": clean(notice.reason),
        "line": notice.line,
        "column": notice.column,
        "end_line": notice.end_line,
        "evidence": _evidence(facts_of(outcome, notice)),
    }


def _evidence(facts: Sequence[tuple[str, int, str]]) -> list[dict[str, Any]]:
    return [
        {"text": clean(text), "line": line or None, "source": clean(source) or None} for text, line, source in facts
    ]


def _hunk(hunk: HunkInfo) -> dict[str, Any]:
    return {
        "old_start": hunk.old_start,
        "old_length": hunk.old_length,
        "new_start": hunk.new_start,
        "new_length": hunk.new_length,
        "transforms": [clean(name) for name in hunk.transforms],
        "together": [clean(name) for name in hunk.together],
        "changes": list(hunk.changes),
    }
