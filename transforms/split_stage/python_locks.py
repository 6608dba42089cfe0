"""What a lock file of Poetry, uv, pipenv or pdm has installed, and the project itself if it is installed as well."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.python_tools import Act
from slimify.transforms.split_stage.refused import Refused

from slimify.context.python.data import inside, read_toml, strings
from slimify.context.python.locks import Lock, Locked, read_lock
from slimify.context.python.metadata import Metadata, Script
from slimify.context.python.pipfile import read_pipfile
from slimify.context.python.pyproject import read_pyproject
from slimify.context.python.requirement import Origin, Requirement
from slimify.context.python.setup_cfg import read_setup_cfg
from slimify.context.python.setup_py import read_setup_py
from slimify.context.python.wheels import for_linux
from slimify.semantics.build import Step
from slimify.semantics.build_context import BuildContext
from slimify.syntax.source import Span

_LOCKS = {"poetry": "poetry.lock", "uv": "uv.lock", "pipenv": "Pipfile.lock", "pdm": "pdm.lock"}
_MANIFESTS = {"pipenv": "Pipfile"}
# Of these an editable install puts all but the modules into the environment (PEP 660; documentation of each).
_BACKENDS = re.compile(
    r"poetry\.core\.masonry\.api|hatchling\.build|flit_core\.buildapi|pdm\.backend|uv_build|setuptools\.build_meta"
)


# What has to be known of a project: what it requires.
_UNKNOWN = frozenset(["everything", "install_requires", "extras_require", "dependencies"])
# Before version 64 setuptools left its metadata beside the sources; a lower bound leaves pip the newest.
_LIMITED = re.compile(r"<|==|~=")


class Project(NamedTuple):
    """What is installed: `packages`, each with the archives that are offered for it, where that is known.

    `scripts` are the programs that the project itself installs. `native` says whether building it compiles, `itself`
    whether it is installed at all.
    """

    packages: tuple[tuple[Requirement, tuple[str, ...]], ...]
    scripts: tuple[Script, ...] = ()
    native: bool = False
    itself: bool = False


def locked(context: BuildContext, files: Files, act: Act, step: Step, python: str) -> Project:
    """What the lock file of the working folder lists for a call. Raises `Refused` where not all of it is known."""
    span = step.instruction.span
    folder = step.state.workdir or "/"
    name = _LOCKS[act.manager]
    manifest = _MANIFESTS.get(act.manager, "pyproject.toml")
    at = {one: files.source(step, posixpath.join(folder, one)) for one in (name, manifest)}
    missing = next((one for one, found in at.items() if found is None), None)
    lock_at, manifest_at = at[name], at[manifest]
    if missing is not None or lock_at is None or manifest_at is None:
        raise Refused(f"{missing} is not known to come from the build context, and {act.manager} decides by it", span)
    lock = read_lock(context, lock_at[0])
    path = manifest_at[0]
    metadata = read_pipfile(context, path) if manifest == "Pipfile" else read_pyproject(context, path)
    if lock is None or lock.problems or metadata is None or metadata.problems:
        raise Refused(f"{name} or {manifest} cannot be read", span)
    _python(act, metadata, files, step, python, context)
    _local_settings(context, path, files, act, step)
    chosen = bool(act.only | act.without)
    main = [one.name for one in metadata.dependencies if not one.group or (chosen and act.includes(one.group))]
    names = {one.name for one in lock.packages}
    fixed = act.fixed or (act.manager == "uv" and _set(step, "UV_FROZEN", "UV_LOCKED"))
    if not fixed and (new := sorted(set(main) - names)):
        raise Refused(f"{new[0]} is not in {name}, and {act.manager} may choose any version", span)
    tool = read_toml(context, path).table.get("tool")
    development = act.development and not (act.manager == "uv" and _set(step, "UV_NO_DEV"))
    # Then other groups than that of development are installed without being asked for.
    development = development or inside(tool, "uv", "default-groups") is not None
    without = None if development else lock.development_only(main)
    if act.manager == "poetry" and all(one.groups is not None for one in lock.packages):
        without = frozenset(one.name for one in lock.packages if not any(map(act.includes, one.groups or ())))
    packages = tuple(_wanted(lock, without or frozenset(), metadata, span))
    if not _installs_itself(context, act, metadata, path):
        return Project(packages)
    # Poetry does not ask the backend for an editable install, but does it itself.
    backend = "poetry.core.masonry.api" if act.manager == "poetry" else metadata.backend
    native = _buildable(metadata._replace(backend=backend), act.editable, span)
    return Project(packages, metadata.scripts, native, True)


def own_project(context: BuildContext, folder: str, extras: tuple[str, ...], editable: bool, span: Span) -> Project:
    """What `pip install FOLDER` installs. Raises `Refused` where only a build of it can tell."""
    found = [
        one
        for one in (
            read_pyproject(context, posixpath.join(folder, "pyproject.toml")),
            read_setup_cfg(context, posixpath.join(folder, "setup.cfg")),
            read_setup_py(context, posixpath.join(folder, "setup.py")),
        )
        if one is not None
    ]
    if not found:
        raise Refused("there is no project in the folder that pip installs", span)
    for one in found:
        if one.problems or _UNKNOWN & {*one.unknown, *one.dynamic} or one.local:
            raise Refused(f"what {one.path} requires cannot be read", span)
    if editable and not found[0].path.endswith("pyproject.toml"):
        raise Refused("an editable install by setup.py leaves its metadata among the sources", span)
    native = [_buildable(one, editable, span) for one in found[:1]] + [one.builds_native_code for one in found]
    if editable and any((*native, *(one.version_from_git for one in found))):
        raise Refused("building the project may write files among its sources", span)
    wanted = [one for each in found for one in each.dependencies if not one.group or one.group in extras]
    scripts = tuple(script for one in found for script in one.scripts)
    return Project(tuple((one, ()) for one in wanted), scripts, any(native), True)


def _wanted(
    lock: Lock, without: frozenset[str], metadata: Metadata, span: Span
) -> list[tuple[Requirement, tuple[str, ...]]]:
    found = []
    for one in lock.packages:
        if (
            one.name in without
            or (one.origin is Origin.EDITABLE and one.place in (".", ""))
            or one.name == metadata.name
        ):
            continue
        if one.origin is not Origin.INDEX:
            raise Refused(f"{one.name} is installed from {one.place}, not from an index", span)
        if one.files and not for_linux(one.files):
            continue
        found.append((_requirement(lock, one), one.files))
    return found


def _requirement(lock: Lock, one: Locked) -> Requirement:
    return Requirement(one.name, f"=={one.version}" if one.version else "", file=lock.path)


def _set(step: Step, *names: str) -> bool:
    return any((step.state.variable(name) or "").lower() in ("1", "true", "yes", "on") for name in names)


def _installs_itself(context: BuildContext, act: Act, metadata: Metadata, path: str) -> bool:
    """Whether the project is installed too (documentation of each: "package-mode", "package", "distribution")."""
    if not act.project:
        return False
    tool = read_toml(context, path).table.get("tool")
    if act.manager == "poetry":
        return inside(tool, "poetry", "package-mode") is not False
    if act.manager == "uv":
        package = inside(tool, "uv", "package")
        return package if isinstance(package, bool) else bool(metadata.backend)
    return inside(tool, "pdm", "distribution") is not False


def _buildable(metadata: Metadata, editable: bool, span: Span) -> bool:
    """Whether building the project compiles. Raises `Refused` where it may leave something among the sources."""
    if not editable:
        return metadata.builds_native_code
    if not _BACKENDS.match(metadata.backend or "none"):
        raise Refused(f"what {metadata.backend or 'setup.py'} leaves among the sources is not known", span)
    if any(one.name == "setuptools" and _LIMITED.search(one.specifier) for one in metadata.build_requires):
        raise Refused("an old setuptools would leave its metadata among the sources", span)
    if metadata.version_from_git or metadata.builds_native_code:
        raise Refused("building the project may write files among its sources", span)
    return False


def _python(act: Act, metadata: Metadata, files: Files, step: Step, python: str, context: BuildContext) -> None:
    """Refuse where uv or pdm would look for, or download, another interpreter than the one of the image."""
    if act.manager not in ("uv", "pdm"):
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    version = python if python.count(".") == 2 else f"{python}.99"
    try:
        fits = version in SpecifierSet(metadata.requires_python)
    except InvalidSpecifier:
        fits = False
    pinned = files.source(step, posixpath.join(step.state.workdir or "/", ".python-version"))
    wanted = (context.text(pinned[0]) or "").strip() if pinned is not None else ""
    if not fits or (
        wanted and wanted not in (python, python.rpartition(".")[0] if python.count(".") == 2 else python, "3")
    ):
        raise Refused(f"{act.manager} may take another Python than the image's", step.instruction.span)


def _local_settings(context: BuildContext, path: str, files: Files, act: Act, step: Step) -> None:
    span, folder = step.instruction.span, step.state.workdir or "/"
    tool = read_toml(context, path).table.get("tool")
    if act.manager == "uv":
        wrong = (
            inside(tool, "uv", "link-mode") == "symlink" or inside(tool, "uv", "python-preference") == "only-managed"
        )
        if wrong or strings(inside(tool, "uv", "workspace", "members")):
            raise Refused("the settings of uv in pyproject.toml may have it install something else", span)
    for name in {"uv": ("uv.toml",), "pdm": ("pdm.toml", ".pdm-python")}.get(act.manager, ()):
        if files.source(step, posixpath.join(folder, name)) is not None:
            raise Refused(f"{name} may have {act.manager} install to another place", span)
