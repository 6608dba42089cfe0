"""What make leaves, by the Makefiles of the build context."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.transforms.split_stage.native import Native, words
from slimify.transforms.split_stage.native_cmake import cmake_built
from slimify.transforms.split_stage.native_others import configured_built
from slimify.transforms.split_stage.outputs import absolute
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.context.found import Unknown
from slimify.context.makefile import UNKNOWN, find_makefile, read_rules
from slimify.context.recipes import Effects, read_effects
from slimify.semantics.commands import Invocation

# More than a person writes into Makefiles.
_MAKES = 200
_VALUED = frozenset("-C -f -I -o -W --directory --file --makefile --include-dir".split())


def make(native: Native, run: Run, call: Invocation) -> None:
    """make is called by the RUN itself."""
    _make(native, run, absolute(run, "."), list(words(run, call)), 0)


def _make(native: Native, run: Run, folder: str, argv: list[str], depth: int) -> None:
    span = run.step.instruction.span
    native.flags(run)
    given: dict[str, str] = {}
    goals: list[str] = []
    named = ""
    rest = iter(argv)
    for word in rest:
        if word in _VALUED:
            value = next(rest, "")
            folder = posixpath.normpath(posixpath.join(folder, value)) if word in ("-C", "--directory") else folder
            named = value if word in ("-f", "--file", "--makefile") else named
        elif assigned := re.fullmatch(r"(\w+)\s*:?=(.*)", word, re.DOTALL):
            given[assigned[1]] = assigned[2]
        elif word in ("-j", "-l"):
            continue
        elif not word.startswith("-") and not word.isdecimal():
            goals.append(word)
    native.makes += 1
    if depth > 8 or native.makes > _MAKES or UNKNOWN in " ".join([*goals, folder]):
        raise Refused("what make builds is not known", span)
    native.outputs.entered[folder] = None
    if folder in native.projects:
        cmake_built(native, run, native.projects[folder], goals)
    elif folder in native.configured:
        configured_built(native, run, folder, goals)
    else:
        _makefile(native, run, folder, named, goals, given, depth)


def _makefile(
    native: Native, run: Run, folder: str, named: str, goals: list[str], given: dict[str, str], depth: int
) -> None:
    span = run.step.instruction.span
    path = _makefile_of(native, run, folder, named)
    if path is None:
        raise Refused(f"no Makefile is known to be in {folder}", span)
    env = {name: value for name, value in run.step.state.env.items() if value is not None}
    rules = read_rules(native.context, path, given, env)
    if isinstance(rules, Unknown) or rules.unknown:
        why = rules if isinstance(rules, Unknown) else rules.unknown[0]
        raise Refused(f"{why.place.file}:{why.place.line}: {why.reason}", span)
    if rules.missing(tuple(goals)):
        raise Refused(f"{path} has no rule for {rules.missing(tuple(goals))[0]}", span)
    effects = read_effects(rules.reached(tuple(goals)))
    for one in effects.unknown:
        raise Refused(f"{one.place.file}:{one.place.line}: {one.reason}", span)
    native.lines += effects.lines
    native.plus_plus = native.plus_plus or effects.plus_plus
    for inner in effects.inner:
        _make(native, run, posixpath.normpath(posixpath.join(folder, inner.folder)), [*inner.words], depth + 1)
    _leave(native, run, folder, effects)


def _leave(native: Native, run: Run, folder: str, effects: Effects) -> None:
    """Note the programs that the recipes leave; or all of the folder, where they write more in it."""
    span = run.step.instruction.span
    place = _Place(folder)
    for path, where in effects.written:
        if path != UNKNOWN and not place.inside(path):
            raise Refused(f"{where.file}:{where.line}: it writes {place.of(path)}", span)
    programs = [*effects.programs, *effects.shared]
    for source, target in effects.placed:
        known = source in programs or native.files.source(run.step, place.of(source)) is not None
        if not place.inside(target) and not known:
            raise Refused(f"what is installed as {place.of(target)} is not known", span)
    placed = {source: target for source, target in effects.placed if not place.inside(target)}
    if effects.written or effects.shared or len(placed) < len(effects.placed) or set(effects.removed) & set(programs):
        if any(not place.inside(path) for path in programs):
            raise Refused("make writes in several folders", span)
        native.whole(run, folder)
    native.outputs.folders.update(dict.fromkeys(map(place.of, effects.folders)))
    for path in programs:
        # Where it was made is no matter to what is run where it was put.
        if path not in placed or native.started(place.of(path)):
            native.outputs.add(place.of(path))
        else:
            native.outputs.paths.pop(place.of(path), None)
    for target in placed.values():
        native.outputs.add(place.of(target))


def _makefile_of(native: Native, run: Run, folder: str, named: str) -> str | None:
    for name in [named] if named else ["GNUmakefile", "makefile", "Makefile"]:
        found = native.files.source(run.step, posixpath.normpath(posixpath.join(folder, name)))
        if found is not None:
            return found[0] if named else find_makefile(native.context, posixpath.dirname(found[0]))
    return None


class _Place(NamedTuple):
    folder: str

    def of(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, path))

    def inside(self, path: str) -> bool:
        return self.of(path).startswith(f"{self.folder.rstrip('/')}/")
