"""What the golden cases of delete-in-layer cannot show: the many ways to name a file, and bytes."""

from __future__ import annotations

import pytest
from slimify.transforms.leftovers.files import covers, downloads, names_it, unpacks

from slimify.context.memory import MemoryContext
from slimify.rewrite.outcome import Outcome
from slimify.rewrite.pipeline import Options, fix
from slimify.semantics.commands import Invocation, invocations
from slimify.syntax.shell import parse_script
from slimify.syntax.source import Source


def run(text: str, files: dict[str, str] | None = None) -> Outcome:
    context = MemoryContext(files) if files is not None else None
    return fix(Source(f"FROM debian:12\n{text}"), Options(only=("delete-in-layer",)), context)


def call(text: str) -> Invocation:
    (command,) = parse_script(text).commands()
    (found,) = invocations(command)
    return found


URL = "https://example.com/v1/a.tgz"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"curl -O {URL}", ["a.tgz"]),
        (f"curl -fsSLO {URL}", ["a.tgz"]),
        (f"curl -LOk {URL}", ["a.tgz"]),
        (f"curl -fsSLo /tmp/b.tgz {URL}", ["/tmp/b.tgz"]),
        (f"curl --output b.tgz --remote-name {URL}", ["b.tgz"]),
        (f"curl --output=b.tgz {URL}", ["b.tgz"]),
        (f"curl -ob.tgz {URL}", ["b.tgz"]),
        (f"curl -sS {URL}", []),
        (f"curl -o - {URL}", []),
        (f"curl -OJ {URL}", []),
        (f"curl -O --output-dir /tmp {URL}", []),
        (f"curl -o a -o b {URL} {URL}", []),
        (f"curl -Ho {URL}", []),
        (f"curl -O '{URL}?token=1'", []),
        (f"wget {URL}", ["a.tgz"]),
        (f"wget -q -P /tmp {URL}", ["/tmp/a.tgz"]),
        (f"wget -qO b.tgz {URL}", ["b.tgz"]),
        (f"wget -O/tmp/b.tgz {URL}", ["/tmp/b.tgz"]),
        (f"wget --output-document=b.tgz {URL}", ["b.tgz"]),
        (f"wget -qO- {URL}", []),
        (f"wget -nvO- {URL}", []),
        (f"wget -i {URL}", []),
        (f"wget '{URL}?raw=true'", []),
        ("wget https://example.com/", []),
        ("wget $URL", []),
    ],
)
def test_what_downloads_write(text: str, names: list[str]) -> None:
    assert [one.path for one in downloads(call(text))] == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("tar xf a.tgz", ["a.tgz"]),
        ("tar -xzvf a.tgz -C /opt", ["a.tgz"]),
        ("tar -C /opt -xf /tmp/a.tar.gz --strip-components=1", ["/tmp/a.tar.gz"]),
        ("tar --extract --file=a.tgz", ["a.tgz"]),
        ("tar czf a.tgz x", []),
        ("tar tf a.tgz", []),
        ("unzip -q a.zip -d /opt", ["a.zip"]),
        ("unzip -l a.zip", []),
        ("dpkg -i a.deb", ["a.deb"]),
        ("dpkg --contents a.deb", []),
        ("apt-get install -y ./a.deb", ["./a.deb"]),
        ("apt-get install -y a.deb", []),
        ("apt-get download a.deb", []),
        ("rpm -Uvh a.rpm", ["a.rpm"]),
        ("rpm -qpl a.rpm", []),
        ("yum install -y https://example.com/a.rpm", []),
        ("gunzip a.tar.gz", []),
    ],
)
def test_what_unpacks(text: str, names: list[str]) -> None:
    assert [one.path for one in unpacks(call(text))] == names


@pytest.mark.parametrize(
    ("operand", "path", "expected"),
    [
        ("/tmp/a.tgz", "/tmp/a.tgz", True),
        ("a.tgz", "/tmp/a.tgz", True),
        ("*.tgz", "/tmp/a.tgz", True),
        ("/tmp", "/tmp/a.tgz", True),
        ("/tmp/*", "/tmp/x/a.tgz", True),
        ("/var/tmp/*", "/tmp/a.tgz", False),
        ("b.tgz", "/tmp/a.tgz", False),
        ("*", "/tmp/a.tgz", True),
        ("/opt/x", "./a.tgz", True),
    ],
)
def test_what_a_removal_may_take(operand: str, path: str, expected: bool) -> None:
    assert covers(operand, path) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY --from=a /tmp/go-1.22.tgz /", True),
        ("tar xf /tmp/go-${VERSION}.tgz", True),
        ("tar xf *.tgz", True),
        ("cp /tmp/* /srv", True),
        ("rm -rf /srv/*", False),
        ("tar xf rust-1.80.tgz", False),
        ("go build", False),
    ],
)
def test_who_names_a_file(text: str, expected: bool) -> None:
    assert names_it(text, "/tmp/go-1.22.tgz") is expected


@pytest.mark.parametrize(
    "script",
    [
        f"curl -O {URL} && tar xf a.tgz && cp a.tgz /srv",
        f"curl -O {URL} && tar xf a.tgz && rm -f *.tgz",
        f"curl -O {URL} && tar xf a.tgz && rm -rf $PWD/a.tgz",
        f"curl -o /tmp/a.tgz {URL} && tar xf /srv/a.tgz",
        f"curl -o 1/a.tgz {URL} && curl -o 2/a.tgz {URL} && tar xf 1/a.tgz",
        f"tar xf a.tgz && curl -O {URL}",
        f"curl -O {URL} && sh -c 'tar xf a.tgz'",
        f"curl -O {URL} && tar xf a.tgz | cat",
        f"curl -O {URL} && tar xf a.tgz &",
    ],
)
def test_scripts_that_are_left_alone(script: str) -> None:
    assert not run(f"RUN {script}\n").changed


@pytest.mark.parametrize(
    ("script", "after"),
    [
        (f"curl -O {URL} && tar xf a.tgz", f"curl -O {URL} && tar xf a.tgz \\\n    && rm a.tgz"),
        (f"curl -O {URL} && (cd /opt && tar xf /a.tgz)", f"curl -O {URL} && (cd /opt && tar xf /a.tgz && rm /a.tgz)"),
        (
            f"wget -O 'a b.zip' {URL} && unzip 'a b.zip'",
            f"wget -O 'a b.zip' {URL} && unzip 'a b.zip' \\\n    && rm 'a b.zip'",
        ),
        (f"curl -O {URL} && tar xf ./a.tgz && echo", f"curl -O {URL} && tar xf ./a.tgz && rm ./a.tgz && echo"),
    ],
)
def test_the_text(script: str, after: str) -> None:
    assert run(f"RUN {script}\n").after.text == f"FROM debian:12\nRUN {after}\n"


def test_temporary_folders_need_no_context() -> None:
    assert run(f"RUN curl -o /tmp/a.tgz {URL} && tar xf /tmp/a.tgz\nCOPY . /srv\n").changed
    assert not run(f"RUN curl -o /srv/a.tgz {URL} && tar xf /srv/a.tgz\nCOPY . /srv\n").changed
    assert run(f"RUN curl -o /srv/a.tgz {URL} && tar xf /srv/a.tgz\nCOPY . /srv\n", {"x": ""}).changed


MOUNTED = "COPY a.tgz /tmp/\nRUN tar xf /tmp/a.tgz && rm /tmp/a.tgz\n"


def mounted(text: str, files: dict[str, str] | None = None) -> Outcome:
    source = Source(f"# syntax=docker/dockerfile:1\nFROM debian:12\n{text}")
    context = MemoryContext(files) if files is not None else None
    return fix(source, Options(only=("delete-in-layer",)), context)


def test_bytes_of_a_copy_are_those_of_the_context() -> None:
    (change,) = mounted(MOUNTED, {"a.tgz": "x" * 1234}).changes
    assert change.rewrite.saves == 1234
    assert mounted(MOUNTED).changes[0].rewrite.saves is None


@pytest.mark.parametrize(
    "text",
    [
        MOUNTED.replace("a.tgz /tmp/", "*.tgz /tmp/"),
        MOUNTED.replace("a.tgz /tmp/", "a.tgz b.tgz /tmp/"),
        MOUNTED.replace("a.tgz /tmp/", "$A.tgz /tmp/"),
        MOUNTED.replace("COPY", "ADD"),
        MOUNTED.replace("COPY", "COPY --parents"),
        MOUNTED.replace("COPY", "COPY --from=nginx"),
        MOUNTED.replace("&& rm", "; rm"),
        MOUNTED.replace("&& rm", "|| rm"),
        MOUNTED.replace("rm /tmp/a.tgz", "rm /tmp/a.tgz /tmp/b"),
        MOUNTED.replace("tar xf", "chmod 600"),
        MOUNTED.replace("RUN", "VOLUME /tmp\nRUN"),
        MOUNTED.replace("RUN", "USER 1000\nRUN").replace("COPY", "COPY --chown=1000"),
        MOUNTED + "CMD tar tf /tmp/a.tgz\n",
        MOUNTED.replace("tar xf /tmp/a.tgz && ", ""),
        MOUNTED.replace("RUN", "# hadolint ignore=DL3059\nRUN"),
        MOUNTED.replace("RUN", "# slimify: skip=delete-in-layer\nRUN"),
    ],
)
def test_copies_that_stay(text: str) -> None:
    assert not mounted(text).changed


def test_a_copy_that_a_script_names_stays() -> None:
    assert not mounted(MOUNTED, {"a.tgz": "", "run.sh": "tar tf /tmp/a.tgz\n"}).changed


def test_a_mount_keeps_the_other_flags() -> None:
    text = MOUNTED.replace("RUN", "RUN --network=none")
    assert "RUN --network=none --mount=type=bind,source=a.tgz,target=/tmp/a.tgz \\\n" in mounted(text).after.text


def test_small_things_are_not_told() -> None:
    text = "COPY app /app\nENV A=1\nRUN rm -r /app/tests\n"
    assert not run(text, {"app/tests/a": "x" * 1000, "app/b": ""}).notices
    (notice,) = run(text, {"app/tests/a": "x" * 1_500_000, "app/b": ""}).notices
    assert notice.finding.title == "/app/tests (1.5 MB) stays in the image when it is deleted here"
    assert notice.reason.startswith("line 2 ")


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"run.sh": "#!/bin/sh\nunzip *.tgz\n"}, ""),
        ({"package.json": '{"dependencies": {"a": "file:a.tgz"}}'}, ""),
        ({"requirements.txt": "./a.tgz\n"}, ""),
        ({}, "ln -s a.tgz b.tgz && "),
    ],
)
def test_what_files_of_the_context_and_links_name_stays(files: dict[str, str], command: str) -> None:
    text = f"WORKDIR /w\nRUN curl -O {URL} && {command}tar xf a.tgz\nCOPY . .\n"
    assert not run(text, {"x": "", **files}).changed
    assert run(text.replace(command, "") if command else text, {"x": ""}).changed
