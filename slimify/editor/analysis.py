"""What the engine says of a document, each thing worked out when it is first asked for, and once.

Level safe needs the text alone and takes milliseconds, so that formatting waits for nobody. The rest
reads the build context; that is done in another thread, which stops where it is told to (`Pace`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import slimify.semantics.commands as commands_module
import slimify.semantics.effects as effects_module
import slimify.syntax.dockerfile as dockerfile_module
import slimify.syntax.shell as shell_module
from slimify.config import Settings, UnknownNameError, options_of
from slimify.context.tree import Tree
from slimify.rewrite.edit import Finding, Rewrite
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, Transform, fix, proposals
from slimify.rewrite.registry import transforms
from slimify.semantics.build import Build, TargetError
from slimify.semantics.build_context import BuildContext, Entry
from slimify.syntax.dockerfile import Dockerfile, parse
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source


class Stopped(Exception):
    """Nobody wants the answer any more."""


class Pace:
    """How a thread that works for an editor goes on: it makes room for what a user waits for, and stops if told to."""

    def __init__(self, idle: threading.Event) -> None:
        self._idle = idle
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    def step(self) -> None:
        """Called between steps. Raises `Stopped`."""
        # Not for ever, should an event get lost.
        self._idle.wait(1.0)
        if self._stopped:
            raise Stopped


class PacedTree(Tree):
    """A build context that is read at somebody's pace. It lives longer than one analysis, and its paces change."""

    pace: Pace | None = None

    def _list(self, folder: str, optional: bool) -> Sequence[Entry]:
        self._step()
        return super()._list(folder, optional)

    def _content(self, path: str) -> bytes | None:
        self._step()
        return super()._content(path)

    def _step(self) -> None:
        if self.pace is not None:
            self.pace.step()


class Trouble(NamedTuple):
    """Why there is no outcome. `line` and `column` count from 1; `ours`: the fault is slimify's."""

    message: str
    line: int = 1
    column: int = 1
    ours: bool = False


class Proposal(NamedTuple):
    """A rewrite that could be made alone, and the transform it is of."""

    transform: Transform
    rewrite: Rewrite


class Analysis:
    """Everything that can be said of one version of a text under one set of settings."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self.source = source
        self.settings = settings

    @cached_property
    def dockerfile(self) -> Dockerfile | None:
        """The tree; None for a text that Docker would not read."""
        try:
            return parse(self.source)
        except (DockerfileSyntaxError, UnicodeEncodeError):
            return None

    @cached_property
    def safe(self) -> Outcome | Trouble:
        """What formatting makes of it."""
        return self.fixed(self.safe_options, None)

    def format_ahead(self, pace: Pace) -> None:
        """Work out what formatting would make of it, before it is asked for. Raises `Stopped`."""
        if "safe" not in self.__dict__:
            outcome = self.fixed(self.safe_options, None, _paced(pace))
            # Not through the property, whose lock whoever formats now would wait for.
            self.__dict__.setdefault("safe", outcome)

    @cached_property
    def safe_options(self) -> Options:
        """What formatting is asked for."""
        return options_of(self.settings._replace(level="safe"))

    @cached_property
    def full_options(self) -> Options:
        """What is looked for at the user's level. The layout is for formatting: nobody wants it marked as a problem."""
        return options_of(self.settings._replace(layout=False))

    def fixed(
        self, options: Options, context: BuildContext | None, pipeline: Sequence[Transform] | None = None
    ) -> Outcome | Trouble:
        """The outcome with these options. Nothing that a document holds raises; `Stopped` does."""
        try:
            return fix(self.source, options, context, pipeline)
        except DockerfileSyntaxError as error:
            return Trouble(error.message, error.line, error.column)
        except (TargetError, UnknownNameError) as error:
            return Trouble(str(error))
        except Stopped:
            raise
        except Exception as error:  # a text that is being typed can be anything
            return Trouble(f"internal fault: {type(error).__name__}: {error}", ours=True)

    def full(self, context: BuildContext | None, pace: Pace) -> Outcome | Trouble:
        """The outcome at the user's level."""
        return self.fixed(self.full_options, context, _paced(pace))

    def proposals(self, context: BuildContext | None, pace: Pace) -> list[Proposal]:
        """What could be done at the user's level, one by one."""
        try:
            return [Proposal(*one) for one in proposals(self.source, self.full_options, context, _paced(pace))]
        except (DockerfileSyntaxError, TargetError, UnknownNameError):
            return []


# What the engine keeps of the files that it has read, so that an instruction that did not change is not read again.
_KEPT = (
    dockerfile_module._tokens,
    shell_module.shell_body,
    shell_module.parse_script,
    commands_module._verb,
    effects_module._joined,
    effects_module._effects,
)
# As much as some ten documents need.
_MOST_KEPT = 3000


def forget_others() -> None:
    """A document is closed: if much is kept, let go of it. What is open is soon read again."""
    if sum(one.cache_info().currsize for one in _KEPT) > _MOST_KEPT:
        for one in _KEPT:
            one.cache_clear()


def _paced(pace: Pace) -> list[Transform]:
    def at_pace(run: Callable[[Build], Iterator[Rewrite | Finding]]) -> Callable[[Build], Iterator[Rewrite | Finding]]:
        def paced(build: Build) -> Iterator[Rewrite | Finding]:
            pace.step()
            for one in run(build):
                pace.step()
                yield one

        return paced

    return [one._replace(run=at_pace(one.run)) for one in transforms()]
