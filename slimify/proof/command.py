"""`slimify prove`: from a Dockerfile to a proof, and from that to an exit code."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import NamedTuple

import slimify
from slimify.proof.engine import BuildOptions, Engine, EngineError, find_engine
from slimify.proof.image import ImageError
from slimify.proof.prove import Proof, Subject, Verdict, prove
from slimify.proof.session import Session, session
from slimify.proof.show_proof import as_data, as_markdown, as_text
from slimify.proof.smoke import Smoke
from slimify.rewrite.outcome import Outcome

SAME, OTHER, FAILED, THEIRS = 0, 1, 2, 3

_EXITS = {
    Verdict.SMALLER: SAME,
    Verdict.SAME_SIZE: SAME,
    Verdict.DIFFERENT: OTHER,
    Verdict.NOT_BUILT: OTHER,
    Verdict.NEVER_BUILT: THEIRS,
}


class Request(NamedTuple):
    """What is to be proved. `against` is another Dockerfile in place of slimify's own rewrite."""

    path: str
    context: str | None = None
    against: str | None = None
    level: str = "standard"
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    engine: str | None = None
    options: BuildOptions = BuildOptions()
    smoke: Smoke = Smoke()
    keep: bool = False
    rebuild: bool = True
    format: str = "text"


class ProofError(Exception):
    """Why there is no proof: a file that cannot be read, or an engine that fails."""


def prove_path(request: Request, say: Callable[[str], None]) -> tuple[int, str]:
    """The exit code and the report. Raises `ProofError`, and what `slimify.fix` raises."""
    try:
        engine = find_engine(request.engine)
        with session(engine, request.keep) as names:
            proof = run(request, engine, names, say, request.skip)
    except (EngineError, ImageError) as error:
        raise ProofError(str(error)) from error
    return _EXITS[proof.verdict], render(proof, request.path, request.format)


def run(request: Request, engine: Engine, names: Session, say: Callable[[str], None], skip: tuple[str, ...]) -> Proof:
    """One proof of one Dockerfile, some transforms left out."""
    context = request.context or os.path.dirname(request.path) or "."
    before = _read(request.path)
    ignored = _ignore_text(request.path, context)
    after, after_ignored, changes = before, ignored, frozenset[str]()
    if request.against is not None:
        after, after_ignored = _read(request.against), _ignore_text(request.against, context)
    else:
        outcome = rewrite(request, before, context, skip)
        after, changes = outcome.after.text, frozenset(one.rewrite.transform for one in outcome.changes)
        after_ignored = next((file.after for file in outcome.files), ignored)
    subject = Subject(before, after, context, (ignored, after_ignored), changes)
    return prove(engine, names, subject, request.options, request.smoke, say, request.rebuild)


def rewrite(request: Request, text: str, context: str, skip: tuple[str, ...]) -> Outcome:
    """The rewrite that is proved."""
    return slimify.fix(
        text,
        path=request.path,
        context=context,
        level=request.level,
        only=request.only,
        skip=skip,
        target=request.options.target,
        build_args=request.options.build_args,
    )


def render(proof: Proof, name: str, form: str) -> str:
    """The report in one of its forms."""
    if form == "json":
        return json.dumps(as_data(proof, name), indent=2) + "\n"
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
