"""The real Dockerfiles that the tests read.

They lie beside the repository, in `../shared/corpus`. In a clone that stands alone the project's
own golden cases and examples take their place, so that no test ever runs on nothing.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

from slimify.context.tree import open_context
from slimify.rewrite.edit import Level
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "corpus"


class Sample(NamedTuple):
    """One Dockerfile. `name` is what the tables of known differences call it."""

    name: str
    data: bytes

    @property
    def source(self) -> Source:
        return Source.from_bytes(self.data, self.name)


def is_shared() -> bool:
    """Whether the shared corpus is there."""
    return SHARED.is_dir()


def _paths() -> list[tuple[str, Path]]:
    if is_shared():
        found = [path for folder in ("dockerfiles", "edge") for path in (SHARED / folder).rglob("*")]
        found = [path for path in found if path.suffix != ".tsv"] + list((SHARED / "apps").rglob("Dockerfile*"))
        root = SHARED
    else:
        found = [*ROOT.glob("corpus/**/Dockerfile*"), *ROOT.glob("examples/**/Dockerfile*")]
        found += [path for path in ROOT.glob("corpus/**/expected*") if path.suffix != ".json"]
        root = ROOT
    return sorted((path.relative_to(root).as_posix(), path) for path in found if path.is_file())


@functools.cache
def samples() -> tuple[Sample, ...]:
    """Every Dockerfile once: of several with the same bytes, the first by name."""
    unique: dict[bytes, str] = {}
    for name, path in _paths():
        unique.setdefault(path.read_bytes(), name)
    return tuple(sorted(Sample(name, data) for data, name in unique.items()))


@functools.cache
def outcomes(level: Level) -> dict[str, Outcome]:
    """What `fix` makes of every file that Docker would take."""
    found: dict[str, Outcome] = {}
    for sample in samples():
        try:
            found[sample.name] = fix(sample.source, Options(level=level))
        except DockerfileSyntaxError:
            continue
    return found


def changed(level: Level) -> dict[str, Outcome]:
    """The outcomes of the files that `fix` rewrites."""
    return {name: outcome for name, outcome in outcomes(level).items() if outcome.changed}


@functools.cache
def outcomes_in_context(level: Level) -> dict[str, Outcome]:
    """What `fix` makes of the applications that lie there with their build contexts."""
    found: dict[str, Outcome] = {}
    folder = SHARED / "apps" if is_shared() else ROOT / "examples"
    for path in sorted(folder.glob("*/Dockerfile")):
        source = Source.from_bytes(path.read_bytes(), path.parent.name)
        found[path.parent.name] = fix(source, Options(level=level), open_context(str(path.parent), str(path)))
    return found
