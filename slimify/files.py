"""Reading files, and replacing them so that whatever happens the old or the new content is there."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import NamedTuple


class FileError(Exception):
    """A file that could not be read or written."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message

    def __reduce__(self) -> tuple[type[FileError], tuple[str, str]]:
        return FileError, (self.path, self.message)


class Snapshot(NamedTuple):
    """A file as it was when it was read. `real` is where it is, symbolic links followed."""

    path: str
    real: str
    data: bytes


_SPECIAL = "is not a regular file, so it cannot be rewritten (see --output)"


def read(path: str, *, regular: bool = False) -> Snapshot:
    """Read a file, with `regular` only a regular one, so that nobody waits for a pipe. Raises `FileError`."""
    try:
        if regular and not stat.S_ISREG(os.stat(path).st_mode):
            raise FileError(path, "is a directory" if os.path.isdir(path) else _SPECIAL)
        # By the name that was given: `/dev/fd/63` has no other that could be opened.
        with open(path, "rb") as file:
            return Snapshot(path, os.path.realpath(path), file.read())
    except OSError as error:
        raise FileError(path, _why(error)) from None


def replace(snapshot: Snapshot, data: bytes) -> bool:
    """Write `data` where `snapshot` was read, if it differs, and say whether it did.

    Mode, owner and extended attributes stay, and a symbolic link goes on pointing to the file.
    (A hard link does not: its other names keep the old content.) Raises `FileError`, the file
    untouched, if it has changed since it was read, is write-protected, or is no regular file.
    """
    if data == snapshot.data:
        return False
    path, real = snapshot.path, snapshot.real
    try:
        status = os.stat(real)
    except OSError as error:
        raise FileError(path, _why(error)) from None
    if not stat.S_ISREG(status.st_mode):
        raise FileError(path, _SPECIAL)
    # Replacing a file needs no permission on the file itself, but who takes it away means it.
    if not os.access(real, os.W_OK):
        raise FileError(path, "is write-protected")
    _write(path, real, data, status, snapshot.data)
    return True


def write(path: str, data: bytes) -> None:
    """Make `data` the content of the file at `path`, new or not. Raises `FileError`."""
    real = os.path.realpath(path)
    try:
        status = os.stat(real)
    except FileNotFoundError:
        _write(path, real, data, None, None)
        return
    except OSError as error:
        raise FileError(path, _why(error)) from None
    if stat.S_ISREG(status.st_mode):
        replace(read(path), data)
        return
    try:
        with open(real, "wb") as file:  # a pipe or a device such as /dev/stdout
            file.write(data)
    except OSError as error:
        raise FileError(path, _why(error)) from None


def _write(path: str, real: str, data: bytes, status: os.stat_result | None, expected: bytes | None) -> None:
    folder = os.path.dirname(real)
    # In the same folder, because os.replace is atomic only within a file system.
    temporary = os.path.join(folder, f".slimify-{os.urandom(8).hex()}.tmp")
    mode = 0o666 if status is None else 0o600
    try:
        # An interrupt can come as soon as the file is there, before its descriptor is.
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except OSError as error:
            raise FileError(path, f"cannot write in the folder {folder}: {error.strerror}") from None
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
                if status is not None:
                    _dress(path, real, descriptor, status)
                file.flush()
                os.fsync(descriptor)
            if expected is not None and not _still(path, real, expected):
                raise FileError(path, "has changed since it was read, so it was left alone")
            os.replace(temporary, real)
        except OSError as error:
            raise FileError(path, _why(error)) from None
    except BaseException:  # an interrupt too: nothing may lie around
        _remove(temporary)
        raise
    # The folder is not synchronised: a power cut may bring the old file back, and that one is whole.


def _still(path: str, real: str, expected: bytes) -> bool:
    # The content is compared, not the time stamp, which many file systems keep too coarsely.
    if os.path.realpath(path) != real:
        return False
    with open(real, "rb") as file:
        return file.read(len(expected) + 1) == expected


def _dress(path: str, real: str, descriptor: int, status: os.stat_result) -> None:
    """Give the new file the owner, the attributes and the mode of the old one."""
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        except PermissionError:
            raise FileError(path, "belongs to somebody else, and its owner could not be kept") from None
    if hasattr(os, "listxattr"):
        _copy_attributes(real, descriptor)
    # Last, because a change of owner clears the set-user-ID bits.
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))


def _copy_attributes(real: str, descriptor: int) -> None:
    # As far as the file system and our rights go: among them are access control lists and labels
    # that some systems set by themselves and do not let us set.
    with suppress(OSError):
        for name in os.listxattr(real):
            with suppress(OSError):
                os.setxattr(descriptor, name, os.getxattr(real, name))


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
