"""The other commands, the library's front, and what a start may cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import slimify as package
from slimify.config import SCHEMA, known_transforms

from .conftest import FAT, ROOT, SLIM, Run

# What PARSING.md ("Start-up") found too dear for every start.
DEAR = {"typer", "rich", "unidiff", "libcst", "argparse", "importlib.metadata", "pathspec"}


def test_version(slimify: Run) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert package.__version__ == project["version"]
    for arguments in (["--version"], ["--version", "fix"]):
        assert slimify(*arguments).stdout == f"slimify {package.__version__}\n".encode()


def loaded(code: str, stdin: bytes = b"") -> set[str]:
    code = f"import sys\nbefore = set(sys.modules)\n{code}\nprint(*set(sys.modules) - before, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], input=stdin, capture_output=True, check=True)
    return set(done.stderr.decode().split("\n")[-2].split())


def test_importing_the_library_is_cheap() -> None:
    assert {name for name in loaded("import slimify") if name.startswith("slimify")} == {"slimify"}


def test_level_safe_does_not_load_what_reads_a_context() -> None:
    call = "from slimify.__main__ import main\nmain(['fix', '-', '--stdin-filename', 'Dockerfile', '--level', %r])"
    assert not {name for name in loaded(call % "safe", FAT) if name.startswith("slimify.context")}
    assert "slimify.context.tree" in loaded(call % "standard", FAT)


def test_fix_of_standard_input_imports_nothing_dear() -> None:
    modules = loaded("from slimify.__main__ import main\nmain(['fix', '-'])", FAT)
    assert not modules & DEAR
    assert "slimify.files" not in modules


def test_the_front_door_imports_nothing_dear() -> None:
    modules = loaded("import slimify.__main__, slimify.run")
    assert not modules & (DEAR | {"dataclasses", "difflib", "json", "pathlib", "subprocess", "tempfile", "tomllib"})


def test_the_version_imports_nothing() -> None:
    assert loaded("from slimify.__main__ import main\nmain(['--version'])") <= {
        "slimify",
        "slimify.__main__",
        "gc",
        "__future__",
    }


def test_the_library() -> None:
    outcome = package.fix(FAT, path="x/Dockerfile")
    assert isinstance(outcome, package.Outcome)
    assert outcome.changed
    assert outcome.path == "x/Dockerfile"
    assert package.fix(FAT.decode()).after.text == outcome.after.text
    assert not package.fix(SLIM, level=package.Level.SAFE).changed
    assert {change.rewrite.transform for change in package.fix(FAT, only="merge-runs").changes} == {"merge-runs"}
    with pytest.raises(ValueError, match="did you mean 'safe'"):
        package.fix(FAT, level="saef")
    with pytest.raises(ValueError, match="did you mean 'merge-runs'"):
        package.fix(FAT, skip=["merge-run"])
    with pytest.raises(package.DockerfileSyntaxError):
        package.fix("")
    with pytest.raises(AttributeError):
        package.nonsense  # noqa: B018
    assert set(package.__all__) <= set(dir(package))


def test_transforms(slimify: Run) -> None:
    lines = slimify("transforms").stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == known_transforms()


def test_explain(slimify: Run) -> None:
    import slimify.transforms as home

    for name in known_transforms():
        done = slimify("explain", name)
        page = Path(home.__file__).parent / "pages" / f"{name}.md"
        assert (done.returncode, done.stdout) == (0, page.read_bytes())
    done = slimify("explain", "merge_run")
    assert (done.returncode, done.stderr) == (
        2,
        b"unknown transform 'merge_run'; did you mean 'merge-runs'?\n",
    )


def test_schema(slimify: Run) -> None:
    assert json.loads(slimify("config", "schema").stdout) == json.loads(Path(SCHEMA).read_text())


def test_completion(slimify: Run) -> None:
    # Else typer looks for a shell among the processes above, where there need be none.
    told = slimify("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert b"slimify" in told.stdout
    asked = slimify(_SLIMIFY_COMPLETE="complete_bash", COMP_WORDS="slimify explain mer", COMP_CWORD="2")
    assert asked.stdout.split() == [b"merge-runs"]


def test_apply_what_diff_printed(here: Path, slimify: Run) -> None:
    os.mkdir("sub")
    for path in ("Dockerfile", "sub/a.Dockerfile"):
        Path(path).write_bytes(FAT + b"# caf\xe9")
    Path("slim.Dockerfile").write_bytes(SLIM)
    patch = slimify("fix", "--diff").stdout
    Path("saved.patch").write_bytes(patch)
    assert slimify("apply", "saved.patch", "--check").returncode == 1
    assert Path("Dockerfile").read_bytes() == FAT + b"# caf\xe9"
    done = slimify("apply", "-", stdin=patch)
    assert (done.returncode, done.stderr) == (0, b"2 files rewritten\n")
    for path in ("Dockerfile", "sub/a.Dockerfile"):
        assert Path(path).read_bytes() == slimify("fix", "-", "-q", stdin=FAT + b"# caf\xe9").stdout


def test_apply_some_transforms_only(here: Path, slimify: Run) -> None:
    Path("Dockerfile").write_bytes(b"FROM debian:12-slim\nMAINTAINER me\n" + b"ENV A=1\n" * 9 + FAT.partition(b"\n")[2])
    patch = slimify("fix", "--diff").stdout
    assert slimify("apply", "-", "--only", "modern-instructions", stdin=patch).returncode == 0
    text = Path("Dockerfile").read_bytes()
    assert b"MAINTAINER" not in text
    assert text.endswith(FAT.partition(b"\n")[2])


def test_apply_says_what_cannot_be_separated(here: Path, slimify: Run) -> None:
    Path("Dockerfile").write_bytes(b"FROM debian:12-slim\nMAINTAINER me\n" + FAT.partition(b"\n")[2])
    before = Path("Dockerfile").read_bytes()
    patch = slimify("fix", "--diff").stdout
    done = slimify("apply", "-", "--only", "modern-instructions", stdin=patch)
    assert done.returncode == 2
    assert b"Dockerfile:1: left out: " in done.stderr
    assert b"modern-instructions" in done.stderr
    assert Path("Dockerfile").read_bytes() == before


def test_apply_takes_the_diff_of_an_absolute_path(here: Path, slimify: Run) -> None:
    Path("Dockerfile").write_bytes(FAT)
    patch = slimify("fix", "--diff", str(here / "Dockerfile")).stdout
    assert patch.startswith(b"--- a/Dockerfile\n")
    assert slimify("apply", "-", stdin=patch).returncode == 0
    assert Path("Dockerfile").read_bytes() != FAT


def test_apply_all_or_nothing(here: Path, slimify: Run) -> None:
    for path in ("Dockerfile", "x.Dockerfile"):
        Path(path).write_bytes(FAT)
    Path("saved.patch").write_bytes(slimify("fix", "--diff").stdout)
    Path("x.Dockerfile").write_bytes(SLIM)
    done = slimify("apply", "saved.patch")
    assert done.returncode == 2
    assert done.stderr.startswith(b"x.Dockerfile")
    assert Path("Dockerfile").read_bytes() == FAT


def test_apply_what_is_no_patch(here: Path, slimify: Run) -> None:
    assert slimify("apply", "-", stdin=b"hello\n").returncode == 2
    assert slimify("apply", "nowhere").returncode == 2
    assert slimify("apply", "-", "--only", "merge-run").returncode == 2


def test_apply_stays_in_the_folder(here: Path, slimify: Run) -> None:
    outside = here.parent / "Dockerfile"
    outside.write_bytes(FAT)
    patch = slimify("fix", "--diff", "../Dockerfile").stdout
    done = slimify("apply", "-", stdin=patch)
    assert done.returncode == 2
    assert b"outside" in done.stderr
    assert outside.read_bytes() == FAT
