"""`# slimify: …` comments: what the user has put out of bounds.

- `# slimify: keep` above an instruction: it stays as it is, and nothing is joined across it.
- `# slimify: skip=merge-runs,clean-package-cache` above an instruction: these transforms leave it alone.
- `# slimify: keep-file` and `# slimify: skip-file=merge-runs` anywhere: the same for the whole file.

A pragma holds for the instruction below it, other comment lines in between or not, or for the
one whose continuation lines it stands in.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from slimify.syntax.dockerfile import Comment, Dockerfile, Instruction
from slimify.syntax.source import Span

_PREFIX = "slimify:"
_FOREIGN = ("hadolint ignore", "hadolint global ignore", "tally ignore", "tally global ignore", "check=skip")


class Pragmas(NamedTuple):
    """All pragmas of a file. Instructions are named by where they start."""

    keep_file: bool
    skip_file: frozenset[str]
    kept: frozenset[int]
    skipped: dict[int, frozenset[str]]
    guarded: frozenset[int]
    named: tuple[tuple[str, Span], ...]
    unknown: tuple[tuple[str, Span], ...]

    def keeps(self, instruction: Instruction) -> bool:
        """Whether the instruction must stay byte for byte as it is."""
        return self.keep_file or instruction.span.start in self.kept

    def allows(self, transform: str, instruction: Instruction) -> bool:
        if self.keeps(instruction) or transform in self.skip_file:
            return False
        return transform not in self.skipped.get(instruction.span.start, ())

    def guards(self, instruction: Instruction) -> bool:
        """Whether a linter's ignore comment stands above the instruction, which must stay its first line."""
        return instruction.span.start in self.guarded


def read_pragmas(dockerfile: Dockerfile) -> Pragmas:
    """Read every `# slimify:` comment. What is not understood is kept in `unknown`, never acted on."""
    text = dockerfile.source.text
    kept: set[int] = set()
    skipped: dict[int, set[str]] = {}
    guarded: set[int] = set()
    named: list[tuple[str, Span]] = []
    unknown: list[tuple[str, Span]] = []
    keep_file = False
    skip_file: set[str] = set()
    interesting = [
        comment
        for comment in dockerfile.comments
        if ":" in text[slice(*comment.span)] or "=" in text[slice(*comment.span)]
    ]
    for comment in interesting:
        words = text[slice(*comment.span)].lstrip("#").strip()
        owner = _owner(dockerfile, comment)
        if owner is not None and words.lower().startswith(_FOREIGN):
            guarded.add(owner.span.start)
        if not words.lower().startswith(_PREFIX):
            continue
        for word in words[len(_PREFIX) :].replace(" =", "=").replace("= ", "=").split():
            verb, _, names = word.partition("=")
            verb = verb.lower()
            transforms = {name for name in names.split(",") if name}
            named += [(name, comment.span) for name in sorted(transforms)]
            if verb == "keep-file":
                keep_file = True
            elif verb == "skip-file" and transforms:
                skip_file |= transforms
            elif verb == "keep" and owner is not None:
                kept.add(owner.span.start)
            elif verb == "skip" and transforms and owner is not None:
                skipped.setdefault(owner.span.start, set()).update(transforms)
            else:
                unknown.append((word, comment.span))
    return Pragmas(
        keep_file=keep_file,
        skip_file=frozenset(skip_file),
        kept=frozenset(kept),
        skipped={at: frozenset(names) for at, names in skipped.items()},
        guarded=frozenset(guarded),
        named=tuple(named),
        unknown=tuple(unknown),
    )


def _owner(dockerfile: Dockerfile, comment: Comment) -> Instruction | None:
    """The instruction that ends on or behind the line of the comment: the one around it, or the one below."""
    at = bisect_left(dockerfile.instructions, comment.line, key=lambda one: one.end_line)
    return dockerfile.instructions[at] if at < len(dockerfile.instructions) else None
