"""Many short keys with a small vocabulary of values, packed small, and read one table at a time.

A packed file is a line of JSON (the notes, the vocabulary, and where each table lies) and then the
tables, each compressed by itself, so that a look-up reads and unpacks nothing but its own table. In
a table the keys are sorted, and a row says how many characters it shares with the key before it.
"""

from __future__ import annotations

import functools
import json
import os
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

# The first printable character; a row starts with two characters that are numbers above it.
_ZERO = 33
# The longest shared start that fits between `_ZERO` and the end of the printable ASCII characters.
_LONGEST = 93
_SURROGATES = 0xD800


class PackedError(ValueError):
    """What cannot be packed: a key that holds a line break, or too many different values."""


def pack(tables: Mapping[str, Mapping[str, str]], notes: Mapping[str, str]) -> bytes:
    """A packed file with these tables. The same tables always give the same bytes.

    Raises `PackedError`.
    """
    vocabulary = sorted({value for table in tables.values() for value in table.values()})
    if _ZERO + len(vocabulary) >= _SURROGATES:
        raise PackedError("too many different values")
    number = {value: index for index, value in enumerate(vocabulary)}
    blobs = {name: zlib.compress(_rows(tables[name], number).encode("utf-8"), 9) for name in sorted(tables)}
    places: dict[str, tuple[int, int]] = {}
    end = 0
    for name, blob in blobs.items():
        places[name] = (end, len(blob))
        end += len(blob)
    header = {"notes": dict(sorted(notes.items())), "values": vocabulary, "tables": places}
    return json.dumps(header, separators=(",", ":")).encode("ascii") + b"\n" + b"".join(blobs.values())


def _rows(table: Mapping[str, str], number: Mapping[str, int]) -> str:
    rows = []
    before = ""
    for key in sorted(table):
        if "\n" in key:
            raise PackedError(f"a key with a line break: {key!r}")
        shared = 0
        while shared < min(len(before), len(key), _LONGEST) and before[shared] == key[shared]:
            shared += 1
        rows.append(chr(_ZERO + shared) + chr(_ZERO + number[table[key]]) + key[shared:])
        before = key
    return "\n".join(rows)


def unpack(blob: bytes, vocabulary: list[str]) -> dict[str, str]:
    """One table of a packed file."""
    table: dict[str, str] = {}
    text = zlib.decompress(blob).decode("utf-8")
    key = ""
    for row in text.split("\n") if text else ():
        key = key[: ord(row[0]) - _ZERO] + row[2:]
        table[key] = vocabulary[ord(row[1]) - _ZERO]
    return table


class Header(NamedTuple):
    """What a packed file says of itself. `tables` are places relative to `start`, in bytes."""

    notes: dict[str, str]
    values: list[str]
    tables: dict[str, tuple[int, int]]
    start: int


@functools.cache
def header(name: str) -> Header:
    """The header of a packed file of this package."""
    with open(_path(name), "rb") as file:
        line = file.readline()
    data: dict[str, Any] = json.loads(line)
    tables = {table: (place[0], place[1]) for table, place in data["tables"].items()}
    return Header(data["notes"], data["values"], tables, len(line))


@functools.cache
def table(name: str, wanted: str) -> dict[str, str] | None:
    """One table of a packed file of this package, None if it has no such table."""
    about = header(name)
    place = about.tables.get(wanted)
    if place is None:
        return None
    with open(_path(name), "rb") as file:
        file.seek(about.start + place[0])
        return unpack(file.read(place[1]), about.values)


def _path(name: str) -> str:
    return os.path.join(os.path.dirname(__file__), name)
