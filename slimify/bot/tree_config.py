"""The configuration of a repository, read from its commit: the nearest one from a folder upwards."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from slimify.config import FILE, NOTHING, Config, ConfigError, interpret

_SHARED = "pyproject.toml"


class TreeFinder:
    """Finds the configuration for the files of a commit, and reads each once.

    `read` gives the content of a regular file by its path from the root of the repository. A link in a configuration's
    place is followed by nobody.
    """

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self._read = read
        self._known: dict[str, Config | ConfigError] = {}

    @property
    def root(self) -> Config:
        """What holds for the repository as a whole. Raises `ConfigError`."""
        return self.of_folder("")

    def of_file(self, path: str) -> Config:
        """The configuration for the file at `path`. Raises `ConfigError`."""
        return self.of_folder(posixpath.dirname(path))

    def of_folder(self, folder: str) -> Config:
        """The configuration that holds in a folder. Raises `ConfigError`, each time it is asked."""
        if folder not in self._known:
            self._known[folder] = self._search(folder)
        found = self._known[folder]
        if isinstance(found, ConfigError):
            raise found
        return found

    def if_readable(self, folder: str) -> Config:
        """The configuration that holds in a folder; one that says nothing where it cannot be used."""
        try:
            return self.of_folder(folder)
        except ConfigError:
            return NOTHING

    def _search(self, folder: str) -> Config | ConfigError:
        for name in (FILE, _SHARED):
            path = posixpath.join(folder, name)
            data = self._read(path)
            if data is None:
                continue
            try:
                found = interpret(path, data, pyproject=name == _SHARED)
            except ConfigError as error:
                return error
            if found is not None:
                return found
        if not folder:
            return NOTHING
        try:
            return self.of_folder(posixpath.dirname(folder))
        except ConfigError as error:
            return error
