"""order-for-cache: what is installed does not depend on the sources, so it comes before them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite
from slimify.semantics.build import Build, BuildStage, Step
from slimify.semantics.commands import Invocation, invocations, verb
from slimify.syntax.source import Span

NAME = "order-for-cache"
_GUIDE = "https://docs.docker.com/build/cache/optimize/#order-your-layers"
# Instructions that a COPY without variables may change places with.
_NEUTRAL = frozenset({"ARG", "ENV", "EXPOSE", "LABEL"})
# Files that Python, pip or curl may read without being told to.
_SPECIAL = frozenset({"sitecustomize.py", "usercustomize.py", "pip.conf", ".pydistutils.cfg", ".netrc"})
_PLAIN_NAME = re.compile(r"[\w.@+-]+(?:/[\w.@+-]+)*")


class _Passed(NamedTuple):
    """A RUN that the COPY may stand behind: what it reads of the context, and what it installs."""

    step: Step
    paths: tuple[str, ...]
    installs: str


def order_for_cache(build: Build) -> Iterator[Rewrite | Finding]:
    """Copy what an install reads, install, and only then copy the rest.

    >>> # COPY . .                               ->  COPY requirements.txt ./
    >>> # RUN pip install -r requirements.txt        RUN pip install -r requirements.txt
    >>> #                                            COPY . .
    """
    if build.context is None:
        return
    for stage in build.stages:
        for step in stage.steps:
            one = step.instruction
            if step.keyword != "COPY" or one.heredocs or one.flag("from") is not None:
                continue
            if _installs_behind(stage, step):
                # Of a few files that are named one by one there is nothing to complain of.
                told = _takes_folder(build, step)
                yield from (found for found in _order(build, stage, step) if told or isinstance(found, Rewrite))


def _takes_folder(build: Build, copy: Step) -> bool:
    from slimify.semantics.build_context import Kind

    assert build.context is not None
    for word in _words(copy)[:-1]:
        path = posixpath.normpath(f"/{word}").strip("/")
        entry = build.context.entry(path) if path else None
        if path in ("", "*") or (entry is not None and entry.kind is Kind.FOLDER):
            return True
    return False


def _words(copy: Step) -> tuple[str, ...]:
    return copy.instruction.exec_form or tuple(token.text for token in copy.instruction.tokens)


def _installs_behind(stage: BuildStage, copy: Step) -> bool:
    """Whether one of the RUNs right behind a COPY calls a package manager: the cheap question first."""
    for step in stage.steps[copy.index + 1 :]:
        if step.keyword == "RUN":
            body = step.body
            if body is None or body.script.opaque:
                return False
            calls = [call for command in body.script.commands() for call in invocations(command)]
            if any(_installs(call) for call in calls):
                return True
        elif step.keyword not in _NEUTRAL and step.keyword != "WORKDIR":
            return False
    return False


def _installs(call: Invocation) -> bool:
    manager, action = call.manager, verb(call)
    return manager is not None and action is not None and action.name in (*manager.installs, "ci", "")


def _order(build: Build, stage: BuildStage, copy: Step) -> Iterator[Rewrite | Finding]:
    from slimify.context.copies import copied
    from slimify.context.folder import copy_target
    from slimify.knowledge.image_folders import is_added

    assert build.context is not None
    title = "the sources are copied before packages are installed"
    folder = copy_target(copy)
    taken = copied(copy.instruction, copy.state, build.context)
    if isinstance(taken, str) or folder is None:
        yield _declined(copy, title, taken if isinstance(taken, str) else "where the files are put is not known")
        return
    files = {source: target for source, target in taken.files if target is not None}
    if len(files) != len(taken.files) or taken.links:
        yield _declined(copy, title, "what is copied where is not known")
        return
    if not is_added(folder):
        yield _declined(copy, title, f"packages may put files into {folder} too, or be set up by what is there")
        return
    if flags := [flag.text for flag in copy.instruction.flags if flag.name != "chown"]:
        yield _declined(copy, title, f"it has {flags[0]}")
        return
    if special := [path for path in files if posixpath.basename(path) in _SPECIAL]:
        yield _declined(copy, title, f"{special[0]} may be read by whatever is run")
        return
    passed, why = _passed(build, stage, copy, folder)
    best = _best(passed, files)
    if best is None:
        if why and not passed:
            yield _declined(copy, title, why)
        return
    between = stage.steps[copy.index : best[-1].step.index]
    made = copy.state.workdir == folder or any(each.paths for each in best)
    if not made and any(step.keyword == "WORKDIR" for step in between):
        # WORKDIR would come to make the folder, maybe for another user.
        return
    yield _move(build, copy, best, files, folder)


def _declined(copy: Step, title: str, why: str) -> Finding:
    return Finding(NAME, title, why, copy.instruction.span)


def _passed(build: Build, stage: BuildStage, copy: Step, folder: str) -> tuple[list[_Passed], str]:
    """The RUNs behind a COPY that read of it only what is known, and why there are no more of them."""
    from slimify.context.installs import install_reads

    passed: list[_Passed] = []
    fixed = "$" not in copy.instruction.arguments
    steps = stage.steps[copy.index + 1 :]
    for at, step in enumerate(steps):
        if step.keyword == "RUN":
            body = step.body
            if body is None or body.script.opaque or not step.state.shell.posix:
                return passed, "what the RUN behind it reads is not known"
            reads = install_reads(build, step, body, folder)
            if isinstance(reads, str):
                return passed, reads
            passed.append(_Passed(step, reads.paths, reads.installs))
        elif step.keyword == "WORKDIR":
            after = steps[at + 1].state if at + 1 < len(steps) else stage.final_state
            same = after.workdir == folder and (copy.state.workdir == folder or _words(copy)[-1].startswith("/"))
            if not same:
                return passed, ""
        elif step.keyword not in _NEUTRAL or not fixed or step.instruction.flag("from"):
            return passed, ""
    return passed, ""


def _best(passed: Sequence[_Passed], files: dict[str, str]) -> Sequence[_Passed] | None:
    """As many of the RUNs as possible, the last one an install, with something left to copy behind them."""
    for count in range(len(passed), 0, -1):
        some = passed[:count]
        if some[-1].installs and _needed(some, files) != set(files):
            return some
    return None


def _needed(passed: Sequence[_Passed], files: dict[str, str]) -> set[str]:
    wanted = {path for one in passed for path in one.paths}
    return {path for path in files if path in wanted or any(path.startswith(f"{one}/") for one in wanted)}


def _move(build: Build, copy: Step, passed: Sequence[_Passed], files: dict[str, str], folder: str) -> Rewrite | Finding:
    title = "the sources are copied before packages are installed"
    here = _already(build, copy)
    wanted = list(dict.fromkeys(path for one in passed for path in one.paths if here.get(path) is None))
    lines = _copies(build, copy, wanted, files, folder)
    if isinstance(lines, str):
        return _declined(copy, title, lines)
    source = build.dockerfile.source
    one, last = copy.instruction, passed[-1].step.instruction
    newline = source.newline_at(one.start_line)
    first = one.start_line
    comments = {comment.line for comment in build.dockerfile.comments}
    while first - 1 in comments and not _is_directive(build, first - 1):
        first -= 1
    start, end = source.line_span(first).start, source.line_span(one.end_line).end
    spaced = _blank(build, one.end_line + 1)
    text = source.text[start:end]
    at = source.line_span(last.end_line).end
    ended = source.text[at - 1 : at] in ("\n", "\r")
    new = "".join(f"{line}{newline}" for line in lines)
    if not new and spaced:
        end = source.line_span(one.end_line + 1).end
    gap = newline if spaced else ""
    insertion = f"{gap}{text}" if ended else f"{newline}{gap}{text.rstrip()}"
    installs = ", ".join(dict.fromkeys(each.installs for each in passed if each.installs))
    what = f"copy {' '.join(wanted)} first" if wanted else f"copy {folder} later"
    others = len(files) - len(_needed(passed, files))
    change = f"any of {others} files" if others > 1 else "a file"
    return Rewrite(
        transform=NAME,
        level=Level.STANDARD,
        title=f"{what}, and install before the rest" if wanted else f"{what}, and install before that",
        reason=f"a change of {change} that it does not read made the builder run {installs} again; "
        "what the image holds stays the same",
        edits=(Edit(Span(start, end), new), Edit(Span(at, at), insertion)),
        evidence=(
            *(
                Evidence(
                    f"reads {', '.join(each.paths)}" if each.paths else "reads nothing of what is copied",
                    each.step.instruction.span,
                )
                for each in passed
            ),
            Evidence("why the order counts", None, _GUIDE),
        ),
        keywords=frozenset({"COPY"}),
        moves=True,
        adds=tuple(lines),
    )


def _already(build: Build, copy: Step) -> dict[str, bool]:
    """The files that earlier COPYs have put where this one puts them again."""
    from slimify.context.copies import copied

    assert build.context is not None
    mine = copied(copy.instruction, copy.state, build.context)
    if isinstance(mine, str):
        return {}
    there: dict[str, str] = {}
    for step in build.stages[copy.stage].steps[: copy.index]:
        if step.keyword in ("COPY", "ADD"):
            taken = copied(step.instruction, step.state, build.context)
            if isinstance(taken, str) or step.instruction.flag("chown") != copy.instruction.flag("chown"):
                there = {}
                continue
            there.update({target: source for source, target in taken.files if target is not None})
        elif step.keyword == "RUN":
            # It may have changed them.
            there = {}
    return {source: True for source, target in mine.files if target is not None and there.get(target) == source}


def _copies(build: Build, copy: Step, wanted: Sequence[str], files: dict[str, str], folder: str) -> list[str] | str:
    """The new COPYs: for each folder of the image, the files that belong there; whole folders by themselves."""
    from slimify.semantics.build_context import Kind

    assert build.context is not None
    one = copy.instruction
    word = _words(copy)[-1]
    base = word if word.endswith("/") else "./" if word == "." else f"{word}/"
    if one.exec_form is not None and not _PLAIN_NAME.fullmatch(word.strip("/")):
        return "the COPY is in JSON form, for names that need it"
    keyword = build.dockerfile.source[one.keyword_span]
    flags = "".join(f"{flag.text} " for flag in one.flags)
    groups: dict[str, list[str]] = {}
    whole: list[tuple[str, str]] = []
    for path in wanted:
        entry = build.context.entry(path)
        if entry is None or not _PLAIN_NAME.fullmatch(path):
            return f"{path} cannot be copied by its name"
        if entry.kind is Kind.FOLDER:
            inner = [one for one in files if one.startswith(f"{path}/")]
            places = {files[one][: -len(one[len(path) :])] for one in inner}
            if len(places) != 1 or not (place := places.pop()).startswith(f"{folder}/"):
                return f"{path} is not copied as a whole"
            whole.append((path, f"{base}{place[len(folder) + 1 :]}/"))
            continue
        target = files.get(path)
        if entry.kind is not Kind.FILE or target is None or not target.startswith(f"{folder}/"):
            return f"{path} is read, but not among the files that are copied"
        if posixpath.basename(target) != posixpath.basename(path):
            return f"{path} is copied under another name"
        groups.setdefault(posixpath.dirname(target[len(folder) + 1 :]), []).append(path)
    lines = []
    for below, paths in groups.items():
        place = f"{base}{below}/" if below else base if len(paths) > 1 or word != "." else "."
        lines.append(f"{keyword} {flags}{' '.join(paths)} {place}")
    return lines + [f"{keyword} {flags}{path} {place}" for path, place in whole]


def _blank(build: Build, line: int) -> bool:
    source = build.dockerfile.source
    last = source.line_of(len(source.text))
    return line <= last and not source.text[slice(*source.line_span(line))].strip()


def _is_directive(build: Build, line: int) -> bool:
    return any(directive.line == line for directive in build.dockerfile.directives)
