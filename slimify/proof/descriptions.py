"""The JSON in images: what an index, a manifest and a configuration may hold, and nothing else gets past here.

Source: OCI image specification, "Image Index", "Image Manifest" and "Image Configuration".
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from typing import Any

from slimify.proof.image import ImageError
from slimify.proof.plain import plain

# Registries take manifests of 4 MB (OCI distribution specification, "Pushing Manifests"); parsed, JSON is many times as
# large as it is written.
LONGEST = 8 << 20
# As Go calls what the kernel calls otherwise (Go, internal/platform; OCI image specification, "Image Index").
_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv6l": "arm",
    "armv7l": "arm",
    "armv8l": "arm",
    "i386": "386",
    "i686": "386",
}
_LISTS = ("Env", "Cmd", "Entrypoint", "Shell", "OnBuild")
_MAPPINGS = ("Labels", "ExposedPorts", "Volumes", "Healthcheck")


def parsed(data: bytes, path: str) -> Any:
    """Raises `ImageError`."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError, MemoryError) as error:
        raise ImageError(f"{plain(path)} cannot be read: {error}") from error


def as_list(value: Any, what: str) -> list[Any]:
    """A list, empty for null and for what is not there. Raises `ImageError`."""
    if not isinstance(value, list | None):
        raise ImageError(f"{what} is no list")
    return value or []


def as_mapping(value: Any, what: str) -> Mapping[str, Any]:
    """A mapping, empty for null and for what is not there. Raises `ImageError`."""
    if not isinstance(value, dict | None):
        raise ImageError(f"{what} is no mapping")
    return value or {}


def configuration(value: Any, name: str) -> Mapping[str, Any]:
    """A configuration of which `history` is a list of mappings, and in `config` all is of its type, or null.

    Raises `ImageError`.
    """
    if not isinstance(value, dict):
        raise ImageError(f"{name}: the configuration is none")
    config = as_mapping(value.get("config"), f"{name}: config of the configuration")
    for key in _LISTS:
        as_list(config.get(key), f"{name}: {key} of the configuration")
    for key in _MAPPINGS:
        as_mapping(config.get(key), f"{name}: {key} of the configuration")
    as_list(as_mapping(config.get("Healthcheck"), key).get("Test"), f"{name}: Test of the health check")
    history = as_list(value.get("history"), f"{name}: history of the configuration")
    return {**value, "config": config, "history": [one for one in history if isinstance(one, dict)]}


def made_by(config: Mapping[str, Any]) -> list[str]:
    """The instructions that made layers, as the builder recorded them."""
    return [_text(one.get("created_by")) for one in config["history"] if not one.get("empty_layer")]


def shell(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The words in front of a command, where SHELL set them."""
    return tuple(_text(one) for one in as_list(config["config"].get("Shell"), "Shell"))


def chosen(manifests: list[Any], name: str) -> Any:
    """The image of an index for the machine that this runs on, else the first for Linux; None where there is none."""
    wanted = [one for one in manifests if isinstance(one, dict)]
    places = [as_mapping(one.get("platform"), f"{name}: a platform of the index") for one in wanted]
    linux = [(one, place) for one, place in zip(wanted, places, strict=True) if place.get("os", "linux") == "linux"]
    machine = platform.machine()
    here = _ARCHITECTURES.get(machine, machine)
    own = [one for one, place in linux if place.get("architecture") == here]
    return next(iter([*own, *(one for one, _ in linux)]), None)


def blob(descriptor: Any, name: str) -> str:
    """Where what a descriptor names lies in a layout. Raises `ImageError`."""
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    algorithm, _, value = _text(digest).partition(":")
    if not (algorithm.isascii() and algorithm.isalnum() and value.isascii() and value.isalnum()):
        raise ImageError(f"{name}: {plain(_text(digest)) or None} is no digest")
    return f"blobs/{algorithm}/{value}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
