"""One requirement: a package, which versions of it, and where it comes from (PEP 508, PEP 440, PEP 503)."""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

_LONGEST = 4096


class Origin(enum.Enum):
    """Where the package comes from: an index, a file or folder, a folder left in place, an address, a repository."""

    INDEX = "index"
    PATH = "path"
    EDITABLE = "editable"
    URL = "url"
    VCS = "vcs"


class Requirement(NamedTuple):
    """A package that a file asks for.

    `name` is normalised, empty where only building the package would tell it. `place` is the
    address or the path as written, for all but `Origin.INDEX`. `editable` may be true of a path or a
    repository: `Origin.EDITABLE` is a path. `group` is empty for what is always installed, else
    the name of the extra or group; `hashes` are `algorithm:digest`.
    """

    name: str
    specifier: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    origin: Origin = Origin.INDEX
    file: str = ""
    line: int = 0
    place: str = ""
    editable: bool = False
    hashes: tuple[str, ...] = ()
    group: str = ""

    @property
    def version(self) -> str | None:
        """The version, where exactly one will do (PEP 440, "Version matching")."""
        match = re.fullmatch(r"={2,3}\s*([^\s,*]+)", self.specifier)
        return match[1] if match else None

    @property
    def vcs(self) -> str:
        """The program that fetches the package: git, hg, svn or bzr; empty if none does."""
        return self.place.partition("+")[0] if self.origin is Origin.VCS else ""


def normalise(name: str) -> str:
    """The name under which an index knows a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


VCS = re.compile(r"(?:git|hg|svn|bzr)\+", re.IGNORECASE)


def origin_of(url: str) -> Origin:
    """What kind of place an address is."""
    if VCS.match(url):
        return Origin.VCS
    return Origin.PATH if url.lower().startswith("file:") else Origin.URL


def parse_requirement(text: str, file: str, line: int = 0, group: str = "") -> Requirement | None:
    """Read `name[extra]>=1; marker` or `name @ address`. None if it is not well-formed."""
    if len(text) > _LONGEST or not text.isprintable():
        return None
    # Takes 50 ms to import: only where there is a requirement to read.
    from packaging.requirements import InvalidRequirement
    from packaging.requirements import Requirement as Parser

    try:
        read = Parser(text)
    except (InvalidRequirement, ValueError, RecursionError):
        return None
    return Requirement(
        name=normalise(read.name),
        specifier=str(read.specifier),
        extras=tuple(sorted(normalise(extra) for extra in read.extras)),
        marker=str(read.marker) if read.marker else "",
        origin=origin_of(read.url) if read.url else Origin.INDEX,
        file=file,
        line=line,
        place=read.url or "",
        group=group,
    )
