"""Which packages of npm run install scripts, and the script that reads that from lock files."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from slimify.knowledge.columns import unpack
from slimify.knowledge.language_packages import _entries
from slimify.knowledge.node_scripts import _lines, line, runs_script

SCRIPT = Path(__file__).parents[2] / "scripts" / "read_lock_scripts.py"


def test_lines_of_versions() -> None:
    assert [line(one) for one in ("4.18.2", "10.0.0-rc.1", "0.3.1", "0.0.7")] == ["4", "10", "0.3", "0.0"]
    assert [line(one) for one in ("", "4", "4.1", "^4.1.0", "file:../a", "v1.0.0")] == [None] * 6


def test_what_is_known_of_packages() -> None:
    assert runs_script("accepts", "1.3.8") is False
    assert runs_script("koa", "2.15.0") is False
    assert runs_script("fastify", "4.28.1") is False
    assert runs_script("@nestjs/platform-express", "10.4.1") is False
    # A line that nobody was seen to lock, and what is no version of a registry.
    assert runs_script("accepts", "99.0.0") is None
    assert runs_script("accepts", "") is None
    assert runs_script("no-such-package-of-anybody", "1.0.0") is None


@pytest.mark.parametrize("name", ["bcrypt", "better-sqlite3", "canvas", "node-pty", "re2", "sqlite3", "node-sass"])
def test_what_compiles_runs_a_script(name: str) -> None:
    assert runs_script(name, "1.0.0") is True


def test_it_agrees_with_what_is_written_by_hand() -> None:
    """What people know to be compiled or downloaded was never seen without a script."""
    by_hand = {name for name, entry in _entries("node_packages").items() if entry["kind"] in ("compiled", "downloaded")}
    assert not [name for name in by_hand if _lines().get(name)]


def test_there_are_many() -> None:
    quiet = [name for name, lines in _lines().items() if lines]
    assert len(quiet) > 10_000


def lock(**packages: dict[str, Any]) -> dict[str, Any]:
    """A lock file; `a_1_0_0` is the key of a@1.0.0."""
    found = {}
    for key, more in packages.items():
        name, _, version = key.partition("_")
        version = version.replace("_", ".")
        resolved = f"https://r.example/{name}/-/{name}-{version}.tgz"
        found[f"node_modules/{name}"] = {"version": version, "resolved": resolved, **more}
    return {"lockfileVersion": 3, "packages": {"": {"name": "root"}, **found}}


def collected(folder: Path, monkeypatch: pytest.MonkeyPatch, *locks: Any) -> dict[str, list[str]]:
    """What the script makes of lock files, after what the result held before."""
    result = folder / "result.xz"
    for number, one in enumerate(locks):
        (folder / f"{number}.json").write_text(one if isinstance(one, str) else json.dumps(one))
    module = runpy.run_path(str(SCRIPT))
    monkeypatch.setitem(module["main"].__globals__, "RESULT", result)
    monkeypatch.setattr(sys, "argv", ["read_lock_scripts.py", *map(str, sorted(folder.glob("*.json")))])
    module["main"]()
    return unpack(result.read_bytes())


def test_lines_and_scripts_are_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = [
        lock(a_1_0_0={}, b_0_3_1={}, c_1_0_0={"hasInstallScript": True}),
        lock(a_10_2_0={}, c_2_0_0={}),
        "{ broken",
        {"lockfileVersion": 1, "dependencies": {"old": {"version": "1.0.0"}}},
    ]
    found = collected(tmp_path, monkeypatch, *first)
    assert dict(zip(found["names"], found["lines"], strict=True)) == {"a": "1 10", "b": "0.3"}
    assert found["scripted"] == ["c"]
    # What other files tell is added, and a script is not forgotten.
    found = collected(tmp_path, monkeypatch, lock(a_2_1_0={}, c_3_0_0={}), "", "", "")
    assert dict(zip(found["names"], found["lines"], strict=True)) == {"a": "1 2 10", "b": "0.3"}
    assert found["scripted"] == ["c"]


def test_what_no_registry_delivers_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = {
        "node_modules/link": {"link": True, "resolved": "packages/link"},
        "packages/own": {"name": "own", "version": "1.0.0"},
        "node_modules/git": {"version": "1.0.0", "resolved": "git+ssh://git@example.org/git.git#1234"},
        "node_modules/tar": {"version": "1.0.0", "resolved": "file:tar-1.0.0.tgz"},
        "node_modules/bare": {"version": "1.0.0"},
        "node_modules/inner": {"version": "1.0.0", "inBundle": True, "integrity": "sha512-"},
        "node_modules/hash": {"version": "1.0.0", "integrity": "sha512-"},
        "node_modules/alias": {
            "name": "@s/real",
            "version": "2.0.0",
            "resolved": "https://r.example/@s/real/-/real-2.0.0.tgz",
        },
    }
    found = collected(tmp_path, monkeypatch, {"lockfileVersion": 2, "packages": packages})
    assert found["names"] == ["@s/real", "hash"]


def test_a_file_without_marks_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """npm may write a lock file from a tree that lies there already, and then it marks nothing."""
    found = collected(
        tmp_path,
        monkeypatch,
        lock(native_1_0_0={"hasInstallScript": True}, a_1_0_0={}),
        lock(native_1_0_0={}, rare_1_0_0={}),
    )
    assert found["names"] == ["a"]
    assert found["scripted"] == ["native"]
