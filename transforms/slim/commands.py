"""What a command line uses: its program, the script or the sources it starts, and what it installs."""

from __future__ import annotations

import functools
import itertools
import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence

from slimify.transforms.slim.base import At, Foreign, Ledger, RefusedError
from slimify.transforms.slim.node import Node
from slimify.transforms.slim.python import Python
from slimify.transforms.slim.ruby import Ruby

from slimify.semantics.build import Build, BuildStage, State, Step
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import BUILTINS, effects
from slimify.syntax.shell import parse_script

SHELLS = frozenset({"sh", "bash", "dash"})
_PYTHON = re.compile(r"python[0-9.]*")
_SYSTEM = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/")
USUAL_PATH = ("/usr/local/sbin", "/usr/local/bin")
_HARMLESS_APT = frozenset(
    {"update", "clean", "autoclean", "autoremove", "upgrade", "dist-upgrade", "full-upgrade", "list", "check"}
)
# Programs whose arguments are a command, which `invocations` sees through.
_WRAPPERS = frozenset(
    "env exec nice nohup timeout stdbuf setarch ionice gosu su-exec sudo time xargs doas command eatmydata".split()
)
_INITS = {"tini", "dumb-init", "docker-entrypoint.sh", "catatonit"}
# Folders of programs that pip and npm install.
_ENVIRONMENT = re.compile(r"/(?:\.?venv|env)/bin/|/node_modules/\.bin/")
_MOST_SCRIPTS = 40


class Commands:
    """Counts in the ledger what commands use; raises `RefusedError` where that cannot be told.

    `files` are the paths of the image that come from the context, `loose` files of the context whose
    path in the image is not known, and `path` the folders in which programs of the context may lie.
    """

    def __init__(self, build: Build, stage: BuildStage, ledger: Ledger) -> None:
        self.build = build
        self.stage = stage
        self.ledger = ledger
        # The ledger of the image, also while a stage is looked at that only files are taken from.
        self.final = ledger
        self.same = not ledger.images.packages
        self.files: dict[str, str] = {}
        self.loose: list[str] = []
        self.path = list(USUAL_PATH)
        self.copies: Step | None = None
        self.scripts = 0
        self.python = Python(self)
        self.node = Node(self)
        self.ruby = Ruby(self)

    def _invocation(self, call: Invocation, at: At, state: State) -> None:
        manager = call.manager
        if manager is not None and manager.name == "apt":
            self._apt(call, at)
        elif self.same:
            self._documents(call.program, at)
        elif call.program is None:
            text = call.typed[0].text if call.typed else "a command"
            raise RefusedError(f"which program {text} is, is not known", at.span)
        else:
            for wrapper in call.wrappers:
                if wrapper not in BUILTINS:
                    self.plain(wrapper, at)
            if manager is not None:
                self._install(call, at, state)
            else:
                typed = tuple(word.value or "" for word in call.typed)
                self.program(call.program, typed, call.argv, at, state)

    def _documents(self, program: str | None, at: At) -> None:
        from slimify.knowledge.slim import facts

        if program in facts().documents:
            raise RefusedError(f"{program} works on what the slim image leaves out", at.span)

    @functools.cached_property
    def _told_once(self) -> bool:
        """Whether a setting, and not each command, says what becomes of recommended packages."""
        return "Install-Recommends" in self.build.dockerfile.source.text

    def _apt(self, call: Invocation, at: At) -> None:
        from slimify.knowledge.debian import is_build_only

        if isinstance(self.ledger, Foreign):
            return
        action = verb(call)
        name = action.name if action is not None else None
        if name in _HARMLESS_APT:
            return
        if action is None or name not in ("install", "remove", "purge") or None in action.operands:
            raise RefusedError("what apt is to do is not known", at.span)
        packages = [re.split(r"[=:/]", word)[0] for word in action.operands if word and not word.startswith("/")]
        packages = [package for package in packages if package != "."]
        for word, package in ((package, package.rstrip("+-*")) for package in packages):
            self._documents(package, at)
            if self.same:
                continue
            if word != package:
                raise RefusedError(f"what apt makes of {word} is not known", at.span)
            # A compiler that nothing calls is installed on the slim image just as well; `program` sees the calls.
            if is_build_only(package) and name != "install":
                raise RefusedError(f"the stage builds: it removes {package}", at.span)
            if is_build_only(package):
                self.ledger.note(f"{package} is installed on this base, too, and nothing builds with it", at.span)
            if name != "install" and package not in self.ledger.installed:
                raise RefusedError(f"{package} is removed, which the slim image may not have", at.span)
        if name == "install":
            if any(word and (word.startswith(("/", "./")) or word.endswith(".deb")) for word in action.operands):
                raise RefusedError("a package from a file is installed", at.span)
            quiet = call.has("--no-install-recommends") or self._told_once
            self.ledger.install(packages, at, recommended=not quiet)
        elif not self.same:
            self.ledger.remove(packages)

    def _install(self, call: Invocation, at: At, state: State) -> None:
        manager = call.manager
        assert manager is not None
        if not self.ledger.program(posixpath.basename(call.typed[0].value or ""), at):
            raise RefusedError(f"where {manager.title} comes from is not known", at.span)
        if manager.name in ("pip", "uv", "poetry", "pipenv"):
            self.python.install(manager, call, at, state)
        elif manager.name in ("npm", "yarn", "pnpm"):
            self.node.manager(manager.name, call.argv, at, state)
        elif manager.name in ("gem", "bundle"):
            self.ruby.install(manager.name, call, at, state)
        else:
            raise RefusedError(f"what {manager.title} builds is not looked into", at.span)

    def text(self, text: str, at: At, state: State) -> None:
        """Shell text that runs in this state."""
        script = parse_script(text)
        if script.opaque:
            raise RefusedError("the command cannot be read with certainty", at.span)
        for call in effects(script, state.variables, state.workdir).invocations:
            self._invocation(call, at, state)

    def argv(self, argv: Sequence[str | None], at: At, state: State) -> None:
        """A command in exec form."""
        if not argv or self.same:
            return
        name = argv[0]
        if name is None:
            raise RefusedError("which program is started is not known", at.span)
        base = posixpath.basename(name)
        if base in SHELLS and len(argv) > 2 and argv[1] in ("-c", "-lc", "-ec", "-xc", "-exc") and argv[2] is not None:
            self.plain(base, at)
            self.text(argv[2], at, state)
            return
        if base in _WRAPPERS:
            self.text(shlex.join(["" if one is None else one for one in argv]), at, state)
            return
        if base in _INITS and self.file(name, state) is None:
            self.plain(base, at)
            rest = list(argv[1:])
            while rest and (rest[0] or "").startswith("-"):
                rest.pop(0)
            self.argv(rest, at, state)
            return
        if _PYTHON.fullmatch(base) and len(argv) > 2 and argv[1] == "-m":
            self.program(argv[2], (name, "-m", argv[2] or ""), tuple(argv[3:]), at, state)
            return
        self.program(base, (name,), tuple(argv[1:]), at, state)

    def program(self, name: str | None, typed: Sequence[str], argv: Sequence[str | None], at: At, state: State) -> None:
        """A program with its arguments, whoever starts it."""
        from slimify.knowledge.package_managers import find
        from slimify.knowledge.slim import facts

        if name is None:
            raise RefusedError("which program is started is not known", at.span)
        if name in BUILTINS:
            self._builtin(name, argv, at)
            return
        path = typed[0]
        places = [path] if "/" in path else [f"{folder}/{path}" for folder in self.path]
        file = next((found for place in places if (found := self.file(place, state)) is not None), None)
        if file is not None:
            self.script(file, argv, at, state)
            return
        if "/" in path and not path.startswith(_SYSTEM) and not _ENVIRONMENT.search(f"/{path}"):
            raise RefusedError(f"{path} is not in the build context", at.span)
        if name in SHELLS:
            self.plain(name, at)
            self._shell(argv, at, state)
            return
        manager = find(name)
        if manager is not None and manager.name in ("npm", "yarn", "pnpm"):
            self.plain(name, at)
            self.node.manager(manager.name, argv, at, state)
            return
        if self.python.command(name, typed, argv, at, state) or self.node.command(name, argv, at, state):
            return
        if name != "bundle" and self.ruby.command(name, at):
            return
        if name == "bundle" and "exec" in argv[:1] and self.ruby.command(posixpath.basename(argv[1] or ""), at):
            return
        if manager is not None:
            when = "when the container runs" if at.runtime else "in exec form or by a script"
            raise RefusedError(f"{manager.title} is run {when}, which is not looked into", at.span)
        self._documents(name, at)
        if name in facts().starters:
            raise RefusedError(f"what {name} starts is not looked into", at.span)
        self.plain(name, at)
        if name == "dpkg" and any(arg in ("-i", "--install", "--unpack") for arg in argv):
            raise RefusedError("a package from a file is installed", at.span)
        if name == "apt-mark" and not {"hold", "unhold"}.intersection(argv):
            raise RefusedError("what apt-mark lets go of later is not known", at.span)
        if name == "ldconfig":
            raise RefusedError("shared libraries are installed by hand", at.span)
        if name == "tar" and not _says_gzip(argv):
            for pattern, helper in facts().archives:
                if any(_archive(pattern, arg, first=not place) for place, arg in enumerate(argv)):
                    self.plain(helper, at)
        if name in ("find", "xargs", "parallel"):
            for before, after in itertools.pairwise(argv):
                if before in ("-exec", "-execdir", "-ok") and after is not None:
                    self.plain(posixpath.basename(after), at)

    def _builtin(self, name: str, argv: Sequence[str | None], at: At) -> None:
        if name == "eval":
            raise RefusedError("what eval runs is not known", at.span)
        if name in (".", "source"):
            file = argv[0] if argv else None
            if file is None or not re.search(r"/bin/activate$|^/etc/os-release$", file):
                raise RefusedError(f"what {file or 'a file'} does to the shell is not known", at.span)
        if name == "command" and argv[:1] == ("-v",):
            return

    def _shell(self, argv: Sequence[str | None], at: At, state: State) -> None:
        operands = [one for one in argv if one is None or not one.startswith("-")]
        if not operands or operands[0] is None or any(one and re.fullmatch(r"-\w*[cs]", one) for one in argv):
            raise RefusedError("a script that is not in the build context is run by a shell", at.span)
        file = self.file(operands[0], state)
        if file is None:
            raise RefusedError(f"{operands[0]} is not in the build context", at.span)
        self.script(file, tuple(argv[argv.index(operands[0]) + 1 :]), at, state)

    def script(self, file: str, argv: Sequence[str | None], at: At, state: State) -> None:
        """A file of the context that is run as a program."""
        from slimify.context.shell import EntryScript, read_script

        context = self.build.context
        self.scripts += 1
        if context is None or self.scripts > _MOST_SCRIPTS:
            raise RefusedError(f"{file} is not looked into", at.span)
        script = read_script(context, file)
        if not isinstance(script, EntryScript):
            raise RefusedError(f"{file} is no script, and may need libraries of the full image", at.span)
        if not script.is_shell:
            self.argv([*script.interpreter[:1], file, *argv], at, state)
            return
        if script.interpreter:
            self.plain(script.interpreter[0], at)
        calls = script.calls
        if calls.unknown:
            place = calls.unknown[0].place
            raise RefusedError(f"{place.file}:{place.line}: {calls.unknown[0].reason}", at.span)
        for sourced in calls.sourced:
            self._builtin(".", (sourced.path,), at)
        for path, one in zip(calls.paths, calls.programs, strict=True):
            try:
                self.argv([path, *one.argv], at, state)
            except RefusedError as refused:
                where = f"{one.place.file}:{one.place.line}: "
                raise RefusedError(where + refused.reason, at.span) from None
        if calls.runs_arguments and argv:
            self.argv(argv, at, state)

    def plain(self, name: str | None, at: At) -> None:
        if name is None or not self.ledger.program(name, at):
            raise RefusedError(f"what {name} needs is not known", at.span)

    def file(self, path: str, state: State) -> str | None:
        """The file of the context that stands at a path of the image."""
        full = path if path.startswith("/") else posixpath.join(state.workdir or "/", path)
        full = posixpath.normpath(full)
        if full in self.files:
            return self.files[full]
        # A destination that is not known: the name must do, if it is the only one.
        same = [one for one in self.loose if posixpath.basename(one) == posixpath.basename(full)]
        return same[0] if len(same) == 1 else None

    def sources(self) -> Iterator[str]:
        """The files of the context that are in the image, each once."""
        yield from dict.fromkeys([*self.files.values(), *self.loose])

    def folders(self, workdir: str | None) -> list[str]:
        """The folders of the context whose files are in a folder of the image."""
        found: dict[str, None] = {}
        base = (workdir or "/").rstrip("/") + "/"
        for target, source in self.files.items():
            if target.startswith(base):
                inner = target[len(base) :]
                if source == inner or source.endswith(f"/{inner}"):
                    found[source[: len(source) - len(inner)].rstrip("/")] = None
        return list(found)


def _archive(pattern: re.Pattern[str], argument: str | None, first: bool) -> bool:
    if argument is None:
        return True
    option = argument.startswith("-") and not argument.startswith("--")
    if (option or first) and "." not in argument and "/" not in argument:
        return any(pattern.match(letter) for letter in argument.lstrip("-"))
    return bool(pattern.search(argument)) and (len(argument) > 1)


def _says_gzip(argv: Sequence[str | None]) -> bool:
    first = argv[0] if argv and argv[0] is not None else ""
    options = [arg for arg in argv if arg is not None and arg.startswith("-") and not arg.startswith("--")]
    return any("z" in arg and "." not in arg for arg in [first, *options]) or "--gzip" in argv
