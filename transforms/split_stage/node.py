"""The pack for Node: packages are installed and sources built in a stage of their own, and what runs is copied.

The base is an official node image on Debian or Alpine. What is left behind is what only compiles packages, what is
only for development once the sources are built, or all packages, where what is built is a static site.
"""

from __future__ import annotations

import re

from slimify.transforms.split_stage.audience import for_production
from slimify.transforms.split_stage.core import Plan, Result, free_name
from slimify.transforms.split_stage.node_account import evidence, pays, purpose
from slimify.transforms.split_stage.node_built import built
from slimify.transforms.split_stage.node_case import Case, Decision
from slimify.transforms.split_stage.node_layout import layout
from slimify.transforms.split_stage.node_project import Needs, needs, project
from slimify.transforms.split_stage.node_proof import decided, removal, spared
from slimify.transforms.split_stage.node_runs import VARIABLES, What, sort_node, tasks
from slimify.transforms.split_stage.node_start import Start, start
from slimify.transforms.split_stage.node_system import on_alpine, on_debian, on_smaller_base, tools
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run, read_run

from slimify.context.node.bundler import Kind
from slimify.context.run_elsewhere import run_elsewhere
from slimify.knowledge.image_config import config
from slimify.knowledge.image_siblings import respell, slim_sibling
from slimify.knowledge.images import Image
from slimify.knowledge.language_packages import node_package
from slimify.semantics.build import Build, BuildStage

_USES = re.compile(r"\b(?:npm|yarn|pnpm)\b")
_BUILDS = re.compile(
    r"\b(?:npm|yarn|pnpm)\b[^&|;]*\bbuild\b|\b(?:npx\s+)?(?:tsc|next build|nest build)\b|"
    r"\b(?:apt|apt-get|apk)\b.*\b(?:install|add)\b.*(?:\b(?:gcc|make|build-essential|build-base|cmake)\b|g\+\+|-dev\b)",
    re.DOTALL,
)
# They are the same in every image of node, or bring all that they need.
_MANAGER_PACKAGES = frozenset(["npm", "pnpm", "yarn"])


def concerns(build: Build, image: Image) -> bool:
    """Whether npm, yarn or pnpm is run, on Debian or Alpine."""
    runs = (step.instruction.arguments for step in build.stages[0].steps if step.keyword == "RUN")
    return image.distribution in ("debian", "alpine") and any(map(_USES.search, runs))


def plan(build: Build, image: Image) -> Result | None:
    """How the stage is split; None where there is nothing to split off. Raises `Refused`."""
    stage = build.stages[0]
    assert stage.image is not None
    runs, unread = _read(stage)
    texts = [step.instruction.arguments for step in stage.steps if step.keyword == "RUN"]
    if unread and image.kind in ("slim", "alpine") and not any(map(_BUILDS.search, texts)):
        return None
    if unread:
        raise unread[0]
    found = tools(runs.values(), image)
    moving = [run for run in runs.values() if run.builds or set(run.packages) & set(found.names)]
    case = Case(build, stage, image, runs, moving, [one for run in moving for one in tasks(run)], found)
    if not case.of(What.INSTALL):
        return None
    for_production(build)
    if image.kind in ("slim", "alpine") and not found.names and not _builds(case):
        return None
    _movable(case)
    if image.kind in ("slim", "alpine"):
        return _result(case, _decide(case, stage.image))
    slim = slim_sibling(stage.image)
    try:
        if slim is None or config(stage.image) != config(slim):
            raise Refused(f"no slim image of the same version and release as {stage.image} is known")
        return _worth_it(case, slim)
    except Refused as reason:
        # Without a smaller base, what is left behind may still be worth a second stage.
        try:
            return _worth_it(case, stage.image)
        except Refused:
            raise reason from None


def _worth_it(case: Case, target: str) -> Result:
    """The split onto an image. Raises `Refused` where it saves too little, too."""
    result = _result(case, _decide(case, target))
    result.saves.check(case.build.least)
    return result


def _read(stage: BuildStage) -> tuple[dict[int, Run], list[Refused]]:
    runs: dict[int, Run] = {}
    unread: list[Refused] = []
    for step in stage.steps:
        if step.keyword == "RUN":
            try:
                runs[step.index] = read_run(step, sort_node, VARIABLES)
            except Refused as reason:
                unread.append(reason)
    return runs, unread


def _builds(case: Case) -> bool:
    """Whether a script of the package builds something, though it be one that the install runs by itself."""
    assert case.build.context is not None
    if case.of(What.SCRIPT):
        return True
    try:
        return bool(built(case.build.context, project(case.build, tuple(case.of(What.INSTALL))), []).outputs)
    except Refused:
        return False


def _movable(case: Case) -> None:
    """Refuse a RUN that is of both kinds, apart from users: what it sets up must be there in the stage that ships."""
    for run in case.moving:
        if run.sets_up or run.upgrades:
            raise Refused(
                "one RUN installs what only the build needs and changes the image in other ways",
                run.step.instruction.span,
            )


def _decide(case: Case, target: str) -> Decision:
    build, stage = case.build, case.stage
    assert build.context is not None
    same = target == stage.image
    found = project(build, tuple(case.of(What.INSTALL)))
    scripts = case.of(What.SCRIPT)
    made = built(build.context, found, scripts)
    everywhere = frozenset(program for task in case.of(What.GLOBAL) for program in task.programs)
    begin = start(build, stage, found, everywhere, sources=not same or bool(case.tools.names))
    _globals(case, begin)
    facts: tuple[str, ...] = ()
    alone = made.alone(begin.served if begin.served is None else found.path(begin.served), begin.runs, begin.entries)
    if alone is not None:
        if (elsewhere := run_elsewhere(build.context)).commands or elsewhere.unknown:
            raise Refused("other files of the context run commands of the project in the image")
        facts = (f"nothing but {alone} of the project is used",)
        return Decision(target, found, made._replace(page=alone), begin, Needs(), True, "", False, facts)
    lean = _removed_later(case)
    pruned = bool(case.of(What.PRUNE)) or any(map(decided, case.of(What.INSTALL)))
    proof = "" if lean else spared(build, found, made, begin, [run.step for run in case.moving], pruned)
    prune = None if isinstance(proof, str) else removal(found, stage.image or "", build.dockerfile.source.text)
    why = proof if isinstance(proof, str) else "how the manager removes development dependencies is not known"
    asked = needs(build, found, prune is not None or proof == "", same)
    compiled = not same and bool(asked.compiled or asked.from_git)
    if not case.tools.names and not compiled and not (prune is not None and made.outputs) and not lean:
        if made.outputs and why:
            raise Refused(f"what is built may need development dependencies: {why}")
        raise Refused("nothing is compiled, so that a smaller base would do without a second stage")
    if not isinstance(proof, str):
        facts = proof.facts
    return Decision(target, found, made, begin, asked, False, prune or "", lean, facts)


def _removed_later(case: Case) -> bool:
    """Whether the user removes development dependencies in another RUN than the one that installs them."""
    installs = [one.step.index for one in case.of(What.INSTALL) if not decided(one)]
    later = [one.step.index for one in case.of(What.PRUNE)]
    later += [one.step.index for one in case.of(What.INSTALL) if decided(one)]
    return bool(installs) and any(index > min(installs) for index in later)


def _globals(case: Case, begin: Start) -> None:
    """Refuse where what is installed globally and called later may not install without what is left behind."""
    for task in case.of(What.GLOBAL):
        if not task.programs & begin.everywhere:
            continue
        for name in task.names:
            plain = re.sub(r"(?<=.)@[^/@]*$", "", name)
            known = node_package(plain)
            if plain == "corepack":
                raise Refused("corepack fetches the manager when it first runs", task.step.instruction.span)
            if plain not in _MANAGER_PACKAGES and (known is None or known.kind not in ("pure", "bundled")):
                raise Refused(f"what {plain} needs to be installed is not known", task.step.instruction.span)


def _result(case: Case, decision: Decision) -> Result:
    build, stage, image = case.build, case.stage, case.image
    assert build.context is not None
    assert stage.image is not None
    target = decision.target
    base = respell(stage.stage.image, stage.image, target)
    if base is None:
        raise Refused("a variable stands for more than the version")
    kept = [one for run in case.moving for one in case.tools.kept(run)]
    added = _added(case, decision)
    saves = pays(case, decision, added)
    plan_layout = layout(build, case.runs, case.moving, case.tasks, decision.project, decision.built, decision.start)
    if target != stage.image:
        copied = (path for taken in plan_layout.files.taken.values() for path, _ in taken.files)
        on_smaller_base(stage, build.context, dict.fromkeys(copied))
    name = free_name(build)
    result = Plan(
        name=name,
        base=base,
        parts=plan_layout.parts(decision.page),
        arrive=plan_layout.arrive([*kept, *added], image.distribution),
        late=plan_layout.late(name, decision.page),
        finish=_finish(decision),
    )
    return Result(result, purpose(case, decision, added), evidence(case, decision, added, plan_layout), saves)


def _finish(decision: Decision) -> tuple[str, ...]:
    """What is removed at the end of the build: the cache of Next's bundler, which only another build reads, too.

    Source: Next.js documentation, "CI Build Caching".
    """
    commands = [decision.prune] if decision.prune else []
    if not decision.page:
        caches = [
            f"{one.folder}/cache/webpack"
            for one in decision.built.outputs
            if one.tool == "next" and one.kind is Kind.SERVER
        ]
        folder = decision.project.package.folder
        commands += [f"rm -rf {one.removeprefix(f'{folder}/')}" for one in dict.fromkeys(caches)]
    return (f"RUN {' && '.join(commands)}",) if commands else ()


def _added(case: Case, decision: Decision) -> dict[str, str]:
    """The packages of the distribution to install besides those that stay, with the reasons."""
    stage, image = case.stage, case.image
    if decision.target == stage.image and not case.tools.names:
        return {}
    if image.distribution == "alpine":
        return on_alpine(case.tools, image.release, decision.start, stage.stage.base.span)
    if image.release is None:
        raise Refused("on which release of Debian it stands is not known")
    globally = [re.sub(r"(?<=.)@[^/@]*$", "", name) for task in case.of(What.GLOBAL) for name in task.names]
    runs = list(case.runs.values())
    system = on_debian(
        stage, decision.target, image.release, runs, case.tools, decision.needs, decision.start, globally
    )
    for run in runs:
        if run.adds_users and decision.target != stage.image and "adduser" not in system.after:
            raise Refused(f"adduser is not in {decision.target}", run.step.instruction.span)
        if run.sets_up and system.users and re.search(r"user", run.step.instruction.arguments):
            raise Refused(
                f"without {system.users[0]} the next user that is added has another number", run.step.instruction.span
            )
    return system.added
