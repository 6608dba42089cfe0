from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimify.context.found import Unknown
from slimify.context.procfile import read_procfile
from slimify.context.shell import EntryScript, calls, read_script
from tests.context.memory import context


@pytest.mark.parametrize(
    ("text", "programs"),
    [
        ("#!/bin/sh\nset -e\nexec node a.js", "node"),
        ("curl -f x || exit 1\nuntil pg_isready; do sleep 1; done", "curl pg_isready sleep"),
        ("a $(b) `c` <(d)", "b c d a"),
        ("gosu app python -m flask run", "gosu python"),
        ("a \\\n  b \\\n  c\nd", "a d"),
        ("foo() { curl x; }\nfoo", "curl"),
        ("APP=/opt/app\n$APP/run", "run"),
        ("APP=/opt/app\n$APP", "app"),
        ("cat > f <<-'EOF'\n\t$(rm)\n\tEOF\nls", "cat ls"),
        ("cat <<A <<B\nx\nA\ny\nB\nls", "cat ls"),
        ("tini -g -- nginx -g x", "tini nginx"),
        ("trap 'pkill x' TERM", "pkill"),
        ("case $1 in a) b;; *) c;; esac", "b c"),
        ("# curl x\necho curl; export A=curl; cd curl; true", ""),
        ("a\r\nb\r\n", "a b"),
        ("sh -c 'a && b'", "sh a b"),
    ],
)
def test_programs(text: str, programs: str) -> None:
    assert " ".join(one.name for one in calls(text, "e.sh").programs) == programs


@pytest.mark.parametrize(
    "text",
    [
        "$X y",
        "eval x",
        'eval "$(a)"',
        "if true; then",
        "cat <<EOF\nnever",
        "cat <<EOF\n$(curl x)\nEOF",
        "sh -c 'if'",
        "A=1\nA=2\n$A",
        "if a; then A=x; fi\n$A",
        "export A=x\n$A",
        "echo a\x00b",
    ],
)
def test_what_cannot_be_told_is_said(text: str) -> None:
    assert calls(text, "e.sh").unknown


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ('exec "$@"', True),
        ('"$@"', True),
        ('exec gosu app "$@"', True),
        ('exec tini -- "$@"', True),
        ('if [ "$1" = x ]; then shift; exec "$@"; fi', True),
        ('echo "$@"', False),
        ('node a.js "$@"', False),
        ('# exec "$@"\nexec node', False),
    ],
)
def test_the_command_of_the_image(text: str, runs: bool) -> None:
    assert calls(text, "e.sh").runs_arguments is runs


def test_places_and_sourced_files() -> None:
    found = calls("#!/bin/sh\n# c\na \\\n b\n. ./env.sh\nsource $X\n", "e.sh", line=10)
    assert [one.place.line for one in found.programs] == [12]
    assert [(one.path, one.place.line) for one in found.sourced] == [("./env.sh", 14), (None, 15)]


@pytest.mark.parametrize(
    ("text", "interpreter", "shell"),
    [
        ("#!/bin/bash -e\na", ("bash", "-e"), True),
        ("#!/usr/bin/env sh\na", ("sh",), True),
        ("#!/usr/bin/env -S python3 -u\na", ("python3", "-u"), False),
        ("a", (), True),
        ("#!\na", (), True),
    ],
)
def test_the_interpreter(text: str, interpreter: tuple[str, ...], shell: bool) -> None:
    found = read_script(context(e=text), "e")
    assert isinstance(found, EntryScript)
    assert (found.interpreter, found.is_shell) == (interpreter, shell)
    assert bool(found.calls.programs) == shell


def test_no_script() -> None:
    assert read_script(context(), "e.sh") is None
    assert isinstance(read_script(context(e=b"\x7fELF\0"), "e"), Unknown)
    assert isinstance(read_script(context(e="a\n" * 200_000), "e"), Unknown)


@given(st.text(alphabet="abc$(){}<>|&;'\"\\\n EOF`#!=", max_size=120))
def test_nothing_raises(text: str) -> None:
    calls(text, "e.sh")


def test_procfile() -> None:
    made = context(Procfile="# c: d\nweb: gunicorn app:app --bind $PORT\nnot a process\nworker:  celery -A x | tee y\n")
    found = read_procfile(made)
    assert isinstance(found, tuple)
    assert [(one.name, one.calls.names, one.place.line) for one in found] == [
        ("web", ("gunicorn",), 2),
        ("worker", ("celery", "tee"), 4),
    ]
    assert read_procfile(context()) is None
    assert isinstance(read_procfile(context(Procfile=b"\0")), Unknown)
