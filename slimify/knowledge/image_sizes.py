"""How large base images are, as far as that is known. The data is `image_sizes.toml`."""

from __future__ import annotations

import functools
import json
import os
from typing import Any, NamedTuple

from slimify.knowledge.images import Image, describe


class Estimate(NamedTuple):
    """A number of bytes and how it was found: `measured on a stand-in …` or `scaled from …`."""

    bytes: int
    how: str


@functools.cache
def _facts() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "image_sizes.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


@functools.lru_cache(maxsize=256)
def uncompressed_bytes(reference: str) -> Estimate | None:
    """About how many bytes an image takes unpacked, on amd64. None where there is no ground for an estimate.

    In order of trust: what its makers measured; the compressed size of that very tag; an image of the same kind, built
    from the same package lists and measured; the compressed size of another tag of the same image and kind, best of the
    same version, then of the same release.
    """
    image = describe(reference)
    if image is None or image.kind == "windows":
        return None
    measured = _measured(image)
    if measured is not None:
        return measured
    alike: list[tuple[bool, bool, int, dict[str, Any]]] = []
    for entry in _facts()["read"]:
        if entry["image"] != image.name:
            continue
        if entry["tag"] == image.tag:
            return _scaled(entry, image)
        other = describe(f"{entry['image']}:{entry['tag']}")
        if other is not None and _alike(image, other):
            alike.append((_major(other) != _major(image), other.release != image.release, len(alike), entry))
    for entry in _facts()["stand_in"]:
        if (entry["image"], entry["kind"]) == (image.name, image.kind) and image.distribution == "debian":
            if image.tag.endswith(("-curl", "-scm")) or image.tag in ("curl", "scm"):
                break
            return Estimate(entry["bytes"], f"measured on a stand-in for {image.name} ({image.kind}) on Debian 12")
    return _scaled(min(alike)[3], image) if alike else None


def _measured(image: Image) -> Estimate | None:
    """What the makers measured of this tag, or else of one on the same distribution, best of the same version."""
    found = []
    for at, entry in enumerate(_facts()["measured"]):
        other = describe(f"{entry['image']}:{entry['tag']}") if entry["image"] == image.name else None
        if other is not None and other.distribution == image.distribution:
            found.append((other.tag != image.tag, _major(other) != _major(image), -at, entry))
    if not found:
        return None
    entry = min(found)[3]
    name = f"{entry['image']}:{entry['tag']}"
    return Estimate(entry["bytes"], f"measured by its makers on {entry['date']}, as {name}")


def _major(image: Image) -> str:
    return image.version.partition(".")[0]


def _alike(one: Image, other: Image) -> bool:
    if one.name == "buildpack-deps":
        return one.tag.rpartition("-")[2] == other.tag.rpartition("-")[2]
    if one.name == "alpine":
        return True  # a tag without a version is of another kind only by its name
    return (one.kind, one.slim, one.distribution) == (other.kind, other.slim, other.distribution)


def _scaled(entry: dict[str, Any], image: Image) -> Estimate | None:
    ratio = _facts()["ratio"].get(image.distribution)
    if ratio is None:
        return None
    name = f"{entry['image']}:{entry['tag']}"
    # Three figures: more would only look exact.
    size = int(float(f"{entry['compressed'] * ratio:.3g}"))
    return Estimate(size, f"scaled from the compressed size of {name} ({entry['compressed']} bytes, times {ratio})")
