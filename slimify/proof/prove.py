"""Build a Dockerfile before and after, compare the images, run both, and say what follows."""

from __future__ import annotations

import enum
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from slimify.context.tree import open_context
from slimify.proof import imports, smoke
from slimify.proof.compare import Comparison, Difference, compare
from slimify.proof.contents import look
from slimify.proof.engine import BuildOptions, Built, Engine
from slimify.proof.expected import Side, expected
from slimify.proof.filesystem import Filesystem
from slimify.proof.image import Image
from slimify.proof.open_image import saved
from slimify.proof.session import Session
from slimify.proof.smoke import Smoke, observe

_SENT = re.compile(r"transferring context: ([\d.]+)\s*([kMGT]?)B")
_UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
# Below, a difference in size is that of time stamps and package lists.
_SAME_SHARE = 0.005

Say = Callable[[str], None]


class Verdict(enum.Enum):
    """What a proof comes to."""

    SMALLER = "smaller, and the same program"
    SAME_SIZE = "the same program, and no smaller"
    DIFFERENT = "another program"
    NOT_BUILT = "the rewritten Dockerfile does not build"
    NEVER_BUILT = "the Dockerfile does not build as it is"


class Measured(NamedTuple):
    """One version: its build, and of its image the bytes, the layers, and the bytes of build context that were sent."""

    built: Built
    size: int = 0
    layers: int = 0
    sent: int | None = None
    rebuilds: Mapping[str, float] = {}
    image: Image | None = None


class Proof(NamedTuple):
    """Two versions, and how they differ; `after` and `comparison` are None where it did not come to them."""

    verdict: Verdict
    before: Measured
    after: Measured | None
    comparison: Comparison | None
    behaviour: tuple[Difference, ...]
    seen: tuple[smoke.Seen, smoke.Seen] | None

    @property
    def ok(self) -> bool:
        """Whether the rewrite may be taken."""
        return self.verdict in (Verdict.SMALLER, Verdict.SAME_SIZE)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All that makes it another program."""
        return (*(self.comparison.differences if self.comparison else ()), *self.behaviour)


class Subject(NamedTuple):
    """What is proved. The ignore files are texts, None where there is none; `changes` are the names of transforms."""

    before: str
    after: str
    context: str
    ignored: tuple[str | None, str | None]
    changes: frozenset[str] = frozenset()


def prove(
    engine: Engine,
    names: Session,
    subject: Subject,
    options: BuildOptions,
    tried: Smoke,
    say: Say,
    rebuild: bool = True,
) -> Proof:
    """Raises `EngineError` and `ImageError` where the engine fails, not where a build does."""
    sides = [
        _write(names, role, text, ignored, subject.context, options)
        for role, text, ignored in zip(
            ("before", "after"), (subject.before, subject.after), subject.ignored, strict=True
        )
    ]
    measured: list[Measured] = []
    for role, side in zip(("before", "after"), sides, strict=True):
        say(f"building {role}")
        built = engine.build(
            side.path, subject.context, names.image(role), options, names.path(role, "log"), cache=False
        )
        if not built.ok:
            failed = Measured(built)
            if role == "before":
                return Proof(Verdict.NEVER_BUILT, failed, None, None, (), None)
            return Proof(Verdict.NOT_BUILT, measured[0], failed, None, (), None)
        say(f"reading {role}")
        image = saved(names.image(role), engine.program, look)
        rebuilds = dict(_rebuilds(engine, names, role, side, subject.context, options)) if rebuild else {}
        measured.append(Measured(built, image.size, len(image.layers), _sent(built.log), rebuilds, image))
    old, new = measured
    assert old.image is not None
    assert new.image is not None
    configs = [engine.config(names.image(role)) for role in ("before", "after")]
    left = expected(sides[0], sides[1], old.image, new.image)
    filesystems = Filesystem(old.image), Filesystem(new.image)
    comparison = compare(
        *filesystems,
        (_without(configs[0], left.variables), _without(configs[1], left.variables)),
        left.files.__contains__,
        packages_may_go="production-dependencies" in subject.changes,
        expected_path=left.path,
        base_layers=left.base_layers,
    )
    say("running both")
    behaviour = list(_imports(engine, names, filesystems))
    seen = [
        observe(engine, names.image(role), names.container(role), config, tried)
        for role, config in zip(("before", "after"), configs, strict=True)
    ]
    behaviour += smoke.differences(seen[0], seen[1], tried.expect)
    different = bool(comparison.differences or behaviour)
    smaller = new.size < old.size * (1 - _SAME_SHARE)
    verdict = Verdict.DIFFERENT if different else Verdict.SMALLER if smaller else Verdict.SAME_SIZE
    return Proof(verdict, old, new, comparison, tuple(behaviour), (seen[0], seen[1]))


def _write(names: Session, role: str, text: str, ignored: str | None, context: str, options: BuildOptions) -> Side:
    """The Dockerfile in a folder of its own, with its ignore file (Docker documentation, "Filename and location")."""
    path = names.path(role, "Dockerfile")
    with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)
    with open(f"{path}.dockerignore", "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(ignored or "")
    return Side(path, text, context, options.target, dict(options.build_args))


def _without(config: Mapping[str, Any], variables: frozenset[str]) -> dict[str, Any]:
    env = [one for one in config.get("Env") or () if str(one).partition("=")[0] not in variables]
    return {**config, "Env": env}


def _imports(engine: Engine, names: Session, filesystems: tuple[Filesystem, Filesystem]) -> Iterator[Difference]:
    paths = filesystems[0].files
    languages = {
        "Python": any(path.endswith(".dist-info/METADATA") for path in paths),
        "Node": any("/node_modules/" in path and not path.startswith("usr/") for path in paths),
    }
    for language, there in languages.items():
        if there:
            found = [
                imports.failed_imports(engine, names.image(role), names.container(f"{role}-imports"), language)
                for role in ("before", "after")
            ]
            yield from imports.differences(found[0], found[1], language)


def _sent(log: str) -> int | None:
    """The bytes of build context that BuildKit says it was sent; it says so again and again, the last time in full."""
    found = _SENT.findall(log)
    return int(float(found[-1][0]) * _UNITS[found[-1][1]]) if found else None


_MANIFESTS = (
    "requirements.txt",
    "package.json",
    "pyproject.toml",
    "Pipfile",
    "go.mod",
    "Cargo.toml",
    "pom.xml",
    "Gemfile",
    "composer.json",
)
_SOURCES = (".py", ".js", ".ts", ".go", ".rs", ".java", ".rb", ".php", ".c", ".cc", ".cpp", ".html")


def _rebuilds(
    engine: Engine, names: Session, role: str, side: Side, context: str, options: BuildOptions
) -> Iterator[tuple[str, float]]:
    """The seconds of a build after one file was touched, a source and a manifest, with the cache of the first build."""
    tree = open_context(context, side.path)
    paths = [one.path for one in tree.entries() if one.kind.value == "file"]
    wanted = {
        "a source": next((path for path in paths if path.endswith(_SOURCES)), None),
        "a manifest": next((path for path in paths if os.path.basename(path) in _MANIFESTS), None),
    }
    for what, path in wanted.items():
        if path is None:
            continue
        copy = names.path(f"{role}-context")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(context, copy, symlinks=True)
        warm = engine.build(
            side.path, copy, names.image(f"{role}-warm"), options, names.path(role, "warm.log"), cache=True
        )
        with open(os.path.join(copy, path), "ab") as file:
            file.write(b"\n")
        built = engine.build(
            side.path, copy, names.image(f"{role}-again"), options, names.path(role, "again.log"), cache=True
        )
        if warm.ok and built.ok:
            yield what, built.seconds
