"""The image of the new Dockerfile is configured as that of the old one was, and the deliberate differences are these.

An own reading (`configuration.py`) says so, which shares nothing with slimify's. That `ENV name value` becomes
`ENV name=value` and that overridden instructions go makes no difference to it, so neither is excepted here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from golden.cases import cases, options, run
from shared_corpus import is_shared, outcomes, outcomes_in_context

from slimify.rewrite.edit import Level
from slimify.rewrite.outcome import Outcome

from .buildkit import BuildKit
from .configuration import INHERITED, Configuration, configuration

# MAINTAINER is deprecated: modern-instructions writes it as a label, which `docker inspect` shows in another place.
AUTHOR = ("modern-instructions", "the author is in the label maintainer")
# split-stage puts packages into a virtualenv, whose programs are found first. A compiler's image has the folder
# of what it installs in PATH, and that of the distribution below it has not.
PATH = ("split-stage", "PATH has another folder in front")
_BASE_PATH = "($PATH of the base)"
_FOLDERS = ("/opt/venv/bin", "/go/bin", "/usr/local/cargo/bin")
# A compiled program needs the distribution below the compiler, and a static one not even that. What the
# compiler's image configures and nothing in the Dockerfile replaces would be lost with it.
BASE = ("split-stage", "the image stands on the distribution below the compiler")
_NET = "mcr.microsoft.com/dotnet"
_BELOW = {
    "gcc": ("debian",),
    "gradle": ("eclipse-temurin",),
    "maven": ("eclipse-temurin",),
    f"{_NET}/sdk": (f"{_NET}/runtime", f"{_NET}/aspnet", f"{_NET}/runtime-deps"),
    "golang": ("debian", "alpine", "gcr.io/distroless/static-debian12"),
    "rust": ("debian", "alpine", "gcr.io/distroless/static-debian12", "gcr.io/distroless/cc-debian12"),
}

# What the SDK of .NET is set to, and its images to run on are not, is kept as it was.
SETTINGS = ("split-stage", "the settings of the SDK are kept")
_OF_THE_SDK = ("ASPNETCORE_URLS", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "DOTNET_USE_POLLING_FILE_WATCHER")
# Poetry and Pipenv, where they start the application, are led to the virtualenv by its name.
VENV = ("split-stage", "the virtualenv is named")

Differences = dict[str, tuple[object, object]]


def compared(
    before: str, after: str, transforms: Iterable[str], buildkit: BuildKit, target: str | None = None
) -> tuple[Differences, list[tuple[str, str]]]:
    """The differences of two Dockerfiles, and which of the deliberate ones there were besides.

    Besides the last stage or the target, every stage is compared that another `--target` could name.
    """
    found: Differences = {}
    excepted = []
    reads = [(buildkit.read(text), text) for text in (before, after)]
    names = [read.value[2] for read in reads[0][0] if read.keyword == "FROM" and len(read.value) == 3]
    for wanted, given in itertools.product((target, *names), (False, True)):
        old, new = (configuration(*one, wanted, given) for one in reads)
        if AUTHOR[0] in transforms and _has_its_author_as_a_label(old, new):
            excepted.append(AUTHOR)
        if PATH[0] in transforms and _has_another_folder_in_path(old, new):
            excepted.append(PATH)
        if SETTINGS[0] in transforms and _keeps_settings(old, new):
            excepted.append(SETTINGS)
        if VENV[0] in transforms and "VIRTUAL_ENV" not in old.env and new.env.get("VIRTUAL_ENV") == "/opt/venv":
            del new.env["VIRTUAL_ENV"]
            excepted.append(VENV)
        if BASE[0] in transforms and _stands_below_its_compiler(old, new):
            excepted.append(BASE)
        found |= old.differences(new)
    return found, excepted


def _has_its_author_as_a_label(old: Configuration, new: Configuration) -> bool:
    """Whether it has, which then is taken back in `new`."""
    label = new.labels.get("maintainer")
    if new.author != INHERITED or label != old.author or "maintainer" in old.labels:
        return False
    new.author = new.labels.pop("maintainer")
    return True


def _has_another_folder_in_path(old: Configuration, new: Configuration) -> bool:
    """Whether it has, which then is taken back in `new`. What the Dockerfile puts into PATH stays in front."""
    before = old.env.get("PATH", "")
    kept = before.removesuffix(_BASE_PATH)
    if before and not kept.endswith(":"):
        return False
    rests = (before[len(kept) :],) if before else ("", _BASE_PATH)
    if new.env.get("PATH") not in [f"{kept}{folder}:{rest}" for folder in _FOLDERS for rest in rests]:
        return False
    if before:
        new.env["PATH"] = before
    else:
        del new.env["PATH"]
    return True


def _keeps_settings(old: Configuration, new: Configuration) -> bool:
    """Whether variables of the SDK are new, which then is taken back in `new`."""
    found = [name for name in _OF_THE_SDK if name in new.env and name not in old.env]
    for name in found if old.base == f"{_NET}/sdk" else ():
        del new.env[name]
    return bool(found)


def _stands_below_its_compiler(old: Configuration, new: Configuration) -> bool:
    """Whether it does, which then is taken back in `new`. Folder and command must be the Dockerfile's own."""
    inherited = new.workdir.startswith(INHERITED) or (INHERITED,) == new.entrypoint == new.cmd
    if inherited or new.base not in _BELOW.get(old.base, ()):
        return False
    new.base = old.base
    return True


def _check(changed: dict[str, tuple[Outcome, str | None]], buildkit: BuildKit) -> set[tuple[str, str]]:
    """Compare all of them, and say which deliberate differences were met."""
    wrong = {}
    met: set[tuple[str, str]] = set()
    for name, (outcome, target) in changed.items():
        transforms = {change.rewrite.transform for change in outcome.changes}
        found, excepted = compared(outcome.before.text, outcome.after.text, transforms, buildkit, target)
        met.update(excepted)
        if found:
            wrong[name] = found
    assert not wrong, "\n".join(f"{name}: {found}" for name, found in list(wrong.items())[:20])
    return met


@pytest.mark.parametrize("level", (Level.STANDARD, Level.AGGRESSIVE), ids=lambda level: level.label)
def test_without_a_context(level: Level, buildkit: BuildKit) -> None:
    changed = {name: (outcome, None) for name, outcome in outcomes(level).items() if outcome.changed}
    assert len(changed) > (1000 if is_shared() else 0)
    assert _check(changed, buildkit) == {AUTHOR}


def test_applications_in_their_contexts(buildkit: BuildKit) -> None:
    found = outcomes_in_context(Level.STANDARD)
    assert len(found) >= (40 if is_shared() else 1)
    _check({name: (outcome, None) for name, outcome in found.items() if outcome.changed}, buildkit)


def test_golden_cases(buildkit: BuildKit) -> None:
    changed = {}
    for case in cases():
        outcome = run(case).outcome
        if outcome is not None and outcome.changed:
            changed[case.name] = (outcome, options(case).target)
    assert _check(changed, buildkit) >= {AUTHOR, PATH}


_DOCKERFILE = """\
ARG TAG=3.12
FROM python:$TAG AS base
ARG COMMIT=unknown
ARG DATE
ENV A=1 \\
    B=2
LABEL commit=$COMMIT date=$DATE
WORKDIR /srv
ONBUILD ENV C=3
FROM base
WORKDIR app
EXPOSE 80
VOLUME /data
USER web
STOPSIGNAL SIGINT
SHELL ["/bin/bash", "-c"]
HEALTHCHECK --timeout=3s CMD true
ENTRYPOINT ["python"]
CMD run
ONBUILD RUN true
MAINTAINER Jan
"""


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [
        ("FROM base", "FROM BASE", set()),
        ("A=1 \\\n    B=2", "A 1\nENV B 2", set()),
        ("A=1 \\\n    B=2", "B=2 A=1", {"env"}),
        ("CMD run", "CMD no\nCMD run", set()),
        ("CMD run\n", "", {"cmd"}),
        ("CMD run", 'CMD ["run"]', {"cmd"}),
        ('ENTRYPOINT ["python"]\n', "", {"entrypoint"}),
        ("FROM base", "FROM python", {"env", "labels", "workdir"}),
        ("FROM python:$TAG", "FROM python:slim", set()),
        ("FROM python:$TAG", "FROM pypy:$TAG", {"base"}),
        ("ARG DATE\n", "", {"labels"}),
        ("COMMIT=unknown", "COMMIT", {"labels"}),
        ("WORKDIR app", "WORKDIR /srv/app", set()),
        ("WORKDIR app\n", "", {"workdir"}),
        ("EXPOSE 80", "EXPOSE 80/tcp", set()),
        ("EXPOSE 80", "EXPOSE 80/udp", {"exposed"}),
        ("VOLUME /data", 'VOLUME ["/data"]', set()),
        ("VOLUME /data\n", "", {"volumes"}),
        ("USER web\n", "", {"user"}),
        ("STOPSIGNAL SIGINT\n", "", {"stop_signal"}),
        ('SHELL ["/bin/bash", "-c"]\n', "", {"shell", "cmd"}),
        ("--timeout=3s ", "", {"healthcheck"}),
        ("CMD true", "CMD false", {"healthcheck"}),
        ("ONBUILD RUN true\n", "", {"triggers"}),
        ("MAINTAINER Jan", "LABEL maintainer=Jan", {"author", "labels"}),
    ],
)
def test_what_is_noticed(old: str, new: str, fields: set[str], buildkit: BuildKit) -> None:
    assert old in _DOCKERFILE
    found, _ = compared(_DOCKERFILE, _DOCKERFILE.replace(old, new, 1), (), buildkit)
    assert set(found) == fields


def test_deliberate_differences_are_no_more_than_they_say(buildkit: BuildKit) -> None:
    def check(before: str, after: str, transforms: set[str]) -> set[str]:
        return set(compared(f"FROM a\n{before}", f"FROM a\n{after}", transforms, buildkit)[0])

    assert not check("MAINTAINER Jan", "LABEL maintainer=Jan", {AUTHOR[0]})
    assert check("MAINTAINER Jan", "LABEL maintainer=Jo", {AUTHOR[0]}) == {"author", "labels"}
    assert check("LABEL maintainer=Jo\nMAINTAINER Jan", "LABEL maintainer=Jan", {AUTHOR[0]}) == {"author", "labels"}
    assert not check("ENV A=1", "ENV PATH=/opt/venv/bin:$PATH\nENV A=1", {PATH[0]})
    assert check("ENV A=1", "ENV PATH=/opt/venv/bin:$PATH\nENV A=1", {AUTHOR[0]}) == {"env"}
    assert check("ENV A=1", "ENV PATH=/opt/venv/bin\nENV A=1", {PATH[0]}) == {"env"}
    assert check("ENV A=1", "ENV PATH=/opt/bin:$PATH\nENV A=1", {PATH[0]}) == {"env"}
    assert check("ENV PATH=/a", "ENV PATH=/a\nENV PATH=/opt/venv/bin:$PATH", {PATH[0]}) == {"env"}
    for rest, found in (("WORKDIR /a\nCMD b", set()), ("WORKDIR /a", {"base"}), ("CMD b", {"base"}), ("", {"base"})):
        assert check(f"FROM golang\n{rest}", f"FROM debian\n{rest}", {BASE[0]}) == found
    assert check("FROM golang\nWORKDIR /a\nCMD b", "FROM node\nWORKDIR /a\nCMD b", {BASE[0]}) == {"base"}
