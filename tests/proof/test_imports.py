"""What is imported inside an image: which interpreters, which packages, and what stops one of them stops no other."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from slimify.proof import import_programs, imports, spoken
from slimify.proof.engine import Engine
from slimify.proof.imports import Loaded, Place, differences, places, summary
from slimify.proof.spoken import Ran

PYTHON = Place("Python", sys.executable)


class Here(Engine):
    """An engine whose containers are this machine, with a folder of packages and a time limit."""

    def __init__(self, folder: Path | None = None, timeout: float = 60.0) -> None:
        super().__init__("none")
        self.folder = folder
        self.timeout = timeout

    def run(
        self,
        image: str,
        name: str,
        argv: Sequence[str],
        entrypoint: str | None = None,
        timeout: float = 60.0,
        arguments: Sequence[str] = (),
    ) -> Ran:
        if self.folder is None:
            return Ran(127, "", "exec: not found")
        assert entrypoint is not None
        # Without the packages of this machine.
        options = ["-S"] if entrypoint == sys.executable else []
        return spoken.run(
            ["env", "-C", str(self.folder), f"PYTHONPATH={self.folder}", entrypoint, *options, *argv], self.timeout
        )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of one distribution with a sound module, and what is wrong in every other way."""
    files = {
        "fine.py": "print('slimify is not disturbed by this')",
        "broken.py": "import nothing_of_this_name",
        "ends.py": "import os; os._exit(3)",
        "hangs.py": "import time; time.sleep(600)",
        "last.py": "",
        "_native.cpython-311-x86_64-linux-gnu.so": "no library",
        "_native.abi3.so": "no library",
        "space/part/__init__.py": "raise ImportError('no part')",
        "whole/__init__.py": "",
        "whole/inner/__init__.py": "raise ImportError('nobody asks for it')",
    }
    about = tmp_path / "things-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: things\nVersion: 1\n")
    (about / "RECORD").write_text("".join(f"{name},,\n" for name in files))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    old = tmp_path / "old.egg-info"
    old.mkdir()
    (old / "PKG-INFO").write_text("Name: old\nVersion: 1\n")
    (old / "top_level.txt").write_text("old_module\n")
    return tmp_path


def test_each_package_of_python_is_tried(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_programs, "EACH", 2)
    found = imports.load(Here(site), "image", "name", PYTHON)
    assert (found.loaded, found.trouble) == (("fine", "last", "whole"), "")
    assert found.failed["ends"] == "it ends the interpreter with status 3"
    assert found.failed["hangs"] == "it is not loaded within 2 s"
    assert found.failed["broken"].startswith("ModuleNotFoundError: ")
    assert found.failed["space.part"] == "ImportError: no part"
    assert found.failed["_native"].startswith("ImportError: ")
    assert found.failed["old_module"].startswith("ModuleNotFoundError: ")
    assert len(found.failed) == 6


def test_what_was_tried_when_the_time_was_over(site: Path) -> None:
    found = imports.load(Here(site, timeout=3.0), "image", "name", PYTHON)
    assert found.late
    assert "not all are loaded" in found.trouble
    assert "fine" in found.loaded


def test_each_package_of_node_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node")
    monkeypatch.setattr(import_programs, "EACH", 5)
    folder = tmp_path / "node_modules"
    texts = {"fine": "", "ends": "process.exit(0)", "broken": "require('nothing')", "@a/b": "", "hangs": "for (;;);"}
    for name, text in texts.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "index.js").write_text(text)
    found = imports.load(Here(tmp_path), "image", "name", Place("Node", node, (str(folder),)))
    assert set(found.loaded) == {f"{folder}/fine", f"{folder}/@a/b"}
    assert found.failed[f"{folder}/ends"] == "it ends the interpreter with status 0"
    assert found.failed[f"{folder}/hangs"] == "it is not loaded within 5 s"
    assert found.failed[f"{folder}/broken"].startswith("MODULE_NOT_FOUND: ")


def test_there_is_no_interpreter() -> None:
    assert imports.load(Here(), "image", "name", PYTHON).trouble == "there is no such interpreter"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ([], []),
        (["usr/lib/python3/dist-packages/hg-1.dist-info/METADATA"], [Place("Python", "python3", may_go=True)]),
        (["usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO"], [Place("Python", "python3", may_go=True)]),
        (["usr/lib/python3/dist-packages/old-1.egg-info"], [Place("Python", "python3", may_go=True)]),
        (
            [
                "usr/lib/python3/dist-packages/hg-1.dist-info/METADATA",
                "usr/bin/python3",
                "usr/local/lib/python3.11/site-packages/six-1.dist-info/METADATA",
                "usr/local/bin/python3",
            ],
            [Place("Python", "/usr/bin/python3", may_go=True), Place("Python", "/usr/local/bin/python3")],
        ),
        (["app/deps/six-1.dist-info/METADATA"], [Place("Python", "python3")]),
        (
            ["venv/lib/python3.11/site-packages/six-1.dist-info/METADATA", "venv/bin/python"],
            [Place("Python", "/venv/bin/python")],
        ),
        (
            [
                "usr/local/lib/python3.11/site-packages/pip-24.0.dist-info/METADATA",
                "usr/local/bin/python3.11",
                "usr/local/bin/python3",
            ],
            [Place("Python", "/usr/local/bin/python3.11", may_go=True)],
        ),
        (["usr/src/app/node_modules/a/index.js"], [Place("Node", "node", ("/usr/src/app/node_modules",))]),
        (["node_modules/a/node_modules/b/index.js"], [Place("Node", "node", ("/node_modules",))]),
        (["usr/local/lib/node_modules/npm/index.js", "usr/share/nodejs/a/node_modules/b/c.js"], []),
        (["app/my_node_modules/a.js"], []),
    ],
)
def test_where_packages_are(files: list[str], found: list[Place]) -> None:
    assert places(files) == found


SOUND = Loaded(("a", "b"), {"c": "ImportError: old"})
LATE = Loaded(("a",), {}, "not all are loaded within 900 s", late=True)


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (SOUND, SOUND, []),
        (SOUND, Loaded(("a",), {"b": "ImportError", "c": "ImportError"}), ["Python package b loads"]),
        (SOUND, Loaded(("a",)), []),
        (SOUND, LATE, [f"all packages of Python ({sys.executable}) load in time"]),
        (LATE, LATE, []),
        (LATE, Loaded((), {"a": "ImportError", "x": "ImportError"}), ["Python package a loads"]),
        (SOUND, Loaded(trouble="there is no such interpreter"), [f"the interpreter of Python ({sys.executable})"]),
        (Loaded(trouble="there is no such interpreter"), Loaded((), {"b": "ImportError"}), []),
    ],
)
def test_differences(before: Loaded, after: Loaded, what: list[str]) -> None:
    assert [one.what for one in differences(before, after, PYTHON)] == what


def test_an_interpreter_may_go_that_no_package_needs() -> None:
    gone = Loaded(trouble="there is no such interpreter")
    assert not list(differences(SOUND, gone, Place("Python", "python3", may_go=True)))


def test_how_much_was_imported() -> None:
    place = Place("Python", "python3")
    assert summary(SOUND, place) == "2 packages of Python imported, 1 not tried, since they did not load before"
    assert summary(Loaded(("a",)), place) == "1 packages of Python imported"
    assert summary(LATE, place).endswith("; not all are loaded within 900 s")
    assert summary(Loaded(trouble="no"), place) == "packages of Python not tried: no"
