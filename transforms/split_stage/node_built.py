"""What the scripts that a stage runs write: the folders of bundlers and compilers, and what lies beside the sources."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.transforms.split_stage.node_project import Project
from slimify.transforms.split_stage.node_runs import Task
from slimify.transforms.split_stage.refused import Refused

from slimify.context.found import Place, source
from slimify.context.node.bundler import Kind, Output, made
from slimify.context.node.run import Ran, follow
from slimify.semantics.build_context import BuildContext

# They write to where their arguments say (their manuals and READMEs).
_TO_OPERANDS = frozenset(
    """cp mv mkdir touch copyfiles copyup cpx cpx2 cpy ncp shx tailwindcss postcss sass node-sass lessc tsc-alias tscpaths
    resolve-tspaths uglifyjs terser html-minifier-terser svgo""".split()
)
_QUIET = frozenset("tsc vue-tsc ng node --version next-lint".split())


class Built(NamedTuple):
    """What is written by scripts: `outputs` of tools with known folders, `beside` if more is written in the project.

    `folders` are those of the outputs, as paths of the context.
    """

    outputs: tuple[Output, ...] = ()
    beside: bool = False

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.folder for one in self.outputs if one.folder is not None))

    @property
    def page(self) -> str | None:
        """The folder of the context with the one static site that is built, if nothing else is."""
        real = [one for one in self.outputs if one.kind is not Kind.CODE or len(self.outputs) == 1]
        return real[0].folder if len(real) == 1 and real[0].kind is Kind.STATIC and not self.beside else None


def built(context: BuildContext, project: Project, scripts: list[Task]) -> Built:
    """What the scripts write. Raises `Refused` where one cannot be followed, or may write to other places."""
    outputs: list[Output] = []
    beside = False
    for task in scripts:
        span = task.step.instruction.span
        if (task.step.state.workdir or "/") != project.folder:
            raise Refused("a script is run in another folder than that of package.json", span)
        run = follow(context, project.package, task.argv, Place(project.package.path), project.lock)
        for unknown in run.unknown:
            raise Refused(f"`{' '.join(task.text.split())[:50]}` cannot be followed: {unknown.reason}", span)
        found = made(context, project.package, run)
        for one in found.outputs:
            if one.folder is None:
                why = f": {one.unknown[0].reason}" if one.unknown else ""
                raise Refused(f"where {one.tool} writes is not known{why}", span)
            if not _inside(one.folder, project.package.folder):
                raise Refused(f"{one.tool} writes outside of the project", span)
            beside = beside or one.folder == project.package.folder
            outputs.append(one)
        for ran in found.others:
            if ran.program == "prisma" and ran.argv[:1] == ("generate",):
                _generates(context, project, span_text=" ".join(task.text.split())[:50], task=task)
            elif ran.program not in _QUIET or (ran.program == "node" and ran.files):
                beside = _beside(ran, task) or beside
    return Built(tuple(outputs), beside)


def _inside(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def _beside(ran: Ran, task: Task) -> bool:
    """Whether a program writes somewhere in the project. Refused where it may write to any place."""
    span = task.step.instruction.span
    if ran.program not in _TO_OPERANDS:
        raise Refused(f"what {ran.program} writes is not known", span)
    for one in ran.argv:
        if one is None or one.startswith(("/", "~")) or ".." in one.split("/"):
            raise Refused(f"{ran.program} may write outside of the project", span)
    return True


def _generates(context: BuildContext, project: Project, span_text: str, task: Task) -> None:
    """prisma writes its client into node_modules, unless the schema says otherwise (Prisma documentation, "Generators")."""
    span = task.step.instruction.span
    for path in ("prisma/schema.prisma", "schema.prisma"):
        text = source(context, posixpath.join(project.package.folder, path))
        if text is not None:
            generators = re.findall(r"^\s*generator\s+\w+\s*\{(.*?)^\s*\}", text, re.DOTALL | re.MULTILINE)
            if any(re.search(r"^\s*output\s*=", one, re.MULTILINE) for one in generators):
                raise Refused(f"{path} has the client written to a place of its own", span)
            if not generators or any("prisma-client-js" not in one for one in generators):
                raise Refused(f"what the generators of {path} write is not known", span)
            return
    raise Refused(f"`{span_text}` reads a schema that is not known", span)
