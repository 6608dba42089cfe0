"""What a stage on Alpine Linux needs to run, once what it was built with is left out.

The stage that ships stands on the same image, so that only packages which are no longer installed can be missed.
Names as Alpine's package index has them; programs of busybox as its own documentation lists them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from slimify.transforms.split_stage.refused import Refused

from slimify.knowledge.other_headers import alpine_runtime_packages
from slimify.syntax.source import Span

# The package build-base stands for; each of them brings gcc or is nothing without it.
COMPILERS = frozenset(["build-base", "gcc", "g++", "alpine-sdk"])
# gcc alone, with what it depends on, installed: at least this much in every release since 3.12.
COMPILER_BYTES = 100_000_000
# Packages that bring one program of another name, or several.
_PROGRAMS = {
    "convert": "imagemagick",
    "dot": "graphviz",
    "fc-cache": "fontconfig",
    "gpg": "gnupg",
    "identify": "imagemagick",
    "magick": "imagemagick",
    "mysql": "mysql-client",
    "mysqldump": "mysql-client",
    "node": "nodejs",
    "pg_dump": "postgresql-client",
    "pg_isready": "postgresql-client",
    "psql": "postgresql-client",
    "redis-cli": "redis",
    "sqlite3": "sqlite",
    "supervisorctl": "supervisor",
    "supervisord": "supervisor",
    "xz": "xz",
}
# They come with compilers, or with what headers depend on.
_TOOLCHAIN = frozenset(
    "ar as autoconf automake bison c++ cc cmake cpp file flex g++ gcc ld libtool m4 make nm objdump openssl patch perl "
    "pkg-config python3 ranlib readelf strip".split()
)
_BUSYBOX = frozenset(
    "arch awk base64 basename cat chgrp chmod chown clear cp crond cut date dd df diff dirname dmesg du env expr find "
    "free fsync getent grep gunzip gzip head hexdump hostname id install ip ipcs kill killall less ln ls lsof md5sum "
    "mkdir mkfifo mktemp more mount mv nc netstat nice nohup nproc nslookup od paste pgrep ping pkill printenv ps pwd "
    "readlink realpath renice rev rm rmdir sed seq setsid sha1sum sha256sum sha512sum shuf sleep sort split stat "
    "strings stty su sync tail tar tee test time timeout top touch tr tty umask uname uniq unlink unzip uptime "
    "users usleep vi watch wc wget which whoami who xargs xxd yes".split()
)


class Alpine:
    """The packages that stay, and those that are `added` for what was built, with the reasons."""

    name = "alpine"

    def __init__(self, release: str, packages: Iterable[str], kept: Iterable[str]) -> None:
        self.release = release.removeprefix("alpine")
        self.before = frozenset(packages)
        self.after = frozenset(kept)
        self.added: dict[str, str] = {}

    def libraries_of(self, package: str, span: Span) -> None:
        """What was built with a package stays able to run without it."""
        libraries = alpine_runtime_packages(package, self.release)
        if libraries is None:
            raise Refused(f"which libraries the package {package} stands for is not known", span)
        for one in libraries:
            self._add(one, f"it has the library of {package}")

    def wants(self, packages: Iterable[str], why: str) -> None:
        """A package is to be there if it was there before."""
        for one in packages:
            if one in self.before:
                self._add(one, why)
                return

    def wants_program(self, program: str, where: str, span: Span) -> None:
        """A program is called. Refused where it is not known to be there."""
        name = posixpath.basename(program)
        package = self.package_of(name)
        if name in _BUSYBOX:
            return
        if package not in self.before:
            raise Refused(f"{where} uses {name}, and what brings it is not known", span)
        self._add(package, f"{where} uses {name}")

    def wants_started(self, program: str, where: str, span: Span) -> None:
        """A source starts a program. Refused where it may have come along with what is left out."""
        name = posixpath.basename(program)
        if name in _TOOLCHAIN and name not in self.before:
            raise Refused(f"{where} runs {name}, which may have come with what only serves the build", span)
        self.wants((self.package_of(name),), f"{where} runs {name}")

    def wants_library(self, library: str, where: str, span: Span) -> None:
        """A shared library is loaded by its name. Which package of Alpine brings it is not known."""
        raise Refused(f"{where} loads {library}, and what brings it is not known", span)

    def package_of(self, program: str) -> str:
        """The package that brings a program, if any does."""
        name = posixpath.basename(program)
        return _PROGRAMS.get(name, name)

    def _add(self, package: str, why: str) -> None:
        if package not in self.after:
            self.added[package] = why
