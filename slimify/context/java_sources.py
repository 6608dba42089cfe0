"""What the sources of a Java project show that it needs when it runs: programs, the JDK itself, files beside its jar.

Java, Kotlin, Groovy and Scala are looked at as text: comments are left out, strings are read, calls are told by their
names. What a dependency does is not seen, but for those that are known to call the compiler of the JDK.

Sources: Java SE API (java.lang.ProcessBuilder, java.lang.Runtime, javax.tools); JEP 220 and make/Images.gmk of OpenJDK
(a JRE has the modules of the boot and platform loaders only: no jdk.compiler, jdk.jshell, jdk.attach, jdk.jdi,
jdk.jcmd, jdk.jartool, jdk.jlink, jdk.random).
"""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import NamedTuple

from slimify.context.found import Place, Program, Unknown, line_of, source, uncommented
from slimify.context.xml_text import parse
from slimify.semantics.build_context import BuildContext, Kind

_LANGUAGES = (".java", ".kt", ".groovy", ".scala")
# What the application itself is set up by; not the pages that it serves, nor what steers builds and services around it.
_SETTINGS = re.compile(
    r"(?:.*/)?src/main/resources/(?!(?:static|public|templates|META-INF/resources)/).*\.(?:properties|ya?ml|xml|conf|toml)"
    r"|(?:.*/)?(?:application|bootstrap|logback|log4j2?)[\w.-]*\.(?:properties|ya?ml|xml)"
)
_LIMIT = 4000
_STARTED = 200
_STRING = r'"(?:[^"\\\n]|\\.)*"'
# Without its end a string goes to that of the line: nothing is tried twice.
_COMMENT = re.compile(rf"{_STRING}?|'(?:[^'\\\n]|\\.)'|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_JDK = re.compile(
    r"\bjavax\.tools\.(?!Diagnostic\.Kind)|\bgetSystemJavaCompiler\b|\bcom\.sun\.(?:tools|source|jdi)\b|\bjdk\.jshell\b"
    r"|\bsun\.(?:tools|jvmstat)\b|\bjava\.util\.spi\.ToolProvider\b|\bByteBuddyAgent\b|\bRandomGenerator(?:Factory)?\b"
)
_STARTS = re.compile(r"\bProcessBuilder\s*\(|\bgetRuntime\s*\(\s*\)\s*\.\s*exec\s*\(|\bruntime\s*\.\s*exec\s*\(")
# What may stand between the call and its first string: an array or a list of them.
_FIRST = re.compile(
    rf"\s*(?:(?:new\s+String\s*\[\s*\]\s*\{{|(?:java\.util\.)?(?:List\.of|Arrays\.asList|listOf|arrayOf)\s*\()\s*)?({_STRING})"
)
_LOADS = re.compile(r"\bSystem\s*\.\s*load(?:Library)?\s*\(|\bNative\s*\.\s*load\s*\(")
# They call the compiler of the JDK, or attach to a running one, by themselves.
_NEED_JDK = frozenset(
    "arthas-agent-attach byte-buddy-agent byteman-install drools-compiler drools-engine InMemoryJavaCompiler "
    "jasperreports java-runtime-compiler jdk-tools jetty-jsp joor joor-java-8 tools".split()
)
_TESTS = re.compile(r"(?:^|/)src/(?:test|integrationTest|it)/")


class JavaSources(NamedTuple):
    """`jdk` are the places that need more than a JRE has; `texts` is all that was looked at, by path."""

    programs: tuple[Program, ...]
    jdk: tuple[Unknown, ...]
    unknown: tuple[Unknown, ...]
    texts: tuple[tuple[str, str], ...]

    def mentions(self, pattern: str) -> str | None:
        """The first file with a string in it that a pattern matches from the string's start."""
        quoted = re.compile(rf"[\"'=:>\s](?:file:)?(?:\./)?(?:{pattern})")
        return next((path for path, text in self.texts if quoted.search(text)), None)


def read_sources(context: BuildContext) -> JavaSources:
    """Look through the sources and settings of a context; tests are left out."""
    programs: list[Program] = []
    jdk: list[Unknown] = []
    unknown: list[Unknown] = []
    texts: list[tuple[str, str]] = []
    if context.truncated:
        unknown.append(Unknown("not all of the build context is looked at", Place("")))
    for entry in context.entries():
        name = posixpath.basename(entry.path)
        if entry.kind is not Kind.FILE or _TESTS.search(entry.path):
            continue
        if name.endswith((".jsp", ".jspx")):
            jdk.append(Unknown("JSP pages may be compiled when they are asked for", Place(entry.path)))
        if name == "pom.xml" or name.endswith((".gradle", ".gradle.kts")):
            jdk += _dependencies(context, entry.path)
            continue
        if not name.endswith(_LANGUAGES) and not _SETTINGS.fullmatch(entry.path):
            continue
        text = source(context, entry.path)
        if text is None or len(texts) > _LIMIT:
            unknown.append(Unknown("it is too large to be looked at", Place(entry.path)))
            continue
        if name.endswith(_LANGUAGES):
            text = uncommented(text, _COMMENT)
            _look(entry.path, text, programs, jdk, unknown)
        texts.append((entry.path, text))
    return JavaSources(tuple(programs), tuple(jdk), tuple(unknown), tuple(texts))


def _look(path: str, text: str, programs: list[Program], jdk: list[Unknown], unknown: list[Unknown]) -> None:
    if match := _JDK.search(text):
        jdk.append(Unknown(f"{match[0].rstrip('.')} is of the JDK", Place(path, line_of(text, match.start()))))
    if match := _LOADS.search(text):
        unknown.append(Unknown("a native library is loaded", Place(path, line_of(text, match.start()))))
    for number, match in enumerate(_STARTS.finditer(text)):
        if number == _STARTED:
            unknown.append(Unknown("too many programs are started to look at all of them", Place(path)))
            return
        place = Place(path, line_of(text, match.start()))
        first = _FIRST.match(text, match.end())
        words = _words(first[1][1:-1]) if first is not None else []
        if not words or "\\" in words[0] or "$" in words[0]:
            unknown.append(Unknown("a program is started whose name is not known", place))
            return
        name = posixpath.basename(words[0])
        programs.append(Program(name, (), place))
        if name in ("sh", "bash", "cmd", "env", "sudo"):
            unknown.append(Unknown("a program is started whose name is not known", place))


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _dependencies(context: BuildContext, path: str) -> list[Unknown]:
    text = source(context, path)
    if text is None:
        return [Unknown("it cannot be read", Place(path))]
    found = []
    if path.endswith("pom.xml"):
        root = parse(text)
        listed = root.child("dependencies") if root is not None else None
        for one in listed.all("dependency") if listed is not None else ():
            if one.value("artifactId") in _NEED_JDK and one.value("scope") not in ("test", "provided"):
                found.append(Unknown(f"{one.value('artifactId')} calls the JDK", Place(path, one.line)))
        return found
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"\s*(?!test|compileOnly|annotationProcessor)\w+[\s(]+[\"'][\w.-]+:([\w.-]+)", line)
        if match and match[1] in _NEED_JDK:
            found.append(Unknown(f"{match[1]} calls the JDK", Place(path, number)))
    return found
