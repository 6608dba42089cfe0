"""Bake files: the targets that `docker buildx bake` builds, in HCL and JSON.

Source: Docker documentation, "Bake file reference", "Inheritance", "Matrix targets", "Remote Bake file definition"
(`cwd://`). A variable counts as its default; functions and conditions leave holes.
"""

from __future__ import annotations

import itertools
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from slimify.bot.builds.hcl import parse, plain, template
from slimify.bot.builds.holes import is_known
from slimify.bot.builds.named import Named, Problem, Wants, named
from slimify.bot.builds.repository import Repository
from slimify.context.found import Place, line_of

NAME = re.compile(r"docker-bake(?:[._-][\w.-]+)?\.(?:hcl|json)|(?:[\w.-]+\.)?bake\.hcl")
# Read together, in this order.
_TOGETHER = ("docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl")
# The parser needs five seconds for a hundred thousand characters.
_LIMIT = 60_000
_MOST = 300

Table = dict[str, Any]


def read_bake(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The builds of a bake file together with those that are read with it."""
    folder, name = posixpath.split(path)
    paths = [path]
    if name in _TOGETHER:
        beside = (posixpath.join(folder, one) for one in _TOGETHER)
        paths = [one for one in beside if repository.real(one) is not None]
        if paths[0] != path:
            return  # it was read with the first one
    bake = _Bake()
    for file in paths:
        text = repository.text(file, _LIMIT)
        try:
            if text is None:
                raise ValueError("cannot be read, or is too long")
            bake.add(file, text)
        except (ValueError, RecursionError) as error:
            yield Problem(file, 0, f"it {error}"[:200])
    builds = list(bake.builds())
    # It runs in the folder of the file, or at the root with `-f`: where the Dockerfiles are.
    for run_in in dict.fromkeys((folder, "")):
        found = [one for build in builds if (one := _named(*build, run_in)) is not None]
        if any(isinstance(one, Named) and _is_there(repository, one) for one in found) or run_in == "":
            yield from found
            return


def _is_there(repository: Repository, build: Named) -> bool:
    return any(repository.real(one) is not None for one in build.dockerfiles)


def _named(target: Table, place: Place, run_in: str) -> Named | Problem | None:
    if target.get("dockerfile-inline") is not None:
        return None
    context = _string(target.get("context")) or "."
    dockerfile = _string(target.get("dockerfile"))
    args = target.get("args")
    contexts = target.get("contexts")
    local = dockerfile is not None and dockerfile.startswith("cwd://")
    wants = Wants(
        context.removeprefix("cwd://") or ".",
        dockerfile.removeprefix("cwd://") if dockerfile else None,
        place,
        _string(target.get("target")),
        tuple((name, _string(value)) for name, value in args.items()) if isinstance(args, dict) else (),
        tuple((name, _string(value) or "") for name, value in contexts.items()) if isinstance(contexts, dict) else (),
    )
    return named(wants, run_in, in_context=not local)


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


class _Bake:
    def __init__(self) -> None:
        self.variables: Table = {}
        self.groups: dict[str, Table] = {}
        self.targets: dict[str, Table] = {}
        self.places: dict[str, Place] = {}

    def add(self, path: str, text: str) -> None:
        """Read one more file. Raises `ValueError`."""
        whole = json.loads(text) if path.endswith(".json") else parse(text)
        if not isinstance(whole, dict):
            raise ValueError("is no table")
        if path.endswith(".json"):
            whole = {key: _quoted(value) for key, value in whole.items()}
        for name, block in _blocks(whole.get("variable")):
            if block.get("default") is not None:
                self.variables[name] = block["default"]
        for name, value in whole.items():
            if name not in ("variable", "group", "target", "function") and not name.startswith("__"):
                self.variables[name] = value
        for name, block in _blocks(whole.get("group")):
            self.groups[name] = {**self.groups.get(name, {}), **block}
        for name, block in _blocks(whole.get("target")):
            self.targets[name] = _merged(self.targets.get(name, {}), block)
            self.places[name] = Place(path, _line(text, name))

    def builds(self) -> Iterator[tuple[Table, Place]]:
        """The targets that are built, with everything filled in."""
        scope = self.scope()
        grouped = self.grouped(scope)
        used = {parent for one in self.targets.values() for parent in _names(plain(one.get("inherits"), scope))}
        count = 0
        for name in self.targets:
            if name in used and name not in grouped:
                continue  # only there for others to inherit from
            for values in self.matrix(name, scope):
                count += 1
                if count > _MOST:
                    return
                yield self.resolved(name, {**scope, **values}, 0), self.places[name]

    def scope(self) -> Table:
        """The variables. Their defaults may name others, which may stand further down."""
        scope: Table = {}
        for _ in range(5):
            scope = {name: plain(value, scope) for name, value in self.variables.items()}
        return scope

    def grouped(self, scope: Mapping[str, Any]) -> set[str]:
        return {name for group in self.groups.values() for name in _names(plain(group.get("targets"), scope))}

    def matrix(self, name: str, scope: Mapping[str, Any]) -> Iterator[Table]:
        """The values of each of the targets that this one stands for."""
        matrix = plain(self.targets[name].get("matrix"), scope)
        if not isinstance(matrix, dict) or not all(isinstance(one, list) for one in matrix.values()):
            yield {}  # no matrix, or one that is computed: what it would give stays a hole
            return
        for combination in itertools.islice(itertools.product(*matrix.values()), _MOST):
            yield dict(zip(matrix, combination, strict=True))

    def resolved(self, name: str, scope: Mapping[str, Any], depth: int) -> Table:
        own = self.targets.get(name, {})
        found: Table = {}
        if depth < 10:
            for parent in _names(plain(own.get("inherits"), scope))[:20]:
                found = _merged(found, self.resolved(parent, scope, depth + 1))
        values = {key: plain(value, scope) for key, value in own.items() if key not in ("inherits", "matrix", "name")}
        return _merged(found, values)


def _blocks(value: object) -> Iterator[tuple[str, Table]]:
    """Blocks by name: a list of tables with one key in HCL, one table in JSON."""
    for one in value if isinstance(value, list) else [value]:
        for name, block in one.items() if isinstance(one, dict) else ():
            if isinstance(block, dict):
                yield (template(name[1:-1], {}) if name.startswith('"') else name), block


def _merged(base: Table, over: Table) -> Table:
    """Tables in it are merged, everything else is replaced; null says nothing."""
    found = dict(base)
    for key, value in over.items():
        before = found.get(key)
        if isinstance(value, dict) and isinstance(before, dict) and key != "matrix":
            found[key] = {**before, **value}
        elif value is not None:
            found[key] = value
    return found


def _names(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str) and is_known(one)] if isinstance(value, list) else []


def _quoted(value: Any) -> Any:
    """A value of JSON in the form in which an HCL file is read: its strings are templates."""
    if isinstance(value, str):
        return f'"{value.replace(chr(92), chr(92) * 2)}"'
    if isinstance(value, list):
        return [_quoted(one) for one in value]
    return {key: _quoted(one) for key, one in value.items()} if isinstance(value, dict) else value


def _line(text: str, name: str) -> int:
    match = re.search(rf'^\s*target\s+"?{re.escape(name)}"?\s*{{|"{re.escape(name)}"\s*:\s*{{', text, re.MULTILINE)
    return line_of(text, match.start() + len(match[0]) - len(match[0].lstrip())) if match else 0
