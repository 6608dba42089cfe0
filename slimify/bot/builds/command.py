"""Command lines that build an image: `docker build`, Buildx, Podman, Buildah, nerdctl, kaniko, `az acr build`.

Sources: docker-build(1), docker-buildx-build(1), podman-build(1), buildah-build(1); kaniko's README,
"Additional Flags"; az acr build(1).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from slimify.bot.builds.holes import is_known
from slimify.bot.builds.named import Named, Problem, Wants, named
from slimify.context.found import Place

# Options that have no value behind them; every other long one has, for there are many of these.
_ALONE = frozenset(
    """--all-platforms --check --compress --debug --disable-compression --disable-content-trust --force-rm --help
    --http-proxy --inherit-annotations --inherit-labels --layers --load --no-cache --no-format --no-hostname
    --no-hosts --no-logs --no-wait --omit-history --pull --push --quiet --rm --rewrite-timestamp --save-stages
    --skip-unused-stages --squash --squash-all --stdin --tls-verify --cleanup --reproducible --no-push
    --cache --single-snapshot --insecure --skip-tls-verify --insecure-registry --use-new-run""".split()
)
_SHORT_ALONE = frozenset("qDh")
_PODMAN = ("podman", "buildah")
# The words behind each program that mean a build.
_BUILDS = {
    "docker": (("build",), ("image", "build"), ("buildx", "build"), ("buildx", "b"), ("builder", "build")),
    "podman": (("build",), ("image", "build"), ("buildx", "build")),
    "buildah": (("build",), ("bud",), ("build-using-dockerfile",)),
    "nerdctl": (("build",), ("image", "build"), ("builder", "build")),
    "docker-buildx": (("build",),),
    "az": (("acr", "build"),),
}
# Options of the programs themselves that have a value behind them.
_GLOBAL = frozenset(
    """--config -c --context -H --host -l --log-level --tlscacert --tlscert --tlskey --builder --url --connection
    --root --runroot --storage-driver --storage-opt -n --namespace -a --address --registries-conf""".split()
)
PROGRAMS = (*_BUILDS, "kaniko", "executor")
"""A text that has none of these words in it has no such command."""


class Options(NamedTuple):
    """Options with their values, in order, and the words that are no options."""

    values: tuple[tuple[str, str], ...]
    operands: tuple[str, ...]

    def all(self, *names: str) -> list[str]:
        """The values of an option under any of its names."""
        return [value for name, value in self.values if name in names]

    def last(self, *names: str) -> str | None:
        """The value that counts."""
        return next(reversed(self.all(*names)), None)


def read_options(words: Sequence[str]) -> Options:
    """Take the words behind `build` apart."""
    values: list[tuple[str, str]] = []
    operands: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            operands += rest
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            if not equals and name not in _ALONE:
                value = next(rest, "")
            values.append((name, value))
        elif word.startswith("-") and len(word) > 1:
            # Short options without a value may stand in front of one in the same word: `-qt name`, `-fDockerfile`.
            letters = word[1:]
            while letters and letters[0] in _SHORT_ALONE:
                letters = letters[1:]
            if letters:
                values.append((f"-{letters[0]}", letters[1:].removeprefix("=") or next(rest, "")))
        else:
            operands.append(word)
    return Options(tuple(values), tuple(operands))


def read_command(words: Sequence[str], folder: str, place: Place) -> Iterator[Named | Problem]:
    """The build that a command line describes, if it is one; `folder` is where it runs."""
    if not words:
        return
    program = posixpath.basename(words[0])
    found: Named | Problem | None = None
    if program == "executor" or (program == "kaniko" and "build" not in words[1:2]):
        found = _kaniko(read_options(words[1:]), folder, place)
    else:
        rest = _behind_build(program, words[1:])
        if rest is not None:
            found = _build(program, read_options(rest), folder, place)
    if found is not None:
        yield found


def _behind_build(program: str, words: Sequence[str]) -> Sequence[str] | None:
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in _GLOBAL else 1
    for verb in _BUILDS.get(program, ()):
        if tuple(words[at : at + len(verb)]) == verb:
            return words[at + len(verb) :]
    return None


def _build(program: str, options: Options, folder: str, place: Place) -> Named | Problem | None:
    # A word that is all hole may as well be options. A context is the last operand.
    contexts = [one for one in options.operands if is_known(one)] or list(options.operands)
    if not contexts:
        return None if program not in _PODMAN else _podman_alone(options, folder, place)
    return named(_wants(options, contexts[-1], place), folder, in_context=program == "az", podman=program in _PODMAN)


def _podman_alone(options: Options, folder: str, place: Place) -> Named | Problem | None:
    # Without a context, Podman takes the current folder.
    return named(_wants(options, ".", place), folder, in_context=False, podman=True)


def _wants(options: Options, context: str, place: Place) -> Wants:
    return Wants(
        context,
        options.last("-f", "--file"),
        place,
        options.last("--target"),
        _pairs(options.all("--build-arg")),
        tuple((name, value or "") for name, value in _pairs(options.all("--build-context"))),
    )


def _pairs(words: Sequence[str]) -> tuple[tuple[str, str | None], ...]:
    parts = [word.partition("=") for word in words]
    return tuple((name, value if equals else None) for name, equals, value in parts)


def _kaniko(options: Options, folder: str, place: Place) -> Named | Problem | None:
    context = (options.last("--context", "-c") or ".").removeprefix("dir://")
    sub_folder = options.last("--context-sub-path")
    if sub_folder:
        context = posixpath.join(context, sub_folder)
    # It looks for the Dockerfile where it runs, and then in the context, like Podman.
    wants = _wants(options, context, place)
    dockerfile = options.last("--dockerfile", "-f") or "Dockerfile"
    return named(wants._replace(dockerfile=dockerfile), folder, in_context=False, podman=True)
