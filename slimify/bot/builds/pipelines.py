"""The pipelines of other CI systems: GitLab, CircleCI, Azure, Cloud Build, and those that are lists of commands.

Sources: GitLab documentation, "CI/CD YAML syntax reference" (script, extends, default, parallel:matrix, variables);
CircleCI documentation, "Configuration reference"; Azure Pipelines task reference, "Docker@2"; Google Cloud Build,
"Build configuration file schema"; Drone and Woodpecker, their Docker plug-ins.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterator
from typing import Any

from slimify.bot.builds.command import read_command
from slimify.bot.builds.holes import ROOT, at, hole
from slimify.bot.builds.named import Named, Problem, Wants, arguments, named
from slimify.bot.builds.recipes import either
from slimify.bot.builds.repository import Repository
from slimify.bot.builds.script import Shell, may_build, read_script
from slimify.bot.builds.yaml_text import YamlError, line_of, load
from slimify.context.found import Place

GITLAB = re.compile(
    r"\.gitlab-ci\.ya?ml|\.gitlab/(?:.*/)?[^/]+\.ya?ml|(?:\.?ci|gitlab-ci)/(?:.*/)?[^/]+\.gitlab-ci\.ya?ml"
)
AZURE = re.compile(r"(?:.*/)?\.?azure-pipelines[^/]*\.ya?ml|\.?azure-pipelines/(?:.*/)?[^/]+\.ya?ml")
CLOUD_BUILD = re.compile(r"(?:.*/)?cloudbuild[^/]*\.ya?ml")
OTHERS = re.compile(
    r"\.circleci/[^/]+\.ya?ml|\.travis\.yml|bitbucket-pipelines\.yml|(?:.*/)?buildspec[^/]*\.ya?ml|\.drone\.ya?ml"
    r"|\.woodpecker\.ya?ml|\.woodpecker/[^/]+\.ya?ml|\.buildkite/[^/]+\.ya?ml|\.cirrus\.yml|appveyor\.yml"
)
# Keys behind which commands stand, in one system or another.
_COMMANDS = frozenset(
    """script before_script after_script before_install install commands command run bash pwsh after_success
    before_deploy deploy build_script test_script""".split()
)
_PLUGIN = re.compile(
    r"(?:[\w./-]*/)?(?:plugins/(?:docker|kaniko|buildx|ecr|gcr)|(?:drone|plugin)-(?:docker|kaniko)[\w-]*)(?::.*)?"
)
_DEEPEST = 12
_MOST = 5000
_ROUNDS = 32

Table = dict[str, Any]


def _documents(repository: Repository, path: str) -> Iterator[Table | Problem]:
    text = repository.text(path)
    try:
        if text is None:
            raise YamlError("cannot be read")
        yield from (one for one in load(text) if isinstance(one, dict))
    except YamlError as error:
        yield Problem(path, error.line, f"it {error}")


def read_pipeline(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The builds of a pipeline that is lists of commands, wherever in the file they stand."""
    for document in _documents(repository, path):
        if isinstance(document, Problem):
            yield document
        else:
            yield from _commands(document, path, _constants(document), "", itertools.count(), 0)


def _commands(
    value: object, path: str, variables: dict[str, str], folder: str, steps: Iterator[int], depth: int
) -> Iterator[Named | Problem]:
    if depth > _DEEPEST or next(steps) > _MOST:
        return
    if isinstance(value, list):
        for one in value:
            yield from _commands(one, path, variables, folder, steps, depth + 1)
    if not isinstance(value, dict):
        return
    where = value.get("working_directory")
    if isinstance(where, str) and not where.startswith(("~", "/")):
        inside = at(folder, _plain(where))
        folder = hole("working_directory") if inside is None else inside
    variables = {**variables, **_constants(value)}
    yield from _plugin(value, path)
    text, line = _script([one for key, one in value.items() if key in _COMMANDS and not isinstance(one, dict)])
    yield from read_script(text, Shell(folder, variables), path, line)
    for one in value.values():
        if isinstance(one, dict | list):
            yield from _commands(one, path, variables, folder, steps, depth + 1)


def _script(values: list[Any]) -> tuple[str, int]:
    """Commands, one behind the other as one script, and the line of the first that builds."""
    lines: list[str] = []
    first = 0
    for one in itertools.islice(_strings(values, 0), 1000):
        if not first and may_build(one):
            # What stands in front is counted as if each line of it had one of its own.
            first = line_of(one) + (1 if "\n" in one else 0) - sum(1 + line.count("\n") for line in lines)
        lines.append(_plain(one.rstrip("\n")))
    return "\n".join(lines), first


def _strings(values: list[Any], depth: int) -> Iterator[str]:
    for one in values:
        if isinstance(one, str):
            yield one
        elif isinstance(one, list) and depth < 5:
            yield from _strings(one, depth + 1)


def _plain(text: str) -> str:
    """The text with holes for the expressions that a system fills in before the shell sees it."""
    return re.sub(r"<<\s*([\w. ]+?)\s*>>|\$?\{\{(.*?)\}\}", lambda match: hole(match[1] or match[2]), text)


def _constants(table: Table) -> dict[str, str]:
    """The variables that a job or a file sets to plain strings, under the names that systems have for it."""
    found: dict[str, str] = {}
    for key in ("variables", "environment", "env"):
        value = table.get(key)
        for name, one in value.items() if isinstance(value, dict) else ():
            one = one.get("value") if isinstance(one, dict) else one
            if isinstance(one, str):
                found[name] = _variable(one, found)
    return found


def _variable(text: str, known: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return ROOT if name == "CI_PROJECT_DIR" else known.get(name, hole(name))

    return re.sub(r"\$\{(\w+)\}|\$(\w+)", value, _plain(text))


def _plugin(step: Table, path: str) -> Iterator[Named | Problem]:
    """A step of Drone or Woodpecker that is one of their plug-ins for Docker."""
    image, settings = step.get("image"), step.get("settings")
    if not isinstance(image, str) or not isinstance(settings, dict) or not _PLUGIN.fullmatch(image):
        return
    wants = Wants(
        _text(settings.get("context")) or ".",
        _text(settings.get("dockerfile")) or "Dockerfile",
        Place(path, line_of(image)),
        _text(settings.get("target")),
        tuple(arguments(settings.get("build_args"))),
    )
    found = named(wants, "", in_context=False)
    if found is not None:
        yield found


def _text(value: object) -> str | None:
    return _variable(value, {}) if isinstance(value, str) else None


def read_gitlab(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The builds of a pipeline of GitLab: of every job, with what it extends."""
    for document in _documents(repository, path):
        if isinstance(document, Problem):
            yield document
            continue
        outer = _constants(document)
        default = document.get("default")
        above = {**document, **(default if isinstance(default, dict) else {})}
        around = {key: above[key] for key in ("before_script", "after_script") if key in above}
        for job in itertools.islice(document.values(), 500):
            if not isinstance(job, dict):
                continue
            whole = {**around, **_extended(document, job, 0)}
            for values in itertools.islice(_parallel(whole), _ROUNDS):
                variables = {**outer, **_constants(whole), **values}
                text, line = _script([whole.get(key) for key in ("before_script", "script", "after_script")])
                yield from read_script(text, Shell("", variables), path, line)


def _extended(document: Table, job: Table, depth: int) -> Table:
    parents = job.get("extends")
    found: Table = {}
    for name in parents if isinstance(parents, list) else [parents]:
        parent = document.get(name) if isinstance(name, str) else None
        if isinstance(parent, dict) and depth < 10:
            found = _over(found, _extended(document, parent, depth + 1))
    return _over(found, job)


def _over(base: Table, over: Table) -> Table:
    both = (base.get("variables"), over.get("variables"))
    merged = {**base, **over}
    if isinstance(both[0], dict) and isinstance(both[1], dict):
        merged["variables"] = {**both[0], **both[1]}
    return merged


def _parallel(job: Table) -> Iterator[dict[str, str]]:
    parallel = job.get("parallel")
    matrix = parallel.get("matrix") if isinstance(parallel, dict) else None
    tables = [one for one in matrix if isinstance(one, dict)] if isinstance(matrix, list) else []
    if not tables:
        yield {}
    for table in tables:
        axes = {name: value if isinstance(value, list) else [value] for name, value in table.items()}
        for values in itertools.product(*axes.values()):
            yield {name: one for name, one in zip(axes, values, strict=True) if isinstance(one, str)}


_PREDEFINED = ("Build.SourcesDirectory", "System.DefaultWorkingDirectory", "Build.Repository.LocalPath")


def read_azure(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The builds of an Azure pipeline: the tasks of Docker, and scripts."""
    for document in _documents(repository, path):
        if isinstance(document, Problem):
            yield document
        else:
            yield from _azure(repository, document, path, _azure_variables(document, {}), itertools.count(), 0)


def _azure(
    repository: Repository, value: object, path: str, variables: dict[str, str], steps: Iterator[int], depth: int
) -> Iterator[Named | Problem]:
    if depth > _DEEPEST or next(steps) > _MOST:
        return
    if isinstance(value, list):
        for one in value:
            yield from _azure(repository, one, path, variables, steps, depth + 1)
    if not isinstance(value, dict):
        return
    variables = _azure_variables(value, variables)
    task, inputs = value.get("task"), value.get("inputs")
    if isinstance(task, str) and isinstance(inputs, dict) and re.fullmatch(r"Docker@[012]", task):
        yield from _docker_task(repository, inputs, Place(path, line_of(task)), variables)
    for key in ("script", "bash"):
        text = value.get(key)
        if isinstance(text, str):
            where = value.get("workingDirectory")
            folder = at("", _azure_text(where, variables)) if isinstance(where, str) else ""
            shell = Shell(hole("workingDirectory") if folder is None else folder, {})
            first = line_of(text) + (1 if "\n" in text else 0)
            yield from read_script(_azure_text(text, variables), shell, path, first)
    for one in value.values():
        if isinstance(one, dict | list):
            yield from _azure(repository, one, path, variables, steps, depth + 1)


def _azure_variables(table: Table, outer: dict[str, str]) -> dict[str, str]:
    value = table.get("variables")
    found = dict(outer)
    if isinstance(value, list):
        value = {one.get("name"): one.get("value") for one in value if isinstance(one, dict)}
    for name, one in value.items() if isinstance(value, dict) else ():
        if isinstance(name, str) and isinstance(one, str):
            found[name] = _azure_text(one, found)
    return found


def _azure_text(text: str, variables: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        name = name.strip().removeprefix("variables.")
        return ROOT if name in _PREDEFINED else variables.get(name, hole(name))

    return re.sub(r"\$\(([\w.]+)\)|\$\{\{(.*?)\}\}", value, text)


def _docker_task(
    repository: Repository, inputs: Table, place: Place, variables: dict[str, str]
) -> Iterator[Named | Problem]:
    given = {
        str(name).lower(): _azure_text(one, variables).replace("\\", "/")
        for name, one in inputs.items()
        if isinstance(one, str)
    }
    if given.get("command", "buildAndPush").lower() not in ("build", "buildandpush", "build an image"):
        return
    dockerfile = given.get("dockerfile") or given.get("dockerfilepath") or "**/Dockerfile"
    if dockerfile.startswith("**/"):
        # The task takes the first that it finds; with one of that name there is no doubt.
        ending = dockerfile[3:]
        files = [one.path for one in repository.files() if f"/{one.path}".endswith(f"/{ending}")]
        if len(files) != 1:
            yield Problem(*place, f"{dockerfile} is one of {len(files)} files")
            return
        dockerfile = files[0]
    context = given.get("buildcontext", "**")
    if context == "**":
        context = posixpath.dirname(dockerfile) or "."
    words = ["docker", "build", "-f", dockerfile, *given.get("arguments", "").split(), context]
    yield from read_command(words, "", place)


def read_cloud_build(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The builds of Google Cloud Build: steps with the image of Docker or kaniko."""
    for document in _documents(repository, path):
        if isinstance(document, Problem):
            yield document
            continue
        # A trigger has the whole repository; a person sends the folder that the file is in.
        folders = dict.fromkeys(("", posixpath.dirname(path)))
        yield from either(repository, [list(_cloud_build(document, path, folder)) for folder in folders])


def _cloud_build(document: Table, path: str, run_in: str) -> Iterator[Named | Problem]:
    given = document.get("substitutions")
    known = {name: one for name, one in given.items() if isinstance(one, str)} if isinstance(given, dict) else {}
    steps = document.get("steps")
    for step in steps if isinstance(steps, list) else ():
        name = step.get("name") if isinstance(step, dict) else None
        if not isinstance(name, str):
            continue
        folder = at(run_in, _variable(step["dir"], known) if isinstance(step.get("dir"), str) else "")
        args = step.get("args")
        words = [_variable(one, known) for one in (args if isinstance(args, list) else ()) if isinstance(one, str)]
        entry = step.get("entrypoint")
        program = _PROGRAMS.get(posixpath.basename(name.partition("@")[0].partition(":")[0]))
        place = Place(path, line_of(args, line_of(name)))
        if folder is None:
            continue
        if isinstance(entry, str) and posixpath.basename(entry) in ("bash", "sh"):
            yield from read_script(words[-1] if words else "", Shell(folder, {}), path, place.line)
        elif program is not None:
            yield from read_command([entry if isinstance(entry, str) else program, *words], folder, place)


_PROGRAMS = {"docker": "docker", "executor": "executor", "buildah": "buildah", "kaniko": "executor"}
