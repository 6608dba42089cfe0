"""What a call of pip, poetry, uv, pipenv or pdm does: for the application, or only so that others can do it.

Sources: the command references of the five (https://pip.pypa.io/en/stable/cli/, https://python-poetry.org/docs/cli/,
https://docs.astral.sh/uv/reference/cli/, https://pipenv.pypa.io/en/latest/cli.html,
https://pdm-project.org/latest/reference/cli/).
"""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.context.python.requirement import parse_requirement
from slimify.knowledge.language_packages import normalised
from slimify.knowledge.python_installers import installer
from slimify.semantics.commands import Invocation, verb

# What installs the others; nothing at run time.
TOOLS = frozenset(["pip", "setuptools", "wheel"])
MANAGERS = frozenset(["poetry", "uv", "pipenv", "pdm"])


# Their authors' own ways to install them, which put them below the home of the user (documentation of both).
PIPED = re.compile(
    r"(?:curl|wget)\s[^|&;]*https://(install\.python-poetry\.org|astral\.sh/uv)\S*[^|&;]*\|\s*"
    r"(?:\w+=\S+\s+)*(?:python3?|sh|bash)(?:\s+-)?(?:\s+--version\s+\S+)?\s*"
)


class Does(enum.Enum):
    """What a call is good for."""

    SETTING = "setting"
    INSTALLER = "installer"
    PACKAGES = "packages"
    DATA = "data"
    ENVIRONMENT = "environment"
    LOCKED = "locked"


class Act(NamedTuple):
    """A call that has been read.

    `system` says whether packages go to the interpreter that is in force, not to an environment of the project's own.
    Of what a lock file lists, `development` says whether dependencies of development are among it, and
    `project` whether the project itself is installed too: `editable` means that it stays where it is.
    `fixed` says that nothing else than what is locked is installed, however old the lock file is. `only` and `without`
    are the groups that Poetry is told to take, or to leave out.
    """

    call: Invocation
    manager: str
    does: Does
    system: bool = True
    development: bool = True
    project: bool = False
    editable: bool = True
    fixed: bool = False
    only: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    def includes(self, group: str) -> bool:
        """Whether the dependencies of a group are installed, as far as groups are named; `main` is one of them."""
        return group in self.only if self.only else group not in self.without


# For each command the options that change neither where something is installed nor how it is found,
# and those of them that take a value. Options that an `Act` knows of are read below.
_PIP = frozenset(
    "--no-cache-dir --upgrade -U -q -qq --quiet -v --verbose --no-input --disable-pip-version-check --prefer-binary "
    "--require-hashes --compile --no-compile --no-warn-script-location --no-deps --no-color --isolated "
    "--root-user-action --index-url -i --extra-index-url --trusted-host --timeout --default-timeout --retries "
    "--progress-bar --proxy --upgrade-strategy --only-binary".split()
)
_POETRY = frozenset("--no-interaction -n --no-ansi --ansi --no-cache -q --quiet -v -vv -vvv --verbose".split())
_UV = frozenset(
    "-q --quiet -v --verbose --no-progress --no-cache -n --no-cache-dir --compile-bytecode --compile --native-tls "
    "--system-certs --no-python-downloads --color --cache-dir --index-url -i --extra-index-url --default-index "
    "--index --index-strategy --no-managed-python --offline".split()
)
_UV_SYNC = frozenset(
    "--frozen --locked --no-dev --dev --no-install-project --no-install-workspace --no-editable --all-extras --extra "
    "--no-extra --group --no-group --all-groups --no-default-groups --inexact --exact".split()
)
_UV_PIP = frozenset(
    "--system --upgrade -U --no-deps --require-hashes --verify-hashes --strict --prerelease --only-binary".split()
)
_POETRY_INSTALL = frozenset(
    "--no-root --no-dev --only --with --without --extras -E --all-extras --sync --remove-untracked --compile "
    "--all-groups --no-directory".split()
)
_PIPENV = frozenset(
    "--system --deploy --ignore-pipfile --dev -d --keep-outdated --clear --verbose -v --quiet -q --extra-pip-args "
    "--pypi-mirror".split()
)
_PDM = frozenset(
    "--prod --production --no-lock --frozen-lockfile --no-editable --no-self --no-default -G --group --with --without "
    "-d --dev --no-isolation -v -q --verbose --quiet --check --fail-fast -x --clean".split()
)
# `--no-isolation` builds with what is in the environment, `--no-default` leaves the application's own packages out.
_PDM_REFUSED = frozenset(["--no-isolation", "--no-default", "-L", "--lockfile"])
# Options of venv, virtualenv and `uv venv` that take no value, and do not bring other packages into sight.
_VENV = frozenset("--copies --upgrade-deps --clear --no-download --always-copy --seed -q --quiet".split())
_IN_VENV = re.compile(r"(?<!^/usr)(?<!^/usr/local)/bin/(?:pip3?|python3?)$")
# What a text could start other programs with, load libraries, or hide it.
_BEYOND = re.compile(r"subprocess|system|popen|spawn|exec\w*|eval|compile|ctypes|cffi|__import__|importlib|\bpip\b")
VALUED = frozenset(
    "--root-user-action --index-url -i --extra-index-url --trusted-host --timeout --default-timeout --retries "
    "--progress-bar --proxy --upgrade-strategy --only-binary --color --cache-dir --default-index --index "
    "--index-strategy --extra --no-extra --group --no-group --prerelease --only --with --without --extras -E -G "
    "--extra-pip-args --pypi-mirror".split()
)
REQUIREMENT = ("-r", "--requirement", "--requirements")
CONSTRAINT = ("-c", "--constraint", "--constraints")
_EDITABLE = ("-e", "--editable")
_SETTINGS = {
    "poetry": re.compile(r"--version|-V|about|check|config|cache|env info|show|self (?:add|show)"),
    "uv": re.compile(r"--version$|version$|cache (?:clean|prune)|self version$"),
    "pipenv": re.compile(r"--version|verify|--clear|check"),
    "pdm": re.compile(r"--version|config|info|cache|list"),
}


def sort_python(run: Run, call: Invocation) -> Run | None:
    """Take what the installers do for the build, and what is collected or downloaded for the application."""
    typed = call.typed[0].value or ""
    words = (*(one.value for one in call.typed), *call.argv)
    if typed in ("python", "python3") and _is_data(call) and None not in words:
        if call.argv[0] == "-c" and (match := _BEYOND.search(call.argv[1] or "" if len(call.argv) > 1 else "")):
            raise Refused(
                f"the text of `python -c` has {match[0]}, and what it runs is not known", run.step.instruction.span
            )
        return run._replace(sets_up=True, starts=(*run.starts, tuple(one for one in words if one is not None)))
    program = call.manager.name if call.manager is not None else call.program
    if program not in ("pip", "spacy", "venv", "virtualenv", *MANAGERS) or (
        "/" in typed and not _IN_VENV.search(typed)
    ):
        return None
    return run._replace(builds=(*run.builds, call)) if read_call(call, run) is not None else None


def _is_data(call: Invocation) -> bool:
    """Whether Django collects its static files, or data is downloaded to a place outside of the environment.

    NLTK documentation, "Installing NLTK Data"; `python -c` is read like a source of the application.
    """
    if call.program == "nltk.downloader":
        return True
    return len(call.typed) == 1 and (call.argv[:2] == ("manage.py", "collectstatic") or call.argv[:1] == ("-c",))


def acts(run: Run) -> tuple[Act, ...]:
    """What the calls of a RUN do that its sorter took for the build."""
    return tuple(act for call in run.builds if (act := read_call(call, run)) is not None)


def read_call(call: Invocation, run: Run) -> Act | None:
    """What a call does; None where it is none of these. Raises `Refused` where it may install to another place."""
    program = call.manager.name if call.manager is not None else call.program or ""
    action = verb(call)
    name = action.name if action is not None else call.argv[0] or "" if program == "pdm" and call.argv else ""
    if program == "pip":
        return _pip(call, name)
    if program == "spacy" and call.argv[:1] == ("download",) and len(call.argv) == 2:
        # It has the pip of the same environment install a package (spaCy documentation, "download").
        return Act(call, "spacy", Does.DATA)
    words = " ".join(one or "$" for one in call.argv)
    if program in ("venv", "virtualenv") or (program == "uv" and call.argv[:1] == ("venv",)):
        given = {(one or "").partition("=")[0] for one in call.argv if (one or "-").startswith("-")}
        return Act(call, program, Does.ENVIRONMENT) if given <= _VENV else None
    if program not in MANAGERS:
        return None
    if _SETTINGS[program].match(words):
        if program == "pdm" and re.match(r"config (?!check_update\b)", words):
            raise Refused(f"pdm {words} may have it install to another place", run.step.instruction.span)
        return Act(call, program, Does.SETTING)
    if program == "uv" and name in ("pip install", "pip sync"):
        _options(call, 2, _UV | _UV_PIP | {*REQUIREMENT, *CONSTRAINT, *_EDITABLE}, run)
        return Act(call, "uv pip", Does.PACKAGES, call.has("--system"))
    if program == "uv" and name == "sync":
        _options(call, 1, _UV | _UV_SYNC, run)
        return Act(
            call, "uv", Does.LOCKED, False, not _without_dev(call, ("--no-dev", "--no-default-groups")),
            not call.has("--no-install-project", "--no-install-workspace"), not call.has("--no-editable"),
            call.has("--frozen", "--locked"),
        )  # fmt: skip
    if program == "poetry" and name in ("install", "sync"):
        _options(call, 1, _POETRY | _POETRY_INSTALL, run)
        dropped = _listed(call, "--without") | ({"dev"} if call.has("--no-dev") else set())
        return Act(
            call, "poetry", Does.LOCKED, True, not (dropped & {"dev"} or call.has("--only")), not call.has("--no-root"),
            True, True, frozenset(_listed(call, "--only")), frozenset(dropped),
        )  # fmt: skip
    if program == "pipenv" and name in ("install", "sync"):
        _options(call, 1, _PIPENV, run)
        fixed = name == "sync" or call.has("--deploy", "--ignore-pipfile")
        return Act(call, "pipenv", Does.LOCKED, call.has("--system"), call.has("--dev", "-d"), fixed=fixed)
    if program == "pdm" and name in ("install", "sync") and not call.has(*_PDM_REFUSED):
        _options(call, 1, _PDM, run)
        fixed = name == "sync" or call.has("--frozen-lockfile", "--no-lock", "--check")
        development = not _without_dev(call, ("--prod", "--production"))
        own = not call.has("--no-self")
        return Act(call, "pdm", Does.LOCKED, False, development, own, not call.has("--no-editable"), fixed)
    return None


def _pip(call: Invocation, name: str) -> Act | None:
    if name == "cache purge":
        return Act(call, "pip", Does.SETTING)
    if name != "install":
        return None
    names = _plain_names(call)
    if names and all(one in TOOLS or installer(one) for one in names):
        return Act(call, "pip", Does.INSTALLER)
    return Act(call, "pip", Does.PACKAGES)


def _plain_names(call: Invocation) -> list[str]:
    """The packages that pip is told by name, where it is told nothing else; without their versions."""
    words = iter(call.argv[1:])
    names = []
    for word in words:
        if word is None:
            # Only a version is ever left to a variable: `poetry==$POETRY_VERSION`.
            return []
        option = word.partition("=")[0]
        if word.startswith("-"):
            if option not in _PIP:
                return []
            if option in VALUED and "=" not in word:
                next(words, None)
            continue
        found = parse_requirement(word, "Dockerfile")
        if found is None:
            return []
        names.append(normalised(found.name))
    return names


def pipe_installer(run: Run, text: str) -> Run | None:
    """Take a pipeline in which the script of an installer's authors is downloaded and run."""
    return run._replace(fetches=True, piped=(*run.piped, text)) if PIPED.fullmatch(text) else None


def piped_installers(run: Run) -> tuple[str, ...]:
    """The names of the installers that scripts of their authors install."""
    found = (match for text in run.piped if (match := PIPED.fullmatch(text)))
    return tuple("poetry" if match[1].startswith("install") else "uv" for match in found)


def installed_installers(call: Invocation) -> tuple[str, ...]:
    """The names of the installers that a call of pip installs."""
    return tuple(one for one in _plain_names(call) if installer(one))


def _without_dev(call: Invocation, options: tuple[str, ...]) -> bool:
    # Other groups may have packages of development as well.
    if call.has("--group", "--only-group", "--all-groups", "--dev", "-G", "--with"):
        return False
    return call.has(*options) or ("--no-group", "dev") in _given(call)


def _listed(call: Invocation, option: str) -> set[str]:
    return {one.strip() for name, value in _given(call) if name == option for one in value.split(",")}


def _given(call: Invocation) -> list[tuple[str, str]]:
    """The options of a call that have a value, with it."""
    found = []
    for at, word in enumerate(call.argv):
        name, equals, value = (word or "").partition("=")
        if name in VALUED:
            found.append((name, value if equals else (call.argv[at + 1 : at + 2] or ("",))[0] or ""))
    return found


def _options(call: Invocation, verbs: int, known: frozenset[str], run: Run) -> None:
    """Refuse a call with options that may change where or from what something is installed."""
    words = iter(call.argv[verbs:])
    if any((one or "-").startswith("-") for one in call.argv[:verbs]):
        raise Refused(f"{call.program} is given options in front of its command", run.step.instruction.span)
    for word in words:
        if word is None:
            raise Refused(f"what {call.program} is to install depends on a variable", run.step.instruction.span)
        name, equals, _ = word.partition("=")
        if name.startswith("-") and name not in known:
            raise Refused(f"{call.program} {name} may install something else", run.step.instruction.span)
        if name in VALUED and not equals:
            next(words, None)
        elif not name.startswith("-") and call.program != "uv":
            raise Refused(f"{call.program} adds {word} to the project", run.step.instruction.span)
