"""Files that tell a platform how to build and run an application: Skaffold, Fly, Render, Railway, Heroku, App Platform.

Sources: Skaffold's skaffold.yaml reference ("build.artifacts"); Fly.io documentation, "fly.toml", "The build section";
Render, "Blueprint YAML reference"; Railway, "Config as code"; Heroku Dev Center, "heroku.yml"; DigitalOcean,
"App specification".
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from slimify.bot.builds.holes import at, hole
from slimify.bot.builds.named import Named, Problem, Wants, arguments, named
from slimify.bot.builds.repository import Repository
from slimify.bot.builds.yaml_text import YamlError, line_of, load
from slimify.context.found import Place
from slimify.context.json_text import key_lines
from slimify.context.json_text import load as load_json

SKAFFOLD = re.compile(r"(?:.*/)?skaffold[^/]*\.ya?ml")
FLY = re.compile(r"(?:.*/)?fly(?:\.[\w-]+)?\.toml")
RENDER = re.compile(r"(?:.*/)?render\.ya?ml")
RAILWAY = re.compile(r"(?:.*/)?railway\.(?:json|toml)")
HEROKU = re.compile(r"heroku\.yml")
APP_PLATFORM = re.compile(r"\.do/[^/]+\.ya?ml")

Table = dict[str, Any]


def _yaml(repository: Repository, path: str) -> Iterator[Table | Problem]:
    text = repository.text(path)
    try:
        if text is None:
            raise YamlError("cannot be read")
        yield from (one for one in load(text) if isinstance(one, dict))
    except YamlError as error:
        yield Problem(path, error.line, f"it {error}")


def _toml(repository: Repository, path: str) -> Table | Problem:
    text = repository.text(path, 100_000)
    try:
        # tomllib takes a time that grows with the square of the number of dots in a line.
        if text is None or any(line.count(".") > 1000 for line in text.split("\n")):
            raise ValueError("cannot be read")
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return Problem(path, 0, "it is no TOML")


def _table(value: object) -> Table:
    return value if isinstance(value, dict) else {}


def _tables(value: object) -> list[Table]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    # Skaffold's templates look like `{{.NAME}}`.
    return re.sub(r"\{\{(.*?)\}\}", lambda match: hole(match[1]), value) if isinstance(value, str) else None


def _one(wants: Wants, folder: str, *, in_context: bool) -> Iterator[Named | Problem]:
    found = named(wants, folder, in_context=in_context)
    if found is not None:
        yield found


def read_skaffold(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The artifacts that Skaffold builds with Docker or kaniko, those of profiles included."""
    for document in _yaml(repository, path):
        if isinstance(document, Problem):
            yield document
            continue
        for whole in (document, *_tables(document.get("profiles"))):
            for artifact in _tables(_table(whole.get("build")).get("artifacts")):
                other = {"buildpacks", "bazel", "jib", "ko", "custom"} & artifact.keys()
                docker = _table(artifact.get("docker") or artifact.get("kaniko"))
                if other:
                    continue
                wants = Wants(
                    _text(artifact.get("context") or artifact.get("workspace")) or ".",
                    _text(docker.get("dockerfile")) or "Dockerfile",
                    Place(path, line_of(artifact.get("image"), line_of(artifact))),
                    _text(docker.get("target")),
                    tuple((name, _text(value)) for name, value in arguments(docker.get("buildArgs"))),
                )
                yield from _one(wants, posixpath.dirname(path), in_context=True)


def read_fly(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The build of a fly.toml. The context is where `fly deploy` runs: the folder of the file."""
    whole = _toml(repository, path)
    if isinstance(whole, Problem):
        yield whole
        return
    build = _table(whole.get("build"))
    if {"image", "builder", "buildpacks"} & build.keys():
        return
    dockerfile = _text(build.get("dockerfile"))
    args = tuple(arguments(_table(build.get("args"))))
    wants = Wants(".", dockerfile or "Dockerfile", Place(path), _text(build.get("build-target")), args)
    for one in _one(wants, posixpath.dirname(path), in_context=False):
        # Without a name there may as well be none: other builders are tried.
        yield one._replace(quiet=dockerfile is None) if isinstance(one, Named) else one


def read_render(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The services of a blueprint that run an image. Paths are relative to `rootDir`, where there is one."""
    for document in _yaml(repository, path):
        if isinstance(document, Problem):
            yield document
            continue
        for service in _tables(document.get("services")):
            if "docker" not in (service.get("runtime"), service.get("env")) or service.get("repo") is not None:
                continue
            folder = at("", _text(service.get("rootDir")) or ".")
            wants = Wants(
                _text(service.get("dockerContext")) or ".",
                _text(service.get("dockerfilePath")) or "./Dockerfile",
                Place(path, line_of(service)),
            )
            if folder is not None:
                yield from _one(wants, folder, in_context=False)


def read_railway(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The Dockerfile that Railway is told to build, from the root of the repository."""
    lines: dict[tuple[str, ...], int] = {}
    if path.endswith(".toml"):
        whole: object = _toml(repository, path)
    else:
        text = repository.text(path) or ""
        whole, lines = load_json(text, loose=True), key_lines(text)
    if isinstance(whole, Problem):
        yield whole
        return
    dockerfile = _text(_table(_table(whole).get("build")).get("dockerfilePath"))
    if dockerfile is not None:
        place = Place(path, lines.get(("build", "dockerfilePath"), 0))
        # A leading slash means the root of the repository, which is also the context.
        yield from _one(Wants(".", dockerfile.lstrip("/"), place), "", in_context=False)


def read_heroku(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The images of a heroku.yml. The context is the folder of each Dockerfile."""
    for document in _yaml(repository, path):
        if isinstance(document, Problem):
            yield document
            continue
        build = _table(document.get("build"))
        args = tuple(arguments(build.get("config")))
        for value in _table(build.get("docker")).values():
            table = value if isinstance(value, dict) else {"dockerfile": value}
            dockerfile, target = table.get("dockerfile"), _text(table.get("target"))
            if isinstance(dockerfile, str):
                folder, name = posixpath.split(dockerfile)
                wants = Wants(folder or ".", name, Place(path, line_of(dockerfile)), target, args)
                yield from _one(wants, "", in_context=True)


def read_app_platform(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The components of an application on DigitalOcean. Paths start from the root; `source_dir` is the context."""
    for document in _yaml(repository, path):
        if isinstance(document, Problem):
            yield document
            continue
        whole = _table(document.get("spec")) or document
        for kind in ("services", "workers", "jobs", "static_sites"):
            for component in _tables(whole.get(kind)):
                dockerfile = _text(component.get("dockerfile_path"))
                if dockerfile is not None:
                    context = (_text(component.get("source_dir")) or ".").lstrip("/") or "."
                    place = Place(path, line_of(component.get("dockerfile_path")))
                    yield from _one(Wants(context, dockerfile.lstrip("/"), place), "", in_context=False)
