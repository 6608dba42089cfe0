"""Which folder a Dockerfile is built with, told by where the sources of its COPYs are.

Source: Dockerfile reference, "COPY", "ADD". A Dockerfile that no file names is mostly built with its own folder as the
context, but one in a folder such as `docker/` with the folder above it, or the root.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import NamedTuple

from slimify.bot.builds.repository import FolderContext, Repository
from slimify.context.copies import named
from slimify.context.globs import compile_glob, is_glob
from slimify.context.links import follow
from slimify.context.paths import clean
from slimify.context.patterns import PatternError
from slimify.discovery import is_dockerfile
from slimify.semantics.build import analyse
from slimify.semantics.build_context import BuildContext, Kind
from slimify.syntax.dockerfile import Dockerfile, parse
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source

# Folders that people keep Dockerfiles in, apart from what goes into the image.
_KEPT_APART = frozenset(
    """.ci .docker .github .gitlab build build-scripts ci container containers contrib deploy deployment deployments
    devops docker dockerfiles etc images infra ops packaging scripts""".split()
)
# A glob is looked for in this many folders at the most.
_MOST_FOLDERS = 500


class Fit(NamedTuple):
    """A context. `why` says why it is not sure; empty if it is."""

    context: str
    why: str = ""


class Sources(NamedTuple):
    """The sources of a Dockerfile's COPYs that tell contexts apart, each once. `everything`: one copies it all."""

    paths: tuple[str, ...]
    everything: bool


def read(repository: Repository, dockerfile: str) -> Dockerfile | None:
    """The Dockerfile at a path; None for one that cannot be read."""
    text = repository.text(dockerfile)
    if text is None:
        return None
    try:
        return parse(Source(text, dockerfile))
    except DockerfileSyntaxError:
        return None


def sources(dockerfile: Dockerfile, build_args: tuple[tuple[str, str | None], ...] = ()) -> Sources:
    """What it takes from its context. What depends on a variable that is not known is left out."""
    given = {name: value for name, value in build_args if value is not None}
    found: dict[str, None] = {}
    everything = False
    for step in (step for stage in analyse(dockerfile, build_args=given).stages for step in stage.steps):
        for source in named(step.instruction, step.state):
            path = clean(f"/{source}")[1:] if source is not None else ""
            if path not in ("", "*"):
                found[path] = None
            elif source is not None:
                everything = True
    return Sources(tuple(found), everything)


def present(context: BuildContext, wanted: Sources) -> int:
    """How many of the sources there are in a context."""
    return sum(1 for path in wanted.paths if _exists(context, path))


def _exists(context: BuildContext, path: str) -> bool:
    parts = path.split("/")
    first = next((at for at, part in enumerate(parts) if is_glob(part)), len(parts))
    base = follow(context, "/".join(parts[:first])).path
    if base is None or context.entry(base) is None:
        return False
    folders = [base]
    for part in parts[first:]:
        try:
            matches = compile_glob(part)
        except PatternError:
            return False
        folders = [
            one.path
            for folder in folders[:_MOST_FOLDERS]
            for one in context.children(folder)
            if matches(posixpath.basename(one.path))
        ]
    return bool(folders)


def fit(repository: Repository, path: str) -> Fit:
    """The context of a Dockerfile that no file names."""
    own = posixpath.dirname(path)
    if not own:
        return Fit("")
    dockerfile = read(repository, path)
    if dockerfile is None:
        return Fit(own, "the Dockerfile cannot be read")
    wanted = sources(dockerfile)
    if not wanted.paths:
        # It either copies all there is, which says nothing, or nothing at all.
        if wanted.everything and not _holds_sources(repository, own):
            return Fit(own, "it copies its whole context, and no file says which folder that is")
        return Fit(own)
    counts = [(present(FolderContext(repository, folder, path), wanted), folder) for folder in _upwards(own)]
    whole = [folder for count, folder in counts if count == len(wanted.paths)]
    if len(whole) == 1:
        return Fit(whole[0])
    if whole:
        return Fit(whole[0], f"its sources are in {_list(whole)}, and no file says which is its context")
    best = max(count for count, _ in counts)
    partly = [folder for count, folder in counts if count == best]
    if best and len(partly) == 1:
        return Fit(partly[0], f"some of its sources are not in {_list(partly)}, and no file says what its context is")
    return Fit(own, "its sources are in no folder of the repository, and no file says what its context is")


def _upwards(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""


def _holds_sources(repository: Repository, folder: str) -> bool:
    """Whether a folder holds more than Dockerfiles and what starts a container."""
    if posixpath.basename(folder).lower() in _KEPT_APART:
        return False
    for one in repository.root.children(folder):
        name = posixpath.basename(one.path)
        if one.kind is Kind.FOLDER or not (is_dockerfile(name) or name.endswith((".sh", ".dockerignore", ".md"))):
            return True
    return False


def _list(folders: list[str]) -> str:
    return " and ".join(folder or "the root" for folder in folders[:3])
