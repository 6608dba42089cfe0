"""production-dependencies: what only development needs is not installed into an image that ships."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from slimify.rewrite.edit import Edit, Evidence, Finding, Level, Rewrite
from slimify.semantics.build import Build, Step
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import effects
from slimify.syntax.source import Span

if TYPE_CHECKING:
    from slimify.transforms.production_node import Proof

NAME = "production-dependencies"
_MANAGERS = {"npm": "npm", "yarn": "yarn", "yarnpkg": "yarn", "pnpm": "pnpm"}
_DEVELOPMENT_FILE = re.compile(r"(?:-r|--requirement)[=\s]*\S*(?:dev|test|lint)", re.IGNORECASE)
_FOLDER_CHANGERS = frozenset({"cd", "pushd", "popd"})


class Install(NamedTuple):
    """An install of everything that package.json asks for: `manager` is npm, yarn or pnpm."""

    step: Step
    call: Invocation
    manager: str


def production_dependencies(build: Build) -> Iterator[Rewrite | Finding]:
    """Tell a package manager to leave development dependencies out, where it is proven that nothing needs them.

    >>> # RUN npm ci   ->   RUN npm ci --omit=dev
    """
    installs = list(_installs(build))
    for install in installs:
        others = [one for one in installs if one is not install and one.step.stage == install.step.stage]
        result = _judge(build, install, others)
        if isinstance(result, str):
            if result:
                title = f"{install.manager} installs development dependencies"
                yield Finding(NAME, title, result, install.step.instruction.span)
        else:
            yield result
    text = build.dockerfile.source.text
    # The proofs take a while to import: only where something may call for one.
    if any(name in text for name in ("poetry", "pdm", "pipenv")) or ("uv" in text and "sync" in text):
        from slimify.transforms.production.python import python_installs

        yield from _said(python_installs(build))
    if _DEVELOPMENT_FILE.search(text):
        from slimify.transforms.production.pip import pip_installs

        yield from _said(pip_installs(build))
    if "composer" in text:
        from slimify.transforms.production.php import php_installs

        yield from _said(php_installs(build))
    if "bundle" in text:
        from slimify.transforms.production.ruby import ruby_installs

        yield from _said(ruby_installs(build))


def _said(results: Iterable[tuple[Step, str, Rewrite | str]]) -> Iterator[Rewrite | Finding]:
    for step, manager, result in results:
        if isinstance(result, str):
            yield Finding(NAME, f"{manager} installs development dependencies", result, step.instruction.span)
        else:
            yield result


def _installs(build: Build) -> Iterator[Install]:
    from slimify.knowledge.production import facts

    for step in build.steps():
        body = step.body
        if step.keyword != "RUN" or body is None or body.script.opaque or not build.ships(step.stage):
            continue
        if not any(name in body.script.text for name in ("npm", "yarn")):
            continue
        for call in effects(body.script, step.state.variables, step.state.workdir).invocations:
            manager = _MANAGERS.get(call.program or "")
            action = verb(call) if manager is not None else None
            if manager is None or action is None or action.operands or call.has("-g", "--global", "--version", "-v"):
                continue
            if action.name in facts()["manager"][manager]["verbs"]:
                yield Install(step, call, manager)


def _judge(build: Build, install: Install, others: list[Install]) -> Rewrite | str:
    """The rewrite, or why there is none; an empty text where there is nothing to be said."""
    from slimify.knowledge.production import facts, node_major, npm_flag

    step, call, manager = install
    about = facts()["manager"][manager]
    script = step.body.script.text if step.body else ""
    decided = ("NODE_ENV", *about["env"])
    if call.has(*about["options"]) or any(step.state.sets(name) or f"{name}=" in script for name in decided):
        return ""
    if build.context is None:
        return "the build context is not known, so neither is what needs them"
    if call.nested or not step.state.shell.posix or step.instruction.escape != "\\":
        return "the command stands where no option can be added with certainty"
    if others:
        return "this stage installs more than once"
    options = (word for word in call.argv if word is None or word.startswith("-"))
    strange = [word for word in options if not {word, (word or "").partition("=")[0]} & set(about["harmless"])]
    if strange:
        return f"what {strange[0] or 'a computed option'} means for it is not known"
    image = step.state.image
    major = node_major(image) if image is not None else None
    if major is None:
        return f"which version of {manager} is in {image or 'the base image'} is not known"
    flag = npm_flag(major) if manager == "npm" else about["flag"]
    if flag is None:
        return f"the npm of {image} is too old to be told"
    if changed := _changes_folder(install) or _other_version(build, manager):
        return changed
    from slimify.transforms.production_node import prove

    proof = prove(build, install.step, call, manager)
    return proof if isinstance(proof, str) else _rewrite(install, flag, about["source"], proof)


def _changes_folder(install: Install) -> str:
    body = install.step.body
    found = effects(body.script, install.step.state.variables, install.step.state.workdir) if body else None
    for call in found.invocations if found else ():
        if call.program in _FOLDER_CHANGERS:
            return "the script changes the folder that it works in"
    return ""


def _other_version(build: Build, manager: str) -> str:
    """Whether the Dockerfile may bring another version of the manager than the image's own."""
    text = build.dockerfile.source.text
    if "nvm" in text or (manager == "npm" and re.search(r"\bnpm@[\"']?[1-6]\b", text)):
        return "the Dockerfile installs another version of it"
    if manager == "yarn" and re.search(r"yarn set version|yarn policies|yarn@(?!1\b)|berry", text):
        return "the Dockerfile may install Yarn 2 or later, which has no such option"
    return ""


def _rewrite(install: Install, flag: str, source: str, proof: Proof) -> Rewrite:
    step, call, manager = install
    body, action = step.body, verb(call)
    assert body is not None
    assert action is not None
    last = call.words[action.end - 1] if action.end else call.typed[-1]
    at = body.span(last.end - 1, last.end).end
    evidence = [Evidence(f"{manager} {action.name}".rstrip(), body.span(call.command.start, call.command.end), source)]
    evidence += [Evidence(text) for text in proof.facts]
    return Rewrite(
        transform=NAME,
        level=Level.STANDARD,
        title=f"install without development dependencies ({flag})",
        reason=f"{proof.spared} of {proof.packages} packages in {proof.lock} are for development only, "
        "and nothing that runs in the image needs one",
        edits=(Edit(Span(at, at), f" {flag}"),),
        evidence=tuple(evidence),
    )
