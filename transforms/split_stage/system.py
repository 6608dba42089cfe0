"""Which Debian packages a stage had, which it still has, and which must be added."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from slimify.transforms.split_stage.refused import Refused

from slimify.knowledge.debian import closure, knows, package_of_library, package_of_program, recommends
from slimify.syntax.source import Span

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

    def wants_program(self, program: str, where: str, span: Span) -> None:
        """A program is called. Refused where nothing that was there is known to bring it."""
        packages = package_of_program(posixpath.basename(program), self.release)
        self._wants(packages, program, where, span)

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
