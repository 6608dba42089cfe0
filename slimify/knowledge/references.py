"""The name of an image in a FROM, as far as facts can be looked up for it.

Source of the grammar: github.com/distribution/reference, `reference.go`; of the default registry
and `library/`: Docker documentation, `docker image pull`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_REPOSITORY = re.compile(
    r"(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*"
)
_HUB = ("docker.io/library/", "index.docker.io/library/", "registry-1.docker.io/library/", "docker.io/", "library/")
# Mirrors that carry official images under the same tags, though not every old one:
# https://gallery.ecr.aws/docker , https://cloud.google.com/artifact-registry/docs/pull-cached-dockerhub-images
_MIRRORS = ("public.ecr.aws/docker/library/", "mirror.gcr.io/library/")


class Reference(NamedTuple):
    """`prefix` is what stood before the short `name`, as it was written; `mirror` means: not Docker Hub itself."""

    prefix: str
    name: str
    tag: str
    mirror: bool

    def with_tag(self, tag: str, name: str = "") -> str:
        """The same image with another tag, or another image of the same registry, spelled as this one was."""
        return f"{self.prefix}{name or self.name}:{tag}"


def parse(reference: str) -> Reference | None:
    """Take a reference apart.

    None for what names no image by a tag: one pinned by digest, one with a variable in it, `scratch`,
    and what is not a reference at all. Without a tag it is `latest`, as Docker has it.
    """
    if "@" in reference or "$" in reference:
        return None
    head, slash, tail = reference.rpartition("/")
    name, colon, tag = tail.partition(":")
    repository = head + slash + name
    if not _REPOSITORY.fullmatch(repository) or (colon and not _TAG.fullmatch(tag)) or repository == "scratch":
        return None
    tag = tag or "latest"
    for prefix in (*_HUB, *_MIRRORS):
        short = repository.removeprefix(prefix)
        if short != repository and ("/" not in short or prefix == "docker.io/"):
            return Reference(prefix, short, tag, prefix in _MIRRORS)
    return Reference("", repository, tag, False)
