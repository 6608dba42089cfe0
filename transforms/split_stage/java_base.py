"""Which image a Java application ships on, how that is written, and what is saved."""

from __future__ import annotations

import re

from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.worth import Saving, worth

from slimify.knowledge.debian import closure_size
from slimify.knowledge.image_siblings import respell, run_sibling
from slimify.knowledge.image_sizes import uncompressed_bytes
from slimify.knowledge.images import Image
from slimify.semantics.build import BuildStage

# The number of Java in a tag: `3.9-eclipse-temurin-21`, `8-jdk17`, `17-jdk-jammy`, `open-17-jdk`.
_JAVA = re.compile(r"(?:temurin|openjdk|corretto|semeru|sapmachine|zulu|jdk|open)-?(\d+)")
_FIRST = re.compile(r"(\d+)[\d.u_b+]*(?:-|$)")
# A distribution of Gradle, unpacked by its wrapper: in gradle:8-jdk21 the layer with it has 138 MB, compressed.
_GRADLE_BYTES = 100_000_000


def jre(image: Image, stage: BuildStage, fetches_gradle: bool) -> str:
    """The JRE of the same vendor, version and distribution.

    Without one it is the same image again, where what is left behind is known to be large: Gradle, that its wrapper
    fetches, or a build tool of the distribution. Raises `Refused`.
    """
    reference = stage.image or ""
    if not _java(image):
        raise Refused(f"which Java {reference} has changes with time")
    found = run_sibling(reference)
    if found is None and (fetches_gradle or _installed_tools(stage)):
        return reference
    if found is None:
        raise Refused(f"there is no JRE of the same vendor and version as in {reference}")
    return found


def spelled(image: Image, stage: BuildStage, base: str) -> str:
    """The base with the variables of the FROM. Raises `Refused` where another value may mean another Java."""
    reference, literal = stage.image or "", stage.stage.image
    if "$" not in literal:
        return base
    found = literal if base == reference else respell(literal, reference, base)
    if found is None and image.name in ("gradle", "maven"):
        found = _of_the_tool(literal, reference, base, _java(image))
    if found is None:
        raise Refused("which Java the base has depends on a variable")
    return found


def saves(image: Image, stage: BuildStage, base: str, fetches_gradle: bool) -> Saving:
    """The bytes that the image loses. Raises `Refused` where that is not known."""
    before, after = uncompressed_bytes(stage.image or ""), uncompressed_bytes(base)
    if base == stage.image:
        gone = _GRADLE_BYTES if fetches_gradle else 0
        gone += closure_size(_installed_tools(stage), image.release or "") or 0
        return worth(before and before.bytes + gone, before and before.bytes)
    if before is None and image.name in ("maven", "gradle"):
        # It has at least the JDK.
        before = uncompressed_bytes(re.sub(r"\bjre\b", "jdk", base))
    return worth(before and before.bytes, after and after.bytes)


def _installed_tools(stage: BuildStage) -> list[str]:
    """The build tools that apt brings, with a JRE of their own."""
    runs = [step.instruction.arguments for step in stage.steps if step.keyword == "RUN"]
    installs = [text for text in runs if re.search(r"\bapt(?:-get)?\b", text)]
    return [one for one in ("maven", "gradle", "ant") if any(re.search(rf"\s{one}(?!\S)", text) for text in installs)]


def _of_the_tool(literal: str, image: str, base: str, java: str) -> str | None:
    """The JRE for a tag of Maven or Gradle with variables, of which one may stand for the number of Java."""
    match = re.search(rf"((?:temurin|jdk)-?)({java}(?!\w)|\$\{{\w+\}}|\$\w+)([^$]*)$", literal)
    if match is None or not image.endswith(match[1] + java + match[3]):
        return None
    return base.replace(f":{java}-", f":{match[2]}-", 1)


def _java(image: Image) -> str:
    """The number of Java that a tag names, empty if it names none."""
    if image.name in ("maven", "gradle"):
        match = _JAVA.search(image.tag)
    else:
        match = _FIRST.match(image.tag) or _JAVA.search(image.tag)
    return match[1] if match else ""
