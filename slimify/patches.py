"""`slimify apply`: a patch that `slimify fix --diff` printed, put into the files it names."""

from __future__ import annotations

import os
import sys

from slimify.files import FileError, Snapshot, read, replace, write
from slimify.run import FAILED, OK, WOULD_CHANGE, complain, log


def apply_saved(patch: str, only: tuple[str, ...], skip: tuple[str, ...], *, check: bool, quiet: bool) -> int:
    """Apply the patch at the path `patch`, and return the exit code.

    Nothing is written unless the patch applies to all files that it names, and each result is a Dockerfile.
    """
    from slimify.rewrite.diff import PatchError, apply_patch, created_files, left_out, patched_files
    from slimify.syntax.dockerfile import parse
    from slimify.syntax.errors import DockerfileSyntaxError
    from slimify.syntax.source import Source

    try:
        data = sys.stdin.buffer.read() if patch == "-" else read(patch).data
        text = data.decode("utf-8", "surrogateescape")
        paths = patched_files(text)
        if not paths:
            raise PatchError("there is no patch in it", patch)
    except (FileError, PatchError) as error:
        return complain(error)
    changes: list[tuple[Snapshot, bytes]] = []
    failed = inseparable = False
    try:
        created = {path for path in created_files(text) if _is_ignore_file(path)}
        new = {path: content for path, content in created_files(text, only, skip).items() if path in created}
    except PatchError as error:
        return complain(error)
    for path in paths:
        try:
            if path in created:
                if path in new and os.path.lexists(_here(path)):
                    raise FileError(path, "is there already, and the patch would create it")
                continue
            snapshot = read(_here(path))
            after = apply_patch(Source.from_bytes(snapshot.data, path), text, only=only, skip=skip)
            if not _is_ignore_file(path):
                parse(after)
            changes.append((snapshot, after.data))
            for hunk in left_out(text, path, only, skip):
                inseparable = True
                names = ", ".join(hunk.transforms)
                log(f"{path}:{hunk.start}: left out: {names} made this hunk together, and not all of them are wanted")
        except (FileError, PatchError, DockerfileSyntaxError) as error:
            failed = True
            complain(error)
    if failed or (inseparable and all(data == snapshot.data for snapshot, data in changes)):
        return FAILED
    return _write(changes, new, check=check, quiet=quiet)


def _is_ignore_file(path: str) -> bool:
    """Whether it is the kind of file that slimify writes beside a Dockerfile."""
    return path.endswith(".dockerignore")


def _write(changes: list[tuple[Snapshot, bytes]], new: dict[str, str], *, check: bool, quiet: bool) -> int:
    changed = 0
    failed = False
    for path, text in new.items():
        try:
            if not check:
                write(path, text.encode("utf-8", "surrogateescape"))
            changed += 1
        except FileError as error:
            failed = True
            complain(error)
    for snapshot, data in changes:
        if data == snapshot.data:
            continue
        try:
            if not check:
                replace(snapshot, data)
            changed += 1
        except FileError as error:
            failed = True
            complain(error)
    if not quiet:
        log(f"{changed} file{'' if changed == 1 else 's'} {'would change' if check else 'rewritten'}")
    if failed:
        return FAILED
    return WOULD_CHANGE if check and changed else OK


def _here(path: str) -> str:
    """The path, if it is in the current folder: a patch is text from anywhere (so `git apply`, too)."""
    folder = os.path.join(os.path.realpath("."), "")
    if not os.path.realpath(path).startswith(folder):
        raise FileError(path, "is outside of the current folder; apply the patch from a folder that holds it")
    return path
