"""One layer, read as a stream: only the headers of its entries are looked at, and nothing is ever unpacked."""

from __future__ import annotations

import posixpath
import tarfile
import zlib
from collections.abc import Callable
from typing import IO, NamedTuple, cast

from slimify.proof.budget import Budget
from slimify.proof.image import Content, FileKind, ImageError, LayerFile
from slimify.proof.tar_entries import entries
from slimify.proof.unpacked import damage, unpacked

# OCI image specification, "Whiteouts" and "Opaque Whiteout".
_HIDES = ".wh."
_HIDES_ALL = ".wh..wh..opq"


class Contents(NamedTuple):
    """What a layer's archive says, as in `Layer`. `compressed` is None where it was not measured."""

    size: int
    files: dict[str, LayerFile]
    removed: frozenset[str]
    emptied: frozenset[str]
    compressed: int | None = None


Look = Callable[[str, IO[bytes]], Content]


def read_layer(
    stream: IO[bytes], name: str, budget: Budget, look: Look | None = None, compress: bool = False
) -> Contents:
    """Read a layer's archive to its end: plain or compressed. Raises `ImageError` if it is damaged or hostile.

    `look` is shown what is in each file, as a stream that can only be read forwards. With `compress` it is measured
    what a layer that is stored plain would be compressed to.
    """
    try:
        plain = unpacked(stream)
        if not (compress and plain is stream):
            return _read(plain, budget, look)
        measured = _Compressed(plain)
        contents = _read(cast("IO[bytes]", measured), budget, look)
        return contents._replace(compressed=measured.finish())
    except damage() as error:
        raise ImageError(f"{name} is no layer that can be read: {error}") from error


def _read(stream: IO[bytes], budget: Budget, look: Look | None) -> Contents:
    files: dict[str, LayerFile] = {}
    removed: set[str] = set()
    emptied: set[str] = set()
    # Most of what has no content of its own looks like something else that has none.
    alike: dict[LayerFile, LayerFile] = {}
    size = 0
    for archive, entry in entries(stream, budget):
        path = _inside(entry.name)
        folder, base = posixpath.split(path)
        budget.folders(path)
        if base == _HIDES_ALL:
            emptied.add(folder)
        elif base.startswith(_HIDES):
            removed.add(posixpath.join(folder, base[len(_HIDES) :]))
        elif path:
            old = files.get(path)
            size -= old.size if old is not None else 0
            file = _entry(entry)
            if look is not None and entry.isfile() and (content := archive.extractfile(entry)) is not None:
                file = file._replace(content=look(path, content))
            size += file.size
            files[path] = file if file.size else alike.setdefault(file, file)
    return Contents(size, files, frozenset(removed), frozenset(emptied))


class _Compressed:
    """Hands a stream on, and counts what it is compressed to.

    Docker and BuildKit push layers through gzip with its default level, which is 6 (Go, compress/flate).
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._gzip = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        self._size = 0

    def read(self, count: int = -1) -> bytes:
        data = self._stream.read(count)
        self._size += len(self._gzip.compress(data))
        return data

    def finish(self) -> int:
        """The bytes for the whole stream, of which the reader of an archive leaves the end alone."""
        while self.read(1 << 20):
            pass
        return self._size + len(self._gzip.flush())


def _inside(path: str) -> str:
    """A path of an entry, held inside of the root as an unpacker would hold it."""
    return posixpath.normpath(posixpath.join("/", path)).lstrip("/")


def _entry(entry: tarfile.TarInfo) -> LayerFile:
    if entry.isfile():
        kind = FileKind.FILE
    elif entry.isdir():
        kind = FileKind.FOLDER
    elif entry.issym():
        kind = FileKind.LINK
    else:
        kind = FileKind.HARD_LINK if entry.islnk() else FileKind.OTHER
    size = entry.size if kind is FileKind.FILE else 0
    target = _inside(entry.linkname) if kind is FileKind.HARD_LINK else entry.linkname
    return LayerFile(kind, size, entry.mode & 0o7777, entry.uid, entry.gid, target)
