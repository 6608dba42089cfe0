"""Java projects built with Maven or Gradle: what they make, with which Java, and the wrappers beside them.

Sources: Maven documentation, "POM Reference", "Standard Directory Layout"; Spring Boot Maven and
Gradle plugin documentation; Gradle documentation, "The Java Plugin", "Organizing Gradle Projects".
A Gradle build is a program; only plain values in it are seen.
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.context.found import Place, Unknown, is_file, join, line_of, source, uncommented
from slimify.context.xml_text import Element, parse
from slimify.semantics.build_context import BuildContext

_PROPERTY = re.compile(r"\$\{([^}]*)\}")
_PLUGINS = {
    "spring-boot-maven-plugin": "spring-boot",
    "maven-shade-plugin": "shade",
    "maven-assembly-plugin": "assembly",
    "quarkus-maven-plugin": "quarkus",
    "jib-maven-plugin": "jib",
    "maven-dependency-plugin": "dependency",
    "native-maven-plugin": "native",
}


class Artefact(NamedTuple):
    """A file that the build makes, a path of the context. `runnable` says that it holds its dependencies."""

    path: str
    runnable: bool | None
    place: Place


class JavaProject(NamedTuple):
    """A pom.xml or a build.gradle.

    `java` is the release that is compiled for, as written; `modules` are folders of the context;
    `plugins` short names (spring-boot, shade, quarkus, war …). `inputs` are other files that the
    build needs before its sources: parents, settings, wrappers.
    """

    tool: str
    path: str
    folder: str
    name: str
    version: str
    packaging: str
    java: str
    modules: tuple[str, ...]
    plugins: tuple[tuple[str, Place], ...]
    artefacts: tuple[Artefact, ...]
    inputs: tuple[str, ...]
    unknown: tuple[Unknown, ...]

    def uses(self, plugin: str) -> bool:
        """Whether a plugin of this short name is applied."""
        return any(name == plugin for name, _ in self.plugins)


def read_maven(context: BuildContext, folder: str = "") -> JavaProject | Unknown | None:
    """The pom.xml of a folder: None if there is none, `Unknown` if it cannot be read."""
    path = posixpath.join(folder, "pom.xml")
    if not is_file(context, path):
        return None
    text = source(context, path)
    root = parse(text) if text is not None else None
    if root is None or root.name != "project":
        return Unknown("pom.xml cannot be read", Place(path))
    unknown: list[Unknown] = []
    inputs = [one for one in _wrapper(context, folder, ("mvnw", ".mvn/wrapper/maven-wrapper.properties")) if one]
    inputs += _wrapper(context, folder, (".mvn/maven.config", ".mvn/jvm.config", ".mvn/extensions.xml"))
    parents = _parents(context, folder, root, inputs, unknown)
    properties = _properties(root, parents)
    plugins: list[tuple[str, Place]] = []
    applied = root.child("build", "plugins")
    for element in applied.children if applied is not None else ():
        short = _PLUGINS.get(element.value("artifactId"))
        if short:
            plugins.append((short, Place(path, element.line)))
    profiles = root.child("profiles")
    for profile in profiles.all("profile") if profiles is not None else ():
        if profile.child("build") or profile.child("modules"):
            unknown.append(Unknown("a profile changes the build", Place(path, profile.line)))
    packaging = root.value("packaging") or "jar"
    modules: list[str] = []
    listed = root.child("modules")
    for element in listed.all("module") if listed is not None else ():
        inner = join(folder, element.text.strip())
        if inner is None or not is_file(context, inner if inner.endswith(".xml") else posixpath.join(inner, "pom.xml")):
            unknown.append(
                Unknown(f"the module {element.text.strip()} is not in the context", Place(path, element.line))
            )
        else:
            modules.append(inner)
    artefacts = _maven_artefact(root, folder, path, packaging, properties, plugins, unknown)
    java = next((value for key in _JAVA_PROPERTIES if (value := properties.get(key))), "") or _compiler(root)
    return JavaProject(
        "maven",
        path,
        folder,
        properties.get("project.artifactId", ""),
        properties.get("project.version", ""),
        packaging,
        _expand(java, properties) or "",
        tuple(modules),
        tuple(plugins),
        artefacts,
        tuple(inputs),
        tuple(unknown),
    )


_JAVA_PROPERTIES = ("maven.compiler.release", "maven.compiler.target", "java.version", "maven.compiler.source")


def _compiler(root: Element) -> str:
    plugins = root.child("build", "plugins")
    for one in plugins.all("plugin") if plugins is not None else ():
        if one.value("artifactId") == "maven-compiler-plugin":
            return one.value("configuration", "release") or one.value("configuration", "target")
    return ""


def _wrapper(context: BuildContext, folder: str, names: tuple[str, ...]) -> list[str]:
    paths = [posixpath.join(folder, name) for name in names]
    return [path for path in paths if is_file(context, path)]


def _parents(
    context: BuildContext, folder: str, root: Element, inputs: list[str], unknown: list[Unknown]
) -> list[Element]:
    """The parents that are in the context; one that is not comes from a repository, unless a path names it."""
    found: list[Element] = []
    current, at = root, folder
    while len(found) < 10:
        parent = current.child("parent")
        if parent is None:
            break
        named = parent.child("relativePath")
        written = named.text.strip() if named is not None else "../pom.xml"
        path = join(at, written) if written else None
        if path is not None and not path.endswith(".xml"):
            path = posixpath.join(path, "pom.xml")
        text = source(context, path) if path is not None and is_file(context, path) else None
        element = parse(text) if text is not None else None
        same = element is not None and element.value("artifactId") == parent.value("artifactId")
        if element is None or path is None or not same:
            if named is not None and written:
                unknown.append(Unknown(f"the parent {written} is not in the context", Place("pom.xml", parent.line)))
            break
        inputs.append(path)
        found.append(element)
        current, at = element, posixpath.dirname(path)
    return found


def _properties(root: Element, parents: list[Element]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in [*reversed(parents), root]:
        listed = one.child("properties")
        for element in listed.children if listed is not None else ():
            found[element.name] = element.text.strip()
    for key in ("groupId", "artifactId", "version"):
        value = root.value(key) or root.value("parent", key) * (key != "artifactId")
        found[f"project.{key}"] = found[f"pom.{key}"] = value
    for key in ("project.version", "project.artifactId"):
        found[key] = _expand(found[key], found) or ""
    return found


def _expand(text: str, properties: dict[str, str]) -> str | None:
    """The text with its properties; None where one is not known, or they go round."""
    for _ in range(10):
        if "${" not in text:
            return text
        text = _PROPERTY.sub(lambda match: properties.get(match[1]) or "${?", text)
        if "${?" in text or len(text) > 1000:
            return None
    return None


def _maven_artefact(
    root: Element,
    folder: str,
    path: str,
    packaging: str,
    properties: dict[str, str],
    plugins: list[tuple[str, Place]],
    unknown: list[Unknown],
) -> tuple[Artefact, ...]:
    if packaging not in ("jar", "war", "ear"):
        return ()
    written = root.child("build", "finalName")
    line = written.line if written is not None else (element.line if (element := root.child("artifactId")) else 0)
    version, name = properties.get("project.version"), properties.get("project.artifactId")
    final = _expand(written.text.strip(), properties) if written is not None else version and f"{name}-{version}"
    if root.child("build", "directory") is not None or not final or "/" in final:
        unknown.append(Unknown("the name of the artefact is not known", Place(path, line)))
        return ()
    place = Place(path, line)
    names = {name for name, _ in plugins}
    target = posixpath.join(folder, "target")
    if "quarkus" in names:
        return (Artefact(f"{target}/quarkus-app/quarkus-run.jar", True, place),)
    runnable = bool(names & {"spring-boot", "shade"}) or packaging == "war"
    found = [Artefact(f"{target}/{final}.{packaging}", runnable or None, place)]
    if "assembly" in names:
        listed = root.child("build", "plugins")
        for one in listed.all("plugin") if listed is not None else ():
            if one.value("artifactId") == "maven-assembly-plugin":
                found += _assembly(one, target, final, path, unknown)
    return tuple(found)


def _assembly(plugin: Element, target: str, final: str, path: str, unknown: list[Unknown]) -> list[Artefact]:
    """`jar-with-dependencies` is the one descriptor that the plugin itself brings and that makes a runnable jar."""
    place = Place(path, plugin.line)
    configurations = [plugin.child("configuration")]
    executions = plugin.child("executions")
    configurations += [one.child("configuration") for one in (executions.all("execution") if executions else ())]
    for one in configurations:
        if one is None or one.value("descriptorRefs", "descriptorRef") != "jar-with-dependencies":
            continue
        name = one.value("finalName") or final
        if "${" in name:
            break
        suffix = "" if one.value("appendAssemblyId") == "false" else "-jar-with-dependencies"
        return [Artefact(f"{target}/{name}{suffix}.jar", True, place)]
    unknown.append(Unknown("what the assembly makes is not known", place))
    return []


_GRADLE_PLUGIN = re.compile(
    r"""^\s*(?:id\s*\(?\s*["']([\w.-]+)["']|apply\s+plugin:\s*["']([\w.-]+)["']|(java|application|war)\s*$)""",
    re.MULTILINE,
)
_GRADLE_SHORT = {
    "org.springframework.boot": "spring-boot",
    "com.github.johnrengelman.shadow": "shadow",
    "com.gradleup.shadow": "shadow",
    "io.quarkus": "quarkus",
    "com.google.cloud.tools.jib": "jib",
    "io.ktor.plugin": "ktor",
}
_COMMENT = re.compile(r"""//[^\n]*|/\*(?:.*?\*/|.*\Z)|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'""", re.DOTALL)


def read_gradle(context: BuildContext, folder: str = "") -> JavaProject | Unknown | None:
    """The build.gradle(.kts) of a folder with its settings: None if there is none, `Unknown` if it cannot be read."""
    paths = [posixpath.join(folder, name) for name in ("build.gradle", "build.gradle.kts")]
    path = next((one for one in paths if is_file(context, one)), None)
    if path is None:
        return None
    written = source(context, path, 300_000)
    if written is None:
        return Unknown("the build file cannot be read", Place(path))
    text = uncommented(written, _COMMENT)
    unknown: list[Unknown] = []
    settings, rest = _settings(context, folder)
    name = _assigned(settings, r"rootProject\.name")
    modules: list[str] = []
    for call in re.findall(r"\binclude\s*\(?([^)\n]*(?:,\s*\n[^)\n]*)*)", settings):
        for one in re.findall(r"""["']:?([\w:./-]+)["']""", call):
            inner = join(folder, one.replace(":", "/"))
            if inner is not None:
                modules.append(inner)
    plugins = []
    for match in _GRADLE_PLUGIN.finditer(text):
        plugin = match[1] or match[2] or match[3]
        plugins.append(
            (_GRADLE_SHORT.get(plugin, plugin), Place(path, line_of(text, match.start(match.lastindex or 0))))
        )
    version = _assigned(text, r"\bversion")
    java = re.search(
        r"JavaLanguageVersion\.of\(\s*[\"']?(\d+)|(?:source|target)Compatibility\s*=?\s*(?:JavaVersion\.VERSION_)?[\"']?([\d._]+)"
        r"|jvmToolchain\((\d+)",
        text,
    )
    artefacts = _gradle_artefact(text, folder, path, name, version, {one for one, _ in plugins}, unknown)
    inputs = [*rest, *_wrapper(context, folder, ("gradlew", "gradle/wrapper/gradle-wrapper.properties"))]
    inputs += _wrapper(
        context, folder, ("gradle/wrapper/gradle-wrapper.jar", "gradle.properties", "gradle/libs.versions.toml")
    )
    if is_file(context, posixpath.join(folder, "gradlew")) and not any(one.endswith("wrapper.jar") for one in inputs):
        unknown.append(Unknown("gradle-wrapper.jar is not in the context", Place(path)))
    return JavaProject(
        "gradle",
        path,
        folder,
        name,
        version,
        "war" if any(one == "war" for one, _ in plugins) else "jar",
        next((one for one in java.groups() if one), "").replace("_", ".") if java else "",
        tuple(modules),
        tuple(plugins),
        artefacts,
        tuple(inputs),
        tuple(unknown),
    )


def _settings(context: BuildContext, folder: str) -> tuple[str, list[str]]:
    for name in ("settings.gradle", "settings.gradle.kts"):
        path = posixpath.join(folder, name)
        text = source(context, path, 300_000) if is_file(context, path) else None
        if text is not None:
            return uncommented(text, _COMMENT), [path]
    return "", []


def _assigned(text: str, key: str) -> str:
    """A plain string that is given to a name, once."""
    found = re.findall(rf"""^\s*{key}\s*(?:=\s*)?["']([^"'$]*)["']\s*$""", text, re.MULTILINE)
    return found[0] if len(found) == 1 else ""


def _gradle_artefact(
    text: str, folder: str, path: str, name: str, version: str, plugins: set[str], unknown: list[Unknown]
) -> tuple[Artefact, ...]:
    place = Place(path)
    if "quarkus" in plugins:
        return (Artefact(posixpath.join(folder, "build/quarkus-app/quarkus-run.jar"), True, place),)
    renamed = re.search(r"archive\w*(?:Name|Version|Classifier)\b|archivesBaseName|\bbuildDir\b|buildDirectory", text)
    computed = re.search(r"^\s*version\b", text, re.MULTILINE) and not version
    if not name or renamed or computed or not plugins & {"java", "application", "war", "spring-boot", "shadow"}:
        unknown.append(Unknown("the name of the artefact is not known", place))
        return ()
    base = posixpath.join(folder, "build/libs", name + (f"-{version}" if version else ""))
    suffix = ".war" if "war" in plugins else ".jar"
    if "spring-boot" in plugins:
        return (Artefact(base + suffix, True, place), Artefact(base + "-plain" + suffix, False, place))
    found = [Artefact(base + suffix, None if suffix == ".war" else False, place)]
    if "shadow" in plugins:
        found.insert(0, Artefact(base + "-all.jar", True, place))
    return tuple(found)
