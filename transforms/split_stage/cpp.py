"""The pack for C and C++: programs are built where the compiler is, and ship on the bare distribution."""

from __future__ import annotations

import posixpath
import re

from slimify.transforms.split_stage.compiled import Compiled, Needs
from slimify.transforms.split_stage.core import Result
from slimify.transforms.split_stage.cpp_links import Links, alike
from slimify.transforms.split_stage.cpp_needs import is_source, read_needs
from slimify.transforms.split_stage.named import LIKE, NamedAlpine, Ubuntu
from slimify.transforms.split_stage.native import CONFIGURES, TOOLS, Native
from slimify.transforms.split_stage.native_cmake import cmake
from slimify.transforms.split_stage.native_make import make
from slimify.transforms.split_stage.native_others import configure, meson, ninja
from slimify.transforms.split_stage.outputs import copies
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run
from slimify.transforms.split_stage.start import Called
from slimify.transforms.split_stage.system import Distribution, System, of_image
from slimify.transforms.split_stage.worth import Saving, worth

from slimify.context.compile_line import COMPILER
from slimify.context.cpp import ENDINGS, PLUS_PLUS, Sources, read_sources
from slimify.knowledge.debian import RELEASES, closure, closure_size, knows, resolve, runtime_packages
from slimify.knowledge.image_sizes import uncompressed_bytes
from slimify.knowledge.images import Image, facts
from slimify.rewrite.edit import Evidence
from slimify.semantics.build import Build, Step
from slimify.semantics.commands import Invocation, invocations

# They only look, or write into the build's own files.
_LOOKS = frozenset("cat ctest echo file ldd ls nm nproc pwd size which".split())
# What the build fetches sources with. curl and wget stay: a health check may call them from outside.
_FETCHES = frozenset("bzr git git-lfs mercurial openssh-client subversion".split())
# Alpine's names for what Debian's table of roles has others for.
_ALPINE_TOOLS = re.compile(
    r"build-base|alpine-sdk|linux-headers|samurai|ninja(?:-build)?|pkgconfig|g\+\+|musl-dev|fortify-headers"
)
_OF_COMPILER = {"atomic": "libatomic.so.1", "quadmath": "libquadmath.so.0"}
# They have had their names in all releases.
_NAMED_FOR_GOOD = frozenset("ca-certificates git libatomic1 libgomp1 libquadmath0 tzdata".split())


def concerns(build: Build, image: Image) -> bool:
    """Whether something is compiled, on Debian, Ubuntu or Alpine."""
    if image.distribution not in ("debian", "ubuntu", "alpine") and image.name != "gcc":
        return False
    return any(_compiles(step) for step in build.stages[0].steps if step.keyword == "RUN")


def plan(build: Build, image: Image) -> Result | None:
    """How the stage is split. Raises `Refused`."""
    return _Cpp(build, image).plan()


def _compiles(step: Step) -> bool:
    body = step.body
    return body is not None and any(
        one.program is not None and TOOLS.fullmatch(one.program)
        for command in body.script.commands()
        for one in invocations(command, step.state.variables)
    )


class _Cpp(Compiled):
    tools = TOOLS

    def __init__(self, build: Build, image: Image) -> None:
        super().__init__(build, image)
        self.native = Native(build, self.stage, self.files, self.outputs)
        self._read: Sources | None = None

    # -- what the build does --

    def sort(self, run: Run, call: Invocation) -> Run | None:
        program = call.program or ""
        if COMPILER.fullmatch(program):
            self.native.compiler(run, call)
        elif program in ("make", "gmake"):
            make(self.native, run, call)
        elif program == "cmake":
            cmake(self.native, run, call)
        elif program in ("ninja", "ninja-build"):
            ninja(self.native, run, call)
        elif program == "meson":
            meson(self.native, run, call)
        elif CONFIGURES.fullmatch(program):
            configure(self.native, run, call)
        elif program not in _LOOKS:
            return None
        return run._replace(builds=(*run.builds, call))

    def only_builds(self, package: str) -> bool:
        alpine = self.image.distribution == "alpine" and _ALPINE_TOOLS.fullmatch(package) is not None
        called = {posixpath.basename(one.name) for one in self._sources().programs}
        return alpine or (package in _FETCHES and not called & {"git", "ssh", "svn", "hg", "bzr"})

    def runs_by(self, call: Called) -> bool:
        if TOOLS.fullmatch(call.program):
            raise Refused(f"{call.where} runs {call.program}, as for development", call.span)
        return False

    # -- where it ships --

    @property
    def _same(self) -> bool:
        """Whether the image is a bare distribution, on which the program ships as well."""
        return self.image.name in ("debian", "ubuntu", "alpine")

    def base(self) -> str:
        literal = self.stage.stage.image
        if self._same:
            return literal
        release = self.image.release
        if self.image.distribution != "debian" or release is None:
            raise Refused(f"which release of a distribution {literal} stands on is not known")
        if "$" in literal:
            raise Refused("which release of a distribution the base stands on depends on a variable")
        newest = facts()["suites"]["stable"]
        moves = self.image.current and (release == newest or not self.image.version)
        if release not in literal and moves:
            raise Refused(
                f"{literal} will move to another release of Debian, whose programs do not run on {release}; "
                f"a tag that ends in -{release} does not",
                self.stage.stage.base.span,
            )
        return f"debian:{release}-slim"

    def distribution(self, base: str, dropped: frozenset[str]) -> Distribution:
        kept = [one for run in self.runs for one in run.packages if one not in dropped]
        release = self.image.release or ""
        if self.image.distribution == "alpine":
            return NamedAlpine(release.removeprefix("alpine"), kept, dropped)
        if self.image.distribution == "ubuntu":
            return Ubuntu(release, kept, dropped)
        if release not in RELEASES:
            return Ubuntu(release, kept, dropped)
        old = f"buildpack-deps:{release}" if self.image.name == "gcc" else self.stage.image or ""
        return System(
            release,
            before=of_image(old),
            after=of_image(self.stage.image or "" if self._same else base),
            installed=[(run.packages, run.recommends) for run in self.runs],
            kept=[([one for one in run.packages if one not in dropped], run.recommends) for run in self.runs],
        )

    def brings(self, stage: str) -> tuple[str, ...]:
        """The libraries of a compiler that is newer than the distribution's (docker-library/gcc, Dockerfile.template).

        What C asks libgcc for is in the program; C++ asks for both when an exception is thrown.
        """
        if self.image.name != "gcc" or not self.links:
            return ()
        names = []
        if self._plus_plus:
            names += ["libgcc_s.so.1", "libstdc++.so.6"]
        if self._links().openmp:
            names.append("libgomp.so.1")
        names += [soname for name, soname in _OF_COMPILER.items() if self._links().has(name)]
        if not names:
            return ()
        folder = "/usr/local/lib64"
        return (
            *copies(stage, [f"{folder}/{one}" for one in names]),
            f"RUN echo {folder} > /etc/ld.so.conf.d/000-local-lib.conf && ldconfig",
        )

    # -- what it needs --

    @property
    def links(self) -> bool:
        linked = [one for one in self.native.lines if not one.objects]
        return self.native.hidden or not linked or not all(one.static for one in linked)

    def _links(self) -> Links:
        return Links(self.native, bool(self._sources().parallel))

    def needs(self) -> Needs:
        needs = read_needs(self._sources(), self.native, self.image, self.stage.stage.base.span)
        if self._same:
            return needs
        return needs._replace(
            evidence=(Evidence(f"{self.stage.image} stands on {self.image.release}", None, self.image.how),)
        )

    def asks(self, system: Distribution, dropped: frozenset[str]) -> None:
        found = self._sources()
        if not self._same:
            self.no_libraries_copied()
        for one in dropped:
            if re.search(r"multilib|i386|-cross|mingw", one):
                raise Refused(f"{one} builds for another machine", self.stage.stage.base.span)
        if not self._same and self.native.configured:
            raise Refused("what configure finds in the base is not known", self.stage.stage.base.span)
        if self.links:
            self._links().ask(self.image, dropped, system, self._same)
        if self.image.distribution == "debian":
            checks = bool(found.tls) or self._secure(dropped)
        else:
            # What recommends them is not known; without recommended packages they are there by their name.
            checks = bool(found.tls) and any(run.recommends for run in self.runs)
        if checks and self.image.distribution != "alpine":
            system.wants(("ca-certificates",), "the certificates that TLS is checked with")
        zoned = self.stage.final_state.sets("TZ") or any("zoneinfo" in one for one in found.strings)
        if self.image.distribution == "debian" and (zoned or found.zones):
            system.wants(("tzdata",), "local times")
        elif zoned and self.image.distribution == "ubuntu" and not any("tzdata" in run.packages for run in self.runs):
            raise Refused("whether the system knew the time zone is not known", self.stage.stage.base.span)

    def _secure(self, dropped: frozenset[str]) -> bool:
        """Whether a library that the program is linked to speaks TLS."""
        release = self.image.release if self.image.release in RELEASES else LIKE
        libraries = [one for package in dropped for one in runtime_packages(package, release) or ()]
        brought = closure(libraries, release) or frozenset()
        return any(re.match(r"lib(?:ssl|gnutls)\d", one) for one in (*libraries, *brought))

    def _named_for_good(self, system: Distribution) -> None:
        """Refuse where a base names no release, and the next may have other names. Alpine's tables know of them."""
        literal = self.stage.stage.image
        if self.image.distribution == "alpine" or self.image.version or (self.image.release or "?") in literal:
            return
        for name in system.added:
            if name not in _NAMED_FOR_GOOD:
                raise Refused(
                    f"{literal} names no release, and the next one may have another name for {name}",
                    self.stage.stage.base.span,
                )

    def libraries(self, system: Distribution, package: str) -> None:
        if package == "libboost-all-dev" and not self.native.configured:
            # Which of them is linked is known.
            return
        if isinstance(system, NamedAlpine) and not self._plus_plus:
            system.libraries_of(package, self.stage.stage.base.span, without="libstdc++")
        else:
            super().libraries(system, package)

    @property
    def _plus_plus(self) -> bool:
        return self.native.plus_plus or any(posixpath.splitext(one)[1] in PLUS_PLUS for one in self._paths())

    # -- what stays --

    def _paths(self) -> list[str]:
        found = dict.fromkeys(origin for taken in self.files.taken.values() for origin, _ in taken.files)
        return [one for one in found if posixpath.splitext(one)[1].lower() in ENDINGS]

    def _sources(self) -> Sources:
        if self._read is None:
            self._read = read_sources(self.context, self._paths())
        return self._read

    def is_source(self, path: str) -> bool:
        return is_source(path, self._sources())

    # -- what it is worth --

    def saves(self, base: str, dropped: frozenset[str], system: Distribution) -> Saving:
        self._named_for_good(system)
        image = self.stage.image or ""
        old, new = uncompressed_bytes(image), uncompressed_bytes(image if self._same else base)
        if self.image.name == "gcc":
            old = uncompressed_bytes(f"buildpack-deps:{self.image.release}")
        if old is None or new is None:
            return worth(None, None)
        release = self.image.release if self.image.release in RELEASES else LIKE
        asked = [one for run in self.runs for one in run.packages]
        kept = [one for one in asked if one not in dropped]
        if release == self.image.release:
            came = [*kept, *system.added]
        else:
            # By Debian's packages: those of the same names, which have the same in them.
            came = [*kept, *(other for one in dropped for other in runtime_packages(one, LIKE) or ())]
        before = closure_size(_known(asked, release), release)
        after = closure_size(_known(came, release), release)
        if before is None or after is None:
            return worth(None, None)
        return worth(old.bytes + (before if self._same else 0), new.bytes + after)


def _known(packages: list[str], release: str) -> list[str]:
    named = [alike(one) for one in packages]
    return [one for one in named if knows(one, release) or resolve(one, release)]
