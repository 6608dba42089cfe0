"""pyproject.toml: the standard tables (PEP 518, 621, 735, 639) and those of the tools that build or install."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterator

from slimify.context.python.data import Table, inside, items, read_toml, string, strings, table, tables
from slimify.context.python.metadata import Metadata, Script
from slimify.context.python.paths import is_file, join
from slimify.context.python.poetry import poetry_packages, poetry_reads, poetry_requirements, poetry_scripts
from slimify.context.python.problems import Problem
from slimify.context.python.requirement import Origin, Requirement, normalise, parse_requirement
from slimify.knowledge.python import builds
from slimify.semantics.build_context import BuildContext

# PEP 639, "license-files"; setuptools, hatchling, flit and pdm look for these where nothing is said.
_LICENSES = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")


def read_pyproject(context: BuildContext, path: str) -> Metadata | None:
    """Read a pyproject.toml; None where there is none."""
    read = read_toml(context, path)
    if not read.present:
        return None
    if read.problems:
        return Metadata(path, problems=read.problems, unknown=("everything",))
    return _Reader(context, path, read.table).metadata()


class _Reader:
    def __init__(self, context: BuildContext, path: str, data: Table) -> None:
        self.context = context
        self.path = path
        self.folder = posixpath.dirname(path)
        self.project = table(data.get("project"))
        self.tool = table(data.get("tool"))
        self.poetry = table(self.tool.get("poetry"))
        self.data = data
        self.problems: list[Problem] = []

    def metadata(self) -> Metadata:
        system = table(self.data.get("build-system"))
        build_requires = tuple(self._list(system.get("requires"), "build-system"))
        dependencies = tuple(self._dependencies())
        names = {one.name for one in build_requires}
        project, poetry = self.project, self.poetry
        return Metadata(
            path=self.path,
            name=normalise(string(project.get("name")) or string(poetry.get("name")) or self._flit("module")),
            version=string(project.get("version")) or string(poetry.get("version")),
            requires_python=string(project.get("requires-python"))
            or string(inside(poetry, "dependencies", "python"))
            or string(inside(poetry, "dependencies", "python", "version"))
            or self._flit("requires-python"),
            backend=string(system.get("build-backend")),
            build_requires=build_requires,
            dependencies=dependencies,
            dynamic=strings(project.get("dynamic")),
            scripts=tuple(self._scripts()),
            reads=tuple(dict.fromkeys(one for one in self._reads() if one)),
            local=tuple(dict.fromkeys(self._local(dependencies))),
            packages=tuple(dict.fromkeys(self._packages())),
            tools=tuple(self.tool),
            version_from_git=self._version_from_git(names),
            builds_native_code=bool(names & builds().builds_native_code) or self._native(),
            problems=tuple(self.problems),
        )

    def _flit(self, key: str) -> str:
        return string(inside(self.tool, "flit", "metadata", key))

    def _list(self, value: object, group: str) -> Iterator[Requirement]:
        for text in items(value):
            one = parse_requirement(text, self.path, group=group) if isinstance(text, str) else None
            if one is None:
                self.problems.append(Problem(self.path, 0, f"is not a requirement: {str(text)[:80]}"))
            else:
                yield one

    def _dependencies(self) -> Iterator[Requirement]:
        found = [*self._list(self.project.get("dependencies"), "")]
        for extra, wanted in table(self.project.get("optional-dependencies")).items():
            found += self._list(wanted, extra)
        groups = table(self.data.get("dependency-groups"))
        for group in groups:
            found += self._group(groups, group, group, ())
        for group, wanted in table(inside(self.tool, "pdm", "dev-dependencies")).items():
            # `-e file:///…` is pdm's own way of writing an editable dependency.
            found += self._list([one for one in items(wanted) if not str(one).startswith("-e")], group)
        found += self._list(inside(self.tool, "uv", "dev-dependencies"), "dev")
        found += self._list(inside(self.tool, "flit", "metadata", "requires"), "")
        for extra, wanted in table(inside(self.tool, "flit", "metadata", "requires-extra")).items():
            found += self._list(wanted, extra)
        for name, one in table(inside(self.tool, "hatch", "envs")).items():
            found += self._list(inside(one, "dependencies"), f"hatch-{name}")
        for one in found:
            yield self._placed(one)
        yield from poetry_requirements(self.poetry, self.path)

    def _group(self, groups: Table, name: str, into: str, within: tuple[str, ...]) -> Iterator[Requirement]:
        """The requirements of a dependency group with those it includes (PEP 735)."""
        if name in within or len(within) > 20:
            self.problems.append(Problem(self.path, 0, f"the dependency group {name[:80]} includes itself"))
            return
        by_name = {normalise(one): one for one in groups}
        for one in items(groups.get(by_name.get(normalise(name), name))):
            if isinstance(one, dict):
                yield from self._group(groups, string(one.get("include-group")), into, (*within, name))
            else:
                yield from self._list([one], into)

    def _placed(self, one: Requirement) -> Requirement:
        """The requirement with the place that `[tool.uv.sources]` gives it."""
        sources = table(inside(self.tool, "uv", "sources"))
        for name, source in sources.items():
            if normalise(name) != one.name:
                continue
            for place in tables(source):
                if path := string(place.get("path")):
                    origin = Origin.EDITABLE if place.get("editable") is True else Origin.PATH
                    return one._replace(origin=origin, place=path, editable=place.get("editable") is True)
                if git := string(place.get("git")):
                    return one._replace(origin=Origin.VCS, place=f"git+{git}")
                if url := string(place.get("url")):
                    return one._replace(origin=Origin.URL, place=url)
                if place.get("workspace") is True:
                    return one._replace(origin=Origin.EDITABLE, editable=True)
        return one

    def _scripts(self) -> Iterator[Script]:
        for key in ("scripts", "gui-scripts"):
            for name, target in table(self.project.get(key)).items():
                if isinstance(target, str):
                    yield Script(name, target)
        for name, target in table(inside(self.tool, "flit", "scripts")).items():
            yield Script(name, string(target))
        yield from poetry_scripts(self.poetry)

    def _reads(self) -> Iterator[str]:
        project, tool = self.project, self.tool
        readme = project.get("readme")
        yield string(readme) or string(inside(readme, "file"))
        yield string(inside(project, "license", "file"))
        yield from strings(project.get("license-files"))
        yield from strings(inside(project, "license-files", "paths"))
        yield from strings(inside(project, "license-files", "globs"))
        setuptools = table(tool.get("setuptools"))
        for field in table(setuptools.get("dynamic")).values():
            yield from strings(inside(field, "file"))
            if attribute := string(inside(field, "attr")):
                yield attribute.rpartition(".")[0].replace(".", "/") + ".py"
        yield from strings(setuptools.get("license-files"))
        yield from self._hatch()
        yield string(inside(tool, "pdm", "version", "path"))
        yield string(inside(tool, "pdm", "build", "custom-hook"))
        yield self._flit("description-file")
        yield from poetry_reads(self.poetry)
        if project or self.poetry:
            yield from _LICENSES
        if not self.data.get("build-system") or "setuptools" in string(
            inside(self.data, "build-system", "build-backend")
        ):
            for name in ("setup.py", "setup.cfg", "MANIFEST.in"):
                if is_file(self.context, posixpath.join(self.folder, name)):
                    yield name

    def _hatch(self) -> Iterator[str]:
        hatch = table(self.tool.get("hatch"))
        yield string(inside(hatch, "version", "path"))
        yield from strings(inside(hatch, "metadata", "hooks", "requirements_txt", "files"))
        for wanted in table(inside(hatch, "metadata", "hooks", "requirements_txt", "optional-dependencies")).values():
            yield from strings(wanted)
        for one in tables(inside(hatch, "metadata", "hooks", "fancy-pypi-readme", "fragments")):
            yield string(one.get("path"))
        hooks = [inside(hatch, "build", "hooks", "custom")]
        for target in table(inside(hatch, "build", "targets")).values():
            hooks.append(inside(target, "hooks", "custom"))
            yield from table(inside(target, "force-include"))
        yield from table(inside(hatch, "build", "force-include"))
        for hook in hooks:
            if isinstance(hook, dict):
                yield string(hook.get("path")) or "hatch_build.py"

    def _packages(self) -> Iterator[str]:
        yield from poetry_packages(self.poetry)
        yield from strings(inside(self.tool, "hatch", "build", "targets", "wheel", "packages"))
        yield from strings(inside(self.tool, "setuptools", "packages"))
        yield from strings(inside(self.tool, "setuptools", "py-modules"))

    def _local(self, dependencies: tuple[Requirement, ...]) -> Iterator[str]:
        for one in dependencies:
            if one.origin in (Origin.PATH, Origin.EDITABLE) and one.place:
                path = join(self.folder, one.place.removeprefix("file://").removeprefix("file:"))
                if path is None:
                    self.problems.append(Problem(self.path, 0, f"{one.place[:200]} is outside of the build context"))
                else:
                    yield path
        workspace = inside(self.tool, "uv", "workspace")
        yield from members(
            self.context, self.folder, strings(inside(workspace, "members")), strings(inside(workspace, "exclude"))
        )

    def _version_from_git(self, names: set[str]) -> bool:
        tool = self.tool
        return (
            bool(names & builds().version_from_git)
            or string(inside(tool, "hatch", "version", "source")) == "vcs"
            or string(inside(tool, "pdm", "version", "source")) == "scm"
            or isinstance(tool.get("setuptools_scm"), dict)
            or isinstance(tool.get("setuptools-git-versioning"), dict)
            or inside(tool, "poetry-dynamic-versioning", "enable") is True
            or isinstance(tool.get("versioningit"), dict)
        )

    def _native(self) -> bool:
        setuptools = table(self.tool.get("setuptools"))
        return bool(setuptools.get("ext-modules") or self.poetry.get("build"))


def members(context: BuildContext, folder: str, patterns: tuple[str, ...], without: tuple[str, ...]) -> Iterator[str]:
    """The folders of a uv workspace: those that match a pattern and have a pyproject.toml."""
    prefix = f"{folder}/" if folder else ""
    for entry in context.entries() if patterns else ():
        if posixpath.basename(entry.path) != "pyproject.toml" or not entry.path.startswith(prefix):
            continue
        member = posixpath.dirname(entry.path)[len(prefix) :]
        if any(_matches(member, one) for one in patterns) and not any(_matches(member, one) for one in without):
            yield prefix + member


def _matches(path: str, pattern: str) -> bool:
    """Whether a folder matches a pattern whose `*` stops at a slash, which fnmatch's does not."""
    pattern = pattern.strip("/").removeprefix("./")
    if len(pattern) > 500:
        return False
    if "**" in pattern:
        return fnmatch.fnmatchcase(path, pattern)
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))
