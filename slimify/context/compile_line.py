"""A command line of a C or C++ compiler.

Sources: POSIX XCU, "c17"; "GCC Command Options"; "Clang command line argument reference".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

COMPILER = re.compile(r"(?:[\w.]+-(?:linux-)?\w+-)?(?:gcc|g\+\+|cc|c\+\+|c89|c99|clang|clang\+\+)(?:-\d+(?:\.\d+)*)?")
# Options with a value in the next argument.
_VALUED = frozenset(
    "-D -I -L -MF -MQ -MT -T -U -Xassembler -Xclang -Xlinker -Xpreprocessor -e -idirafter -imacros -include -iprefix "
    "-iquote -isysroot -isystem -iwithprefix -l -target -u -x -z --param".split()
)
_NO_LINK = frozenset("-c -E -S -M -MM -fsyntax-only".split())
_ASKS = frozenset("--version --help -dumpversion -dumpmachine -dumpfullversion -v".split())


class CompileLine(NamedTuple):
    """What a compiler is told. `output` is the file it writes, empty for none and None where that is not known.

    `libraries` are the names behind `-l` and the files of libraries, `options` all that starts with a dash.
    """

    output: str | None
    objects: bool
    shared: bool
    libraries: tuple[str, ...]
    sources: tuple[str, ...]
    options: tuple[str, ...]

    @property
    def static(self) -> bool:
        """Whether the C library is in the program."""
        return "-static" in self.options or "-static-pie" in self.options

    @property
    def sanitized(self) -> bool:
        """Whether it is a build that looks for faults."""
        return any(one.startswith(("-fsanitize", "-fprofile-arcs", "--coverage", "-coverage")) for one in self.options)


def read_compile_line(argv: Iterable[str | None]) -> CompileLine:
    """Read the arguments; None for one that is not known, and may be any number of them but no output."""
    output: str | None = ""
    named = False
    libraries, sources, options = [], [], []
    words = iter(argv)
    for word in words:
        if word is None:
            continue
        if word == "-o":
            output, named = next(words, None), True
        elif word.startswith("-o") and not word.startswith("-openmp"):
            output, named = word[2:], True
        elif word == "-l":
            libraries.append(next(words, None) or "")
        elif word.startswith("-l"):
            libraries.append(word[2:])
        elif word in _VALUED:
            options.append(f"{word}{next(words, None) or ''}")
        elif word.startswith("-"):
            options.append(word)
        elif re.search(r"\.(?:a|so(?:\.\d+)*)$", word):
            libraries.append(word)
        else:
            sources.append(word)
    objects = any(one in _NO_LINK for one in options)
    if not named and not sources and any(one in _ASKS for one in options):
        objects = True
    if not named and not objects:
        output = "a.out"
    elif not named:
        output = ""
    shared = "-shared" in options
    return CompileLine(output, objects, shared, tuple(libraries), tuple(sources), tuple(options))


def is_plus_plus(program: str, sources: Iterable[str]) -> bool:
    """Whether C++ is compiled or linked."""
    return "++" in program or any(
        posixpath.splitext(one)[1] in (".C", ".cc", ".cpp", ".cxx", ".c++") for one in sources
    )
