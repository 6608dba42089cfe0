"""From the command of an image to the programs that really run, through package.json's scripts.

Sources: npm documentation, "Scripts" (pre and post scripts, `npm start` without a script),
"npm run", "npm exec"; yarn and pnpm documentation, "run", "exec"; the READMEs of the runners
that are seen through.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import shlex
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from slimify.context.found import Place, Program, Unknown, is_file, join
from slimify.context.node.lock import Lock
from slimify.context.node.modules import resolve_file
from slimify.context.node.package_json import Package, Script, members, read_package
from slimify.context.shell import SHELLS, Calls, calls, read_script
from slimify.knowledge import node_programs
from slimify.semantics.build_context import BuildContext

_DEPTH = 12
_MANY = 400
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_FILE = re.compile(r"[\w@./-]+\.(?:[cm]?[jt]sx?|json)")

# Options of node that take a value in the next argument (node --help, 22), and of the programs
# that run a file in its manner.
_NODE_VALUES = frozenset(
    """-r --require --import --loader --experimental-loader -C --conditions --env-file --env-file-if-exists
    --watch-path --title --icu-data-dir --input-type --experimental-default-type --openssl-config
    --diagnostic-dir --stack-trace-limit --max-http-header-size""".split()
)
_NODE_EVAL = frozenset(
    {"-e", "--eval", "-p", "--print", "-pe", "-i", "--interactive", "--test", "--run", "-c", "--check"}
)
_LOADS = frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader"})
# Programs that run the file in their arguments, with those of their options that take a value.
_FILE_RUNNERS: dict[str, frozenset[str]] = {
    "node": _NODE_VALUES,
    "nodejs": _NODE_VALUES,
    "tsx": _NODE_VALUES | {"--tsconfig"},
    "ts-node": _NODE_VALUES | {"-P", "--project", "-C", "--compiler", "-O", "--compilerOptions", "-I", "--ignore"},
    "ts-node-esm": _NODE_VALUES | {"-P", "--project"},
    "ts-node-dev": _NODE_VALUES | {"-P", "--project", "--watch", "--ignore-watch", "--debounce", "--interval"},
    "tsnd": _NODE_VALUES | {"-P", "--project", "--watch", "--ignore-watch", "--debounce", "--interval"},
    "babel-node": _NODE_VALUES | {"--presets", "--plugins", "--config-file", "-x", "--extensions", "-b"},
    "swc-node": _NODE_VALUES,
    "nodemon": frozenset({"-w", "--watch", "-e", "--ext", "-i", "--ignore", "--delay", "--signal", "--config"})
    | _NODE_VALUES,
    "node-dev": _NODE_VALUES,
    "supervisor": frozenset({"-w", "--watch", "-i", "--ignore", "-e", "--extensions", "-x", "--exec", "-p"}),
    "forever": frozenset({"-l", "-o", "-e", "-c", "-m", "--minUptime", "--spinSleepTime", "--uid", "--workingDir"}),
    "bun": frozenset({"--cwd", "-r", "--preload", "-c", "--config", "--env-file"}),
    "deno": frozenset({"-c", "--config", "--import-map"}),
}
_PM2_VALUES = frozenset(
    """-i --instances -n --name --env --max-memory-restart --interpreter --node-args -o --output -e --error -l --log
    --cwd --raw-start --secret --public --port -u --user""".split()
)
_TASK_RUNNERS = frozenset({"gulp", "grunt", "nx", "turbo", "lerna", "wireit", "moon", "rush", "jake", "make", "just"})
_MANAGERS = frozenset({"npm", "yarn", "yarnpkg", "pnpm", "bun"})
_MANAGER_VALUES = frozenset({"--loglevel", "--reporter", "--registry", "--userconfig", "--cache", "--network-timeout"})
# Options by which a manager is sent to another folder or package.
_FOLDER_OPTIONS = frozenset({"--prefix", "--cwd", "-C", "--dir"})
_MEMBER_OPTIONS = frozenset({"-w", "--workspace", "--filter", "-F"})
_YARN_OWN = frozenset(
    """add audit cache check config create dedupe dlx global import info init install licenses link list login logout
    outdated owner pack plugin policies prune publish rebuild remove set stage unlink unplug upgrade
    upgrade-interactive up version versions why workspaces""".split()
)


class Ran(NamedTuple):
    """A program that runs. `package` is the npm package that brings it, `group` its key in package.json.

    The group is "transitive" for a package that the lock file has and package.json does not ask
    for. Both are empty for a program of the system: node, sh, and what is installed globally.
    `loads` are packages that its options name (`-r dotenv/config`). `files` are the local files
    it starts, `missing` those it names that are not in the context: built ones, or wrong ones.
    """

    program: str
    argv: tuple[str | None, ...]
    package: str
    group: str
    loads: tuple[str, ...]
    files: tuple[str, ...]
    missing: tuple[str, ...]
    place: Place


class Run(NamedTuple):
    """Everything a command runs. `scripts` are the entries of package.json that were followed."""

    ran: tuple[Ran, ...]
    scripts: tuple[Script, ...]
    unknown: tuple[Unknown, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The local files that are started, each once."""
        return tuple(dict.fromkeys(file for one in self.ran for file in one.files))

    @property
    def missing(self) -> tuple[str, ...]:
        """The files that are named and are not in the context, each once."""
        return tuple(dict.fromkeys(file for one in self.ran for file in one.missing))


def development_packages(package: Package, run: Run, kept: frozenset[str] | None = None) -> dict[str, Place]:
    """Packages that the command needs and that an install without development dependencies leaves out.

    `kept` is what such an install brings by the lock file (`lock.production`), where it is known.
    """
    found: dict[str, Place] = {}
    for one in run.ran:
        for name in (one.package, *one.loads):
            lost = package.only_for_development(name) and (kept is None or name not in kept)
            if name and (lost or (not package.groups(name) and kept is not None and name not in kept)):
                found.setdefault(name, one.place)
    return found


def follow(
    context: BuildContext,
    package: Package,
    argv: Sequence[str | None],
    place: Place,
    lock: Lock | None = None,
) -> Run:
    """What a command in exec form runs when the package's folder is the current one."""
    follower = _Follower(context, lock)
    follower.argv(package, argv, place, 0)
    return follower.run()


def follow_text(context: BuildContext, package: Package, text: str, place: Place, lock: Lock | None = None) -> Run:
    """What shell text runs; `place` is that of its first line."""
    follower = _Follower(context, lock)
    follower.text(package, text, place, 0)
    return follower.run()


def follow_script(context: BuildContext, package: Package, name: str, lock: Lock | None = None) -> Run:
    """What `npm run NAME` runs, with the scripts before and after it."""
    follower = _Follower(context, lock)
    follower.script(package, name, (), Place(package.path), 0)
    return follower.run()


def _quoted(argv: Iterable[str | None]) -> str:
    return " ".join('"$_"' if one is None else shlex.quote(one) for one in argv)


class _Follower:
    def __init__(self, context: BuildContext, lock: Lock | None) -> None:
        self.context = context
        self.bins = _bins(lock)
        self.locked = frozenset(one.name for one in lock.packages) if lock else frozenset()
        self.ran: list[Ran] = []
        self.scripts: list[Script] = []
        self.unknown: list[Unknown] = []
        self.active: set[tuple[str, str]] = set()

    def run(self) -> Run:
        return Run(tuple(self.ran), tuple(self.scripts), tuple(self.unknown))

    def cannot(self, reason: str, place: Place) -> None:
        self.unknown.append(Unknown(reason, place))

    def argv(self, package: Package, argv: Sequence[str | None], place: Place, depth: int) -> None:
        if argv:
            self.text(package, _quoted(argv), place, depth)

    def text(self, package: Package, text: str, place: Place, depth: int) -> None:
        self._calls(package, calls(text, place.file, place.line), place, depth)

    def _calls(self, package: Package, found: Calls, place: Place, depth: int) -> None:
        if depth > _DEPTH or len(self.ran) > _MANY:
            self.cannot("scripts that call each other too deeply", place)
            return
        self.unknown += found.unknown
        self.unknown += [Unknown(f"{one.path or 'a file'} is sourced", one.place) for one in found.sourced]
        if found.runs_arguments:
            self.cannot("the arguments are run as a command", place)
        for path, program in zip(found.paths, found.programs, strict=True):
            self._program(package, path, program, depth)

    def _program(self, package: Package, path: str, program: Program, depth: int) -> None:
        name, argv, place = program
        if name in _MANAGERS:
            self._manager(package, name, argv, place, depth)
        elif name in ("npx", "bunx", "pnpx"):
            self._exec(package, name, argv, place, depth)
        elif name in SHELLS:
            self._shell(package, name, argv, place, depth)
        elif not ("/" in path and self._local(package, path, program, depth)) and not self._seen_through(
            package, name, argv, place, depth
        ):
            self._add(package, name, argv, place)

    def _local(self, package: Package, path: str, program: Program, depth: int) -> bool:
        """A path to a file of the context, or into node_modules."""
        match = re.search(r"node_modules/(?:\.bin/([^/]+)|(@[^/]+/[^/]+|[^/.][^/]*)/)", path)
        if match:
            name = match[1] or program.name
            if match[2]:
                self._add(package, name, program.argv, program.place, owner=match[2])
            else:
                self._program(package, name, Program(name, program.argv, program.place), depth)
            return True
        file = join(package.folder, path)
        if path.startswith("/") or file is None or not is_file(self.context, file):
            return False
        self._entry(package, file, program.name, program.argv, program.place, depth)
        return True

    def _entry(
        self, package: Package, file: str, name: str, argv: tuple[str | None, ...], place: Place, depth: int
    ) -> None:
        """A script file that is started by its name, or by a shell."""
        self.ran.append(Ran(name, argv, "", "", (), (file,), (), place))
        script = read_script(self.context, file)
        if script is None or isinstance(script, Unknown):
            self.cannot(f"{file} cannot be read", place)
        elif script.is_shell:
            found = script.calls
            if found.runs_arguments and argv:
                self.argv(package, argv, place, depth + 1)
                found = found._replace(runs_arguments=False)
            self._calls(package, found, place, depth + 1)
        elif script.interpreter[0] not in ("node", "nodejs"):
            self.cannot(f"{file} is a script for {script.interpreter[0]}", place)

    def _shell(self, package: Package, name: str, argv: tuple[str | None, ...], place: Place, depth: int) -> None:
        operands = [one for one in argv if one is None or not one.startswith("-")]
        file = join(package.folder, operands[0]) if operands and operands[0] else None
        if "-c" in argv or not argv:
            self._add(package, name, argv, place)  # Its text, if it could be read, is followed already.
        elif file is not None and is_file(self.context, file):
            self._entry(package, file, name, argv[argv.index(operands[0]) + 1 :], place, depth)
        else:
            self._add(package, name, argv, place)
            self.cannot("a shell script that is not in the context", place)

    def _owner(self, package: Package, name: str) -> tuple[str, str]:
        """The package that brings a command, and its group."""
        candidates = [name, *self.bins.get(name, ())]
        known = node_programs.load().get(name)
        if known:
            candidates.append(known)
        for candidate in candidates:
            groups = package.groups(candidate)
            if groups:
                return candidate, next((one for one in groups if one != "devDependencies"), groups[0])
        for candidate in candidates:
            if candidate in self.locked and (candidate != name or candidate not in _SYSTEM):
                return candidate, "transitive"
        return "", ""

    def _add(
        self, package: Package, name: str, argv: tuple[str | None, ...], place: Place, owner: str | None = None
    ) -> None:
        if owner is None:
            owner, group = self._owner(package, name)
        else:
            groups = package.groups(owner)
            group = next((one for one in groups if one != "devDependencies"), groups[0] if groups else "transitive")
        loads: tuple[str, ...] = ()
        files: tuple[str, ...] = ()
        missing: tuple[str, ...] = ()
        base = name.removesuffix(".cmd")
        if base in _FILE_RUNNERS:
            loads, files, missing = self._file(package, base, argv, place)
        elif base in ("pm2", "pm2-runtime", "pm2-docker", "pm2-dev"):
            files, missing = self._pm2(package, argv, place)
        elif base in _TASK_RUNNERS:
            self.cannot(f"{name} runs tasks that are not looked into", place)
        self.ran.append(Ran(name, argv, owner, group, loads, files, missing, place))

    def _file(
        self, package: Package, name: str, argv: tuple[str | None, ...], place: Place
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Packages and files that node, or a program in its manner, is told to load."""
        valued = _FILE_RUNNERS[name]
        loads: list[str] = []
        files: list[str] = []
        missing: list[str] = []
        at = 0
        if name in ("tsx", "forever", "bun", "deno") and argv[:1] and argv[0] in ("watch", "start", "run"):
            at = 1
        while at < len(argv):
            value = argv[at]
            if value is None:
                self.cannot(f"{name} with a computed argument", place)
                return tuple(loads), tuple(files), tuple(missing)
            if not value.startswith("-") or value == "-":
                break
            option, equals, inline = value.partition("=")
            if name in ("node", "nodejs") and option in _NODE_EVAL:
                self.cannot(f"{name} {option}", place)
                return tuple(loads), tuple(files), tuple(missing)
            given = inline if equals else (argv[at + 1] if at + 1 < len(argv) else None)
            if option in _LOADS:
                self._loaded(package, given, loads, files, missing, place)
            at += 1 if equals or option not in valued else 2
            if value == "--":
                break
        if at >= len(argv):
            if name not in ("bun", "deno"):
                self._main(package, name, files, place)
            return tuple(loads), tuple(files), tuple(missing)
        target = argv[at]
        if target is None:
            self.cannot(f"{name} of a computed file", place)
        else:
            self._found(package, target, files, missing, place)
        return tuple(loads), tuple(files), tuple(missing)

    def _main(self, package: Package, name: str, files: list[str], place: Place) -> None:
        """nodemon alone runs `main` (nodemon, README); node alone reads its standard input."""
        found = resolve_file(self.context, package.folder, "./" + package.main) if package.main else None
        if name == "nodemon" and found is not None:
            files.append(found)
        else:
            self.cannot(f"{name} without a file", place)

    def _loaded(
        self,
        package: Package,
        value: str | None,
        loads: list[str],
        files: list[str],
        missing: list[str],
        place: Place,
    ) -> None:
        if value is None:
            self.cannot("a computed module is loaded", place)
        elif value.startswith((".", "/")):
            self._found(package, value, files, missing, place)
        else:
            parts = value.split("/")
            loads.append("/".join(parts[:2]) if value.startswith("@") else parts[0])

    def _found(self, package: Package, target: str, files: list[str], missing: list[str], place: Place) -> None:
        if target.startswith("/"):
            self.cannot(f"{target} is an absolute path", place)
            return
        found = resolve_file(self.context, package.folder, target)
        if found is not None:
            files.append(found)
            return
        path = join(package.folder, target)
        if path is None:
            self.cannot(f"{target} lies outside the context", place)
        elif path == package.folder:
            main = join(path, package.main or "index.js")
            missing.append(main if main is not None else path)
        else:
            missing.append(path)

    def _pm2(
        self, package: Package, argv: tuple[str | None, ...], place: Place
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        files: list[str] = []
        missing: list[str] = []
        at = 1 if argv[:1] == ("start",) else 0
        while at < len(argv) and (value := argv[at]) is not None and value.startswith("-"):
            at += 2 if value in _PM2_VALUES else 1
        target = argv[at] if at < len(argv) else None
        if target is None:
            self.cannot("pm2 of a computed file", place)
        elif target.endswith((".json", ".yml", ".yaml")) or "ecosystem" in target or ".config." in target:
            self.cannot(f"pm2 starts what {target} says", place)
        elif "." not in target:
            self.cannot(f"pm2 {target}", place)
        else:
            self._found(package, target, files, missing, place)
        return tuple(files), tuple(missing)

    # The runners that are seen through.

    def _seen_through(
        self, package: Package, name: str, argv: tuple[str | None, ...], place: Place, depth: int
    ) -> bool:
        if name in ("cross-env", "cross-env-shell", "env-cmd", "dotenv", "dotenvx"):
            inner = _behind_environment(name, argv)
            self._add(package, name, argv, place)
            if inner is None:
                self.cannot(f"{name} with arguments that are not understood", place)
            else:
                self.argv(package, inner, place, depth + 1)
            return True
        if name in ("npm-run-all", "run-s", "run-p"):
            self._add(package, name, argv, place)
            self._run_all(package, argv, place, depth)
            return True
        if name == "concurrently":
            self._add(package, name, argv, place)
            self._concurrently(package, argv, place, depth)
            return True
        if name == "nodemon":
            text = _option(argv, "-x", "--exec")
            if text is not None:
                self.ran.append(Ran(name, argv, *self._owner(package, name), (), (), (), place))
                self.text(package, text, place, depth + 1)
                return True
        return False

    def _run_all(self, package: Package, argv: tuple[str | None, ...], place: Place, depth: int) -> None:
        """Names of scripts, with patterns in which `:` stands between the parts (npm-run-all, README)."""
        for value in argv:
            if value is None:
                self.cannot("a script whose name is computed", place)
                continue
            if value.startswith("-"):
                continue
            words = value.split()
            if not words:
                continue
            pattern = words[0].replace(":", "/")
            names = [
                one.name
                for one in package.scripts
                if fnmatch.fnmatchcase(one.name.replace(":", "/"), pattern.replace("**", "*"))
                and ("**" in pattern or one.name.count(":") == pattern.count("/"))
            ]
            if not names:
                self.cannot(f"there is no script {value}", place)
            for name in names:
                self.script(package, name, tuple(words[1:]), place, depth + 1)

    def _concurrently(self, package: Package, argv: tuple[str | None, ...], place: Place, depth: int) -> None:
        """Commands, one an argument; `npm:NAME` is a script (concurrently, README)."""
        valued = {"-n", "--names", "-c", "--prefix-colors", "-p", "--prefix", "-l", "-t", "--restart-tries"}
        valued |= {
            "--restart-after",
            "-s",
            "--success",
            "-m",
            "--max-processes",
            "--handle-input",
            "--default-input-target",
        }
        at = 0
        while at < len(argv):
            value = argv[at]
            at += 1
            if value is None:
                self.cannot("a command that is computed", place)
            elif value.startswith("-"):
                at += value in valued
            elif re.fullmatch(r"(npm|yarn|pnpm|bun):\S+", value):
                self._run_all(package, (value.partition(":")[2],), place, depth)
            else:
                self.text(package, value, place, depth + 1)

    # Package managers.

    def _manager(self, package: Package, name: str, argv: tuple[str | None, ...], place: Place, depth: int) -> None:
        self.ran.append(Ran(name, argv, "", "", (), (), (), place))
        words: list[str | None] = []
        at = 0
        target: Package | None = package
        while at < len(argv):
            value = argv[at]
            if value is None or (words and not (value or "").startswith("-")) or value == "--":
                break
            option, equals, inline = value.partition("=")
            given = inline if equals else (argv[at + 1] if at + 1 < len(argv) else None)
            if option in _FOLDER_OPTIONS:
                target = self._package_at(package, given, place)
                at += 1 if equals else 2
            elif option in _MEMBER_OPTIONS:
                target = self._member(package, given, place)
                at += 1 if equals else 2
            elif value.startswith("-"):
                at += 2 if option in _MANAGER_VALUES and not equals else 1
            else:
                words.append(value)
                at += 1
                if value not in ("run", "run-script", "exec", "x", "node", "workspace", "dlx"):
                    break
        rest = tuple(argv[at:])
        if target is None:
            return
        if not words:
            self.cannot(f"{name} without a known command", place)
            return
        self._command(target, name, words[0] or "", rest, place, depth)

    def _command(
        self, package: Package, name: str, verb: str, rest: tuple[str | None, ...], place: Place, depth: int
    ) -> None:
        yarn = name in ("yarn", "yarnpkg")
        arguments = rest[1:] if rest[:1] == ("--",) else rest
        if verb in ("run", "run-script", "rum", "urn"):
            options = [one for one in rest[:1] if one is not None and one.startswith("-")]
            script = rest[0] if rest else None
            if script is None or options:
                self.cannot(f"{name} run of a computed name", place)
            elif package.script(script) is None and (yarn or name in ("pnpm", "bun")):
                self._bare(package, name, script, rest[1:], place, depth)
            else:
                self.script(package, script, _arguments(rest[1:]), place, depth + 1)
        elif verb in ("start", "stop", "restart", "test", "t", "tst"):
            script = "test" if verb in ("t", "tst") else verb
            if verb == "start" and package.script("start") is None and name in ("npm", "pnpm"):
                self._add(package, "node", ("server.js",), place)
            else:
                self.script(package, script, _arguments(arguments), place, depth + 1)
        elif verb in ("exec", "x"):
            self._exec(package, name, rest, place, depth)
        elif verb == "node" and yarn:
            self._add(package, "node", rest, place)
        elif verb == "workspace" and yarn and rest:
            member = self._member(package, rest[0], place)
            if member is not None:
                self._manager(member, name, rest[1:], place, depth + 1)
        elif verb == "dlx":
            self.cannot(f"{name} dlx downloads a package when it runs", place)
        elif name == "npm" or (yarn and verb in _YARN_OWN and package.script(verb) is None):
            self.cannot(f"{name} {verb}", place)
        else:
            self._bare(package, name, verb, rest, place, depth)

    def _bare(
        self, package: Package, name: str, verb: str, rest: tuple[str | None, ...], place: Place, depth: int
    ) -> None:
        """`yarn NAME`: a script, else a command of a package."""
        if package.script(verb) is not None:
            self.script(package, verb, _arguments(rest), place, depth + 1)
        elif name == "bun" and _FILE.fullmatch(verb):
            self._add(package, "bun", (verb, *rest), place)
        elif self._owner(package, verb)[0]:
            self.argv(package, (verb, *rest), place, depth + 1)
        else:
            self.cannot(f"{name} {verb}: neither a script nor a command of a package", place)

    def _exec(self, package: Package, name: str, argv: tuple[str | None, ...], place: Place, depth: int) -> None:
        """`npx X`, `npm exec X`: a command of an installed package, else one that is downloaded."""
        if name in ("npx", "bunx", "pnpx"):
            self.ran.append(Ran(name, argv, "", "", (), (), (), place))
        at = 0
        while at < len(argv) and (value := argv[at]) is not None and value.startswith("-"):
            at += 1
            if value == "--":
                break
            if value in ("-p", "--package", "-c", "--call"):
                self.cannot(f"{name} {value}", place)
                return
        command = argv[at] if at < len(argv) else None
        if command is None:
            self.cannot(f"{name} of a computed command", place)
            return
        bare = re.sub(r"(?<=.)@[^/]*$", "", command)
        program = bare.rpartition("/")[2]
        if self._owner(package, bare)[0] or self._owner(package, program)[0]:
            self.argv(package, (program, *argv[at + 1 :]), place, depth + 1)
        else:
            self.cannot(f"{name} {command} downloads the package when it runs, unless it is installed globally", place)

    def _package_at(self, package: Package, folder: str | None, place: Place) -> Package | None:
        path = join(package.folder, folder) if folder is not None else None
        found = read_package(self.context, path) if path is not None else None
        if isinstance(found, Package):
            return found
        self.cannot(f"there is no package in {folder or 'a computed folder'}", place)
        return None

    def _member(self, package: Package, wanted: str | None, place: Place) -> Package | None:
        for folder in members(self.context, package).folders if wanted else ():
            found = read_package(self.context, folder)
            path = (wanted or "").removeprefix("./").rstrip("/")
            if isinstance(found, Package) and (found.name == wanted or posixpath.join(package.folder, path) == folder):
                return found
        self.cannot(f"there is no workspace {wanted or 'of a computed name'}", place)
        return None

    def script(self, package: Package, name: str, arguments: tuple[str, ...], place: Place, depth: int) -> None:
        """A script with its pre and post scripts; the arguments go to the script itself."""
        script = package.script(name)
        if script is None:
            self.cannot(f"there is no script {name}", place)
            return
        key = (package.path, name)
        if key in self.active or depth > _DEPTH:
            self.cannot(f"the script {name} calls itself", place)
            return
        self.active.add(key)
        for one in (package.script(f"pre{name}"), script, package.script(f"post{name}")):
            if one is None:
                continue
            if one not in self.scripts:
                self.scripts.append(one)
            text = f"{one.text} {shlex.join(arguments)}" if one is script and arguments else one.text
            self.text(package, text, one.place, depth + 1)
        self.active.discard(key)


# Programs of every system, for which a package of the same name in the lock file says nothing.
_SYSTEM = frozenset(
    """node nodejs sh bash env echo cat cp mv rm mkdir sleep test true false ls chmod chown find grep sed awk tar
    which touch date kill printf""".split()
)


def _bins(lock: Lock | None) -> dict[str, tuple[str, ...]]:
    """The packages that bring a command, by the lock file, where its format tells."""
    found: dict[str, tuple[str, ...]] = {}
    for one in lock.packages if lock else ():
        for name in one.bins or ():
            found[name] = (*found.get(name, ()), one.name)
    return found


def _arguments(rest: Sequence[str | None]) -> tuple[str, ...]:
    """What is handed to a script; the first `--` is the manager's own. A computed one is kept as a variable."""
    kept = list(rest)
    if "--" in kept:
        kept.remove("--")
    return tuple("$_" if one is None else one for one in kept)


def _option(argv: Sequence[str | None], *names: str) -> str | None:
    for at, value in enumerate(argv):
        if value is None:
            continue
        option, equals, inline = value.partition("=")
        if option in names:
            return inline if equals else (argv[at + 1] if at + 1 < len(argv) else None)
    return None


def _behind_environment(name: str, argv: tuple[str | None, ...]) -> tuple[str | None, ...] | None:
    """The command behind the settings of cross-env, env-cmd, `dotenv --` or `dotenvx run --`."""
    at = 1 if name == "dotenvx" and argv[:1] == ("run",) else 0
    valued = {"-f", "--file", "-e", "--environments", "-r", "--rc-file", "-c", "-v", "--use-shell", "--fallback"}
    if name == "dotenvx":
        valued = {"-f", "-e", "--env", "--env-file", "-fv"}
    if "--" in argv:
        return argv[argv.index("--") + 1 :] or None
    while at < len(argv):
        value = argv[at]
        if value is None:
            return None
        if value.startswith("-"):
            at += 2 if value in valued and "=" not in value and name != "cross-env" else 1
        elif name.startswith("cross-env") and _ASSIGNMENT.match(value):
            at += 1
        else:
            return argv[at:]
    return None
