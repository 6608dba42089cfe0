"""Write slimify/knowledge/image_contents.bin: the Debian packages of images, and what is in them.

    python scripts/compile_image_contents.py LISTS

LISTS is a folder that APT filled: `Dir::State::Lists` after `apt-get update` for amd64 with the main
component and its Contents files (the index target that apt-file sets up). In place of a release's Contents
files a folder LISTS/debs/RELEASE will do that holds the packages themselves, as `apt-get download` leaves them;
`--missing RELEASE` prints which. A release without either is left out. Needs `lz4` where APT compressed the
lists so, and `dpkg-deb` for packages.

The closure follows Depends and Pre-Depends, taking of alternatives the first that is there already,
else the first that the release has, as APT does with Recommends off. The base is what debootstrap's
minbase installs: essential packages, those of priority required, and APT.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from slimify.knowledge.packed import pack

FOLDER = Path(__file__).resolve().parent.parent / "slimify" / "knowledge"
RELEASES = ("bullseye", "bookworm", "trixie", "sid")
MULTIARCH = "x86_64-linux-gnu"
_PROGRAM = re.compile(r"(?:usr/)?s?bin/([^/]+)")
_LIBRARY = re.compile(rf"(?:usr/)?lib/(?:{MULTIARCH}/)?(lib[^/]+\.so(?:\.[\d.]+)?)")


class Package(NamedTuple):
    """One stanza of a Packages file, as far as it matters here."""

    name: str
    depends: tuple[tuple[str, ...], ...]
    provides: tuple[str, ...]
    base: bool


def lines(path: Path) -> Iterator[str]:
    """The lines of an index file, however it is compressed."""
    if path.suffix == ".lz4":
        program = shutil.which("lz4") or sys.exit("lz4 is needed")
        with subprocess.Popen([program, "-dc", str(path)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            yield from process.stdout
        return
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from file
        return
    with open(path, encoding="utf-8") as file:
        yield from file


def alternatives(field: str) -> tuple[tuple[str, ...], ...]:
    groups = (group.split("|") for group in field.split(",") if group.strip())
    return tuple(tuple(re.split(r"[\s(:\[]", one.strip())[0] for one in group) for group in groups)


def packages(path: Path) -> dict[str, Package]:
    """The packages of a Packages file. Of several versions the first stands."""
    found: dict[str, Package] = {}
    fields: dict[str, str] = {}
    for line in [*lines(path), "\n"]:
        if line == "\n":
            if fields:
                name = fields["Package"]
                depends = alternatives(fields.get("Pre-Depends", "") + "," + fields.get("Depends", ""))
                provides = tuple(one[0] for one in alternatives(fields.get("Provides", "")))
                base = fields.get("Essential") == "yes" or fields.get("Priority") == "required" or name == "apt"
                found.setdefault(name, Package(name, depends, provides, base))
            fields = {}
        elif not line[0].isspace():
            key, _, value = line.partition(":")
            fields[key] = value.strip()
    return found


class Suite:
    """A release: resolves names and follows dependencies."""

    def __init__(self, known: dict[str, Package]) -> None:
        self.known = known
        self.providers: dict[str, list[str]] = {}
        for package in known.values():
            for name in package.provides:
                self.providers.setdefault(name, []).append(package.name)

    def closure(self, wanted: Iterable[str], there: frozenset[str] = frozenset()) -> frozenset[str]:
        """All that comes with these packages, and what was there before."""
        found = set(there)
        queue = [tuple(name.split("|")) for name in wanted]
        while queue:
            group = queue.pop(0)
            if any(name in found or not found.isdisjoint(self.providers.get(name, [])) for name in group):
                continue
            real = [name for name in group if name in self.known]
            virtual = [sorted(self.providers[name])[0] for name in group if name in self.providers]
            name = next(iter(real or virtual), "")
            if not name:
                print("not in this release:", " | ".join(group), file=sys.stderr)
                continue
            found.add(name)
            queue.extend(self.known[name].depends)
        return frozenset(found)


def contents(files: Iterable[Iterable[str]], wanted: frozenset[str]) -> dict[str, set[tuple[str, str]]]:
    """For each wanted package its programs and shared libraries, as (kind, name)."""
    found: dict[str, set[tuple[str, str]]] = {}
    for some in files:
        for line in some:
            if "bin/" not in line and ".so" not in line:
                continue
            file, _, owners = line.rstrip("\n").rpartition(" ")
            file = file.strip()
            program, library = _PROGRAM.fullmatch(file), _LIBRARY.fullmatch(file)
            if program is None and library is None:
                continue
            for owner in owners.split(","):
                name = owner.rpartition("/")[2]
                if name not in wanted:
                    continue
                # The bare `.so` of a development package is for the linker: what a program asks for has a number.
                if program is not None:
                    found.setdefault(name, set()).add(("program", program.group(1)))
                elif library is not None and not library.group(1).endswith(".so"):
                    found.setdefault(name, set()).add(("library", library.group(1)))
    return found


def listed(folder: Path) -> Iterator[str]:
    """What is in the packages of a folder, in the form of a Contents file."""
    for deb in sorted(folder.glob("*.deb")):
        done = subprocess.run(["dpkg-deb", "-c", str(deb)], capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            yield line.split(None, 5)[5].partition(" -> ")[0].removeprefix("./") + " -/" + deb.name.partition("_")[0]


def find(folder: Path, release: str, what: str) -> Path | None:
    return next(iter(sorted(folder.glob(f"*_debian_dists_{release}_main_{what}*"))), None)


# Programs that a package only gets through update-alternatives (its own postinst), which no index lists.
ALTERNATIVES = {
    "c++": "g++", "cc": "gcc", "c89": "gcc", "c99": "gcc", "pkg-config": "pkgconf|pkg-config", "awk": "mawk",
    "convert": "imagemagick", "identify": "imagemagick", "mogrify": "imagemagick", "montage": "imagemagick",
    "composite": "imagemagick", "compare": "imagemagick", "animate": "imagemagick", "display": "imagemagick",
    "import": "imagemagick", "conjure": "imagemagick", "stream": "imagemagick", "magick": "imagemagick",
    "automake": "automake", "aclocal": "automake", "which": "debianutils", "pager": "util-linux", "nawk": "mawk",
}  # fmt: skip


def image_sets(suite: Suite, facts: dict[str, Any]) -> dict[str, frozenset[str]]:
    """The packages of each base, and of each image as IMAGE/full and IMAGE/slim."""
    # debootstrap's choice for a new system; without it the first alternative drags in perl.
    merged = ["usr-is-merged"] if "usr-is-merged" in suite.known else []
    start = merged + [name for name, package in suite.known.items() if package.base]
    sets = {"debian": suite.closure(start)}
    for base, entry in facts["base"].items():
        sets[base] = suite.closure(entry["packages"], sets[entry["on"]])
    for image, entry in facts["image"].items():
        for variant in ("full", "slim"):
            if variant in entry:
                sets[f"{image}/{variant}"] = suite.closure(entry[variant]["packages"], sets[entry[variant]["on"]])
    return sets


def contents_tables(held: dict[str, set[tuple[str, str]]], names: frozenset[str]) -> dict[str, dict[str, str]]:
    """Which package brings a program or a library; of several, the first by name."""
    tables: dict[str, dict[str, str]] = {"program": {}, "library": {}}
    for owner in sorted(held):
        for kind, name in sorted(held[owner]):
            tables[kind].setdefault(name, owner)
    for name, owners in ALTERNATIVES.items():
        for owner in owners.split("|"):
            if owner in names:
                tables["program"].setdefault(name, owner)
    return tables


def main(folder: Path, missing: str) -> None:
    facts = tomllib.loads((FOLDER / "image_packages.toml").read_text(encoding="utf-8"))
    tables: dict[str, dict[str, str]] = {}
    dates = []
    unpacked = []
    for release in RELEASES:
        index = find(folder, release, "binary-amd64_Packages")
        if index is None:
            print("left out:", release, file=sys.stderr)
            continue
        sets = image_sets(Suite(packages(index)), facts)
        names = frozenset().union(*sets.values())
        if missing == release:
            print(*sorted(names), sep="\n")
        files = [lines(path) for path in (find(folder, release, f"Contents-{one}") for one in ("amd64", "all")) if path]
        debs = folder / "debs" / release
        if debs.is_dir():
            files = [listed(debs)]
            unpacked.append(release)
        elif len(files) < 2:
            print("left out:", release, file=sys.stderr)
            continue
        for key, members in sets.items():
            tables[f"{release}/{key}"] = dict.fromkeys(members, "")
        for kind, table in contents_tables(contents(files, names), names).items():
            tables[f"{release}/{kind}"] = table
        inrelease = next(iter(folder.glob(f"*_debian_dists_{release}_InRelease")), None)
        dates += [
            f"{release} {line[6:].strip()}" for line in (lines(inrelease) if inrelease else ()) if line[:6] == "Date: "
        ]
    if not missing:
        source = "Debian's Packages and Contents files, main, amd64, without security updates"
        source += "".join(f"; for {release} the packages themselves" for release in unpacked)
        notes = {"source": source, "date": "; ".join(dates)}
        (FOLDER / "image_contents.bin").write_bytes(pack(tables, notes))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[3] if sys.argv[2:3] == ["--missing"] else "")
