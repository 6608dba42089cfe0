"""What the golden cases of drop-build-deps cannot show: evidence, bytes, and what the text looks like."""

from __future__ import annotations

import pytest

from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.syntax.source import Source

MAIN = {"main.py": "import bcrypt\n"}
INSTALL = "apk add --no-cache gcc musl-dev"
PIP = "pip install bcrypt==4.1.3"
SERVE = 'COPY main.py /srv/\nCMD ["python", "/srv/main.py"]\n'
ALPINE = "FROM python:3.12-alpine3.20\n"


def run(text: str, files: dict[str, str] | None = None) -> Outcome:
    return fix(Source(text), Options(only=("drop-build-deps",)), MemoryContext(files or MAIN))


def said(text: str, files: dict[str, str] | None = None) -> str:
    outcome = run(text, files)
    assert not outcome.changed
    return " ".join(notice.reason for notice in outcome.notices)


# Each before and after, with a line of dashes between.
TEXTS = [
    f"""\
RUN {INSTALL} && {PIP}
---
RUN apk add --no-cache libgcc \\
    && apk add --no-cache --virtual .build-deps gcc musl-dev \\
    && {PIP} \\
    && apk del --no-network .build-deps
""",
    f"""\
RUN {INSTALL} && \\
    {PIP}
---
RUN apk add --no-cache libgcc && \\
    apk add --no-cache --virtual .build-deps gcc musl-dev && \\
    {PIP} && \\
    apk del --no-network .build-deps
""",
    f"""\
RUN set -e; \\
  {INSTALL}; \\
  {PIP}
---
RUN set -e; \\
  apk add --no-cache libgcc; \\
  apk add --no-cache --virtual .build-deps gcc musl-dev; \\
  {PIP} \\
  && apk del --no-network .build-deps
""",
    f"""\
# to compile
RUN {INSTALL}
# the password hashes
RUN {PIP}
---
# to compile
RUN apk add --no-cache libgcc \\
    && apk add --no-cache --virtual .build-deps gcc musl-dev \\
# the password hashes
    && {PIP} \\
    && apk del --no-network .build-deps
""",
    f"""\
RUN apk --no-cache add 'gcc' musl-dev=1.2.5-r0 linux-headers libgcc && {PIP}
---
RUN apk --no-cache add libgcc \\
    && apk --no-cache add --virtual .build-deps 'gcc' musl-dev=1.2.5-r0 linux-headers \\
    && {PIP} \\
    && apk del --no-network .build-deps
""",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_text(text: str) -> None:
    before, after = text.split("---\n")
    outcome = run(ALPINE + before + SERVE)
    assert outcome.after.text == ALPINE + after + SERVE
    assert not fix(outcome.after, Options(only=("drop-build-deps",)), MemoryContext(MAIN)).changed


def test_line_ends_are_kept() -> None:
    outcome = run((ALPINE + f"RUN {INSTALL}\nWORKDIR /srv\nRUN {PIP}\n" + SERVE).replace("\n", "\r\n"))
    assert outcome.changed
    assert "\n" not in outcome.after.text.replace("\r\n", "")


@pytest.mark.parametrize(
    ("middle", "why"),
    [
        ("VOLUME /data\n", "VOLUME stands between"),
        ("USER 1000\n", "1000 may not remove packages"),
        ("ENV HTTPS_PROXY=http://proxy\n", "HTTPS_PROXY is set"),
        ("COPY main.py /usr/lib/\n", "may change the system's files"),
        ("COPY main.py $WHERE\n", "may change the system's files"),
        ("WORKDIR /etc/app\n", "may change the system's files"),
        ('SHELL ["/bin/ash", "-c"]\n', "SHELL stands between"),
    ],
)
def test_an_install_does_not_move_past_everything(middle: str, why: str) -> None:
    assert why in said(f"{ALPINE}RUN {INSTALL}\n{middle}RUN {PIP}\n{SERVE}")


def test_an_install_does_not_move_with_other_things_in_its_run() -> None:
    text = f"{ALPINE}RUN {INSTALL} && adduser -D app\nCOPY --chown=app main.py /srv/\nRUN {PIP}\n{SERVE}"
    assert "does other things, too" in said(text)


def test_users_of_packages_own_nothing_before_they_are_there() -> None:
    text = f"{ALPINE}RUN {INSTALL} nginx\nCOPY --chown=nginx main.py /srv/\nRUN {PIP}\n{SERVE}"
    assert "may bring nginx" in said(text)


@pytest.mark.parametrize(
    ("install", "why"),
    [
        ("apk add --no-cache gcc musl-dev > /dev/null", "no plain command"),
        ("sh -c 'apk add gcc'", "no plain command"),
        ("if true; then apk add gcc; fi", "only if something else"),
        ("apk add gcc || true", "goes on when the install fails"),
        ("set -e; true && apk add gcc; true", "set -e has no effect"),
        ("test -e /usr/bin/gcc || apk add gcc", "only if something else"),
        ("apk add --virtual $NAME gcc", "virtual package is not known"),
        ("apk add make musl-dev", "without a compiler"),
    ],
)
def test_installs_that_are_left_alone(install: str, why: str) -> None:
    assert why in said(f"{ALPINE}RUN {install} && {PIP}\n{SERVE}")


def test_unknown_options_say_nothing() -> None:
    assert not run(f"{ALPINE}RUN apk add --root /mnt gcc && {PIP}\n{SERVE}").notices


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import os\nos.system('cc a.c')\n", "what cc needs is not known"),
        ("import cffi\nffi = cffi.FFI()\nffi.verify('int f();')\n", "ffi.verify("),
        ("import subprocess\nsubprocess.run(['pg_dump'])\n", "what pg_dump needs is not known"),
        ("import subprocess, sys\nsubprocess.run(sys.argv[1:])\n", "not known"),
        ("from setuptools import setup\n", "setuptools"),
    ],
)
def test_sources_that_may_build_or_call_what_is_not_known(source: str, why: str) -> None:
    assert why in said(f"{ALPINE}RUN {INSTALL} && {PIP}\n{SERVE}", {"main.py": source})


def test_what_busybox_brings_may_be_called() -> None:
    source = "import subprocess\nsubprocess.run(['gzip', 'a'])\n"
    assert run(f"{ALPINE}RUN {INSTALL} && {PIP}\n{SERVE}", {"main.py": source}).changed


def test_a_library_that_is_linked_must_be_named_by_its_headers() -> None:
    text = f"{ALPINE}RUN {INSTALL} && pip install psycopg2==2.9.9\n{SERVE}"
    assert "psycopg2 is linked with libpq.so.5" in said(text)
    assert run(text.replace("musl-dev", "musl-dev libpq-dev")).changed


DEBIAN = "FROM python:3.12-slim-bookworm\n"


def _debian(packages: str, tail: str = "") -> str:
    return f"{DEBIAN}RUN apt-get update && apt-get install -y {packages} && {PIP}{tail}\n{SERVE}"


def test_bytes_are_those_of_all_packages_that_go() -> None:
    (change,) = run(_debian("--no-install-recommends gcc libc6-dev")).changes
    assert change.rewrite.saves is not None
    assert 180_000_000 < change.rewrite.saves < 260_000_000


@pytest.mark.parametrize(
    ("packages", "added", "gone"),
    [
        ("gcc libpq-dev", "libpq5", "gcc libpq-dev"),
        ("gcc libpq-dev libpq5", "", "gcc libpq-dev"),
        ("gcc libpq-dev postgresql-client", "", "gcc libpq-dev"),
        ("g++ libxslt1-dev libxml2-dev", "libxslt1.1", "g++ libxslt1-dev libxml2-dev"),
        ("gcc gfortran", "libgfortran5", "gcc gfortran"),
        ("gcc python3-dev", "", "gcc python3-dev"),
        ("gcc git make", "", "gcc make"),
    ],
)
def test_libraries_stay_and_tools_go(packages: str, added: str, gone: str) -> None:
    after = run(_debian(f"--no-install-recommends {packages}")).after.text
    assert f"apt-get install -y --no-install-recommends {packages} {added}".rstrip() + " \\\n" in after
    assert f"apt-get purge -y --auto-remove {gone}\n" in after


@pytest.mark.parametrize(
    ("packages", "why"),
    [
        ("gcc nosuchpackage", "nosuchpackage"),
        ("gcc libnosuch-dev", "libnosuch-dev is not known"),
        ("gcc ./a.deb", "what apt is to install is not known"),
        ("gcc $MORE", "what apt is to install is not known"),
        ("openjdk-17-jdk gcc", "which libraries openjdk-17-jdk stands for is not known"),
        ("libpq-dev", "it would save only"),
    ],
)
def test_packages_that_are_not_known(packages: str, why: str) -> None:
    assert why in said(_debian(packages))


def test_marks_and_removals_are_the_users() -> None:
    assert not run(_debian("gcc", " && apt-get purge -y gcc")).notices
    text = _debian("gcc").replace("COPY", "RUN apt-get remove -y curl\nCOPY")
    assert "removed or marked elsewhere" in said(text)


def test_a_program_that_comes_with_a_tool_is_named_if_it_is_called() -> None:
    source = {"main.py": "import subprocess\nsubprocess.run(['patch', '-p1'])\n"}
    after = run(_debian("--no-install-recommends build-essential"), source).after.text
    assert "build-essential patch" in after


def test_other_images_are_not_known() -> None:
    for image in ("ubuntu:22.04", "php:8.3-apache", "example.com/python:3", "ruby:3.3-slim"):
        outcome = run(_debian("gcc").replace("python:3.12-slim-bookworm", image))
        assert not outcome.changed
        assert outcome.notices


def test_a_release_that_depends_on_a_variable_may_have_other_libraries() -> None:
    base = "ARG V=3.12\nFROM python:${V}-slim-bookworm\n"
    assert run(_debian("--no-install-recommends gcc libpq-dev").replace(DEBIAN, base)).changed
    assert "depends on a variable" in said(_debian("--no-install-recommends gcc libicu-dev").replace(DEBIAN, base))


def test_here_documents_may_build() -> None:
    text = f"{ALPINE}RUN {INSTALL} && {PIP}\nRUN <<EOF\npip install cffi\nEOF\n{SERVE}"
    assert "cannot be read with certainty" in said(text)


def test_what_is_built_later_is_built_with_a_compiler() -> None:
    for command in ("cythonize -i a.pyx", "pdm install", "make", "go build .", "bundle install"):
        outcome = run(f"{ALPINE}RUN {INSTALL} && {PIP}\nCOPY main.py /srv/\nRUN {command}\n{SERVE}")
        assert not outcome.changed
        assert outcome.notices


def test_a_pragma_keeps_it() -> None:
    text = _debian("gcc").replace("RUN apt", "# slimify: skip=drop-build-deps\nRUN apt")
    assert not run(text).changed


def test_a_compose_file_that_builds_in_the_image() -> None:
    text = f"{ALPINE}RUN {INSTALL} && {PIP}\n{SERVE}"
    compose = {
        "compose.yaml": "services:\n  web:\n    build: .\n    command: sh -c 'pip install -r dev.txt && exec x'\n"
    }
    assert run(text).changed
    assert "compose.yaml runs pip install in an image" in said(text, {**MAIN, **compose})
