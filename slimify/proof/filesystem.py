"""The files of an image as a container sees them: links are followed, libraries are found as the loader finds them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from slimify.proof.image import FileKind, Image, LayerFile, all_above
from slimify.proof.libraries import Libraries
from slimify.proof.waste import account

_LINKS = 40  # Linux, path_resolution(7)


class Filesystem:
    """All that is visible in an image, by path without a slash in front."""

    def __init__(self, image: Image) -> None:
        self.seen = account(image).seen
        self.files: dict[str, LayerFile] = {path: one.file for path, one in self.seen.items()}
        #: The folders above them, whether an image names them or not.
        self.folders = frozenset({"", *all_above(self.files)})
        self._config: Mapping[str, Any] = image.config.get("config") or {}

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

    def file(self, path: str) -> LayerFile | None:
        """The file that a path leads to, behind a hard link as well; None where there is none."""
        found = self.resolve(path)
        file = self.files.get(found) if found else None
        if file is not None and file.kind is FileKind.HARD_LINK:
            file = self.files.get(file.target, file)
        return file if file is not None and file.kind is not FileKind.FOLDER else None

    def missing_libraries(self, layers: int = 0) -> dict[str, tuple[str, ...]]:
        """The libraries that programs and libraries need and the loader would not find, by the path of who needs them.

        The first `layers`, those of the base, are left out: official images lack libraries for parts of theirs.
        """
        libraries = Libraries(self.files, self.folders, self._library_path(), self.file)
        missing = {}
        for path, file in self.files.items():
            linkage = file.content.linkage if file.content is not None else None
            if linkage is not None and self.seen[path].layer >= layers and (lost := libraries.missing(path, linkage)):
                missing[path] = tuple(lost)
        return missing

    def _library_path(self) -> Iterator[str]:
        """LD_LIBRARY_PATH, of which an empty part is the folder that the program is started in (ld.so(8))."""
        for setting in self._config.get("Env") or ():
            name, _, value = str(setting).partition("=")
            if name == "LD_LIBRARY_PATH":
                home = str(self._config.get("WorkingDir") or "/")
                yield from (one or home for one in re.split("[:;]", value) if value)
