"""What a base image's name tells of what is in it. Unknown is a value: most names tell nothing."""

from __future__ import annotations

import functools
import json
import os
from typing import NamedTuple


class ImageName(NamedTuple):
    """`registry/path/name:tag@digest`, taken apart (OCI distribution specification, "Pulling manifests")."""

    repository: str
    tag: str
    digest: str

    @property
    def short(self) -> str:
        """The repository without the default registry and `library/`, as the official images are known."""
        name = self.repository
        for prefix in ("docker.io/", "index.docker.io/", "public.ecr.aws/docker/", "library/"):
            name = name.removeprefix(prefix)
        return name


def image_name(reference: str) -> ImageName:
    """Take the name of an image apart."""
    rest, _, digest = reference.partition("@")
    head, slash, tail = rest.rpartition("/")
    name, _, tag = tail.partition(":")
    return ImageName((head + slash + name).lower(), tag, digest)


class Family(NamedTuple):
    """The operating system of an image: `os` is linux or windows, `distribution` debian, alpine, rhel, suse, arch …"""

    os: str
    distribution: str


UNKNOWN = Family("", "")


@functools.cache
def _table() -> dict[str, dict[str, list[str]]]:
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), "knowledge", "families.json")
    with open(path, encoding="utf-8") as file:
        table: dict[str, dict[str, list[str]]] = json.load(file)
    return table


@functools.lru_cache(maxsize=1024)
def family(reference: str) -> Family:
    """The family of a base image as far as its name tells."""
    name = image_name(reference)
    table = _table()
    tag = name.tag.lower()
    for marker in table["windows"]["markers"]:
        if marker in name.repository or marker in tag:
            return Family("windows", "")
    for distribution, markers in table["tags"].items():
        if name.short in table["official"]["names"] and any(marker in tag for marker in markers):
            return Family("linux", distribution)
    for distribution, names in table["images"].items():
        if name.short in names:
            return Family("linux", distribution)
    for distribution, prefixes in table["prefixes"].items():
        if any(name.repository.startswith(prefix) for prefix in prefixes):
            return Family("linux", distribution)
    return UNKNOWN
