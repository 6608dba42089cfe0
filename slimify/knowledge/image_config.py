"""What an image sets that the stages built on it inherit. The data, with sources, is `image_config.toml`."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from slimify.knowledge.images import describe


class ImageConfig(NamedTuple):
    """The configuration of an image (OCI image specification, "config").

    `env` maps to None where a variable is set to a value that goes with the version. `path` are the
    folders that stand before the distribution's own PATH. `programs` says where the image's own tools
    lie, `users` which users it has made, as UID:GID.
    """

    source: str
    user: str = "root"
    workdir: str = "/"
    env: Mapping[str, str | None] = MappingProxyType({})
    path: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stopsignal: str = ""
    programs: Mapping[str, str] = MappingProxyType({})
    users: Mapping[str, str] = MappingProxyType({})


@functools.cache
def _entries() -> tuple[dict[str, Any], ...]:
    with open(os.path.join(os.path.dirname(__file__), "image_config.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return tuple(data["config"])


@functools.lru_cache(maxsize=256)
def config(reference: str) -> ImageConfig | None:
    """The configuration of an image, None where it is not known.

    It is that of the present Dockerfile. What is certain for a tag that is no longer updated is only
    what the image has always had: look at `describe(reference).current`.
    """
    image = describe(reference)
    if image is None or image.kind == "windows":
        return None
    for entry in _entries():
        applies = re.fullmatch(entry.get("tag", ".*"), image.tag)
        excluded = "not_tag" in entry and re.fullmatch(entry["not_tag"], image.tag)
        if image.name in entry["images"] and applies and not excluded:
            return _config(entry)
    return None


def _config(entry: dict[str, Any]) -> ImageConfig:
    fields: dict[str, Any] = {}
    for key, value in entry.items():
        if key in ("images", "tag", "not_tag"):
            continue
        if isinstance(value, list):
            fields[key] = tuple(value)
        elif isinstance(value, dict):
            empty_is_unknown = key == "env"
            fields[key] = MappingProxyType({one: it or None if empty_is_unknown else it for one, it in value.items()})
        else:
            fields[key] = value
    return ImageConfig(**fields)
