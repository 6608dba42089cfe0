"""Poetry, pdm, uv and Pipenv: installs with the development groups, and the proof that nothing needs those."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from slimify.transforms.production.evidence import MissingEvidence
from slimify.transforms.production.installs import (
    Install,
    action_of,
    behind,
    dropped,
    in_environment,
    judged,
    leaving_out,
    project_folders,
    without,
)
from slimify.transforms.production.judge import Judge
from slimify.transforms.production.python_proof import MANAGERS, lost_of, nothing_needs

from slimify.context.placed import history
from slimify.context.python.development import LOCKS, Development, development
from slimify.knowledge.production import newest
from slimify.rewrite.edit import Edit, Rewrite
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext
from slimify.semantics.effects import effects

_MANIFEST = {"pipenv": "Pipfile"}
# Options that ask for extras, and where their names stand.
_EXTRAS = {"poetry": ("-E", "--extras"), "uv": ("--extra",), "pdm": (), "pipenv": ()}
_CHANGES = re.compile(
    r"\b(?:poetry|pdm|uv|pipenv)\s+(?:add|remove|update|lock|init|import|upgrade|version)\b|pyproject\.toml|Pipfile"
)


def python_installs(build: Build) -> Iterator[tuple[Step, str, Rewrite | str]]:
    """For each stage that ships and each manager: where it installs, with the rewrite or why there is none."""
    yield from judged(build, MANAGERS, lambda *what: _Judge(*what).rewrite())


class _Judge(Judge):
    def __init__(self, build: Build, manager: str, installs: list[Install]) -> None:
        super().__init__(build, manager, installs)
        self.extras: list[str] = []

    def proven(self, context: BuildContext) -> Rewrite:
        flag = self._flag()
        folder = self._project(context)
        found = development(context, folder, self.manager, self.extras)
        if isinstance(found, str):
            raise MissingEvidence(found)
        if not found.lost:
            raise MissingEvidence("")
        lost = lost_of(found.lost, found.kept, found.extras)
        self.facts += nothing_needs(self.build, context, self.installs, self.workdir, folder, lost)
        return self._rewrite(found, flag)

    # What the command says.

    def says(self, install: Install) -> bool:
        call = install.call
        if in_environment(install, self.about["env"]):
            return True
        if "drop" in self.about:
            # Pipenv leaves them out unless it is told to take them.
            return not call.has(*self.about["drop"]) or call.has(*self.about["options"])
        return call.has(*self.about["options"])

    def plain(self, install: Install) -> None:
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

    def _rewrite(self, found: Development, flag: str) -> Rewrite:
        edits: list[Edit] = []
        drops: list[str] = []
        for install in self.installs:
            call = install.call
            if flag:
                edits.append(behind(install, call.argv.index(action_of(call)), f" {flag}"))
                continue
            drops.append(dropped(install))
            edits += [without(install, at, at) for at, word in enumerate(call.argv) if word in self.about["drop"]]
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
