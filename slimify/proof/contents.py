"""What is in the files of an image: a digest of each, and what programs ask of the loader."""

from __future__ import annotations

import hashlib
import io
from typing import IO

from slimify.proof.image import Content, Linkage

_BLOCK = 1 << 20
# A program larger than this is not looked into.
_LARGEST_PROGRAM = 512 << 20
_TEXTS = ("etc/ld.so.conf", "etc/ld-musl-")
_LONGEST_TEXT = 1 << 16


def look(path: str, stream: IO[bytes]) -> Content:
    """Read a file to its end."""
    first = stream.read(_BLOCK)
    if first.startswith(b"\x7fELF"):
        return _program(first, stream)
    digest = hashlib.blake2b(first, digest_size=16)
    text = first.decode("utf-8", "replace") if path.startswith(_TEXTS) and len(first) < _LONGEST_TEXT else ""
    while block := stream.read(_BLOCK) if len(first) == _BLOCK else b"":
        digest.update(block)
    return Content(digest.hexdigest(), None, text)


def _program(first: bytes, stream: IO[bytes]) -> Content:
    digest = hashlib.blake2b(first, digest_size=16)
    kept = [first]
    size = len(first)
    while block := stream.read(_BLOCK):
        digest.update(block)
        size += len(block)
        if size <= _LARGEST_PROGRAM:
            kept.append(block)
    linkage = _linkage(b"".join(kept)) if size <= _LARGEST_PROGRAM else None
    return Content(digest.hexdigest(), linkage)


def _linkage(data: bytes) -> Linkage | None:
    """The dynamic section of an ELF file; None if it has none, or is damaged (System V ABI, "Dynamic Section")."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.dynamic import DynamicSegment
    from elftools.elf.elffile import ELFFile
    from elftools.elf.segments import InterpSegment

    found: dict[str, list[str]] = {"DT_NEEDED": [], "DT_RPATH": [], "DT_RUNPATH": []}
    names = {"DT_NEEDED": "needed", "DT_RPATH": "rpath", "DT_RUNPATH": "runpath"}
    interpreter = ""
    try:
        file = ELFFile(io.BytesIO(data))
        for segment in file.iter_segments():
            if isinstance(segment, InterpSegment):
                interpreter = segment.get_interp_name()
            elif isinstance(segment, DynamicSegment):
                for tag in segment.iter_tags():
                    if tag.entry.d_tag in found:
                        found[tag.entry.d_tag].append(getattr(tag, names[tag.entry.d_tag]))
        bits = file.elfclass
    except (ELFError, ValueError, KeyError, AttributeError, IndexError, OverflowError, MemoryError):
        return None

    def folders(tag: str) -> tuple[str, ...]:
        return tuple(part for one in found[tag] for part in one.split(":") if part)

    return Linkage(tuple(found["DT_NEEDED"]), folders("DT_RPATH"), folders("DT_RUNPATH"), interpreter, bits)
