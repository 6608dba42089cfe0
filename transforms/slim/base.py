"""What is gathered on the way: the two images, what they differ in, and what is used of that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Step
from slimify.syntax.source import Span


class RefusedError(Exception):
    """Evidence that is missing: why the base stays, and where in the Dockerfile."""

    def __init__(self, reason: str, span: Span | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.span = span


class Images(NamedTuple):
    """The full image and its slim variant, and what only the full one has."""

    full: str
    slim: str
    name: str
    version: str
    release: str
    programs: dict[str, str]
    libraries: dict[str, str]
    packages: frozenset[str]
    kept: frozenset[str]
    own: frozenset[str]


class At(NamedTuple):
    """Where something is used: the step, and the offset of the command in the script of a RUN.

    `runtime` is true for what runs when the container does.
    """

    step: Step
    offset: int = 0
    runtime: bool = False

    @property
    def span(self) -> Span:
        return self.step.instruction.span


class Missing(NamedTuple):
    """A Debian package that the slim image lacks and that is used: for what, and where."""

    package: str
    what: str
    at: At


@dataclass(slots=True)
class Ledger:
    """What is used of the two images, and what the stage installs by itself.

    `stage` is the stage whose base is looked at, `chain` that and all that are built on it. `anew` are the packages
    that the stage asks for, or that come with them, and that only the full image has already.
    """

    images: Images
    stage: int = 0
    chain: frozenset[int] = frozenset()
    installed: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    anew: set[str] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    missing: dict[str, Missing] = field(default_factory=dict)
    notes: dict[str, Evidence] = field(default_factory=dict)

    def place(self, at: At) -> tuple[int, int]:
        """When a need arises, in the order of the stage: late in what is built on it, at once for what is copied in."""
        if at.runtime or (at.step.stage != self.stage and at.step.stage in self.chain):
            return (1 << 30, 0)
        return (at.step.index, at.offset) if at.step.stage == self.stage else (-1, 0)

    def note(self, text: str, span: Span | None = None, source: str = "") -> None:
        self.notes.setdefault(text, Evidence(text, span, source))

    def install(self, packages: Iterable[str], at: At, recommended: bool) -> None:
        """Count what apt installs in this stage, with all that it depends on."""
        from slimify.knowledge.debian import RELEASES, closure, recommends
        from slimify.knowledge.slim import facts

        release = self.images.release
        if release not in RELEASES:
            raise RefusedError(f"what is installed in {release} is not known", at.span)
        asked = list(packages)
        brought: set[str] = set()
        for package in asked:
            one = {package, *(closure([package], release) or ())}
            self.installed |= one
            brought |= one
        # What the full image has brings nothing along there.
        there = self.images.packages
        self.anew |= brought & there
        waiting = sorted(brought) if recommended else []
        for package in waiting:
            for other in recommends(package, release):
                new = {other, *(closure([other], release) or ())} - brought
                brought |= new
                self.anew |= new if package in there else new & there
                waiting += sorted(new)
        for package in sorted(brought):
            if facts().man_pages.fullmatch(package):
                through = "" if package in asked else ", which comes with what is installed,"
                raise RefusedError(f"{package}{through} cannot be set up without folders of manual pages", at.span)

    def remove(self, packages: Iterable[str]) -> None:
        """Count what apt removes again, with what came with it."""
        from slimify.knowledge.debian import closure

        for package in packages:
            gone = {package, *(closure([package], self.images.release) or ())}
            self.installed -= gone
            self.removed |= gone

    def program(self, name: str, at: At, by: str = "") -> bool:
        """Count a program as used, `by` a package. False where it is not known where it comes from."""
        from slimify.knowledge.debian import is_build_only, package_of_program
        from slimify.knowledge.image_packages import programs
        from slimify.knowledge.slim import facts

        images = self.images
        if name in self.programs or name in images.own:
            return True
        if brings := self.installed.intersection(package_of_program(name, images.release)):
            if builds := sorted(filter(is_build_only, brings)):
                raise RefusedError(f"the stage builds: {name} of {builds[0]} is used", at.span)
            return True
        if name in facts().interpreters:
            raise RefusedError(f"{name} is used, of which the slim image has a part at most", at.span)
        if name in images.programs:
            package = images.programs[name]
            if is_build_only(package):
                raise RefusedError(f"{name} is used, which builds: the slim image has no {package}", at.span)
            self.package(package, f"{by} calls {name}" if by else f"{name} is used", at)
            if name in facts().secure:
                self.package("ca-certificates", f"{name} needs certificates", at)
            instruction = at.step.instruction
            unseen = bool(by) or instruction.keyword != "RUN"
            if name in facts().remote and (unseen or facts().ssh.search(instruction.logical.text)):
                self.package("openssh-client", f"{name} may call ssh", at)
        elif programs(images.release).get(name) not in images.kept:
            return False
        for package in facts().companions.get(name, ()):
            self.package(package, f"{name} needs it", at)
        return True

    def library(self, sonames: Iterable[str], what: str, at: At) -> None:
        """Count a shared library as used, under any of the names that releases give it."""
        for soname in sonames:
            if soname in self.images.libraries:
                self.package(self.images.libraries[soname], f"{what} loads {soname}", at)

    def package(self, package: str, what: str, at: At) -> None:
        """Count a Debian package as needed, if only the full image has it."""
        if package not in self.images.packages or package in self.installed:
            return
        if package in self.removed:
            raise RefusedError(f"{what}, and {package} is removed before", at.span)
        known = self.missing.get(package)
        if known is None or self.place(at) < self.place(known.at):
            self.missing[package] = Missing(package, what, at)


class Foreign(Ledger):
    """The ledger of a stage that only files are taken from: what is run there is gone, unless it compiles."""

    def install(self, packages: Iterable[str], at: At, recommended: bool) -> None:
        """What is installed there stays there."""

    def remove(self, packages: Iterable[str]) -> None:
        """What is removed there is no loss."""

    def program(self, name: str, at: At, by: str = "") -> bool:  # noqa: ARG002
        """Refuse what compiles; what it makes may need libraries of the full image."""
        from slimify.knowledge.debian import is_build_only, package_of_program

        images = self.images
        if name in images.own or name in self.programs:
            return True
        packages = package_of_program(name, images.release)
        if any(is_build_only(package) for package in packages) or is_build_only(images.programs.get(name, "")):
            raise RefusedError(f"{name} makes what is copied from another stage", at.span)
        return bool(packages)


def images_of(reference: str) -> Images | None:
    """The two images, None where there is no slim variant or where it is not known what is in the two."""
    from slimify.knowledge.image_packages import (
        lacks_packages,
        own_programs,
        packages,
        slim_lacks_libraries,
        slim_lacks_programs,
    )
    from slimify.knowledge.image_siblings import slim_sibling
    from slimify.knowledge.images import describe

    image = describe(reference)
    sibling = slim_sibling(reference) if image is not None else None
    if image is None or sibling is None or image.release is None:
        return None
    if image.name == "debian":
        # The same packages in every release: only documentation and translations are left out.
        return Images(
            reference, sibling, image.name, image.version, image.release, {}, {}, frozenset(), frozenset(), frozenset()
        )
    lacking = lacks_packages(reference, sibling)
    programs, libraries, kept = slim_lacks_programs(reference), slim_lacks_libraries(reference), packages(sibling)
    if lacking is None or programs is None or libraries is None or kept is None:
        return None
    return Images(
        full=reference,
        slim=sibling,
        name=image.name,
        version=image.version,
        release=image.release,
        programs=dict(programs),
        libraries=dict(libraries),
        packages=lacking,
        kept=kept,
        own=own_programs(reference),
    )
