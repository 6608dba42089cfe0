"""A build context that is held in memory: for tests, and for programs that have no folder to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from slimify.context.dockerignore import IgnoreFile, choose
from slimify.context.listing import MAX_READ, ListedContext
from slimify.context.paths import inside
from slimify.semantics.build_context import Entry, Kind


class MemoryContext(ListedContext):
    """A context of `files`, by path, with their content. Implements `BuildContext`.

    `links` maps a path to the target of the symbolic link there, `folders` names empty folders, and
    `modes` gives permission bits where they are not the usual ones. Folders above a path need not
    be named. `.dockerignore` holds if it is among the files, or, if `dockerfile` is a path in the
    context, the ignore file next to it. `truncated` says that there is more than this. Text stands
    for its UTF-8 bytes. Raises `ValueError` for a path that leads out of the context.
    """

    def __init__(
        self,
        files: Mapping[str, bytes | str],
        *,
        links: Mapping[str, str] | None = None,
        folders: Iterable[str] = (),
        modes: Mapping[str, int] | None = None,
        dockerfile: str | None = None,
        truncated: bool = False,
        root: str = "",
    ) -> None:
        super().__init__(root)
        self._dockerfile = None if dockerfile is None else _known(dockerfile)
        self._files = {
            _known(path): data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
            for path, data in files.items()
        }
        if truncated:
            self._give_up("only a part of it is known")
        given = {_known(path): mode for path, mode in (modes or {}).items()}
        self._folders: dict[str, dict[str, Entry]] = {"": {}}
        for path, data in self._files.items():
            self._add(Entry(path, Kind.FILE, len(data), given.get(path, 0o644)))
        for path, target in (links or {}).items():
            self._add(Entry(_known(path), Kind.LINK, 0, 0o777, target))
        for path in folders:
            self._add_folder(_known(path))
        for path, mode in given.items():
            parent = self._folders.get(path.rpartition("/")[0], {})
            if path in parent:
                parent[path] = parent[path]._replace(mode=mode)

    def _add(self, entry: Entry) -> None:
        self._add_folder(entry.path.rpartition("/")[0])[entry.path] = entry

    def _add_folder(self, path: str) -> dict[str, Entry]:
        if path not in self._folders:
            self._folders[path] = {}
            self._add(Entry(path, Kind.FOLDER, 0, 0o755))
        return self._folders[path]

    def _list(self, folder: str, optional: bool) -> Sequence[Entry]:  # noqa: ARG002
        return [entry for entry in self._folders.get(folder, {}).values() if self._room(entry.path)]

    def _content(self, path: str) -> bytes | None:
        data = self._files.get(path)
        return data if data is not None and len(data) <= MAX_READ else None

    @property
    def _base_of_ignore_file(self) -> str:
        return ""

    def _find_ignore_file(self) -> IgnoreFile | None:
        return choose("", self._dockerfile, lambda folder, name: self._files.get(f"{folder}/{name}".lstrip("/")))


def _known(path: str) -> str:
    known = inside(path)
    if not known:
        raise ValueError(f"{path!r} is no path inside of a context")
    return known
