"""Every Dockerfile of a repository with the ways in which it is built."""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from slimify.bot.builds import bake, compose, devcontainer, pipelines, platforms, recipes, workflow
from slimify.bot.builds.fit import fit, present, read, sources
from slimify.bot.builds.holes import bindings, fill, is_known, shown
from slimify.bot.builds.named import Named, Problem
from slimify.bot.builds.repository import FolderContext, Repository, RepositoryFiles
from slimify.bot.proposal import ImageBuild
from slimify.config import NOTHING, Config
from slimify.discovery import excluder, is_dockerfile
from slimify.semantics.build_context import Kind
from slimify.syntax.dockerfile import Dockerfile

Reader = Callable[[Repository, str], Iterator[Named | Problem]]

_MOST_FILES = 2000
_MOST_BUILDS = 5000
# How often a path with holes is compared with one without.
_MOST_COMPARED = 100_000
_MOST_OF_ONE = 50


def _in_any_folder(name: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"(?:.*/)?(?:{name.pattern})")


# Which file is read by what. Where one build is described twice, the one that comes first here is named.
READERS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (_in_any_folder(compose.NAME), compose.read_compose),
    (_in_any_folder(bake.NAME), bake.read_bake),
    (workflow.WORKFLOW, workflow.read_workflow),
    (workflow.ACTION, workflow.read_action),
    (pipelines.GITLAB, pipelines.read_gitlab),
    (pipelines.AZURE, pipelines.read_azure),
    (pipelines.CLOUD_BUILD, pipelines.read_cloud_build),
    (pipelines.OTHERS, pipelines.read_pipeline),
    (platforms.SKAFFOLD, platforms.read_skaffold),
    (platforms.FLY, platforms.read_fly),
    (platforms.RENDER, platforms.read_render),
    (platforms.RAILWAY, platforms.read_railway),
    (platforms.HEROKU, platforms.read_heroku),
    (platforms.APP_PLATFORM, platforms.read_app_platform),
    (devcontainer.NAME, devcontainer.read_devcontainer),
    (recipes.MAKEFILE, recipes.read_makefile),
    (recipes.JUSTFILE, recipes.read_justfile),
    (recipes.TASKFILE, recipes.read_taskfile),
    (recipes.PACKAGE, recipes.read_package),
    (recipes.SCRIPT, recipes.read_script_file),
)
# Folders with copies of what belongs to others: it says nothing of how this repository is built, and is nothing to
# propose changes to, for the next copy would undo them.
_FOREIGN = re.compile(r"(?:.*/)?(?:node_modules|vendor|third_party|bower_components)/")


class DockerfileBuilds(NamedTuple):
    """A Dockerfile and how it is built: at least one way, those that are sure first."""

    dockerfile: str
    builds: tuple[ImageBuild, ...]

    @property
    def uncertain(self) -> str:
        """Why it is not sure how it is built, empty if it is: then it is only rewritten safely, without a context."""
        return next((build.uncertain for build in self.builds if build.uncertain), "")


class Builds(NamedTuple):
    """The Dockerfiles of a repository, sorted by path, and what was not understood."""

    dockerfiles: tuple[DockerfileBuilds, ...]
    problems: tuple[Problem, ...]


def _no_config(_folder: str) -> Config:
    return NOTHING


def find_builds(files: RepositoryFiles, config_of: Callable[[str], Config] = _no_config) -> Builds:
    """The Dockerfiles of a repository and their builds. Raises nothing but what `files` and `config_of` raise.

    `config_of` gives the configuration that holds in a folder; folders, and the `path` of what it gives, start from
    the root of the repository. What its `exclude` names is left out, whoever else names it.
    """
    repository = Repository(files)
    finder = _Finder(repository, _Excluded(config_of))
    finder.search()
    if repository.problem:
        finder.problems.append(Problem("", 0, repository.problem))
    return finder.result()


class _Excluded:
    """Says of paths whether the configuration leaves them out, as a search through folders would."""

    def __init__(self, config_of: Callable[[str], Config]) -> None:
        self._config_of = config_of
        self._folders: dict[str, bool] = {"": False}
        self._tests: dict[str | None, Callable[[str, bool], bool] | None] = {None: None}

    def __call__(self, path: str) -> bool:
        folder = posixpath.dirname(path)
        return self._folder(folder) or self._own(folder, path, False)

    def _folder(self, folder: str) -> bool:
        if folder not in self._folders:
            parent = posixpath.dirname(folder)
            self._folders[folder] = self._folder(parent) or self._own(parent, folder, True)
        return self._folders[folder]

    def _own(self, parent: str, path: str, is_folder: bool) -> bool:
        config = self._config_of(parent)
        if config.path not in self._tests:
            self._tests[config.path] = excluder(posixpath.dirname(f"/{config.path}"), config.exclude)
        test = self._tests[config.path]
        return test is not None and test(f"/{path}", is_folder)


class _Finder:
    def __init__(self, repository: Repository, excluded: Callable[[str], bool]) -> None:
        self.repository = repository
        self.excluded = excluded
        self.problems: list[Problem] = []
        self.builds: dict[str, list[ImageBuild]] = {}
        self.guesses: dict[str, list[ImageBuild]] = {}
        self.candidates: list[str] = []
        self.compared = 0

    def search(self) -> None:
        paths = [one.path for one in self.repository.files()]
        self.candidates = [path for path in self.repository.dockerfiles if not self.excluded(path)]
        named: list[Named] = []
        for pattern, reader in READERS:
            fitting = (path for path in paths if pattern.fullmatch(path) and not _FOREIGN.match(path))
            for path in itertools.islice(fitting, _MOST_FILES):
                for found in reader(self.repository, path):
                    if isinstance(found, Problem):
                        self.problems.append(found)
                    elif len(named) < _MOST_BUILDS:
                        named.append(found)
        for one in named:
            self.settle(one)
        for path in self.candidates:
            if path not in self.builds and not _FOREIGN.match(path):
                self.builds[path] = self.unnamed(path)

    def real(self, path: str) -> str | None:
        """The file that a path leads to, None if to none, or if it is left out."""
        found = self.repository.real(path)
        return None if found is None or self.excluded(found) or self.excluded(path) else found

    def settle(self, one: Named) -> None:
        """Find the Dockerfiles that a build means, and keep the build with each."""
        known = [path for path in one.dockerfiles if is_known(path)]
        for path in known:
            if self.repository.real(path) is not None:
                real = self.real(path)
                if real is not None:
                    self.add(self.builds, one, real, {})
                return
        if known:
            if not one.quiet and not _is_generated(self.repository, known[0]):
                self.problems.append(Problem(*one.place, f"there is no {known[0][:200]}"))
            return
        before = len(self.guesses)
        matched = 0
        for text in one.dockerfiles:
            for path in self.candidates:
                self.compared += 1
                values = bindings(text, path) if self.compared < _MOST_COMPARED else None
                if values is not None and matched < _MOST_OF_ONE:
                    matched += 1
                    self.add(self.guesses, one, path, values)
        if not matched and before == len(self.guesses) and not one.quiet:
            self.problems.append(
                Problem(*one.place, f"which Dockerfile {shown(one.dockerfiles[0])[:200]} is, is not known")
            )

    def add(self, where: dict[str, list[ImageBuild]], one: Named, dockerfile: str, values: dict[str, str]) -> None:
        context = fill(one.context, values)
        target = None if one.target is None else fill(one.target, values)
        folder = self.repository.folder(context) if is_known(context) else None
        why = one.why
        if not is_known(context):
            why = why or f"its context {shown(context)} is not constant"
        elif folder is None:
            why = why or f"its context {context} is not in the repository"
        if target is not None and not is_known(target):
            why, target = why or f"its target {shown(target)} is not constant", None
        contexts = tuple((name, fill(value, values)) for name, value in one.contexts)
        source = f"{one.place.file}:{one.place.line}" if one.place.line else one.place.file
        own = posixpath.dirname(dockerfile)
        build = ImageBuild(
            dockerfile, own if folder is None else folder, target, one.build_args, source, contexts, why[:300]
        )
        kept = where.setdefault(dockerfile, [])
        if all(build._replace(source=other.source) != other for other in kept):
            kept.append(build)

    def unnamed(self, path: str) -> list[ImageBuild]:
        """The builds of a Dockerfile that nothing names in full.

        A build with holes that may be of this Dockerfile counts if its sources are where it would have them.
        """
        guesses = self.guesses.get(path, [])
        dockerfile = read(self.repository, path) if guesses else None
        sure = [one for one in guesses if dockerfile is not None and not one.uncertain and self.fits(one, dockerfile)]
        if sure:
            return sure
        found = fit(self.repository, path)
        return guesses if guesses and found.why else [ImageBuild(path, found.context, uncertain=found.why)]

    def fits(self, one: ImageBuild, dockerfile: Dockerfile) -> bool:
        """Whether all that a Dockerfile copies is in the context of a build."""
        wanted = sources(dockerfile, one.build_args)
        return present(FolderContext(self.repository, one.context, one.dockerfile), wanted) == len(wanted.paths)

    def result(self) -> Builds:
        return Builds(
            tuple(
                DockerfileBuilds(path, tuple(sorted(builds, key=lambda one: one.uncertain != "")))
                for path, builds in sorted(self.builds.items())
            ),
            tuple(dict.fromkeys(self.problems)),
        )


def _is_generated(repository: Repository, path: str) -> bool:
    """Whether something of the repository plausibly makes the Dockerfile: a template of it, or a generator."""
    folder, name = posixpath.split(path)
    if any(one in f"/{path}/" for one in ("/dist/", "/build/", "/out/", "/target/", "/generated/", "/gen/")):
        return True
    for one in repository.root.children(folder):
        other = posixpath.basename(one.path)
        if one.kind is Kind.FILE and other != name and other.startswith(f"{name}.") and not is_dockerfile(other):
            return not other.endswith((".dockerignore", ".md"))
    return False
