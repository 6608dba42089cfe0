"""Facts on packages of PyPI, npm and RubyGems: well-formed, held to what was measured, else unknown."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.knowledge import language_packages as known
from slimify.knowledge.language_packages import (
    KnowledgeError,
    node_package,
    normalised,
    python_import,
    python_imports,
    python_package,
    ruby_gem,
    wheel_available,
)

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "slimify" / "knowledge"
LANGUAGES = ("python", "node", "ruby")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sys, "path", [str(ROOT / "scripts"), *sys.path]):
        spec.loader.exec_module(module)
    return module


def toml(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}_packages.toml").read_text(encoding="utf-8"))


def measured(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FOLDER / f"python_{name}.json").read_text(encoding="utf-8"))
    return data


def all_names(language: str) -> list[str]:
    data = toml(language)
    groups = [*data["plain"], *data.get("bundled", ())]
    return [name for group in groups for name in group["names"]] + [entry["name"] for entry in data["package"]]


Package = known.PythonPackage | known.NodePackage | known.RubyGem


def package(language: str, name: str) -> Package:
    found = {"python": python_package, "node": node_package, "ruby": ruby_gem}[language](name)
    assert found is not None
    return found


EVERY = [(language, name) for language in LANGUAGES for name in all_names(language)]


@pytest.mark.parametrize("name", [*(f"{one}_packages" for one in LANGUAGES), "system_packages"])
def test_the_compiled_file_is_up_to_date(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == script("compile_knowledge").compiled(name)


@pytest.mark.parametrize("language", LANGUAGES)
class TestEachFile:
    def test_a_name_is_there_once(self, language: str) -> None:
        names = all_names(language)
        assert sorted(names) == sorted(set(names))

    def test_groups_are_about_their_own_names(self, language: str) -> None:
        data = toml(language)
        for group in (*data["plain"], *data.get("bundled", ())):
            assert set(group.get("imports", ())) <= set(group["names"])
            assert set(group.get("build", ())) <= set(group["names"])

    def test_each_entry_is_whole(self, language: str) -> None:
        kinds = {
            "python": {"pure", "wheels", "source"},
            "node": {"pure", "bundled", "downloaded", "compiled"},
            "ruby": {"pure", "precompiled", "extension"},
        }
        for name in all_names(language):
            one = package(language, name)
            assert one.name == name
            assert one.source
            assert one.kind in kinds[language]
            assert set(one.servers) <= set(one.scripts), name
            assert all(data.command and data.path for data in one.data)
            for need in one.build_needs:
                assert re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", need), name

    def test_what_is_compiled_says_what_with(self, language: str) -> None:
        # pyspark has no code to compile and no wheel: the one exception.
        for name in all_names(language):
            one = package(language, name)
            if one.kind in ("source", "compiled", "extension") and name not in ("pyspark", "pywatchman"):
                assert one.build_needs, name

    def test_ready_binaries_say_for_which_c_library(self, language: str) -> None:
        for name in all_names(language):
            one = package(language, name)
            if not isinstance(one, known.PythonPackage) and name != "fsevents":
                assert set(one.libcs) <= {"glibc", "musl"}
                assert bool(one.libcs) >= (one.kind in ("bundled", "downloaded", "precompiled")), name

    def test_every_library_and_program_is_in_the_table_of_the_system(self, language: str) -> None:
        table = toml("system")
        for name in all_names(language):
            one = package(language, name)
            for library in (*one.run_libraries, *one.source_libraries):
                assert set(library.sonames) <= set(table["libraries"]), name
            for program in one.run_programs:
                assert set(program.names) <= set(table["programs"]), name

    def test_a_library_is_named_once(self, language: str) -> None:
        for name in all_names(language):
            one = package(language, name)
            sonames = [soname for library in (*one.run_libraries, *one.source_libraries) for soname in library.sonames]
            assert len(sonames) == len(set(sonames)), name


def test_the_table_of_the_system_has_nothing_that_nobody_asks_for() -> None:
    table = toml("system")
    sonames: set[str] = set()
    programs: set[str] = set()
    for language, name in EVERY:
        one = package(language, name)
        sonames |= {soname for each in (*one.run_libraries, *one.source_libraries) for soname in each.sonames}
        programs |= {program for each in one.run_programs for program in each.names}
    # What the notes name for other releases and versions.
    spare = {"libgirepository-2.0.so.0"}
    assert set(table["libraries"]) - sonames <= spare
    assert set(table["programs"]) == programs
    for soname in table["libraries"]:
        assert re.fullmatch(r"lib[\w.+-]+\.so(\.\d+)*[a-z]?", soname)


def test_names_of_pypi_are_normalised() -> None:
    assert all(name == normalised(name) for name in all_names("python"))


class TestHeldToWhatWasMeasured:
    """python_elf.json is what the wheels load, python_wheels.json which wheels there are."""

    def test_what_a_wheel_loads_from_outside_is_a_run_library(self) -> None:
        for name, found in measured("elf").items():
            one = python_package(name)
            assert one is not None, name
            sonames = {soname for library in one.run_libraries for soname in library.sonames}
            assert set(found.get("needs", ())) <= sonames, name

    def test_what_has_no_wheel_is_source(self) -> None:
        for name, found in measured("elf").items():
            if found.get("none", "").startswith("no wheel"):
                assert package("python", name).kind == "source", name

    def test_binary_wheels_are_of_kind_wheels(self) -> None:
        wheels = measured("wheels")["packages"]
        for name in all_names("python"):
            if any(";gx" in text for text in wheels.get(name, {}).values()):
                assert package("python", name).kind == "wheels", name

    def test_groups_with_wheels_as_their_source_are_recorded(self) -> None:
        wheels = measured("wheels")["packages"]
        data = toml("python")
        for group in (*data["plain"], *data["bundled"]):
            if group["source"].startswith("python_wheels.json"):
                assert [name for name in group["names"] if name not in wheels] == []

    def test_every_record_can_be_read(self) -> None:
        place = r"(\*|[gm][xa]\d+\.\d+):\d+\+?(,\d+\+?)*"
        for name, versions in measured("wheels")["packages"].items():
            assert python_package(name) is not None
            for text in versions.values():
                assert re.fullmatch(rf"(\d+-\d+)?(;{place})*", text), (name, text)


@pytest.mark.parametrize(
    ("spelling", "kind", "libraries", "programs"),
    [
        ("psycopg2", "source", {"libpq.so.5"}, set()),
        ("psycopg2-binary", "wheels", set(), set()),
        ("Pillow", "wheels", set(), set()),
        ("opencv_python_headless", "wheels", set(), set()),
        ("lightgbm", "wheels", {"libgomp.so.1"}, set()),
        ("python.magic", "pure", {"libmagic.so.1"}, set()),
        ("uWSGI", "source", set(), set()),
        ("pdf2image", "pure", set(), {"pdftoppm", "pdftocairo", "pdfinfo"}),
        ("GitPython", "pure", set(), {"git"}),
        ("Flask", "pure", set(), set()),
        ("requests[security]", "pure", set(), set()),
        ("lxml", "wheels", set(), set()),
    ],
)
def test_python(spelling: str, kind: str, libraries: set[str], programs: set[str]) -> None:
    one = python_package(spelling)
    assert one is not None
    assert one.kind == kind
    assert {soname for library in one.run_libraries for soname in library.sonames} == libraries
    assert {name for program in one.run_programs for name in program.names} == programs


@pytest.mark.parametrize("name", ["", "psycopg2binary", "lxml ==4", "../lxml", "no-such-package", "PIL", "cv2", "\0"])
def test_python_packages_that_are_not_these(name: str) -> None:
    assert python_package(name) is None


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("yaml", "pyyaml"),
        ("bs4", "beautifulsoup4"),
        ("MySQLdb", "mysqlclient"),
        ("osgeo.gdal", "gdal"),
        ("git", "gitpython"),
        ("sklearn", "scikit-learn"),
        ("cv2", None),  # four packages
        ("google", None),
        ("PIL", None),  # pillow-simd too
        ("uwsgi", None),  # a module only inside the server
        ("os", None),
        ("", None),
        ("pillow", None),
    ],
)
def test_imports(module: str, name: str | None) -> None:
    found = python_import(module)
    assert (found.name if found else None) == name


def test_an_ambiguous_import_names_all() -> None:
    names = {one.name for one in python_imports("cv2")}
    assert {"opencv-python", "opencv-python-headless"} <= names
    assert python_imports("nothing_of_the_kind") == ()


@pytest.mark.parametrize(
    ("name", "kind", "needs"),
    [
        ("express", "pure", set()),
        ("sharp", "bundled", {"python3", "make", "g++", "libvips-dev", "pkg-config"}),
        ("pg", "pure", set()),
        ("libpq", "compiled", {"python3", "make", "g++", "libpq-dev"}),
        ("bcryptjs", "pure", set()),
        ("@prisma/client", "downloaded", set()),
    ],
)
def test_node(name: str, kind: str, needs: set[str]) -> None:
    one = node_package(name)
    assert one is not None
    assert (one.kind, set(one.build_needs)) == (kind, needs)


def test_earlier_versions_of_a_package_may_be_of_another_kind() -> None:
    sharp = node_package("sharp")
    assert sharp is not None
    assert sharp.kind_before == (("0.33.0", "downloaded"),)


@pytest.mark.parametrize("name", ["Express", "sharp@0.33", "prisma/client", "@prisma", "left-pad", "", "nokogiri"])
def test_node_packages_that_are_not_these(name: str) -> None:
    assert node_package(name) is None


@pytest.mark.parametrize(
    ("name", "kind", "libraries"),
    [
        ("rails", "pure", set()),
        ("nokogiri", "precompiled", set()),
        ("mysql2", "extension", {"libmariadb.so.3", "libmysqlclient.so.21"}),
        ("ruby-vips", "pure", {"libvips.so.42", "libglib-2.0.so.0", "libgobject-2.0.so.0"}),
        ("bcrypt", "extension", set()),
    ],
)
def test_ruby(name: str, kind: str, libraries: set[str]) -> None:
    one = ruby_gem(name)
    assert one is not None
    assert one.kind == kind
    assert {soname for library in one.run_libraries for soname in library.sonames} == libraries


@pytest.mark.parametrize("name", ["Rails", "rails ", "nokogiri-1.16", "active_record", "express", ""])
def test_gems_that_are_not_these(name: str) -> None:
    assert ruby_gem(name) is None


def test_what_development_only_means() -> None:
    for name in ("pytest", "black", "mypy", "types-requests", "wheel"):
        assert package("python", name).development_only, name
    # Started or imported by images in production, whatever they were made for.
    for name in ("setuptools", "poetry", "ipython", "gunicorn", "watchdog"):
        assert not package("python", name).development_only, name
    for name in ("typescript", "jest", "eslint", "webpack"):
        assert package("node", name).development_only, name
    for name in ("nodemon", "ts-node", "esbuild", "cross-env", "patch-package"):
        assert not package("node", name).development_only, name
    assert package("ruby", "rspec").development_only
    assert not package("ruby", "puma").development_only


def test_a_library_knows_its_packages_in_each_release() -> None:
    one = known.library("libglib-2.0.so.0")
    assert one.packages == ("libglib2.0-0t64", "libglib2.0-0")
    assert known.library("libmariadb.so.3|libmysqlclient.so.21").packages == ("libmariadb3", "libmysqlclient21")
    assert known.library("libnothing.so.1").packages == ()
    assert known.program("pdftoppm").packages == ("poppler-utils",)
    assert known.program("nothing").packages == ()
    assert known.program("google-chrome").packages == ()


@pytest.fixture
def wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {
        "1.0": "8-12;gx2.17:8,9,10,11;ga2.17:9,10,11;mx1.1:10+",
        "2.0": ";gx2.34:11+",
        "3.0": "0-14;*:0+",
        "4.0": "8-12",
        "5.0": "8-12;gx2.34:11",
    }
    monkeypatch.setattr(known, "_read", lambda name: {"packages": {"one": versions}})


@pytest.mark.usefixtures("wheels")
@pytest.mark.parametrize(
    ("version", "minor", "libc", "arch", "answer"),
    [
        ("1.0", 11, "glibc", "x86_64", True),
        ("1.0", 11, "glibc", "amd64", True),
        ("1.0", 12, "glibc", "x86_64", False),
        ("1.0", 13, "glibc", "x86_64", None),  # nobody looked at 3.13
        ("1.0", 7, "glibc", "x86_64", None),
        ("1.0", 8, "glibc", "aarch64", False),
        ("1.0", 11, "musl", "x86_64", True),
        ("1.0", 14, "musl", "x86_64", True),  # the stable ABI
        ("1.0", 11, "musl", "arm64", False),
        ("1.0", 11, "glibc", "s390x", None),
        ("1.0", 11, "glibc 2.12", "x86_64", False),
        ("1.0", 11, "bionic", "x86_64", None),
        ("1.1", 11, "glibc", "x86_64", None),  # between two that are known
        ("2.0", 11, "glibc", "x86_64", None),  # it hangs on the release
        ("2.0", 11, "glibc 2.36", "x86_64", True),
        ("2.0", 11, "glibc 2.31", "x86_64", None),
        ("5.0", 11, "glibc 2.31", "x86_64", False),
        ("2.0", 10, "glibc", "x86_64", None),
        ("3.0", 11, "musl", "riscv64", True),
        ("4.0", 11, "glibc", "x86_64", False),
        ("", 11, "glibc", "x86_64", None),
        ("*", 11, "", "", None),
    ],
)
def test_wheels_only_from_recorded_facts(version: str, minor: int, libc: str, arch: str, answer: bool | None) -> None:
    assert wheel_available("One", version, minor, libc, arch) is answer
    assert wheel_available("other", version, minor, libc, arch) is None


@given(st.text(), st.text(), st.integers(-3, 400), st.text(), st.text())
def test_any_question_has_an_answer(name: str, version: str, minor: int, libc: str, arch: str) -> None:
    assert wheel_available(name, version, minor, libc, arch) in (True, False, None)
    assert wheel_available("lxml", "6.1.1", minor, f"glibc {version}", "amd64") in (True, False, None)
    for ask in (python_package, python_import, node_package, ruby_gem, known.library, known.program):
        ask(name)


def test_an_unknown_key_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"name": "sharp", "kind": "pure", "source": "x", "colour": "red"}
    monkeypatch.setattr(known, "_entries", lambda _: {"sharp": entry})
    with pytest.raises(KnowledgeError, match=r"npm package sharp: .*colour"):
        node_package("sharp")


def test_nothing_is_read_before_it_is_asked_for() -> None:
    code = (
        "import builtins, sys\n"
        "read = []\n"
        "before = builtins.open\n"
        "builtins.open = lambda path, *a, **k: (read.append(str(path)), before(path, *a, **k))[1]\n"
        "import slimify.knowledge.language_packages as known\n"
        "assert 'tomllib' not in sys.modules\n"
        "assert not read, read\n"
        "known.ruby_gem('pg')\n"
        "names = sorted(path.rsplit('/', 1)[1] for path in read)\n"
        "assert names == ['ruby_packages.json', 'system_packages.json'], read\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class TestReadingLockFiles:
    POETRY = """
[[package]]
name = "Demo_Pkg"
version = "1.0"
files = [
  {file = "demo_pkg-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", hash = "x"},
  {file = "demo_pkg-1.0-cp38-abi3-musllinux_1_2_aarch64.whl", hash = "x"},
  {file = "demo_pkg-1.0-cp312-cp312-win_amd64.whl", hash = "x"},
  {file = "demo_pkg-1.0-cp313-cp313t-manylinux_2_17_x86_64.whl", hash = "x"},
  {file = "demo_pkg-1.0.tar.gz", hash = "x"},
]
"""
    UV = """
requires-python = ">=3.11, <3.14"
[[package]]
name = "app"
version = "0"
source = { virtual = "." }
dependencies = [{ name = "near" }, { name = "far", marker = "sys_platform == 'win32'" }]
[[package]]
name = "near"
version = "1"
source = { registry = "https://index.example/simple" }
wheels = [
  { url = "https://example/near-1-cp311-cp311-win_amd64.whl" },
  { url = "https://example/near-1-cp313-cp313-win_amd64.whl" },
]
[[package]]
name = "far"
version = "1"
source = { registry = "https://index.example/simple" }
[[package]]
name = "elsewhere"
version = "1"
source = { registry = "https://other.example/whl/cpu" }
wheels = [{ url = "https://example/elsewhere-1-py3-none-any.whl" }]
"""

    def test_poetry_lists_every_file(self, tmp_path: Path) -> None:
        file = tmp_path / "poetry.lock"
        file.write_text(self.POETRY, encoding="utf-8")
        reader = script("read_lock_wheels")
        ((name, version, asked, wheels),) = reader.read_lock(file)
        assert (name, version) == ("demo-pkg", "1.0")
        assert reader.written(asked, wheels) == "0-13;gx2.17:11;ma1.2:8+"

    def test_uv_leaves_out_what_cannot_be_installed(self, tmp_path: Path) -> None:
        file = tmp_path / "uv.lock"
        file.write_text(self.UV, encoding="utf-8")
        reader = script("read_lock_wheels")
        found = {name: reader.written(asked, wheels) for name, _, asked, wheels in reader.read_lock(file)}
        assert found == {"near": "11-13", "far": ""}

    def test_merging_forgets_nothing(self) -> None:
        reader = script("read_lock_wheels")
        text = "11-12;gx2.17:11,12"
        wheels = reader.parsed(";gx2.17:13;gx2.28:13,14")[1]
        assert reader.merged(text, (13, 14), wheels) == "11-14;gx2.17:11,12,13;gx2.28:14"
        wheels = reader.parsed("")[1]
        assert reader.merged(text, (14, 14), wheels) == text
