"""Configuration files: where they are found, what they say, and what is wrong with them."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from slimify.config import KEYS, LEVELS, NOTHING, SCHEMA, Config, ConfigError, Finder, merge
from slimify.config_values import WrongError, size
from slimify.trial import KEYS as TRIAL_KEYS
from slimify.trial import Trial

from .conftest import FAT, Run

FULL = """\
level = "safe"
only = ["merge-runs", "clean-package-cache"]
skip = ["modern-instructions"]
target = "app"
exclude = ["vendor/"]

[build-args]
VERSION = "1"

[prove]
run = "make 'the test'"
expect = "ok"
wait = 5
network = "host"
arguments = ["-e", "A=b"]
engine = "podman"
builder = "cloud"
platform = "linux/arm64"
secrets = ["id=a"]
timeout = 60
max-size = "1.5GB"
"""


def schema() -> Any:
    return json.loads(Path(SCHEMA).read_text())


def test_everything(here: Path) -> None:
    Path("slimify.toml").write_text(FULL)
    assert Finder().of_folder(".") == Config(
        path="slimify.toml",
        level="safe",
        only=("merge-runs", "clean-package-cache"),
        skip=("modern-instructions",),
        target="app",
        build_args=(("VERSION", "1"),),
        exclude=("vendor/",),
        prove=Trial(
            run=("make", "the test"),
            expect="ok",
            wait=5.0,
            network="host",
            arguments=("-e", "A=b"),
            engine="podman",
            builder="cloud",
            platform="linux/arm64",
            secrets=("id=a",),
            timeout=60.0,
            max_size=1_500_000_000,
        ),
    )


def test_the_schema_is_one_and_takes_what_the_reader_takes() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    assert set(schema()["properties"]) == set(KEYS)
    assert tuple(schema()["properties"]["level"]["enum"]) == LEVELS
    jsonschema.validate(tomllib.loads(FULL), schema())
    assert set(schema()["properties"]["prove"]["properties"]) == set(TRIAL_KEYS)
    for key, about in schema()["properties"]["prove"]["properties"].items():
        for example in about.get("examples", []):
            TRIAL_KEYS[key](example)
    for key, about in schema()["properties"].items():
        for example in about.get("examples", []):
            jsonschema.validate({key: example}, schema())
            KEYS[key](example)


def test_sizes_of_people() -> None:
    sizes = {"0": 0, "500MB": 5 * 10**8, "1.5 GB": 15 * 10**8, "20k": 20_000, "3T": 3 * 10**12}
    for text, count in sizes.items():
        assert size(text) == count
        jsonschema.validate({"prove": {"max-size": text}}, schema())
    for wrong in ("", "MB", "-1MB", "1 MiB", "1e9", 5):
        with pytest.raises(WrongError, match="must be a size"):
            size(wrong)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"prove": {"max-size": wrong}}, schema())


WRONG = [
    ("levle = 'safe'", 1, "unknown key 'levle'; did you mean 'level'?"),
    ("build_args = {}", 1, "unknown key 'build_args'; did you mean 'build-args'?"),
    ("\nlevel = 'unsafe'", 2, "level: unknown level 'unsafe'; did you mean 'safe'?"),
    ("level = 1", 1, "level: must be one of safe, standard, aggressive"),
    ("only = 'merge-runs'", 1, "only: must be a list of strings"),
    ("target = 'x'\nskip = [\n  'merge-runs',\n  'merge-run',\n]", 4, "skip: unknown transform 'merge-run'"),
    ("exclude = [1]", 1, "exclude: must be a list of strings"),
    ("target = []", 1, "target: must be a string"),
    ("[build-args]\nA = '1'\nB = 2", 3, "build-args: B must be a string"),
    ("cache-mounts = 1", 1, "cache-mounts: must be true or false"),
    ("least-megabytes = -1", 1, "least-megabytes: must be a number, and not below 0"),
    ("least-megabytes = true", 1, "least-megabytes: must be a number, and not below 0"),
    ("least-percent = 101", 1, "least-percent: must be a number from 0 to 100"),
    ("build-args = 3", 1, "build-args: must be a table of strings"),
    ("prove = 3", 1, "prove: must be a table"),
    ("[prove]\nhttp = '/'", 2, "prove: http must be a list of strings"),
    ("[prove]\n# await it\nwait = 0", 3, "prove: wait must be a number of seconds"),
    ("[prove]\nmax-size = 'much'", 2, "prove: max-size must be a size like 500MB or 1.5GB, and 'much' is none"),
    ("[prove]\nwait = true", 2, "prove: wait must be a number of seconds"),
    ("[prove]\nrun = 1", 2, "prove: run must be a string or a list of strings"),
    ("[prove]\nexpcet = 'x'", 2, "prove: unknown key 'expcet'; did you mean 'expect'?"),
    ("[prove]\nrun = 'make \"'", 2, "prove: run is no command: no closing quotation"),
    ("[nonsense]\nx = 1", 1, "unknown key 'nonsense'"),
    ("level = 'safe'\nlevel = 'safe'\n", 2, "overwrite"),
    ("level = ", 1, "Invalid value"),
]


@pytest.mark.parametrize(("text", "line", "message"), WRONG)
def test_mistakes(here: Path, text: str, line: int, message: str) -> None:
    Path("slimify.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        Finder().of_folder(".")
    assert str(caught.value).startswith(f"slimify.toml:{line}:")
    assert message.lower() in str(caught.value).lower()


@pytest.mark.parametrize(("text", "line", "message"), WRONG[:19])
def test_mistakes_in_pyproject(here: Path, text: str, line: int, message: str) -> None:
    text = text.replace("[build-args]", "[tool.slimify.build-args]").replace("[nonsense]", "[tool.slimify.nonsense]")
    text = text.replace("[prove]", "[tool.slimify.prove]")
    Path("pyproject.toml").write_text(f"[project]\nlevel = 1\ntarget = 1\n[tool.slimify]\n{text}")
    with pytest.raises(ConfigError) as caught:
        Finder().of_folder(".")
    assert str(caught.value).startswith(f"pyproject.toml:{line + 4}:")
    assert message in str(caught.value)


@pytest.mark.parametrize("text", [case[0] for case in WRONG if "unknown transform" not in case[2]][:16])
def test_the_schema_refuses_mistakes_too(text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), schema())


def test_the_nearest_wins(here: Path) -> None:
    os.makedirs("a/b/c")
    Path("slimify.toml").write_text("level = 'safe'")
    Path("a/slimify.toml").write_text("level = 'aggressive'")
    Path("a/b/pyproject.toml").write_text("[tool.other]\n# nothing of slimify in it, and not even right\n[")
    Path("a/b/pyproject.toml").write_text("[tool.other]\nnot right")
    finder = Finder()
    assert finder.of_file("Dockerfile").level == "safe"
    assert finder.of_file("a/b/c/Dockerfile").level == "aggressive"
    Path("a/pyproject.toml").write_text("[tool.slimify]\nlevel = 'standard'")
    assert Finder().of_file("a/Dockerfile").level == "aggressive"
    Path("a/slimify.toml").unlink()
    assert Finder().of_file("a/b/c/Dockerfile").level == "standard"


def test_a_repository_ends_the_search(here: Path) -> None:
    (here.parent / "slimify.toml").write_text("level = 'safe'")
    assert Finder().of_folder(".") == NOTHING
    (here / ".git").rmdir()
    (here / ".git").write_text("gitdir: elsewhere\n")  # a worktree
    assert Finder().of_folder(".") == NOTHING
    (here / ".git").unlink()
    assert Finder().of_folder(".").level == "safe"


def test_every_file_is_read_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import slimify.config

    Path("slimify.toml").write_text("level = 'safe'")
    os.makedirs("a/b")
    read: list[str] = []
    original = slimify.config._read

    def counted(path: str, *, pyproject: bool) -> Config | None:
        read.append(path)
        return original(path, pyproject=pyproject)

    monkeypatch.setattr(slimify.config, "_read", counted)
    finder = Finder()
    for folder in ("a/b", "a", ".", "a/b"):
        assert finder.of_folder(folder).level == "safe"
    assert len(read) == 1


def test_a_given_file_and_none(here: Path) -> None:
    Path("slimify.toml").write_text("nonsense = 1")
    Path("other.toml").write_text("level = 'safe'")
    assert Finder("other.toml").of_folder("/").level == "safe"
    assert Finder(ignore=True).of_folder(".") == NOTHING
    Path("pyproject.toml").write_text("")
    with pytest.raises(ConfigError, match=r"no \[tool.slimify\]"):
        Finder("pyproject.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        Finder("nowhere.toml")


def test_the_command_line_wins() -> None:
    config = Config(
        level="safe",
        only=("a",),
        skip=("b", "c"),
        target="x",
        build_args=(("A", "1"), ("B", "1")),
        exclude=("v",),
    )
    assert merge(config, NOTHING)._asdict() == {
        "level": "safe",
        "only": ("a",),
        "skip": ("b", "c"),
        "target": "x",
        "build_args": {"A": "1", "B": "1"},
        "cache_mounts": False,
        "least_megabytes": 20.0,
        "least_percent": 10.0,
        "layout": False,
    }
    cli = Config(level="aggressive", only=("b",), target="y", build_args=(("B", "2"),))
    assert merge(config, cli)._asdict() == {
        "level": "aggressive",
        "only": ("b",),
        "skip": ("c",),
        "target": "y",
        "build_args": {"A": "1", "B": "2"},
        "cache_mounts": False,
        "least_megabytes": 20.0,
        "least_percent": 10.0,
        "layout": False,
    }
    assert merge(config, Config(skip=("d",))).skip == ("d",)
    wanted = Config(cache_mounts=True)
    assert merge(wanted, NOTHING).cache_mounts
    assert not merge(wanted, Config(cache_mounts=False)).cache_mounts
    assert merge(NOTHING, wanted).cache_mounts
    assert merge(Config(least_megabytes=0.0, least_percent=5.5), NOTHING)[-2:] == (0.0, 5.5)


def test_the_command_line_wins_over_how_it_is_tried() -> None:
    config = Trial(("a",), ("/a",), "a", 1.0, "a", ("a",))
    assert config.under(Trial()) == config
    assert Trial().under(config) == config
    assert config.under(Trial(http=("/b",), expect="")) == config._replace(run=None, http=("/b",), expect="")
    assert config.under(Trial(run=("b",))) == config._replace(run=("b",), http=None)


def test_through_the_command_line(here: Path, slimify: Run) -> None:
    names = "'merge-runs', 'pair-update-install', 'clean-package-cache'"
    Path("Dockerfile").write_bytes(FAT)
    Path("slimify.toml").write_text(f"skip = [{names}]\nexclude = ['x.Dockerfile']")
    Path("x.Dockerfile").write_bytes(FAT)
    assert slimify("fix", "--check").returncode == 0
    assert slimify("fix", "--check", "-", stdin=FAT).returncode == 0
    assert slimify("fix", "--check", "--no-config").returncode == 1
    assert slimify("fix", "--check", "--no-config", "-", stdin=FAT).returncode == 1
    assert slimify("fix", "--check", "--skip", "modern-instructions", "x.Dockerfile").returncode == 1


def test_a_mistake_is_told_once_and_the_other_files_are_fixed(here: Path, slimify: Run) -> None:
    os.makedirs("bad/deep")
    for path in ("Dockerfile", "bad/Dockerfile", "bad/deep/Dockerfile", "bad/x.Dockerfile"):
        Path(path).write_bytes(FAT)
    Path("bad/slimify.toml").write_text("\nlevle = 'safe'\n")
    for arguments in (["."], ["Dockerfile", "bad/Dockerfile", "bad/x.Dockerfile"]):
        Path("Dockerfile").write_bytes(FAT)
        done = slimify("fix", "-q", *arguments)
        assert done.returncode == 2
        assert done.stderr == b"bad/slimify.toml:2:1: unknown key 'levle'; did you mean 'level'?\n"
        assert Path("Dockerfile").read_bytes() != FAT
        assert Path("bad/Dockerfile").read_bytes() == FAT
    assert slimify("fix", "-", "--stdin-filename", "bad/Dockerfile", stdin=FAT).returncode == 2
