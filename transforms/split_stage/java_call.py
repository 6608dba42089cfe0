"""How `java` is called: what it runs, and from where (JDK documentation, "The java Command")."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import NamedTuple

# Options with a value in the next argument.
_VALUED = frozenset(
    "-cp -classpath --class-path -p --module-path --upgrade-module-path --add-modules --limit-modules "
    "--enable-native-access --add-opens --add-exports --add-reads --patch-module -d --describe-module --source".split()
)
_CLASS_PATHS = frozenset(["-cp", "-classpath", "--class-path", "-p", "--module-path"])


class JavaCall(NamedTuple):
    """A jar or a class that is run; `paths` is the class path with the module path, `agents` are jars.

    `options` are all others, and `arguments` what the application is given. `source` says that a source file is
    compiled and run, or that options come from a file.
    """

    jar: str | None = None
    main: str | None = None
    paths: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    source: bool = False


def read_call(argv: Sequence[str | None]) -> JavaCall:
    """What is called. An argument that depends on a variable is taken for options, as in `java $JAVA_OPTS -jar`."""
    call, jar = JavaCall(), False
    words = iter(argv)
    for word in words:
        if word is None:
            continue
        name, equals, value = word.partition("=")
        if not word.startswith("-") or word in ("-m", "--module"):
            main = word if not word.startswith("-") else next(words, None)
            call = call._replace(arguments=tuple(one for one in words if one is not None))
            if jar:
                return call._replace(jar=main)
            return call._replace(main=main, source=word.startswith("@") or word.endswith(".java"))
        if word == "-jar":
            jar = True
        elif name in _VALUED:
            value = value if equals else next(words, None) or ""
            if name == "--source":
                return call._replace(source=True)
            if name in _CLASS_PATHS:
                call = call._replace(paths=(*call.paths, *(one for one in value.split(":") if one)))
        elif word.startswith("-javaagent:"):
            call = call._replace(agents=(*call.agents, word.partition(":")[2].partition("=")[0]))
        else:
            call = call._replace(options=(*call.options, word))
    return call


def folder_of(entry: str) -> str:
    """The folder, or the jar, that an entry of a class path means: `lib/*` is every jar in lib."""
    return posixpath.dirname(entry) if entry.endswith("/*") else entry
