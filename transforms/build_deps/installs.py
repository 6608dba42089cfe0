"""The installs of system packages that have build dependencies among them, and the commands that build."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from slimify.knowledge.build_deps import is_alpine_build_only
from slimify.knowledge.debian import is_build_only
from slimify.semantics.build import Step
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import Effects, effects
from slimify.semantics.images import image_name
from slimify.syntax.shell import Word

MANAGERS = ("apt", "apk")
_REMOVALS = frozenset({"remove", "purge", "autoremove", "autopurge", "del"})
# Options of the installs (apt-get(8), apk(8)) that say nothing of which packages, from where, or to which place.
_SWITCHES = re.compile(
    r"-[yq]+|--(?:yes|assume-yes|quiet|no-install-recommends|no-install-suggests|fix-missing|allow-unauthenticated)"
    r"|-U|--(?:no-cache|update|update-cache|no-progress)"
)
# What comes behind the name of a package to say which version of it (apt-get(8), apk-world(5)).
_VERSION = re.compile(r"[=<>~].*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]*")
# What nobody needs a compiler for, whatever installs it.
_PURE = frozenset({"pip", "setuptools", "wheel", "pipenv", "poetry", "virtualenv", "npm", "yarn", "pnpm", "bundler"})
_LANGUAGES = frozenset({"pip", "pipenv", "poetry", "uv", "npm", "yarn", "pnpm", "bundle", "gem", "cargo", "go"})
_NPM_INSTALLS = frozenset({"", "ci", "install", "i", "add", "rebuild", "clean-install", "update", "up", "global add"})
_BUILDERS = frozenset(
    """autoreconf c++ cargo cc clang cmake configure cpan cpanm cython cythonize docker-php-ext-configure
    docker-php-ext-install electron-rebuild f2py flit g++ gcc gfortran gmake hatch luarocks make maturin meson ninja
    node-gyp node-pre-gyp nuitka pdm pecl phpize pip-sync pyinstaller R Rscript rustc rye scons setup.py
    """.split()
)
_PYTHON = re.compile(r"python[0-9.]*")
# What node-gyp runs on, beside make and a compiler (github.com/nodejs/node-gyp, "Installation").
GYP = frozenset({"python", "python2", "python3", "py3-setuptools", "python3-setuptools", "python-is-python3"})


class Install(NamedTuple):
    """A call of apt or apk that installs build dependencies.

    `names` pairs each operand with the package that it names; None for one that is not a plain name. `options` are
    the words in between. `virtual` is the name that apk is to remember the packages by.
    """

    step: Step
    call: Invocation
    names: tuple[tuple[Word, str | None], ...]
    options: tuple[Word, ...]
    tools: tuple[str, ...]
    virtual: str = ""

    @property
    def alpine(self) -> bool:
        return self.call.manager is not None and self.call.manager.name == "apk"

    @property
    def recommends(self) -> bool:
        """Whether apt installs what is recommended, too."""
        return not self.call.has("--no-install-recommends")


def effects_of(step: Step) -> Effects | None:
    """What a RUN does; None where its script cannot be read, or there is none."""
    body = step.body if step.keyword == "RUN" else None
    if body is None or body.script.opaque:
        return None
    return effects(body.script, step.state.variables, step.state.workdir)


def installs(step: Step) -> Iterator[Invocation]:
    """The calls of a RUN that install packages with apt or apk."""
    found = effects_of(step)
    for call in found.invocations if found is not None else ():
        action = verb(call)
        if call.manager is None or call.manager.name not in MANAGERS or action is None:
            continue
        if action.name in ("install", "add", "reinstall", "build-dep", "satisfy", "fix"):
            yield call


def read_install(step: Step, call: Invocation) -> Install | None:
    """The install, if there are build dependencies in it and all its options are understood."""
    action = verb(call)
    assert action is not None
    assert call.manager is not None
    alpine = call.manager.name == "apk"
    names: list[tuple[Word, str | None]] = []
    options: list[Word] = []
    virtual = ""
    rest = iter(zip(call.argv[action.end :], call.words[action.end :], strict=True))
    for value, word in rest:
        if value is not None and value.startswith("-"):
            name, equals, given = value.partition("=")
            if alpine and name in ("-t", "--virtual"):
                virtual = given if equals else (next(rest, (None, None))[0] or "$")
            elif not _SWITCHES.fullmatch(value):
                return None
            else:
                options.append(word)
            continue
        plain = _VERSION.sub("", value) if value is not None else ""
        names.append((word, plain if _NAME.fullmatch(plain) and not plain.endswith(("-", "++-")) else None))
    serves = is_alpine_build_only if alpine else is_build_only
    gyp = _runs_node(step) and any(name in ("make", "build-base", "build-essential") for _, name in names)
    tools = tuple(
        dict.fromkeys(name for _, name in names if name is not None and (serves(name) or (gyp and name in GYP)))
    )
    if not tools:
        return None
    return Install(step, call, tuple(names), tuple(options), tools, virtual)


def _runs_node(step: Step) -> bool:
    return step.state.image is not None and image_name(step.state.image).short == "node"


def removes(step: Step) -> bool:
    """Whether a RUN removes packages again, or lets go of them."""
    found = effects_of(step)
    for call in found.invocations if found is not None else ():
        action = verb(call)
        if call.program == "apt-mark":
            return True
        system = call.manager is not None and call.manager.name in MANAGERS
        if system and action is not None and action.name in _REMOVALS:
            return True
    return False


def builds(call: Invocation) -> bool:
    """Whether a call may need a compiler, headers or make."""
    program = call.program
    if program is None:
        return False
    typed = call.typed[0].value or ""
    if program in _BUILDERS or posixpath.basename(typed) in _BUILDERS:
        return not (program == "pecl" and call.argv[:1] not in (("install",), ("upgrade",)))
    if _PYTHON.fullmatch(program):
        return any(one is not None and posixpath.basename(one) == "setup.py" for one in call.argv)
    manager = call.manager
    if manager is None or manager.name not in _LANGUAGES:
        return False
    action = verb(call)
    if action is None:
        return True
    if manager.name in ("npm", "yarn", "pnpm"):
        installing = action.name in _NPM_INSTALLS or action.name in manager.installs
        return installing and not _only_pure(action.operands)
    if action.name in ("sync", "wheel", "pip sync", "pip install", "download"):
        return True
    if action.name not in manager.installs:
        return False
    if manager.name == "pip" and not _only_pure(action.operands):
        return True
    return manager.name != "pip"


def _only_pure(operands: tuple[str | None, ...]) -> bool:
    names = [_VERSION.sub("", one).partition("@")[0] if one is not None else "" for one in operands]
    return bool(names) and all(name in _PURE for name in names)
