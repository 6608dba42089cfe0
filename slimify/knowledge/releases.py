"""The releases of distributions, as the tags of images spell them."""

from __future__ import annotations

import re

# Debian: https://www.debian.org/releases/ ; the older ones are on https://www.debian.org/distrib/archive
DEBIAN = {
    "squeeze": "6",
    "wheezy": "7",
    "jessie": "8",
    "stretch": "9",
    "buster": "10",
    "bullseye": "11",
    "bookworm": "12",
    "trixie": "13",
    "forky": "14",
    "sid": "unstable",
}
# Ubuntu: https://wiki.ubuntu.com/Releases
UBUNTU = {
    "precise": "12.04",
    "trusty": "14.04",
    "xenial": "16.04",
    "bionic": "18.04",
    "focal": "20.04",
    "groovy": "20.10",
    "hirsute": "21.04",
    "impish": "21.10",
    "jammy": "22.04",
    "kinetic": "22.10",
    "lunar": "23.04",
    "mantic": "23.10",
    "noble": "24.04",
    "oracular": "24.10",
    "plucky": "25.04",
    "questing": "25.10",
    "resolute": "26.04",
    "stonking": "26.10",
}
_NUMBERED = {
    "debian": {number: name for name, number in DEBIAN.items()},
    "ubuntu": {number: name for name, number in UBUNTU.items()},
}
_WINDOWS = re.compile(r"windowsservercore|nanoserver|windows|servercore|ltsc20\d\d|1809|1803|1709")
# Red Hat's family and Amazon Linux number their releases; the number stays part of the name.
_OTHERS = re.compile(r"(?:oraclelinux|ubi|centos|al|amazonlinux|rockylinux|almalinux|fedora|azurelinux)\d[\d.]*")
_ALPINE = re.compile(r"(?:^|-)alpine-?(3\.\d+|edge)(?:\.\d+)?(?=-|$)")
_DISTRIBUTIONS = {
    "oraclelinux": "oraclelinux",
    "ubi": "ubi",
    "centos": "centos",
    "al": "amazonlinux",
    "amazonlinux": "amazonlinux",
    "rockylinux": "rockylinux",
    "almalinux": "almalinux",
    "fedora": "fedora",
    "azurelinux": "azurelinux",
}


def release_in(tag: str, image: str = "") -> str:
    """The release that a tag names, such as `bookworm`, `jammy`, `alpine3.20`, `ubi9` or `windows`.

    With an image that is a distribution (`debian`, `ubuntu`, `alpine` …) a bare version number counts
    too. Empty where the tag names none, or names two.
    """
    if image in ("debian", "ubuntu", "alpine", "oraclelinux", "amazonlinux", "centos", "rockylinux", "fedora"):
        return _of_distribution(image, tag) or release_in(tag)
    found = {match.group(0) for word in tag.split("-") if (match := _OTHERS.fullmatch(word))}
    found |= {word for word in tag.split("-") if word in DEBIAN or word in UBUNTU}
    found |= {f"alpine{match.group(1)}" for match in _ALPINE.finditer(tag)}
    # `debian-12`, `ubuntu22.04` and `debian12` are how images outside the official ones spell it.
    for match in re.finditer(r"(?:^|-)(debian|ubuntu)-?(\d[\d.]*)(?=-|$)", tag):
        found.add(_NUMBERED[match.group(1)].get(match.group(2), ""))
    if any(_WINDOWS.match(word) for word in tag.split("-")):
        return "windows"
    return found.pop() if len(found) == 1 else ""


def _of_distribution(image: str, tag: str) -> str:
    number = tag.partition("-")[0]
    if image in _NUMBERED:
        major = number.partition(".")[0] if image == "debian" else number
        return _NUMBERED[image].get(major, "")
    if not re.fullmatch(r"\d+(?:\.\d+)*", number):
        return ""
    if image == "alpine":
        return "alpine" + ".".join(number.split(".")[:2]) if "." in number else ""
    return ("al" if image == "amazonlinux" else image) + number.partition(".")[0]


def distribution(release: str) -> str:
    """The distribution that a release, as `release_in` names it, belongs to. Empty if there is none."""
    if release in DEBIAN:
        return "debian"
    if release in UBUNTU:
        return "ubuntu"
    if release == "windows" or release.startswith("alpine"):
        return release.rstrip("0123456789.") if release != "alpineedge" else "alpine"
    return _DISTRIBUTIONS.get(release.rstrip("0123456789."), "")
