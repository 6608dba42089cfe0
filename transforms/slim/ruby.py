"""What gems and a Ruby application use of the base image."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from slimify.transforms.slim.base import At, RefusedError

from slimify.semantics.build import State
from slimify.semantics.commands import Invocation

if TYPE_CHECKING:
    from slimify.transforms.slim.commands import Commands

    from slimify.context.ruby import LockedGem

_SOURCE = "slimify/knowledge/ruby_packages.toml"
# Verbs that install nothing and run nothing of the application (bundle(1), gem(1)).
_QUIET = frozenset("config clean list show info check version --version -v env environment sources cleanup".split())
# Settings with which Bundler builds gems that have binaries (bundle-config(1)).
_FORCED = re.compile(r"BUNDLE_(?:FORCE_RUBY_PLATFORM|BUILD__\w+|CONFIG|APP_CONFIG)$")
_BUILDS = re.compile(r"force_ruby_platform|^build\.|specific_platform")
# Programs that come with Ruby and with the gems that start an application; what they run are its sources.
_RUNNERS = frozenset("ruby bundle rake rails rackup puma sidekiq unicorn thin falcon jekyll irb erb".split())
_SOURCES = (".rb", ".ru", ".rake", ".erb", ".haml")
_TEST = re.compile(r"(^|/)(spec|test|features|node_modules)/")
# What starts a program (Ruby documentation, "Kernel", "Open3", "IO.popen"), with its name where it is a literal.
_STARTS = re.compile(
    r"""(?<![\w.@:$'"])(?:Kernel\.|IO\.|Open3\.|Process\.)?"""
    r"""(?:system|sh|exec|spawn|popen(?:2e?|3)?|capture(?:2e?|3)|pipeline\w*)(?:\s*\(\s*|\s+(?=["'\[%]))\[?\s*"""
    r"""(?:["']([\w./-]+)(?=["'\s]))?"""
)
_QUOTED = re.compile(r"`\s*([\w./-]+)?[^`\n]*`|%x(?:\[|\{|\(|\||!)\s*([\w./-]+)?")
_PIPE = re.compile(r"""\bopen\s*\(?\s*["']\|""")
_LIBRARIES = re.compile(r"""\brequire\s*\(?\s*["'](?:fiddle|ffi|dl)\b""")


class Ruby:
    """Gathers what is installed and whether Ruby runs, and at the end looks at the sources."""

    def __init__(self, walk: Commands) -> None:
        self.walk = walk
        self.at: At | None = None

    # -- installing --

    def install(self, manager: str, call: Invocation, at: At, state: State) -> None:
        """What Bundler or RubyGems is told to do."""
        for name in (*state.env, *state.args, *call.assignments):
            if _FORCED.match(name):
                raise RefusedError(f"{name} is set, so that gems may be compiled", at.span)
        if any(posixpath.basename(posixpath.dirname(one)) == ".bundle" for one in self.walk.files):
            raise RefusedError(".bundle of the build context may ask for compiled gems", at.span)
        action = next((word for word in call.argv if word is None or not word.startswith("-")), "")
        if action == "config" and any(word is None or _BUILDS.search(word) for word in call.argv):
            raise RefusedError("bundle config asks for compiled gems", at.span)
        if manager == "bundle" and action == "exec":
            rest = call.argv[call.argv.index("exec") + 1 :]
            if not rest or rest[0] is None or not self.command(posixpath.basename(rest[0]), at):
                raise RefusedError("what bundle exec runs is not known", at.span)
        elif manager == "bundle" and (action == "install" or (action == "" and not call.argv)):
            self._locked(at, state)
        elif manager == "gem" and action in ("install", "update"):
            self._named([word for word in call.argv if word is None or not word.startswith("-")][1:], at)
        elif action not in _QUIET and action != "":
            raise RefusedError(f"what {manager} {action} does is not looked into", at.span)

    def _named(self, names: Sequence[str | None], at: At) -> None:
        for name in names:
            # Pure Ruby, and requires nothing.
            if name is not None and name.partition(":")[0] != "bundler" and not re.fullmatch(r"[\d.]+", name):
                raise RefusedError(f"what {name} brings is not locked", at.span)

    def _locked(self, at: At, state: State) -> None:
        from slimify.context.ruby import Gemfile, GemfileLock, read_gemfile, read_gemfile_lock

        context = self.walk.build.context
        files = [self.walk.file(name, state) for name in ("Gemfile", "Gemfile.lock")]
        folders = {posixpath.dirname(one) for one in files if one is not None}
        if context is None or None in files or len(folders) != 1:
            raise RefusedError("Gemfile and Gemfile.lock are not in the build context", at.span)
        folder = folders.pop()
        gemfile, lock = read_gemfile(context, folder), read_gemfile_lock(context, folder)
        if not isinstance(gemfile, Gemfile) or not isinstance(lock, GemfileLock):
            raise RefusedError("Gemfile or Gemfile.lock cannot be read", at.span)
        if gemfile.gemspec or any(one.source != "gem" for one in lock.gems):
            raise RefusedError("a gem comes from a repository or from a folder", at.span)
        by_name: dict[str, list[LockedGem]] = {}
        for one in lock.gems:
            by_name.setdefault(one.name, []).append(one)
        for name, variants in by_name.items():
            self._gem(name, variants, at)
        if "tzinfo" in by_name and "tzinfo-data" not in by_name:
            self.walk.ledger.package("tzdata", "tzinfo reads its tables", at)
        self.walk.final.note(
            f"none of the {len(by_name)} locked gems is compiled when it is installed", at.span, _SOURCE
        )

    def _gem(self, name: str, variants: Sequence[LockedGem], at: At) -> None:
        from slimify.knowledge.language_packages import ruby_gem

        known = ruby_gem(name)
        if known is None:
            raise RefusedError(f"whether {name} is compiled when it is installed is not known", at.span)
        if known.kind == "extension":
            raise RefusedError(f"{name} is compiled when it is installed", at.span)
        machines = [one.platform for one in variants if "linux" in one.platform and "musl" not in one.platform]
        asked = ["x86_64"] if self.walk.python.wheels.only_amd64 else ["x86_64", "aarch64"]
        if known.kind == "precompiled":
            if any(not one.platform for one in variants):
                raise RefusedError(f"{name} may be compiled: the lock file has its source as well", at.span)
            for machine in asked:
                if not any(one.startswith(machine) for one in machines):
                    raise RefusedError(f"{name} is compiled on {machine}: the lock file has no binary for it", at.span)
        for library in known.run_libraries:
            self.walk.ledger.library(library.sonames, name, at)
        for program in known.run_programs:
            if all(one in self.walk.ledger.images.programs for one in program.names):
                self.walk.ledger.program(program.names[0], at, name)

    # -- running --

    def command(self, name: str, at: At) -> bool:
        """Note that a program runs Ruby; False if it does not."""
        if self.walk.ledger.images.name != "ruby" or not (name in _RUNNERS or name.endswith(".rb")):
            return False
        place = self.walk.final.place
        if self.at is None or place(at) < place(self.at):
            self.at = at
        return True

    def finish(self) -> None:
        """Look at all sources: which of them run is not followed."""
        context, at = self.walk.build.context, self.at
        if context is None or at is None:
            return
        count = 0
        for path in self.walk.sources():
            base = posixpath.basename(path)
            ruby = path.endswith(_SOURCES) or base == "Rakefile" or "/bin/" in f"/{path}"
            if not ruby or _TEST.search(path):
                continue
            text = context.text(path)
            if text is None:
                raise RefusedError(f"{path} cannot be read", at.span)
            if "/bin/" in f"/{path}" and not path.endswith(_SOURCES) and "ruby" not in text.partition("\n")[0]:
                continue
            count += 1
            self._source(path, re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE), at)
        self.walk.final.note(
            f"{count} Ruby source{'s' if count != 1 else ''} of the application looked through", at.span
        )

    def _source(self, path: str, text: str, at: At) -> None:
        if _LIBRARIES.search(text):
            raise RefusedError(f"{path} loads shared libraries", at.span)
        if _PIPE.search(text):
            raise RefusedError(f"{path} starts something that is not known", at.span)
        for pattern in (_STARTS, _QUOTED):
            for match in pattern.finditer(text):
                if text[: match.start()].endswith("def "):
                    continue
                name = next((one for one in match.groups() if one), None)
                line = text.count("\n", 0, match.start()) + 1
                if name is None:
                    raise RefusedError(f"{path}:{line} starts something that is not known", at.span)
                base = posixpath.basename(name)
                if base not in _RUNNERS and not base.endswith(".rb") and not self.walk.ledger.program(base, at):
                    raise RefusedError(f"{path}:{line}: what {base} needs is not known", at.span)
