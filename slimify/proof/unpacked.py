"""Archives without their compression, a little at a time: what is small when compressed may be large."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from typing import IO, cast

# How much memory an archive may ask for to be read: a window of 128 MB is what the tool of zstd takes without being
# asked (zstd, --ultra), and xz never writes one of more than 64 MB (xz(1), -9).
_WINDOW = 1 << 27
_GZIP, _ZSTD, _BZIP2, _XZ = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00"


def unpacked(stream: IO[bytes]) -> IO[bytes]:
    """The stream without its compression. It is itself, buffered, where it has none."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", stream))
    start = buffered.peek(6)[:6]
    if start.startswith(_GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=buffered))
    if start.startswith(_ZSTD):
        import zstandard

        reader: IO[bytes] = zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(
            buffered, read_across_frames=True
        )
        return reader
    if start.startswith(_BZIP2):
        return io.BufferedReader(_Unpacking(buffered, bz2.BZ2Decompressor()))
    if start == _XZ:
        return io.BufferedReader(_Unpacking(buffered, lzma.LZMADecompressor(memlimit=_WINDOW)))
    return buffered


class _Unpacking(io.RawIOBase):
    """What a decompressor makes of a stream, no more of it at once than is asked for."""

    def __init__(self, stream: IO[bytes], decompressor: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._stream, self._decompressor = stream, decompressor

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = b""
        while not (data or self._decompressor.eof):
            more = self._stream.read(1 << 16) if self._decompressor.needs_input else b""
            if not more and self._decompressor.needs_input:
                raise EOFError("the compressed data ends too early")
            data = self._decompressor.decompress(more, len(buffer))
        buffer[: len(data)] = data
        return len(data)


def damage() -> tuple[type[Exception], ...]:
    """What the readers of archives raise when one is damaged."""
    import zstandard

    of_formats = (tarfile.TarError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
    return (*of_formats, EOFError, OSError, ValueError, RecursionError, MemoryError)
