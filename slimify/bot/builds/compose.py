"""Compose files: the `build` of each service, as `docker compose build` would do it.

Sources: Compose specification, "Build", "Include", "Services: extends", "Merge"; Compose's own defaults for file names.
Profiles say when a service is started, not how it is built. A variable that has no value leaves a hole.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from slimify.bot.builds.holes import at, is_known, shown
from slimify.bot.builds.interpolation import interpolate, read_env
from slimify.bot.builds.named import Named, Problem, Wants, arguments, is_remote, named
from slimify.bot.builds.repository import Repository
from slimify.bot.builds.yaml_text import Scalar, YamlError, line_of, load
from slimify.context.found import Place

NAME = re.compile(r"(?:docker-)?compose(?:[._-][\w.-]+)?\.ya?ml")
# In the order in which Compose looks for them.
_DEFAULTS = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_OVERRIDES = tuple(name.replace(".y", ".override.y") for name in _DEFAULTS)
_DEEPEST = 8
_ENV_LIMIT = 100_000
_MOST_FILES = 50


class _Spec(NamedTuple):
    """A `build` before its Dockerfile is looked for. `context` starts from the root, None if nothing is said of it."""

    place: Place
    context: str | None = None
    outside: str = ""
    remote: bool = False
    inline: bool = False
    dockerfile: str | None = None
    target: str | None = None
    args: tuple[tuple[str, str | None], ...] = ()
    contexts: tuple[tuple[str, str], ...] = ()

    def over(self, base: _Spec) -> _Spec:
        """This one merged over another, as Compose merges files and what is extended."""
        own_context = self.context is not None or self.remote or self.outside
        source = self if own_context else base
        return _Spec(
            self.place,
            source.context,
            source.outside,
            source.remote,
            self.inline or (base.inline and self.dockerfile is None),
            self.dockerfile or base.dockerfile,
            self.target or base.target,
            tuple({**dict(base.args), **dict(self.args)}.items()),
            tuple({**dict(base.contexts), **dict(self.contexts)}.items()),
        )


def read_compose(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The builds of a compose file, and of those that it includes.

    A file that is an overlay of the folder's usual one, for all that can be told, is read as one.
    """
    reader = _Reader(repository)
    own = reader.file(path, posixpath.dirname(path))
    base = reader.base_of(path)
    under = reader.file(base, posixpath.dirname(base)) if base is not None else {}
    overrides = posixpath.basename(path) in _OVERRIDES
    for name, spec in own.items():
        below = under.get(name)
        if below is not None and (overrides or (spec.context is None and not spec.inline and not spec.remote)):
            spec = spec.over(below)
        found = _build(spec, posixpath.dirname(path))
        if found is not None:
            yield found
    yield from reader.problems


def _build(spec: _Spec, project: str) -> Named | Problem | None:
    if spec.inline or spec.remote:
        return None
    if spec.outside:
        return Problem(*spec.place, f"the context {spec.outside} is outside of the repository")
    context = project if spec.context is None else spec.context
    wants = Wants(".", spec.dockerfile, spec.place, spec.target, spec.args)
    found = named(wants, context, in_context=True)
    return found._replace(contexts=spec.contexts) if isinstance(found, Named) else found


class _Reader:
    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.problems: list[Problem] = []
        self.read: dict[str, dict[str, Any]] = {}
        self.envs: dict[str, dict[str, str]] = {}

    def base_of(self, path: str) -> str | None:
        """The usual compose file of the folder, if `path` is another one."""
        folder = posixpath.dirname(path)
        usual = (posixpath.join(folder, name) for name in _DEFAULTS)
        base = next((one for one in usual if self.repository.real(one) is not None), None)
        return base if base != path else None

    def document(self, path: str) -> dict[str, Any]:
        """What a file says; nothing if it cannot be read, which is told."""
        if path in self.read:
            return self.read[path]
        self.read[path] = {}
        text = self.repository.text(path) if len(self.read) <= _MOST_FILES else None
        if text is None:
            self.problems.append(Problem(path, 0, "it cannot be read"))
            return {}
        merged: dict[str, Any] = {}
        try:
            for one in load(text):
                if isinstance(one, dict):
                    merged.update(one)
        except YamlError as error:
            self.problems.append(Problem(path, error.line, f"it {error}"))
        self.read[path] = merged
        return merged

    def environment(self, folder: str) -> dict[str, str]:
        """The variables of the `.env` file of a project."""
        if folder not in self.envs:
            text = self.repository.text(posixpath.join(folder, ".env"), _ENV_LIMIT)
            self.envs[folder] = read_env(text) if text is not None else {}
        return self.envs[folder]

    def file(self, path: str, project: str, depth: int = 0) -> dict[str, _Spec]:
        """The builds of a file by service. `project` is the folder that its paths start from."""
        document = self.document(path)
        found: dict[str, _Spec] = {}
        for one in self.included(document, path, project, depth):
            found.update(one)
        services = document.get("services")
        # The first format of all has no `services`.
        if services is None and not {"version", "include", "name"} & document.keys():
            services = {name: one for name, one in document.items() if isinstance(one, dict) and "build" in one}
        if not isinstance(services, dict):
            return found
        for name in services:
            spec = self.service(path, services, name, project, depth)
            if spec is not None:
                found[str(name)] = spec
        return found

    def included(self, document: dict[str, Any], path: str, project: str, depth: int) -> Iterator[dict[str, _Spec]]:
        include = document.get("include")
        for one in include if isinstance(include, list) else ():
            table: dict[str, Any] = one if isinstance(one, dict) else {"path": one}
            paths = table.get("path")
            folder = table.get("project_directory")
            inner: dict[str, _Spec] = {}
            for name in paths if isinstance(paths, list) else [paths]:
                if not isinstance(name, str) or is_remote(name):
                    continue
                text = interpolate(name, self.environment(project))
                file = at(project, text)
                if file is None or depth >= _DEEPEST or not is_known(file) or self.repository.real(file) is None:
                    self.problems.append(Problem(path, line_of(name), f"it includes {name[:80]}, which is not there"))
                    continue
                where = at(project, folder) if isinstance(folder, str) else posixpath.dirname(file)
                for service, spec in self.file(file, where or "", depth + 1).items():
                    inner[service] = spec.over(inner[service]) if service in inner else spec
            yield inner

    def service(self, path: str, services: dict[str, Any], name: str, project: str, depth: int) -> _Spec | None:
        service = services.get(name)
        if not isinstance(service, dict):
            return None
        own = self.build(service.get("build"), path, project) if "build" in service else None
        base = self.extended(service.get("extends"), path, services, project, depth)
        if own is None or base is None:
            # What is extended is built where it stands; this service has another place, and maybe the same build.
            return own or base
        return own.over(base)

    def extended(self, extends: object, path: str, services: dict[str, Any], project: str, depth: int) -> _Spec | None:
        if isinstance(extends, str):
            extends = {"service": extends}
        if not isinstance(extends, dict) or depth >= _DEEPEST:
            return None
        name, file = extends.get("service"), extends.get("file")
        if not isinstance(name, str):
            return None
        if not isinstance(file, str):
            return self.service(path, services, name, project, depth + 1)
        other = at(project, interpolate(file, self.environment(project)))
        if other is None or not is_known(other) or self.repository.real(other) is None:
            self.problems.append(Problem(path, line_of(file), f"it extends {file[:80]}, which is not there"))
            return None
        inner = self.document(other).get("services")
        # Paths in what is extended start from the folder of that file.
        folder = posixpath.dirname(other)
        return self.service(other, inner, name, folder, depth + 1) if isinstance(inner, dict) else None

    def build(self, build: object, path: str, project: str) -> _Spec | None:
        values = self.environment(project)

        def text(value: object) -> str | None:
            return interpolate(value, values) if isinstance(value, str) else None

        if isinstance(build, str):
            build = {Scalar.of("context", line_of(build)): build}
        if not isinstance(build, dict):
            return None
        spec = _Spec(
            Place(path, line_of(build)),
            inline=build.get("dockerfile_inline") is not None,
            dockerfile=text(build.get("dockerfile")),
            target=text(build.get("target")),
            args=tuple((name, text(value)) for name, value in arguments(build.get("args"), values)),
            contexts=tuple(_contexts(build.get("additional_contexts"), project, values)),
        )
        context = text(build.get("context"))
        if context is None:
            return spec
        if is_remote(context):
            return spec._replace(remote=True)
        where = at(project, context)
        return spec._replace(outside=shown(context)) if where is None else spec._replace(context=where)


def _contexts(value: object, project: str, values: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, item in arguments(value):
        if item is None:
            continue
        text = interpolate(item, values)
        folder = None if ":" in text or is_remote(text) else at(project, text)
        yield name, text if folder is None else folder
