"""Where the loaders find libraries.

Source for glibc: ld.so(8), and elf/dl-load.c (`_dl_map_object`); for musl: ldso/dynlink.c (`load_library`). Of
/usr/local/lib, glibc knows only from the cache that `ldconfig` writes, musl from the start.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from slimify.proof import ld_cache
from slimify.proof.image import LayerFile, Linkage

# What glibc is built to look through: the folders of its own platform, which distributions choose.
_GLIBC = re.compile(r"(?:usr/)?lib(?:32|64|x32)?|(?:usr/)?lib/[\w]+-linux-gnu\w*")
_MUSL = ("/lib", "/usr/local/lib", "/usr/lib")
_ORIGIN = re.compile(r"\$(?:ORIGIN\b|\{ORIGIN\})")
_LIB = re.compile(r"\$(?:LIB\b|\{LIB\})")
_MUSL_LOADER = re.compile(r"lib/ld-musl-\w+\.so\.1")
_GLIBC_LOADER = re.compile(r"(?:usr/)?lib(?:64)?/(?:[\w-]+-linux-gnu\w*/)?ld(?:-linux[\w-]*|64)?\.so\.\d")

Resolve = Callable[[str], LayerFile | None]


class Libraries:
    """The search for libraries in one image. `resolve` leads from a path to the file that is there."""

    def __init__(
        self, files: Mapping[str, LayerFile], folders: Iterable[str], preloaded: Iterable[str], resolve: Resolve
    ) -> None:
        self._files = files
        self._resolve = resolve
        self._environment = tuple(preloaded)
        texts = {path: one.content.text for path, one in files.items() if one.content is not None and one.content.text}
        self._cache: dict[str, list[str]] = defaultdict(list)
        for line in texts.get(ld_cache.PATH, "").splitlines():
            name, _, path = line.partition("\t")
            self._cache[name].append(path)
        self._glibc = tuple(f"/{one}" for one in sorted(folders) if _GLIBC.fullmatch(one))
        told = [text for path, text in texts.items() if re.fullmatch(r"etc/ld-musl-\w+\.path", path)]
        self._musl = tuple(one for text in told for one in re.split(r"[:\n]", text) if one) or _MUSL
        self._has_musl = any(_MUSL_LOADER.fullmatch(path) for path in files if path.startswith("lib/ld-musl-"))
        self._has_glibc = any(_GLIBC_LOADER.fullmatch(path) for path in files if "/ld" in path)
        self._users: dict[str, list[str]] | None = None

    def missing(self, path: str, linkage: Linkage) -> list[str]:
        """What a program or a library needs and would not find."""
        lost = [one for one in linkage.needed if self._found(one, path, linkage) is None]
        # Who loads a library may have loaded what it needs before, or hand on where to look.
        lost = [one for one in lost if not any(self._helps(one, user, linkage) for user in self._loaders(path))]
        if linkage.interpreter and self._resolve(linkage.interpreter) is None:
            lost.append(linkage.interpreter)
        return lost

    def _found(self, library: str, user: str, linkage: Linkage) -> str | None:
        """Where the loader finds a library for a file by itself."""
        if "/" in library:
            return library if self._resolve(library) is not None else None
        return next((one for one in self._candidates(library, user, linkage) if self._fits(one, linkage)), None)

    def _candidates(self, library: str, user: str, linkage: Linkage) -> Iterator[str]:
        folders = [*self._expanded(linkage.rpath if not linkage.runpath else (), user, linkage), *self._environment]
        yield from (f"{one}/{library}" for one in [*folders, *self._expanded(linkage.runpath, user, linkage)])
        if self._is_musl(linkage):
            yield from (f"{one}/{library}" for one in self._musl)
        if not self._is_musl(linkage) or (self._has_glibc and not linkage.interpreter):
            yield from self._cache.get(library, ())
            yield from (f"{one}/{library}" for one in self._glibc)

    def _is_musl(self, linkage: Linkage) -> bool:
        return "/ld-musl-" in linkage.interpreter if linkage.interpreter else self._has_musl

    def _fits(self, path: str, linkage: Linkage) -> bool:
        """Whether there is a file that the loader takes: those for other machines it passes over."""
        file = self._resolve(path)
        if file is None:
            return False
        other = file.content.linkage if file.content is not None else None
        return other is None or (other.bits, other.machine) == (linkage.bits, linkage.machine)

    def _expanded(self, folders: Iterable[str], user: str, linkage: Linkage) -> Iterator[str]:
        origin = "/" + posixpath.dirname(user)
        for one in folders:
            yield _LIB.sub("lib64" if linkage.bits == 64 else "lib", _ORIGIN.sub(lambda _: origin, one))

    def _helps(self, library: str, user: str, linkage: Linkage) -> bool:
        """Whether a file that loads another one lets it find a library: by DT_RPATH, or by loading it itself."""
        own = _linked(self._files[user])
        if own is None:
            return False
        if library in own.needed and self._found(library, user, own) is not None:
            return True
        # musl hands DT_RUNPATH on as well.
        handed = own.rpath if not own.runpath else own.runpath if self._is_musl(linkage) else ()
        return any(self._fits(f"{one}/{library}", linkage) for one in self._expanded(handed, user, own))

    def _loaders(self, path: str) -> Iterator[str]:
        """Those that load a file, and those that load these."""
        users = self._all_users()
        known, waiting = {path}, [path]
        while waiting:
            for user in users.get(waiting.pop(), ()):
                if user not in known:
                    known.add(user)
                    waiting.append(user)
                    yield user

    def _all_users(self) -> Mapping[str, list[str]]:
        """Who needs a library, by its name without folders: which of several it is found as is all the same here."""
        if self._users is None:
            by_name: dict[str, list[str]] = defaultdict(list)
            for path, file in self._files.items():
                if (linkage := _linked(file)) is not None:
                    for name in linkage.needed:
                        by_name[posixpath.basename(name)].append(path)
            self._users = {path: by_name[name] for path in self._files if (name := posixpath.basename(path)) in by_name}
        return self._users


def _linked(file: LayerFile) -> Linkage | None:
    return file.content.linkage if file.content is not None else None
