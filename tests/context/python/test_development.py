"""Which locked packages only the development groups of a project bring, as the tools themselves have it."""

from __future__ import annotations

import pytest

from slimify.context.memory import MemoryContext
from slimify.context.python.development import Development, development

POETRY = """
[tool.poetry]
name = "shop"
[tool.poetry.dependencies]
python = "^3.11"
uvicorn = "*"
gunicorn = { version = "*", optional = true }
[tool.poetry.extras]
server = ["gunicorn"]
[tool.poetry.group.dev.dependencies]
uvicorn = { version = "*", extras = ["standard"] }
pytest = "*"
[tool.poetry.group.docs]
optional = true
[tool.poetry.group.docs.dependencies]
mkdocs = "*"
"""
POETRY_LOCK = """
[[package]]
name = "uvicorn"
[package.dependencies]
click = ">=7"
uvloop = { version = ">=0.14", optional = true, markers = "extra == 'standard'" }
[package.extras]
standard = ["uvloop (>=0.14)"]
[[package]]
name = "uvloop"
[[package]]
name = "click"
[[package]]
name = "gunicorn"
optional = true
[package.dependencies]
packaging = "*"
[[package]]
name = "packaging"
[[package]]
name = "pytest"
[package.dependencies]
packaging = "*"
iniconfig = "*"
[[package]]
name = "iniconfig"
[[package]]
name = "mkdocs"
"""


def found(files: dict[str, str], tool: str, *extras: str) -> Development:
    result = development(MemoryContext(files), "", tool, extras)
    assert isinstance(result, Development), result
    return result


@pytest.mark.parametrize(
    ("extras", "lost"),
    [((), {"uvloop", "pytest", "packaging", "iniconfig"}), (("server",), {"uvloop", "pytest", "iniconfig"})],
)
def test_poetry_follows_extras_one_by_one(extras: tuple[str, ...], lost: set[str]) -> None:
    result = found({"pyproject.toml": POETRY, "poetry.lock": POETRY_LOCK}, "poetry", *extras)
    assert result.lost == lost
    assert "mkdocs" not in result.kept | result.lost
    assert result.extras == {"uvloop"}


def test_poetry_with_the_standard_table() -> None:
    manifest = """
[project]
dependencies = ["uvicorn (>=0.1)"]
[dependency-groups]
lint = ["iniconfig"]
dev = ["pytest", { include-group = "lint" }]
"""
    result = found({"pyproject.toml": manifest, "poetry.lock": POETRY_LOCK}, "poetry")
    assert result.kept == {"uvicorn", "click"}
    assert result.lost == {"pytest", "packaging", "iniconfig"}


def test_uv_follows_extras_one_by_one() -> None:
    lock = """
version = 1
[[package]]
name = "shop"
source = { editable = "." }
dependencies = [{ name = "uvicorn" }]
[package.optional-dependencies]
server = [{ name = "gunicorn" }]
[package.dev-dependencies]
dev = [{ name = "uvicorn", extra = ["standard"] }, { name = "gunicorn" }]
docs = [{ name = "mkdocs" }]
[[package]]
name = "uvicorn"
dependencies = [{ name = "click" }]
[package.optional-dependencies]
standard = [{ name = "uvloop" }]
[[package]]
name = "uvloop"
[[package]]
name = "click"
[[package]]
name = "gunicorn"
[[package]]
name = "mkdocs"
"""
    files = {"pyproject.toml": '[project]\nname = "shop"\n', "uv.lock": lock}
    assert found(files, "uv").lost == {"uvloop", "gunicorn"}
    assert found(files, "uv", "server").lost == {"uvloop"}
    assert found(files, "uv").kept == {"uvicorn", "click"}


def test_pdm_and_pipenv_say_it_for_each_package() -> None:
    manifest = '[tool.pdm.dev-dependencies]\ntest = ["pytest"]\n'
    lock = "".join(
        f'[[package]]\nname = "{name}"\ngroups = {groups}\n'
        for name, groups in (("flask", '["default"]'), ("click", '["default", "test"]'), ("pytest", '["test"]'))
    )
    result = found({"pyproject.toml": manifest, "pdm.lock": lock}, "pdm")
    assert (result.kept, result.lost) == ({"flask", "click"}, {"pytest"})
    both = '{"default": {"flask": {}, "click": {}}, "develop": {"pytest": {}, "Click": {}}}'
    result = found({"Pipfile": "", "Pipfile.lock": both}, "pipenv")
    assert (result.kept, result.lost) == ({"flask", "click"}, {"pytest"})


@pytest.mark.parametrize(
    ("tool", "files", "why"),
    [
        ("poetry", {"pyproject.toml": POETRY}, "poetry.lock cannot be read"),
        ("poetry", {"pyproject.toml": "x = [", "poetry.lock": ""}, "pyproject.toml cannot be read"),
        ("poetry", {"pyproject.toml": POETRY, "poetry.lock": ""}, "nothing of what the manifest asks for"),
        (
            "poetry",
            {"pyproject.toml": '[dependency-groups]\na = [{ include-group = "a" }]', "poetry.lock": ""},
            "group",
        ),
        ("poetry", {"pyproject.toml": '[project]\ndependencies = ["!"]', "poetry.lock": ""}, "is not a requirement"),
        ("uv", {"pyproject.toml": "[tool.uv]\ndefault-groups = []\n", "uv.lock": ""}, "default-groups"),
        ("uv", {"pyproject.toml": "[tool.uv.workspace]\n", "uv.lock": ""}, "workspace"),
        ("uv", {"pyproject.toml": "", "uv.lock": ""}, "which package is the project's own"),
        ("pdm", {"pyproject.toml": "", "pdm.lock": '[[package]]\nname = "a"\n'}, "it has no groups"),
        ("pipenv", {"Pipfile.lock": "["}, "Pipfile.lock cannot be read"),
    ],
)
def test_what_is_not_clear(tool: str, files: dict[str, str], why: str) -> None:
    result = development(MemoryContext(files), "", tool)
    assert isinstance(result, str)
    assert why in result
