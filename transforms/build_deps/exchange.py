"""What must be named so that it stays, and what can go: for Debian from its package indices, for Alpine by name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from slimify.transforms.build_deps.afterwards import Afterwards, Remaining, RemainingOnAlpine
from slimify.transforms.build_deps.installs import GYP, Install, effects_of, installs, removes
from slimify.transforms.build_deps.refused import RefusedError
from slimify.transforms.slim.base import Images

from slimify.knowledge.build_deps import facts, left_by_alpine
from slimify.knowledge.images import Image, describe
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build, BuildStage, Step
from slimify.semantics.commands import Invocation, verb
from slimify.syntax.source import Span

# A layer that loses less is not worth the commands (the defaults of `split-stage` are the same).
# An extension for the interpreter in /usr/local is not linked to the distribution's (docker-library/python).
_OTHER_PYTHON = re.compile(r"(?:lib)?python3?(?:\.\d+)?(?:-all)?-dev")


class Exchange(NamedTuple):
    """`added` are named in the install, `removed` go at the end; `evidence` says why that is right."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    saves: int | None
    evidence: tuple[Evidence, ...]


class Line(NamedTuple):
    """The stages that a stage continues, itself, and those built on it: `chain`, its first `above` being ancestors."""

    chain: tuple[BuildStage, ...]
    above: int

    @property
    def ancestors(self) -> frozenset[int]:
        return frozenset(stage.index for stage in self.chain[: self.above])


def line_of(build: Build, stage: BuildStage) -> Line:
    """The line of stages that a stage stands in."""
    above: list[BuildStage] = []
    parent = stage.parent
    while parent is not None:
        above.insert(0, build.stages[parent])
        parent = build.stages[parent].parent
    found = [stage]
    for one in found:
        found += [build.stages[child] for child in build.children[one.index]]
    return Line((*above, *found), len(above))


def exchange(build: Build, line: Line, install: Install, last: Step) -> Exchange:
    """What to name and what to remove. Raises `RefusedError`."""
    reference = install.step.state.image or ""
    image = describe(reference)
    if image is None:
        raise RefusedError(f"what {reference or 'the base image'} brings is not known", line.chain[0].stage.base.span)
    _no_removals(line)
    if install.alpine:
        return _alpine(build, line, install, last, image, reference)
    return _debian(build, line, install, last, image, reference)


def _no_removals(line: Line) -> None:
    """Refuse where packages are removed or marked elsewhere: these may be gone then, or others not be needed."""
    for step in _steps(line):
        if removes(step):
            raise RefusedError("packages are removed or marked elsewhere", step.instruction.span)


def _steps(line: Line) -> Iterable[Step]:
    return (step for stage in line.chain for step in stage.steps)


# -------------------------------------------------------------------------------- Alpine


def _alpine(build: Build, line: Line, install: Install, last: Step, image: Image, reference: str) -> Exchange:
    if image.distribution != "alpine":
        raise RefusedError(f"{reference} is not known to be on Alpine")
    known = facts()
    if "$" in install.virtual:
        raise RefusedError("the name of the virtual package is not known", install.step.instruction.span)
    if not any(one in known.alpine_compilers for one in install.tools):
        raise RefusedError(f"without a compiler among {_some(install.tools)}, little would be saved")
    others = {name for _, name in install.names if name is not None and name not in install.tools}
    others.update(_other_packages(line, install))
    release = image.release.removeprefix("alpine") if image.release is not None else None
    added: dict[str, str] = {}
    for tool in install.tools:
        left = () if tool in GYP else left_by_alpine(tool, release)
        if image.name == "python" and _OTHER_PYTHON.fullmatch(tool):
            left = ()
        if left is None:
            raise RefusedError(f"which libraries {tool} stands for is not known", install.step.instruction.span)
        for one in left:
            if one not in others and one not in known.alpine_brought.get(image.name, ()):
                added.setdefault(one, tool)
    if "libstdc++" in added:
        added.pop("libgcc", None)
    kept = frozenset((*others, *added))
    images = Images(
        full=reference,
        slim=reference,
        name=_language(image, kept),
        version=image.version,
        release=image.release or "",
        programs=dict.fromkeys(install.tools, ""),
        libraries={},
        packages=frozenset(install.tools),
        kept=kept,
        own=_own(reference),
    )
    used = _used(build, line, images, last, RemainingOnAlpine)
    removed = tuple(one for one in install.tools if one not in used)
    notes = [Evidence(f"{one} stays: what was built with {tool} is linked with it") for one, tool in added.items()]
    notes += used.values()
    return Exchange(tuple(sorted(added)), removed, None, tuple(notes))


# -------------------------------------------------------------------------------- Debian


def _debian(build: Build, line: Line, install: Install, last: Step, image: Image, reference: str) -> Exchange:
    from slimify.knowledge.debian import RELEASES, contents, installed_size, knows, resolve
    from slimify.knowledge.image_packages import packages
    from slimify.knowledge.image_sizes import uncompressed_bytes

    base = packages(reference)
    release = image.release or ""
    if base is None or release not in RELEASES:
        raise RefusedError(f"which packages are in {reference} is not known", line.chain[0].stage.base.span)
    span = install.step.instruction.span
    resolved = {tool: resolve(tool, release) for tool in install.tools}
    for tool, name in resolved.items():
        if name is None:
            raise RefusedError(f"the package {tool} is not known in {release}", span)
    tools = {tool: name for tool, name in resolved.items() if name is not None and name not in base}
    others = [call for step in _steps(line) for call in installs(step)]
    _all_named(line, others, install)
    kept = base | _brought(_kept_of(others, install), release, span)
    before = kept | _brought([(tuple(tools.values()), install.recommends)], release, span)
    going = tuple(name for name in dict.fromkeys(tools.values()) if name not in kept)
    if not going:
        raise RefusedError("the base image has the build dependencies, or what stays needs them", span)
    added = _libraries(tools, going, kept, release, image, span)
    after = kept | _brought([(tuple(added), False)], release, span)
    gone = before - after
    programs, libraries = contents(gone, release)
    images = Images(
        full=reference,
        slim=reference,
        name=_language(image, kept),
        version=image.version,
        release=release,
        programs=programs,
        libraries=libraries,
        packages=gone,
        kept=after,
        own=_own(reference),
    )
    used = _used(build, line, images, last, Remaining)
    going = tuple(one for one in going if one not in used)
    names = [*added, *(one for one in used if one not in tools.values())]
    after |= _brought([(tuple(used), False)], release, span)
    gone = before - after
    if "$" in line.chain[0].stage.image and any(not knows(one, other) for one in names for other in RELEASES):
        raise RefusedError("the release depends on a variable, and names of libraries on the release", span)
    saves = sum(installed_size(one, release) or 0 for one in gone)
    size = uncompressed_bytes(reference)
    whole = (size.bytes if size is not None else 0) + sum(installed_size(one, release) or 0 for one in before - base)
    if not build.least.pays(saves, whole):
        raise RefusedError(f"it would save only about {saves // 1_000_000} MB")
    notes = [Evidence(f"{one} stays: {why}") for one, why in added.items()]
    notes += [*used.values(), Evidence(f"{len(gone)} packages go again", None, _source(release))]
    if release not in reference:
        notes.append(Evidence(f"the tag names no release: {release} is that of today", line.chain[0].stage.base.span))
    return Exchange(tuple(_shortest(names, release)), going, saves, tuple(notes))


def _source(release: str) -> str:
    from slimify.knowledge.debian import source

    return source(release) or ""


def _all_named(line: Line, others: list[Invocation], install: Install) -> None:
    """Refuse where packages come in ways that tell nothing of what they depend on."""
    for call in others:
        action = verb(call)
        operands = action.operands if action is not None else (None,)
        if action is None or action.name != "install" or call.program not in ("apt", "apt-get"):
            raise RefusedError("packages are installed in other ways than by apt-get install")
        for one in operands:
            name = re.sub(r"=.*", "", one) if one is not None else ""
            if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]*", name) or name.endswith((".deb", "-")):
                raise RefusedError(f"what apt is to install is not known ({one or 'a variable'})")
    for step in _steps(line):
        found = effects_of(step)
        if found is None:
            if step.keyword == "RUN" and step.index <= install.step.index:
                raise RefusedError("a RUN cannot be read with certainty", step.instruction.span)
            continue
        for call in found.invocations:
            if call.program == "dpkg" and any(one in ("-i", "--install", "--unpack") for one in call.argv):
                raise RefusedError("a package from a file may depend on what goes", step.instruction.span)


def _kept_of(others: list[Invocation], install: Install) -> list[tuple[tuple[str, ...], bool]]:
    """What all installs ask for but the build dependencies of this one, each with whether recommended ones come too."""
    found = []
    for call in others:
        action = verb(call)
        operands = action.operands if action is not None else ()
        names = tuple(re.sub(r"=.*", "", one) for one in operands if one is not None)
        if call.command is install.call.command:
            names = tuple(one for one in names if one not in install.tools)
        found.append((names, not call.has("--no-install-recommends")))
    return found


def _brought(asked: Iterable[tuple[tuple[str, ...], bool]], release: str, span: Span) -> frozenset[str]:
    """What apt installs when it is asked for these, with what is recommended where that comes, too."""
    from slimify.knowledge.debian import closure, knows, recommends

    found: frozenset[str] = frozenset()
    for names, recommended in asked:
        new = closure(names, release)
        if new is None:
            raise RefusedError(f"what {_some(names)} brings along is not known in {release}", span)
        waiting = list(new) if recommended else []
        for one in waiting:
            for other in recommends(one, release):
                more = (closure([other], release) or frozenset()) - new if knows(other, release) else frozenset()
                new |= more
                waiting += more
        found |= new
    return found


def _libraries(
    tools: dict[str, str], going: tuple[str, ...], kept: frozenset[str], release: str, image: Image, span: Span
) -> dict[str, str]:
    """The run-time libraries to name, with the reasons."""
    from slimify.knowledge.debian import Role, package_role, runtime_packages

    found: dict[str, str] = {}
    compilers = facts().debian_compilers
    for tool, name in tools.items():
        if name not in going or tool in GYP or (image.name == "python" and _OTHER_PYTHON.fullmatch(tool)):
            continue
        role = package_role(name, release)
        libraries: tuple[str, ...] | None = ()
        if role is Role.COMPILER:
            libraries = compilers.get(re.sub(r"(?<=[a-z+])-\d[\d.]*$", "", name))
        elif role is Role.HEADERS:
            libraries = () if facts().debian_c.fullmatch(name) else runtime_packages(name, release)
        if libraries is None:
            raise RefusedError(f"which libraries {tool} stands for is not known", span)
        for one in libraries:
            if one not in kept:
                found.setdefault(one, f"what was built with {tool} is linked with it")
    return found


def _shortest(names: Iterable[str], release: str) -> list[str]:
    """The names, without what comes with another of them."""
    from slimify.knowledge.debian import closure

    left = sorted(set(names))
    for name in tuple(left):
        others = [other for other in left if other != name]
        if any(name in (closure([other], release) or ()) for other in others):
            left = others
    return left


# ---------------------------------------------------------------------------------- both


def _own(reference: str) -> frozenset[str]:
    from slimify.knowledge.image_packages import own_programs

    return own_programs(reference)


def _language(image: Image, packages: frozenset[str]) -> str:
    """The image whose applications it is like: a distribution with an interpreter installed runs what that runs."""
    if image.name in ("debian", "alpine"):
        if "python3" in packages:
            return "python"
        if "nodejs" in packages:
            return "node"
    return image.name


def _other_packages(line: Line, install: Install) -> Iterable[str]:
    for step in _steps(line):
        for call in installs(step):
            action = verb(call)
            if call.command is not install.call.command and action is not None:
                yield from (one for one in action.operands if one is not None)


def _used(build: Build, line: Line, images: Images, last: Step, kind: type[Remaining]) -> dict[str, Evidence]:
    """The packages of what would go that are used afterwards, each with where."""
    chain = frozenset(stage.index for stage in line.chain)
    ledger = kind(images, line.chain[0].index, chain, last, line.ancestors)
    Afterwards(build, line.chain, ledger).run()
    return {name: Evidence(f"{name} stays: {one.what}", one.at.span) for name, one in sorted(ledger.missing.items())}


def _some(names: Iterable[str]) -> str:
    listed = list(dict.fromkeys(names))
    return ", ".join(listed if len(listed) <= 4 else [*listed[:3], f"{len(listed) - 3} more"])
