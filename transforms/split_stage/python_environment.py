"""Where the packages of a Python application go: to a virtualenv that is made for the split, or to the project's own.

What leads each installer to a virtualenv was tried with several versions of each. pip installs beside the `pip` that
PATH finds, and `pipenv --system` into the `python` that PATH finds. Poetry without an environment of its own takes
VIRTUAL_ENV (Poetry documentation, "virtualenvs.create"; `EnvManager.get`), wherever Poetry itself lies. `uv pip` takes
UV_PYTHON, with `--system` as well; without it `--system` passes over virtualenvs (uv documentation, "Using arbitrary
Python environments"). `uv sync`, pdm and, where they are told so, Poetry and pipenv make `.venv` beside pyproject.toml.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.python_tools import Act, Does, acts, installed_installers
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.context.python.data import inside, read_toml
from slimify.semantics.build import BuildStage, Step, pairs

VENV = "/opt/venv"
_VALUES = {"PATH": f"{VENV}/bin:$PATH", "VIRTUAL_ENV": VENV, "UV_PYTHON": f"{VENV}/bin/python"}
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
_SYSTEM_FOLDERS = re.compile(r"/|/(?:usr|bin|sbin|lib|etc|opt|root|home|var|tmp)(?:/(?:local|bin|lib)(?:/.*)?)?")
# Places that only a manager finds again when it runs something.
_HIDDEN = "hidden"
_RUNS = re.compile(r"(?<![\w/.-])(poetry|uv|pipenv)[\"', ]+run\b")
_TRUE = frozenset(["1", "true", "yes", "on", "t", "y"])


class Environment(NamedTuple):
    """The virtualenv that ships.

    `own` says that the user's instructions make it, and lead to it. Otherwise the `variables` of the build stage do,
    in front of the instruction `at` (None: of the first that could need it), and what is installed before lies outside.
    `left` are the installers that do not ship; `keeps` is the one that starts the application, with the instructions
    in `kept` that bring it.
    """

    folder: str = VENV
    own: bool = False
    variables: tuple[str, ...] = ("PATH",)
    at: int | None = None
    left: tuple[str, ...] = ()
    keeps: str = ""
    kept: frozenset[int] = frozenset()

    def prepare(self, minor: int) -> tuple[str, ...]:
        """The instructions that make it."""
        if self.own:
            return ()
        # Up to 3.11 the images have setuptools and wheel beside pip, with which source distributions are built.
        option = " --system-site-packages" if minor < 12 and self.at is None and self.variables == ("PATH",) else ""
        settings = " ".join(f"{name}={_VALUES[name]}" for name in self.variables)
        return f"RUN python -m venv{option} {VENV}", f"ENV {settings}"

    def arrive(self, stage: str) -> tuple[str, ...]:
        """The instructions that bring it from the build stage."""
        copied = f"COPY --from={stage} {self.folder} {self.folder}"
        # `poetry run` and `pipenv run` go into the environment that is active.
        active = f"VIRTUAL_ENV={VENV} " if self.keeps in ("poetry", "pipenv") else ""
        return (copied,) if self.own else (copied, f"ENV {active}PATH={_VALUES['PATH']}")


def environment(files: Files, stage: BuildStage, moving: list[Run], minor: int) -> Environment:
    """Where all packages go. Raises `Refused` where that is not known, or is not one place."""
    places: dict[str, None] = {}
    first: dict[str, int] = {}
    bringing: dict[str, int] = {}
    for run in moving:
        for act in acts(run):
            if act.does is Does.INSTALLER:
                bringing.update((name, run.step.index) for name in installed_installers(act.call))
            if act.does in (Does.PACKAGES, Does.LOCKED, Does.DATA):
                place = _place(files, stage, act, run.step)
                places[place] = None
                first.setdefault(place, run.step.index)
    keeps, kept = _keeps(stage, moving, minor)
    if _HIDDEN in places:
        if not keeps:
            raise Refused("packages are installed into an environment that only their installer finds")
        places = dict.fromkeys("VIRTUAL_ENV" if one == _HIDDEN else one for one in places)
        first["VIRTUAL_ENV"] = min(at for place, at in first.items() if place in ("VIRTUAL_ENV", _HIDDEN))
    own = [one for one in places if one.startswith("/")]
    if len(own) > 1 or (own and len(places) > 1):
        raise Refused("packages are installed in more than one place")
    copied = [step for step in stage.steps if copies_installer(step)]
    tools = tuple(one for one in [*bringing, *("uv" for _ in copied)] if one != keeps)
    _variables(stage, own[0] if own else VENV)
    if own:
        return Environment(own[0], True, (), None, tools, keeps, kept)
    variables = tuple(one for one in _VALUES if one in places) or ("PATH",)
    if "PATH" not in variables:
        return Environment(VENV, False, variables, None, tools, keeps, kept)
    if keeps:
        raise Refused(f"{keeps} starts the application, and would lie in its virtualenv")
    # What stands behind PATH comes from the virtualenv, an installer with its own packages among it.
    starts = min(first.values(), default=0)
    apart = bool(bringing) and max(bringing.values()) < starts
    if apart and minor < 12:
        # Then pip needs the setuptools and wheel of the image, and would see the packages of the installer with them.
        apart = not any(act.manager == "pip" and act.does is Does.PACKAGES for run in moving for act in acts(run))
    left = tools if apart else tuple("uv" for _ in copied)
    return Environment(VENV, False, variables, starts if apart else None, left)


def _keeps(stage: BuildStage, moving: list[Run], minor: int) -> tuple[str, frozenset[int]]:
    """The installer that starts the application, and the instructions that bring it: they stay in both stages."""
    lines = [one.arguments for one in stage.stage.instructions if one.keyword in ("CMD", "ENTRYPOINT", "HEALTHCHECK")]
    match = next((found for one in lines if (found := _RUNS.search(one))), None)
    if match is None:
        return "", frozenset()
    name, kept = match[1], set[int]()
    if name == "uv":
        kept.update(step.index for step in stage.steps if copies_installer(step))
    for run in moving:
        done = acts(run)
        if any(name in installed_installers(act.call) for act in done if act.does is Does.INSTALLER):
            if run.packages or not all(act.does in (Does.INSTALLER, Does.SETTING) for act in done):
                raise Refused(f"{name} starts the application, and one RUN installs both", run.step.instruction.span)
            if not 10 <= minor <= 13:
                # With the newest Pythons, and the oldest, what it requires may have to be compiled.
                raise Refused(f"whether {name} can be installed without a compiler is not known")
            kept.add(run.step.index)
    if not kept:
        raise Refused(f"{name} starts the application, and where it comes from is not known")
    return name, frozenset(kept)


def copies_installer(step: Step) -> bool:
    """Whether an instruction brings uv from its own image (uv documentation, "Installing uv" in Docker)."""
    image = step.instruction.flag("from") if step.keyword == "COPY" else None
    if image is None or not re.fullmatch(r"ghcr\.io/astral-sh/uv(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?", image):
        return False
    words = [token.text for token in step.instruction.tokens]
    return len(words) > 1 and set(words[:-1]) <= {"/uv", "/uvx"} and not step.instruction.heredocs


def _place(files: Files, stage: BuildStage, act: Act, step: Step) -> str:
    """The variable that leads a call to a virtualenv, or the folder of the project's own."""
    state, span = step.state, step.instruction.span
    beside = posixpath.join(state.workdir or "/", ".venv")
    if act.manager in ("pip", "spacy"):
        return "PATH"
    if act.manager == "uv pip":
        if not act.system and (state.variable("UV_SYSTEM_PYTHON") or "").lower() not in _TRUE:
            raise Refused("uv installs into an environment that is not known", span)
        return "UV_PYTHON"
    if act.manager == "poetry":
        create, inside_project = _poetry(files, stage, step)
        if not create:
            return "VIRTUAL_ENV"
        if inside_project:
            return beside
        return _HIDDEN
    if act.manager == "pipenv":
        if act.system:
            return "PATH"
        if (state.variable("PIPENV_VENV_IN_PROJECT") or "").lower() in _TRUE:
            return beside
        return _HIDDEN
    given = state.variable("UV_PROJECT_ENVIRONMENT") if act.manager == "uv" else None
    folder = posixpath.normpath(posixpath.join(state.workdir or "/", given)) if given else beside
    if _SYSTEM_FOLDERS.fullmatch(folder):
        raise Refused(f"{act.manager} installs into {folder}, among what the image has there", span)
    if act.manager == "uv" and state.variable("UV_LINK_MODE") == "symlink":
        raise Refused("the environment is made of links to a cache", span)
    return folder


def _poetry(files: Files, stage: BuildStage, step: Step) -> tuple[bool, bool]:
    """Poetry's virtualenvs.create and virtualenvs.in-project: by environment, poetry.toml, or `poetry config`."""
    found: dict[str, str] = {}
    for one in stage.steps[: step.index + 1]:
        body = one.body if one.keyword == "RUN" else None
        for match in re.finditer(
            r"poetry config (?:--local )?(virtualenvs\.[\w.-]+)[ =]+([\w/.-]+)", body.script.text if body else ""
        ):
            found[match[1]] = match[2]
    place = files.source(step, posixpath.join(step.state.workdir or "/", "poetry.toml"))
    local = read_toml(files.context, place[0]).table if place is not None else {}
    for key in ("create", "in-project"):
        value = inside(local, "virtualenvs", key)
        found |= {f"virtualenvs.{key}": str(value).lower()} if value is not None else {}
        given = step.state.variable(f"POETRY_VIRTUALENVS_{key.upper().replace('-', '_')}")
        found |= {f"virtualenvs.{key}": given} if given is not None else {}
    if strange := found.keys() - {"virtualenvs.create", "virtualenvs.in-project"}:
        raise Refused(f"Poetry is told {min(strange)}, which decides where packages are found", step.instruction.span)
    create = found.get("virtualenvs.create", "true").lower() not in ("false", "0")
    return create, found.get("virtualenvs.in-project", "false").lower() in ("true", "1")


def _variables(stage: BuildStage, folder: str) -> None:
    for step in stage.steps:
        if step.keyword not in ("ENV", "ARG"):
            continue
        given = pairs(step.instruction)
        if step.keyword == "ARG":
            given = [(name, value) for name, _, value in (one.text.partition("=") for one in step.instruction.tokens)]
        values = dict(step.state.variables)
        for name, value in given:
            expanded = _expanded(value.strip("\"'"), values)
            values[name] = expanded
            if (
                _MISLEADING.fullmatch(name)
                or (name == "VIRTUAL_ENV" and expanded != folder)
                or (name == "PATH" and not _harmless(expanded.split(":"), folder, values))
            ):
                raise Refused(f"{name} is set, which decides where packages are found", step.instruction.span)


def _expanded(text: str, values: dict[str, str | None]) -> str:
    """A text with the variables that are known; PATH stays as it is written."""

    def known(match: re.Match[str]) -> str:
        value = values.get(match[1]) if match[1] != "PATH" else None
        return f"${match[1]}" if value is None else value

    return re.sub(r"\$\{?([A-Z_]\w*)\}?", known, text)


def _harmless(folders: Iterable[str], folder: str, values: dict[str, str | None]) -> bool:
    """Whether a PATH keeps what it was and adds but the environment's own folder or one of an installer."""
    homes = {*_INSTALLERS_HOMES, f"{folder}/bin", f"{values.get('POETRY_HOME') or '/opt/poetry'}/bin"}
    rest = list(folders)
    return (
        "$PATH" in rest
        and all(one in homes for one in rest if one != "$PATH")
        and (folder != VENV or rest[-1] == "$PATH")
    )
