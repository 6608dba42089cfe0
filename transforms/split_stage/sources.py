"""Which files of the build context the application may read when it runs, and which only serve its build."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterable

from slimify.transforms.split_stage.core import Part
from slimify.transforms.split_stage.files import Files
from slimify.transforms.split_stage.outputs import Outputs
from slimify.transforms.split_stage.refused import Refused

from slimify.semantics.build import BuildStage

# They steer builds, editors, version control and services around a repository; programs do not read their own.
_AROUND = re.compile(
    r"(?:.*/)?(?:[\w.-]*Dockerfile[\w.-]*|Containerfile|[\w.-]*\.dockerignore|\.git(?:ignore|attributes|modules|keep)"
    r"|\.editorconfig|\.travis\.yml|\.gitlab-ci\.yml|Jenkinsfile|(?:GNU)?[Mm]akefile|[Jj]ustfile|Taskfile\.ya?ml"
    r"|(?:docker-)?compose[\w.-]*\.ya?ml|\.pre-commit-config\.yaml|renovate\.json|CODEOWNERS|\.DS_Store|Procfile)"
    r"|(?:.*/)?(?:\.git|\.github|\.gitlab|\.circleci|\.vscode|\.idea|\.devcontainer)/.*"
)
# They are for people. A program that serves or shows files may well read them.
_READ_BY_PEOPLE = re.compile(
    r"(?:.*/)?(?:README|CHANGELOG|CHANGES|CONTRIBUTING|LICEN[CS]E|COPYING|NOTICE|AUTHORS|SECURITY|TODO|HISTORY)"
    r"(?:\.(?:md|txt|rst))?",
    re.IGNORECASE,
)


def parts(
    stage: BuildStage, files: Files, last: int, is_source: Callable[[str], bool], certain: bool, outputs: Outputs
) -> dict[int, Part]:
    """What becomes of each COPY and ADD up to the step `last`, the end of the build.

    One that brings nothing but what the build needs moves away; any other is repeated in the stage that ships.
    `is_source` knows what only the ecosystem's tools read; `certain` says that all that the application reads is known.
    Raises `Refused` where the build removes what would come back.
    """
    found = {}
    for index, taken in files.taken.items():
        if index > last:
            continue
        paths = [origin for origin, _ in taken.files]
        only = bool(paths) and all(
            (image is not None and outputs.inside(image)) or _serves_the_build(path, is_source, certain)
            for path, image in taken.files
        )
        if (
            only
            and stage.steps[index].instruction.flag("chown")
            and any(outputs.inside(i or "") for _, i in taken.files)
        ):
            raise Refused("what is built lies among files of another owner", stage.steps[index].instruction.span)
        found[index] = Part.BUILD if only else Part.BOTH
        if not only:
            for _, image in taken.files:
                gone = image is not None and (
                    _under(image, outputs.removed)
                    or any(fnmatch.fnmatchcase(image, pattern) for pattern in outputs.patterns)
                )
                if gone and not outputs.inside(image or ""):
                    raise Refused(f"the build removes {image}", stage.steps[index].instruction.span)
    return found


def _serves_the_build(path: str, is_source: Callable[[str], bool], certain: bool) -> bool:
    if _AROUND.fullmatch(path) or is_source(path):
        return True
    return certain and _READ_BY_PEOPLE.fullmatch(path) is not None


def _under(path: str, folders: Iterable[str]) -> bool:
    return any(path == one or path.startswith(one.rstrip("/") + "/") for one in folders)


def extension(*endings: str) -> Callable[[str], bool]:
    """A test for files with one of some endings, in lower case and with their dot."""
    return lambda path: posixpath.splitext(path)[1].lower() in endings
