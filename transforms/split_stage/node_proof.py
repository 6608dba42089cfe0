"""The proof that what is built runs without development dependencies, and how a manager removes them again.

Sources: npm documentation, "npm prune" (no scripts are run); yarn v1 documentation, "yarn install" (`--production`
removes what is installed and not for production); pnpm documentation, "pnpm prune" (`--ignore-scripts`, since 8.15.6).
Each was tried with compiled packages and files of other programs in node_modules: they stay.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from slimify.transforms.production.evidence import MissingEvidence
from slimify.transforms.production_node import Proof, Prover
from slimify.transforms.split_stage.node_built import Built
from slimify.transforms.split_stage.node_project import Project
from slimify.transforms.split_stage.node_runs import Task
from slimify.transforms.split_stage.node_start import Start

from slimify.context.node.config_file import find_config
from slimify.context.node.run import Ran
from slimify.context.node.run import Run as Followed
from slimify.context.placed import Placed
from slimify.knowledge.production import facts, node_major, npm_flag
from slimify.semantics.build import Build, Step

# Options of an install that the removal needs as well: they say which packages go together.
_CARRIED = {
    "npm": ("--legacy-peer-deps", "--legacy-peer-deps=true", "--force", "-f"),
    "yarn": ("--frozen-lockfile", "--pure-lockfile", "--ignore-engines", "--ignore-platform", "--non-interactive"),
    "pnpm": (),
}


def spared(
    build: Build, project: Project, built: Built, start: Start, moving: Iterable[Step], pruned: bool
) -> Proof | str:
    """The proof for the one install of a project, or what of it is missing; empty if there is nothing to spare.

    `pruned` says that the user leaves development dependencies out, or removes them.
    """
    assert build.context is not None
    if pruned:
        return ""
    if len(project.installs) != 1:
        return "packages are installed more than once"
    try:
        return _AfterBuild(build, project, built, start, {one.index for one in moving}).proof()
    except MissingEvidence as reason:
        return str(reason)


def removal(project: Project, image: str, text: str) -> str | None:
    """The command that removes development dependencies from node_modules; None where no safe one is known."""
    install = project.installs[0]
    carried = "".join(f" {one}" for one in install.call.argv if one in _CARRIED[project.manager])
    if project.manager == "npm":
        major = node_major(image)
        flag = npm_flag(major) if major is not None else None
        if flag is None or re.search(r"\bnpm@[\"']?[1-6]\b", text):
            return None
        return f"npm prune {'--omit=dev' if flag == '--omit=dev' else '--production'}{carried}"
    if project.manager == "yarn":
        return f"yarn install --production --ignore-scripts --prefer-offline{carried}"
    version = re.search(r"pnpm@[\"']?(?:latest|(\d+))", f"{project.package.package_manager} {text}")
    # Which pnpm corepack takes by itself depends on its own version.
    if (version is None and "corepack" in text) or (version and version[1] and int(version[1]) < 9):
        return None
    return "pnpm prune --prod --ignore-scripts"


def decided(install: Task) -> bool:
    """Whether the install leaves development dependencies out already."""
    about = facts()["manager"][install.manager]
    state = install.step.state
    script = install.step.body.script.text if install.step.body else ""
    included = install.call.has("--include", "--dev", "--also") or "--production=false" in install.call.argv
    return not included and (
        install.call.has(*about["options"])
        or state.variable("NODE_ENV") == "production"
        or any(state.sets(name) or f"{name}=" in script for name in about["env"])
    )


class _AfterBuild(Prover):
    """What is run in the build stage runs before they are removed, and no script of the package runs behind that."""

    def __init__(self, build: Build, project: Project, built: Built, start: Start, moving: set[int]) -> None:
        assert build.context is not None
        self.made = built.folders
        self.moving = moving
        self.start = start
        install, manager = project.installs[0], project.manager
        super().__init__(build, build.context, install.step, install.call, manager)
        if manager == "pnpm" and "@prisma/client" in self.kept:
            raise MissingEvidence("pnpm removes what prisma has generated")
        if manager == "pnpm" and (install.step.mounts or install.call.has("--store-dir")):
            raise MissingEvidence("pnpm installs everything anew where its store is another one")
        if manager == "yarn" and self.package.asks("patch-package"):
            raise MissingEvidence("yarn undoes what patch-package has changed")
        if manager == "yarn" and any(one.type in ("secret", "ssh") for one in install.step.mounts):
            raise MissingEvidence("yarn may fetch packages again, and the secret is not there then")

    def _lifecycle(self) -> None:
        """The removal runs no script of package.json."""

    def _companions(self) -> None:
        """What looks for a development dependency while it is installed has found it."""

    def _command(self, entry: Step | None, command: Step | None, there: Placed) -> None:
        super()._command(entry, command, there)
        # Start scripts that lie elsewhere in the image are followed as well.
        for run in self.start.runs:
            self._followed(run, "the command", there)
        self.entries.update(dict.fromkeys(self.start.entries))

    def _step(self, step: Step, there: Placed) -> None:
        if step.index not in self.moving:
            super()._step(step, there)

    def _compiled(self, file: str, there: Placed) -> None:
        if any(f"{file}/".startswith(f"{folder}/" if folder else "") for folder in self.made):
            self.built = True
            return
        super()._compiled(file, there)

    def _run(self, run: Followed, what: str) -> None:
        super()._run(run._replace(ran=tuple(one for one in run.ran if not self._serves(one))), what)

    def _serves(self, ran: Ran) -> bool:
        """Whether it is `next start`, which loads what it has built, its packages and its configuration.

        The configuration in TypeScript needs the compiler each time (next.js, issue 81798).
        """
        if ran.package != "next" or ran.argv[:1] != ("start",) or "next" in self.lost:
            return False
        config = find_config(self.context, self.package.folder, "next.config")
        if config is not None and config.path.endswith("ts") and "typescript" in self.lost:
            raise MissingEvidence(f"{config.path} is read with typescript when it starts, a development dependency")
        if config is not None:
            self.entries[config.path] = None
        self.built = True
        return posixpath.basename(ran.program) == "next"
