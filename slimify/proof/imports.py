"""Whether what was installed can still be loaded: each package of Python and of Node is imported inside the image."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import NamedTuple

from slimify.proof import import_programs
from slimify.proof.compare import BROUGHT_ALONG, Difference
from slimify.proof.engine import Engine

# How long all of it may take.
_WAIT = 900.0
# A client's status where the program is not there, or cannot be started.
_NOT_STARTED = (126, 127)

_METADATA = re.compile(r"(?P<site>.+)/(?P<name>[^/]+?)-[^/]*\.(?:dist-info/METADATA|egg-info(?:/PKG-INFO)?)")
_SITE = re.compile(r"(?P<home>.+)/lib/(?P<python>python3\.\d+)/(?:site|dist)-packages")
# What the distribution installs for itself, and for programs that are written in Python.
_SYSTEM_SITES = re.compile(r"usr/lib/python3(?:\.\d+)?/(?:dist|site)-packages")
# Node's own packages, and those of the distribution and of programs that are installed for all.
_NOT_THE_APPLICATION = ("usr/lib/", "usr/share/", "usr/local/lib/")


class Place(NamedTuple):
    """An interpreter that loads packages. `may_go` says that no package needs it but those of the distribution."""

    language: str
    program: str
    folders: tuple[str, ...] = ()
    may_go: bool = False

    @property
    def title(self) -> str:
        """What it is called in a report."""
        return f"{self.language} ({self.program})" if posixpath.isabs(self.program) else self.language


class Loaded(NamedTuple):
    """What became of each package: those that load, and those that do not, each with the reason.

    `trouble` says why there are not all of them: `late`, that the time was over, or else that nothing was listed.
    """

    loaded: tuple[str, ...] = ()
    failed: Mapping[str, str] = {}
    trouble: str = ""
    late: bool = False


def places(files: Iterable[str]) -> list[Place]:
    """The interpreters of an image whose packages are to be loaded, by the names of its files."""
    paths = list(files)
    there = frozenset(paths)
    needed: dict[str, bool] = {}
    for path in paths:
        match = _METADATA.fullmatch(path)
        if match is None:
            continue
        program = _interpreter(match["site"], there)
        theirs = not _SYSTEM_SITES.fullmatch(match["site"]) and match["name"].lower() not in BROUGHT_ALONG
        needed[program] = needed.get(program, False) or theirs
    found = [Place("Python", program, may_go=not theirs) for program, theirs in sorted(needed.items())]
    if folders := sorted({one for path in paths if (one := _node_modules(path))}):
        found.append(Place("Node", "node", tuple(folders)))
    return found


def _interpreter(site: str, there: Container[str]) -> str:
    """The interpreter beside a folder of packages, or the one on the path."""
    if _SYSTEM_SITES.fullmatch(site) and "usr/bin/python3" in there:
        return "/usr/bin/python3"
    match = _SITE.fullmatch(site)
    if match is not None:
        for name in (match["python"], "python3", "python"):
            if (path := f"{match['home']}/bin/{name}") in there:
                return f"/{path}"
    return "python3"


def _node_modules(path: str) -> str:
    before, found, _ = path.partition("node_modules/")
    if not found or (before and not before.endswith("/")) or before.startswith(_NOT_THE_APPLICATION):
        return ""
    return f"/{before}node_modules"


def load(engine: Engine, image: str, name: str, place: Place) -> Loaded:
    """Import every package of a place."""
    words = [import_programs.MARK, str(import_programs.EACH)]
    if place.language == "Python":
        argv = ["-c", import_programs.PYTHON, *words]
    else:
        argv = ["-e", import_programs.NODE, *words, *place.folders]
    ran = engine.run(image, name, argv, place.program, _WAIT)
    loaded, failed, listed = [], {}, False
    for line in ran.output.splitlines():
        if not line.startswith(import_programs.MARK):
            continue
        listed = True
        if one := json.loads(line.removeprefix(import_programs.MARK)):
            package, why = one
            if why:
                failed[package] = why
            else:
                loaded.append(package)
    if ran.status is None:
        return Loaded(tuple(loaded), failed, f"not all are loaded within {_WAIT:.0f} s", late=True)
    if ran.status in _NOT_STARTED:
        return Loaded(trouble="there is no such interpreter")
    if not listed:
        said = ran.errors.strip().splitlines() or [f"status {ran.status}"]
        return Loaded(trouble=f"it cannot list them: {said[-1]}")
    return Loaded(tuple(loaded), failed)


def differences(before: Loaded, after: Loaded, place: Place) -> Iterator[Difference]:
    """What loaded before and does not any more."""
    if before.trouble and not before.late:
        return
    if after.trouble and not after.late:
        if not place.may_go:
            yield Difference(f"the interpreter of {place.title}", "there", after.trouble)
        return
    if after.late and not before.late:
        yield Difference(f"all packages of {place.title} load in time", "yes", after.trouble)
    known = {*before.loaded, *before.failed}
    for name, why in sorted(after.failed.items()):
        # Of what was stopped nobody knows what would have become of the rest.
        if name not in before.failed and (name in known or not before.late):
            yield Difference(f"{place.language} package {name} loads", "yes", why)


def summary(before: Loaded, place: Place) -> str:
    """How much was imported, as a sentence; what did not load before either says nothing about the new version."""
    if before.trouble and not before.late:
        return f"packages of {place.title} not tried: {before.trouble}"
    counted = f"{len(before.loaded)} packages of {place.title} imported"
    counted += f", {len(before.failed)} not tried, since they did not load before" if before.failed else ""
    return counted + (f"; {before.trouble}" if before.late else "")
