"""Text of others as it goes into a text of the bot's: without secrets, of a bounded length, and without effect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from slimify.bot.redact import Secrets
from slimify.report.markdown_text import code, prose

# Nobody reads on for longer, and what is never left out of a text stays within every forge's limit.
_LONGEST_WORD, _LONGEST = 120, 600

# By default only what has the look of a secret.
by_looks = Secrets().redact


class Quoted(NamedTuple):
    """Writes what is not slimify's own. `redact` takes secrets out, before an escape could hide them from it."""

    redact: Callable[[str], str] = by_looks

    def prose(self, text: str) -> str:
        return prose(_clipped(self.redact(text), _LONGEST))

    def code(self, text: str) -> str:
        return code(_clipped(self.redact(text), _LONGEST_WORD))

    def cell(self, text: str) -> str:
        """Code in a table, where a bar ends a cell in a code span too (GFM 4.10)."""
        return self.code(text.replace("|", "\u00a6"))


def folded(summary: str, points: Sequence[str], most: int) -> str:
    """Points below a line that unfolds them. All three forges let `details` through their sanitizers."""
    lines = [f"- {point}" for point in points[:most]]
    if len(points) > most:
        lines.append(f"- and {len(points) - most} more")
    return "\n".join([f"<details><summary>{summary} ({len(points)})</summary>", "", *lines, "", "</details>"])


def _clipped(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest].rstrip() + " …"
