"""GitHub workflows and actions: what builds images there, with the values of matrices and callers filled in.

Sources: GitHub documentation, "Workflow syntax for GitHub Actions", "Metadata syntax for GitHub Actions", "Evaluate
expressions"; docker/build-push-action, README, "Git context" and "Path context"; github.com/actions/runner,
`ContainerActionHandler` (an action's Dockerfile is built in its own folder). What is not a plain value is a hole.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from slimify.bot.builds.holes import ROOT, at, hole
from slimify.bot.builds.named import Named, Problem, Wants, named
from slimify.bot.builds.repository import Repository
from slimify.bot.builds.script import Shell, read_script
from slimify.bot.builds.yaml_text import YamlError, line_of, load
from slimify.context.found import Place

WORKFLOW = re.compile(r"\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml")
ACTION = re.compile(r"(?:.*/)?action\.ya?ml")
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_REFERENCE = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w*-]+|\[\s*'[^']*'\s*\])*")
_MOST_JOBS = 64
_DEEPEST = 4
_DEFAULT_CONTEXT = "{{defaultContext}}"

Table = dict[str, Any]


class _Action(NamedTuple):
    """An action that builds: its inputs for the context, the Dockerfile, and so on, each by all of its names.

    `git` says that without a context it builds the commit itself; `in_context` that the Dockerfile is looked for there.
    """

    context: tuple[str, ...]
    dockerfile: tuple[str, ...]
    git: bool = False
    in_context: bool = False


_TARGET = ("target",)
_ARGS = ("build-args", "build_args", "buildargs", "build-arg")
# Each as its README has it.
_ACTIONS = {
    "docker/build-push-action": _Action(("context", "path"), ("file", "dockerfile"), git=True),
    "redhat-actions/buildah-build": _Action(("context",), ("containerfiles", "dockerfiles")),
    "int128/kaniko-action": _Action(("context",), ("file",)),
    "aevea/action-kaniko": _Action(("path",), ("build_file",), in_context=True),
    "elgohr/Publish-Docker-Github-Action": _Action(("context", "workdir"), ("dockerfile",)),
    "mr-smithers-excellent/docker-build-push": _Action(("directory",), ("dockerfile",)),
    "whoan/docker-build-with-cache-action": _Action(("context",), ("dockerfile",), in_context=True),
    "depot/build-push-action": _Action(("context",), ("file",)),
    "useblacksmith/build-push-action": _Action(("context",), ("file",), git=True),
    "ilteoood/docker_buildx": _Action(("context",), ("dockerFile",)),
}


def read_workflow(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The builds of a workflow, and of those of this repository that it calls."""
    yield from _workflow(repository, path, None, 0)


def read_action(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The image of an action that runs in a container, or what a composite one builds."""
    document = _document(repository, path)
    if isinstance(document, Problem):
        yield document
        return
    runs = _table(document.get("runs"))
    image = runs.get("image")
    if runs.get("using") == "docker" and isinstance(image, str) and not image.startswith("docker://"):
        folder = posixpath.dirname(posixpath.join(posixpath.dirname(path), image))
        found = named(Wants(".", posixpath.basename(image), Place(path, line_of(image))), folder, in_context=True)
        if found is not None:
            yield found
    inputs = {name: hole(f"inputs.{name}") for name in _table(document.get("inputs"))}
    scope = {"inputs": inputs, "env": {}, "matrix": {}}
    yield from _Job(repository, path, scope, "").steps(runs.get("steps"))


def _document(repository: Repository, path: str) -> Table | Problem:
    text = repository.text(path)
    if text is None:
        return Problem(path, 0, "it cannot be read")
    try:
        documents = load(text)
    except YamlError as error:
        return Problem(path, error.line, f"it {error}")
    return _table(documents[0]) if documents else {}


def _workflow(repository: Repository, path: str, given: Table | None, depth: int) -> Iterator[Named | Problem]:
    document = _document(repository, path)
    if isinstance(document, Problem):
        yield document
        return
    # YAML 1.1 takes `on` for a truth value, but here it is a string.
    inputs = _inputs(document.get("on"))
    if given is None and inputs.called_only and _is_called(repository, path):
        return  # it is read with the values of those who call it
    scope: Table = {"inputs": {**inputs.defaults, **(given or {})}, "env": {}, "matrix": {}}
    scope["env"] = _environment(document, scope)
    jobs = _table(document.get("jobs"))
    for job in itertools.islice(jobs.values(), 500):
        if not isinstance(job, dict):
            continue
        for values in itertools.islice(_matrix(_table(job.get("strategy")).get("matrix"), scope), _MOST_JOBS):
            inner: Table = {**scope, "matrix": values}
            inner["env"] = {**scope["env"], **_environment(job, inner)}
            called = job.get("uses")
            if isinstance(called, str):
                file = called[2:] if called.startswith("./") else ""
                if file and depth < _DEEPEST and repository.real(file) is not None:
                    arguments = {name: _filled(value, inner) for name, value in _table(job.get("with")).items()}
                    yield from _workflow(repository, file, arguments, depth + 1)
                continue
            folder = _folder(job) or _folder(document) or ""
            yield from _Job(repository, path, inner, _text(folder, inner)).steps(job.get("steps"))


class _Inputs(NamedTuple):
    defaults: Table
    called_only: bool


def _inputs(on: object) -> _Inputs:
    """The inputs with their defaults, and whether only other workflows start this one."""
    names = [on] if isinstance(on, str) else list(on) if isinstance(on, list | dict) else []
    defaults: Table = {}
    for event in ("workflow_dispatch", "workflow_call"):
        for name, one in _table(_table(_table(on).get(event)).get("inputs")).items():
            default = _table(one).get("default")
            defaults[name] = default if isinstance(default, str) and "${{" not in default else hole(f"inputs.{name}")
    return _Inputs(defaults, names == ["workflow_call"])


def _is_called(repository: Repository, path: str) -> bool:
    others = (one.path for one in repository.root.children(posixpath.dirname(path)) if one.path != path)
    return any(f"./{path}" in (repository.text(other) or "") for other in itertools.islice(others, 300))


def _environment(where: Table, scope: Table) -> dict[str, str]:
    return {name: _text(value, scope) for name, value in _table(where.get("env")).items() if isinstance(value, str)}


def _folder(where: Table) -> str | None:
    folder = _table(_table(where.get("defaults")).get("run")).get("working-directory")
    return folder if isinstance(folder, str) else None


def _matrix(matrix: object, scope: Table) -> Iterator[Table]:
    """The combinations of a matrix, with what `include` adds and `exclude` takes away; one without any if none."""
    table = _table(_filled(matrix, scope))
    axes = {name: values for name, values in table.items() if name not in ("include", "exclude")}
    constant = {name: values for name, values in axes.items() if isinstance(values, list)}
    excluded = [one for one in _list(table.get("exclude")) if isinstance(one, dict)]
    included = [one for one in _list(table.get("include")) if isinstance(one, dict)]
    combinations = [
        dict(zip(constant, values, strict=True))
        for values in itertools.islice(itertools.product(*constant.values()), 4 * _MOST_JOBS)
        if constant
    ]
    left = [one for one in combinations if not any(_holds(one, other) for other in excluded)]
    alone: list[Table] = []
    for one in included[: 4 * _MOST_JOBS]:
        # It goes to those whose own values it does not change, and stands alone if there is none.
        shared = {name: value for name, value in one.items() if name in constant}
        fits = [other for other in left if _holds(other, shared)]
        for other in fits:
            other.update(one)
        if not fits:
            alone.append(dict(one))
    return iter([*left, *alone] or [{}])


def _holds(values: Table, others: Table) -> bool:
    return all(values.get(name) == value for name, value in others.items())


class _Job:
    def __init__(self, repository: Repository, path: str, scope: Table, folder: str) -> None:
        self.repository = repository
        self.path = path
        self.scope = scope
        self.folder = folder
        # Folders into which a repository was checked out: this one (True) or another.
        self.checkouts: dict[str, bool] = {}

    def steps(self, steps: object) -> Iterator[Named | Problem]:
        for step in itertools.islice(_list(steps), 500):
            if isinstance(step, dict):
                for one in self.step(step):
                    here = self.here(one) if isinstance(one, Named) else one
                    if here is not None:
                        yield here

    def step(self, step: Table) -> Iterator[Named | Problem]:
        scope = {**self.scope, "env": {**self.scope["env"], **_environment(step, self.scope)}}
        run, uses = step.get("run"), step.get("uses")
        inputs = {name: _filled(value, scope) for name, value in _table(step.get("with")).items()}
        if isinstance(run, str):
            where = step.get("working-directory")
            folder = at("", _text(where, scope) if isinstance(where, str) else self.folder)
            shell = Shell(hole("working-directory") if folder is None else folder, scope["env"])
            # A block's text starts in the line behind its mark.
            first = line_of(run) + (1 if "\n" in run else 0)
            yield from read_script(_text(run, scope), shell, self.path, first)
        elif isinstance(uses, str):
            name = uses.partition("@")[0]
            if name == "actions/checkout" and isinstance(inputs.get("path"), str):
                other = inputs.get("repository")
                self.checkouts[posixpath.normpath(inputs["path"])] = other is None or other == hole("github.repository")
            action = _ACTIONS.get(name)
            if action is not None:
                found = self.action(action, inputs, Place(self.path, line_of(uses)))
                if found is not None:
                    yield found

    def action(self, action: _Action, inputs: Table, place: Place) -> Named | Problem | None:
        context = _first(inputs, action.context)
        dockerfile = _first(inputs, action.dockerfile)
        if dockerfile is not None:
            dockerfile = dockerfile.split()[0] if dockerfile.split() else None
        in_context = action.in_context
        if action.git and context is None:
            context, in_context = ROOT, True
        elif context is not None and context.startswith(_DEFAULT_CONTEXT):
            # The commit, or with a colon a folder of it; the Dockerfile is then looked for there.
            context, in_context = f"{ROOT}/{context[len(_DEFAULT_CONTEXT) :].lstrip(':')}", True
        args = [line.strip() for line in (_first(inputs, _ARGS) or "").splitlines()]
        pairs = [line.partition("=") for line in args if line]
        extra = [line.partition("=") for line in (_first(inputs, ("build-contexts",)) or "").split()]
        wants = Wants(
            context or ".",
            dockerfile,
            place,
            _first(inputs, _TARGET),
            tuple((name, value if equals else None) for name, equals, value in pairs),
            tuple((name, value) for name, _, value in extra),
        )
        return named(wants, "", in_context=in_context)

    def here(self, one: Named) -> Named | None:
        """The build as seen from the root of the repository; None if another was checked out there."""
        for folder, own in self.checkouts.items():
            inside = [_below(path, folder) for path in (one.context, *one.dockerfiles)]
            if any(path is not None for path in inside):
                if not own:
                    return None
                kept = [path if new is None else new for path, new in zip(one.dockerfiles, inside[1:], strict=True)]
                return one._replace(context=one.context if inside[0] is None else inside[0], dockerfiles=tuple(kept))
        return one


def _below(path: str, folder: str) -> str | None:
    return path[len(folder) :].lstrip("/") if f"{path}/".startswith(f"{folder}/") else None


def _first(inputs: Table, names: tuple[str, ...]) -> str | None:
    return next((value for name in names if isinstance(value := inputs.get(name), str) and value), None)


def _table(value: object) -> Table:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _filled(value: Any, scope: Table, depth: int = 0) -> Any:
    """A value with its expressions filled in, however deep they are."""
    if depth > 8:
        return None
    if isinstance(value, str):
        return _value(value, scope)
    if isinstance(value, list):
        return [_filled(one, scope, depth + 1) for one in value]
    return {name: _filled(one, scope, depth + 1) for name, one in value.items()} if isinstance(value, dict) else value


def _value(text: str, scope: Table) -> Any:
    """What a string stands for: a list or a table if it is one expression that names such."""
    match = _EXPRESSION.fullmatch(text.strip())
    return _look_up(match[1].strip(), scope) if match and text.count("${{") == 1 else _text(text, scope)


def _text(text: str, scope: Table) -> str:
    def part(match: re.Match[str]) -> str:
        value = _look_up(match[1].strip(), scope)
        return value if isinstance(value, str) else hole(match[1])

    return _EXPRESSION.sub(part, text)


def _look_up(expression: str, scope: Table) -> Any:
    """What an expression stands for, if it is a name of the scope or a plain string; a hole otherwise."""
    if re.fullmatch(r"'[^']*'", expression):
        return expression[1:-1]
    if expression == "github.workspace":
        return ROOT
    if not _REFERENCE.fullmatch(expression):
        return hole(expression)
    value: Any = scope
    for name in re.sub(r"\[\s*'([^']*)'\s*\]", r".\1", expression).split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return hole(expression) if value is None else value
