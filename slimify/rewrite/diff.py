"""Unified diffs: to make them, to read them back, to apply them, and to take only part of one.

The format is that of the GNU diffutils manual, "Detailed Description of Unified Format", with
git's way of writing file names (git-diff-files(1), "Generating patch text with -p", and
core.quotePath in git-config(1)). What stands here is accepted by `git apply`, `patch -p1` and unidiff.

difflib finds the differences and unidiff reads patches; both are imported where they are used,
because a run that changes nothing should not pay for them. A line ends after a line feed and
nowhere else. A diff is text as `Source.text` is: bytes that are not UTF-8 are lone surrogates, so
it is written with `errors="surrogateescape"`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from slimify.syntax.source import Source

if TYPE_CHECKING:
    from unidiff.patch import Hunk as UnidiffHunk
    from unidiff.patch import PatchedFile

    from slimify.rewrite.edit import FileEdit
    from slimify.rewrite.outcome import Outcome

CONTEXT = 3
NO_NEWLINE = "\\ No newline at end of file\n"

# Up to this many pairs of lines difflib compares everything with everything. Above it, anchors
# divide the text first: difflib alone takes minutes on 20,000 lines with a change in every tenth.
_PAIRS = 160_000
_DEPTH = 8

_LABEL = re.compile(r"[A-Za-z0-9][\w.:/-]*(?:, [A-Za-z0-9][\w.:/-]*)*")
_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
_NAMED = {code: letter for letter, code in _ESCAPES.items()}


class PatchError(ValueError):
    """A patch that cannot be read, or that does not fit the file. `hunk` and `line` are 0 if unknown."""

    def __init__(self, message: str, path: str = "", hunk: int = 0, line: int = 0) -> None:
        place = [path] if path else []
        place += [f"hunk {hunk}"] if hunk else []
        place += [f"line {line}"] if line else []
        super().__init__(f"{', '.join(place)}: {message}" if place else message)
        self.path = path
        self.hunk = hunk
        self.line = line


class Block(NamedTuple):
    """Lines of the old text and the lines that replace them; half-open ranges that count from 0."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


class PatchLine(NamedTuple):
    """A line of a hunk: `kind` is a blank, `-` or `+`; `text` lacks its line feed only where the file does."""

    kind: str
    text: str


class Hunk(NamedTuple):
    """A hunk as it was read. `start` and `length` are those of its header for the old file."""

    start: int
    length: int
    section: str
    lines: tuple[PatchLine, ...]

    @property
    def transforms(self) -> tuple[str, ...]:
        """The transforms that `annotated_diff` named in the header; empty if it names none."""
        return tuple(self.section.split(", ")) if _LABEL.fullmatch(self.section) else ()

    @property
    def old(self) -> list[str]:
        return [line.text for line in self.lines if line.kind != "+"]

    @property
    def new(self) -> list[str]:
        return [line.text for line in self.lines if line.kind != "-"]


class FilePatch(NamedTuple):
    """What a patch says about one file. `problem` tells why it is more than a change of its lines."""

    path: str
    hunks: tuple[Hunk, ...]
    problem: str = ""


class HunkInfo(NamedTuple):
    """A hunk of an outcome, and who made it.

    `transforms` made its lines. `together` are the transforms that must all be wanted for it to be
    applied: its own, and those of every hunk that a rewrite with edits in several places ties it
    to. `changes` are indices into `outcome.changes`, of those that it is made of in part or
    in whole. `old_start` counts lines from 1; the hunk's context is included in its lengths.
    """

    old_start: int
    old_length: int
    new_start: int
    new_length: int
    transforms: tuple[str, ...]
    together: tuple[str, ...]
    changes: tuple[int, ...]
    blocks: tuple[Block, ...]


# --- making ---


def unified_diff(before: Source, after: Source, context: int = CONTEXT) -> str:
    """The unified diff between two texts, empty if they are the same."""
    if before.text == after.text:
        return ""
    old, new = split_lines(before.text), split_lines(after.text)
    groups = _grouped(_blocks(old, new), context)
    return _format(before, after, old, new, [(_range(g, context, len(old)), "") for g in groups])


def file_diff(file: FileEdit, section: str = "") -> str:
    """The unified diff of another file than the Dockerfile, which may be new; `section` heads its hunks."""
    new = split_lines(file.after)
    if file.before is None:
        head = f"--- /dev/null\n+++ {_header_path('b', file.path)}\n@@ -0,0 +1,{len(new)} @@ {section}".rstrip()
        return head + "\n" + "".join(f"+{line}" for line in new)
    before, after = Source(file.before, file.path), Source(file.after, file.path)
    old = split_lines(file.before)
    groups = _grouped(_blocks(old, new), CONTEXT)
    return _format(before, after, old, new, [(_range(group, CONTEXT, len(old)), section) for group in groups])


def annotated_diff(outcome: Outcome, context: int = CONTEXT) -> str:
    """The diff of an outcome, each hunk headed by the names of its transforms: `@@ -1,3 +1,4 @@ merge-runs`.

    The names stand where other tools put the line of the enclosing function, which git, patch and
    unidiff ignore, so that a saved patch can be applied by transform later (`apply_patch`). The
    names are `HunkInfo.together`.

    Neighbouring changes of different transforms get hunks of their own, with less context, if at
    least two lines stand between them. git and patch take a hunk with less context behind than
    before for the end of the file, so it is cut on both sides alike.
    """
    if not outcome.changed:
        return ""
    others = "".join(
        file_diff(file, _label(change.rewrite.transform))
        for change, file in zip(
            (change for change in outcome.changes for _ in change.rewrite.files), outcome.files, strict=True
        )
    )
    if outcome.before.text == outcome.after.text:
        return others
    old, new = split_lines(outcome.before.text), split_lines(outcome.after.text)
    headed = [(_range_of(info), ", ".join(map(_label, info.together))) for info in hunks(outcome, context)]
    return _format(outcome.before, outcome.after, old, new, headed) + others


def split_lines(text: str) -> list[str]:
    """The lines with their line feeds. `str.splitlines` would also break at form feeds, U+2028 and others."""
    lines = text.split("\n")
    last = lines.pop()
    ended = [line + "\n" for line in lines]
    return [*ended, last] if last else ended


class _Range(NamedTuple):
    """A hunk with its context; ranges count from 0."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int
    blocks: Sequence[Block]


def _format(
    before: Source,
    after: Source,
    old: Sequence[str],
    new: Sequence[str],
    headed: Iterable[tuple[_Range, str]],
) -> str:
    parts = [f"--- {_header_path('a', before.path)}\n", f"+++ {_header_path('b', after.path)}\n"]
    for one, section in headed:
        old_range = _header_range(one.old_start, one.old_end)
        new_range = _header_range(one.new_start, one.new_end)
        parts.append(f"@@ -{old_range} +{new_range} @@{' ' + section if section else ''}\n")
        at = one.old_start
        for block in one.blocks:
            parts += _marked(" ", old[at : block.old_start])
            parts += _marked("-", old[block.old_start : block.old_end])
            parts += _marked("+", new[block.new_start : block.new_end])
            at = block.old_end
        parts += _marked(" ", old[at : one.old_end])
    return "".join(parts)


def _marked(kind: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield kind + line
        if not line.endswith("\n"):
            yield "\n" + NO_NEWLINE


def _header_range(start: int, end: int) -> str:
    """`start,length` as GNU diff writes it: a length of 1 left out, an empty range by the line before it."""
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _range(blocks: Sequence[Block], context: int, length: int) -> _Range:
    first, last = blocks[0], blocks[-1]
    lead = min(context, first.old_start)
    trail = min(context, length - last.old_end)
    return _Range(first.old_start - lead, last.old_end + trail, first.new_start - lead, last.new_end + trail, blocks)


def _range_of(info: HunkInfo) -> _Range:
    old = info.old_start - (1 if info.old_length else 0)
    new = info.new_start - (1 if info.new_length else 0)
    return _Range(old, old + info.old_length, new, new + info.new_length, info.blocks)


def normal_path(path: str) -> str:
    """A path as a patch names it: relative, with nothing superfluous in it."""
    import posixpath

    return posixpath.normpath(path).lstrip("/")


def _header_path(prefix: str, path: str) -> str:
    """A file name as git writes it: in quotes if need be, else with a tab behind if it holds a blank.

    The tab keeps `patch` from taking the rest of the name for a date (git's diff.c says so).
    """
    name = f"{prefix}/{normal_path(path)}"
    data = name.encode("utf-8", "surrogateescape")
    quoted = "".join(_quoted_byte(byte) for byte in data)
    if quoted != name:
        return f'"{quoted}"'
    return name + "\t" if " " in name else name


def _quoted_byte(byte: int) -> str:
    if byte in _NAMED:
        return "\\" + _NAMED[byte]
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"


def _label(transform: str) -> str:
    return re.sub(r"[^\w.:/-]+", "-", transform)


# --- finding the differences ---


def blocks(before: Source, after: Source) -> list[Block]:
    """The lines that differ between two texts."""
    return _blocks(split_lines(before.text), split_lines(after.text))


def _blocks(old: Sequence[str], new: Sequence[str], anchors: Iterable[tuple[int, int]] = ()) -> list[Block]:
    """What differs, in order, with at least one common line between any two blocks.

    `anchors` are pairs of equal lines that are known to belong together, in ascending order.
    """
    pairs: list[tuple[int, int]] = []
    i = j = 0
    for a, b in [*anchors, (len(old), len(new))]:
        pairs += _matches(old, new, i, a, j, b)
        pairs.append((a, b))
        i, j = a + 1, b + 1
    found: list[Block] = []
    i = j = 0
    for a, b in pairs:
        if a > i or b > j:
            found.append(Block(i, a, j, b))
        i, j = a + 1, b + 1
    return found


def _matches(
    old: Sequence[str], new: Sequence[str], i: int, i_end: int, j: int, j_end: int, depth: int = 0
) -> list[tuple[int, int]]:
    """Pairs of equal lines of two ranges, ascending in both."""
    head: list[tuple[int, int]] = []
    while i < i_end and j < j_end and old[i] == new[j]:
        head.append((i, j))
        i, j = i + 1, j + 1
    tail: list[tuple[int, int]] = []
    while i < i_end and j < j_end and old[i_end - 1] == new[j_end - 1]:
        i_end, j_end = i_end - 1, j_end - 1
        tail.append((i_end, j_end))
    return [*head, *_inner_matches(old, new, i, i_end, j, j_end, depth), *reversed(tail)]


def _inner_matches(
    old: Sequence[str], new: Sequence[str], i: int, i_end: int, j: int, j_end: int, depth: int
) -> list[tuple[int, int]]:
    if i == i_end or j == j_end:
        return []
    if (i_end - i) * (j_end - j) <= _PAIRS:
        import difflib

        matcher = difflib.SequenceMatcher(None, old[i:i_end], new[j:j_end], autojunk=False)
        return [(i + a + k, j + b + k) for a, b, size in matcher.get_matching_blocks() for k in range(size)]
    found: list[tuple[int, int]] = []
    anchors = _anchors(old, new, i, i_end, j, j_end) if depth < _DEPTH else []
    # Without an anchor the range counts as replaced: right in any case, and never slow.
    for a, b in [*anchors, (i_end, j_end)] if anchors else []:
        found += _matches(old, new, i, a, j, b, depth + 1)
        if a < i_end:
            found.append((a, b))
        i, j = a + 1, b + 1
    return found


def _anchors(old: Sequence[str], new: Sequence[str], i: int, i_end: int, j: int, j_end: int) -> list[tuple[int, int]]:
    """Lines that occur equally often on both sides, paired by occurrence, where that keeps the order.

    A patience diff (Bram Cohen) does so with the lines that occur once.
    """
    old_count, new_count = Counter(old[i:i_end]), Counter(new[j:j_end])
    places: dict[str, list[int]] = {}
    for b in range(j, j_end):
        line = new[b]
        if old_count[line] == new_count[line]:
            places.setdefault(line, []).append(b)
    seen: Counter[str] = Counter()
    pairs: list[tuple[int, int]] = []
    for a in range(i, i_end):
        line = old[a]
        if line in places:
            pairs.append((a, places[line][seen[line]]))
            seen[line] += 1
    return _ascending(pairs)


def _ascending(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """A longest subsequence whose second members ascend (patience sorting)."""
    # For each length the smallest second member that ends such a subsequence, and which pair that is.
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for at, (_, b) in enumerate(pairs):
        length = bisect_left(tops, b)
        before.append(ends[length - 1] if length else -1)
        tops[length : length + 1] = [b]
        ends[length : length + 1] = [at]
    chain: list[tuple[int, int]] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _grouped(blocks: Sequence[Block], context: int) -> list[list[Block]]:
    """Blocks whose context would touch, together."""
    groups: list[list[Block]] = []
    for block in blocks:
        if groups and block.old_start - groups[-1][-1].old_end <= 2 * context:
            groups[-1].append(block)
        else:
            groups.append([block])
    return groups


# --- who made what ---


def hunks(outcome: Outcome, context: int = CONTEXT) -> tuple[HunkInfo, ...]:
    """The hunks of an outcome, and the transforms that made the lines of each."""
    if not outcome.changed:
        return ()
    old, new = split_lines(outcome.before.text), split_lines(outcome.after.text)
    blocks = _blocks(old, new, _kept(outcome, old, new))
    touched = _touching(outcome, blocks)
    own = [_transforms(outcome, block, changes) for block, changes in zip(blocks, touched, strict=True)]
    components = _components(blocks, touched)
    together: dict[int, dict[str, None]] = {}
    for component, names in zip(components, own, strict=True):
        together.setdefault(component, {}).update(dict.fromkeys(names))
    labels = [tuple(together[component]) for component in components]
    found: list[HunkInfo] = []
    for indices, one in _labelled(blocks, labels, context, len(old)):
        old_length, new_length = one.old_end - one.old_start, one.new_end - one.new_start
        found.append(
            HunkInfo(
                old_start=one.old_start + (1 if old_length else 0),
                old_length=old_length,
                new_start=one.new_start + (1 if new_length else 0),
                new_length=new_length,
                transforms=tuple(dict.fromkeys(name for at in indices for name in own[at])),
                together=labels[indices[0]],
                changes=tuple(sorted({change for at in indices for change in touched[at]})),
                blocks=tuple(one.blocks),
            )
        )
    return tuple(found)


def blocks_of_changes(outcome: Outcome) -> tuple[tuple[Block, ...], ...]:
    """For each of `outcome.changes`, all that must be replaced for it to be made.

    Those are whole blocks, with those of every other change that they cannot be told apart from.
    Empty for a change of which nothing is left in the result.
    """
    if not outcome.changed:
        return ((),) * len(outcome.changes)
    old, new = split_lines(outcome.before.text), split_lines(outcome.after.text)
    blocks = _blocks(old, new, _kept(outcome, old, new))
    touched = _touching(outcome, blocks)
    components = _components(blocks, touched)
    members: dict[int, list[Block]] = {}
    for component, block in zip(components, blocks, strict=True):
        members.setdefault(component, []).append(block)
    home = {change: component for component, changes in zip(components, touched, strict=True) for change in changes}
    return tuple(tuple(members[home[at]]) if at in home else () for at in range(len(outcome.changes)))


def select(outcome: Outcome, only: Collection[str] = (), skip: Collection[str] = ()) -> Source:
    """The text with only some transforms' hunks applied; empty `only` means every transform.

    A hunk that several transforms made is applied only if all of them are wanted, and so are all
    hunks that one rewrite ties together: half a rewrite is never applied. Nothing is checked
    again. Where the Dockerfile is at hand, running the pipeline with the same `only` and `skip`
    finds more, and checks it.
    """
    if only or skip:
        blocks = [b for info in hunks(outcome) if _wanted(info.together, only, skip) for b in info.blocks]
    else:
        return outcome.after
    old, new = split_lines(outcome.before.text), split_lines(outcome.after.text)
    parts: list[str] = []
    at = 0
    for block in blocks:
        parts += old[at : block.old_start]
        parts += new[block.new_start : block.new_end]
        at = block.old_end
    return Source("".join([*parts, *old[at:]]), outcome.after.path)


def _wanted(transforms: Collection[str], only: Collection[str], skip: Collection[str]) -> bool:
    """Whether all of them are wanted. What nobody answers for is wanted only if everything is."""
    if not transforms:
        return not only and not skip
    return all((not only or name in only) and name not in skip for name in transforms)


def _kept(outcome: Outcome, old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The lines that no transform touched, paired with where they were."""
    pairs: list[tuple[int, int]] = []
    last = -1
    for b, origin in enumerate(outcome.origins[: len(new)]):
        if origin.transforms or len(origin.lines) != 1:
            continue
        a = origin.lines[0] - 1
        if last < a < len(old) and old[a] == new[b]:
            pairs.append((a, b))
            last = a
    return pairs


def _touching(outcome: Outcome, blocks: Sequence[Block]) -> list[tuple[int, ...]]:
    """For each block the changes (by index) that had a hand in it.

    A block that only inserts has no old lines of its own. The lines around it and those that its
    lines come from stand for it, as far as the transform is one of those that made what is inserted.
    """
    by_line: dict[int, list[int]] = {}
    for at, change in enumerate(outcome.changes):
        for line in change.lines:
            by_line.setdefault(line, []).append(at)
    found: list[tuple[int, ...]] = []
    for block in blocks:
        inside = {at for line in range(block.old_start + 1, block.old_end + 1) for at in by_line.get(line, ())}
        makers = _makers(outcome, block)
        lines = {line for b in range(block.new_start, block.new_end) for line in _origin_lines(outcome, b)}
        for line in {block.old_start, block.old_end + 1, *lines}:
            near = by_line.get(line, ())
            inside.update(at for at in near if not makers or outcome.changes[at].rewrite.transform in makers)
        found.append(tuple(sorted(inside)))
    return found


def _origin_lines(outcome: Outcome, b: int) -> tuple[int, ...]:
    return outcome.origins[b].lines if b < len(outcome.origins) else ()


def _makers(outcome: Outcome, block: Block) -> tuple[str, ...]:
    origins = outcome.origins[block.new_start : block.new_end]
    return tuple(dict.fromkeys(name for origin in origins for name in origin.transforms))


def _transforms(outcome: Outcome, block: Block, changes: Iterable[int]) -> tuple[str, ...]:
    names = dict.fromkeys(outcome.changes[at].rewrite.transform for at in changes)
    return tuple({**names, **dict.fromkeys(_makers(outcome, block))})


def _components(blocks: Sequence[Block], touched: Sequence[tuple[int, ...]]) -> list[int]:
    """A number for each block; blocks with the same number are applied together or not at all.

    Those are the blocks of one change, and blocks with a single line between them, which leaves
    no room for two hunks.
    """
    parent = list(range(len(blocks)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    home: dict[int, int] = {}
    for at, changes in enumerate(touched):
        for change in changes:
            parent[root(at)] = root(home.setdefault(change, at))
    for at, (one, other) in enumerate(pairwise(blocks)):
        if other.old_start - one.old_end < 2:
            parent[root(at + 1)] = root(at)
    return [root(at) for at in range(len(blocks))]


def _labelled(
    blocks: Sequence[Block],
    labels: Sequence[tuple[str, ...]],
    context: int,
    length: int,
) -> Iterator[tuple[list[int], _Range]]:
    """Hunks whose blocks all have the same label, as indices and range."""
    groups: list[list[int]] = []
    for at, block in enumerate(blocks):
        last = groups[-1][-1] if groups else -1
        if groups and labels[last] == labels[at] and block.old_start - blocks[last].old_end <= 2 * context:
            groups[-1].append(at)
        else:
            groups.append([at])
    room = [context]
    for one, other in pairwise(groups):
        room.append(min(context, (blocks[other[0]].old_start - blocks[one[-1]].old_end) // 2))
    room.append(context)
    for at, group in enumerate(groups):
        yield group, _range([blocks[i] for i in group], min(room[at], room[at + 1]), length)


# --- reading and applying ---


def parse(patch: str) -> tuple[FilePatch, ...]:
    """Read a patch with unidiff. Raises `PatchError` for what is no patch or is damaged.

    unidiff passes over what it does not know; a hunk that it would lose that way is an error here.
    """
    from unidiff.errors import UnidiffParseError
    from unidiff.patch import PatchSet

    try:
        # StringIO, which unidiff uses for a string, leaves line ends as they are (its `newline` is "\n").
        files = PatchSet.from_string(patch)
    except UnidiffParseError as error:
        raise PatchError(f"not a valid patch: {str(error).strip()}") from error
    _check_complete(patch, files)
    return tuple(_file_patch(one) for one in files)


def patched_files(patch: str) -> tuple[str, ...]:
    """The paths that a patch changes, in its order, without git's `a/` and `b/`."""
    return tuple(dict.fromkeys(one.path for one in parse(patch)))


def apply_patch(
    source: Source,
    patch: str,
    path: str | None = None,
    only: Collection[str] = (),
    skip: Collection[str] = (),
) -> Source:
    """The source with the patch applied: every hunk fits, or nothing is done.

    A hunk fits at its stated line, or else at the only place behind the hunk before it where its
    lines stand, as when lines were added further up since the patch was made.

    Only what the patch says about `path` (by default the source's own) is applied. `only` and
    `skip` choose hunks by the transforms that `annotated_diff` named in their headers, as in
    `select`. Raises `PatchError`.
    """
    name = normal_path(source.path if path is None else path)
    files = [one for one in parse(patch) if one.path == name]
    if not files:
        raise PatchError("the patch does not mention this file", name)
    text = source.text
    for one in files:
        if one.problem:
            raise PatchError(one.problem, name)
        text = _apply(text, one, _chooser(name, only, skip))
    return Source(text, source.path)


def created_files(patch: str, only: Collection[str] = (), skip: Collection[str] = ()) -> dict[str, str]:
    """The files that a patch makes anew and their texts, as far as `only` and `skip` want them. Raises `PatchError`."""
    found: dict[str, str] = {}
    for one in parse(patch):
        if one.problem == _CREATES and all(_chooser(one.path, only, skip)(1, hunk) for hunk in one.hunks):
            found[one.path] = "".join(line for hunk in one.hunks for line in hunk.new)
    return found


def left_out(patch: str, path: str, only: Collection[str], skip: Collection[str]) -> tuple[Hunk, ...]:
    """The hunks for a file that `only` and `skip` leave out although a transform that is wanted had a hand in them."""
    hunks = [hunk for one in parse(patch) if one.path == normal_path(path) for hunk in one.hunks]
    return tuple(
        hunk
        for hunk in hunks
        if not _wanted(hunk.transforms, only, skip) and any(_wanted((name,), only, skip) for name in hunk.transforms)
    )


def verify(before: Source, after: Source, diff: str) -> bool:
    """Whether `diff`, read back and applied to `before`, gives `after`."""
    if not diff:
        return before.text == after.text
    try:
        return apply_patch(before, diff).text == after.text
    except PatchError:
        return False


def _chooser(path: str, only: Collection[str], skip: Collection[str]) -> Callable[[int, Hunk], bool]:
    def chosen(number: int, hunk: Hunk) -> bool:
        if not only and not skip:
            return True
        if not hunk.transforms:
            raise PatchError("its header names no transforms to choose by", path, number)
        return _wanted(hunk.transforms, only, skip)

    return chosen


def _apply(text: str, patch: FilePatch, chosen: Callable[[int, Hunk], bool]) -> str:
    lines = split_lines(text)
    parts: list[str] = []
    at = last = shift = 0
    for number, hunk in enumerate(patch.hunks, 1):
        stated = hunk.start - 1 if hunk.length else hunk.start
        if stated < last:
            raise PatchError("it overlaps the hunk before it", patch.path, number, hunk.start)
        last = stated + hunk.length
        old = hunk.old
        start = _place(lines, stated + shift, at, old)
        if start is None:
            _check_fit(lines, stated + shift, old, patch.path, number)
            raise PatchError("it overlaps the hunk before it", patch.path, number, hunk.start)
        shift = start - stated
        parts += lines[at:start]
        parts += hunk.new if chosen(number, hunk) else old
        at = start + len(old)
    parts += lines[at:]
    for number, line in enumerate(parts[:-1], 1):
        if not line.endswith("\n"):
            raise PatchError("a line without a line feed is not the last", patch.path, 0, number)
    return "".join(parts)


def _place(lines: Sequence[str], stated: int, least: int, old: Sequence[str]) -> int | None:
    """Where a hunk's old lines stand: at the stated line, or at the only other place; None if nowhere or in several."""
    length = len(old)
    if stated >= least and stated + length <= len(lines) and list(lines[stated : stated + length]) == list(old):
        return stated
    if not old:
        return None
    found = [
        at
        for at in range(least, len(lines) - length + 1)
        if lines[at] == old[0] and list(lines[at : at + length]) == list(old)
    ]
    return found[0] if len(found) == 1 else None


def _check_fit(lines: Sequence[str], start: int, old: Sequence[str], path: str, number: int) -> None:
    if start > len(lines):
        raise PatchError(f"the file has only {len(lines)} lines", path, number, start)
    for at, line in enumerate(old, start):
        if at >= len(lines):
            raise PatchError(f"the file has only {len(lines)} lines", path, number, at + 1)
        if lines[at] != line:
            raise PatchError(f"expected {line!a}, found {lines[at]!a}", path, number, at + 1)


def _check_complete(patch: str, files: Iterable[PatchedFile]) -> None:
    """No hunk header may stand outside the hunks, and no line of a hunk right behind one."""
    inside: set[int] = set()
    for one in files:
        for hunk in one:
            numbers = [line.diff_line_no for line in hunk if line.diff_line_no is not None]
            inside.update(range(numbers[0] - 1, numbers[-1] + 1))
    lines = ["", *split_lines(patch), ""]
    for number, line in enumerate(lines):
        if number in inside:
            continue
        behind = number - 1 in inside or (number - 2 in inside and lines[number - 1].startswith("\\"))
        header = line.startswith("--- ") and lines[number + 1].startswith("+++ ")
        # "-- " is the signature that git format-patch ends with.
        stray = behind and line.startswith((" ", "+", "-")) and not header and line.rstrip("\r\n") not in ("-- ", "--")
        if stray or line.startswith("@@ -"):
            raise PatchError(f"line {number} of the patch belongs to no hunk: {line.rstrip()!a}")


_CREATES = "the patch creates the file"


def _file_patch(one: PatchedFile) -> FilePatch:
    old, new = _unquoted(one.source_file), _unquoted(one.target_file)
    # git's two prefixes differ (a/ and b/, or i/ and w/ with diff.mnemonicPrefix); otherwise it is a folder.
    if re.match(r"[abciow12]/", old) and re.match(r"[abciow12]/", new) and old[0] != new[0]:
        old, new = old[2:], new[2:]
    elif "/dev/null" in (old, new):
        old, new = (re.sub(r"^[abciow12]/", "", name) for name in (old, new))
    found = tuple(_hunk(hunk) for hunk in one)
    if old == "/dev/null":
        return FilePatch(new, found, _CREATES)
    if new == "/dev/null":
        return FilePatch(old, found, "the patch deletes the file")
    if one.is_binary_file:
        return FilePatch(new, found, "the patch is a binary one")
    if old != new:
        return FilePatch(old, found, f"the patch renames it to {new}")
    return FilePatch(new, found)


def _hunk(hunk: UnidiffHunk) -> Hunk:
    lines: list[PatchLine] = []
    for line in hunk:
        if line.line_type == "\\":
            if lines:
                lines[-1] = PatchLine(lines[-1].kind, lines[-1].text.removesuffix("\n"))
        elif line.line_type in (" ", "-", "+"):
            lines.append(PatchLine(line.line_type, line.value))
    return Hunk(hunk.source_start, hunk.source_length, hunk.section_header.strip(), tuple(lines))


def _unquoted(name: str) -> str:
    """A file name without git's quotes and escapes."""
    if not (len(name) > 1 and name[0] == name[-1] == '"'):
        return name.rstrip("\r")
    data = bytearray()
    for plain, octal, letter in re.findall(r"([^\\]+)|\\([0-7]{1,3})|\\(.)", name[1:-1], re.DOTALL):
        if plain:
            data += plain.encode("utf-8", "surrogateescape")
        else:
            data.append(int(octal, 8) & 0xFF if octal else _ESCAPES.get(letter, ord(letter) & 0xFF))
    return data.decode("utf-8", "surrogateescape")
