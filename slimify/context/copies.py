"""What a COPY or ADD takes from the build context, and where in the image it puts it.

Source: Dockerfile reference, "COPY" and "ADD"; BuildKit `dockerfile2llb` and github.com/tonistiigi/fsutil
`copy`, which say what the reference leaves open.
"""

from __future__ import annotations

import functools
import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from slimify.context.globs import compile_glob, is_glob
from slimify.context.links import follow
from slimify.context.paths import clean
from slimify.context.patterns import Matcher, PatternError
from slimify.semantics.build import State
from slimify.semantics.build_context import BuildContext, Entry, Kind
from slimify.syntax.dockerfile import Instruction
from slimify.syntax.words import WordError, expand, heredoc_marker

_REMOTE = re.compile(r"[a-zA-Z0-9]+://|[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:")
# Filesystem Hierarchy Standard 3.0: folders that every image with a distribution in it has.
USUAL_FOLDERS = frozenset(
    "/bin /boot /dev /etc /home /lib /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /usr/bin /usr/lib "
    "/usr/local /usr/local/bin /usr/local/lib /usr/local/sbin /usr/local/share /usr/sbin /usr/share /var /var/cache "
    "/var/lib /var/log /var/spool /var/tmp".split()
)
_ARCHIVE_NAME = re.compile(r"\.(tar(\.\w+)?|t[bgx]z2?|tzst|gz|bz2|xz|zst|gem|crate|apk)$", re.IGNORECASE)
# gzip, bzip2, xz and Zstandard; a tar file says so at offset 257 (POSIX, `pax`).
_ARCHIVE_STARTS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


class Copied(NamedTuple):
    """What an instruction takes.

    `files` are the paths in the context of everything but folders, each with its path in the image;
    None where that is not known: it depends on the working directory, on what the image holds, or on
    what ADD finds in an archive. `links` are the links that were followed to get to a source, and
    without which the build would fail. Later files replace earlier ones of the same path.
    """

    files: tuple[tuple[str, str | None], ...]
    links: tuple[str, ...] = ()


class _Unknown(Exception):
    """Why it is not known what is taken."""


def copied(instruction: Instruction, state: State, context: BuildContext) -> Copied | str:
    """What a COPY or ADD takes from the context, or, as text, why that is not known.

    `state` is what is in force before the instruction. A `<<EOF` takes nothing from the context.
    """
    try:
        return _remembered(_request(instruction, state), context)
    except _Unknown as reason:
        return str(reason)


def named(instruction: Instruction, state: State) -> tuple[str | None, ...]:
    """The sources in the context that a COPY or ADD names, with variables expanded; None for one that is not known.

    Empty for any other instruction and with `--from`; here-documents and addresses are left out.
    """
    if instruction.keyword not in ("COPY", "ADD") or instruction.flag("from") is not None:
        return ()
    words = instruction.exec_form or tuple(token.text for token in instruction.tokens)
    found = [_expanded(word, state, instruction) for word in words[:-1] if heredoc_marker(word) is None]
    return tuple(source for source in found if source is None or not _REMOTE.match(source))


class _Request(NamedTuple):
    """An instruction with its variables expanded, and with that of its flags which says what is taken.

    `to` is absolute and clean, None if it is not known; `folder` whether it is surely one; `alone` whether
    only one source is named, here-documents among them.
    """

    sources: tuple[str, ...]
    to: str | None
    folder: bool
    alone: bool
    parents: bool
    unpacks: bool
    excludes: tuple[str, ...]


def _request(instruction: Instruction, state: State) -> _Request:
    if instruction.keyword not in ("COPY", "ADD"):
        raise _Unknown(f"{instruction.keyword} copies nothing")
    if origin := instruction.flag("from"):
        raise _Unknown(f"it copies from {origin}, not from the build context")
    words = instruction.exec_form or tuple(token.text for token in instruction.tokens)
    if len(words) < 2:
        raise _Unknown("it names no destination")
    sources = tuple(_source(word, state, instruction) for word in words[:-1] if heredoc_marker(word) is None)
    to = _destination(words[-1], state, instruction)
    return _Request(
        sources=sources,
        to=to.path,
        folder=to.folder,
        alone=len(words) == 2,
        parents=_on(instruction, "parents"),
        unpacks=instruction.keyword == "ADD" and instruction.flag("unpack") != "false",
        excludes=tuple(flag.value or "" for flag in instruction.flags if flag.name == "exclude"),
    )


@functools.lru_cache(maxsize=256)
def _remembered(request: _Request, context: BuildContext) -> Copied | str:
    # Several transforms ask, each about every COPY, and again after each change of the Dockerfile; a context
    # never takes back what it has said.
    try:
        copy = _Copy(request, context)
        for source in request.sources:
            if request.parents:
                copy.with_parents(source)
            else:
                copy.plainly(source)
    except _Unknown as reason:
        return str(reason)
    return Copied(tuple(copy.files), tuple(dict.fromkeys(copy.links)))


def _source(word: str, state: State, instruction: Instruction) -> str:
    source = _expanded(word, state, instruction)
    if source is None:
        raise _Unknown(f"what {word} stands for is not known")
    if _REMOTE.match(source):
        raise _Unknown(f"{source} is not in the build context")
    return source


def _expanded(word: str, state: State, instruction: Instruction) -> str | None:
    try:
        return expand(word, state.variables, instruction.escape).value
    except WordError:
        return None


class _Destination(NamedTuple):
    """`path` is absolute and clean, None if it is not known; `folder` whether it is surely one."""

    path: str | None
    folder: bool


def _destination(word: str, state: State, instruction: Instruction) -> _Destination:
    text = _expanded(word, state, instruction)
    if text is None or state.family.os == "windows":
        return _Destination(None, False)
    folder = text in ("", ".", "..") or text.endswith(("/", "/.", "/.."))
    if not text.startswith("/"):
        if state.workdir is None:
            return _Destination(None, folder)
        text = posixpath.join("/", state.workdir, text)
    path = clean(text)
    # With --link the files are laid out in an empty layer, where these folders are not.
    if not folder and not _on(instruction, "link"):
        workdir = clean(state.workdir or "/")
        usual = path in USUAL_FOLDERS and state.image not in (None, "scratch")
        folder = usual or f"{workdir}/".startswith(f"{path.rstrip('/')}/")
    return _Destination(path, folder)


def _on(instruction: Instruction, flag: str) -> bool:
    return instruction.flag(flag) in ("", "true")


class _Copy:
    """One instruction at work: what it has taken so far, and whether its destination is a folder by now."""

    def __init__(self, request: _Request, context: BuildContext) -> None:
        self.context = context
        self.to = request.to
        self.folder = request.folder
        self.alone = request.alone
        self.unpacks = request.unpacks
        self.exclude = _matcher(list(request.excludes)) if request.excludes else None
        self.files: list[tuple[str, str | None]] = []
        self.links: list[str] = []

    def plainly(self, source: str) -> None:
        """Take a source without `--parents`: a file, the contents of a folder, or what a glob matches."""
        matches = self._matches(source)
        alone = self.alone and len(matches) == 1
        for path in matches:
            entry = self._reached(path)
            if entry.kind is Kind.FOLDER:
                for inner, relative in self._below(entry.path):
                    self._put(inner.path, relative)
                self.folder = True
            else:
                self._file(entry, posixpath.basename(path), alone)

    def with_parents(self, source: str) -> None:
        """Take a source with `--parents`: what its pattern matches, from the `/./` on if there is one."""
        before, pivot, pattern = source.partition("/./")
        if not pivot:
            before, pattern = "", source
        include = _matcher([clean(f"/{pattern}")[1:]])
        found = False
        for base in self._matches(before):
            if self._reached(base).kind is not Kind.FOLDER:
                raise _Unknown(f"{before} is not a folder")
            real = self._reached(base).path
            self._whole()
            found = found or any(include.matches(_below(entry, real)) for entry in self._in(real))
            for entry, relative in self._below(real):
                if include.matches(relative):
                    self._put(entry.path, relative)
        if not found and not is_glob(source):
            raise _Unknown(f"{source} is not in the build context")

    def _file(self, entry: Entry, name: str, alone: bool) -> None:
        if self.exclude is not None and (self.exclude.matches(name) or self.exclude.matches(entry.path)):
            # The reference says it is left out; BuildKit looks only at what is in a folder.
            raise _Unknown(f"whether --exclude applies to {entry.path} depends on the builder")
        if self.unpacks and self._may_be_archive(entry):
            self.files.append((entry.path, None))
            self.folder = True
        elif self.folder:
            self._put(entry.path, name)
        else:
            known = alone and self.to is not None and _names_a_file(self.to, name)
            self.files.append((entry.path, self.to if known else None))

    def _put(self, path: str, relative: str) -> None:
        self.files.append((path, None if self.to is None else f"{self.to.rstrip('/')}/{relative}"))

    def _matches(self, source: str) -> list[str]:
        """The paths that a source names: itself, or if it is a glob, what it matches."""
        parts = clean(f"/{source}")[1:].split("/")
        first = next((at for at, part in enumerate(parts) if is_glob(part)), len(parts))
        base = "/".join(parts[:first])
        if first == len(parts):
            return [base]
        try:
            matches = compile_glob("/".join(parts[first:]))
        except PatternError as error:
            raise _Unknown(f"{source} {error}") from None
        folder = self._reached(base)
        self._whole()
        found: list[str] = []
        taken = ""
        for entry in self._in(folder.path):
            if taken and entry.path.startswith(taken):
                continue
            if matches(_below(entry, folder.path)):
                found.append(entry.path)
                if entry.kind is Kind.FOLDER:
                    taken = f"{entry.path}/"
        return found

    def _reached(self, path: str) -> Entry:
        """What a path leads to, links followed. Raises `_Unknown` if it is not in the context."""
        way = follow(self.context, path)
        self.links += way.links
        entry = None if way.path is None else self.context.entry(way.path)
        if entry is None:
            self._whole()
            raise _Unknown(
                f"{path} leads out of the build context" if way.links else f"{path} is not in the build context"
            )
        return entry

    def _below(self, folder: str) -> Iterator[tuple[Entry, str]]:
        """Everything but folders in a folder, however deep, and its path from there, without what is excluded."""
        self._whole()
        for entry in self._in(folder):
            relative = _below(entry, folder)
            if entry.kind is not Kind.FOLDER and not (self.exclude is not None and self.exclude.matches(relative)):
                yield entry, relative

    def _in(self, folder: str) -> Iterator[Entry]:
        entries = self.context.entries()
        if not folder:
            return iter(entries)
        # They are sorted, and so all that is in a folder stands together: "0" is what comes behind "/".
        start, end = (bisect_left(entries, f"{folder}{mark}", key=_path) for mark in "/0")
        return iter(entries[start:end])

    def _whole(self) -> None:
        # Asked only where something absent would count: what was found is there in any case.
        if self.context.truncated:
            raise _Unknown("the build context was not looked at as a whole")

    def _may_be_archive(self, entry: Entry) -> bool:
        if _ARCHIVE_NAME.search(entry.path):
            return True
        data = self.context.read(entry.path) if entry.kind is Kind.FILE else b""
        return data is None or data.startswith(_ARCHIVE_STARTS) or data[257:262] == b"ustar"


def _path(entry: Entry) -> str:
    return entry.path


def _below(entry: Entry, folder: str) -> str:
    return entry.path[len(folder) + 1 :] if folder else entry.path


def _matcher(patterns: list[str]) -> Matcher:
    try:
        return Matcher(patterns)
    except PatternError as error:
        raise _Unknown(str(error)) from None


def _names_a_file(destination: str, name: str) -> bool:
    """Whether a destination without a slash is surely no folder of the image.

    If it were, the file would end up in it. `conf.d` is one, `main.py` for an `app.py` is none.
    """
    base = posixpath.basename(destination)
    ending = posixpath.splitext(base)[1]
    return base == name or (ending != "" and ending == posixpath.splitext(name)[1])
