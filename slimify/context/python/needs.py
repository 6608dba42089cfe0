"""What an application needs when it runs beside the modules it imports: programs, libraries, files.

A source is read with libcst if its bytes mention anything that could be one of these.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import NamedTuple

from slimify.context.python.need import Need, NeedKind
from slimify.context.python.problems import Problem
from slimify.context.python.source import parse_concrete
from slimify.knowledge.python import calls
from slimify.semantics.build_context import BuildContext

_MOST_BYTES = 2 << 20
_FILE_WORDS = (
    "__file__",
    "get_data",
    "pkg_resources",
    "resources",
    "importlib_resources",
    "read_text",
    "read_bytes",
    "run_path",
)


class Needs(NamedTuple):
    """The needs of several modules. `unread` are the ones that could not be looked into, with the reason."""

    found: tuple[Need, ...]
    unread: tuple[Problem, ...]

    def of(self, kind: NeedKind) -> tuple[Need, ...]:
        """The needs of one kind."""
        return tuple(one for one in self.found if one.kind is kind)

    @property
    def unknown(self) -> tuple[Need, ...]:
        """The programs and libraries whose names the sources do not tell."""
        return tuple(one for one in self.found if one.name is None and one.kind is not NeedKind.FILE)


@functools.cache
def _worth_reading() -> re.Pattern[bytes]:
    """A pattern that every source matches in which there is anything to find."""
    known = calls()
    functions = (*known.argv, *known.shell, *known.first, *known.second, *known.libraries)
    words = {*map(_rare_word, functions), *known.attribute, *known.methods, *_FILE_WORDS}
    either = b"|".join(re.escape(word).encode() for word in sorted(words))
    return re.compile(rb"\b(?:open[ \t]*+\(|(?:" + either + rb")\b)")


def _rare_word(function: str) -> str:
    """The word of a qualified name that must stand in every source that uses it, and in few others."""
    parts = function.split(".")
    if "subprocess" in parts:
        return "subprocess"
    last = parts[-1]
    return last if parts[0] == "os" or "_" in last or last == "Popen" else parts[0]


def read_needs(context: BuildContext, paths: Iterable[str]) -> Needs:
    """Look for the needs of these modules, in this order, until a bound on their sizes is reached."""
    found: list[Need] = []
    unread: list[Problem] = []
    size = 0
    for path in dict.fromkeys(paths):
        data = context.read(path)
        if data is None:
            unread.append(Problem(path, 0, "is not in the build context, or too large"))
            continue
        if not _worth_reading().search(data):
            continue
        size += len(data)
        if size > _MOST_BYTES:
            unread.append(Problem(path, 0, f"not read: more than {_MOST_BYTES} bytes of sources"))
            continue
        module = parse_concrete(data)
        if isinstance(module, str):
            unread.append(Problem(path, 0, module))
            continue
        # Imports libcst, which only now is needed.
        from slimify.context.python.module_needs import module_needs

        needs = module_needs(path, module)
        if isinstance(needs, str):
            unread.append(Problem(path, 0, needs))
        else:
            found += needs
    return Needs(tuple(found), tuple(unread))
