"""Which packages have the libraries that a C or C++ program is linked to, beyond those of the -dev packages."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from slimify.transforms.split_stage.named import LIKE
from slimify.transforms.split_stage.native import Native
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.system import Distribution, System

from slimify.knowledge.debian import (
    RELEASES,
    Role,
    base_packages,
    closure,
    depends,
    package_role,
    packages_of_link,
    runtime_packages,
)
from slimify.knowledge.images import Image
from slimify.knowledge.other_headers import ubuntu_runtime_packages

# Parts of the C library and of the compiler (glibc manual; GCC, "Link Options"), which every base has or is brought.
_ITS_OWN = frozenset(
    "anl atomic c crypt dl gcc gcc_s gcov gomp m nsl pthread quadmath resolv rt ssp stdc++ stdc++exp stdc++fs supc++ "
    "util".split()
)
# What CMake's own find modules look for (cmake-modules(7)), and names of pkg-config, in buildpack-deps.
_FOUND = {
    "bzip2": "libbz2-dev", "curl": "libcurl4-openssl-dev", "expat": "libexpat1-dev", "freetype": "libfreetype-dev",
    "jpeg": "libjpeg-dev", "liblzma": "liblzma-dev", "libcurl": "libcurl4-openssl-dev", "libpq": "libpq-dev",
    "libssl": "libssl-dev", "libxml-2.0": "libxml2-dev", "libxml2": "libxml2-dev", "openssl": "libssl-dev",
    "png": "libpng-dev", "libpng": "libpng-dev", "postgresql": "libpq-dev", "sqlite3": "libsqlite3-dev",
    "zlib": "zlib1g-dev", "yaml-0.1": "libyaml-dev", "libevent": "libevent-dev", "glib-2.0": "libglib2.0-dev",
}  # fmt: skip
# Names of libraries that are links to others.
_LINKED = {"mysqlclient": "default-libmysqlclient-dev", "jpeg": "libjpeg-dev"}
# Parts of Boost.Test, which are in one package.
_BOOST_TESTS = dict.fromkeys(["unit_test_framework", "test_exec_monitor", "prg_exec_monitor"], "test")
# Tools, and what is in the C library.
_NONE = frozenset("threads openmp git doxygen python3 pkgconfig gtest googletest python perl".split())


class Links:
    """The libraries that are named where programs are linked."""

    def __init__(self, native: Native, parallel: bool) -> None:
        self.native = native
        words = [word for line in native.lines for word in (*line.options, *line.libraries)]
        packages = {one.lower() for one in native.packages}
        self.openmp = parallel or any(word in ("-fopenmp", "gomp") for word in words) or "openmp" in packages

    def has(self, name: str) -> bool:
        """Whether a library is linked by its name."""
        return name in self._names()

    def _names(self) -> list[str]:
        found = [name for line in self.native.lines for name in line.libraries]
        found += [one.removeprefix("-l") for one in self.native.links if re.fullmatch(r"(?:-l)?[\w+.-]+", one)]
        return [one for one in dict.fromkeys(found) if one and one not in self.native.own]

    def ask(self, image: Image, dropped: frozenset[str], system: Distribution, bare: bool) -> None:
        """Ask for each package that is to be there. Raises `Refused` where a library is not known.

        The libraries of the -dev packages that are dropped are asked for elsewhere; here are those of the compiler, of
        packages that a -dev package brought along, and of a full base.
        """
        if image.name != "gcc":
            self._of_compiler(image, dropped, system)
        for one in self._boost(image):
            system.wants((one,), "it is linked to a part of Boost")
        for name in self._names():
            stem = re.sub(r"^lib|\.so.*$", "", posixpath.basename(name)) if ".so" in name else name
            if stem.startswith("boost_"):
                continue
            if stem not in _ITS_OWN and not name.endswith(".a") and "/" not in name:
                self._named(stem, image, dropped, system, bare)
        if not bare:
            self._looked_for(image, dropped, system)
        if isinstance(system, System):
            self._brought_along(dropped, system)

    def _brought_along(self, dropped: frozenset[str], system: System) -> None:
        """What a -dev package depends on for programs that use it: plug-ins, and the parts of Boost in its headers.

        CMake links the program to those parts, too, and Debian's linker notes each library that it is given.
        """
        for package in sorted(dropped):
            if not package.endswith("-dev") or package.startswith(("libboost-", "libc6-")):
                continue
            for other in depends(package, system.release):
                if re.fullmatch(r"libboost-.*-dev", other) and self.native.hidden:
                    for one in runtime_packages(other, system.release) or ():
                        system.wants((one,), f"{package} needs it")
                elif not other.startswith("gir1.2-") and package_role(other, system.release) is Role.LIBRARY:
                    system.wants((other,), f"{package} needs it")

    def _of_compiler(self, image: Image, dropped: frozenset[str], system: Distribution) -> None:
        alpine = image.distribution == "alpine"
        if self.openmp:
            if any("clang" in one for one in dropped):
                raise Refused("which library clang uses for OpenMP is not known")
            system.wants(("libgomp" if alpine else "libgomp1",), "the program uses OpenMP")
        for name, package in (("atomic", "libatomic1"), ("quadmath", "libquadmath0")):
            if self.has(name):
                system.wants((package.rstrip("01") if alpine else package,), f"it is linked to {name}")

    def _named(self, name: str, image: Image, dropped: frozenset[str], system: Distribution, bare: bool) -> None:
        if isinstance(system, System):
            found = [one for one in packages_of_link(name, system.release) if one in system.before]
            if not found and not bare and not self._in_context(name):
                found = list(runtime_packages(_LINKED.get(name, ""), system.release) or ())
                if not found:
                    raise Refused(f"what has the library {name}, which it is linked to, is not known")
            system.wants(found, f"it is linked to {name}")
        elif image.distribution == "ubuntu":
            # By the -dev packages that have the library in Debian.
            brought = packages_of_link(name, LIKE)
            covered = {one for package in dropped for one in runtime_packages(package, LIKE) or ()}
            if not brought or set(brought) & (covered | (base_packages(LIKE) or frozenset())):
                return
            packages = ubuntu_runtime_packages(f"lib{name}-dev", image.release or "")
            if packages is None:
                raise Refused(f"what has the library {name}, which it is linked to, is not known for Ubuntu")
            for one in packages:
                system.wants((one,), f"it is linked to {name}")

    def _in_context(self, name: str) -> bool:
        files = (posixpath.basename(entry.path) for entry in self.native.context.entries())
        return any(re.fullmatch(rf"lib{re.escape(name)}\.(?:a|so(?:\..*)?)", one) for one in files)

    def _looked_for(self, image: Image, dropped: frozenset[str], system: Distribution) -> None:
        for asked in self.native.packages:
            name = asked.removeprefix("pkg-config:").lower()
            package = _FOUND.get(name)
            if name in _NONE or (package is None and any(name.replace("-", "") in one for one in dropped)):
                continue
            if package is None:
                raise Refused(f"which library {asked.removeprefix('pkg-config:')} stands for is not known")
            for one in runtime_packages(package, image.release or "") or ():
                system.wants((one,), f"the build looks for {name}")

    def _boost(self, image: Image) -> Iterator[str]:
        """The packages of the parts of Boost that are used, with the parts that those are linked to in turn."""
        names = [one.removeprefix("boost_") for one in self._names() if one.startswith("boost_")]
        names += [one.removeprefix("Boost::") for one in self.native.links if re.fullmatch(r"Boost::[a-z_]+", one)]
        names = [_BOOST_TESTS.get(one, one).replace("_", "-") for one in (*self.native.components, *names)]
        debian = image.release if image.distribution == "debian" and image.release in RELEASES else LIKE
        for name in dict.fromkeys(names):
            if name in ("headers", "boost"):
                continue
            brought = closure([f"libboost-{name}-dev"], debian)
            if brought is None:
                raise Refused(f"what has the library {name} of Boost is not known")
            parts = {match[1] for one in brought if (match := re.fullmatch(r"libboost-([a-z-]+?)[\d.]*-dev", one))}
            for part in sorted(parts):
                package = f"libboost-{part}-dev"
                if debian == image.release:
                    packages = runtime_packages(package, debian)
                else:
                    packages = ubuntu_runtime_packages(package, image.release or "")
                if packages is None:
                    raise Refused(f"what has the library {part} of Boost is not known")
                yield from packages


def alike(package: str) -> str:
    """Debian's package with about the same in it as one of Alpine, for an estimate of bytes."""
    return {"build-base": "build-essential", "alpine-sdk": "build-essential"}.get(package, package)
