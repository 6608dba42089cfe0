"""no-install-recommends: Debian's recommended packages are left out, but for those known to be needed."""

from __future__ import annotations

from collections.abc import Iterator

from slimify.knowledge.recommends import wanted_with
from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite
from slimify.semantics.build import Build, Step
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import effects
from slimify.syntax.source import Span

NAME = "no-install-recommends"
_FLAGS = {
    "apt-get": "--no-install-recommends",
    "apt": "--no-install-recommends",
    "aptitude": "--without-recommends",
}
_SAID = (
    "--no-install-recommends",
    "--install-recommends",
    "--without-recommends",
    "--with-recommends",
    "-R",
    "-r",
)


def no_install_recommends(build: Build) -> Iterator[Rewrite | Finding]:
    """Install what was asked for and what it depends on, and by name what is known to be used with it.

    >>> # RUN apt-get install -y git
    >>> #   ->  RUN apt-get install --no-install-recommends -y git ca-certificates
    """
    for stage in build.stages:
        if not build.ships(stage.index):
            continue
        for step in stage.steps:
            body = step.body if step.keyword == "RUN" else None
            if body is None or body.script.opaque or not step.state.shell.posix:
                continue
            if "Install-Recommends" in build.dockerfile.source.text:
                continue
            for invocation in effects(body.script, step.state.variables, step.state.workdir).invocations:
                yield from _drop(step, invocation)


def _drop(step: Step, invocation: Invocation) -> Iterator[Rewrite | Finding]:
    flag = _FLAGS.get(invocation.program or "")
    action = verb(invocation) if flag else None
    if flag is None or action is None or action.name != "install" or invocation.has(*_SAID):
        return
    body = step.body
    assert body is not None
    if invocation.nested or None in action.operands:
        yield Finding(
            NAME,
            "recommended packages are installed",
            "what is installed is not known",
            step.instruction.span,
        )
        return
    packages = [_name(operand) for operand in action.operands if operand]
    if not packages or any("/" in package or package.endswith((".deb", "-", "+")) for package in packages):
        return
    kept = [name for name in wanted_with(packages) if name not in packages]
    verb_word = invocation.words[action.end - 1]
    after_verb = body.span(verb_word.end - 1, verb_word.end).end
    edits = [Edit(Span(after_verb, after_verb), f" {flag}")]
    if kept:
        last = invocation.words[-1]
        place = body.span(last.end - 1, last.end).end
        edits.append(Edit(Span(place, place), " " + " ".join(kept)))
    evidence = [
        Evidence(f"kept by name, because {why}", None, source) for why, source in wanted_with(packages).values()
    ]
    yield Rewrite(
        transform=NAME,
        level=Level.AGGRESSIVE,
        title="install no recommended packages",
        reason="a recommended package is installed although nothing depends on it (Debian policy 7.2)",
        edits=tuple(edits),
        evidence=tuple(evidence),
    )


def _name(operand: str) -> str:
    """`name=version`, `name:arch` and `name/release` without what follows the name (apt-get(8))."""
    if operand.startswith(("/", "./")):
        return operand
    return operand.partition("=")[0].partition(":")[0].partition("/")[0]
