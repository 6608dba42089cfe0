"""Paths as the builder reads them: with `/`, cleaned as Go does."""

from __future__ import annotations

import posixpath


def clean(path: str) -> str:
    """Go's `filepath.Clean`: the shortest path that means the same; `.` for an empty one."""
    path = posixpath.normpath(path)
    # POSIX lets two leading slashes mean something else, and so Python keeps them.
    return path[1:] if path.startswith("//") else path


def inside(path: str) -> str | None:
    """A relative path in the form that a build context knows it by (`` for the root); None if it leads out."""
    path = clean(path)
    if path == ".":
        return ""
    return None if path == ".." or path.startswith(("/", "../")) else path
