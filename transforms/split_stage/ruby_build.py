"""What Bundler, RubyGems, Rails and the tools of its assets do in a RUN.

Sources: Bundler's manual, bundle-install(1), bundle-config(1) and bundle-exec(1); RubyGems' command reference; Rails
guides, "The Asset Pipeline".
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.transforms.split_stage.assets import NODE_TOOLS, cleaned, in_place, node
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.semantics.commands import Invocation

BUNDLE = "/usr/local/bundle"
# They decide where gems are found, or which Ruby runs.
MISLEADING = re.compile(
    r"GEM_\w+|RUBYLIB|BUNDLE_(?:APP_CONFIG|BIN|GEMFILE|SYSTEM_BINDIR|USER_\w+|LOCKFILE|PATH__SYSTEM|PATH_RELATIVE_TO_CWD)"
)
# Variables in front of a command of the build.
VARIABLES = re.compile(
    r"(?!(?:PATH|HOME|LD_\w+|GEM_\w+|RUBYLIB|BUNDLE_(?!WITHOUT|JOBS|RETRY|FROZEN|FORCE_RUBY_PLATFORM)\w+)$)\w+"
)
_SWITCHES = frozenset(
    "--quiet --verbose --frozen --deployment --no-cache --clean --full-index --local --prefer-local --redownload "
    "--force --no-prune --no-deployment --system --no-clean".split()
)
_VALUED = frozenset(["--jobs", "-j", "--retry", "--path"])
_GROUPS = frozenset(["--without", "--with"])
_GEM_SWITCHES = frozenset(
    "--no-document --no-doc --no-rdoc --no-ri --conservative --force -f -N --quiet -q --minimal-deps --prerelease "
    "--pre".split()
)
_SHIPPED = re.compile(rf"{BUNDLE}/?$|(?!/|~)|/(?:app|home|srv|opt|usr/src|rails|code|web|application)(?:/|$)")
_TASKS = re.compile(
    r"(?:assets|webpacker|shakapacker|vite|javascript|css|tailwindcss|tmp(?::cache)?|log|i18n:js):"
    r"(?:precompile|clean|clobber|compile|build|build_all|clear|export)|[A-Z_]+=.*|--trace|-q|-s"
)
_RAILS = frozenset("rails rake bin/rails bin/rake ./bin/rails ./bin/rake".split())


class Bundled(NamedTuple):
    """How Bundler was told to install: `path` is where to, in its own words; `folder` is that of the Gemfile."""

    folder: str
    path: str | None
    deployment: bool
    frozen: bool


def sort(run: Run, call: Invocation) -> Run | None:
    """Take what Ruby's tools do for the build."""
    typed = call.typed[0].value or ""
    if typed == "ruby" and call.argv and call.argv[0] in _RAILS:
        return _named(run, call, call.argv[0] or "", call.argv[1:])
    return _named(run, call, typed, call.argv)


def _named(run: Run, call: Invocation, typed: str, argv: tuple[str | None, ...]) -> Run | None:
    builds = run._replace(builds=(*run.builds, call))
    edits = builds._replace(edits=(*run.edits, call))
    first = argv[0] if argv else None
    if typed in ("bundle", "bundler", "bin/bundle", "./bin/bundle"):
        if first == "exec" and len(argv) > 1 and argv[1] is not None:
            return _named(run, call, argv[1], argv[2:])
        if first in ("check", "--version", "-v", "version", "env", "list"):
            return run
        if first == "lock":
            return edits
        return builds if not argv or first in ("install", "config", "clean", "--jobs", "-j") else None
    if typed == "gem" and first == "install":
        return builds
    if typed in _RAILS:
        tasks = [one for one in argv if one is None or not _TASKS.fullmatch(one)]
        return edits if argv and not tasks else None
    if typed == "bootsnap" and first == "precompile":
        return edits
    if typed in NODE_TOOLS:
        return node(run, call)
    paths = [one for one in argv if one is None or not one.startswith("-")]
    below = paths[:1] if typed == "find" else paths
    if typed in ("rm", "find") and below and all(one is not None and one.startswith(f"{BUNDLE}/") for one in below):
        return builds
    return cleaned(run, call) or in_place(run, call)


def bundled(runs: list[Run], folder: str, env: dict[str, str | None]) -> Bundled:
    """How `bundle install` was told to install. Raises `Refused` where that is not known."""
    paths: dict[str, None] = {}
    deployment, frozen = (_true(env.get(f"BUNDLE_{name}")) for name in ("DEPLOYMENT", "FROZEN"))
    for run in runs:
        span = run.step.instruction.span
        for call in run.builds:
            if call.program not in ("bundle", "bundler") or (call.argv[:1] or ("install",))[0] == "exec":
                continue
            words = list(call.argv)
            if words[:1] == ["config"]:
                setting = _setting(run, words[1:], sets_only(run))
                if setting is not None and setting[0] == "path":
                    paths[setting[1]] = None
                elif setting is not None and setting[0] in ("deployment", "frozen"):
                    deployment = deployment or (setting[0] == "deployment" and _true(setting[1]))
                    frozen = frozen or _true(setting[1])
                continue
            texts = [one if one is not None else word.text for one, word in zip(call.argv, call.words, strict=True)]
            path = _options(texts[1:] if texts[:1] == ["install"] else texts, run)
            if path is not None:
                paths[path] = None
            deployment = deployment or call.has("--deployment")
            frozen = frozen or call.has("--frozen", "--deployment")
        if len(paths) > 1:
            raise Refused("gems are installed to more than one place", span)
    given = next(iter(paths), None) or env.get("BUNDLE_PATH")
    if given is None and "BUNDLE_PATH" in env and env["BUNDLE_PATH"] is None:
        raise Refused("what BUNDLE_PATH is set to is not known")
    path = given or ("vendor/bundle" if deployment else None)
    return Bundled(folder, path, deployment, frozen or deployment)


def _true(value: str | None) -> bool:
    return value is not None and value.lower() in ("true", "1", "yes", "on", "t", "y")


def owned(run: Run, call: Invocation) -> Run | None:
    """Take a chown or chmod of the gems, with that of other files that a build does not make."""
    if call.program not in ("chown", "chmod"):
        return None
    paths = call.operands[1:]
    if BUNDLE not in paths or not all(one is not None and _SHIPPED.match(one) for one in paths):
        return None
    return run._replace(sets_up=True)


def sets_only(run: Run) -> bool:
    """Whether a RUN does nothing but `bundle config`, so that both stages can have it."""
    told = all(one.program in ("bundle", "bundler") and one.argv[:1] == ("config",) for one in run.builds)
    return bool(run.builds) and told and not (run.packages or run.edits or run.sets_up or run.foreign)


def _setting(run: Run, words: list[str | None], anywhere: bool) -> tuple[str, str] | None:
    """The name and value that `bundle config` sets, if they matter. `anywhere`: it may be the user's own settings."""
    plain = [one for one in words if one not in ("set", "--local", "--global")]
    if "--global" in words and not anywhere:
        raise Refused("bundle config sets what is kept outside of the bundle", run.step.instruction.span)
    if None in plain or any((one or "").startswith("-") for one in plain) or len(plain) < 2:
        if plain and (plain[0] or "").startswith(("build.", "jobs", "retry")):
            return None
        raise Refused("what bundle config is told is not read", run.step.instruction.span)
    name = (plain[0] or "").lower().replace("_", ".")
    if name.startswith(("bin", "gemfile", "system", "app.config", "cache.path", "path.")):
        raise Refused(f"bundle config sets {plain[0]}", run.step.instruction.span)
    return name, " ".join(one or "" for one in plain[1:])


def _options(words: list[str], run: Run) -> str | None:
    """The path that `bundle install` is given. Raises `Refused` for an option that is not known."""
    span = run.step.instruction.span
    found = None
    at = 0
    while at < len(words):
        name, equals, value = words[at].partition("=")
        at += 1
        if name in _SWITCHES or re.fullmatch(r"-j\d*|-j\$.*", name):
            at += name == "-j" and not equals
        elif name in _VALUED:
            given = value if equals else (words[at] if at < len(words) else None)
            at += not equals
            if name == "--path":
                if not given or "$" in given:
                    raise Refused("where gems are installed to is not known", span)
                found = given
        elif name in _GROUPS:
            while at < len(words) and not words[at].startswith("-"):
                at += 1
        else:
            raise Refused(f"bundle install {name} may install in another way", span)
    return found


def gem_names(runs: list[Run]) -> tuple[str, ...]:
    """The gems that `gem install` is told to install, without Bundler."""
    names: dict[str, None] = {}
    for run in runs:
        for call in run.builds:
            if call.program != "gem":
                continue
            words = list(call.argv[1:])
            while words:
                word = words.pop(0)
                if word in ("-v", "--version"):
                    del words[:1]
                elif word is None or (
                    word.startswith("-") and word not in _GEM_SWITCHES and not word.startswith(("--version=", "-v"))
                ):
                    raise Refused("what gem install is told is not read", run.step.instruction.span)
                elif not word.startswith("-"):
                    names[posixpath.basename(word).partition(":")[0]] = None
    return tuple(name for name in names if name != "bundler")
