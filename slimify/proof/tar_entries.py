"""The entries of an archive, one at a time, none of which can ask for more than a budget gives."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, Any, cast

from slimify.proof.budget import Budget

# A path of 4096 bytes, the same of a link, and an attribute of 64 KB, the most that Linux keeps (xattr(7)).
_LONGEST_HEADER = 1 << 17


class _Header:
    """Hands a stream on as long as what describes one entry is of a bearable length."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._left = _LONGEST_HEADER

    def read(self, count: int) -> bytes:
        self._left -= count
        if self._left < 0:
            raise tarfile.ReadError("what describes an entry is longer than any name")
        return cast("bytes", self._stream.read(count))

    def tell(self) -> int:
        return cast("int", self._stream.tell())


class _Entry(tarfile.TarInfo):
    """An entry whose long names, extended headers and maps of holes are read only if they are of a bearable length.

    They stand in front of the entry as entries of their own, each with its own size (pax(1), "pax Interchange Format";
    GNU tar, "Basic Tar Format"), and tarfile reads them as a whole.
    """

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> tarfile.TarInfo:  # type: ignore[override]
        stream = archive.fileobj
        if isinstance(stream, _Header):
            return super().fromtarfile(archive)
        archive.fileobj = cast("Any", _Header(stream))
        try:
            return super().fromtarfile(archive)
        finally:
            archive.fileobj = stream


def entries(stream: IO[bytes], budget: Budget) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The entries of an archive that is not compressed, and the archive to read them from before the next is asked for.

    Raises `TooMuchError`, and what tarfile raises.
    """
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Entry) as archive:
        for entry in archive:
            # Else the archive keeps all that it has seen. That global headers hold for what follows them, the unpackers
            # of images do not think either (Go, archive/tar, TypeXGlobalHeader).
            archive.members = []  # type: ignore[attr-defined]
            archive.pax_headers = {}
            if entry.size < 0:
                raise tarfile.ReadError("an entry of a negative size")
            budget.entry(entry.name, entry.linkname, entry.size)
            yield archive, entry
