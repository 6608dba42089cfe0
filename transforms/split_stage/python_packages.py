"""What is installed for a Python application: which packages, and what these need to run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.python_locks import Project, locked
from slimify.transforms.split_stage.python_requirements import told
from slimify.transforms.split_stage.python_tools import TOOLS, Does, acts
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.context.python.metadata import Script
from slimify.context.python.requirement import Origin, Requirement
from slimify.context.python.wheels import installable
from slimify.knowledge.language_packages import Library, PythonPackage, python_package, wheel_available
from slimify.knowledge.python_dependencies import dependencies
from slimify.knowledge.python_installers import installer
from slimify.semantics.build import Build

_MACHINES = ("x86_64", "aarch64")
# They embed the interpreter, and look for packages in their own way.
_EMBEDDING = frozenset(["uwsgi", "pyuwsgi", "mod-wsgi"])
_DEVELOPMENT = frozenset(["ipython", "jupyter", "jupyterlab", "jupyterhub", "notebook", "pip-tools"])
# Extras whose packages have wheels, or are none that needs more than Python.
_EXTRAS = frozenset(
    [
        ("celery", "redis"), ("django", "argon2"), ("django", "bcrypt"), ("fastapi", "all"), ("fastapi", "standard"),
        ("passlib", "argon2"), ("passlib", "bcrypt"), ("psycopg", "binary"), ("psycopg", "pool"),
        ("pydantic", "email"), ("python-jose", "cryptography"), ("redis", "hiredis"), ("sqlalchemy", "asyncio"),
        ("uvicorn", "standard"),
    ]
)  # fmt: skip


class Installed(NamedTuple):
    """What all the installs of a stage bring.

    `needs` are the packages, of which one is enough, that each Python package needs to run. `compiled` are
    those that every installation compiles, `sources` with who says so. `scripts` are the programs that come
    with the packages, `own` those of the project itself. `copies` are the indices of the COPY and ADD that are
    read; what those in `copied_again` bring is brought once more, to the same place, by a later one. `itself` says
    whether the project is installed too, `development` whether all that a lock file has for development is.
    """

    names: frozenset[str]
    needs: tuple[tuple[str, tuple[str, ...]], ...]
    compiled: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    scripts: frozenset[str]
    own: tuple[Script, ...]
    copies: frozenset[int]
    copied_again: frozenset[int]
    itself: bool
    development: bool


class _Found(NamedTuple):
    project: Project
    copies: frozenset[int]
    complete: bool
    development: bool


def installed(build: Build, files: Files, moving: list[Run], python: str, libc: str, full: bool) -> Installed:
    """Read what is installed. Raises `Refused` where not all of it is known.

    On a `full` base a package that another one requires may be built against any of the libraries that the base
    brings, so that these must be known as well. On a slim one it can only be those that apt is told to install.
    """
    found = [*_found(build, files, moving, python)]
    packages: dict[str, tuple[Requirement, tuple[str, ...]]] = {}
    for one, archives in (some for each in found for some in each.project.packages):
        packages.setdefault(f"{one.name}{one.extras}{one.specifier}", (one, archives))
    if full:
        if any(each.project.native for each in found):
            raise Refused("what the project itself is compiled with is not known")
        loose = [one for each in found if not each.complete for one, _ in each.project.packages]
        for name in _dependencies(loose):
            packages.setdefault(name, (Requirement(name), ()))
    judge = _Judge(int(python.split(".")[1]), libc, full, any(each.development for each in found))
    for one, archives in packages.values():
        judge.judge(one, archives)
    used = frozenset(at for each in found for at in each.copies)
    own = tuple(dict.fromkeys(script for each in found for script in each.project.scripts))
    return Installed(
        names=frozenset(one.name for one, _ in packages.values()),
        needs=tuple(judge.needs),
        compiled=tuple(one.name for one in judge.compiled),
        sources=tuple((one.name, one.source) for one in judge.compiled),
        scripts=frozenset({*judge.scripts, *(one.name for one in own)}),
        own=own,
        copies=used,
        copied_again=frozenset(at for at in used if files.again(at, {run.step.index for run in moving})),
        itself=any(each.project.itself for each in found),
        development=any(each.development for each in found),
    )


def _found(build: Build, files: Files, moving: list[Run], python: str) -> list[_Found]:
    assert build.context is not None
    found = []
    for run in moving:
        for act in acts(run):
            if act.does is Does.PACKAGES:
                project, copies, complete = told(build, run.step, act, files)
                found.append(_Found(project, copies, complete, False))
            elif act.does is Does.LOCKED:
                project = locked(build.context, files, act, run.step, python)
                # Which of the files before it an installer reads is its own matter.
                copies = frozenset(at for at in files.taken if at < run.step.index)
                found.append(_Found(project, copies, True, act.development))
    return found


class _Judge:
    """What each package needs, by itself or where it is compiled."""

    def __init__(self, minor: int, libc: str, full: bool, development: bool) -> None:
        self.minor = minor
        self.libc = libc
        self.full = full
        self.development = development
        self.needs: list[tuple[str, tuple[str, ...]]] = []
        self.compiled: list[PythonPackage] = []
        self.scripts: set[str] = set()

    def judge(self, one: Requirement, archives: tuple[str, ...]) -> None:
        if one.name in TOOLS or (installer(one.name) and not archives):
            return
        wheel = bool(archives) and all(installable(archives, self.minor, self.libc, arch) for arch in _MACHINES)
        if wheel and not self.full and one.origin is Origin.INDEX and python_package(one.name) is None:
            # Nothing is compiled, and a slim base has lost no more than what a compiler needs.
            return
        package = _known(one, self.development)
        libraries = list(package.run_libraries)
        if package.kind == "source" and not wheel:
            self.compiled.append(package)
            libraries += package.source_libraries
        elif not wheel and not self._has_wheel(one, package):
            if self.full:
                which = f"{one.name} {one.version}" if one.version else one.name
                raise Refused(f"whether {which} comes as a wheel for Python 3.{self.minor} is not known")
            # On a slim base it can only be built against what apt is told to install.
            libraries += package.source_libraries
        self.needs += [(package.name, each.packages) for each in libraries if _packaged(package, each)]
        self.needs += [(package.name, each.packages) for each in package.run_programs]
        self.scripts |= {*package.scripts, *package.servers}

    def _has_wheel(self, one: Requirement, package: PythonPackage) -> bool:
        """Whether a package needs no libraries from the system: it is a wheel, or built of its own sources alone."""
        if package.kind == "pure" or not (package.build_needs or package.source_libraries):
            return True
        if one.version is None:
            # pip takes the newest that there is: for a version of Python that is neither new nor old a wheel.
            return 10 <= self.minor <= 13
        return all(wheel_available(one.name, one.version, self.minor, self.libc, arch) for arch in _MACHINES)


def _dependencies(found: Iterable[Requirement]) -> list[str]:
    """The names of all packages that these require, and are not among them: nothing is said of their versions."""
    waiting = [(one.name, one.specifier) for one in found]
    asked = {name for name, _ in waiting}
    required = dict[str, None]()
    for name, specifier in waiting:
        others = dependencies(name, specifier)
        if others is None:
            if name in TOOLS or installer(name):
                continue
            which = name if dependencies(name) is None else f"{name}{specifier}"
            raise Refused(f"what {which} requires is not known, and whether that is built with what the image brings")
        new = [other for other in others if other not in asked and other not in required]
        required.update(dict.fromkeys(new))
        waiting += [(other, "") for other in new]
    return list(required)


def _packaged(package: PythonPackage, library: Library) -> bool:
    if not library.packages:
        raise Refused(f"{package.name} needs {library.sonames[0]}, and no package that brings it is known")
    return True


def _known(one: Requirement, development: bool) -> PythonPackage:
    if one.origin is not Origin.INDEX or one.editable:
        raise Refused(f"{one.place or one.name} is not installed from an index")
    package = python_package(one.name)
    if package is None:
        raise Refused(f"whether {one.name} needs a compiler, libraries or programs is not known")
    if package.name in _EMBEDDING:
        raise Refused(f"{package.name} embeds the interpreter and may not find a virtualenv")
    if package.name in _DEVELOPMENT and not development:
        raise Refused(f"{package.name} is for development, and this image with it")
    for extra in one.extras:
        if (package.name, extra) not in _EXTRAS:
            raise Refused(f"what {one.name}[{extra}] brings is not known")
    for data in package.data:
        if data.command == "install":
            raise Refused(f"the installation of {package.name} puts data into {data.path}")
    return package
