"""What a RUN does with npm, yarn, pnpm and the programs of packages.

Sources: npm documentation, "npm install", "npm ci", "npm run", "npm prune"; yarn v1 documentation, "yarn install",
"yarn global"; pnpm documentation, "pnpm install", "pnpm prune"; Node.js documentation, "Corepack".
"""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.knowledge import node_programs
from slimify.semantics.build import Step
from slimify.semantics.commands import Invocation

MANAGERS = {"npm": "npm", "yarn": "yarn", "yarnpkg": "yarn", "pnpm": "pnpm"}
# What sets where programs, packages or the home folder are, or that a build writes elsewhere.
VARIABLES = re.compile(r"(?!PATH$|HOME$|NODE_PATH$|BUILD_PATH$|PREFIX$|(?i:npm_config_(?:prefix|globalconfig))$)\w+")
_RUNNERS = frozenset(["npx", "pnpx", "tsc", "node", "prisma", "next", "nest", "ng", "vite"])
_INSTALL = {
    "npm": frozenset("install i in ins inst ci clean-install install-clean isntall".split()),
    "yarn": frozenset(["install", ""]),
    "pnpm": frozenset(["install", "i"]),
}
_RUN = frozenset(["run", "run-script", "exec", "x", "rum", "urn", "test", "t", "tst"])
# They look at things, or change nothing but what the manager itself does next.
_QUIET = frozenset("cache config set get version -v --version audit fund ls list pkg store rebuild".split())
# Of `npm config set`: what is not about where something lies.
_SETTINGS = re.compile(
    r"registry|strict-ssl|cafile|python|unsafe-perm|loglevel|progress|fund|audit|legacy-peer-deps|engine-strict|"
    r"fetch-[\w-]+|maxsockets|network-timeout|update-notifier|ignore-engines|@[\w.-]+:registry"
)
_ELSEWHERE = frozenset(
    "--prefix --cwd -C --dir --workspace -w --workspaces -ws --filter -F -r --recursive --modules-folder "
    "--global-folder --userconfig --location --install-strategy --node-linker --no-bin-links --bin-links".split()
)
_VALUED = frozenset(
    "--loglevel --registry --cache --omit --include --only --network-timeout --fetch-timeout --fetch-retries "
    "--maxsockets --reporter --network-concurrency --cache-folder --store-dir --mutex".split()
)
# They tell something and leave nothing, as long as nothing is written to a file.
_TELL = frozenset("cat echo env ls printenv printf pwd which".split())
# What managers and tools keep for the next time.
_LEFTOVERS = re.compile(
    r"(?:/root|~|/home/node)/\.(?:npm|cache|yarn|pnpm-store|config/yarn|node-gyp|local/share/pnpm)(?:/.*)?|"
    r"/usr/local/share/\.cache(?:/.*)?|/tmp/.*|\.?/?node_modules/\.cache"
)


class What(enum.Enum):
    """What a call is for."""

    INSTALL = "install"
    GLOBAL = "global"
    SCRIPT = "script"
    PRUNE = "prune"
    REMOVE = "remove"
    OTHER = "other"


class Task(NamedTuple):
    """A call of a manager, or of a package's program. `names` are the packages of a global install."""

    step: Step
    call: Invocation
    manager: str
    what: What
    names: tuple[str, ...] = ()

    @property
    def argv(self) -> tuple[str, ...]:
        """The words of the command; all of them are known."""
        return (self.call.program or "", *(one for one in self.call.argv if one is not None))

    @property
    def text(self) -> str:
        """The command as it is written."""
        body = self.step.body
        assert body is not None
        return body.script.text[self.call.command.start : self.call.command.end]

    @property
    def settles(self) -> bool:
        """Whether it sets up the manager for what follows (`npm config set registry …`)."""
        return self.what is What.OTHER and bool({"config", "set"} & set(self.argv[1:3]))

    @property
    def programs(self) -> frozenset[str]:
        """The commands that a global install brings, as far as their names follow from those of the packages."""
        known = node_programs.load()
        packages = {re.sub(r"(?<=.)@[^/@]*$", "", name) for name in self.names}
        programs = {name.rpartition("/")[2] for name in packages}
        programs.update(command for command, package in known.items() if package in packages)
        if "corepack" in packages:
            programs |= {"yarn", "yarnpkg", "pnpm", "pnpx"}
        if "npm" in packages:
            programs.add("npx")
        return frozenset(programs)


def sort_node(run: Run, call: Invocation) -> Run | None:
    """Take what belongs to the build: installs, scripts, programs of packages, and the removal of what they leave."""
    task = task_of(run.step, call)
    return None if task is None else run._replace(builds=(*run.builds, call))


def tasks(run: Run) -> list[Task]:
    """The calls of a RUN that the sorter took, with what they are for."""
    return [task for call in run.builds if (task := task_of(run.step, call)) is not None]


def removal_of(found: list[Task]) -> Task | None:
    """The call that removes node_modules as a whole, if nothing is installed behind it."""
    last = [one for one in found if one.what in (What.INSTALL, What.REMOVE)][-1:]
    return last[0] if last and last[0].what is What.REMOVE else None


def task_of(step: Step, call: Invocation) -> Task | None:
    """What a call is for; None where it is no work of Node's tools. Raises `Refused` for what cannot be placed."""
    span = step.instruction.span
    typed = call.typed[0].value or ""
    program = call.program or ""
    if "/" in typed and not re.fullmatch(r"(?:\./)?node_modules/\.bin/[\w.-]+", typed):
        return None
    if program == "rm":
        paths = [one or "" for one in call.argv if one is None or not one.startswith("-")]
        if paths and all(_LEFTOVERS.fullmatch(one) for one in paths):
            return Task(step, call, "", What.OTHER)
        if paths and all(one.strip("./") == "node_modules" for one in paths):
            return Task(step, call, "", What.REMOVE)
        return None
    if program in _TELL and "/" not in typed:
        return Task(step, call, "", What.OTHER)
    local = "/" in typed
    if program not in MANAGERS and program not in _RUNNERS and program != "corepack" and not local:
        return None
    if any(one is None for one in call.argv):
        raise Refused(f"what {program} is to do depends on a variable", span)
    if call.argv and all(one in ("-v", "--version") for one in call.argv):
        return Task(step, call, "", What.OTHER)
    if program == "corepack":
        return Task(step, call, "", What.GLOBAL, ("corepack",))
    if program not in MANAGERS:
        return Task(step, call, "", What.SCRIPT)
    return _managed(step, call, MANAGERS[program])


def _managed(step: Step, call: Invocation, manager: str) -> Task | None:
    span = step.instruction.span
    argv = [one for one in call.argv if one is not None]
    if given := {one.partition("=")[0] for one in argv} & _ELSEWHERE:
        raise Refused(f"{manager} {min(given)} works in another folder", span)
    words = _words(argv)
    verb = words[0] if words else ""
    everywhere = call.has("-g", "--global") or words[:2] == ["global", "add"]
    if everywhere:
        names = words[2:] if verb == "global" else words[1:]
        if not names or verb not in ("install", "i", "add", "global", "in", "ci") or any(map(_is_path, names)):
            raise Refused(f"what {manager} {verb} --global changes is not known", span)
        return Task(step, call, manager, What.GLOBAL, tuple(names))
    if verb in _INSTALL[manager] and not (not words and call.has("-v", "--version")):
        if len(words) > 1:
            raise Refused(f"{manager} {verb} {words[1]} installs what no lock file names", span)
        return Task(step, call, manager, What.INSTALL)
    if verb == "prune":
        return Task(step, call, manager, What.PRUNE)
    if verb in _QUIET or not words:
        if verb in ("config", "set") and not _harmless(words):
            raise Refused(f"`{manager} {' '.join(words)[:50]}` may change where something lies", span)
        return Task(step, call, manager, What.OTHER)
    if verb in _RUN or (manager != "npm" and re.fullmatch(r"[\w:.-]+", verb) and verb not in _OWN):
        return Task(step, call, manager, What.SCRIPT)
    return None


# Commands of yarn and pnpm that are no scripts.
_OWN = frozenset(
    """add remove upgrade up update unlink link import init create dlx global workspaces workspace deploy fetch patch
    setup env autoclean policies plugin dedupe why publish pack generate-lock-entry""".split()
)


def _words(argv: list[str]) -> list[str]:
    found = []
    at = 0
    while at < len(argv):
        if argv[at].startswith("-"):
            at += 2 if argv[at] in _VALUED else 1
        else:
            found.append(argv[at])
            at += 1
    return found


def _harmless(words: list[str]) -> bool:
    """Whether a `config set KEY VALUE`, or KEY=VALUE, is one of those that move nothing."""
    rest = [one for one in words if one not in ("config", "set")]
    keys = [one.partition("=")[0] for one in rest if "=" in one] or rest[:1]
    return words[:2] in (["config", "get"], ["config", "list"]) or all(map(_SETTINGS.fullmatch, keys))


def _is_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or "://" in name or name.endswith((".tgz", ".tar.gz"))
