"""Which files of the build context the application may read when it runs, and which only serve its build."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from slimify.transforms.split_stage.core import Part
from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.outputs import Outputs
from slimify.transforms.split_stage.refused import Refused

from slimify.semantics.build import BuildStage, Step
from slimify.semantics.build_context import BuildContext, Kind

# They steer builds, editors, version control and services around a repository; programs do not read their own.
_AROUND = re.compile(
    r"(?:.*/)?(?:[\w.-]*Dockerfile[\w.-]*|Containerfile|[\w.-]*\.dockerignore|\.git(?:ignore|attributes|modules)"
    r"|\.editorconfig|\.travis\.yml|\.gitlab-ci\.yml|Jenkinsfile|(?:GNU)?[Mm]akefile|[Jj]ustfile|Taskfile\.ya?ml"
    r"|(?:docker-)?compose[\w.-]*\.ya?ml|\.pre-commit-config\.yaml|renovate\.json|CODEOWNERS|\.DS_Store|Procfile)"
    r"|(?:.*/)?(?:\.git|\.github|\.gitlab|\.circleci|\.vscode|\.idea|\.devcontainer)/.*"
)
# They are for people. A program that serves or shows files may well read them.
_READ_BY_PEOPLE = re.compile(
    r"(?:.*/)?(?:README|CHANGELOG|CHANGES|CODE[-_]OF[-_]CONDUCT|CONTRIBUTING|LICEN[CS]E|COPYING|GOVERNANCE|MAINTAINERS"
    r"|NOTICE|AUTHORS|ROADMAP|SECURITY|SUPPORT|TODO|HISTORY)"
    r"(?:\.(?:md|txt|rst))?",
    re.IGNORECASE,
)
_PLAIN_NAME = re.compile(r"[\w.][\w.+-]*")
# More names than this are harder to read than the COPY that they stand for.
_FEW = 6


class Staying(NamedTuple):
    """What becomes of each COPY and ADD of the build, and what is copied instead of those that are narrowed."""

    parts: dict[int, Part]
    copies: tuple[str, ...]

    def brings(self, path: str) -> bool:
        """Whether a path of the image is among what is copied instead."""
        return any(f"{path}/".startswith(f"{line.rpartition(' ')[2]}/") for line in self.copies)


class Sorting(NamedTuple):
    """Who reads a file: `is_source` says it of the ecosystem's tools, `certain` that all that others read is known.

    With `whole` the application reads the folder that it is built in, whatever is there. `unseen` are folders of the
    image that it does not look into.
    """

    is_source: Callable[[str], bool]
    certain: bool
    whole: bool
    unseen: tuple[str, ...] = ()

    def serves_the_build(self, path: str) -> bool:
        """Whether the application does not read a file of the context."""
        if self.whole:
            return False
        if _AROUND.fullmatch(path) or self.is_source(path):
            return True
        return self.certain and _READ_BY_PEOPLE.fullmatch(path) is not None


def staying(stage: BuildStage, files: Files, last: int, sorting: Sorting, outputs: Outputs) -> Staying:
    """What becomes of the COPYs up to the step `last`, the end of the build.

    One that brings nothing but what the build needs moves away. Of the whole context only the few files and folders
    with something else in them are copied; any other COPY is repeated. Raises `Refused` where the build removes what
    would come back.
    """
    parts: dict[int, Part] = {}
    narrowed: tuple[str, ...] = ()
    empty = _empty_folders(files.context)
    for index in sorted((index for index in files.taken if index < last), reverse=True):
        taken = files.taken[index].files
        kept = [
            image
            for origin, image in taken
            if not (image is not None and (_under(image, sorting.unseen) or outputs.inside(image)))
            and not sorting.serves_the_build(origin)
        ]
        if stage.steps[index].instruction.flag("chown") and any(outputs.inside(image or "") for _, image in taken):
            raise Refused("what is built lies among files of another owner", stage.steps[index].instruction.span)
        empty_here = [] if outputs.whole else empty
        if not kept and not empty_here and taken:
            parts[index] = Part.BUILD
            continue
        for image in kept:
            patterns = outputs.patterns if image is not None else ()
            if image is not None and (
                _under(image, outputs.removed) or any(fnmatch.fnmatchcase(image, one) for one in patterns)
            ):
                raise Refused(f"the build removes {image}", stage.steps[index].instruction.span)
        narrow = not (sorting.whole or narrowed or Part.BOTH in parts.values())
        few = _few(stage.steps[index], files, sorting, empty, outputs) if narrow else None
        parts[index] = Part.BOTH if few is None else Part.BUILD
        narrowed = few or narrowed
    return Staying(parts, narrowed)


def _few(step: Step, files: Files, sorting: Sorting, empty: list[str], outputs: Outputs) -> tuple[str, ...] | None:
    """The instructions that copy only what the application may read, in place of a `COPY . FOLDER`; None if not few."""
    words = [token.text for token in step.instruction.tokens]
    taken = files.taken[step.index].files
    if (
        step.keyword != "COPY"
        or step.instruction.flags
        or step.instruction.exec_form
        or words[:-1] not in (["."], ["./"])
    ):
        return None
    roots = {image[: -len(origin) - 1] for origin, image in taken if image is not None and image.endswith(f"/{origin}")}
    if len(roots) != 1 or len(taken) != sum(image is not None for _, image in taken):
        return None
    root = roots.pop()
    names = dict.fromkeys(
        path.partition("/")[0]
        for path in [*(origin for origin, _ in taken if not sorting.serves_the_build(origin)), *empty]
    )
    entries = [files.context.entry(name) for name in names]
    plain = all(
        one is not None and one.kind in (Kind.FILE, Kind.FOLDER) and _PLAIN_NAME.fullmatch(one.path) for one in entries
    )
    if len(names) > _FEW or not plain:
        return None
    return tuple(f"COPY {name} {root}/{name}" for name in sorted(names) if f"{root}/{name}" not in outputs.paths)


def _empty_folders(context: BuildContext) -> list[str]:
    """The folders in which no file is: a COPY makes them, and a program may write there."""
    entries = context.entries()
    used: set[str] = set()
    for one in entries:
        folder = posixpath.dirname(one.path)
        while one.kind is not Kind.FOLDER and folder and folder not in used:
            used.add(folder)
            folder = posixpath.dirname(folder)
    return [one.path for one in entries if one.kind is Kind.FOLDER and one.path not in used]


def _under(path: str, folders: Iterable[str]) -> bool:
    return any(path == one or path.startswith(one.rstrip("/") + "/") for one in folders)
