"""Which Debian packages a stage had, which it still has, and which must be added."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from typing import Protocol

from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.knowledge.debian import (
    closure,
    knows,
    package_of_library,
    package_of_program,
    recommends,
    resolve,
    runtime_packages,
)
from slimify.knowledge.image_packages import packages as image_packages
from slimify.knowledge.images import Image
from slimify.knowledge.other_headers import alpine_runtime_packages
from slimify.syntax.source import Span


class Distribution(Protocol):
    """The packages of the stage that ships, as far as they are known; `added` with the reasons."""

    name: str
    added: dict[str, str]

    def wants(self, packages: Iterable[str], why: str) -> None:
        """One of the packages is to be there if one of them was there before."""
        ...

    def wants_program(self, program: str, where: str, span: Span) -> None:
        """A program is called. Raises `Refused` where it may be gone and nothing is known to bring it."""
        ...

    def wants_library(self, library: str, where: str, span: Span) -> None:
        """A shared library is loaded by its soname. Raises `Refused` as for a program."""
        ...

    def runtime(self, package: str) -> tuple[tuple[str, ...], ...]:
        """What has the libraries of a package that is only there to build with. Raises `Refused` where not known."""
        ...


# What programs do without only where they are asked for less: TLS, and git over SSH.
_COMPANIONS = {"curl": ("ca-certificates",), "git": ("ca-certificates", "openssh-client"), "wget": ("ca-certificates",)}

_Installs = Iterable[tuple[Iterable[str], bool]]


class System:
    """The packages `before` and `after`, those of the images with what apt installs; `added` with the reasons."""

    def __init__(
        self, release: str, before: frozenset[str], after: frozenset[str], installed: _Installs, kept: _Installs
    ) -> None:
        self.release = release
        self.before = before | self._installed(installed)
        self.after = after | self._installed(kept)
        self.added: dict[str, str] = {}
        self.name = "debian"

    def runtime(self, package: str) -> tuple[tuple[str, ...], ...]:
        """What has the libraries of a package that is only there to build with."""
        if resolve(package, self.release) is None:
            raise Refused(f"the package {package} is not known")
        return tuple((one,) for one in runtime_packages(package, self.release) or ())

    def wants(self, packages: Iterable[str], why: str) -> None:
        """One of the packages is to be there if one of them was there before."""
        known = [one for one in packages if knows(one, self.release)]
        if any(one in self.after for one in known):
            return
        for one in known:
            if one in self.before:
                self.added[one] = why
                self.after |= {one} | (closure([one], self.release) or frozenset())
                return

    def wants_program(self, program: str, where: str, span: Span) -> None:
        """A program is called. Refused where nothing that was there is known to bring it."""
        name = posixpath.basename(program)
        self._wants(package_of_program(name, self.release), program, where, span)
        for other in _COMPANIONS.get(name, ()):
            self.wants((other,), f"{name} works with it")

    def wants_library(self, library: str, where: str, span: Span) -> None:
        """A shared library is loaded by its soname. Refused where nothing that was there is known to bring it."""
        self._wants(package_of_library(library, self.release), library, where, span)

    def _wants(self, packages: tuple[str, ...], name: str, where: str, span: Span) -> None:
        if not any(one in self.before | self.after for one in packages):
            raise Refused(f"{where} uses {name}, and what brings it is not known", span)
        self.wants(packages, f"{where} uses {name}")

    def _installed(self, installs: _Installs) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for packages, recommended in installs:
            names = list(packages)
            new = closure(names, self.release)
            if new is None:
                raise Refused(f"what {' '.join(names)} brings along is not known")
            found |= new
            if recommended:
                more = [other for one in new for other in recommends(one, self.release) if knows(other, self.release)]
                for other in more:
                    found |= closure([other], self.release) or frozenset()
        return found


class Alpine:
    """Alpine: what is installed by name. What apk brings along with it is not known, nor is it asked for."""

    name = "alpine"

    def __init__(self, release: str, kept: Iterable[str], gone: Iterable[str]) -> None:
        self.release = release
        self.kept = frozenset(kept)
        self.gone = frozenset(gone)
        self.added: dict[str, str] = {}

    def wants(self, packages: Iterable[str], why: str) -> None:
        """One of the packages is to be there."""
        known = list(packages)
        if known and not self.kept & set(known):
            self.added.setdefault(known[0], why)

    def wants_program(self, program: str, where: str, span: Span) -> None:
        """A program is called: one of a package that is gone, or one that stays."""
        if program in self.gone:
            raise Refused(f"{where} uses {program}, which would only be in the build", span)

    def wants_library(self, library: str, where: str, span: Span) -> None:
        """A shared library is loaded by its name. Which package brings it is not known for Alpine."""
        raise Refused(f"{where} loads {library}, and what brings it is not known", span)

    def runtime(self, package: str) -> tuple[tuple[str, ...], ...]:
        """What has the libraries of a package that is only there to build with."""
        found = alpine_runtime_packages(package, self.release)
        if found is None:
            raise Refused(f"what has the libraries of {package} at run time is not known")
        return tuple((one,) for one in found)


def distribution(image: Image, old: str, new: str, runs: Iterable[Run], dropped: frozenset[str]) -> Distribution:
    """What is installed in the stage that ships: of the base `new`, and of the RUNs all that is not `dropped`."""
    runs = list(runs)
    kept = [one for run in runs for one in run.packages if one not in dropped]
    if image.distribution == "alpine":
        return Alpine((image.release or "").removeprefix("alpine"), kept, dropped)
    release = image.release
    if image.distribution != "debian" or release is None:
        raise Refused(f"which packages are in {old} is not known")
    return System(
        release,
        before=of_image(old),
        after=of_image(new),
        installed=[(run.packages, run.recommends) for run in runs],
        kept=[([one for one in run.packages if one not in dropped], run.recommends) for run in runs],
    )


def of_image(reference: str) -> frozenset[str]:
    """The Debian packages of an image. Raises `Refused` where they are not known."""
    found = image_packages(reference)
    if found is None:
        raise Refused(f"which packages are in {reference} is not known")
    return found
