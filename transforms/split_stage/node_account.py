"""What a split of a Node stage saves, what it is good for, and what speaks for it."""

from __future__ import annotations

import re

from slimify.transforms.split_stage.node_case import Case, Decision
from slimify.transforms.split_stage.node_layout import Layout
from slimify.transforms.split_stage.node_runs import What, removal_of
from slimify.transforms.split_stage.worth import Saving, worth

from slimify.context.node.lock import production
from slimify.knowledge import alpine
from slimify.knowledge.debian import closure_size
from slimify.knowledge.image_sizes import uncompressed_bytes
from slimify.knowledge.node_sizes import installed_bytes, tree_bytes
from slimify.rewrite.edit import Evidence

_SOURCE = "slimify/knowledge/node_packages.toml"


def pays(case: Case, decision: Decision, added: dict[str, str]) -> Saving:
    """The bytes that are saved, as they are estimated. Raises `Refused` where that is not known."""
    image, target = case.stage.image or "", decision.target
    before, after = uncompressed_bytes(image), uncompressed_bytes(target)
    if before is None or after is None:
        return worth(None, None)
    gone: int | None = 0
    comes: int | None = 0
    if case.image.distribution == "alpine":
        gone = alpine.installed_bytes(one for one in case.tools.names if one not in added)
    elif case.image.release is not None:
        asked = [one for run in case.moving for one in run.packages]
        kept = [*(one for run in case.moving for one in case.tools.kept(run)), *added]
        # Much of what is asked for is in a full image already.
        gone = closure_size(asked, case.image.release) if image == target and asked else 0
        comes = closure_size(kept, case.image.release) if kept else 0
    if gone is None or comes is None:
        return worth(None, None)
    all_packages, shipped = _package_bytes(case, decision)
    return worth(before.bytes + gone + all_packages, after.bytes + comes + shipped)


def _package_bytes(case: Case, decision: Decision) -> tuple[int, int]:
    """About how many bytes the packages of the project take before and after."""
    lock, package = decision.project.lock, decision.project.package
    removal = removal_of(case.tasks)
    at_once = removal is not None and any(one.step is removal.step for one in case.of(What.INSTALL))
    if at_once or not (decision.page or decision.prune or decision.lean):
        return 0, 0
    if lock is None:
        return tree_bytes(one.name for one in package.dependencies), 0
    here = [one.name for one in lock.packages if not one.os or "linux" in one.os]
    here = [name for name in here if not re.search(r"arm64|musl|arm-|s390x|ppc64|riscv|ia32|loong", name)]
    if decision.page:
        return max(installed_bytes(here), tree_bytes(one.name for one in package.dependencies)), 0
    kept = production(lock, [package]) or frozenset(here)
    return installed_bytes(here), installed_bytes(name for name in here if name in kept)


def purpose(case: Case, decision: Decision, added: dict[str, str]) -> str:
    """What the split is good for, in a sentence."""
    parts = []
    left = tuple(one for one in case.tools.names if one not in added)
    if left:
        parts.append(f"{', '.join(_some(left))} only serve{'s' if len(left) == 1 else ''} the build")
    elif decision.needs.compiled and decision.target != case.stage.image:
        which = ", ".join(_some(decision.needs.compiled))
        parts.append(f"the compiler, headers and tools of the full image only serve to install {which}")
    elif decision.needs.from_git and decision.target != case.stage.image:
        parts.append("the git of the full image only serves to fetch packages")
    if decision.page:
        parts.append("the packages are only there to build what is served")
    elif decision.prune:
        parts.append("development dependencies are only there to build")
    elif decision.lean:
        parts.append("development dependencies stay in the layer that installs them")
    return " and ".join(parts) or f"{case.image.tag} has more than what runs needs"


def _some(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(names) <= 4 else (*names[:3], f"{len(names) - 3} more")


def evidence(case: Case, decision: Decision, added: dict[str, str], plan_layout: Layout) -> tuple[Evidence, ...]:
    """What speaks for it."""
    facts = [Evidence("this belongs to the build", run.step.instruction.span) for run in case.moving]
    facts += [Evidence(text) for text in decision.facts]
    if decision.target != case.stage.image:
        facts += [
            Evidence(f"{name} may be built when it is installed", None, _SOURCE) for name in decision.needs.compiled
        ]
    facts += [Evidence(f"{package} is installed: {why}") for package, why in added.items()]
    facts += [Evidence(f"{place} is taken from the build") for place in plan_layout.places(decision.page)]
    if decision.target != case.stage.image:
        facts.append(
            Evidence(
                f"{decision.target} has the same Node on the same release, {case.image.release}", None, case.image.how
            )
        )
    return tuple(facts)
