"""What is in the files of an image: a digest of each, and what programs ask of the loader."""

from __future__ import annotations

import hashlib
import io
import tempfile
from typing import IO

from slimify.proof import elf, ld_cache
from slimify.proof.image import Content

_BLOCK = 1 << 20
# What is kept of a program in memory, and on disk. Addresses in the code of one reach 2 GB (x86-64 psABI, "Small code
# model"), so that of one beyond 8 GB it is all the same that nothing is known.
_IN_MEMORY = 16 << 20
_LARGEST_PROGRAM = 8 << 30
_TEXTS = ("etc/ld-musl-",)
_LONGEST_TEXT = 1 << 16
_LONGEST_CACHE = 8 << 20


def look(path: str, stream: IO[bytes]) -> Content:
    """Read a file to its end."""
    first = stream.read(_BLOCK)
    if first.startswith(elf.MAGIC):
        return _program(first, stream)
    digest = hashlib.blake2b(first, digest_size=16)
    kept = [first] if path == ld_cache.PATH else []
    size = len(first)
    while block := stream.read(_BLOCK) if len(first) == _BLOCK else b"":
        digest.update(block)
        size += len(block)
        if kept and size <= _LONGEST_CACHE:
            kept.append(block)
    if kept:
        return Content(digest.hexdigest(), None, "".join(f"{n}\t{at}\n" for n, at in ld_cache.entries(b"".join(kept))))
    text = first.decode("utf-8", "replace") if path.startswith(_TEXTS) and len(first) < _LONGEST_TEXT else ""
    return Content(digest.hexdigest(), None, text)


def _program(first: bytes, stream: IO[bytes]) -> Content:
    """A program's tables are anywhere in it, and it comes as a stream: a large one is laid on disk meanwhile."""
    digest = hashlib.blake2b(first, digest_size=16)
    if len(first) < _BLOCK:
        return Content(digest.hexdigest(), elf.linkage(io.BytesIO(first)))
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as kept:
        kept.write(first)
        size = len(first)
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
            if size <= _LARGEST_PROGRAM:
                kept.write(block)
        kept.seek(0)
        linkage = elf.linkage(kept) if size <= _LARGEST_PROGRAM else None
    return Content(digest.hexdigest(), linkage)
