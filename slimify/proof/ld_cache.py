"""The loader's cache, which `ldconfig` writes: which libraries it knows, and where they are.

Source: glibc, sysdeps/generic/dl-cache.h, the format `glibc-ld.so.cache1.1`, alone or behind the older one.
"""

from __future__ import annotations

import struct

PATH = "etc/ld.so.cache"
_MAGIC = b"glibc-ld.so.cache1.1"
_HEADER, _ENTRY = 48, 24
_BIG_ENDIAN = 3
_MOST = 100_000
_LONGEST = 4096


def entries(data: bytes) -> tuple[tuple[str, str], ...]:
    """Each library by its name, and its path; none of a cache that is damaged."""
    data = data[max(data.find(_MAGIC), 0) :]
    if not data.startswith(_MAGIC) or len(data) < _HEADER:
        return ()
    order = ">" if data[28] & 3 == _BIG_ENDIAN else "<"
    (count,) = struct.unpack_from(f"{order}I", data, 20)
    if count > _MOST or _HEADER + count * _ENTRY > len(data):
        return ()
    places = (struct.unpack_from(f"{order}II", data, _HEADER + number * _ENTRY + 4) for number in range(count))
    return tuple((_text(data, name), _text(data, path)) for name, path in places)


def _text(data: bytes, at: int) -> str:
    return data[at : at + _LONGEST].partition(b"\0")[0].decode("utf-8", "surrogateescape")
