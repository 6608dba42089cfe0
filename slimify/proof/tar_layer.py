"""One layer, read as a stream: only the headers of its entries are looked at, and nothing is ever unpacked."""

from __future__ import annotations

import gzip
import io
import posixpath
import tarfile
import zlib
from collections.abc import Callable
from typing import IO, NamedTuple, cast

from slimify.proof.image import Content, FileKind, ImageError, LayerFile

# OCI image specification, "Whiteouts" and "Opaque Whiteout".
_HIDES = ".wh."
_HIDES_ALL = ".wh..wh..opq"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# More than any image has; an archive that claims more is made to do harm.
MOST_ENTRIES = 5_000_000
MOST_BYTES = 1 << 40
LONGEST_PATH = 4096


class Contents(NamedTuple):
    """What a layer's archive says, as in `Layer`. `compressed` is None where it was not measured."""

    size: int
    files: dict[str, LayerFile]
    removed: frozenset[str]
    emptied: frozenset[str]
    compressed: int | None = None


Look = Callable[[str, IO[bytes]], Content]


def read_layer(stream: IO[bytes], name: str, look: Look | None = None, compress: bool = False) -> Contents:
    """Read a layer's archive to its end: plain, gzip or zstd. Raises `ImageError` if it is damaged or hostile.

    `look` is shown what is in each file, as a stream that can only be read forwards. With `compress` it is measured
    what a layer that is stored plain would be compressed to.
    """
    try:
        plain = _plain(stream)
        if not (compress and isinstance(plain, io.BufferedReader)):
            return _read(plain, name, look)
        measured = _Compressed(plain)
        contents = _read(cast("IO[bytes]", measured), name, look)
        return contents._replace(compressed=measured.finish())
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, _zstd_error()) as error:
        raise ImageError(f"{name} is no layer that can be read: {error}") from error


def _read(stream: IO[bytes], name: str, look: Look | None) -> Contents:
    files: dict[str, LayerFile] = {}
    removed: set[str] = set()
    emptied: set[str] = set()
    size = read = 0
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for count, entry in enumerate(archive):
            # Else the archive keeps all entries that it has seen.
            archive.members = []  # type: ignore[attr-defined]
            read += entry.size
            if count > MOST_ENTRIES or read > MOST_BYTES or len(entry.name) > LONGEST_PATH:
                raise ImageError(f"{name} has more in it than any image has")
            path = _inside(entry.name)
            folder, base = posixpath.split(path)
            if base == _HIDES_ALL:
                emptied.add(folder)
            elif base.startswith(_HIDES):
                removed.add(posixpath.join(folder, base[len(_HIDES) :]))
            elif path:
                old = files.get(path)
                size -= old.size if old is not None else 0
                files[path] = _entry(entry)
                if look is not None and entry.isfile() and (file := archive.extractfile(entry)) is not None:
                    files[path] = files[path]._replace(content=look(path, file))
                size += files[path].size
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


def _plain(stream: IO[bytes]) -> IO[bytes]:
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(stream)  # type: ignore[type-var]
    start = buffered.peek(4)[:4]
    if start.startswith(_GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=buffered))
    if start == _ZSTD:
        import zstandard

        # A window of 128 MB is what the format's own tool takes without being asked (zstd, --ultra).
        reader: IO[bytes] = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            buffered, read_across_frames=True
        )
        return reader
    return buffered


def _zstd_error() -> type[Exception]:
    import zstandard

    error: type[Exception] = zstandard.ZstdError
    return error
