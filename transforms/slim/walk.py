"""Every step of a stage, and of the stages built on it, is looked at for what it uses of its base image."""

from __future__ import annotations

import posixpath
import re

from slimify.transforms.slim.base import At, Foreign, Ledger, RefusedError
from slimify.transforms.slim.commands import SHELLS, USUAL_PATH, Commands

from slimify.semantics.build import Build, BuildStage, State, Step
from slimify.semantics.build_context import Kind
from slimify.semantics.effects import effects
from slimify.syntax.source import Span

_SYSTEM_FILES = re.compile(r"/(?:usr/(?!local|src)|lib|bin|sbin|etc|usr/local/lib/?$|usr/local/?$|usr/?$|$)")
# Images of nothing but static programs.
_STATIC = {"ghcr.io/astral-sh/uv": ("uv", "uvx")}
_FOREIGN_LANGUAGE = re.compile(r"\b(?!en_)[a-z]{2}_[A-Z]{2}\b")
# Images whose applications are looked into; on Debian itself nothing can be missing.
_COMPILED = re.compile(r"\.so(?:\.[0-9.]+)?$|\.node$|\.whl$|\.deb$|\.egg$")
_BUILDS = re.compile(
    r"(?<![\w./-])(?:(?:g?cc|g\+\+|make|git)(?![\w./-])|(?:pip3?|poetry|bundle|gem) install\b|npm (?:i|ci|install)\b"
    r"|yarn (?:add|install)\b|pnpm (?:i|add|install)\b)"
)
_LANGUAGES = frozenset({"debian", "node", "python", "ruby"})


def chain_of(build: Build, stage: BuildStage) -> tuple[BuildStage, ...]:
    """A stage and all that are built on it, parents before children."""
    found = [stage]
    for one in found:
        found += [build.stages[child] for child in build.children[one.index]]
    return tuple(found)


class Walk(Commands):
    """Counts in the ledger what a chain of stages uses; raises `RefusedError` where that cannot be told."""

    def __init__(self, build: Build, stage: BuildStage, ledger: Ledger) -> None:
        super().__init__(build, stage, ledger)
        self.chain = chain_of(build, stage)
        self.looked_at: dict[int, dict[str, str]] = {}

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
        self._run_elsewhere()
        if not self.same:
            self._binaries()
            self.python.finish()
            self.node.finish()
            self.ruby.finish()

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

    def _run_elsewhere(self) -> None:
        """A Compose file may have the image build or install something, as for development."""
        if self.build.context is None or self.same:
            return
        from slimify.context.run_elsewhere import run_elsewhere

        for command, at in run_elsewhere(self.build.context, ()).commands:
            if match := _BUILDS.search(command):
                raise RefusedError(f"{at.file} runs {match[0]} in an image")

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
        self.files, self.loose, self.path = {}, [], list(USUAL_PATH)
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
        if name in facts().shells and (alone or name not in SHELLS):
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

    def _binaries(self) -> None:
        """Compiled code in the context may be linked with anything."""
        context = self.build.context
        if context is None or self.copies is None:
            return
        span: Span = self.copies.instruction.span
        for path in self.sources():
            if path.startswith(".git/"):
                continue  # git keeps what it holds packed: nobody can load it
            name = path.rpartition("/")[2]
            if _COMPILED.search(name):
                raise RefusedError(f"{path} may need libraries of the full image", span)
            entry = context.entry(path)
            if entry is not None and entry.kind is Kind.FILE and ("." not in name or entry.mode & 0o111):
                data = context.read(path)
                if (data is None and entry.mode & 0o111) or (data or b"").startswith(b"\x7fELF"):
                    raise RefusedError(f"{path} may need libraries of the full image", span)


def _words(step: Step) -> tuple[str, ...]:
    return step.instruction.exec_form or tuple(step.instruction.arguments.split())


def _target(word: str, state: State) -> str:
    """The path of a destination in the image."""
    return posixpath.normpath(word if word.startswith("/") else posixpath.join(state.workdir or "/", word))
