"""What the sources of a .NET project show that it needs when it runs: programs, and paths that it names.

C#, F# and Visual Basic are looked at as text: comments are left out, calls are told by their names. What a package does
is not seen.

Sources: .NET API (System.Diagnostics.Process, ProcessStartInfo).
"""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import NamedTuple

from slimify.context.found import Place, Program, Unknown, line_of, source, uncommented
from slimify.semantics.build_context import BuildContext, Kind

_LANGUAGES = (".cs", ".fs", ".vb", ".cshtml", ".razor")
_SETTINGS = re.compile(r"(?:.*/)?(?:appsettings|nlog|log4net|serilog)[\w.-]*\.(?:json|config|xml)", re.IGNORECASE)
_LIMIT = 4000
_STARTED = 200
_STRING = r'[$@]*"(?:[^"\\\n]|\\.|"")*"'
# Without its end a string goes to that of the line: nothing is tried twice.
_COMMENT = re.compile(rf"{_STRING}?|'(?:[^'\\\n]|\\.)'|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_STARTS = re.compile(r"\bProcess\s*\.\s*Start\s*\(|\bProcessStartInfo\s*\(|\bCli\s*\.\s*Wrap\s*\(|\bFileName\s*=(?!=)")
_PROCESSES = re.compile(r"\bProcess\s*\.\s*Start\b|\bProcessStartInfo\b|\bnew\s+Process\b|\bCli\s*\.\s*Wrap\b")
_FIRST = re.compile(rf"\s*(?:fileName\s*:\s*)?({_STRING})")
# The call takes a description that was made elsewhere, or that names its program behind.
_DESCRIBED = re.compile(r"\s*(?:\)|new\b|\w+\s*\))")


class DotnetSources(NamedTuple):
    """`texts` is all that was looked at, by path."""

    programs: tuple[Program, ...]
    unknown: tuple[Unknown, ...]
    texts: tuple[tuple[str, str], ...]

    def mentions(self, path: str) -> bool:
        """Whether a path stands somewhere, as text."""
        return any(path in text for _, text in self.texts)


def read_sources(context: BuildContext) -> DotnetSources:
    """Look through the sources and settings of a context."""
    programs: list[Program] = []
    unknown: list[Unknown] = []
    texts: list[tuple[str, str]] = []
    if context.truncated:
        unknown.append(Unknown("not all of the build context is looked at", Place("")))
    for entry in context.entries():
        if entry.kind is not Kind.FILE or {"bin", "obj", "node_modules"} & set(entry.path.split("/")[:-1]):
            continue
        code = entry.path.endswith(_LANGUAGES)
        if not code and not _SETTINGS.fullmatch(entry.path):
            continue
        text = source(context, entry.path)
        if text is None or len(texts) > _LIMIT:
            unknown.append(Unknown("it is too large to be looked at", Place(entry.path)))
            continue
        if code:
            text = uncommented(text, _COMMENT)
            _look(entry.path, text, programs, unknown)
        texts.append((entry.path, text))
    return DotnetSources(tuple(programs), tuple(unknown), tuple(texts))


def _look(path: str, text: str, programs: list[Program], unknown: list[Unknown]) -> None:
    if not _PROCESSES.search(text):
        return
    for number, match in enumerate(_STARTS.finditer(text)):
        if number == _STARTED:
            unknown.append(Unknown("too many programs are started to look at all of them", Place(path)))
            return
        place = Place(path, line_of(text, match.start()))
        first = _FIRST.match(text, match.end())
        if first is None:
            described = _DESCRIBED.match(text, match.end()) and "ProcessStartInfo" in text
            if match[0].startswith("FileName") or not described:
                unknown.append(Unknown("a program is started whose name is not known", place))
                return
            continue
        name = first[1].lstrip("$@")[1:-1]
        words = shlex.split(name) if not re.search(r"['\\{]", name) else []
        program = posixpath.basename(words[0]) if words else ""
        if not program or program in ("sh", "bash", "cmd", "cmd.exe", "env", "sudo"):
            unknown.append(Unknown("a program is started whose name is not known", place))
        else:
            programs.append(Program(program, (), place))
