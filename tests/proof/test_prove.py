"""`slimify prove` and `fix --prove`, with an engine that says what it is told to."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import slimify
from slimify.cli import run
from slimify.editor.proofs import proven_text
from slimify.proof import processes
from slimify.proof.engine import BuildOptions, Engine, EngineError, find_engine
from slimify.proof.remembered import recall
from slimify.proof.session import clear_leftovers, session
from slimify.rewrite import registry
from slimify.rewrite.edit import Edit, Finding, Level, Rewrite
from slimify.rewrite.pipeline import Transform
from slimify.semantics.build import Build, analyse
from slimify.syntax.dockerfile import parse
from slimify.syntax.source import Source, Span

from .conftest import AS_IT_IS, CACHE, FAT, FILES, FakeEngine

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def nothing_is_left(engine: FakeEngine, project: Path) -> Iterator[None]:
    """Whatever becomes of a proof, nothing of it stays."""
    yield
    assert engine.left() == []


def reported(capsys: Capture) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


# ------------------------------------------------------------------------------ verdicts


def test_smaller(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows(AS_IT_IS, FILES, CACHE, output="hello")
    engine.knows("", FILES, output="hello")
    assert run(["prove", "--no-rebuild"]) == 0
    text, said = capsys.readouterr()
    assert text.startswith("Dockerfile: smaller, and the same program\n")
    assert "500 kB" in text
    assert "build context" in text
    assert "500 kB less of APT cache" in text
    assert "seen in both: it ends with status 0" in text
    assert said.splitlines()[0] == "building version 0"


def test_the_same_size(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows("", FILES)
    assert run(["prove", "--no-rebuild", "--quiet"]) == 0
    text, said = capsys.readouterr()
    assert text.startswith("Dockerfile: the same program, and no smaller\n")
    assert not said


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"files": {"etc/passwd": "root\n"}}, "/app/main.py"),
        ({"config": {"Cmd": ["wget"]}}, "Cmd"),
        ({"exit": 1}, "exit status"),
        ({"exit": None}, "exit status"),
        ({"output": "bye"}, "output"),
        ({"unstartable": 'exec: "curl": not found in $PATH'}, "exit status"),
    ],
)
def test_another_program(engine: FakeEngine, capsys: Capture, change: dict[str, Any], what: str) -> None:
    engine.knows(AS_IT_IS, FILES, CACHE, output="hello")
    files = change.pop("files", FILES)
    engine.knows("", files, **{"output": "hello", **change})
    assert run(["prove", "--no-rebuild", "--wait", "0.1"]) == 1
    text = capsys.readouterr().out
    assert text.startswith("Dockerfile: another program\n")
    assert f"  different: {what}\n" in text


def test_a_maintainer_becomes_a_label(engine: FakeEngine, project: Path) -> None:
    (project / "Dockerfile").write_text("FROM debian:12-slim\nMAINTAINER me\n")
    engine.knows("MAINTAINER", FILES, config={"author": "me"})
    engine.knows("", FILES, config={"Labels": {"maintainer": "me"}})
    assert run(["prove", "--no-rebuild"]) == 0


def test_what_does_not_load_any_more(engine: FakeEngine, capsys: Capture) -> None:
    files = {**FILES, "usr/lib/python3/dist-packages/Flask-3.0.3.dist-info/METADATA": ""}
    engine.knows(AS_IT_IS, files, CACHE, imports={"python3": {"old": "ImportError: of old"}})
    engine.knows("", files, imports={"python3": {"flask": "ImportError: libffi.so.8", "old": "ImportError: of old"}})
    assert run(["prove", "--no-rebuild", "--format", "json"]) == 1
    assert reported(capsys)["differences"] == [
        {"what": "Python package flask loads", "before": "yes", "after": "ImportError: libffi.so.8"}
    ]


def test_an_interpreter_that_is_gone(engine: FakeEngine, capsys: Capture) -> None:
    files = {**FILES, "usr/src/app/node_modules/a/package.json": "{}"}
    engine.knows(AS_IT_IS, files, CACHE, imports={"node": {}})
    engine.knows("", files)
    assert run(["prove", "--no-rebuild", "--format", "json"]) == 1
    assert [one["what"] for one in reported(capsys)["differences"]] == ["the interpreter of Node"]
    assert "/usr/src/app/node_modules" in engine.calls("run")[0]


def test_an_interpreter_that_only_the_distribution_needs(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows(
        AS_IT_IS, {**FILES, "usr/lib/python3/dist-packages/hg-1.dist-info/METADATA": ""}, imports={"python3": {}}
    )
    engine.knows("", FILES)
    run(["prove", "--no-rebuild", "--format", "json"])
    data = reported(capsys)
    assert "the interpreter of Python" not in [one["what"] for one in data["differences"]]
    assert "1 packages of Python imported" in data["notes"]


def test_the_rewrite_does_not_build(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows(AS_IT_IS, FILES, CACHE)
    engine.knows("", FILES, fails=True, log="#5 make: gcc: No such file or directory")
    assert run(["prove", "--no-rebuild"]) == 1
    text, said = capsys.readouterr()
    assert text.startswith("Dockerfile: the rewritten Dockerfile does not build\n")
    assert "  | #5 make: gcc: No such file or directory\n" in text
    (kept,) = engine.temporary.iterdir()
    assert f"the log of the build that failed: {kept}" in said
    assert "gcc: No such file" in kept.read_text()
    assert len(engine.calls("build")) == 2
    assert run(["prove", "--no-rebuild", "--format", "json"]) == 1
    assert "#5 make: gcc: No such file or directory" in reported(capsys)["log"]
    assert run(["prove", "--no-rebuild", "--format", "markdown"]) == 1
    assert "\n    #5 make: gcc: No such file or directory\n" in capsys.readouterr().out


def test_a_network_that_fails_is_asked_once_more(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows(AS_IT_IS, FILES, CACHE)
    engine.knows("", FILES, fails=True, log="#5 0.3 npm error code ECONNRESET")
    assert run(["prove", "--no-rebuild"]) == 1
    assert len(engine.calls("build")) == 3
    assert "the network failed: building once more" in capsys.readouterr().err


def test_a_larger_image_is_no_success(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    engine.knows(AS_IT_IS, FILES)
    engine.knows("", FILES, CACHE)
    assert run(["prove", "--no-rebuild"]) == 1
    assert capsys.readouterr().out.startswith("Dockerfile: the same program, and larger\n")
    assert run(["fix", "--prove", "Dockerfile"]) == 0
    assert (project / "Dockerfile").read_text() == FAT


def test_what_another_base_brings(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    """Variables and folders of PATH of the bases are nobody's; those of the Dockerfile are its own."""
    (project / "Dockerfile").write_text("FROM golang:1.22\nENV A=b PATH=/own:$PATH\n")
    (project / "slim").write_text("FROM debian:12-slim\nENV A=b PATH=/own:$PATH\n")
    config = {"Cmd": ["x"], "Env": ["PATH=/own:/go/bin:/bin", "GOPATH=/go", "A=b"]}
    engine.knows("golang", FILES, CACHE, config=config)
    engine.knows("", FILES, config={"Cmd": ["x"], "Env": ["PATH=/own:/bin", "SSL=1", "A=b"]})
    assert run(["prove", "--no-rebuild", "--against", "slim"]) == 0
    engine.rules["images"].pop()
    engine.knows("", FILES, config={"Cmd": ["x"], "Env": ["PATH=/bin", "SSL=1"]})
    assert run(["prove", "--no-rebuild", "--against", "slim"]) == 1
    said = capsys.readouterr().out
    assert "different: ENV A" in said
    assert "different: ENV PATH" in said
    (project / "slim").write_text("FROM golang:1.22\nENV A=b PATH=/own:$PATH\n# x\n")
    engine.rules["images"] = engine.rules["images"][:1]
    engine.knows("", FILES, config={**config, "Env": ["PATH=/own:/bin", "A=b"]})
    engine.rules["images"][0]["when"] = "PATH\n"
    engine.rules["images"].reverse()
    engine.rules["images"][0]["when"] = "# x"
    engine.settle()
    assert run(["prove", "--no-rebuild", "--against", "slim"]) == 1
    said = capsys.readouterr().out
    assert "different: ENV GOPATH" in said


SPLIT = "FROM debian:12-slim AS b\nCOPY main.py /app/\nFROM debian:12-slim\nCOPY --from=b /app/x /app/\n"


@pytest.mark.parametrize(
    ("what", "code"),
    [({"exit": 0}, 0), ({"exit": None}, 0), ({"exit": 1}, 1)],
)
def test_what_stays_behind_is_shown_not_to_be_missed(
    engine: FakeEngine, project: Path, capsys: Capture, what: dict[str, Any], code: int
) -> None:
    (project / "main.py").write_text("")
    (project / "Dockerfile").write_text("FROM debian:12-slim\nCOPY main.py /app/\nRUN make\n")
    (project / "split").write_text(SPLIT)
    engine.knows("AS b", {"etc/passwd": "root\n"}, **what)
    engine.knows("", FILES, CACHE, **what)
    assert run(["prove", "--no-rebuild", "--against", "split"]) == code
    said = capsys.readouterr().out
    assert ("nothing was shown to work without them" in said) == bool(code)
    assert ("left out on purpose: /app" in said) or code
    engine.called("buildah")
    assert run(["prove", "--no-rebuild", "--against", "split"]) == 1
    assert "nothing was run without them" in capsys.readouterr().out


def test_it_never_built(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows("", FILES, fails=True)
    assert run(["prove"]) == 3
    assert capsys.readouterr().out.startswith("Dockerfile: the Dockerfile does not build as it is\n")
    assert len(engine.calls("build")) == 1


def test_a_build_that_takes_too_long(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows("", FILES, slow=30)
    assert run(["prove", "--timeout", "0.5"]) == 3
    assert "slimify: stopped after 0 s" in capsys.readouterr().out


# ------------------------------------------------------------------------------ what is asked and seen


def test_answers(engine: FakeEngine, capsys: Capture, served: Callable[..., int]) -> None:
    config: dict[str, Any] = {"ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Healthcheck": {"Test": ["CMD", "true"]}}
    engine.knows(AS_IT_IS, FILES, CACHE, config=config, exit=None, ports={"80/tcp": served("hello")})
    engine.knows("", FILES, config=config, exit=None, ports={"80/tcp": served("hello")}, health=1)
    assert run(["prove", "--no-rebuild", "--http", "/", "--http", "/about"]) == 1
    text = capsys.readouterr().out
    assert "seen in both: the answer of 80/: 200 text/plain" in text
    assert "seen in both: the answer of 80/about: 200 text/plain" in text
    assert "seen in both: it runs on" in text
    assert "different: health check" in text


def test_another_answer(engine: FakeEngine, capsys: Capture, served: Callable[..., int]) -> None:
    config: dict[str, Any] = {"ExposedPorts": {"80/tcp": {}}}
    engine.knows(AS_IT_IS, FILES, CACHE, config=config, exit=None, ports={"80/tcp": served("hello")})
    engine.knows("", FILES, config=config, exit=None, ports={"80/tcp": served("error", 500)})
    assert run(["prove", "--no-rebuild", "--format", "json"]) == 1
    assert reported(capsys)["differences"] == [
        {"what": "answer of 80/", "before": "200 text/plain\n/ hello", "after": "500 text/plain\n/ error"}
    ]


def test_a_command_of_ones_own(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows(AS_IT_IS, FILES, CACHE, output="7 tests passed")
    engine.knows("", FILES, output="7 tests passed")
    assert run(["prove", "--no-rebuild", "--run", "make 'the test'", "--expect", "passed"]) == 0
    started = engine.calls("run")
    assert [one[-2:] for one in started] == [[f"slimify-proof:{one[2][14:]}", "the test"] for one in started]
    assert all(one[one.index("--entrypoint") + 1] == "make" for one in started)
    assert all("none" in one for one in started)
    capsys.readouterr()
    assert run(["prove", "--no-rebuild", "--run", "make test", "--expect", "failed"]) == 1
    assert "different: the expected text 'failed'" in capsys.readouterr().out


def test_a_command_that_does_not_end(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows("", FILES, runs=30)
    assert run(["prove", "--no-rebuild", "--run", "sleep", "--wait", "0.5"]) == 0
    assert "seen in both: it runs on" in capsys.readouterr().out


def test_rebuilds(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    (project / "main.py").write_text("")
    (project / "main.py").chmod(0o444)
    (project / "requirements.txt").write_text("")
    (project / "Dockerfile").write_text(FAT.replace("CMD", "COPY . /app\nCMD"))
    engine.knows(AS_IT_IS, FILES, CACHE)
    engine.knows("", FILES)
    assert run(["prove", "--format", "json"]) == 0
    data = reported(capsys)
    assert set(data["before"]["rebuild_seconds"]) == set(data["after"]["rebuild_seconds"])
    assert set(data["before"]["rebuild_seconds"]) == {"a source", "a manifest"}
    names = [one[one.index("-t") + 1] for one in engine.calls("build")]
    assert len(names) == len(set(names)) == 10, "an image whose name is taken away would be left behind"
    assert (project / "main.py").read_text() == ""


def test_a_build_context_with_the_temporary_folder_in_it(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    (project.parent / "main.py").write_text("")
    engine.knows("", FILES)
    assert run(["prove", "--context", "..", "--format", "json"]) == 0
    assert set(reported(capsys)["before"]["rebuild_seconds"]) == {"a source"}


def test_a_build_context_that_cannot_be_copied(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    (project / "main.py").write_text("")
    os.mkfifo(project / "pipe")
    engine.knows("", FILES)
    assert run(["prove"]) == 0
    assert "rebuilds are not measured" in capsys.readouterr().err


def test_the_build_context_is_what_is_not_ignored(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    (project / "big").write_bytes(bytes(1000))
    (project / "expert").write_text(FAT)
    (project / "expert.dockerignore").write_text("big\nexpert*\n")
    engine.knows("", FILES)
    assert run(["prove", "--no-rebuild", "--against", "expert", "--format", "json"]) == 0
    data = reported(capsys)
    assert data["before"]["context_bytes"] == 1000 + 2 * len(FAT) + 12
    assert data["after"]["context_bytes"] == len(FAT)


def test_both_builds_are_given_the_same(engine: FakeEngine) -> None:
    engine.knows("", FILES)
    options = ["--platform", "linux/arm64", "--network", "host", "--secret", "id=a", "--build-arg", "A=b"]
    assert run(["prove", "--no-rebuild", *options, "--builder", "cloud", "--skip", "merge-runs"]) == 0
    one, other = engine.calls("build")
    assert one[:5] == ["buildx", "build", "--load", "--builder", "cloud"]
    assert all(word in one for word in options)
    assert "--no-cache" in one
    differs = [position for position, word in enumerate(one) if word != other[position]]
    assert {one[position - 1] for position in differs} == {"-f", "-t", "--label"}


def test_fix_builds_as_it_is_told(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    engine.knows(AS_IT_IS, FILES, CACHE)
    engine.knows("", FILES)
    options = ["--platform", "linux/arm64", "--secret", "id=a", "--network", "host", "--builder", "cloud"]
    assert run(["fix", "--check", *options, "Dockerfile"]) == 2
    assert "nothing is built without --prove" in capsys.readouterr().err
    assert run(["fix", "--prove", "--check", *options, "--timeout", "900", "--max-size", "1GB", "Dockerfile"]) == 1
    for one in engine.calls("build"):
        assert all(word in one for word in options)
    (project / "slimify.toml").write_text("[prove]\nplatform = 'linux/s390x'\nsecrets = ['id=b']\nmax-size = '1kB'\n")
    assert run(["fix", "--prove", "--check", "Dockerfile"]) == 2
    assert "linux/s390x" in engine.calls("build")[-1]
    assert "id=b" in engine.calls("build")[-1]


def test_what_the_configuration_says(engine: FakeEngine, project: Path, served: Callable[..., int]) -> None:
    (project / "slimify.toml").write_text(
        "level = 'safe'\nskip = ['merge-runs']\ncache-mounts = true\n[build-args]\nA = '1'\n"
        "[prove]\nhttp = ['/health']\nexpect = 'well'\nnetwork = 'host'\narguments = ['-e', 'MODE=test']\n"
    )
    engine.knows("", FILES, config={"ExposedPorts": {"80/tcp": {}}}, exit=None, ports={"80/tcp": served("well")})
    for command in (["prove", "--no-rebuild"], ["fix", "--prove", "--check", "Dockerfile"]):
        assert run(command) == int(command[0] == "fix")
        one = engine.calls("build")[-1]
        assert one[one.index("--network") + 1] == "host"
        assert one[one.index("--build-arg") + 1] == "A=1"
        other = engine.calls("run")[-1]
        assert other[other.index("-e") + 1] == "MODE=test"
        (engine.state / "calls").unlink()
    assert run(["prove", "--no-rebuild", "--network", "none", "--argument", "-e 'MODE=a b'", "--expect", "ill"]) == 1
    assert "none" in engine.calls("build")[-1]
    assert "MODE=a b" in engine.calls("run")[-1]
    assert run(["prove", "--no-rebuild", "--no-config"]) == 0
    assert "--network" not in engine.calls("build")[-1]


def test_podman(engine: FakeEngine, capsys: Capture) -> None:
    engine.called("podman")
    engine.knows(AS_IT_IS, FILES, CACHE, config={"Cmd": ["x"], "Healthcheck": {"Test": ["NONE"]}})
    engine.knows("", FILES, config={"Cmd": ["x"], "Healthcheck": {"Test": ["NONE"]}})
    assert run(["prove", "--no-rebuild"]) == 0
    one = next(one for one in engine.calls("build") if "-t" in one)
    assert one[:3] == ["build", "--format", "docker"]
    assert one[one.index("--ignorefile") + 1] == one[one.index("-f") + 1] + ".dockerignore"
    assert "--progress" not in one
    capsys.readouterr()
    assert run(["prove", "--builder", "cloud"]) == 2
    assert "podman has no builders; they are docker's" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_the_images_of_single_steps_are_removed(engine: FakeEngine, name: str) -> None:
    engine.called(name)
    theirs, inside, ours, said = (letter * 64 for letter in "1234")
    (engine.state / "steps").mkdir()
    (engine.state / "steps" / theirs).write_text("<none>")
    # One that was there before, one that is new and not mentioned, two of ours, and a name that a RUN prints.
    log = f"STEP 1/3: FROM a\n--> {theirs[:12]}\n--> {ours[:12]}\n--> {said[:12]}\n--> deadbeef0000\n"
    engine.knows("", FILES, log=log, steps=[inside, ours, said])
    found = find_engine()
    with session(found) as names:
        path = names.path("0", "log")
        found.build("Dockerfile", ".", names.image("0"), BuildOptions(), path, cache=False)
        assert found.made(path) == [said, ours]
        # As after a crash, when all that is known lies in the folder.
        find_engine().remove_made(path)
        assert found.made(path) == []
    assert sorted(one.name for one in (engine.state / "steps").iterdir()) == [theirs, inside]
    assert [one for one in engine.calls("rmi") if ":" not in one[-1]] == [["rmi", said], ["rmi", ours]]
    assert found.made("no such log") == []


def test_an_engine_that_labels_single_steps(engine: FakeEngine) -> None:
    engine.called("podman")
    engine.rules["labels"] = True
    engine.knows("", FILES, steps=["5" * 64])
    found = find_engine()
    with session(found) as names:
        path = names.path("0", "log")
        found.build("Dockerfile", ".", names.image("0"), BuildOptions(), path, cache=False)
        built = next(one for one in engine.calls("build") if "-t" in one)
        assert built[built.index("--layer-label") + 1] == f"slimify.proof={names.image('0')}"
        found.made(path)
        listed = engine.calls("images")[-1]
        assert listed[listed.index("--filter") + 1] == f"label=slimify.proof={names.image('0')}"


def test_the_folder_of_a_dockerfile(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    engine.knows("", FILES)
    assert run(["prove", "--no-rebuild", "--format", "json"]) == 0
    assert run(["prove", "--no-rebuild", "--format", "json", str(project)]) == 0
    (project / "Dockerfile").rename(project / "Containerfile")
    assert run(["prove", "--no-rebuild", "--format", "json", str(project)]) == 0
    assert capsys.readouterr().out.count('"verdict": "same-size"') == 3
    (project / "Containerfile").unlink()
    assert run(["prove", "--no-rebuild", str(project)]) == 2
    assert f"{project}: no Dockerfile in it" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["text", "markdown", "json", "html"])
def test_buildah_compares_and_does_not_run(engine: FakeEngine, capsys: Capture, form: str) -> None:
    engine.called("buildah")
    engine.knows(AS_IT_IS, FILES, CACHE)
    engine.knows("", FILES)
    assert run(["prove", "--no-rebuild", "--format", form]) == 0
    assert "buildah starts no containers; podman, which uses the same images, does" in capsys.readouterr().out
    assert "--layers" in next(one for one in engine.calls("build") if "-t" in one)


def test_buildah_finds_another_program(engine: FakeEngine) -> None:
    engine.called("buildah")
    engine.knows(AS_IT_IS, FILES, CACHE)
    engine.knows("", FILES, config={"Cmd": ["wget"]})
    assert run(["prove", "--no-rebuild"]) == 1


def test_against_another_dockerfile(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    (project / "expert.Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    engine.knows("scratch", FILES)
    engine.knows("", FILES, CACHE)
    assert run(["prove", "--no-rebuild", "--against", "expert.Dockerfile", "--format", "json"]) == 0
    assert reported(capsys)["verdict"] == "smaller"


def test_the_compressed_size(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows(AS_IT_IS, FILES, {"var/lib/apt/lists/all": b"x" * 2_000_000})
    engine.knows("", FILES)
    assert run(["prove", "--no-rebuild", "--compressed", "--format", "json"]) == 0
    data = reported(capsys)
    assert data["before"]["bytes"] > 2_000_000
    assert 100 < data["after"]["compressed_bytes"] < data["before"]["compressed_bytes"] < 5_000
    assert run(["prove", "--no-rebuild", "--compressed"]) == 0
    assert "  image, compressed" in capsys.readouterr().out
    assert run(["prove", "--no-rebuild", "--format", "json"]) == 0
    assert reported(capsys)["before"]["compressed_bytes"] is None


def test_an_image_that_is_too_large(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    engine.knows("", FILES, CACHE)
    assert run(["prove", "--no-rebuild", "--max-size", "200kB"]) == 2
    assert "is larger than 200 kB; --max-size allows more" in capsys.readouterr().err
    assert run(["prove", "--no-rebuild", "--max-size", "1 MB"]) == 0


@pytest.mark.parametrize("command", [[], ["--run", "make"]])
def test_an_engine_that_refuses_to_run(engine: FakeEngine, capsys: Capture, command: list[str]) -> None:
    engine.knows("", FILES, unstartable="unknown flag: --nosuchflag", refused=125)
    assert run(["prove", "--no-rebuild", "--argument", "--nosuchflag", *command]) == 2
    assert "docker run: Error: unknown flag: --nosuchflag" in capsys.readouterr().err


def test_a_fault_that_is_not_the_dockerfile_s(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows("", FILES, fails=True, log='ERROR: no builder "nosuch" found')
    assert run(["prove", "--builder", "nosuch"]) == 2
    assert 'docker build: ERROR: no builder "nosuch" found' in capsys.readouterr().err


def test_nothing_was_shown_to_work(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows("", FILES, exit=1)
    assert run(["prove", "--no-rebuild"]) == 0
    assert "  nothing was shown to work\n" in capsys.readouterr().out
    assert run(["prove", "--no-rebuild", "--format", "markdown"]) == 0
    assert "- `nothing was shown to work`\n" in capsys.readouterr().out


# ------------------------------------------------------------------------------ reports


def test_the_report_for_programs(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows(AS_IT_IS, FILES, CACHE)
    engine.knows("", FILES)
    assert run(["prove", "--no-rebuild", "--format", "json"]) == 0
    data = reported(capsys)
    assert (data["name"], data["verdict"]) == ("Dockerfile", "smaller")
    assert (data["before"]["bytes"], data["after"]["bytes"]) == (500_014, 14)
    assert (data["before"]["layers"], data["after"]["layers"]) == (2, 1)
    assert data["before"]["context_bytes"] == len(FAT)
    assert data["gone"] == [{"what": "APT cache", "bytes": 500_000}]
    assert data["differences"] == []
    assert [one["transform"] for one in data["changes"]] == ["pair-update-install", "clean-package-cache"]
    assert [one["exit"] for one in data["seen"]] == [0, 0]


def test_the_report_for_pull_requests(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows(AS_IT_IS, FILES, CACHE, output="one\ntwo")
    engine.knows("", FILES, output="` @somebody `")
    assert run(["prove", "--no-rebuild", "--format", "markdown"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "**Dockerfile: another program**"
    assert "| image | 500 kB | 14 B | -100 % |" in lines
    assert lines[-1] == "- `output`: `one two` → `' @somebody '`"


# ------------------------------------------------------------------------------ what goes wrong


def test_no_engine(engine: FakeEngine, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert run(["prove"]) == 2
    said = capsys.readouterr().err
    assert "no engine is installed; install docker (https://docs.docker.com/engine/install/)" in said
    assert run(["prove", "--engine", "podman"]) == 2
    assert "podman is not installed; install podman (https://podman.io" in capsys.readouterr().err
    assert run(["prove", "--engine", "kaniko"]) == 2
    assert "kaniko is no engine; docker, podman, buildah are" in capsys.readouterr().err


def test_an_engine_that_does_not_answer(engine: FakeEngine, capsys: Capture) -> None:
    engine.rules["silent"] = True
    engine.settle()
    assert run(["prove"]) == 2
    assert "docker version: Error: cannot connect to the daemon" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere"], "nowhere: No such file or directory"),
        (["--against", "nowhere"], "nowhere: No such file or directory"),
        (["--skip", "merge-run"], "unknown transform 'merge-run'"),
        (["--build-arg", "=x"], "has no name"),
        (["--max-size", "much"], "--max-size must be a size like 500MB or 1.5GB, and 'much' is none"),
        (["--run", "'x"], "--run is no command: no closing quotation"),
        (["--run", ""], "--run is empty"),
        (["--http", "health"], "--http must begin with /, which 'health' does not"),
        (["--http", "/a\tb"], "--http cannot be asked for: '/a\\tb'"),
        (["--http", "/health", "--wait", "0.1"], "/health is to be asked for, and the image exposes no port; --port"),
        (["--run", "true", "--http", "/"], "run and http exclude each other"),
        (["--port", "0"], "--port must be a list of numbers from 1 to 65535"),
        (["--wait", "-1"], "--wait must be a number of seconds"),
        (["--wait", "nan"], "--wait must be a number of seconds"),
        (["--timeout", "0"], "--timeout must be a number of seconds"),
        (["--config", "nowhere.toml"], "nowhere.toml: cannot be read"),
    ],
)
def test_bad_usage(engine: FakeEngine, capsys: Capture, arguments: list[str], why: str) -> None:
    engine.knows("", FILES)
    assert run(["prove", "--no-rebuild", *arguments]) == 2
    assert why in capsys.readouterr().err


def test_an_image_that_cannot_be_read(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows("", FILES)
    (engine.state / "0.tar").write_bytes(b"nothing")
    assert run(["prove", "--no-rebuild"]) == 2
    assert "is no archive of an image" in capsys.readouterr().err


# ------------------------------------------------------------------------------ fix --prove


def inserting(name: str, before: str, option: str) -> Transform:
    """A transform that gives a command an option, in front of a text."""

    def apply(build: Build) -> Iterator[Rewrite | Finding]:
        text = build.dockerfile.source.text
        at = text.find(before)
        if at >= 0 and f"{option} {before}" not in text:
            edit = Edit(Span(at, at), f"{option} ")
            yield Rewrite(name, Level.SAFE, f"give {before} the option {option}", "a test wants it", (edit,))

    return Transform(name, Level.SAFE, "for a test", apply)


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Transform:
    """A transform of a plug-in with which nothing is installed any more."""
    transform = inserting("break-it", "-y curl", "--simulate")
    monkeypatch.setattr(registry, "transforms", partial(tuple, (*registry.transforms(), transform)))
    return transform


def test_fix_writes_what_is_proved(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    engine.knows(AS_IT_IS, FILES, CACHE)
    engine.knows("", FILES)
    assert run(["fix", "--prove", "Dockerfile"]) == 0
    assert "rm -rf /var/lib/apt/lists/*" in (project / "Dockerfile").read_text()
    assert "Dockerfile: smaller, and the same program" in capsys.readouterr().err


def test_fix_and_prove_take_all_that_is_settled(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    """What is built is what `fix` would write, down to the layout."""
    engine.knows("", FILES)
    (project / "Dockerfile").write_text("FROM debian:12\nRUN echo a && echo b && \\\n    echo c\n")
    (project / "slimify.toml").write_text("level = 'safe'\nlayout = true\n")
    assert run(["fix", "--check", "--quiet", "Dockerfile"]) == 1
    assert run(["fix", "--prove", "Dockerfile"]) == 0
    assert (project / "Dockerfile").read_text() == ("FROM debian:12\nRUN echo a && \\\n    echo b && \\\n    echo c\n")


@pytest.mark.parametrize("how", [{"fails": True}, {"exit": 127}, {"config": {"Cmd": ["wget"]}}])
def test_fix_leaves_out_the_transform_that_breaks_it(
    engine: FakeEngine, project: Path, capsys: Capture, breaking: Transform, how: dict[str, Any]
) -> None:
    engine.knows("--simulate", FILES, **how)
    engine.knows(AS_IT_IS, FILES, CACHE)
    engine.knows("", FILES)
    assert run(["fix", "--prove", "Dockerfile"]) == 0
    written = (project / "Dockerfile").read_text()
    assert "--simulate" not in written
    assert "rm -rf /var/lib/apt/lists/*" in written
    said = capsys.readouterr().err
    assert "left out: break-it" in said
    assert "Dockerfile: break-it is left out" in said
    texts = [Path(one[one.index("-f") + 1]).parent.name for one in engine.calls("build")]
    assert len(texts) == len(set(texts)), "no text is built twice"


def test_fix_finds_one_in_the_middle(
    engine: FakeEngine, project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = [inserting(f"step-{number}", f"s{number}", "-n") for number in range(7)]
    monkeypatch.setattr(registry, "transforms", partial(tuple, (*registry.transforms(), *more)))
    (project / "Dockerfile").write_text("FROM debian\n" + "".join(f"RUN echo s{number}\n" for number in range(7)))
    engine.knows("-n s4", FILES, exit=3)
    engine.knows("-n s2", FILES, fails=True)
    engine.knows("", FILES)
    names = ",".join(one.name for one in more)
    assert run(["fix", "--prove", "--only", names, "Dockerfile"]) == 0
    written = (project / "Dockerfile").read_text()
    assert [number for number in range(7) if f"-n s{number}" in written] == [0, 1, 3, 5, 6]
    said = capsys.readouterr().err
    assert [line for line in said.splitlines() if line.startswith("left out")] == [
        "left out: step-2",
        "left out: step-4",
    ]


def test_fix_writes_nothing_where_everything_breaks_it(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    engine.knows(AS_IT_IS, FILES)
    engine.knows("", FILES, exit=1)
    assert run(["fix", "--prove", "Dockerfile"]) == 0
    assert (project / "Dockerfile").read_text() == FAT
    assert "1 file left as it is" in capsys.readouterr().err


@pytest.mark.parametrize("how", [{"fails": True}, {"archive": "missing.tar"}])
def test_fix_writes_nothing_without_a_proof(
    engine: FakeEngine, project: Path, capsys: Capture, how: dict[str, Any]
) -> None:
    engine.knows("", FILES, **how)
    assert run(["fix", "--prove", "Dockerfile"]) == 2
    assert (project / "Dockerfile").read_text() == FAT
    assert [path.name for path in project.iterdir() if path.name != ".git"] == ["Dockerfile"]


def test_fix_asks_for_no_more_than_it_is_asked(engine: FakeEngine, project: Path) -> None:
    engine.knows(AS_IT_IS, FILES, CACHE)
    engine.knows("", FILES)
    assert run(["fix", "--prove", "--check", "Dockerfile"]) == 1
    assert (project / "Dockerfile").read_text() == FAT
    assert run(["fix", "--prove", "--cache-mounts", "Dockerfile"]) == 0
    assert "--mount=type=cache" in (project / "Dockerfile").read_text()


def test_standard_input_is_not_proved(engine: FakeEngine, capsys: Capture) -> None:
    assert run(["fix", "--prove", "-"]) == 2
    assert "standard input has no build context" in capsys.readouterr().err


# ------------------------------------------------------------------------------ what is left behind


class Halt(Exception):
    pass


def test_after_an_exception(engine: FakeEngine) -> None:
    engine.knows("", FILES)
    docker = find_engine()
    with pytest.raises(Halt), session(docker) as names:
        made(docker, engine, names.image("0"), names.container("0"))
        Path(names.path("0", "log")).write_text("x")
        assert len(engine.left()) == 3
        raise Halt
    assert engine.left() == []


def made(docker: Engine, engine: FakeEngine, image: str, container: str) -> None:
    """An image and a container with these names."""
    (engine.state / "images" / image).write_text(json.dumps(engine.rules["images"][0]))
    docker.start(image, container, [])


def test_keep(engine: FakeEngine, capsys: Capture) -> None:
    engine.knows("", FILES)
    assert run(["prove", "--no-rebuild", "--keep"]) == 0
    images = [path.name for path in (engine.state / "images").iterdir()]
    (folder,) = engine.temporary.iterdir()
    assert sorted(one.rpartition("-")[2] for one in images) == ["0", "1"]
    assert (folder / "1" / "Dockerfile").read_text() != FAT
    assert "transferring context" in (folder / "0" / "log").read_text()
    told = capsys.readouterr().err
    assert f"kept: the images {images[0].rpartition('-')[0]}-…, and the logs below {folder}" in told
    # Not even a later start removes it, when this process is gone.
    give_to_a_dead_process(engine, f"k{os.getpid()}s", "k{}s")
    assert clear_leftovers(find_engine()) == []
    give_to_a_dead_process(engine, "k", "p")
    assert len(clear_leftovers(find_engine())) == 1


def give_to_a_dead_process(engine: FakeEngine, owner: str, other: str) -> None:
    """Rename what is left after a process that ended long ago."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for folder in (engine.state / "images", engine.state / "containers", engine.temporary):
        for path in folder.iterdir():
            path.rename(path.with_name(path.name.replace(owner, other.format(dead.pid))))


def test_what_a_dead_process_left(engine: FakeEngine) -> None:
    engine.knows("", FILES)
    docker = find_engine()
    with session(docker) as names:
        made(docker, engine, names.image("0"), names.container("0"))
        names.path("0", "log")
        give_to_a_dead_process(engine, f"p{os.getpid()}s", "p{}s")
    (engine.state / "images" / "debian:12").write_text("{}")
    (engine.state / "containers" / "slimify-proof-of-somebody").write_text("{}")
    assert len(clear_leftovers(docker)) == 1
    assert engine.left() == ["debian:12", "slimify-proof-of-somebody"]
    for path in (engine.state / "images" / "debian:12", engine.state / "containers" / "slimify-proof-of-somebody"):
        path.unlink()


def test_a_number_that_another_process_has_by_now(engine: FakeEngine) -> None:
    with session(find_engine()) as names:
        owner = names.identity.replace(f"s{processes.started(os.getpid())}h", "s1h")
    (engine.temporary / f"slimify-proof-{owner}").mkdir(0o700)
    assert clear_leftovers(find_engine()) == [owner]


def test_a_folder_that_somebody_else_made(engine: FakeEngine) -> None:
    """Everybody may make a folder of such a name, and write into it what is to be ended."""
    with session(find_engine()) as names:
        owner = names.identity.replace(f"p{os.getpid()}s", "p4194999s")
    planted = engine.temporary / f"slimify-proof-{owner}"
    planted.mkdir(0o755)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as victim:
        (planted / "x.process").write_text(f"{victim.pid} {processes.started(victim.pid)}")
        clear_leftovers(find_engine())
        assert victim.poll() is None
        victim.kill()
    assert planted.exists()
    shutil.rmtree(planted)
    planted.symlink_to(engine.temporary.parent)
    clear_leftovers(find_engine())
    assert engine.temporary.parent.exists()
    planted.unlink()


def test_what_another_container_makes_with_the_same_engine(engine: FakeEngine) -> None:
    """Its processes have numbers of their own, so that only what is old is known to be left."""
    with session(find_engine()) as names:
        other = re.sub("h[0-9a-f]{8}t", "h00000000t", names.identity).replace(f"p{os.getpid()}s", "p4194999s")
    (engine.state / "images" / f"slimify-proof:{other}-0").write_text("{}")
    assert clear_leftovers(find_engine()) == []
    old = re.sub("t[0-9a-f]+x", f"t{int(time.time()) - 50 * 3600:x}x", other)
    (engine.state / "images" / f"slimify-proof:{other}-0").rename(engine.state / "images" / f"slimify-proof:{old}-0")
    assert clear_leftovers(find_engine()) == [old]


def test_a_second_interruption_does_not_stop_the_cleaning(engine: FakeEngine) -> None:
    engine.knows("", FILES)
    docker = find_engine()
    remove = docker.remove_image

    def interrupted(name: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        remove(name)

    docker.remove_image = interrupted  # type: ignore[method-assign]
    with pytest.raises(Halt), session(docker) as names:
        made(docker, engine, names.image("0"), names.container("0"))
        raise Halt
    assert engine.left() == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def started(engine: FakeEngine, *arguments: str) -> subprocess.Popen[bytes]:
    """The program in a process of its own, when it has begun to build."""
    command = [sys.executable, "-m", "slimify", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while not (engine.state / "building").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [["prove"], ["fix", "--prove", "Dockerfile"]])
def test_an_interruption(engine: FakeEngine, project: Path, how: signal.Signals, command: list[str]) -> None:
    engine.knows("", FILES, slow=60)
    with started(engine, *command) as process:
        assert len(engine.left()) == 1
        process.send_signal(how)
        said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert engine.left() == []
    assert (project / "Dockerfile").read_text() == FAT


def test_a_kill_and_the_next_start(engine: FakeEngine, project: Path, capsys: Capture) -> None:
    engine.knows(AS_IT_IS, FILES, CACHE)
    engine.knows("", FILES, slow=3)
    with started(engine, "prove", "--no-rebuild") as process:
        process.kill()
        process.communicate(timeout=30)
    time.sleep(3.5)  # the build is not killed with it, and comes to its end
    assert len(engine.left()) == 3
    engine.rules["images"][1]["slow"] = 0
    engine.settle()
    assert run(["prove", "--no-rebuild"]) == 0


def test_an_engine_that_fails_while_things_are_removed(engine: FakeEngine) -> None:
    docker = find_engine()
    with session(docker):
        engine.rules["silent"] = True
        engine.settle()
    with pytest.raises(EngineError, match="cannot be started"):
        Engine("nothing-of-this-name")._asked(["version"])


# ------------------------------------------------------------------------------ what is kept for editors


def hovered(text: str, number: int) -> str:
    """What an editor shows of the instruction with this number."""
    build = analyse(parse(Source(text, "Dockerfile")))
    return proven_text(build, text, build.dockerfile.instructions[number])


def test_what_a_proof_has_measured_is_kept(engine: FakeEngine, project: Path) -> None:
    base: dict[str, str | bytes] = {"base": b"x" * 2_000_000}
    engine.knows(AS_IT_IS, base, CACHE, {"curl": b"x" * 300_000})
    engine.knows("", base, {"curl": b"x" * 300_000})
    assert hovered(FAT, 0) == ""
    assert run(["prove", "--no-rebuild"]) == 0
    today = f"{datetime.now(UTC):%F}"
    whole = f"**2.8 MB** has the image, by the proof of {today}; as the same program it had 2.3 MB"
    assert hovered(FAT, 0) == whole
    assert hovered(FAT, 1) == f"**500 kB** in its layer, by the proof of {today}"
    assert hovered(FAT, 2) == f"**300 kB** in its layer, by the proof of {today}"
    assert hovered(FAT, 3) == "", "a CMD makes no layer"
    assert hovered(FAT + "# another text\n", 0) == ""
    assert hovered(FAT.replace("RUN apt-get update", "COPY a b"), 1) == ""
    rewritten = slimify.fix(FAT, context=str(project)).after.text
    assert hovered(rewritten, 0).startswith("**2.3 MB** has the image")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"size": "x", "layers": 1}', b"\xff", b"[" * 70_000])
def test_a_damaged_memory_is_none(engine: FakeEngine, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.knows("", FILES)
    run(["prove", "--no-rebuild"])
    (kept, *_) = Path(os.environ["XDG_CACHE_HOME"], "slimify", "proofs").glob("*.json")
    for path in kept.parent.glob("*.json"):
        path.write_bytes(content)
    assert recall(FAT) is None
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert run(["prove", "--no-rebuild", "--quiet"]) == 0, "where nothing can be kept, nothing is"
