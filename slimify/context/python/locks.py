"""Lock files: which versions of which packages will be installed, and for which group.

The formats are those of poetry.lock (lock-version 1.0 to 2.1), pdm.lock (4.x), uv.lock (version 1),
Pipfile.lock (pipfile-spec 6) and pylock.toml (PEP 751).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from slimify.context.python.data import Read, Table, inside, read_json, read_toml, string, strings, table, tables
from slimify.context.python.problems import Problem
from slimify.context.python.requirement import Origin, normalise
from slimify.semantics.build_context import BuildContext

# By the tool that reads it; where a folder has several, the first is taken to be in use.
LOCKS = {"poetry.lock": "poetry", "pdm.lock": "pdm", "uv.lock": "uv", "Pipfile.lock": "pipenv", "pylock.toml": "pylock"}


class Locked(NamedTuple):
    """A package of a lock file.

    `groups` are the groups it is installed for, `main` being the one that is always installed; None
    where the format does not say. `requires` are the normalised names of what it needs itself. `files` are
    the names of the archives that may be installed, where the format lists them.
    """

    name: str
    version: str
    groups: tuple[str, ...] | None = None
    requires: tuple[str, ...] = ()
    origin: Origin = Origin.INDEX
    place: str = ""
    files: tuple[str, ...] = ()


class Lock(NamedTuple):
    """A lock file. `roots` are what the project itself needs, by group, where the format says so."""

    path: str
    tool: str
    packages: tuple[Locked, ...] = ()
    requires_python: str = ""
    roots: tuple[tuple[str, tuple[str, ...]], ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def needs_git(self) -> bool:
        """Whether a package is fetched from a git repository."""
        return any(one.origin is Origin.VCS for one in self.packages)

    def reached(self, names: Iterable[str]) -> frozenset[str]:
        """The names, with those of everything they need, as far as the lock file has them."""
        by_name: dict[str, list[Locked]] = {}
        for one in self.packages:
            by_name.setdefault(one.name, []).append(one)
        waiting, found = list(names), set[str]()
        while waiting:
            name = waiting.pop()
            if name not in found and name in by_name:
                found.add(name)
                waiting += [needed for one in by_name[name] for needed in one.requires]
        return frozenset(found)

    def development_only(self, main: Iterable[str]) -> frozenset[str] | None:
        """The packages that are not for the main group; None where that cannot be told.

        `main` are the names that the manifest gives for the main group. A package that only an extra
        brings counts as wanted.
        """
        if not self.packages or self.problems:
            return None
        if all(one.groups is not None for one in self.packages):
            return frozenset(one.name for one in self.packages if one.groups and "main" not in one.groups)
        if self.roots:
            main = dict(self.roots).get("main", ())
        names = tuple(main)
        known = {one.name for one in self.packages if one.origin is not Origin.EDITABLE}
        if not names or not all(name in known for name in names):
            return None
        return frozenset(known - self.reached(names))


def read_lock(context: BuildContext, path: str) -> Lock | None:
    """Read a lock file, known by its name; None where there is none or it has no known name."""
    tool = LOCKS.get(posixpath.basename(path))
    if tool is None:
        return None
    read = read_json(context, path) if tool == "pipenv" else read_toml(context, path)
    if not read.present:
        return None
    if read.problems:
        return Lock(path, tool, problems=read.problems)
    return _READERS[tool](path, read)


def _poetry(path: str, read: Read) -> Lock:
    packages = []
    for one in tables(read.table.get("package")):
        groups: tuple[str, ...] | None = strings(one.get("groups")) or None
        if groups is None and (category := string(one.get("category"))):
            groups = (category,)
        if groups is not None and one.get("optional") is True:
            groups = tuple(dict.fromkeys(("main", *groups)))
        origin, place = _source(string(inside(one, "source", "type")), string(inside(one, "source", "url")))
        # Up to lock-version 1.1 the files of all packages stand in one table.
        listed = one.get("files") or inside(read.table, "metadata", "files", string(one.get("name")))
        packages.append(_locked(one, groups, table(one.get("dependencies")), origin, place, _files(listed)))
    return Lock(path, "poetry", tuple(packages), string(inside(read.table, "metadata", "python-versions")))


def _pdm(path: str, read: Read) -> Lock:
    packages = []
    for one in tables(read.table.get("package")):
        groups = strings(one.get("groups"))
        groups = tuple("main" if group == "default" else group for group in groups)
        if address := string(one.get("git")):
            origin, place = Origin.VCS, address
        elif address := string(one.get("url")):
            origin, place = Origin.URL, address
        elif folder := string(one.get("path")):
            origin, place = Origin.PATH, folder
        else:
            origin, place = Origin.INDEX, ""
        names = [_leading_name(text) for text in strings(one.get("dependencies"))]
        packages.append(_locked(one, groups or None, names, origin, place, _files(one.get("files"))))
    python = string(inside(read.table, "metadata", "requires_python"))
    return Lock(path, "pdm", tuple(packages), python)


def _uv(path: str, read: Read) -> Lock:
    packages = []
    roots: dict[str, list[str]] = {}
    for one in tables(read.table.get("package")):
        source = table(one.get("source"))
        origin, place = Origin.INDEX, ""
        for key, kind in (("git", Origin.VCS), ("url", Origin.URL), ("path", Origin.PATH), ("directory", Origin.PATH)):
            if key in source:
                origin, place = kind, string(source[key])
        for key in ("editable", "virtual"):
            if key in source:
                origin, place = Origin.EDITABLE, string(source[key])
        needed = [string(each.get("name")) for each in tables(one.get("dependencies"))]
        extras = [
            string(each.get("name"))
            for group in table(one.get("optional-dependencies")).values()
            for each in tables(group)
        ]
        if origin is Origin.EDITABLE:
            roots.setdefault("main", []).extend(normalise(name) for name in (*needed, *extras))
            for group, wanted in table(one.get("dev-dependencies")).items():
                roots.setdefault(group, []).extend(normalise(string(each.get("name"))) for each in tables(wanted))
        files = (*_files(one.get("wheels")), *_files([one.get("sdist")]))
        packages.append(_locked(one, None, [*needed, *extras], origin, place, files))
    found = tuple((group, tuple(dict.fromkeys(names))) for group, names in roots.items())
    return Lock(path, "uv", tuple(packages), string(read.table.get("requires-python")), found)


def _pipenv(path: str, read: Read) -> Lock:
    packages: dict[str, Locked] = {}
    for section, group in (("default", "main"), ("develop", "dev")):
        for name, one in table(read.table.get(section)).items():
            origin, place = Origin.INDEX, ""
            if address := string(inside(one, "git")):
                origin, place = Origin.VCS, address
            elif address := string(inside(one, "path")) or string(inside(one, "file")):
                origin, place = (Origin.URL if "://" in address else Origin.PATH), address
            known = packages.get(normalise(name))
            if known is not None:
                packages[known.name] = known._replace(groups=(*(known.groups or ()), group))
                continue
            version = string(inside(one, "version")).lstrip("=")
            packages[normalise(name)] = Locked(normalise(name), version, (group,), (), origin, place)
    python = string(inside(read.table, "_meta", "requires", "python_full_version")) or string(
        inside(read.table, "_meta", "requires", "python_version")
    )
    return Lock(path, "pipenv", tuple(packages.values()), f"=={python}" if python else "")


def _pylock(path: str, read: Read) -> Lock:
    packages = []
    for one in tables(read.table.get("packages")):
        origin, place = Origin.INDEX, ""
        if "vcs" in one:
            kind = string(inside(one, "vcs", "type"))
            origin = Origin.VCS if kind in ("", "git") else Origin.URL
            place = string(inside(one, "vcs", "url"))
        elif "directory" in one:
            origin, place = Origin.PATH, string(inside(one, "directory", "path"))
        elif "archive" in one:
            origin, place = Origin.URL, string(inside(one, "archive", "url"))
        needed = [string(each.get("name")) for each in tables(one.get("dependencies"))]
        files = (*_files(one.get("wheels")), *_files([one.get("sdist")]))
        packages.append(_locked(one, None, needed, origin, place, files))
    return Lock(path, "pylock", tuple(packages), string(read.table.get("requires-python")))


def _locked(
    one: Table,
    groups: tuple[str, ...] | None,
    needed: Iterable[str],
    origin: Origin,
    place: str,
    files: tuple[str, ...] = (),
) -> Locked:
    names = tuple(dict.fromkeys(normalise(name) for name in needed if name))
    return Locked(normalise(string(one.get("name"))), string(one.get("version")), groups, names, origin, place, files)


def _files(value: object) -> tuple[str, ...]:
    """The names of archives, of which the formats give the name, the path or the address."""
    found = []
    for one in tables(value):
        place = string(one.get("file")) or string(one.get("name")) or string(one.get("url")) or string(one.get("path"))
        found.append(posixpath.basename(place.partition("#")[0]))
    return tuple(name for name in found if name)


def _source(kind: str, address: str) -> tuple[Origin, str]:
    origin = {"git": Origin.VCS, "url": Origin.URL, "file": Origin.PATH, "directory": Origin.PATH}.get(kind)
    return (Origin.INDEX, "") if origin is None else (origin, address)


def _leading_name(text: str) -> str:
    end = next((at for at, char in enumerate(text) if not (char.isalnum() or char in "-_.")), len(text))
    return text[:end]


def find_locks(context: BuildContext, folder: str) -> Iterator[str]:
    """The lock files that a folder holds; `pylock.NAME.toml` is not one that a tool reads by itself."""
    for name in LOCKS:
        path = posixpath.join(folder, name)
        if context.entry(path) is not None:
            yield path


_READERS = {"poetry": _poetry, "pdm": _pdm, "uv": _uv, "pipenv": _pipenv, "pylock": _pylock}
