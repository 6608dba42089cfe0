"""Review comments with suggestion blocks, so that one part of a rewrite can be accepted and another refused.

A suggestion replaces lines of the text that the pull request has. On slimify's own, which holds the rewrite already,
to refuse a part is to take it back: the suggestion offers the old lines (`take_back`). On somebody else's, to accept
one is to have it: the suggestion offers the new lines (`offer`).

What a suggestion can replace are whole lines in one hunk of the pull request's diff (GitHub docs, "Incorporating
feedback in your pull request"; REST API, "Create a review": `start_line` and `line` in the same hunk). Parts of a
rewrite that belong together become one suggestion, and each is right alone: the text with one of them accepted is a
Dockerfile, and the one that slimify makes with only those transforms, or without them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from slimify.bot.forge import Suggestion
from slimify.bot.limits import limit_of
from slimify.bot.links import cited
from slimify.bot.quoted import Quoted
from slimify.report.common import facts_of_change, is_clean, visible
from slimify.report.markdown_text import fence_for
from slimify.rewrite.diff import CONTEXT, Block, blocks_of_changes, hunks, normal_path, split_lines
from slimify.rewrite.diff import blocks as differing
from slimify.rewrite.diff import parse as parse_patch
from slimify.rewrite.outcome import Change, Outcome
from slimify.semantics.validate import validate
from slimify.syntax.dockerfile import parse
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source

Again = Callable[[Collection[str]], Outcome]
"""Fixes the same Dockerfile with only these transforms, of which there is at least one, and everything else alike."""

_FACTS = 3
_QUOTED = Quoted()
# GitLab before 17 looked for its commands in suggestions as well.
_COMMAND = re.compile(r"^\s*/[A-Za-z_]+(?:\s|$)")
# What a forge writes anew where its suggestions are spelled otherwise.
_BLOCK = re.compile(r"^\s*(?:`{3,}|~{3,})suggestion")


class LeftOut(NamedTuple):
    """Changes that no suggestion is made of: their lines in the pull request's text, from 1, and why."""

    first: int
    last: int
    transforms: tuple[str, ...]
    why: str


class Suggested(NamedTuple):
    """The suggestions in the order of the file, and what is left out."""

    suggestions: tuple[Suggestion, ...]
    left_out: tuple[LeftOut, ...]


class _Unit(NamedTuple):
    """What is accepted or refused together, as blocks of the text before and after, and indices of changes."""

    blocks: tuple[Block, ...]
    changes: tuple[int, ...]


class _Lines(NamedTuple):
    """Lines of the pull request's text, half-open and from 0, and the text to offer instead of them."""

    start: int
    end: int
    offered: tuple[str, ...]


def take_back(outcome: Outcome, path: str, again: Again) -> Suggested:
    """For slimify's own pull request: each suggestion takes one part of the rewrite back.

    `path` is the file's in the repository.
    """
    old, new = split_lines(outcome.before.text), split_lines(outcome.after.text)
    units = _units(outcome, again, back=True)
    turned = [one._replace(blocks=tuple(_turned(block) for block in one.blocks)) for one in units]
    changed = [(block.new_start, block.new_end) for block in differing(outcome.before, outcome.after)]
    return _suggested(outcome, path, turned, (new, old), _with_context(changed, len(new)), back=True)


def offer(outcome: Outcome, path: str, again: Again, shown: Iterable[tuple[int, int]]) -> Suggested:
    """For somebody else's pull request, whose text of the file is `outcome.before`: each suggestion offers one part.

    `shown` are the lines that its diff shows of the new text, from 1 and both included (`shown_lines`).
    """
    old, new = split_lines(outcome.before.text), split_lines(outcome.after.text)
    visible_lines = [(first - 1, last) for first, last in shown]
    return _suggested(outcome, path, _units(outcome, again, back=False), (old, new), visible_lines, back=False)


def shown_lines(patch: str, path: str) -> list[tuple[int, int]]:
    """The lines of the new text that a patch shows of a file, hunk by hunk. Raises `PatchError`."""
    found: list[tuple[int, int]] = []
    for file in parse_patch(patch):
        if file.path != normal_path(path):
            continue
        shift = 0
        for hunk in file.hunks:
            length = len(hunk.new)
            # An empty range is told by the line in front of it.
            first = (hunk.start if hunk.length else hunk.start + 1) + shift
            shift += length - hunk.length
            if length:
                found.append((first, first + length - 1))
    return found


# --- what belongs together ---


def _units(outcome: Outcome, again: Again, *, back: bool) -> list[_Unit]:
    """The changes in as many units as can be had alone; in the worst case it is one."""
    units = _apart(outcome)
    wrong = [group for group in _by_transforms(outcome, units) if not _right(outcome, group, again, back=back)]
    if not wrong:
        return units
    joined = _joined([unit for group in wrong for unit in group])
    rest = [unit for unit in units if not set(unit.changes) & set(joined.changes)]
    if _right(outcome, [joined], again, back=back):
        return [*rest, joined]
    whole = tuple(block for hunk in hunks(outcome) for block in hunk.blocks)
    return [_Unit(whole, tuple(range(len(outcome.changes))))]


def _apart(outcome: Outcome) -> list[_Unit]:
    """Changes by the blocks that must be replaced for them, which they may share."""
    members: dict[tuple[Block, ...], list[int]] = {}
    for at, blocks in enumerate(blocks_of_changes(outcome)):
        if blocks:
            members.setdefault(blocks, []).append(at)
    # Between the blocks of one may stand those of another, which one range of lines cannot leave out.
    found: list[_Unit] = []
    for blocks, changes in sorted(members.items()):
        unit = _Unit(blocks, tuple(changes))
        while found and unit.blocks[0].old_start < found[-1].blocks[-1].old_end:
            unit = _joined([found.pop(), unit])
        found.append(unit)
    return found


def _joined(units: Sequence[_Unit]) -> _Unit:
    blocks = sorted({block for unit in units for block in unit.blocks})
    return _Unit(tuple(blocks), tuple(sorted({change for unit in units for change in unit.changes})))


def _by_transforms(outcome: Outcome, units: Sequence[_Unit]) -> list[list[_Unit]]:
    """Units that share a transform, together: the pipeline can only be asked for all of them or none."""
    groups: list[tuple[frozenset[str], list[_Unit]]] = []
    for unit in units:
        names, members = _transforms(outcome, [unit]), [unit]
        for group in [one for one in groups if one[0] & names]:
            groups.remove(group)
            names, members = names | group[0], [*group[1], *members]
        groups.append((names, members))
    return [members for _, members in groups]


def _transforms(outcome: Outcome, units: Iterable[_Unit]) -> frozenset[str]:
    return frozenset(outcome.changes[at].rewrite.transform for unit in units for at in unit.changes)


def _right(outcome: Outcome, group: Sequence[_Unit], again: Again, *, back: bool) -> bool:
    """Whether the text with these units alone, or all but them, is what slimify makes, and with each a Dockerfile."""
    every = _transforms(outcome, _apart(outcome))
    names = _transforms(outcome, group)
    wanted = every - names if back else names
    expected = again(wanted).after.text if wanted else outcome.before.text
    if _applied(outcome, group, back=back) != expected:
        return False
    return all(_reads(_applied(outcome, [unit], back=back), outcome.path) for unit in group)


def _applied(outcome: Outcome, units: Iterable[_Unit], *, back: bool) -> str:
    old, new = split_lines(outcome.before.text), split_lines(outcome.after.text)
    blocks = sorted(block for unit in units for block in unit.blocks)
    if back:
        old, new, blocks = new, old, [_turned(block) for block in blocks]
    parts: list[str] = []
    at = 0
    for block in blocks:
        parts += [*old[at : block.old_start], *new[block.new_start : block.new_end]]
        at = block.old_end
    return "".join([*parts, *old[at:]])


def _reads(text: str, path: str) -> bool:
    try:
        validate(parse(Source(text, path)))
    except DockerfileSyntaxError:
        return False
    return True


def _turned(block: Block) -> Block:
    return Block(block.new_start, block.new_end, block.old_start, block.old_end)


# --- lines ---


def _with_context(ranges: Iterable[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """The lines that a diff shows with the usual context: hunks that touch are one."""
    found: list[tuple[int, int]] = []
    for start, end in ranges:
        start, end = max(0, start - CONTEXT), min(length, end + CONTEXT)
        if found and start <= found[-1][1]:
            start = found.pop()[0]
        found.append((start, end))
    return found


def _range(unit: _Unit, here: Sequence[str], there: Sequence[str]) -> _Lines | None:
    """The lines that the unit replaces, with as few around them as a suggestion needs.

    A block of a suggestion can say nothing of a line feed at its end: empty lines there get lost (GitLab issue 551495),
    and where nothing is offered or replaced there is no place for it. None if the file has no such lines.
    """
    start, end = unit.blocks[0].old_start, unit.blocks[-1].old_end
    offered: list[str] = []
    at = start
    for block in unit.blocks:
        offered += [*here[at : block.old_start], *there[block.new_start : block.new_end]]
        at = block.old_end

    def bare(lines: Sequence[str]) -> bool:
        return not lines or not lines[-1].strip()

    while (start == end or bare(offered)) and end < len(here):
        offered.append(here[end])
        end += 1
    while (start == end or not offered or not offered[0].strip()) and start > 0:
        start -= 1
        offered.insert(0, here[start])
    if start == end or bare(offered) or not offered[0].strip():
        return None
    return _Lines(start, end, tuple(offered))


def _suggested(
    outcome: Outcome,
    path: str,
    units: Sequence[_Unit],
    texts: tuple[Sequence[str], Sequence[str]],
    shown: Sequence[tuple[int, int]],
    *,
    back: bool,
) -> Suggested:
    here, there = texts
    made: list[Suggestion] = []
    out: list[LeftOut] = []
    taken: list[tuple[int, int]] = []
    for unit in sorted(units):
        changes = [outcome.changes[at] for at in unit.changes]
        lines = _range(unit, here, there)
        why = "nothing would be left in the file" if lines is None else _obstacle(lines, here, shown, taken)
        if lines is not None and not why:
            body = _body(outcome, changes, lines.offered, back=back)
            if len(body.encode("utf-8")) <= limit_of(""):
                made.append(Suggestion(path, lines.start + 1, lines.end, body))
                taken.append((lines.start, lines.end))
                continue
            why = "it is too long for a comment"
        first, last = (lines.start, lines.end) if lines else (unit.blocks[0].old_start, unit.blocks[-1].old_end)
        names = tuple(dict.fromkeys(change.rewrite.transform for change in changes))
        out.append(LeftOut(first + 1, max(last, first + 1), names, why))
    out += _of_other_files(outcome, back=back)
    return Suggested(tuple(made), tuple(out))


def _of_other_files(outcome: Outcome, *, back: bool) -> Iterator[LeftOut]:
    verb = "takes back" if back else "makes"
    for change in outcome.changes:
        if change.rewrite.files and not change.rewrite.edits:
            why = f"a suggestion {verb} no other file than the Dockerfile"
            yield LeftOut(change.line, change.end_line, (change.rewrite.transform,), why)


def _obstacle(
    lines: _Lines, here: Sequence[str], shown: Iterable[tuple[int, int]], taken: Iterable[tuple[int, int]]
) -> str:
    """Why the lines cannot be a suggestion; empty if they can."""
    replaced = here[lines.start : lines.end]
    if not any(start <= lines.start and lines.end <= end for start, end in shown):
        return "its lines are not in one hunk of the diff"
    if any(lines.start < end and start < lines.end for start, end in taken):
        return "its lines meet those of the suggestion before it"
    if any("\r" in line for line in (*replaced, *lines.offered)):
        return "a suggestion cannot say that a line ends in CR LF"
    if not (replaced[-1].endswith("\n") and lines.offered[-1].endswith("\n")):
        return "a suggestion cannot say that the last line has no line feed"
    text = "".join(lines.offered)
    if not is_clean(text) or visible(text) != text:
        return "it holds characters that a comment does not keep"
    if any(_COMMAND.match(line) for line in lines.offered):
        return "a line looks like a command to the forge"
    if any(_BLOCK.match(line) for line in lines.offered):
        return "a line looks like the beginning of a suggestion"
    return ""


# --- words ---


def _body(outcome: Outcome, changes: Sequence[Change], offered: Sequence[str], *, back: bool) -> str:
    parts: list[str] = []
    told: set[tuple[str, str]] = set()
    for change in changes:
        rewrite = change.rewrite
        if (rewrite.title, rewrite.reason) in told:
            continue
        told.add((rewrite.title, rewrite.reason))
        behind = f": {_QUOTED.prose(rewrite.reason)}" if rewrite.reason.strip() else ""
        parts.append(f"**{_QUOTED.prose(rewrite.title)}** ({_QUOTED.code(rewrite.transform)}){behind}")
        facts = [_fact(outcome, text, source) for text, _, source in facts_of_change(change)[:_FACTS]]
        if facts:
            parts.append("\n".join(f"- {fact}" for fact in facts))
    parts.append("To have it as it was before, commit this:" if back else "To have it, commit this:")
    text = "".join(offered).removesuffix("\n")
    fence = fence_for(text)
    parts.append(f"{fence}suggestion\n{text}\n{fence}")
    return "\n\n".join(parts)


def _fact(outcome: Outcome, text: str, source: str) -> str:
    behind = f" (<{source}>)" if cited(source, outcome) else f" ({_QUOTED.code(source)})" if source else ""
    return f"{_QUOTED.prose(text)}{behind}"
