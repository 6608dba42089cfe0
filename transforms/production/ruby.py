"""Bundler: installs with the groups development and test, and the proof that production needs neither."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from slimify.transforms.production.evidence import MissingEvidence, certain, foreign_folders, images, started
from slimify.transforms.production.installs import (
    Install,
    judged,
    leaving_out,
    project_folders,
)
from slimify.transforms.production.judge import Judge
from slimify.transforms.production.ruby_sources import check_ruby_sources
from slimify.transforms.production.runs import Lost, Needed, Place, Runs

from slimify.context.placed import placed
from slimify.context.ruby import Gemfile, GemfileLock, read_gemfile, read_gemfile_lock
from slimify.context.run_elsewhere import compose_files, run_elsewhere
from slimify.knowledge.production import facts, is_ruby_tool
from slimify.rewrite.edit import Edit, Rewrite
from slimify.semantics.build import Build, State, Step
from slimify.semantics.build_context import BuildContext
from slimify.semantics.commands import Invocation
from slimify.semantics.effects import effects
from slimify.syntax.shell import AndOr
from slimify.syntax.source import Span

_CHANGES = re.compile(r"\bbundle\s+(?:add|remove|update|lock|init)\b|\bGemfile|\brails\s+new\b")
_HARMLESS = frozenset({"node"})
_OTHER_MODE = re.compile(r"\b(?:RAILS|RACK)_ENV\b[\"']?\s*[:=]\s*[\"']?(?!production\b)\w")
_MODE_OPTION = re.compile(r"(?:^|\s)(?:-e|-E|--env|--environment)[= ]?(?!production\b)[a-z]")
_TASKS = re.compile(r"(?:spec|test|features?|cucumber|rubocop|lint|standard|brakeman)(?::|$)")
_SERVERS = frozenset("bundle rackup puma unicorn thin passenger sidekiq ruby falcon".split())
_GROUPS = ("development", "test")


def ruby_installs(build: Build) -> Iterator[tuple[Step, str, Rewrite | str]]:
    """For each stage that ships: where Bundler installs, with the rewrite or why there is none."""
    yield from judged(build, ("bundle",), lambda *what: _Judge(*what).rewrite())


class _RubyRuns(Runs):
    """All sources are looked at anyway: only the programs, the tasks and the mode matter here."""

    def managed(self, manager: str, call: Invocation, place: Place) -> bool:
        if manager == "bundle" and "exec" in call.argv:
            self.language(call.argv[call.argv.index("exec") + 1 :], place, 0)
            return True
        return False

    def is_source(self, path: str) -> bool:
        return path.endswith((".rb", ".ru"))

    def language(self, argv: Sequence[str | None], place: Place, depth: int) -> None:
        words = [word or "" for word in argv]
        if not words or not words[0]:
            raise MissingEvidence(f"{place.name} starts a program whose name is computed")
        name = posixpath.basename(words.pop(0))
        if name == "ruby" and words:
            name = posixpath.basename(next((word for word in words if not word.startswith("-")), "ruby"))
            words = [word for word in words if posixpath.basename(word) != name]
        self.not_lost(name, place)
        if _MODE_OPTION.search(" ".join(words)) and name != "ruby":
            raise MissingEvidence(f"{place.name} may run it in another mode than production")
        if name in ("rake", "rails"):
            tasks = [word for word in words if not word.startswith("-") and "=" not in word]
            if (name == "rake" and not tasks) or any(_TASKS.match(word) for word in tasks):
                raise MissingEvidence(f"{place.name} runs {' '.join([name, *words])}, which may need them")
        elif name not in _SERVERS and not name.endswith(".rb"):
            self.program(name, place, depth)


class _Judge(Judge):
    def proven(self, context: BuildContext) -> Rewrite:
        gemfile, lock = self._project(context)
        groups = tuple(one for one in _GROUPS if one in gemfile.groups)
        if not groups:
            raise MissingEvidence("")
        chosen, lost = self._lost(gemfile, lock, groups)
        syntax = self._syntax(lock)
        self._mode(context)
        self._nothing_needs(context, gemfile, lost)
        words = f"'{' '.join(chosen)}'" if len(chosen) > 1 else chosen[0]
        if syntax == "old":
            text = f"bundle config --local without {':'.join(chosen)}"
        else:
            text = f"bundle config set --local without {words}"
        every = len({one.name for one in lock.gems})
        edits = [self._in_front(self.installs[0], text)]
        how = f"without {' and '.join(chosen)}"
        return leaving_out(self.installs, edits, how, lost, every, lock.path, self.facts, self.about["source"])

    def says(self, install: Install) -> bool:
        return super().says(install) or any(
            step.keyword in ("RUN", "ENV", "ARG") and re.search("without", step.instruction.logical.text, re.IGNORECASE)
            for step in self.build.steps()
        )

    def plain(self, install: Install) -> None:
        call, valued = install.call, self.about["valued"]
        if call.wrappers:
            raise MissingEvidence(f"{call.wrappers[0]} may run it as somebody else, with other settings")
        words = iter(call.argv)
        for word in words:
            if word is None and not re.search(r"--jobs|-j", install.script):
                raise MissingEvidence("what a computed option means for it is not known")
            name, equals, _ = (word or "").partition("=")
            if name in valued and not equals:
                next(words, None)
            elif word is not None and word.startswith("-") and name not in (*valued, *self.about["harmless"]):
                if not re.fullmatch(r"-[jr]\d+", word):
                    raise MissingEvidence(f"what {word} means for it is not known")
            elif word not in (None, "install") and not word.startswith("-"):
                raise MissingEvidence(f"it is told {word} besides")

    @staticmethod
    def _in_front(install: Install, text: str) -> Edit:
        """A command in front of the install, in a list where `&&` binds as meant."""
        step, call = install
        assert step.body is not None
        for item in step.body.script.body.items:
            node = item.node
            alone = node is call.command
            joined = isinstance(node, AndOr) and set(node.operators) == {"&&"} and call.command in node.operands
            if alone or joined:
                at = step.body.span(call.command.start, call.command.start + 1).start
                return Edit(Span(at, at), f"{text} && ")
        raise MissingEvidence("the command stands where nothing can be put in front of it with certainty")

    # What is installed.

    def _project(self, context: BuildContext) -> tuple[Gemfile, GemfileLock]:
        names = ("Gemfile", "Gemfile.lock")
        self.workdir, folder = project_folders(
            self.build, context, self.installs, names, _CHANGES, lambda folder: _has_some(context, folder)
        )
        gemfile, lock = read_gemfile(context, folder), read_gemfile_lock(context, folder)
        if not isinstance(gemfile, Gemfile) or gemfile.gemspec or gemfile.unknown:
            why = f": {gemfile.unknown[0].reason}" if isinstance(gemfile, Gemfile) and gemfile.unknown else ""
            raise MissingEvidence(f"the Gemfile cannot be read in full{why}")
        if not isinstance(lock, GemfileLock):
            raise MissingEvidence("Gemfile.lock cannot be read")
        if context.entry(posixpath.join(folder, ".bundle")) is not None:
            raise MissingEvidence(".bundle of the build context may say something else")
        self.facts.append(f"{gemfile.path} and {lock.path} are in the build context")
        return gemfile, lock

    @staticmethod
    def _lost(gemfile: Gemfile, lock: GemfileLock, groups: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
        """The groups that can be left out, all or one of them, and the gems that go with them."""
        locked = frozenset(one.name for one in lock.gems)
        every = lock.closure(tuple(one.name for one in gemfile.gems)) & locked
        strange = ""
        for chosen in (groups, *((one,) for one in groups if len(groups) > 1)):
            kept = lock.closure(tuple(one.name for one in gemfile.gems if not set(one.groups) <= set(chosen)))
            lost = every - kept
            unknown = sorted(one for one in lost if not is_ruby_tool(one))
            if lost and not unknown:
                return chosen, lost
            strange = strange or (unknown[0] if unknown else "")
        if not strange:
            raise MissingEvidence("")
        raise MissingEvidence(f"{strange} is not known to be a mere tool: another gem may load it")

    def _syntax(self, lock: GemfileLock) -> str:
        """How the Bundler of the image is told: bundle-config(1); `set` came with 2.1, the older form went with 4."""
        from slimify.knowledge.images import describe

        image = describe(self.first.state.image or "")
        numbers = re.findall(r"\d+", image.version) if image is not None and image.name == "ruby" else []
        text = self.build.dockerfile.source.text
        if image is None or image.name != "ruby":
            raise MissingEvidence(
                f"which version of Bundler is in {self.first.state.image or 'the base image'} is not known"
            )
        ruby = tuple(map(int, numbers[:2])) if len(numbers) > 1 else (int(numbers[0]), 99) if numbers else (3, 99)
        pinned = re.search(r"\bbundler\b\S*(?:\s+(?:-v|--version)[= ]?|:)\s*[\"']?(\d+)\.(\d+)", text)
        if pinned is None and re.search(
            r"gem\s+(?:install|update)\b[^\n&;]*\bbundler\b[^\n&;]*(?:-v|--version)|BUNDLER_VERSION", text
        ):
            raise MissingEvidence("which version of Bundler is installed is not known")
        if re.match(r"2\.0(?:\.|$)", lock.bundler):
            raise MissingEvidence(f"{lock.path} is bundled with 2.0, which knows another form")
        if pinned is not None:
            version = (int(pinned[1]), int(pinned[2]))
            if version[0] == 2 and version[1] == 0:
                raise MissingEvidence("Bundler 2.0 knows another form")
            return "new" if version >= (2, 1) else "old"
        # Ruby 2.7 comes with Bundler 2.1 (its release notes); before, what is newest for it still takes the old form.
        return "new" if ruby >= (2, 7) else "old"

    # What runs.

    def _mode(self, context: BuildContext) -> None:
        for path in compose_files(context):
            if _OTHER_MODE.search(context.lying_text(path) or ""):
                raise MissingEvidence(f"{path} runs it in another mode than production")
        for step in self.build.steps():
            if step.keyword in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK") and _OTHER_MODE.search(
                step.instruction.logical.text
            ):
                raise MissingEvidence("an instruction runs it in another mode than production")

    @staticmethod
    def _production(state: State) -> bool:
        mode = state.variable("RAILS_ENV") if state.sets("RAILS_ENV") else state.variable("RACK_ENV")
        return mode == "production"

    def _nothing_needs(self, context: BuildContext, gemfile: Gemfile, lost: frozenset[str]) -> None:
        found = list(images(self.build, self.first))
        if not found:
            raise MissingEvidence("")
        programs = {gem: gem for gem in lost}
        for gem, more in facts()["ruby"]["programs"].items():
            programs.update((one, gem) for one in more if gem in lost)
        calls = [one.call for one in self.installs]
        for stage in found:
            state = self.build.stages[stage].final_state
            if not self._production(state):
                raise MissingEvidence("the mode is not set to production (RAILS_ENV, RACK_ENV) when it runs")
            there = placed(self.build, context, stage)
            certain(there, context)
            foreign_folders(self.build, there, self.workdir, _HARMLESS)
            if state.workdir != self.workdir:
                raise MissingEvidence("the command runs in another folder than the install")
            runs = _RubyRuns(context, Lost({}, programs))
            what = started(self.build, stage, self.first)
            self._later(what.later)
            self.facts.append(f"the image runs {runs.stage(what, state, there, calls)} in production mode")
            self._elsewhere(context, runs, Place("", state, there))
            self.facts.append(check_ruby_sources(context, gemfile.folder, there, lost))

    def _later(self, steps: Sequence[Step]) -> None:
        """RUNs that load the application before the mode is set would load the groups of development."""
        for step in steps:
            body = step.body
            if body is None or self._production(step.state):
                continue
            calls = effects(body.script, step.state.variables, step.state.workdir).invocations
            loads = any("exec" in one.argv or one.program in ("rails", "rake", "ruby") for one in calls)
            if loads and not re.search(r"\b(?:RAILS|RACK)_ENV=[\"']?production\b", body.script.text):
                raise MissingEvidence("a later RUN loads the application in another mode than production")

    @staticmethod
    def _elsewhere(context: BuildContext, runs: Runs, place: Place) -> None:
        elsewhere = run_elsewhere(context, ("bundle", "rails", "rake", *map(re.escape, sorted(runs.lost.programs))))
        for unknown in elsewhere.unknown:
            raise MissingEvidence(unknown.reason)
        for text, where in elsewhere.commands:
            try:
                runs.text(text, place._replace(name=f"{where.file}:{where.line}"))
            except Needed:
                raise
            except MissingEvidence as missing:
                if re.search(r"\b(?:rails|rake|bundle|ruby)\b", text):
                    raise MissingEvidence(str(missing)) from None


def _has_some(context: BuildContext, folder: str) -> bool:
    gemfile = read_gemfile(context, folder)
    return not isinstance(gemfile, Gemfile) or any(one in gemfile.groups for one in _GROUPS)
