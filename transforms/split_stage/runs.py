"""What a RUN does, where every command of it is one that a split knows how to place."""

from __future__ import annotations

import re
from typing import NamedTuple

from slimify.transforms.split_stage.refused import Refused

from slimify.knowledge.debian import is_build_only
from slimify.semantics.build import Step
from slimify.semantics.commands import Invocation, invocations, verb
from slimify.syntax.shell import AndOr, Command, Sequence

# They change users, folders, owners and modes, of what is there in the stage that ships.
_SETS_UP = frozenset("addgroup adduser chmod chown groupadd mkdir useradd".split())
# What compilers and debconf are told.
_HARMLESS_VARIABLES = re.compile(r"DEBIAN_FRONTEND|C(?:C|XX)|(?:C|CPP|CXX|LD|MAKE)FLAGS")
# Where installs leave something that a stage without them does not have.
_BUILT = re.compile(r"/root|~|/tmp|/usr(?!/src|/local/bin/[\w.-]+\.sh$)|/var/(?:cache|lib|tmp)|/etc")
_SILENT = frozenset([":", "set", "true"])
_CACHES = ("/var/lib/apt/lists", "/var/cache/apt", "/root/.cache", "~/.cache", "/tmp/", "/var/tmp/")
_HARMLESS_OPTIONS = frozenset(
    "-y --yes --assume-yes -q -qq --quiet --no-install-recommends --fix-missing --no-install-suggests".split()
)


class Run(NamedTuple):
    """The pip installs of a RUN, the packages it has apt install, and whether it does anything else.

    `recommends` says whether apt installs recommended packages too, `unattended` whether DEBIAN_FRONTEND is set for
    it, `updates` whether the index is fetched here, `upgrades` whether what the base image has is replaced by newer
    versions, `adds_users` whether the package adduser is needed, `purges` whether pip's cache is emptied. `starts`
    are the command lines of the application that are run where it ships.
    """

    step: Step
    pips: tuple[Invocation, ...] = ()
    packages: tuple[str, ...] = ()
    recommends: bool = False
    unattended: bool = False
    updates: bool = False
    upgrades: bool = False
    sets_up: bool = False
    adds_users: bool = False
    purges: bool = False
    starts: tuple[tuple[str, ...], ...] = ()

    @property
    def build_only(self) -> tuple[str, ...]:
        return tuple(one for one in self.packages if is_build_only(one))

    @property
    def moves(self) -> bool:
        """Whether it belongs to the build."""
        return bool(self.pips or self.build_only or self.purges)


def read_run(step: Step) -> Run:
    """Sort the commands of a RUN. Raises `Refused` where one of them is not known to be an install or a set-up."""
    span = step.instruction.span
    body = step.body
    if body is None or body.script.opaque or not step.state.shell.posix:
        raise Refused("a RUN cannot be read", span)
    run = Run(step)
    for command in _plain(body.script.body, step):
        if not command.words:
            raise Refused("a RUN sets variables for what follows in it", span)
        calls = invocations(command, step.state.variables)
        if any(not _HARMLESS_VARIABLES.fullmatch(name) for call in calls for name in call.assignments):
            raise Refused("a variable in front of a command may change what it does", span)
        if len(calls) != 1 or calls[0].wrappers or command.redirects or calls[0].nested:
            raise Refused(f"`{body.script.text[command.start : command.end][:60]}` cannot be sorted", span)
        run = _add(run, calls[0], body.script.text[command.start : command.end])
    if run.moves and (run.sets_up or run.upgrades):
        raise Refused("one RUN installs what only the build needs and changes the image in other ways", span)
    if run.packages and not run.updates:
        raise Refused("an install takes the package index from an earlier RUN", span)
    return run


def _plain(sequence: Sequence, step: Step) -> list[Command]:
    """The commands of a script that runs all of them one after the other, or fails."""
    found = []
    for item in sequence.items:
        operands = item.node.operands if isinstance(item.node, AndOr) else (item.node,)
        alternatives = isinstance(item.node, AndOr) and "||" in item.node.operators
        for one in operands:
            if not isinstance(one, Command) or alternatives or item.separator == "&":
                raise Refused("a RUN runs some of its commands on conditions", step.instruction.span)
            found.append(one)
    return found


def _add(run: Run, call: Invocation, text: str) -> Run:
    program, span = call.program, run.step.instruction.span
    typed = call.typed[0].value or ""
    if program in _SILENT:
        return run
    if program in _SETS_UP and "/" not in typed:
        if program in ("chmod", "chown") and any(one is None or _BUILT.match(one) for one in call.argv):
            raise Refused(f"`{text[:60]}` may change what is only in the build", span)
        return run._replace(sets_up=True, adds_users=run.adds_users or program in ("addgroup", "adduser"))
    if program == "rm" and all(
        one is not None and (one.startswith("-") or one.startswith(_CACHES)) for one in call.argv
    ):
        return run
    if program == "export" and call.argv == ("DEBIAN_FRONTEND=noninteractive",):
        return run._replace(unattended=True)
    words = (typed, *call.argv)
    if typed in ("python", "python3") and call.argv[:2] == ("manage.py", "collectstatic") and None not in words:
        return run._replace(sets_up=True, starts=(*run.starts, tuple(one for one in words if one is not None)))
    if "DEBIAN_FRONTEND" in call.assignments:
        run = run._replace(unattended=True)
    action = verb(call)
    manager = call.manager.name if call.manager is not None else ""
    if manager == "pip" and action is not None and "/" not in typed:
        if action.name == "install":
            return run._replace(pips=(*run.pips, call))
        if action.name == "cache purge":
            return run._replace(purges=True)
    if manager == "apt" and action is not None and program in ("apt", "apt-get"):
        if action.name in ("clean", "autoclean"):
            return run
        if action.name == "update":
            return run._replace(updates=True)
        if action.name in ("upgrade", "dist-upgrade"):
            return run._replace(upgrades=True)
        if action.name == "install":
            options = [one for one in call.argv if one is not None and one.startswith("-")]
            known = [one for one in action.operands if one is not None]
            if len(known) == len(action.operands) and set(options) <= _HARMLESS_OPTIONS and all(map(_named, known)):
                recommends = run.recommends or "--no-install-recommends" not in options
                return run._replace(packages=(*run.packages, *known), recommends=recommends)
    raise Refused(f"`{' '.join(text.split())[:60]}` is neither a plain install nor a set-up of the image", span)


def _named(package: str) -> bool:
    """Whether an operand of apt is a name and nothing but that: no version, release, architecture, pattern or file."""
    return package.replace("-", "").replace("+", "").replace(".", "").isalnum() and not re.search(
        r"-$|(?<!\+)\+$", package
    )
