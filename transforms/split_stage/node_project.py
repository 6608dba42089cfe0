"""The package that a stage installs for: its manifest and lock file, and what its packages need."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.node_runs import Task
from slimify.transforms.split_stage.refused import Refused

from slimify.context.node.lock import Lock, Locked, production, read_lock
from slimify.context.node.package_json import Package, read_package
from slimify.context.node.scripts import runs_script
from slimify.context.node.settings import read_settings
from slimify.knowledge.language_packages import NodePackage, node_package
from slimify.semantics.build import Build

_LOCKS = {
    "npm": ("npm-shrinkwrap.json", "package-lock.json"),
    "yarn": ("yarn.lock",),
    "pnpm": ("pnpm-lock.yaml",),
}
# Settings of npm and pnpm by which packages lie elsewhere (npm and pnpm documentation, "npmrc").
_MOVES = frozenset(["prefix", "modules-dir", "virtual-store-dir", "node-linker", "nodeLinker", "lockfile-dir"])
_GIT = ("git+ssh", "git+https", "git+http", "git://", "codeload.github")


class Project(NamedTuple):
    """A package in the context and its `folder` in the image; `lock` is None where none is copied beside it."""

    package: Package
    folder: str
    manager: str
    lock: Lock | None
    installs: tuple[Task, ...]

    @property
    def modules(self) -> str:
        """The folder in the image that packages are installed into."""
        return f"{self.folder.rstrip('/')}/node_modules"

    def place(self, path: str) -> str:
        """Where in the image a path of the context is, if it lies where the package does."""
        return posixpath.normpath(posixpath.join(self.folder, posixpath.relpath(path, self.package.folder or ".")))

    def path(self, place: str) -> str | None:
        """The path of the context that a place in the folder of the image stands for; None if it is elsewhere."""
        relative = posixpath.relpath(place, self.folder)
        return None if relative.startswith("..") else posixpath.normpath(posixpath.join(self.package.folder, relative))


class Needs(NamedTuple):
    """What packages need, by their `names`: which are `compiled`, and the Debian packages they run with.

    `from_git` says that some are fetched from a git repository, `openssl` that one looks which version there is.
    """

    names: frozenset[str] = frozenset()
    compiled: tuple[str, ...] = ()
    packages: tuple[tuple[str, tuple[str, ...]], ...] = ()
    from_git: bool = False
    openssl: str = ""


def project(build: Build, installs: tuple[Task, ...]) -> Project:
    """The package that is installed for. Raises `Refused` where it is not known, or where there are several."""
    context = build.context
    assert context is not None
    first = installs[0]
    span = first.step.instruction.span
    if len({(one.step.state.workdir or "/", one.manager) for one in installs}) > 1:
        raise Refused("packages are installed in several folders, or by several managers", span)
    folder = first.step.state.workdir or "/"
    files = Files(build, build.stages[0])
    if context.truncated:
        raise Refused("the build context was not looked at as a whole", span)
    path = files.at(first.step, posixpath.join(folder, "package.json"))
    package = read_package(context, posixpath.dirname(path)) if path is not None else None
    if not isinstance(package, Package) or package.path != path or package.unknown:
        raise Refused(
            f"{posixpath.join(folder, 'package.json')} does not come from the build context, or is not read", span
        )
    settings = read_settings(context, package.folder)
    if package.workspaces or any(name.endswith("pnpm-workspace.yaml") for name in settings.files):
        raise Refused("it is a workspace of several packages", span)
    if any(one.folder is not None or one.is_workspace for one in package.dependencies):
        raise Refused("it depends on packages that lie beside it", span)
    for one in settings.values:
        if one.key in _MOVES:
            raise Refused(f"{one.place.file} sets {one.key}, which decides where packages lie", span)
    return Project(package, folder, first.manager, _lock(build, first, folder, package, files), installs)


def _lock(build: Build, first: Task, folder: str, package: Package, files: Files) -> Lock | None:
    context = build.context
    assert context is not None
    for name in _LOCKS[first.manager]:
        path = files.at(first.step, posixpath.join(folder, name))
        if path is None or posixpath.dirname(path) != package.folder:
            continue
        lock = read_lock(context, path)
        if not isinstance(lock, Lock):
            raise Refused(f"{path} cannot be read", first.step.instruction.span)
        if first.manager == "yarn" and not lock.format.startswith("1"):
            raise Refused("Yarn 2 and later may lay packages out in other ways", first.step.instruction.span)
        return lock
    return None


def needs(build: Build, found: Project, pruned: bool, same_base: bool) -> Needs:
    """What the packages need that are shipped: all, or those for production if they are `pruned`.

    On the same base as before a package that nobody knows finds what it was built with. On a smaller one it must
    be known. Raises `Refused` where it is not.
    """
    context, lock = build.context, found.lock
    assert context is not None
    span = found.installs[0].step.instruction.span
    if lock is None:
        raise Refused(f"there is no lock file of {found.manager}, so that what is installed is not known", span)
    text = context.text(lock.path) or ""
    kept = production(lock, [found.package]) if pruned else None
    compiled: dict[str, None] = {}
    packages: list[tuple[str, tuple[str, ...]]] = []
    openssl = ""
    for one in lock.packages:
        if one.local or (one.os and "linux" not in one.os):
            continue
        known = node_package(one.published or one.name)
        if known is None:
            if (kept is None or one.name in kept) and not _harmless(one, same_base):
                what = "runs a script" if runs_script(one) else "may run a script"
                raise Refused(
                    f"{one.name} {one.version} {what} when it is installed, and what it needs is not known", span
                )
            continue
        kind = _kind(known, one)
        if kind in ("compiled", "downloaded"):
            compiled[one.name] = None
        if kept is not None and one.name not in kept:
            continue
        for data in known.data:
            if data.command == "install" and data.path.startswith(("~", "/")) and not _skipped(found, one.name):
                raise Refused(f"the installation of {one.name} puts data into {data.path}", span)
        packages += _libraries(known, kind)
        packages += [(one.name, each.packages) for each in known.run_programs]
        if one.name in _PRISMA:
            openssl = one.name
    names = frozenset(one.name for one in lock.packages if kept is None or one.name in kept)
    return Needs(names, tuple(compiled), tuple(packages), any(mark in text for mark in _GIT), openssl)


def _skipped(found: Project, name: str) -> bool:
    """Whether a variable keeps a package from fetching a browser (Puppeteer documentation, "Configuration")."""
    state = found.installs[0].step.state
    values = [state.variable(one) for one in ("PUPPETEER_SKIP_DOWNLOAD", "PUPPETEER_SKIP_CHROMIUM_DOWNLOAD")]
    return name == "puppeteer" and any(one in ("true", "1") for one in values)


def _harmless(one: Locked, same_base: bool) -> bool:
    """Whether a package that nobody knows finds what it needs in the stage that ships.

    What an install script builds it was built with there; what it fetches may lie in the home folder.
    """
    return runs_script(one) is False or (same_base and _FETCHES.search(one.name) is None)


# Packages that fetch programs when they are installed.
_FETCHES = re.compile(r"browser|chrom|cypress|driver|electron|firefox|ngrok|playwright|puppeteer|selenium|webkit")
# They choose their engine by what the program openssl says (Prisma documentation, "System requirements").
_PRISMA = frozenset(["prisma", "@prisma/client", "@prisma/engines"])


def _kind(known: NodePackage, one: Locked) -> str:
    """The kind of this version: the first of the older kinds whose border it is below."""
    number = _number(one.version)
    for border, kind in known.kind_before:
        if number < _number(border):
            return kind
    return known.kind


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("-")[0])[:3])


def _libraries(known: NodePackage, kind: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    libraries = [*known.run_libraries, *(known.source_libraries if kind in ("compiled", "downloaded") else ())]
    for each in libraries:
        if not each.packages:
            raise Refused(f"{known.name} needs {each.sonames[0]}, and no package that brings it is known")
        yield known.name, each.packages
