"""What CMake leaves, by the CMakeLists.txt of the build context."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from slimify.transforms.split_stage.native import Configured, Native, words
from slimify.transforms.split_stage.outputs import absolute
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.context.cmake_build import Install, Project, read_project
from slimify.context.compile_line import read_compile_line
from slimify.context.copies import USUAL_FOLDERS
from slimify.context.found import Unknown
from slimify.semantics.commands import Invocation

# What `make` builds in the folder of a project, apart from the project's own targets (CMake, "Generated Targets").
_GOALS = frozenset("all clean depend help rebuild_cache".split())


def cmake(native: Native, run: Run, call: Invocation) -> None:
    """CMake configures, builds or installs."""
    span = run.step.instruction.span
    argv = list(words(run, call))
    if argv[:1] in (["--version"], ["--help"]):
        return
    if argv[:1] == ["--build"] and len(argv) > 1:
        targets: list[str] = []
        taking = False
        for word in argv[2:]:
            if word in ("--target", "-t"):
                taking = True
            elif word.startswith("-"):
                taking = False
            elif taking:
                targets.append(word)
        _built(native, run, absolute(run, argv[1]), targets)
    elif argv[:1] == ["--install"] and len(argv) > 1:
        binary = absolute(run, argv[1])
        if binary not in native.projects:
            raise Refused("what CMake installs is not known", span)
        prefix = argv[argv.index("--prefix") + 1] if "--prefix" in argv[:-1] else ""
        if "--component" in argv or "--strip" in argv:
            raise Refused("what CMake installs is not known", span)
        _installed(native, run, native.projects[binary], prefix)
    elif argv[:1] in (["-E"], ["-P"], ["--open"], ["--workflow"]) or any("--preset" in one for one in argv):
        raise Refused(f"what `cmake {argv[0]}` does is not known", span)
    else:
        _configured(native, run, argv)


def _built(native: Native, run: Run, binary: str, targets: list[str]) -> None:
    if binary not in native.projects:
        raise Refused(f"what is built in {binary} is not known", run.step.instruction.span)
    cmake_built(native, run, native.projects[binary], targets)


def _configured(native: Native, run: Run, argv: list[str]) -> None:
    span = run.step.instruction.span
    variables: dict[str, str] = {}
    at, binary, operand = "", "", ""
    rest = iter(argv)
    for word in rest:
        if word in ("-S", "-B", "-G", "-D", "-T", "-A", "-C", "--toolchain", "--install-prefix"):
            word += next(rest, "")
        if word.startswith(("-S", "-H")):
            at = absolute(run, word[2:])
        elif word.startswith("-B"):
            binary = absolute(run, word[2:])
        elif word.startswith("-D"):
            name, _, value = word[2:].partition("=")
            variables[name.partition(":")[0]] = value
        elif word.startswith(("-C", "--toolchain")):
            raise Refused("CMake reads settings that are not in the project", span)
        elif word.startswith("--install-prefix"):
            variables["CMAKE_INSTALL_PREFIX"] = word.removeprefix("--install-prefix").lstrip("=")
        elif not word.startswith("-"):
            operand = absolute(run, word)
    if "CMAKE_TOOLCHAIN_FILE" in variables:
        raise Refused("CMake reads a toolchain file", span)
    at = at or operand or absolute(run, ".")
    binary = binary or absolute(run, ".")
    found = native.files.source(run.step, posixpath.join(at, "CMakeLists.txt"))
    if found is None:
        raise Refused(f"no CMakeLists.txt is known to be in {at}", span)
    native.outputs.entered[binary] = None
    native.hidden = True
    native.projects[binary] = Configured(at, posixpath.dirname(found[0]), binary, variables)


def _project(native: Native, run: Run, one: Configured) -> Project:
    project = read_project(native.context, one.folder, one.at, one.binary, one.variables)
    if isinstance(project, Unknown) or project.unknown:
        why = project if isinstance(project, Unknown) else project.unknown[0]
        raise Refused(f"{why.place.file}:{why.place.line}: {why.reason}", run.step.instruction.span)
    return project


def cmake_built(native: Native, run: Run, one: Configured, targets: list[str]) -> None:
    """A project is built, by whatever tool: its programs are outputs, or all of its folders."""
    project = _project(native, run, one)
    flags = [value for name, value in one.variables.items() if "FLAGS" in name]
    native.lines.append(read_compile_line(["-c", *(word for value in flags for word in value.split())]))
    native.flags(run)
    native.packages.update(dict.fromkeys(project.packages))
    native.components.update(dict.fromkeys(project.components))
    native.links.update(dict.fromkeys(project.links))
    native.own |= project.own
    native.lines.append(read_compile_line(["-c", *project.options]))
    install = "install" in targets
    targets = [one for one in targets if one not in ("install", "test", *_GOALS)]
    if any("/" in target for target in targets) or not set(targets) <= project.own:
        raise Refused(f"what the target {targets[0]} makes is not known", run.step.instruction.span)
    programs = [
        made.path
        for made in project.programs
        if (made.target in targets if targets else made.certain) or native.mentioned(made.path)
    ]
    if project.writes or project.shared or not programs or any("$" in path for path in programs):
        native.whole(run, one.at)
        if not f"{one.binary}/".startswith(f"{one.at}/"):
            native.whole(run, one.binary)
    else:
        for path in programs:
            native.outputs.add(path)
    if install:
        _installed(native, run, one, "")


def _installed(native: Native, run: Run, one: Configured, prefix: str) -> None:
    project = _project(native, run, one)
    prefix = prefix or one.variables.get("CMAKE_INSTALL_PREFIX", "/usr/local")
    prefix = absolute(run, prefix)
    if project.shared:
        raise Refused("a library of the project is installed for all programs", run.step.instruction.span)
    made = {artifact.target: artifact.path for artifact in project.programs}
    for install in project.installs:
        for source, target in _installs(run, install, made, prefix):
            native.outputs.add(target)
            if source and not native.started(source):
                native.outputs.paths.pop(source, None)


def _installs(run: Run, install: Install, made: Mapping[str, str], prefix: str) -> Iterator[tuple[str, str]]:
    """What one `install` puts where; the source is empty for what is not built."""
    where = f"{install.place.file}:{install.place.line}"
    if install.kind == "EXPORT":
        return
    if install.kind not in ("TARGETS", "FILES", "PROGRAMS", "DIRECTORY") or "$" in "".join(install.names):
        raise Refused(f"{where}: what it installs is not known", run.step.instruction.span)
    if "$" in install.folder or (not install.folder and install.kind != "TARGETS"):
        raise Refused(f"{where}: where it installs is not known", run.step.instruction.span)
    folder = posixpath.normpath(posixpath.join(prefix, install.folder or "bin"))
    for name in install.names:
        if install.kind == "TARGETS" and name in made:
            yield made[name], posixpath.join(folder, posixpath.basename(made[name]))
        elif install.kind in ("FILES", "PROGRAMS"):
            yield "", posixpath.join(folder, posixpath.basename(name))
        elif install.kind == "DIRECTORY":
            place = posixpath.join(folder, posixpath.basename(name))
            if posixpath.normpath(place) in USUAL_FOLDERS:
                raise Refused(f"{where}: what it installs is not known", run.step.instruction.span)
            yield "", posixpath.normpath(place)
