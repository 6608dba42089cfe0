"""Two images of one distribution whose packages are known by the names that they install, not to the last one.

What the one to run on lacks is known all the same: the packages that only the other one installs, and what those bring
along. What they are called and hold is taken from Debian, whose packages have the same names in Ubuntu and, as far as
programs are concerned, mostly in Alpine.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.knowledge.debian import base_packages, closure, package_of_program
from slimify.knowledge.images import Image
from slimify.knowledge.releases import release_in
from slimify.knowledge.run_packages import installed
from slimify.syntax.source import Span

_STAND_IN = "bookworm"
# Debian serves their packages from its archive only: an `apt-get update` that was not there would fail.
_ARCHIVED = frozenset(["jessie", "stretch", "buster"])


class Difference:
    """The packages `before` and `after` by their names, those that RUNs install among them."""

    def __init__(self, name: str, before: Iterable[str], after: Iterable[str], closed: str = "") -> None:
        self.name = name
        # Why nothing can be installed; empty if it can.
        self.closed = closed
        self.after = frozenset(after)
        self.lost = frozenset(before) - self.after
        self.added: dict[str, str] = {}
        self._gone = _with_dependencies(self.lost) - (base_packages(_STAND_IN) or frozenset())
        self._stays = _with_dependencies(self.after)

    def wants(self, packages: Iterable[str], why: str) -> None:
        """One of the packages is to be there if one of them was there before."""
        known = list(packages)
        if any(one in self.after or one in self.added for one in known):
            return
        for one in known:
            if one in self.lost:
                if self.closed:
                    raise Refused(f"{one} would have to be installed, and {self.closed}")
                self.added[one] = why
                return

    def wants_program(self, program: str, where: str, span: Span) -> None:
        """A program is called: it is as it was, unless a package that is gone brings it."""
        packages = package_of_program(posixpath.basename(program), _STAND_IN)
        if not packages:
            raise Refused(f"{where} uses {program}, and what brings it is not known", span)
        if any(one in self._stays for one in packages):
            return
        named = [one for one in packages if one in self.lost]
        if not named and any(one in self._gone for one in packages):
            raise Refused(f"{where} uses {program}, which would only be in the build", span)
        self.wants(named, f"{where} uses {program}")

    def wants_library(self, library: str, where: str, span: Span) -> None:
        """A shared library is loaded by its soname: which package brings it is not known for every distribution."""
        raise Refused(f"{where} loads {library}, and what brings it is not known", span)

    def libraries_of(self, package: str, span: Span) -> None:
        """Nothing is linked."""


def difference(image: Image, old: str, new: str, runs: Iterable[Run], dropped: frozenset[str]) -> Difference:
    """What the stage on `new` lacks that was there on `old`. Raises `Refused` where that is not known."""
    before, after = installed(old), installed(new)
    for reference, packages in ((old, before), (new, after)):
        if packages is None:
            raise Refused(f"which packages are in {reference} is not known")
    headers = sorted(one for one in dropped if one.endswith("-dev"))
    if headers:
        raise Refused(f"what has the library of {headers[0]} is not known")
    assert before is not None
    assert after is not None
    added = [one for run in runs for one in run.packages]
    name = "alpine" if image.distribution == "alpine" else "debian"
    kept = [one for one in added if one not in dropped]
    closed = _closed(image)
    if kept and closed and image.release not in _ARCHIVED:
        raise Refused(f"{kept[0]} is installed, and {closed}")
    return Difference(name, (*before, *added), (*after, *kept), closed)


def _closed(image: Image) -> str:
    """Why no package can be installed that was not; empty if it can.

    What an image that is no longer updated stood on is taken from what its own base stands on now.
    """
    if image.release in _ARCHIVED:
        return f"packages of {image.release} are archived"
    stacked = image.name in ("gradle", "maven") and image.distribution != "alpine"
    if stacked and image.current is False and not release_in(image.tag):
        return f"which release of the distribution {image.name}:{image.tag} stood on is not certain"
    return ""


def _with_dependencies(packages: Iterable[str]) -> frozenset[str]:
    """The packages with what they bring along, as far as Debian has them."""
    found: set[str] = set(packages)
    for one in packages:
        found |= closure([one], _STAND_IN) or frozenset()
    return frozenset(found)
