"""The pack for .NET: the SDK builds, and what it publishes ships on the run time of the same version and release."""

from __future__ import annotations

import functools
import posixpath
import re

from slimify.transforms.split_stage.compiled import Compiled, Needs
from slimify.transforms.split_stage.core import Result
from slimify.transforms.split_stage.difference import difference
from slimify.transforms.split_stage.dotnet_tools import Published, publish
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run
from slimify.transforms.split_stage.start import Called
from slimify.transforms.split_stage.system import Distribution
from slimify.transforms.split_stage.unseen import unseen

from slimify.context.dotnet import ENDINGS, Project, Solution, read_project, read_solution
from slimify.context.dotnet_sources import DotnetSources, read_sources
from slimify.knowledge.image_config import config
from slimify.knowledge.image_siblings import respell, run_siblings
from slimify.knowledge.images import Image, describe
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build
from slimify.semantics.commands import Invocation

_BUILDS = re.compile(r"\bdotnet\s+(?:publish|build|restore)\b")
_SOURCES = (
    ".cs",
    ".fs",
    ".vb",
    ".razor",
    ".resx",
    ".props",
    ".targets",
    ".sln",
    ".slnx",
    ".user",
    ".DotSettings",
    ".http",
)
_MANIFESTS = frozenset("global.json nuget.config packages.lock.json launchsettings.json libman.json".split())
_FOLDERS = re.compile(r"(?:^|/)(?:bin|obj|\.vs)/")
# They call MSBuild, or the compilers, of an SDK that they look for.
_NEED_SDK = re.compile(
    r"Microsoft\.Build\b.*|Buildalyzer.*|Microsoft\.CodeAnalysis\.Workspaces\.MSBuild", re.IGNORECASE
)
# Their libraries need nothing of ASP.NET.
_NO_WEB = re.compile(
    r"Microsoft\.Extensions\.(?!.*AspNetCore)[\w.]+|System\.[\w.]+|Newtonsoft\.Json|Npgsql|Dapper|MySqlConnector|CsvHelper"
    r"|Microsoft\.Data\.Sqlite|Serilog(?:\.(?:Sinks|Enrichers|Settings)\.[\w.]+|\.Extensions\.(?:Hosting|Logging))?|Polly"
    r"|Microsoft\.EntityFrameworkCore(?:\.(?:Sqlite|SqlServer|Design|Tools|InMemory|Relational))?|RabbitMQ\.Client|Spectre\.Console"
    r"|StackExchange\.Redis|CommandLineParser|Confluent\.Kafka|Discord\.Net|Telegram\.Bot"
)
_INVARIANT = "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"
_POLLS = "DOTNET_USE_POLLING_FILE_WATCHER"


def concerns(build: Build, image: Image) -> bool:
    """Whether the SDK is used for what it is there for."""
    del image
    runs = (step.instruction.logical.text for step in build.stages[0].steps if step.keyword == "RUN")
    return any(map(_BUILDS.search, runs))


def plan(build: Build, image: Image) -> Result | None:
    """How the stage is split. Raises `Refused`."""
    return _Dotnet(build, image).plan()


class _Dotnet(Compiled):
    tools = re.compile(r"dotnet")
    may_fail = True
    variables = re.compile(r"DOTNET_\w+|NUGET_\w+|MSBUILD\w+")

    def __init__(self, build: Build, image: Image) -> None:
        super().__init__(build, image)
        # What each folder was published from.
        self.projects: dict[str, tuple[Published, tuple[Project, ...]]] = {}
        self.wanted: dict[str, None] = {}
        self.roots: dict[str, None] = {}

    def sort(self, run: Run, call: Invocation) -> Run | None:
        if call.program != "dotnet":
            return None
        self.roots[run.folder or run.step.state.workdir or "/"] = None
        made = publish(run, call)
        if made is not None and not run.optional:
            projects = self._published(run, made)
            output = made.output or self._usual(run, made, projects)
            if any(f"{image}/".startswith(f"{output}/") for image in self._images(run)):
                raise Refused(f"it is published to {output}, between the sources", run.step.instruction.span)
            self.projects[output] = (made, projects)
            self.outputs.trees[output] = None
        return run._replace(builds=(*run.builds, call))

    def _images(self, run: Run) -> dict[str, str]:
        """The files of the image that come from the context, each with its path there."""
        taken = [one for at, one in self.files.taken.items() if at < run.step.index]
        return {image: origin for one in taken for origin, image in one.files if image is not None}

    def _published(self, run: Run, made: Published) -> tuple[Project, ...]:
        """The projects that are published. Raises `Refused` where they are not known."""
        span, images, target = run.step.instruction.span, self._images(run), made.target
        kinds = (*ENDINGS, ".sln", ".slnx")
        if not target.endswith(kinds):
            here = [image for image in images if posixpath.dirname(image) == target and image.endswith(kinds)]
            if len(here) != 1:
                raise Refused(f"which project of {target} is published is not known", span)
            target = here[0]
        origin = images.get(target)
        if origin is None:
            raise Refused(f"{target} is not known to come from the build context", span)
        paths: tuple[str, ...] = (origin,)
        if origin.endswith((".sln", ".slnx")):
            solution = read_solution(self.context, origin)
            if not isinstance(solution, Solution) or solution.unknown:
                raise Refused(f"which projects {origin} has is not known", span)
            paths = solution.projects
        projects = [read_project(self.context, path) for path in paths]
        known = [one for one in projects if isinstance(one, Project)]
        if len(known) != len(projects):
            raise Refused(f"{origin} cannot be read", span)
        started = tuple(one for one in known if one.output.lower() in ("exe", "winexe") or one.web)
        for one in started:
            if one.unknown:
                raise Refused(f"{one.unknown[0].place.file}: {one.unknown[0].reason}", span)
        return started

    def _usual(self, run: Run, made: Published, projects: tuple[Project, ...]) -> str:
        """Where a project is published if nobody says so: bin/<configuration>/<framework>/publish below it."""
        span, images = run.step.instruction.span, {origin: image for image, origin in self._images(run).items()}
        if len(projects) != 1 or len(projects[0].frameworks) != 1 or made.runtime:
            raise Refused("where it is published to is not known", span)
        one = projects[0]
        release = int(self._version().partition(".")[0]) >= 8
        configuration = made.configuration or ("Release" if release else "Debug")
        folder = posixpath.dirname(images[one.path])
        return posixpath.join(folder, "bin", configuration, made.framework or one.frameworks[0], "publish")

    def _version(self) -> str:
        match = re.match(r"\d+\.\d+", self.image.tag)
        if match is None:
            raise Refused(f"which .NET {self.stage.image} has changes with time")
        return match[0]

    def runs_by(self, call: Called) -> bool:
        workdir = self.stage.final_state.workdir or "/"
        typed = call.typed
        if call.program == "dotnet":
            words = [one for one in call.argv if one != "exec"]
            named = next((one for one in words if one is None or not one.startswith("-")), None)
            if named is None or not named.endswith(".dll"):
                raise Refused(f"{call.where} calls `dotnet {named or ''}`, which needs the SDK", call.span)
            typed = named
        elif "/" not in typed:
            return False
        path = posixpath.normpath(posixpath.join(workdir, typed))
        tree = self.outputs.tree(path)
        if tree is None:
            if call.program == "dotnet" and re.search(r"/bin/(?:Debug|Release)/", path):
                raise Refused(f"{call.where} runs {typed}, which was built and not published", call.span)
            if call.program == "dotnet" and not self.outputs.at(path):
                raise Refused(f"{call.where} runs {typed}, which is not what is published", call.span)
            return self.outputs.at(path)
        names = [one.assembly for one in self.projects[tree][1]] if tree in self.projects else []
        if names and posixpath.basename(path).removesuffix(".dll") not in names:
            raise Refused(f"{call.where} runs {typed}, and {names[0]} is what is published", call.span)
        self.wanted[tree] = None
        return True

    def shipped(self) -> tuple[str, ...]:
        return (*self.outputs.paths, *self.wanted)

    def check(self, call: Called) -> None:
        """Raise `Refused` for a shell that only the SDK has."""
        if call.program == "pwsh":
            raise Refused(f"{call.where} calls pwsh, which only the SDK has", call.span)

    def distribution(self, base: str, dropped: frozenset[str]) -> Distribution:
        return difference(self.image, self.stage.image or "", base, self.runs, dropped)

    def _main(self) -> tuple[Published, tuple[Project, ...]]:
        """What is run, of what is published."""
        found = [self.projects[one] for one in self.wanted if one in self.projects]
        if len(found) != 1 or not found[0][1]:
            raise Refused("which of the projects is run is not known")
        return found[0]

    def base(self) -> str:
        image = self.stage.image or ""
        version = self._version()
        made, projects = self._main()
        for one in projects:
            frameworks = [made.framework] if made.framework else one.frameworks
            if [name for name in frameworks if not re.fullmatch(rf"net(?:coreapp)?{re.escape(version)}", name)]:
                raise Refused(f"{one.path} is for {', '.join(frameworks) or 'an unknown framework'}, not for {version}")
        siblings = run_siblings(image)
        if len(siblings) != 2:
            raise Refused(f"there is no run time of the same version as {image}")
        contained = [made.self_contained if made.self_contained is not None else one.self_contained for one in projects]
        native = any(one.native for one in projects)
        if all(contained) or native:
            alone = siblings[0].replace("dotnet/aspnet:", "dotnet/runtime-deps:")
            if describe(alone) is not None and made.runtime and config(alone) is not None:
                return alone
        return siblings[0] if self._web(projects) else siblings[1]

    def _closure(self, projects: tuple[Project, ...]) -> list[Project]:
        found: dict[str, Project] = {}
        waiting = list(projects)
        while waiting:
            one = waiting.pop()
            if one.path in found:
                continue
            found[one.path] = one
            for path in one.references:
                other = read_project(self.context, path)
                if not isinstance(other, Project):
                    raise Refused(f"{path} cannot be read")
                waiting.append(other)
        return list(found.values())

    def _web(self, projects: tuple[Project, ...]) -> bool:
        """Whether ASP.NET is, or may be, among what the projects and their packages need."""
        everything = self._closure(projects)
        packages = [package.name for one in everything for package in one.packages]
        return any(one.web or one.unknown for one in everything) or not all(map(_NO_WEB.fullmatch, packages))

    def spelled(self, base: str) -> str:
        literal = self.stage.stage.image
        if "$" not in literal:
            return base
        for name in ("aspnet", "runtime-deps", "runtime"):
            spelled = re.sub(r"(dotnet/(?:core/)?)sdk\b", rf"\1{name}", literal)
            if base.partition(":")[0].endswith(f"/{name}") and base.endswith(self.image.tag):
                return spelled
        found = respell(literal, self.stage.image or "", base)
        if found is None:
            raise Refused("which .NET the base has depends on a variable")
        return found

    def settings(self, base: str) -> tuple[str, ...]:
        """Variables that the SDK's image sets in another way than the run time's, and that applications read.

        ASP.NET Core: "Configure endpoints" (ASPNETCORE_URLS); Microsoft.Extensions.FileProviders: PhysicalFileProvider
        (DOTNET_USE_POLLING_FILE_WATCHER); .NET run time: "Globalization" (DOTNET_SYSTEM_GLOBALIZATION_INVARIANT).
        """
        old, new = config(self.stage.image or ""), config(base)
        if old is None or new is None:
            raise Refused(f"what {base} is configured for is not known")
        _, projects = self._main()
        plain = not any(one.packages or one.web for one in self._closure(projects))
        given = {}
        for name in ("ASPNETCORE_URLS", _INVARIANT, _POLLS):
            value = old.env.get(name) or ""
            if value == (new.env.get(name) or "") or name in self.stage.final_state.env:
                continue
            if name == _INVARIANT and all(one.invariant for one in projects):
                continue
            if name != _INVARIANT and plain:
                continue
            given[name] = value
        return (f"ENV {' '.join(f'{name}={value}' for name, value in given.items())}",) if given else ()

    def needs(self) -> Needs:
        _, projects = self._main()
        for one in self._closure(projects):
            for package in one.packages:
                if _NEED_SDK.fullmatch(package.name):
                    raise Refused(f"{package.place.file}:{package.place.line}: {package.name} looks for an SDK")
        sources = self._sources
        for unknown in sources.unknown:
            raise Refused(f"{unknown.place.file}:{unknown.place.line}: {unknown.reason}")
        if any(one.name == "dotnet" for one in sources.programs):
            raise Refused("the application calls dotnet itself")
        packages = []
        if self.image.distribution == "alpine" and not all(one.invariant for one in projects):
            packages = [((name,), "the SDK's image has it for globalization") for name in ("icu-data-full", "icu-libs")]
        packages.append((("tzdata",), "the SDK's image has it for time zones"))
        return Needs(
            packages=tuple(packages),
            programs=tuple((one.name, f"{one.place.file}:{one.place.line}") for one in sources.programs),
            certain=True,
            evidence=tuple(Evidence(f"{one.path} publishes {one.assembly}") for one in projects),
        )

    @property
    def links(self) -> bool:
        return False

    def is_tooling(self, path: str) -> bool:
        return path.endswith((*ENDINGS, ".props", ".targets", ".sln", ".slnx")) or bool(_FOLDERS.search(f"/{path}"))

    def is_source(self, path: str) -> bool:
        name = posixpath.basename(path)
        if path.endswith((*_SOURCES, *ENDINGS)) or name.lower() in _MANIFESTS or self._built_before(path):
            return True
        return path.endswith(".cshtml") and not self._compiles_pages

    def _built_before(self, path: str) -> bool:
        """Whether a file is in a folder of a project that earlier builds left."""
        match = _FOLDERS.search(path)
        return match is not None and (match[0].endswith(".vs/") or path[: match.start()] in self._project_folders)

    @functools.cached_property
    def _project_folders(self) -> frozenset[str]:
        return frozenset(posixpath.dirname(one.path) for one in self.context.entries() if one.path.endswith(ENDINGS))

    @functools.cached_property
    def _sources(self) -> DotnetSources:
        return read_sources(self.context)

    @functools.cached_property
    def _compiles_pages(self) -> bool:
        projects = [
            read_project(self.context, one.path) for one in self.context.entries() if one.path.endswith(ENDINGS)
        ]
        packages = [package.name for one in projects if isinstance(one, Project) for package in one.packages]
        return any(name.endswith("Razor.RuntimeCompilation") for name in packages)

    def unseen(self) -> tuple[str, ...]:
        return unseen(self.stage, self.files, self.roots, self.outputs.trees, self._sources.mentions)

    def reason(self) -> str:
        return "the SDK and what it fetched are not needed to run the application"
