"""Which files a search finds; git itself is the judge of .gitignore."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from slimify.config import NOTHING, Config
from slimify.discovery import find, is_dockerfile, unique


def found(folder: str = ".", config: Config = NOTHING) -> list[str]:
    def fail(error: OSError) -> None:
        raise error

    return list(find(folder, lambda _: config, fail))


def make(*paths: str) -> None:
    for path in paths:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        Path(path).write_text("FROM x\n")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Dockerfile", True),
        ("dockerfile", True),
        ("Dockerfile.dev", True),
        ("web.Dockerfile", True),
        ("web.dockerfile", True),
        ("Containerfile", True),
        ("Containerfile.dev", True),
        ("Dockerfile.dockerignore", False),
        ("web.Dockerfile.dockerignore", False),
        ("Dockerfile.j2", False),
        ("Dockerfile.orig", False),
        ("Dockerfile~", False),
        ("MyDockerfile", False),
        ("Dockerfiles", False),
        ("docker-compose.yml", False),
    ],
)
def test_names(name: str, expected: bool) -> None:
    assert is_dockerfile(name) is expected


def test_a_tree_in_order(here: Path) -> None:
    make("b/Dockerfile", "Dockerfile", "a/x.Dockerfile", "a/b/Containerfile", "a/other", ".git/Dockerfile")
    assert found() == ["Dockerfile", "a/x.Dockerfile", "a/b/Containerfile", "b/Dockerfile"]
    assert found("a") == ["a/x.Dockerfile", "a/b/Containerfile"]
    assert found(str(here / "b")) == [str(here / "b" / "Dockerfile")]
    assert found("b/../a/") == ["a/x.Dockerfile", "a/b/Containerfile"]


def test_node_modules_only_if_ignored(here: Path) -> None:
    make("node_modules/x/Dockerfile")
    assert found() == ["node_modules/x/Dockerfile"]
    Path(".gitignore").write_text("node_modules/\n")
    assert found() == []
    assert found("node_modules") == ["node_modules/x/Dockerfile"]  # who names it wants it


def test_nested_gitignore(here: Path) -> None:
    make("Dockerfile", "a/Dockerfile", "a/Dockerfile.tmp", "b/Dockerfile.tmp", "c/d/Dockerfile")
    Path(".gitignore").write_text("*.tmp\n/c/d\n")
    Path("a/.gitignore").write_text("!Dockerfile.tmp\nDockerfile\n")
    assert found() == ["Dockerfile", "a/Dockerfile.tmp"]
    assert found("b") == []  # the repository's root counts from wherever one starts


def test_a_list_of_what_is_not_ignored(here: Path) -> None:
    make("Dockerfile", "a/Dockerfile", "a/Dockerfile.x", "build/Dockerfile", "build/x/Dockerfile")
    Path(".gitignore").write_text("*\n!*/\n!Dockerfile\n/build/**\n!/build/Dockerfile\n")
    assert found() == ["Dockerfile", "a/Dockerfile", "build/Dockerfile"]


def test_exclude_of_the_configuration(here: Path) -> None:
    make("Dockerfile", "vendor/a/Dockerfile", "src/vendor/Dockerfile", "src/t.Dockerfile")
    config = Config(path=str(here / "slimify.toml"), exclude=("/vendor/", "t.*"))
    assert found(config=config) == ["Dockerfile", "src/vendor/Dockerfile"]


def test_links(here: Path, tmp_path: Path) -> None:
    make("real/Dockerfile", str(tmp_path / "outside" / "Dockerfile"))
    os.symlink(tmp_path / "outside", "folder")
    os.symlink("real", "again")
    os.symlink(tmp_path / "outside" / "Dockerfile", "Dockerfile.outside")
    os.symlink("real/Dockerfile", "Dockerfile")
    os.symlink("nowhere", "Dockerfile.dangling")
    assert found() == ["Dockerfile", "real/Dockerfile"]
    assert unique(found()) == ["Dockerfile"]


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize("seed", range(60))
def test_against_git(here: Path, seed: int) -> None:
    shutil.rmtree(".git")
    subprocess.run(["git", "init", "-q", "."], check=True)
    rng = random.Random(seed)
    names = ["a", "b", "c"]
    patterns = (
        "a,b/,/a,/a/b,**/c,a/**,*,!*/,!Dockerfile,!a/,!b,*.x,!*.x,a/*,/a/*/,!/a/Dockerfile,[ab],*/b,# c,"
    ).split(",")
    folders = ["", *names, *(f"{one}/{two}" for one in names for two in names)]
    make(*(os.path.join(folder, name) for folder in folders for name in ("Dockerfile", "Dockerfile.x")))
    for folder in rng.sample(folders, 4):
        lines = rng.choices(patterns, k=rng.randint(1, 4))
        Path(folder, ".gitignore").write_text("\n".join(lines) + "\n")
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"], check=True, capture_output=True, text=True
    ).stdout.split("\n")
    assert sorted(found()) == sorted(path for path in listed if is_dockerfile(os.path.basename(path)))
