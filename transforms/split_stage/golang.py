"""The pack for Go: the program is built on the image with the compiler and ships on the bare distribution."""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator

from slimify.transforms.split_stage.compiled import Compiled, Needs
from slimify.transforms.split_stage.core import Result
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run
from slimify.transforms.split_stage.system import Distribution

from slimify.context.found import Unknown
from slimify.context.go import GoSources, Module, read_module, read_sources
from slimify.knowledge.images import Image
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build
from slimify.semantics.commands import Invocation

_BUILDS = re.compile(r"\bgo\s+(?:build|install|mod|run)\b|\bmake\b")
_MANIFESTS = frozenset(["go.mod", "go.sum", "go.work", "go.work.sum"])
# They fetch modules, and check or look at the sources: nothing of it is in the program's image.
_FETCHES = frozenset(["download", "tidy", "verify", "vendor"])
_LOOKS = frozenset(["clean", "env", "fmt", "get", "list", "test", "version", "vet"])
# Options of `go build` with a value in the next argument (cmd/go, "Compile packages and dependencies").
_VALUED = frozenset(
    "-o -p -asmflags -buildvcs -compiler -gccgoflags -gcflags -installsuffix -ldflags -mod -modfile -overlay -pgo "
    "-pkgdir -tags -toolexec -covermode -coverpkg -C".split()
)
# What a module proxy or a version control system is asked with, and how programs are made smaller.
_BUILD_TOOLS = frozenset("bzr git git-lfs mercurial openssh-client subversion upx upx-ucl".split())
# The value of a variable that is not known.
_UNKNOWN = "?"
# They call git, or other version control systems, themselves.
_CALL_GIT = frozenset(
    "github.com/hashicorp/go-getter github.com/Masterminds/vcs github.com/gogs/git-module code.gitea.io/gitea".split()
)


def concerns(build: Build, image: Image) -> bool:
    """Whether a program is built, on Debian or Alpine."""
    runs = (step.instruction.logical.text for step in build.stages[0].steps if step.keyword == "RUN")
    return image.distribution in ("debian", "alpine") and any(map(_BUILDS.search, runs))


def plan(build: Build, image: Image) -> Result | None:
    """How the stage is split. Raises `Refused`."""
    return _Go(build, image).plan()


class _Go(Compiled):
    tools = re.compile(r"go")
    variables = re.compile(
        r"CGO_ENABLED|GO(?:OS|ARCH|ARM|AMD64|PROXY|SUMDB|NOSUMDB|NOPROXY|PRIVATE|111MODULE|INSECURE)"
    )

    def __init__(self, build: Build, image: Image) -> None:
        super().__init__(build, image)
        self.folder = ""
        # Whether any of the builds may use it.
        self.cgo = False
        #: Whether a tool is run that is not built from the sources here.
        self.foreign = False

    def sort(self, run: Run, call: Invocation) -> Run | None:
        span = run.step.instruction.span
        if call.program != "go":
            return None
        if None in call.argv or not call.argv:
            raise Refused("what go is told depends on a variable", span)
        verb, *rest = (one for one in call.argv if one is not None)
        if verb == "env" and "-w" in rest:
            raise Refused("go is set up for all that follows", span)
        if verb in ("build", "install"):
            self._build(run, call, verb, rest)
        elif verb not in _LOOKS and not (verb == "mod" and rest[:1] and rest[0] in _FETCHES):
            raise Refused(f"what `go {verb}` leaves is not known", span)
        return run._replace(builds=(*run.builds, call))

    def _build(self, run: Run, call: Invocation, verb: str, words: list[str]) -> None:
        span = run.step.instruction.span
        output, operands, folder = "", [], run.folder or run.step.state.workdir or "/"
        rest = iter(words)
        for word in rest:
            name, equals, value = word.partition("=")
            name = "-" + name.lstrip("-") if word.startswith("-") else ""
            if not name:
                operands.append(word)
                continue
            if name in _VALUED and not equals:
                value = next(rest, "")
            if name == "-o":
                output = value
            elif name == "-C":
                folder = posixpath.join(folder, value)
            elif name == "-buildmode" and value not in ("exe", "pie", "default"):
                raise Refused(f"what `go build {word}` leaves is not known", span)
        assigned = dict(self._assigned(run, call))
        if assigned.get("GOOS", "linux") not in ("linux", ""):
            raise Refused("the program is for another system", span)
        flags = run.step.state.variable("GOFLAGS") if run.step.state.sets("GOFLAGS") else ""
        if flags is None or re.search(r"(?:^|\s)--?(?:o|C|buildmode)\b", flags):
            raise Refused("GOFLAGS says what go builds, and where", span)
        self.cgo = self.cgo or assigned.get("CGO_ENABLED") != "0"
        programs = self._programs(run, folder, operands)
        if verb == "install":
            if assigned.get("GOARCH"):
                raise Refused("where go installs what is for another machine is not known", span)
            target = assigned.get("GOBIN") or f"{assigned.get('GOPATH') or '/go'}/bin"
            if ":" in target or not target.startswith("/"):
                raise Refused("where go installs to is not known", span)
            for one in programs:
                self.outputs.add(posixpath.join(target, one))
        elif output and (output.endswith("/") or posixpath.join(folder, output) in self.outputs.folders):
            for one in programs:
                self.outputs.add(posixpath.normpath(posixpath.join(folder, output, one)))
        elif len(programs) == 1:
            # Several at once are only checked (cmd/go, "Compile packages and dependencies").
            self.outputs.add(posixpath.normpath(posixpath.join(folder, output or programs[0])))

    def _assigned(self, run: Run, call: Invocation) -> Iterator[tuple[str, str | None]]:
        """The variables that go reads: those of the stage, and those in front of the command."""
        for name in ("CGO_ENABLED", "GOOS", "GOARCH", "GOBIN", "GOPATH"):
            if run.step.state.sets(name):
                yield name, run.step.state.variable(name) or _UNKNOWN
        for one in call.command.assignments:
            yield one.name, _UNKNOWN if one.value.value is None else one.value.value

    def _programs(self, run: Run, folder: str, operands: list[str]) -> list[str]:
        """The names of the programs that are built."""
        span = run.step.instruction.span
        files = [one for one in operands if one.endswith(".go")]
        if files:
            self._enter(run, folder, needed=False)
            return [posixpath.basename(files[0]).removesuffix(".go")]
        names: dict[str, None] = {}
        for one in operands or ["."]:
            if "@" in one:
                # A tool: it goes along if the image calls it.
                name = re.sub(r"/v\d+$", "", one.partition("@")[0]).rpartition("/")[2]
                if any(re.search(rf"\b{re.escape(name)}\b", text) for text in self._command_lines()):
                    names[name] = None
                    self.foreign = True
                continue
            if not one.startswith("."):
                raise Refused(f"go builds {one}, which is not known to be in the build context", span)
            place = posixpath.normpath(posixpath.join(folder, one.removesuffix("...")))
            module, where = self._enter(run, place if not one.endswith("...") else folder, needed=True)
            assert module is not None
            inside = posixpath.normpath(posixpath.join(module.folder, posixpath.relpath(place, where)))
            inside = "" if inside == "." else inside
            if one.endswith("..."):
                mains = [path for path, _ in self._sources().mains]
                found = [
                    path
                    for path in mains
                    if (not inside or f"{path}/".startswith(f"{inside}/")) and not self._nested(path, module.folder)
                ]
            else:
                found = [inside]
            for path in found:
                root = path == module.folder
                name = re.sub(r"/v\d+$", "", module.name) if root else path
                names[posixpath.basename(name)] = None
        return list(names)

    def _nested(self, path: str, module: str) -> bool:
        """Whether a folder belongs to a module within the module, which a pattern does not reach."""
        while path != module and path:
            if self.context.entry(posixpath.join(path, "go.mod")) is not None:
                return True
            path = posixpath.dirname(path)
        return False

    def _enter(self, run: Run, folder: str, needed: bool) -> tuple[Module | None, str]:
        """The module that a folder of the image belongs to, and the folder that its go.mod is in."""
        span, place = run.step.instruction.span, folder
        while True:
            found = self.files.source(run.step, posixpath.join(place, "go.mod"))
            if found is not None:
                module = read_module(self.context, posixpath.dirname(found[0]))
                if module is None or isinstance(module, Unknown):
                    raise Refused("go.mod cannot be read", span)
                self.folder = module.folder
                return module, place
            if place == "/":
                break
            place = posixpath.dirname(place)
        if needed:
            raise Refused("no go.mod is known to be there", span)
        return None, folder

    def _command_lines(self) -> list[str]:
        return [step.instruction.logical.text for step in self.stage.steps if step.keyword in ("CMD", "ENTRYPOINT")]

    def _sources(self) -> GoSources:
        return read_sources(self.context, self.folder)

    def asks(self, system: Distribution, dropped: frozenset[str]) -> None:
        del system, dropped
        self.no_libraries_copied()

    def base(self) -> str:
        return self.bare(fixed=self.links)

    def needs(self) -> Needs:
        sources = self._sources()
        module = read_module(self.context, self.folder)
        others = self.foreign or (isinstance(module, Module) and module.requires)
        for one in sources.unknown:
            if "started" in one.reason or "Exec" in one.reason:
                raise Refused(f"{one.place.file}:{one.place.line}: {one.reason}")
        packages = []
        if sources.places("tls") or others:
            packages.append((("ca-certificates",), "the certificates that TLS is checked with"))
        zoned = self.stage.final_state.sets("TZ") or sources.places("timezone") or others
        if not sources.places("tzdata") and zoned:
            packages.append((("tzdata",), "Go reads time zones from the system where it has no compiler"))
        return Needs(
            packages=tuple(packages),
            programs=tuple((one.name, f"{one.place.file}:{one.place.line}") for one in sources.programs),
            certain=not sources.unknown and not self.foreign,
            whole=self.foreign
            or any(posixpath.normpath(one.path) in (".", "/", "/app", "/src") for one in sources.reads),
            evidence=(Evidence(f"{self.stage.image} stands on {self.image.release}", None, self.image.how),),
        )

    @property
    def static(self) -> bool:
        """Whether cgo is off: by a variable, or because Alpine's image has no C compiler (cmd/cgo)."""
        if self.image.distribution != "alpine":
            return not self.cgo
        compilers = any(run.build_only for run in self.runs)
        # Up to 1.19 cgo was on without a compiler, by what the image had compiled ("Go 1.20 Release Notes", "Cgo").
        version = re.match(r"1\.(\d+)", self.image.tag)
        return not self.cgo or not (compilers or (version is not None and int(version[1]) < 20))

    @property
    def links(self) -> bool:
        """Whether C is in it: without, what is built asks at most for the C library, of any age."""
        module = read_module(self.context, self.folder)
        modules = isinstance(module, Module) and module.cgo_modules
        return bool(self.cgo and (modules or self._sources().places("cgo")))

    def only_builds(self, package: str) -> bool:
        module = read_module(self.context, self.folder)
        if isinstance(module, Module) and any(name.startswith(tuple(_CALL_GIT)) for name, _, _ in module.requires):
            return False
        return package in _BUILD_TOOLS or super().only_builds(package)

    def is_source(self, path: str) -> bool:
        parts = path.split("/")
        return (
            path.endswith(
                (".go", ".golangci.yml", ".golangci.yaml", ".air.toml", ".goreleaser.yml", ".goreleaser.yaml")
            )
            or parts[-1] in _MANIFESTS
            or ("testdata" in parts[:-1] and not self._names_testdata)
            or self._vendored(parts)
        )

    @functools.cached_property
    def _names_testdata(self) -> bool:
        """Whether more than tests read the files that are there for them."""
        sources = [one.path for one in self.context.entries() if one.path.endswith(".go")]
        return any("testdata" in (self.files.text(one) or "") for one in sources if not one.endswith("_test.go"))

    def _vendored(self, parts: list[str]) -> bool:
        """Whether a file is of the modules that are kept beside go.mod: others have a folder of that name as well."""
        above = "".join(f"{one}/" for one in parts[: parts.index("vendor")]) if "vendor" in parts[:-1] else None
        return above is not None and any(self.context.entry(f"{above}{one}") for one in _MANIFESTS)
