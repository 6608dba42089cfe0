"""What a program asks of the loader, read off its file piece by piece.

Source: System V ABI, "ELF Header", "Program Header" and "Dynamic Section". Only what the loader itself would read is
looked at, and no more of it than a program has, so that a damaged file is none, whatever is in it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO, NamedTuple

from slimify.proof.image import Linkage

MAGIC = b"\x7fELF"
_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3
_NEEDED, _STRINGS, _RPATH, _RUNPATH = 1, 5, 15, 29
_MOST_SEGMENTS = 1024
_MOST_TAGS = 1 << 16
_LONGEST = 4096


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


def linkage(file: IO[bytes]) -> Linkage | None:
    """None if it is no ELF file, or is damaged. `file` can be read at any place."""
    try:
        return _linkage(file)
    except (struct.error, IndexError, ValueError, OverflowError):
        return None


def _linkage(file: IO[bytes]) -> Linkage | None:
    start = file.read(64)
    if not start.startswith(MAGIC) or start[4] not in (1, 2) or start[5] not in (1, 2):
        return None
    wide, order = start[4] == 2, "<>"[start[5] - 1]
    (machine,) = struct.unpack_from(f"{order}H", start, 18)
    segments = list(_segments(file, start, wide, order))
    interpreter = next((_text(file, one.offset, one.size) for one in segments if one.kind == _INTERPRETER), "")
    dynamic = next((one for one in segments if one.kind == _DYNAMIC), None)
    tags = list(_tags(file, dynamic, wide, order)) if dynamic is not None else []
    strings = next((_offset(value, segments) for tag, value in tags if tag == _STRINGS), None)

    def texts(wanted: int) -> Iterator[str]:
        for tag, value in tags:
            if tag == wanted and strings is not None:
                yield _text(file, strings + value)

    def folders(wanted: int) -> tuple[str, ...]:
        return tuple(part for one in texts(wanted) for part in one.split(":") if part)

    needed = tuple(dict.fromkeys(texts(_NEEDED)))
    return Linkage(needed, folders(_RPATH), folders(_RUNPATH), interpreter, 64 if wide else 32, machine)


def _segments(file: IO[bytes], start: bytes, wide: bool, order: str) -> Iterator[_Segment]:
    (at,) = struct.unpack_from(f"{order}Q" if wide else f"{order}I", start, 32 if wide else 28)
    each, count = struct.unpack_from(f"{order}HH", start, 54 if wide else 42)
    if count > _MOST_SEGMENTS:
        raise ValueError("more segments than any program has")
    file.seek(at)
    data = file.read(each * count)
    for number in range(count):
        if wide:
            kind, _, offset, address, _, size = struct.unpack_from(f"{order}IIQQQQ", data, number * each)
        else:
            kind, offset, address, _, size = struct.unpack_from(f"{order}IIIII", data, number * each)
        yield _Segment(kind, offset, address, size)


def _tags(file: IO[bytes], dynamic: _Segment, wide: bool, order: str) -> Iterator[tuple[int, int]]:
    pair = struct.Struct(f"{order}QQ" if wide else f"{order}II")
    file.seek(dynamic.offset)
    wanted = min(dynamic.size, _MOST_TAGS * pair.size)
    data = file.read(wanted)
    if len(data) < wanted:
        raise ValueError("the file ends too early")
    for at in range(0, len(data) - pair.size + 1, pair.size):
        tag, value = pair.unpack_from(data, at)
        if tag == 0:
            break
        yield tag, value


def _offset(address: int, segments: list[_Segment]) -> int | None:
    """Where in the file what is loaded to an address lies."""
    for one in segments:
        if one.kind == _LOAD and one.address <= address < one.address + one.size:
            return one.offset + address - one.address
    return None


def _text(file: IO[bytes], offset: int, size: int = _LONGEST) -> str:
    file.seek(offset)
    return file.read(min(size, _LONGEST)).partition(b"\0")[0].decode("utf-8", "surrogateescape")
