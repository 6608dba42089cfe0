"""Every step of a stage, and of the stages built on it, is looked at for what it uses of its base image."""

from __future__ import annotations

import itertools
import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence

from slimify.transforms.slim.base import At, Foreign, Ledger, RefusedError
from slimify.transforms.slim.node import Node
from slimify.transforms.slim.python import Python

from slimify.semantics.build import Build, BuildStage, State, Step
from slimify.semantics.build_context import Kind
from slimify.semantics.commands import Invocation, verb
from slimify.semantics.effects import BUILTINS, effects
from slimify.syntax.shell import parse_script
from slimify.syntax.source import Span

_SHELLS = frozenset({"sh", "bash", "dash"})
_PYTHON = re.compile(r"python[0-9.]*")
_SYSTEM = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/")
_PATH = ("/usr/local/sbin", "/usr/local/bin")
_SYSTEM_FILES = re.compile(r"/(?:usr/(?!local|src)|lib|bin|sbin|etc|usr/local/lib/?$|usr/local/?$|usr/?$|$)")
_HARMLESS_APT = frozenset(
    {"update", "clean", "autoclean", "autoremove", "upgrade", "dist-upgrade", "full-upgrade", "list", "check"}
)
# Images of nothing but static programs.
_STATIC = {"ghcr.io/astral-sh/uv": ("uv", "uvx")}
_FOREIGN_LANGUAGE = re.compile(r"\b(?!en_)[a-z]{2}_[A-Z]{2}\b")
# Programs whose arguments are a command, which `invocations` sees through.
_WRAPPERS = frozenset(
    "env exec nice nohup timeout stdbuf setarch ionice gosu su-exec sudo time xargs doas command eatmydata".split()
)
_INITS = {"tini", "dumb-init", "docker-entrypoint.sh", "catatonit"}
# Images whose applications are looked into; on Debian itself nothing can be missing.
_LANGUAGES = frozenset({"debian", "node", "python"})
# Folders of programs that pip and npm install.
_ENVIRONMENT = re.compile(r"/(?:\.?venv|env)/bin/|/node_modules/\.bin/")
_MOST_SCRIPTS = 40


def chain_of(build: Build, stage: BuildStage) -> tuple[BuildStage, ...]:
    """A stage and all that are built on it, parents before children."""
    found = [stage]
    for one in found:
        found += [build.stages[child] for child in build.children[one.index]]
    return tuple(found)


class Walk:
    """Counts in the ledger what a chain of stages uses; raises `RefusedError` where that cannot be told."""

    def __init__(self, build: Build, stage: BuildStage, ledger: Ledger) -> None:
        self.build = build
        self.stage = stage
        self.ledger = ledger
        # The ledger of the image, also while a stage is looked at that only files are taken from.
        self.final = ledger
        self.chain = chain_of(build, stage)
        self.same = not ledger.images.packages
        self.files: dict[str, str] = {}
        self.loose: list[str] = []
        self.path = list(_PATH)
        self.looked_at: dict[int, dict[str, str]] = {}
        self.copies: Step | None = None
        self.scripts = 0
        self.python = Python(self)
        self.node = Node(self)

    def run(self) -> None:
        """Look at everything."""
        self._meant_for()
        for stage in self.chain:
            for step in stage.steps:
                self._step(step)
        for leaf in self.chain:
            if not self.build.children[leaf.index]:
                self._command(leaf)
        self._taken_elsewhere()
        if not self.same:
            self._binaries()
            self.python.finish()
            self.node.finish()

    # -- what the image is for --

    def _meant_for(self) -> None:
        from slimify.knowledge.slim import facts

        images = self.ledger.images
        directive = self.build.dockerfile.directive("syntax")
        if directive is not None and not re.fullmatch(r"(?:docker\.io/)?docker/dockerfile(?:[:@].*)?", directive):
            raise RefusedError(f"the frontend {directive} may read the file differently")
        if images.name in facts().builders:
            raise RefusedError(f"{images.name} is an image to build with")
        if images.name not in _LANGUAGES:
            raise RefusedError(f"what applications on {images.name} use is not looked into")
        path = self.build.dockerfile.source.path
        if ".devcontainer" in path or facts().development.search(posixpath.basename(path)):
            raise RefusedError("the file is named as one for development")
        for stage in (self.stage, self.chain[-1]):
            if stage.name is not None and facts().development.search(stage.name):
                raise RefusedError(f"the stage {stage.name} is named as one for development or building")

    def _taken_elsewhere(self) -> None:
        """Other stages may take system files from here."""
        names = {name for one in self.chain for name in (one.name, str(one.index)) if name}
        inside = {one.index for one in self.chain}
        for step in self.build.steps():
            if step.stage in inside:
                continue
            one = step.instruction.trigger or step.instruction
            if one.keyword == "COPY" and (one.flag("from") or "").lower() in names:
                words = one.exec_form or tuple(token.text for token in one.tokens)
                for word in words[:-1]:
                    if re.match(r"/(?:usr/(?!local|src)|lib|bin|sbin|etc|\*|$)", word):
                        raise RefusedError(f"another stage takes {word} from it", one.span)
            if any(mount.source_stage.lower() in names for mount in step.mounts):
                raise RefusedError("another stage mounts it", one.span)

    # -- steps --

    def _step(self, step: Step) -> None:
        from slimify.knowledge.slim import facts

        one = step.instruction
        at = At(step)
        if one.keyword == "ONBUILD":
            raise RefusedError("what ONBUILD does in other images is not known", one.span)
        if not step.state.shell.posix and one.keyword == "RUN" and one.exec_form is None:
            raise RefusedError("the shell is not a POSIX shell", one.span)
        if one.keyword in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "ENV"):
            if match := facts().documentation.search(one.logical.text):
                raise RefusedError(f"the slim image has no files in {match.group()}", one.span)
            if match := _FOREIGN_LANGUAGE.search(one.logical.text):
                raise RefusedError(f"the slim image installs no translations ({match.group()})", one.span)
        if one.keyword in ("COPY", "ADD"):
            self._copy(step)
        elif one.keyword == "RUN":
            self._run(step)
        elif one.keyword == "HEALTHCHECK" and not self.same:
            self._healthcheck(step)
        elif one.keyword == "ENV" and not self.same:
            if re.search(r"\bPATH\b", one.logical.text):
                self.path += re.findall(r"(?<![\w}])/[\w./-]*\w", one.logical.text)
            for name in ("LD_PRELOAD", "LD_LIBRARY_PATH"):
                if re.search(rf"\b{name}\b", one.logical.text):
                    raise RefusedError(f"{name} is set, which loads libraries", one.span)
        elif one.keyword == "SHELL" and one.exec_form and not self.same:
            self.plain(posixpath.basename(one.exec_form[0]), at)

    def _copy(self, step: Step) -> None:
        one = step.instruction
        if self.same:
            self._copied_documents(step)
            return
        origin = one.flag("from")
        if origin:
            name = origin.partition("@")[0].rpartition(":")[0] or origin
            if name in _STATIC:
                self.ledger.programs.update(_STATIC[name])
                return
            self._from_stage(step, origin)
            return
        words = one.exec_form or tuple(token.text for token in one.tokens)
        if all(re.match(r"https?://|<<", word) for word in words[:-1]):
            return
        self.copies = self.copies or step
        if self.build.context is None:
            raise RefusedError("what the application uses is not known without the build context", one.span)
        from slimify.context.copies import copied

        taken = copied(one, step.state, self.build.context)
        if isinstance(taken, str):
            raise RefusedError(f"what it copies is not known: {taken}", one.span)
        for source, target in taken.files:
            if target is None:
                self.loose.append(source)
            else:
                self.files[target] = source

    def _from_stage(self, step: Step, origin: str) -> None:
        """What is taken from another stage: of the context, or installed or made there without a compiler."""
        one = step.instruction
        words = one.exec_form or tuple(token.text for token in one.tokens)
        for stage in self.build.stages[: step.stage]:
            if origin.lower() in (stage.name, str(stage.index)) and stage not in self.chain:
                break
        else:
            raise RefusedError(f"what it copies from {origin} may need libraries of the full image", one.span)
        for word in words[:-1]:
            if not word.startswith("/") or _SYSTEM_FILES.match(word) or "$" in word:
                raise RefusedError(f"what {word} of {origin} needs is not known", one.span)
        files = self._made(stage, one.span)
        base = _target(words[-1], step.state)
        for word in words[:-1]:
            source = posixpath.normpath(word)
            for target, path in files.items():
                if target == source:
                    inside = words[-1].endswith("/") or base == posixpath.normpath(step.state.workdir or "/")
                    self.files[posixpath.join(base, posixpath.basename(target)) if inside else base] = path
                elif target.startswith(source.rstrip("/") + "/"):
                    self.files[posixpath.join(base, target[len(source.rstrip("/")) + 1 :])] = path
        # What is built there may come from any of its sources.
        self.loose += [path for path in files.values() if path not in self.loose]
        self.copies = self.copies or step

    def _made(self, stage: BuildStage, span: Span) -> dict[str, str]:
        """Look at a stage that files are taken from, and tell which files of the context it has."""
        from slimify.knowledge.images import describe

        if stage.index in self.looked_at:
            return self.looked_at[stage.index]
        line = [stage]
        while (parent := line[0].parent) is not None:
            line.insert(0, self.build.stages[parent])
        images = self.ledger.images
        there, here = describe(line[0].image or ""), describe(images.full)
        if there is None or here is None or there.kind not in ("full", "slim"):
            raise RefusedError(f"what is made in {stage.label} may need libraries of the full image", span)
        if (there.name, there.version, there.release) != (here.name, here.version, here.release):
            raise RefusedError(f"what is made in {stage.label} is made on {line[0].image}", span)
        kept = self.ledger, self.files, self.loose, self.path
        self.ledger = Foreign(images, programs=set(self.ledger.programs))
        self.files, self.loose, self.path = {}, [], list(_PATH)
        for one in line:
            for step in one.steps:
                if step.keyword in ("COPY", "ADD", "RUN", "ONBUILD"):
                    self._step(step)
        found = dict(self.files)
        found.update((f"/{path}", path) for path in self.loose)
        programs = self.ledger.programs
        self.ledger, self.files, self.loose, self.path = kept
        self.ledger.programs |= programs
        self.looked_at[stage.index] = found
        return found

    def _copied_documents(self, step: Step) -> None:
        """Scripts of the context may read what the slim image leaves out."""
        from slimify.context.copies import copied
        from slimify.knowledge.slim import facts

        context = self.build.context
        taken = copied(step.instruction, step.state, context) if context is not None else ""
        for source, _ in taken.files if context is not None and not isinstance(taken, str) else ():
            entry = context.entry(source) if context is not None else None
            if context is None or entry is None or entry.size > 100_000:
                continue
            text = context.text(source) or ""
            if text.startswith("#!") and (match := facts().documentation.search(text)):
                raise RefusedError(f"{source} reads {match.group()}, which the slim image lacks", step.instruction.span)

    def _run(self, step: Step) -> None:
        one = step.instruction
        if not self.same:
            for mount in step.mounts:
                if mount.type == "bind" and not mount.source_stage and mount.target:
                    self.files.setdefault(mount.target, posixpath.normpath(mount.source or "."))
                elif mount.source_stage and mount.source_stage.partition(":")[0] not in _STATIC:
                    raise RefusedError(f"it mounts {mount.source_stage}", one.span)
                elif mount.source_stage:
                    self.ledger.programs.update(_STATIC[mount.source_stage.partition(":")[0]])
        body = step.body
        if body is None:
            self.argv(one.exec_form or (), At(step), step.state)
            return
        if body.script.opaque:
            if self.same and body.script.opaque == "here-document":
                raise RefusedError("a here-document is not looked into", one.span)
            raise RefusedError("the RUN cannot be read with certainty", one.span)
        for call in effects(body.script, step.state.variables, step.state.workdir).invocations:
            self._invocation(call, At(step, call.command.start), step.state)

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
            if is_build_only(package):
                raise RefusedError(f"the stage builds: it installs {package}", at.span)
            if name != "install" and package not in self.ledger.installed:
                raise RefusedError(f"{package} is removed, which the slim image may not have", at.span)
        if name == "install":
            if any(word and (word.startswith(("/", "./")) or word.endswith(".deb")) for word in action.operands):
                raise RefusedError("a package from a file is installed", at.span)
            quiet = call.has("--no-install-recommends") or "Install-Recommends" in self.build.dockerfile.source.text
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
        else:
            raise RefusedError(f"what {manager.title} builds is not looked into", at.span)

    # -- commands --

    def _healthcheck(self, step: Step) -> None:
        body = step.body
        at = At(step, runtime=True)
        text = step.instruction.arguments
        if body is not None:
            self.text(body.script.text, at, step.state)
        elif text[:3].upper() == "CMD":
            self.argv(step.instruction.exec_form or (), at, step.state)

    def _command(self, leaf: BuildStage) -> None:
        """The ENTRYPOINT and CMD that a container of this stage starts with."""
        from slimify.knowledge.slim import facts

        line: list[BuildStage] = [leaf]
        while line[0] is not self.stage and line[0].parent is not None:
            line.insert(0, self.build.stages[line[0].parent])
        found: dict[str, Step] = {}
        for stage in line:
            for step in stage.steps:
                if step.keyword in ("CMD", "ENTRYPOINT"):
                    found[step.keyword] = step
        given = [
            found[name] for name in ("ENTRYPOINT", "CMD") if name in found and found[name].instruction.exec_form != ()
        ]
        if not given:
            raise RefusedError("the image has no command, so that what it is used for is not known")
        first = given[0].instruction
        words = first.exec_form or tuple(first.arguments.split())
        name = posixpath.basename(words[0])
        alone = not any(
            not word.startswith("-") for step in given for word in _words(step)[1 if step is given[0] else 0 :]
        )
        if name in facts().shells and (alone or name not in _SHELLS):
            raise RefusedError(f"it starts {name}: an image that people work in", first.span)
        if alone and name in self.ledger.images.own:
            raise RefusedError(f"it starts {name} and nothing in it: an image that people work in", first.span)
        if self.same:
            return
        at = At(given[0], runtime=True)
        exec_form = [step.instruction.exec_form for step in given]
        if exec_form[0] is None:
            # The shell form of ENTRYPOINT ignores CMD (Dockerfile reference, "ENTRYPOINT").
            body = given[0].body
            self.text(body.script.text if body is not None else "", at, leaf.final_state)
            return
        argv = list(exec_form[0])
        if len(given) > 1:
            argv += exec_form[1] or ("/bin/sh", "-c", given[1].instruction.arguments)
        self.argv(argv, at, leaf.final_state)

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
        if base in _SHELLS and len(argv) > 2 and argv[1] in ("-c", "-lc", "-ec", "-xc", "-exc") and argv[2] is not None:
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
        if name in _SHELLS:
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

    def _binaries(self) -> None:
        """Compiled code in the context may be linked with anything."""
        context = self.build.context
        if context is None or self.copies is None:
            return
        span: Span = self.copies.instruction.span
        for path in self.sources():
            name = posixpath.basename(path)
            if re.search(r"\.so(?:\.[0-9.]+)?$|\.node$|\.whl$|\.deb$|\.egg$", name):
                raise RefusedError(f"{path} may need libraries of the full image", span)
            entry = context.entry(path)
            if entry is not None and entry.kind is Kind.FILE and ("." not in name or entry.mode & 0o111):
                data = context.read(path)
                if (data is None and entry.mode & 0o111) or (data or b"").startswith(b"\x7fELF"):
                    raise RefusedError(f"{path} may need libraries of the full image", span)


def _words(step: Step) -> tuple[str, ...]:
    return step.instruction.exec_form or tuple(step.instruction.arguments.split())


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


def _target(word: str, state: State) -> str:
    """The path of a destination in the image."""
    return posixpath.normpath(word if word.startswith("/") else posixpath.join(state.workdir or "/", word))
