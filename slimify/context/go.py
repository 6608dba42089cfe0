"""Go modules: what is built, whether it needs C, and what the program needs when it runs.

Sources: "Go Modules Reference" (go.mod, vendoring); cmd/go documentation (build constraints,
`//go:embed` in package embed, cgo); package documentation of net ("Name Resolution"), os/user,
time (LoadLocation), crypto/x509 (SystemCertPool).
What is not seen: what the modules in go.sum do themselves, apart from those known to need C.
"""

from __future__ import annotations

import bisect
import functools
import posixpath
import re
from collections.abc import Callable
from typing import NamedTuple

from slimify.context.found import Place, Program, Unknown, is_file, is_folder, join, source
from slimify.context.shell import calls
from slimify.semantics.build_context import BuildContext, Kind

_FILES = 4000
_CHARACTERS = 20_000_000
_MANY = 2000

# Modules that do not build, or do not work, without cgo (each one's README, "Installation").
CGO_MODULES = frozenset(
    """github.com/mattn/go-sqlite3 github.com/confluentinc/confluent-kafka-go github.com/chai2010/webp
    github.com/kolesa-team/go-webp github.com/h2non/bimg github.com/davidbyttow/govips gocv.io/x/gocv
    github.com/libgit2/git2go github.com/godror/godror github.com/tecbot/gorocksdb github.com/linxGnu/grocksdb
    github.com/marcboeker/go-duckdb github.com/gographics/imagick gopkg.in/gographics/imagick.v2
    gopkg.in/gographics/imagick.v3 github.com/DataDog/zstd github.com/valyala/gozstd github.com/otiai10/gosseract
    github.com/google/gopacket github.com/go-gl/gl github.com/go-gl/glfw github.com/veandco/go-sdl2
    github.com/pebbe/zmq4 github.com/miekg/pkcs11 github.com/mutecomm/go-sqlcipher github.com/wasmerio/wasmer-go
    github.com/bytecodealliance/wasmtime-go github.com/yanyiwu/gojieba github.com/ebitengine/oto
    github.com/hajimehoshi/oto""".split()
)

_TOKEN = re.compile(
    r"""//[^\n]*|/\*(?:.*?\*/|.*\Z)|"(?:[^"\\\n]|\\.)*"|`[^`]*(?:`|\Z)|'(?:[^'\\\n]|\\.)+'|[A-Za-z_]\w*|[^\s\w]""",
    re.DOTALL,
)
_ARCHITECTURES = "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm".split()
_OTHER_SYSTEMS = frozenset(
    "aix android darwin dragonfly freebsd illumos ios js netbsd openbsd plan9 solaris wasip1 windows".split()
)
# Calls that read a file of the running system, with the import path of their package.
_READS = {
    "os": frozenset({"Open", "ReadFile", "OpenFile", "ReadDir", "DirFS", "Stat"}),
    "io/ioutil": frozenset({"ReadFile", "ReadDir"}),
    "html/template": frozenset({"ParseFiles", "ParseGlob"}),
    "text/template": frozenset({"ParseFiles", "ParseGlob"}),
    "net/http": frozenset({"Dir", "ServeFile", "ListenAndServeTLS"}),
}
# Methods of routers and templates that read files, whatever the value is called.
_READING_METHODS = frozenset(
    "ParseFiles ParseGlob LoadHTMLGlob LoadHTMLFiles Static StaticFile StaticFS File SendFile ReadInConfig".split()
)


class Replace(NamedTuple):
    """A `replace` directive; `folder` is a path of the context, None for another module or a path outside."""

    module: str
    target: str
    folder: str | None
    place: Place


class Module(NamedTuple):
    """A go.mod. `requires` are (path, version, line); `go` and `toolchain` are as written."""

    path: str
    folder: str
    name: str
    go: str
    toolchain: str
    requires: tuple[tuple[str, str, Place], ...]
    replaces: tuple[Replace, ...]
    vendored: bool
    unknown: tuple[Unknown, ...]

    @property
    def cgo_modules(self) -> tuple[tuple[str, Place], ...]:
        """Required modules that are known to need cgo."""
        return tuple((name, place) for name, _, place in self.requires if _without_major(name) in CGO_MODULES)


class Read(NamedTuple):
    """A file that the program reads when it runs, as written; relative to the current folder."""

    path: str
    call: str
    place: Place


class Use(NamedTuple):
    """Something of the system that the sources use: `tls`, `timezone`, `user`, `net`, `cgo`, `plugin`."""

    what: str
    place: Place


class GoSources(NamedTuple):
    """What the Go files of a module need. Test files, vendor and testdata are left out.

    `mains` are the folders of programs, but for those that may only be built elsewhere, or with tags; `embeds` are
    (pattern as a path of the context, place).
    """

    mains: tuple[tuple[str, Place], ...]
    uses: tuple[Use, ...]
    embeds: tuple[tuple[str, Place], ...]
    reads: tuple[Read, ...]
    programs: tuple[Program, ...]
    unknown: tuple[Unknown, ...]

    def places(self, what: str) -> tuple[Place, ...]:
        """Where something of the system is used."""
        return tuple(one.place for one in self.uses if one.what == what)


def _without_major(name: str) -> str:
    """A module path without its `/v2`, and as far as its repository."""
    plain = re.sub(r"/v\d+$", "", name)
    parts = plain.split("/")
    return "/".join(parts[:3]) if parts[0] == "github.com" else plain


# Transforms ask again after each change of the Dockerfile; a context never takes back what it has said.
@functools.lru_cache(maxsize=64)
def read_module(context: BuildContext, folder: str = "") -> Module | Unknown | None:
    """The go.mod of a folder: None if there is none, `Unknown` if it cannot be read."""
    path = posixpath.join(folder, "go.mod")
    if not is_file(context, path):
        return None
    text = source(context, path, 500_000)
    if text is None:
        return Unknown("go.mod cannot be read", Place(path))
    single = {"module": "", "go": "", "toolchain": ""}
    requires: list[tuple[str, str, Place]] = []
    replaces: list[Replace] = []
    unknown: list[Unknown] = []
    block = ""
    for number, line in enumerate(text.splitlines(), 1):
        words = [one.strip('"`') for one in line.partition("//")[0].split()]
        place = Place(path, number)
        if not words:
            continue
        if block and words == [")"]:
            block = ""
            continue
        if len(words) == 2 and words[1] == "(":
            block = words[0]
            continue
        verb, rest = (block, words) if block else (words[0], words[1:])
        if verb in single and len(rest) == 1:
            single[verb] = rest[0]
        elif verb == "require" and len(rest) == 2:
            requires.append((rest[0], rest[1], place))
        elif verb == "replace" and "=>" in rest and rest[-1] != "=>":
            at = rest.index("=>")
            target = rest[at + 1]
            local = target.startswith((".", "/"))
            inside = join(folder, target) if local else None
            if local and (inside is None or not is_folder(context, inside)):
                unknown.append(Unknown(f"{target}, which replaces {rest[0]}, is not in the context", place))
            replaces.append(Replace(rest[0], target, inside, place))
    if not single["module"]:
        return Unknown("go.mod names no module", Place(path))
    return Module(
        path,
        folder,
        single["module"],
        single["go"],
        single["toolchain"],
        tuple(requires),
        tuple(replaces),
        is_file(context, posixpath.join(folder, "vendor", "modules.txt")),
        tuple(unknown),
    )


@functools.lru_cache(maxsize=8)
def read_sources(context: BuildContext, folder: str = "") -> GoSources:
    """What the Go files below a folder need on Linux."""
    found = _Sources()
    prefix = folder + "/" if folder else ""
    count = size = 0
    for one in context.entries():
        if one.kind is not Kind.FILE or not one.path.endswith(".go") or not one.path.startswith(prefix):
            continue
        if not _is_built(one.path[len(prefix) :]):
            continue
        count += 1
        size += one.size
        if count > _FILES or size > _CHARACTERS:
            found.unknown.append(Unknown("more sources than are looked through", Place(one.path)))
            break
        text = source(context, one.path)
        if text is None:
            found.unknown.append(Unknown("the source cannot be read", Place(one.path)))
        else:
            found.read(one.path, text)
    if context.truncated:
        found.unknown.append(Unknown("the context was not read to its end", Place(folder)))
    mains = tuple((path, place) for path, place in found.mains.items())
    return GoSources(
        mains, tuple(found.uses), tuple(found.embeds), tuple(found.reads), tuple(found.programs), tuple(found.unknown)
    )


def _is_built(path: str) -> bool:
    """Whether the go command would look at a file, for Linux, by its name alone."""
    parts = path.split("/")
    if any(one in ("vendor", "testdata", "node_modules") or one.startswith(("_", ".")) for one in parts):
        return False
    words = parts[-1].removesuffix(".go").split("_")
    if words[-1] == "test":
        return False
    if len(words) > 1 and words[-1] in _ARCHITECTURES:
        words = words[:-1]
    return len(words) == 1 or words[-1] not in _OTHER_SYSTEMS


def _holds(constraint: str) -> bool:
    """Whether a build constraint without parentheses is known to hold on Linux (cmd/go, "Build constraints")."""
    return any(all(map(_is_set, one.split("&&"))) for one in constraint.partition("//")[0].split("||"))


def _is_set(term: str) -> bool:
    word = term.strip()
    if word.startswith("!"):
        return word[1:] in _OTHER_SYSTEMS or word[1:] == "ignore"
    return word in ("linux", "unix", "gc") or re.fullmatch(r"go1\.\d+", word) is not None


class _Sources:
    def __init__(self) -> None:
        self.mains: dict[str, Place] = {}
        self.uses: list[Use] = []
        self.embeds: list[tuple[str, Place]] = []
        self.reads: list[Read] = []
        self.programs: list[Program] = []
        self.unknown: list[Unknown] = []

    def read(self, path: str, text: str) -> None:
        feeds = [match.start() for match in re.finditer("\n", text)]
        tokens: list[tuple[str, int]] = []
        folder = posixpath.dirname(path)
        conditional = False

        def place(offset: int) -> Place:
            return Place(path, bisect.bisect_left(feeds, offset) + 1)

        for match in _TOKEN.finditer(text):
            token = match[0]
            if token.startswith("//"):
                if token.startswith("//go:embed") and len(self.embeds) < _MANY:
                    self._embed(folder, token, place(match.start()))
                elif not tokens and re.match(r"//\s*\+build\s+ignore\b|//go:build\s+ignore\s*$", token):
                    return
                elif not tokens and token.startswith("//go:build "):
                    conditional = not _holds(token.removeprefix("//go:build "))
                elif not tokens and (older := re.match(r"//\s*\+build\s(.*)", token)):
                    alternatives = older[1].replace(",", "&&").split()
                    conditional = conditional or not _holds("||".join(alternatives))
            elif not token.startswith("/*"):
                tokens.append((token, match.start()))
        words = [word for word, _ in tokens]
        package = words[words.index("package") + 1] if "package" in words[:-1] else ""
        imports = self._imports(tokens, place)
        self._calls(tokens, imports, place)
        if package == "main" and not conditional:
            for at in range(len(words) - 2):
                if words[at : at + 3] == ["func", "main", "("]:
                    self.mains.setdefault(folder, place(tokens[at][1]))

    def _embed(self, folder: str, comment: str, place: Place) -> None:
        for pattern in re.findall(r'"[^"]*"|`[^`]*`|\S+', comment[len("//go:embed") :]):
            joined = join(folder, pattern.strip('"`').removeprefix("all:"))
            if joined is None:
                self.unknown.append(Unknown(f"embeds {pattern}", place))
            else:
                self.embeds.append((joined, place))

    def _imports(self, tokens: list[tuple[str, int]], place: Callable[[int], Place]) -> dict[str, str]:
        """The name that each import has in the file, and its path; `.` and `_` imports have none."""
        found: dict[str, str] = {}
        at = 0
        while at < len(tokens):
            word = tokens[at][0]
            if word in ("func", "type", "var", "const") and found:
                break
            if word != "import":
                at += 1
                continue
            at += 1
            grouped = at < len(tokens) and tokens[at][0] == "("
            alias = ""
            while at < len(tokens):
                word, offset = tokens[at]
                at += 1
                if word == ")":
                    break
                if word[0] in '"`':
                    self._import(word[1:-1], alias, found, place(offset))
                    alias = ""
                    if not grouped:
                        break
                elif word not in ("(", ";"):
                    alias = word
        return found

    def _import(self, path: str, alias: str, found: dict[str, str], place: Place) -> None:
        name = alias or re.sub(r"^v\d+$", "", posixpath.basename(path)) or posixpath.basename(posixpath.dirname(path))
        found[name] = path
        uses = {"C": "cgo", "net/http": "tls", "crypto/tls": "tls", "crypto/x509": "tls", "net/smtp": "tls"}
        uses |= {"os/user": "user", "plugin": "plugin", "net": "net", "time/tzdata": "tzdata"}
        if path in uses:
            self.uses.append(Use(uses[path], place))
        if path in ("net/http", "net/smtp"):
            self.uses.append(Use("net", place))

    def _calls(self, tokens: list[tuple[str, int]], imports: dict[str, str], place: Callable[[int], Place]) -> None:
        for at in range(len(tokens) - 3):
            if tokens[at + 1][0] != "." or tokens[at + 3][0] != "(":
                continue
            owner, method, offset = tokens[at][0], tokens[at + 2][0], tokens[at][1]
            path = imports.get(owner, "") if at == 0 or tokens[at - 1][0] != "." else ""
            arguments = _arguments(tokens, at + 4)
            if path == "time" and method == "LoadLocation":
                if arguments[:1] not in (["UTC"], ["Local"], [""]):
                    self.uses.append(Use("timezone", place(offset)))
            elif path == "os/exec" and method in ("Command", "CommandContext", "LookPath"):
                self._exec(arguments[1:] if method == "CommandContext" else arguments, place(offset))
            elif path == "syscall" and method == "Exec":
                self.unknown.append(Unknown("syscall.Exec", place(offset)))
            elif method in _READS.get(path, ()) or (not path and method in _READING_METHODS):
                literal = [one for one in arguments if one is not None]
                name = f"{owner}.{method}"
                if literal and len(self.reads) < _MANY:
                    wanted = literal if "Parse" in method or "LoadHTML" in method else literal[-1:]
                    wanted = literal[:1] if path == "os" else wanted
                    self.reads += [Read(one, name, place(offset)) for one in wanted]
                elif path and len(self.unknown) < _MANY:
                    self.unknown.append(Unknown(f"{name} of a computed path", place(offset)))

    def _exec(self, arguments: list[str | None], place: Place) -> None:
        if not arguments or arguments[0] is None:
            self.unknown.append(Unknown("a program whose name is computed is started", place))
            return
        self.programs.append(Program(posixpath.basename(arguments[0]), tuple(arguments[1:]), place))
        if posixpath.basename(arguments[0]) in ("sh", "bash") and arguments[1:2] == ["-c"]:
            text = arguments[2] if len(arguments) > 2 else None
            if text is None:
                self.unknown.append(Unknown("a shell command that is computed is started", place))
            else:
                inner = calls(text, place.file, place.line)
                self.programs += inner.programs
                self.unknown += inner.unknown


def _arguments(tokens: list[tuple[str, int]], at: int) -> list[str | None]:
    """The arguments of a call, None for those that are no plain string."""
    found: list[str | None] = []
    depth = 0
    parts: list[str] = []
    for word, _ in tokens[at : at + 400]:
        if word in ("(", "[", "{"):
            depth += 1
        elif word in (")", "]", "}"):
            depth -= 1
        if depth < 0 or (word == "," and depth == 0):
            if parts:
                found.append(_string(parts))
            parts = []
            if depth < 0:
                break
        else:
            parts.append(word)
    return found


def _string(parts: list[str]) -> str | None:
    if len(parts) != 1 or parts[0][0] not in '"`':
        return None
    text = parts[0][1:-1]
    if parts[0][0] == "`" or "\\" not in text:
        return text
    return None if re.search(r"\\[^\\\"nt]", text) else re.sub(r"\\(.)", _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(match[1], match[1])
