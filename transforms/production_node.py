"""The proof that a Node application runs without its development dependencies.

Everything that runs in the image after the install is followed: later RUNs, the command, the health
check, the package's own life-cycle scripts, and what Compose files and scripts beside the Dockerfile
start. Whatever cannot be followed is a reason to leave the install as it is.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from slimify.transforms.production.evidence import MissingEvidence, certain, covers, health_command, images, started

from slimify.context.found import Place
from slimify.context.node.install import LIFECYCLE
from slimify.context.node.lock import Lock, find_manager, production, read_lock
from slimify.context.node.needs import application, mentioned
from slimify.context.node.package_json import Package, read_package
from slimify.context.node.run import Run, follow, follow_script, follow_text
from slimify.context.node.settings import read_settings
from slimify.context.placed import Placed, history, placed
from slimify.context.run_elsewhere import run_elsewhere
from slimify.knowledge.production import facts, is_tool
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext, Kind
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import effects

_SOURCES = (".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx")
_TEST = re.compile(r"(^|/)(tests?|__tests__|__mocks__|specs?|e2e|cypress)/|[.-](test|spec|stories)\.[cm]?[jt]sx?$")
_CONFIGURATION = re.compile(r"(^|/)(\.[\w-]+|[\w.-]+\.(config|conf)|(gulp|Grunt|grunt|rollup)file)\.[cm]?[jt]s$")
# Programs of packages that start what is named on their command line, or only set variables.
_STARTERS = frozenset(
    """nodemon cross-env cross-env-shell env-cmd dotenv dotenvx pm2 pm2-runtime pm2-docker forever
    concurrently npm-run-all run-s run-p serve http-server wait-port""".split()
)
# Compilers that write one file for each source, with the same imports (their documentation).
_COMPILERS = frozenset("tsc nest babel swc tsc-alias rimraf copyfiles cpx del-cli shx cross-env".split())
_WITHOUT_MODULES = {
    "npm": frozenset(
        ["cache clean", "cache", "config", "install", "i", "ci", "add", "rebuild", "ls", "version", "audit", "pkg"]
    ),
    "yarn": frozenset(["cache clean", "cache", "config", "install", "", "global add", "set", "autoclean"]),
    "pnpm": frozenset(["store prune", "store", "config", "install", "i", "setup"]),
}


class Proof(NamedTuple):
    """What was found: how many packages are spared, and what was looked at, in words."""

    lock: str
    packages: int
    spared: int
    facts: tuple[str, ...]


def prove(build: Build, step: Step, call: Invocation, manager: str) -> Proof | str:
    """The proof for one install, or what of it is missing; empty text where there is nothing to spare."""
    assert build.context is not None
    try:
        return Prover(build, build.context, step, call, manager).proof()
    except MissingEvidence as reason:
        return str(reason)


class Prover:
    """Follows what runs in the image behind one install. Raises `MissingEvidence`."""

    def __init__(self, build: Build, context: BuildContext, step: Step, call: Invocation, manager: str) -> None:
        self.build = build
        self.context = context
        self.step = step
        self.call = call
        self.manager = manager
        self.package = self._package()
        if not any(one.group == "devDependencies" for one in self.package.dependencies):
            raise MissingEvidence("")
        self.lock = self._lock()
        self.facts = [f"{self.package.path} and {self.lock.path} are in the build context"]
        kept = production(self.lock, [self.package])
        if kept is None:
            raise MissingEvidence(f"{self.lock.path} does not tell which packages are for development")
        self.kept = kept
        self.locked = frozenset(one.name for one in self.lock.packages)
        self.lost = self.locked - kept
        self.lost |= {one.name for one in self.package.dependencies if self.package.only_for_development(one.name)}
        self.lost -= kept
        self.transpilers = frozenset(facts()["node"]["transpilers"])
        self.entries: dict[str, None] = {}
        self.built = False

    def proof(self) -> Proof | str:
        if not self.lost:
            return ""
        self._manifest()
        self._lifecycle()
        stages = list(images(self.build, self.step))
        if not stages:
            return ""
        for stage in stages:
            self._image(stage)
        self._elsewhere()
        self._sources()
        for one in self.package.dependencies:
            if one.name in self.lost and not is_tool(one.name):
                raise MissingEvidence(f"{one.name} is not known to be a mere tool: another package may load it")
        spared = sum(one.name in self.lost for one in self.lock.packages)
        return Proof(self.lock.path, len(self.lock.packages), spared, tuple(self.facts))

    # What is installed.

    def _package(self) -> Package:
        folder = self.step.state.workdir
        if folder is None:
            raise MissingEvidence("the folder that it works in is not known")
        self.folder = folder
        self.before = placed(self.build, self.context, self.step.stage, self.step)
        certain(self.before, self.context)
        path = self.before.files.get(posixpath.join(folder, "package.json"))
        if path is None:
            raise MissingEvidence(f"{folder}/package.json does not come from the build context")
        for one in history(self.build, self.step.stage):
            if one is self.step:
                break
            body = one.body if one.keyword == "RUN" else None
            if one.keyword == "RUN" and (body is None or "package.json" in body.script.text):
                raise MissingEvidence("an earlier RUN may change package.json")
        found = read_package(self.context, posixpath.dirname(path))
        if not isinstance(found, Package) or found.path != path or found.unknown:
            raise MissingEvidence(f"{path} cannot be read in full")
        return found

    def _lock(self) -> Lock:
        meant = find_manager(self.context, self.package)
        names = {"npm": ("npm-shrinkwrap.json", "package-lock.json"), "yarn": ("yarn.lock",)}
        for name in names.get(self.manager, ("pnpm-lock.yaml",)):
            path = self.before.files.get(posixpath.join(self.folder, name))
            if path is None or posixpath.dirname(path) != self.package.folder:
                continue
            lock = read_lock(self.context, path)
            if not isinstance(lock, Lock):
                raise MissingEvidence(f"{path} cannot be read")
            if self.manager == "yarn" and (lock.manager != "yarn" or not lock.format.startswith("1")):
                raise MissingEvidence("Yarn 2 and later have no such option")
            if meant.name not in (None, self.manager):
                raise MissingEvidence(f"package.json is meant for {meant.name}")
            return lock
        raise MissingEvidence(f"the lock file of {self.manager} is not copied next to package.json before it")

    def _manifest(self) -> None:
        package = self.package
        settings = read_settings(self.context, package.folder)
        for one in settings.values:
            if one.key in facts()["settings"]["keys"]:
                raise MissingEvidence("")
            if one.key in ("yarnPath", "yarn-path", "script-shell"):
                raise MissingEvidence(f"{one.place.file} sets {one.key}")
        if package.workspaces or any(name.endswith("pnpm-workspace.yaml") for name in settings.files):
            raise MissingEvidence("it is a workspace of several packages")
        if any(one.folder is not None or one.is_workspace for one in package.dependencies):
            raise MissingEvidence("it depends on packages that lie beside it")
        self._companions()

    def _companions(self) -> None:
        for one, other in facts()["node"]["companions"].items():
            if one in self.kept and other in self.lost:
                raise MissingEvidence(f"{one} looks for {other}, a development dependency")

    def _lifecycle(self) -> None:
        if self.call.has("--ignore-scripts") or read_settings(self.context, self.package.folder).says("ignore-scripts"):
            return
        for name in LIFECYCLE:
            if self.package.script(name) is not None:
                self._run(follow_script(self.context, self.package, name, self.lock), f"the script {name}")
        self.facts.append("no script of package.json that the install runs needs one of them")

    # What runs.

    def _image(self, stage: int) -> None:
        there = placed(self.build, self.context, stage)
        certain(there, self.context)
        modules = f"{self.folder.rstrip('/')}/node_modules/"
        if any(path.startswith(modules) for path in there.files):
            raise MissingEvidence("node_modules of the build context is copied over what is installed")
        if any(one.to is None or covers(one.to, modules.rstrip("/")) for one in there.foreign):
            raise MissingEvidence("a COPY from another stage may replace what is installed")
        if self.before.files[posixpath.join(self.folder, "package.json")] != there.files.get(
            posixpath.join(self.folder, "package.json")
        ):
            raise MissingEvidence("package.json is replaced later")
        what = started(self.build, stage, self.step)
        for one in what.later:
            self._step(one, there)
        state = self.build.stages[stage].final_state
        if state.workdir != self.folder:
            raise MissingEvidence("the command runs in another folder than the install")
        mode = state.variable("NODE_ENV")
        if state.sets("NODE_ENV") and mode != "production":
            raise MissingEvidence(f"NODE_ENV is {mode or 'not known'} when it runs")
        if state.sets("NODE_OPTIONS"):
            raise MissingEvidence("NODE_OPTIONS may load more modules")
        self._command(what.entrypoint, what.command, there)
        if what.health is not None:
            self._health(what.health, there)

    def _command(self, entry: Step | None, command: Step | None, there: Placed) -> None:
        argv: list[str] = []
        for one in (entry, command):
            if one is None:
                continue
            if one.instruction.exec_form is None:
                if argv:
                    raise MissingEvidence("the arguments of ENTRYPOINT are a shell's text")
                self._followed(self._text(one.instruction.arguments), "the command", there)
                self.facts.append(f"the image runs {' '.join(one.instruction.arguments.split())}")
                return
            argv += one.instruction.exec_form
        self._followed(follow(self.context, self.package, argv, self._place(), self.lock), "the command", there)
        self.facts.append(f"the image runs {' '.join(argv)}")

    def _health(self, health: Step, there: Placed) -> None:
        command = health_command(health)
        if command is None:
            return
        if isinstance(command, list):
            run = follow(self.context, self.package, command, self._place(), self.lock)
        else:
            run = self._text(command)
        self._followed(run, "the health check", there)

    def _elsewhere(self) -> None:
        found = run_elsewhere(self.context)
        for one in found.unknown:
            raise MissingEvidence(one.reason)
        for text, place in found.commands:
            run = follow_text(self.context, self.package, text, place, self.lock)
            self._run(run, f"{place.file}:{place.line}")
            self.entries.update(dict.fromkeys(run.files))

    def _step(self, step: Step, there: Placed) -> None:
        """A RUN behind the install, or the one it stands in."""
        body = step.body
        if body is None or body.script.opaque or not step.state.shell.posix or step.instruction.heredocs:
            raise MissingEvidence("a later RUN cannot be read")
        found = effects(body.script, step.state.variables, step.state.workdir)
        for call in found.invocations:
            if call is self.call or (step is self.step and call.command.start < self.call.command.start):
                continue
            action = verb(call)
            name = {"yarnpkg": "yarn"}.get(call.program or "", call.program or "")
            if name in _WITHOUT_MODULES and action is not None and action.name in _WITHOUT_MODULES[name]:
                if action.operands and action.name in ("install", "i", "add") and not call.has("-g", "--global"):
                    raise MissingEvidence(f"{name} {action.name} of single packages installs the others again")
                continue
            if call.program is None:
                raise MissingEvidence("a later RUN starts a program whose name is computed")
            if call.nested and name in _WITHOUT_MODULES:
                raise MissingEvidence("a later RUN calls it inside a string")
            words = [call.typed[-1].value or call.program, *call.argv]
            run = follow(self.context, self.package, words, self._place(), self.lock)
            self._followed(run, f"RUN {call.program}", there)

    def _place(self) -> Place:
        return Place(self.build.dockerfile.source.path or "Dockerfile")

    def _text(self, text: str) -> Run:
        return follow_text(self.context, self.package, text, self._place(), self.lock)

    def _run(self, run: Run, what: str) -> None:
        """No program of a development dependency, and none that loads modules by rules of its own."""
        for ran in run.ran:
            for name in (ran.package, *ran.loads):
                if name in self.lost:
                    raise MissingEvidence(f"{what} runs {ran.program}, which needs {name}, a development dependency")
            compiler = next((one for one in (ran.package, ran.program, *ran.loads) if one in self.transpilers), None)
            if compiler is not None:
                raise MissingEvidence(f"{what} compiles with {compiler}, which may load presets and types")
            if ran.package and ran.program not in _STARTERS:
                raise MissingEvidence(f"{what} runs {ran.program}, which loads modules by its own rules")
            if ran.program == "nodemon" and (
                "nodemonConfig" in self.package.keys
                or self.context.entry(posixpath.join(self.package.folder, "nodemon.json")) is not None
            ):
                raise MissingEvidence("what nodemon starts is said in its configuration")
            if not ran.package and not ran.files and self._is_global(ran.program):
                raise MissingEvidence(f"{what} runs {ran.program}, which is installed globally")
        for unknown in run.unknown:
            raise MissingEvidence(f"{what} cannot be followed: {unknown.reason}")

    def _is_global(self, program: str) -> bool:
        if program in _STARTERS or program in _WITHOUT_MODULES:
            return False
        text = self.build.dockerfile.source.text
        return re.search(rf"(?:-g|--global|global add)\b[^\n]*\s{re.escape(program)}(?:@|\s|$)", text) is not None

    def _followed(self, run: Run, what: str, there: Placed) -> None:
        self._run(run, what)
        for file in run.files:
            self._is_there(file, there)
            self.entries[file] = None
        for file in run.missing:
            self._compiled(file, there)

    def _is_there(self, file: str, there: Placed) -> None:
        relative = posixpath.relpath(file, self.package.folder or ".")
        target = posixpath.normpath(posixpath.join(self.folder, relative))
        if any(one.to is None or covers(one.to, target) for one in there.foreign):
            self._compiled(file, there)
        elif there.files.get(target) != file:
            raise MissingEvidence(f"{file} does not lie in the image where the command looks for it")

    def _compiled(self, file: str, there: Placed) -> None:
        """A file that another stage of the same package has compiled: its imports are those of the sources."""
        relative = posixpath.relpath(file, self.package.folder or ".")
        target = posixpath.normpath(posixpath.join(self.folder, relative))
        for one in reversed(there.foreign):
            if one.to is None:
                raise MissingEvidence("where a COPY from another stage puts its files is not known")
            if not covers(one.to, target):
                continue
            stage = next((s for s in self.build.stages if one.origin in (s.name, str(s.index))), None)
            if stage is not None:
                self._compiles(stage.index)
                self.built = True
                return
        raise MissingEvidence(f"{file}, which the command runs, is not in the build context")

    def _compiles(self, stage: int) -> None:
        files = placed(self.build, self.context, stage)
        certain(files, self.context)
        if self.package.path not in files.files.values():
            raise MissingEvidence("what is run is built from another package")
        for step in history(self.build, stage):
            body = step.body if step.keyword == "RUN" else None
            if step.keyword != "RUN":
                continue
            if body is None or body.script.opaque:
                raise MissingEvidence("what is run is built by a RUN that cannot be read")
            for call in effects(body.script, step.state.variables, step.state.workdir).invocations:
                action = verb(call)
                name = call.program or ""
                if name in _WITHOUT_MODULES and action is not None and action.name in _WITHOUT_MODULES[name]:
                    continue
                run = follow(self.context, self.package, [name, *call.argv], self._place(), self.lock)
                for ran in run.ran:
                    if ran.package and ran.program not in _COMPILERS:
                        raise MissingEvidence(f"what {ran.program} builds may load any module")
                for unknown in run.unknown:
                    raise MissingEvidence(f"how it is built cannot be followed: {unknown.reason}")
        self.facts.append(f"stage {self.build.stages[stage].label} compiles the sources file by file")

    # What the sources need.

    def _sources(self) -> None:
        found = application(self.context, self.entries)
        files = found.files
        folder = self.package.folder
        aliases = any(self.context.entry(posixpath.join(folder, n)) for n in ("tsconfig.json", "jsconfig.json"))
        if found.needs.unknown or self.built or aliases:
            # What cannot be followed may lead to any source of the project.
            found = application(self.context, dict.fromkeys([*self.entries, *self._all(folder)]))
            files = found.files
        if self.built:
            self._missing(facts()["node"]["helpers"], "compiled code may import")
        for name, place in found.needs.packages.items():
            if name in self.lost:
                raise MissingEvidence(f"{place.file}:{place.line} imports {name}, a development dependency")
            if name in self.transpilers:
                raise MissingEvidence(f"{place.file}:{place.line} imports {name}, which may load presets and types")
        for program in found.needs.programs:
            run = follow(self.context, self.package, [program.name, *program.argv], program.place, self.lock)
            self._run(run._replace(unknown=()), f"{program.place.file}:{program.place.line}")
        for name, place in mentioned(self.context, files, self.lost).items():
            raise MissingEvidence(f"{place.file}:{place.line} mentions {name}, a development dependency")
        self.facts.append(f"none of the {len(files)} source files that may run imports or mentions one of them")

    def _missing(self, names: Iterable[str], why: str) -> None:
        for name in names:
            if name in self.lost and self.package.asks(name):
                raise MissingEvidence(f"{why} {name}, a development dependency")

    def _all(self, folder: str) -> Iterator[str]:
        prefix = f"{folder}/" if folder else ""
        for entry in self.context.entries():
            inner = entry.path[len(prefix) :]
            if entry.kind is not Kind.FILE or not entry.path.startswith(prefix) or not inner.endswith(_SOURCES):
                continue
            if "node_modules" in inner.split("/") or _TEST.search(inner) or _CONFIGURATION.search(inner):
                continue
            if not inner.endswith(".d.ts"):
                yield entry.path
