"""The proof that a Python application runs without some of the packages that are installed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from slimify.transforms.production.evidence import MissingEvidence, certain, foreign_folders, images, started
from slimify.transforms.production.installs import Install
from slimify.transforms.production.python_runs import PythonRuns
from slimify.transforms.production.python_sources import check_sources
from slimify.transforms.production.runs import Lost, Needed, Place

from slimify.context.placed import Placed, placed
from slimify.context.run_elsewhere import compose_files, run_elsewhere
from slimify.knowledge.production import facts, is_python_tool, python_tool
from slimify.semantics.build import Build, State
from slimify.semantics.build_context import BuildContext

MANAGERS = ("poetry", "pdm", "uv", "pipenv")
# Images whose stages make files for browsers, which Python does not run.
_HARMLESS = frozenset({"node"})


def lost_of(names: frozenset[str], kept: frozenset[str], extras: frozenset[str] | None) -> Lost:
    """What goes, with the modules and programs it brings. Raises `MissingEvidence`.

    All of it must be known to be tools, or what only tools bring. `extras` are what packages that stay name
    as something they can use, None where that is not known.
    """
    python = facts()["python"]
    shared, silent = set(python["shared"]), set(python["silent"])
    modules: dict[str, str] = {}
    programs: dict[str, str] = {}
    for name in sorted(names):
        brought = python_tool(name)
        if brought is None:
            raise MissingEvidence(f"{name} is not known to be a mere tool: another package may load it")
        usable = extras is not None and name not in extras and name not in silent
        if name in shared and not is_python_tool(name) and not usable:
            raise MissingEvidence(f"{name}, which would go too, is something that other packages use if it is there")
        for user in python["users"].get(name, ()):
            if user in kept:
                raise MissingEvidence(f"{user} uses {name} if it is there, and only development brings it")
        modules.update((one, name) for one in brought.modules)
        programs.update((one, name) for one in brought.programs)
    # A module or a program that a package brings which stays is still there.
    for name in kept:
        if (stays := python_tool(name)) is not None:
            for one in stays.modules:
                modules.pop(one, None)
            for one in stays.programs:
                programs.pop(one, None)
    return Lost(modules, programs)


def nothing_needs(
    build: Build,
    context: BuildContext,
    installs: Sequence[Install],
    workdir: str,
    folder: str,
    lost: Lost,
    only: frozenset[str] | None = None,
) -> list[str]:
    """What was looked at, in words. Raises `MissingEvidence` where something that runs may need what is lost.

    Without a lock file more may go than is known: then the sources must import what `only` these packages bring.
    """
    from slimify.context.python.project import read_project

    first = installs[0].step
    project = read_project(context, folder)
    aliases = _aliases(context, folder)
    scripts = project.scripts if project is not None else ()
    calls = [one.call for one in installs]
    found = list(images(build, first))
    if not found:
        raise MissingEvidence("")
    facts_found: list[str] = []
    for stage in found:
        runs = PythonRuns(context, lost, scripts, aliases)
        there = placed(build, context, stage)
        certain(there, context)
        foreign_folders(build, there, workdir, _HARMLESS)
        state = build.stages[stage].final_state
        command = runs.stage(started(build, stage, first), state, there, calls)
        facts_found.append(f"the image runs {command}")
        _elsewhere(context, runs, there, state)
        _environment(state, lost)
        facts_found.append(check_sources(context, runs, there, state.workdir or "/", only))
    return facts_found


def _environment(state: State, lost: Lost) -> None:
    for name, value in state.env.items():
        for word in re.findall(r"[\w-]+", value or "") if name != "PATH" else ():
            if lost.of(word) is not None and word not in facts()["python"]["ordinary"]:
                raise MissingEvidence(f"{name} mentions {word}, a development dependency")


def _elsewhere(context: BuildContext, runs: PythonRuns, there: Placed, state: State) -> None:
    """Compose files may be about other images: what they run that cannot be followed may be any source."""
    elsewhere = run_elsewhere(context, (*MANAGERS, "python3?", *map(re.escape, sorted(runs.lost.programs))))
    for unknown in elsewhere.unknown:
        raise MissingEvidence(unknown.reason)
    for text, where in elsewhere.commands:
        try:
            runs.text(text, Place(f"{where.file}:{where.line}", state, there))
        except Needed:
            raise
        except MissingEvidence as missing:
            runs.doubt = runs.doubt or str(missing)
    for path in compose_files(context):
        if "SETTINGS" in (context.lying_text(path) or ""):
            runs.doubt = runs.doubt or f"{path} may give it other settings"


def _aliases(context: BuildContext, folder: str) -> frozenset[str]:
    """Scripts that `pdm run` and `pipenv run` know by a name of their own."""
    from slimify.context.python.data import inside, read_toml, table

    project = read_toml(context, posixpath.join(folder, "pyproject.toml")).table
    pipfile = read_toml(context, posixpath.join(folder, "Pipfile")).table
    return frozenset([*table(inside(project, "tool", "pdm", "scripts")), *table(pipfile.get("scripts"))])
