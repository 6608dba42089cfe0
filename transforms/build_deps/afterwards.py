"""What is used of the build dependencies after the build: by later steps, by the command, by the application.

The reading is that of `slim-base`, which asks the same of a base image. What runs before the build dependencies go has
them still: of that only what it installs to be used later is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from slimify.transforms.build_deps.refused import RefusedError
from slimify.transforms.slim.base import At, Images, Ledger
from slimify.transforms.slim.base import RefusedError as NotLookedInto
from slimify.transforms.slim.node import Node
from slimify.transforms.slim.python import Python
from slimify.transforms.slim.walk import Walk
from slimify.transforms.slim.wheels import Wheels

from slimify.knowledge.build_deps import facts
from slimify.knowledge.debian import Role, package_of_program, package_role
from slimify.semantics.build import Build, BuildStage, State, Step
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.later import step_invocations
from slimify.syntax.source import Span

if TYPE_CHECKING:
    from slimify.context.node.lock import Locked
    from slimify.knowledge.language_packages import NodePackage, PythonPackage

_NEEDED_TO_BUILD = (Role.COMPILER, Role.HEADERS)
_ALSO = frozenset({"binutils", "make", "linux-headers"})
_PIP = frozenset({"pip", "uv", "poetry", "pipenv"})
_NPM = frozenset({"npm", "yarn", "pnpm"})
_LIBRARY_PATHS = re.compile(r"\b(LD_PRELOAD|LD_LIBRARY_PATH)\b")


class Remaining(Ledger):
    """The ledger of what is gone: `packages` of its images. `last` is the step at whose end they go.

    `missing` are those that are used later all the same, and so must stay.
    """

    def __init__(self, images: Images, root: int, chain: frozenset[int], last: Step, ancestors: frozenset[int]) -> None:
        super().__init__(images, root, chain)
        self.last = last
        self.ancestors = ancestors

    def early(self, at: At) -> bool:
        """Whether something runs while the build dependencies are there."""
        if at.runtime:
            return False
        stage = at.step.stage
        return stage in self.ancestors or (stage == self.last.stage and at.step.index <= self.last.index)

    def place(self, at: At) -> tuple[int, int]:
        return (0, 0) if self.early(at) else (1, 0)

    def note(self, text: str, span: Span | None = None, source: str = "") -> None:
        # What wheels there are does not matter here.
        if text.endswith("looked through"):
            super().note(text, span, source)

    def program(self, name: str, at: At, by: str = "") -> bool:
        if self.early(at) or name in self.programs or name in self.images.own:
            return True
        return self._found(name, f"{by} calls {name}" if by else f"{name} is used", at)

    def _found(self, name: str, what: str, at: At) -> bool:
        packages = package_of_program(name, self.images.release)
        if any(one in self.images.kept or one in self.installed for one in packages):
            return True
        lost = [one for one in packages if one in self.images.packages]
        if lost:
            self.package(lost[0], what, at)
        return bool(lost)

    def package(self, package: str, what: str, at: At) -> None:
        if package in self.images.packages and package_role(package, self.images.release) in _NEEDED_TO_BUILD:
            raise NotLookedInto(f"{what}, which takes {package} when it runs", at.span)
        if package in self.images.packages and package in _ALSO:
            raise NotLookedInto(f"{what}, which takes {package} when it runs", at.span)
        super().package(package, what, at)

    def linked(self, sonames: Iterable[str], what: str, at: At) -> None:
        """Count a library that something compiled here is linked with."""
        self.library(sonames, what, at)


class RemainingOnAlpine(Remaining):
    """The same on Alpine, of whose packages only the names are known."""

    def _found(self, name: str, what: str, at: At) -> bool:
        if name in facts().busybox:
            return True
        owners = (name, *facts().alpine_programs.get(name, ()))
        if any(one in self.images.kept or one in self.installed for one in owners):
            return True
        for one in owners:
            if one in self.images.packages:
                self.package(one, what, at)
                return True
        return False

    def library(self, sonames: Iterable[str], what: str, at: At) -> None:
        # By its name, which Python has the compiler look up (see `finds_libraries`).
        raise NotLookedInto(f"{what} looks for {next(iter(sonames))}, on Alpine with the compiler's help", at.span)

    def linked(self, sonames: Iterable[str], what: str, at: At) -> None:
        for soname in sonames:
            package = facts().alpine_libraries.get(soname[: soname.find(".so") + 3])
            if package == "" or package in self.images.kept or package in self.installed:
                return
        raise NotLookedInto(f"{what} is linked with {next(iter(sonames))}, which may go", at.span)


class Afterwards(Walk):
    """Counts in the ledger what is used when the build dependencies are gone."""

    ledger: Remaining

    def __init__(self, build: Build, chain: Sequence[BuildStage], ledger: Remaining) -> None:
        super().__init__(build, chain[0], ledger)
        self.chain = tuple(chain)
        self.python = _Python(self, ledger)
        self.node = _Node(self)

    def run(self) -> None:
        try:
            super().run()
        except NotLookedInto as refused:
            raise RefusedError(refused.reason, refused.span) from None

    def _meant_for(self) -> None:
        from slimify.knowledge.slim import facts as slim

        path = self.build.dockerfile.source.path
        if ".devcontainer" in path or slim().development.search(path.rpartition("/")[2]):
            raise NotLookedInto("the file is named as one for development")
        for stage in self.chain:
            if stage.name is not None and slim().development.search(stage.name):
                raise NotLookedInto(f"the stage {stage.name} is named as one for development or building")
        if self.ledger.images.name not in ("python", "node"):
            raise NotLookedInto(f"what applications on {self.ledger.images.full} use is not looked into")

    def _step(self, step: Step) -> None:
        one = step.instruction
        if one.keyword == "ONBUILD":
            raise NotLookedInto("what ONBUILD does in other images is not known", one.span)
        if one.keyword in ("COPY", "ADD"):
            self._copy(step)
        elif one.keyword == "RUN" and self.ledger.early(At(step)):
            self._early(step)
        elif one.keyword == "RUN":
            if not step.state.shell.posix and one.exec_form is None:
                raise NotLookedInto("the shell is not a POSIX shell", one.span)
            self._run(step)
        elif one.keyword == "HEALTHCHECK":
            self._healthcheck(step)
        elif one.keyword == "ENV":
            if match := _LIBRARY_PATHS.search(one.logical.text):
                raise NotLookedInto(f"{match.group()} is set, which loads libraries", one.span)
            if re.search(r"\bPATH\b", one.logical.text):
                self.path += re.findall(r"(?<![\w}])/[\w./-]*\w", one.logical.text)

    def _early(self, step: Step) -> None:
        """What is installed for the application."""
        calls = step_invocations(step)
        if calls is None:
            raise NotLookedInto("the RUN cannot be read with certainty", step.instruction.span)
        for call in calls:
            name = call.manager.name if call.manager is not None else ""
            at = At(step, call.command.start)
            if name in _PIP and call.manager is not None:
                self.python.install(call.manager, call, at, step.state)
            elif name in _NPM:
                self.node.manager(name, call.argv, at, step.state)

    def _invocation(self, call: Invocation, at: At, state: State) -> None:
        manager = call.manager
        if manager is None or manager.name != "apk" or at.runtime:
            super()._invocation(call, at, state)
            return
        action = verb(call)
        if action is None or None in action.operands or action.name not in ("add", "update", "upgrade", "cache"):
            raise NotLookedInto("what apk is to do is not known", at.span)
        if action.name == "add":
            self.ledger.installed.update(one for one in action.operands if one)

    def _from_stage(self, step: Step, origin: str) -> None:
        from slimify.semantics.images import image_name

        for stage in self.build.stages[: step.stage]:
            if origin.lower() in (stage.name, str(stage.index)):
                image = stage.final_state.image
                if image is not None and image_name(image).short == "node" and self.ledger.images.name == "python":
                    # What is made for browsers there runs nothing here; a program would have to be named.
                    return
        raise NotLookedInto(f"what it copies from {origin} may use what is gone", step.instruction.span)


class _Python(Python):
    """What Python uses afterwards."""

    def __init__(self, walk: Walk, ledger: Remaining) -> None:
        super().__init__(walk)
        self.wheels = _Packages(ledger, self.wheels.only_amd64)

    def _library(self, modules: frozenset[str]) -> None:
        """All modules of the library are there as before; those that compile are found in the sources."""

    def _texts(self, modules: Sequence[str], at: At) -> None:
        super()._texts(modules, at)
        context = self.walk.build.context
        alpine = isinstance(self.walk.ledger, RemainingOnAlpine)
        for path in modules:
            text = (context.text(path) if context is not None else None) or ""
            if match := facts().recompiles.search(text):
                raise NotLookedInto(f"{path} speaks of {match.group()}, which may start a compiler", at.span)
            if alpine and (match := facts().finds_libraries.search(text)):
                raise NotLookedInto(f"{path} calls {match.group()}, which asks the compiler on Alpine", at.span)


class _Packages(Wheels):
    """Python packages that may be compiled: what they are linked with and call must be there when they run."""

    ledger: Remaining

    def need(self, name: str, specifier: str, extras: tuple[str, ...], marker: str, at: At) -> None:  # noqa: ARG002
        """A package that is installed, in whatever version: any may be compiled."""
        from slimify.knowledge.language_packages import python_package
        from slimify.knowledge.slim import facts as slim

        if marker and not self._applies(marker):
            return
        package = python_package(name)
        if package is None:
            raise NotLookedInto(f"what {name} uses when it runs is not known", at.span)
        if package.name in facts().recompiling:
            raise NotLookedInto(f"{package.name} starts a compiler when it is used", at.span)
        if pulled := slim().pulls.get(package.name):
            self.need(pulled, "", (), "", at)
        for extra in extras:
            brings = slim().extras.get(f"{package.name}[{extra}]")
            if brings is None:
                raise NotLookedInto(f"what {package.name}[{extra}] brings is not known", at.span)
            for one in brings:
                self.need(one, "", (), "", at)
        later = at._replace(runtime=True)
        _libraries(self.ledger, package, later)
        self._programs(package, later)
        self.console |= {package.name, *package.scripts, *package.servers}
        self.ledger.programs |= self.console


class _Node(Node):
    """npm packages that may be compiled."""

    def _one(self, one: Locked, at: At) -> None:
        from slimify.knowledge.language_packages import node_package

        ledger = self.walk.final
        if one.local or ("darwin" in one.os and "linux" not in one.os):
            return
        known = node_package(one.name)
        later = at._replace(runtime=True)
        if "python" in one.name and not one.dev:
            raise NotLookedInto(f"{one.name} {one.version} may call Python", at.span)
        if known is not None:
            assert isinstance(ledger, Remaining)
            _libraries(ledger, known, later)
            for program in known.run_programs:
                if not one.dev and all(name in ledger.images.programs for name in program.names):
                    ledger.program(program.names[0], later, one.name)
            self.packages.update(known.scripts)
        self.packages.update(one.bins or ())
        self.packages.add(one.name)


def _libraries(ledger: Remaining, package: PythonPackage | NodePackage, at: At) -> None:
    """Count the libraries that a package loads, or is linked with if it is compiled here.

    On Alpine only the headers that are installed can have been compiled against, whose libraries stay.
    """
    compiled = package.kind in ("source", "compiled")
    for library in package.run_libraries:
        (ledger.linked if compiled else ledger.library)(library.sonames, package.name, at)
    if compiled or not isinstance(ledger, RemainingOnAlpine):
        for library in package.source_libraries:
            ledger.linked(library.sonames, package.name, at)
