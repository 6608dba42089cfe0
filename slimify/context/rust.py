"""Rust packages: what cargo builds, which C libraries it links, and which files the sources take in.

Sources: The Cargo Book, "The Manifest Format", "Workspaces", "Build Scripts"; the Rust standard
library, `include_str!`, `include_bytes!`, `std::process::Command`.
What is not seen: what build scripts do, and what macros of other crates take in.
"""

from __future__ import annotations

import bisect
import fnmatch
import functools
import posixpath
import re
from typing import Any, NamedTuple

from slimify.context.found import LocalFile, Place, Program, Unknown, is_file, join, line_of, source
from slimify.knowledge import rust_crates
from slimify.semantics.build_context import BuildContext, Kind

_FILES = 3000
_CHARACTERS = 20_000_000
_TOKEN = re.compile(
    r"""//[^\n]*|/\*(?:.*?\*/|.*\Z)|b?r(?P<hash>\#*)"(?P<raw>.*?)"(?P=hash)|b?"(?P<text>(?:[^"\\]|\\.)*)"
    |'(?:[^'\\\n]|\\[^\n]{1,9})'|[A-Za-z_]\w*|[^\s\w]""",
    re.DOTALL | re.VERBOSE,
)


class Crate(NamedTuple):
    """A dependency. `kind` is the table's name; `folder` a path of the context for one that is kept there."""

    name: str
    package: str
    kind: str
    features: tuple[str, ...]
    optional: bool
    folder: str | None
    git: str
    place: Place


class Manifest(NamedTuple):
    """A Cargo.toml. `bins` are (name, path of its source); `members` the folders of the workspace.

    `build_script` is its path, empty if there is none; `gated` are the programs that ask for features which are not on
    by default, and `default_members` the folders that are built where no package is named.
    """

    path: str
    folder: str
    name: str
    rust_version: str
    bins: tuple[tuple[str, str], ...]
    build_script: str
    dependencies: tuple[Crate, ...]
    workspace: bool
    members: tuple[str, ...]
    default_features: tuple[str, ...]
    unknown: tuple[Unknown, ...]
    gated: frozenset[str] = frozenset()
    default_members: tuple[str, ...] = ()


class Linked(NamedTuple):
    """A C library behind a crate of the lock file.

    `how` is "system" (linked from the system), "bundled" (built in), or "either": which one the
    build script decides by what it finds.
    """

    crate: str
    library: str
    how: str
    place: Place


class Sources(NamedTuple):
    """What the sources take in at build time, and the programs they start."""

    included: tuple[LocalFile, ...]
    programs: tuple[Program, ...]
    unknown: tuple[Unknown, ...]


def _toml(context: BuildContext, path: str, limit: int) -> tuple[str, dict[str, Any]] | None:
    import tomllib

    text = source(context, path, limit)
    if text is None:
        return None
    # A person nests a few levels; tomllib goes down once for each bracket.
    if re.search(r"[\[{](?:[\s\[{]{400})", text):
        return None
    try:
        return text, tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


# Transforms ask again after each change of the Dockerfile; a context never takes back what it has said.
@functools.lru_cache(maxsize=256)
def read_manifest(context: BuildContext, folder: str = "") -> Manifest | Unknown | None:
    """The Cargo.toml of a folder: None if there is none, `Unknown` if it cannot be read."""
    path = posixpath.join(folder, "Cargo.toml")
    if not is_file(context, path):
        return None
    found = _toml(context, path, 500_000)
    if found is None:
        return Unknown("Cargo.toml cannot be read", Place(path))
    text, data = found
    unknown: list[Unknown] = []
    package = _table(data, "package")
    name = package.get("name")
    name = name if isinstance(name, str) else ""
    workspace = _table(data, "workspace")
    members, lost = _members(context, folder, workspace)
    unknown += [Unknown(f"the member {one} is not in the context", Place(path)) for one in lost]
    dependencies, outside = _dependencies(data, folder, path, text)
    unknown += outside
    build = package.get("build", "build.rs")
    script = posixpath.join(folder, build) if isinstance(build, str) else ""
    features = _table(data, "features").get("default")
    version = package.get("rust-version")
    return Manifest(
        path,
        folder,
        name,
        version if isinstance(version, str) else "",
        _bins(context, folder, name, data, package) if name else (),
        script if is_file(context, script) else "",
        dependencies,
        "workspace" in data,
        members,
        tuple(one for one in features if isinstance(one, str)) if isinstance(features, list) else (),
        tuple(unknown),
        _gated(data, features if isinstance(features, list) else []),
        _members(context, folder, {"members": workspace.get("default-members") or []})[0],
    )


def _gated(data: dict[str, Any], defaults: list[Any]) -> frozenset[str]:
    """The programs that are only built with features that are not on by default."""
    listed = data.get("bin")
    bins = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    asked = {str(one.get("name")): one.get("required-features") for one in bins}
    return frozenset(name for name, wants in asked.items() if wants and not all(one in defaults for one in wants))


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _bins(
    context: BuildContext, folder: str, name: str, data: dict[str, Any], package: dict[str, Any]
) -> tuple[tuple[str, str], ...]:
    """The programs: those that are declared, and those that stand where cargo looks for them."""
    found: dict[str, str] = {}
    listed = data.get("bin")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            path = one.get("path")
            guess = "src/main.rs" if one["name"] == name else f"src/bin/{one['name']}.rs"
            found[one["name"]] = posixpath.join(folder, path if isinstance(path, str) else guess)
    if package.get("autobins") is not False:
        main = posixpath.join(folder, "src/main.rs")
        if is_file(context, main) and main not in found.values():
            found.setdefault(name, main)
        for entry in context.children(posixpath.join(folder, "src/bin")):
            stem = posixpath.basename(entry.path).removesuffix(".rs")
            path = entry.path if entry.path.endswith(".rs") else posixpath.join(entry.path, "main.rs")
            if is_file(context, path) and path not in found.values():
                found.setdefault(stem, path)
    return tuple(found.items())


def _members(context: BuildContext, folder: str, workspace: dict[str, Any]) -> tuple[tuple[str, ...], list[str]]:
    patterns = [one for one in workspace.get("members", ()) if isinstance(one, str)] if workspace else []
    excluded = [join(folder, one) for one in workspace.get("exclude", ()) if isinstance(one, str)]
    folders = [
        posixpath.dirname(one.path)
        for one in context.entries()
        if one.kind is Kind.FILE and posixpath.basename(one.path) == "Cargo.toml"
    ]
    found: set[str] = set()
    lost: list[str] = []
    for pattern in patterns[:500]:
        path = join(folder, pattern)
        hits = [
            one
            for one in folders
            if path is not None and one.count("/") == path.count("/") and fnmatch.fnmatchcase(one, path)
        ]
        found.update(one for one in hits if one not in excluded)
        if not hits:
            lost.append(pattern)
    return tuple(sorted(found)), lost


def _dependencies(data: dict[str, Any], folder: str, path: str, text: str) -> tuple[tuple[Crate, ...], list[Unknown]]:
    found: list[Crate] = []
    unknown: list[Unknown] = []
    holders: list[dict[str, Any]] = [data, _table(data, "workspace")]
    holders += [one for one in _table(data, "target").values() if isinstance(one, dict)]
    for holder in holders:
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            for name, spec in list(_table(holder, kind).items())[:2000]:
                fields = spec if isinstance(spec, dict) else {}
                match = re.search(rf"^\s*(?:\[[\w.-]*ependencies\.)?[\"']?{re.escape(name)}\b", text, re.MULTILINE)
                place = Place(path, line_of(text, match.end()) if match else 0)
                local = fields.get("path")
                inner = join(folder, local) if isinstance(local, str) else None
                if isinstance(local, str) and inner is None:
                    unknown.append(Unknown(f"{local} lies outside the context", place))
                features = fields.get("features")
                found.append(
                    Crate(
                        name,
                        str(fields.get("package", name)),
                        kind,
                        tuple(one for one in features if isinstance(one, str)) if isinstance(features, list) else (),
                        fields.get("optional") is True,
                        inner,
                        str(fields.get("git", "")),
                        place,
                    )
                )
    return tuple(found), unknown


def linked(context: BuildContext, folder: str = "") -> tuple[Linked, ...] | Unknown | None:
    """The C libraries behind the crates of Cargo.lock; `library` is empty for a -sys crate that is not known.

    None without a lock file. A crate that builds the library itself (`openssl-src`) tells of a
    vendored one, as do the features of the direct dependencies.
    """
    path = posixpath.join(folder, "Cargo.lock")
    if not is_file(context, path):
        return None
    found = _toml(context, path, 10_000_000)
    packages = found[1].get("package") if found else None
    if found is None or not isinstance(packages, list):
        return Unknown("Cargo.lock cannot be read", Place(path))
    names = {one["name"] for one in packages if isinstance(one, dict) and isinstance(one.get("name"), str)}
    manifest = read_manifest(context, folder)
    features: set[str] = set()
    if isinstance(manifest, Manifest):
        features = {f"{one.package}/{feature}" for one in manifest.dependencies for feature in one.features}
    known = rust_crates.load()
    result: list[Linked] = []
    for name in sorted(names):
        fact = known.get(name)
        if (fact is None and not name.endswith("-sys")) or (fact is not None and fact.how == "none"):
            continue
        at = found[0].find(f'name = "{name}"')
        place = Place(path, line_of(found[0], at) if at >= 0 else 0)
        if fact is None:
            result.append(Linked(name, "", "either", place))
        else:
            vendored = bool(names & set(fact.vendored_by)) or bool(features & set(fact.features))
            result.append(Linked(name, fact.library, "bundled" if vendored else fact.how, place))
    return tuple(result)


def read_sources(context: BuildContext, folder: str = "") -> Sources:
    """The files that `include_str!` and its like name, and programs started with `Command::new`."""
    included: list[LocalFile] = []
    programs: list[Program] = []
    unknown: list[Unknown] = []
    prefix = folder + "/" if folder else ""
    count = size = 0
    for one in context.entries():
        if one.kind is not Kind.FILE or not one.path.endswith(".rs") or not one.path.startswith(prefix):
            continue
        if one.path[len(prefix) :].startswith("target/"):
            continue
        count += 1
        size += one.size
        if count > _FILES or size > _CHARACTERS:
            unknown.append(Unknown("more sources than are looked through", Place(one.path)))
            break
        text = source(context, one.path)
        if text is None:
            unknown.append(Unknown("the source cannot be read", Place(one.path)))
        else:
            _scan(one.path, text, included, programs, unknown)
    return Sources(tuple(included), tuple(programs), tuple(unknown))


def _scan(
    path: str,
    text: str,
    included: list[LocalFile],
    programs: list[Program],
    unknown: list[Unknown],
) -> None:
    feeds = [match.start() for match in re.finditer("\n", text)]
    found = [match for match in _TOKEN.finditer(text) if not match[0].startswith(("//", "/*"))]
    words = [match[0] for match in found]
    for at in range(len(found) - 3):
        place = Place(path, bisect.bisect_left(feeds, found[at].start()) + 1)
        macro = words[at] in ("include_str", "include_bytes", "include", "include_dir", "sqlx_migrate")
        if macro and words[at + 1] == "!" and words[at + 2] in ("(", "[", "{"):
            value = _string(found[at + 3])
            target = join(posixpath.dirname(path), value) if value is not None else None
            if target is None or "$" in (value or ""):
                unknown.append(Unknown(f"{words[at]}! of a computed or outer path", place))
            else:
                included.append(LocalFile(target, f"{words[at]}!", place))
        elif words[at] == "Command" and words[at + 1 : at + 4] == [":", ":", "new"] and at + 5 < len(found):
            value = _string(found[at + 5])
            if value is None:
                unknown.append(Unknown("a program whose name is computed is started", place))
            else:
                programs.append(Program(posixpath.basename(value), (), place))


def _string(match: re.Match[str]) -> str | None:
    if match["raw"] is not None:
        return match["raw"]
    value = match["text"]
    return None if value is None or "\\" in value else value
