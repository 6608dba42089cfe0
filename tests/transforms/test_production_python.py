"""Poetry, uv, pdm, Pipenv and pip in production-dependencies: what keeps it from firing, one fact at a time."""

from __future__ import annotations

import re

import pytest

from slimify.context.memory import MemoryContext
from slimify.knowledge.production import newest, python_tool, required_by_tool
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.syntax.source import Source

DOCKERFILE = """FROM python:3.12-slim
RUN pip install poetry==1.8.3
WORKDIR /app
COPY pyproject.toml poetry.lock ./
RUN poetry install --no-root
COPY . .
CMD ["poetry", "run", "flask", "--app", "shop", "run"]
"""
MANIFEST = """[tool.poetry]
name = "shop"
[tool.poetry.dependencies]
python = "^3.11"
flask = "*"
[tool.poetry.group.dev.dependencies]
pytest = "*"
"""
LOCK = """[[package]]
name = "flask"
version = "3.0.3"
[[package]]
name = "pytest"
version = "8.2.0"
[package.dependencies]
iniconfig = "*"
[[package]]
name = "iniconfig"
version = "2.0.0"
[metadata]
lock-version = "2.0"
"""
FILES = {"pyproject.toml": MANIFEST, "poetry.lock": LOCK, "shop/__init__.py": "from flask import Flask\n"}


def run(dockerfile: str = DOCKERFILE, files: dict[str, str] | None = None) -> Outcome:
    context = MemoryContext({**FILES, **(files or {})})
    return fix(Source(dockerfile), Options(only=("production-dependencies",)), context)


def test_it_fires_and_rests() -> None:
    outcome = run()
    assert "RUN poetry install --only main --no-root\n" in outcome.after.text
    (change,) = outcome.changes
    assert any(fact.text == "left out: iniconfig, pytest" for fact, _ in change.evidence)
    again = fix(outcome.after, Options(only=("production-dependencies",)), MemoryContext(FILES))
    assert not again.changed
    assert not again.notices


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("poetry==1.8.3", "poetry==$V", "which version of poetry is installed is not known"),
        ("RUN pip install poetry==1.8.3\n", "", "how poetry got into the image"),
        ("python:3.12-slim\nRUN pip install poetry==1.8.3", "python:3.6\nRUN pip install poetry", "which version"),
        ("--no-root", "--no-root $MORE", "a computed option"),
        ("--no-root", "--sync", "--sync"),
        ("poetry install", "cd /app && poetry install", "changes the folder"),
        ("RUN poetry install --no-root", 'RUN sh -c "poetry install"', "no option can be changed"),
        ("COPY . .", "COPY . .\nRUN poetry run pytest", "a later RUN runs pytest"),
        ("COPY . .", "COPY . .\nRUN python -m pytest", "a later RUN runs pytest"),
        ("COPY . .", "COPY . .\nRUN make test", "a later RUN runs make"),
        ("COPY . .", "COPY . .\nRUN npm test", "what npm test does"),
        ("COPY . .", "COPY . .\nRUN poetry add rich", "what poetry add does"),
        ("COPY . .", "COPY . .\nRUN $TOOL", "a program whose name is computed"),
        ("COPY . .", "COPY . .\nENV PYTEST_PLUGINS=pytest", "PYTEST_PLUGINS mentions pytest"),
        ("COPY . .", "COPY . .\nONBUILD RUN true", "a trigger"),
        ("COPY . .", "COPY . .\nRUN echo 'exec pytest' > /run && chmod +x /run", "may run pytest"),
        ("COPY . .", "COPY . .\nCOPY <<EOF /run\npytest\nEOF", "may run pytest"),
        (
            '["poetry", "run", "flask", "--app", "shop", "run"]',
            '["/start"]',
            "/start, which is not in the build context",
        ),
        ("COPY . .", "COPY . .\nHEALTHCHECK CMD pytest --version", "the health check runs pytest"),
        ("COPY . .", "COPY . .\nCOPY --from=alpine /x /app", "a COPY from another stage"),
        ("RUN poetry install", "RUN poetry lock\nRUN poetry install", "an earlier RUN may change"),
        ("COPY pyproject.toml poetry.lock ./", "COPY pyproject.toml ./", "poetry.lock is not copied"),
        ('CMD ["poetry", "run", "flask", "--app", "shop", "run"]\n', "", "nothing says what the image runs"),
        ('["poetry", "run", "flask", "--app", "shop", "run"]', '["bash"]', "starts a shell"),
        ('["poetry", "run", "flask", "--app", "shop", "run"]', "sleep infinity", "so that people work in it"),
        ('["poetry", "run", "flask", "--app", "shop", "run"]', '["./run.sh"]', "not in the build context"),
        (
            "FROM python:3.12-slim",
            "FROM python:3.12-slim AS app\nFROM app AS test\nCMD true\nFROM app",
            "looks like one",
        ),
    ],
)
def test_it_does_not_fire(old: str, new: str, reason: str) -> None:
    found = DOCKERFILE.replace(old, new)
    assert found != DOCKERFILE
    if "AS test" in new:
        stages = DOCKERFILE.replace("FROM python:3.12-slim", "FROM python:3.12-slim AS app")
        found = stages + "FROM app AS test\nCMD true\nFROM app\nCMD flask run\n"
    outcome = run(found)
    assert not outcome.changed
    assert any(reason in notice.reason for notice in outcome.notices), [one.reason for one in outcome.notices]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"shop/__init__.py": "import iniconfig\n"}, "shop/__init__.py:1 imports iniconfig"),
        ({"shop/__init__.py": "PLUGIN = 'pytest.fixture'\n"}, "mentions pytest"),
        ({"shop/__init__.py": "import os\nos.system('pytest -q')\n"}, "starts pytest"),
        ({"shop/__init__.py": "__import__(X)\n", "x.py": "import pytest\n"}, "x.py:1"),
        ({"shop/__init__.py": "import shop.tests.a\n", "shop/tests/a.py": "import pytest\n"}, "shop/tests/a.py:1"),
        ({"compose.yml": "services:\n  a:\n    command: pytest\n"}, "compose.yml:3 runs pytest"),
        ({"run.sh": "docker run shop pytest\n"}, "run.sh:1 runs pytest"),
        ({"pyproject.toml": MANIFEST + 'psycopg2 = "*"\n', "poetry.lock": LOCK.replace(
            "[metadata]", '[[package]]\nname = "psycopg2"\nversion = "2"\n[metadata]')}, "psycopg2 is not known"),
        ({"pyproject.toml": MANIFEST + 'responses = "*"\n', "poetry.lock": LOCK.replace(
            "[metadata]", '[[package]]\nname = "responses"\nversion = "1"\n[package.dependencies]\nrequests = "*"\n'
            '[[package]]\nname = "requests"\nversion = "2"\n[metadata]').replace(
            'version = "3.0.3"', 'version = "3.0.3"\n[package.extras]\nnet = ["requests (>=2)"]')},
            "requests, which would go too"),
        ({"poetry.lock": "not = [toml"}, "cannot be read"),
        ({"shop/__init__.py": "import core\n", "src/core/__init__.py": "import iniconfig\n"}, "src/core/__init__.py:1"),
    ],
)  # fmt: skip
def test_it_does_not_fire_with_these_files(files: dict[str, str], reason: str) -> None:
    outcome = run(files=files)
    assert not outcome.changed
    assert any(reason in notice.reason for notice in outcome.notices), [one.reason for one in outcome.notices]


@pytest.mark.parametrize(
    "files",
    [
        {"tests/test_shop.py": "import pytest\n", "conftest.py": "import pytest\n"},
        {"noxfile.py": "import iniconfig\n"},
        {"shop/__init__.py": "from flask import Flask\nCOLOUR = 'iniconfigured'\n"},
        {"Makefile": "run:\n\tdocker run shop flask run\n"},
    ],
)
def test_it_fires_with_these_files(files: dict[str, str]) -> None:
    assert run(files=files).changed


def test_nothing_is_said_where_there_is_nothing_to_leave_out() -> None:
    manifest = re.sub(r"\[tool.poetry.group.*", "", MANIFEST, flags=re.DOTALL)
    outcome = run(files={"pyproject.toml": manifest})
    assert not outcome.changed
    assert not outcome.notices
    assert not run(DOCKERFILE.replace("--no-root", "--only main")).notices


PIP = """FROM python:3.12-slim
WORKDIR /app
COPY . .
RUN pip install -r requirements-dev.txt
CMD ["gunicorn", "app:app"]
"""
PINNED = {
    "requirements.txt": "flask==3.0.3\ngunicorn==22.0.0\npackaging==24.0\n",
    "requirements-dev.txt": "-r requirements.txt\npytest\n",
    "app.py": "from flask import Flask\n",
}


@pytest.mark.parametrize(
    ("dockerfile", "files", "wanted"),
    [
        (PIP, {}, "RUN pip install -r requirements.txt\n"),
        (PIP.replace("-r requirements-dev.txt", "--requirement=requirements-dev.txt -q"), {}, "=requirements.txt -q"),
        (
            PIP.replace("-r req", "-r requirements.txt -r req"),
            {"requirements-dev.txt": "pytest\n"},
            "RUN pip install -r requirements.txt\n",
        ),
        (
            PIP,
            {"requirements.txt": "flask\ngunicorn\n", "requirements-dev.txt": "-r requirements.txt\nblack\n"},
            "click may be for the application as well, and requirements.txt does not fix its version",
        ),
        (
            PIP,
            {"requirements.txt": "flask\nclick\n", "requirements-dev.txt": "-r requirements.txt\nblack\n"},
            "which version of click is installed may depend on black",
        ),
        (PIP, {"requirements-dev.txt": "pytest\n"}, "includes no file of what production needs"),
        (PIP, {"requirements-dev.txt": "-r requirements.txt\n-r more.txt\npytest\n"}, "cannot be read in full"),
        (PIP, {"requirements-dev.txt": "-r requirements.txt\npsycopg2\n"}, "psycopg2 is not known"),
        (PIP, {"requirements-dev.txt": "-r requirements.txt\npytest==6.2.5\n"}, "is not known|other packages use"),
        (PIP, {"app.py": "import toml\n"}, "imports toml, and which package brings it"),
        (PIP.replace("dev.txt", "dev.txt rich"), {}, "it installs rich besides"),
        (PIP.replace('["gunicorn", "app:app"]', "pytest"), {}, "the command runs pytest"),
    ],
)
def test_requirements_files(dockerfile: str, files: dict[str, str], wanted: str) -> None:
    context = MemoryContext({**PINNED, **files})
    outcome = fix(Source(dockerfile), Options(only=("production-dependencies",)), context)
    if outcome.changed:
        assert wanted in outcome.after.text
    else:
        assert any(re.search(wanted, notice.reason) for notice in outcome.notices), [
            one.reason for one in outcome.notices
        ]


def test_what_is_known_of_tools() -> None:
    pytest_itself = python_tool("pytest")
    assert pytest_itself is not None
    assert "pytest" in pytest_itself.programs
    assert "_pytest" in pytest_itself.modules
    stubs = python_tool("types-anything")
    assert stubs is not None
    assert not stubs.programs
    assert python_tool("flask-admin") is None
    assert set(required_by_tool("pytest") or ()) >= {"iniconfig", "packaging", "pluggy"}
    assert "toml" in (required_by_tool("pytest", "<7") or ())
    assert "toml" not in (required_by_tool("pytest", "==8.2") or ())
    assert required_by_tool("nox", "<2000") is None


@pytest.mark.parametrize(
    ("specifier", "version"),
    [("==1.8.3", "1.8.3"), ("<1.2", "1.1.15"), ("~=1.4.0", "1.4.2"), (">=1.1", "2.1.4"), ("<1", None), ("what", None)],
)
def test_the_newest_version_that_a_specifier_allows(specifier: str, version: str | None) -> None:
    assert newest("poetry", specifier) == version
