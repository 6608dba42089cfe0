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
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.python_tools import Act, Does, acts, installed_installers, piped_installers
from slimify.transforms.split_stage.python_variables import check_variables, first_on_path
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.context.python.data import inside, read_toml
from slimify.semantics.build import BuildStage, Step

VENV = "/opt/venv"
_VALUES = {"PATH": f"{VENV}/bin:$PATH", "VIRTUAL_ENV": VENV, "UV_PYTHON": f"{VENV}/bin/python"}
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

    def without(self, text: str) -> str:
        """A text without the folder of the environment, where the user's instructions lead there."""
        return text.replace(self.folder, "") if self.own else text

    def arrive(self, stage: str) -> tuple[str, ...]:
        """The instructions that bring it from the build stage."""
        copied = f"COPY --from={stage} {self.folder} {self.folder}"
        # `poetry run` and `pipenv run` go into the environment that is active.
        active = f"VIRTUAL_ENV={VENV} " if self.keeps in ("poetry", "pipenv") else ""
        return (copied,) if self.own else (copied, f"ENV {active}PATH={_VALUES['PATH']}")


def environment(files: Files, stage: BuildStage, moving: list[Run], minor: int) -> Environment:
    """Where all packages go. Raises `Refused` where that is not known, or is not one place."""
    made = _made(moving)
    places: dict[str, None] = {}
    first: dict[str, int] = {}
    bringing: dict[str, int] = {}
    for run in moving:
        bringing.update((name, run.step.index) for name in piped_installers(run))
        for act in acts(run):
            if act.does is Does.INSTALLER:
                bringing.update((name, run.step.index) for name in installed_installers(act.call))
            if act.does in (Does.PACKAGES, Does.LOCKED, Does.DATA):
                place = _place(files, stage, act, run.step, made)
                places[place] = None
                first.setdefault(place, run.step.index)
    keeps, kept = _keeps(files, stage, moving, minor)
    if _HIDDEN in places:
        if not keeps:
            raise Refused("packages are installed into an environment that only their installer finds")
        places = dict.fromkeys("VIRTUAL_ENV" if one == _HIDDEN else one for one in places)
        first["VIRTUAL_ENV"] = min(at for place, at in first.items() if place in ("VIRTUAL_ENV", _HIDDEN))
    own = [one for one in places if one.startswith("/")]
    if made and not own:
        raise Refused("a virtualenv is made, and packages are installed elsewhere")
    if len(own) > 1 or (own and len(places) > 1):
        raise Refused("packages are installed in more than one place")
    copied = [step for step in stage.steps if copies_installer(step)]
    tools = tuple(one for one in [*bringing, *("uv" for _ in copied)] if one != keeps)
    check_variables(stage, own[0] if own else VENV, bool(own))
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


def _keeps(files: Files, stage: BuildStage, moving: list[Run], minor: int) -> tuple[str, frozenset[int]]:
    """The installer that starts the application, and the instructions that bring it: they stay in both stages."""
    lines = [one.arguments for one in stage.stage.instructions if one.keyword in ("CMD", "ENTRYPOINT", "HEALTHCHECK")]
    scripts = {one for taken in files.taken.values() for one, _ in taken.files if one.endswith(".sh")}
    started = [one for one in sorted(scripts) if any(posixpath.basename(one) in line for line in lines)]
    lines += [files.context.text(one) or "" for one in started]
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


def _made(moving: list[Run]) -> dict[str, int]:
    """The virtualenvs that the user's instructions make, with the first that does."""
    found: dict[str, int] = {}
    for run in moving:
        for act in acts(run):
            if act.does is not Does.ENVIRONMENT:
                continue
            given = [one for one in act.call.argv if one is not None and not one.startswith("-") and one != "venv"]
            if len(given) > 1 or None in act.call.argv or (not given and act.manager != "uv"):
                raise Refused("where a virtualenv is made is not known", run.step.instruction.span)
            folder = posixpath.normpath(posixpath.join(run.step.state.workdir or "/", *(given or [".venv"])))
            found.setdefault(folder, run.step.index)
    return found


def _active(stage: BuildStage, act: Act, step: Step, made: dict[str, int]) -> str:
    """The virtualenv among these that a call installs into; empty where it goes to none of them."""
    typed = posixpath.normpath(posixpath.join(step.state.workdir or "/", act.call.typed[0].value or ""))
    if "/" in (act.call.typed[0].value or ""):
        return next((one for one in made if posixpath.dirname(typed) == f"{one}/bin"), typed)
    named = step.state.variable("VIRTUAL_ENV") or posixpath.join(step.state.workdir or "/", ".venv")
    if act.manager in ("uv pip", "poetry", "pipenv"):
        return named if named in made and not act.call.has("--system") else ""
    return next((one for one in made if f"{one}/bin" == first_on_path(stage, step)), "")


def _place(files: Files, stage: BuildStage, act: Act, step: Step, made: dict[str, int]) -> str:
    """The variable that leads a call to a virtualenv, or the folder of the project's own."""
    state, span = step.state, step.instruction.span
    beside = posixpath.join(state.workdir or "/", ".venv")
    if active := _active(stage, act, step, made):
        if active not in made or made[active] > step.index:
            raise Refused(f"{active} is not known to lie in a virtualenv", span)
        return active
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
