"""Text that is known but for some of its parts: what stands there is decided when the build runs.

A part that is not known is a hole with a name, made from the expression that it stands for, so that two
holes of one name hold the same. Holes are plain characters of a private area, and survive a shell's parser.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

_START, _END = "\ue000", "\ue001"
ROOT = "\ue002"
"""Stands at the start of an absolute path for the root of the repository."""
_HOLE = re.compile(f"{_START}([^{_START}{_END}]*){_END}")
# More would make matching slow for a path that was made to be.
_MOST_HOLES = 3
_LONGEST = 300


def hole(expression: str) -> str:
    """A hole for what an expression stands for."""
    return f"{_START}{re.sub('[^A-Za-z0-9_.-]+', '_', expression).strip('_')[:80]}{_END}"


def is_known(text: str) -> bool:
    """Whether a text has no hole."""
    return _START not in text


def shown(text: str) -> str:
    """The text for people, holes in braces."""
    return _HOLE.sub(r"{\1}", text).replace(ROOT, ".")


def constant(text: str) -> str:
    """What of a text is known."""
    return _HOLE.sub("", text)


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with those of its holes filled that `values` has, by name."""
    return _HOLE.sub(lambda match: values.get(match[1], match[0]), text)


def bindings(text: str, path: str) -> dict[str, str] | None:
    """What the holes of `text` must hold for it to be `path`; None if it cannot be, or says next to nothing.

    A path is only recognised by something that is not a hole, beside slashes.
    """
    parts = _HOLE.split(text)
    if len(parts) // 2 > _MOST_HOLES or len(path) > _LONGEST or not re.search(r"\w{3}", constant(text)):
        return None
    if not path.startswith(parts[0]) or not path.endswith(parts[-1].lstrip("/")):
        return None
    names: dict[str, str] = {}
    pattern = ""
    for at, part in enumerate(parts):
        if at % 2 == 0:
            pattern += re.escape(part)
        elif part in names:
            pattern += rf"(?({names[part]})(?P={names[part]})|\.)"
        elif parts[at + 1].startswith("/") and ((at == 1 and not parts[0]) or parts[at - 1].endswith("/")):
            # A folder, which may be `.`: then it is not in the path.
            names[part] = f"h{len(names)}"
            pattern += f"(?:(?P<{names[part]}>.+)/)?"
            parts[at + 1] = parts[at + 1][1:]
        else:
            names[part] = f"h{len(names)}"
            pattern += f"(?P<{names[part]}>.*)"
    match = re.fullmatch(pattern, path)
    return (
        None
        if match is None
        else {name: "." if match[group] is None else match[group] for name, group in names.items()}
    )


def at(folder: str, path: str) -> str | None:
    """The path from the root of the repository that `path` means in a folder of it; None if it leads out.

    So does a `..` behind a hole, for nobody knows where that leads.
    """
    if path.startswith(ROOT):
        folder, path = "", path[len(ROOT) :].lstrip("/")
    if path.startswith("/") or "\0" in path:
        return None
    parts: list[str] = []
    for part in posixpath.join(folder, path).split("/"):
        if part != "..":
            parts += [part] if part not in ("", ".") else []
        elif not parts or not is_known(parts.pop()):
            return None
    return "/".join(parts)
