"""Whether Python packages install without a compiler, and what they use when they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slimify.transforms.slim.base import At, Ledger, RefusedError

if TYPE_CHECKING:
    from packaging.version import Version

    from slimify.knowledge.language_packages import PythonPackage

# The C library of each release (packages.debian.org, libc6).
_GLIBC = {"buster": "glibc 2.28", "bullseye": "glibc 2.31", "bookworm": "glibc 2.36", "trixie": "glibc 2.41"}
# Needs git for requirements of the form git+https://…, which are not taken here at all.
_ONLY_FROM_REPOSITORIES = frozenset({"pip"})
_SOURCE = "slimify/knowledge/python_packages.toml, python_wheels.json"


class Wheels:
    """Asks of each package whether it is pure, or has a wheel for the image's Python on amd64 and arm64."""

    def __init__(self, ledger: Ledger, only_amd64: bool) -> None:
        self.ledger = ledger
        self.only_amd64 = only_amd64
        self.console: set[str] = set()
        self.libc = _GLIBC.get(ledger.images.release, "glibc")
        words = ledger.images.version.split(".")
        known = ledger.images.name == "python" and len(words) > 1 and words[0] == "3" and words[1].isdecimal()
        self.minor = int(words[1]) if known else None

    def need(self, name: str, specifier: str, extras: tuple[str, ...], marker: str, at: At) -> None:
        """A package that is installed."""
        from slimify.knowledge.language_packages import python_package
        from slimify.knowledge.slim import facts

        if marker and not self._applies(marker):
            return
        package = python_package(name)
        if package is None:
            raise RefusedError(f"whether {name} is compiled when it is installed is not known", at.span)
        if package.kind == "source":
            raise RefusedError(f"{name} is compiled when it is installed", at.span)
        pulled = facts().pulls.get(package.name)
        if pulled is not None:
            raise RefusedError(f"{name} brings {pulled}, which is compiled when it is installed", at.span)
        for extra in extras:
            brings = facts().extras.get(f"{package.name}[{extra}]")
            if brings is None:
                raise RefusedError(f"what {package.name}[{extra}] brings is not known", at.span)
            for one in brings:
                self.need(one, "", (), "", at)
        if package.kind == "wheels":
            self._wheel(package, specifier, at)
        for library in package.run_libraries:
            self.ledger.library(library.sonames, package.name, at)
        if package.name not in _ONLY_FROM_REPOSITORIES:
            self._programs(package, at)
        if package.name == "playwright":
            raise RefusedError("playwright brings browsers, whose libraries are not known", at.span)
        self.console |= {package.name, *package.scripts, *package.servers}
        self.ledger.programs |= self.console
        self.ledger.note("every Python package that is named is pure or has a wheel", at.span, _SOURCE)

    def _programs(self, package: PythonPackage, at: At) -> None:
        """Programs that the package may call, as far as the full image has them."""
        for program in package.run_programs:
            if all(one in self.ledger.images.programs for one in program.names):
                try:
                    self.ledger.program(program.names[0], at, package.name)
                except RefusedError:
                    why = f"{package.name} may call {program.names[0]}, which is not installed for that alone"
                    raise RefusedError(why, at.span) from None

    def _applies(self, marker: str) -> bool:
        from packaging.markers import Marker

        version = f"3.{self.minor}" if self.minor is not None else "3.13"
        here = {
            "python_version": version,
            "python_full_version": f"{version}.0",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "extra": "",
        }
        return Marker(marker).evaluate({**here, "platform_machine": "x86_64"}) or Marker(marker).evaluate(
            {**here, "platform_machine": "aarch64"}
        )

    def _wheel(self, package: PythonPackage, specifier: str, at: At) -> None:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        if self.minor is None:
            raise RefusedError(
                f"whether {package.name} has a wheel for {self.ledger.images.full} is not known", at.span
            )
        try:
            wanted = SpecifierSet(specifier)
        except InvalidSpecifier:
            raise RefusedError(f"which version of {package.name} is installed is not known", at.span) from None
        exact = [one.version for one in wanted if one.operator in ("==", "===") and "*" not in one.version]
        for arch in ("amd64",) if self.only_amd64 else ("amd64", "arm64"):
            found = self._exact(package.name, exact[0], arch) if exact else self._newest(package.name, wanted, arch)
            version = f" {exact[0]}" if exact else specifier
            if found is False:
                what = f"{package.name}{version} has no wheel for Python 3.{self.minor} on {arch}"
                raise RefusedError(f"{what}, so that it is compiled", at.span)
            if found is None and arch == "amd64":
                what = f"whether {package.name}{version} has a wheel for Python 3.{self.minor} on {arch}"
                raise RefusedError(f"{what} is not recorded", at.span)
            if found is None:
                self.ledger.note(f"not recorded: whether {package.name}{version} has a wheel on {arch}", at.span)

    def _exact(self, name: str, version: str, arch: str) -> bool | None:
        from slimify.knowledge.language_packages import wheel_available

        assert self.minor is not None
        found = wheel_available(name, version, self.minor, self.libc, arch)
        if found is not None:
            return found
        # A project does not take a wheel away between two versions that both have it.
        before, after = self._neighbours(name, version)
        sides = [
            wheel_available(name, one, self.minor, self.libc, arch) if one is not None else None
            for one in (before, after)
        ]
        return True if sides == [True, True] else None

    def _newest(self, name: str, wanted: object, arch: str) -> bool | None:
        from packaging.specifiers import SpecifierSet

        from slimify.knowledge.language_packages import wheel_available

        assert isinstance(wanted, SpecifierSet)
        assert self.minor is not None
        versions = [one for one in self._versions(name) if one in wanted]
        # An old Python gets the newest version that still is for it.
        for one in reversed(versions):
            if wheel_available(name, str(one), self.minor, self.libc, arch):
                return True
        return None

    def _neighbours(self, name: str, version: str) -> tuple[str | None, str | None]:
        from packaging.version import InvalidVersion, Version

        try:
            own = Version(version)
        except InvalidVersion:
            return None, None
        versions = self._versions(name)
        before = [one for one in versions if one < own]
        after = [one for one in versions if one > own]
        return str(before[-1]) if before else None, str(after[0]) if after else None

    def _versions(self, name: str) -> list[Version]:
        from packaging.version import InvalidVersion, Version

        from slimify.knowledge.language_packages import recorded_versions

        found = []
        for text in recorded_versions(name):
            try:
                one = Version(text)
            except InvalidVersion:
                continue
            if str(one) == text and not one.is_prerelease:
                found.append(one)
        return sorted(found)
