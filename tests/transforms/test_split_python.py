"""split-stage, Python's installers: what golden cases cannot show."""

from __future__ import annotations

from pathlib import Path

import pytest

import slimify
from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome

CORPUS = Path(__file__).parent.parent.parent / "corpus"


def case(name: str) -> tuple[str, dict[str, str]]:
    """The Dockerfile and the context of a golden case."""
    folder = CORPUS / name / "context"
    files = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    return (CORPUS / name / "Dockerfile").read_text(), files


POETRY, POETRY_FILES = case("split-poetry-in-one-run-with-its-packages")
UV, UV_FILES = case("split-uv-copied-from-its-image")
RUNS, RUNS_FILES = case("split-uv-runs-the-application")
PIPENV, PIPENV_FILES = case("split-pipenv-into-the-system")
PDM, PDM_FILES = case("split-pdm-environment-in-the-project")
OWN, OWN_FILES = case("split-an-editable-package-of-the-context")


def run(text: str, files: dict[str, str], **options: object) -> Outcome:
    return slimify.fix(text, context=MemoryContext(files), only=["split-stage"], **options)  # type: ignore[arg-type]


def reasons(outcome: Outcome) -> str:
    assert not outcome.changed, outcome.after.text
    return "; ".join(one.reason for one in outcome.notices)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("poetry install --no-dev", "poetry install --no-dev --directory x", "--directory"),
        ("poetry install --no-dev", "poetry install --dry-run", "--dry-run"),
        ("poetry install --no-dev", "poetry add bottle", "neither a plain install"),
        ("poetry install --no-dev", "poetry update", "neither a plain install"),
        ("poetry install --no-dev", "poetry install || true", "on conditions"),
        ("poetry install --no-dev", "poetry export -o r.txt", "neither a plain install"),
        ("poetry config virtualenvs.create false", "true", "only their installer finds"),
        ("create false", "options.system-site-packages true", "virtualenvs.options.system-site-packages"),
        ("WORKDIR", "ENV POETRY_VIRTUALENVS_PATH=/x\nWORKDIR", "POETRY_VIRTUALENVS_PATH is set"),
        ("WORKDIR", "ENV VIRTUAL_ENV=/x\nWORKDIR", "VIRTUAL_ENV is set"),
        ('CMD ["waitress', 'CMD ["poetry", "run", "waitress', "one RUN installs both"),
        ('CMD ["waitress-serve", "--listen=*:8000", "app:app"]', 'CMD ["poetry", "shell"]', "runs poetry"),
        ("COPY . /app", "COPY app.py /app/", "poetry.lock is not known"),
        ("RUN pip", "USER nobody\nRUN pip", "behind a USER"),
    ],
)
def test_poetry_refused(old: str, new: str, why: str) -> None:
    assert old in POETRY
    assert why in reasons(run(POETRY.replace(old, new), POETRY_FILES))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("poetry install --no-dev", "poetry install --without dev --no-root --no-interaction --no-ansi"),
        ("poetry install --no-dev", "poetry sync --only main"),
        ("poetry install --no-dev", "poetry install"),
        ("install --no-cache-dir poetry", "install --upgrade pip 'poetry>=1.8,<2'"),
        (" \\\n    && poetry config virtualenvs.create false", ""),
        ("poetry install --no-dev", "poetry install --no-dev && rm -rf /root/.cache/pypoetry"),
    ],
)
def test_poetry_fires(old: str, new: str) -> None:
    assert old in POETRY
    files = POETRY_FILES
    if not new:
        files = {**files, "poetry.toml": "[virtualenvs]\ncreate = false\n"}
    assert "ENV VIRTUAL_ENV=/opt/venv" in run(POETRY.replace(old, new), files).after.text


def test_groups_that_are_not_installed_are_not_judged() -> None:
    lock = POETRY_FILES["poetry.lock"].replace('name = "iniconfig"', 'name = "nobody-knows-this"')
    lock = lock.replace("iniconfig-2.0.0-py3-none-any.whl", "nobody_knows_this-2.0.0.zip")
    files = {**POETRY_FILES, "poetry.lock": lock}
    assert run(POETRY, files).changed
    assert "nobody-knows-this" in reasons(run(POETRY.replace(" --no-dev", ""), files))


def test_an_unknown_package_with_a_wheel_needs_nothing_that_a_slim_base_has_lost() -> None:
    lock = POETRY_FILES["poetry.lock"].replace("bottle", "nobody_knows")
    files = {**POETRY_FILES, "poetry.lock": lock, "app.py": "app = None\n"}
    assert run(POETRY, files).changed
    full = POETRY.replace("-slim", "").replace("gcc libc6-dev libpq-dev", "tini")
    assert "nobody-knows" in reasons(run(full, files))
    assert run(full, {**POETRY_FILES, "app.py": "app = None\n"}).changed


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("uv sync --frozen --no-dev\n", "uv sync --frozen --python 3.13\n", "--python"),
        ("uv sync --frozen --no-dev\n", "uv sync --active\n", "--active"),
        ("uv sync --frozen --no-dev\n", "uv run python manage.py collectstatic\n", "neither a plain install"),
        ("UV_LINK_MODE=copy", "UV_LINK_MODE=symlink", "links to a cache"),
        ("UV_LINK_MODE=copy", "UV_PYTHON=3.13", "UV_PYTHON is set"),
        ("UV_LINK_MODE=copy", "UV_PROJECT_ENVIRONMENT=/usr/local", "/usr/local"),
        ("ghcr.io/astral-sh/uv:0.8.4 /uv /uvx", "ghcr.io/astral-sh/uv:0.8.4 /", "another image"),
        ("ghcr.io/astral-sh/uv:0.8.4", "example.org/uv", "another image"),
        ("# the project\nCOPY . .", "RUN mkdir x && chmod 700 x\nCOPY . .", "between two installs"),
        ('PATH="/app/.venv/bin:$PATH"', 'PATH="/app/venv/bin:$PATH"', "PATH is set"),
        ("python:3.12-slim", "python:3.10-slim", "another Python"),
    ],
)
def test_uv_refused(old: str, new: str, why: str) -> None:
    assert old in UV
    assert why in reasons(run(UV.replace(old, new), UV_FILES))


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"uv.toml": 'python-preference = "only-managed"\n'}, "uv.toml"),
        ({".python-version": "3.11\n"}, "another Python"),
        ({"pyproject.toml": UV_FILES["pyproject.toml"].replace("hatchling.build", "maturin")}, "maturin"),
        ({"pyproject.toml": UV_FILES["pyproject.toml"] + '[tool.uv.workspace]\nmembers = ["x"]\n'}, "settings of uv"),
        ({"pyproject.toml": "[project\n"}, "cannot be read"),
        ({"src/shop/app.py": "import os\nos.system('gcc --version')\n"}, ""),
    ],
)
def test_uv_refused_for_what_the_context_holds(files: dict[str, str], why: str) -> None:
    outcome = run(UV, {**UV_FILES, **files})
    if why:
        assert why in reasons(outcome)
    else:
        assert "        gcc \\\n" in outcome.after.text.rpartition("FROM")[2]


def test_uv_beside_the_interpreter() -> None:
    assert run(UV.replace("/bin/\n", "/usr/local/bin/\n"), UV_FILES).changed


def test_a_script_that_nothing_starts_keeps_no_installer() -> None:
    text = PIPENV.replace("CMD", "RUN useradd web\nCMD")
    files = {**PIPENV_FILES, "test.sh": "#!/bin/sh\npipenv run pytest\n"}
    assert run(text, files).after.text.count("install pipenv") == 1


def test_poetry_that_starts_the_application_on_alpine() -> None:
    text, files = case("split-poetry-runs-the-application")
    text = text.replace("3.12-bookworm", "3.12-alpine3.20").replace(
        "WORKDIR", "RUN apk add --no-cache gcc musl-dev\nWORKDIR"
    )
    assert "compiler on Alpine" in reasons(run(text, files))


@pytest.mark.parametrize("image", ["python:3.12-alpine3.12", "python:alpine", "python:3.7-alpine3.16"])
def test_an_alpine_that_is_not_known(image: str) -> None:
    text, files = case("split-alpine-headers-and-libraries")
    assert run(text, files).changed
    assert not run(text.replace("python:3.12-alpine3.20", image), files).changed


def test_uv_is_told_by_variables_as_well() -> None:
    text = UV.replace("--frozen --no-dev", "").replace("UV_LINK_MODE=copy", "UV_FROZEN=1 UV_NO_DEV=1")
    assert run(text, UV_FILES).changed


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("uv sync --frozen", "uv sync --frozen --no-dev", "at each start"),
        ('"uv", "run"', '"uv", "run", "--with", "x"', "what uv runs"),
        ('"uv", "run"', '"uv", "tool", "run"', "runs uv"),
    ],
)
def test_uv_that_ships_refused(old: str, new: str, why: str) -> None:
    assert old in RUNS
    assert why in reasons(run(RUNS.replace(old, new), RUNS_FILES))


def test_uv_that_ships_without_another_install() -> None:
    text = RUNS.replace("uv sync --frozen", "uv sync --frozen --no-dev").replace('"run"', '"run", "--no-sync"')
    assert run(text, RUNS_FILES).changed


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("--system --deploy", "--system --categories web", "--categories"),
        ("--system --deploy", "--deploy", "only their installer finds"),
        ("install --system --deploy", "install --system bottle", "adds bottle"),
        ("COPY Pipfile Pipfile.lock ./", "COPY Pipfile ./", "Pipfile.lock is not known"),
    ],
)
def test_pipenv_refused(old: str, new: str, why: str) -> None:
    assert old in PIPENV
    assert why in reasons(run(PIPENV.replace(old, new), PIPENV_FILES))


def test_pipenv_with_an_environment_in_the_project() -> None:
    text = PIPENV.replace("--system ", "").replace("WORKDIR", "ENV PIPENV_VENV_IN_PROJECT=1\nWORKDIR")
    after = run(text.replace('"waitress', '"/app/.venv/bin/waitress'), PIPENV_FILES).after.text
    assert "COPY --from=build /app/.venv /app/.venv" in after
    assert "/opt/venv" not in after


def test_pipenv_installed_with_its_packages_lies_in_the_virtualenv() -> None:
    text = PIPENV.replace("RUN pip install pipenv\n", "").replace("RUN pipenv", "RUN pip install pipenv && pipenv")
    after = run(text, PIPENV_FILES).after.text
    assert after.index("ENV PATH=/opt/venv/bin") < after.index("pip install pipenv")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("pdm sync --prod --no-self", "pdm config python.use_venv false && pdm sync", "another place"),
        ("pdm sync --prod --no-self", "pdm sync -g", "-g"),
        ("pdm sync --prod --no-self", "pdm sync", "setup.py leaves"),
        ('CMD ["', 'CMD ["pdm", "run", "', "runs pdm"),
    ],
)
def test_pdm_refused(old: str, new: str, why: str) -> None:
    assert old in PDM
    assert why in reasons(run(PDM.replace(old, new), PDM_FILES))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("pip install -e .", "pip install -e ./other", "not the project of the working folder"),
        ("COPY . .", "COPY src src", "not known to come from the build context"),
    ],
)
def test_an_own_package_refused(old: str, new: str, why: str) -> None:
    assert old in OWN
    assert why in reasons(run(OWN.replace(old, new), OWN_FILES))


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            {"pyproject.toml": "[tool.black]\n", "setup.py": "from setuptools import setup\nsetup(name='shop')\n"},
            "leaves",
        ),
        ({"pyproject.toml": OWN_FILES["pyproject.toml"].replace("setuptools>=68", "setuptools<60")}, "old setuptools"),
        (
            {"setup.py": "from setuptools import setup, Extension\nsetup(ext_modules=[Extension('x', ['x.c'])])\n"},
            "files",
        ),
        (
            {"setup.py": "from setuptools import setup\nsetup(install_requires=open('r').read().split())\n"},
            "cannot be read",
        ),
    ],
)
def test_an_editable_package_refused(files: dict[str, str], why: str) -> None:
    assert why in reasons(run(OWN, {**OWN_FILES, **files}))


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("python -m nltk.downloader punkt", ""),
        ('python -c "import bottle; print(bottle.__version__)"', ""),
        ("python -m spacy download en_core_web_sm", ""),
        ("python -c \"import os; os.system('nobodys-program')\"", "has system"),
        ("python -m playwright install", "neither a plain install"),
        ("python fetch.py", "neither a plain install"),
    ],
)
def test_what_is_run_once_all_is_installed(command: str, why: str) -> None:
    text = OWN.replace("CMD", f"RUN {command}\nCMD")
    if why:
        assert why in reasons(run(text, OWN_FILES))
    else:
        outcome = run(text, OWN_FILES)
        assert outcome.changed, outcome.notices
        after = outcome.after.text
        ships = after.rpartition("FROM")[2]
        assert (command in ships) != ("spacy" in command)
        assert after.count(command) == 1


def test_nothing_is_run_before_all_is_installed() -> None:
    text = OWN.replace("RUN apt-get", 'RUN python -c "print(1)"\nRUN apt-get')
    assert "before all is installed" in reasons(run(text, OWN_FILES))


@pytest.mark.parametrize("name", ["split-a-virtualenv-of-the-users-own", "split-poetry-by-the-script-of-its-authors"])
def test_the_output_with_all_transforms_on_is_stable(name: str) -> None:
    text, files = case(name)
    once = slimify.fix(text, context=MemoryContext(files))
    added = {one.path: one.after for one in once.files}
    assert once.changed
    assert not slimify.fix(once.after.text, context=MemoryContext({**files, **added})).changed


def test_a_virtualenv_that_sees_other_packages_is_not_known() -> None:
    text, files = case("split-a-virtualenv-of-the-users-own")
    assert "neither" in reasons(run(text.replace("venv $", "venv --system-site-packages $"), files))
    assert "elsewhere" in reasons(run(text.replace("$VIRTUAL_ENV\n", "/other\n", 1), files))
