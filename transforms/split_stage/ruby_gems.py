"""Which gems a build installs, and what they need from the system to run."""

from __future__ import annotations

import posixpath
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.refused import Refused

from slimify.context.found import Unknown
from slimify.context.ruby import read_gemfile, read_gemfile_lock
from slimify.knowledge.language_packages import ruby_gem
from slimify.semantics.build import Build, Step

# They read data that is no library: of time zones (tzinfo, "Data Sources"), of file types (mimemagic).
_DATA = {"mimemagic": ("shared-mime-info",), "tzinfo": ("tzdata",)}
# JavaScript is run by node wherever they are loaded, unless another engine is there (execjs, "readme").
_SCRIPTS = frozenset(["execjs", "grover", "nodo", "puppeteer-ruby", "schmooze"])
_ENGINES = frozenset(["mini_racer", "therubyracer", "duktape"])
# They run node for assets: where files are asked for, unless the environment is production.
_BUNDLERS = frozenset("cssbundling-rails jsbundling-rails shakapacker vite_rails vite_ruby webpacker".split())
_NODE = frozenset("node nodejs npm npx yarn yarnpkg".split())
# They look which commit they run (sentry-ruby, "Release"; the others alike), where there is a repository.
_REVISION = frozenset("appsignal bugsnag honeybadger rollbar scout_apm sentry-raven sentry-ruby".split())
# They compile, or install, when they are first started.
_LATE = frozenset(["passenger", "RubyInline", "ffi-inliner", "phusion_passenger"])


class Gems(NamedTuple):
    """What is installed. `unknown` are names that nothing is known of, or None where not all names are known.

    `needs` are the packages of Debian, one of which each gem needs to run; `programs` those that it may call. `scripts`
    are the programs that come with gems. `needs_node` and `needs_git` say why these are needed at run time, empty if
    they are not. `locked` is the path of the lock.
    """

    names: frozenset[str]
    unknown: tuple[str, ...] | None
    compiled: tuple[str, ...]
    needs: tuple[tuple[str, tuple[str, ...]], ...]
    programs: tuple[tuple[str, tuple[str, ...]], ...]
    scripts: frozenset[str]
    needs_node: str
    needs_git: str
    locked: str | None


def gems(
    build: Build, files: Files, step: Step | None, extra: tuple[str, ...], production: bool, repository: bool
) -> Gems:
    """The gems of the Gemfile that the `step` installs from, if there is one, and `extra`.

    `production` says that nothing is compiled on demand, `repository` that the sources come with their history.
    """
    names: dict[str, None] = dict.fromkeys(extra)
    complete = not extra
    locked: str | None = None
    git = ""
    if step is not None:
        found, path, git = _bundle(build, files, step)
        names.update(dict.fromkeys(found))
        locked = path
        complete = complete and path is not None
    known = {name: ruby_gem(name) for name in names}
    unknown = tuple(name for name, gem in known.items() if gem is None)
    of = [gem for gem in known.values() if gem is not None]
    for gem in of:
        if gem.name in _LATE:
            raise Refused(f"{gem.name} compiles what it needs when it is started")
        for data in gem.data:
            if data.command == "install":
                raise Refused(f"the installation of {gem.name} puts data into {data.path}")
    needs = [(gem.name, one.packages) for gem in of for one in (*gem.run_libraries, *gem.source_libraries)]
    needs += [
        (name, _DATA[name]) for name in names if name in _DATA and not (name == "tzinfo" and "tzinfo-data" in names)
    ]
    node = sorted(({*names} & _SCRIPTS) if not {*names} & _ENGINES else {*names} & _SCRIPTS - {"execjs"})
    node += [] if production else sorted({*names} & _BUNDLERS)
    revision = sorted({*names} & _REVISION) if repository else []
    return Gems(
        names=frozenset(names),
        unknown=unknown if complete else None,
        compiled=tuple(gem.name for gem in of if gem.kind != "pure"),
        needs=tuple(needs),
        programs=tuple((gem.name, one.packages) for gem in of for one in gem.run_programs if not {*one.names} & _NODE),
        scripts=frozenset(one for gem in of for one in (*gem.scripts, *gem.servers)) | {*names} | {"rails", "rackup"},
        needs_node=node[0] if node else "",
        needs_git=git or (f"{revision[0]} looks which commit it runs" if revision else ""),
        locked=locked,
    )


def _bundle(build: Build, files: Files, step: Step) -> tuple[tuple[str, ...], str | None, str]:
    """The names in the lock or else in the Gemfile, the path of the lock, and why git is needed, if it is."""
    span = step.instruction.span
    assert build.context is not None
    workdir = files.folder(step)
    place = files.source(step, posixpath.join(workdir, "Gemfile"))
    if place is None:
        raise Refused("no Gemfile is known to be where bundle install is run", span)
    folder = posixpath.dirname(place[0])
    if posixpath.basename(place[0]) != "Gemfile":
        raise Refused(f"{place[0]} is copied under another name", span)
    gemfile = read_gemfile(build.context, folder)
    if gemfile is None or isinstance(gemfile, Unknown):
        raise Refused("the Gemfile cannot be read", span)
    if gemfile.gemspec or any(one.path is not None for one in gemfile.gems):
        raise Refused("the Gemfile has gems that are kept with the sources", span)
    git = next((f"{one.name} comes from a repository" for one in gemfile.gems if one.git), "")
    lock_place = files.source(step, posixpath.join(workdir, "Gemfile.lock"))
    if lock_place is None:
        return tuple(one.name for one in gemfile.gems), None, git
    lock = read_gemfile_lock(build.context, posixpath.dirname(lock_place[0]))
    if lock is None or isinstance(lock, Unknown) or lock_place[0] != lock.path:
        raise Refused(f"{lock_place[0]} cannot be read", span)
    if any(one.source == "path" for one in lock.gems):
        raise Refused("the Gemfile has gems that are kept with the sources", span)
    if any(one.source == "git" for one in lock.gems):
        git = git or "a gem comes from a repository"
    return tuple(dict.fromkeys(one.name for one in lock.gems)), lock.path, git
