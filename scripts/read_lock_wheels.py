"""Collect from lock files which wheels exist: slimify/knowledge/python_wheels.json.

    python scripts/read_lock_wheels.py FILE_OR_FOLDER...

Lock files of uv and of poetry name every file of every package they lock, so that no index needs to
be asked. Only names that python_packages.toml has are kept; python_wheels.json says what its texts mean
(`format`). New facts are merged into what the file has. `--linked` keeps it short: all versions of a package
that needs something where no wheel fits, and the newest of one that python_packages.toml describes by this file.

What a lock file does not list is a fact only where the tool lists everything: poetry does. uv leaves out
what the project can never install: wheels for other Python versions than `requires-python`, and wheels
for platforms where no chain of dependencies leads to the package.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lock_files
from lock_files import KNOWLEDGE, normal
from packaging.version import Version

from slimify.knowledge.language_packages import PythonPackage, python_package

RESULT = KNOWLEDGE / "python_wheels.json"
FORMAT = (
    "name -> version -> one text: `FIRST-LAST` CPython 3 minors for which a missing wheel is a fact (empty: none), "
    "then `;PLATFORM:MINORS` for each kind of wheel. PLATFORM is g (glibc) or m (musl), x (x86_64) or a (aarch64) and "
    "the oldest libc version, or * for a wheel that runs anywhere; MINORS is 8,9,11 or 7+ (that minor and later)."
)

MACHINES = {"x86_64": "x", "aarch64": "a"}
ALIASES = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}

Wheels = dict[str, set[str]]
"""Platform -> minors, `8` or `7+`."""


def platforms(tag: str) -> Iterator[str]:
    """`manylinux_2_17_x86_64.manylinux2014_x86_64` -> gx2.17."""
    for one in tag.split("."):
        if one == "any":
            yield "*"
        found = re.fullmatch(r"(manylinux|musllinux)_(\d+)_(\d+)_(\w+)", one)
        if found and found[4] in MACHINES:
            yield ("g" if found[1] == "manylinux" else "m") + MACHINES[found[4]] + f"{found[2]}.{found[3]}"
        found = re.fullmatch(r"(manylinux1|manylinux2010|manylinux2014)_(\w+)", one)
        if found and found[2] in MACHINES:
            yield "g" + MACHINES[found[2]] + ALIASES[found[1]]


def minors(python: str, abi: str) -> Iterator[str]:
    """The CPython 3 versions of a wheel's first two tags."""
    for one in python.split("."):
        if re.fullmatch(r"cp3\d*", one):
            minor = one[3:] or "0"
            if abi == "abi3":
                yield minor + "+"
            elif abi in ("none", f"cp3{minor}", f"cp3{minor}m"):
                yield minor
        elif re.fullmatch(r"py3\d*", one) and abi == "none":
            yield (one[3:] or "0") + "+"


def add(wheels: Wheels, filename: str) -> None:
    if not filename.endswith(".whl"):
        return
    python, abi, platform = filename.removesuffix(".whl").split("-")[-3:]
    for place in platforms(platform):
        for abi_tag in abi.split("."):
            wheels[place].update(minors(python, abi_tag))


def ages(wheels: Wheels) -> Wheels:
    """Without what an older libc says already."""
    kept: Wheels = {}
    for place, found in wheels.items():
        older = [
            other
            for other in wheels
            if other[:2] == place[:2] and place != "*" and other != "*" and libc(other) < libc(place)
        ]
        rest = found - set().union(*(wheels[other] for other in older))
        if rest:
            kept[place] = rest
    return kept


def libc(place: str) -> tuple[int, ...]:
    return tuple(int(part) for part in place[2:].split("."))


def asked_by_uv(text: str) -> tuple[int, int] | None:
    """The minors that `requires-python` of a uv lock certainly includes."""
    exact = re.fullmatch(r"==3\.(\d+)\.\*", text)
    if exact:
        return int(exact[1]), int(exact[1])
    span = re.fullmatch(r">=3\.(\d+)(?:, ?<3\.(\d+))?", text)
    if span:
        return int(span[1]), int(span[2]) - 1 if span[2] else 99
    return None


def always_reached(packages: list[dict[str, Any]]) -> set[str]:
    """Packages that every platform installs: a chain of dependencies without markers leads to them."""
    by_name = defaultdict(list)
    for package in packages:
        by_name[package["name"]].append(package)
    todo = [
        package
        for package in packages
        if not {"virtual", "editable", "directory"}.isdisjoint(package.get("source", {}))
    ]
    reached: set[str] = set()
    while todo:
        for edge in todo.pop().get("dependencies", []):
            if "marker" not in edge and edge["name"] not in reached and len(by_name[edge["name"]]) == 1:
                reached.add(edge["name"])
                todo += by_name[edge["name"]]
    return reached


def read_lock(path: Path) -> Iterator[tuple[str, str, tuple[int, int] | None, Wheels]]:
    """Name, version, the minors for which the list is whole, and the wheels."""
    lock = lock_files.read_lock(path)
    newest = max((int(minor) for minor in re.findall(r"-cp3(\d+)-", lock.text)), default=0)
    reached = set() if lock.poetry else always_reached(lock.packages)
    for package in lock.indexed:
        wheels: Wheels = defaultdict(set)
        asked: tuple[int, int] | None
        if lock.poetry:
            files = package.get("files") or lock.data.get("metadata", {}).get("files", {}).get(package["name"], [])
            names = [file["file"] for file in files if "file" in file]
            asked = (0, newest) if newest and names else None
        else:
            names = [wheel["url"].rsplit("/", 1)[-1] for wheel in package.get("wheels", [])]
            asked = asked_by_uv(lock.data["requires-python"]) if package["name"] in reached else None
            asked = (asked[0], min(asked[1], newest)) if asked and newest else None
        for name in names:
            add(wheels, name)
        yield normal(package["name"]), package["version"], asked, wheels


def written(asked: tuple[int, int] | None, wheels: Wheels) -> str:
    def order(text: str) -> int:
        return int(text.rstrip("+"))

    parts = [f"{asked[0]}-{asked[1]}" if asked else ""]
    for place, found in sorted(ages(wheels).items()):
        least = min((order(one) for one in found if one.endswith("+")), default=None)
        texts = [one for one in found if least is None or order(one) < least or one == f"{least}+"]
        parts.append(f"{place}:{','.join(sorted(texts, key=order))}")
    return ";".join(parts)


def parsed(text: str) -> tuple[tuple[int, int] | None, Wheels]:
    asked, *places = text.split(";")
    wheels: Wheels = defaultdict(set)
    for place in places:
        name, _, found = place.partition(":")
        wheels[name] = set(found.split(","))
    first, _, last = asked.partition("-")
    return ((int(first), int(last)) if asked else None), wheels


def merged(old: str | None, asked: tuple[int, int] | None, wheels: Wheels) -> str:
    if old is not None:
        asked_before, before = parsed(old)
        for place, found in before.items():
            wheels[place] |= found
        spans = sorted(span for span in (asked, asked_before) if span)
        if len(spans) == 2:  # the wider of two that do not touch
            (low, high), (other, end) = spans
            joined = other <= high + 1
            asked = (low, max(high, end)) if joined else max(spans, key=lambda span: span[1] - span[0])
        else:
            asked = spans[0] if spans else None
    return written(asked, wheels)


def linked(package: PythonPackage) -> bool:
    """Whether a package needs something where no wheel fits, so that it matters which versions have one."""
    return package.kind == "wheels" and bool(package.build_needs or package.source_libraries)


def shortened(known: dict[str, dict[str, str]], before: frozenset[str]) -> dict[str, dict[str, str]]:
    """What `--linked` keeps."""
    kept = {}
    for name, versions in known.items():
        package = python_package(name)
        if name in before or (package and linked(package)):
            kept[name] = versions
        elif package and package.source.startswith("python_wheels.json"):
            last = max(versions, key=Version)
            kept[name] = {last: versions[last]}
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--linked", action="store_true", help="only what matters")
    arguments = parser.parse_args()
    known: dict[str, dict[str, str]] = {}
    if RESULT.exists():
        known = json.loads(RESULT.read_text(encoding="utf-8"))["packages"]
    before = frozenset(known)
    for file in lock_files.files(arguments.paths):
        for name, version, asked, wheels in read_lock(file):
            package = python_package(name)
            if package is not None and (not arguments.linked or name not in before or linked(package)):
                versions = known.setdefault(name, {})
                versions[version] = merged(versions.get(version), asked, wheels)
    if arguments.linked:
        known = shortened(known, before)
    today = datetime.date.today().isoformat()
    lines = [
        f"{json.dumps(name)}:{json.dumps(dict(sorted(known[name].items())), separators=(',', ':'))}"
        for name in sorted(known)
        if python_package(name)
    ]
    head = f'{{"format":{json.dumps(FORMAT)},\n"source":"lock files of uv and poetry in public projects, read {today}",'
    RESULT.write_text(head + '\n"packages":{\n' + ",\n".join(lines) + "\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
