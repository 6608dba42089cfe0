"""What people start by hand: Makefiles, shell scripts, scripts of package.json, justfiles, Taskfiles.

Sources: GNU make manual, "Recipe Execution"; npm documentation, "scripts"; just's manual; Task's documentation,
"Schema". Where a script is started from nobody says: it is looked for where its Dockerfiles are.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator

from slimify.bot.builds.holes import at, bindings, constant, hole, is_known
from slimify.bot.builds.named import Named, Problem
from slimify.bot.builds.repository import Repository
from slimify.bot.builds.script import Shell, may_build, read_script
from slimify.bot.builds.yaml_text import YamlError, line_of, load
from slimify.context.found import Unknown
from slimify.context.json_text import key_lines
from slimify.context.json_text import load as load_json
from slimify.context.makefile import UNKNOWN, read_rules

MAKEFILE = re.compile(r"(?:.*/)?(?:GNUmakefile|[Mm]akefile|[\w.-]+\.mk)")
SCRIPT = re.compile(r"(?:.*/)?[\w.-]+\.(?:sh|bash)")
PACKAGE = re.compile(r"(?:.*/)?package\.json")
JUSTFILE = re.compile(r"(?:.*/)?\.?[Jj]ustfile")
# How many Dockerfiles a path with holes is compared with.
_MOST_COMPARED = 500
TASKFILE = re.compile(r"(?:.*/)?[Tt]askfile(?:\.dist)?\.ya?ml")


def read_script_file(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The builds of a shell script."""
    text = repository.text(path)
    if text is None or not may_build(text):
        return
    own = posixpath.dirname(path)
    yield from either(
        repository, (list(read_script(text, Shell(folder, {}, own), path, 1)) for folder in dict.fromkeys((own, "")))
    )


def either(repository: Repository, ways: Iterable[list[Named | Problem]]) -> Iterator[Named]:
    """The builds of commands that may run in one folder or in another: where one has the Dockerfile, that is it."""
    for both in itertools.zip_longest(*ways):
        builds = [one for one in dict.fromkeys(both) if isinstance(one, Named)]
        there = [one for one in builds if _may_be(repository, one)]
        for one in there:
            doubt = "the folder that its command runs in is not known" if len(there) > 1 else ""
            yield one._replace(why=doubt, quiet=True)


def _may_be(repository: Repository, build: Named) -> bool:
    """Whether there is such a Dockerfile: of a path with holes, one that its name or its folder tells."""
    for path in build.dockerfiles:
        if is_known(path):
            if repository.real(path) is not None:
                return True
        elif not re.fullmatch(r"\W*", re.sub(r"Dockerfile|dockerfile|Containerfile", "", constant(path))):
            return any(bindings(path, one) is not None for one in repository.dockerfiles[:_MOST_COMPARED])
    return False


def read_makefile(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The builds in the recipes of a Makefile, its variables filled in."""
    text = repository.text(path)
    if text is None or not may_build(text):
        return
    rules = read_rules(repository.root, path)
    if isinstance(rules, Unknown):
        yield Problem(path, 0, rules.reason)
        return
    own = posixpath.dirname(path)
    for rule in rules.rules:
        for line, place in rule.recipe:
            command = line.replace(UNKNOWN, hole("make")).replace("$$", "$")
            for one in read_script(command, Shell(own, {}, own), place.file, place.line):
                if isinstance(one, Named):
                    # A file that others include runs in their folder.
                    yield one._replace(quiet=True)


def read_package(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The builds in the scripts of a package.json."""
    text = repository.text(path)
    if text is None or not may_build(text):
        return
    whole = load_json(text)
    scripts = whole.get("scripts") if isinstance(whole, dict) else None
    lines = key_lines(text)
    for name, command in scripts.items() if isinstance(scripts, dict) else ():
        if isinstance(command, str):
            own = posixpath.dirname(path)
            yield from read_script(command, Shell(own, {}, own), path, lines.get(("scripts", name), 0))


def read_justfile(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The builds in the recipes of a justfile: lines that are indented, each in a shell of its own."""
    text = repository.text(path)
    if text is None or not may_build(text):
        return
    own = posixpath.dirname(path)
    known = dict(re.findall(r"""^(?:export\s+)?([\w-]+)\s*:=\s*["']([^"'\n]*)["']\s*$""", text, re.MULTILINE))
    lines = re.sub(r"\\\n\s*", lambda match: " " * len(match[0]), text)
    offset = 0
    for line in lines.splitlines(keepends=True):
        if line[:1] in " \t" and may_build(line):
            filled = re.sub(r"\{\{(.*?)\}\}", lambda match: known.get(match[1].strip(), hole(match[1])), line)
            number = text.count("\n", 0, offset) + 1
            yield from read_script(filled.strip().lstrip("@-"), Shell(own, known, own), path, number)
        offset += len(line)


def read_taskfile(repository: Repository, path: str) -> Iterator[Named | Problem]:
    """The builds in the commands of a Taskfile."""
    text = repository.text(path)
    if text is None or not may_build(text):
        return
    try:
        documents = load(text)
    except YamlError as error:
        yield Problem(path, error.line, f"it {error}")
        return
    whole = documents[0] if documents and isinstance(documents[0], dict) else {}
    tasks = whole.get("tasks")
    outer = _variables(whole.get("vars"), {})
    for task in tasks.values() if isinstance(tasks, dict) else ():
        table = task if isinstance(task, dict) else {"cmds": task if isinstance(task, list) else [task]}
        known = _variables(table.get("vars"), outer)
        where = table.get("dir")
        folder = at(posixpath.dirname(path), _filled(where, known) if isinstance(where, str) else ".")
        commands = table.get("cmds") or [table.get("cmd")]
        for one in commands if isinstance(commands, list) else [commands]:
            command = one.get("cmd") if isinstance(one, dict) else one
            if isinstance(command, str) and folder is not None:
                first = line_of(command) + (1 if "\n" in command else 0)
                yield from read_script(_filled(command, known), Shell(folder, known), path, first)


def _variables(value: object, outer: dict[str, str]) -> dict[str, str]:
    found = dict(outer)
    for name, one in value.items() if isinstance(value, dict) else ():
        found[name] = _filled(one, found) if isinstance(one, str) else hole(name)
    return found


def _filled(text: str, known: dict[str, str]) -> str:
    return re.sub(r"\{\{\s*\.?(.*?)\s*\}\}", lambda match: known.get(match[1], hole(match[1])), text)
