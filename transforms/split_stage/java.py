"""The pack for Java: Maven, Gradle or javac build on the image with the JDK, and the result ships on its JRE.

Class files ask for no more of the distribution than the JVM does, so that the JRE of the same vendor and version will
do. What ships is what the command line names of the folders that the build fills: `target` and `build`.
"""

from __future__ import annotations

import functools
import posixpath
import re

from slimify.transforms.split_stage.compiled import Compiled, Needs
from slimify.transforms.split_stage.core import Result
from slimify.transforms.split_stage.difference import Difference, difference
from slimify.transforms.split_stage.java_base import jre, spelled
from slimify.transforms.split_stage.java_base import saves as java_saves
from slimify.transforms.split_stage.java_call import folder_of, read_call
from slimify.transforms.split_stage.java_tools import Made, gradle, jar, javac, maven
from slimify.transforms.split_stage.java_wanted import BUILD_FILES, Wanted
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run
from slimify.transforms.split_stage.start import Called
from slimify.transforms.split_stage.system import Distribution
from slimify.transforms.split_stage.unseen import unseen
from slimify.transforms.split_stage.worth import Saving

from slimify.context.java import JavaProject, read_gradle, read_maven
from slimify.context.java_sources import JavaSources, read_sources
from slimify.knowledge.image_config import config
from slimify.knowledge.images import Image
from slimify.semantics.build import Build
from slimify.semantics.commands import Invocation

_BUILDS = re.compile(r"\b(?:mvn|mvnw|gradle|gradlew|javac)\b")
_WRAPPERS = frozenset(["mvnw", "gradlew"])
# Java of the distribution.
_JAVA_PACKAGE = re.compile(r"(?:openjdk-?\d+|default|java-[\w-]+)-j(?:dk|re)(?:-[\w-]+)?|openjdk\d+(?:-[\w-]+)?")
# A JRE of any version has these (the `bin` folders of Temurin's).
_OF_THE_JRE = frozenset(["keytool", "rmiregistry"])
_OF_THE_JDK = frozenset(
    "jar jarsigner javac javadoc javap jcmd jconsole jdb jdeprscan jdeps jhsdb jimage jinfo jlink jmap jmod jpackage "
    "jps jshell jstack jstat jstatd serialver native-image".split()
)
# Where Maven and Gradle keep settings, and what they fetched.
_OF_THE_TOOLS = ("/root/.m2", "/root/.gradle", "/home/gradle/.gradle", "/usr/share/maven/ref")
_TOOLS = frozenset(["mvn", "mvnw", "gradle", "gradlew"])
_SOURCE_ENDINGS = (".java", ".kt", ".kts", ".groovy", ".scala", ".gradle", ".iml")
_MANIFESTS = frozenset(
    "pom.xml mvnw mvnw.cmd gradlew gradlew.bat gradle.properties gradle.lockfile libs.versions.toml HELP.md "
    "lombok.config "
    ".project .classpath .factorypath .sdkmanrc .java-version checkstyle.xml".split()
)
_BUILD_FOLDERS = re.compile(r"(?:^|/)(?:\.mvn|\.gradle|\.settings|buildSrc|gradle/wrapper|src/(?:main|test))/")
# They name programs and settings of a whole JDK, or of fetching.
_BUILD_TOOLS = frozenset("maven gradle ant git unzip zip dos2unix openssh-client binutils".split())


# Plug-ins that do anything, and folders to write to that are not below `target`.
_ELSEWHERE = re.compile(
    r"(?:exec-maven|maven-antrun|gmavenplus|groovy-maven)-plugin"
    r"|<outputDirectory>\s*"
    r"(?!\$\{project\.build\.|\$\{(?:project\.)?basedir\}/target|target/|/?WEB-INF|\./target/)[^<]*"
)


def concerns(build: Build, image: Image) -> bool:
    """Whether something is built with Maven, Gradle or javac."""
    del image
    runs = (step.instruction.logical.text for step in build.stages[0].steps if step.keyword == "RUN")
    return any(map(_BUILDS.search, runs))


def plan(build: Build, image: Image) -> Result | None:
    """How the stage is split. Raises `Refused`."""
    return _Java(build, image).plan()


class _Java(Compiled):
    tools = re.compile(r"mvnw?|gradlew?|javac|jar")
    variables = re.compile(
        r"(?:MAVEN|GRADLE|JAVA)_OPTS|MAVEN_CONFIG|MAVEN_ARGS|GRADLE_USER_HOME|SPRING_PROFILES_ACTIVE"
    )
    # Maven's copies settings for Maven to ~/.m2; Temurin's adds certificates where USE_SYSTEM_CA_CERTS asks for it.
    passing = frozenset(["/usr/local/bin/mvn-entrypoint.sh", "/__cacert_entrypoint.sh"])
    may_fail = True
    build_volumes = frozenset(["/home/gradle/.gradle"])

    def __init__(self, build: Build, image: Image) -> None:
        super().__init__(build, image)
        # Whether the wrapper leaves a whole distribution of Gradle in the image.
        self.fetches_gradle = False
        self.roots: dict[str, None] = {}
        self.wanted = Wanted(self.files, self.outputs)

    def sort(self, run: Run, call: Invocation) -> Run | None:
        program = call.program or ""
        if program in ("mvn", "mvnw"):
            self._maven(run, call)
        elif program in ("gradle", "gradlew"):
            self._gradle(run, call)
        elif program in ("jar", "javac") and run.optional:
            return None
        elif program == "javac":
            self._javac(run, call)
        elif program == "jar":
            made = jar(run, call)
            if made is not None:
                self.outputs.add(made)
        elif program == "mvn-entrypoint.sh" and call.argv[:1] == ("mvn",):
            # As Maven's image documents it, to fetch what is needed: what it builds here is built again.
            pass
        elif not self._readies_wrapper(call):
            return None
        return run._replace(builds=(*run.builds, call))

    def _readies_wrapper(self, call: Invocation) -> bool:
        """`chmod +x mvnw` and `sed -i 's/\\r$//' gradlew`: nothing but the build runs them."""
        operands = [one for one in call.operands if one is not None]
        if call.program == "chmod" or (call.program == "sed" and call.has("-i")):
            operands = operands[1:]
        elif call.program != "dos2unix":
            return False
        return bool(operands) and all(posixpath.basename(one) in _WRAPPERS for one in operands)

    def _maven(self, run: Run, call: Invocation) -> None:
        made = maven(run, call)
        self.wanted.called.update(() if run.optional else made.called)
        found = self.files.source(run.step, posixpath.join(made.folder, "pom.xml"))
        if not made.leaves or run.optional:
            return
        if found is None:
            raise Refused(f"no pom.xml is known to be in {made.folder}", run.step.instruction.span)
        self.roots[made.folder] = None
        root = posixpath.dirname(found[0])
        waiting = [root]
        while waiting:
            folder = waiting.pop()
            project = read_maven(self.context, folder)
            if not isinstance(project, JavaProject):
                raise Refused("pom.xml cannot be read", run.step.instruction.span)
            elsewhere = _ELSEWHERE.search(self.files.text(project.path) or "")
            if elsewhere:
                raise Refused(
                    f"{project.path}: {elsewhere[0]} may leave files outside of target", run.step.instruction.span
                )
            place = posixpath.normpath(
                posixpath.join(made.folder, posixpath.relpath(folder or ".", root or "."), "target")
            )
            if place not in self.wanted.projects and len(self.wanted.projects) < 100:
                self.wanted.projects[place] = None if project.unknown or self._renamed(made, project) else project
                self.outputs.trees[place] = None
                waiting += [posixpath.dirname(one) if one.endswith(".xml") else one for one in project.modules]

    def _renamed(self, made: Made, project: JavaProject) -> bool:
        """Whether an option may change what the artefacts are called."""
        text = self.files.text(project.path) or ""
        return any(one == "-P" or re.search(rf"\b{re.escape(one)}\b", text) for one in made.named)

    def _gradle(self, run: Run, call: Invocation) -> None:
        made = gradle(run, call)
        self.wanted.called.update(() if run.optional else made.called)
        self.fetches_gradle = self.fetches_gradle or (call.program == "gradlew" and not run.step.mounts)
        if not made.leaves or run.optional:
            return
        names = ("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts")
        root = next(
            (one for name in names if (one := self.files.source(run.step, posixpath.join(made.folder, name)))), None
        )
        if root is None:
            raise Refused(f"no build.gradle is known to be in {made.folder}", run.step.instruction.span)
        self.roots[made.folder] = None
        start = posixpath.dirname(root[0])
        for entry in self.context.entries():
            folder = posixpath.dirname(entry.path)
            inside = not start or f"{folder}/".startswith(f"{start}/")
            if posixpath.basename(entry.path) not in names[:2] or not inside or "buildSrc" in folder.split("/"):
                continue
            project = read_gradle(self.context, folder)
            relative = posixpath.relpath(folder or ".", start or ".")
            place = posixpath.normpath(posixpath.join(made.folder, relative, "build"))
            known = isinstance(project, JavaProject) and not project.unknown and folder == start
            named = known and isinstance(project, JavaProject) and not self._renamed(made, project)
            self.wanted.projects[place] = project if named and isinstance(project, JavaProject) else None
            self.outputs.trees[place] = None

    def _javac(self, run: Run, call: Invocation) -> None:
        span = run.step.instruction.span
        target, folders = javac(run, call)
        if target is not None:
            copied = {posixpath.dirname(image or "") for taken in self.files.taken.values() for _, image in taken.files}
            if any(f"{folder}/".startswith(f"{target}/") for folder in copied):
                raise Refused("javac writes between the sources", span)
            self.wanted.projects[target] = None
            self.outputs.trees[target] = None
            return
        for taken in self.files.taken.values():
            for origin, image in taken.files:
                if origin.endswith(".java") and image is not None and posixpath.dirname(image) not in folders:
                    raise Refused(f"javac may compile {origin} along, where its classes are not looked for", span)
        for folder in folders:
            self.outputs.add(posixpath.join(folder, "*.class"))

    def runs_by(self, call: Called) -> bool:
        workdir = self.stage.final_state.workdir or "/"
        if call.program in _OF_THE_JRE:
            return True
        if "/" in call.typed and call.program != "java":
            return self.wanted.add_script(posixpath.normpath(posixpath.join(workdir, call.typed)), call)
        if call.program != "java":
            return False
        own = config(self.stage.image or "")
        if "/" in call.typed and (own is None or own.programs.get("java") != call.typed):
            raise Refused(f"{call.where} runs {call.typed}, and what brings that is not known", call.span)
        run = read_call(call.argv)
        if run.main is None and run.jar is None and run.options[:1] in (("-version",), ("--version",)):
            return True
        if run.source or (run.jar is None and run.main is None):
            raise Refused(f"{call.where} has java compile what it runs, or read its options from a file", call.span)
        paths = [run.jar] if run.jar is not None else [folder_of(one) for one in run.paths or (".",)]
        found = [self.wanted.add(one, workdir, call) for one in (*paths, *run.agents)]
        if not any(found):
            raise Refused(f"{call.where} runs {run.jar or run.main}, which is not what is built here", call.span)
        for one in (*run.options, *run.arguments):
            value = one.rpartition("=")[2].removeprefix("file:")
            if not value.startswith("-") and self.outputs.tree(posixpath.normpath(posixpath.join(workdir, value))):
                raise Refused(f"{call.where} names {value}, and what that is for is not known", call.span)
        return True

    def shipped(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.outputs.paths, *self.wanted.shipped()]))

    def distribution(self, base: str, dropped: frozenset[str]) -> Distribution:
        own, home = config(self.stage.image or ""), self.stage.final_state.env.get("JAVA_HOME")
        if home is not None and own is not None and home != own.env.get("JAVA_HOME"):
            raise Refused(f"JAVA_HOME is {home}, which is not that of {self.stage.image}")
        for run in self.runs:
            if found := [one for one in run.packages if _JAVA_PACKAGE.fullmatch(one)]:
                raise Refused(f"{found[0]} is another Java than that of {self.stage.image}", run.step.instruction.span)
        if base == self.stage.image:
            added = [one for run in self.runs for one in run.packages]
            name = "alpine" if self.image.distribution == "alpine" else "debian"
            return Difference(name, added, [one for one in added if one not in dropped])
        return difference(self.image, self.stage.image or "", base, self.runs, dropped)

    def base(self) -> str:
        return jre(self.image, self.stage, self.fetches_gradle)

    def spelled(self, base: str) -> str:
        return spelled(self.image, self.stage, base)

    def needs(self) -> Needs:
        sources = self._sources
        jdk = sources.jdk if self.base() != self.stage.image else ()
        for one in (*jdk, *sources.unknown):
            line = f":{one.place.line}" if one.place.line else ""
            raise Refused(f"{one.place.file}{line}: {one.reason}")
        names = {re.escape(posixpath.basename(one)) for one in self.outputs.trees}
        beside = sources.mentions(rf"(?:{'|'.join(sorted(names))})/") if names else None
        if beside is not None:
            raise Refused(f"{beside} names a file in a folder that only the build fills")
        for step in self.stage.steps:
            words = [posixpath.normpath(one) for one in re.split(r"[\s=:\"]", step.instruction.logical.text)]
            if step.keyword == "ENV" and any(one.startswith("/") and self.outputs.tree(one) for one in words):
                raise Refused("a variable names a folder that only the build fills", step.instruction.span)
            if "USE_SYSTEM_CA_CERTS" in step.instruction.logical.text and self.image.name == "maven":
                raise Refused("only the JRE's image heeds USE_SYSTEM_CA_CERTS", step.instruction.span)
        return Needs(
            programs=tuple((one.name, f"{one.place.file}:{one.place.line}") for one in sources.programs),
            certain=True,
            evidence=tuple(self.wanted.evidence),
        )

    @property
    def links(self) -> bool:
        return False

    def only_builds(self, package: str) -> bool:
        return package in _BUILD_TOOLS and not any(one.name == package for one in self._sources.programs)

    def is_tooling(self, path: str) -> bool:
        return (
            posixpath.basename(path) in _MANIFESTS
            or path.startswith(".mvn/")
            or path.endswith((".gradle", ".gradle.kts"))
        )

    def is_source(self, path: str) -> bool:
        name = posixpath.basename(path)
        if self.is_tooling(path):
            return True
        if self._reads_sources:
            return False
        return name.endswith(_SOURCE_ENDINGS) or _BUILD_FOLDERS.search(f"/{path}") is not None or self._stale(path)

    @functools.cached_property
    def _sources(self) -> JavaSources:
        return read_sources(self.context)

    @functools.cached_property
    def _reads_sources(self) -> bool:
        return self._sources.mentions(r"/?(?:[\w./-]+/)?src/") is not None

    def unseen(self) -> tuple[str, ...]:
        sources = self._sources

        def mentions(path: str) -> bool:
            return sources.mentions(re.escape(path)) is not None

        folders = (*self.roots, *_OF_THE_TOOLS)
        return unseen(self.stage, self.files, folders, self.outputs.trees, mentions)

    def _stale(self, path: str) -> bool:
        """Whether a file lies where the build writes: what is left there from another build is not what runs."""
        match = re.search(r"(?:^|/)(?:target|build)/", path)
        return match is not None and path[: match.start()] in self._project_folders and bool(self.wanted.projects)

    @functools.cached_property
    def _project_folders(self) -> frozenset[str]:
        found = (one.path for one in self.context.entries() if one.path.endswith(BUILD_FILES))
        return frozenset(map(posixpath.dirname, found))

    def saves(self, base: str, dropped: frozenset[str], system: Distribution) -> Saving:
        del dropped, system
        return java_saves(self.image, self.stage, base, self.fetches_gradle)

    def check(self, call: Called) -> None:
        """Raise `Refused` for a program of the JDK, or one that builds."""
        if call.program in _TOOLS:
            raise Refused(f"{call.where} builds with {call.program} when it starts, as for development", call.span)
        if call.program in _OF_THE_JDK:
            raise Refused(f"{call.where} calls {call.program}, which only a JDK has", call.span)

    def reason(self) -> str:
        if self.base() == self.stage.image:
            return "the build tool and what it fetched are not needed to run the application"
        return "the JDK, the build tool and what it fetched are not needed to run the application"
