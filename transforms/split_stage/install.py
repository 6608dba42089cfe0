"""The instruction that installs packages of the distribution in the stage that ships."""

from __future__ import annotations

from collections.abc import Iterable

from slimify.transforms.split_stage.runs import Run

from slimify.rewrite.join import Style
from slimify.semantics.build import Build


def install(build: Build, moving: list[Run], packages: Iterable[str], distribution: str = "debian") -> tuple[str, ...]:
    """One RUN that installs the packages, in the manner of the RUNs that move; none where there is nothing to install.

    apt installs what packages recommend where one of those RUNs let it. apk has no such packages.
    """
    names = sorted(dict.fromkeys(packages))
    if not names:
        return ()
    indent = Style.of(build.dockerfile, [run.step.instruction for run in moving]).indent
    if distribution == "alpine":
        return (f"RUN apk add --no-cache{_listed(names, indent)}",)
    slim = "" if any(run.recommends and run.packages for run in moving) else " --no-install-recommends"
    silent = "DEBIAN_FRONTEND=noninteractive " if any(run.unattended for run in moving) else ""
    joint = f" \\\n{indent}&& "
    listed = _listed(names, indent * 2)
    return (
        joint.join(["RUN apt-get update", f"{silent}apt-get install -y{slim}{listed}", "rm -rf /var/lib/apt/lists/*"]),
    )


def _listed(names: list[str], indent: str) -> str:
    return f" {names[0]}" if len(names) == 1 else "".join(f" \\\n{indent}{one}" for one in names)
