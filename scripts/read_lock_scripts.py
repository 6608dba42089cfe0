"""Collect from lock files which packages of npm run install scripts: slimify/knowledge/node_scripts.xz.

    python scripts/read_lock_scripts.py FILE_OR_FOLDER...

Reads package-lock.json and npm-shrinkwrap.json files of format 2 and 3 (any `*.json` below a folder, so that many
may lie together); slimify/knowledge/node_scripts.py says what the result promises. New facts are merged into what
the file has, and a script that was seen once is never forgotten.

Only packages that a registry delivers count: not links, folders, tarballs of elsewhere and what another package
bundles. npm has written lock files without the marks, from a tree that lay there already. Such a file gives itself
away: it has no mark where another file has one for the same version. It is left out as a whole.
"""

from __future__ import annotations

import argparse
import datetime
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from slimify.knowledge.columns import pack, unpack
from slimify.knowledge.node_scripts import line

RESULT = Path(__file__).parent.parent / "slimify" / "knowledge" / "node_scripts.xz"


class Entry(NamedTuple):
    name: str
    version: str
    script: bool


def read_lock(data: Any) -> Iterator[Entry]:
    """The packages of a registry in a lock file; none for other formats."""
    if not isinstance(data, dict) or data.get("lockfileVersion") not in (2, 3):
        return
    packages = data.get("packages")
    for key, one in packages.items() if isinstance(packages, dict) else ():
        if "node_modules/" not in key or not isinstance(one, dict) or one.get("link") or one.get("inBundle"):
            continue
        # An alias has its own name in the key and the package's beside it.
        name = one.get("name") or key.rpartition("node_modules/")[2]
        version = one.get("version")
        if isinstance(name, str) and isinstance(version, str) and line(version) and delivered(name, version, one):
            yield Entry(name, version, one.get("hasInstallScript") is True)


def delivered(name: str, version: str, one: dict[str, Any]) -> bool:
    """Whether a registry delivers a package: its tarball has the package's name and version there."""
    resolved = one.get("resolved")
    if not resolved:
        # Left out by `omit-lockfile-registry-resolved`, which keeps the hash. Without both npm read a folder.
        return isinstance(one.get("integrity"), str)
    tarball = f"/-/{name.rpartition('/')[2]}-{version.partition('+')[0]}.tgz"
    return isinstance(resolved, str) and resolved.lower().endswith(tarball.lower())


def sound(files: list[set[Entry]]) -> list[set[Entry]]:
    """The files that no other contradicts: all versions with a script in any file have it in these."""
    scripted = {(one.name, one.version) for entries in files for one in entries if one.script}
    return [
        entries
        for entries in files
        if not any((one.name, one.version) in scripted and not one.script for one in entries)
    ]


def order(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    arguments = parser.parse_args()
    files = []
    unread = 0
    once: dict[Entry, Entry] = {}  # thousands of files name the same versions
    for file in [one for path in arguments.paths for one in (path.rglob("*.json") if path.is_dir() else [path])]:
        try:
            entries = {once.setdefault(one, one) for one in read_lock(json.loads(file.read_bytes()))}
        except ValueError:  # the fixtures of some projects are broken on purpose
            entries = set()
        if entries:
            files.append(entries)
        else:
            unread += 1
    lines: dict[str, set[str]] = defaultdict(set)
    scripted: set[str] = set()
    if RESULT.exists():
        before = unpack(RESULT.read_bytes())
        scripted.update(before["scripted"])
        lines.update({name: set(text.split()) for name, text in zip(before["names"], before["lines"], strict=True)})
    # A script is a fact in every file, its absence in the sound ones.
    scripted.update(one.name for entries in files for one in entries if one.script)
    kept = sound(files)
    for entries in kept:
        for one in entries:
            lines[one.name].add(line(one.version) or "")
    names = sorted(lines.keys() - scripted)
    columns = {
        "about": [f"package-lock.json files of public projects, read {datetime.date.today().isoformat()}"],
        "names": names,
        "lines": [" ".join(sorted(lines[name], key=order)) for name in names],
        "scripted": sorted(scripted),
    }
    RESULT.write_bytes(pack(columns))
    print(f"{len(files)} lock files, {len(files) - len(kept)} of them contradicted by others; {unread} of another kind")
    print(f"{len(names)} packages without an install script, {len(scripted)} with one")


if __name__ == "__main__":
    main()
