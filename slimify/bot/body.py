"""The text of a pull request. Its first screen has to convince somebody who gives it ten seconds.

Pull requests that state the size before and after get merged, and those without a reason are met with "Why?": first
comes what it does to the image, in figures, then each change with its reason, then how it was checked, and last how to
have it otherwise. Nothing of the Dockerfile, of file names, or of what a build said can act
(`slimify.report.markdown_text`); no line begins with a slash, where GitLab would look for a command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from slimify.bot.figures import estimated_size, figures, figures_in_all
from slimify.bot.limits import Section, fitted, limit_of
from slimify.bot.links import NO_LINES, Lines
from slimify.bot.marker import Marker, written
from slimify.bot.proposal import Fixed, Proposal
from slimify.bot.quoted import Quoted, by_looks, folded
from slimify.bot.tables import figures_of, overview
from slimify.bot.title import EFFECTS, strength
from slimify.bot.told_proof import checked, dropped, ran
from slimify.bot.words import Words, usefulness
from slimify.proof.show_layers import size_text
from slimify.proof.show_proof import percent
from slimify.report.common import changes_in_order, facts_of_change

_FACTS, _NOTICES, _PATHS = 20, 10, 20
# Logins of the three forges, and teams of GitHub and groups of GitLab.
_LOGIN = re.compile(r"[A-Za-z0-9][\w.-]{0,100}(?:/[\w.-]{1,100}){0,5}", re.ASCII)


class Around(NamedTuple):
    """What a text says that the proposal does not know.

    `settings` is the file that slimify's settings are in, or belong in. `report_url` is where the whole proof can be
    read. `lines` makes links to lines of the commit that the proposal was made for. `mentions` are the logins to tell.
    `redact` takes secrets out of what others wrote (`slimify.bot.redact`).
    """

    forge: str
    settings: str = "slimify.toml"
    report_url: str | None = None
    lines: Lines = NO_LINES
    mentions: Sequence[str] = ()
    redact: Callable[[str], str] = by_looks


def body_of(proposal: Proposal, marker: Marker, around: Around) -> str:
    """The whole text, the hidden marker included, within what the forge takes."""
    writer = _Writer(around)
    sections = [*writer.sections(proposal), Section(written(marker))]
    return fitted(sections, limit_of(around.forge)) + "\n"


class _Writer:
    """Writes for one forge."""

    def __init__(self, around: Around) -> None:
        self.around = around
        self.quoted = Quoted(around.redact)
        self.words = Words(self.quoted, around.lines)

    def sections(self, proposal: Proposal) -> Iterator[Section]:
        fixed = proposal.fixed
        yield Section(_opening(fixed))
        if len(fixed) > 1:
            yield Section(overview(fixed, self.quoted))
        for one in fixed:
            yield from self._of_one(one, "###" if len(fixed) == 1 else "####", alone=len(fixed) == 1)
        if proposal.unread:
            yield Section(self._unread(proposal.unread), 4, "what could not be read")
        yield Section(self._otherwise(fixed))

    def _of_one(self, one: Fixed, heading: str, alone: bool) -> Iterator[Section]:
        name = self.quoted.code(one.build.dockerfile)
        if not alone:
            yield Section(f"### {name}", 1, name)
        table = figures_of(one)
        if table:
            yield Section(table, 0 if alone else 1, name)
        transforms = sorted({change.rewrite.transform for change in one.outcome.changes}, key=strength)
        for transform in transforms:
            changes = [one for one in changes_in_order(one.outcome) if one.rewrite.transform == transform]
            yield Section(self.words.section(one, transform, changes, heading), 2, self.quoted.code(transform))
            facts = list(dict.fromkeys(fact for change in changes for fact in facts_of_change(change)))
            if facts:
                said = [self.words.fact(one, *fact) for fact in facts]
                yield Section(folded("The evidence", said, _FACTS), 6, f"the evidence of {self.quoted.code(transform)}")
        if one.proof is not None:
            told = checked(one, one.proof, self.quoted, heading, self.around.report_url)
            yield Section(told, 3, "how it was checked")
        if one.dropped:
            yield Section(dropped(one.dropped, self.quoted, heading), 4, "what a proof left out")
        notices = sorted(one.outcome.notices, key=usefulness)
        if notices:
            points = [self.words.notice(one, notice) for notice in notices]
            yield Section(folded("What was not done, and why", points, _NOTICES), 5, "what was not done")

    def _unread(self, unread: Sequence[tuple[str, str]]) -> str:
        told = [f"{self.quoted.code(path)}: {self.quoted.prose(why)}" for path, why in unread]
        return folded("Dockerfiles that were left alone", told, _PATHS)

    def _otherwise(self, fixed: Sequence[Fixed]) -> str:
        made = sorted({change.rewrite.transform for one in fixed for change in one.outcome.changes}, key=strength)
        name = made[-1] if made and re.fullmatch(r"[\w.-]+", made[-1]) else "merge-runs"
        ask = "merge request" if self.around.forge == "gitlab" else "pull request"
        ignore = f"`/slimify ignore {name}` leaves a kind of change out"
        file = self.quoted.code(self.around.settings)
        settings = f'`skip = ["{name}"]`, `level = "safe"`, `exclude = ["old/"]`'
        lines = [
            "---",
            "",
            f"**Not quite what you want?** Comment here, and this {ask} is made anew:",
            "",
            f"- {ignore}, `/slimify rebase` starts from the branch as it is now.",
            f"- `/slimify stop` ends it: nothing more is proposed here. Close this {ask}, and it never comes again.",
            f"- Or for good, in {file}: {settings}. `# slimify: keep` keeps an instruction.",
        ]
        told = [f"@{login}" for login in self.around.mentions if _LOGIN.fullmatch(login)]
        return "\n".join([*lines, "", f"cc {' '.join(told)}"] if told else lines)


# --- slimify's own words ---


def _opening(fixed: Sequence[Fixed]) -> str:
    found = figures_in_all(fixed)
    what = "the image" if len(fixed) == 1 else f"{len(fixed)} images"
    made = {change.rewrite.transform for one in fixed for change in one.outcome.changes}
    effects = [effect[0].lower() + effect[1:] for name, effect in EFFECTS.items() if name in made]
    # The last of a long list are the small ones.
    how = f"\n\nHow: {'; '.join(effects[:4])}." if effects else ""
    if found.measured is not None:
        old, new = found.measured
        were_run = all(ran(one.proof) for one in fixed)
        done = "built, compared and run" if were_run else "built and compared"
        same = f"Both versions were {done}: they hold the same program."
        if new < old and percent(old, new) not in ("", "0 %"):
            share = percent(old, new).lstrip("-")
            return f"This makes {what} **{share} smaller: {size_text(new)} instead of {size_text(old)}**. {same}{how}"
        return f"This leaves the size of {what} as it is. {same}{how}"
    if found.saved is not None and found.saved > 0:
        some_built = any(figures(one).measured is not None for one in fixed)
        ground = (
            "Not every image was built for this figure." if some_built else "This is an estimate: nothing was built."
        )
        return f"This makes {what} **about {estimated_size(found.saved)} smaller**. {ground}{how}"
    return f"This improves {'the Dockerfile' if len(fixed) == 1 else f'{len(fixed)} Dockerfiles'}.{how}"
