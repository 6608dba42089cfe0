"""What a Dockerfile makes the configuration of its image, found without slimify's own reading.

BuildKit's parser takes the text apart, another port of its lexer expands the words, and what is here
follows the chain of FROMs as BuildKit's `dockerfile2llb` does. Sources: Dockerfile reference; OCI image
specification, "config".
"""

from __future__ import annotations

import copy
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from e2b_dockerfile_utils import ShellLex

from .buildkit import Read

INHERITED = "(of the base)"
_ESCAPE = re.compile(r"\A\ufeff?(?:[ \t]*#[ \t]*(?!escape)\w+[ \t]*=.*\n)*[ \t]*#[ \t]*escape[ \t]*=[ \t]*(\S)", re.I)


@dataclass
class Configuration:
    """What is written down in an image beside its files. `base` is the repository that the chain of FROMs ends at.

    What the base brings is not known, and stands as `INHERITED` where it is still in force.
    """

    base: str
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = INHERITED
    user: str = INHERITED
    exposed: set[str] = field(default_factory=set)
    volumes: set[str] = field(default_factory=set)
    labels: dict[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = (INHERITED,)
    cmd: tuple[str, ...] = (INHERITED,)
    healthcheck: tuple[str, ...] = (INHERITED,)
    stop_signal: str = INHERITED
    triggers: list[tuple[str, ...]] = field(default_factory=list)
    shell: tuple[str, ...] = (INHERITED,)
    author: str = INHERITED

    def differences(self, other: Configuration) -> dict[str, tuple[object, object]]:
        """The fields that differ, each with both values. The order of variables counts, that of labels does not."""
        found: dict[str, tuple[object, object]] = {}
        for name, mine in vars(self).items():
            others = getattr(other, name)
            if name == "env":
                mine, others = list(mine.items()), list(others.items())
            if mine != others:
                found[name] = (mine, others)
        return found


def configuration(reads: Sequence[Read], text: str, target: str | None = None, given: bool = False) -> Configuration:
    """The configuration of the last stage, or of the target, a stage's name or number.

    `given`: as if every build argument were given and the base had every variable, so that each is seen where
    it is used. Without, arguments have their defaults, and all else is empty.
    """
    return _Evaluation(text, given).run(reads, target)


class _Stage:
    def __init__(self, image: Configuration) -> None:
        self.image = image
        self.arguments: dict[str, str] = {}
        self.triggers: list[Read] = []
        self.has_cmd = False


class _Given(dict[str, str]):
    """Variables of which those that are not there belong to the base."""

    def get(self, name: str, default: object = None) -> str:  # type: ignore[override]
        return super().get(name, f"(${name} of the base)")


class _Evaluation:
    def __init__(self, text: str, given: bool) -> None:
        escape = _ESCAPE.match(text)
        self.escape = escape[1] if escape else "\\"
        self.given = given
        self.arguments: dict[str, str] = {}
        self.stages: list[_Stage] = []
        self.named: dict[str, _Stage] = {}

    def run(self, reads: Sequence[Read], target: str | None) -> Configuration:
        for read in reads:
            if read.keyword == "FROM":
                self.begin(read)
            elif not self.stages:
                self.declare(read.value, self.arguments, self.arguments)
            else:
                self.step(self.stages[-1], read.keyword, read)
        if target is None:
            return self.stages[-1].image
        stage = self.named.get(target.lower())
        return (self.stages[int(target)] if stage is None else stage).image

    def begin(self, read: Read) -> None:
        name = self.expand(read.value[0], self.arguments)
        parent = self.named.get(name.lower())
        if parent is None:
            folder, slash, last = name.partition("@")[0].rpartition("/")
            stage = _Stage(Configuration(folder + slash + last.partition(":")[0]))
            triggers = []
        else:
            stage = copy.deepcopy(parent)
            stage.has_cmd = False
            # BuildKit runs the triggers of a stage as it runs those of an image, and once.
            triggers, stage.triggers, stage.image.triggers = stage.triggers, [], []
        self.stages.append(stage)
        for one in triggers:
            self.step(stage, one.trigger or "", one)
        if len(read.value) == 3:
            self.named[read.value[2].lower()] = stage

    def declare(self, words: Sequence[str], arguments: dict[str, str], known: dict[str, str]) -> None:
        """An ARG: without a default of its own it has that of the one in front of the first FROM."""
        for word in words:
            name, equals, default = word.partition("=")
            value = self.expand(default, known) if equals else self.arguments.get(name, "")
            arguments[name] = f"(argument {name})" if self.given else value

    def step(self, stage: _Stage, keyword: str, read: Read) -> None:
        image, words = stage.image, read.value
        known = stage.arguments | image.env

        def expanded() -> list[str]:
            return [self.expand(word, known) for word in words]

        if keyword == "ARG":
            self.declare(words, stage.arguments, known)
        elif keyword == "ENV":
            image.env |= _pairs(expanded())
        elif keyword == "LABEL":
            image.labels |= _pairs(expanded())
        elif keyword == "WORKDIR":
            image.workdir = posixpath.normpath(posixpath.join(image.workdir, *expanded()))
        elif keyword == "USER":
            image.user = " ".join(expanded())
        elif keyword == "EXPOSE":
            image.exposed |= {port if "/" in port else f"{port}/tcp" for port in expanded()}
        elif keyword == "VOLUME":
            image.volumes |= set(expanded())
        elif keyword == "STOPSIGNAL":
            image.stop_signal = " ".join(expanded())
        elif keyword == "MAINTAINER":
            image.author = " ".join(words)
        elif keyword == "SHELL":
            image.shell = words
        elif keyword == "HEALTHCHECK":
            image.healthcheck = (*sorted(read.flags), "exec" if read.json else "shell", *words)
        elif keyword == "CMD":
            image.cmd = words if read.json else (*image.shell, *words)
            stage.has_cmd = True
        elif keyword == "ENTRYPOINT":
            image.entrypoint = words if read.json else (*image.shell, *words)
            if not stage.has_cmd:
                image.cmd = ()
        elif keyword == "ONBUILD":
            stage.triggers.append(read)
            image.triggers.append((read.trigger or "", "exec" if read.json else "shell", *words))

    def expand(self, word: str, known: dict[str, str]) -> str:
        try:
            env = _Given(known) if self.given else known
            return ShellLex(self.escape, env=env, skip_unset_env=False).process_word(word)
        except ValueError:
            return word  # Docker would stop here


def _pairs(words: Sequence[str]) -> dict[str, str]:
    return dict(zip(words[::2], words[1::2], strict=True))
