"""A repository in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slimify.bot.builds.find import Builds, find_builds
from slimify.semantics.build_context import Entry, Kind


class Memory:
    """Implements `RepositoryFiles`. What is read is noted down."""

    def __init__(self, files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None) -> None:
        self.files = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
        self.links = dict(links or {})
        self.asked: list[str] = []

    def paths(self) -> Sequence[Entry]:
        files = [Entry(path, Kind.FILE, len(data), 0o644) for path, data in self.files.items()]
        return files + [Entry(path, Kind.LINK, 0, 0o777, target) for path, target in self.links.items()]

    def read(self, path: str) -> bytes | None:
        self.asked.append(path)
        return self.files.get(path)


def found(files: Mapping[str, str | bytes], links: Mapping[str, str] | None = None) -> Builds:
    """What is found among these files."""
    return find_builds(Memory(files, links))


def lines(builds: Builds) -> list[str]:
    """Each build as a line: the Dockerfile, its context, and what else is said of it."""
    made = []
    for dockerfile in builds.dockerfiles:
        for one in dockerfile.builds:
            parts = [one.dockerfile, one.context or "."]
            parts += [f"target={one.target}"] if one.target else []
            parts += [name if value is None else f"{name}={value}" for name, value in one.build_args]
            parts += [f"{name}->{value}" for name, value in one.contexts]
            parts += [f"@{one.source}"] if one.source else []
            parts += [f"? {one.uncertain}"] if one.uncertain else []
            made.append(" ".join(parts))
    return made


def problems(builds: Builds) -> list[str]:
    """Each problem as a line."""
    return [f"{one.path}:{one.line}: {one.why}" for one in builds.problems]
