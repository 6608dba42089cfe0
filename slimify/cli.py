"""The command line, with typer. What the commands do stands in batch.py, run.py and patches.py."""

from __future__ import annotations

import enum
import os
import sys
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

import slimify
from slimify import bot_cli
from slimify.config import SCHEMA, Config, UnknownNameError, transform_names
from slimify.config_values import WrongError, command_words, host_and_port, seconds, size
from slimify.run import FAILED, OK, Request, UsageError, build_args, complain, format_only, put
from slimify.trial import Trial

T = TypeVar("T")

app = typer.Typer(
    name="slimify",
    help="Make Docker images small by rewriting the Dockerfile, without ever breaking the build.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="What may stand in slimify.toml or [tool.slimify].", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(bot_cli.app, name="bot")


class Level(enum.StrEnum):
    """What --level takes; the engine's own `Level` is not imported for `--help`."""

    safe = "safe"
    standard = "standard"
    aggressive = "aggressive"


class Format(enum.StrEnum):
    """The reports there are."""

    text = "text"
    json = "json"
    sarif = "sarif"
    markdown = "markdown"
    github = "github"


class ProofFormat(enum.StrEnum):
    """The reports of `slimify prove`."""

    text = "text"
    json = "json"
    markdown = "markdown"
    html = "html"


class LayersFormat(enum.StrEnum):
    """The reports of `slimify layers`."""

    text = "text"
    json = "json"


class Color(enum.StrEnum):
    """When to colour."""

    auto = "auto"
    always = "always"
    never = "never"


def run(arguments: list[str]) -> int:
    """Run the command line and return the exit code."""
    try:
        app(arguments, prog_name="slimify")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else OK if end.code is None else FAILED
    return OK


def _names(incomplete: str) -> list[tuple[str, str]]:
    from slimify.rewrite.registry import transforms

    return [(one.name, one.summary) for one in transforms() if one.name.startswith(incomplete)]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"slimify {slimify.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="NAME", help="Run only these transforms (a,b or repeated).", autocompletion=_names),
]
Skip = Annotated[
    list[str] | None,
    typer.Option(
        "--skip", metavar="NAME", help="Do not run these transforms (a,b or repeated).", autocompletion=_names
    ),
]
CacheMounts = Annotated[
    bool | None,
    typer.Option(
        "--cache-mounts/--no-cache-mounts",
        help="Give package managers BuildKit cache mounts instead of cleaning up. (default: no)",
        show_default=False,
    ),
]
Layout = Annotated[
    bool | None,
    typer.Option(
        "--layout/--no-layout",
        help="Also put one command on a line in chains that are broken over lines. (default: no)",
        show_default=False,
    ),
]
ConfigFile = Annotated[
    str | None, typer.Option("--config", metavar="FILE", help="Use this configuration for every file.")
]
NoConfig = Annotated[bool, typer.Option("--no-config", help="Use no configuration.")]
LevelName = Annotated[Level | None, typer.Option("--level", help="How much a rewrite may change. (default: standard)")]
Target = Annotated[str | None, typer.Option("--target", metavar="STAGE", help="The stage that is built.")]
BuildArg = Annotated[
    list[str] | None,
    typer.Option(
        "--build-arg", metavar="K=V", help="Value of an ARG; K alone takes it from the environment. Repeatable."
    ),
]
ContextFolder = Annotated[
    str | None,
    typer.Option("--context", metavar="DIR", help="The build context. (default: the folder of the Dockerfile)"),
]
_BUILDS = "The builds of a proof"
EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine", metavar="NAME", help="docker, podman or buildah. (default: what is there)", rich_help_panel=_BUILDS
    ),
]
Builder = Annotated[
    str | None,
    typer.Option(
        "--builder", metavar="NAME", help="Build with this builder of docker buildx.", rich_help_panel=_BUILDS
    ),
]
Secret = Annotated[
    list[str] | None,
    typer.Option("--secret", metavar="SPEC", help="Handed on to the builds. Repeatable.", rich_help_panel=_BUILDS),
]
Platform = Annotated[
    str | None,
    typer.Option("--platform", metavar="OS/ARCH", help="Handed on to the builds.", rich_help_panel=_BUILDS),
]
Network = Annotated[
    str | None, typer.Option("--network", metavar="MODE", help="Handed on to the builds.", rich_help_panel=_BUILDS)
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout", metavar="SECONDS", help="How long a build may take. (default: 3600)", rich_help_panel=_BUILDS
    ),
]
MaxSize = Annotated[
    str | None,
    typer.Option(
        "--max-size", metavar="SIZE", help="How large an image may be. (default: 30GB)", rich_help_panel=_BUILDS
    ),
]


@app.command(
    epilog="Exit codes: 0 nothing to do or done; 1 --check, and something would change; "
    "2 bad usage, or a file that could not be read, parsed or written (the others are fixed all the same)."
)
def fix(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Dockerfiles, folders to search for them, or - for standard input. (default: .)",
            show_default=False,
        ),
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Print the diff, and write nothing.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if anything would change.")] = False,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the result there (- for standard output)."),
    ] = None,
    level: LevelName = None,
    only: Only = None,
    skip: Skip = None,
    target: Target = None,
    build_arg: BuildArg = None,
    context: ContextFolder = None,
    cache_mounts: CacheMounts = None,
    layout: Layout = None,
    only_format: Annotated[
        bool, typer.Option("--format-only", help="Only lay the file out, and leave every word of it as it is.")
    ] = False,
    form: Annotated[Format, typer.Option("--format", help="The report on standard output.")] = Format.text,
    color: Annotated[Color, typer.Option("--color", help="When to colour.")] = Color.auto,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only, and what was asked for.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say also what was not done, and why.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", help="Processes at a time. (default: cores)")
    ] = None,
    config: ConfigFile = None,
    no_config: NoConfig = False,
    stdin_filename: Annotated[
        str | None,
        typer.Option("--stdin-filename", metavar="PATH", help="What standard input is to be called."),
    ] = None,
    prove: Annotated[
        bool, typer.Option("--prove", help="Build and run both versions, and write only what is the same program.")
    ] = False,
    engine: EngineName = None,
    builder: Builder = None,
    secret: Secret = None,
    platform: Platform = None,
    network: Network = None,
    timeout: Timeout = None,
    max_size: MaxSize = None,
) -> None:
    """Rewrite Dockerfiles where they are, and print the diff and a short report."""
    from slimify.batch import fix_paths, report_one
    from slimify.run import fix_stdin

    try:
        builds = _builds(engine, builder, secret, platform, network, timeout, max_size)
        if not prove and builds != Trial():
            raise UsageError("nothing is built without --prove")
        chosen = Config(
            level=level.value if level else None,
            only=tuple(only or ()),
            skip=tuple(skip or ()),
            target=target,
            build_args=build_args(build_arg or []),
            cache_mounts=cache_mounts,
            layout=layout,
        )
        request = Request(
            cli=format_only(chosen) if only_format else chosen,
            config=config,
            no_config=no_config,
            diff=diff,
            check=check,
            quiet=quiet,
            verbose=verbose,
            format=form.value,
            color=color.value,
            output=output,
            # Builds are the engine's to share out.
            jobs=1 if prove else jobs,
            prove=builds if prove else None,
            stdin_filename=stdin_filename,
            context=context,
        )
    except UsageError as error:
        raise typer.Exit(complain(error)) from None
    paths = paths or ["."]
    if "-" in paths:
        if prove:
            raise typer.Exit(complain("standard input has no build context, and so cannot be proved"))
        if len(paths) > 1:
            raise typer.Exit(complain("- (standard input) cannot be fixed together with other paths"))
        report = report_one(form.value, verbose) if form is not Format.text else None
        raise typer.Exit(fix_stdin(request, report))
    raise typer.Exit(fix_paths(request, paths))


def _builds(
    engine: str | None,
    builder: str | None,
    secret: list[str] | None,
    platform: str | None,
    network: str | None,
    timeout: float | None,
    max_size: str | None,
) -> Trial:
    """What the options say about the builds of a proof. Raises `UsageError`."""
    return Trial(
        engine=engine,
        builder=builder,
        secrets=tuple(secret) if secret else None,
        platform=platform,
        network=network,
        timeout=None if timeout is None else _value("--timeout", seconds, timeout),
        max_size=None if max_size is None else _value("--max-size", size, max_size),
    )


def _value(option: str, read: Callable[[object], T], value: object) -> T:
    """What an option says, read as a configuration file's is. Raises `UsageError`."""
    try:
        return read(value)
    except WrongError as error:
        raise UsageError(f"{option} {error}") from None


@app.command(epilog="Exit codes: 0 done; 1 --check, and something would change; 2 the patch does not apply.")
def apply(
    patch: Annotated[str, typer.Argument(help="What `slimify fix --diff` printed; - for standard input.")],
    only: Only = None,
    skip: Skip = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if anything would change.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Apply a saved patch, or the parts of it that some transforms made, to the files it names."""
    from slimify.patches import apply_saved

    try:
        chosen, left = transform_names(only or ()), transform_names(skip or ())
    except UnknownNameError as error:
        raise typer.Exit(complain(error)) from None
    raise typer.Exit(apply_saved(patch, chosen, left, check=check, quiet=quiet))


@app.command(
    epilog="Exit codes: 0 the same program; 1 another program, or the rewrite does not build; "
    "2 bad usage, or no engine; 3 the Dockerfile does not build as it is."
)
def prove(
    path: Annotated[str, typer.Argument(help="The Dockerfile, or its folder.")] = ".",
    against: Annotated[
        str | None, typer.Option(metavar="FILE", help="Compare with this Dockerfile, not with slimify's own rewrite.")
    ] = None,
    context: ContextFolder = None,
    level: LevelName = None,
    only: Only = None,
    skip: Skip = None,
    cache_mounts: CacheMounts = None,
    engine: EngineName = None,
    builder: Builder = None,
    secret: Secret = None,
    platform: Platform = None,
    network: Network = None,
    timeout: Timeout = None,
    max_size: MaxSize = None,
    target: Target = None,
    build_arg: BuildArg = None,
    run_command: Annotated[
        str | None, typer.Option("--run", metavar="COMMAND", help="Run this in both, not what they start.")
    ] = None,
    http: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Ask for this on each port, which has to answer. Repeatable. (default: /)"),
    ] = None,
    port: Annotated[
        list[int] | None,
        typer.Option(metavar="NUMBER", help="Ask this port beside those that the image exposes. Repeatable."),
    ] = None,
    expect: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What an answer or the output has to contain.")
    ] = None,
    wait: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="How long it may take to answer or to end. (default: 30)")
    ] = None,
    argument: Annotated[
        list[str] | None,
        typer.Option(metavar="OPTION", help="Handed on to the engine's run, such as '-e KEY=value'. Repeatable."),
    ] = None,
    compressed: Annotated[
        bool, typer.Option("--compressed", help="Measure also what is pushed, which takes a while.")
    ] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild/--no-rebuild", help="Measure rebuilds too.")] = True,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the images and the logs.")] = False,
    form: Annotated[ProofFormat, typer.Option("--format", help="The report on standard output.")] = ProofFormat.text,
    config: ConfigFile = None,
    no_config: NoConfig = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the report only.")] = False,
) -> None:
    """Build a Dockerfile before and after, compare the images, run both, and say what follows."""
    from slimify.config import Finder, merge
    from slimify.proof.command import ProofError, Request, dockerfile_of, prove_path
    from slimify.run import log
    from slimify.semantics.build import TargetError
    from slimify.syntax.errors import DockerfileSyntaxError
    from slimify.trial import command, paths, ports, refuse_both

    try:
        path = dockerfile_of(path)
        found = Finder(config, ignore=no_config).of_file(path)
        chosen = Config(
            level=level.value if level else None,
            only=transform_names(only or ()),
            skip=transform_names(skip or ()),
            target=target,
            build_args=build_args(build_arg or []),
            cache_mounts=cache_mounts,
        )
        words = [word for one in argument or () for word in _value("--argument", command_words, one)]
        asked = _builds(engine, builder, secret, platform, network, timeout, max_size)._replace(
            run=None if run_command is None else _value("--run", command, run_command),
            http=_value("--http", paths, list(http)) if http else None,
            expect=expect,
            wait=None if wait is None else _value("--wait", seconds, wait),
            arguments=tuple(words) if words else None,
            ports=_value("--port", ports, list(port)) if port else None,
        )
        refuse_both(asked)
        request = Request(
            path=path,
            context=context,
            against=against,
            settings=merge(found, chosen),
            trial=found.prove.under(asked),
            keep=keep,
            rebuild=rebuild,
            compressed=compressed,
            format=form.value,
        )
        code, report = prove_path(request, (lambda _: None) if quiet else log)
    except (UsageError, ProofError, DockerfileSyntaxError, TargetError, ValueError) as error:
        raise typer.Exit(complain(error)) from None
    put(report)
    raise typer.Exit(code)


@app.command(epilog="Exit codes: 0 done; 2 the image cannot be read.")
def layers(
    image: Annotated[
        str,
        typer.Argument(
            help="An archive (docker save), the folder of an OCI layout, an image's name; - for standard input."
        ),
    ],
    form: Annotated[LayersFormat, typer.Option("--format", help="The report on standard output.")] = LayersFormat.text,
    engine: Annotated[
        str | None, typer.Option(metavar="NAME", help="docker, podman or buildah. (default: what answers)")
    ] = None,
) -> None:
    """Show where the bytes of an image are, and which transform leaves them out."""
    import json

    from slimify.proof.image import ImageError
    from slimify.proof.open_image import open_image
    from slimify.proof.show_layers import as_data, as_text

    try:
        found = open_image(image, engine)
    except ImageError as error:
        raise typer.Exit(complain(error)) from None
    put(as_text(found) if form is LayersFormat.text else json.dumps(as_data(found), indent=2) + "\n")


@app.command()
def transforms() -> None:
    """List the transforms in the order in which they run."""
    from slimify.rewrite.registry import transforms as registered

    rows = [(one.name, one.level.label, one.summary) for one in registered()]
    width = max(len(name) for name, _, _ in rows)
    put("".join(f"{name:<{width}}  {level:<10}  {summary}\n" for name, level, summary in rows))


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="A transform (see `slimify transforms`).", autocompletion=_names)],
) -> None:
    """Show the page of a transform: what it does, why, and when it does not."""
    try:
        (name,) = transform_names([name])
    except ValueError as error:
        raise typer.Exit(complain(error)) from None
    import slimify.transforms as home

    path = os.path.join(os.path.dirname(home.__file__), "pages", f"{name}.md")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError:
        raise typer.Exit(complain(f"there is no page on {name}")) from None
    if not sys.stdout.isatty():
        put(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))


@app.command(epilog="Exit codes: 0 the client is gone; 2 bad usage, or pygls is not installed.")
def lsp(
    tcp: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Listen there. (default: standard input and output)")
    ] = None,
    stdio: Annotated[bool, typer.Option("--stdio", help="Use standard input and output, as is the default.")] = False,
) -> None:
    """Serve an editor that speaks the Language Server Protocol."""
    address = None
    if tcp is not None:
        if stdio:
            raise typer.Exit(complain("choose --tcp or --stdio"))
        try:
            address = _value("--tcp", host_and_port, tcp)
        except UsageError as error:
            raise typer.Exit(complain(error)) from None
    try:
        from slimify.editor.serve import serve
    except ModuleNotFoundError as error:
        if error.name not in ("pygls", "lsprotocol"):
            raise
        raise typer.Exit(complain("the language server needs pygls: pip install 'slimify[lsp]'")) from None
    serve(address)


@config_app.command()
def schema() -> None:
    """Print the JSON schema, for editors."""
    with open(SCHEMA, encoding="utf-8") as file:
        put(file.read())
