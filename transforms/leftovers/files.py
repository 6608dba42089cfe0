"""What downloads write, what unpacks, and who else names a file."""

from __future__ import annotations

import fnmatch
import functools
import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from slimify.context.copies import USUAL_FOLDERS
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext, Kind
from slimify.semantics.commands import Invocation, verb
from slimify.syntax.shell import Word

ARCHIVE = re.compile(r".*\.(?:tar(?:\.\w+)?|tgz|tbz2?|txz|tzst|zip|deb|rpm)", re.IGNORECASE)
TEMPORARY = ("/tmp", "/var/tmp")
_SCRIPTS = re.compile(
    r"(?:.*\.(?:sh|bash|py|rb|pl|js|mjs|cjs|ts|php|mk|cmake|toml|cfg|gradle)|Makefile|makefile|.*Procfile|entrypoint.*"
    r"|.*requirements.*\.(?:txt|in)|package\.json|composer\.json|pom\.xml|Gemfile|Pipfile|CMakeLists\.txt)"
)
_MOST_SCRIPTS = 500
_LARGE = 100_000
# Options of curl and wget (curl(1), wget(1)) by which the server or another file says where things go.
_ELSEWHERE = frozenset(
    "-J --remote-header-name --output-dir --content-disposition --trust-server-names -i --input-file -K --config "
    "--remote-name-all -r --recursive -m --mirror -x --force-directories -c --continue -C --continue-at -N "
    "--timestamping".split()
)
# Their short options that name the file, behind those without a value, and others that have the letter in them.
_OUTPUT = {"curl": re.compile(r"-[fsSLkgv#46]*o(.*)"), "wget": re.compile(r"-[qvSdb46]*O(.*)")}
_REMOTE_NAME = re.compile(r"-[fsSLkgv#46]*O[fsSLkgv#46]*|--remote-name")
_UNCLEAR = {"curl": re.compile(r"-[^-/][^/]*[oO][^/]*|-[oO]."), "wget": re.compile(r"-[^-/][^/]*O[^/]*")}


class Named(NamedTuple):
    """A file as a command names it, and the word that does, if it is one of its own and of interest."""

    path: str
    word: Word | None = None


def downloads(call: Invocation) -> Iterator[Named]:
    """The files that a call of curl or wget writes; nothing where that depends on more than its arguments."""
    program = call.program
    if program not in ("curl", "wget") or None in call.argv or call.has(*_ELSEWHERE):
        return
    folder, remote, names = "", program == "wget", list[Named]()
    addresses: list[str] = []
    words = iter(zip((one or "" for one in call.argv), call.words, strict=True))
    for value, word in words:
        name, equals, given = value.partition("=")
        short = _OUTPUT[program].fullmatch(value)
        if name in ("--output", "--output-document") or short:
            bundled = short[1] if short else given
            names.append(Named(bundled if bundled or equals else next(words, ("", word))[0]))
        elif program == "curl" and _REMOTE_NAME.fullmatch(value):
            remote = True
        elif _UNCLEAR[program].fullmatch(value):
            return
        elif program == "wget" and name in ("-P", "--directory-prefix"):
            folder = given if equals else next(words, ("", word))[0]
        elif re.match(r"(?:https?|ftp)://", value):
            addresses.append(value)
    if names:
        yield from (one for one in names if one.path not in ("", "-") and len(names) == 1)
        return
    if not remote:
        return
    for address in addresses:
        base = posixpath.basename(address)
        if base and address.count("/") > 2 and not re.search(r"[?#%&*\[\]{}]", base):
            yield Named(posixpath.join(folder, base))


def unpacks(call: Invocation) -> Iterator[Named]:
    """The archives and package files that a call reads and leaves as they are."""
    action = verb(call) if call.manager is not None else None
    if call.program in ("tar", "bsdtar"):
        if not _extracts(call):
            return
    elif call.program == "unzip":
        if call.has("-l", "-t", "-v", "-Z", "-p"):
            return
    elif call.program == "dpkg":
        if not call.has("-i", "--install"):
            return
    elif call.program == "rpm":
        if not any(re.fullmatch(r"-[ivhU]*[iU][ivhU]*|--install|--upgrade", one or "") for one in call.argv):
            return
    elif (
        action is None
        or action.name not in ("install", "localinstall")
        or call.manager is None
        or call.manager.name not in ("apt", "yum", "dnf", "microdnf")
    ):
        return
    for value, word in zip(call.argv, call.words, strict=True):
        file = value.partition("=")[2] if value is not None and value.startswith("--file=") else value
        if file is not None and ARCHIVE.fullmatch(file) and not word.pattern and "://" not in file:
            if action is not None and "/" not in file:
                continue
            yield Named(file, word if file == value else None)


def _extracts(call: Invocation) -> bool:
    for at, value in enumerate(call.argv):
        if value in ("--extract", "--get"):
            return True
        short = value is not None and re.fullmatch(r"-?[a-zA-Z]+", value) and (at == 0 or value.startswith("-"))
        if short and value is not None and "x" in value and not re.search(r"[ctru]", value.lstrip("-")):
            return True
    return False


def covers(operand: str, path: str) -> bool:
    """Whether what `rm` is told may take a file with it, by name, by a pattern, or with a folder."""
    if operand in (".", "*", "./*", "/"):
        return True
    folder, base = posixpath.split(operand.rstrip("/"))
    relative = not path.startswith("/") or not operand.startswith("/")
    if base == "*":
        return relative or path.startswith(folder.rstrip("/") + "/")
    if fnmatch.fnmatchcase(posixpath.basename(path), base):
        return True
    return path.startswith(operand.rstrip("/") + "/") or (relative and path.startswith("./"))


@functools.lru_cache(maxsize=256)
def _spelled(base: str) -> re.Pattern[str]:
    """A name whose numbers may be written as variables."""
    parts = re.split(r"\d+(?:\.\d+)*", base)
    return re.compile(r"[^\s\"']{1,60}?".join(map(re.escape, parts)))


def names_it(text: str, path: str) -> bool:
    """Whether a text names a file, or has a pattern or variables in it that its name may come of."""
    base = posixpath.basename(path)
    if base in text or _spelled(base).search(text):
        return True
    for word in re.findall(r"[^\s\"'=,;&|()<>]*[*?][^\s\"'=,;&|()<>]*", text):
        folder, pattern = posixpath.split(word)
        if pattern.strip("*?") and fnmatch.fnmatchcase(base, pattern):
            return True
        if fnmatch.fnmatchcase(base, pattern) and folder == posixpath.dirname(path):
            return True
    return False


def named_in_context(context: BuildContext, path: str) -> str:
    """A script or manifest of the context that names a file, or why that is not known; empty if there is none."""
    looked = 0
    for entry in context.entries():
        if entry.kind is not Kind.FILE:
            continue
        if not (entry.mode & 0o111 or _SCRIPTS.fullmatch(posixpath.basename(entry.path))):
            continue
        looked += 1
        if looked > _MOST_SCRIPTS or context.truncated:
            return "there are more scripts in the build context than are looked through"
        if entry.size <= _LARGE and names_it((context.read(entry.path) or b"").decode("latin-1"), path):
            return f"{entry.path} names it"
    return ""


def under(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def stands_before(build: Build, step: Step, folder: str) -> bool:
    """Whether a folder is there when a step runs, whatever the base image: a usual one, or one of WORKDIR."""
    if folder in USUAL_FOLDERS:
        return True
    stage = build.stages[step.stage]
    folders = [one.state.workdir for one in stage.steps[: step.index + 1]]
    return any(one is not None and under(one, folder) for one in folders)


def in_volume(build: Build, step: Step, path: str) -> bool:
    """Whether a VOLUME of this file may hold a path."""
    for one in build.steps():
        if one.keyword != "VOLUME":
            continue
        words = one.instruction.exec_form or tuple(token.text for token in one.instruction.tokens)
        if any("$" in word or under(path, posixpath.normpath(word)) for word in words):
            return True
    return any(mount.target and under(path, mount.target) for mount in step.mounts)
