"""slimify makes Docker images small by rewriting the Dockerfile, and never breaks the build.

    import slimify

    outcome = slimify.fix(open("Dockerfile", "rb").read(), path="Dockerfile")
    if outcome.changed:
        print(outcome.diff())

Importing this package costs next to nothing: the engine is loaded by the first use.
"""

from __future__ import annotations

# `typing.TYPE_CHECKING` under another roof: importing typing takes almost as long as Python's own start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from slimify.read_api import DockerfileReader
    from slimify.rewrite.edit import Level
    from slimify.rewrite.outcome import Outcome
    from slimify.semantics.build import TargetError
    from slimify.semantics.build_context import BuildContext
    from slimify.syntax.errors import DockerfileSyntaxError

__all__ = ["DockerfileReader", "DockerfileSyntaxError", "Level", "Outcome", "TargetError", "__version__", "fix"]

# pyproject.toml says the same, and a test compares them: asking importlib.metadata takes 20 ms.
__version__ = "0.1.0"

_HOMES = {
    "DockerfileReader": "slimify.read_api",
    "DockerfileSyntaxError": "slimify.syntax.errors",
    "Level": "slimify.rewrite.edit",
    "Outcome": "slimify.rewrite.outcome",
    "TargetError": "slimify.semantics.build",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def fix(
    text: str | bytes,
    *,
    path: str = "Dockerfile",
    context: str | BuildContext | None = None,
    level: Level | str = "standard",
    only: Iterable[str] = (),
    skip: Iterable[str] = (),
    target: str | None = None,
    build_args: Mapping[str, str] | None = None,
    cache_mounts: bool = False,
    least_megabytes: float = 20.0,
    least_percent: float = 10.0,
    layout: bool = False,
) -> Outcome:
    """Rewrite one Dockerfile, given as text or as the bytes of the file. Nothing is written.

    `path` is what reports and error messages call the file; it is not opened. `context` is the
    folder of the build context, or what `slimify.context` makes of one, None if it is not known.
    With a folder, `path` also says which ignore file holds: its own, next to it, wins over the
    folder's. It counts from the current folder as with `docker build --file`, or from the folder
    of the context if that is where it is found. `level` is "safe", "standard" or "aggressive".
    `only` and `skip` choose transforms by name. `target` and `build_args` are what `docker build`
    would get. `cache_mounts` asks for BuildKit cache mounts instead of clean-ups.
    `least_megabytes` and `least_percent` are what more stages and more packages have to save.
    `layout` asks for one command on a line in chains that are broken over lines.

    Raises `DockerfileSyntaxError` for what Docker would reject, `TargetError` for a target that
    is no stage of the file, and `ValueError` for a level or a transform that does not exist.
    """
    from slimify.config import Settings, options_of
    from slimify.rewrite.edit import Level
    from slimify.rewrite.pipeline import fix as run
    from slimify.syntax.source import Source

    options = options_of(
        Settings(
            level=level if isinstance(level, str) else level.label,
            only=(only,) if isinstance(only, str) else tuple(only),
            skip=(skip,) if isinstance(skip, str) else tuple(skip),
            target=target,
            build_args=dict(build_args or {}),
            cache_mounts=cache_mounts,
            layout=layout,
            least_megabytes=least_megabytes,
            least_percent=least_percent,
        )
    )
    source = Source.from_bytes(text, path) if isinstance(text, bytes) else Source(text, path)
    if isinstance(context, str):
        # At level safe nobody may ask for the context, and an editor need not wait for its reader to be loaded.
        context = _opened(context, path) if options.level > Level.SAFE else None
    return run(source, options, context)


def _opened(folder: str, path: str) -> BuildContext:
    import os

    from slimify.context.tree import open_context

    inside = os.path.join(folder, path)
    return open_context(folder, inside if os.path.isfile(inside) and not os.path.isfile(path) else path)
