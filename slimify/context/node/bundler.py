"""What a project's build makes: with which tool, into which folder, and what is needed to run it.

Each tool's defaults are those of its own documentation, named at its function. What a
configuration computes is not seen, and said so: `folder` and `kind` are then None.
"""

from __future__ import annotations

import enum
import posixpath
import re
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from slimify.context.found import Place, Unknown, is_file, join, source
from slimify.context.json_text import load
from slimify.context.node.config_file import ConfigFile, Seen, Value, find_config
from slimify.context.node.lock import Lock
from slimify.context.node.package_json import Package
from slimify.context.node.run import Ran, Run, follow_script
from slimify.context.node.tsconfig import TsConfig, read_tsconfig, referenced
from slimify.semantics.build_context import BuildContext


class Kind(enum.Enum):
    """What the output is.

    STATIC files are for any web server; a SERVER is run by node as the tool says; CODE is
    compiled sources, which node runs instead of the sources.
    """

    STATIC = "static"
    SERVER = "server"
    CODE = "code"


class Output(NamedTuple):
    """What one tool of the build writes.

    `folder` is a path of the context, the root itself being empty, and None if it is not known.
    `modules` says whether the output needs node_modules when it runs; `entry` is what node runs.
    `more` are other folders that belong to it (`public` of a Next application).
    """

    tool: str
    kind: Kind | None
    folder: str | None
    modules: bool | None
    entry: str | None = None
    more: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    unknown: tuple[Unknown, ...] = ()


class Bundling(NamedTuple):
    """All outputs of a script. `others` are programs of it whose output is not known (cp, a script)."""

    outputs: tuple[Output, ...]
    others: tuple[Ran, ...]
    unknown: tuple[Unknown, ...]

    @property
    def application(self) -> Output | None:
        """The one output that is the application: all that there is, or the bundle beside a type check."""
        real = [one for one in self.outputs if not (one.kind is Kind.CODE and len(self.outputs) > 1)]
        return real[0] if len(real) == 1 else None


def bundling(context: BuildContext, package: Package, script: str = "build", lock: Lock | None = None) -> Bundling:
    """What the script of this name builds."""
    return made(context, package, follow_script(context, package, script, lock))


def made(context: BuildContext, package: Package, run: Run) -> Bundling:
    """What the programs of a run build."""
    outputs: list[Output] = []
    others: list[Ran] = []
    for ran in run.ran:
        tool = _TOOLS.get(ran.program)
        if tool is not None:
            found = tool(_Case(context, package, ran))
            if found is not None:
                outputs.append(found)
        elif ran.program not in _QUIET:
            others.append(ran)
    return Bundling(tuple(outputs), tuple(others), run.unknown)


# Programs in a build that write no output of their own.
_QUIET = frozenset(
    """npm npx yarn pnpm bun bunx cross-env cross-env-shell dotenv env-cmd rimraf eslint prettier del del-cli jest
    vitest mocha npm-run-all run-s run-p concurrently sh bash env echo husky tslint stylelint""".split()
)


_VALUED = frozenset(
    """--mode -m --config -c --env --configuration -o --outDir --out-dir -d --output-path --target -t -p --project
    --base --base-href --dist-dir --dest --output --outfile --port""".split()
)


class _Case:
    """One call of a tool, with the means to look at its options and configuration."""

    def __init__(self, context: BuildContext, package: Package, ran: Ran) -> None:
        self.context = context
        self.package = package
        self.ran = ran
        self.places: list[Place] = [ran.place]
        self.unknown: list[Unknown] = []

    @property
    def words(self) -> list[str]:
        """The arguments that are neither options nor values of those that most of the tools share."""
        found: list[str] = []
        before = ""
        for one in self.ran.argv:
            if one is not None and not one.startswith("-") and before not in _VALUED:
                found.append(one)
            before = one or ""
        return found

    @property
    def verb(self) -> str:
        return self.words[0] if self.words else ""

    def option(self, *names: str) -> str | None:
        argv = self.ran.argv
        for at, value in enumerate(argv):
            if value is None:
                continue
            name, equals, inline = value.partition("=")
            if name in names:
                given = inline if equals else (argv[at + 1] if at + 1 < len(argv) else None)
                if given is None:
                    self.cannot(f"{name} has no known value")
                return given
        return None

    def flag(self, *names: str) -> bool:
        return any(one is not None and one.partition("=")[0] in names for one in self.ran.argv)

    def cannot(self, reason: str, place: Place | None = None) -> None:
        self.unknown.append(Unknown(reason, place or self.ran.place))

    def config(self, stem: str) -> ConfigFile | None:
        found = find_config(self.context, self.package.folder, stem, self.option("--config", "-c"))
        if found is not None:
            self.places.append(Place(found.path))
        return found

    def setting(self, config: ConfigFile | None, key: str, inside: str = "") -> Value | None:
        """A setting that is a literal; None if it is absent, or computed (which is noted)."""
        if config is None:
            return None
        found = config.value(key, inside)
        if found.seen is Seen.COMPUTED:
            self.cannot(f"{key} is computed", found.place)
        elif found.seen is Seen.ABSENT and config.composed:
            self.cannot(f"{key} may be set in what the configuration takes in", Place(config.path))
        elif found.seen is Seen.LITERAL:
            self.places.append(found.place)
            return found
        return None

    def folder(self, path: str | None, base: str | None = None) -> str | None:
        """A path of the context; None where it leads out."""
        if path is None:
            return None
        found = join(self.package.folder if base is None else base, path)
        if found is None:
            self.cannot(f"{path} lies outside the context")
        return found

    def out(self, option: str | None, setting: Value | None, default: str, base: str | None = None) -> str | None:
        """The output folder: by option, by configuration, by default; None if something about it is not seen."""
        if option is not None:
            return self.folder(option, base)
        if setting is not None:
            return self.folder(setting.text, base)
        return None if self.unknown else self.folder(default, base)

    def asks(self, name: str) -> bool:
        return bool(self.package.groups(name))

    def major(self, name: str) -> int | None:
        """The first number in the range that a dependency is asked for with."""
        spec = next((one.spec for one in self.package.dependencies if one.name == name), "")
        match = re.search(r"\d+", spec)
        return int(match[0][:6]) if match else None

    def output(self, tool: str, kind: Kind | None, folder: str | None, modules: bool | None, **more: object) -> Output:
        entry, extra = more.get("entry"), more.get("more")
        return Output(
            tool,
            kind,
            folder,
            modules,
            entry if isinstance(entry, str) else None,
            extra if isinstance(extra, tuple) else (),
            tuple(dict.fromkeys(self.places)),
            tuple(self.unknown),
        )


def _inner(folder: str | None, path: str) -> str | None:
    return None if folder is None else posixpath.join(folder, path)


def _static(name: str, default: str, verbs: str = "build", options: str = "", stem: str = "", key: str = "") -> _Tool:
    """A tool that always makes a static site: its verb, its option and setting for the folder, its default."""

    def read(case: _Case) -> Output | None:
        if verbs and case.verb not in verbs.split():
            return None
        config = case.config(stem) if stem else None
        option = case.option(*options.split()) if options else None
        setting = case.setting(config, key) if key and option is None else None
        return case.output(name, Kind.STATIC, case.out(option, setting, default), False)

    return read


def _vite(case: _Case) -> Output | None:
    """Vite documentation, "Command line interface", "Build options"; SvelteKit documentation, "Adapters"."""
    if case.verb != "build":
        return None
    if case.asks("@sveltejs/kit"):
        return _svelte_kit(case)
    if case.asks("@remix-run/dev") or case.asks("@react-router/dev"):
        return _remix(case)
    config = case.config("vite.config")
    operands = case.words[1:]
    root = case.setting(config, "root")
    base = case.folder(operands[0] if operands and len(operands) == 1 else root.text if root is not None else ".")
    option = case.option("--outDir")
    setting = case.setting(config, "outDir", "build") if option is None else None
    folder = case.out(option, setting, "dist", base)
    if case.flag("--ssr") or (config is not None and (config.has("ssr") or config.has("lib"))):
        case.cannot("a library or a server is built, not a page")
        return case.output("vite", None, folder, None)
    if not is_file(case.context, posixpath.join(base or "", "index.html")):
        case.cannot("there is no index.html next to the configuration")
        return case.output("vite", None, folder, None)
    return case.output("vite", Kind.STATIC, folder, False)


def _svelte_kit(case: _Case) -> Output:
    config = find_config(case.context, case.package.folder, "svelte.config")
    if config is None:
        case.cannot("there is no svelte.config.js")
        return case.output("svelte-kit", None, None, None)
    case.places.append(Place(config.path))
    if config.imports("@sveltejs/adapter-static"):
        pages = case.setting(config, "pages")
        return case.output("svelte-kit", Kind.STATIC, case.out(None, pages, "build"), False)
    if config.imports("@sveltejs/adapter-node"):
        folder = case.out(None, case.setting(config, "out"), "build")
        return case.output("svelte-kit", Kind.SERVER, folder, True, entry=_inner(folder, "index.js"))
    case.cannot("the adapter decides what is built", Place(config.path))
    return case.output("svelte-kit", None, None, None)


def _react_scripts(case: _Case) -> Output | None:
    """Create React App documentation, "Advanced configuration" (BUILD_PATH)."""
    if case.verb != "build":
        return None
    script = source(case.context, case.ran.place.file) or ""
    if "BUILD_PATH" in script:
        case.cannot("BUILD_PATH is set")
    for name in (".env", ".env.production", ".env.local", ".env.production.local"):
        path = posixpath.join(case.package.folder, name)
        for number, line in enumerate((source(case.context, path, 100_000) or "").splitlines(), 1):
            if line.strip().removeprefix("export ").startswith("BUILD_PATH"):
                case.cannot("BUILD_PATH is set", Place(path, number))
    if case.ran.program != "react-scripts":
        config = find_config(case.context, case.package.folder, "craco.config") or find_config(
            case.context, case.package.folder, "config-overrides"
        )
        if config is not None and ("appBuild" in config.text or "output" in config.text):
            case.cannot("the output may be changed", Place(config.path))
    return case.output("create-react-app", Kind.STATIC, case.out(None, None, "build"), False)


def _angular(case: _Case) -> Output | None:
    """Angular documentation, "Workspace configuration", "Build" (outputPath, browser sub-folder)."""
    if case.verb not in ("build", "b"):
        return None
    path = posixpath.join(case.package.folder, "angular.json")
    case.places.append(Place(path))
    text = source(case.context, path)
    data = load(text, loose=True) if text is not None else None
    projects = data.get("projects") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(projects, dict):
        case.cannot("angular.json cannot be read", Place(path))
        return case.output("angular", None, None, None)
    wanted = case.words[1] if len(case.words) > 1 and case.words[1] in projects else data.get("defaultProject")
    name = wanted if wanted in projects else next(iter(projects)) if len(projects) == 1 else None
    project = projects.get(name) if isinstance(name, str) else None
    build = project.get("architect", project.get("targets")) if isinstance(project, dict) else None
    build = build.get("build") if isinstance(build, dict) else None
    options = build.get("options") if isinstance(build, dict) else None
    if not isinstance(build, dict) or not isinstance(options, dict):
        case.cannot("which project is built is not known", Place(path))
        return case.output("angular", None, None, None)
    builder = str(build.get("builder"))
    output = options.get("outputPath")
    configurations = build.get("configurations")
    for one in configurations.values() if isinstance(configurations, dict) else ():
        if isinstance(one, dict) and "outputPath" in one:
            case.cannot("a configuration sets another outputPath", Place(path))
    browser = "browser"
    if isinstance(output, dict):
        browser = output["browser"] if isinstance(output.get("browser"), str) else browser
        output = output.get("base")
    option = case.option("--output-path")
    base = option or (output if isinstance(output, str) else f"dist/{name}")
    if builder.endswith(":application"):
        base = posixpath.join(base, browser)
    elif not builder.endswith((":browser", ":browser-esbuild")):
        case.cannot(f"the builder {builder} is not known", Place(path))
    if options.get("server") or options.get("ssr"):
        case.cannot("it also builds a server", Place(path))
        return case.output("angular", None, None, None)
    return case.output("angular", Kind.STATIC, None if case.unknown else case.folder(base), False)


def _next(case: _Case) -> Output | None:
    """Next.js documentation, "next.config.js: output", "distDir", "Self-hosting"."""
    if case.verb == "export":
        return case.output("next", Kind.STATIC, case.out(case.option("-o", "--outdir"), None, "out"), False)
    if case.verb != "build":
        return None
    config = find_config(case.context, case.package.folder, "next.config")
    if config is not None:
        case.places.append(Place(config.path))
    output = case.setting(config, "output")
    if case.unknown:
        return case.output("next", None, None, None)
    folder = case.out(None, case.setting(config, "distDir"), ".next")
    if output is not None and output.text == "export":
        # distDir takes the place of `out` (documentation of "Static exports").
        set_folder = config is not None and config.value("distDir").seen is Seen.LITERAL
        return case.output("next", Kind.STATIC, folder if set_folder else case.folder("out"), False)
    more = tuple(one for one in [case.folder("public")] if one and case.context.entry(one) is not None)
    if output is not None and output.text == "standalone":
        inner = _inner(folder, "standalone")
        static = _inner(folder, "static")
        if config is not None and config.has("outputFileTracingRoot"):
            case.cannot("outputFileTracingRoot moves server.js", Place(config.path))
        entry = None if case.unknown else _inner(inner, "server.js")
        return case.output("next", Kind.SERVER, inner, False, entry=entry, more=(*((static,) if static else ()), *more))
    return case.output("next", Kind.SERVER, folder, True, more=more)


def _nuxt(case: _Case) -> Output | None:
    """Nuxt 3 documentation, "Deployment", "nuxt generate"; Nuxt 2 documentation, "Commands"."""
    if case.verb not in ("build", "generate"):
        return None
    major = case.major("nuxt") or case.major("nuxt3")
    config = find_config(case.context, case.package.folder, "nuxt.config")
    if config is not None:
        case.places.append(Place(config.path))
        if config.has("preset") or config.has("nitro"):
            case.cannot("nitro may write elsewhere", Place(config.path))
    if major is None or case.unknown:
        if major is None:
            case.cannot("the version of nuxt is not known")
        return case.output("nuxt", None, None, None)
    if major == 2:
        if case.verb == "generate":
            return case.output("nuxt", Kind.STATIC, case.folder("dist"), False)
        return case.output("nuxt", Kind.SERVER, case.folder(".nuxt"), True)
    if case.verb == "generate":
        return case.output("nuxt", Kind.STATIC, case.folder(".output/public"), False)
    folder = case.folder(".output")
    return case.output("nuxt", Kind.SERVER, folder, False, entry=_inner(folder, "server/index.mjs"))


def _astro(case: _Case) -> Output | None:
    """Astro documentation, "Configuration reference" (outDir, output), "@astrojs/node"."""
    if case.verb != "build":
        return None
    config = case.config("astro.config")
    output = case.setting(config, "output")
    folder = case.out(None, case.setting(config, "outDir"), "dist")
    adapter = config is not None and config.has("adapter")
    if adapter and config is not None and config.imports("@astrojs/node"):
        return case.output("astro", Kind.SERVER, folder, True, entry=_inner(folder, "server/entry.mjs"))
    if adapter or (output is not None and output.text not in ("static",)):
        case.cannot("the adapter decides what is built")
        return case.output("astro", None, folder, None)
    return case.output("astro", None if case.unknown else Kind.STATIC, folder, False)


def _remix(case: _Case) -> Output | None:
    """Remix documentation, "vite config"; React Router documentation, "react-router.config.ts" (ssr: false)."""
    if case.verb not in ("build", "vite:build"):
        return None
    config = find_config(case.context, case.package.folder, "react-router.config") or case.config("vite.config")
    ssr = case.setting(config, "ssr") if config is not None and config.has("ssr") else None
    build = case.setting(config, "buildDirectory") if config is not None and config.has("buildDirectory") else None
    folder = case.out(None, build, "build")
    if case.unknown:
        return case.output("remix", None, None, None)
    if ssr is not None and ssr.text == "false":
        return case.output("remix", Kind.STATIC, _inner(folder, "client"), False)
    public = tuple(one for one in [case.folder("public")] if one)
    return case.output("remix", Kind.SERVER, folder, True, more=public if case.verb == "build" else ())


def _webpack(case: _Case) -> Output | None:
    """webpack documentation, "Output" (path), "Target", "Command line interface"."""
    if case.verb not in ("", "build", "bundle", "b"):
        return None
    config = case.config("webpack.config") or find_config(case.context, case.package.folder, "webpack.prod")
    option = case.option("--output-path", "-o")
    setting = case.setting(config, "path", "output") if option is None else None
    if config is None and case.flag("--config", "-c"):
        case.cannot("the configuration is not in the context")
    base = posixpath.dirname(config.path) if config is not None and setting is not None else None
    folder = case.out(option, setting, "dist", base)
    target = config.value("target").text if config is not None else case.option("--target", "-t") or ""
    if target.startswith(("node", "async-node")):
        external = config is not None and config.has("externals")
        return case.output("webpack", Kind.CODE, folder, True if external else None)
    html = config is not None and config.imports("html-webpack-plugin")
    return case.output("webpack", Kind.STATIC if html else None, folder, False if html else None)


def _tsc(case: _Case) -> Output | None:
    """TypeScript handbook, "tsc CLI options"."""
    if case.flag("--noEmit", "--version", "-v", "--init", "--watch", "-w"):
        return None
    argv = case.ran.argv
    built = next((b for a, b in pairwise(argv) if a in ("--build", "-b") and b and b[0] != "-"), None)
    project = case.option("-p", "--project") or built or "tsconfig.json"
    path = case.folder(project)
    if path is not None and not path.endswith(".json"):
        path = posixpath.join(path, "tsconfig.json")
    config = read_tsconfig(case.context, path) if path else None
    out = case.option("--outDir")
    if path and case.flag("--build", "-b") and (others := referenced(case.context, path)):
        return _tsc_build(case, others)
    if isinstance(config, Unknown):
        case.unknown.append(config)
    elif isinstance(config, TsConfig):
        case.places.append(Place(config.path))
        if config.no_emit and out is None:
            return None
        if config.out is not None and out is None:
            case.places.append(config.place)
            return case.output("tsc", Kind.CODE, config.out, True)
        case.unknown += config.unknown if out is None else ()
    folder = case.out(out, None, ".")
    return case.output("tsc", Kind.CODE, folder, True)


def _tsc_build(case: _Case, paths: tuple[str, ...]) -> Output | None:
    """What the referenced configurations write; a configuration with references of its own mostly has no files."""
    folders = set()
    for path in paths:
        config = read_tsconfig(case.context, path)
        if not isinstance(config, TsConfig) or config.unknown or referenced(case.context, path):
            case.cannot(f"{path} is not understood", Place(path))
        elif not config.no_emit:
            folders.add(config.out)
            case.places.append(config.place)
    if not folders and not case.unknown:
        return None
    if len(folders) != 1 or None in folders:
        case.cannot("referenced projects are written to folders of their own")
    return case.output("tsc", Kind.CODE, None if case.unknown else folders.pop(), True)


def _nest(case: _Case) -> Output | None:
    """NestJS documentation, "CLI: Workspaces" (nest-cli.json); the tsconfig.build.json that `nest build` reads."""
    if case.verb not in ("build", "b"):
        return None
    folder = case.package.folder
    cli = posixpath.join(folder, "nest-cli.json")
    data = load(source(case.context, cli) or "", loose=True)
    options = data.get("compilerOptions") if isinstance(data, dict) else None
    named = options.get("tsConfigPath") if isinstance(options, dict) else None
    if isinstance(data, dict):
        case.places.append(Place(cli))
        if data.get("monorepo") or data.get("projects"):
            case.cannot("it is a monorepo", Place(cli))
            return case.output("nest", Kind.CODE, None, True)
    name = case.option("-p", "--path") or (named if isinstance(named, str) else "tsconfig.build.json")
    config = read_tsconfig(case.context, posixpath.join(folder, name))
    if config is None:
        config = read_tsconfig(case.context, posixpath.join(folder, "tsconfig.json"))
    if isinstance(config, TsConfig) and config.out is not None:
        case.places += [Place(config.path), config.place]
        return case.output("nest", Kind.CODE, config.out, True)
    case.cannot("outDir is not known")
    return case.output("nest", Kind.CODE, None, True)


def _compiler(name: str, default: str | None, options: str) -> _Tool:
    """A compiler whose output folder is an option of the command."""

    def read(case: _Case) -> Output | None:
        option = case.option(*options.split())
        file = case.option("--outfile", "--out-file", "-o") if option is None and name != "ncc" else None
        if file is not None:
            option = posixpath.dirname(file) or "."
        if option is None and default is None:
            case.cannot("the output is written to where its configuration says")
            return case.output(name, None, None, None)
        kind = Kind.CODE if name in ("babel", "swc", "ncc", "tsup") or case.option("--platform") == "node" else None
        modules = {"babel": True, "swc": True, "tsup": True, "ncc": False}.get(name)
        return case.output(name, kind, case.folder(option or default), modules)

    return read


def _documents(name: str, inner: str) -> _Tool:
    """VitePress and VuePress write inside the folder of the documents (their documentation, "outDir", "dest")."""

    def read(case: _Case) -> Output | None:
        if case.verb != "build":
            return None
        base = case.words[1] if len(case.words) > 1 else "."
        option = case.option("--outDir", "--dest", "-d")
        path = posixpath.join(base, inner)
        config = find_config(case.context, posixpath.join(case.package.folder, posixpath.dirname(path)), "config")
        setting = case.setting(config, "outDir" if name == "vitepress" else "dest") if option is None else None
        if setting is not None:
            case.cannot("the output folder is configured", setting.place)
            return case.output(name, Kind.STATIC, None, False)
        return case.output(name, Kind.STATIC, case.out(option, None, path), False)

    return read


_Tool = Callable[[_Case], "Output | None"]

_TOOLS: dict[str, _Tool] = {
    "vite": _vite,
    "svelte-kit": lambda case: _svelte_kit(case) if case.verb == "build" else None,
    "react-scripts": _react_scripts,
    "craco": _react_scripts,
    "react-app-rewired": _react_scripts,
    "ng": _angular,
    "vue-cli-service": _static("vue-cli", "dist", options="--dest", stem="vue.config", key="outputDir"),
    "next": _next,
    "nuxt": _nuxt,
    "nuxi": _nuxt,
    "astro": _astro,
    "gatsby": _static("gatsby", "public"),
    "parcel": _static("parcel", "dist", options="--dist-dir --out-dir -d"),
    "docusaurus": _static("docusaurus", "build", options="--out-dir"),
    "eleventy": _static("eleventy", "_site", verbs="", options="--output"),
    "hexo": _static("hexo", "public", verbs="generate g"),
    "vitepress": _documents("vitepress", ".vitepress/dist"),
    "vuepress": _documents("vuepress", ".vuepress/dist"),
    "remix": _remix,
    "react-router": _remix,
    "webpack": _webpack,
    "webpack-cli": _webpack,
    "tsc": _tsc,
    "vue-tsc": lambda _case: None,
    "nest": _nest,
    "esbuild": _compiler("esbuild", None, "--outdir"),
    "rollup": _compiler("rollup", None, "--dir -d"),
    "babel": _compiler("babel", None, "-d --out-dir"),
    "swc": _compiler("swc", None, "-d --out-dir"),
    "tsup": _compiler("tsup", None, "-d --out-dir"),
    "ncc": _compiler("ncc", "dist", "-o --out"),
}
