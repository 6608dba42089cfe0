"""The pack for Ruby: gems are installed, and assets made, in the build stage; the sources and the gems ship.

The official images keep gems in /usr/local/bundle (docker-library/ruby), which is copied with the settings of Bundler
that are kept there. A full base on Debian becomes its slim variant; a slim one, or one of Alpine, stays.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from slimify.transforms.split_stage.assets import NODE_TOOLS, pipe
from slimify.transforms.split_stage.core import Plan, Result, free_name
from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.install import install
from slimify.transforms.split_stage.interpreted import TIME_ZONE, Laid, Layout, assigned, set_up
from slimify.transforms.split_stage.needed import FETCH, NODE, Needed, some
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.ruby_build import (
    BUNDLE,
    MISLEADING,
    VARIABLES,
    Bundled,
    bundled,
    gem_names,
    owned,
    sets_only,
    sort,
)
from slimify.transforms.split_stage.ruby_gems import Gems, gems
from slimify.transforms.split_stage.ruby_start import Start, start
from slimify.transforms.split_stage.runs import Run, read_run

from slimify.knowledge.image_config import config
from slimify.knowledge.image_folders import holds_nothing
from slimify.knowledge.image_siblings import respell, slim_sibling
from slimify.knowledge.images import Image
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build, BuildStage, Step
from slimify.semantics.commands import Invocation

_INSTALLS = re.compile(r"\b(?:bundler?\b|gem install\b)")
_BUILDS = re.compile(
    r"\binstall\b.*(?:\b(?:gcc|make|build-essential|cmake)\b|g\+\+|-dev\b)|\badd\b.*(?:build-base|-dev\b|gcc)",
    re.DOTALL,
)
# nokogiri is then linked with them, in place of its own ("Installing using standard system libraries").
_FROM_SYSTEM = re.compile(r"system-libraries|USE_SYSTEM_LIBRARIES|BUILD__NOKOGIRI")
_SYSTEM_LIBRARIES = (("nokogiri", ("libxml2",)), ("nokogiri", ("libxslt1.1",)))
_NONE = re.compile("$^")
_PYTHON = frozenset("python-is-python3 python2 python3".split())
_EXTRA = NODE | FETCH | _PYTHON


def concerns(build: Build, image: Image) -> bool:
    """Whether gems are installed, on Debian or Alpine."""
    runs = (step.instruction.arguments for step in build.stages[0].steps if step.keyword == "RUN")
    return image.distribution in ("debian", "alpine") and any(map(_INSTALLS.search, runs))


def plan(build: Build, image: Image) -> Result | None:
    """How the stage is split; None where there is nothing to split off. Raises `Refused`."""
    stage = build.stages[0]
    assert stage.image is not None
    texts = [step.instruction.arguments for step in stage.steps if step.keyword == "RUN"]
    if image.kind != "full" and not any(map(_BUILDS.search, texts)):
        return None
    _version(image)
    files = Files(build, stage)

    def sorter(run: Run, call: Invocation) -> Run | None:
        return sort(run, call) or set_up(run, call, files.placed) or owned(run, call)

    runs = {
        step.index: read_run(step, sorter, VARIABLES, pipe, TIME_ZONE) for step in stage.steps if step.keyword == "RUN"
    }
    base = stage.image if image.kind != "full" else slim_sibling(stage.image)
    written = None if base is None else respell(stage.stage.image, stage.image, base)
    if base is None or written is None or config(stage.image) != config(base):
        raise Refused(f"no slim image of the same version and release as {stage.image} is known")
    _variables(stage)
    told = list(runs.values())
    step = next((run.step for run in told if any(map(_is_bundle, run.builds))), None)
    bundle = None if step is None else bundled(told, files.folder(step), {**stage.final_state.env})
    _settings_in_bundle(files, told)
    repository = any(origin.startswith(".git/") for taken in files.taken.values() for origin, _ in taken.files)
    found = gems(build, files, step, gem_names(told), _production(stage), repository)
    runs = {
        at: run._replace(builds=(), sets_up=True) if sets_only(run) and not _in_bundle(files, run) else run
        for at, run in runs.items()
    }
    if not any(run.moves for run in runs.values()):
        return None
    _enough(image, found, stage)
    begin = start(build, stage, found.scripts, _production(stage))
    dropped = _dropped(list(runs.values()), found, begin)
    layout = Layout(stage, runs, files, dropped)
    for at, run in runs.items():
        if at < layout.last and "chown" in run.step.instruction.arguments and BUNDLE in run.step.instruction.arguments:
            raise Refused("gems are given an owner before the last of them is installed", run.step.instruction.span)
    unknown = "what gem install brings along" if found.unknown is None else next(iter(found.unknown), "")
    needed = Needed(image, stage.image, base, runs.values(), layout, dropped, _NONE, unknown)
    _needs(needed, stage, found, begin)
    needed.adds_users()
    saves = needed.saves()
    name = free_name(build)
    arrive = (
        *install(build, needed.installing, needed.packages, image.distribution),
        f"COPY --from={name} {BUNDLE} {BUNDLE}",
    )
    late = layout.late(name, _laid(stage, files, step, bundle))
    return Result(
        Plan(name=name, base=written, parts=layout.parts(), arrive=arrive, late=late),
        _reason(needed, found),
        _evidence(needed, found),
        saves,
    )


def _is_bundle(call: Invocation) -> bool:
    first = (call.argv[0] or "") if call.argv else "install"
    return call.program in ("bundle", "bundler") and (first == "install" or first.startswith("-"))


def _version(image: Image) -> None:
    """Bundler 2.1 and later keep settings where this pack looks for them; it came with Ruby 2.7."""
    match = re.fullmatch(r"(\d+)(?:\.(\d+))?(?:\.\d+)?", image.version)
    known = image.tag in ("latest", "slim", "alpine") or (match is not None and int(match[1]) >= 3)
    known = known or (match is not None and (int(match[1]), int(match[2] or 0)) >= (2, 7))
    if not known or image.release is None:
        raise Refused(f"which Bundler or release of the distribution ruby:{image.tag} has is not known")


def _variables(stage: BuildStage) -> None:
    for step in stage.steps:
        for name, value in assigned(step):
            if MISLEADING.fullmatch(name) and not (name == "BUNDLE_APP_CONFIG" and value == BUNDLE):
                raise Refused(f"{name} is set, which decides where gems are found", step.instruction.span)
            if name in ("RAILS_ENV", "RACK_ENV") and value in ("development", "test"):
                raise Refused(f"{name} says that the image is one for {value}", step.instruction.span)


def _production(stage: BuildStage) -> bool:
    env = stage.final_state.env
    return any(name in env and env[name] == "production" for name in ("RAILS_ENV", "RACK_ENV"))


def _settings_in_bundle(files: Files, runs: Iterable[Run]) -> None:
    """Refuse a `bundle config` that comes with an install and writes elsewhere than to the bundle's own settings."""
    for run in runs:
        configs = [one for one in run.builds if one.program in ("bundle", "bundler") and one.argv[:1] == ("config",)]
        if sets_only(run) or all("--local" in one.argv for one in configs) or _in_bundle(files, run):
            continue
        raise Refused("bundle config sets what is kept outside of the bundle", run.step.instruction.span)


def _in_bundle(files: Files, run: Run) -> bool:
    """Whether `bundle config` writes to the bundle's own settings, as it does where there is a Gemfile."""
    there = files.source(run.step, posixpath.join(files.folder(run.step), "Gemfile")) is not None
    return there and not any("--global" in one.argv for one in run.builds)


def _enough(image: Image, found: Gems, stage: BuildStage) -> None:
    """A full base may have lent any gem a library or a program, so that all must be known."""
    if image.kind != "full":
        return
    span = stage.stage.base.span
    if found.unknown is None:
        raise Refused("which gems are installed is not known without a lock of all of them", span)
    if found.unknown:
        raise Refused(f"whether the gem {found.unknown[0]} needs libraries or programs is not known", span)
    if not found.compiled:
        raise Refused("nothing is compiled, so that a smaller base would do without a second stage", span)


def _dropped(runs: list[Run], found: Gems, begin: Start) -> frozenset[str]:
    """The packages that fetch or make something in the build, and that nothing is known to run afterwards."""
    installed = {one for run in runs for one in run.packages} & _EXTRA
    foreign = any(run.foreign for run in runs)
    computed = next((one for one in begin.started if one.name is None), None)
    called = {name for name, _ in begin.programs} | {one.name for one in begin.started}
    node = found.needs_node
    if found.unknown:
        node = node or f"whether {found.unknown[0]} runs it is not known"
    if computed is not None:
        node = node or f"{computed.place.file}:{computed.place.line} runs a program whose name is not known"
    if called & {"node", "nodejs", "npm", "npx", "yarn"}:
        node = node or "the application runs it"
    if foreign and node:
        raise Refused(f"node comes from another repository and may be needed to run: {node}")
    if node and any(one.program in NODE_TOOLS for run in runs for one in run.edits):
        raise Refused(f"node may be needed to run, with what its package manager put elsewhere: {node}")
    kept = {"nodejs"} if node else set()
    if computed is not None or found.unknown:
        kept |= _EXTRA
    if found.needs_git or "git" in called:
        kept |= {"git", "git-core"}
    if called & {"python", "python2", "python3"}:
        kept |= _PYTHON
    if called & {"gpg", "gpg2"} or "gpgme" in found.names:
        kept |= {"gnupg", "gnupg2"}
    return frozenset(installed - kept)


def _needs(needed: Needed, stage: BuildStage, found: Gems, begin: Start) -> None:
    """Have everything installed that was there, is needed to run, and would be gone."""
    span = stage.stage.base.span
    texts = " ".join(step.instruction.arguments for step in stage.steps)
    system = _SYSTEM_LIBRARIES if "nokogiri" in found.names and _FROM_SYSTEM.search(texts) else ()
    for name, packages in (*found.needs, *found.programs, *system):
        needed.system.wants(packages, f"{name} needs it to run")
    if found.needs_git:
        needed.system.wants(("git",), found.needs_git)
    if found.needs_node:
        needed.system.wants(("nodejs",), f"{found.needs_node} runs it")
    if begin.services:
        needed.system.wants(("netbase",), f"{begin.services} names a service")
    needed.programs(begin.programs, span)
    needed.started(begin.started, span)
    needed.modules()


def _laid(stage: BuildStage, files: Files, step: Step | None, bundle: Bundled | None) -> Iterable[Laid]:
    """What Bundler leaves outside of the image's own place for gems."""
    if bundle is None or step is None:
        return
    assert stage.image is not None
    if bundle.path is not None:
        path = posixpath.normpath(posixpath.join(bundle.folder, bundle.path))
        if not f"{path}/".startswith(f"{BUNDLE}/"):
            if holds_nothing(stage.image, path) is None:
                raise Refused(
                    f"gems are installed to {path}, where the image has files of its own", step.instruction.span
                )
            yield Laid(path)
    lock = posixpath.join(bundle.folder, "Gemfile.lock")
    brought = [at for at, taken in files.taken.items() if any(place == lock for _, place in taken.files)]
    if bundle.frozen or any(at > step.index for at in brought):
        return
    for one in stage.steps[: step.index]:
        if brought and one.keyword == "RUN" and re.search(r"\bchown\b", one.instruction.arguments):
            raise Refused("files are given an owner before the install may write the lock", one.instruction.span)
    owner = stage.steps[max(brought)].instruction.flag("chown") if brought else None
    yield Laid(lock, owner or "")


def _reason(needed: Needed, found: Gems) -> str:
    moving = needed.moving
    tools = [one for run in moving for one in run.packages if one in run.build_only or one in needed.dropped]
    if tools:
        return f"{some(tools)} only serve the build"
    image = needed.image
    return f"the compiler and headers of {image.name}:{image.tag} only serve to build {some(found.compiled)}"


def _evidence(needed: Needed, found: Gems) -> tuple[Evidence, ...]:
    image, base = needed.image, needed.images[1]
    facts = [Evidence("this belongs to the build", run.step.instruction.span) for run in needed.moving]
    if found.locked is not None:
        facts.append(Evidence(f"{found.locked} names {len(found.names)} gems"))
    facts += [Evidence(f"nothing is known to run {one} when the image runs") for one in sorted(needed.dropped)]
    facts += [Evidence(f"{package} is installed: {why}") for package, why in needed.system.added.items()]
    if image.kind == "full":
        facts.append(Evidence(f"{base} has the same Ruby on the same release, {image.release}", None, image.how))
    return tuple(facts)
