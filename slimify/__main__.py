"""The front door. `slimify --version` and `slimify fix -` go straight to their work; the rest goes to typer.

Editors and pipelines start `fix -` for every file, and typer with rich alone would make that
start five times as long. So this module, and what it imports, stays lean: a test holds it to that.
"""

from __future__ import annotations

import gc
import os
import sys

import slimify

_SWITCHES = frozenset({"diff", "check", "quiet", "no_config", "cache_mounts", "layout", "format_only"})
_VALUES = frozenset({"level", "only", "skip", "target", "build_arg", "stdin_filename", "config", "context"})
_REPEATABLE = frozenset({"only", "skip", "build_arg"})


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1 (`--check`), 2 (failed) or 130 (interrupted)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        # Completion scripts start the program without arguments and ask through the environment.
        if arguments == ["--version"] and "_SLIMIFY_COMPLETE" not in os.environ:
            sys.stdout.write(f"slimify {slimify.__version__}\n")
            return 0
        if arguments[:1] == ["fix"] and (options := _options(arguments[1:])) is not None:
            # One file is no work for the garbage collector; without it a tenth of the time is saved.
            gc.disable()
            try:
                return _fix_stdin(options)
            finally:
                gc.freeze()
                gc.enable()
        from slimify.cli import run

        # What is made for a file goes when nobody needs it any more: of 300 Dockerfiles 2,000 objects were left
        # to the collector, and looking for them took a twentieth of the time.
        gc.set_threshold(100_000)
        return run(arguments)
    except KeyboardInterrupt:
        return 130


def _options(arguments: list[str]) -> dict[str, list[str]] | None:
    """The options of a `fix -`; None for anything that is not plainly one, which typer then judges."""
    options: dict[str, list[str]] = {}
    stdin = False
    rest = iter(arguments)
    for argument in rest:
        if argument == "-" and not stdin:
            stdin = True
            continue
        if argument == "-q":
            argument = "--quiet"
        if not argument.startswith("--"):
            return None
        name, equals, value = argument[2:].partition("=")
        if "_" in name:
            return None
        name = name.replace("-", "_")
        if name in _SWITCHES and not equals:
            options[name] = []
        elif name in _VALUES and (name in _REPEATABLE or name not in options):
            found = value if equals else next(rest, None)
            if found is None:
                return None
            options.setdefault(name, []).append(found)
        else:
            return None
    return options if stdin else None


def _fix_stdin(options: dict[str, list[str]]) -> int:
    from slimify.config import Config
    from slimify.run import Request, UsageError, build_args, complain, fix_stdin, format_only

    def one(name: str) -> str | None:
        return options[name][0] if name in options else None

    try:
        cli = Config(
            level=one("level"),
            only=tuple(options.get("only", ())),
            skip=tuple(options.get("skip", ())),
            target=one("target"),
            build_args=build_args(options.get("build_arg", [])),
            cache_mounts=True if "cache_mounts" in options else None,
            layout=True if "layout" in options else None,
        )
        if "format_only" in options:
            cli = format_only(cli)
    except UsageError as error:
        return complain(error)
    return fix_stdin(
        Request(
            cli=cli,
            config=one("config"),
            no_config="no_config" in options,
            diff="diff" in options,
            check="check" in options,
            quiet="quiet" in options,
            stdin_filename=one("stdin_filename"),
            context=one("context"),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
