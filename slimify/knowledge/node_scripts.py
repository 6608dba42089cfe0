"""Which packages of npm run a script when they are installed, as lock files of public projects tell.

`node_scripts.xz` is made by `scripts/read_lock_scripts.py` from package-lock.json files of format 2 and 3. npm
writes `hasInstallScript` beside every package that has a preinstall, install or postinstall script or a
binding.gyp (npm documentation, "package-lock.json"), so that an entry without it is a fact as well. The lock
files of yarn, of pnpm from version 9 on and of npm before 7 have no such mark: this is for them.

What is promised: of a package the lines of its versions (`line`) are listed of which a lock file had at least one, and
no version that was seen, of whatever line, has a script. A package that had one in any version has no lines at all.
Versions of a line that nobody locked are taken to be as those that were; a line that was not seen tells nothing.
"""

from __future__ import annotations

import functools
import os
import re

from slimify.knowledge.columns import unpack

_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})\.\d")


def line(version: str) -> str | None:
    """The line of versions that one belongs to: its major, or `0.` and its minor; None for what is no version.

    >>> line("4.18.2"), line("0.3.1"), line("^4")
    ('4', '0.3', None)
    """
    found = _VERSION.match(version)
    if found is None:
        return None
    major, minor = (str(int(part)) for part in found.groups())
    return f"0.{minor}" if major == "0" else major


def runs_script(name: str, version: str) -> bool | None:
    """Whether the install of a package runs a script of it.

    False: no version that was seen has one, and one of the same line was seen. True: a version of it has one, this
    or another. None: nothing is known.
    """
    lines = _lines().get(name)
    if lines is None:
        return None
    if not lines:
        return True
    return False if line(version) in lines.split() else None


@functools.cache
def _lines() -> dict[str, str]:
    """Names with the lines that were seen, empty for those that run scripts."""
    with open(os.path.join(os.path.dirname(__file__), "node_scripts.xz"), "rb") as file:
        columns = unpack(file.read())
    return dict.fromkeys(columns["scripted"], "") | dict(zip(columns["names"], columns["lines"], strict=True))
