"""Changes and findings in words: what was done where, what it rests on, and what was not done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from slimify.bot.figures import estimated_size, measurements
from slimify.bot.links import Lines, cited
from slimify.bot.proposal import Fixed
from slimify.bot.quoted import Quoted
from slimify.bot.title import EFFECTS, strength
from slimify.report.common import count
from slimify.rewrite.edit import Severity
from slimify.rewrite.outcome import Change, Notice

_CHANGES = 12


class Words(NamedTuple):
    """Writes about changes, with links to their lines."""

    quoted: Quoted
    lines: Lines

    def section(self, one: Fixed, transform: str, changes: Sequence[Change], heading: str) -> str:
        """What a transform did where, and why; changes that are alike are told once."""
        path = one.build.dockerfile
        # Beside a measurement an estimate only tells which of several changes wins how much.
        estimates = [change for change in one.outcome.changes if change.rewrite.saves]
        shown = len(estimates) > 1 or measurements(one.proof) is None
        effect = EFFECTS.get(transform)
        name = self.quoted.code(transform)
        lines = [f"{heading} {effect} ({name})" if effect else f"{heading} {name}", ""]
        told: dict[tuple[str, str], list[Change]] = {}
        for change in changes:
            told.setdefault((change.rewrite.title, change.rewrite.reason), []).append(change)
        for (title, reason), same in list(told.items())[:_CHANGES]:
            where = ", ".join(dict.fromkeys(self.lines.link(path, change.line, change.end_line) for change in same[:3]))
            more = f" and {len(same) - 3} more" if same[3:] else ""
            saves = sum(change.rewrite.saves or 0 for change in same)
            about = f", about {estimated_size(saves)}" if saves and shown else ""
            behind = f": {self.quoted.prose(reason)}" if reason.strip() else ""
            lines.append(f"- **{self.quoted.prose(title)}** ({where}{more}{about}){behind}")
        if len(told) > _CHANGES:
            lines.append(f"- and {count(len(told) - _CHANGES, 'change')} more of this kind")
        return "\n".join(lines)

    def fact(self, one: Fixed, text: str, line: int, source: str) -> str:
        """A fact that a change rests on, with who says so."""
        behind = f" (<{source}>)" if cited(source, one.outcome) else f" ({self.quoted.code(source)})" if source else ""
        return f"{f'line {line}: ' if line else ''}{self.quoted.prose(text)}{behind}"

    def notice(self, one: Fixed, notice: Notice) -> str:
        """What was not done and why, on one line."""
        finding = notice.finding
        where = self.lines.link(one.build.dockerfile, notice.line, notice.end_line)
        behind = f": {self.quoted.prose(notice.reason)}" if notice.reason.strip() else ""
        kind = {Severity.FAULT: "an error of slimify: ", Severity.WARNING: "worth a look: "}.get(finding.severity, "")
        return f"{kind}{self.quoted.prose(finding.title)} ({where}, {self.quoted.code(finding.transform)}){behind}"


def usefulness(notice: Notice) -> tuple[int, int, int]:
    """First what the reader can do something about, then what would have won most."""
    severities = [Severity.WARNING, Severity.NOTE, Severity.FAULT]
    return severities.index(notice.finding.severity), strength(notice.finding.transform), notice.line
