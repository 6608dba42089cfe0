"""The pack for PHP: extensions are built, and packages of Composer installed, in the build stage.

There is no slim image of PHP, so that the stage that ships stands on the same one. Extensions and their settings lie in
folders of the image's own (docker-library/php) and are copied from the build, with the libraries they need installed
by name; what is left out are headers, and the tools that fetch packages or make assets.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from slimify.transforms.split_stage.assets import NODE_TOOLS
from slimify.transforms.split_stage.core import Plan, Result, free_name
from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.install import install
from slimify.transforms.split_stage.interpreted import Laid, Layout, assigned, set_up
from slimify.transforms.split_stage.needed import FETCH, NODE, Needed, some
from slimify.transforms.split_stage.php_build import (
    CONF_D,
    LIBRARIES,
    PECL,
    VARIABLES,
    WRITTEN,
    composer,
    folders,
    pecl_names,
    pipe,
    sort,
)
from slimify.transforms.split_stage.php_packages import packages_of
from slimify.transforms.split_stage.php_start import Start, start
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run, read_run

from slimify.knowledge.image_config import config
from slimify.knowledge.images import Image
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build, BuildStage, Step
from slimify.semantics.commands import Invocation

_BUILDS = re.compile(r"\b(?:docker-php-ext-install|pecl|composer)\b")
_UNPACK = frozenset(["unzip", "zip"])
_EXTRA = NODE | FETCH | _UNPACK
_MISLEADING = re.compile(r"PHP_INI_DIR|PHP_INI_SCAN_DIR|PHPRC|COMPOSER_(?:HOME|VENDOR_DIR|BIN_DIR)|COMPOSER")


def concerns(build: Build, image: Image) -> bool:
    """Whether extensions are built or packages installed, on Debian or Alpine."""
    runs = (step.instruction.arguments for step in build.stages[0].steps if step.keyword == "RUN")
    return image.distribution in ("debian", "alpine") and any(map(_BUILDS.search, runs))


def serves_build(step: Step) -> bool:
    """Whether a COPY from another image brings nothing but Composer (docker-library, page of the image composer)."""
    instruction = step.instruction
    words = instruction.exec_form or tuple(token.text for token in instruction.tokens)
    origin = (instruction.flag("from") or "").removeprefix("docker.io/").removeprefix("library/")
    return (
        re.fullmatch(r"composer(?::[\w.-]+)?", origin) is not None
        and len(words) == 2
        and words[0] == "/usr/bin/composer"
        and words[1]
        in ("/usr/bin/composer", "/usr/local/bin/composer", "/usr/bin/", "/usr/local/bin/", "/usr/local/bin")
    )


def plan(build: Build, image: Image) -> Result | None:
    """How the stage is split; None where there is nothing to split off. Raises `Refused`."""
    stage = build.stages[0]
    reference = stage.image
    base = None if reference is None else config(reference)
    if reference is None or base is None or image.release is None:
        raise Refused(f"which release of the distribution {stage.image} stands on is not known")
    _variables(stage)
    files = Files(build, stage)

    def sorter(run: Run, call: Invocation) -> Run | None:
        return sort(run, call) or set_up(run, call, files.placed)

    runs = {
        step.index: read_run(step, sorter, VARIABLES, pipe, WRITTEN) for step in stage.steps if step.keyword == "RUN"
    }
    if not any(run.moves for run in runs.values()):
        return None
    begin = start(build, stage, base)
    brought = packages_of(build, stage, files, runs)
    if brought is None and (any(step.instruction.flag("from") for step in stage.steps) or _mentions_composer(runs)):
        raise Refused("Composer is there and the build does not run it, as where people work in the image")
    dropped = _dropped(list(runs.values()), begin, brought is not None)
    if brought is not None and brought.whole:
        # What its scripts write is only known to lie in the folder that it is run in.
        runs = {at: run._replace(edits=run.builds) if _composes(run) else run for at, run in runs.items()}
    layout = Layout(stage, runs, files, dropped, CONF_D)
    unknown = next((one for one in pecl_names(layout.moving) if one not in PECL), "")
    needed = Needed(image, reference, reference, runs.values(), layout, dropped, LIBRARIES, unknown)
    span = stage.stage.base.span
    needed.programs(begin.programs, span)
    needed.started(begin.started, span)
    needed.modules()
    needed.adds_users()
    saves = needed.saves()
    name = free_name(build)
    arrive = (
        *install(build, needed.installing, needed.packages, image.distribution),
        *(f"COPY --from={name} {folder} {folder}" for folder in folders(layout.moving)),
    )
    laid = () if brought is None else tuple(map(Laid, brought.laid))
    tools = [one for run in needed.moving for one in run.packages if one in run.build_only or one in dropped]
    return Result(
        Plan(name=name, base=stage.stage.image, parts=layout.parts(), arrive=arrive, late=layout.late(name, laid)),
        f"{some(tools)} only serve the build",
        _evidence(needed),
        saves,
    )


def _variables(stage: BuildStage) -> None:
    for step in stage.steps:
        for name, _ in assigned(step):
            if _MISLEADING.fullmatch(name):
                raise Refused(f"{name} is set, which decides where files are found", step.instruction.span)


def _composes(run: Run) -> bool:
    return any((found := composer(one)) is not None and found.verb for one in run.builds)


def _mentions_composer(runs: dict[int, Run]) -> bool:
    return any("composer" in run.step.instruction.arguments for run in runs.values())


def _dropped(runs: list[Run], begin: Start, composed: bool) -> frozenset[str]:
    """The packages that fetch or make something in the build, and that nothing is known to run afterwards."""
    installed = {one for run in runs for one in run.packages} & _EXTRA
    kept: set[str] = set()
    computed = any(one.name is None for one in begin.started)
    called = {posixpath.basename(one) for one, _ in begin.programs}
    called |= {posixpath.basename(one.name) for one in begin.started if one.name}
    called |= {*re.findall(r"[\w-]+", begin.texts)}
    assets = any(one.program in NODE_TOOLS for run in runs for one in run.builds)
    if computed or not composed:
        kept |= FETCH | _UNPACK
    if computed or not assets or called & {"node", "nodejs", "npm", "npx", "yarn"}:
        kept |= NODE
        if any(run.foreign for run in runs):
            raise Refused("node comes from another repository and may be needed to run")
        if assets:
            raise Refused("node may be needed to run, with what its package manager installed")
    kept |= called & {"git", "unzip", "zip"} | ({"git-core"} if "git" in called else set())
    if called & {"gpg", "gpg2"}:
        kept |= {"gnupg", "gnupg2"}
    return frozenset(installed - kept)


def _evidence(needed: Needed) -> tuple[Evidence, ...]:
    facts: Iterable[Evidence] = [
        *(Evidence("this belongs to the build", run.step.instruction.span) for run in needed.moving),
        *(Evidence(f"nothing is known to run {one} when the image runs") for one in sorted(needed.dropped)),
        *(Evidence(f"{package} is installed: {why}") for package, why in needed.system.added.items()),
    ]
    return tuple(facts)
