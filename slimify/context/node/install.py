"""What must be there before the dependencies can be installed, when the sources are not there yet.

Sources: npm documentation, "Scripts" (life cycle of `npm install` and `npm ci`, and the default
install script for a binding.gyp), "npmrc", "workspaces"; yarn documentation, "Settings",
"patch:"; pnpm documentation, "pnpm-workspace.yaml", ".pnpmfile.cjs"; patch-package, README;
Prisma documentation, "Generating Prisma Client" (the schema's default places).
"""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from slimify.context.found import LocalFile, Place, Unknown, is_file, is_folder, join
from slimify.context.node.lock import MANAGERS
from slimify.context.node.needs import application
from slimify.context.node.package_json import Package, Script, members, read_package
from slimify.context.node.run import Ran, follow_script
from slimify.context.node.settings import Settings, read_settings
from slimify.semantics.build_context import BuildContext

# In the order in which npm runs them for the package itself.
LIFECYCLE = ("preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare")
# Programs of life-cycle scripts that read nothing of the project (their READMEs).
_READS_NOTHING = frozenset(
    """echo true exit only-allow husky is-ci node-pre-gyp-check lefthook simple-git-hooks npm npx yarn pnpm bun sh
    bash opencollective opencollective-postinstall patch-package ngcc npm-force-resolutions husky-init chmod mkdir
    cross-env""".split()
)
_MANAGER_FILES = (
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pnpmfile.cjs",
    ".pnp.cjs",
    "pnpm-workspace.yaml",
    "bunfig.toml",
    ".node-version",
    ".nvmrc",
    ".tool-versions",
)


class InstallInputs(NamedTuple):
    """Files and folders that an install reads, and what of it could not be seen.

    `scripts` are the life-cycle scripts it runs, `programs` what these start. With anything in
    `unknown`, the sources may be needed as a whole.
    """

    paths: tuple[LocalFile, ...]
    scripts: tuple[Script, ...]
    programs: tuple[Ran, ...]
    settings: Settings
    unknown: tuple[Unknown, ...]


def install_inputs(context: BuildContext, package: Package) -> InstallInputs:
    """What an install of a package, with its workspace, reads."""
    reader = _Reader(context)
    reader.package(package, root=True)
    patterns = None
    if is_file(context, posixpath.join(package.folder, "pnpm-workspace.yaml")):
        patterns = [one.value for one in reader.settings.all("packages")]
    below = members(context, package, patterns)
    reader.unknown += below.unknown
    for folder in below.folders[:2000]:
        member = read_package(context, folder)
        if isinstance(member, Package):
            reader.package(member, root=False)
        elif member is not None:
            reader.unknown.append(member)
    return reader.value()


class _Reader:
    def __init__(self, context: BuildContext) -> None:
        self.context = context
        self.paths: dict[str, LocalFile] = {}
        self.scripts: list[Script] = []
        self.programs: list[Ran] = []
        self.unknown: list[Unknown] = []
        self.settings = Settings((), ())
        self.seen: set[str] = set()

    def value(self) -> InstallInputs:
        paths = tuple(self.paths[path] for path in sorted(self.paths))
        return InstallInputs(paths, tuple(self.scripts), tuple(self.programs), self.settings, tuple(self.unknown))

    def add(self, path: str | None, why: str, place: Place) -> None:
        """A path that is needed: reported as unknown where the context does not have it."""
        if path is not None and (is_file(self.context, path) or is_folder(self.context, path)):
            self.paths.setdefault(path, LocalFile(path, why, place))
        else:
            self.unknown.append(Unknown(f"{path or 'a path outside'} is not in the context ({why})", place))

    def package(self, package: Package, root: bool) -> None:
        if package.path in self.seen:
            return
        self.seen.add(package.path)
        self.unknown += package.unknown
        self.add(package.path, "manifest", Place(package.path))
        if root:
            self._root(package)
        self._local_dependencies(package)
        self._scripts(package)
        self._bins(package)

    def _root(self, package: Package) -> None:
        for name in (*MANAGERS, *_MANAGER_FILES):
            path = posixpath.join(package.folder, name)
            if is_file(self.context, path):
                self.add(path, "lock file" if name in MANAGERS else "settings", Place(path))
        self.settings = read_settings(self.context, package.folder)
        for key in ("yarnPath", "yarn-path", "plugins.path", "plugins"):
            for one in self.settings.all(key):
                if "/" in one.value and "://" not in one.value:
                    self.add(join(package.folder, one.value), "the package manager itself", one.place)
        for one in self.settings.values:
            if one.key.startswith("patchedDependencies"):
                self.add(join(package.folder, one.value), "patch", one.place)
            elif one.key in ("cacheFolder", "yarn-offline-mirror"):
                folder = join(package.folder, one.value)
                if is_folder(self.context, folder):
                    self.add(folder, "packages kept with the project", one.place)
        for name in (".yarn/cache", ".yarn/patches", ".yarn/plugins", ".yarn/releases"):
            path = posixpath.join(package.folder, name)
            if is_folder(self.context, path):
                self.add(path, "yarn", Place(path))
        for patch in package.patches:
            self.add(join(package.folder, patch), "patch", Place(package.path))

    def _local_dependencies(self, package: Package) -> None:
        for one in package.dependencies:
            if one.folder is None:
                continue
            path = join(package.folder, one.folder)
            self.add(path, f"dependency {one.name}", one.place)
            inner = read_package(self.context, path) if path is not None else None
            if isinstance(inner, Package) and len(self.seen) < 500:
                self.package(inner, root=False)

    def _bins(self, package: Package) -> None:
        """The commands of a workspace's member are linked, which some managers do only if the file is there."""
        for _, target in package.bin:
            path = join(package.folder, target)
            if is_file(self.context, path):
                self.add(path, "command of a package", Place(package.path))

    def _scripts(self, package: Package) -> None:
        if self.settings.says("ignore-scripts"):
            return
        names = [name for name in LIFECYCLE if package.script(name) is not None]
        native = posixpath.join(package.folder, "binding.gyp")
        if is_file(self.context, native) and not {"install", "preinstall"} & set(names):
            self.unknown.append(Unknown("node-gyp builds the package from its sources", Place(native)))
        if package.asks("@prisma/client") or package.asks("prisma"):
            self._prisma(package, Place(package.path))
        done: set[str] = set()
        for name in names:
            run = follow_script(self.context, package, name)
            self.unknown += run.unknown
            for script in run.scripts:
                if script.name not in done:
                    done.add(script.name)
                    self.scripts.append(script)
            for ran in run.ran:
                self.programs.append(ran)
                self._program(package, ran)

    def _program(self, package: Package, ran: Ran) -> None:
        for path in ran.files:
            self.add(path, f"run by {ran.program}", ran.place)
        for path in ran.missing:
            self.unknown.append(Unknown(f"{path} is not in the context", ran.place))
        if ran.program == "patch-package":
            folder = next((b for a, b in zip(ran.argv, ran.argv[1:], strict=False) if a == "--patch-dir"), "patches")
            patches = join(package.folder, folder or "")
            if is_folder(self.context, patches):
                self.add(patches, "patch-package", ran.place)
        elif ran.program == "prisma" and ran.argv[:1] == ("generate",):
            schema = next((b for a, b in zip(ran.argv, ran.argv[1:], strict=False) if a == "--schema"), None)
            if schema is not None:
                self.add(join(package.folder, schema), "prisma generate", ran.place)
            else:
                self._prisma(package, ran.place)
        elif ran.files:
            self._sources(ran)
        elif ran.program not in _READS_NOTHING:
            self.unknown.append(Unknown(f"{ran.program} may read the sources", ran.place))

    def _prisma(self, package: Package, place: Place) -> None:
        for name in ("prisma", "schema.prisma", "prisma.config.ts", "prisma.config.js"):
            path = posixpath.join(package.folder, name)
            if is_file(self.context, path) or is_folder(self.context, path):
                self.add(path, "prisma", place)

    def _sources(self, ran: Ran) -> None:
        """What a JavaScript file of a life-cycle script imports; whether it reads other files is not known."""
        files = [one for one in ran.files if one.endswith((".js", ".cjs", ".mjs", ".ts"))]
        found = application(self.context, files)
        for path in found.files:
            self.add(path, f"imported by {ran.program}", ran.place)
        self.unknown += found.needs.unknown
        for one in found.needs.imports:
            if one.file is not None:
                self.add(one.file, "imported", one.place)
            elif one.specifier.removeprefix("node:").partition("/")[0] in ("fs", "child_process") or one.package in (
                "fs-extra",
                "glob",
                "globby",
                "fast-glob",
                "shelljs",
                "execa",
            ):
                self.unknown.append(Unknown(f"it uses {one.specifier}, and may read any file", one.place))
