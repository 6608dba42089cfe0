"""What must still be true after a rewrite, whatever transform made it."""

from __future__ import annotations

from slimify.semantics.build import Build
from slimify.syntax.dockerfile import Instruction
from slimify.syntax.shell import Script, shell_body


def fault(before: Build, after: Build, touched: frozenset[str]) -> str:
    """Why `after` is not an acceptable rewrite of `before`; empty if it is.

    `touched` are the keywords that the rewrite may change. Every other instruction must be there
    as before and in the same order, and RUNs may gain commands and options but lose none.
    """
    if len(before.stages) != len(after.stages):
        return "the number of stages changed"
    if _fixed(before.dockerfile.preamble, touched) != _fixed(after.dockerfile.preamble, touched):
        return "an instruction in front of the first stage changed"
    for old, new in zip(before.stages, after.stages, strict=True):
        if (old.name, old.image, old.parent) != (new.name, new.image, new.parent):
            return f"stage {old.label} changed its name or base"
        if _fixed(old.stage.instructions, touched) != _fixed(new.stage.instructions, touched):
            return f"an instruction of stage {old.label} changed that should not have"
        if why := _commands_lost(old.stage.instructions, new.stage.instructions):
            return f"stage {old.label}: {why}"
    return ""


def _fixed(instructions: tuple[Instruction, ...], touched: frozenset[str]) -> list[tuple[str, str]]:
    return [(one.keyword, one.logical.text) for one in instructions if one.keyword not in touched]


def _runs(instructions: tuple[Instruction, ...]) -> list[tuple[str, ...] | str]:
    """Every command of every RUN as its words, or the whole text of a RUN that cannot be looked into."""
    found: list[tuple[str, ...] | str] = []
    for one in instructions:
        if one.keyword != "RUN":
            continue
        body = shell_body(one)
        if body is None or body.script.opaque:
            found.append(one.logical.text)
        else:
            found += _words(body.script)
    return found


def _words(script: Script) -> list[tuple[str, ...]]:
    return [
        (
            *(f"{one.name}={one.value.text}" for one in command.assignments),
            *(word.text for word in command.words),
        )
        for command in script.commands()
    ]


def _commands_lost(before: tuple[Instruction, ...], after: tuple[Instruction, ...]) -> str:
    remaining = iter(_runs(after))
    for wanted in _runs(before):
        for candidate in remaining:
            if candidate == wanted or _extends(candidate, wanted):
                break
        else:
            return f"the command {wanted if isinstance(wanted, str) else ' '.join(wanted)!r} is gone"
    return ""


def _extends(candidate: tuple[str, ...] | str, wanted: tuple[str, ...] | str) -> bool:
    """Whether a command is the other one with options added behind its name."""
    if isinstance(candidate, str) or isinstance(wanted, str) or candidate[:1] != wanted[:1]:
        return False
    words = iter(candidate)
    return all(any(word == other for other in words) for word in wanted)
