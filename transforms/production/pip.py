"""pip: a file of development requirements on top of that of production, and the proof that nothing needs it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from slimify.transforms.production.evidence import MissingEvidence, bound, certain
from slimify.transforms.production.installs import (
    Install,
    dropped,
    in_environment,
    judged,
    leaving_out,
    stands_plainly,
    without,
)
from slimify.transforms.production.python_proof import lost_of, nothing_needs

from slimify.context.placed import history, placed
from slimify.context.python.requirement import Origin
from slimify.context.python.requirements import Requirements, read_requirements
from slimify.knowledge.production import facts, is_python_tool, required_by_tool
from slimify.knowledge.python_dependencies import dependencies
from slimify.rewrite.edit import Edit, Rewrite
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext
from slimify.syntax.source import Span

_DEVELOPMENT = re.compile(
    r"(?:^|[-_./])(?:dev|devel|develop|development|tests?|testing|lint)(?:$|[-_.])", re.IGNORECASE
)
_INCLUDE = re.compile(r"^\s*(?:-r|--requirement)[ =]?\s*(\S+)\s*(?:#.*)?$", re.MULTILINE)


class File(NamedTuple):
    """`-r NAME` on the command line: the first and the last word of it, and the name as written."""

    first: int
    last: int
    name: str


def pip_installs(build: Build) -> Iterator[tuple[Step, str, Rewrite | str]]:
    """For each stage that ships: where pip installs such a file, with the rewrite or why there is none."""
    yield from judged(build, ("pip",), lambda *what: _Judge(*what).rewrite())


class _Judge:
    def __init__(self, build: Build, manager: str, installs: list[Install]) -> None:
        self.build = build
        self.about: dict[str, Any] = facts()["manager"][manager]
        found = [one for one in installs if any(_is_development(file.name) for file in _files(one))]
        if not found:
            raise MissingEvidence("")
        self.all = installs
        self.install = found[0]
        self.several = len(found) > 1

    def rewrite(self) -> Rewrite:
        """The rewrite. Raises `MissingEvidence`."""
        install = self.install
        if in_environment(install, self.about["env"]):
            raise MissingEvidence("a variable tells pip what to install besides")
        if self.several:
            raise MissingEvidence("this stage installs such a file more than once")
        context = self.build.context
        if context is None:
            raise MissingEvidence("the build context is not known, so neither is what needs them")
        stands_plainly(install)
        files = _files(install)
        self._options(files)
        file = next(one for one in files if _is_development(one.name))
        path = self._place(context, file.name)
        others = [one for one in files if one is not file]
        read = read_requirements(context, path)
        includes = _INCLUDE.findall(context.text(path) or "")
        if read.problems or read.missing or read.paths or read.options or read.constraints:
            raise MissingEvidence(f"{path} cannot be read in full, or says more than which packages")
        if others and includes:
            raise MissingEvidence(f"{path} includes a file, and another one is installed beside it")
        if len(includes) > 1:
            raise MissingEvidence(f"{path} includes more than one file")
        if not others and not includes:
            raise MissingEvidence(f"{path} includes no file of what production needs")
        base = posixpath.join(posixpath.dirname(file.name), includes[0]) if includes else others[0].name
        base_path = self._place(context, base)
        kept = read_requirements(context, base_path)
        if kept.problems or kept.missing:
            raise MissingEvidence(f"{base_path} cannot be read in full")
        lost, stays = self._lost(context, path, base_path, read, kept)
        lost_names = lost_of(lost, stays, None)
        workdir = install.step.state.workdir or "/"
        found = [f"{path} and {base_path} are in the build context"]
        found += nothing_needs(self.build, context, [install], workdir, posixpath.dirname(base_path), lost_names, stays)
        edit = without(install, file.first, file.last) if others else self._renamed(install, file, base)
        return leaving_out(
            [install],
            [edit],
            f"-r {base}",
            lost,
            None,
            path,
            found,
            self.about["source"],
            [dropped(install)],
        )

    def _options(self, files: list[File]) -> None:
        call = self.install.call
        of_files = {at for one in files for at in range(one.first, one.last + 1)}
        seen = False
        skip = False
        for at, word in enumerate(call.argv):
            if skip or at in of_files:
                skip = False
                continue
            if word is None:
                raise MissingEvidence("what a computed option means for it is not known")
            name, equals, _ = word.partition("=")
            if name in self.about["valued"]:
                skip = not equals
            elif word.startswith("-"):
                if name not in self.about["harmless"]:
                    raise MissingEvidence(f"what {word} means for it is not known")
            elif seen:
                raise MissingEvidence(f"it installs {word} besides, whose version may depend on the others")
            else:
                seen = True

    def _place(self, context: BuildContext, name: str) -> str:
        """The file of the context behind a name on the command line."""
        step = self.install.step
        if step.state.workdir is None and not name.startswith("/"):
            raise MissingEvidence("the folder that it works in is not known")
        before = placed(self.build, context, step.stage, step)
        certain(before, context)
        target = posixpath.normpath(posixpath.join(step.state.workdir or "/", name))
        path = {**before.files, **bound(step, context)}.get(target)
        if path is None:
            raise MissingEvidence(f"{name} is not copied from the build context before it")
        for one in history(self.build, step.stage):
            if one is step:
                break
            if one.keyword == "RUN" and posixpath.basename(name) in one.instruction.logical.text:
                raise MissingEvidence(f"an earlier RUN may change {name}")
        return path

    def _lost(
        self, context: BuildContext, path: str, base: str, read: Requirements, kept: Requirements
    ) -> tuple[frozenset[str], frozenset[str]]:
        """What goes and what stays, without a lock file: the versions of what stays must not depend on what goes."""
        own = [one for one in read.requirements if one.file == path]
        for one in own:
            if one.origin is not Origin.INDEX or one.extras:
                raise MissingEvidence(f"what {one.name or one.place} brings is not known")
            if not is_python_tool(one.name):
                raise MissingEvidence(f"{one.name} is not known to be a mere tool: another package may load it")
        if not own:
            raise MissingEvidence("")
        stays = {one.name for one in kept.requirements}
        pinned = {one.name for one in kept.requirements if one.version is not None}
        compiled = re.search(r"autogenerated by (?:pip-compile|uv)|pip-compile", context.text(base) or "") is not None
        reach: set[str] | None = set(stays)
        waiting = [] if compiled else sorted({(one.name, one.specifier) for one in kept.requirements})
        while waiting and reach is not None:
            required = dependencies(*waiting.pop())
            if required is None:
                reach = None
                break
            waiting += [(name, "") for name in required if name not in reach]
            reach |= set(required)
        minor = self._minor()
        lost = set[str]()
        queue = [(one.name, one.specifier) for one in own]
        while queue:
            name, specifier = queue.pop()
            if name in lost or name in stays:
                continue
            required = required_by_tool(name, specifier, minor)
            if required is None:
                raise MissingEvidence(f"what {name} {specifier} requires is not known".replace("  ", " "))
            for needed in required:
                if needed in stays and needed not in pinned:
                    raise MissingEvidence(f"which version of {needed} is installed may depend on {name}")
            lost.add(name)
            queue += [(needed, "") for needed in required]
        for name in sorted(lost - set(facts()["python"]["unbounded"])):
            if not is_python_tool(name) and not compiled and (reach is None or name in reach):
                raise MissingEvidence(f"{name} may be for the application as well, and {base} does not fix its version")
        # What some versions require is no proof that it stays.
        return frozenset(lost), frozenset(stays | ((reach or set()) - lost))

    def _minor(self) -> int | None:
        """The minor version of the image's Python 3, if its tag tells."""
        from slimify.knowledge.images import describe

        image = describe(self.install.step.state.image or "")
        words = image.version.split(".") if image is not None and image.name == "python" else []
        return int(words[1]) if words[:1] == ["3"] and len(words) > 1 and words[1].isdecimal() else None

    @staticmethod
    def _renamed(install: Install, file: File, base: str) -> Edit:
        step, call = install
        assert step.body is not None
        word = call.words[file.last]
        if not word.text.endswith(file.name):
            raise MissingEvidence("the name of the file is computed")
        start = step.body.span(word.end - len(file.name), word.end - len(file.name) + 1).start
        return Edit(Span(start, step.body.span(word.end - 1, word.end).end), base)


def _is_development(name: str) -> bool:
    return _DEVELOPMENT.search(posixpath.basename(name)) is not None


def _files(install: Install) -> list[File]:
    """The files of requirements on the command line."""
    found: list[File] = []
    argv = install.call.argv
    for at, word in enumerate(argv):
        name, equals, value = (word or "").partition("=")
        if name in ("-r", "--requirement") and not equals and at + 1 < len(argv):
            found.append(File(at, at + 1, argv[at + 1] or ""))
        elif name == "--requirement" and equals:
            found.append(File(at, at, value))
        elif re.fullmatch(r"-r\S+", word or ""):
            found.append(File(at, at, (word or "")[2:]))
    return found
