"""Reading an image: what `docker save` writes, in either of its forms, and OCI layouts, as streams.

Source: OCI image specification, "Image Layout"; Docker image specification 1.2, "Combined Image JSON + Filesystem
Changeset Format". A `docker save` archive names its layers at the end, so that all of them are read before it is known
which are the image's.
"""

from __future__ import annotations

import io
import json
import os
import posixpath
import tarfile
from collections.abc import Callable, Mapping
from typing import IO, Any

from slimify.proof.image import Image, ImageError, Layer
from slimify.proof.tar_layer import Contents, Look, read_layer

_JSON_LIMIT = 64 << 20
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")

_Document = Mapping[str, Any]


def read_archive(stream: IO[bytes], name: str, look: Look | None = None, compress: bool = False) -> Image:
    """The image in a `docker save` archive, or in an archive of an OCI layout. Raises `ImageError`.

    Of several images it is the first one. `look` and `compress` are those of `read_layer`.
    """
    documents: dict[str, Any] = {}
    layers: dict[str, tuple[int, Contents]] = {}
    links: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as archive:
            for entry in archive:
                archive.members = []  # type: ignore[attr-defined]
                path = posixpath.normpath(entry.name)
                if entry.issym() or entry.islnk():
                    # Older archives hold a layer once, and link to it (docker save before version 25).
                    links[path] = posixpath.normpath(posixpath.join(posixpath.dirname(path), entry.linkname))
                    continue
                file = archive.extractfile(entry) if entry.isfile() else None
                if file is None or entry.size == 0:
                    continue
                buffered = io.BufferedReader(file)  # type: ignore[type-var]
                if buffered.peek(1)[:1] in (b"{", b"["):
                    documents[path] = _json(buffered, path)
                elif path.startswith("blobs/") or path.endswith((".tar", ".tar.gz", ".tar.zst")):
                    layers[path] = entry.size, read_layer(buffered, f"{name}: {path}", look, compress)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ImageError(f"{name} is no archive of an image: {error}") from error

    def layer(path: str) -> tuple[int, Contents]:
        found = layers.get(path) or layers.get(links.get(path, ""))
        if found is None:
            raise ImageError(f"{name}: {path}, a layer of the image, is missing")
        return found

    def document(path: str) -> Any:
        if path not in documents:
            raise ImageError(f"{name}: {path} is missing")
        return documents[path]

    if "manifest.json" in documents:
        first = _first(documents["manifest.json"], name)
        config = document(posixpath.normpath(str(first.get("Config", ""))))
        return _image(name, [posixpath.normpath(str(path)) for path in first.get("Layers", ())], config, layer)
    return _from_index(name, document, layer)


def read_layout(folder: str) -> Image:
    """The image in the folder of an OCI layout. Raises `ImageError`."""

    def document(path: str) -> Any:
        try:
            with open(_within(folder, path), "rb") as file:
                return _json(file, path)
        except OSError as error:
            raise ImageError(f"{folder}: {path}: {error.strerror}") from error

    def layer(path: str) -> tuple[int, Contents]:
        try:
            with open(_within(folder, path), "rb") as file:
                return os.fstat(file.fileno()).st_size, read_layer(file, f"{folder}: {path}")
        except OSError as error:
            raise ImageError(f"{folder}: {path}: {error.strerror}") from error

    return _from_index(folder, document, layer)


def _within(folder: str, path: str) -> str:
    if posixpath.normpath(path).startswith(("..", "/")):
        raise ImageError(f"{folder}: {path} lies outside")
    return os.path.join(folder, path)


def _from_index(name: str, document: Callable[[str], Any], layer: Callable[[str], tuple[int, Contents]]) -> Image:
    manifest = document("index.json")
    for _ in range(4):
        if not isinstance(manifest, dict) or "layers" in manifest:
            break
        wanted = [one for one in manifest.get("manifests", ()) if isinstance(one, dict)]
        images = [one for one in wanted if (one.get("platform") or {}).get("os", "linux") == "linux"]
        if not images:
            break
        manifest = document(_blob(images[0], name))
    if not isinstance(manifest, dict) or not isinstance(manifest.get("layers"), list):
        raise ImageError(f"{name}: index.json leads to no image")
    config = document(_blob(manifest.get("config"), name))
    return _image(name, [_blob(one, name) for one in manifest["layers"]], config, layer)


def _image(name: str, paths: list[str], config: Any, layer: Callable[[str], tuple[int, Contents]]) -> Image:
    if not isinstance(config, dict):
        raise ImageError(f"{name}: the configuration is none")
    history = [one for one in config.get("history", ()) if isinstance(one, dict) and not one.get("empty_layer")]
    made = [str(one.get("created_by", "")) for one in history]
    if len(made) != len(paths):
        made = [""] * len(paths)
    layers = []
    for path, by in zip(paths, made, strict=True):
        stored, contents = layer(path)
        digest = posixpath.basename(path) if path.startswith("blobs/") else posixpath.dirname(path)
        files, removed, emptied = contents.files, contents.removed, contents.emptied
        layers.append(Layer(digest, stored, contents.size, files, removed, emptied, by, contents.compressed))
    return Image(name, tuple(layers), config)


def _blob(descriptor: Any, name: str) -> str:
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    algorithm, _, value = str(digest).partition(":")
    if not algorithm.isalnum() or not value.isalnum():
        raise ImageError(f"{name}: {digest} is no digest")
    return f"blobs/{algorithm}/{value}"


def _first(manifest: Any, name: str) -> _Document:
    if not isinstance(manifest, list) or not manifest or not isinstance(manifest[0], dict):
        raise ImageError(f"{name}: manifest.json names no image")
    first: _Document = manifest[0]
    return first


def _json(stream: IO[bytes], path: str) -> Any:
    data = stream.read(_JSON_LIMIT + 1)
    if len(data) > _JSON_LIMIT:
        raise ImageError(f"{path} is larger than any description of an image")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{path} cannot be read: {error}") from error
