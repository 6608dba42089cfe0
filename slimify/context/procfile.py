"""Procfile: the processes of an application.

Source: Heroku Dev Center, "The Procfile".
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from slimify.context.found import Place, Unknown, is_file, source
from slimify.context.shell import Calls, calls
from slimify.semantics.build_context import BuildContext

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(.+)")


class Process(NamedTuple):
    """A process type, its command, and what that starts."""

    name: str
    command: str
    calls: Calls
    place: Place


def read_procfile(context: BuildContext, folder: str = "") -> tuple[Process, ...] | Unknown | None:
    """The processes of a Procfile: None if there is none, `Unknown` if it cannot be read."""
    path = posixpath.join(folder, "Procfile")
    if not is_file(context, path):
        return None
    text = source(context, path, 100_000)
    if text is None:
        return Unknown("the Procfile cannot be read", Place(path))
    found = []
    for number, line in enumerate(text.splitlines()[:1000], 1):
        match = _LINE.fullmatch(line.strip())
        if match and not line.lstrip().startswith("#"):
            found.append(Process(match[1], match[2], calls(match[2], path, number), Place(path, number)))
    return tuple(found)
