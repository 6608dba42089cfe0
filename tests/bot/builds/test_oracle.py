"""Buildx itself as the judge of bake and compose files: `bake --print` needs no engine. Skipped where it is not."""

from __future__ import annotations

import json
import posixpath
import shutil
import subprocess
from pathlib import Path

import pytest

from slimify.bot.builds.bake import read_bake
from slimify.bot.builds.compose import read_compose
from slimify.bot.builds.named import Named
from slimify.bot.builds.repository import Repository
from tests.bot.builds import test_bake, test_compose
from tests.bot.builds.memory import Memory

_PLACES = ("/usr/libexec/docker/cli-plugins/docker-buildx", "/usr/lib/docker/cli-plugins/docker-buildx")
# Where bench/engine.sh unpacks it.
_ROOTS = ("", "/var/lib/slimify-engine/forky")
BUILDX = shutil.which("docker-buildx") or next(
    (found for root in _ROOTS for place in _PLACES if (found := shutil.which(root + place))), None
)
pytestmark = pytest.mark.skipif(BUILDX is None, reason="there is no docker-buildx")

Told = tuple[str, str, str | None, tuple[tuple[str, str], ...]]


def printed(folder: Path, *arguments: str) -> set[Told]:
    """What Buildx would build: context, Dockerfile, target, build arguments."""
    assert BUILDX is not None
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "DOCKER_CONFIG": str(folder / ".docker")}
    command = [BUILDX, "bake", "--print", *arguments]
    out = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=True)
    found = set()
    for one in json.loads(out.stdout).get("target", {}).values():
        context = one.get("context", ".")
        if "dockerfile-inline" not in one and "://" not in context and not context.startswith("git@"):
            dockerfile = posixpath.normpath(posixpath.join(context, one.get("dockerfile", "Dockerfile")))
            arguments_ = tuple(sorted((one.get("args") or {}).items()))
            found.add((posixpath.normpath(context), dockerfile, one.get("target"), arguments_))
    return found


def told(builds: list[Named]) -> set[Told]:
    """The same of what slimify reads."""
    return {
        (
            one.context or ".",
            one.dockerfiles[0],
            one.target,
            tuple(sorted((name, value) for name, value in one.build_args if value is not None)),
        )
        for one in builds
    }


# Where slimify says that it does not know, Buildx computes.
_COMPUTED = {"variables", "a computed target", "functions are no targets"}


@pytest.mark.parametrize("case", sorted(set(test_bake.CASES) - _COMPUTED))
def test_bake_file(case: str, tmp_path: Path) -> None:
    text = test_bake.CASES[case][0]
    (tmp_path / "docker-bake.hcl").write_text(text)
    repository = Repository(Memory({"docker-bake.hcl": text}))
    names = ["a", "b"] if 'target "b"' in text else ["a"]
    builds = [one for one in read_bake(repository, "docker-bake.hcl") if isinstance(one, Named)]
    assert told(builds) == printed(tmp_path, "-f", "docker-bake.hcl", *names)


# Buildx refuses the first format, loops, and an address of SSH without its keys; and takes what is not set for empty.
_REFUSED = {"unset", "the first format", "extends itself", "remote, inline, image"}


@pytest.mark.parametrize("case", sorted(set(test_compose.CASES) - _REFUSED))
def test_compose_file(case: str, tmp_path: Path) -> None:
    text = test_compose.CASES[case][0]
    (tmp_path / "compose.yaml").write_text(text)
    repository = Repository(Memory({"compose.yaml": text}))
    builds = [one for one in read_compose(repository, "compose.yaml") if isinstance(one, Named)]
    assert told(builds) == printed(tmp_path, "-f", "compose.yaml")
