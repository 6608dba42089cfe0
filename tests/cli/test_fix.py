"""`slimify fix`: what is written, what is printed, and the exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import BROKEN, FAT, SLIM, Run


def test_rewrites_in_place_and_prints_the_diff(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    done = slimify("fix")
    assert done.returncode == 0
    assert (here / "Dockerfile").read_bytes() != FAT
    assert b"-RUN apt-get update\n" in done.stdout
    assert done.stderr == b"1 file rewritten\n"


def test_a_second_run_changes_nothing(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    slimify("fix")
    after = (here / "Dockerfile").read_bytes()
    assert slimify("fix", "--check").returncode == 0
    done = slimify("fix")
    assert (done.returncode, done.stderr) == (0, b"1 file left as it is\n")
    assert (here / "Dockerfile").read_bytes() == after


@pytest.mark.parametrize("option", ["--diff", "--check"])
def test_nothing_is_written(here: Path, slimify: Run, option: str) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    before = os.stat(here / "Dockerfile")
    done = slimify("fix", option)
    after = os.stat(here / "Dockerfile")
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert done.returncode == (1 if option == "--check" else 0)
    assert done.stderr.endswith(b"1 file would change\n")


def test_diff_leaves_standard_output_to_the_patch(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    done = slimify("fix", "--diff")
    assert done.stdout.startswith(b"--- ")
    assert done.stdout == slimify("fix", "--diff", "--quiet").stdout


def test_check_and_diff_together(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    done = slimify("fix", "--check", "--diff")
    assert done.returncode == 1
    assert b"-RUN apt-get update\n" in done.stdout


def test_check_of_a_slim_file(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(SLIM)
    assert slimify("fix", "--check").returncode == 0


def test_a_broken_file_is_named_and_the_others_are_fixed(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    (here / "Dockerfile.broken").write_bytes(BROKEN)
    done = slimify("fix")
    assert done.returncode == 2
    assert b"Dockerfile.broken:2:1: " in done.stderr
    assert b"1 file rewritten, 1 error\n" in done.stderr
    assert (here / "Dockerfile").read_bytes() != FAT
    assert (here / "Dockerfile.broken").read_bytes() == BROKEN


def test_a_missing_file(slimify: Run) -> None:
    done = slimify("fix", "nowhere/Dockerfile")
    assert done.returncode == 2
    assert done.stderr.startswith(b"nowhere/Dockerfile: no such file or directory\n")


def test_an_empty_folder(slimify: Run) -> None:
    done = slimify("fix")
    assert (done.returncode, done.stderr) == (0, b"warning: no Dockerfile found in .\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "merge-run"], b"unknown transform 'merge-run'; did you mean 'merge-runs'?"),
        (["--skip", "merge-runs,nonsense"], b"unknown transform 'nonsense'"),
        (["--level", "unsafe"], b"unsafe"),
        (["--nonsense"], b"--nonsense"),
        (["--build-arg", "=x"], b"has no name"),
        (["--check", "--output", "x"], b"choose one"),
        (["--jobs", "0"], b"at least 1"),
        (["-", "Dockerfile"], b"standard input"),
        (["--config", "nowhere.toml"], b"nowhere.toml: cannot be read"),
    ],
)
def test_bad_usage(here: Path, slimify: Run, arguments: list[str], message: bytes) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    done = slimify("fix", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert (here / "Dockerfile").read_bytes() == FAT


def test_bad_usage_of_standard_input_is_told_the_same_way(slimify: Run) -> None:
    done = slimify("fix", "-", "--only", "merge-run", stdin=FAT)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"unknown transform 'merge-run'; did you mean 'merge-runs'?\n"
    assert slimify("fix", "-", "--level", "unsafe", stdin=FAT).returncode == 2
    assert slimify("fix", "-", "--nonsense", stdin=FAT).returncode == 2


def test_output_leaves_the_file_alone(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    assert slimify("fix", "--output", "new").returncode == 0
    assert (here / "Dockerfile").read_bytes() == FAT
    slimify("fix")
    assert (here / "new").read_bytes() == (here / "Dockerfile").read_bytes()
    assert slimify("fix", "--output", "-").stdout == (here / "Dockerfile").read_bytes()


def test_output_is_for_one_file(here: Path, slimify: Run) -> None:
    for name in ("Dockerfile", "Dockerfile.two"):
        (here / name).write_bytes(FAT)
    done = slimify("fix", "--output", "new")
    assert done.returncode == 2
    assert not (here / "new").exists()


def test_standard_input(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    done = slimify("fix", "-", stdin=FAT)
    slimify("fix")
    assert (done.returncode, done.stdout) == (0, (here / "Dockerfile").read_bytes())
    assert done.stderr.startswith(b"Dockerfile:2: ")
    assert slimify("fix", "-", "--quiet", stdin=FAT).stderr == b""


def test_standard_input_with_options(slimify: Run) -> None:
    fixed = slimify("fix", "-", stdin=FAT).stdout
    assert slimify("fix", "--verbose", "-", stdin=FAT).stdout == fixed  # through typer
    assert slimify("fix", "-", "--diff", stdin=FAT).stdout.startswith(b"--- a/Dockerfile\n")
    named = slimify("fix", "-", "--diff", "--stdin-filename=a/b.Dockerfile", stdin=FAT)
    assert named.stdout.startswith(b"--- a/a/b.Dockerfile\n")
    check = slimify("fix", "--check", "-", stdin=FAT)
    assert (check.returncode, check.stdout) == (1, b"")
    assert slimify("fix", "--check", "-", stdin=fixed).returncode == 0
    assert slimify("fix", "-", "--skip", "merge-runs,pair-update-install,clean-package-cache", stdin=FAT).stdout == FAT


def test_standard_input_that_is_broken(slimify: Run) -> None:
    done = slimify("fix", "-", "--stdin-filename", "x/Dockerfile", stdin=BROKEN)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"x/Dockerfile:2:1: ")


@pytest.mark.parametrize(
    "text",
    [
        FAT.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + FAT,
        FAT + b"# caf\xe9 \xff\n",
        FAT.rstrip(b"\n"),
        FAT.replace(b"RUN apt-get update\n", b"\nRUN apt-get update\r\n"),
    ],
    ids=["CRLF", "BOM", "not UTF-8", "no final newline", "mixed"],
)
def test_bytes_survive(here: Path, slimify: Run, text: bytes) -> None:
    (here / "Dockerfile").write_bytes(text)
    assert slimify("fix").returncode == 0
    after = (here / "Dockerfile").read_bytes()
    assert after != text
    assert slimify("fix", "-", stdin=text).stdout == after
    untouched = [line for line in text.split(b"\n") if not line.startswith(b"RUN")]
    assert [line for line in after.split(b"\n") if line in untouched] == untouched


def test_a_target_that_is_not_there(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    done = slimify("fix", "--target", "nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith(b"Dockerfile: ")


def test_reports(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    for form in ("json", "sarif"):
        done = slimify("fix", "--diff", "--format", form)
        assert done.returncode == 0
        json.loads(done.stdout)
        assert json.loads(slimify("fix", "-", "--format", form, stdin=FAT).stdout)
    for form in ("markdown", "github"):
        assert b"Dockerfile" in slimify("fix", "--check", "--format", form).stdout
    assert (here / "Dockerfile").read_bytes() == FAT


def test_color(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    assert b"\x1b[" in slimify("fix", "--diff", "--color", "always").stdout
    assert b"\x1b[" not in slimify("fix", "--diff").stdout


def test_verbose_says_what_was_not_done(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(b"FROM debian:12\nRUN make a\nRUN make b\n")
    assert b"note: " not in slimify("fix").stdout
    assert b"note: " in slimify("fix", "--verbose").stdout


def test_quiet(here: Path, slimify: Run) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    done = slimify("fix", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (here / "Dockerfile").read_bytes() != FAT


@pytest.mark.parametrize("extra", [[], ["--format", "json"], ["--diff"]])
def test_parallel_is_the_same_as_one_after_the_other(here: Path, slimify: Run, extra: list[str]) -> None:
    for number in range(40):
        text = {0: BROKEN, 1: SLIM}.get(number % 7, FAT + b"# %d\n" % number)
        (here / f"Dockerfile.{number}").write_bytes(text)
    one = slimify("fix", "--check", "--jobs", "1", *extra)
    four = slimify("fix", "--check", "--jobs", "4", *extra)
    assert one.returncode == four.returncode == 2
    assert (one.stdout, one.stderr) == (four.stdout, four.stderr)
    assert one.stderr.count(b":2:1: ") == 6


def test_parallel_writes(here: Path, slimify: Run) -> None:
    for number in range(20):
        (here / f"Dockerfile.{number}").write_bytes(FAT)
    assert slimify("fix", "--jobs", "3").returncode == 0
    assert len({(here / f"Dockerfile.{number}").read_bytes() for number in range(20)} | {FAT}) == 2


def test_a_reader_that_goes_away(here: Path) -> None:
    for number in range(30):
        (here / f"Dockerfile.{number}").write_bytes(FAT)
    command = [sys.executable, "-m", "slimify", "fix", "--jobs", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=here) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0
    assert errors == b"30 files rewritten\n"


@pytest.mark.parametrize("arguments", [["fix", "-"], ["fix", "--diff"], ["transforms"], ["config", "schema"]])
def test_a_reader_that_goes_away_from_one_text(here: Path, arguments: list[str]) -> None:
    (here / "Dockerfile").write_bytes(FAT)
    command = [sys.executable, "-m", "slimify", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=here
    ) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdout.close()
        process.stdin.write(FAT)
        process.stdin.close()
        errors = process.stderr.read()
    assert process.returncode == 0
    assert b"Traceback" not in errors and b"Broken" not in errors


def test_build_arg_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from slimify.run import build_args

    monkeypatch.setenv("THERE", "x=y")
    monkeypatch.delenv("NOT_THERE", raising=False)
    assert build_args(["THERE", "NOT_THERE", "A=", "B=c=d"]) == (("THERE", "x=y"), ("A", ""), ("B", "c=d"))


def test_an_interrupt_exits_130(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import slimify.batch
    from slimify.__main__ import main

    def interrupt(task: object) -> None:
        raise KeyboardInterrupt

    (here / "Dockerfile").write_bytes(FAT)
    monkeypatch.setattr(slimify.batch, "work", interrupt)
    assert main(["fix"]) == 130
    assert (here / "Dockerfile").read_bytes() == FAT


def test_a_fault_of_our_own_is_told_and_costs_one_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import slimify as package
    from slimify.config import Settings
    from slimify.run import fix

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("so it goes")

    monkeypatch.setattr(package, "fix", fail)
    message = fix(FAT, "Dockerfile", Settings(), None)
    assert isinstance(message, str)
    assert message.startswith("Dockerfile: internal fault")
    assert "RuntimeError: so it goes" in message
