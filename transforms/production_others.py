"""Installs of development dependencies that are only mentioned: what needs them is followed for Node alone."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import NamedTuple

from slimify.context.php import Composer, read_composer
from slimify.context.placed import placed
from slimify.context.ruby import Gemfile, read_gemfile
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import effects

_GROUPS = frozenset({"development", "test"})


class Asked(NamedTuple):
    """How a manager is called, its manifest, what of its command line or environment decides, and what would."""

    manifest: str
    verbs: tuple[str, ...]
    options: tuple[str, ...]
    variables: tuple[str, ...]
    advice: str


MANAGERS = {
    # Composer documentation, "install"; COMPOSER_NO_DEV, "Environment variables".
    "composer": Asked("composer.json", ("install", "i"), ("--no-dev", "--dev"), ("COMPOSER_NO_DEV",), "--no-dev"),
    # bundle-config(1), "without".
    "bundle": Asked(
        "Gemfile",
        ("", "install"),
        ("--without", "--with"),
        ("BUNDLE_WITHOUT", "BUNDLE_ONLY"),
        "BUNDLE_WITHOUT=development:test",
    ),
}


def mentioned(build: Build) -> Iterator[tuple[Step, str, str]]:
    """RUNs of stages that ship, with the manager and what to say, where the manifest has such dependencies."""
    context = build.context
    if context is None:
        return
    for step in build.steps():
        body = step.body
        if step.keyword != "RUN" or body is None or body.script.opaque or not build.ships(step.stage):
            continue
        if not any(name in body.script.text for name in MANAGERS):
            continue
        for call in effects(body.script, step.state.variables, step.state.workdir).invocations:
            asked = MANAGERS.get(call.program or "")
            if asked is None or step.state.workdir is None or _decided(build, step, call, asked):
                continue
            path = placed(build, context, step.stage, step).files.get(
                posixpath.join(step.state.workdir, asked.manifest)
            )
            if path is not None and _has_some(context, path):
                why = f"what of the application needs them is not followed; if nothing does, say {asked.advice}"
                yield step, str(call.program), why


def _decided(build: Build, step: Step, call: Invocation, asked: Asked) -> bool:
    action = verb(call)
    if action is None or action.name not in asked.verbs or action.operands or call.has(*asked.options, "--version"):
        return True
    text = step.body.script.text if step.body else ""
    if any(step.state.sets(name) or f"{name}=" in text for name in asked.variables):
        return True
    return asked.manifest == "Gemfile" and "without" in build.dockerfile.source.text


def _has_some(context: BuildContext, path: str) -> bool:
    folder, name = posixpath.split(path)
    if name == "composer.json":
        composer = read_composer(context, folder)
        return isinstance(composer, Composer) and any(one.dev for one in composer.requires)
    gemfile = read_gemfile(context, folder)
    return isinstance(gemfile, Gemfile) and any(set(one.groups) <= _GROUPS for one in gemfile.gems)
