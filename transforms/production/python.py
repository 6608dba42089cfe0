"""Poetry, pdm, uv and Pipenv: installs with the development groups, and the proof that nothing needs those."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from slimify.transforms.production.evidence import (
    MissingEvidence,
    bound,
    certain,
    foreign_folders,
    images,
    named,
    started,
)
from slimify.transforms.production.python_runs import PythonRuns
from slimify.transforms.production.python_sources import check_sources
from slimify.transforms.production.runs import Lost, Needed, Place

from slimify.context.placed import Placed, history, placed
from slimify.context.python.development import LOCKS, Development, development
from slimify.context.run_elsewhere import run_elsewhere
from slimify.knowledge.production import facts, is_python_tool, newest, python_tool
from slimify.rewrite.edit import Edit, Evidence, Level, Rewrite
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext
from slimify.semantics.commands import Invocation
from slimify.semantics.effects import effects
from slimify.syntax.source import Span

NAME = "production-dependencies"
MANAGERS = ("poetry", "pdm", "uv", "pipenv")
_MANIFEST = {"pipenv": "Pipfile"}
# Options that ask for extras, and where their names stand.
_EXTRAS = {"poetry": ("-E", "--extras"), "uv": ("--extra",), "pdm": (), "pipenv": ()}
_CHANGES = re.compile(
    r"\b(?:poetry|pdm|uv|pipenv)\s+(?:add|remove|update|lock|init|import|upgrade|version)\b|pyproject\.toml|Pipfile"
)
# Images whose stages make files for browsers, which Python does not run.
_HARMLESS = frozenset({"node"})


class Install(NamedTuple):
    """A call of a manager that installs what its lock file has."""

    step: Step
    call: Invocation


def python_installs(build: Build) -> Iterator[tuple[Step, str, Rewrite | str]]:
    """For each stage that ships and each manager: where it installs, with the rewrite or why there is none."""
    for (_, manager), installs in _groups(build).items():
        try:
            result: Rewrite | str = _Judge(build, manager, installs).rewrite()
        except MissingEvidence as missing:
            result = str(missing)
        if result:
            yield installs[0].step, manager, result


def _groups(build: Build) -> dict[tuple[int, str], list[Install]]:
    found: dict[tuple[int, str], list[Install]] = {}
    for step in build.steps():
        body = step.body
        if step.keyword != "RUN" or body is None or body.script.opaque or not build.ships(step.stage):
            continue
        if not any(name in body.script.text for name in MANAGERS):
            continue
        for call in effects(body.script, step.state.variables, step.state.workdir).invocations:
            if call.program in MANAGERS and _verb(call) in facts()["manager"][call.program]["verbs"]:
                found.setdefault((step.stage, call.program), []).append(Install(step, call))
    return found


def _verb(call: Invocation) -> str | None:
    return next((one for one in call.argv if one is None or not one.startswith("-")), None)


class _Judge:
    def __init__(self, build: Build, manager: str, installs: list[Install]) -> None:
        self.build = build
        self.manager = manager
        self.about: dict[str, Any] = facts()["manager"][manager]
        self.installs = installs
        self.first = installs[0].step
        self.extras: list[str] = []
        self.facts: list[str] = []

    def rewrite(self) -> Rewrite:
        """The rewrite. Raises `MissingEvidence`."""
        self._decided()
        context = self.build.context
        if context is None:
            raise MissingEvidence("the build context is not known, so neither is what needs them")
        for install in self.installs:
            self._plain(install)
        flag = self._flag()
        folder = self._project(context)
        found = development(context, folder, self.manager, self.extras)
        if isinstance(found, str):
            raise MissingEvidence(found)
        if not found.lost:
            raise MissingEvidence("")
        lost = self._lost(found)
        self._nothing_needs(context, folder, lost)
        return self._rewrite(found, flag)

    # What the command says.

    def _decided(self) -> None:
        """Pass on where the user has said what is wanted, in one install or in all of them."""
        said = [self._says(one) for one in self.installs]
        if all(said):
            raise MissingEvidence("")
        if any(said):
            raise MissingEvidence("this stage installs more than once, and says it only in one place")

    def _says(self, install: Install) -> bool:
        step, call = install
        script = step.body.script.text if step.body else ""
        if any(step.state.sets(name) or f"{name}=" in script for name in self.about["env"]):
            return True
        if "drop" in self.about:
            # Pipenv leaves them out unless it is told to take them.
            return not call.has(*self.about["drop"]) or call.has(*self.about["options"])
        return call.has(*self.about["options"])

    def _plain(self, install: Install) -> None:
        step, call = install
        if call.nested or not step.state.shell.posix or step.instruction.escape != "\\":
            raise MissingEvidence("the command stands where no option can be changed with certainty")
        known = {*self.about["harmless"], *self.about.get("drop", ())}
        words = iter(call.argv)
        seen = False
        for word in words:
            if word is None:
                raise MissingEvidence("what a computed option means for it is not known")
            name, equals, value = word.partition("=")
            if name in _EXTRAS[self.manager]:
                given = value if equals else next(words, None)
                if given is None:
                    raise MissingEvidence("which extras are installed is not known")
                self.extras += re.split(r"[,\s]+", given.strip())
            elif word.startswith("-"):
                if not {word, name} & known:
                    raise MissingEvidence(f"what {word} means for it is not known")
            elif seen:
                raise MissingEvidence(f"it installs {word} besides")
            else:
                seen = True
        body = step.body
        calls = effects(body.script, step.state.variables, step.state.workdir).invocations if body else ()
        if any(one.program in ("cd", "pushd", "popd") for one in calls):
            raise MissingEvidence("the script changes the folder that it works in")

    def _flag(self) -> str:
        """The option to be added, empty where one is taken away. Raises where the version is not known to have it."""
        text = self.build.dockerfile.source.text
        if self.manager == "uv" and re.search(r"\buv(?:==|[:@])[\"']?v?0\.[0-2]\.", text):
            raise MissingEvidence("uv before 0.3 does not have --no-dev")
        if self.manager == "pdm" and re.search(r"\bpdm[=<~]=?[\"']?[01]\.", text):
            raise MissingEvidence("what pdm before version 2 makes of --prod is not known")
        if self.manager != "poetry":
            return str(self.about.get("flag", ""))
        from packaging.version import InvalidVersion, Version

        fixed = self._poetry()
        version = fixed or str(self.about["releases"][-1])
        try:
            old = Version(version) < Version(self.about["since"])
        except InvalidVersion:
            raise MissingEvidence("which version of poetry is installed is not known") from None
        self.facts.append(f"the Dockerfile installs {f'poetry {fixed}' if fixed else 'the newest poetry'}")
        return str(self.about["older"] if old else self.about["flag"])

    def _poetry(self) -> str:
        """The version of Poetry as the Dockerfile fixes it; empty for the newest there is."""
        found: str | None = None
        for step in history(self.build, self.first.stage):
            body = step.body if step.keyword == "RUN" else None
            if body is not None and not body.script.opaque and "poetry" in body.script.text:
                here = self._installed_poetry(step)
                found = here if here is not None else found
            if step is self.first:
                break
        if found is None:
            raise MissingEvidence("how poetry got into the image is not known, and so its version")
        if not found and not self._new_python():
            raise MissingEvidence(f"which version of poetry {self.first.state.image} gets is not known")
        return found

    def _installed_poetry(self, step: Step) -> str | None:
        """The version that a RUN installs: empty for the newest, `?` for one that is not known, None for none."""
        assert step.body is not None
        text = step.body.script.text
        found: str | None = None
        if "install.python-poetry.org" in text or "install-poetry.py" in text:
            match = re.search(r"(?:POETRY_VERSION=|--version[ =])[\"']?(\S*)", text)
            if match is not None:
                found = match[1].strip("\"'") if re.fullmatch(r"[\d.]+[\"']?", match[1]) else "?"
            else:
                found = (step.state.variable("POETRY_VERSION") or "?") if step.state.sets("POETRY_VERSION") else ""
        for call in effects(step.body.script, step.state.variables, step.state.workdir).invocations:
            if call.program not in ("pip", "pip3", "pipx", "uv"):
                continue
            for word in call.argv:
                match = re.fullmatch(r"poetry(?:\[[\w,]*\])?(|[=<>~!@].*)", word or "")
                if word is None:
                    found = "?"
                elif match is not None:
                    found = (newest("poetry", match[1]) or "?") if match[1] else ""
                    found = "" if found == self.about["releases"][-1] else found
        return found

    def _new_python(self) -> bool:
        """Whether the image's Python gets a version of Poetry that has groups: 3.7 and later do."""
        from slimify.knowledge.images import describe

        image = describe(self.first.state.image or "")
        words = image.version.split(".") if image is not None and image.name == "python" else []
        return words[:1] == ["3"] and (len(words) == 1 or (words[1].isdecimal() and int(words[1]) >= 7))

    # What is installed.

    def _project(self, context: BuildContext) -> str:
        """The folder of the context whose manifest and lock file are installed."""
        workdir = self.first.state.workdir
        if workdir is None or any(one.step.state.workdir != workdir for one in self.installs):
            raise MissingEvidence("the folder that it works in is not known")
        self.workdir = workdir
        before = placed(self.build, context, self.first.stage, self.first)
        certain(before, context)
        files = {**before.files, **bound(self.first, context)}
        names = (_MANIFEST.get(self.manager, "pyproject.toml"), LOCKS[self.manager])
        folders = set[str]()
        for name in names:
            path = files.get(posixpath.join(workdir, name))
            if path is None or posixpath.basename(path) != name:
                raise MissingEvidence(f"{name} is not copied from the build context before it")
            folders.add(posixpath.dirname(path))
        if len(folders) != 1:
            raise MissingEvidence("manifest and lock file come from different folders")
        for step in history(self.build, self.first.stage):
            if step is self.first:
                break
            text = step.instruction.logical.text if step.keyword == "RUN" else ""
            if _CHANGES.search(text):
                raise MissingEvidence("an earlier RUN may change what is installed")
        folder = folders.pop()
        self.facts.append(f"{' and '.join(posixpath.join(folder, name) for name in names)} are in the build context")
        return folder

    def _lost(self, found: Development) -> Lost:
        """What goes, with the modules and programs it brings; all of it must be known to be tools and theirs."""
        python = facts()["python"]
        shared, silent = set(python["shared"]), set(python["silent"])
        modules: dict[str, str] = {}
        programs: dict[str, str] = {}
        for name in sorted(found.lost):
            brought = python_tool(name)
            if brought is None:
                raise MissingEvidence(f"{name} is not known to be a mere tool: another package may load it")
            usable = found.extras is not None and name not in found.extras and name not in silent
            if name in shared and not is_python_tool(name) and not usable:
                raise MissingEvidence(
                    f"{name}, which would go too, is something that other packages use if it is there"
                )
            for user in python["users"].get(name, ()):
                if user in found.kept:
                    raise MissingEvidence(f"{user} uses {name} if it is there, and only development brings it")
            modules.update((one, name) for one in brought.modules)
            programs.update((one, name) for one in brought.programs)
        # A module or a program that a kept package brings as well stays.
        for name in found.kept:
            if (stays := python_tool(name)) is not None:
                for one in stays.modules:
                    modules.pop(one, None)
                for one in stays.programs:
                    programs.pop(one, None)
        return Lost(modules, programs)

    # What runs.

    def _nothing_needs(self, context: BuildContext, folder: str, lost: Lost) -> None:
        from slimify.context.python.project import read_project

        project = read_project(context, folder)
        aliases = _aliases(context, folder)
        scripts = project.scripts if project is not None else ()
        calls = [one.call for one in self.installs]
        found = list(images(self.build, self.first))
        if not found:
            raise MissingEvidence("")
        for stage in found:
            runs = PythonRuns(context, lost, scripts, aliases)
            there = placed(self.build, context, stage)
            certain(there, context)
            foreign_folders(self.build, there, self.workdir, _HARMLESS)
            state = self.build.stages[stage].final_state
            command = runs.stage(started(self.build, stage, self.first), state, there, calls)
            self.facts.append(f"the image runs {command}")
            self._elsewhere(context, runs, there, stage)
            for name, value in state.env.items():
                for word in re.findall(r"[\w-]+", value or "") if name != "PATH" else ():
                    if lost.of(word) is not None and word not in facts()["python"]["ordinary"]:
                        raise MissingEvidence(f"{name} mentions {word}, a development dependency")
            self.facts.append(check_sources(context, runs, there, state.workdir or "/"))

    def _elsewhere(self, context: BuildContext, runs: PythonRuns, there: Placed, stage: int) -> None:
        """Compose files may be about other images: what they run that cannot be followed may be any source."""
        elsewhere = run_elsewhere(context, (*MANAGERS, "python3?", *map(re.escape, sorted(runs.lost.programs))))
        for unknown in elsewhere.unknown:
            raise MissingEvidence(unknown.reason)
        for text, where in elsewhere.commands:
            name = f"{where.file}:{where.line}"
            try:
                runs.text(text, Place(name, self.build.stages[stage].final_state, there))
            except Needed:
                raise
            except MissingEvidence as missing:
                runs.doubt = runs.doubt or str(missing)

    def _rewrite(self, found: Development, flag: str) -> Rewrite:
        edits: list[Edit] = []
        evidence: list[Evidence] = []
        drops: list[str] = []
        for step, call in self.installs:
            body = step.body
            assert body is not None
            evidence.append(
                Evidence(
                    f"{self.manager} {_verb(call)}",
                    body.span(call.command.start, call.command.end),
                    self.about["source"],
                )
            )
            if flag:
                end = call.words[call.argv.index(_verb(call))].end
                at = body.span(end - 1, end).end
                edits.append(Edit(Span(at, at), f" {flag}"))
            else:
                command = call.command
                parts = (*command.assignments, *command.words, *command.redirects)
                drops.append(" ".join(body.script.text[one.start : one.end] for one in parts))
                for index, word in enumerate(call.words):
                    if word.value in self.about["drop"]:
                        before = call.words[index - 1] if index else call.typed[-1]
                        start = body.span(before.end - 1, before.end).end
                        edits.append(Edit(Span(start, body.span(word.end - 1, word.end).end), ""))
        everything = len(found.kept | found.lost)
        evidence += [Evidence(text) for text in dict.fromkeys([named(found.lost), *self.facts])]
        return Rewrite(
            transform=NAME,
            level=Level.STANDARD,
            title=f"install without development dependencies ({flag or 'without ' + self.about['drop'][0]})",
            reason=f"{len(found.lost)} of {everything} packages in {found.lock} are for development only, "
            "and nothing that runs in the image needs one",
            edits=tuple(edits),
            evidence=tuple(evidence),
            drops=tuple(drops),
        )


def _aliases(context: BuildContext, folder: str) -> frozenset[str]:
    """Scripts that `pdm run` and `pipenv run` know by a name of their own."""
    from slimify.context.python.data import inside, read_toml, table

    project = read_toml(context, posixpath.join(folder, "pyproject.toml")).table
    pipfile = read_toml(context, posixpath.join(folder, "Pipfile")).table
    return frozenset([*table(inside(project, "tool", "pdm", "scripts")), *table(pipfile.get("scripts"))])
