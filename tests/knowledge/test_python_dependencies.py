"""The table of dependencies: what it says, how far it goes, and how lock files are read for it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest
from packaging.version import Version

import slimify.knowledge
from slimify.knowledge.language_packages import normalised, python_package
from slimify.knowledge.python_dependencies import dependencies

ROOT = Path(__file__).parent.parent.parent
DATA = json.loads((Path(slimify.knowledge.__file__).parent / "python_dependencies.json").read_text(encoding="utf-8"))
BY_HAND, LOCKED = DATA["by_hand"], DATA["locked"]


def test_what_is_written_by_hand_is_closed() -> None:
    for name, required in BY_HAND.items():
        assert python_package(name) is not None, name
        assert name not in required
        assert list(required) == sorted(required)
        assert all(dependencies(other) is not None for other in required), name
    assert list(BY_HAND) == sorted(BY_HAND)


def test_what_is_read_from_lock_files_is_in_order() -> None:
    for name, (first, last, required) in LOCKED.items():
        assert name == normalised(name)
        assert Version(first) <= Version(last), name
        assert name not in required
        assert list(required) == sorted(set(required))
    assert list(LOCKED) == sorted(LOCKED)


def test_what_a_package_requires_is_known_too_or_nothing_is_said_of_it() -> None:
    """A name that is in neither part is asked for in vain, and a split refused: these are all there are."""
    unknown = {other for _, _, required in LOCKED.values() for other in required if dependencies(other) is None}
    assert unknown == NOT_LOCKED


# What requires them was locked in a version, or for a platform, that the locking project never installs.
NOT_LOCKED: set[str] = set()


# Of each of them everything is known that it leads to, and of all of that what it needs.
COMMON = """
    alembic beautifulsoup4 boto3 celery cryptography django djangorestframework fastapi flask flask-migrate gunicorn
    lxml matplotlib mysqlclient numpy openpyxl pandas paramiko pillow psycopg2 pytest python-ldap redis requests
    scikit-learn sqlalchemy tabulate uvicorn
"""


@pytest.mark.parametrize("name", COMMON.split())
def test_common_packages_are_known_through_and_through(name: str) -> None:
    waiting = [name]
    for one in waiting:
        assert python_package(one) is not None, one
        required = dependencies(one)
        assert required is not None, one
        waiting += [other for other in required if other not in waiting]


def test_names_are_normalised_and_what_is_unknown_is_none() -> None:
    assert dependencies("Flask_SQLAlchemy") == ("flask", "sqlalchemy")
    assert dependencies("psycopg2") == ()
    assert dependencies("no-such-package") is None


@pytest.mark.parametrize(
    ("specifier", "known"),
    [
        ("", True),
        ("==2.0", True),
        ("==2.1.7", True),
        (">=1", True),
        ("~=3.4", True),
        ("==2.*", True),
        (">=2.0.post1,<3", True),
        ("<3", True),
        # The newest version that they allow is older than any that was seen.
        ("==1.9", False),
        ("===1.9", False),
        ("<2", False),
        (">=1,<2.0", False),
        ("~=1.4", False),
        ("==1.*", False),
        # So may this one be, for all that it says.
        ("!=2.0", False),
        ("not a specifier", False),
        ("===any", False),
    ],
)
def test_nothing_is_said_of_versions_before_the_first_that_was_seen(
    monkeypatch: pytest.MonkeyPatch, specifier: str, known: bool
) -> None:
    from slimify.knowledge import python_dependencies

    table = {"by_hand": {"both": ["c"]}, "locked": {"one": ["2.0", "3.0", ["a"]], "both": ["2.0", "3.0", ["a"]]}}
    monkeypatch.setattr(python_dependencies, "_data", lambda: table)
    assert dependencies("one", specifier) == (("a",) if known else None)
    # What is written by hand holds for any version, and what was seen beside it is not left out.
    assert dependencies("both", specifier) == ("a", "c")


def script() -> ModuleType:
    folder = ROOT / "scripts"
    spec = importlib.util.spec_from_file_location("read_lock_dependencies", folder / "read_lock_dependencies.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, "path", [str(folder), *sys.path]):
        spec.loader.exec_module(module)
    return module


class TestReadingLockFiles:
    POETRY = """
[[package]]
name = "Demo_Pkg"
version = "1.0"
[package.dependencies]
always = ">=1"
backport = {version = "*", markers = "python_version < \\"3.8\\""}
ancient = {version = "*", markers = "python_version < \\"3\\""}
ancient_too = {version = "*", python = "<3"}
either = {version = "*", python = ">=2.7,<2.8 || >=3.5"}
windows = {version = "*", markers = "sys_platform == \\"win32\\""}
extra = {version = "*", optional = true}
pywin32 = "!=226"
more = [{version = "<2", markers = "python_version < \\"3\\""}, {version = ">=2"}]
odd = {version = "*", markers = "no marker at all"}
[package.extras]
all = ["extra"]
[[package]]
name = "from-git"
version = "1.0"
[package.source]
type = "git"
"""
    UV = """
requires-python = ">=3.11"
[[package]]
name = "app"
version = "0"
source = { virtual = "." }
dependencies = [{ name = "near" }]
[[package]]
name = "near"
version = "1"
source = { registry = "https://index.example/simple" }
dependencies = [
  { name = "Plain", extra = ["all"] },
  { name = "pypy", marker = "implementation_name == 'pypy'" },
  { name = "arm", marker = "platform_machine == 'aarch64'" },
]
[package.optional-dependencies]
more = [{ name = "extra" }]
[[package]]
name = "elsewhere"
version = "1"
source = { registry = "https://other.example/whl/cpu" }
"""
    METADATA = """Metadata-Version: 2.1
Name: Near
Version: 2.0
Requires-Dist: Second>=1
Requires-Dist: third (<2) ; extra == 'x'
Requires-Dist: old>=dev-1; python_version < "3"
Requires-Dist: colour; platform_system == "Windows"

Requires-Dist: not-this
"""

    def test_poetry(self, tmp_path: Path) -> None:
        file = tmp_path / "poetry.lock"
        file.write_text(self.POETRY, encoding="utf-8")
        ((name, version, required),) = script().read_lock(file)
        assert (name, version) == ("demo-pkg", "1.0")
        assert required == {"always", "backport", "either", "more", "odd", "pywin32"}

    def test_uv(self, tmp_path: Path) -> None:
        file = tmp_path / "uv.lock"
        file.write_text(self.UV, encoding="utf-8")
        assert [*script().read_lock(file)] == [("near", "1", {"plain", "arm"})]

    def test_all_of_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "uv.lock").write_text(self.UV, encoding="utf-8")
        (tmp_path / "poetry.lock").write_text(self.POETRY, encoding="utf-8")
        (tmp_path / "bad.poetry.lock").write_text("<<<<<<< ours", encoding="utf-8")
        (tmp_path / "METADATA").write_text(self.METADATA, encoding="utf-8")
        reader = script()
        known = reader.parsed({"near": ["1.5", "1.6", ["before"]]})
        found = reader.collected([tmp_path], known)
        assert (
            found["near"] == reader.parsed({"near": ["1", "2.0", ["arm", "before", "old", "plain", "second"]]})["near"]
        )
        # It is for Windows alone, whatever a lock file makes of it.
        assert "pywin32" not in found["demo-pkg"].requires
        assert known.keys() == {"near"}

    def test_what_is_kept_and_written(self) -> None:
        reader = script()
        locked = reader.parsed({"a": ["1", "2", ["b"]], "b": ["1", "1", []], "z": ["1", "1", []]})
        assert reader.closure({"a", "h"}, locked, {"h": ["i"]}) == {"a", "b", "h", "i"}
        text = reader.written({"h": ["i"]}, locked, {"by_hand": "…", "locked": "…"})
        assert reader.parsed(json.loads(text)["locked"]) == locked
        assert json.loads(text)["by_hand"] == {"h": ["i"]}
