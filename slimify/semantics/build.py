"""A Dockerfile as a build: the stage graph, what reaches the image, and the state before each instruction.

Source of the rules: Dockerfile reference, "Understand how ARG and FROM interact", "Scope", "SHELL",
"ONBUILD", "COPY --from"; Docker documentation, "Multi-stage builds".
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from slimify.semantics.build_context import BuildContext
from slimify.semantics.images import UNKNOWN, Family, family
from slimify.semantics.pragmas import Pragmas, read_pragmas
from slimify.syntax.dockerfile import Dockerfile, Instruction, Stage
from slimify.syntax.shell import Body, shell_body
from slimify.syntax.words import WordError, expand

# Dockerfile reference, "Automatic platform ARGs in the global scope". Their values are the builder's.
PLATFORM_ARGS = tuple(f"{side}{part}" for side in ("TARGET", "BUILD") for part in ("PLATFORM", "OS", "ARCH", "VARIANT"))
POSIX_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "busybox"})
DEFAULT_SHELL = ("/bin/sh", "-c")

Values = Mapping[str, str | None]


class _Open(dict[str, str | None]):
    """Variables of which there may be more than are known: the base image brings its own."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> str | None:
        return None


# The long names of `set -o` (POSIX, `set`).
_OPTION_LETTERS = {
    "allexport": "a",
    "errexit": "e",
    "noexec": "n",
    "noglob": "f",
    "nounset": "u",
    "verbose": "v",
    "xtrace": "x",
}


class Shell(NamedTuple):
    """What shell form is run with. `certain` is False where a base image may have brought its own SHELL."""

    argv: tuple[str, ...]
    certain: bool

    @property
    def posix(self) -> bool:
        """Whether this is a shell that reads POSIX shell language, with its script as the last argument."""
        if len(self.argv) < 2 or posixpath.basename(self.argv[0]) not in POSIX_SHELLS:
            return False
        return self.argv[-1].startswith("-") and self.argv[-1].endswith("c")

    @property
    def name(self) -> str:
        return posixpath.basename(self.argv[0]) if self.argv else ""

    @property
    def options(self) -> frozenset[str]:
        """The option letters and `-o` names it starts with, without `c`; `errexit` is `e`, and so on."""
        options: set[str] = set()
        words = iter(self.argv[1:])
        for word in words:
            if word[:1] not in ("-", "+") or word.startswith("--"):
                continue
            given = {letter for letter in word[1:] if letter not in "coO"}
            given.update(next(words, "") for letter in word[1:] if letter in "oO")
            given = {_OPTION_LETTERS.get(name, name) for name in given}
            options = options | given if word[0] == "-" else options - given
        return frozenset(options)


class State(NamedTuple):
    """What is in force when an instruction starts. None as a value means: not known.

    `env` and `args` hold what the Dockerfile sets; the base image may set more variables.
    `user` and `workdir` are None until the Dockerfile, or a known base, tells. `image` is the
    image that the chain of stages starts from.
    """

    image: str | None
    env: Values
    args: Values
    user: str | None
    workdir: str | None
    shell: Shell
    family: Family

    @property
    def variables(self) -> Values:
        """What a variable stands for in an instruction: ENV wins over ARG."""
        return _Open({**self.args, **self.env})

    def variable(self, name: str) -> str | None:
        """The value of a variable if it is known to be set."""
        return self.env[name] if name in self.env else self.args.get(name)

    def sets(self, name: str) -> bool:
        """Whether the Dockerfile sets this variable, to whatever value."""
        return name in self.env or name in self.args


class Mount(NamedTuple):
    """One `RUN --mount=…` (Dockerfile reference, "RUN --mount")."""

    type: str
    target: str
    source_stage: str
    writable: bool = True
    source: str = ""


def mounts(instruction: Instruction) -> tuple[Mount, ...]:
    """The mounts of a RUN, in order."""
    found = []
    for flag in instruction.flags:
        if flag.name != "mount":
            continue
        parts = [part.partition("=") for part in (flag.value or "").split(",")]
        options = {name.strip().lower(): value for name, _, value in parts}
        target = options.get("target") or options.get("dst") or options.get("destination") or ""
        kind = options.get("type", "").lower() or "bind"
        writes = any(options.get(name, "false").lower() in ("", "true", "1") for name in ("rw", "readwrite"))
        writes = writes or options.get("readonly", options.get("ro")) == "false"
        source = options.get("source") or options.get("src") or ""
        found.append(Mount(kind, target, options.get("from", ""), kind != "bind" or writes, source))
    return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """An instruction in its stage, and the state before it."""

    stage: int
    index: int
    instruction: Instruction
    state: State

    @property
    def keyword(self) -> str:
        return self.instruction.keyword

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """The mounts of a RUN with their targets as absolute paths, as far as variables and WORKDIR are known."""
        found = []
        for mount in mounts(self.instruction):
            target = _value(mount.target, self.state.variables, self.instruction.escape) or mount.target
            if not target.startswith("/") and self.state.workdir is not None:
                target = posixpath.join(self.state.workdir, target)
            found.append(mount._replace(target=posixpath.normpath(target) if target else ""))
        return tuple(found)

    @property
    def body(self) -> Body | None:
        """The shell script of this instruction (of its trigger, for ONBUILD); None if it has none."""
        return shell_body(self.instruction.trigger or self.instruction)


@dataclass(frozen=True, slots=True, eq=False)
class BuildStage:
    """A stage with its meaning: `image` is the base with variables expanded, `parent` the stage it continues."""

    stage: Stage
    image: str | None
    parent: int | None
    needs: frozenset[int]
    steps: tuple[Step, ...]
    final_state: State

    @property
    def index(self) -> int:
        return self.stage.index

    @property
    def name(self) -> str | None:
        return self.stage.name

    @property
    def label(self) -> str:
        """How to speak of it: its name, or its number from 0 as `COPY --from` counts."""
        return self.name or str(self.index)


class Least(NamedTuple):
    """What a rewrite that makes a Dockerfile more complex has to save: so many bytes, and that share of the image."""

    bytes: int = 20_000_000
    share: float = 0.1

    def pays(self, saved: int, whole: int) -> bool:
        """Whether `saved` bytes of an image of `whole` bytes are enough."""
        return saved >= self.bytes and saved >= self.share * whole


USUAL_LEAST = Least()


@dataclass(frozen=True, slots=True, eq=False)
class Build:
    """The whole build.

    `target` is the stage asked for, None meaning the last one and any other that somebody may
    ask for. `children` names, for each stage, those that start FROM it. `shipped` are the stages
    whose whole file system ends up in an image. `context` is what is sent to the builder, if
    it is known. `least` is what the user wants to be saved for more stages and packages.
    """

    dockerfile: Dockerfile
    stages: tuple[BuildStage, ...]
    pragmas: Pragmas
    target: int | None
    children: tuple[tuple[int, ...], ...]
    shipped: frozenset[int]
    context: BuildContext | None = None
    least: Least = USUAL_LEAST

    def steps(self) -> Iterator[Step]:
        for stage in self.stages:
            yield from stage.steps

    def ships(self, stage: int) -> bool:
        """Whether bytes left in this stage are bytes of an image."""
        return stage in self.shipped

    def successors(self, step: Step) -> Iterator[Step]:
        """The steps that run on the file system this step leaves: later ones here and in stages FROM this one."""
        yield from self.stages[step.stage].steps[step.index + 1 :]
        pending = list(self.children[step.stage])
        while pending:
            stage = pending.pop(0)
            yield from self.stages[stage].steps
            pending += self.children[stage]


class TargetError(ValueError):
    """`--target` names a stage that does not exist."""


def analyse(
    dockerfile: Dockerfile,
    *,
    target: str | None = None,
    build_args: Mapping[str, str] | None = None,
    context: BuildContext | None = None,
    least: Least | None = None,
) -> Build:
    """Give a parsed Dockerfile its meaning.

    Raises `TargetError` if `target` is neither the name nor the number of a stage.
    """
    given = dict(build_args or {})
    scope = _global_scope(dockerfile, given)
    stages: list[BuildStage] = []
    for stage in dockerfile.stages:
        stages.append(_stage(stage, stages, scope, given, dockerfile.escape))
    wanted = None if target is None else _find_target(target, stages)
    children: list[list[int]] = [[] for _ in stages]
    for one in stages:
        if one.parent is not None:
            children[one.parent].append(one.index)
    return Build(
        dockerfile=dockerfile,
        stages=tuple(stages),
        pragmas=read_pragmas(dockerfile),
        target=wanted,
        children=tuple(map(tuple, children)),
        shipped=_shipped(stages, wanted),
        context=context,
        least=least or USUAL_LEAST,
    )


def _find_target(target: str, stages: list[BuildStage]) -> int:
    for stage in stages:
        if target.lower() == stage.name:
            return stage.index
    if target.isdecimal() and int(target) < len(stages):
        return int(target)
    raise TargetError(f"there is no stage {target}")


def _global_scope(dockerfile: Dockerfile, given: Mapping[str, str]) -> dict[str, str | None]:
    scope: dict[str, str | None] = dict.fromkeys(PLATFORM_ARGS)
    for instruction in dockerfile.preamble:
        if instruction.keyword == "ARG":
            for name, default in _arguments(instruction, scope, dockerfile.escape):
                # An ARG without a default is meant to be given on the command line.
                scope[name] = given.get(name, default)
    return scope


def _arguments(instruction: Instruction, scope: Values, escape: str) -> Iterator[tuple[str, str | None]]:
    for token in instruction.tokens:
        name, equals, value = token.text.partition("=")
        yield _value(name, {}, escape) or name, _value(value, scope, escape) if equals else None


def _value(text: str, scope: Values, escape: str) -> str | None:
    try:
        return expand(text, scope, escape).value
    except WordError:
        return None


def pairs(instruction: Instruction) -> list[tuple[str, str]]:
    """The names and unexpanded values of an ENV or LABEL, in the old form with a blank or the new one with `=`."""
    tokens = instruction.tokens
    if not tokens:
        return []
    if "=" in tokens[0].text:
        return [(name, value) for name, _, value in (token.text.partition("=") for token in tokens)]
    text = instruction.arguments
    name = text.split(None, 1)[0]
    return [(name, text[len(name) :].lstrip())]


def _stage(
    stage: Stage,
    earlier: list[BuildStage],
    scope: dict[str, str | None],
    given: Mapping[str, str],
    escape: str,
) -> BuildStage:
    image = _value(stage.image, scope, escape)
    names = {one.name: one.index for one in earlier if one.name is not None}
    parent = names.get(image.lower()) if image is not None else None
    needs = set() if parent is None else {parent}
    if parent is not None:
        # ARG does not cross a FROM; everything else is in the configuration of the parent's image.
        state = earlier[parent].final_state._replace(args={})
    else:
        known = family(image) if image else UNKNOWN
        if (stage.base.flag("platform") or "").lower().startswith("windows"):
            known = Family("windows", "")
        certain = known != UNKNOWN
        scratch = image == "scratch"
        state = State(
            image=image,
            env={},
            args={},
            user="root" if scratch else None,
            workdir="/" if scratch else None,
            shell=Shell(() if known.os == "windows" else DEFAULT_SHELL, certain),
            family=known,
        )
    steps: list[Step] = []
    for index, instruction in enumerate(stage.instructions):
        steps.append(Step(stage.index, index, instruction, state))
        for name in _sources(instruction, len(earlier)):
            if name in names:
                needs.add(names[name])
            if name.isdecimal():
                needs.add(int(name))
        state = _after(instruction, state, scope, given, escape)
    return BuildStage(stage, image, parent, frozenset(needs), tuple(steps), state)


def _sources(instruction: Instruction, earlier: int) -> set[str]:
    """The stages, by lower-case name or by number, that an instruction takes files from."""
    one = instruction.trigger or instruction
    names = set()
    if one.keyword == "COPY" and (source := one.flag("from")):
        names.add(source.lower())
    elif one.keyword == "RUN":
        names |= {mount.source_stage.lower() for mount in mounts(one) if mount.source_stage}
    return {name for name in names if not name.isdecimal() or int(name) < earlier}


def _after(instruction: Instruction, state: State, scope: Values, given: Mapping[str, str], escape: str) -> State:
    keyword = instruction.keyword
    if keyword == "ENV":
        before = state.variables
        env = dict(state.env)
        for name, value in pairs(instruction):
            env[_value(name, before, escape) or name] = _value(value, before, escape)
        return state._replace(env=env)
    if keyword == "ARG":
        args = dict(state.args)
        for name, default in _arguments(instruction, state.variables, escape):
            if default is None and name in scope:
                default = scope[name]
            args[name] = given.get(name, default)
        return state._replace(args=args)
    if keyword == "USER":
        return state._replace(user=_value(instruction.arguments, state.variables, escape))
    if keyword == "WORKDIR":
        path = _value(instruction.arguments, state.variables, escape)
        if path is not None and not path.startswith("/"):
            path = posixpath.join(state.workdir, path) if state.workdir is not None else None
        return state._replace(workdir=posixpath.normpath(path) if path else None)
    if keyword == "SHELL" and instruction.exec_form is not None:
        return state._replace(shell=Shell(instruction.exec_form, certain=True))
    return state


def _shipped(stages: list[BuildStage], target: int | None) -> frozenset[int]:
    """Stages on a FROM chain that ends in an image, and those copied whole into such a stage.

    Without a target, every stage that no other one builds on may be asked for with `--target`.
    """
    if target is not None:
        pending = [target]
    else:
        used = {need for stage in stages for need in stage.needs}
        pending = [stage.index for stage in stages if stage.index not in used]
        pending.append(len(stages) - 1)
    shipped: set[int] = set()
    names = {stage.name: stage.index for stage in stages if stage.name is not None}
    while pending:
        index = pending.pop()
        if index in shipped or index < 0:
            continue
        shipped.add(index)
        stage = stages[index]
        if stage.parent is not None:
            pending.append(stage.parent)
        for step in stage.steps:
            one = step.instruction.trigger or step.instruction
            source = one.flag("from") if one.keyword == "COPY" else None
            if source and _copies_everything(one):
                pending.append(int(source) if source.isdecimal() else names.get(source.lower(), -1))
    return frozenset(index for index in shipped if index < len(stages))


def _copies_everything(instruction: Instruction) -> bool:
    sources = instruction.exec_form or tuple(token.text for token in instruction.tokens)
    return any(posixpath.normpath(source) in ("/", "//", ".", "/*") for source in sources[:-1])
