"""What a RUN does, where every command of it is one that a split knows how to place.

What an ecosystem's own tools do is for its pack to say, with a `Sorter`; what is sorted here are the packages of the
distribution and the set-up of users, folders, owners and modes.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable
from typing import NamedTuple

from slimify.transforms.split_stage.refused import Refused

from slimify.knowledge.debian import is_build_only
from slimify.knowledge.other_headers import alpine_runtime_packages
from slimify.knowledge.package_managers import load
from slimify.semantics.build import Step
from slimify.semantics.commands import Invocation, invocations, verb
from slimify.syntax.shell import AndOr, Command, Pipeline, Redirect, Script, Sequence, parse_script

# They change users, folders, owners and modes, of what is there in the stage that ships.
_SETS_UP = frozenset("addgroup adduser chmod chown groupadd mkdir useradd".split())
# What compilers and debconf are told.
_HARMLESS_VARIABLES = re.compile(r"DEBIAN_FRONTEND|C(?:C|XX)|(?:C|CPP|CXX|LD|MAKE)FLAGS")
# Where installs leave something that a stage without them does not have.
_BUILT = re.compile(r"/root|~|/tmp|/usr(?!/src|/local/bin/[\w.-]+\.sh$)|/var/(?:cache|lib|tmp)|/etc")
_SILENT = frozenset([":", "set", "true"])
_CACHES = ("/var/lib/apt/lists", "/var/cache/apt", "/var/cache/apk", "/root/.cache", "~/.cache")
_APT_OPTIONS = frozenset(
    "-y --yes --assume-yes -q -qq --quiet --no-install-recommends --fix-missing --no-install-suggests".split()
)
_APK_OPTIONS = frozenset("--no-cache --no-progress --quiet -q --update --update-cache -U".split())


class Run(NamedTuple):
    """What belongs to the build in a RUN, the packages it has the distribution install, and whether it sets up more.

    `builds` are the calls that the pack's sorter took for the build. `recommends` says whether apt installs
    recommended packages too, `unattended` whether DEBIAN_FRONTEND is set for it, `updates` whether the index is
    fetched here, `upgrades` whether what the base image has is replaced by newer versions, `adds_users` whether the
    package adduser is needed. `starts` are the command lines of the application that are run where it ships. `edits`
    are the calls that the pack's sorter knows to change files among those of the application. `foreign` says whether
    packages may come from another repository than the distribution's, `fetches` whether a pipeline brings a tool of
    the build, `piped` is its text. `alpine` says that apk installs the packages. `folder` is where a `cd` has led,
    empty for the working directory; `optional` says, to a sorter, that the command may fail.
    """

    step: Step
    builds: tuple[Invocation, ...] = ()
    packages: tuple[str, ...] = ()
    recommends: bool = False
    unattended: bool = False
    updates: bool = False
    upgrades: bool = False
    sets_up: bool = False
    adds_users: bool = False
    starts: tuple[tuple[str, ...], ...] = ()
    folder: str = ""
    edits: tuple[Invocation, ...] = ()
    foreign: bool = False
    fetches: bool = False
    alpine: bool = False
    piped: tuple[str, ...] = ()
    optional: bool = False

    @property
    def build_only(self) -> tuple[str, ...]:
        """The packages that are only there to build with."""
        return tuple(one for one in self.packages if self._builds(one))

    @property
    def kept(self) -> tuple[str, ...]:
        """The packages that the application may use."""
        return tuple(one for one in self.packages if not self._builds(one))

    def _builds(self, package: str) -> bool:
        # Alpine has some names of its own: build-base, linux-headers.
        return is_build_only(package) or (self.alpine and alpine_runtime_packages(package) is not None)

    @property
    def moves(self) -> bool:
        """Whether it belongs to the build."""
        return bool(self.builds or self.build_only or self.foreign or self.fetches)


# Takes a call of the ecosystem's own tools: the run with it, None where it is none of them. May raise `Refused`.
Sorter = Callable[[Run, Invocation], Run | None]
# The same for a pipeline, or a command with redirections, by its text.
Piper = Callable[[Run, str], Run | None]


def read_run(
    step: Step,
    sorter: Sorter,
    variables: re.Pattern[str] | None = None,
    piper: Piper | None = None,
    settings: re.Pattern[str] | None = None,
    may_fail: bool = False,
) -> Run:
    """Sort the commands of a RUN. Raises `Refused` where one of them is not known to be an install or a set-up.

    `variables` are those that the ecosystem's tools may be given in front of a command. `settings` are the files, as
    they are typed, that belong to the stage that ships, so that `echo` may write to them. `may_fail` says that the
    sorter knows what to do with `command || true`.
    """
    span = step.instruction.span
    script = script_of(step)
    if script is None or script.opaque or not step.state.shell.posix:
        raise Refused("a RUN cannot be read", span)
    run = Run(step)
    for command, optional in _plain(script.body, step):
        text = script.text[command.start : command.end]
        plumbed = isinstance(command, Pipeline) or command.redirects
        piped = piper(run, " ".join(text.split())) if plumbed and piper is not None else None
        if piped is not None:
            run = piped
            continue
        if isinstance(command, Pipeline):
            raise Refused(f"`{' '.join(text.split())[:60]}` cannot be sorted", span)
        if not command.words:
            raise Refused("a RUN sets variables for what follows in it", span)
        calls = invocations(command, step.state.variables)
        for name in (name for call in calls for name in call.assignments):
            if not _HARMLESS_VARIABLES.fullmatch(name) and not (variables and variables.fullmatch(name)):
                raise Refused(f"the variable {name} in front of a command may change what it does", span)
        if settings is not None and _writes(command, settings):
            run = run._replace(sets_up=True)
            continue
        if len(calls) != 1 or calls[0].wrappers or not all(map(_silences, command.redirects)) or calls[0].nested:
            raise Refused(f"`{text[:60]}` cannot be sorted", span)
        if _clears_caches(calls[0]):
            continue
        taken = sorter(run._replace(optional=optional), calls[0]) if may_fail or not optional else None
        if taken is None and optional:
            raise Refused("a RUN runs some of its commands on conditions", span)
        run = (taken or _add(run, calls[0], text))._replace(optional=False)
    if run.moves and (run.sets_up or run.upgrades):
        raise Refused("one RUN installs what only the build needs and changes the image in other ways", span)
    if run.packages and not run.updates:
        raise Refused("an install takes the package index from an earlier RUN", span)
    return run


def _clears_caches(call: Invocation) -> bool:
    """Whether a call removes nothing but caches, in words that are known to mean them."""
    if call.program != "rm":
        return False
    words = [word.text for word in call.words if not word.text.startswith("-")]
    return bool(words) and all(one.startswith(_CACHES) or one in _cache_paths() for one in words)


@functools.cache
def _cache_paths() -> frozenset[str]:
    return frozenset(path for manager in load() for remedy in manager.remedies for path in remedy.paths)


def _writes(command: Command, settings: re.Pattern[str]) -> bool:
    """Whether a command only writes a text of its own to files that are settings."""
    return (
        command.words[0].value in ("echo", "printf")
        and bool(command.redirects)
        and not any(word.substitutions for word in command.words)
        and all(
            one.operator in (">", ">>") and one.target is not None and settings.fullmatch(one.target.text.strip("'\""))
            for one in command.redirects
        )
    )


def script_of(step: Step) -> Script | None:
    """What a RUN has a shell do; of the exec form, the one command that it is."""
    if step.body is not None:
        return step.body.script
    words = step.instruction.exec_form
    return parse_script(shlex.join(words)) if words else None


def _plain(sequence: Sequence, step: Step) -> list[tuple[Command | Pipeline, bool]]:
    """The commands of a script that runs all of them one after the other, or fails; whether one may fail without that.

    `command || true` is one that may.
    """
    found: list[tuple[Command | Pipeline, bool]] = []
    for item in sequence.items:
        operands = item.node.operands if isinstance(item.node, AndOr) else (item.node,)
        alternatives = isinstance(item.node, AndOr) and "||" in item.node.operators
        optional = alternatives and len(operands) == 2 and _always(operands[1])
        for one in operands[:1] if optional else operands:
            if not isinstance(one, Command | Pipeline) or (alternatives and not optional) or item.separator == "&":
                raise Refused("a RUN runs some of its commands on conditions", step.instruction.span)
            found.append((one, optional))
    return found


def _silences(redirect: Redirect) -> bool:
    """Whether a redirection only throws away what a command says: `> /dev/null`, `2>&1`."""
    target = redirect.target.value if redirect.target is not None else None
    return target == "/dev/null" or (redirect.operator == ">&" and target in ("1", "2"))


def _always(node: object) -> bool:
    """Whether a command always succeeds."""
    words = [word.value for word in node.words] if isinstance(node, Command) else []
    return words in (["true"], [":"], ["exit", "0"], ["return", "0"])


def _add(run: Run, call: Invocation, text: str) -> Run:
    program, span = call.program, run.step.instruction.span
    typed = call.typed[0].value or ""
    if program in _SILENT:
        return run
    if program in _SETS_UP and "/" not in typed:
        if program in ("chmod", "chown") and any(one is None or _BUILT.match(one) for one in call.argv):
            raise Refused(f"`{text[:60]}` may change what is only in the build", span)
        return run._replace(sets_up=True, adds_users=run.adds_users or program in ("addgroup", "adduser"))
    if program == "rm" and all(one is not None and one.startswith(("-", "/tmp/", "/var/tmp/")) for one in call.argv):
        return run
    if program == "export" and call.argv == ("DEBIAN_FRONTEND=noninteractive",):
        return run._replace(unattended=True)
    found = None
    if program in ("apt", "apt-get"):
        found = _apt(run, call)
    elif program == "apk" and "/" not in typed:
        found = apk(run, call)
    if found is None:
        raise Refused(f"`{' '.join(text.split())[:60]}` is neither a plain install nor a set-up of the image", span)
    return found


def _apt(run: Run, call: Invocation) -> Run | None:
    action = verb(call)
    if "DEBIAN_FRONTEND" in call.assignments:
        run = run._replace(unattended=True)
    if action is None:
        return None
    if action.name in ("clean", "autoclean"):
        return run
    if action.name == "update":
        return run._replace(updates=True)
    if action.name in ("upgrade", "dist-upgrade"):
        return run._replace(upgrades=True)
    names = _names(call, action.operands, _APT_OPTIONS) if action.name == "install" else None
    if names is None:
        return None
    recommends = run.recommends or not call.has("--no-install-recommends")
    return run._replace(packages=(*run.packages, *names), recommends=recommends)


def apk(run: Run, call: Invocation) -> Run | None:
    """Take a call of apk that does nothing but install plain packages."""
    action = verb(call)
    if action is None:
        return None
    if action.name == "update":
        return run._replace(updates=True)
    if action.name == "upgrade":
        return run._replace(upgrades=True)
    names = _names(call, action.operands, _APK_OPTIONS) if action.name == "add" else None
    if names is None:
        return None
    fetched = run.updates or call.has("--no-cache", "--update", "--update-cache", "-U")
    return run._replace(packages=(*run.packages, *names), updates=fetched, alpine=True)


def _names(call: Invocation, operands: tuple[str | None, ...], options: frozenset[str]) -> tuple[str, ...] | None:
    """The packages of an install that has no options but these, and no operands but plain names."""
    given = {one for one in call.argv if one is not None and one.startswith("-")}
    known = tuple(one for one in operands if one is not None)
    if len(known) != len(operands) or not given <= options or not all(map(_named, known)):
        return None
    return known


def _named(package: str) -> bool:
    """Whether an operand is a name and nothing but that: no version, release, architecture, pattern or file."""
    plain = package.replace("-", "").replace("+", "").replace(".", "").replace("_", "")
    return plain.isalnum() and not re.search(r"-$|(?<!\+)\+$", package)
