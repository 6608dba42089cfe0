"""Which Python code a command line runs."""

from __future__ import annotations

import enum
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from slimify.context.python.metadata import Script
from slimify.knowledge.python import Server, servers
from slimify.semantics.commands import invocations
from slimify.syntax.shell import parse_script

_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*t?")
_PYTHON_VALUED = frozenset({"-X", "-W", "--check-hash-based-pycs"})

# Programs that run the command in their arguments, with those of their options that take a value.
# (Manuals of the tools; those that a shell user knows are seen through by `invocations` already.)
_RUNNERS: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "poetry": (("run",), frozenset({"-C", "--directory", "-P", "--project"})),
    "pipenv": (("run",), frozenset()),
    "pdm": (("run",), frozenset({"-p", "--project"})),
    "rye": (("run",), frozenset()),
    "hatch": (("run",), frozenset({"-e", "--env"})),
    "uv": (("run",), frozenset(
        "--with --extra --group --no-group --only-group -p --python --project --directory --env-file --package "
        "--index-url --with-requirements".split()
    )),
    "conda": (("run",), frozenset({"-n", "--name", "-p", "--prefix", "--cwd"})),
    "micromamba": (("run",), frozenset({"-n", "--name", "-p", "--prefix"})),
    "dumb-init": ((), frozenset({"-r", "--rewrite"})),
    "tini": ((), frozenset({"-e", "-p"})),
    "catchsegv": ((), frozenset()),
    "xvfb-run": ((), frozenset({"-n", "-s", "-e", "-f", "-p", "-w"})),
    "coverage": (("run",), frozenset({"--rcfile", "--source", "--data-file"})),
    "honcho": ((), frozenset()),
}  # fmt: skip


class EntryKind(enum.Enum):
    """What is run: a file, a module, the text of `python -c`, a uWSGI configuration, or something that is not known."""

    SCRIPT = "script"
    MODULE = "module"
    CODE = "code"
    UWSGI = "uwsgi"
    OTHER = "other"


class Entry(NamedTuple):
    """A place where the interpreter starts.

    `target` is a path relative to the working folder, or an absolute one; a module's dotted name; or
    the text of the code; for `OTHER` the program as far as it is known. `attribute` is the object in
    the module that is wanted. `via` is the program that runs it. `folder` is one more folder of
    modules. An `optional` one is run only if it is there. `why` says for `OTHER` what is not known.
    """

    kind: EntryKind
    target: str
    attribute: str = ""
    via: str = ""
    folder: str = ""
    optional: bool = False
    why: str = ""


def find_entries(
    argv: Sequence[str | None],
    workdir: str | None = None,
    environ: Mapping[str, str | None] | None = None,
    scripts: Sequence[Script] = (),
) -> tuple[Entry, ...]:
    """The entries of a command line: of CMD and ENTRYPOINT together, or `sh -c` and a script.

    `workdir` is the folder it runs in, if known: what lies below it is named relative to it.
    `scripts` are the programs that the project itself installs.
    """
    return tuple(dict.fromkeys(_Reader(workdir, environ or {}, scripts).command(argv, 0)))


class _Reader:
    def __init__(self, workdir: str | None, environ: Mapping[str, str | None], scripts: Sequence[Script]) -> None:
        self.workdir = workdir
        self.environ = environ
        self.scripts = {one.name: one for one in scripts}

    def command(self, argv: Sequence[str | None], depth: int) -> Iterator[Entry]:
        if not argv or depth > 6 or sum(len(word or "") for word in argv) > 100_000:
            return
        script = parse_script(" ".join('"${_}"' if word is None else shlex.quote(word) for word in argv))
        if script.opaque:
            yield Entry(EntryKind.OTHER, "", why="the command line cannot be read")
            return
        for command in script.commands():
            for one in invocations(command, dict(self.environ)):
                program, rest = one.program, list(one.argv)
                if program in _IGNORED:
                    continue
                if program in ("sh", "bash", "dash", "ash", "ksh", "zsh", "su", "runuser") and "-c" in rest:
                    # `invocations` looks into a script that it can read.
                    yield Entry(EntryKind.OTHER, program, why="runs a script that cannot be read")
                    continue
                module = len(one.typed) > 1 and (one.typed[0].value or "").rpartition("/")[2].startswith(("py",))
                yield from self._program(program, rest, module, depth)

    def _program(self, program: str | None, rest: list[str | None], module: bool, depth: int) -> Iterator[Entry]:
        if program is None:
            yield Entry(EntryKind.OTHER, "", why="which program runs is not known")
        elif _PYTHON.fullmatch(program) and not module:
            yield from self._python(program, rest, depth)
        elif program in _RUNNERS:
            verbs, valued = _RUNNERS[program]
            yield from self.command(_behind(rest, verbs, valued), depth + 1)
        elif (server := servers().get("django-admin" if module and program == "django" else program)) is not None:
            yield from self._server(program, server, rest, depth)
        elif module:
            yield Entry(EntryKind.MODULE, program, via="python")
        elif program in self.scripts:
            target = self.scripts[program].target
            name, _, attribute = target.partition(":")
            yield Entry(EntryKind.MODULE, name.strip(), attribute.strip(), program)
        elif program.endswith(".py"):
            yield Entry(EntryKind.SCRIPT, self._path(program), via=program)
        else:
            yield Entry(EntryKind.OTHER, program, why=f"{program} is not known to run Python")

    def _python(self, program: str, rest: list[str | None], depth: int) -> Iterator[Entry]:
        at = 0
        while at < len(rest):
            word = rest[at]
            if word is None:
                break
            if word == "-m" or (re.fullmatch(r"-[bBdEhiIOqsSuvVxP]*m", word) and word != "-"):
                if at + 1 < len(rest) and (name := rest[at + 1]) is not None:
                    yield from self._program(name, rest[at + 2 :], True, depth)
                    return
                break
            if word == "-c":
                code = rest[at + 1] if at + 1 < len(rest) else None
                if code is not None:
                    yield Entry(EntryKind.CODE, code, via=program)
                    return
                break
            if word in _PYTHON_VALUED:
                at += 2
            elif word == "-":
                break
            elif word.startswith("-"):
                at += 1
            else:
                yield Entry(EntryKind.SCRIPT, self._path(word), via=program)
                return
        if rest and rest[at : at + 1] != []:
            yield Entry(EntryKind.OTHER, program, why="what the interpreter runs is not known")
        elif not rest or all(word is not None and word.startswith("-") for word in rest):
            yield Entry(EntryKind.OTHER, program, why="the interpreter is started without a script")

    def _server(self, program: str, server: Server, rest: list[str | None], depth: int) -> Iterator[Entry]:
        if server.kind == "wrapper":
            yield from self.command(_behind(rest, tuple(server.verbs), server.options), depth + 1)
            return
        if server.kind == "uwsgi":
            yield from self._uwsgi(rest)
            return
        if server.kind == "unknown":
            yield Entry(EntryKind.OTHER, program, why=f"what {program} runs is not in its arguments")
            return
        options, operands = _parsed(rest, server)
        folder = next((options[name] for name in (*server.directory, "--chdir", "--pythonpath") if name in options), "")
        folder = self._path(folder) if folder else ""
        if None in operands:
            yield Entry(EntryKind.OTHER, program, why=f"an argument of {program} is not known")
        known = [one for one in operands if one is not None]
        if server.kind == "flask":
            yield self._flask(program, options, folder)
        elif server.kind == "celery":
            named = options.get("-A") or options.get("--app")
            if named:
                yield self._module(named, program, folder)
                yield self._module(f"{named.partition(':')[0]}.celery", program, folder)._replace(optional=True)
            else:
                yield Entry(EntryKind.OTHER, program, why=f"{program} is not told which application to run")
        elif server.kind == "django":
            settings = options.get("--settings") or self.environ.get("DJANGO_SETTINGS_MODULE")
            if settings:
                yield self._module(settings, program, folder)
            else:
                yield Entry(EntryKind.OTHER, program, why="the settings of Django are not known")
        elif server.kind == "modules":
            for one in known:
                yield self._module(one, program, folder)
        else:
            if known and known[0] in server.verbs:
                known = known[1:]
            yield from self._application(program, server, known, folder)
            if program == "gunicorn":
                config = options.get("-c") or options.get("--config") or ""
                path = config.removeprefix("file:")
                if config.startswith("python:"):
                    yield self._module(config[7:], program, folder)
                else:
                    yield Entry(EntryKind.SCRIPT, self._path(path or "gunicorn.conf.py"), "", program, folder, not path)

    def _application(self, program: str, server: Server, known: list[str], folder: str) -> Iterator[Entry]:
        if known and (server.kind == "script" or known[0].partition(":")[0].endswith(".py")):
            path, _, attribute = known[0].partition(":")
            yield Entry(EntryKind.SCRIPT, self._path(path), attribute, program, folder)
        elif known:
            yield self._module(known[0], program, folder)
        elif server.default:
            for path in server.default:
                yield Entry(EntryKind.SCRIPT, path, "", program, folder, True)
        else:
            yield Entry(EntryKind.OTHER, program, why=f"{program} is not told which application to run")

    def _flask(self, program: str, options: Mapping[str, str], folder: str) -> Entry:
        named = options.get("--app") or options.get("-A") or self.environ.get(f"{program.upper()}_APP")
        if not named:
            # Flask documentation, "Application Discovery": app.py or wsgi.py.
            return Entry(EntryKind.MODULE, "app", "", program, folder, "FLASK_APP" not in self.environ)
        path, _, attribute = named.partition(":")
        if path.endswith(".py") or "/" in path:
            path = path if path.endswith(".py") else f"{path}.py"
            return Entry(EntryKind.SCRIPT, self._path(path), attribute, program, folder)
        return self._module(named, program, folder)

    def _uwsgi(self, rest: list[str | None]) -> Iterator[Entry]:
        found = False
        words = [
            part for word in rest for part in ((word or "").split("=", 1) if (word or "-")[:2] == "--" else [word])
        ]
        for at, word in enumerate(words):
            value = words[at + 1] if at + 1 < len(words) else None
            if word in ("--module", "-w", "--wsgi") and value:
                found = True
                yield self._module(value, "uwsgi", "")
            elif word in ("--wsgi-file", "--file", "--pyrun") and value:
                found = True
                yield Entry(EntryKind.SCRIPT, self._path(value), via="uwsgi")
            elif word in ("--ini", "-i") and value:
                found = True
                yield Entry(EntryKind.UWSGI, self._path(value), via="uwsgi")
            elif word and word.endswith(".ini") and words[at - 1] not in ("--ini", "-i"):
                found = True
                yield Entry(EntryKind.UWSGI, self._path(word), via="uwsgi")
        if not found:
            yield Entry(EntryKind.OTHER, "uwsgi", why="uwsgi is not told which application to run")

    def _module(self, named: str, via: str, folder: str) -> Entry:
        name, _, attribute = named.partition(":")
        if not re.fullmatch(r"[^\W\d]\w*(?:\.\w+)*", name):
            return Entry(EntryKind.OTHER, via, why=f"{name[:80]} is not the name of a module")
        return Entry(EntryKind.MODULE, name, attribute, via, folder)

    def _path(self, path: str) -> str:
        path = posixpath.normpath(path)
        if self.workdir and path.startswith("/"):
            folder = posixpath.normpath(self.workdir)
            if path == folder:
                return "."
            path = path.removeprefix(folder.rstrip("/") + "/")
        return path


# What a start script does beside starting something.
_IGNORED = frozenset(
    "cd echo export test [ : true false set umask ulimit sleep wait printf mkdir chmod chown ln cp mv rm touch "
    "cat".split()
)


def _behind(rest: list[str | None], verbs: tuple[str, ...], valued: frozenset[str]) -> list[str | None]:
    """The command behind the options and verbs of a program that runs it."""
    wanted = bool(verbs)
    at = 0
    while at < len(rest):
        word = rest[at]
        if word is None:
            return rest[at:]
        if word == "--":
            return rest[at + 1 :]
        if word.startswith("-"):
            at += 2 if word in valued else 1
        elif wanted and word in verbs:
            wanted = False
            at += 1
        else:
            return rest[at:]
    return []


def _parsed(rest: list[str | None], server: Server) -> tuple[dict[str, str], list[str | None]]:
    options: dict[str, str] = {}
    operands: list[str | None] = []
    valued = server.options | server.directory
    at = 0
    while at < len(rest):
        word = rest[at]
        at += 1
        if word is None or not word.startswith("-") or word == "-":
            operands.append(word)
            continue
        name, equals, value = word.partition("=")
        short = word[:2]
        if equals and word.startswith("--"):
            options[name] = value
        elif word in valued:
            if at < len(rest):
                options[word] = rest[at] or ""
            at += 1
        elif not word.startswith("--") and len(word) > 2 and short in valued:
            options[short] = word[2:]
    return options, operands
