"""Reading an image: what `docker save` writes, in either of its forms, and OCI layouts, as streams.

Source: OCI image specification, "Image Layout"; Docker image specification 1.2, "Combined Image JSON + Filesystem
Changeset Format". A `docker save` archive names its layers at the end, so that all of them are read before it is known
which are the image's. What cannot be read is a fault only if it is the image's: there are other things in archives.
"""

from __future__ import annotations

import io
import os
import posixpath
import stat
import tarfile
from collections.abc import Callable
from typing import IO, Any, NamedTuple, cast

from slimify.proof.budget import Budget
from slimify.proof.descriptions import (
    LONGEST,
    as_list,
    as_mapping,
    blob,
    chosen,
    configuration,
    made_by,
    parsed,
    shell,
)
from slimify.proof.image import Image, ImageError, Layer, TooMuchError
from slimify.proof.plain import plain
from slimify.proof.recorded import without_arguments
from slimify.proof.tar_entries import entries
from slimify.proof.tar_layer import Contents, Look, read_layer
from slimify.proof.unpacked import damage, unpacked


class ReadLayer(NamedTuple):
    """What a layer holds, and its size as it is stored."""

    stored: int
    contents: Contents


class _Parts:
    """What was found in an archive, by path: texts of descriptions, layers, and why something could not be read."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._found: dict[str, bytes | ReadLayer | ImageError] = {}
        self._links: dict[str, str] = {}

    def add(self, path: str, part: bytes | ReadLayer | ImageError) -> None:
        self._found[path] = part

    def link(self, path: str, target: str) -> None:
        self._links[path] = target

    def has(self, path: str) -> bool:
        return path in self._found

    def document(self, path: str) -> Any:
        part = self._part(path)
        if not isinstance(part, bytes):
            raise ImageError(f"{self._name}: {plain(path)} is missing")
        return parsed(part, path)

    def layer(self, path: str) -> ReadLayer:
        part = self._part(path)
        if not isinstance(part, ReadLayer):
            raise ImageError(f"{self._name}: {plain(path)}, a layer of the image, is missing")
        return part

    def _part(self, path: str) -> bytes | ReadLayer | None:
        part = self._found.get(path, self._found.get(self._links.get(path, "")))
        if isinstance(part, ImageError):
            raise part
        return part


def read_archive(
    stream: IO[bytes],
    name: str,
    look: Look | None = None,
    compress: bool = False,
    known: dict[str, ReadLayer] | None = None,
) -> Image:
    """The image in a `docker save` archive, or in an archive of an OCI layout. Raises `ImageError`.

    Of several images it is the first one. `look` and `compress` are those of `read_layer`. `known` are layers that were
    read before in the same way, by the paths that their digests give them, to which those of this one are added: images
    of an engine share their bases. What is not an engine's may lie about its digests.
    """
    parts = _Parts(name)
    budget = Budget(name)
    try:
        for archive, entry in entries(unpacked(stream), budget):
            path = posixpath.normpath(entry.name)
            if entry.issym() or entry.islnk():
                # Older archives hold a layer once, and link to it (docker save before version 25).
                folder = posixpath.dirname(path) if entry.issym() else ""
                parts.link(path, posixpath.normpath(posixpath.join(folder, entry.linkname)))
                continue
            file = archive.extractfile(entry) if entry.isfile() else None
            if file is None or entry.size == 0:
                continue
            buffered = io.BufferedReader(cast("io.RawIOBase", file))
            if _is_document(buffered):
                parts.add(path, _document(buffered, entry.size, path, budget))
            elif known is not None and path in known:
                parts.add(path, known[path])
            elif path.startswith("blobs/") or path.endswith((".tar", ".tar.gz", ".tar.zst")):
                try:
                    contents = read_layer(buffered, f"{name}: {plain(path)}", budget, look, compress)
                except TooMuchError:
                    raise
                except ImageError as error:
                    parts.add(path, error)
                else:
                    read = ReadLayer(entry.size, contents)
                    parts.add(path, read)
                    if known is not None and path.startswith("blobs/sha256/"):
                        known[path] = read
    except damage() as error:
        raise ImageError(f"{name} is no archive of an image: {error}") from error
    if not parts.has("manifest.json"):
        return _from_index(name, parts.document, parts.layer)
    images = as_list(parts.document("manifest.json"), f"{name}: manifest.json")
    if not images:
        raise ImageError(f"{name}: manifest.json names no image")
    first = as_mapping(images[0], f"{name}: the image of manifest.json")
    config = parts.document(posixpath.normpath(str(first.get("Config", ""))))
    layers = as_list(first.get("Layers"), f"{name}: Layers of manifest.json")
    return _image(name, [posixpath.normpath(str(path)) for path in layers], config, parts.layer)


def _is_document(stream: io.BufferedReader[Any]) -> bool:
    """Whether it begins like JSON, and not like a layer whose first file has such a name."""
    start = stream.peek(tarfile.BLOCKSIZE)[: tarfile.BLOCKSIZE]
    if start[:1] not in (b"{", b"["):
        return False
    try:
        tarfile.TarInfo.frombuf(start, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return True
    return False


def _document(stream: IO[bytes], size: int, path: str, budget: Budget) -> bytes | ImageError:
    if size > LONGEST or not budget.document(size):
        return ImageError(f"{plain(path)} is larger than any description of an image")
    return stream.read(size)


def read_layout(folder: str) -> Image:
    """The image in the folder of an OCI layout. Raises `ImageError`."""
    budget = Budget(folder)

    def document(path: str) -> Any:
        with _opened(folder, path) as file:
            data = _document(file, os.fstat(file.fileno()).st_size, path, budget)
        if isinstance(data, ImageError):
            raise data
        return parsed(data, path)

    def layer(path: str) -> ReadLayer:
        with _opened(folder, path) as file:
            return ReadLayer(os.fstat(file.fileno()).st_size, read_layer(file, f"{folder}: {path}", budget))

    return _from_index(folder, document, layer)


def _opened(folder: str, path: str) -> IO[bytes]:
    """A file of a layout: no link out of it, and nothing that is waited for."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.fdopen(os.open(os.path.join(folder, path), flags), "rb")
    except OSError as error:
        raise ImageError(f"{folder}: {path}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ImageError(f"{folder}: {path} is no file")
    return file


def _from_index(name: str, document: Callable[[str], Any], layer: Callable[[str], ReadLayer]) -> Image:
    manifest = as_mapping(document("index.json"), f"{name}: index.json")
    for _ in range(4):
        if "layers" in manifest:
            break
        image = chosen(as_list(manifest.get("manifests"), f"{name}: manifests of the index"), name)
        if image is None:
            break
        manifest = as_mapping(document(blob(image, name)), f"{name}: the manifest")
    if "layers" not in manifest:
        raise ImageError(f"{name}: index.json leads to no image")
    layers = as_list(manifest["layers"], f"{name}: layers of the manifest")
    config = document(blob(manifest.get("config"), name))
    return _image(name, [blob(one, name) for one in layers], config, layer)


def _image(name: str, paths: list[str], config: Any, layer: Callable[[str], ReadLayer]) -> Image:
    config = configuration(config, name)
    made = [without_arguments(one, shell(config)) for one in made_by(config)]
    if len(made) != len(paths):
        made = [""] * len(paths)
    layers = []
    for path, by in zip(paths, made, strict=True):
        stored, contents = layer(path)
        digest = posixpath.basename(path) if path.startswith("blobs/") else posixpath.dirname(path)
        files, removed, emptied = contents.files, contents.removed, contents.emptied
        layers.append(Layer(digest, stored, contents.size, files, removed, emptied, by, contents.compressed))
    return Image(name, tuple(layers), config)
