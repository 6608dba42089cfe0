"""Build a Dockerfile before and after, compare the images, run both, and say what follows."""

from __future__ import annotations

import enum
import functools
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from slimify.context.tree import open_context
from slimify.proof import imports, smoke
from slimify.proof.archive import ReadLayer
from slimify.proof.blame import network_failed
from slimify.proof.compare import LANGUAGES, Comparison, Difference, compare, without_unsteady
from slimify.proof.contents import look
from slimify.proof.engine import LABEL, BuildOptions, Built, Engine
from slimify.proof.expected import Expected, Side, expected
from slimify.proof.filesystem import Filesystem
from slimify.proof.image import Image
from slimify.proof.open_image import saved
from slimify.proof.session import Session
from slimify.proof.smoke import Smoke, observe
from slimify.rewrite.outcome import Change

# Below, a difference in size is that of time stamps and package lists.
_SAME_SHARE = 0.005

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

# What a rebuild is measured after a change of.
TOUCHED = ("a source", "a manifest")

# A split of Node's removes development dependencies at the end of the build.
_LEAVING_OUT = {"production-dependencies": LANGUAGES, "split-stage": frozenset(["Node"])}

Say = Callable[[str], None]


class Verdict(enum.Enum):
    """What a proof comes to."""

    SMALLER = "smaller, and the same program"
    SAME_SIZE = "the same program, and no smaller"
    LARGER = "the same program, and larger"
    DIFFERENT = "another program"
    NOT_BUILT = "the rewritten Dockerfile does not build"
    NEVER_BUILT = "the Dockerfile does not build as it is"


class Measured(NamedTuple):
    """One version: its build, of its image the bytes and the layers, and the bytes of the build context.

    `rebuilds` are seconds by what was changed, `compressed` is the size as it is pushed; empty if not measured.
    """

    built: Built
    size: int = 0
    layers: int = 0
    context: int = 0
    rebuilds: Mapping[str, float] = {}
    image: Image | None = None
    compressed: int | None = None


class Proof(NamedTuple):
    """Two versions, and how they differ; `after` and `comparison` are None where it did not come to them.

    `changes` are what slimify did, empty where the other version is somebody else's. `not_run` says why the images
    were compared only, and not run. `notes` say what the run came to besides: what was imported, what could not be
    compared, and whether anything was shown to work at all.
    """

    verdict: Verdict
    before: Measured
    after: Measured | None
    comparison: Comparison | None
    behaviour: tuple[Difference, ...]
    seen: tuple[smoke.Seen, smoke.Seen] | None
    changes: tuple[Change, ...] = ()
    not_run: str = ""
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the rewrite may be taken."""
        return self.verdict in (Verdict.SMALLER, Verdict.SAME_SIZE)

    @property
    def failed(self) -> Measured | None:
        """The version that did not build."""
        if self.verdict is Verdict.NEVER_BUILT:
            return self.before
        return self.after if self.verdict is Verdict.NOT_BUILT else None

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All that makes it another program."""
        return (*(self.comparison.differences if self.comparison else ()), *self.behaviour)


class Subject(NamedTuple):
    """What is proved. The ignore files are texts, None where there is none; `changes` are what slimify did.

    `packages_may_go` says that language packages are left out on purpose by somebody else than slimify.
    """

    before: str
    after: str
    context: str
    ignored: tuple[str | None, str | None]
    changes: tuple[Change, ...] = ()
    packages_may_go: bool = False


class _Version:
    """A Dockerfile, built and looked at once, however often it is compared."""

    def __init__(self, prover: Prover, number: int, side: Side, rebuild: bool) -> None:
        self._prover = prover
        self._number = number
        self.side = side
        self._loaded: dict[str, imports.Loaded] = {}
        engine, names, options = prover.engine, prover.names, prover.options
        name = names.image(str(number))
        log = names.path(str(number), "log")
        built = engine.build(side.path, side.context, name, options, log, cache=False)
        self.measured = Measured(built)
        if not built.ok:
            return
        prover.say(f"reading version {number}")
        image = saved(name, engine.program, look, options.max_size, prover.compressed, prover.layers)
        rebuilds = dict(self._rebuilds()) if rebuild else {}
        pushed = image.compressed_size if prover.compressed else None
        self.measured = Measured(built, image.size, len(image.layers), _context_size(side), rebuilds, image, pushed)
        self.config = _config(image)
        self.filesystem = Filesystem(image)

    @functools.cached_property
    def seen(self) -> smoke.Seen:
        """What it does when it runs."""
        return self._observed("", twice=False)

    @functools.cached_property
    def seen_again(self) -> smoke.Seen:
        """What it does when it runs once more; what differs between both says nothing about another version."""
        return self._observed("-again", twice=True)

    def _observed(self, role: str, twice: bool) -> smoke.Seen:
        prover, number = self._prover, str(self._number)
        prover.say(f"running version {number}{' once more' if role else ''}")
        names = prover.names
        return observe(
            prover.engine, names.image(number), names.container(f"{number}{role}"), self.config, prover.smoke, twice
        )

    @functools.cached_property
    def places(self) -> list[imports.Place]:
        """The interpreters whose packages are imported."""
        return imports.places(self.filesystem.files)

    def loaded(self, place: imports.Place) -> imports.Loaded:
        """What becomes of the packages of a place; the interpreter on the path where there is none of that name."""
        program = place.program
        if os.path.isabs(program) and program.lstrip("/") not in self.filesystem.files:
            program = os.path.basename(program)
        if program not in self._loaded:
            names, number = self._prover.names, str(self._number)
            self._loaded[program] = imports.load(
                self._prover.engine,
                names.image(number),
                names.container(f"{number}-imports"),
                place._replace(program=program),
            )
        return self._loaded[program]

    def _rebuilds(self) -> Iterator[tuple[str, float]]:
        """The seconds of a build after one file was touched, with the cache of the first build."""
        side, names, number = self.side, self._prover.names, str(self._number)
        tree = open_context(side.context, side.path)
        paths = [one.path for one in tree.entries() if one.kind.value == "file"]
        wanted = {
            TOUCHED[0]: next((path for path in paths if path.endswith(_SOURCES)), None),
            TOUCHED[1]: next((path for path in paths if os.path.basename(path) in _MANIFESTS), None),
        }
        for what, path in wanted.items():
            if path is None or what not in self._prover.touched:
                continue
            # Each build has a name of its own: the image that loses its name to another is one that nobody removes.
            copy, role = names.path(number, "context"), f"{number}-{what.rpartition(' ')[2]}"
            shutil.rmtree(copy, ignore_errors=True)
            try:
                shutil.copytree(side.context, copy, symlinks=True, ignore=self._our_own)
            except (OSError, shutil.Error):
                self._prover.say("rebuilds are not measured: the build context cannot be copied")
                return
            warm = self._again(copy, f"{role}-warm")
            touched = os.path.join(copy, path)
            os.chmod(touched, os.stat(touched).st_mode | stat.S_IWUSR)
            # As often as no proof before, which would have left its steps in the builder's cache.
            with open(touched, "ab") as file:
                file.write(b"\n" * (1 + secrets.randbelow(1 << 16)))
            built = self._again(copy, f"{role}-touched")
            if warm.ok and built.ok:
                yield what, built.seconds

    def _our_own(self, folder: str, names: list[str]) -> set[str]:
        """The session's folder, which may lie in the build context: a copy must not hold itself."""
        return {one for one in names if os.path.realpath(os.path.join(folder, one)) == self._prover.names.folder}

    def _again(self, context: str, role: str) -> Built:
        prover = self._prover
        name, log = prover.names.image(role), prover.names.path(f"{role}.log")
        return prover.engine.build(self.side.path, context, name, prover.options, log, cache=True)


class Prover:
    """Proves rewrites of Dockerfiles with one engine; what was built once is not built again."""

    def __init__(
        self,
        engine: Engine,
        names: Session,
        options: BuildOptions,
        tried: Smoke,
        say: Say,
        rebuild: bool = True,
        compressed: bool = False,
    ) -> None:
        self.engine = engine
        self.names = names
        self.options = options
        self.smoke = tried
        self.say = say
        self.rebuild = rebuild
        self.compressed = compressed
        self.touched: tuple[str, ...] = TOUCHED
        self.layers: dict[str, ReadLayer] = {}
        self._versions: dict[tuple[str, str | None, str, int], _Version] = {}

    def prove(self, subject: Subject) -> Proof:
        """Raises `EngineError` and `ImageError` where the engine fails, not where a build does."""
        old = self._version(subject.before, subject.ignored[0], subject.context)
        if not old.measured.built.ok:
            return Proof(Verdict.NEVER_BUILT, old.measured, None, None, (), None, subject.changes)
        new = self._version(subject.after, subject.ignored[1], subject.context)
        if not new.measured.built.ok and network_failed(new.measured.built.log):
            self.say("the network failed: building once more")
            new = self._version(subject.after, subject.ignored[1], subject.context, turn=2)
        if not new.measured.built.ok:
            return Proof(Verdict.NOT_BUILT, old.measured, new.measured, None, (), None, subject.changes)
        assert old.measured.image is not None
        assert new.measured.image is not None
        left = expected(old.side, new.side, old.measured.image, new.measured.image)
        comparison = compare(
            old.filesystem,
            new.filesystem,
            (_of_its_own(old.config, left), _of_its_own(new.config, left)),
            (left.ignored | left.behind).__contains__,
            packages_may_go=_leaving_out(subject),
            expected_path=_may_go_from_path(left, old.config, new.config),
            base_layers=left.base_layers,
            placed=left.placed,
            base=left.base,
            split=left.split,
        )
        if comparison.files:
            comparison = without_unsteady(comparison, self._unsteady(subject, left))
        behaviour: list[Difference] = []
        seen, not_run, notes = None, "", list[str]()
        if self.engine.runs:
            for place in old.places:
                behaviour += imports.differences(old.loaded(place), new.loaded(place), place)
                notes.append(imports.summary(old.loaded(place), place))
            compared = smoke.compared(old.seen, new.seen, self.smoke, lambda: old.seen_again)
            behaviour += compared.differences
            seen = compared.seen
            notes += [f"not compared, since it changes from run to run: {one}" for one in compared.unsteady]
            if not (old.seen.shown and new.seen.shown):
                notes.append("nothing was shown to work")
        else:
            not_run = f"{self.engine.program} starts no containers; podman, which uses the same images, does"
        behaviour += _missed([one for one in comparison.left_out if one in left.behind], seen)
        verdict = _verdict(bool(comparison.differences or behaviour), old.measured.size, new.measured.size)
        differs = tuple(behaviour)
        return Proof(
            verdict, old.measured, new.measured, comparison, differs, seen, subject.changes, not_run, tuple(notes)
        )

    def _unsteady(self, subject: Subject, left: Expected) -> tuple[Difference, ...]:
        """What differs between two builds of one and the same Dockerfile: files with times, or with random names."""
        one, other = (self._version(subject.before, subject.ignored[0], subject.context, turn) for turn in (1, 2))
        if not other.measured.built.ok:
            return ()
        configs = one.config, other.config
        return compare(one.filesystem, other.filesystem, configs, placed=left.placed, base=left.base).files

    def _version(self, text: str, ignored: str | None, context: str, turn: int = 1) -> _Version:
        key = text, ignored, context, turn
        if key not in self._versions:
            number = len(self._versions)
            self.say(f"building version {number}")
            side = self._write(number, text, ignored, context)
            self._versions[key] = _Version(self, number, side, self.rebuild and turn == 1)
        return self._versions[key]

    def _write(self, number: int, text: str, ignored: str | None, context: str) -> Side:
        """The Dockerfile in a folder of its own, with its ignore file (Docker documentation, "Build context")."""
        path = self.names.path(str(number), "Dockerfile")
        with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
        with open(f"{path}.dockerignore", "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(ignored or "")
        return Side(path, text, context, self.options.target, dict(self.options.build_args))


def _verdict(different: bool, before: int, after: int) -> Verdict:
    if different:
        return Verdict.DIFFERENT
    if abs(after - before) <= before * _SAME_SHARE:
        return Verdict.SAME_SIZE
    return Verdict.SMALLER if after < before else Verdict.LARGER


def _missed(behind: list[str], seen: tuple[smoke.Seen, smoke.Seen] | None) -> Iterator[Difference]:
    """What is left in the build stage is told from what was forgotten there by nothing else than running the image."""
    if behind and not (seen is not None and seen[0].shown and seen[1].shown):
        first = ", ".join(f"/{path}" for path in behind[:3]) + (f" and {len(behind) - 3} more" if behind[3:] else "")
        why = "nothing was run" if seen is None else "nothing was shown to work"
        yield Difference("files of the build stage", first, f"left out, and {why} without them")


def _config(image: Image) -> dict[str, Any]:
    """What an image is configured for; what MAINTAINER said is the label that says so today (Dockerfile reference)."""
    config = dict(image.config.get("config") or {})
    labels = {name: value for name, value in (config.get("Labels") or {}).items() if name != LABEL}
    if author := image.config.get("author"):
        labels = {"maintainer": author, **labels}
    return {**config, "Labels": labels}


def _leaving_out(subject: Subject) -> frozenset[str]:
    """The languages of which packages are left out on purpose."""
    if subject.packages_may_go:
        return LANGUAGES
    kinds = (_LEAVING_OUT.get(one.rewrite.transform, frozenset()) for one in subject.changes)
    return frozenset().union(*kinds)


def _of_its_own(config: Mapping[str, Any], left: Expected) -> dict[str, Any]:
    """A configuration without the variables and labels that a base image brought and the other one did not."""
    env = [str(one) for one in config.get("Env") or ()]
    if left.rebased:
        env = [one for one in env if (name := one.partition("=")[0]) in left.variables or name == "PATH"]
    labels = config.get("Labels") or {}
    own = {name: value for name, value in labels.items() if left.labels is None or name in left.labels}
    return {**config, "Env": env, "Labels": own}


def _may_go_from_path(left: Expected, *configs: Mapping[str, Any]) -> frozenset[str]:
    """Folders of PATH that one image may have and the other not: those of the bases, and what a rewrite adds."""
    if not left.rebased:
        return left.added
    values = [str(one)[5:] for config in configs for one in config.get("Env") or () if str(one).startswith("PATH=")]
    return frozenset(folder for value in values for folder in value.split(":")) - left.path


def _context_size(side: Side) -> int:
    """The bytes of all files that are not ignored.

    What the builder says that it was sent is less: it keeps what earlier builds sent, and takes the rest only.
    """
    return sum(one.size for one in open_context(side.context, side.path).entries() if one.kind.value == "file")
