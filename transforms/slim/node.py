"""What npm packages and a Node application use of the base image."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING

from slimify.transforms.slim.base import At, RefusedError

from slimify.semantics.build import State

if TYPE_CHECKING:
    from slimify.transforms.slim.commands import Commands

    from slimify.context.found import Unknown
    from slimify.context.node.lock import Lock, Locked
    from slimify.context.node.package_json import Package
    from slimify.context.node.run import Run

_INSTALL = frozenset({"install", "i", "ci", "add", "clean-install", "install-clean", "isntall"})
_QUIET = frozenset(
    {"cache", "config", "set", "get", "version", "-v", "--version", "prune", "audit", "fund", "ls", "list", "pkg"}
)
_RUN = frozenset({"run", "run-script", "start", "test", "exec", "stop", "restart", "rum", "urn", "t"})
_FILE_RUNNERS = frozenset({"node", "nodejs"})
_SOURCES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte")
_SOURCE = "slimify/knowledge/node_packages.toml"
_SCRIPTS = "slimify/knowledge/node_packages.toml, node_scripts.py"
# What leaves development dependencies out (documentation of npm ci, yarn 1 and pnpm install), and what takes it back.
_PRODUCTION = {
    "npm": frozenset({"--production", "--production=true", "--only=production", "--only=prod"}),
    "yarn": frozenset({"--production", "--production=true", "--prod"}),
    "pnpm": frozenset({"--prod", "-P", "--production"}),
}
_DEVELOPMENT = frozenset({"--include", "--also", "--dev", "-D", "--production=false", "--no-production"})


class Node:
    """Gathers what is installed and what is started, and at the end looks at the sources."""

    def __init__(self, walk: Commands) -> None:
        self.walk = walk
        self.files: dict[str, At] = {}
        self.everything: At | None = None
        self.packages: set[str] = set()

    # -- installing --

    def manager(self, name: str, argv: Sequence[str | None], at: At, state: State) -> None:
        """What npm, yarn or pnpm is told to do."""
        words = [word for word in argv if word is None or not word.startswith("-")]
        if any(word is None for word in words):
            raise RefusedError(f"what {name} is to do is not known", at.span)
        options = {word.partition("=")[0] for word in argv if word is not None and word.startswith("-")}
        verb = words[0] if words else "install" if name == "yarn" and not options & {"-v", "--version"} else None
        if verb is None or verb in _QUIET:
            return
        if options & {"--prefix", "--cwd", "-C", "--dir", "--workspace", "-w", "--filter", "-F", "--registry"}:
            raise RefusedError(f"{name} is sent to another folder or registry", at.span)
        if verb in _INSTALL:
            if options & {"-g", "--global"}:
                self._named([word for word in words[1:] if word], at)
            elif len(words) > 1:
                raise RefusedError(f"what {words[1]} brings is not locked", at.span)
            else:
                self._locked(at, state, production=self._production(name, argv, state))
        elif name == "yarn" and verb == "global" and len(words) > 1 and words[1] == "add":
            self._named([word for word in words[2:] if word], at)
        elif verb in _RUN or name in ("yarn", "pnpm"):
            self._follow([name, *argv], at, state)
        else:
            raise RefusedError(f"what {name} {verb} does is not looked into", at.span)

    def _named(self, names: Sequence[str], at: At) -> None:
        """Packages that are installed for all, which no lock file lists."""
        from slimify.context.node.lock import Locked
        from slimify.knowledge.language_packages import node_package

        for word in names:
            name = word if word.startswith("@") and word.count("@") == 1 else word.rpartition("@")[0] or word
            known = node_package(name)
            if name in ("npm", "pnpm", "yarn", "corepack"):
                self.walk.ledger.programs.add(name)
                continue
            if known is not None and known.kind in ("pure", "bundled"):
                self._one(Locked(name, name, "", install_script=False), at)
                continue
            raise RefusedError(f"what {name} brings is not locked", at.span)

    def _package(self, at: At, state: State) -> tuple[Package, Lock | None]:
        from slimify.context.node.lock import Lock, find_manager, read_lock
        from slimify.context.node.package_json import Package, read_package

        walk = self.walk
        context = walk.build.context
        folders = [
            one for one in walk.folders(state.workdir) if context and context.entry(posixpath.join(one, "package.json"))
        ]
        package = read_package(context, folders[0]) if context is not None and len(folders) == 1 else None
        if context is None or not isinstance(package, Package):
            raise RefusedError("package.json is not in the build context, or not readable", at.span)
        if package.workspaces:
            raise RefusedError("workspaces are not looked into", at.span)
        found = find_manager(context, package)
        lock = read_lock(context, found.locks[0]) if found.locks else None
        if lock is not None and not isinstance(lock, Lock):
            raise RefusedError(f"{found.locks[0]} cannot be read: {lock.reason}", at.span)
        # A lock file that is left out of the image tells nothing.
        return package, lock if lock is None or lock.path in set(walk.sources()) else None

    def _locked(self, at: At, state: State, production: bool) -> None:
        from slimify.context.node.install import install_inputs
        from slimify.context.node.lock import production as for_production

        package, lock = self._package(at, state)
        context = self.walk.build.context
        assert context is not None
        if lock is None and package.dependencies:
            raise RefusedError("there is no lock file, so that what is installed is not known", at.span)
        text = (context.text(lock.path) or "") if lock is not None else ""
        for path in self.walk.sources():
            if f"/{path}".endswith("/.npmrc") and "from" in (context.text(path) or ""):
                raise RefusedError(f"{path} may ask for builds from source", at.span)
        for mark in ("git+ssh", "git+https", "git://", "codeload.github"):
            if mark in text:
                raise RefusedError("a package is fetched from a git repository and built", at.span)
        kept = for_production(lock, [package]) if production and lock is not None else None
        packages = [one for one in lock.packages if kept is None or one.name in kept] if lock is not None else []
        for one in packages:
            self._one(one, at)
        inputs = install_inputs(context, package)
        self._unknown(inputs.unknown, at)
        for ran in inputs.programs:
            if not ran.package:
                self.walk.plain(ran.program, at)
        count = len(packages)
        told = all(one.local or one.install_script is not None for one in packages)
        what = "locked npm packages" if kept is None else "npm packages that are locked for production"
        self.walk.final.note(
            f"none of the {count} {what} is compiled when it is installed", at.span, _SOURCE if told else _SCRIPTS
        )

    def _production(self, manager: str, argv: Sequence[str | None], state: State) -> bool:
        """Whether an install leaves development dependencies out for certain."""
        from slimify.knowledge.production import node_major

        if any(word is None or {word, word.partition("=")[0]} & _DEVELOPMENT for word in argv):
            return False
        if _PRODUCTION[manager].intersection(argv):
            return True
        if manager == "npm" and "--omit=dev" in argv:
            # npm 6, which came with Node before 15, reads over it.
            return (node_major(self.walk.ledger.images.full) or 0) >= 15
        return manager in ("npm", "yarn") and state.variable("NODE_ENV") == "production"

    def _one(self, one: Locked, at: At) -> None:
        from slimify.context.node.scripts import runs_script
        from slimify.knowledge.language_packages import node_package

        ledger = self.walk.final
        if one.local:
            return
        known = node_package(one.published or one.name)
        if "darwin" in one.os and "linux" not in one.os:
            return
        if known is None and (script := runs_script(one)) is not False:
            what = "runs a script when it is installed" if script else "may be compiled when it is installed"
            raise RefusedError(f"{one.name} {one.version} {what}", at.span)
        if known is not None:
            if known.kind in ("compiled", "downloaded") and one.install_script is not False:
                how = "compiled" if known.kind == "compiled" else "downloaded, or compiled where there is no binary,"
                raise RefusedError(f"{one.name} {one.version} is {how} when it is installed", at.span)
            if known.kind_before and one.install_script is not False:
                raise RefusedError(f"whether {one.name} {one.version} is compiled is not known", at.span)
            if known.kind == "bundled" and "glibc" not in known.libcs and known.libcs:
                raise RefusedError(f"{one.name} has no binary for glibc", at.span)
            for library in known.run_libraries:
                ledger.library(library.sonames, one.name, at)
            for program in known.run_programs:
                if not one.dev and all(name in ledger.images.programs for name in program.names):
                    ledger.program(program.names[0], at, one.name)
            self.packages.update(known.scripts)
        self.packages.update(one.bins or ())
        self.packages.add(one.name)

    # -- running --

    def command(self, name: str, argv: Sequence[str | None], at: At, state: State) -> bool:
        """Note what a command line runs of Node; False if it runs none."""
        if name in ("npx", "corepack"):
            if name == "corepack" and argv[:1] in (("enable",), ("prepare",), ("install",), ("use",)):
                self.walk.ledger.programs.update({"pnpm", "yarn"})
                return True
            self._follow([name, *argv], at, state)
            return True
        if name in _FILE_RUNNERS:
            if all(arg in ("-v", "--version") for arg in argv) and argv:
                return True
            if self.walk.ledger.images.name != "node":
                raise RefusedError("node is not what this image is for", at.span)
            self._follow([name, *argv], at, state)
            return True
        if name in self.packages and name not in self.walk.ledger.images.programs:
            self._follow([name, *argv], at, state)
            return True
        return False

    def _follow(self, argv: Sequence[str | None], at: At, state: State) -> None:
        from slimify.context.found import Place
        from slimify.context.node.package_json import Package
        from slimify.context.node.run import follow

        walk = self.walk
        context = walk.build.context
        if context is None:
            raise RefusedError("what node runs is not known without the build context", at.span)
        package, lock = self._package(at, state)
        base = (state.workdir or "/").rstrip("/") + "/"
        argv = [arg.removeprefix(base) if arg is not None and arg != base else arg for arg in argv]
        run: Run = follow(context, package, argv, Place(package.path), lock)
        assert isinstance(package, Package)
        self._unknown(run.unknown, at)
        for ran in run.ran:
            if not ran.package and ran.program not in self.packages and not ran.files:
                walk.plain(ran.program, at)
            for file in ran.files:
                self.files.setdefault(file, at)
        if run.missing or not run.files:
            self.everything = self.everything or at

    def _unknown(self, unknown: Sequence[Unknown], at: At) -> None:
        for one in unknown:
            raise RefusedError(f"{one.place.file}:{one.place.line}: {one.reason}", at.span)

    def finish(self) -> None:
        """Look at the sources that can run: those that are reached, or all where what runs is built."""
        from slimify.context.node.needs import application

        walk = self.walk
        context = walk.build.context
        at = self.everything or next(iter(self.files.values()), None)
        if context is None or at is None:
            return
        files = list(self.files)
        copied = list(walk.sources())
        if self.everything is not None:
            files += [path for path in copied if path.endswith(_SOURCES) and "node_modules" not in path]
        found = application(context, files)
        started = [one for one in found.needs.unknown if "computed name" not in one.reason or "start" in one.reason]
        if found.needs.unknown and not started:
            # An import that is computed may reach any source.
            files += [path for path in copied if path.endswith(_SOURCES) and "node_modules" not in path]
            found = application(context, files)
            started = [one for one in found.needs.unknown if "computed name" not in one.reason or "start" in one.reason]
        self._unknown(
            [one for one in started if "alias" not in one.reason and "not in the context" not in one.reason], at
        )
        for need in found.needs.programs:
            if need.name not in self.packages and not walk.ledger.program(need.name, at):
                place = need.place
                raise RefusedError(f"{place.file}:{place.line}: what {need.name} needs is not known", at.span)
        count = len(found.files)
        walk.final.note(f"{count} source{'s' if count != 1 else ''} of the application looked through", at.span)
