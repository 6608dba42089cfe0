"""Which Debian packages a stage had, which it still has, and which must be added."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import Protocol

from slimify.transforms.split_stage.alpine import Alpine
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

    def libraries_of(self, package: str, span: Span) -> None:
        """What was built with a package stays able to run without it. Raises `Refused` where that is not known."""
        ...


# What programs do without only where they are asked for less: TLS, and git over SSH.
_COMPANIONS = {"curl": ("ca-certificates",), "git": ("ca-certificates", "openssh-client"), "wget": ("ca-certificates",)}

# Modules that a library opens where they are there; a -dev package depends on some of them (libmagickcore-6.q16-dev).
_MODULES = {r"(libmagickcore-[\w.-]+)-extra": r"\1", r"librsvg2-common": "librsvg2-2"}
# Their maintainer scripts add system users, which take the next free number.
MAKE_USERS = frozenset(
    "avahi-daemon dbus dbus-system-bus-common openssh-server polkitd postgresql-common redis-server systemd".split()
)
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

    def libraries_of(self, package: str, span: Span) -> None:
        """What was built with a package stays able to run without it. Refused where the package is not known."""
        if resolve(package, self.release) is None:
            raise Refused(f"the package {package} is not known", span)
        for one in runtime_packages(package, self.release) or ():
            self.wants((one,), f"it has the library of {package}")

    @property
    def users(self) -> list[str]:
        """The packages that added a user and are gone."""
        return sorted(MAKE_USERS & (self.before - self.after))

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

    def wants_modules(self) -> None:
        """The modules of libraries that stay are to be there if they were."""
        for one in sorted(self.before - self.after):
            for pattern, library in _MODULES.items():
                match = re.fullmatch(pattern, one)
                if match is not None and match.expand(library) in self.after:
                    self.wants((one,), f"it has modules of {match.expand(library)}")

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


def distribution(image: Image, old: str, new: str, runs: Iterable[Run], dropped: frozenset[str]) -> Distribution:
    """What is installed in the stage that ships: of the base `new`, and of the RUNs all that is not `dropped`."""
    runs = list(runs)
    kept = [one for run in runs for one in run.packages if one not in dropped]
    if image.distribution == "alpine":
        # The compilers' images have certificates, and their compilers time zones of their own.
        before = [*(one for run in runs for one in run.packages), "ca-certificates", "tzdata"]
        return Alpine(image.release or "", before, kept)
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
