"""Where a Dockerfile names its stages: the FROM that gives a stage its name, and all that speak of it by that name.

Sources: Dockerfile reference, "FROM", "COPY --from", "RUN --mount=type=bind".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from slimify.syntax.dockerfile import Dockerfile, Flag, Instruction
from slimify.syntax.source import Span

# BuildKit: a letter first; and these two are taken.
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_.-]*")
_RESERVED = frozenset({"scratch", "context"})


class Mention(NamedTuple):
    """A place that speaks of a stage. `numbered`: by its number, which no renaming changes."""

    stage: int
    span: Span
    defines: bool = False
    numbered: bool = False


def mentions(dockerfile: Dockerfile) -> tuple[Mention, ...]:
    """Every mention of a stage, in the order of the text."""
    found: list[Mention] = []
    names: dict[str, int] = {}
    for stage in dockerfile.stages:
        words = stage.base.words
        if words and (known := names.get(words[0].text.lower())) is not None:
            found.append(Mention(known, words[0].span))
        if stage.name is not None and len(words) == 3:
            found.append(Mention(stage.index, words[2].span, defines=True))
        for one in stage.instructions:
            for flag in one.flags:
                if (place := _named_by(dockerfile, one, flag)) is None:
                    continue
                name = dockerfile.source[place]
                if (known := names.get(name.lower())) is not None:
                    found.append(Mention(known, place))
                elif name.isdecimal() and int(name) < stage.index and one.keyword in ("COPY", "RUN"):
                    found.append(Mention(int(name), place, numbered=True))
        if stage.name is not None:
            names[stage.name] = stage.index
    return tuple(found)


def _named_by(dockerfile: Dockerfile, one: Instruction, flag: Flag) -> Span | None:
    """Where a flag of COPY or RUN names a stage or an image, if its text stands in the file as it is read."""
    value = flag.value or ""
    if dockerfile.source[flag.span] != flag.text:
        return None
    start = flag.span.end - len(value)
    if one.keyword == "COPY" and flag.name == "from" and value:
        return Span(start, flag.span.end)
    if one.keyword == "RUN" and flag.name == "mount":
        for part in value.split(","):
            if part.lower().startswith("from=") and len(part) > 5:
                return Span(start + 5, start + len(part))
            start += len(part) + 1
    return None


def mention_at(found: tuple[Mention, ...], offset: int) -> Mention | None:
    """The mention that an offset stands in or at the end of."""
    return next((one for one in found if one.span.start <= offset <= one.span.end), None)


def cannot_be_named(dockerfile: Dockerfile, stage: int, name: str) -> str:
    """Why a stage cannot get this name; empty if it can."""
    if not _NAME.fullmatch(name):
        return f"{name!r} is no name for a stage: a letter first, then letters, digits, '-', '_' and '.'"
    if name.lower() in _RESERVED:
        return f"{name} is not free to be a stage's name"
    if any(one.name == name.lower() for one in dockerfile.stages if one.index != stage):
        return f"there is a stage {name} already"
    # From then on a FROM or a COPY of an image of that name would take the stage.
    for other in dockerfile.stages[stage + 1 :]:
        if other.image.lower() == name.lower():
            return f"{name} is an image that a later stage is built on"
        for one in other.instructions:
            for flag in one.flags:
                place = _named_by(dockerfile, one, flag)
                if place is not None and dockerfile.source[place].lower() == name.lower():
                    return f"{name} is an image that a later stage copies from"
    return ""
