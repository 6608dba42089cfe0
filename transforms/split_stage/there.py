"""Whether what a set-up of the stage that ships changes is there, and not only in the stage that builds."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Sequence

from slimify.transforms.split_stage.core import Part
from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.outputs import absolute
from slimify.transforms.split_stage.runs import Run, script_of

from slimify.context.copies import USUAL_FOLDERS
from slimify.semantics.build import BuildStage
from slimify.semantics.commands import Invocation, invocations

_USERS = frozenset(["adduser", "useradd"])


def changes(run: Run) -> tuple[str, ...]:
    """The paths, absolute, that a RUN gives another owner or mode. Those with an unknown variable are left out."""
    found: list[str | None] = []
    for call in _calls(run):
        if call.program in ("chmod", "chown"):
            found += _paths(call)[0 if call.has("--reference") else 1 :]
    return tuple(absolute(run, one) for one in found if one)


def brought(path: str, files: Files, at: int) -> bool:
    """Whether the COPY or ADD of a step brings something to a path, or below it."""
    return any(image is None or _matches(path, image) for _, image in files.taken[at].files)


class There:
    """What there is in the stage that ships when a step runs there, by where it comes from.

    `parts` are those of the plan. `early` are the folders that are made in place of the first step that moves away,
    `late` the paths that come in place of the last one, `narrowed` those that are copied instead of a COPY.
    """

    def __init__(
        self,
        stage: BuildStage,
        files: Files,
        runs: Iterable[Run],
        parts: Sequence[Part],
        early: tuple[int, Iterable[str]],
        late: tuple[int, Iterable[str]],
        narrowed: tuple[int, Iterable[str]],
    ) -> None:
        self._paths: list[tuple[int, str]] = []
        self._homes = min(
            (run.step.index for run in runs if any(call.program in _USERS for call in _calls(run))), default=len(parts)
        )
        for step, part in zip(stage.steps, parts, strict=True):
            if part is Part.BUILD:
                continue
            if step.index in files.taken:
                brought = files.taken[step.index].files
                self._paths += [(step.index, image) for _, image in brought if image is not None]
            elif step.keyword == "WORKDIR":
                after = stage.steps[step.index + 1].state if step.index + 1 < len(stage.steps) else stage.final_state
                self._paths.append((step.index, after.workdir or "/"))
        for run in runs:
            if parts[run.step.index] is not Part.BUILD:
                for call in _calls(run):
                    if call.program == "mkdir":
                        # What a RUN makes is there for the rest of it.
                        made = [absolute(run, one) for one in _paths(call) if one]
                        self._paths += [(run.step.index - 1, one) for one in made]
        self._paths += [(at, one) for at, paths in (early, late, narrowed) for one in paths]
        # What is brought as a whole has all in it that it had.
        self._whole = [(at, one) for at, paths in (late, narrowed) for one in paths]

    def has(self, path: str, index: int) -> bool:
        """Whether something is at a path, which may be a pattern, when a step runs."""
        if path in USUAL_FOLDERS or (self._homes <= index and re.match(r"/home/[^/]+(?:/\.?$|$)", path)):
            return True
        if any(at < index and path.startswith(f"{one}/") for at, one in self._whole):
            return True
        return any(at < index and _matches(path, one) for at, one in self._paths)


def _matches(path: str, image: str) -> bool:
    """Whether a path, or one that a pattern matches, is an image's path or a folder above it."""
    if not any(sign in path for sign in "*?["):
        return f"{image}/".startswith(f"{path.rstrip('/')}/")
    depth = path.count("/")
    above = "/".join(image.split("/")[: depth + 1])
    return above.count("/") == depth and fnmatch.fnmatchcase(above, path)


def _calls(run: Run) -> Iterator[Invocation]:
    script = script_of(run.step)
    for command in script.commands() if script is not None else ():
        yield from invocations(command, run.step.state.variables)


def _paths(call: Invocation) -> list[str | None]:
    """The operands, those with an unknown variable as None; the value of `mkdir -m` is none."""
    found = list(call.operands)
    return found[1:] if call.program == "mkdir" and call.has("-m") else found
