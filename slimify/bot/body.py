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

from slimify.bot.figures import estimated_size, figures, figures_in_all, measurements
from slimify.bot.limits import Section, fitted, limit_of
from slimify.bot.links import NO_LINES, Lines, cited
from slimify.bot.marker import Marker, written
from slimify.bot.proposal import Fixed, Proposal
from slimify.bot.title import EFFECTS, strength
from slimify.proof.prove import Proof
from slimify.proof.show_layers import size_text
from slimify.proof.show_proof import aside, large, log_tail, percent, rows, seen_in_both, short, some
from slimify.report.common import changes_in_order, count, facts_of_change
from slimify.report.markdown_text import code, is_address, prose
from slimify.rewrite.edit import Severity
from slimify.rewrite.outcome import Change, Notice
from slimify.semantics.build import TargetError, analyse
from slimify.syntax.dockerfile import parse
from slimify.syntax.source import Source

# Nobody reads on for longer, and the parts that are never left out stay within every forge's limit.
_LONGEST_WORD, _LONGEST = 120, 600
_ROWS, _CHANGES, _FACTS, _NOTICES, _PATHS, _DIFFERENCES, _LOG_LINES, _KINDS = 40, 12, 20, 10, 20, 5, 8, 3
# Logins of the three forges, and teams of GitHub and groups of GitLab.
_LOGIN = re.compile(r"[A-Za-z0-9][\w.-]{0,100}(?:/[\w.-]{1,100}){0,5}", re.ASCII)
# What becomes a layer of the image.
_FILLS = frozenset(["RUN", "COPY", "ADD"])


class Around(NamedTuple):
    """What a text says that the proposal does not know.

    `settings` is the file that slimify's settings are in, or belong in. `report_url` is where the whole proof can be
    read. `lines` makes links to lines of the commit that the proposal was made for. `mentions` are the logins to tell.
    `redact` takes secrets out of what others wrote.
    """

    forge: str
    settings: str = "slimify.toml"
    report_url: str | None = None
    lines: Lines = NO_LINES
    mentions: Sequence[str] = ()
    redact: Callable[[str], str] = str


def body_of(proposal: Proposal, marker: Marker, around: Around) -> str:
    """The whole text, the hidden marker included, within what the forge takes."""
    writer = _Writer(around)
    sections = [*writer.sections(proposal), Section(written(marker))]
    return fitted(sections, limit_of(around.forge)) + "\n"


class _Writer:
    """Writes for one forge. Whatever is not slimify's own goes through `prose` or `code`."""

    def __init__(self, around: Around) -> None:
        self.around = around

    def prose(self, text: str) -> str:
        return prose(_clipped(self.around.redact(text), _LONGEST))

    def code(self, text: str) -> str:
        return code(_clipped(self.around.redact(text), _LONGEST_WORD))

    @property
    def _noun(self) -> str:
        return "merge request" if self.around.forge == "gitlab" else "pull request"

    # --- the order of it all ---

    def sections(self, proposal: Proposal) -> Iterator[Section]:
        fixed = proposal.fixed
        yield Section(_opening(fixed))
        if len(fixed) > 1:
            yield Section(self._overview(fixed))
        for one in fixed:
            yield from self._of_one(one, "###" if len(fixed) == 1 else "####", alone=len(fixed) == 1)
        if proposal.unread:
            yield Section(self._unread(proposal.unread), 4, "what could not be read")
        yield Section(self._otherwise(fixed))

    def _of_one(self, one: Fixed, level: str, alone: bool) -> Iterator[Section]:
        name = self.code(one.build.dockerfile)
        if not alone:
            yield Section(f"### {name}", 1, name)
        table = self._figures(one)
        if table:
            yield Section(table, 0 if alone else 1, name)
        transforms = sorted({change.rewrite.transform for change in one.outcome.changes}, key=strength)
        for transform in transforms:
            changes = [one for one in changes_in_order(one.outcome) if one.rewrite.transform == transform]
            yield Section(self._changes(one, transform, changes, level), 2, self.code(transform))
            facts = list(dict.fromkeys(fact for change in changes for fact in facts_of_change(change)))
            if facts:
                said = [self._fact(one, *fact) for fact in facts]
                yield Section(_folded("The evidence", said, _FACTS), 6, f"the evidence of {self.code(transform)}")
        checked = self._checked(one, level)
        if checked:
            yield Section(checked, 3, "how it was checked")
        if one.dropped:
            yield Section(self._dropped(one.dropped, level), 4, "what a proof left out")
        notices = sorted(one.outcome.notices, key=_usefulness)
        if notices:
            told = [self._notice(notice, one) for notice in notices]
            yield Section(_folded("What was not done, and why", told, _NOTICES), 5, "what was not done")

    # --- figures ---

    def _overview(self, fixed: Sequence[Fixed]) -> str:
        lines = ["| Dockerfile | before | after | |", "| --- | ---: | ---: | ---: |"]
        for one in fixed[:_ROWS]:
            found = figures(one)
            if found.measured is not None:
                old, new = found.measured
                cells = [size_text(old), size_text(new), f"**{percent(old, new)}**"]
            else:
                cells = ["", "", f"about {estimated_size(found.saved)} less" if found.saved else ""]
            lines.append(f"| {self._cell(one.build.dockerfile)} | {' | '.join(cells)} |")
        if len(fixed) > _ROWS:
            lines.append(f"| and {len(fixed) - _ROWS} more | | | |")
        if any(figures(one).measured is None and figures(one).saved for one in fixed):
            lines += ["", "_What is told with “about” is an estimate: that image was not built._"]
        return "\n".join(lines)

    def _cell(self, text: str) -> str:
        # A bar ends a cell, in a code span too (GFM 4.10).
        return self.code(text.replace("|", "\u00a6"))

    def _figures(self, one: Fixed) -> str:
        found = measurements(one.proof)
        if found is None:
            return _estimates(one)
        lines = ["| | before | after | |", "| --- | ---: | ---: | ---: |"]
        for what, old, new, change in rows(*found):
            strong = "**" if what == "image" else ""
            cells = [old, f"{strong}{new}{strong}", f"{strong}{change}{strong}" if change else ""]
            lines.append(f"| {what} | {' | '.join(cells)} |")
        gone = large(one.proof.comparison) if one.proof and one.proof.comparison else []
        if gone:
            kinds = [f"{size_text(size)} of {kind.title}" for kind, size in gone[:_KINDS]]
            lines += ["", f"No longer in it: {', '.join(kinds)}{' and smaller things' if gone[_KINDS:] else ''}."]
        return "\n".join(lines)

    # --- changes ---

    def _changes(self, one: Fixed, transform: str, changes: Sequence[Change], level: str) -> str:
        path = one.build.dockerfile
        # Beside a measurement an estimate only tells which of several changes wins how much.
        estimates = [change for change in one.outcome.changes if change.rewrite.saves]
        shown = len(estimates) > 1 or measurements(one.proof) is None
        effect = EFFECTS.get(transform)
        name = self.code(transform)
        lines = [f"{level} {effect} ({name})" if effect else f"{level} {name}", ""]
        told: dict[tuple[str, str], list[Change]] = {}
        for change in changes:
            told.setdefault((change.rewrite.title, change.rewrite.reason), []).append(change)
        for (title, reason), same in list(told.items())[:_CHANGES]:
            where = ", ".join(dict.fromkeys(self._where(path, change) for change in same[:3]))
            more = f" and {len(same) - 3} more" if same[3:] else ""
            saves = sum(change.rewrite.saves or 0 for change in same)
            about = f", about {estimated_size(saves)}" if saves and shown else ""
            behind = f": {self.prose(reason)}" if reason.strip() else ""
            lines.append(f"- **{self.prose(title)}** ({where}{more}{about}){behind}")
        if len(told) > _CHANGES:
            lines.append(f"- and {count(len(told) - _CHANGES, 'change')} more of this kind")
        return "\n".join(lines)

    def _where(self, path: str, change: Change) -> str:
        return self.around.lines.link(path, change.line, change.end_line)

    def _fact(self, one: Fixed, text: str, line: int, source: str) -> str:
        behind = f" (<{source}>)" if cited(source, one.outcome) else f" ({self.code(source)})" if source else ""
        return f"{f'line {line}: ' if line else ''}{self.prose(text)}{behind}"

    def _notice(self, notice: Notice, one: Fixed) -> str:
        finding = notice.finding
        where = self.around.lines.link(one.build.dockerfile, notice.line, notice.end_line)
        behind = f": {self.prose(notice.reason)}" if notice.reason.strip() else ""
        kind = {Severity.FAULT: "an error of slimify: ", Severity.WARNING: "worth a look: "}.get(finding.severity, "")
        return f"{kind}{self.prose(finding.title)} ({where}, {self.code(finding.transform)}){behind}"

    # --- proofs ---

    def _checked(self, one: Fixed, level: str) -> str:
        proof = one.proof
        if proof is None:
            return ""
        lines = [f"{level} How this was checked", "", self._compared(proof) + self._as_built(one)]
        points = [
            self.prose(f"seen in both: {text}") for text in (seen_in_both(proof) if proof.seen is not None else ())
        ]
        points += [self.prose(note) for note in proof.notes]
        if proof.comparison is not None:
            points += [f"{title}: {self.code(some(names))}" for title, names in aside(proof.comparison)]
        points += self._differences(proof)
        lines += ["", *(f"- {point}" for point in points)] if points else []
        url = self.around.report_url
        if url is not None and is_address(url):
            lines += ["", f"[The whole proof, file by file]({url})"]
        return "\n".join(lines)

    def _compared(self, proof: Proof) -> str:
        if measurements(proof) is None:
            return f"Both versions were to be built and compared, which came to this: {proof.verdict.value}."
        first = (
            "Both versions were built without a cache, and the images compared: their configuration, the packages of "
            "each language, the application's files, and the libraries that its programs need. "
            "They hold the same program."
        )
        if proof.not_run:
            return f"{first} Not run: {self.prose(proof.not_run)}."
        return f"{first} Then both were run{'' if _ran(proof) else ', which showed nothing to work'}."

    def _as_built(self, one: Fixed) -> str:
        build = one.build
        parts = [f"the context {self.code(build.context or '.')}"]
        parts += [f"the target {self.code(build.target)}"] if build.target else []
        # Their values may be secrets.
        names = [name for name, _ in build.build_args]
        parts += [f"build arguments for {self.code(some(names))}"] if names else []
        source = f", as in {self.code(build.source)}" if build.source else ""
        return f" The builds had {', '.join(parts)}{source}."

    def _differences(self, proof: Proof) -> list[str]:
        found = [
            f"{self.code(one.what)}: {self.code(short(one.before))} became {self.code(short(one.after))}"
            for one in proof.differences[:_DIFFERENCES]
        ]
        more = len(proof.differences) - _DIFFERENCES
        return [*found, f"and {count(more, 'difference')} more"] if more > 0 else found

    def _dropped(self, dropped: Sequence[tuple[str, Proof]], level: str) -> str:
        lines = [f"{level} Tried, and left out again", ""]
        for transform, proof in dropped[:_NOTICES]:
            lines.append(f"- {self.code(transform)}: {proof.verdict.value}")
            lines += [f"  - {difference}" for difference in self._differences(proof)]
            tail = log_tail(proof.failed)[-_LOG_LINES:] if proof.failed is not None else []
            lines += [f"  - {self.code(line)}" for line in tail if line.strip()]
        return "\n".join(lines)

    # --- the end ---

    def _unread(self, unread: Sequence[tuple[str, str]]) -> str:
        told = [f"{self.code(path)}: {self.prose(why)}" for path, why in unread]
        return _folded("Dockerfiles that were left alone", told, _PATHS)

    def _otherwise(self, fixed: Sequence[Fixed]) -> str:
        made = sorted({change.rewrite.transform for one in fixed for change in one.outcome.changes}, key=strength)
        name = made[-1] if made and re.fullmatch(r"[\w.-]+", made[-1]) else "merge-runs"
        ask = self._noun
        ignore = f"`/slimify ignore {name}` leaves a kind of change out"
        settings = f'`skip = ["{name}"]`, `level = "safe"`, `exclude = ["old/"]`'
        lines = [
            "---",
            "",
            f"**Not quite what you want?** Comment here, and this {ask} is made anew:",
            "",
            f"- {ignore}, `/slimify rebase` starts from the branch as it is now.",
            f"- `/slimify stop` ends it: nothing more is proposed here. Close this {ask}, and it never comes again.",
            f"- Or for good, in {self.code(self.around.settings)}: {settings}. `# slimify: keep` keeps an instruction.",
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
        ran = all(_ran(one.proof) for one in fixed)
        checked = (
            f"Both versions were built{', compared and run' if ran else ' and compared'}: they hold the same program."
        )
        if new < old and percent(old, new) not in ("", "0 %"):
            share = percent(old, new).lstrip("-")
            return (
                f"This makes {what} **{share} smaller: {size_text(new)} instead of {size_text(old)}**. {checked}{how}"
            )
        return f"This leaves the size of {what} as it is. {checked}{how}"
    if found.saved is not None and found.saved > 0:
        some_built = any(figures(one).measured is not None for one in fixed)
        ground = (
            "Not every image was built for this figure." if some_built else "This is an estimate: nothing was built."
        )
        return f"This makes {what} **about {estimated_size(found.saved)} smaller**. {ground}{how}"
    return f"This improves {'the Dockerfile' if len(fixed) == 1 else f'{len(fixed)} Dockerfiles'}.{how}"


def _ran(proof: Proof | None) -> bool:
    """Whether both versions were run, and something was shown to work."""
    return proof is not None and proof.seen is not None and all(seen.shown for seen in proof.seen)


def _estimates(one: Fixed) -> str:
    """What can be told of an image that nobody built."""
    saves = one.outcome.saves
    lines = [f"| image (estimated) | | | about {estimated_size(saves)} less |"] if saves else []
    layers = [own_layers(text, one.build.target) for text in (one.outcome.before, one.outcome.after)]
    if None not in layers and layers[0] != layers[1]:
        lines.append(f"| layers that the Dockerfile adds | {layers[0]} | {layers[1]} | |")
    if not lines:
        return ""
    return "\n".join(["| | before | after | |", "| --- | ---: | ---: | ---: |", *lines])


def own_layers(dockerfile: Source, target: str | None) -> int | None:
    """How many layers the RUNs, COPYs and ADDs of the stage that ships make, with those of the stages below it.

    None if the target is no stage.
    """
    try:
        build = analyse(parse(dockerfile), target=target)
    except TargetError:
        return None
    at = build.target if build.target is not None else len(build.stages) - 1
    layers = 0
    stage: int | None = at
    while stage is not None:
        layers += sum(step.keyword in _FILLS for step in build.stages[stage].steps)
        stage = build.stages[stage].parent
    return layers


def _usefulness(notice: Notice) -> tuple[int, int, int]:
    """First what the reader can do something about, then what would have won most."""
    severities = [Severity.WARNING, Severity.NOTE, Severity.FAULT]
    return severities.index(notice.finding.severity), strength(notice.finding.transform), notice.line


def _folded(summary: str, points: Sequence[str], most: int) -> str:
    """Points below a line that unfolds them. All three forges let `details` through their sanitizers."""
    lines = [f"- {point}" for point in points[:most]]
    if len(points) > most:
        lines.append(f"- and {len(points) - most} more")
    return "\n".join([f"<details><summary>{summary} ({len(points)})</summary>", "", *lines, "", "</details>"])


def _clipped(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest].rstrip() + " …"
