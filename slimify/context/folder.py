"""What a stage has put into a folder of its image, and whether COPYs alone have done it.

Sources: Dockerfile reference, "COPY", "WORKDIR", "VOLUME"; BuildKit `dockerfile2llb` and
github.com/tonistiigi/fsutil `copy`.
"""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from slimify.context.copies import USUAL_FOLDERS
from slimify.context.globs import is_glob
from slimify.context.paths import clean
from slimify.semantics.build import Build, Step, pairs
from slimify.semantics.build_context import Kind
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import SYSTEM_MANAGERS, effects
from slimify.syntax.words import WordError, expand

# Programs that write in the system's own folders, or where their arguments say, and nowhere else.
_ELSEWHERE = frozenset(
    """a2dismod a2dissite a2enmod a2ensite addgroup adduser cd chgrp chmod chown chpasswd docker-php-ext-configure
    docker-php-ext-enable docker-php-ext-install echo export groupadd install ldconfig ln locale-gen mkdir printf rm
    set true update-ca-certificates useradd usermod""".split()
)
_PIP_PLACES = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_SRC", "PIP_EDITABLE", "PIP_REQUIREMENT", "PYTHONUSERBASE")
_PROGRAMS = ("/bin/", "/sbin/", "/usr/")
_OTHER_ROOTS = (
    "--root",
    "--installroot",
    "--initdb",
    "--downloaddir",
    "--destdir",
    "-p",
    "--sysroot",
    "-r",
    "--dbpath",
)
_UPGRADES = ("upgrade", "dist-upgrade", "full-upgrade", "autoremove", "autoclean", "clean", "makecache")
# Options of pip that put something into a folder of the user's choice, or run what is in one.
_PIP_ELSEWHERE = (
    "-t", "--target", "-e", "--editable", "--src", "--root", "--prefix", "-c", "--constraint", "--log",
    "--cache-dir", "--report",
)  # fmt: skip


class Filled(NamedTuple):
    """Who filled a folder: the COPYs, in order. `made` says that the first of them made it itself."""

    copies: tuple[Step, ...]
    made: bool
    source: str


class Unproven(NamedTuple):
    """Why it is not sure that only COPYs filled it, and the step that is to blame, if one is."""

    why: str
    step: Step | None = None


def filled_by_copies(build: Build, step: Step, folder: str) -> Filled | Unproven | None:
    """The COPYs that put all there is into `folder` before `step`; None if no COPY puts anything into it."""
    from slimify.knowledge.image_folders import holds_nothing

    stage = build.stages[step.stage]
    steps = list(stage.steps[: step.index])
    parent = stage.parent
    while parent is not None:
        steps[:0] = build.stages[parent].steps
        parent = build.stages[parent].parent
    copies: list[Step] = []
    made: bool | None = None
    blame: Unproven | None = None
    for one in steps:
        found = _puts(build, one, folder)
        if isinstance(found, Unproven):
            blame = blame or found
        elif found:
            if one.keyword == "COPY":
                copies.append(one)
            if made is None:
                made = one.keyword == "COPY"
    if not copies:
        return None
    if blame is not None:
        return blame
    for one in copies:
        target = copy_target(one)
        if target is not None and target != folder and not _makes_it(build, one, target):
            return Unproven("who owns the folders that this COPY makes on its way depends on the builder", one)
    if any(one.stage != step.stage for one in copies):
        return Unproven("another stage, which others may be built on, has filled it")
    nothing = holds_nothing(step.state.image or "", folder)
    if nothing is None:
        return Unproven(f"what {step.state.image or 'the base image'} has in {folder} is not known")
    made = bool(made) and not nothing.exists
    if made and posixpath.dirname(folder) not in (*USUAL_FOLDERS, "/"):
        return Unproven(f"who owns the folders above {folder} would depend on which COPY makes them", copies[0])
    return Filled(tuple(copies), made and _makes_it(build, copies[0], folder), nothing.source)


def _makes_it(build: Build, copy: Step, folder: str) -> bool:
    """Whether every builder gives a COPY's owner to `folder`: a folder is copied there, or a file of that name.

    Docker's old builder leaves a folder to root that it only makes for a file to be put into (moby issue 42819).
    """
    words = copy.instruction.exec_form or tuple(token.text for token in copy.instruction.tokens)
    if copy_target(copy) != folder or len(words) != 2 or is_glob(words[0]):
        return False
    source = posixpath.normpath(f"/{words[0]}").strip("/")
    entry = build.context.entry(source) if build.context is not None and source else None
    known = entry is not None and entry.kind is Kind.FOLDER and copy.instruction.flag("from") is None
    return known or not source or words[0].endswith(("/", "/.")) or not words[1].endswith(("/", "."))


def copy_target(step: Step) -> str | None:
    """The destination of a COPY or ADD as an absolute, clean path; None if it is not known."""
    words = step.instruction.exec_form or tuple(token.text for token in step.instruction.tokens)
    try:
        text = expand(words[-1], step.state.variables, step.instruction.escape).value if words else None
    except WordError:
        return None
    if text is None:
        return None
    if not text.startswith("/"):
        if step.state.workdir is None:
            return None
        text = posixpath.join(step.state.workdir, text)
    return clean(text)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _puts(build: Build, step: Step, folder: str) -> bool | Unproven:
    """Whether a step makes `folder` or puts something into it, as far as a COPY or WORKDIR of it goes."""
    keyword = step.keyword
    if keyword in ("COPY", "ADD"):
        return _copied(step, folder)
    if keyword == "WORKDIR":
        # The state behind it is the state in front of the next one.
        steps = build.stages[step.stage].steps
        last = step.index + 1 == len(steps)
        state = build.stages[step.stage].final_state if last else steps[step.index + 1].state
        if state.workdir is None:
            return Unproven("the working directory is not known", step)
        if _within(state.workdir, folder) and state.workdir != folder:
            return Unproven("a WORKDIR makes a folder in it, which belongs to root", step)
        return state.workdir == folder
    if keyword == "RUN":
        why = run_reaches(build, step, folder)
        return Unproven(why, step) if why else _makes(step, folder)
    if keyword == "VOLUME":
        words = step.instruction.exec_form or tuple(token.text for token in step.instruction.tokens)
        if any(
            "$" in word or _within(folder, clean(f"/{word}")) or _within(clean(f"/{word}"), folder) for word in words
        ):
            return Unproven("a VOLUME in front of it keeps later changes out of the image, with some builders", step)
    return False


def _copied(step: Step, folder: str) -> bool | Unproven:
    target = copy_target(step)
    if target is None:
        return Unproven(f"where this {step.keyword} puts its files is not known", step)
    if not _within(target, folder):
        return Unproven(f"this {step.keyword} may put files into it", step) if _within(folder, target) else False
    if step.keyword == "ADD":
        return Unproven("an ADD puts files into it, maybe out of an archive with owners of its own", step)
    if target != folder and posixpath.dirname(target) != folder:
        return Unproven("who owns the folders that this COPY makes on its way depends on the builder", step)
    return True


def run_reaches(build: Build, step: Step, folder: str) -> str:
    """Why a RUN may put something into a folder; empty if it surely does not."""
    body = step.body
    if step.mounts:
        return "a RUN with a mount works before it"
    if body is None or body.script.opaque or not step.state.shell.posix:
        return "what an earlier RUN writes is not known"
    found = effects(body.script, step.state.variables, step.state.workdir)
    paths = found.writes | found.deletes | found.touches
    if _makes(step, folder):
        paths -= {folder}
    homes = ("~/",) if not folder.startswith(("/root", "/home")) else ()
    if any(not path.startswith(("/", "the package ", *homes)) for path in paths):
        return "an earlier RUN writes to a folder that is not known"
    if any(_within(path, folder) or (path != "/" and _within(folder, path)) for path in paths if path.startswith("/")):
        return f"an earlier RUN works in {folder}"
    if path_leads_to(build, step, folder):
        return f"the PATH may lead into {folder}"
    for name, value in step.state.variables.items():
        told = name.upper().startswith(("PIP_", "PYTHON")) or name == "HOME"
        if name in _PIP_PLACES or (told and value is not None and (folder in value or value.startswith("."))):
            return f"{name} leads to {folder}"
    for call in found.invocations:
        if call.program != "mkdir" and any(value is not None and folder in value for value in call.argv):
            return f"an earlier RUN works in {folder}"
        if why := _strays(build, step, call):
            return why
    return ""


def _makes(step: Step, folder: str) -> bool:
    """Whether a RUN has a plain `mkdir` for the folder, and names it in no other way."""
    body = step.body
    if body is None:
        return False
    calls = effects(body.script, step.state.variables, step.state.workdir).invocations
    naming = [call for call in calls if any(value is not None and folder in value for value in call.argv)]
    return bool(naming) and all(call.program == "mkdir" and folder in call.operands for call in naming)


def _strays(build: Build, step: Step, call: Invocation) -> str:
    name = call.program or "a program"
    by_path = bool(call.typed) and "/" in call.typed[0].text and not call.typed[0].text.startswith(_PROGRAMS)
    if call.program is None or call.nested or by_path or "chroot" in call.wrappers:
        return f"what {call.typed[0].text if call.typed else name} writes is not known"
    manager = call.manager
    if manager is not None and manager.name in SYSTEM_MANAGERS:
        return "" if system_only(call) else f"what {name} writes is not known"
    if manager is not None and manager.name == "pip":
        return _pip(build, step, call)
    if call.program in _ELSEWHERE and all(value is not None for value in call.argv):
        return ""
    return f"what {name} writes is not known"


def system_only(call: Invocation) -> bool:
    """Whether a system's package manager is asked for nothing but to keep the packages of the system."""
    manager, action = call.manager, verb(call)
    if manager is None or action is None or call.has(*_OTHER_ROOTS):
        return False
    return action.name in (*manager.installs, *manager.refreshes, *manager.removes, *manager.cleans, *_UPGRADES)


def _pip(build: Build, step: Step, call: Invocation) -> str:
    """pip writes to its own folders, unless told otherwise, maybe by a list of requirements."""
    action = verb(call)
    if action is None or action.name not in ("install", "cache", "uninstall") or call.has(*_PIP_ELSEWHERE):
        return "pip may be told to write into it"
    argv = call.argv
    for at, value in enumerate(argv):
        if value is None or value.startswith((".", "/")) or "://" in value or "/" in value.partition("[")[0]:
            return "pip installs a folder or an address"
        if value in ("-r", "--requirement") or value.startswith(("--requirement=", "-r")):
            name = value.partition("=")[2] or (argv[at + 1] if value in ("-r", "--requirement") else value[2:])
            if name is None or _odd_requirements(build, step, name):
                return f"what {name} has pip install cannot be seen"
    return ""


def _odd_requirements(build: Build, step: Step, name: str) -> bool:
    """Whether a list of requirements cannot be read, or names more than packages of an index."""
    from slimify.context.python.requirement import Origin
    from slimify.context.python.requirements import read_requirements

    path = context_path(build, step, name)
    if build.context is None or path is None:
        return True
    found = read_requirements(build.context, path)
    plain = all(one.origin is Origin.INDEX and not one.editable for one in found.requirements)
    return not (plain and found.files) or bool(found.missing or found.paths or found.problems)


def path_leads_to(build: Build, step: Step, folder: str) -> bool:
    """Whether a PATH that the Dockerfile sets may hold `folder`, or a folder in it."""
    stage: int | None = step.stage
    before = build.stages[step.stage].steps[: step.index]
    while stage is not None:
        for one in before:
            if one.keyword == "ARG" and one.instruction.arguments.startswith("PATH"):
                return True
            for name, value in pairs(one.instruction) if one.keyword == "ENV" else ():
                if name != "PATH":
                    continue
                for part in value.strip("\"'").split(":"):
                    place = None if part in ("$PATH", "${PATH}") else _expanded(part, one)
                    if place is not None and (not place.startswith("/") or f"{place}/".startswith(f"{folder}/")):
                        return True
        stage = build.stages[stage].parent
        before = build.stages[stage].steps if stage is not None else ()
    return False


def _expanded(text: str, step: Step) -> str:
    """The value of a part of PATH; empty, which means the working directory, where it is not known."""
    try:
        return expand(text, step.state.variables, step.instruction.escape).value or ""
    except WordError:
        return ""


def context_path(build: Build, step: Step, name: str) -> str | None:
    """Which file of the context the last COPY in front of `step` has put where `name` leads to."""
    from slimify.context.copies import copied

    if build.context is None or step.state.workdir is None:
        return None
    wanted = clean(posixpath.join(step.state.workdir, name))
    for one in reversed(build.stages[step.stage].steps[: step.index]):
        if one.keyword not in ("COPY", "ADD"):
            continue
        taken = copied(one.instruction, one.state, build.context)
        if isinstance(taken, str):
            to = copy_target(one)
            if to is None or _within(wanted, to):
                return None
            continue
        for source, target in reversed(taken.files):
            if target == wanted:
                return source
    return None
