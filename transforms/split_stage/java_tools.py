"""What Maven, Gradle, javac and jar leave behind, by how they are called.

Sources: Maven documentation, "Introduction to the Build Lifecycle", "Maven CLI Options Reference"; Gradle
documentation, "Command-Line Interface Reference", "The Java Plugin", "The Distribution Plugin"; JDK documentation, "The
javac Command", "The jar Command".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run

from slimify.semantics.commands import Invocation

_MAVEN_VALUED = frozenset(
    "-f --file -pl --projects -P --activate-profiles -s --settings -gs --global-settings -t --toolchains -T --threads "
    "-D --define -l --log-file -rf --resume-from -b --builder".split()
)
# Phases of the lifecycles, and goals, that leave nothing or only what the next ones need.
_MAVEN_LOOKS = frozenset(
    "clean validate initialize generate-sources process-sources generate-resources process-resources "
    "dependency:go-offline dependency:resolve dependency:resolve-plugins dependency:tree "
    "de.qaware.maven:go-offline-maven-plugin:resolve-dependencies "
    "wrapper:wrapper help:effective-pom help:evaluate test-compile test surefire:test spotless:apply spotless:check "
    "dependency:purge-local-repository formatter:format".split()
)
_MAVEN_MAKES = frozenset(
    "compile prepare-package package pre-integration-test integration-test verify install dependency:copy-dependencies "
    "spring-boot:repackage assembly:single assembly:assembly shade:shade jar:jar war:war compiler:compile "
    "resources:resources".split()
)
_GRADLE_VALUED = frozenset(
    "-x --exclude-task -p --project-dir -b --build-file -c --settings-file -g --gradle-user-home -I --init-script "
    "--console --max-workers --warning-mode -P --project-prop -D --system-prop".split()
)
_GRADLE_LOOKS = frozenset(
    "clean dependencies test check tasks wrapper classes compileJava compileKotlin testClasses help "
    "resolveDependencies "
    "downloadDependencies dependencyInsight properties projects buildEnvironment --version -v --stop".split()
)
_GRADLE_MAKES = frozenset(
    "build assemble jar bootJar bootWar war shadowJar fatJar uberJar buildFatJar installDist installBootDist "
    "installShadowDist install quarkusBuild processResources".split()
)
_JAVAC_VALUED = frozenset(
    "-d -cp -classpath --class-path -p --module-path -source --source -target --target --release -encoding -sourcepath "
    "--source-path -processor -processorpath --processor-path -h -s --add-modules --module-source-path --system".split()
)


class Made(NamedTuple):
    """Where a tool works, the goals or tasks that leave something there, and the properties that it is given."""

    folder: str
    called: tuple[str, ...]
    named: tuple[str, ...] = ()

    @property
    def leaves(self) -> bool:
        """Whether it leaves anything that may ship."""
        return bool(self.called)


def maven(run: Run, call: Invocation) -> Made:
    """What `mvn` does. Raises `Refused` for a goal that is not known."""
    span, folder = run.step.instruction.span, run.folder or run.step.state.workdir or "/"
    goals, given = [], []
    for name, value in _options(call, _MAVEN_VALUED, "mvn", run):
        if not name:
            goals.append(value)
        elif name in ("-f", "--file"):
            path = posixpath.normpath(posixpath.join(folder, value))
            folder = posixpath.dirname(path) if path.endswith(".xml") else path
        elif name in ("-P", "--activate-profiles"):
            given.append("-P")
        elif name in ("-D", "--define"):
            given.append(value.partition("=")[0])
            if value.startswith(("outputDirectory", "mdep.", "buildDirectory")):
                raise Refused(f"where maven puts what -D{value} asks for is not known", span)
    unknown = [one for one in goals if one not in _MAVEN_LOOKS | _MAVEN_MAKES]
    if unknown:
        raise Refused(f"what `mvn {unknown[0]}` leaves is not known", span)
    return Made(folder, tuple(one for one in goals if one in _MAVEN_MAKES), tuple(given))


def gradle(run: Run, call: Invocation) -> Made:
    """What `gradle` does. Raises `Refused` for a task that is not known."""
    span, folder = run.step.instruction.span, run.folder or run.step.state.workdir or "/"
    tasks, given = [], []
    for name, value in _options(call, _GRADLE_VALUED, "gradle", run):
        if not name:
            tasks.append(value.rpartition(":")[2])
        elif name in ("-p", "--project-dir"):
            folder = posixpath.normpath(posixpath.join(folder, value))
        elif name in ("-P", "--project-prop"):
            given.append(value.partition("=")[0])
        elif name in ("-b", "--build-file", "-c", "--settings-file", "-I", "--init-script"):
            raise Refused(f"which build `gradle {name}` runs is not known", span)
    unknown = [one for one in tasks if one not in _GRADLE_LOOKS | _GRADLE_MAKES]
    if unknown:
        raise Refused(f"what `gradle {unknown[0]}` leaves is not known", span)
    return Made(folder, tuple(one for one in tasks if one in _GRADLE_MAKES), tuple(given))


def javac(run: Run, call: Invocation) -> tuple[str | None, tuple[str, ...]]:
    """The folder of `-d` and the folders of the sources, absolute. Raises `Refused` for what is not named."""
    folder = run.folder or run.step.state.workdir or "/"
    target: str | None = None
    sources: dict[str, None] = {}
    for name, value in _options(call, _JAVAC_VALUED, "javac", run):
        if name == "-d":
            target = posixpath.normpath(posixpath.join(folder, value))
        elif not name:
            if not value.endswith(".java"):
                raise Refused(f"what javac compiles by {value} is not known", run.step.instruction.span)
            sources[posixpath.normpath(posixpath.join(folder, posixpath.dirname(value)))] = None
    if any(sign in one for one in sources for sign in "*?["):
        raise Refused("which folders javac compiles is not known", run.step.instruction.span)
    return target, tuple(sources)


def jar(run: Run, call: Invocation) -> str | None:
    """The file that `jar` writes, absolute; None where it only looks. Raises `Refused` for another use."""
    words = [one for one in call.argv if one is not None]
    folder = run.folder or run.step.state.workdir or "/"
    letters = words[0].lstrip("-") if words and len(words) == len(call.argv) else ""
    if re.fullmatch(r"[cvfem0M]+", letters) and "c" in letters and "f" in letters:
        order = [one for one in letters if one in "fem"]
        name = words[1 + order.index("f")] if len(words) > 1 + order.index("f") else ""
        if name:
            return posixpath.normpath(posixpath.join(folder, name))
    if re.fullmatch(r"[tvf]+", letters):
        return None
    raise Refused("what `jar` does here is not known", run.step.instruction.span)


def _options(call: Invocation, valued: Iterable[str], tool: str, run: Run) -> Iterator[tuple[str, str]]:
    """The options with their values, and operands with an empty name. `-Dx=y` comes apart as `-D` and `x=y`."""
    words = iter(call.argv)
    for word in words:
        if word is None:
            raise Refused(f"what {tool} is told depends on a variable", run.step.instruction.span)
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            yield "", word
        elif word[:2] in ("-D", "-P") and len(word) > 2:
            yield word[:2], word[2:]
        elif name in valued:
            yield name, value if equals else next(words, None) or ""
        else:
            yield word, ""
