"""Making archives of images for tests: real ones, and ones that mean harm."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
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


def write_layout(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder
