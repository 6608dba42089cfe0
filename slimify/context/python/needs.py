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

_MOST_BYTES = 4 << 20
_FILE_WORDS = ("__file__", "get_data", "pkg_resources", "importlib", "read_text", "read_bytes", "open")


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
    roots = {name.partition(".")[0] for name in (*functions, *known.attribute)} - {"os"}
    words = {*roots, *known.methods, *_FILE_WORDS}
    words |= {name.partition(".")[2] for name in functions if name.startswith("os.")}
    return re.compile(rb"\b(?:" + b"|".join(re.escape(word).encode() for word in sorted(words)) + rb")\b")


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
