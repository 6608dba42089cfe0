"""C and C++ sources: what a program asks of its system when it runs, as far as its text tells.

Sources: POSIX XSH (`system`, `popen`, `exec`, `posix_spawn`, `dlopen`); C++ standard, "[cstdlib.syn]" and
"[time.zone]". What libraries do themselves is not seen, nor is what a name means that a macro gives to a function.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from slimify.context.found import Place, Program, Unknown, line_of, source
from slimify.context.shell import calls
from slimify.semantics.build_context import BuildContext

ENDINGS = frozenset(".c .cc .cpp .cxx .c++ .cp .h .hh .hpp .hxx .h++ .ipp .inl .tpp .tcc .s .asm".split())
PLUS_PLUS = frozenset(".cc .cpp .cxx .c++ .cp .hh .hpp .hxx .h++ .ipp .tpp .tcc".split())

_PARALLEL = re.compile(r"^[ \t]*#[ \t]*(?:pragma[ \t]+omp\b|include[ \t]*<omp\.h>)", re.MULTILINE)
_LIMIT = 10_000_000
_TOKEN = re.compile(
    r"""//(?:\\\n|[^\n])*|/\*(?:.*?\*/|.*\Z)|(?:u8|[uUL])?R"(?P<mark>[^()\\\s]{0,16})\((?:.*?\)(?P=mark)"|.*\Z)
    |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|^[ \t]*\#[ \t]*include[ \t]*(?P<include>[<"][^>"\n]*)
    |(?:->|\.)\s*[A-Za-z_]\w*|[A-Za-z_]\w*|[^\s\w]""",
    re.DOTALL | re.VERBOSE | re.MULTILINE,
)
# They run what a shell makes of their first argument.
_SHELL = frozenset("system popen _popen wordexp".split())
# They run the file that an argument names: which one it is.
_RUN = {
    **dict.fromkeys("execl execle execlp execv execve execveat execvp execvpe".split(), 0),
    **dict.fromkeys(["posix_spawn", "posix_spawnp"], 1),
}
# Headers whose only use is to start programs.
_STARTS = re.compile(
    r"boost/process(?:/.*|\.hpp)?|(?:QtCore/)?QProcess|subprocess\.hp*|reproc.*|Poco/Process\.h|.*[Tt]iny-?process.*"
)
_FOLDERS = frozenset(
    "opendir fdopendir scandir nftw ftw glob fts_open directory_iterator recursive_directory_iterator QDir".split()
)
# They open a file for reading, or look for it; which of their arguments says which.
_OPENS = {**dict.fromkeys("fopen fopen64 freopen open open64 stat lstat access".split(), 0), "openat": 1}
_STREAMS = frozenset(["ifstream", "fstream", "wifstream", "basic_ifstream"])
_ZONES = frozenset(
    "tzset locate_zone current_zone zoned_time get_tzdb localtime localtime_r localtime_s mktime".split()
)
_TLS = re.compile(
    r"openssl/ssl|gnutls|curl/|curlpp/|cpr/|boost/(?:asio/ssl|beast/ssl)|mbedtls|httplib|cpprest/|Poco/Net/"
)


class Sources(NamedTuple):
    """What the files of a program need.

    `programs` are named as they are typed, `libraries` are loaded by name, `strings` are all texts in the sources.
    `lists` is where the files of a folder are listed, `opens` where a file is opened whose name is not a text, `zones`
    where times are local, `tls` where a library that checks certificates is used, and `parallel` where OpenMP is.
    """

    programs: tuple[Program, ...]
    libraries: tuple[tuple[str, Place], ...]
    strings: frozenset[str]
    lists: tuple[Place, ...]
    opens: tuple[Place, ...]
    zones: tuple[Place, ...]
    tls: tuple[Place, ...]
    parallel: tuple[Place, ...]
    unknown: tuple[Unknown, ...]


def read_sources(context: BuildContext, paths: Iterable[str]) -> Sources:
    """Read files of C and C++. One that cannot be read is unknown."""
    reader = _Reader()
    left = _LIMIT
    for path in paths:
        text = source(context, path, 5_000_000)
        left -= len(text or "")
        if text is None or left < 0:
            reader.unknown.append(Unknown("it cannot be read", Place(path)))
            continue
        reader.read(path, text)
    return Sources(
        tuple(reader.programs),
        tuple(reader.libraries),
        frozenset(reader.strings),
        tuple(reader.lists),
        tuple(reader.opens),
        tuple(reader.zones),
        tuple(reader.tls),
        tuple(reader.parallel),
        tuple(reader.unknown),
    )


class _Token(NamedTuple):
    text: str
    line: int


class _Reader:
    def __init__(self) -> None:
        self.programs: list[Program] = []
        self.libraries: list[tuple[str, Place]] = []
        self.strings: set[str] = set()
        self.lists: list[Place] = []
        self.opens: list[Place] = []
        self.zones: list[Place] = []
        self.tls: list[Place] = []
        self.parallel: list[Place] = []
        self.unknown: list[Unknown] = []

    def read(self, path: str, text: str) -> None:
        tokens = []
        if parallel := _PARALLEL.search(text):
            self.parallel.append(Place(path, line_of(text, parallel.start())))
        line, at = 1, 0
        for match in _TOKEN.finditer(text):
            line += text.count("\n", at, match.start())
            at = match.start()
            if match["include"]:
                self.included(match["include"][1:], Place(path, line))
            elif not match[0].startswith(("//", "/*")):
                tokens.append(_Token(match[0], line))
        for index, token in enumerate(tokens):
            if token.text.endswith('"') and len(token.text) > 1:
                self.strings.add(_string(token.text))
            elif token.text[0].isalpha() or token.text[0] == "_":
                self.name(tokens, index, Place(path, token.line))
            elif token.text.endswith("open") and token.text[0] in "-.":
                self.opened(tokens, index + 1, 0, Place(path, token.line))

    def included(self, header: str, place: Place) -> None:
        if _STARTS.fullmatch(header):
            self.unknown.append(Unknown(f"{header} starts programs", place))
        if _TLS.match(header):
            self.tls.append(place)

    def name(self, tokens: list[_Token], index: int, place: Place) -> None:
        """A name that stands alone: a method of something, such as `db.exec`, is another token."""
        name = tokens[index].text
        if name in _FOLDERS:
            self.lists.append(place)
        elif name in _ZONES:
            self.zones.append(place)
        elif name in _STREAMS:
            self.opened(tokens, index + 2, 0, place)
        elif name in _OPENS and _calls(tokens, index):
            self.opened(tokens, index + 1, _OPENS[name], place)
        if index + 1 == len(tokens) or tokens[index + 1].text != "(" or not _calls(tokens, index):
            return
        if name == "fexecve":
            self.unknown.append(Unknown("a program is started", place))
        elif name in _SHELL or name in _RUN or name in ("dlopen", "dlmopen"):
            arguments = _arguments(tokens, index + 2)
            which = _RUN.get(name, 1 if name == "dlmopen" else 0)
            self.called(name, arguments[which] if which < len(arguments) else None, place)

    def opened(self, tokens: list[_Token], at: int, which: int, place: Place) -> None:
        if at < len(tokens) and tokens[at].text in "({":
            arguments = _arguments(tokens, at + 1)
            if arguments[which : which + 1] == [None]:
                self.opens.append(place)

    def called(self, name: str, argument: str | None, place: Place) -> None:
        if argument is None:
            what = "a library is loaded" if name in ("dlopen", "dlmopen") else "a program is started"
            self.unknown.append(Unknown(f"{what} whose name is not known", place))
        elif name in ("dlopen", "dlmopen"):
            self.libraries += [(argument, place)] if argument else []
        elif name in _SHELL:
            found = calls(argument, place.file, place.line)
            for path, one in zip(found.paths, found.programs, strict=True):
                self.programs.append(Program(path, one.argv, one.place))
            self.unknown += found.unknown
        else:
            self.programs.append(Program(argument, (), place))


def _calls(tokens: list[_Token], index: int) -> bool:
    """Whether a name and a `(` are a call of the C library, and no declaration or member of another class."""
    before = [one.text for one in tokens[max(0, index - 3) : index]]
    if before[-2:] == [":", ":"]:
        return len(before) < 3 or before[0] in ("std", "return", "else") or not re.match(r"[A-Za-z_]", before[0])
    last = before[-1] if before else ""
    return not re.match(r"[A-Za-z_]", last) or last in ("return", "else", "do", "co_return")


def _arguments(tokens: list[_Token], at: int) -> list[str | None]:
    """The arguments of a call: a text in quotes, empty for a null pointer, None for anything else."""
    found: list[str | None] = []
    words: list[str] = []
    depth = 0
    for token in tokens[at : at + 400]:
        if token.text in "([{":
            depth += 1
        elif token.text in ")]}":
            depth -= 1
        if depth < 0 or (depth == 0 and token.text == ","):
            found.append(_value(words))
            words = []
            if depth < 0:
                break
        else:
            words.append(token.text)
    return found


def _value(words: list[str]) -> str | None:
    if words and all(len(one) > 1 and one.endswith('"') for one in words):
        return "".join(map(_string, words))
    return "" if words in (["NULL"], ["nullptr"], ["0"]) else None


def _string(text: str) -> str:
    """What a text in quotes says, its simple escapes resolved."""
    raw = re.fullmatch(r'(?:u8|[uUL])?R"([^(]*)\((.*)\)\1"', text, re.DOTALL)
    if raw:
        return raw[2]
    inner = text[text.index('"') + 1 : -1]
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t", "\n": ""}.get(match[1], match[1]), inner)
