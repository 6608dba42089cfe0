"""The installs of a stage, whatever the manager: where they stand, what they say, and what they read."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from slimify.transforms.production.evidence import MissingEvidence, bound, certain

from slimify.context.placed import history, placed
from slimify.knowledge.production import facts
from slimify.rewrite.edit import Edit, Evidence, Level, Rewrite
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext
from slimify.semantics.commands import Invocation
from slimify.semantics.effects import effects
from slimify.syntax.source import Span

NAME = "production-dependencies"


class Install(NamedTuple):
    """A call of a manager that installs what its lock file has."""

    step: Step
    call: Invocation

    @property
    def script(self) -> str:
        """The script that it stands in."""
        return self.step.body.script.text if self.step.body is not None else ""


Judge = Callable[[Build, str, list[Install]], Rewrite]


def judged(build: Build, managers: Sequence[str], judge: Judge) -> Iterator[tuple[Step, str, Rewrite | str]]:
    """For each stage that ships and each manager: where it installs, with the rewrite or why there is none."""
    found: dict[tuple[int, str], list[Install]] = {}
    for step in build.steps():
        body = step.body
        if step.keyword != "RUN" or body is None or body.script.opaque or not build.ships(step.stage):
            continue
        if not any(name in body.script.text for name in managers):
            continue
        for call in effects(body.script, step.state.variables, step.state.workdir).invocations:
            name = call.manager.name if call.manager is not None else call.program
            if name in managers and action_of(call) in facts()["manager"][name]["verbs"] and not call.has("--version"):
                found.setdefault((step.stage, name or ""), []).append(Install(step, call))
    for (_, manager), installs in found.items():
        try:
            result: Rewrite | str = judge(build, manager, installs)
        except MissingEvidence as missing:
            result = str(missing)
        if result:
            yield installs[0].step, manager, result


def action_of(call: Invocation) -> str | None:
    """The first word that is no option; empty where there is none, None where it is not known."""
    return next((one for one in call.argv if one is None or not one.startswith("-")), "")


def undecided(installs: Sequence[Install], says: Callable[[Install], bool]) -> None:
    """Raises `MissingEvidence` where the user has said what is wanted, in one install or in all of them."""
    said = [says(one) for one in installs]
    if all(said):
        raise MissingEvidence("")
    if any(said):
        raise MissingEvidence("this stage installs more than once, and says it only in one place")


def in_environment(install: Install, names: Sequence[str]) -> bool:
    """Whether a variable that decides is set, by the Dockerfile or in the script."""
    return any(install.step.state.sets(name) or f"{name}=" in install.script for name in names)


def stands_plainly(install: Install) -> None:
    """Raises `MissingEvidence` where nothing can be changed with certainty."""
    step, call = install
    if call.nested or not step.state.shell.posix or step.instruction.escape != "\\":
        raise MissingEvidence("the command stands where no option can be changed with certainty")
    body = step.body
    calls = effects(body.script, step.state.variables, step.state.workdir).invocations if body is not None else ()
    if any(one.program in ("cd", "pushd", "popd") for one in calls):
        raise MissingEvidence("the script changes the folder that it works in")


def project_folders(
    build: Build,
    context: BuildContext,
    installs: Sequence[Install],
    names: Sequence[str],
    changes: re.Pattern[str],
    has_some: Callable[[str], bool],
) -> tuple[str, str]:
    """The folder of the image that is worked in, and that of the context its manifest and lock file come from.

    The first of the `names` is the manifest; `has_some` tells whether that of a folder has development
    dependencies. `changes` matches RUNs that may change the files. Raises `MissingEvidence`.
    """
    first = installs[0].step
    workdir = first.state.workdir
    if workdir is None or any(one.step.state.workdir != workdir for one in installs):
        raise MissingEvidence("the folder that it works in is not known")
    before = placed(build, context, first.stage, first)
    certain(before, context)
    files = {**before.files, **bound(first, context)}
    folders = set[str]()
    for name in names:
        path = files.get(posixpath.join(workdir, name))
        if path is None or posixpath.basename(path) != name:
            raise MissingEvidence(f"{name} is not copied from the build context before it")
        folders.add(posixpath.dirname(path))
        if name == names[0] and not has_some(posixpath.dirname(path)):
            raise MissingEvidence("")
    if len(folders) != 1:
        raise MissingEvidence("manifest and lock file come from different folders")
    for step in history(build, first.stage):
        if step is first:
            break
        if step.keyword == "RUN" and changes.search(step.instruction.logical.text):
            raise MissingEvidence("an earlier RUN may change what is installed")
    return workdir, folders.pop()


def behind(install: Install, at: int, text: str) -> Edit:
    """An insertion behind word `at` of the arguments; behind the name of the program for -1."""
    step, call = install
    assert step.body is not None
    end = (call.words[at] if at >= 0 else call.typed[-1]).end
    place = step.body.span(end - 1, end).end
    return Edit(Span(place, place), text)


def without(install: Install, first: int, last: int) -> Edit:
    """Takes the words from `first` to `last` of the arguments away, with the blanks in front of them."""
    step, call = install
    assert step.body is not None
    before = call.words[first - 1] if first else call.typed[-1]
    start = step.body.span(before.end - 1, before.end).end
    word = call.words[last]
    return Edit(Span(start, step.body.span(word.end - 1, word.end).end), "")


def dropped(install: Install) -> str:
    """The command as it is written, which a rewrite says that it takes words from."""
    command, text = install.call.command, install.script
    spans = [(one.start, one.end) for one in command.assignments]
    spans += [(one.start, one.end) for one in command.words]
    spans += [(one.start, one.end) for one in command.redirects]
    return " ".join(text[start:end] for start, end in spans)


def leaving_out(
    installs: Sequence[Install],
    edits: Sequence[Edit],
    how: str,
    lost: frozenset[str],
    every: int | None,
    lock: str,
    found: Sequence[str],
    source: str,
    drops: Sequence[str] = (),
) -> Rewrite:
    """The rewrite that does `how`, and what it rests on; `every` is None where there is no lock file to count."""
    evidence = []
    count = f"{len(lost)} of {every} packages in {lock} are"
    if every is None:
        count = f"{len(lost)} packages that {lock} brings are"
    for step, call in installs:
        assert step.body is not None
        text = f"{call.program} {action_of(call)}".rstrip()
        evidence.append(Evidence(text, step.body.span(call.command.start, call.command.end), source))
    evidence += [Evidence(text) for text in dict.fromkeys([_named(lost), *found])]
    return Rewrite(
        transform=NAME,
        level=Level.STANDARD,
        title=f"install without development dependencies ({how})",
        reason=f"{count} for development only, and nothing that runs in the image needs one",
        edits=tuple(edits),
        evidence=tuple(evidence),
        drops=tuple(drops),
    )


def _named(lost: frozenset[str]) -> str:
    """The first few of the packages, for people."""
    names = sorted(lost)
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"left out: {', '.join(names[:12])}{more}"
