"""What `dotnet` leaves behind, by how it is called (Microsoft Learn, ".NET CLI", "dotnet publish")."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import NamedTuple

from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.semantics.commands import Invocation

# They fetch, compile, check or look; what they leave is below bin, obj and NuGet's own folders.
_LOOKS = frozenset("restore build test clean format tool nuget workload --info --version --list-sdks".split())
_VALUED = frozenset(
    "-o --output -c --configuration -r --runtime -f --framework -v --verbosity -s --source --os -a --arch "
    "--version-suffix --manifest --configfile --packages --artifacts-path".split()
)


class Published(NamedTuple):
    """A publish: `target` is a project, a solution or a folder, absolute; `output` is empty where it is not said."""

    target: str
    output: str
    configuration: str
    runtime: str
    framework: str
    self_contained: bool | None


def publish(run: Run, call: Invocation) -> Published | None:
    """What is published; None where `dotnet` does something else for the build. Raises `Refused` for anything else."""
    span, folder = run.step.instruction.span, run.folder or run.step.state.workdir or "/"
    if None in call.argv or not call.argv:
        raise Refused("what dotnet is told depends on a variable", span)
    verb, *words = (one for one in call.argv if one is not None)
    if verb in _LOOKS and not (verb == "tool" and words[:1] != ["restore"]):
        return None
    if verb != "publish":
        raise Refused(f"what `dotnet {verb}` leaves is not known", span)
    target, given, contained = folder, {}, None
    for name, value in _options(words):
        if not name:
            target = posixpath.normpath(posixpath.join(folder, value))
        elif name in ("--self-contained", "--sc"):
            contained = value.lower() != "false"
        elif name == "--no-self-contained":
            contained = False
        elif name == "property":
            key, _, setting = value.partition("=")
            if key.lower() in ("selfcontained", "publishaot"):
                contained = setting.lower() == "true"
            elif key.lower() in ("publishdir", "outputpath", "assemblyname", "artifactspath", "publishprofile"):
                raise Refused(f"where dotnet publishes with {key} is not known", span)
        elif name in ("--artifacts-path", "--manifest"):
            raise Refused(f"where dotnet publishes with {name} is not known", span)
        else:
            given[name] = value
    output = given.get("-o") or given.get("--output") or ""
    return Published(
        target,
        posixpath.normpath(posixpath.join(folder, output)) if output else "",
        given.get("-c") or given.get("--configuration") or "",
        given.get("-r") or given.get("--runtime") or "",
        given.get("-f") or given.get("--framework") or "",
        contained,
    )


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """The options with their values; operands with an empty name, MSBuild's properties as `property`."""
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        plain = word.lstrip("-/")
        prefix = next((one for one in ("p:", "property:", "property=") if plain.lower().startswith(one)), None)
        name, equals, value = word.partition("=")
        if prefix is not None and word[0] in "-/":
            yield "property", plain[len(prefix) :]
        elif name in _VALUED:
            yield name, value if equals else (waiting.pop(0) if waiting else "")
        elif name in ("--self-contained", "--sc") and not equals:
            said = bool(waiting) and waiting[0].lower() in ("true", "false")
            yield name, waiting.pop(0) if said else "true"
        elif word.startswith("-") or (word.startswith("/") and word.count("/") == 1 and ":" in word):
            yield name, value
        else:
            yield "", word
