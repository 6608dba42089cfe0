"""Variables of a Dockerfile that decide where Python's installers put packages, and where they are found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from slimify.transforms.split_stage.refused import Refused

from slimify.semantics.build import BuildStage, Step, pairs

# Variables that lead an installer or the interpreter past a virtualenv (documentation of each).
_MISLEADING = re.compile(
    r"PYTHONHOME|PYTHONUSERBASE|PYTHONPLATLIBDIR|CONDA_\w+|"
    r"PIP_(?!NO_CACHE_DIR$|DISABLE_PIP_VERSION_CHECK$|INDEX_URL$|EXTRA_INDEX_URL$|TRUSTED_HOST$|DEFAULT_TIMEOUT$|TIMEOUT$|"
    r"ROOT_USER_ACTION$|NO_COLOR$|PROGRESS_BAR$|VERSION$)\w+|"
    r"POETRY_(?!VERSION$|NO_INTERACTION$|CACHE_DIR$|HOME$|VIRTUALENVS_CREATE$|VIRTUALENVS_IN_PROJECT$|REQUESTS_TIMEOUT$|"
    r"INSTALLER_(?:PARALLEL|MAX_WORKERS)$|HTTP_BASIC_)\w+|"
    r"UV_(?!VERSION$|COMPILE_BYTECODE$|LINK_MODE$|SYSTEM_PYTHON$|NO_CACHE$|CACHE_DIR$|PYTHON_DOWNLOADS$|FROZEN$|LOCKED$|"
    r"NO_DEV$|NO_PROGRESS$|HTTP_TIMEOUT$|INDEX\w*$|EXTRA_INDEX_URL$|DEFAULT_INDEX$|NATIVE_TLS$|SYSTEM_CERTS$|"
    r"PROJECT_ENVIRONMENT$|CONCURRENT_\w+$|COMPILE_\w+$)\w+|"
    r"PIPENV_(?!VERSION$|VENV_IN_PROJECT$|NOSPIN$|YES$|HIDE_EMOJIS$|TIMEOUT$|VERBOSITY$|CACHE_DIR$|NO_INHERIT$)\w+|"
    r"PDM_(?!VERSION$|CHECK_UPDATE$|CACHE_DIR$)\w+"
)
# Installers put themselves there, and nothing else does.
_INSTALLERS_HOMES = ("/root/.local/bin", "/root/.cargo/bin", "/root/.poetry/bin", "/opt/poetry/bin")


def check_variables(stage: BuildStage, folder: str, own: bool) -> None:
    """Raise `Refused` for a variable that leads past the virtualenv in a folder, to which an `own` one may lead."""
    homes = {*_INSTALLERS_HOMES, *([f"{folder}/bin"] if own else [])}
    for step, name, value in _settings(stage):
        if name == "POETRY_HOME":
            homes.add(f"{value}/bin")
        elsewhere = name == "VIRTUAL_ENV" and value != folder
        if name == "PATH":
            rest = _folders(value)
            # What is appended is found last, but so is then what was there.
            elsewhere = "$PATH" not in rest or not homes.issuperset(one for one in rest if one != "$PATH")
        if elsewhere or _MISLEADING.fullmatch(name):
            raise Refused(f"{name} is set, which decides where packages are found", step.instruction.span)


def first_on_path(stage: BuildStage, step: Step) -> str:
    """The folder that the Dockerfile has put in front of PATH when an instruction starts; empty where there is none."""
    values = [value for one, name, value in _settings(stage) if name == "PATH" and one.index < step.index]
    return _folders(values[-1])[0] if values else ""


def _folders(path: str) -> list[str]:
    return [one if one == "$PATH" else one.rstrip("/") for one in path.split(":")]


def _settings(stage: BuildStage) -> Iterator[tuple[Step, str, str]]:
    """Each ENV and ARG of a stage, with what is known replaced; PATH stays as it is written."""
    for step in stage.steps:
        if step.keyword == "ENV":
            given = pairs(step.instruction)
        elif step.keyword == "ARG":
            given = [(name, value) for name, _, value in (one.text.partition("=") for one in step.instruction.tokens)]
        else:
            continue
        values = step.state.variables
        for name, value in given:
            yield step, name, _expanded(value.strip("\"'"), values)


def _expanded(text: str, values: Mapping[str, str | None]) -> str:
    def known(match: re.Match[str]) -> str:
        value = values.get(match[1]) if match[1] != "PATH" else None
        return f"${match[1]}" if value is None else value

    return re.sub(r"\$\{?([A-Za-z_]\w*)\}?", known, text)
