"""Poetry, pdm, uv and Pipenv: installs with the development groups, and the proof that nothing needs those."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from slimify.transforms.production.evidence import MissingEvidence, certain, foreign_folders, images, started
from slimify.transforms.production.installs import (
    Install,
    action_of,
    behind,
    in_environment,
    judged,
    leaving_out,
    project_folders,
    stands_plainly,
    undecided,
)
from slimify.transforms.production.python_runs import PythonRuns
from slimify.transforms.production.python_sources import check_sources
from slimify.transforms.production.runs import Lost, Needed, Place

from slimify.context.placed import Placed, history, placed
from slimify.context.python.development import LOCKS, Development, development
from slimify.context.run_elsewhere import run_elsewhere
from slimify.knowledge.production import facts, is_python_tool, newest, python_tool
from slimify.rewrite.edit import Edit, Rewrite
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext
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


def python_installs(build: Build) -> Iterator[tuple[Step, str, Rewrite | str]]:
    """For each stage that ships and each manager: where it installs, with the rewrite or why there is none."""
    yield from judged(build, MANAGERS, lambda *what: _Judge(*what).rewrite())


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
        undecided(self.installs, self._says)
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

    def _says(self, install: Install) -> bool:
        call = install.call
        if in_environment(install, self.about["env"]):
            return True
        if "drop" in self.about:
            # Pipenv leaves them out unless it is told to take them.
            return not call.has(*self.about["drop"]) or call.has(*self.about["options"])
        return call.has(*self.about["options"])

    def _plain(self, install: Install) -> None:
        stands_plainly(install)
        call = install.call
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
        names = (_MANIFEST.get(self.manager, "pyproject.toml"), LOCKS[self.manager])
        self.workdir, folder = project_folders(
            self.build, context, self.installs, names, _CHANGES, lambda folder: _has_some(context, folder)
        )
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
        drops: list[str] = []
        for install in self.installs:
            call, body = install.call, install.step.body
            assert body is not None
            if flag:
                edits.append(behind(install, call.argv.index(action_of(call)), f" {flag}"))
                continue
            command = call.command
            spans = [(one.start, one.end) for one in command.assignments]
            spans += [(one.start, one.end) for one in command.words]
            spans += [(one.start, one.end) for one in command.redirects]
            drops.append(" ".join(body.script.text[start:end] for start, end in spans))
            for index, word in enumerate(call.words):
                if word.value in self.about["drop"]:
                    before = call.words[index - 1] if index else call.typed[-1]
                    start = body.span(before.end - 1, before.end).end
                    edits.append(Edit(Span(start, body.span(word.end - 1, word.end).end), ""))
        return leaving_out(
            self.installs,
            edits,
            flag or f"without {self.about['drop'][0]}",
            found.lost,
            len(found.kept | found.lost),
            found.lock,
            self.facts,
            self.about["source"],
            drops,
        )


def _aliases(context: BuildContext, folder: str) -> frozenset[str]:
    """Scripts that `pdm run` and `pipenv run` know by a name of their own."""
    from slimify.context.python.data import inside, read_toml, table

    project = read_toml(context, posixpath.join(folder, "pyproject.toml")).table
    pipfile = read_toml(context, posixpath.join(folder, "Pipfile")).table
    return frozenset([*table(inside(project, "tool", "pdm", "scripts")), *table(pipfile.get("scripts"))])


def _has_some(context: BuildContext, folder: str) -> bool:
    """Whether a manifest in the folder has a group at all, beside what is always installed and extras."""
    from slimify.context.python.data import inside, read_toml, table

    project = read_toml(context, posixpath.join(folder, "pyproject.toml")).table
    pipfile = read_toml(context, posixpath.join(folder, "Pipfile")).table
    tool = table(project.get("tool"))
    return any(
        (
            table(pipfile.get("dev-packages")),
            table(project.get("dependency-groups")),
            table(inside(tool, "poetry", "dev-dependencies")),
            table(inside(tool, "poetry", "group")),
            table(inside(tool, "pdm", "dev-dependencies")),
            inside(tool, "uv", "dev-dependencies"),
        )
    )
