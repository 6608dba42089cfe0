"""What came of visits, as text and as data. Titles and names of others are made visible, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from slimify.bot.settle import Event
from slimify.bot.visit import Visited
from slimify.report.common import count, one_line, visible


class Shown(NamedTuple):
    """An event in words. `diff` and `body` are there where something is proposed, and was asked to be shown."""

    what: str
    why: str
    branch: str
    url: str
    title: str
    body: str
    diff: str


class Report(NamedTuple):
    """What came of a visit, or why nothing did."""

    repository: str
    events: tuple[Shown, ...] = ()
    error: str = ""


def report_of(visited: Visited, *, whole: bool) -> Report:
    """The report on a visit, with the text and the diff of what is proposed if it is to be `whole`."""
    return Report(visited.repository, tuple(_shown(one, whole) for one in visited.events))


def _shown(event: Event, whole: bool) -> Shown:
    diff = ""
    if whole and event.proposal is not None:
        diff = "".join(fixed.outcome.diff() for fixed in event.proposal.fixed)
    return Shown(event.what, event.why, event.branch, event.url, event.title, event.body if whole else "", diff)


def as_data(report: Report) -> dict[str, Any]:
    """For programs, and for the process that asked."""
    events = [one._asdict() for one in report.events]
    return {"repository": report.repository, "events": events, "error": report.error or None}


def from_data(data: dict[str, Any]) -> Report:
    """The report again, of `as_data`."""
    return Report(data["repository"], tuple(Shown(**one) for one in data["events"]), data["error"] or "")


def as_text(report: Report) -> str:
    """For people: a line for each event, and below it what is proposed."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    name = one_line(report.repository)
    if report.error:
        yield f"{name}: error: {one_line(report.error)}"
    for one in report.events:
        of = f" ({one_line(one.branch)})" if one.branch and not one.url else ""
        yield f"{name}: {one.what}{of}: {one_line(one.why)}{f' {one_line(one.url)}' if one.url else ''}"
        if one.title:
            yield f"  {one_line(one.title)}"
        for text in (one.diff, one.body):
            if text:
                yield ""
                yield from (f"    {line}".rstrip() for line in visible(text).splitlines())
                yield ""


def summary(reports: list[Report]) -> str:
    """How many repositories there were, and what was done."""
    done: dict[str, int] = {}
    for report in reports:
        for event in report.events:
            done[event.what] = done.get(event.what, 0) + 1
    errors = sum(bool(report.error) for report in reports)
    said = [f"{number} {what}" for what, number in sorted(done.items())]
    said += [count(errors, "error")] if errors else []
    total = f"{len(reports)} {'repository' if len(reports) == 1 else 'repositories'}"
    return f"{total}: {', '.join(said) or 'nothing'}"
