"""What the bot makes of the Dockerfiles of a commit. Nothing is written, and nothing of the commit is run.

A Dockerfile may be built in several ways. Its rewrite has to be right for all of them, or else it is made at a lower
level, at which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import slimify
from slimify.bot.builds.find import DockerfileBuilds
from slimify.bot.builds.repository import FolderContext, Repository, RepositoryFiles
from slimify.bot.names import is_file_path
from slimify.bot.proposal import FileChange, Fixed, ImageBuild, Proposal, change_name
from slimify.bot.several import Part, together
from slimify.config import LEVELS, NOTHING, Config, ConfigError, Settings, merge
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.text import identity
from slimify.run import fault
from slimify.semantics.build_context import Entry, Kind
from slimify.syntax.source import Source
from slimify.trial import Trial

# What an argument is set to whose value the repository does not tell: a rewrite must not depend on it.
_UNKNOWN = "slimify-does-not-know"
# More Dockerfiles than this in one proposal, and nobody reads it.
MOST = 100


class Asked(NamedTuple):
    """What the proposal is to leave out: transforms, and changes by their names. `level` is for who says none."""

    ignored: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    level: str | None = None


class Candidate(NamedTuple):
    """A rewrite before it is proved. `builds` are the ways in which it is built, each with what it is fixed with.

    `remade` makes it anew, for all of them, with what the settings say of level and transforms.
    """

    builds: tuple[tuple[ImageBuild, Settings], ...]
    settings: Settings
    trial: Trial
    outcome: Outcome
    remade: Callable[[Settings], Outcome]

    @property
    def build(self) -> ImageBuild:
        """The first way to build it, which stands for all."""
        return self.builds[0][0]

    def again(self, only: Collection[str]) -> Outcome:
        """The rewrite with only these of its transforms."""
        return self.remade(self.settings._replace(only=tuple(only)))


Prove = Callable[[Candidate], "Fixed | str"]
"""Builds both versions of one Dockerfile. Returns what is left of the candidate, or why there is nothing."""


def propose(
    files: RepositoryFiles,
    dockerfiles: Sequence[DockerfileBuilds],
    config_of: Callable[[str], Config],
    asked: Asked,
    prove: Prove | None = None,
) -> Proposal:
    """The proposal for these Dockerfiles, one after the other: each sees what was changed for those before it.

    `config_of` gives the configuration for a Dockerfile, and may raise `ConfigError`.
    """
    changed: dict[str, bytes] = {}
    fixed: list[Fixed] = []
    unread: list[tuple[str, str]] = []
    declined: list[str] = []
    repository = Repository(files)
    for one in dockerfiles[:MOST]:
        found = _candidate(repository, one, config_of, asked)
        if found is None:
            declined.append(one.dockerfile)
        if isinstance(found, Candidate) and found.outcome.changed:
            kept = Fixed(found.build, found.outcome, again=found.again) if prove is None else prove(found)
            if isinstance(kept, Fixed):
                fixed.append(kept)
                changed |= _contents(repository, kept.outcome)
                repository = Repository(_Changed(files, changed))
                continue
            found = kept
        if isinstance(found, str):
            unread.append((one.dockerfile, found))
    unread += [(one.dockerfile, f"a proposal is about {MOST} Dockerfiles at most") for one in dockerfiles[MOST:]]
    changes = tuple(FileChange(path, files.read(path), data) for path, data in sorted(changed.items()))
    return Proposal(tuple(fixed), changes, tuple(unread), tuple(declined))


def _candidate(
    repository: Repository, one: DockerfileBuilds, config_of: Callable[[str], Config], asked: Asked
) -> Candidate | str | None:
    """A candidate, or why there can be none; None if all of it was refused."""
    if not is_file_path(one.dockerfile):
        return "its path cannot be written in a commit, or be shown"
    data = repository.content(one.dockerfile)
    if data is None:
        return "it is no regular file, or a very large one"
    try:
        config = config_of(one.dockerfile)
        settings = merge(config._replace(level=config.level or asked.level), NOTHING)
        settings = settings._replace(skip=(*settings.skip, *sorted(asked.ignored)))
        found = _highest(repository, data, one, settings)
        if found is not None and (refused := _refused(one.dockerfile, found[1], asked.refused)):
            # Without what was refused another transform might find to do what comes close to it: that is no new idea.
            wanted = {change.rewrite.transform for change in found[1].changes} - refused
            if not wanted:
                return None
            found = _highest(repository, data, one, settings._replace(only=tuple(sorted(wanted))))
        if found is None:
            named = ", ".join(build.source or one.dockerfile for build in one.builds)
            return f"it is built in several ways ({named}), and no rewrite is right for all of them"
        used, outcome = found
        remade = partial(_remade, repository, data, one)
        return Candidate(_builds(one, used), used, config.prove, outcome, remade)
    except (ConfigError, slimify.DockerfileSyntaxError) as error:
        return str(error)
    except slimify.TargetError as error:
        return f"{one.dockerfile}: {error}"
    except Exception as error:  # our own fault must not keep the other files from being proposed
        return fault(one.dockerfile, error)


def _refused(dockerfile: str, outcome: Outcome, refused: frozenset[str]) -> frozenset[str]:
    """The transforms with a change in the outcome that somebody has refused."""
    every = (change.rewrite for change in outcome.changes)
    return frozenset(one.transform for one in every if change_name(dockerfile, one.transform, one.title) in refused)


def _highest(
    repository: Repository, data: bytes, one: DockerfileBuilds, settings: Settings
) -> tuple[Settings, Outcome] | None:
    """The outcome at the highest level, not above that of the settings, at which there is one for all builds."""
    # Whatever the context and the target are, level safe changes nothing that they could have a say in.
    highest = "safe" if one.uncertain else settings.level
    for level in reversed(LEVELS[: LEVELS.index(highest) + 1]):
        lower = settings._replace(level=level)
        outcome = _for_all(repository, data, one, lower)
        if outcome is not None:
            return lower, outcome
    return None


def _for_all(repository: Repository, data: bytes, one: DockerfileBuilds, settings: Settings) -> Outcome | None:
    if one.uncertain:
        return slimify.fix(data, path=one.dockerfile, **settings._asdict())
    parts = []
    for build in one.builds:
        context = FolderContext(repository, build.context, one.dockerfile)
        for used in _variants(settings, build):
            outcome = slimify.fix(data, path=one.dockerfile, context=context, **used._asdict())
            parts.append(Part(used.target, outcome))
    return together(parts)


def _remade(repository: Repository, data: bytes, one: DockerfileBuilds, settings: Settings) -> Outcome:
    """The outcome for all builds; nothing is changed where there is none."""
    outcome = _for_all(repository, data, one, settings)
    if outcome is not None:
        return outcome
    source = Source.from_bytes(data, one.dockerfile)
    return Outcome(source, source, (), (), identity(source), 1)


def _builds(one: DockerfileBuilds, settings: Settings) -> tuple[tuple[ImageBuild, Settings], ...]:
    """The ways to build it, each with the settings as far as the repository tells them."""
    return tuple((build, next(_variants(settings, build))) for build in one.builds)


def _variants(settings: Settings, build: ImageBuild) -> Iterator[Settings]:
    """The settings for a build; twice where the repository does not tell the value of an argument."""
    # What the configuration says, somebody said for slimify; it holds for all builds.
    target = settings.target or build.target
    known = {name: value for name, value in build.build_args if value is not None}
    unknown = {name: _UNKNOWN for name, value in build.build_args if value is None and name not in settings.build_args}
    yield settings._replace(target=target, build_args={**known, **settings.build_args})
    if unknown:
        yield settings._replace(target=target, build_args={**known, **unknown, **settings.build_args})


def _contents(repository: Repository, outcome: Outcome) -> Mapping[str, bytes]:
    """What the files of an outcome hold afterwards, each where it really is."""
    found = {outcome.path: outcome.after.data} if outcome.after.text != outcome.before.text else {}
    for file in outcome.files:
        real = repository.real(file.path) if file.before is not None else None
        found[real or file.path] = file.after.encode("utf-8", "surrogateescape")
    return found


class _Changed:
    """The files of a repository with some of them changed. Implements `RepositoryFiles`."""

    def __init__(self, files: RepositoryFiles, changed: Mapping[str, bytes]) -> None:
        self._files = files
        self._changed = changed

    def paths(self) -> Sequence[Entry]:
        """Every file, at its new size."""
        if not self._changed:
            return self._files.paths()
        kept = [one for one in self._files.paths() if one.path not in self._changed]
        modes = {one.path: one.mode for one in self._files.paths() if one.path in self._changed}
        new = [Entry(path, Kind.FILE, len(data), modes.get(path, 0o644)) for path, data in self._changed.items()]
        return sorted((*kept, *new), key=lambda one: one.path)

    def read(self, path: str) -> bytes | None:
        """The content of a file, the new one if it was changed."""
        return self._changed[path] if path in self._changed else self._files.read(path)
