"""What the stage that ships must have installed, where Ruby or PHP is built on Debian or on Alpine."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from slimify.transforms.split_stage.alpine import COMPILER_BYTES, COMPILERS, Alpine
from slimify.transforms.split_stage.interpreted import Layout
from slimify.transforms.split_stage.refused import Refused
from slimify.transforms.split_stage.runs import Run
from slimify.transforms.split_stage.system import MAKE_USERS, System, of_image
from slimify.transforms.split_stage.worth import Saving, worth

from slimify.context.started import Started
from slimify.knowledge.debian import (
    closure,
    installed_size,
    is_build_only,
    package_of_program,
    resolve,
    runtime_packages,
)
from slimify.knowledge.image_sizes import uncompressed_bytes
from slimify.knowledge.images import Image
from slimify.syntax.source import Span

# They fetch what others install, and make what a browser is sent.
NODE = frozenset("node-gyp nodejs npm yarn yarnpkg".split())
FETCH = frozenset(
    "apt-transport-https apt-utils dirmngr git git-core gnupg gnupg2 lsb-release software-properties-common".split()
)
# An extension for the interpreter of the image is not linked to the one of the distribution.
_OTHER = re.compile(r"(?:lib)?(?:ruby|php)[\d.]*-dev")
# Only users of the system take their numbers from the range that packages take theirs from (useradd(8), adduser(8)).
_SYSTEM_USER = re.compile(r"\b(?:add(?:user|group)|(?:user|group)add)\b.*\s(?:-[a-z]*r[a-z]*|--system)\b", re.DOTALL)


class Needed:
    """What is installed in the stage that ships, on the image `after`, of what there was on `before`.

    Something may have been built with headers that only came along with those that are asked for: the libraries of
    these are wanted where they are among the `linked` ones. `unknown` may be linked with any of them.
    """

    def __init__(
        self,
        image: Image,
        before: str,
        after: str,
        runs: Iterable[Run],
        layout: Layout,
        dropped: frozenset[str],
        linked: re.Pattern[str],
        unknown: str = "",
    ) -> None:
        self.image = image
        self.images = before, after
        self.runs = list(runs)
        self.dropped = dropped
        self.linked = linked
        self.unknown = unknown
        self.moving = layout.moving
        self.kept = [one for run in self.moving for one in run.kept if one not in dropped]
        self.system: System | Alpine = self._alpine() if image.distribution == "alpine" else self._debian()

    @property
    def packages(self) -> list[str]:
        """All that is to be installed in place of the RUNs that move."""
        return [*self.kept, *self.system.added]

    @property
    def installing(self) -> list[Run]:
        """The RUNs in whose manner that is done."""
        return [run for run in self.moving if {*run.packages} - self.dropped]

    def programs(self, called: Iterable[tuple[str, str]], span: Span) -> None:
        """What scripts and command lines call is there. Refused where that is not known."""
        for program, where in called:
            self.system.wants_program(program, where, span)

    def started(self, started: Iterable[Started], span: Span) -> None:
        """What sources start is there, if it was. Refused where a full base may have had it."""
        for one in started:
            where = f"{one.place.file}:{one.place.line}"
            if one.name is None:
                if self.images[0] != self.images[1]:
                    raise Refused(f"{where} runs a program whose name is not known", span)
            elif isinstance(self.system, System):
                names = package_of_program(posixpath.basename(one.name), self.system.release)
                self.system.wants(names, f"{where} runs {one.name}")
            else:
                self.system.wants_started(one.name, where, span)

    def modules(self) -> None:
        """The modules of the libraries that are there by now are there, if they were."""
        if isinstance(self.system, System):
            self.system.wants_modules()

    def adds_users(self) -> None:
        """Users can be added as before: adduser is there where it is called, and they get the same numbers."""
        if not isinstance(self.system, System):
            return
        gone = sorted(MAKE_USERS & (self.system.before - self.system.after))
        for run in self.runs:
            span = run.step.instruction.span
            if run.adds_users and "adduser" not in self.system.after:
                raise Refused(f"adduser is not in {self.images[1]}", span)
            if run.sets_up and gone and _SYSTEM_USER.search(run.step.instruction.arguments):
                raise Refused(f"without {gone[0]} the next user that is added has another number", span)

    def saves(self) -> Saving:
        """The bytes that are saved. Refused where that is not known."""
        if isinstance(self.system, Alpine):
            if not COMPILERS & {one for run in self.moving for one in run.packages}:
                return worth(None, None)
            return Saving(COMPILER_BYTES, COMPILER_BYTES)
        sizes = [uncompressed_bytes(one) for one in self.images]
        if sizes[0] is None or sizes[1] is None:
            return worth(None, None)
        beyond = [
            sum(installed_size(one, self.system.release) or 0 for one in names - of_image(image))
            for names, image in zip((self.system.before, self.system.after), self.images, strict=True)
        ]
        return worth(sizes[0].bytes + beyond[0], sizes[1].bytes + beyond[1])

    def _debian(self) -> System:
        release = self.image.release
        assert release is not None
        moved = {run.step.index for run in self.moving}
        installed, kept = [], []
        for run in self.runs:
            stays = run.kept if run.step.index in moved else run.packages
            known = [one for one in run.packages if one not in self.dropped or resolve(one, release)]
            installed.append((known, run.recommends))
            kept.append(([one for one in stays if one not in self.dropped], run.recommends))
        before, after = map(of_image, self.images)
        system = System(release, before, after, installed, kept)
        for run in self.moving:
            for one in run.build_only:
                if _OTHER.fullmatch(one):
                    continue
                if resolve(one, release) is None:
                    raise Refused(f"the package {one} is not known", run.step.instruction.span)
                for library in runtime_packages(one, release) or ():
                    system.wants((library,), f"it has the library of {one}")
        headers = [one for run in self.moving for one in run.build_only if not _OTHER.fullmatch(one)]
        # What the C library's own headers bring along (libnsl-dev) is nothing that is built with by chance.
        for one in sorted((closure(headers, release) or frozenset()) - (closure(["g++"], release) or frozenset())):
            for library in (runtime_packages(one, release) or ()) if is_build_only(one) else ():
                if self.linked.match(library):
                    system.wants((library,), f"it has the library of {one}, which came along")
                elif self.unknown and library not in system.after:
                    raise Refused(f"whether {self.unknown} is linked with {library}, which came along, is not known")
        return system

    def _alpine(self) -> Alpine:
        assert self.image.release is not None
        moved = {run.step.index for run in self.moving}
        stay = [one for run in self.runs if run.step.index not in moved for one in run.packages]
        asked = [one for run in self.runs for one in run.packages]
        system = Alpine(self.image.release, asked, [*self.kept, *stay])
        for run in self.moving:
            for one in run.build_only:
                if not _OTHER.fullmatch(one):
                    system.libraries_of(one, run.step.instruction.span)
        return system


def some(names: Iterable[str]) -> str:
    """A few of the names, for a reader."""
    listed = list(dict.fromkeys(names))
    return ", ".join(listed if len(listed) <= 4 else [*listed[:3], f"{len(listed) - 3} more"])
