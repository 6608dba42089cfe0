"""Dockerfiles that nobody would write, made by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

_ODD_TEXT = st.text(
    st.sampled_from(
        [*"ab -=#\\`$\"'<>|&;{}[]()*?~/:,.1\t\x0b\x0c\r", "é", "😀", "\u00a0", "\u2028", "\x85", "\udcff", "\udce9"]
    ),
    max_size=12,
)
_NEWLINES = st.sampled_from(["\n", "\n", "\n", "\r\n"])
_BLANKS = st.sampled_from([" ", " ", "  ", "\t", " \t"])
_NAMES = st.sampled_from(["a", "B_1", "PATH", "x", "PIP_NO_CACHE_DIR"])


def _join(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


@st.composite
def keywords(draw: st.DrawFn, *names: str) -> str:
    name = draw(st.sampled_from(names))
    shape = draw(st.sampled_from(["upper", "upper", "upper", "lower", "mixed"]))
    if shape == "lower":
        return name.lower()
    return name.capitalize() if shape == "mixed" else name


# ------------------------------------------------------------------------------ scripts

_PROGRAMS = st.sampled_from(
    [
        "apt-get update",
        *(
            "true false echo curl wget tar rm cp mv mkdir cd pip make ls test git sed chmod touch ./configure npm"
        ).split(),
    ]
)
_ARGUMENTS = st.sampled_from(
    [
        "-y",
        "--no-install-recommends",
        "install",
        "update",
        "/tmp/a",
        "/tmp/b.tgz",
        "'a b'",
        '"$x"',
        "$HOME/x",
        "a/$x/b",
        "*.c",
        "-o",
        "https://example.com/b.tgz",
        "flask",
        "curl",
        "xf",
        "/opt",
        "${V:-1}",
        "\\;",
        "é",
        '"a;b"',
        "-rf",
        "clean",
    ]
)
_INSTALLS = st.sampled_from(
    [
        "apt-get update",
        "apt-get install -y curl",
        "apt-get update && apt-get install -y --no-install-recommends git",
        "apk add curl",
        "apk add --no-cache curl",
        "pip install flask",
        "pip3 install --no-cache-dir -r requirements.txt",
        "python -m pip install x",
        "npm ci",
        "npm install && npm cache clean --force",
        "yum install -y a; yum clean all",
        "dnf -y install b",
        "curl -fsSLO https://example.com/a.tgz",
        "tar xf a.tgz",
        "rm a.tgz",
        "cd /tmp && make",
        "set -e; a; b",
        "set -eux && c",
        "export A=1",
        "sudo apt-get install -y x",
        "a || true",
        "exit 0",
        "sh -c 'a && b'",
        "a &",
        "umask 077",
        "rm -rf /var/lib/apt/lists/*",
    ]
)
_SIMPLE = st.one_of(
    _INSTALLS,
    st.builds(lambda name, words: " ".join([name, *words]), _PROGRAMS, st.lists(_ARGUMENTS, max_size=4)),
    st.builds(lambda name, value: f"{name}={value}", _NAMES, _ARGUMENTS),
)


def _grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds(lambda a, o, b: f"{a} {o} {b}", inner, st.sampled_from(["&&", "&&", "||", ";", "|"]), inner),
        st.builds(lambda a: f"( {a} )", inner),
        st.builds(lambda a: f"{{ {a}; }}", inner),
        st.builds(lambda a, b: f"if {a}; then {b}; fi", inner, inner),
        st.builds(lambda a: f"for i in 1 2; do {a}; done", inner),
        st.builds(lambda a, f: f"{a} {f}", inner, st.sampled_from(["> f", "2>&1", "2>/dev/null", ">> /tmp/log"])),
        st.builds(lambda a: f'echo "$({a})"', inner),
        st.builds(lambda a: f"! {a}", inner),
    )


scripts = st.recursive(_SIMPLE, _grow, max_leaves=4)


@st.composite
def continued(draw: st.DrawFn, script: str, escape: str) -> str:
    """The script over several lines, with comments and blank lines in between."""
    out: list[str] = []
    for at, word in enumerate(script.split(" ")):
        if at:
            if draw(st.integers(0, 5)) == 0:
                newline = draw(_NEWLINES)
                out.append(f" {escape}{draw(st.sampled_from(['', '', ' ', chr(9)]))}{newline}")
                inside = st.sampled_from(["", "", "", f"# c{newline}", f"  # slimify or not {newline}", newline])
                out.append(draw(inside))
                out.append(draw(st.sampled_from(["    ", "\t", ""])))
            else:
                out.append(" ")
        out.append(word)
    return "".join(out)


# ------------------------------------------------------------------------------ instructions


@st.composite
def flags(draw: st.DrawFn, *known: str) -> str:
    chosen = draw(st.lists(st.sampled_from(known), max_size=2))
    return "".join(f"{flag}{draw(_BLANKS)}" for flag in chosen)


@st.composite
def runs(draw: st.DrawFn, escape: str) -> str:
    mounts = draw(
        flags(
            "--mount=type=cache,target=/root/.cache",
            "--network=none",
            "--mount=type=secret,id=x",
            '--mount="type=tmpfs",target=/t',
        )
    )
    body = draw(scripts)
    return draw(keywords("RUN")) + draw(_BLANKS) + mounts + draw(continued(body, escape))


@st.composite
def heredocs(draw: st.DrawFn) -> str:
    newline = draw(_NEWLINES)
    markers, bodies = [], []
    for number in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(["EOF", "E1", "a b", "FROM"])) + str(number)
        chomp = draw(st.sampled_from(["", "-"]))
        quoted = " " in name or draw(st.booleans())
        markers.append(f"{draw(st.sampled_from(['', '', '3']))}<<{chomp}" + (f"'{name}'" if quoted else name))
        lines = draw(
            st.lists(st.one_of(st.sampled_from(["FROM x", "RUN y \\", "# z", "", "EOF", "\tq"]), _ODD_TEXT), max_size=3)
        )
        lines = [line.replace("\n", "") for line in lines]
        end = "\t" * draw(st.integers(0, 1)) * bool(chomp) + name
        bodies.append("".join(line + newline for line in [*lines, end]))
    keyword = draw(keywords("RUN", "COPY"))
    tail = " /dst/" if keyword.upper() == "COPY" else draw(st.sampled_from(["", " cat", " && b"]))
    head = f"{keyword} {' '.join(markers)}{tail}{newline}"
    return (head + "".join(bodies)).removesuffix("\n").removesuffix("\r")


@st.composite
def instructions(draw: st.DrawFn, escape: str) -> str:
    """One instruction that Docker takes, without the line feed that ends it."""
    kind = draw(st.integers(0, 11))
    blank = draw(_BLANKS)
    if kind <= 4:
        return draw(runs(escape))
    if kind == 5:
        return draw(heredocs())
    if kind == 6:
        name, value = (
            draw(_NAMES),
            draw(st.sampled_from(["1", '"a b"', "a\\ b" if escape == "\\" else "a", "$PATH:/x", ""])),
        )
        form = draw(st.sampled_from([f"{name}={value}", f"{name}={value} z=1", f"{name} a b"]))
        return draw(keywords("ENV", "LABEL")) + blank + form
    if kind == 7:
        keyword = draw(keywords("RUN", "CMD", "ENTRYPOINT"))
        return keyword + blank + draw(st.sampled_from(['["a", "b c"]', '[ "é" ]', '["a"', "['a']"]))
    if kind == 8:
        inner = draw(
            st.sampled_from(["RUN apt-get install -y git", 'CMD ["a"]', "COPY --from=0 a b", "ENV a=b", "RUN a && b"])
        )
        return draw(keywords("ONBUILD")) + blank + inner
    if kind == 9:
        return (
            draw(keywords("COPY", "ADD"))
            + blank
            + draw(flags("--chown=a:b", "--from=0", "--link")).replace("--from=0", "--chmod=1")
            + "a b /c/"
        )
    if kind == 10:
        return draw(
            st.sampled_from(
                [
                    "WORKDIR /srv",
                    "USER app",
                    "EXPOSE 80 443/tcp",
                    "STOPSIGNAL 9",
                    "VOLUME /x",
                    "ARG V=1",
                    "MAINTAINER me <a@b>",
                    "CMD a",
                    "HEALTHCHECK NONE",
                    "HEALTHCHECK --interval=3s CMD a",
                    'SHELL ["/bin/bash", "-o", "pipefail", "-c"]',
                ]
            )
        )
    return draw(keywords("CMD", "ENTRYPOINT")) + blank + draw(scripts)


_BASES = st.sampled_from(
    ["debian:12", "python:3.12-slim", "node:20", "alpine", "scratch", "centos:7", "$X", "ubuntu@sha256:0", "0"]
)
_BETWEEN = st.sampled_from(
    [
        "",
        "",
        "",
        "",
        "# a comment",
        "  # indented",
        "",
        "\t",
        "# slimify: keep",
        "# slimify: skip=merge-runs",
        "# hadolint ignore=DL3008",
    ]
)


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    """A Dockerfile that Docker takes."""
    lines: list[str] = []
    escape = "\\"
    for name in draw(st.lists(st.sampled_from(["syntax", "escape"]), unique=True, max_size=2)):
        if name == "escape":
            escape = draw(st.sampled_from(["\\", "`"]))
        value = escape if name == "escape" else "docker/dockerfile:1"
        lines.append(draw(st.sampled_from(["# {}={}", "#{}={}", "#  {} = {} "])).format(name, value))
    if draw(st.integers(0, 3)) == 0:
        lines.append("ARG X=debian:12")
    for number in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(["", "", f" AS s{number}", f" as S{number}"]))
        lines.append(draw(keywords("FROM")) + " " + draw(flags("--platform=linux/amd64")) + draw(_BASES) + name)
        for _ in range(draw(st.integers(0, 5))):
            lines.append(draw(_BETWEEN))
            lines.append(draw(instructions(escape)))
    out = ["\ufeff"] if draw(st.integers(0, 9)) == 0 else []
    newline = draw(_NEWLINES)
    for line in lines:
        out.append(line)
        out.append(draw(_NEWLINES) if draw(st.integers(0, 9)) == 0 else newline)
    if draw(st.booleans()):
        out.pop()
    return "".join(out)


@st.composite
def anything(draw: st.DrawFn) -> bytes:
    """Bytes that look a little like a Dockerfile."""
    pieces = st.one_of(
        st.sampled_from(
            [
                "FROM a",
                "RUN ",
                "run\\\n x",
                "ONBUILD ",
                "ENV a=b c",
                "LABEL ",
                "CMD [",
                'CMD ["a"]',
                "COPY --from=x <<A",
                "<<B",
                "A",
                "B",
                "\n",
                "\n",
                "\n",
                "\r\n",
                "\r",
                "\\\n",
                "\\ \n",
                "`\n",
                "# c",
                "# escape=`",
                "# syntax=x",
                "\ufeff",
                " ",
                "\t",
                "--a=b ",
                "-- ",
                "'",
                '"',
                "$X",
                "=",
                "\\",
                "`",
                "\xa0",
                "\u2003",
                "HEALTHCHECK CMD ",
                "VOLUME ",
                "\x1c",
                "\x0b",
                "<<-'C D'",
                "C D",
            ]
        ).map(lambda text: text.encode()),
        st.binary(max_size=4),
        _ODD_TEXT.map(lambda text: text.encode("utf-8", "surrogateescape")),
    )
    return b"".join(draw(st.lists(pieces, max_size=25)))
