"""What the distribution brings for a Node application: tools that only serve the build, and what must stay."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from slimify.transforms.split_stage.node_project import Needs
from slimify.transforms.split_stage.node_start import Start
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run
from slimify.transforms.split_stage.system import System

from slimify.knowledge import alpine, debian
from slimify.knowledge.image_packages import packages as image_packages
from slimify.knowledge.images import Image
from slimify.knowledge.language_packages import node_package
from slimify.semantics.build import BuildStage
from slimify.semantics.build_context import BuildContext, Kind
from slimify.syntax.source import Span

# node-gyp's own needs beside make and a compiler (its README, "On Unix").
_GYP = frozenset("python python2 python2-minimal python3 python3-minimal python-is-python3 py3-setuptools".split())
# They draw text with the fonts of the system.
_DRAWING = frozenset(["canvas", "sharp", "skia-canvas", "@napi-rs/canvas"])
_LINKED = re.compile(r"\.so(?:\.[0-9.]+)?$|\.node$")
_MISSING_FILES = re.compile(
    r"/etc/ssl|/usr/share/(?:ca-certificates|fonts|zoneinfo|mime)|use-(?:openssl|system)-ca|LD_PRELOAD|LD_LIBRARY_PATH"
)


class Tools(NamedTuple):
    """The packages of all RUNs that only serve the build, and by RUN what else its install brings."""

    names: tuple[str, ...]
    distribution: str

    def kept(self, run: Run) -> tuple[str, ...]:
        return tuple(one for one in run.packages if one not in self.names)


def tools(runs: Iterable[Run], image: Image) -> Tools:
    """What only serves the build: compilers and headers, and with them the Python that node-gyp runs on."""
    named = list(dict.fromkeys(one for run in runs for one in run.packages))
    build_only = alpine.is_build_only if image.distribution == "alpine" else debian.is_build_only
    found = [one for one in named if build_only(one)]
    if found:
        found += [one for one in named if one in _GYP]
    return Tools(tuple(found), image.distribution)


def on_alpine(run_tools: Tools, release: str | None, begin: Start, span: Span) -> dict[str, str]:
    """The packages to install on Alpine, with the reasons. Refused where one is not known."""
    added: dict[str, str] = {}
    for one in run_tools.names:
        libraries = alpine.runtime_packages(one, (release or "").removeprefix("alpine"))
        if libraries is None:
            raise Refused(f"which library goes with {one} is not known", span)
        added.update((library, f"it has the library of {one}") for library in libraries)
        for program, where in begin.programs:
            if posixpath.basename(program) in alpine.programs(one):
                added[one] = f"{where} uses {program}"
    return added


def on_debian(
    stage: BuildStage,
    target: str,
    release: str,
    runs: list[Run],
    found: Tools,
    needs: Needs,
    begin: Start,
    globally: Iterable[str],
) -> System:
    """The packages that are there before and after. Refused where something that is needed is not known to be."""
    assert stage.image is not None
    same = target == stage.image
    if not same and _asks_nothing(runs, needs, begin, globally):
        # Then it does not matter what the images hold, as of releases that nobody has listed.
        return System(release, frozenset(), frozenset(), (), ())
    system = System(
        release,
        before=_of_image(stage.image, same),
        after=_of_image(target, same),
        installed=[(run.packages, run.recommends) for run in runs if run.packages],
        kept=[(kept, run.recommends) for run in runs if (kept := found.kept(run))],
    )
    for one in found.names:
        for library in debian.runtime_packages(one, release) or ():
            system.wants((library,), f"it has the library of {one}")
    for name, packages in needs.packages:
        system.wants(packages, f"{name} needs it to run")
    if needs.openssl:
        system.wants(("openssl",), f"{needs.openssl} asks for its version")
    if _DRAWING & {*needs.names}:
        system.wants(("fontconfig",), "text is drawn with the fonts of the system")
    for name in globally:
        _globally(system, name)
    for program, where in begin.programs:
        system.wants_program(program, where, stage.stage.base.span)
        _with_program(system, program)
    if not same:
        _set_up(system, target, stage.stage.base.span)
    return system


def _set_up(system: System, target: str, span: Span) -> None:
    """Refuse what cannot be set up without folders of manual pages, which slim images do not have."""
    from slimify.knowledge.slim import facts

    for package in sorted(system.after - _of_image(target, True)):
        if facts().man_pages.fullmatch(package):
            raise Refused(f"{package} cannot be set up without folders of manual pages", span)


def _asks_nothing(runs: list[Run], needs: Needs, begin: Start, globally: Iterable[str]) -> bool:
    """Whether nothing is asked of the distribution: no package, library or program, and no user is added."""
    asked = needs.packages or needs.openssl or _DRAWING & {*needs.names} or begin.programs
    users = any(run.sets_up and re.search(r"user|group", run.step.instruction.arguments) for run in runs)
    called = any((known := node_package(name)) is None or known.run_programs for name in globally)
    return not (asked or users or called or any(run.packages for run in runs))


def _globally(system: System, name: str) -> None:
    known = node_package(name)
    for program in known.run_programs if known is not None else ():
        system.wants(program.packages, f"{name} calls {program.names[0]}")


def _with_program(system: System, program: str) -> None:
    from slimify.knowledge.slim import facts

    if program in facts().secure:
        system.wants(("ca-certificates",), f"{program} needs certificates")
    for package in facts().companions.get(program, ()):
        system.wants((package,), f"{program} does little without")


def _of_image(reference: str, same: bool) -> frozenset[str]:
    found = image_packages(reference)
    if found is None:
        if same:
            return frozenset()
        raise Refused(f"which packages are in {reference} is not known")
    return found


def on_smaller_base(stage: BuildStage, context: BuildContext, paths: Iterable[str]) -> None:
    """Refuse what may use files or libraries of the full image that no command tells of."""
    for one in stage.stage.instructions:
        if match := _MISSING_FILES.search(one.logical.text):
            raise Refused(f"{match.group()} is named, of which a slim image has less", one.span)
    for path in paths:
        name = posixpath.basename(path)
        entry = context.entry(path)
        if entry is None or entry.kind is not Kind.FILE or "node_modules" in path.split("/"):
            continue
        compiled = _LINKED.search(name) is not None
        if not compiled and ("." not in name or entry.mode & 0o111):
            data = context.read(path)
            compiled = (data is None and bool(entry.mode & 0o111)) or (data or b"").startswith(b"\x7fELF")
        if compiled:
            raise Refused(f"{path} may need libraries of the full image")
