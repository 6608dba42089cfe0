"""What is known of a build in C or C++, call by call; and what compilers leave that are called directly.

Where every file is known that programs are linked to, these are the outputs. Where more is written in the folder of the
project, all of that folder is.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.outputs import Outputs, absolute
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.context.compile_line import COMPILER, CompileLine, is_plus_plus, read_compile_line
from slimify.context.copies import USUAL_FOLDERS
from slimify.context.makefile import UNKNOWN
from slimify.knowledge.image_folders import holds_nothing
from slimify.semantics.build import Build, BuildStage
from slimify.semantics.commands import Invocation

_BUILDERS = "make gmake cmake ninja ninja-build meson ctest".split()
CONFIGURES = re.compile(r"configure|autogen\.sh|bootstrap(?:\.sh)?|autoreconf|aclocal|autoconf|automake|autoheader")
TOOLS = re.compile(rf"{COMPILER.pattern}|{'|'.join(_BUILDERS)}|{CONFIGURES.pattern}")
_CORES = re.compile(r"\"?(?:-j|--jobs=|--parallel[= ]?)?\"?(?:\$\(\s*(?:nproc|getconf [\w ]+)[^)]*\)|`nproc[^`]*`)\"?")
_FROM_TOOL = re.compile(r"[\"]?(?:\$\(|`)\s*(?:pkg-config|pkgconf|[\w.-]+-config)\b.*")


class Configured(NamedTuple):
    """A CMake project: its folder in the image and in the context, where it is built, and with which variables."""

    at: str
    folder: str
    binary: str
    variables: Mapping[str, str]


class Native:
    """What the calls of one stage have left so far; the modules beside this one follow make, CMake and the others.

    `lines` are the command lines of compilers, `packages`, `components` and `links` what CMake looks for and links to,
    `own` the targets of its projects; `projects` and `configured` are the folders that were set up to build in.
    """

    def __init__(self, build: Build, stage: BuildStage, files: Files, outputs: Outputs) -> None:
        assert build.context is not None
        self.context = build.context
        self.stage = stage
        self.files = files
        self.outputs = outputs
        self.lines: list[CompileLine] = []
        self.plus_plus = False
        self.makes = 0
        #: Whether anything was linked by a tool whose options are not all known.
        self.hidden = False
        self.packages: dict[str, None] = {}
        self.components: dict[str, None] = {}
        self.links: dict[str, None] = {}
        self.own: set[str] = set()
        self.projects: dict[str, Configured] = {}
        self.configured: dict[str, None] = {}

    # -- compilers --

    def compiler(self, run: Run, call: Invocation) -> None:
        """A compiler is called by the RUN itself."""
        for word, value in zip(call.words, call.argv, strict=True):
            if value is None and not _FROM_TOOL.fullmatch(word.text):
                raise Refused("what the compiler is told depends on a variable", run.step.instruction.span)
        self._asked_by_tools(call)
        self.flags(run)
        if re.match(r"[\w.]+-\w+-", call.program or ""):
            raise Refused("it is built for another machine", run.step.instruction.span)
        line = read_compile_line(call.argv)
        self.lines.append(line)
        self.plus_plus = self.plus_plus or is_plus_plus(call.program or "", line.sources)
        if line.output is None:
            raise Refused("what the compiler writes is not known", run.step.instruction.span)
        if line.output and not line.objects:
            output = absolute(run, line.output)
            if output in USUAL_FOLDERS or output in self.outputs.folders:
                raise Refused("what the compiler writes is not known", run.step.instruction.span)
            self.outputs.add(output)

    def flags(self, run: Run) -> None:
        """What compilers are told by the environment."""
        values = [value for name, value in run.step.state.env.items() if name.endswith("FLAGS") and value]
        body = run.step.body
        for command in () if body is None else body.script.commands():
            values += [one.value.value or "" for one in command.assignments if one.name.endswith("FLAGS")]
        if values:
            self.lines.append(read_compile_line(["-c", *(word for value in values for word in value.split())]))

    def _asked_by_tools(self, call: Invocation) -> None:
        for word in call.words:
            if _FROM_TOOL.fullmatch(word.text):
                inner = re.sub(r"^\"?(?:\$\(|`)\s*|[)`\"]+$", "", word.text).split()
                names = [one for one in inner[1:] if not one.startswith("-")] or [inner[0].removesuffix("-config")]
                self.packages.update(dict.fromkeys(f"pkg-config:{one}" for one in names))

    # -- make --

    # -- what is shared --

    def whole(self, run: Run, folder: str) -> None:
        """All of a folder ships, which the base image has nothing in."""
        if self.outputs.inside(folder):
            return
        if folder in USUAL_FOLDERS or holds_nothing(run.step.state.image or self.stage.image or "", folder) is None:
            raise Refused(
                f"what the build leaves in {folder} is not known, and the folder is not the application's own",
                run.step.instruction.span,
            )
        self.outputs.take_whole(folder)

    def _texts(self) -> Iterator[str]:
        """What the image runs: its command lines, and the scripts of the context."""
        for step in self.stage.steps:
            if step.keyword in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
                yield step.instruction.logical.text
        scripts = {origin for taken in self.files.taken.values() for origin, _ in taken.files if origin.endswith(".sh")}
        yield from (self.files.text(one) or "" for one in sorted(scripts))

    def started(self, path: str) -> bool:
        """Whether what the image runs names a program by its place."""
        folder = self.stage.final_state.workdir or "/"
        words = (word for text in self._texts() for word in re.findall(r"[\w.+-]*/[\w./+-]+", text))
        return any(posixpath.normpath(posixpath.join(folder, word)) == path for word in words)

    def mentioned(self, path: str) -> bool:
        """Whether what the image runs names a program."""
        name = re.compile(rf"(?<![\w.-]){re.escape(posixpath.basename(path))}(?![\w-])")
        return any(name.search(text) for text in self._texts())


def words(run: Run, call: Invocation) -> Iterator[str]:
    """The arguments. How many cores there are is nobody's matter; any other unknown one is refused."""
    for word, value in zip(call.words, call.argv, strict=True):
        if value is not None:
            yield value
        elif not _CORES.fullmatch(word.text):
            name = re.match(r"\"?(-D)?(\w+)(?::\w+)?=", word.text)
            if name is None:
                raise Refused(f"what {call.program} is told depends on a variable", run.step.instruction.span)
            yield f"{name[1] or ''}{name[2]}={UNKNOWN}"
