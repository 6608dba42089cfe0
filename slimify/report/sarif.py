"""For code scanning and editors: SARIF 2.1.0.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html;
section numbers here are those of that document. A change is a result with its fix, a finding a
result without one. A fault is not about the Dockerfile and stands where the errors of a tool
stand, in `toolExecutionNotifications` (3.20.21).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import slimify
from slimify.report.common import clean, facts_of, facts_of_change, is_clean, lines_of, runs
from slimify.rewrite.diff import Block, blocks_of_changes, split_lines
from slimify.rewrite.edit import Severity
from slimify.rewrite.outcome import Change, Notice, Outcome
from slimify.syntax.source import BOM

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


class Help(NamedTuple):
    """What a rule says about itself: one line, and a page in Markdown."""

    summary: str
    page: str = ""


class _Texts(NamedTuple):
    path: str
    old: list[str]
    new: list[str]


def render(outcomes: Sequence[Outcome], describe: Callable[[str], Help] | None = None) -> str:
    """One run with the results of all files. `describe` tells about a transform; by default the registry does."""
    describe = _registered() if describe is None else describe
    names = _names(outcomes)
    rules = {name: at for at, name in enumerate(names)}
    run = {
        "tool": {
            "driver": {
                "name": "slimify",
                "version": slimify.__version__,
                "semanticVersion": slimify.__version__,
                "rules": [_rule(name, describe(name)) for name in names],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "toolExecutionNotifications": [
                    _fault(notice, outcome, rules)
                    for outcome in outcomes
                    for notice in outcome.notices
                    if notice.finding.severity is Severity.FAULT
                ],
            }
        ],
        # A line ends where Source says it does; a carriage return before the line feed belongs to the line end.
        "newlineSequences": ["\r\n", "\n"],
        "columnKind": "utf16CodeUnits",
        "results": [result for outcome in outcomes for result in _results(outcome, rules)],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _names(outcomes: Sequence[Outcome]) -> list[str]:
    names: dict[str, None] = {}
    for outcome in outcomes:
        names.update(dict.fromkeys(change.rewrite.transform for change in outcome.changes))
        names.update(dict.fromkeys(notice.finding.transform for notice in outcome.notices))
    return sorted(names)


def _registered() -> Callable[[str], Help]:
    from importlib.resources import files

    from slimify.rewrite.registry import transforms

    summaries = {transform.name: transform.summary for transform in transforms()}

    def describe(name: str) -> Help:
        if name not in summaries:
            return Help(name)
        page = files("slimify.transforms").joinpath("pages", f"{name}.md")
        return Help(summaries[name], page.read_text("utf-8") if page.is_file() else "")

    return describe


def _rule(name: str, about: Help) -> dict[str, Any]:
    summary = _sentence(clean(about.summary or name))
    rule: dict[str, Any] = {
        "id": clean(name),
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "defaultConfiguration": {"level": "note"},
        "help": {"text": clean(about.page) or summary},
    }
    if about.page:
        rule["help"]["markdown"] = clean(about.page)
    return rule


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


# --- results ---


def _results(outcome: Outcome, rules: dict[str, int]) -> Iterable[dict[str, Any]]:
    seen: dict[str, int] = {}
    texts = _Texts(outcome.path, split_lines(outcome.before.text), split_lines(outcome.after.text))
    for change, blocks in zip(outcome.changes, blocks_of_changes(outcome), strict=True):
        yield _change(change, _fix(change, blocks, texts), outcome, rules, seen)
    for notice in outcome.notices:
        if notice.finding.severity is not Severity.FAULT:
            yield _notice(notice, outcome, rules, seen)


def _change(
    change: Change, fix: dict[str, Any] | None, outcome: Outcome, rules: dict[str, int], seen: dict[str, int]
) -> dict[str, Any]:
    rewrite = change.rewrite
    result: dict[str, Any] = {
        "ruleId": clean(rewrite.transform),
        "ruleIndex": rules[rewrite.transform],
        "kind": "fail",
        "level": "note",
        "message": _message(f"{_sentence(rewrite.title)} {rewrite.reason}"),
        # More than one location, because the change must be made in all of them (3.27.12).
        "locations": [_location(outcome, first, last) for first, last in runs(change.lines)],
        "relatedLocations": _related(outcome, facts_of_change(change)),
        "partialFingerprints": _fingerprint(rewrite.transform, outcome, change.lines, seen),
        "properties": {"level": rewrite.level.label, "lines": lines_of(change.line, change.end_line)},
    }
    if rewrite.saves is not None:
        result["properties"]["estimatedBytesSaved"] = rewrite.saves
    if fix:
        result["fixes"] = [fix]
    return result


def _notice(notice: Notice, outcome: Outcome, rules: dict[str, int], seen: dict[str, int]) -> dict[str, Any]:
    finding = notice.finding
    warning = finding.severity is Severity.WARNING
    lines = range(notice.line, notice.end_line + 1)
    return {
        "ruleId": clean(finding.transform),
        "ruleIndex": rules[finding.transform],
        # With any kind but "fail" the level is "none" (3.27.10).
        "kind": "fail" if warning else "informational",
        "level": "warning" if warning else "none",
        "message": _message(f"{_sentence(finding.title)} {notice.reason}"),
        "locations": [_location(outcome, notice.line, notice.end_line)],
        "relatedLocations": _related(outcome, facts_of(outcome, notice)),
        "partialFingerprints": _fingerprint(f"{finding.transform}\0{finding.title}", outcome, lines, seen),
    }


def _fault(notice: Notice, outcome: Outcome, rules: dict[str, int]) -> dict[str, Any]:
    finding = notice.finding
    return {
        "level": "error",
        "message": _message(f"{_sentence(finding.title)} {notice.reason}"),
        "locations": [_location(outcome, notice.line, notice.end_line)],
        "associatedRule": {"id": clean(finding.transform), "index": rules[finding.transform]},
    }


def _message(text: str) -> dict[str, str]:
    """A message without placeholders and links: braces are doubled (3.11.5), a link's bracket escaped (3.11.6)."""
    text = clean(text).strip().replace("{", "{{").replace("}", "}}")
    return {"text": text.replace("](", "\\](")}


def _location(outcome: Outcome, first: int, last: int) -> dict[str, Any]:
    region = {"startLine": first, "endLine": last}
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(outcome.path)}, "region": region}}


def _related(outcome: Outcome, facts: Sequence[tuple[str, int, str]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for text, line, source in facts:
        message = _message(f"{text} ({source})" if source else text)
        found.append({**(_location(outcome, line, line) if line else {}), "message": message})
    return found


def _uri(path: str) -> str:
    """A relative reference (RFC 3986, 4.2) as it stands in the repository, or a file URI for an absolute path."""
    import posixpath
    from urllib.parse import quote

    name = quote(posixpath.normpath(path).encode("utf-8", "surrogateescape"))
    return f"file://{name}" if name.startswith("/") else name


def _fingerprint(what: str, outcome: Outcome, lines: Iterable[int], seen: dict[str, int]) -> dict[str, str]:
    """The same for the same finding about the same text, wherever in the file that has moved (3.27.17)."""
    before = outcome.before
    last = len(before.line_starts)
    text = "".join(before[before.line_span(line)] for line in lines if line <= last)
    digest = hashlib.sha256(f"{what}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    seen[digest] = seen.get(digest, 0) + 1
    return {"slimify/v1": f"{digest}:{seen[digest]}"}


# --- fixes ---


def _fix(change: Change, blocks: Sequence[Block], texts: _Texts) -> dict[str, Any] | None:
    """Whole lines of the old text replaced by those of the new; None if they are not UTF-8 text."""
    old, new = texts.old, texts.new
    if not blocks or not all(is_clean("".join(new[b.new_start : b.new_end])) for b in blocks):
        return None
    return {
        "description": _message(_sentence(change.rewrite.title)),
        "artifactChanges": [
            {
                "artifactLocation": {"uri": _uri(texts.path)},
                "replacements": [_replacement(block, old, new) for block in blocks],
            }
        ],
    }


def _replacement(block: Block, old: Sequence[str], new: Sequence[str]) -> dict[str, Any]:
    start, end, text = (block.old_start, 0), (block.old_end, 0), "".join(new[block.new_start : block.new_end])
    if old and block.old_end == len(old):
        start, end, text = _at_the_end(block, old, text)
    if block.old_start == 0 and old and old[0].startswith(BOM):
        # A text region does not know of the byte order mark (3.30.2).
        text = text.removeprefix(BOM)
    region = {
        "startLine": start[0] + 1,
        "startColumn": _column(old, start),
        "endLine": end[0] + 1,
        "endColumn": _column(old, end),
    }
    return {"deletedRegion": region, "insertedContent": {"text": text}}


def _at_the_end(block: Block, old: Sequence[str], text: str) -> tuple[tuple[int, int], tuple[int, int], str]:
    """Start, end and new text of a block at the end of the file, without naming a line behind the last.

    A line end that ends the file stays, and the new text does without its own. Where no lines are
    taken or none are put, the line end before the block plays that part. Only where the file gets
    or loses its last line end, or that changes its kind, does the region reach beyond it.
    """
    start, last = (block.old_start, 0), len(old) - 1
    content = len(_content(old[-1]))
    ending = old[-1][content:]
    if not ending:
        return start, (last, content), text
    if text and block.old_start < block.old_end and text.endswith(ending):
        return start, (last, content), text.removesuffix(ending)
    before = old[block.old_start - 1] if block.old_start else ""
    if before and before.endswith(ending) and (not text or (block.old_start > last and text.endswith(ending))):
        place = (block.old_start - 1, len(before) - len(ending))
        return place, (last, content), (ending + text).removesuffix(ending)
    return start, (len(old), 0), text


def _content(line: str) -> str:
    return line.removesuffix("\n").removesuffix("\r") if line.endswith("\n") else line


def _column(old: Sequence[str], place: tuple[int, int]) -> int:
    """The column from 1, in UTF-16 code units."""
    line, offset = place
    if not offset:
        return 1
    before = old[line][:offset].removeprefix(BOM) if line == 0 else old[line][:offset]
    return 1 + len(before) + sum(character > "\uffff" for character in before)
