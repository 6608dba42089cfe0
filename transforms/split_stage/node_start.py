"""What a Node application asks for when the image runs: by its command lines, scripts and sources."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from slimify.transforms.split_stage.node_project import Project
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.start import Called, CommandLines

from slimify.context.found import Place
from slimify.context.node.needs import application
from slimify.context.node.run import Ran, Run, follow
from slimify.semantics.build import Build, BuildStage
from slimify.syntax.source import Span

_NODE = frozenset(["node", "nodejs", "npm", "npx", "yarn", "yarnpkg", "pnpm", "pnpx"])
_SOURCES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte")
# They start what no command line names, at other times or as a service, or give somebody a shell.
_OTHERS = frozenset(
    "at cron crond init login service ssh sshd start-stop-daemon supervisord supervisorctl systemctl systemd tmux "
    "screen".split()
)
# Servers and watchers of development, and runners of tests; with a verb where they are more than that.
_DEVELOPMENT = re.compile(
    r"nodemon|node-dev|ts-node-dev|tsnd|webpack-dev-server|live-server|lite-server|browser-sync|supervisor|jest|mocha|"
    r"vitest|cypress|karma|storybook|start-storybook|gulp|grunt|eslint|vite(?: dev| serve)?|next dev|nuxi? dev|"
    r"astro dev|gatsby develop|remix dev|react-scripts (?:start|test)|craco start|react-app-rewired start|"
    r"vue-cli-service serve|ng serve|ng s|webpack serve|parcel(?: serve)?|nest start|tsx watch|expo start|"
    r"docusaurus start|svelte-kit dev|sls offline|serverless offline"
)
# They serve a folder of files and look at nothing else (their READMEs); with their options that take a value.
_SERVERS = {
    "serve": frozenset("-l -p --listen --port".split()),
    "http-server": frozenset("-p --port -a --address -c -d -i -e --ext -P --proxy -t --timeout".split()),
}
# Options of theirs that name other files: certificates, a configuration.
_FILES = frozenset("--config --ssl-cert --ssl-key --ssl-pass -S --tls --ssl -C --cert -K --key".split())


class Start(NamedTuple):
    """What is asked for when the image runs.

    `programs` are those of the distribution, each with where; `everywhere` are programs of packages that are installed
    globally. `served` is the folder of the image with files that
    are served by a program which is none of the project's, where nothing else is started. `runs` is all that was
    followed through package.json, and `entries` the sources that are started.
    """

    programs: tuple[tuple[str, str], ...]
    everywhere: frozenset[str]
    served: str | None
    runs: tuple[Run, ...] = ()
    entries: tuple[str, ...] = ()


def start(build: Build, stage: BuildStage, project: Project, everywhere: Iterable[str], sources: bool) -> Start:
    """Follow the command lines into the context, and into the sources if `sources` are of interest.

    `everywhere` are the programs that are installed globally. Raises `Refused` where something cannot be followed.
    """
    return _Node(build, stage, project, frozenset(everywhere)).read(sources)


class _Node(CommandLines):
    def __init__(self, build: Build, stage: BuildStage, project: Project, everywhere: frozenset[str]) -> None:
        super().__init__(build, stage)
        self.project = project
        self.globals = everywhere
        self.everywhere: set[str] = set()
        self.entries: dict[str, None] = {}
        self.all = False
        self.served: list[str | None] = []
        self.runs: list[Run] = []

    def read(self, sources: bool) -> Start:
        self.follow()
        if sources:
            self._sources(self.stage.stage.base.span)
        served = self.served[0] if len(self.served) == 1 else None
        return Start(
            tuple(self.programs),
            frozenset(self.everywhere),
            served,
            tuple(self.runs),
            tuple(self.entries),
        )

    def check(self, call: Called) -> None:
        if call.program in _OTHERS:
            raise Refused(f"{call.where} runs {call.program}, which starts programs in ways of its own", call.span)
        words = [one for one in call.argv if one is not None and not one.startswith("-")]
        self._development(call.program, words, call.argv, call)

    def brought(self, call: Called) -> bool:
        name = call.program
        server = self._server(call)
        if server is not None:
            self.served.append(_folder_served(*server, self.workdir))
            if server[0] in self.globals:
                self.everywhere.add(server[0])
            return name != server[0] or name in self.globals
        inside = re.search(r"(?:^|/)node_modules/\.bin/[^/]+$", call.typed) is not None
        plain = "/" not in call.typed or call.typed.startswith("/usr/local/bin/")
        if not inside and not (plain and (name in _NODE or name in self.globals or self._on_path)):
            return False
        if name in self.globals:
            self.everywhere.add(name)
        if self._local(name) or inside or name in _NODE or name in self.globals:
            self._follow([f"node_modules/.bin/{name}" if inside else name, *call.argv], call)
            self.served.append(None)
            return True
        return False

    def installed(self, program: str) -> bool:
        return program in self.globals

    def opened(self, origin: str, path: str, text: str, span: Span) -> bool:  # noqa: ARG002
        first = text.partition("\n")[0]
        if not first.startswith("#!") or "node" not in first:
            return False
        self.entries[origin] = None
        self.served.append(None)
        return True

    def _local(self, program: str) -> bool:
        lock = self.project.lock
        return bool(self.project.package.groups(program)) or (lock is not None and bool(lock.named(program)))

    @property
    def _on_path(self) -> bool:
        """Whether PATH finds the programs of the project's packages."""
        settings = (one for one in self.stage.stage.instructions if one.keyword == "ENV")
        return any("node_modules/.bin" in one.arguments for one in settings)

    def _server(self, call: Called) -> tuple[str, tuple[str | None, ...]] | None:
        """A server of files with its arguments, if it is no package of the project: a global one, or fetched by npx."""
        name, argv = call.program, call.argv
        if name in ("npx", "pnpx", "npm", "pnpm"):
            if name in ("npm", "pnpm") and argv[:1] != ("exec",):
                return None
            rest = [one for one in argv if one not in ("exec", "-y", "--yes", "-q", "--quiet", "--")]
            name, argv = re.sub(r"(?<=.)@[^/@]*$", "", (rest[0] if rest else None) or ""), tuple(rest[1:])
        elif "/" in call.typed:
            return None
        return (name, argv) if name in _SERVERS and not self._local(name) else None

    def _follow(self, argv: list[str | None], call: Called) -> None:
        if self.workdir != self.project.folder:
            raise Refused("the command runs in another folder than that of package.json", call.span)
        prefix = self.workdir.rstrip("/") + "/"
        words = [one.removeprefix(prefix) if one is not None else None for one in argv]
        run = follow(self.context, self.project.package, words, Place(self.project.package.path), self.project.lock)
        for unknown in run.unknown:
            raise Refused(f"{call.where} cannot be followed: {unknown.reason}", call.span)
        self.runs.append(run)
        for ran in run.ran:
            self._ran(ran, call)
        if run.missing or not run.files:
            self.all = True
        self.entries.update(dict.fromkeys(run.files))

    def _ran(self, ran: Ran, call: Called) -> None:
        words = [one for one in ran.argv if one is not None and not one.startswith("-")]
        self._development(ran.program, words, ran.argv, call)
        if not ran.package and ran.program in self.globals:
            self.everywhere.add(ran.program)
        elif not ran.package and ran.program not in _NODE and not ran.files and call.depth < 4:
            self.program(call._replace(program=ran.program, typed=ran.program, argv=ran.argv, depth=call.depth + 1))

    def _development(self, program: str, words: list[str], argv: tuple[str | None, ...], call: Called) -> None:
        verb = f"{program} {words[0]}" if words else program
        watches = program in ("node", "tsx", "bun") and any(
            one is not None and (one in ("--watch", "--test") or one.startswith("--inspect-brk")) for one in argv
        )
        if watches or _DEVELOPMENT.fullmatch(verb) or _DEVELOPMENT.fullmatch(program):
            if program == "vite" and words[:1] in (["preview"], ["build"]):
                return
            raise Refused(f"{call.where} starts {verb}, as for development", call.span)

    def _sources(self, span: Span) -> None:
        """The programs that sources start go to the others: of those that are reached, or of all where that is open."""
        files = list(self.entries)
        every = [path for path in dict.fromkeys(self.places.values()) if path.endswith(_SOURCES)]
        every = [path for path in every if "node_modules" not in path.split("/")]
        found = application(self.context, files if not self.all else [*files, *every])
        if found.needs.unknown and not self.all:
            found = application(self.context, [*files, *every])
        for one in found.needs.unknown:
            if "start" in one.reason or "handed on" in one.reason:
                raise Refused(f"{one.place.file}:{one.place.line}: {one.reason}", span)
        for need in found.needs.programs:
            where = f"{need.place.file}:{need.place.line}"
            if need.name not in _NODE and not self._local(need.name):
                self.program(Called(need.name, need.name, need.argv, where, span, 1))


def _folder_served(name: str, argv: tuple[str | None, ...], workdir: str) -> str | None:
    """The folder in the image that a server is told to serve; None where its arguments are not all understood."""
    folder: str | None = None
    at = 0
    while at < len(argv):
        value = argv[at]
        if value is None or (folder is not None and not value.startswith("-")):
            return None
        if value.startswith("-"):
            option, equals, _ = value.partition("=")
            if option in _FILES or (name == "serve" and option == "-c"):
                return None
            at += not equals and option in _SERVERS[name]
        else:
            folder = value
        at += 1
    return None if folder is None else posixpath.normpath(posixpath.join(workdir, folder))
