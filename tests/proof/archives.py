"""Making archives of images for tests: real ones, and ones that mean harm."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import zstandard

Entry = str | bytes | tarfile.TarInfo


def layer(
    files: Mapping[str, str | bytes] | None = None, *entries: tarfile.TarInfo, mode: int = 0o644, uid: int = 0
) -> bytes:
    """A layer's archive. A path that ends with a slash is a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in (files or {}).items():
            info = tarfile.TarInfo(path.rstrip("/"))
            data = content.encode() if isinstance(content, str) else content
            info.type = tarfile.DIRTYPE if path.endswith("/") else tarfile.REGTYPE
            info.size, info.mode, info.uid = len(data), mode, uid
            archive.addfile(info, io.BytesIO(data))
        for entry in entries:
            archive.addfile(entry)
    return buffer.getvalue()


def link(path: str, target: str, hard: bool = False) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type = tarfile.LNKTYPE if hard else tarfile.SYMTYPE
    info.linkname = target
    return info


def compressed(data: bytes, how: str) -> bytes:
    return {"plain": lambda: data, "gzip": lambda: gzip.compress(data), "zstd": lambda: zstandard.compress(data)}[how]()


def configuration(made_by: Iterable[str], config: Mapping[str, object] | None = None) -> bytes:
    history = [{"created_by": "ENV A=b", "empty_layer": True}, *({"created_by": one} for one in made_by)]
    config = {"Env": ["A=b"], **(config or {})}
    # What MAINTAINER sets stands beside the configuration.
    author = {"author": config.pop("author")} if "author" in config else {}
    return json.dumps({**author, "config": config, "history": history, "os": "linux"}).encode()


def blobs(layers: Iterable[bytes], made_by: Iterable[str]) -> dict[str, bytes]:
    """The files of an OCI layout."""
    files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def put(data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        files[f"blobs/sha256/{digest}"] = data
        return {"digest": f"sha256:{digest}", "size": len(data)}

    manifest = {"layers": [put(one) for one in layers], "config": put(configuration(made_by))}
    index = {"manifests": [{**put(json.dumps(manifest).encode()), "platform": {"os": "linux"}}]}
    files["index.json"] = json.dumps(index).encode()
    return files


def docker_save(layers: list[bytes], made_by: Iterable[str], config: Mapping[str, object] | None = None) -> bytes:
    """As `docker save` wrote it before version 25; a layer that is there twice is a link."""
    paths: list[str] = []
    entries: list[tarfile.TarInfo | tuple[str, bytes]] = []
    seen: dict[bytes, str] = {}
    for number, data in enumerate(layers):
        path = f"{number:064x}/layer.tar"
        paths.append(path)
        entries.append(link(path, f"../{seen[data]}") if data in seen else (path, data))
        seen.setdefault(data, path)
    entries.append(("c0ffee.json", configuration(made_by, config)))
    entries.append(("manifest.json", json.dumps([{"Config": "c0ffee.json", "Layers": paths}]).encode()))
    return archive(entries)


def archive(entries: Iterable[tarfile.TarInfo | tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as outer:
        for one in entries:
            if isinstance(one, tarfile.TarInfo):
                outer.addfile(one)
            else:
                info = tarfile.TarInfo(one[0])
                info.size = len(one[1])
                outer.addfile(info, io.BytesIO(one[1]))
    return buffer.getvalue()


def loader_cache(libraries: Mapping[str, str], old: bool = False, order: str = "<") -> bytes:
    """What `ldconfig` writes (glibc, dl-cache.h): each library by its name, and its path."""
    places, texts = b"", b""
    start = 48 + 24 * len(libraries)
    for name, path in libraries.items():
        where = start + len(texts)
        places += struct.pack(f"{order}iIIIQ", 0x0303, where, where + len(name) + 1, 0, 0)
        texts += f"{name}\0{path}\0".encode()
    flags = 3 if order == ">" else 2
    header = struct.pack(f"{order}20sIIB3x16x", b"glibc-ld.so.cache1.1", len(libraries), len(texts), flags)
    before = b"ld.so-1.7.0\0" + struct.pack(f"{order}I", 0) if old else b""
    return before + header + places + texts


def program(
    needed: Iterable[str] = (),
    interpreter: str = "",
    rpath: str = "",
    runpath: str = "",
    machine: int = 62,
    bits: int = 64,
    order: str = "<",
) -> bytes:
    """An ELF file with nothing in it but what it asks of the loader."""
    wide = bits == 64
    texts, tags = b"\0", b""
    pair = f"{order}QQ" if wide else f"{order}II"
    head, each = (64, 56) if wide else (52, 32)
    for tag, values in ((1, needed), (15, [rpath] if rpath else []), (29, [runpath] if runpath else [])):
        for value in values:
            tags += struct.pack(pair, tag, len(texts))
            texts += value.encode() + b"\0"
    asks = interpreter.encode() + b"\0"
    at = head + 3 * each
    size = len(asks) + len(texts)
    tags += struct.pack(pair, 5, 0x400000 + at + len(asks)) + struct.pack(pair, 0, 0)
    segments = [(1, at, size), (2, at + size, len(tags)), (3 if interpreter else 0, at, len(asks))]
    table = b""
    for kind, offset, length in segments:
        values = (kind, 4, offset, 0x400000 + offset, 0, length, length, 1)
        flags_last = (*values[:1], *values[2:7], 4, 1)
        table += struct.pack(f"{order}IIQQQQQQ", *values) if wide else struct.pack(f"{order}8I", *flags_last)
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    rest = "HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"
    header = ident + struct.pack(order + rest, 3, machine, 1, 0, head, 0, 0, head, each, 3, 0, 0, 0)
    return header + table + asks + texts + tags


def write_layout(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder
