"""`slimify prove`: from a Dockerfile to a proof, and from that to an exit code."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import slimify
from slimify.config import Settings
from slimify.proof.engine import BuildOptions, Engine, EngineError, find_engine
from slimify.proof.image import ImageError
from slimify.proof.prove import Proof, Prover, Subject, Verdict
from slimify.proof.remembered import remember
from slimify.proof.session import Session, session
from slimify.proof.show_proof import as_data, as_markdown, as_text
from slimify.proof.smoke import Smoke
from slimify.rewrite.outcome import Outcome
from slimify.trial import Trial

SAME, OTHER, FAILED, THEIRS = 0, 1, 2, 3

_EXITS = {
    Verdict.SMALLER: SAME,
    Verdict.SAME_SIZE: SAME,
    Verdict.LARGER: OTHER,
    Verdict.DIFFERENT: OTHER,
    Verdict.NOT_BUILT: OTHER,
    Verdict.NEVER_BUILT: THEIRS,
}


class Request(NamedTuple):
    """What is to be proved. `against` is another Dockerfile in place of slimify's own rewrite.

    With `remember` the figures are kept for editors.
    """

    path: str
    context: str | None = None
    against: str | None = None
    settings: Settings = Settings()
    trial: Trial = Trial()
    keep: bool = False
    rebuild: bool = True
    compressed: bool = False
    format: str = "text"
    remember: bool = True


def tried(trial: Trial) -> Smoke:
    """How the application is tried, where the user leaves something open."""
    default = Smoke()
    return Smoke(
        run=default.run if trial.run is None else trial.run,
        http=default.http if trial.http is None else trial.http,
        expect=default.expect if trial.expect is None else trial.expect,
        wait=default.wait if trial.wait is None else trial.wait,
        arguments=default.arguments if trial.arguments is None else trial.arguments,
        ports=trial.ports or (),
        strict=bool(trial.http or trial.ports),
    )


def options(trial: Trial, settings: Settings) -> BuildOptions:
    """What the builds are given, where the user leaves something open."""
    default = BuildOptions()
    return BuildOptions(
        target=settings.target,
        build_args=settings.build_args,
        platform=trial.platform,
        network=trial.network,
        secrets=trial.secrets or (),
        builder=trial.builder,
        timeout=default.timeout if trial.timeout is None else trial.timeout,
        max_size=default.max_size if trial.max_size is None else trial.max_size,
    )


class ProofError(Exception):
    """Why there is no proof: a file that cannot be read, or an engine that fails."""


def dockerfile_of(path: str) -> str:
    """The Dockerfile that is meant: of a folder the one in it. Raises `ProofError` where there is none."""
    if not os.path.isdir(path):
        return path
    for name in ("Dockerfile", "dockerfile", "Containerfile"):
        if os.path.isfile(found := os.path.normpath(os.path.join(path, name))):
            return found
    raise ProofError(f"{path}: no Dockerfile in it")


def prove_path(request: Request, say: Callable[[str], None]) -> tuple[int, str]:
    """The exit code and the report. Raises `ProofError`, and what `slimify.fix` raises."""
    try:
        engine = find_engine(request.trial.engine)
        with session(engine, request.keep) as names:
            prover = _prover(request, engine, names, say)
            subject = _subject(request)
            proof = prover.prove(subject)
            if request.remember:
                remember(subject, proof)
            if request.keep:
                say(f"kept: the images {names.image('')}…, and the logs below {names.folder}")
            elif (failed := proof.failed) is not None:
                say(f"the log of the build that failed: {_kept(failed.built.log)}")
    except (EngineError, ImageError) as error:
        raise ProofError(str(error)) from error
    return _EXITS[proof.verdict], render(proof, request.path, request.format)


class Proven(NamedTuple):
    """A rewrite that was proved; `dropped` are transforms that would have made another program, each with its proof."""

    outcome: Outcome
    proof: Proof | None
    dropped: tuple[tuple[str, Proof], ...]


def fix_and_prove(
    request: Request, say: Callable[[str], None], made: Callable[[Settings], Outcome] | None = None
) -> Proven:
    """Rewrite, and leave out what cannot be proved. Raises `ProofError`, and what `slimify.fix` raises.

    `made` makes the rewrite, if it is not simply that of the file for this build.

    Where a proof fails the transforms are tried in their order, halving, until the first one is found with which it
    does; that one is left out, and the rest is tried again.
    """
    try:
        engine = find_engine(request.trial.engine)
        with session(engine, request.keep) as names:
            return _without_culprits(request, _prover(request, engine, names, say), say, made)
    except (EngineError, ImageError) as error:
        raise ProofError(str(error)) from error


def _prover(request: Request, engine: Engine, names: Session, say: Callable[[str], None]) -> Prover:
    given = options(request.trial, request.settings)
    return Prover(engine, names, given, tried(request.trial), say, request.rebuild, request.compressed)


def _without_culprits(
    request: Request, prover: Prover, say: Callable[[str], None], made: Callable[[Settings], Outcome] | None
) -> Proven:
    before = _read(request.path)
    made = made or partial(rewrite, request, before)
    dropped: list[tuple[str, Proof]] = []
    while True:
        settings = request.settings
        settings = settings._replace(skip=(*settings.skip, *(name for name, _ in dropped)))
        outcome = made(settings)
        if not outcome.changed:
            return Proven(outcome, None, tuple(dropped))
        subject = _rewritten(request, before, outcome)
        proof = prover.prove(subject)
        if proof.verdict is Verdict.NEVER_BUILT:
            raise ProofError(f"{request.path} does not build as it is, so that nothing can be proved")
        if proof.ok:
            if request.remember:
                remember(subject, proof)
            return Proven(outcome, proof, tuple(dropped))
        names = list(dict.fromkeys(one.rewrite.transform for one in outcome.changes))
        say(f"{proof.verdict.value}; looking for the transform")
        low, high, found = 0, len(names), proof
        while high - low > 1:
            middle = (low + high) // 2
            part = prover.prove(_rewritten(request, before, made(settings._replace(only=tuple(names[:middle])))))
            low, high, found = (middle, high, found) if part.ok else (low, middle, part)
        dropped.append((names[high - 1], found))
        say(f"left out: {names[high - 1]}")


def _subject(request: Request) -> Subject:
    context = _context(request)
    before = _read(request.path)
    ignored = _ignore_text(request.path, context)
    if request.against is not None:
        return Subject(before, _read(request.against), context, (ignored, _ignore_text(request.against, context)))
    return _rewritten(request, before, rewrite(request, before, request.settings))


def _rewritten(request: Request, before: str, outcome: Outcome) -> Subject:
    context = _context(request)
    ignored = _ignore_text(request.path, context)
    after = next((file.after for file in outcome.files), ignored)
    return Subject(before, outcome.after.text, context, (ignored, after), outcome.changes)


def _kept(log: str) -> str:
    """The path of a file with a log, which outlives the proof."""
    with tempfile.NamedTemporaryFile("w", prefix="slimify-log-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(log)
    return file.name


def _context(request: Request) -> str:
    return request.context or os.path.dirname(request.path) or "."


def rewrite(request: Request, text: str, settings: Settings) -> Outcome:
    """The rewrite that is proved."""
    return slimify.fix(text, path=request.path, context=_context(request), **settings._asdict())


def render(proof: Proof, name: str, form: str) -> str:
    """The report in one of its forms."""
    if form == "json":
        return json.dumps(as_data(proof, name), indent=2) + "\n"
    if form == "html":
        from slimify.proof.html_report import as_html

        return as_html(proof, name)
    return as_markdown(proof, name) if form == "markdown" else as_text(proof, name)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except OSError as error:
        raise ProofError(f"{path}: {error.strerror}") from error


def _ignore_text(path: str, context: str) -> str | None:
    """The ignore file that holds for a Dockerfile: its own wins over the context's (Docker documentation)."""
    for one in (f"{path}.dockerignore", os.path.join(context, ".dockerignore")):
        if os.path.isfile(one):
            return _read(one)
    return None
