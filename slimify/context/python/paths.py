"""Paths inside the build context, as files of the context write them."""

from __future__ import annotations

import posixpath

from slimify.semantics.build_context import BuildContext, Kind

_LONGEST = 4096


def join(folder: str, relative: str) -> str | None:
    """The path in the context that `relative` names for a file in `folder`.

    None where it is absolute, leads out of the context, or cannot be a path at all.
    """
    relative = relative.replace("\\", "/")
    if not relative or relative.startswith("/") or "\0" in relative or len(relative) > _LONGEST:
        return None
    path = posixpath.normpath(posixpath.join(folder, relative))
    if path == ".." or path.startswith("../"):
        return None
    return "" if path == "." else path


def is_file(context: BuildContext, path: str) -> bool:
    """Whether a file is sent for this path; a link counts if it leads to one."""
    entry = context.entry(path)
    if entry is None:
        return False
    return entry.kind is Kind.FILE or (entry.kind is Kind.LINK and context.read(path) is not None)


def is_folder(context: BuildContext, path: str) -> bool:
    """Whether a folder is sent for this path; the root always is."""
    entry = context.entry(path) if path else None
    return not path or (entry is not None and entry.kind is Kind.FOLDER)


def below(context: BuildContext, folder: str) -> tuple[str, ...]:
    """The Python source files in a folder and in those under it."""
    prefix = f"{folder}/" if folder else ""
    return tuple(
        one.path
        for one in context.entries()
        if one.kind is Kind.FILE and one.path.endswith(".py") and one.path.startswith(prefix)
    )
