"""Ubuntu and Alpine: of their packages only the common ones are known, by tables written by hand."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from slimify.transforms.split_stage.alpine import Alpine
from slimify.transforms.split_stage.refused import Refused

from slimify.knowledge.debian import Role, base_packages, package_of_program, package_role
from slimify.knowledge.other_headers import alpine_runtime_packages, ubuntu_runtime_packages
from slimify.syntax.source import Span

# Debian's release whose essential packages, and names of packages with programs, Ubuntu's are taken to be like.
LIKE = "bookworm"
_TOOLS = (Role.COMPILER, Role.BUILD_TOOL, Role.FETCH_TOOL)


class Ubuntu:
    """What is installed by name: the packages that are `kept`, and those that are `gone`."""

    name = "ubuntu"

    def __init__(self, release: str, kept: Iterable[str], gone: Iterable[str]) -> None:
        self.release = release
        self.kept = frozenset(kept)
        self.gone = frozenset(gone)
        self.added: dict[str, str] = {}

    def wants(self, packages: Iterable[str], why: str) -> None:
        """One of the packages is to be there."""
        known = list(packages)
        base = base_packages(LIKE) or frozenset()
        if known and not (self.kept | base) & set(known):
            self.added.setdefault(known[0], why)

    def wants_program(self, program: str, where: str, span: Span) -> None:
        """A program is called: one of the base, or of a package that stays."""
        packages = frozenset(package_of_program(posixpath.basename(program), LIKE))
        if not packages & (self.kept | (base_packages(LIKE) or frozenset())):
            raise Refused(f"{where} uses {program}, and what brings it is not known", span)

    def wants_library(self, library: str, where: str, span: Span) -> None:
        """A shared library is loaded by its name. Which package brings it is not known for Ubuntu."""
        raise Refused(f"{where} loads {library}, and what brings it is not known", span)

    def libraries_of(self, package: str, span: Span) -> None:
        """What was built with a package stays able to run without it."""
        found = ubuntu_runtime_packages(package, self.release)
        if found is None and package_role(package, LIKE) in _TOOLS:
            found = ()
        if found is None:
            raise Refused(f"what has the libraries of {package} at run time is not known in {self.release}", span)
        for one in found:
            self.wants((one,), f"it has the library of {package}")


class NamedAlpine(Alpine):
    """Alpine, where what is asked for is installed whether it was there by its name or came along with headers."""

    def wants(self, packages: Iterable[str], why: str) -> None:
        """One of the packages is to be there."""
        known = list(packages)
        if known and not self.after & set(known):
            self.added.setdefault(known[0], why)

    def libraries_of(self, package: str, span: Span, without: str = "") -> None:
        """What was built with a package stays able to run without it; `without` is a library that is not linked."""
        found = alpine_runtime_packages(package, self.release)
        if found is None and package_role(package, LIKE) in (Role.BUILD_TOOL, Role.FETCH_TOOL):
            return
        if found is None:
            raise Refused(f"what has the libraries of {package} at run time is not known", span)
        for one in found:
            if one != without:
                self.wants((one,), f"it has the library of {package}")
