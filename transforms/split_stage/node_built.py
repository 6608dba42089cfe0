"""What the scripts that a stage runs write: the folders of bundlers and compilers, and what lies beside the sources."""

from __future__ import annotations

import posixpath
import re
from itertools import pairwise
from typing import NamedTuple

from slimify.transforms.split_stage.node_project import Project
from slimify.transforms.split_stage.node_runs import Task
from slimify.transforms.split_stage.refused import Refused

from slimify.context.found import Place, source
from slimify.context.node.bundler import Kind, Output, made
from slimify.context.node.install import LIFECYCLE
from slimify.context.node.run import Ran, Run, follow, follow_script
from slimify.context.node.settings import read_settings
from slimify.semantics.build_context import BuildContext
from slimify.syntax.source import Span

# They write to where their arguments say (their manuals and READMEs).
_TO_OPERANDS = frozenset(
    """cp mv mkdir touch copyfiles copyup cpx cpx2 cpy ncp shx tailwindcss postcss sass node-sass lessc uglifyjs terser
    html-minifier-terser svgo""".split()
)
# They look around, set up git, write into node_modules, or change what a compiler has written.
_HARMLESS = frozenset(
    """exit only-allow husky is-ci lefthook simple-git-hooks opencollective opencollective-postinstall patch-package
    ngcc npm-force-resolutions tsc-alias tscpaths resolve-tspaths""".split()
)
# They put files into the folder that their last operand names.
_INTO_LAST = frozenset("cp copyfiles cpx cpx2 cpy ncp mkdir".split())


class Built(NamedTuple):
    """What is written by scripts: `outputs` of tools with known folders, `beside` if more is written in the project.

    `folders` are those of the outputs, as paths of the context. `page` is the one that is all that ships.
    """

    outputs: tuple[Output, ...] = ()
    beside: bool = False
    page: str | None = None

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.folder for one in self.outputs if one.folder is not None))

    def alone(self, served: str | None, runs: tuple[Run, ...], entries: tuple[str, ...]) -> str | None:
        """The one output that runs without the project: a site that is `served`, or a server with all that it needs.

        Nuxt writes such a server, with the packages that it needs (Nuxt documentation, "Deployment").
        """
        real = [one for one in self.outputs if one.kind is not Kind.CODE or len(self.outputs) == 1]
        if len(real) != 1 or self.beside:
            return None
        only = real[0]
        if only.kind is Kind.STATIC:
            return only.folder if only.folder == served else None
        started = [ran for run in runs for ran in run.ran]
        if only.tool != "nuxt" or only.modules is not False or only.entry is None or entries or len(started) != 1:
            return None
        return only.folder if started[0].program == "node" and started[0].missing == (only.entry,) else None


def built(context: BuildContext, project: Project, scripts: list[Task]) -> Built:
    """What the scripts write, and those of package.json that an install runs.

    Raises `Refused` where one cannot be followed, or may write to other places.
    """
    reader = _Reader(context, project)
    install = project.installs[0]
    quiet = install.call.has("--ignore-scripts") or read_settings(context, project.package.folder).says(
        "ignore-scripts"
    )
    for name in () if quiet else LIFECYCLE:
        if project.package.script(name) is not None:
            run = follow_script(context, project.package, name, project.lock)
            reader.read(run, f"the script {name}", install.step.instruction.span)
    for task in scripts:
        span = task.step.instruction.span
        if (task.step.state.workdir or "/") != project.folder:
            raise Refused("a script is run in another folder than that of package.json", span)
        run = follow(context, project.package, task.argv, Place(project.package.path), project.lock)
        reader.read(run, f"`{' '.join(task.text.split())[:50]}`", span)
    return Built(tuple(reader.outputs), reader.beside)


class _Reader:
    def __init__(self, context: BuildContext, project: Project) -> None:
        self.context = context
        self.project = project
        self.outputs: list[Output] = []
        self.beside = False

    def read(self, run: Run, what: str, span: Span) -> None:
        package = self.project.package
        for unknown in run.unknown:
            raise Refused(f"{what} cannot be followed: {unknown.reason}", span)
        found = made(self.context, package, run)
        for one in found.outputs:
            if one.folder is None:
                why = f": {one.unknown[0].reason}" if one.unknown else ""
                raise Refused(f"where {one.tool} writes is not known{why}", span)
            if package.folder and not f"{one.folder}/".startswith(f"{package.folder}/"):
                raise Refused(f"{one.tool} writes outside of the project", span)
            self.beside = self.beside or one.folder == package.folder
            # `next start` reads more than the part that stands alone.
            alone = one.tool == "next" and posixpath.basename(one.folder) == "standalone"
            self.outputs.append(one._replace(folder=posixpath.dirname(one.folder)) if alone else one)
        for ran in found.others:
            if ran.program == "prisma" and ran.argv[:1] == ("generate",):
                self._generates(ran, what, span)
            elif ran.program in _TO_OPERANDS:
                self._operands(ran, span)
            elif ran.program not in _HARMLESS:
                raise Refused(f"what {ran.program} writes is not known", span)

    def _operands(self, ran: Ran, span: Span) -> None:
        for one in ran.argv:
            if one is None or one.startswith(("/", "~")) or ".." in one.split("/"):
                raise Refused(f"{ran.program} may write outside of the project", span)
        last = next((one for one in reversed(ran.argv) if one is not None and not one.startswith("-")), "")
        target = posixpath.normpath(posixpath.join(self.project.package.folder, last))
        inside = any(one.folder and f"{target}/".startswith(f"{one.folder}/") for one in self.outputs)
        self.beside = self.beside or not (ran.program in _INTO_LAST and inside)

    def _generates(self, ran: Ran, what: str, span: Span) -> None:
        """Refuse where prisma does not write its client into node_modules (Prisma documentation, "Generators")."""
        named = next((b for a, b in pairwise(ran.argv) if a == "--schema"), None)
        for path in (named,) if named is not None else ("prisma/schema.prisma", "schema.prisma"):
            text = source(self.context, posixpath.join(self.project.package.folder, path.removeprefix("./")))
            if text is None:
                continue
            generators = re.findall(r"^\s*generator\s+\w+\s*\{(.*?)^\s*\}", text, re.DOTALL | re.MULTILINE)
            if any(re.search(r"^\s*output\s*=", one, re.MULTILINE) for one in generators):
                raise Refused(f"{path} has the client written to a place of its own", span)
            if not generators or any("prisma-client-js" not in one for one in generators):
                raise Refused(f"what the generators of {path} write is not known", span)
            return
        raise Refused(f"{what} reads a schema that is not known", span)
