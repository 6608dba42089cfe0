"""Ubuntu and Alpine: of their packages only the common ones are known, by tables written by hand."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.system import Alpine

from slimify.knowledge.debian import Role, base_packages, package_of_program, package_role
from slimify.knowledge.other_headers import alpine_runtime_packages, ubuntu_runtime_packages
from slimify.syntax.source import Span

# Debian's release whose essential packages, and names of packages with programs, Ubuntu's are taken to be like.
LIKE = "bookworm"
# What the base of Alpine has of a shell's usual programs: applets of BusyBox (busybox.net, "BusyBox commands").
_BUSYBOX = frozenset(
    """[ ash awk base64 basename bunzip2 bzip2 cat chgrp chmod chown clear cmp cp cut date dd df diff dirname dmesg du
    echo egrep env expr false fgrep find free fuser grep gunzip gzip head hexdump hostname id ifconfig ip kill killall
    less ln ls lsof md5sum mkdir mkfifo mktemp more mount mv nc netstat nohup nproc nslookup od ping pgrep pidof pkill
    printf ps pwd readlink realpath reset rm rmdir route sed seq sh sha1sum sha256sum sleep sort split stat stty sync
    tail tar tee telnet test time timeout top touch tr traceroute true tty umount uname uniq unzip uptime usleep vi
    watch wc wget which who whoami xargs xxd yes zcat""".split()
)
_TOOLS = (Role.COMPILER, Role.BUILD_TOOL, Role.FETCH_TOOL)


class Ubuntu:
    """What is installed by name: the packages that are `kept`, and those that are `gone`."""

    name = "ubuntu"

    def __init__(self, release: str, kept: Iterable[str], gone: Iterable[str]) -> None:
        self.release = release
        self.kept = frozenset(kept)
        self.gone = frozenset(gone)
        self.added: dict[str, str] = {}

    def wants(self, packages: Iterable[str], why: str) -> None:
        """One of the packages is to be there."""
        known = list(packages)
        base = base_packages(LIKE) or frozenset()
        if known and not (self.kept | base) & set(known):
            self.added.setdefault(known[0], why)

    def wants_program(self, program: str, where: str, span: Span) -> None:
        """A program is called: one of the base, or of a package that stays."""
        packages = frozenset(package_of_program(posixpath.basename(program), LIKE))
        if not packages & (self.kept | (base_packages(LIKE) or frozenset())):
            raise Refused(f"{where} uses {program}, and what brings it is not known", span)

    def wants_library(self, library: str, where: str, span: Span) -> None:
        """A shared library is loaded by its name. Which package brings it is not known for Ubuntu."""
        raise Refused(f"{where} loads {library}, and what brings it is not known", span)

    def runtime(self, package: str) -> tuple[tuple[str, ...], ...]:
        """What has the libraries of a package that is only there to build with."""
        found = ubuntu_runtime_packages(package, self.release)
        if found is None and package_role(package, LIKE) in _TOOLS:
            found = ()
        if found is None:
            raise Refused(f"what has the libraries of {package} at run time is not known in {self.release}")
        return tuple((one,) for one in found)


class NamedAlpine(Alpine):
    """Alpine, where a program is known to be there only as BusyBox has it, or by a package of its name."""

    def wants_program(self, program: str, where: str, span: Span) -> None:
        """A program is called."""
        if posixpath.basename(program) not in _BUSYBOX | self.kept:
            raise Refused(f"{where} uses {program}, and what brings it is not known", span)

    def runtime(self, package: str) -> tuple[tuple[str, ...], ...]:
        """What has the libraries of a package that is only there to build with."""
        found = alpine_runtime_packages(package, self.release)
        if found is None and package_role(package, LIKE) in (Role.BUILD_TOOL, Role.FETCH_TOOL):
            return ()
        return super().runtime(package)
