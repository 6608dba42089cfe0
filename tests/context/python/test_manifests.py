"""pyproject.toml, setup.cfg, setup.py, Pipfile, environment.yml and lock files."""

from __future__ import annotations

import pytest

from slimify.context.python.conda import read_conda
from slimify.context.python.locks import Lock, read_lock
from slimify.context.python.metadata import Metadata, Script
from slimify.context.python.pipfile import read_pipfile
from slimify.context.python.project import PythonProject, read_project
from slimify.context.python.pyproject import read_pyproject
from slimify.context.python.requirement import Origin
from slimify.context.python.setup_cfg import read_setup_cfg
from slimify.context.python.setup_py import read_setup_py
from tests.context.python.memory import Memory


def pyproject(text: str, **files: str) -> Metadata:
    found = read_pyproject(Memory({"pyproject.toml": text, **files}), "pyproject.toml")
    assert found is not None
    return found


def test_standard() -> None:
    found = pyproject("""
        [build-system]
        requires = ["setuptools>=64", "setuptools_scm"]
        build-backend = "setuptools.build_meta"
        [project]
        name = "My.App"
        dynamic = ["version"]
        requires-python = ">=3.10"
        readme = "docs/README.md"
        license = {file = "COPYING"}
        dependencies = ["Flask==3.0", "broken !"]
        optional-dependencies = {pg = ["psycopg"]}
        scripts = {app = "my.app:main"}
        [dependency-groups]
        test = ["pytest", {include-group = "lint"}]
        lint = ["ruff", {include-group = "test"}]
        """)
    assert (found.name, found.requires_python, found.dynamic) == ("my-app", ">=3.10", ("version",))
    assert found.version_from_git
    assert found.needs_git
    assert not found.builds_native_code
    assert found.scripts == (Script("app", "my.app:main"),)
    assert {"docs/README.md", "COPYING"} <= set(found.reads)
    assert [(one.name, one.group) for one in found.dependencies] == [
        ("flask", ""), ("psycopg", "pg"), ("pytest", "test"), ("ruff", "test"), ("ruff", "lint"), ("pytest", "lint"),
    ]  # fmt: skip
    assert any("broken" in one.message for one in found.problems)
    assert any("includes itself" in one.message for one in found.problems)


def test_poetry() -> None:
    found = pyproject("""
        [tool.poetry]
        name = "x"
        readme = ["A.md", "B.md"]
        packages = [{include = "x", from = "src"}]
        [tool.poetry.dependencies]
        python = "^3.11"
        a = "1.2.3"
        b = {version = "^2", extras = ["z"], optional = true}
        c = {path = "../c", develop = true}
        d = {git = "https://h.example/d", tag = "v1"}
        e = [{version = "1", python = "<3.9"}, {version = "2"}]
        lib = {path = "libs/lib"}
        [tool.poetry.extras]
        more = ["b"]
        [tool.poetry.dev-dependencies]
        pytest = "*"
        [tool.poetry.group.docs.dependencies]
        sphinx = "*"
        [tool.poetry.scripts]
        run = "x.cli:main"
        """)
    by_name = {one.name: one for one in found.dependencies}
    assert by_name["a"].version == "1.2.3"
    assert (by_name["b"].group, by_name["b"].version) == ("more", None)
    assert by_name["c"].origin is Origin.EDITABLE
    assert by_name["d"].vcs == "git"
    assert [one.name for one in found.dependencies].count("e") == 2
    assert (by_name["pytest"].group, by_name["sphinx"].group) == ("dev", "docs")
    assert found.local == ("libs/lib",)
    assert any("outside" in one.message for one in found.problems)
    assert {"A.md", "B.md"} <= set(found.reads)
    assert found.packages == ("src/x",)
    assert "python" not in by_name


@pytest.mark.parametrize(
    ("text", "git", "native"),
    [
        ('[build-system]\nrequires=["hatchling","hatch-vcs"]\n', True, False),
        ('[tool.hatch.version]\nsource="vcs"\n', True, False),
        ('[tool.hatch.version]\npath="x/__about__.py"\n', False, False),
        ('[tool.pdm.version]\nsource="scm"\n', True, False),
        ('[tool.pdm.version]\nsource="file"\npath="x.py"\n', False, False),
        ("[tool.setuptools_scm]\n", True, False),
        ("[tool.poetry-dynamic-versioning]\nenable=true\n", True, False),
        ("[tool.poetry-dynamic-versioning]\nenable=false\n", False, False),
        ('[build-system]\nrequires=["setuptools","Cython"]\n', False, True),
        ('[build-system]\nrequires=["maturin>=1"]\n', False, True),
        ('[build-system]\nrequires=["setuptools","wheel"]\n', False, False),
        ('[project]\nname="setuptools-scm"\ndependencies=["cython"]\n', False, False),
        ("[tool.black]\nline-length=100\n", False, False),
    ],
)
def test_what_a_build_needs(text: str, git: bool, native: bool) -> None:
    found = pyproject(text)
    assert (found.version_from_git, found.builds_native_code) == (git, native)


def test_uv() -> None:
    found = read_pyproject(
        Memory(
            {
                "pyproject.toml": """
                    project.dependencies = ["a", "b", "c"]
                    [tool.uv.sources]
                    a = {workspace = true}
                    b = {git = "https://h.example/b"}
                    c = {path = "vendor/c"}
                    [tool.uv.workspace]
                    members = ["packages/*"]
                    exclude = ["packages/old"]
                    """,
                "packages/a/pyproject.toml": "",
                "packages/old/pyproject.toml": "",
                "packages/deep/er/pyproject.toml": "",
            }
        ),
        "pyproject.toml",
    )
    assert found is not None
    assert [one.origin for one in found.dependencies] == [Origin.EDITABLE, Origin.VCS, Origin.PATH]
    assert found.local == ("vendor/c", "packages/a")


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "a = " + "[" * 5000,
        "\0",
        "a" + ".a" * 200_000 + " = 1",
        "[project]\nname = [1]\ndependencies = 3\nscripts = 1\n",
    ],
)
def test_hostile_toml(text: str) -> None:
    found = pyproject(text)
    assert found.dependencies == ()
    assert found.scripts == ()


def test_absent() -> None:
    empty = Memory({"a/b": ""})
    assert read_pyproject(empty, "pyproject.toml") is None
    assert read_setup_cfg(empty, "setup.cfg") is None
    assert read_setup_py(empty, "setup.py") is None
    assert read_pipfile(empty, "Pipfile") is None
    assert read_conda(empty, "environment.yml") is None
    assert read_lock(empty, "poetry.lock") is None
    assert read_project(empty) is None


def test_setup_cfg() -> None:
    text = """
[metadata]
name = Some_Thing
version = attr: thing.__version__
long_description = file: README.rst, CHANGES.rst
[options]
python_requires = >=3.8
install_requires =
    a>=1  # why
    # b
    c; os_name == "posix"
[options.extras_require]
dev = d
[options.entry_points]
console_scripts =
    thing = thing.cli:main [x]
"""
    found = read_setup_cfg(Memory({"setup.cfg": text}), "setup.cfg")
    assert found is not None
    assert [(one.name, one.group) for one in found.dependencies] == [("a", ""), ("c", ""), ("d", "dev")]
    assert found.scripts == (Script("thing", "thing.cli:main"),)
    assert found.reads == ("README.rst", "CHANGES.rst", "thing.py")
    assert found.dynamic == ("version",)


@pytest.mark.parametrize(
    "text", ["[flake8]\nmax = 1\n", "a", "[a\n", "\0", "[a]\n" + "b" * 5000, "[a]\n%(x)s = %(y)s\n"]
)
def test_setup_cfg_of_others(text: str) -> None:
    found = read_setup_cfg(Memory({"setup.cfg": text}), "setup.cfg")
    assert found is not None
    assert found.dependencies == ()


def setup_py(text: str) -> Metadata:
    found = read_setup_py(Memory({"setup.py": text, "README.md": ""}), "setup.py")
    assert found is not None
    return found


def test_setup_py() -> None:
    found = setup_py("""
from setuptools import setup as make, find_packages, Extension
REQUIRED = ["a>=1", "b"]
make(
    name="x", version=get_version(), packages=find_packages(),
    install_requires=REQUIRED + ["c"], setup_requires=["setuptools_scm"],
    extras_require={"dev": ["d"]}, ext_modules=[Extension("x", ["x.c"])],
    long_description=open("README.md").read(),
    entry_points={"console_scripts": ["x=x.cli:main"]},
)
""")
    assert [(one.name, one.group) for one in found.dependencies] == [("d", "dev")]
    assert "install_requires" in found.unknown
    assert found.version_from_git
    assert found.builds_native_code
    assert found.reads == ("README.md",)
    assert found.scripts == (Script("x", "x.cli:main"),)


@pytest.mark.parametrize(
    ("text", "names", "native", "git"),
    [
        ("from setuptools import setup\nsetup(install_requires=['a','b'])", ["a", "b"], False, False),
        ("from setuptools import setup\nR=['a']\nsetup(install_requires=R)", ["a"], False, False),
        ("from setuptools import setup\nR=['a']\nR.append(x)\nsetup(install_requires=R)", [], False, False),
        ("import setuptools\nk=dict(install_requires=['a'])\nsetuptools.setup(**k)", ["a"], False, False),
        ("from setuptools import setup\nsetup(cffi_modules=['b.py:ffi'])", [], True, False),
        ("from setuptools import setup\nsetup(ext_modules=[])", [], False, False),
        (
            "from setuptools import setup\nfrom Cython.Build import cythonize\nsetup(ext_modules=cythonize('x'))",
            [],
            True,
            False,
        ),
        ("from setuptools import setup\nsetup(use_scm_version=True)", [], False, True),
        ("from setuptools import setup\nsetup(use_scm_version=False)", [], False, False),
        (
            "import subprocess\nfrom setuptools import setup\nsubprocess.run(['git','describe'])\nsetup()",
            [],
            False,
            True,
        ),
        ("setup = 1", [], False, False),
        ("print 'x'", [], False, False),
        ("\0", [], False, False),
    ],
)
def test_setup_py_literals(text: str, names: list[str], native: bool, git: bool) -> None:
    found = setup_py(text)
    assert [one.name for one in found.dependencies] == names
    assert (found.builds_native_code, found.version_from_git) == (native, git)


def test_pipfile() -> None:
    text = (
        '[packages]\na="*"\nb={git="https://h.example/b"}\nc={path=".",editable=true}\n[dev-packages]\npytest="==8.0"\n'
    )
    found = read_pipfile(Memory({"Pipfile": text + '[requires]\npython_version="3.11"\n'}), "Pipfile")
    assert found is not None
    assert [(one.name, one.group) for one in found.dependencies] == [("a", ""), ("b", ""), ("c", ""), ("pytest", "dev")]
    assert found.needs_git
    assert found.local == ("",)
    assert found.requires_python == "==3.11"


def test_conda() -> None:
    text = """
name: x
channels: [conda-forge]
dependencies:
- python=3.11
- conda-forge::numpy>=1.2
- gdal=3.1=h1
- pip:
  - flask==3
  - -r r.txt
"""
    found = read_conda(Memory({"environment.yml": text, "r.txt": "django"}), "environment.yml")
    assert found is not None
    assert found.python == "=3.11"
    assert [(one.name, one.specifier) for one in found.packages][1:] == [("numpy", ">=1.2"), ("gdal", "==3.1")]
    assert [one.name for one in found.pip] == ["flask", "django"]
    assert found.files == ("r.txt",)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x\n",
        "- a\n",
        "a: [",
        "dependencies: {a: b}\n",
        "!!python/object/apply:os.system ['x']",
        "[" * 9000,
        "\0",
    ],
)
def test_hostile_yaml(text: str) -> None:
    found = read_conda(Memory({"environment.yml": text}), "environment.yml")
    assert found is not None
    assert found.packages == ()


def lock(name: str, text: str) -> Lock:
    found = read_lock(Memory({name: text}), name)
    assert found is not None
    return found


POETRY = """
[[package]]
name = "A"
version = "1"
%s
[package.dependencies]
b = ">=1"
[[package]]
name = "b"
version = "2"
%s
[[package]]
name = "pytest"
version = "8"
%s
"""


@pytest.mark.parametrize(
    ("marks", "development"),
    [
        (('groups = ["main"]', 'groups = ["main", "dev"]', 'groups = ["dev"]'), {"pytest"}),
        (('category = "main"', 'category = "main"', 'category = "dev"'), {"pytest"}),
        (("", "", ""), {"pytest"}),
    ],
)
def test_poetry_lock(marks: tuple[str, str, str], development: set[str]) -> None:
    found = lock("poetry.lock", POETRY % marks)
    assert [(one.name, one.version) for one in found.packages] == [("a", "1"), ("b", "2"), ("pytest", "8")]
    assert found.development_only(["a"]) == development


def test_a_lock_that_does_not_tell() -> None:
    assert lock("poetry.lock", POETRY % ("", "", "")).development_only([]) is None
    assert lock("poetry.lock", POETRY % ("", "", "")).development_only(["elsewhere"]) is None
    assert lock("poetry.lock", "[[package").development_only(["a"]) is None


def test_uv_lock() -> None:
    found = lock(
        "uv.lock",
        """
        requires-python = ">=3.12"
        [[package]]
        name = "app"
        source = {virtual = "."}
        dependencies = [{name = "a"}]
        [package.dev-dependencies]
        dev = [{name = "ruff"}]
        [[package]]
        name = "a"
        version = "1"
        source = {git = "https://h.example/a?rev=1#2"}
        [[package]]
        name = "ruff"
        version = "2"
        source = {registry = "https://h.example/simple"}
        """,
    )
    assert found.needs_git
    assert found.development_only([]) == {"ruff"}


def test_pdm_and_pipenv_locks() -> None:
    pdm = '[[package]]\nname="a"\nversion="1"\ngroups=["default"]\n[[package]]\nname="b"\nversion="1"\ngroups=["dev"]\n'
    assert lock("pdm.lock", pdm).development_only([]) == {"b"}
    pipenv = '{"default": {"a": {"version": "==1"}}, "develop": {"a": {"version": "==1"}, "b": {"version": "==2"}}}'
    found = lock("Pipfile.lock", pipenv)
    assert [(one.name, one.version) for one in found.packages] == [("a", "1"), ("b", "2")]
    assert found.development_only([]) == {"b"}
    assert lock("Pipfile.lock", "[" * 100_000).problems


def project(**files: str) -> PythonProject:
    found = read_project(Memory({name.replace("__", "."): text for name, text in files.items()}))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("files", "manager"),
    [
        ({"requirements__txt": "a"}, "pip"),
        ({"requirements__txt": "a", "requirements__in": "a"}, "pip-tools"),
        ({"pyproject__toml": "[tool.poetry.dependencies]\na='1'"}, "poetry"),
        ({"pyproject__toml": "project.name='x'", "uv__lock": ""}, "uv"),
        ({"pyproject__toml": "project.name='x'"}, "pip"),
        ({"pyproject__toml": "[tool.black]", "requirements__txt": "a"}, "pip"),
        ({"pyproject__toml": "[tool.black]"}, ""),
        ({"Pipfile": ""}, "pipenv"),
        ({"environment__yml": "dependencies: [a]"}, "conda"),
        ({"setup__py": "from setuptools import setup\nsetup(name='x')"}, "setuptools"),
    ],
)
def test_manager(files: dict[str, str], manager: str) -> None:
    assert project(**files).manager == manager


def test_project() -> None:
    found = project(
        **{"requirements__txt": "a==1\n-c limits.txt\nb", "requirements-dev__txt": "c", "limits__txt": "b==2"}
    )
    assert {(one.name, one.version, one.development) for one in found.dependencies} == {
        ("a", "1", False),
        ("b", "2", False),
        ("c", None, True),
    }
    assert "limits.txt" in found.manifests
    assert not found.needs_git


def test_other_text_files_are_no_requirements() -> None:
    assert (
        read_project(Memory({"notes.txt": "flask", "requirement-analysis.md": "a", "x/requirements.txt": "a"})) is None
    )
