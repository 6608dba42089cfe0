"""The harness must see every known way to break a build, and accept the right way to do it.

Each case of CASES is a pair of RUNs (or a small file), a wrong rewrite, and the right one. A harness
that has never been seen to complain proves nothing.
"""

# ruff: noqa: E501  (a table of cases reads best in rows)
from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import Additions, Install, Options, Report, Sandbox, compare, unavailable
from .extract import expand
from .model import Argv

REPO = Path(__file__).resolve().parents[2]
CORPUS = REPO.parent / "shared" / "corpus" / "dockerfiles"
BASH = 'SHELL ["/bin/bash", "-c"]\n'
NOTHING, USUAL = Additions(), Options()
PIPEFAIL = 'SHELL ["/bin/bash", "-o", "pipefail", "-c"]\n'

pytestmark = pytest.mark.skipif(unavailable() is not None, reason=f"no sandbox: {unavailable()}")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def check(box: Sandbox, before: str, after: str, additions: Additions = NOTHING, options: Options = USUAL) -> Report:
    return compare(
        f"FROM debian\nWORKDIR /app\n{before}\n",
        f"FROM debian\nWORKDIR /app\n{after}\n",
        additions=additions,
        options=options,
        sandbox=box,
    )


# (name, before, wrong, right); a wrong one of None: only that the right one passes is checked.
CASES: list[tuple[str, str, str | None, str | None]] = [
    # Hazard 1: directory
    (
        "cd leak",
        "RUN cd /tmp && wget x\nRUN make",
        "RUN cd /tmp && wget x && make",
        "RUN (cd /tmp && wget x) && make",
    ),
    ("cd to a directory that tar made", "RUN cd src && ./configure\nRUN make",
     "RUN cd src && ./configure && make", "RUN (cd src && ./configure) && make"),
    ("cd becomes WORKDIR", "RUN cd /tmp\nRUN make", "WORKDIR /tmp\nRUN make", "RUN (cd /tmp) && make"),
    ("file in another directory", "RUN cd /tmp && echo a > a\nRUN echo b > b", "RUN cd /tmp && echo a > a && echo b > b",
     "RUN (cd /tmp && echo a > a) && echo b > b"),
    # Hazard 2: what a shell remembers
    ("export leak", "RUN export CC=clang && a\nRUN b", "RUN export CC=clang && a && b", "RUN (export CC=clang && a) && b"),
    ("variable leak", "RUN X=1; a $X\nRUN b $X", "RUN X=1; a $X && b $X", "RUN (X=1; a $X) && b $X"),
    ("PATH leak", "RUN export PATH=/x:$PATH && a\nRUN b", "RUN export PATH=/x:$PATH && a && b",
     "RUN (export PATH=/x:$PATH && a) && b"),
    ("umask leak", "RUN umask 077 && a\nRUN b", "RUN umask 077 && a && b", "RUN (umask 077 && a) && b"),
    ("umask leak, files only", "RUN umask 077 && echo a > a\nRUN echo b > b", "RUN umask 077 && echo a > a && echo b > b",
     "RUN (umask 077 && echo a > a) && echo b > b"),
    ("function leak", "RUN f() { x; } && f\nRUN f", "RUN f() { x; } && f && f", "RUN (f() { x; } && f) && f"),
    ("alias leak", "RUN <<EOF\nalias b='c d'\na\nEOF\nRUN b", "RUN <<EOF\nalias b='c d'\na\nb\nEOF",
     "RUN <<EOF\n(alias b='c d'\na) &&\nb\nEOF"),
    ("trap leak", "RUN trap 'echo bye; x' EXIT; a\nRUN b", "RUN trap 'echo bye; x' EXIT; a && b",
     "RUN (trap 'echo bye; x' EXIT; a) && b"),
    ("exec redirection leak", "RUN exec > /log; echo a\nRUN echo b", "RUN exec > /log; echo a && echo b",
     "RUN (exec > /log; echo a) && echo b"),
    (". leak", "RUN . /venv/bin/activate && pip install x\nRUN python y",
     "RUN . /venv/bin/activate && pip install x && python y", "RUN (. /venv/bin/activate && pip install x) && python y"),
    ("source leak", BASH + "RUN source venv/bin/activate && a\nRUN b", BASH + "RUN source venv/bin/activate && a && b",
     BASH + "RUN (source venv/bin/activate && a) && b"),
    ("eval leak", "RUN eval 'export A=1' && a\nRUN b", "RUN eval 'export A=1' && a && b",
     "RUN (eval 'export A=1' && a) && b"),
    ("set -f leak, seen by what a glob finds", "RUN echo 1 > /app/x.c; set -f; a\nRUN b *.c",
     "RUN echo 1 > /app/x.c; set -f; a && b *.c", "RUN (echo 1 > /app/x.c; set -f; a) && b *.c"),
    ("set -u leak", "RUN set -u && a\nRUN b $NOTSET", "RUN set -u && a && b $NOTSET", "RUN (set -u && a) && b $NOTSET"),
    ("IFS leak", "RUN IFS=, && a\nRUN X=p,q; b $X", "RUN IFS=, && a && X=p,q && b $X", "RUN (IFS=, && a) && X=p,q && b $X"),
    ("shopt leak", BASH + "RUN shopt -s nullglob && a\nRUN b *.zip", BASH + "RUN shopt -s nullglob && a && b *.zip",
     BASH + "RUN (shopt -s nullglob && a) && b *.zip"),
    ("pipefail leak", BASH + "RUN set -o pipefail && a\nRUN b | c", BASH + "RUN set -o pipefail && a && b | c",
     BASH + "RUN (set -o pipefail && a) && b | c"),
    # Hazard 3: set -e
    ("set -e dies in a group", "RUN set -e; a; echo hi\nRUN b", "RUN { set -e; a; echo hi; } && b",
     "RUN set -e; a; echo hi; b"),
    ("set -e dies in a subshell", "RUN set -e; a; c\nRUN b", "RUN (set -e; a; c) && b", "RUN set -e; a; c; b"),
    ("set -e with the builtin false", "RUN set -e; false; echo hi\nRUN b", "RUN { set -e; false; echo hi; } && b",
     "RUN set -e; false; echo hi; b"),
    ("set -e leak", "RUN set -e; a\nRUN b; c", "RUN set -e; a; b; c", "RUN set -e; a; { b || true; }; c"),
    ("set -e for a list that had none", "RUN grep -q x f; echo $? > rc", "RUN set -e; grep -q x f; echo $? > rc", None),
    # Hazard 4: ;
    ("; loses a failure", "RUN a\nRUN b", "RUN a; b", "RUN a && b"),
    ("; binds otherwise", "RUN a; c\nRUN b", "RUN a; c; b", "RUN { a; c; } && b"),
    ("; on the right", "RUN a\nRUN b; c", "RUN a && b; c", "RUN a && { b; c; }"),
    ("newline", "RUN <<EOF\na\nb\nEOF\nRUN c", "RUN <<EOF\na\nb\nc\nEOF", "RUN { a; b; } && c"),
    # Hazard 5: ||
    ("|| masks", "RUN a\nRUN c || true", "RUN a && c || true", "RUN a && { c || true; }"),
    ("|| of builtins", "RUN test -f /must\nRUN rm /no || true", "RUN test -f /must && rm /no || true",
     "RUN test -f /must && { rm /no || true; }"),
    ("|| on the left", "RUN a || c\nRUN b", "RUN a || { c && b; }", "RUN a || c && b"),
    ("|| in three", "RUN a\nRUN b || c\nRUN d", "RUN a && b || c && d", "RUN a && { b || c; } && d"),
    ("pipeline", "RUN a | c\nRUN b", "RUN a && c | b", "RUN a | c && b"),
    ("negation", "RUN ! a\nRUN b", "RUN ! { a && b; }", "RUN ! a && b"),
    # Hazard 6: exit, exec
    ("exit 0", "RUN a; exit 0\nRUN b", "RUN { a; exit 0; } && b", "RUN (a; exit 0) && b"),
    ("exit in a branch", "RUN a || exit 0\nRUN b", "RUN a || exit 0 && b", "RUN (a || exit 0) && b"),
    ("exec", "RUN exec a\nRUN b", "RUN exec a && b", "RUN (exec a) && b"),
    # Hazard 7: background
    ("background job", "RUN a & sleep 5\nRUN b", "RUN { a & sleep 5; } && b", "RUN a & sleep 5\nRUN b"),
    ("background syntax", "RUN a &\nRUN b", "RUN a & && b", "RUN a &\nRUN b"),
    ("service start", "RUN service mysql start && m\nRUN b", "RUN service mysql start && m && b",
     "RUN service mysql start && m\nRUN b"),
    ("service stopped again", "RUN service x start && m && service x stop\nRUN b", None,
     "RUN service x start && m && service x stop && b"),
    ("su starts a server", "RUN su postgres -c 'pg_ctl start' && m\nRUN b", "RUN su postgres -c 'pg_ctl start' && m && b", None),
    # Hazard 8: flags
    ("mount", "RUN --mount=type=secret,id=x a\nRUN b", "RUN --mount=type=secret,id=x a && b", None),
    ("mount lost", "RUN --mount=type=cache,target=/c a\nRUN b", "RUN a && b", None),
    ("network", "RUN --network=none a\nRUN b", "RUN a && b", None),
    ("mount in the script", "RUN a\nRUN --mount=type=cache,target=/c b", "RUN a && --mount=type=cache,target=/c b", None),
    ("same flags", "RUN --network=none a\nRUN --network=none b", None, "RUN --network=none a && b"),
    ("flags of a RUN of builtins", "RUN --network=none echo a\nRUN echo b", "RUN --network=none echo a && echo b", None),
    # Hazard 9: forms and shells
    ("exec form pasted", 'RUN a\nRUN ["b", "c d"]', 'RUN a && ["b", "c d"]', "RUN a && b 'c d'"),
    ("exec form has no variables", 'RUN a\nRUN ["b", "$HOME"]', "RUN a && b $HOME", "RUN a && b '$HOME'"),
    ("SHELL between", "RUN a\n" + PIPEFAIL + "RUN b | c", PIPEFAIL + "RUN a && b | c", None),
    ("SHELL lost", PIPEFAIL + "RUN b | c", "RUN b | c", None),
    ("heredoc file run as commands", "RUN cat <<'X' > s.sh\nrm y\nX\nRUN b", "RUN <<X\nrm y\nb\nX", None),
    ("heredoc kept", "RUN cat <<'X' > s.sh\nrm y\nX\nRUN b", None, "RUN cat <<'X' > s.sh && b\nrm y\nX"),
    ("heredoc content", "RUN cat <<X > s\na\nX\n", "RUN cat <<X > s\n  a\nX\n", None),
    ("ENV between", "RUN a\nENV X=1\nRUN b", "RUN a && b\nENV X=1", None),
    ("ENV before", "RUN a\nENV X=1\nRUN b", "ENV X=1\nRUN a && b", None),
    ("ARG between", "RUN a\nARG X=1\nRUN b", "ARG X=1\nRUN a && b", None),
    ("USER between", "RUN a\nUSER u\nRUN b", "RUN a && b\nUSER u", None),
    ("WORKDIR between", "RUN a\nWORKDIR /w\nRUN b", "RUN a && b\nWORKDIR /w", None),
    ("COPY between", "RUN a\nCOPY x y\nRUN b", "RUN a && b\nCOPY x y", None),
    ("CMD crosses SHELL", "CMD a\n" + BASH, BASH + "CMD a", None),
    ("CMD between", "RUN a\nCMD x\nRUN b", None, "RUN a && b\nCMD x"),
    # Hazard 10: what does not survive a RUN
    ("/etc/hosts", "RUN echo 1.2.3.4 h >> /etc/hosts && a\nRUN b", "RUN echo 1.2.3.4 h >> /etc/hosts && a && b", None),
    ("/etc/resolv.conf", "RUN echo nameserver x > /etc/resolv.conf\nRUN b", "RUN echo nameserver x > /etc/resolv.conf && b", None),
    ("/dev/shm", "RUN echo 1 > /dev/shm/f\nRUN b", "RUN echo 1 > /dev/shm/f && b", None),
    # Hazard 11: comments
    ("comment swallows", "RUN a # why\nRUN b", "RUN a # why && b", "RUN a && b # why"),
    ("comment between", "RUN a\n# why\nRUN b", None, "RUN a && \\\n# why\n  b"),
    # Hazard 12: syntax
    ("syntax error", "RUN a\nRUN b", "RUN a && && b", None),
    ("unbalanced", "RUN (a\nRUN b", "RUN (a && b", "RUN (a\nRUN b"),
    ("if without fi", "RUN if a; then b; fi\nRUN c", "RUN if a; then b; && c", "RUN if a; then b; fi && c"),
    ("do not use bash's words in sh", "RUN a\nRUN b", "RUN a &>/dev/null && b", None),
    ("pipefail under dash", "RUN a | b", "RUN set -o pipefail && a | b", None),
    # The rest of what others do
    ("order", "RUN a\nRUN b", "RUN b && a", "RUN a && b"),
    ("words sorted", "RUN apk add --virtual build-deps gcc autoconf", "RUN apk add --virtual autoconf build-deps gcc", None),
    ("call lost", "RUN a\nRUN b\nRUN c", "RUN a && c", "RUN a && b && c"),
    ("quoting lost", "RUN a 'x  y'\nRUN b", "RUN a x  y && b", "RUN a 'x  y' && b"),
    ("ENV quoting", 'ENV A="b c"\nRUN a', "ENV A=b c=\nRUN a", 'ENV A="b c"\nRUN a'),
    ("ENV form", "ENV A b c\nRUN a", "ENV A=b B=c\nRUN a", 'ENV A="b c"\nRUN a'),
    ("MAINTAINER", 'MAINTAINER Jan "j@x"\nRUN a', 'LABEL m="Jan "j@x""\nRUN a', None),
    ("loop", "RUN for i in 1 2; do a $i; done\nRUN b", "RUN for i in 1 2; do a $i && b; done", "RUN for i in 1 2; do a $i; done && b"),
    ("if condition", "RUN if a; then b; fi\nRUN c", "RUN if a; then b && c; fi", "RUN if a; then b; fi && c"),
    ("case", "RUN case $(uname -m) in x86_64) a;; *) exit 1;; esac\nRUN b",
     "RUN case $(uname -m) in x86_64) a && b;; *) exit 1;; esac && b", "RUN case $(uname -m) in x86_64) a;; *) exit 1;; esac && b"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "wrong"), [pytest.param(b, w, id=name) for name, b, w, _ in CASES if w is not None])
def test_wrong_rewrite_is_reported(box: Sandbox, before: str, wrong: str) -> None:
    report = check(box, before, wrong)
    assert report.differences, report


@pytest.mark.parametrize(("before", "right"), [pytest.param(b, r, id=name) for name, b, _, r in CASES if r is not None])
def test_right_rewrite_is_accepted(box: Sandbox, before: str, right: str) -> None:
    report = check(box, before, right, options=Options(exhaustive=True, second_opinion=True))
    assert report.ok, report
    assert not report.undecided, report
    assert report.variants, report


# -- hash table ------------------------------------------------------------------------------------

UPGRADE: Argv = ("pip", "install", "-U", "pip")


def test_remembered_place_of_a_command(box: Sandbox) -> None:
    options = Options(installs=(Install(UPGRADE, "/usr/local/bin/pip"),))
    before = "RUN pip install -U pip\nRUN pip install x"
    assert check(box, before, "RUN pip install -U pip && pip install x", options=options).differences
    assert check(box, before, "RUN (pip install -U pip) && pip install x", options=options).ok


# -- additions -------------------------------------------------------------------------------------

LISTS: Argv = ("rm", "-rf", "/var/lib/apt/lists/*")
CLEAN = Additions(options=frozenset({"--no-cache-dir"}), calls=(lambda argv: argv == LISTS,))


@pytest.mark.parametrize(
    ("before", "after", "good"),
    [
        ("RUN apt-get install x", "RUN apt-get install x && rm -rf /var/lib/apt/lists/*", True),
        ("RUN apt-get install x", "RUN apt-get install x; rm -rf /var/lib/apt/lists/*", False),
        ("RUN apt-get install x\nRUN b", "RUN apt-get install x && rm -rf /var/lib/apt/lists/* && b", True),
        ("RUN a; c", "RUN { a; c; } && rm -rf /var/lib/apt/lists/*", True),
        ("RUN a || c", "RUN a || c && rm -rf /var/lib/apt/lists/*", True),
        ("RUN a\nRUN b", "RUN a && { rm -rf /var/lib/apt/lists/* || true; } && b", True),
        # A failing clean-up must not skip b and yet succeed.
        ("RUN a\nRUN b", "RUN a && if rm -rf /var/lib/apt/lists/*; then b; fi", False),
        ("RUN apt-get install x", "RUN apt-get install x && rm -rf /var/lib/apt/*", False),
        ("RUN pip install x", "RUN pip install --no-cache-dir x", True),
        ("RUN pip install x\nRUN b", "RUN pip install --no-cache-dir x && b", True),
        ("RUN pip install x\nRUN b", "RUN pip install --no-cache-dir x; b", False),
        ("RUN pip install --no-cache-dir x", "RUN pip install x", False),
        ("RUN pip install x", "RUN pip install --no-deps x", False),
        # The original's own clean-up must stay, and its failures are still injected.
        ("RUN a\nRUN rm -rf /var/lib/apt/lists/*\nRUN b", "RUN a && b", False),
        ("RUN a\nRUN rm -rf /var/lib/apt/lists/*", "RUN a && rm -rf /var/lib/apt/lists/* && rm -rf /var/lib/apt/lists/*", True),
    ],
)  # fmt: skip
def test_additions(box: Sandbox, before: str, after: str, good: bool) -> None:
    report = check(box, before, after, CLEAN)
    assert report.ok is good, report


CLEANS = Additions(
    calls=(
        lambda argv: argv[-3:] == ("cache", "clean", "--force"),
        lambda argv: argv[:2] == ("rm", "-rf") and argv[2].startswith("/var/lib/apt/lists"),
        lambda argv: argv == ("apt-get", "update"),
    )
)


@pytest.mark.parametrize(
    ("before", "after", "good"),
    [
        ("RUN apt-get update; apt-get install -y a",
         "RUN apt-get update && rm -rf /var/lib/apt/lists/*; apt-get install -y a", False),
        ("RUN apt-get update; apt-get install -y a",
         "RUN apt-get update; apt-get install -y a && rm -rf /var/lib/apt/lists/*", True),
        ("RUN apt-get update && apt-get install -y a\nRUN apt-get install -y b",
         "RUN apt-get update && apt-get install -y a && rm -rf /var/lib/apt/lists/*\nRUN apt-get install -y b", False),
        ("RUN apt-get update && apt-get install -y a\nRUN apt-get install -y b",
         ("RUN apt-get update && apt-get install -y a && rm -rf /var/lib/apt/lists/*\n"
         "RUN apt-get update && apt-get install -y b"), True),
        ("RUN test -f x && npm ci || echo none",
         "RUN { test -f x && npm ci || echo none; } && npm cache clean --force", False),
        ("RUN npm ci", "RUN npm ci && npm cache clean --force", True),
        ("RUN sudo npm ci", "RUN sudo npm ci && sudo npm cache clean --force", True),
        ("RUN yarn install", "RUN yarn install && npm cache clean --force", False),
    ],
)  # fmt: skip
def test_what_additions_may_break(box: Sandbox, before: str, after: str, good: bool) -> None:
    assert check(box, before, after, CLEANS).ok == good


def test_words_with_options_put_in() -> None:
    additions = Additions(options=frozenset({"-q", "--cache *"}))
    assert additions.same_words(("p", "-q", "x"), ("p", "-q", "-q", "x"))
    assert additions.same_words(("p", "x"), ("p", "--cache", "/c", "x"))
    assert additions.same_words(("p", "x"), ("p", "x", "--cache", "/c"))
    assert not additions.same_words(("p", "x"), ("p", "--cache", "x"))
    assert not additions.same_words(("p", "-q", "x"), ("p", "x", "y"))


# -- the harness's own honesty ----------------------------------------------------------------------


def test_a_missing_command_gets_a_stand_in(box: Sandbox) -> None:
    script = "RUN X=/opt/t/bin/tool; $X 1; Y=other; $Y 2 && cd $(mktemp -d)/sub && ./x && . ./env && cat < in\nRUN b"
    report = check(box, script, script.replace("\nRUN ", " && "))
    assert report.differences and not report.gaps, report
    right = script.replace("RUN X", "RUN (X").replace("\nRUN ", ") && ")
    report = check(box, script, right)
    assert report.ok and not report.gaps, report


def test_a_command_that_cannot_be_had_is_a_gap(box: Sandbox) -> None:
    report = check(box, "RUN sh_$(echo 1) 2>/dev/null; exit 127", "RUN sh_$(echo 1) 2>/dev/null; exit  127")
    assert report.gaps


def test_an_endless_loop_is_undecided(box: Sandbox) -> None:
    quick = Options(timeout=0.3)
    loop = "while ! test -f /never; do sleep 1; done"
    report = check(box, f"RUN {loop}\nRUN b", f"RUN {loop} && b", options=quick)
    assert report.ok and report.undecided, report
    report = check(box, "RUN a\nRUN b", f"RUN a && {loop} && b", options=quick)
    assert report.differences, report


def test_a_waiting_loop_ends_when_its_command_works(box: Sandbox) -> None:
    report = check(box, "RUN while ! curl x; do sleep 1; done\nRUN b", "RUN while ! curl x; do sleep 1; done && b")
    assert report.ok and not report.undecided, report


def test_what_cannot_run_is_skipped_and_said(box: Sandbox) -> None:
    shell = 'SHELL ["powershell", "-Command"]\n'
    report = check(box, shell + "RUN a\nRUN b", shell + "RUN a; b")
    assert report.skipped and report.undecided
    report = check(box, "RUN <<E\n#!/usr/bin/perl\n1\nE\n", "RUN <<E\n#!/usr/bin/perl\n2\nE\n")
    assert report.skipped and report.undecided
    for odd in ("FROM a\nRUN a\0b\n", "FROM a\nRUN \udcff\n", "", "FROM a\nRUN\n\nNOPE x\n"):
        assert compare(odd, odd).skipped
        assert compare(odd, "FROM a\n").differences


def test_the_second_failure_is_tried(box: Sandbox) -> None:
    report = check(box, "RUN a || c\nRUN b", "RUN { a || c || true; } && b")
    assert any("and" in d.variant for d in report.differences), report


def test_the_sandbox_keeps_the_host_safe(box: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "x"
    script = f"RUN echo 1 > {target}; echo 1 > /etc/passwd; kill -9 -1; b"
    report = check(box, script, script + " c")
    assert report.gaps  # the script killed the driver, so there is no verdict
    assert check(box, "RUN a\nRUN b", "RUN a && b").ok
    assert not target.exists()
    assert os.path.getsize("/etc/passwd") > 2


def test_command_line(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("FROM a\nRUN a\nRUN b\n")
    two.write_text("FROM a\nRUN a; b\n")
    for after, status in ((one, 0), (two, 1)):
        done = subprocess.run(
            [sys.executable, "-m", "tests.differential", str(one), str(after)],
            cwd=REPO,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr


def test_expand() -> None:
    env = {"A": "1", "E": ""}
    for word, value in (
        ("$A-${A}", "1-1"), ("${B:-x$A}", "x1"), ("${E:-x}", "x"), ("${E-x}", ""), ("${A:+y}", "y"), ("'$A'", "$A"),
        ('"$A \\" \\$A"', '1 " $A'), ("\\$A", "$A"), ("a b", "a b"),
    ):  # fmt: skip
        assert expand(word, env) == value


# -- identity ---------------------------------------------------------------------------------------


def test_a_file_is_the_same_as_itself(box: Sandbox) -> None:
    if not CORPUS.is_dir():
        pytest.skip("no corpus here")
    paths = sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.suffix != ".tsv")
    start, runs, variants = time.monotonic(), 0, 0
    slowest = (0.0, "")
    chosen = random.Random(3).sample(paths, 60)
    for path in chosen:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        report = compare(text, text, options=Options(exhaustive=True, max_variants=40), sandbox=box)
        assert report.ok, f"{path}\n{report}"
        runs += report.runs
        variants += report.variants
        slowest = max(slowest, (report.seconds, path.name))
    seconds = time.monotonic() - start
    print(
        f"\n{len(chosen)} files in {seconds:.1f} s: {seconds / len(chosen):.2f} s a file, {variants / seconds:.0f} "
        f"variants/s, {runs / seconds:.0f} runs/s; slowest {slowest[1]}: {slowest[0]:.1f} s"
    )
