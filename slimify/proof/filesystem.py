"""The files of an image as a container sees them: links are followed, libraries are found as the loader finds them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from slimify.proof.image import FileKind, Image, LayerFile
from slimify.proof.waste import account

_LINKS = 40  # Linux, path_resolution(7)
# What the loaders look through without being told (ld.so(8); musl, ldso/dynlink.c), and what Debian tells them.
_DEFAULT = ("lib", "usr/lib", "lib64", "usr/lib64", "usr/local/lib", "usr/local/lib64")


class Filesystem:
    """All that is visible in an image, by path without a slash in front."""

    def __init__(self, image: Image) -> None:
        self.seen = account(image).seen
        self.files: dict[str, LayerFile] = {path: one.file for path, one in self.seen.items()}
        #: The folders above them, whether an image names them or not.
        self.folders = frozenset(_all_folders(self.files))
        self._config: Mapping[str, Any] = image.config.get("config") or {}
        self._library_folders: tuple[str, ...] | None = None

    def resolve(self, path: str) -> str | None:
        """The path that a path leads to through all links; None where there is nothing."""
        waiting = [part for part in path.split("/") if part not in ("", ".")][::-1]
        at = ""
        followed = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                at = posixpath.dirname(at)
                continue
            here = posixpath.join(at, part)
            file = self.files.get(here)
            if file is not None and file.kind is FileKind.LINK:
                followed += 1
                if followed > _LINKS:
                    return None
                at = "" if file.target.startswith("/") else at
                waiting += [one for one in file.target.split("/") if one not in ("", ".")][::-1]
                continue
            if file is None and here not in self.folders:
                return None
            at = here
        return at

    def missing_libraries(self, layers: int = 0) -> dict[str, tuple[str, ...]]:
        """The libraries that programs and libraries need and the loader would not find, by the path of who needs them.

        The first `layers`, those of the base, are left out: official images lack libraries for parts of theirs.
        """
        missing = {}
        for path, file in self.files.items():
            if self.seen[path].layer < layers:
                continue
            linkage = file.content.linkage if file.content is not None else None
            if linkage is None:
                continue
            lost = [one for one in linkage.needed if not self._finds(one, path, file)]
            if linkage.interpreter and self.resolve(linkage.interpreter) is None:
                lost.append(linkage.interpreter)
            if lost:
                missing[path] = tuple(lost)
        return missing

    def _finds(self, library: str, user: str, file: LayerFile) -> bool:
        if "/" in library:
            return self.resolve(library) is not None
        assert file.content is not None
        linkage = file.content.linkage
        assert linkage is not None
        own = [self._expanded(one, user) for one in (*linkage.rpath, *linkage.runpath)]
        return any(self.resolve(f"{folder}/{library}") is not None for folder in (*own, *self.library_folders()))

    def _expanded(self, folder: str, user: str) -> str:
        origin = "/" + posixpath.dirname(user)
        return re.sub(r"\$(?:ORIGIN\b|\{ORIGIN\})", lambda _: origin, folder)

    def library_folders(self) -> tuple[str, ...]:
        """Where the loader looks: LD_LIBRARY_PATH, its configuration, and what it is built to know."""
        if self._library_folders is None:
            self._library_folders = tuple(dict.fromkeys(self._all_library_folders()))
        return self._library_folders

    def _all_library_folders(self) -> Iterator[str]:
        for setting in self._config.get("Env") or ():
            name, _, value = str(setting).partition("=")
            if name == "LD_LIBRARY_PATH":
                yield from value.split(":")
        for _, file in sorted(self.files.items()):
            if file.content is not None and file.content.text:
                yield from (line.strip() for line in file.content.text.splitlines() if line.startswith("/"))
        yield from _DEFAULT
        multiarch = re.compile(r"(?:usr/)?lib/[\w]+-linux-(?:gnu|musl)\w*")
        yield from sorted(folder for folder in self.folders if multiarch.fullmatch(folder))


def _all_folders(paths: Iterable[str]) -> Iterator[str]:
    known = {""}
    for path in paths:
        while (path := posixpath.dirname(path)) not in known:
            known.add(path)
    yield from known
