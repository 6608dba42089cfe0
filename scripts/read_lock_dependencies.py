"""Collect from lock files what packages require: `locked` in slimify/knowledge/python_dependencies.json.

    python scripts/read_lock_dependencies.py FILE_OR_FOLDER...

Lock files of uv and of poetry say of each package what it requires, so that no index needs to be asked, and
the METADATA of a wheel that is installed somewhere says the same. Kept are the names that python_packages.toml
has, those that are written by hand, and all that they require. The file says what its parts mean (`format`).
New facts are merged into what the file has; `by_hand` stays as it is.

What only an extra asks for is not counted, nor what is for no Python 3 on Linux (`sys_platform == "win32"`).
All other conditions are taken to hold. A lock file is silent about what the project can never install: with
`requires-python = ">=3.12"` uv leaves out what is for older Pythons. Lock files of different ages make up for it.
"""

from __future__ import annotations

import argparse
import datetime
import email.parser
import functools
import itertools
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import lock_files
from lock_files import KNOWLEDGE, normal
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

RESULT = KNOWLEDGE / "python_dependencies.json"
FORMAT = (
    "by_hand: name -> what it requires itself, without extras, in any of its versions. "
    "locked: name -> the oldest and the newest version seen, and what any of the versions seen requires."
)
MINORS = range(6, 16)
# They are for Windows, macOS, or Pythons of long ago alone; old versions of poetry lost the conditions.
ELSEWHERE = frozenset(
    [
        "appnope",
        "enum34",
        "futures",
        "ipaddress",
        "pypiwin32",
        "pyreadline",
        "pyreadline3",
        "pywin32",
        "pywinpty",
        "typing",
    ]
)


class Locked(NamedTuple):
    """What is known of one package."""

    first: Version
    last: Version
    requires: frozenset[str]

    def __or__(self, other: object) -> Locked:
        assert isinstance(other, Locked)
        return Locked(min(self.first, other.first), max(self.last, other.last), self.requires | other.requires)


def environments() -> Iterator[dict[str, str]]:
    """Every Python that an image can have."""
    for minor, patch, machine in itertools.product(MINORS, (0, 99), ("x86_64", "aarch64")):
        yield {
            "extra": "",
            "implementation_name": "cpython",
            "implementation_version": f"3.{minor}.{patch}",
            "os_name": "posix",
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"3.{minor}.{patch}",
            "python_version": f"3.{minor}",
            "sys_platform": "linux",
        }


@functools.cache
def may_hold(marker: str) -> bool:
    """Whether a marker is true of any Python of `environments`. What cannot be read may hold."""
    try:
        read = Marker(marker)
        return any(read.evaluate(one) for one in environments())
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
        return True


@functools.cache
def may_be(pythons: str) -> bool:
    """The same for the versions that old lock files of poetry name: `<3.8`, `>=2.7,<2.8 || >=3.5`."""
    try:
        wanted = [SpecifierSet(one) for one in pythons.split("||")]
    except InvalidSpecifier:
        return True
    return any(f"3.{minor}.{patch}" in one for one in wanted for minor in MINORS for patch in (0, 99))


def of_poetry(package: dict[str, Any]) -> Iterator[str]:
    for name, entry in package.get("dependencies", {}).items():
        for one in entry if isinstance(entry, list) else [entry]:
            conditions = one if isinstance(one, dict) else {}
            if conditions.get("optional"):
                continue
            marker = conditions.get("markers")
            if (marker is None or may_hold(marker)) and may_be(conditions.get("python", ">=3")):
                yield normal(name)


def of_uv(package: dict[str, Any]) -> Iterator[str]:
    for one in package.get("dependencies", []):
        if "marker" not in one or may_hold(one["marker"]):
            yield normal(one["name"])


def read_lock(path: Path) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Name, version, and what it requires."""
    lock = lock_files.read_lock(path)
    for package in lock.indexed:
        if "version" in package:
            required = of_poetry(package) if lock.poetry else of_uv(package)
            yield normal(package["name"]), package["version"], frozenset(required)


def read_metadata(path: Path) -> Iterator[tuple[str, str, frozenset[str]]]:
    """The same from the METADATA of a wheel."""
    read = email.parser.HeaderParser().parsestr(path.read_text(encoding="utf-8", errors="replace"))
    required = set()
    for text in read.get_all("Requires-Dist", []):
        try:
            one = Requirement(text)
        except InvalidRequirement:
            found = re.match(r"[\w.-]+", text)
            required |= {normal(found[0])} if found and "extra" not in text else set()
            continue
        if one.marker is None or may_hold(str(one.marker)):
            required.add(normal(one.name))
    if read["Name"] and read["Version"]:
        yield normal(read["Name"]), read["Version"], frozenset(required)


def collected(paths: list[Path], known: dict[str, Locked]) -> dict[str, Locked]:
    """`known`, and what the files say."""
    everything = dict(known)
    metadata = [file for file in lock_files.files(paths, "METADATA") if file.name == "METADATA"]
    locks = [file for file in lock_files.files(paths) if file.name != "METADATA"]
    for file in (*locks, *metadata):
        read = read_metadata if file.name == "METADATA" else read_lock
        try:
            for name, version, required in read(file):
                one = Locked(Version(version), Version(version), required - {name} - ELSEWHERE)
                everything[name] = everything[name] | one if name in everything else one
        except (tomllib.TOMLDecodeError, InvalidVersion) as error:
            print(f"{file}: {error}")
    return everything


def closure(names: set[str], locked: dict[str, Locked], by_hand: dict[str, list[str]]) -> set[str]:
    """The names, and all that they require."""
    waiting, seen = list(names), set(names)
    for name in waiting:
        required = {*by_hand.get(name, ()), *(locked[name].requires if name in locked else ())}
        waiting += required - seen
        seen |= required
    return seen


def parsed(locked: dict[str, list[Any]]) -> dict[str, Locked]:
    return {
        name: Locked(Version(first), Version(last), frozenset(requires))
        for name, (first, last, requires) in locked.items()
    }


def written(by_hand: dict[str, list[str]], locked: dict[str, Locked], source: dict[str, str]) -> str:
    def section(rows: dict[str, Any]) -> str:
        return "{\n" + ",\n".join(f"{json.dumps(name)}:{json.dumps(rows[name])}" for name in sorted(rows)) + "\n}"

    rows = {name: [str(one.first), str(one.last), sorted(one.requires)] for name, one in locked.items()}
    head = f'"format":{json.dumps(FORMAT)},\n"source":{json.dumps(source)}'
    return f'{{{head},\n"by_hand":{section(by_hand)},\n"locked":{section(rows)}}}\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    arguments = parser.parse_args()
    data = json.loads(RESULT.read_text(encoding="utf-8"))
    locked = collected(arguments.paths, parsed(data["locked"]))
    wanted = closure({*lock_files.known_packages(), *data["by_hand"]}, locked, data["by_hand"])
    kept = {name: one for name, one in locked.items() if name in wanted}
    today = datetime.date.today().isoformat()
    told = f"lock files of uv and poetry in public projects, old and new, and installed wheels, read {today}"
    text = written(data["by_hand"], kept, {**data["source"], "locked": told})
    RESULT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
