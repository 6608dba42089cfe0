"""Everything that runs in an image after an install, followed through shell scripts of the build context.

It is proven that no program which would be missing is called. What the programs of one language start is
for the classes that build on `Runs`.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import NamedTuple

from slimify.transforms.production.evidence import MissingEvidence, Started, health_command

from slimify.context.placed import Placed
from slimify.context.shell import SHELLS, EntryScript, read_script
from slimify.semantics.build import State
from slimify.semantics.build_context import BuildContext
from slimify.semantics.commands import Invocation, invocations
from slimify.semantics.effects import BUILTINS, CHEAP, SYSTEM_MANAGERS, effects
from slimify.syntax.shell import parse_script

_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_ARGUMENTS = frozenset({'"$@"', "$@", '"$*"', "$*", '"${@}"', "${@}"})
# Verbs of managers that run nothing of the project (their documentation); an empty one is the bare name.
_QUIET = {
    "poetry": frozenset("about build cache check config debug env export lock self show source version".split()),
    "pdm": frozenset("build cache config export info list lock python self show use venv".split()),
    "pipenv": frozenset("check graph lock requirements verify clean".split()),
    "uv": frozenset("cache export lock pip python self tool tree venv version build".split()),
    "pip": frozenset("cache check config debug download freeze inspect install list show uninstall wheel".split()),
    "npm": frozenset("install i ci cache config".split()),
    "yarn": frozenset(["", "install", "cache", "config"]),
    "pnpm": frozenset("install i store config".split()),
    "gem": frozenset("install update cleanup list environment sources uninstall".split()),
    "bundle": frozenset("config clean list show info check lock cache package platform pristine".split()),
    "composer": frozenset(
        "clear-cache clearcache cc config dump-autoload dumpautoload diagnose self-update selfupdate show validate "
        "check-platform-reqs".split()
    ),
    "cargo": frozenset(["install"]),
    "go": frozenset(["install", "build", "get", "mod"]),
}
# They start what a file of their own says, which is not looked into.
_STARTERS = frozenset(
    "make just task tox nox invoke inv fab doit pre-commit poe taskipy honcho supervisord circusd foreman overmind "
    "hivemind s6-svscan runsvdir cron crond npx bunx parallel watchmedo watchfiles hatch rye conda phing".split()
)
_WORK = frozenset("ipython jupyter jupyter-lab jupyter-notebook sshd tmux screen irb pry psysh".split())
_IDLE = frozenset("tail sleep".split())
# Programs that run nothing of an application but what they are told on their command line.
_SYSTEM = frozenset(
    """curl wget nc ncat netcat ping pg_isready psql mysql mysqladmin mysqldump mariadb redis-cli mongosh git ssh scp
    gosu su-exec tini dumb-init envsubst jq openssl tar gzip gunzip unzip xz bzip2 dpkg dpkg-reconfigure apt-key gpg
    update-ca-certificates nginx locale-gen diff patch file less vim nano dos2unix rsync socat dig
    nslookup host ip ss netstat lsof strace busybox setcap cmp fc-cache docker-php-ext-install docker-php-ext-enable
    docker-php-ext-configure pecl phpize a2enmod a2dismod a2ensite a2dissite php-fpm apache2-foreground""".split()
)
# Folders in which packages put their programs.
_INSTALLED = re.compile(
    r"^/(?:usr|bin|sbin|opt/[^/]+/(?:[^/]+/)?bin|(?:root|home/[^/]+)/\.local/bin)/|(?:^|/)\.?v?env/bin/[^/]+$"
)
_MOST_DEPTH = 6


class Lost(NamedTuple):
    """Modules and programs that would be missing, each with the package that brings it."""

    modules: dict[str, str]
    programs: dict[str, str]

    def of(self, word: str) -> str | None:
        """The package behind a program, or behind a module that is run as one."""
        return self.programs.get(word) or self.modules.get(word.partition(".")[0])


class Needed(MissingEvidence):
    """It is certain that a development dependency is needed."""


class Place(NamedTuple):
    """Where a command runs: what to call it, the state, and the files of the context that are there."""

    name: str
    state: State
    there: Placed

    def file(self, path: str) -> str | None:
        """The file of the context that lies at a path of the image."""
        return self.there.files.get(posixpath.normpath(posixpath.join(self.state.workdir or "/", path)))


class Runs(ABC):
    """Collects what is started. `doubt` says why any source of the application may run."""

    def __init__(self, context: BuildContext, lost: Lost) -> None:
        self.context = context
        self.lost = lost
        self.doubt = ""
        self.passes_on = False
        self._read: set[str] = set()

    @abstractmethod
    def language(self, argv: Sequence[str | None], place: Place, depth: int) -> None:
        """A command that is neither the shell's nor a package manager's, nor a script of the context."""

    def managed(self, manager: str, call: Invocation, place: Place) -> bool:
        """Whether a call of a package manager was followed here."""
        del manager, call, place
        return False

    def stage(self, what: Started, state: State, there: Placed, ours: Collection[Invocation]) -> str:
        """All that a stage runs behind the installs, and how it starts, in words."""
        for word in re.findall(r"[\w.-]+", "\n".join(what.writing)):
            if word in self.lost.programs:
                raise MissingEvidence(f"a script that is written there may run {word}, a development dependency")
        begun = False
        for step in what.later:
            body = step.body
            if body is None or body.script.opaque or not step.state.shell.posix or step.instruction.heredocs:
                raise MissingEvidence("a later RUN cannot be read")
            for call in effects(body.script, step.state.variables, step.state.workdir).invocations:
                if call in ours:
                    begun = True
                elif begun:
                    self.call(call, Place("a later RUN", step.state, there))
        place = Place("the command", state, there)
        argv: list[str] = []
        for one in (what.entrypoint, what.command):
            if one is None:
                continue
            if one.instruction.exec_form is None:
                if argv:
                    raise MissingEvidence("the arguments of ENTRYPOINT are a shell's text")
                argv = ["sh", "-c", one.instruction.arguments]
                break
            argv += one.instruction.exec_form
        shown = " ".join(" ".join(argv[2:] if argv[:2] == ["sh", "-c"] else argv).split())
        if posixpath.basename(shown.partition(" ")[0]) in _IDLE:
            raise MissingEvidence(f"the image only runs {shown}, so that people work in it")
        self.argv(argv, place)
        if self.passes_on and what.command is not None and what.command.instruction.exec_form:
            self.argv(what.command.instruction.exec_form, place)
        check = health_command(what.health) if what.health is not None else None
        if isinstance(check, str):
            self.text(check, place._replace(name="the health check"))
        elif check:
            self.argv(check, place._replace(name="the health check"))
        return shown

    def text(self, text: str, place: Place, depth: int = 0) -> None:
        """Shell text. Raises `MissingEvidence` where it cannot be followed, `Needed` where it needs what is lost."""
        script = parse_script(text)
        if script.opaque == "empty":
            return
        if script.opaque or depth > _MOST_DEPTH:
            raise MissingEvidence(f"{place.name} cannot be followed: {script.opaque or 'scripts call scripts'}")
        for command in script.commands():
            for call in invocations(command, place.state.variables):
                self.call(call, place, depth)

    def argv(self, argv: Sequence[str | None], place: Place, depth: int = 0) -> None:
        """A command in exec form; None is an argument that is not known."""
        self.text(" ".join('"${_}"' if word is None else shlex.quote(word) for word in argv), place, depth)

    def call(self, call: Invocation, place: Place, depth: int = 0) -> None:
        """A program with its arguments."""
        typed = call.typed[0].value or "" if call.typed else ""
        name = call.program
        if name is None:
            if call.typed and call.typed[0].text in _ARGUMENTS:
                self.passes_on = True
                return
            raise MissingEvidence(f"{place.name} starts a program whose name is computed")
        for word in (name, *call.wrappers):
            self.not_lost(word, place)
        if name == "exec" and any(word.text in _ARGUMENTS for word in call.words):
            self.passes_on = True
            return
        own = self._own_file(typed, place)
        if name in (".", "source"):
            self._sourced(call.argv[0] if call.argv else None, place, depth)
        elif name == "eval":
            raise MissingEvidence(f"{place.name} cannot be followed: eval")
        elif own is not None:
            self.file(own, typed, call.argv, place, depth)
        elif "/" in typed and not _INSTALLED.search(typed):
            self.missing(typed, call.argv, place, depth)
        elif name in SHELLS:
            operands = [one for one in call.argv if one is None or not one.startswith(("-", "+"))]
            if not operands or operands[0] is None or "-c" in call.argv:
                raise MissingEvidence(f"{place.name} starts a shell, and what is run in it is not known")
            origin = place.file(operands[0])
            if origin is None:
                raise MissingEvidence(f"{place.name} runs {operands[0]}, which is not in the build context")
            self.file(origin, operands[0], (), place, depth)
        elif name in BUILTINS or name in CHEAP:
            return
        elif call.manager is not None or name in _QUIET:
            self._manager(call, place)
        else:
            self.language([*(word.value for word in call.typed), *call.argv], place, depth)

    def not_lost(self, word: str, place: Place) -> None:
        """Raises `Needed` for a program, or a module run as one, that would be missing."""
        package = self.lost.of(word)
        if package is not None:
            raise Needed(f"{place.name} runs {word}, which {package} brings, a development dependency")

    def missing(self, typed: str, argv: Sequence[str | None], place: Place, depth: int) -> None:
        """A program by a path that no file of the context has."""
        del argv, depth
        raise MissingEvidence(f"{place.name} runs {typed}, which is not in the build context")

    def _own_file(self, typed: str, place: Place) -> str | None:
        if "/" in typed:
            return place.file(typed)
        return next((one for folder in _PATH if (one := place.there.files.get(f"{folder}/{typed}"))), None)

    def _sourced(self, path: str | None, place: Place, depth: int) -> None:
        if path is None:
            raise MissingEvidence(f"{place.name} reads a file whose name is computed")
        if re.search(r"/bin/activate$|^/etc/", path):
            return
        origin = place.file(path)
        if origin is None:
            raise MissingEvidence(f"{place.name} reads {path}, which is not in the build context")
        self.file(origin, path, (), place, depth)

    def file(self, origin: str, path: str, argv: Sequence[str | None], place: Place, depth: int) -> None:
        """A file of the context that is run: a shell script is read, any other handed to its interpreter."""
        script = read_script(self.context, origin)
        if not isinstance(script, EntryScript):
            raise MissingEvidence(f"{place.name} runs {origin}, which is no script")
        if not script.is_shell or self.is_source(origin):
            interpreter = script.interpreter if not script.is_shell else ()
            self.language([*interpreter, path, *argv], place, depth + 1)
            return
        if origin in self._read:
            return
        self._read.add(origin)
        inner = place._replace(name=origin)
        for unknown in script.calls.unknown:
            raise MissingEvidence(f"{origin} cannot be followed: {unknown.reason}")
        self.passes_on = self.passes_on or script.calls.runs_arguments
        for sourced in script.calls.sourced:
            self._sourced(sourced.path, inner, depth + 1)
        for word, program in zip(script.calls.paths, script.calls.programs, strict=True):
            self.argv([word, *program.argv], inner, depth + 1)

    def is_source(self, path: str) -> bool:
        """Whether a file without a shebang line is one of the language's."""
        del path
        return False

    def _manager(self, call: Invocation, place: Place) -> None:
        name = call.program or ""
        manager = call.manager.name if call.manager is not None else name
        if manager in SYSTEM_MANAGERS or self.managed(manager, call, place):
            return
        action = next((one for one in call.argv if one is None or not one.startswith("-")), "")
        quiet = _QUIET.get(manager)
        # Options alone, such as `pipenv --clear`; but a bare name may be an install.
        asks = action == "" and bool(call.argv)
        if quiet is None or action is None or not (asks or action in quiet):
            raise MissingEvidence(f"what {name} {action or ''} does behind the install is not looked into")

    def program(self, name: str, place: Place, depth: int) -> None:
        """A program that is not known to be the language's own: one of the system, a script, or a package's."""
        if name in _STARTERS or name in _WORK:
            raise MissingEvidence(f"{place.name} runs {name}, and what that starts is not looked into")
        origins = {one for one in place.there.files.values() if posixpath.basename(one) == name}
        if len(origins) == 1:
            self.file(origins.pop(), name, (), place, depth)
        elif "." in name:
            raise MissingEvidence(f"{place.name} runs {name}, which is not in the build context")
        elif name not in _SYSTEM:
            # A program of a package that stays, such as alembic: it may load any of the sources.
            self.doubt = self.doubt or f"{place.name} runs {name}, which may load any of the sources"
