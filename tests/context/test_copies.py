"""Which files of the context a COPY or ADD takes, and where it puts them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimify.context.copies import Copied, copied
from slimify.context.memory import MemoryContext
from slimify.semantics.build import analyse
from slimify.syntax.dockerfile import parse
from slimify.syntax.source import Source

FILES: dict[str, bytes | str] = {
    ".dockerignore": "secret\nonly-there",
    "app.py": "1",
    "setup.py": "1",
    "README.md": "1",
    "a b.txt": "1",
    "src/main.py": "1",
    "src/util/x.py": "1",
    "src/util/x.txt": "1",
    "web/index.html": "1",
    "web/img/logo.png": "1",
    "secret/key": "1",
    "site.tar.gz": "1",
    "plain.bin": b"\x1f\x8b" + b"0" * 9,
}
LINKS = {"current": "src", "entry.py": "src/main.py", "outside": "../x", "src/link": "main.py"}
CONTEXT = MemoryContext(FILES, links=LINKS)


def taken(line: str, before: str = "FROM debian:12\nWORKDIR /app", context: MemoryContext = CONTEXT) -> Copied | str:
    build = analyse(parse(Source(f"{before}\n{line}\n")))
    step = list(build.steps())[-1]
    return copied(step.instruction, step.state, context)


# Name: the instruction, and what lands where.
TAKEN: dict[str, tuple[str, dict[str, str | None]]] = {
    "into the working directory": ("COPY app.py .", {"app.py": "/app/app.py"}),
    "into it with a slash": ("COPY app.py ./", {"app.py": "/app/app.py"}),
    "into it by its name": ("COPY app.py /app", {"app.py": "/app/app.py"}),
    "into a folder above it": ("COPY app.py /", {"app.py": "/app.py"}),
    "into a folder with a slash": ("COPY app.py /srv/x/", {"app.py": "/srv/x/app.py"}),
    "into a folder every image has": ("COPY app.py /usr/local/bin", {"app.py": "/usr/local/bin/app.py"}),
    "to a file of the same name": ("COPY app.py lib/app.py", {"app.py": "/app/lib/app.py"}),
    "to a file with the same ending": ("COPY app.py main.py", {"app.py": "/app/main.py"}),
    "to what may be a folder": ("COPY app.py /srv/x", {"app.py": None}),
    "to what looks like a file and is none": ("COPY app.py /etc/conf.d", {"app.py": None}),
    "out of the working directory": ("COPY app.py ../x/", {"app.py": "/x/app.py"}),
    "a folder's contents": (
        "COPY src dest",
        {
            "src/link": "/app/dest/link",
            "src/main.py": "/app/dest/main.py",
            "src/util/x.py": "/app/dest/util/x.py",
            "src/util/x.txt": "/app/dest/util/x.txt",
        },
    ),
    "a folder with slashes": (
        "COPY /web/ /w/",
        {"web/img/logo.png": "/w/img/logo.png", "web/index.html": "/w/index.html"},
    ),
    "a folder with a dot": ("COPY web/img/. /w", {"web/img/logo.png": "/w/logo.png"}),
    "dots that would lead out": ("COPY ../../app.py .", {"app.py": "/app/app.py"}),
    "several files": ("COPY app.py setup.py ./", {"app.py": "/app/app.py", "setup.py": "/app/setup.py"}),
    "several files to a file": ("COPY app.py setup.py x.py", {"app.py": None, "setup.py": None}),
    "a file behind a folder": (
        "COPY web/img app.py /w",
        {"web/img/logo.png": "/w/logo.png", "app.py": "/w/app.py"},
    ),
    "a glob": ("COPY *.py ./", {"app.py": "/app/app.py", "setup.py": "/app/setup.py", "src/main.py": "/app/entry.py"}),
    "a glob for one file": ("COPY a*.py x.py", {"app.py": "/app/x.py"}),
    "a glob for nothing": ("COPY *.nothing x/", {}),
    "a glob for a folder": ("COPY w?b /w/", {"web/img/logo.png": "/w/img/logo.png", "web/index.html": "/w/index.html"}),
    "a glob in the middle": ("COPY s*/util/*.py /x/", {"src/util/x.py": "/x/x.py"}),
    "two stars are one": ("COPY **/main.py /x/", {"src/main.py": "/x/main.py"}),
    "brackets": ("COPY [r-s]etup.py /x/", {"setup.py": "/x/setup.py"}),
    "JSON": ('COPY ["a b.txt", "app.py", "/x/"]', {"a b.txt": "/x/a b.txt", "app.py": "/x/app.py"}),
    "a variable": ("COPY $WHAT.py $WHERE/", {"app.py": "/opt/x/app.py"}),
    "a destination that is not known": ("COPY app.py $UNKNOWN/", {"app.py": None}),
    "a link to a file": ("COPY entry.py /x/", {"src/main.py": "/x/entry.py"}),
    "a link to a folder": ("COPY current/util /x/", {"src/util/x.py": "/x/x.py", "src/util/x.txt": "/x/x.txt"}),
    "a link in a folder": ("COPY --exclude=util --exclude=*.py src /x/", {"src/link": "/x/link"}),
    "excluded": (
        "COPY --exclude=**/*.txt --exclude=link src /x/",
        {"src/main.py": "/x/main.py", "src/util/x.py": "/x/util/x.py"},
    ),
    "excluded but for one": ("COPY --exclude=* --exclude=!util/*.py src /x", {"src/util/x.py": "/x/util/x.py"}),
    "parents": (
        "COPY --parents src/util/x.py app.py /x/",
        {"src/util/x.py": "/x/src/util/x.py", "app.py": "/x/app.py"},
    ),
    "parents of a folder": (
        "COPY --parents ./web/img /x",
        {"web/img/logo.png": "/x/web/img/logo.png"},
    ),
    "parents with stars": (
        "COPY --parents **/*.png *.md /x/",
        {"web/img/logo.png": "/x/web/img/logo.png", "README.md": "/x/README.md"},
    ),
    "parents from a pivot": ("COPY --parents ./src/./util/*.py /x/", {"src/util/x.py": "/x/util/x.py"}),
    "parents from a pivot with a star": ("COPY --parents w*/./img /x/", {"web/img/logo.png": "/x/img/logo.png"}),
    "parents, excluded": ("COPY --parents --exclude=**/*.txt src/util /x/", {"src/util/x.py": "/x/src/util/x.py"}),
    "no parents": ("COPY --parents=false src/util/x.py /x/", {"src/util/x.py": "/x/x.py"}),
    "ADD": ("ADD app.py /x/", {"app.py": "/x/app.py"}),
    "ADD of an archive": ("ADD site.tar.gz /x/", {"site.tar.gz": None}),
    "ADD of what holds an archive": ("ADD plain.bin /x/", {"plain.bin": None}),
    "ADD that does not unpack": ("ADD --unpack=false site.tar.gz /x/", {"site.tar.gz": "/x/site.tar.gz"}),
    "COPY of an archive": ("COPY site.tar.gz /x/", {"site.tar.gz": "/x/site.tar.gz"}),
    "a here-document": ("COPY <<EOF app.py /x/\nhello\nEOF", {"app.py": "/x/app.py"}),
    "into an empty layer": ("COPY --link app.py /usr/local/bin", {"app.py": None}),
}


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name: str) -> None:
    line, expected = TAKEN[name]
    before = "FROM debian:12\nWORKDIR /app\nARG WHAT=app\nENV WHERE=/opt/x\nARG UNKNOWN"
    found = taken(line, before)
    assert isinstance(found, Copied), found
    assert dict(found.files) == expected


UNKNOWN: dict[str, tuple[str, str]] = {
    "a variable": ("COPY $WHO /x/", "what $WHO stands for is not known"),
    "a broken one": ("COPY ${WHO /x/", "what ${WHO stands for is not known"),
    "a URL": ("ADD https://example.org/x.tgz /x/", "https://example.org/x.tgz is not in the build context"),
    "a repository": ("ADD git@github.com:a/b.git /x/", "git@github.com:a/b.git is not in the build context"),
    "a stage": ("COPY --from=build /x /x/", "it copies from build, not from the build context"),
    "an ignored file": ("COPY secret/key /x/", "secret/key is not in the build context"),
    "an ignored folder": ("COPY secret /x/", "secret is not in the build context"),
    "no file": ("COPY app.js /x/", "app.js is not in the build context"),
    "below a file": ("COPY app.py/x /x/", "app.py/x is not in the build context"),
    "a link that leads out": ("COPY outside /x/", "outside leads out of the build context"),
    "a broken glob": ("COPY [a /x/", "[a has a bracket or an escape that does not end"),
    "no parents": ("COPY --parents src/none.py /x/", "src/none.py is not in the build context"),
    "excluded by name": (
        "COPY --exclude=*.py app.py /x/",
        "whether --exclude applies to app.py depends on the builder",
    ),
    "a broken exclusion": ("COPY --exclude=[ src /x/", "pattern '[' has a bracket or an escape that does not end"),
    "another instruction": ("RUN app.py /x/", "RUN copies nothing"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown(name: str) -> None:
    line, reason = UNKNOWN[name]
    assert taken(line, "FROM debian:12\nARG WHO") == reason


def test_everything_but_what_is_ignored() -> None:
    found = taken("COPY . .")
    assert isinstance(found, Copied)
    assert {path: f"/app/{path}" for path in [*FILES, *LINKS] if path != "secret/key"} == dict(found.files)


def test_a_working_directory_that_is_not_known() -> None:
    assert taken("COPY app.py ./", "FROM debian:12") == Copied((("app.py", None),))
    assert taken("COPY app.py /x/", "FROM debian:12") == Copied((("app.py", "/x/app.py"),))


def test_an_image_without_folders() -> None:
    assert taken("COPY app.py /usr/local/bin", "FROM scratch") == Copied((("app.py", None),))
    assert taken("COPY app.py /", "FROM scratch") == Copied((("app.py", "/app.py"),))
    assert taken("COPY app.py /app/", "FROM mcr.microsoft.com/windows/nanoserver:ltsc2022") == Copied(
        (("app.py", None),)
    )


def test_the_links_that_were_followed() -> None:
    found = taken("COPY current/main.py entry.py /x/")
    assert isinstance(found, Copied)
    assert found.links == ("current", "entry.py")


def test_a_context_that_is_not_known_as_a_whole() -> None:
    part = MemoryContext({"app.py": "1", "src/a": "1"}, truncated=True)
    why = "the build context was not looked at as a whole"
    for line in ("COPY . /x/", "COPY src /x/", "COPY *.py /x/", "COPY other /x/", "COPY --parents app.py /x/"):
        assert taken(line, context=part) == why, line
    # What is there is there, whatever else may be.
    assert taken("COPY app.py /x/", context=part) == Copied((("app.py", "/x/app.py"),))


def test_a_trigger_is_given_by_itself() -> None:
    build = analyse(parse(Source("FROM debian:12\nONBUILD COPY app.py /x/\n")))
    step = next(iter(build.steps()))
    assert copied(step.instruction, step.state, CONTEXT) == "ONBUILD copies nothing"
    assert step.instruction.trigger is not None
    assert copied(step.instruction.trigger, step.state, CONTEXT) == Copied((("app.py", "/x/app.py"),))


WORDS = st.text("ab*?[]^/.\\$!{}\"'<é ", min_size=1, max_size=10)


@given(st.lists(WORDS, min_size=1, max_size=3), st.sampled_from(["", "--parents ", "--exclude=a* ", "--exclude=![ "]))
@settings(max_examples=500, deadline=None)
def test_nothing_raises(words: list[str], flags: str) -> None:
    try:
        dockerfile = parse(Source(f"FROM a\nCOPY {flags}{' '.join(words)} x\n"))
    except ValueError:
        return
    build = analyse(dockerfile)
    context = MemoryContext({"a": "", "b/a": "", "b/b/é": ""}, links={"b/l": "..", "ab": "b"})
    for step in build.steps():
        found = copied(step.instruction, step.state, context)
        if isinstance(found, Copied):
            assert all(context.entry(path) is not None for path, _ in found.files)
