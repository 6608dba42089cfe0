"""Checks of what running cannot show: comments, pragmas, lost cache boundaries.

Like the rest of the harness this reads the text by itself, and does not ask the code under test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

import dockerfile  # type: ignore[import-not-found]

from . import extract
from .model import Run

_KEEP = re.compile(r"#\s*slimify:\s*keep\b", re.IGNORECASE)
_DIRECTIVE = re.compile(r"#\s*(?:syntax|escape|check)\s*=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment line, and the instruction that it stands in or above."""

    text: str
    line: int
    instruction: str


@dataclass(frozen=True, slots=True)
class Boundary:
    """A border between two RUNs of the original that the rewritten file does not have any more."""

    stage: str
    first_line: int
    second_line: int
    #: Line of the RUN that now holds both.
    joined_line: int


def _heredoc_lines(text: str) -> set[int]:
    """Numbers of the lines that are heredoc bodies: a # there is no comment of Docker's."""
    lines: set[int] = set()
    for command in dockerfile.parse_string(text):
        size = sum(doc.content.count("\n") + 1 for doc in command.heredocs)
        lines |= set(range(command.end_line - size + 1, command.end_line + 1))
    return lines


def comments(text: str) -> list[Comment]:
    """Docker's comment lines, those inside continued instructions included."""
    text = text.lstrip("\ufeff")
    bodies = _heredoc_lines(text)
    commands = dockerfile.parse_string(text)
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.lstrip().startswith("#") or number in bodies or _DIRECTIVE.match(line.lstrip()):
            continue
        owner = next((c for c in commands if c.end_line >= number), None)
        found.append(Comment(line.strip(), number, owner.original.strip() if owner else ""))
    return found


def check_comments(before: str, after: str) -> list[str]:
    """Comments that were lost, doubled, or changed places. Whole comments that are new are allowed."""
    old, new = [c.text for c in comments(before)], [c.text for c in comments(after)]
    problems = []
    kept: list[str] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag in ("delete", "replace"):
            kept += old[i1:i2]
        if tag in ("insert", "replace"):
            for item in new[j1:j2]:
                if item in old:
                    problems.append(f"comment moved or doubled: {item}")
    for item in kept:
        if old.count(item) > new.count(item):
            problems.append(f"comment lost: {item}")
        elif not any(item in problem for problem in problems):
            problems.append(f"comment moved or doubled: {item}")
    return problems


def check_pragmas(before: str, after: str) -> list[str]:
    """Instructions under `# slimify: keep` that are not byte for byte what, and where, they were."""
    old, new = _kept(before), _kept(after)
    problems = []
    if len(old) != len(new):
        problems.append(f"{len(old)} instructions under a keep pragma before, {len(new)} after")
    for one, two in zip(old, new, strict=False):
        if one[0] != two[0]:
            problems.append(f"kept instruction changed:\n- {one[0]}\n+ {two[0]}")
        elif not (_within(one[1], two[1]) and _within(one[2], two[2])):
            problems.append(f"something crossed the wall of: {one[0]}")
    return problems


def _within(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether `part` can be had from `whole` by leaving words out."""
    rest = iter(whole)
    return all(word in rest for word in part)


def _kept(text: str) -> list[tuple[str, list[str], list[str]]]:
    """(original text, words before it, words behind it) of every kept instruction.

    The words are compared without what joining adds or takes away (RUN, &&, ;, braces, line ends),
    so that joins and clean-ups on one side of the wall are free, and only what left its side shows.
    """
    text = text.lstrip("\ufeff").replace("\r\n", "\n")
    lines = text.split("\n")
    commands = dockerfile.parse_string(text)
    found = []
    for index, command in enumerate(commands):
        above = commands[index - 1].end_line if index else 0
        if any(_KEEP.match(line.strip()) for line in lines[above : command.start_line - 1]):
            first = _words(c.original for c in commands[:index])
            rest = _words(c.original for c in commands[index + 1 :])
            found.append((command.original.strip(), first, rest))
    return found


def _words(texts: Iterable[str]) -> list[str]:
    words: list[str] = []
    for text in texts:
        words += [w for w in re.split(r"[\s;&|(){}\\]+", text) if w and w.upper() != "RUN"]
    return words


def joined(before: str, after: str) -> list[Boundary]:
    """The cache boundaries that were given up (hazard 14), for comparison with slimify's report."""
    boundaries = []
    for old, new in zip(extract.read(before), extract.read(after), strict=False):
        runs = [step for step in old.steps if isinstance(step, Run)]
        targets = [step for step in new.steps if isinstance(step, Run)]
        where = _locate(runs, targets)
        for (first, at_first), (second, at_second) in pairwise(where):
            if at_first is not None and at_first is at_second:
                boundaries.append(Boundary(old.name, first.line, second.line, at_first.line))
    return boundaries


def _tokens(run: Run) -> list[str]:
    return re.findall(r"[^\s;&|(){}]+", run.script if run.script is not None else " ".join(run.argv))


def _locate(runs: Sequence[Run], targets: Sequence[Run]) -> list[tuple[Run, Run | None]]:
    """In which new RUN each old one's words are, by aligning all words of the stage."""
    old = [(word, run) for run in runs for word in _tokens(run)]
    new = [(word, run) for run in targets for word in _tokens(run)]
    matcher = SequenceMatcher(None, [word for word, _ in old], [word for word, _ in new], autojunk=False)
    votes: dict[int, dict[int, int]] = {}
    for block in matcher.get_matching_blocks():
        for offset in range(block.size):
            source, target = old[block.a + offset][1], new[block.b + offset][1]
            vote = votes.setdefault(id(source), {})
            vote[id(target)] = vote.get(id(target), 0) + 1
    by_id = {id(target): target for target in targets}
    located: list[tuple[Run, Run | None]] = []
    for run in runs:
        vote = votes.get(id(run), {})
        located.append((run, by_id[max(vote, key=lambda key: vote[key])] if vote else None))
    return located
