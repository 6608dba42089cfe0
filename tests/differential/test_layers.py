"""drop-build-deps and delete-in-layer change nothing but what they say, whichever call of a RUN fails.

Cases in which a RUN moves are left out: there the working directory differs on purpose.
"""

from __future__ import annotations

import re

import pytest

from slimify.rewrite.pipeline import Options, fix
from slimify.syntax.errors import DockerfileSyntaxError
from slimify.syntax.source import Source
from tests.golden.cases import CORPUS, context, options

from .compare import compare
from .model import Additions, Argv
from .sandbox import Sandbox
from .test_corpus import dockerfiles

CASES = (
    "build-deps-beside-what-stays-on-alpine",
    "build-deps-of-node-gyp-on-debian",
    "build-deps-on-debian-keep-what-later-steps-use",
    "build-deps-under-a-name-that-nobody-removed",
    "archives-are-mounted-where-they-are-unpacked",
    "archives-go-when-they-are-unpacked",
    "archives-in-one-of-several-lists",
    "archives-of-another-stage-are-mounted",
    "archives-of-packages-go-when-they-are-installed",
)
ARCHIVE = re.compile(r".*\.(?:tgz|zip|deb|rpm|tar\.\w+)")


def _removes_packages(argv: Argv) -> bool:
    return argv[:3] in (("apt-get", "purge", "-y"), ("apk", "del", "--no-network"))


def _adds(argv: Argv) -> bool:
    return argv[:2] == ("apk", "add")


def _removes_archive(argv: Argv) -> bool:
    return argv[:1] == ("rm",) and ARCHIVE.fullmatch(argv[-1]) is not None


def _copies_archive(argv: Argv) -> bool:
    return argv[:1] == ("COPY",) and ARCHIVE.fullmatch(argv[-2]) is not None


@pytest.mark.parametrize("name", CASES)
def test_the_rest_of_the_run_behaves_as_before(name: str) -> None:
    case = CORPUS / name
    source = Source.from_bytes((case / "Dockerfile").read_bytes(), "Dockerfile")
    outcome = fix(source, options(case), context(case))
    assert outcome.changed
    text = outcome.after.text
    libraries = re.findall(r"\blib[\w.+-]*\d\b", text)
    additions = Additions(
        options=frozenset(libraries),
        calls=(_removes_packages, _adds, _removes_archive),
        dropped=(_adds, _removes_archive, _copies_archive),
        flags=frozenset(re.findall(r"--mount=\S+", text)),
    )
    with Sandbox() as sandbox:
        report = compare(outcome.before.text, text, additions=additions, sandbox=sandbox)
    # What is not called any more, such as the removal of what is mounted now, cannot fail.
    drops = [drop for change in outcome.changes for drop in change.rewrite.drops]
    found = [one for one in report.differences if not any(drop in one.variant for drop in drops)]
    assert not found, "\n\n".join(map(str, found))
    assert report.variants


def test_archives_of_real_dockerfiles_go_and_nothing_else() -> None:
    additions = Additions(calls=(_removes_archive,))
    problems = []
    with Sandbox() as sandbox:
        for path in dockerfiles():
            try:
                data = path.read_bytes()
                data.decode()
                outcome = fix(Source.from_bytes(data, str(path)), Options(only=("delete-in-layer",)))
            except (UnicodeDecodeError, DockerfileSyntaxError):
                continue
            if outcome.changed and not any(change.rewrite.drops for change in outcome.changes):
                report = compare(outcome.before.text, outcome.after.text, additions=additions, sandbox=sandbox)
                problems += [f"{path}: {difference}" for difference in report.differences]
    assert not problems, "\n\n".join(problems[:5])
