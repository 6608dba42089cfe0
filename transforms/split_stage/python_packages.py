"""What pip installs in a stage: from which files, which packages, and what these need to run."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.context.python.requirement import Origin, Requirement, parse_requirement
from slimify.context.python.requirements import read_requirements
from slimify.knowledge.language_packages import Library, PythonPackage, python_package, wheel_available
from slimify.knowledge.python_dependencies import dependencies
from slimify.semantics.build import Build, BuildStage, Step
from slimify.semantics.commands import Invocation, verb

# The C library of each release (Debian package libc6).
_GLIBC = {"bullseye": "glibc 2.31", "bookworm": "glibc 2.36", "trixie": "glibc 2.41"}
# They embed the interpreter, and look for packages in their own way.
_EMBEDDING = frozenset(["uwsgi", "pyuwsgi", "mod-wsgi"])
_DEVELOPMENT = frozenset(["ipython", "jupyter", "jupyterlab", "jupyterhub", "notebook", "pip-tools"])
# What installs the others; nothing at run time.
_TOOLS = frozenset(["pip", "setuptools", "wheel"])
# Options of `pip install` (its documentation) that do not change where something is installed or what.
_SWITCHES = frozenset(
    "--no-cache-dir --upgrade -U -q -qq --quiet -v --verbose --no-input --disable-pip-version-check --prefer-binary "
    "--require-hashes --compile --no-compile --no-warn-script-location --no-deps --no-color --isolated".split()
)
_VALUED = frozenset(
    "--index-url -i --extra-index-url --trusted-host --timeout --default-timeout --retries --progress-bar "
    "--root-user-action --proxy --upgrade-strategy --only-binary".split()
)
_REQUIREMENT = ("-r", "--requirement")
_CONSTRAINT = ("-c", "--constraint")
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
    """What all the pip installs of a stage bring.

    `needs` are the packages, of which one is enough, that each Python package needs to run. `compiled` are
    those that every installation compiles, `sources` with who says so. `scripts` are the programs that come
    with the packages. `copies` are the indices of the COPY and ADD that pip reads from; what those in
    `copied_again` bring is brought once more, to the same place, by a later one.
    """

    names: frozenset[str]
    needs: tuple[tuple[str, tuple[str, ...]], ...]
    compiled: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    scripts: frozenset[str]
    copies: frozenset[int]
    copied_again: frozenset[int]


def sort_pip(run: Run, call: Invocation) -> Run | None:
    """Take what pip does for the build, and what Django collects for the application."""
    typed = call.typed[0].value or ""
    words = (typed, *call.argv)
    if typed in ("python", "python3") and call.argv[:2] == ("manage.py", "collectstatic") and None not in words:
        return run._replace(sets_up=True, starts=(*run.starts, tuple(one for one in words if one is not None)))
    action = verb(call)
    if call.manager is None or call.manager.name != "pip" or action is None or "/" in typed:
        return None
    return run._replace(builds=(*run.builds, call)) if action.name in ("install", "cache purge") else None


def installed(build: Build, stage: BuildStage, moving: list[Run], minor: int, release: str, full: bool) -> Installed:
    """Read what pip is told to install. Raises `Refused` where not all of it is known.

    On a `full` base a package that another one requires may be built against any of the libraries that the base
    brings, so that these must be known as well. On a slim one it can only be those that apt is told to install.
    """
    files = Files(build, stage)
    used: set[int] = set()
    found: dict[str, Requirement] = {}
    for run in moving:
        for call in run.builds:
            for one in _requirements(build, run.step, call, files, used):
                found.setdefault(f"{one.name}{one.extras}{one.specifier}", one)
    if full:
        for name in _dependencies(found.values()):
            found.setdefault(name, Requirement(name))
    needs: list[tuple[str, tuple[str, ...]]] = []
    compiled: list[PythonPackage] = []
    scripts: set[str] = set()
    for one in found.values():
        package = _known(one)
        if package.name in _TOOLS:
            continue
        libraries = list(package.run_libraries)
        if package.kind == "source":
            compiled.append(package)
            libraries += package.source_libraries
        elif not _has_wheel(one, package, minor, release):
            if full:
                which = f"{one.name} {one.version}" if one.version else one.name
                raise Refused(f"whether {which} comes as a wheel for Python 3.{minor} is not known")
            # On a slim base it can only be built against what apt is told to install.
            libraries += package.source_libraries
        needs += [(package.name, each.packages) for each in libraries if _packaged(package, each)]
        needs += [(package.name, each.packages) for each in package.run_programs]
        scripts |= {*package.scripts, *package.servers}
    return Installed(
        names=frozenset(one.name for one in found.values()),
        needs=tuple(needs),
        compiled=tuple(one.name for one in compiled),
        sources=tuple((one.name, one.source) for one in compiled),
        scripts=frozenset(scripts),
        copies=frozenset(used),
        copied_again=frozenset(at for at in used if files.again(at, {run.step.index for run in moving})),
    )


def _dependencies(found: Iterable[Requirement]) -> list[str]:
    """The names of all packages that others of them require."""
    waiting = [one.name for one in found]
    seen = set(waiting)
    for name in waiting:
        required = dependencies(name)
        if required is None:
            if _known(Requirement(name)).name in _TOOLS:
                continue
            raise Refused(f"what {name} requires is not known, and whether that is built with what the image brings")
        waiting += [other for other in required if other not in seen]
        seen.update(required)
    return waiting


def _packaged(package: PythonPackage, library: Library) -> bool:
    if not library.packages:
        raise Refused(f"{package.name} needs {library.sonames[0]}, and no package that brings it is known")
    return True


def _known(one: Requirement) -> PythonPackage:
    if one.origin is not Origin.INDEX or one.editable:
        raise Refused(f"{one.place or one.name} is not installed from an index")
    package = python_package(one.name)
    if package is None:
        raise Refused(f"whether {one.name} needs a compiler, libraries or programs is not known")
    if package.name in _EMBEDDING:
        raise Refused(f"{package.name} embeds the interpreter and may not find a virtualenv")
    if package.name in _DEVELOPMENT:
        raise Refused(f"{package.name} is for development, and this image with it")
    for extra in one.extras:
        if (package.name, extra) not in _EXTRAS:
            raise Refused(f"what {one.name}[{extra}] brings is not known")
    for data in package.data:
        if data.command == "install":
            raise Refused(f"the installation of {package.name} puts data into {data.path}")
    return package


def _has_wheel(one: Requirement, package: PythonPackage, minor: int, release: str) -> bool:
    """Whether a package needs no libraries from the system: it is a wheel, or built of its own sources alone."""
    if package.kind == "pure" or not (package.build_needs or package.source_libraries):
        return True
    if one.version is None:
        # pip takes the newest that there is: for a version of Python that is neither new nor old a wheel.
        return 10 <= minor <= 13
    libc = _GLIBC[release]
    return all(wheel_available(one.name, one.version, minor, libc, arch) for arch in ("x86_64", "aarch64"))


def _requirements(build: Build, step: Step, call: Invocation, files: Files, used: set[int]) -> Iterator[Requirement]:
    span = step.instruction.span
    action = verb(call)
    if action is None or action.name != "install":
        return
    program = call.typed[0].value or ""
    if not re.fullmatch(r"pip3?|python3?", program):
        raise Refused(f"{program} is not the pip of a virtualenv", span)
    words = iter(call.argv)
    if next(words, None) != "install":
        raise Refused("pip is given options in front of install", span)
    for word in words:
        if word is None:
            raise Refused("what pip is to install depends on a variable", span)
        name, equals, value = word.partition("=")
        if word in _SWITCHES:
            continue
        if word.startswith("-"):
            if name not in (*_VALUED, *_REQUIREMENT, *_CONSTRAINT):
                raise Refused(f"pip install {name} may install to another place", span)
            given = value if equals else next(words, None)
            if given is None:
                raise Refused("what pip is to install depends on a variable", span)
            if name in _REQUIREMENT + _CONSTRAINT:
                read = _file(build, step, given, files, used)
                yield from read if name in _REQUIREMENT else ()
            continue
        one = None if _is_path(word) else parse_requirement(word, "Dockerfile")
        if one is None:
            raise Refused(f"pip installs {word}, which is no package of an index", span)
        yield one


def _is_path(word: str) -> bool:
    return word.startswith((".", "/", "~")) or "/" in word or word.endswith((".whl", ".gz", ".zip"))


def _file(build: Build, step: Step, path: str, files: Files, used: set[int]) -> tuple[Requirement, ...]:
    """The requirements in a file of the image, which must come from the build context with all that it includes."""
    span = step.instruction.span
    place = posixpath.normpath(posixpath.join(step.state.workdir or "/", path))
    source = files.source(step, place)
    assert build.context is not None
    if source is None:
        raise Refused(f"{path} is not known to come from the build context", span)
    origin, index = source
    read = read_requirements(build.context, origin, posixpath.dirname(origin))
    if read.problems or read.missing or read.paths:
        why = str(read.problems[0]) if read.problems else f"{origin} names files of its own"
        raise Refused(why, span)
    for option in read.options:
        if option.name in ("--find-links", "--no-binary", "--global-option", "--config-settings", "--no-index"):
            raise Refused(f"{origin} has {option.name}, which changes how packages are built or found", span)
    for other in (one for one in read.files if one != origin):
        relative = posixpath.relpath(other, posixpath.dirname(origin) or ".")
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(place), relative))
        reached = files.source(step, wanted)
        if reached is None or reached[0] != other:
            raise Refused(f"{other}, which {origin} includes, is not known to be there", span)
        if reached[1] is not None:
            used.add(reached[1])
    if index is not None:
        used.add(index)
    return read.requirements
