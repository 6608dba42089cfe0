"""Which locked packages are there for the development groups of a project alone.

An install without those groups leaves out exactly what nothing else reaches. Extras are followed one by one: a
package that production asks for plainly, and development with an extra, loses what the extra brings.

Sources: Poetry documentation, "Managing dependencies"; pdm documentation, "Lockfile", "Add development only
dependencies"; uv documentation, "Managing dependencies", "Default groups"; Pipfile.lock (pipfile-spec 6).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from slimify.context.python.data import Table, inside, items, read_json, read_toml, string, strings, table, tables
from slimify.context.python.requirement import Requirement, normalise, parse_requirement
from slimify.semantics.build_context import BuildContext

LOCKS = {"poetry": "poetry.lock", "pdm": "pdm.lock", "uv": "uv.lock", "pipenv": "Pipfile.lock"}
_NAMED = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?")
_MOST = 20_000


class Development(NamedTuple):
    """What the lock file installs in all (`kept` and `lost`), and what of it would go with the development groups.

    `extras` are what a kept package names as something that it can use; None where the lock file does not say.
    """

    lock: str
    kept: frozenset[str]
    lost: frozenset[str]
    extras: frozenset[str] | None = None


class _Unclear(Exception):
    """Why the files do not tell."""


def development(context: BuildContext, folder: str, tool: str, extras: Iterable[str] = ()) -> Development | str:
    """What the tool would leave out, in a project whose `extras` are asked for; or why that is not known."""
    lock = posixpath.join(folder, LOCKS[tool])
    wanted = frozenset(normalise(one) for one in extras)
    named: frozenset[str] | None = None
    try:
        if tool == "pipenv":
            kept, every = _pipenv(context, lock)
        else:
            project = read_toml(context, posixpath.join(folder, "pyproject.toml"))
            locked = read_toml(context, lock)
            for path, read in (("pyproject.toml", project), (LOCKS[tool], locked)):
                if not read.present or read.problems:
                    raise _Unclear(f"{path} cannot be read")
            if len(tables(locked.table.get("package"))) > _MOST:
                raise _Unclear(f"{lock} names too many packages")
            kept, every = _TOOLS[tool](project.table, locked.table, wanted)
            if tool == "poetry":
                named = _optional(locked.table, kept)
    except _Unclear as unclear:
        return str(unclear)
    return Development(lock, kept, every - kept, named)


class _Graph:
    """What a package needs: nodes are names, and `name[extra]` for what an extra adds to the package."""

    def __init__(self) -> None:
        self.edges: dict[str, set[str]] = {}

    def add(self, node: str, needed: Iterable[str]) -> None:
        self.edges.setdefault(node, set()).update(needed)

    def reached(self, roots: Iterable[str]) -> frozenset[str]:
        """The names of all that the roots need, themselves among it."""
        waiting, seen = list(roots), set[str]()
        while waiting:
            node = waiting.pop()
            if node not in seen:
                seen.add(node)
                waiting += self.edges.get(node, ())
                if "[" in node:
                    waiting.append(node.partition("[")[0])
        return frozenset(node for node in seen if "[" not in node and node in self.edges)


def _nodes(name: str, extras: Iterable[str]) -> Iterator[str]:
    yield normalise(name)
    for extra in extras:
        yield f"{normalise(name)}[{normalise(extra)}]"


def _named(text: str) -> Iterator[str]:
    """The nodes of a requirement as text, whatever stands behind its name and extras."""
    match = _NAMED.match(text)
    if match is None:
        raise _Unclear(f"{text[:80]} is not a requirement")
    yield from _nodes(match[1], (one.strip() for one in (match[2] or "").split(",") if one.strip()))


def _of(requirements: Iterable[Requirement]) -> Iterator[str]:
    for one in requirements:
        yield from _nodes(one.name, one.extras)


def _listed(value: object) -> Iterator[str]:
    """The nodes of a list of requirements (PEP 508), as a manifest has it."""
    for text in items(value):
        one = parse_requirement(text, "") if isinstance(text, str) else None
        if one is None or not one.name:
            raise _Unclear(f"{str(text)[:80]} in pyproject.toml is not a requirement")
        yield from _nodes(one.name, one.extras)


def _groups(project: Table) -> dict[str, list[str]]:
    """The dependency groups with what they include (PEP 735)."""
    groups = {normalise(name): value for name, value in table(project.get("dependency-groups")).items()}

    def read(name: str, within: tuple[str, ...]) -> Iterator[str]:
        if name in within or name not in groups:
            raise _Unclear(f"the dependency group {name[:80]} cannot be read")
        for one in items(groups[name]):
            if isinstance(one, dict):
                yield from read(normalise(string(one.get("include-group"))), (*within, name))
            else:
                yield from _listed([one])

    return {name: list(read(name, ())) for name in groups}


def _extras(project: Table, wanted: frozenset[str]) -> Iterator[str]:
    for name, value in table(inside(project, "project", "optional-dependencies")).items():
        if normalise(name) in wanted:
            yield from _listed(value)


def _poetry(project: Table, lock: Table, wanted: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    from slimify.context.python.poetry import poetry_requirements

    graph = _Graph()
    for one in tables(lock.get("package")):
        name = normalise(string(one.get("name")))
        graph.add(name, ())
        for needed, value in table(one.get("dependencies")).items():
            for each in value if isinstance(value, list) else [value]:
                if inside(each, "optional") is not True:
                    graph.add(name, _nodes(needed, strings(inside(each, "extras"))))
        for extra, needs in table(one.get("extras")).items():
            for text in strings(needs):
                graph.add(f"{name}[{normalise(extra)}]", _named(text))
    poetry = table(inside(project, "tool", "poetry"))
    own = table(poetry.get("dependencies"))
    listed = list(_listed(inside(project, "project", "dependencies")))
    found = poetry_requirements({**poetry, "group": {}, "dev-dependencies": {}}, "")
    plain = [one for one in found if not one.group]
    if listed:
        # Where both tables are there, Poetry's only says more of what the standard one names.
        if any(one.name not in listed and inside(own.get(one.name), "optional") is not True for one in plain):
            raise _Unclear("pyproject.toml names dependencies of production in two places")
        listed += [node for node in _of(plain) if node.partition("[")[0] in listed]
    main = listed or list(_of(plain))
    for extra, names in table(poetry.get("extras")).items():
        if normalise(extra) in wanted:
            chosen = {normalise(name) for name in strings(names)}
            main += _of(one for one in found if one.name in chosen)
    main += _extras(project, wanted)
    rest: list[str] = list(_of(poetry_requirements({"dev-dependencies": poetry.get("dev-dependencies")}, "")))
    optional = {name for name, one in table(poetry.get("group")).items() if inside(one, "optional") is True}
    for name, content in table(poetry.get("group")).items():
        nodes = list(_of(poetry_requirements({"group": {name: content}}, "")))
        if name == "main":
            main += nodes
        elif name not in optional:
            rest += nodes
    for name, nodes in _groups(project).items():
        rest += nodes if name not in map(normalise, optional) else ()
    return _two(graph, main, rest)


def _optional(lock: Table, kept: frozenset[str]) -> frozenset[str]:
    found = set[str]()
    for one in tables(lock.get("package")):
        if normalise(string(one.get("name"))) in kept:
            for needs in table(one.get("extras")).values():
                found |= {node.partition("[")[0] for text in strings(needs) for node in _named(text)}
    return frozenset(found)


def _two(graph: _Graph, main: list[str], rest: list[str]) -> tuple[frozenset[str], frozenset[str]]:
    # What no platform needs is not in the lock file: a root that is missing there is not installed.
    kept = graph.reached(main)
    if main and not kept:
        raise _Unclear("the lock file has nothing of what the manifest asks for")
    return kept, kept | graph.reached(rest)


def _uv(project: Table, lock: Table, wanted: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    if inside(project, "tool", "uv", "default-groups") is not None:
        raise _Unclear("pyproject.toml has default-groups of its own, of which --no-dev leaves out one at most")
    if inside(project, "tool", "uv", "workspace") is not None:
        raise _Unclear("it is a workspace of several packages")
    graph = _Graph()
    roots: list[Table] = []
    for one in tables(lock.get("package")):
        name = normalise(string(one.get("name")))
        source = table(one.get("source"))
        if "." in (source.get("editable"), source.get("virtual")):
            roots.append(one)
        graph.add(name, _needed(one.get("dependencies")))
        for extra, needed in table(one.get("optional-dependencies")).items():
            graph.add(f"{name}[{normalise(extra)}]", _needed(needed))
    if len(roots) != 1:
        raise _Unclear("uv.lock does not tell which package is the project's own")
    root = roots[0]
    own = normalise(string(root.get("name")))
    main = [own, *(f"{own}[{extra}]" for extra in wanted)]
    kept, every = _two(graph, main, list(_needed(inside(root, "dev-dependencies", "dev"))))
    return kept - {own}, every - {own}


def _needed(value: object) -> Iterator[str]:
    for one in tables(value):
        yield from _nodes(string(one.get("name")), strings(one.get("extra")))


def _pdm(project: Table, lock: Table, wanted: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    del wanted
    development_groups = {*table(inside(project, "tool", "pdm", "dev-dependencies")), *_groups(project)}
    development_groups = {normalise(one) for one in development_groups}
    kept, every = set[str](), set[str]()
    for one in tables(lock.get("package")):
        groups = {normalise(group) for group in strings(one.get("groups"))}
        if not groups:
            raise _Unclear("pdm.lock does not tell which packages are for development: it has no groups")
        name = normalise(string(one.get("name")))
        kept |= {name} if "default" in groups else set()
        every |= {name} if groups & {"default", *development_groups} else set()
    return frozenset(kept), frozenset(every)


def _pipenv(context: BuildContext, lock: str) -> tuple[frozenset[str], frozenset[str]]:
    read = read_json(context, lock)
    if not read.present or read.problems:
        raise _Unclear(f"{lock} cannot be read")
    kept = frozenset(normalise(name) for name in table(read.table.get("default")))
    return kept, kept | {normalise(name) for name in table(read.table.get("develop"))}


_TOOLS = {"poetry": _poetry, "uv": _uv, "pdm": _pdm}
