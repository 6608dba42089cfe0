"""What `slimify fix` was asked for, and doing it to standard input. Every start imports this."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import slimify
from slimify.config import (
    NOTHING,
    Config,
    ConfigError,
    Finder,
    Settings,
    UnknownNameError,
    level_of,
    merge,
    transform_names,
)
from slimify.trial import Trial

if TYPE_CHECKING:
    from slimify.rewrite.outcome import Outcome

OK = 0
WOULD_CHANGE = 1
FAILED = 2
INTERRUPTED = 130


class UsageError(Exception):
    """A command line that makes no sense."""


class Request(NamedTuple):
    """The command line of `slimify fix` without the paths. `cli` holds what a configuration may say too."""

    cli: Config = NOTHING
    config: str | None = None
    no_config: bool = False
    diff: bool = False
    check: bool = False
    quiet: bool = False
    verbose: bool = False
    format: str = "text"
    color: str = "auto"
    output: str | None = None
    jobs: int | None = None
    stdin_filename: str | None = None
    context: str | None = None
    prove: Trial | None = None

    @property
    def writes(self) -> bool:
        """Whether files are rewritten where they are."""
        return not (self.diff or self.check or self.output is not None)

    def finder(self) -> Finder:
        """Raises `ConfigError`."""
        return Finder(self.config, ignore=self.no_config)


def validated(request: Request) -> Request:
    """The request with its names checked and taken apart. Raises `UsageError`."""
    if request.output is not None and (request.check or request.diff):
        raise UsageError("--output writes, which --check and --diff do not: choose one")
    if request.jobs is not None and request.jobs < 1:
        raise UsageError("--jobs must be at least 1")
    if request.context is not None and not os.path.isdir(request.context):
        raise UsageError(f"--context {request.context} is no folder")
    cli = request.cli
    try:
        if cli.level is not None:
            level_of(cli.level)
        cli = cli._replace(only=transform_names(cli.only), skip=transform_names(cli.skip))
    except UnknownNameError as error:
        raise UsageError(str(error)) from None
    return request._replace(cli=cli)


def format_only(cli: Config) -> Config:
    """What `--format-only` asks for: the layout, and no other transform. Raises `UsageError`."""
    if cli.level is not None or cli.only or cli.layout is False:
        raise UsageError("--format-only goes together with neither --level nor --only nor --no-layout")
    return cli._replace(level="safe", only=("layout",))


def build_args(values: list[str]) -> tuple[tuple[str, str], ...]:
    """`K=V` as it is; `K` alone: from the environment, and is dropped if it is not there, as in docker."""
    pairs = []
    for item in values:
        key, equals, value = item.partition("=")
        if not key:
            raise UsageError(f"--build-arg '{item}' has no name; write NAME=VALUE")
        if equals:
            pairs.append((key, value))
        elif key in os.environ:
            pairs.append((key, os.environ[key]))
    return tuple(pairs)


def fix(data: bytes, path: str, settings: Settings, context: str | None) -> Outcome | str:
    """The outcome for one file, or, as text, why there is none. Nothing that a file holds raises."""
    try:
        return slimify.fix(data, path=path, context=context, **settings._asdict())
    except slimify.DockerfileSyntaxError as error:
        return str(error)
    except slimify.TargetError as error:
        return f"{path}: {error}"
    except Exception as error:  # our own fault must not keep the other files from being fixed
        return fault(path, error)


def fault(path: str, error: Exception) -> str:
    """What is said of an exception that nobody foresaw."""
    import traceback

    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(place.filename)}:{place.lineno}"
    what = f"{type(error).__name__}: {error} ({where})"
    return f"{path}: internal fault, the file was left alone; please report it: {what}"


def fix_stdin(request: Request, report: Callable[[Outcome], str] | None = None) -> int:
    """Fix standard input. The result goes to standard output, or --output, or the diff or nothing, as asked.

    With `report` its text goes to standard output in place of the result. Returns the exit code.
    """
    path = request.stdin_filename or "Dockerfile"
    folder = os.path.dirname(path) or "."
    try:
        request = validated(request)
        settings = merge(request.finder().of_folder(folder), request.cli)
    except (UsageError, ConfigError) as error:
        return complain(error)
    # Where the text comes from is known only if its name is.
    data = sys.stdin.buffer.read()
    outcome = fix(data, path, settings, request.context or (folder if request.stdin_filename else None))
    if isinstance(outcome, str):
        return complain(outcome)
    if request.output is not None and request.output != "-":
        from slimify.files import FileError, write

        try:
            write(request.output, outcome.after.data)
        except FileError as error:
            return complain(error)
    if report is not None:
        put(report(outcome))
    elif request.diff:
        put(patch(outcome))
    elif not request.check and request.output in (None, "-"):
        put(outcome.after.data)
    if not request.quiet:
        for file in outcome.files:
            log(f"{file.path}: not written, because the Dockerfile was read from standard input")
        _tell(outcome, request.verbose)
    return WOULD_CHANGE if request.check and outcome.changed else OK


def patch(outcome: Outcome) -> str:
    """The diff with the names of the transforms in it, by which `slimify apply` can choose."""
    if not outcome.changed:
        return ""
    from slimify.rewrite.diff import annotated_diff

    return annotated_diff(outcome)


def _tell(outcome: Outcome, verbose: bool) -> None:
    """What was done and what is wrong, a line each, on standard error, where it is in nobody's way."""
    for change in outcome.changes:
        rewrite = change.rewrite
        log(f"{outcome.path}:{change.line}: {rewrite.transform}: {rewrite.title}")
    for notice in outcome.notices:
        finding = notice.finding
        kind = finding.severity.value
        if verbose or kind != "note":
            log(f"{outcome.path}:{notice.line}:{notice.column}: {kind}: {finding.transform}: {finding.title}")


def complain(error: object) -> int:
    """Say what is wrong, and return the exit code for it."""
    log(str(error))
    return FAILED


def log(text: str) -> None:
    """Write a line to standard error; if nobody reads it, so be it."""
    try:
        sys.stderr.write(text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") + "\n")
        sys.stderr.flush()
    except OSError:
        _mute(sys.stderr.fileno())


def put(text: str | bytes) -> bool:
    """Write to standard output, bytes that are not UTF-8 as they are. False if nobody reads it any more."""
    data = _encoded(text) if isinstance(text, str) else text
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _mute(sys.stdout.fileno())
        return False
    return True


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # JSON can hold half of a character, which stands for no byte.
        return text.encode("utf-8", "backslashreplace")


def _mute(descriptor: int) -> None:
    # Or Python complains once more when it flushes at its end.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)
