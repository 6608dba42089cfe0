"""Requirements files with all they include (pip documentation, "Requirements File Format")."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from slimify.context.python.paths import is_file, is_folder, join
from slimify.context.python.problems import Problem
from slimify.context.python.requirement import VCS, Origin, Requirement, normalise, origin_of, parse_requirement
from slimify.context.python.requirements_lines import Line, decode, logical_lines
from slimify.semantics.build_context import BuildContext

_MOST_FILES = 200
_MOST_LINES = 50_000
_LONGEST = 4096

# Whether an option takes a value. pip accepts every unambiguous beginning of a long name.
_OPTIONS = {
    "--index-url": True, "--pypi-url": True, "-i": True, "--extra-index-url": True, "--no-index": False,
    "--find-links": True, "-f": True, "--constraint": True, "-c": True, "--requirement": True, "-r": True,
    "--editable": True, "-e": True, "--no-binary": True, "--only-binary": True, "--prefer-binary": False,
    "--require-hashes": False, "--pre": False, "--trusted-host": True, "--use-feature": True,
    "--all-releases": True, "--only-final": True, "--always-unzip": False, "-Z": False,
    "--global-option": True, "--hash": True, "--config-settings": True, "--config-setting": True, "-C": True,
}  # fmt: skip
_SHORT = {
    "-i": "--index-url", "-f": "--find-links", "-c": "--constraint", "-r": "--requirement", "-e": "--editable",
    "-C": "--config-settings", "--pypi-url": "--index-url", "--config-setting": "--config-settings",
}  # fmt: skip
_PER_REQUIREMENT = frozenset({"--global-option", "--hash", "--config-settings"})
_ARCHIVES = (".zip", ".whl", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tlz", ".tar.lz")
_URL = re.compile(r"(?:https?|file|ftp|(?:git|hg|svn|bzr)\+[a-z+]+|git)://|(?:git|hg|svn|bzr)\+|file:", re.IGNORECASE)
_EXTRAS = re.compile(r"(.+?)\s*\[([^\[\]]*)\]\s*")


class Option(NamedTuple):
    """An option of pip that stands in the file; `value` is empty for a switch."""

    name: str
    value: str
    file: str
    line: int


class Requirements(NamedTuple):
    """What `pip install -r` finds.

    `files` are all the files of the context that pip reads as requirements or constraints, in the
    order in which it meets them; `missing` those it asks for that the context does not have, or that lie
    outside of it. `paths` are the local packages: folders, archives, and the folders of `--find-links`.
    """

    requirements: tuple[Requirement, ...]
    constraints: tuple[Requirement, ...]
    options: tuple[Option, ...]
    files: tuple[str, ...]
    missing: tuple[str, ...]
    paths: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def hashed(self) -> bool:
        """Whether pip checks hashes, which one hash or `--require-hashes` is enough for."""
        return any(one.name == "--require-hashes" for one in self.options) or any(
            one.hashes for one in self.requirements
        )

    @property
    def needs_git(self) -> bool:
        """Whether something is fetched from a git repository when it is installed."""
        return any(one.vcs.lower() == "git" for one in self.requirements)


def read_requirements(
    context: BuildContext, path: str, folder: str | None = None, environ: Mapping[str, str] | None = None
) -> Requirements:
    """Read a requirements file and what it includes.

    `folder` is where pip runs, which is what the paths of local packages are relative to; where it
    is None, the folder of the file. `environ` are the variables known to be set when pip runs.
    """
    reader = _Reader(context, posixpath.dirname(path) if folder is None else folder, environ or {})
    reader.read(path)
    return reader.result()


class _Reader:
    def __init__(self, context: BuildContext, folder: str, environ: Mapping[str, str]) -> None:
        self.context = context
        self.folder = folder
        self.environ = environ
        self.lines = 0
        self.found: dict[bool, list[Requirement]] = {False: [], True: []}
        self.options: list[Option] = []
        self.files: dict[str, None] = {}
        self.missing: dict[str, None] = {}
        self.paths: dict[str, None] = {}
        self.problems: list[Problem] = []
        self.waiting: list[tuple[str, bool]] = []
        self.seen: set[tuple[str, bool]] = set()

    def result(self) -> Requirements:
        return Requirements(
            tuple(self.found[False]),
            tuple(self.found[True]),
            tuple(self.options),
            tuple(self.files),
            tuple(self.missing),
            tuple(self.paths),
            tuple(self.problems),
        )

    def read(self, path: str) -> None:
        """Read one file after the other; a file that includes itself is read once."""
        self.waiting.append((path, False))
        while self.waiting:
            path, constraint = self.waiting.pop()
            if (path, constraint) in self.seen:
                continue
            if len(self.seen) >= _MOST_FILES:
                self._problem(path, 0, f"more than {_MOST_FILES} files of requirements")
                return
            self.seen.add((path, constraint))
            data = self.context.read(path)
            if data is None:
                self.missing[path] = None
                self._problem(path, 0, "is not in the build context, or too large")
                continue
            self.files[path] = None
            inner: list[tuple[str, bool]] = []
            for line in logical_lines(decode(data), self.environ):
                self.lines += 1
                if self.lines > _MOST_LINES:
                    self._problem(path, line.number, f"more than {_MOST_LINES} lines of requirements")
                    return
                inner += self._line(line, path, constraint)
            self.waiting += reversed(inner)

    def _line(self, line: Line, file: str, constraint: bool) -> Iterator[tuple[str, bool]]:
        if line.unknown:
            self._problem(file, line.number, f"depends on the variable {line.unknown[0]}")
        text, options = _split(line.text)
        given = self._options(options, file, line.number)
        if text:
            hashes = tuple(one.value for one in given if one.name == "--hash")
            self._requirement(text, file, line.number, constraint, False, hashes)
            given = [one for one in given if one.name not in _PER_REQUIREMENT]
        for one in given:
            if one.name in ("--requirement", "--constraint"):
                included = self._include(one, file)
                if included is not None:
                    yield included, constraint or one.name == "--constraint"
            elif one.name == "--editable":
                self._requirement(one.value, file, line.number, constraint, True, ())
            else:
                self.options.append(one)
                if one.name == "--find-links":
                    self._links(one, file)

    def _include(self, option: Option, file: str) -> str | None:
        if _URL.match(option.value):
            self._problem(file, option.line, f"includes {option.value}, which is not in the build context")
            return None
        path = join(posixpath.dirname(file), option.value)
        if path is None:
            self.missing[option.value] = None
            self._problem(file, option.line, f"includes {option.value}, which is outside of the build context")
        return path

    def _links(self, option: Option, file: str) -> None:
        for base in (posixpath.dirname(file), self.folder):
            path = None if _URL.match(option.value) else join(base, option.value)
            if path is not None and self.context.entry(path) is not None:
                self.paths[path] = None
                return

    def _options(self, text: str, file: str, line: int) -> list[Option]:
        try:
            words = shlex.split(text) if any(char in text for char in "'\"\\") else text.split()
        except ValueError:
            self._problem(file, line, "has a quotation mark that is not closed")
            return []
        found = []
        at = 0
        while at < len(words):
            word = words[at]
            at += 1
            name, equals, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
            known = _known(name)
            if known is None:
                self._problem(file, line, f"has an option that is not known: {word[:80]}")
                continue
            if _OPTIONS[known] and not equals:
                if at == len(words):
                    self._problem(file, line, f"has no value for {name}")
                    continue
                value = words[at]
                at += 1
            found.append(Option(_SHORT.get(known, known), value if _OPTIONS[known] else "", file, line))
        return found

    def _requirement(
        self, text: str, file: str, line: int, constraint: bool, editable: bool, hashes: tuple[str, ...]
    ) -> None:
        one: Requirement | None
        if len(text) > _LONGEST:
            one = None
        elif _URL.match(text):
            one = self._address(text, editable)
        elif editable or self._is_path(text):
            one = self._local(text, file, line, editable)
        else:
            one = parse_requirement(text, file, line)
            if one is not None and one.origin is Origin.PATH:
                self._found_path(one.place, file, line)
        if one is None:
            self._problem(file, line, f"is not a requirement: {text[:80]}")
        else:
            self.found[constraint].append(one._replace(file=file, line=line, hashes=hashes, editable=editable))

    def _is_path(self, text: str) -> bool:
        """What pip takes for a path rather than a name (`_get_url_from_path`)."""
        name = _EXTRAS.sub(r"\1", text.partition(";")[0]).strip()
        if " @ " in text or re.match(r"[\w.-]+(\[[^\]]*\])?\s*@", text):
            return False
        return "/" in name or "\\" in name or name.startswith(".") or name.lower().endswith(_ARCHIVES)

    def _address(self, text: str, editable: bool) -> Requirement:
        # Only a blank before the semicolon makes it a marker: an address may have one of its own.
        place, _, marker = text.partition("; ")
        place = place.strip()
        fragment = place.partition("#")[2]
        eggs = [part[4:] for part in fragment.split("&") if part.startswith("egg=")]
        named = re.match(r"([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?", eggs[0]) if eggs else None
        return Requirement(
            name=normalise(named[1]) if named else _named_by_file(place.partition("#")[0]),
            extras=_extras(named[2] or "") if named else (),
            marker=marker.strip(),
            origin=origin_of(place) if VCS.match(place) or not editable else Origin.EDITABLE,
            place=place,
        )

    def _local(self, text: str, file: str, line: int, editable: bool) -> Requirement:
        place, _, marker = text.partition(";")
        place = place.strip()
        match = _EXTRAS.fullmatch(place)
        place, extras = (match[1].strip(), _extras(match[2])) if match else (place, ())
        self._found_path(place, file, line)
        return Requirement(
            name=_named_by_file(place),
            extras=extras,
            marker=marker.strip(),
            origin=Origin.EDITABLE if editable else Origin.PATH,
            place=place,
        )

    def _found_path(self, place: str, file: str, line: int) -> None:
        written = re.sub(r"^file:(?://)?", "", place.partition("#")[0], flags=re.IGNORECASE)
        path = join(self.folder, written)
        if path is None or not (is_folder(self.context, path) or is_file(self.context, path)):
            self.missing[path if path is not None else written] = None
            self._problem(file, line, f"{written[:200]} is not in the build context")
        else:
            self.paths[path] = None

    def _problem(self, file: str, line: int, message: str) -> None:
        self.problems.append(Problem(file, line, message))


def _split(line: str) -> tuple[str, str]:
    """The requirement, and the options behind it (`break_args_options`): words from the first with a dash."""
    words = line.split(" ")
    for at, word in enumerate(words):
        if word.startswith("-"):
            return " ".join(words[:at]).strip(), " ".join(words[at:])
    return line.strip(), ""


def _known(name: str) -> str | None:
    if name in _OPTIONS:
        return name
    matches = [option for option in _OPTIONS if name.startswith("--") and option.startswith(name)]
    return matches[0] if len({_SHORT.get(one, one) for one in matches}) == 1 else None


def _extras(text: str) -> tuple[str, ...]:
    return tuple(sorted(normalise(part.strip()) for part in text.split(",") if part.strip()))


def _named_by_file(place: str) -> str:
    """The name in the name of a wheel (PEP 427); an archive of sources does not say where its name ends."""
    file = posixpath.basename(place.rstrip("/"))
    return normalise(file.partition("-")[0]) if file.lower().endswith(".whl") else ""
