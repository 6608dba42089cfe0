"""Files that an installer of Python reads without being told to, where a COPY brings them before an install.

Sources: pip documentation, "Configuration Files" and "Netrc Support"; setuptools documentation, "Configuration files";
uv documentation, "Configuration files".
"""

from __future__ import annotations

import posixpath
import re

from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.interpreted import assigned
from slimify.transforms.split_stage.refused import Refused

from slimify.semantics.build import BuildStage, Step

_PIP = frozenset(
    [
        "/etc/pip.conf",
        "/etc/xdg/pip/pip.conf",
        "/root/.config/pip/pip.conf",
        "/root/.pip/pip.conf",
        "/usr/local/pip.conf",
    ]
)
# What pip may be told there that has nothing to do with where, or as what, packages are installed.
_KNOWN = re.compile(
    r"(?:(?:extra-)?index-url|trusted-host|timeout|retries|proxy|cert|client-cert|no-cache-dir|cache-dir|quiet|verbose"
    r"|disable-pip-version-check|root-user-action|progress-bar|no-color|no-input|keyring-provider|index)"
)
_SETTING = re.compile(r"^\s*([\w-]+)\s*[=:]", re.MULTILINE)
_LEAD_ELSEWHERE = frozenset([".pydistutils.cfg", "pydistutils.cfg", "uv.toml"])
_PROJECT = frozenset([".netrc", "pyproject.toml", "pip.conf"])
# Programs and scripts that lie here are for the application.
_PROGRAMS = re.compile(r"(?:/usr(?:/local)?)?/s?bin/[^/]+|.*\.sh")


def read_unasked(stage: BuildStage, files: Files, last: int) -> frozenset[int]:
    """The COPY and ADD up to the last install whose files it may read: settings, certificates, passwords.

    Raises `Refused` where settings may lead an installer to another place.
    """
    found: set[int] = set()
    named = _named(stage, last)
    for index, taken in files.taken.items():
        step = stage.steps[index]
        if index > last:
            continue
        for origin, place in taken.files:
            if place is not None:
                _check(files, step, origin, place)
            # A name without an ending may be that of a folder in the image.
            if place is None or _read(files.folder(step), place, named):
                found.add(index)
    return frozenset(found)


def _named(stage: BuildStage, last: int) -> str:
    """The values of the variables that are set before the last install."""
    values = [value for step in stage.steps[:last] for _, value in assigned(step)]
    return "\n".join(values)


def _read(folder: str, place: str, named: str) -> bool:
    inside = f"{place}/".startswith(f"{folder.rstrip('/')}/") and folder != "/"
    if place in named or posixpath.basename(place) in _PROJECT:
        return True
    return not inside and _PROGRAMS.fullmatch(place) is None


def _check(files: Files, step: Step, origin: str, place: str) -> None:
    name = posixpath.basename(place)
    span = step.instruction.span
    if name in _LEAD_ELSEWHERE:
        raise Refused(f"{place} may have packages installed to another place", span)
    if place not in _PIP:
        return
    if place == "/usr/local/pip.conf":
        raise Refused(f"a virtualenv does not read {place}", span)
    text = files.text(origin)
    settings = None if text is None else [one.replace("_", "-") for one in _SETTING.findall(text)]
    if settings is None or not all(map(_KNOWN.fullmatch, settings)):
        raise Refused(f"{place} may have packages installed in another way", span)
