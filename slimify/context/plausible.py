"""Whether a folder can be the build context at all: whatever COPY and ADD name must be in it."""

from __future__ import annotations

from slimify.context.copies import named
from slimify.context.globs import compile_glob, is_glob
from slimify.context.paths import clean
from slimify.context.patterns import PatternError
from slimify.semantics.build import Build, Step
from slimify.semantics.build_context import BuildContext


def missing(build: Build, context: BuildContext) -> tuple[Step, str] | None:
    """The first instruction that copies what the context does not hold, and the source as it names it.

    Nothing is listed but the folders that are named. What depends on a variable is not looked for.
    """
    for step in build.steps():
        for source in named(step.instruction, step.state):
            if source is not None and not _there(source, context):
                return step, source
    return None


def _there(source: str, context: BuildContext) -> bool:
    path = clean(source.lstrip("/") or ".")
    if path in ("", ".") or path.startswith(".."):
        return True  # the builder cuts `..` off at the root of the context
    if not is_glob(path):
        return context.entry(path) is not None
    folder = ""
    for at, part in enumerate(path.split("/")):
        if is_glob(part):
            try:
                matches = compile_glob("/".join(path.split("/")[: at + 1]))
            except PatternError:
                return True
            return any(matches(entry.path) for entry in context.children(folder))
        folder = f"{folder}/{part}" if folder else part
    return True
