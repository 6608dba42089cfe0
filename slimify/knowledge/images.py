"""Base images: which tags exist, and what a tag means.

The data: `image_tags.bin` (every tag that the official images ever listed), `image_releases.bin`
(the release of a distribution that a tag without one stands on), `dotnet_tags.bin`, and `images.toml`
for what is written by hand. Each file says where it comes from and of which day it is. Nothing is
read before it is asked for, and of the packed files only the one image that is asked for.
"""

from __future__ import annotations

import functools
import json
import os
import re
from typing import Any, NamedTuple

from slimify.knowledge import packed
from slimify.knowledge.references import Reference, parse
from slimify.knowledge.releases import distribution, release_in

TAGS = "image_tags.bin"
DOTNET = "dotnet_tags.bin"
RELEASES = "image_releases.bin"
BASES = "image_bases.bin"

_VERSION = re.compile(r"v?\d[\w.+]*")
# Images that are a distribution, whatever their tag says.
_DISTRIBUTIONS = frozenset({"alpine", "debian", "ubuntu", "fedora", "centos", "rockylinux", "almalinux", "oraclelinux"})


class Image(NamedTuple):
    """What is known of one tag of one image.

    `version` is as in the tag, empty where it has none; `kind` is full, slim, alpine, jdk, jre, sdk,
    runtime, windows or other; `slim` says that the tag has the word in it, whatever its kind.
    `release` is the distribution's, such as bookworm, jammy or alpine3.20, None where it is not known;
    `how` says how it is known. `current` is False for a tag that can be pulled but is no longer
    updated, None where that is not known.
    """

    name: str
    tag: str
    version: str
    kind: str
    slim: bool
    distribution: str
    release: str | None
    how: str
    current: bool | None


@functools.cache
def facts() -> dict[str, Any]:
    """The parsed `images.json`."""
    with open(os.path.join(os.path.dirname(__file__), "images.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


def state(name: str, tag: str) -> str | None:
    """`current`, `historic`, or `none` for a tag that never existed; None for an image that no list covers."""
    known = packed.table(DOTNET if name.startswith("mcr.microsoft.com/") else TAGS, name)
    if known is not None:
        return known.get(tag, "none")
    about = facts()
    for family in (about["distroless"], about["chainguard"]):
        short = name.removeprefix(family["prefix"])
        names = family["images"]
        if isinstance(names, dict):
            names = [one for some in names.values() for one in some]
        if short != name and short in names and tag in family["tags"]:
            return "current"
    return None


def tag_exists(image: str, tag: str) -> bool | None:
    """Whether an image has, or ever had, a tag. None where no list of its tags is known.

    `image` is a repository, in any spelling that Docker knows for it (`python`, `docker.io/library/python`).
    """
    reference = parse(f"{image}:{tag}")
    found = state(reference.name, reference.tag) if reference is not None else None
    return None if found is None else found != "none"


def is_current(image: str, tag: str) -> bool | None:
    """Whether a tag is still updated. None where that is not known, or where there is no such tag."""
    reference = parse(f"{image}:{tag}")
    found = state(reference.name, reference.tag) if reference is not None else None
    return found == "current" if found in ("current", "historic") else None


@functools.lru_cache(maxsize=1024)
def describe(reference: str) -> Image | None:
    """What a reference names.

    None where it is pinned by digest, has a variable in it, or is not known to exist. Names no
    architecture: of a tag that is both Linux and Windows, the Linux side is meant.
    """
    parsed = parse(reference)
    if parsed is None:
        return None
    found = state(parsed.name, parsed.tag)
    if found not in ("current", "historic"):
        return None
    release, how = release_of(parsed)
    words = parsed.tag.split("-")
    first = words[0]
    version = first if _VERSION.fullmatch(first) else ""
    if parsed.mirror:
        found = "current" if found == "current" else ""
    return Image(
        name=parsed.name,
        tag=parsed.tag,
        version=version,
        kind=_kind(parsed, release),
        slim="slim" in words,
        distribution=distribution(release or "") or (parsed.name if parsed.name in _DISTRIBUTIONS else ""),
        release=release,
        how=how,
        current={"current": True, "historic": False}.get(found),
    )


def release_of(reference: Reference) -> tuple[str | None, str]:
    """The release of the distribution that a tag stands on, and how that is known."""
    name, tag = reference.name, reference.tag
    named = release_in(tag, name)
    if named:
        return named, "the tag names it"
    table = packed.table(RELEASES, name) or {}
    if tag in table:
        notes = packed.header(RELEASES).notes
        return table[tag], f"the last published list that has the tag ({notes['source']}, {notes['date']})"
    about = facts()
    if name == "debian":
        suite = tag.removesuffix("-slim").removesuffix("-backports")
        if suite in about["suites"] and suite != "source":
            return about["suites"][suite], f"the suite of that name ({about['suites']['source']})"
    short = name.removeprefix(about["distroless"]["prefix"])
    for release, names in about["distroless"]["images"].items():
        if short in names:
            return release, "the image's name has it"
    return None, "not known"


def _kind(reference: Reference, release: str | None) -> str:
    words = reference.tag.split("-")
    if release == "windows":
        return "windows"
    for word in words:
        match = re.fullmatch(r"(jdk|jre|sdk)\d*", word)
        if match:
            return match.group(1)
    kinds = facts()["kinds"]
    plain = next((kind for kind, names in kinds.items() if kind != "source" and reference.name in names), "other")
    if plain in ("jdk", "sdk", "runtime"):
        return plain
    if "slim" in words:
        return "slim"
    if (release or "").startswith("alpine") or any(word.startswith("alpine") for word in words):
        return "alpine"
    return plain
