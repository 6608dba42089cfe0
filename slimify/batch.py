"""Fixing files and folders: finding them, working side by side, reporting in the order they were found."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import slimify
from slimify.config import ConfigError, Finder, Settings, merge
from slimify.run import (
    FAILED,
    OK,
    WOULD_CHANGE,
    Request,
    UsageError,
    complain,
    fault,
    fix,
    log,
    patch,
    put,
    validated,
)
from slimify.trial import Trial

if TYPE_CHECKING:
    from slimify.rewrite.edit import FileEdit
    from slimify.rewrite.outcome import Outcome

# Starting the workers takes as long as a good many files; measured, not guessed.
WORTH_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Task:
    """One file to fix, with all that a worker process needs to know."""

    path: str
    settings: Settings
    request: Request
    color: bool
    aside_color: bool
    trial: Trial


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a file. `text` belongs on standard output, `aside` on standard error.

    `outcome` comes back only if the report is made from all of them together.
    """

    path: str
    changed: bool = False
    error: str | None = None
    text: str | bytes = ""
    aside: str = ""
    outcome: Outcome | None = None


def fix_paths(request: Request, paths: list[str]) -> int:
    """Fix what `paths` name, each a file or a folder to search, and return the exit code."""
    try:
        request = validated(request)
        finder = request.finder()
    except (UsageError, ConfigError) as error:
        return complain(error)
    errors: dict[str, None] = {}  # each message once, though a bad configuration may concern many files
    files, nothing = _files(paths, finder, errors)
    if request.output is not None and len(files) != 1:
        return complain(f"--output takes one Dockerfile, and here are {len(files)}")
    tasks = _tasks(request, files, finder, errors)
    changed = unchanged = 0
    outcomes: list[Outcome] = []
    for folder in nothing:
        if not request.quiet:
            log(f"warning: no Dockerfile found in {folder}")
    for result in _results(request, tasks):
        if result.error is not None:
            errors[result.error] = None
            log(result.error)
            continue
        changed += result.changed
        unchanged += not result.changed
        if result.outcome is not None:
            outcomes.append(result.outcome)
        if result.aside:
            log(result.aside.rstrip("\n"))
        if result.text and not put(result.text) and not request.writes:
            break  # nobody reads on, and there is nothing else to do
    if request.format != "text":
        put(_together(request.format, outcomes, request.verbose))
    if not request.quiet and (files or errors):
        log(_summary(request, changed, unchanged, len(errors)))
    if errors:
        return FAILED
    return WOULD_CHANGE if request.check and changed else OK


def _files(paths: list[str], finder: Finder, errors: dict[str, None]) -> tuple[list[str], list[str]]:
    """The files to fix, and the folders without any. What goes wrong is said, and put in `errors`."""
    from slimify.discovery import find, unique

    def fail(message: str) -> None:
        errors[message] = None
        log(message)

    def unreadable(error: OSError) -> None:
        fail(f"{error.filename}: {(error.strerror or str(error)).lower()}")

    files: list[str] = []
    nothing: list[str] = []
    for path in paths:
        if not os.path.isdir(path):
            files.append(path)
            continue
        before = len(files)
        try:
            files += find(path, finder.of_folder, unreadable)
        except ConfigError as error:
            if str(error) not in errors:
                fail(str(error))
            continue
        if len(files) == before:
            nothing.append(path)
    return unique(files), nothing


def _tasks(request: Request, files: list[str], finder: Finder, errors: dict[str, None]) -> list[Task]:
    color = wants_color(request.color, sys.stdout.isatty())
    aside_color = wants_color(request.color, sys.stderr.isatty())
    tasks = []
    for path in files:
        try:
            config = finder.of_file(path)
        except ConfigError as error:
            if str(error) not in errors:
                errors[str(error)] = None
                log(str(error))
            continue
        settings = merge(config, request.cli)
        tasks.append(Task(path, settings, request, color, aside_color, config.prove))
    return tasks


def wants_color(choice: str, terminal: bool) -> bool:
    """Whether to colour what goes to a place that is a terminal or not (https://no-color.org)."""
    if choice != "auto":
        return choice == "always"
    return terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def work(task: Task) -> Result:
    """Fix one file. It is rewritten only when everything, its report too, has been made."""
    from slimify.files import FileError, read, write
    from slimify.files import replace as put_back

    request = task.request
    try:
        snapshot = read(task.path, regular=request.writes)
        name = _shown(task.path)
        context = request.context or os.path.dirname(name) or "."
        if request.prove is not None:
            outcome = _proven(name, task, context, request.prove)
        else:
            outcome = fix(snapshot.data, name, task.settings, context)
        if isinstance(outcome, str):
            return Result(task.path, error=outcome)
        result = _report(task, outcome)
        if request.output == "-":
            return replace(result, text=outcome.after.data)
        if request.output is not None:
            write(request.output, outcome.after.data)
        elif request.writes:
            put_back(snapshot, outcome.after.data)
            for file in outcome.files:
                _write_beside(file)
        return result
    except FileError as error:
        return Result(task.path, error=str(error))
    except Exception as error:
        return Result(task.path, error=fault(task.path, error))


def _proven(path: str, task: Task, context: str, asked: Trial) -> Outcome | str:
    """The outcome for one file without what could not be proved, or, as text, why there is none."""
    from slimify.proof.command import ProofError, fix_and_prove
    from slimify.proof.command import Request as ProofRequest
    from slimify.proof.show_proof import as_text

    quiet = task.request.quiet
    request = ProofRequest(path, context, settings=task.settings, trial=task.trial.under(asked), rebuild=False)
    try:
        proven = fix_and_prove(request, (lambda _: None) if quiet else log)
    except (ProofError, slimify.DockerfileSyntaxError, slimify.TargetError) as error:
        return str(error)
    if not quiet:
        for name, proof in proven.dropped:
            log(f"{path}: {name} is left out")
            log(as_text(proof, path).rstrip("\n"))
        if proven.proof is not None:
            log(as_text(proven.proof, path).rstrip("\n"))
    return proven.outcome


def _write_beside(file: FileEdit) -> None:
    """Write another file than the Dockerfile, if it is still what it was. Raises `FileError`."""
    from slimify.files import FileError, read, write
    from slimify.files import replace as put_back

    data = file.after.encode("utf-8", "surrogateescape")
    if file.before is None:
        if os.path.lexists(file.path):
            raise FileError(file.path, "has appeared since its folder was read, so it was left alone")
        write(file.path, data)
        return
    snapshot = read(file.path, regular=True)
    if snapshot.data != file.before.encode("utf-8", "surrogateescape"):
        raise FileError(file.path, "has changed since it was read, so it was left alone")
    put_back(snapshot, data)


def _shown(path: str) -> str:
    """The path as reports and diffs name it: below the current folder, a relative one, which `apply` can find."""
    here = os.path.join(os.getcwd(), "")
    return path.removeprefix(here) if os.path.isabs(path) else path


def _report(task: Task, outcome: Outcome) -> Result:
    request = task.request
    result = Result(task.path, changed=outcome.changed)
    if request.format != "text":
        return replace(result, outcome=outcome)
    text = aside = ""
    if request.diff:
        # Standard output gets the diff and nothing else, so that it can be saved and applied.
        text = _diff(outcome, task.color)
        if not request.quiet:
            aside = _rendered(outcome, task, task.aside_color, diff=False)
    elif not request.quiet:
        text = _rendered(outcome, task, task.color, diff=not request.check)
    return replace(result, text=text, aside=aside)


def without_notes(outcome: Outcome) -> Outcome:
    """The outcome without the findings that only explain why something was not done."""
    from slimify.rewrite.edit import Severity

    loud = tuple(notice for notice in outcome.notices if notice.finding.severity is not Severity.NOTE)
    return outcome._replace(notices=loud)


def _rendered(outcome: Outcome, task: Task, color: bool, *, diff: bool) -> str:
    if not outcome.changed and not outcome.notices:
        return ""
    from slimify.report.terminal import render

    text = render(outcome, color=color, diff=diff, notes=task.request.verbose)
    return text if text.endswith("\n") or not text else text + "\n"


def _diff(outcome: Outcome, color: bool) -> str:
    if not color:
        return patch(outcome)
    from slimify.report.terminal import render_diff

    return render_diff(outcome, color=True)


def _together(form: str, outcomes: list[Outcome], verbose: bool) -> str:
    """A report on all outcomes. A program gets all findings and chooses by itself; a person need not."""
    import importlib

    render: Callable[[list[Outcome]], str] = importlib.import_module(f"slimify.report.{form}").render
    if form in ("markdown", "github") and not verbose:
        outcomes = [without_notes(outcome) for outcome in outcomes]
    text = render(outcomes)
    return text if text.endswith("\n") or not text else text + "\n"


def report_one(form: str, verbose: bool) -> Callable[[Outcome], str]:
    """The report on a single outcome, for standard input."""
    return lambda outcome: _together(form, [outcome], verbose)


def _summary(request: Request, changed: int, unchanged: int, errors: int) -> str:
    def files(count: int) -> str:
        return f"{count} file{'' if count == 1 else 's'}"

    done = "rewritten" if request.writes else "would change" if request.output is None else "slimified"
    parts = []
    if changed:
        parts.append(f"{files(changed)} {done}")
    if unchanged or not changed:
        parts.append(f"{files(unchanged)} left as {'it is' if unchanged == 1 else 'they are'}")
    if errors:
        parts.append(f"{errors} error{'' if errors == 1 else 's'}")
    return ", ".join(parts)


def _results(request: Request, tasks: list[Task]) -> Iterator[Result]:
    """The results in the order of the tasks, from worker processes if there are enough tasks for them."""
    import gc

    # A file leaves few cycles behind, so that looking for them so often cost a sixth of the time.
    gc.set_threshold(50_000)
    jobs = min(request.jobs or _cores(), len(tasks))
    bar = sys.stderr.isatty() and not request.quiet and len(tasks) > WORTH_WORKERS
    if jobs < 2 or (request.jobs is None and len(tasks) <= WORTH_WORKERS):
        yield from _watched(map(work, tasks), len(tasks), bar)
    else:
        yield from _parallel(tasks, jobs, bar)


def _cores() -> int:
    # What we may use, which in a container or under taskset is less than there are.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parallel(tasks: list[Task], jobs: int, bar: bool) -> Iterator[Result]:
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    import slimify.rewrite.pipeline  # noqa: F401 - once here is cheaper than once in each worker

    chunk = max(1, min(16, len(tasks) // (jobs * 4)))
    executor = ProcessPoolExecutor(jobs, initializer=_worker)
    done = 0
    try:
        # This starts the workers, which must be before the bar starts a thread: they are forks.
        results = executor.map(work, tasks, chunksize=chunk)
        for result in _watched(results, len(tasks), bar):
            done += 1
            yield result
    except BrokenProcessPool:
        for task in tasks[done:]:
            yield Result(task.path, error=f"{task.path}: maybe not fixed, because a worker process was killed")
    finally:
        executor.shutdown(cancel_futures=True)


def _worker() -> None:
    import signal

    # Ctrl-C reaches every process of the terminal. The main one ends the run; a file in work is finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _watched(results: Iterable[Result], total: int, bar: bool) -> Iterator[Result]:
    """The results as they come; or all together behind a bar that shows how many have come."""
    if not bar:
        yield from results
        return
    from rich.console import Console
    from rich.progress import Progress

    done: list[Result] = []
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            for result in progress.track(results, total=total, description="Fixing"):
                done.append(result)
    except (KeyboardInterrupt, Exception):
        yield from done  # what has been written is told even if the rest is not to be
        raise
    yield from done
