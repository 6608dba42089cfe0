"""What a full image has that its slim sibling lacks: programs, shared libraries, development packages.

The data: `image_packages.toml` (what the Dockerfiles of the images install) and `image_contents.bin`
(the closure of that over Debian's package indices, and what programs and libraries the packages hold).
It knows /usr/bin, /usr/sbin, /bin, /sbin and the library folders; not what an image puts into
/usr/local by itself, which a slim variant has just as well.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from slimify.knowledge import packed
from slimify.knowledge.image_siblings import slim_sibling
from slimify.knowledge.images import Image, describe

CONTENTS = "image_contents.bin"


@functools.cache
def _facts() -> dict[str, Any]:
    with open(os.path.join(os.path.dirname(__file__), "image_packages.json"), encoding="utf-8") as file:
        data: dict[str, Any] = json.load(file)
    return data


@functools.lru_cache(maxsize=256)
def packages(reference: str) -> frozenset[str] | None:
    """The Debian packages in an image. None where the image or its release is not covered.

    As the present Dockerfile has it; an old version of an image may have had a few more or fewer.
    """
    image = describe(reference)
    if image is None or image.kind not in ("full", "slim"):
        return None
    table = packed.table(CONTENTS, f"{image.release}/{image.name}/{image.kind}")
    return _listed(image) if table is None else frozenset(table)


def _listed(image: Image) -> frozenset[str] | None:
    """The same from the list of an image that stands on bare Debian and is not in the packed data."""
    from slimify.knowledge.debian import base_packages, closure, knows

    entry = _facts()["image"].get(image.name, {}).get(image.kind)
    base = base_packages(image.release) if image.release else None
    if entry is None or entry["on"] != "debian" or base is None or image.release is None:
        return None
    names = [next((one for one in group.split("|") if knows(one, image.release)), group) for group in entry["packages"]]
    more = closure(names, image.release)
    return None if more is None else base | more


def programs(release: str) -> Mapping[str, str]:
    """Program to the package that brings it, for a Debian release; empty if it is not covered."""
    return MappingProxyType(packed.table(CONTENTS, f"{release}/program") or {})


def libraries(release: str) -> Mapping[str, str]:
    """Shared library, as its file is named (`libpq.so.5`), to its package, for a Debian release."""
    return MappingProxyType(packed.table(CONTENTS, f"{release}/library") or {})


def lacks_packages(old: str, new: str) -> frozenset[str] | None:
    """Debian packages that one image has and another, of the same release, lacks. None where that is not known."""
    before, after = packages(old), packages(new)
    first, second = describe(old), describe(new)
    if before is None or after is None or first is None or second is None or first.release != second.release:
        return None
    return before - after


def slim_lacks_programs(reference: str) -> Mapping[str, str] | None:
    """Programs that the slim sibling of an image lacks, each with the Debian package that brings it.

    None where there is no slim sibling, or where it is not known what is in the two.
    """
    return _lacks(reference, "program")


def slim_lacks_libraries(reference: str) -> Mapping[str, str] | None:
    """Shared libraries (`libpq.so.5`) that the slim sibling lacks, each with its Debian package. None as above."""
    return _lacks(reference, "library")


def slim_lacks_headers(reference: str) -> frozenset[str] | None:
    """Development packages (Debian policy, 8.4) that the slim sibling lacks. None as above."""
    sibling = slim_sibling(reference)
    lacking = lacks_packages(reference, sibling) if sibling is not None else None
    return None if lacking is None else frozenset(name for name in lacking if name.endswith("-dev"))


@functools.lru_cache(maxsize=256)
def _lacks(reference: str, kind: str) -> Mapping[str, str] | None:
    sibling = slim_sibling(reference)
    image = describe(reference)
    lacking = lacks_packages(reference, sibling) if sibling is not None else None
    if image is None or lacking is None:
        return None
    owners = packed.table(CONTENTS, f"{image.release}/{kind}") or {}
    own = _facts()["image"][image.name].get("own", [])
    return MappingProxyType({name: owner for name, owner in owners.items() if owner in lacking and name not in own})


def own_programs(reference: str) -> frozenset[str]:
    """The programs that an image brings in /usr/local, full and slim alike. Empty where that is not known."""
    image = describe(reference)
    entry = _facts()["image"].get(image.name) if image is not None else None
    return frozenset(entry.get("own", ())) if entry else frozenset()
