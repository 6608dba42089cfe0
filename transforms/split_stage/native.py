"""What the build tools of C and C++ leave: make, CMake, ninja, Meson and configure, and the compilers themselves.

Where every file is known that programs are linked to, these are the outputs. Where more is written in the folder of the
project, all of that folder is.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.outputs import Outputs, absolute
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.context.cmake_build import Install, Project, read_project
from slimify.context.compile_line import CompileLine, is_plus_plus, read_compile_line
from slimify.context.copies import USUAL_FOLDERS
from slimify.context.found import Unknown
from slimify.context.makefile import UNKNOWN, find_makefile, read_rules
from slimify.context.recipes import read_effects
from slimify.knowledge.image_folders import holds_nothing
from slimify.semantics.build import Build, BuildStage
from slimify.semantics.commands import Invocation

_CORES = re.compile(r"\"?(?:-j|--jobs=|--parallel[= ]?)?\"?(?:\$\(\s*(?:nproc|getconf [\w ]+)[^)]*\)|`nproc[^`]*`)\"?")
_FROM_TOOL = re.compile(r"[\"]?(?:\$\(|`)\s*(?:pkg-config|pkgconf|[\w.-]+-config)\b.*")
_MAKE_VALUED = frozenset("-C -f -I -o -W --directory --file --makefile --include-dir".split())
# What `make` builds in the folder of a CMake project, apart from the project's own targets.
_CMAKE_GOALS = frozenset("all clean depend help rebuild_cache".split())


class Configured(NamedTuple):
    """A CMake project: its folder in the image and in the context, where it is built, and with which variables."""

    at: str
    folder: str
    binary: str
    variables: Mapping[str, str]


class Native:
    """Follows the calls of one stage. `mentioned` says whether the image's command lines name a program."""

    def __init__(self, build: Build, stage: BuildStage, files: Files, outputs: Outputs) -> None:
        assert build.context is not None
        self.context = build.context
        self.stage = stage
        self.files = files
        self.outputs = outputs
        self.lines: list[CompileLine] = []
        self.plus_plus = False
        #: Whether anything was linked by a tool whose options are not all known.
        self.hidden = False
        self.packages: dict[str, None] = {}
        self.components: dict[str, None] = {}
        self.links: dict[str, None] = {}
        self.own: set[str] = set()
        self.projects: dict[str, Configured] = {}
        self.configured: dict[str, None] = {}

    # -- compilers --

    def compiler(self, run: Run, call: Invocation) -> None:
        """A compiler is called by the RUN itself."""
        for word, value in zip(call.words, call.argv, strict=True):
            if value is None and not _FROM_TOOL.fullmatch(word.text):
                raise Refused("what the compiler is told depends on a variable", run.step.instruction.span)
        self._asked_by_tools(call)
        self._flags(run)
        if re.match(r"[\w.]+-\w+-", call.program or ""):
            raise Refused("it is built for another machine", run.step.instruction.span)
        line = read_compile_line(call.argv)
        self.lines.append(line)
        self.plus_plus = self.plus_plus or is_plus_plus(call.program or "", line.sources)
        if line.output is None:
            raise Refused("what the compiler writes is not known", run.step.instruction.span)
        if line.output and not line.objects:
            output = absolute(run, line.output)
            if output in USUAL_FOLDERS or output in self.outputs.folders:
                raise Refused("what the compiler writes is not known", run.step.instruction.span)
            self.outputs.add(output)

    def _flags(self, run: Run) -> None:
        """What compilers are told by the environment."""
        values = [value for name, value in run.step.state.env.items() if name.endswith("FLAGS") and value]
        body = run.step.body
        for command in () if body is None else body.script.commands():
            values += [one.value.value or "" for one in command.assignments if one.name.endswith("FLAGS")]
        if values:
            self.lines.append(read_compile_line(["-c", *(word for value in values for word in value.split())]))

    def _asked_by_tools(self, call: Invocation) -> None:
        for word in call.words:
            if _FROM_TOOL.fullmatch(word.text):
                inner = re.sub(r"^\"?(?:\$\(|`)\s*|[)`\"]+$", "", word.text).split()
                names = [one for one in inner[1:] if not one.startswith("-")] or [inner[0].removesuffix("-config")]
                self.packages.update(dict.fromkeys(f"pkg-config:{one}" for one in names))

    # -- make --

    def make(self, run: Run, call: Invocation) -> None:
        """make is called by the RUN itself."""
        words = list(_words(run, call))
        self._make(run, absolute(run, "."), words, 0)

    def _make(self, run: Run, folder: str, words: list[str], depth: int) -> None:
        span = run.step.instruction.span
        self._flags(run)
        given: dict[str, str] = {}
        goals: list[str] = []
        named = ""
        rest = iter(words)
        for word in rest:
            if word in _MAKE_VALUED:
                value = next(rest, "")
                folder = posixpath.normpath(posixpath.join(folder, value)) if word in ("-C", "--directory") else folder
                named = value if word in ("-f", "--file", "--makefile") else named
            elif assigned := re.fullmatch(r"(\w+)\s*:?=(.*)", word, re.DOTALL):
                given[assigned[1]] = assigned[2]
            elif word in ("-j", "-l"):
                continue
            elif not word.startswith("-") and not word.isdecimal():
                goals.append(word)
        if depth > 8 or UNKNOWN in " ".join([*goals, folder]):
            raise Refused("what make builds is not known", span)
        self.outputs.entered[folder] = None
        if folder in self.projects:
            self._cmake_built(run, self.projects[folder], goals)
        elif folder in self.configured:
            self._configured_built(run, folder, goals)
        else:
            self._makefile(run, folder, named, goals, given, depth)

    def _makefile(self, run: Run, folder: str, named: str, goals: list[str], given: dict[str, str], depth: int) -> None:
        span = run.step.instruction.span
        path = self._makefile_of(run, folder, named)
        if path is None:
            raise Refused(f"no Makefile is known to be in {folder}", span)
        env = {name: value for name, value in run.step.state.env.items() if value is not None}
        rules = read_rules(self.context, path, given, env)
        if isinstance(rules, Unknown) or rules.unknown:
            why = rules if isinstance(rules, Unknown) else rules.unknown[0]
            raise Refused(f"{why.place.file}:{why.place.line}: {why.reason}", span)
        if rules.missing(tuple(goals)):
            raise Refused(f"{path} has no rule for {rules.missing(tuple(goals))[0]}", span)
        effects = read_effects(rules.reached(tuple(goals)))
        for one in effects.unknown:
            raise Refused(f"{one.place.file}:{one.place.line}: {one.reason}", span)
        self.lines += effects.lines
        self.plus_plus = self.plus_plus or effects.plus_plus
        for inner in effects.inner:
            self._make(run, posixpath.normpath(posixpath.join(folder, inner.folder)), [*inner.words], depth + 1)
        place = _Place(folder)
        for path, where in effects.written:
            if path != UNKNOWN and not place.inside(path):
                raise Refused(f"{where.file}:{where.line}: it writes {place.of(path)}", span)
        programs = [*effects.programs, *effects.shared]
        whole = bool(effects.written or effects.shared or set(effects.removed) & set(programs))
        for source, target in effects.placed:
            if place.inside(target):
                whole = True
            elif source in programs or self.files.source(run.step, place.of(source)) is not None:
                self.outputs.add(place.of(target))
            else:
                raise Refused(f"what is installed as {place.of(target)} is not known", span)
        self.outputs.folders.update(dict.fromkeys(map(place.of, effects.folders)))
        for path in programs:
            if not place.inside(path) and not whole:
                self.outputs.add(place.of(path))
        if whole and any(not place.inside(path) for path in programs):
            raise Refused(f"{path} writes in several folders", span)
        installed = {source for source, target in effects.placed if not place.inside(target)}
        if whole:
            self._whole(run, folder)
        else:
            for path in programs:
                if path not in installed or self._started(place.of(path)):
                    self.outputs.add(place.of(path))
            for path in installed:
                if not self._started(place.of(path)):
                    self.outputs.paths.pop(place.of(path), None)

    def _makefile_of(self, run: Run, folder: str, named: str) -> str | None:
        for name in [named] if named else ["GNUmakefile", "makefile", "Makefile"]:
            found = self.files.source(run.step, posixpath.normpath(posixpath.join(folder, name)))
            if found is not None:
                return found[0] if named else find_makefile(self.context, posixpath.dirname(found[0]))
        return None

    # -- configure --

    def configure(self, run: Run, call: Invocation) -> None:
        """A configure script of the context, or what makes one."""
        span = run.step.instruction.span
        typed = call.typed[0].value or ""
        folder = absolute(run, ".")
        if "/" in typed:
            script = absolute(run, typed)
            at = posixpath.dirname(script)
            found = self.files.source(run.step, script)
            text = None if found is None else self.context.text(found[0])
            made = any(self.files.source(run.step, f"{at}/{one}") for one in ("configure.ac", "configure.in"))
            generated = text is not None and "Generated by GNU Autoconf" in text
            if not generated and not (text is None and at in self.configured) and not made:
                raise Refused(f"{typed} is not known to be a configure script of Autoconf", span)
            if posixpath.basename(typed) != "configure" and text is not None and not _only_autotools(text):
                raise Refused(f"{typed} does more than Autoconf's tools do", span)
            self._whole(run, at)
        self.hidden = True
        self._whole(run, folder)
        self.configured[folder] = None

    def _configured_built(self, run: Run, folder: str, goals: list[str]) -> None:
        if not set(goals) <= {"all", "clean", "check", "test"}:
            goal = " ".join(goals)
            raise Refused(f"what `make {goal}` leaves behind configure is not known", run.step.instruction.span)
        self._whole(run, folder)

    # -- CMake --

    def cmake(self, run: Run, call: Invocation) -> None:
        """CMake configures, builds or installs."""
        span = run.step.instruction.span
        words = list(_words(run, call))
        if words[:1] in (["--version"], ["--help"]):
            return
        if words[:1] == ["--build"] and len(words) > 1:
            targets: list[str] = []
            taking = False
            for word in words[2:]:
                if word in ("--target", "-t"):
                    taking = True
                elif word.startswith("-"):
                    taking = False
                elif taking:
                    targets.append(word)
            self._built_in(run, absolute(run, words[1]), targets)
        elif words[:1] == ["--install"] and len(words) > 1:
            binary = absolute(run, words[1])
            if binary not in self.projects:
                raise Refused("what CMake installs is not known", span)
            prefix = words[words.index("--prefix") + 1] if "--prefix" in words[:-1] else ""
            if "--component" in words or "--strip" in words:
                raise Refused("what CMake installs is not known", span)
            self._installed(run, self.projects[binary], prefix)
        elif words[:1] in (["-E"], ["-P"], ["--open"], ["--workflow"]) or any("--preset" in one for one in words):
            raise Refused(f"what `cmake {words[0]}` does is not known", span)
        else:
            self._cmake_configured(run, words)

    def _built_in(self, run: Run, binary: str, targets: list[str]) -> None:
        if binary in self.projects:
            self._cmake_built(run, self.projects[binary], targets)
        elif binary in self.configured and not targets:
            self._whole(run, binary)
        else:
            raise Refused(f"what is built in {binary} is not known", run.step.instruction.span)

    def _cmake_configured(self, run: Run, words: list[str]) -> None:
        span = run.step.instruction.span
        variables: dict[str, str] = {}
        at, binary, operand = "", "", ""
        rest = iter(words)
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
        found = self.files.source(run.step, posixpath.join(at, "CMakeLists.txt"))
        if found is None:
            raise Refused(f"no CMakeLists.txt is known to be in {at}", span)
        self.outputs.entered[binary] = None
        self.hidden = True
        self.projects[binary] = Configured(at, posixpath.dirname(found[0]), binary, variables)

    def _project(self, run: Run, one: Configured) -> Project:
        project = read_project(self.context, one.folder, one.at, one.binary, one.variables)
        if isinstance(project, Unknown) or project.unknown:
            why = project if isinstance(project, Unknown) else project.unknown[0]
            raise Refused(f"{why.place.file}:{why.place.line}: {why.reason}", run.step.instruction.span)
        return project

    def _cmake_built(self, run: Run, one: Configured, targets: list[str]) -> None:
        project = self._project(run, one)
        flags = [value for name, value in one.variables.items() if "FLAGS" in name]
        self.lines.append(read_compile_line(["-c", *(word for value in flags for word in value.split())]))
        self._flags(run)
        self.packages.update(dict.fromkeys(project.packages))
        self.components.update(dict.fromkeys(project.components))
        self.links.update(dict.fromkeys(project.links))
        self.own |= project.own
        self.lines.append(read_compile_line(["-c", *project.options]))
        install = "install" in targets
        targets = [one for one in targets if one not in ("install", "test", *_CMAKE_GOALS)]
        if any("/" in target for target in targets) or not set(targets) <= project.own:
            raise Refused(f"what the target {targets[0]} makes is not known", run.step.instruction.span)
        programs = [
            made.path
            for made in project.programs
            if (made.target in targets if targets else made.certain) or self._mentioned(made.path)
        ]
        if project.writes or project.shared or not programs or any("$" in path for path in programs):
            self._whole(run, one.at)
            if not f"{one.binary}/".startswith(f"{one.at}/"):
                self._whole(run, one.binary)
        else:
            for path in programs:
                self.outputs.add(path)
        if install:
            self._installed(run, one, "")

    def _installed(self, run: Run, one: Configured, prefix: str) -> None:
        project = self._project(run, one)
        prefix = prefix or one.variables.get("CMAKE_INSTALL_PREFIX", "/usr/local")
        prefix = absolute(run, prefix)
        if project.shared:
            raise Refused("a library of the project is installed for all programs", run.step.instruction.span)
        made = {artifact.target: artifact.path for artifact in project.programs}
        for install in project.installs:
            for source, target in self._installs(run, install, made, prefix):
                self.outputs.add(target)
                if source and not self._started(source):
                    self.outputs.paths.pop(source, None)

    def _installs(self, run: Run, install: Install, made: Mapping[str, str], prefix: str) -> Iterator[tuple[str, str]]:
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

    def meson(self, run: Run, call: Invocation) -> None:
        """Meson sets a project up or compiles it."""
        span = run.step.instruction.span
        words = list(_words(run, call))
        verb = words[0] if words and words[0] in ("setup", "compile", "install", "test") else "setup"
        operands = [one for one in words if not one.startswith("-") and one != verb]
        if verb == "test":
            return
        if any("sanitize" in one for one in words):
            raise Refused("it is built to look for faults in it", span)
        if verb == "setup" and operands:
            found = self.files.source(run.step, absolute(run, "meson.build"))
            if found is None or len(operands) > 1:
                raise Refused("no meson.build is known to be there", span)
            folder = posixpath.dirname(found[0])
            for entry in self.context.entries():
                if posixpath.basename(entry.path) == "meson.build" and entry.path.startswith(folder):
                    text = self.context.text(entry.path) or "run_command"
                    if re.search(r"\b(?:run_command|add_install_script|add_postconf_script|subproject)\b", text):
                        raise Refused(f"{entry.path} runs programs, or fetches projects", span)
            self.hidden = True
            self._whole(run, absolute(run, "."))
            self._whole(run, absolute(run, operands[0]))
            self.configured[absolute(run, operands[0])] = None
        elif verb == "compile":
            self._built_in(run, absolute(run, words[words.index("-C") + 1] if "-C" in words[:-1] else "."), [])
        else:
            raise Refused(f"what `meson {verb}` leaves is not known", span)

    def ninja(self, run: Run, call: Invocation) -> None:
        """ninja builds what CMake or Meson set up."""
        words = list(_words(run, call))
        folder, goals = absolute(run, "."), []
        rest = iter(words)
        for word in rest:
            if word == "-C":
                folder = absolute(run, next(rest, "."))
            elif word in ("-j", "-l", "-k", "-f"):
                next(rest, None)
            elif not word.startswith("-"):
                goals.append(word)
        self._built_in(run, folder, goals)

    # -- what is shared --

    def _whole(self, run: Run, folder: str) -> None:
        """All of a folder ships, which the base image has nothing in."""
        if self.outputs.inside(folder):
            return
        if folder in USUAL_FOLDERS or holds_nothing(run.step.state.image or self.stage.image or "", folder) is None:
            raise Refused(
                f"what the build leaves in {folder} is not known, and the folder is not the application's own",
                run.step.instruction.span,
            )
        self.outputs.tree(folder)

    def _texts(self) -> Iterator[str]:
        """What the image runs: its command lines, and the scripts of the context."""
        for step in self.stage.steps:
            if step.keyword in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
                yield step.instruction.logical.text
        scripts = {origin for taken in self.files.taken.values() for origin, _ in taken.files if origin.endswith(".sh")}
        yield from (self.files.text(one) or "" for one in sorted(scripts))

    def _started(self, path: str) -> bool:
        """Whether what the image runs names a program by its place."""
        folder = self.stage.final_state.workdir or "/"
        words = (word for text in self._texts() for word in re.findall(r"[\w.+-]*/[\w./+-]+", text))
        return any(posixpath.normpath(posixpath.join(folder, word)) == path for word in words)

    def _mentioned(self, path: str) -> bool:
        """Whether what the image runs names a program."""
        name = re.compile(rf"(?<![\w.-]){re.escape(posixpath.basename(path))}(?![\w-])")
        return any(name.search(text) for text in self._texts())


class _Place(NamedTuple):
    folder: str

    def of(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, path))

    def inside(self, path: str) -> bool:
        return self.of(path).startswith(f"{self.folder.rstrip('/')}/")


def _words(run: Run, call: Invocation) -> Iterator[str]:
    """The arguments. How many cores there are is nobody's matter; any other unknown one is refused."""
    for word, value in zip(call.words, call.argv, strict=True):
        if value is not None:
            yield value
        elif not _CORES.fullmatch(word.text):
            name = re.match(r"\"?(-D)?(\w+)(?::\w+)?=", word.text)
            if name is None:
                raise Refused(f"what {call.program} is told depends on a variable", run.step.instruction.span)
            yield f"{name[1] or ''}{name[2]}={UNKNOWN}"


def _only_autotools(text: str) -> bool:
    from slimify.context.shell import calls

    found = calls(text, "autogen.sh")
    tools = {
        "aclocal",
        "autoconf",
        "autoheader",
        "automake",
        "autoreconf",
        "libtoolize",
        "glibtoolize",
        "mkdir",
        "echo",
    }
    return not found.unknown and {one.name for one in found.programs} <= tools
