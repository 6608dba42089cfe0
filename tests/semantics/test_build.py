"""The stage graph, and the state before each instruction."""

from __future__ import annotations

import pytest

from slimify.semantics.build import Build, Shell, State, TargetError, analyse, mounts, pairs
from slimify.syntax.dockerfile import parse
from slimify.syntax.source import Source


def build(text: str, target: str | None = None, **build_args: str) -> Build:
    return analyse(parse(Source(text)), target=target, build_args=build_args)


def last_state(text: str, **build_args: str) -> State:
    return build(text, **build_args).stages[-1].final_state


# ------------------------------------------------------------------------------ the graph

# Name: text, target, what each stage needs, the stages whose file system ships.
GRAPHS: dict[str, tuple[str, str | None, list[set[int]], set[int]]] = {
    "one stage": ("FROM a", None, [set()], {0}),
    "copied from by name": ("FROM a AS b\nFROM c\nCOPY --from=b /x /y", None, [set(), {0}], {1}),
    "copied from by number": ("FROM a\nFROM c\nCOPY --from=0 /x /y", None, [set(), {0}], {1}),
    "names know no case": ("FROM a AS Bld\nFROM c\nCOPY --from=bLD /x /y", None, [set(), {0}], {1}),
    "copied from an image": ("FROM a AS b\nFROM c\nCOPY --from=nginx /x /y", None, [set(), set()], {0, 1}),
    "a number that is no stage yet": ("FROM a\nCOPY --from=1 /x /y\nFROM b", None, [set(), set()], {0, 1}),
    "continued": ("FROM a AS b\nFROM b\nRUN x", None, [set(), {0}], {0, 1}),
    "continued by a name in capitals": ("FROM a AS b\nFROM B\nRUN x", None, [set(), {0}], {0, 1}),
    "a number is no stage to FROM": ("FROM a\nFROM 0\nRUN x", None, [set(), set()], {0, 1}),
    "an image named like a later stage": ("FROM b\nFROM a AS b", None, [set(), set()], {0, 1}),
    "the later of two names": ("FROM a AS x\nFROM b AS x\nFROM x", None, [set(), set(), {1}], {0, 1, 2}),
    "mounted from": ("FROM a AS b\nFROM c\nRUN --mount=type=bind,from=b,target=/x y", None, [set(), {0}], {1}),
    "mounted from a number": ("FROM a\nFROM c\nRUN --mount=from=0,target=/x y", None, [set(), {0}], {1}),
    "by a trigger": ("FROM a AS b\nFROM c\nONBUILD COPY --from=b /x /y", None, [set(), {0}], {1}),
    "whole root": ("FROM a AS b\nFROM scratch\nCOPY --from=b / /", None, [set(), {0}], {0, 1}),
    "whole root in JSON": ('FROM a AS b\nFROM scratch\nCOPY --from=b ["/", "/"]', None, [set(), {0}], {0, 1}),
    "whole root by number": ("FROM a\nFROM scratch\nCOPY --from=0 / /", None, [set(), {0}], {0, 1}),
    "whole root by a pattern": ("FROM a AS b\nFROM scratch\nCOPY --from=b /* /", None, [set(), {0}], {0, 1}),
    "whole root of a chain": (
        "FROM a AS b\nFROM b AS c\nFROM scratch\nCOPY --from=c / /",
        None,
        [set(), {0}, {1}],
        {0, 1, 2},
    ),
    "nobody needs the middle": ("FROM a\nFROM b AS test\nFROM c\nCOPY --from=0 x y", None, [set(), set(), {0}], {1, 2}),
    "target": ("FROM a AS b\nFROM c AS d\nCOPY --from=b x y\nFROM e", "b", [set(), {0}, set()], {0}),
    "target by number": ("FROM a AS b\nFROM c AS d\nFROM d", "1", [set(), set(), {1}], {1}),
    "target in capitals": ("FROM a AS b\nFROM c", "B", [set(), set()], {0}),
    "target of a chain": ("FROM a AS b\nFROM b AS c\nFROM d", "c", [set(), {0}, set()], {0, 1}),
    "a name from an argument": ("ARG X=b\nFROM a AS b\nFROM $X", None, [set(), {0}], {0, 1}),
    "a name not known": ("ARG X\nFROM a AS b\nFROM $X", None, [set(), set()], {0, 1}),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graph(name: str) -> None:
    text, target, needs, shipped = GRAPHS[name]
    found = build(text, target)
    assert [set(stage.needs) for stage in found.stages] == needs
    assert set(found.shipped) == shipped
    assert [found.ships(index) for index in range(len(needs))] == [index in shipped for index in range(len(needs))]


@pytest.mark.parametrize("target", ["x", "2", "-1", ""])
def test_a_target_that_is_no_stage(target: str) -> None:
    with pytest.raises(TargetError):
        build("FROM a AS b\nFROM c", target)


def test_successors() -> None:
    found = build("FROM a AS b\nRUN 1\nRUN 2\nFROM b AS c\nRUN 3\nFROM c\nRUN 4\nFROM a\nRUN 5")
    first = found.stages[0].steps[0]
    assert [step.instruction.arguments for step in found.successors(first)] == ["2", "3", "4"]
    assert found.children == ((1,), (2,), (), ())


# ------------------------------------------------------------------------------ variables


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("FROM a\nENV x=1", "x", "1"),
        ("FROM a\nENV x 1 2", "x", "1 2"),
        ("FROM a\nENV x='a b' y=$x", "y", None),
        ("FROM a\nENV x=1\nENV y=$x", "y", "1"),
        ("FROM a\nENV x=1\nENV x=2 y=$x", "y", "1"),
        ("FROM a\nENV x=${y}", "x", None),
        ("FROM scratch\nENV x=1 y=${x:-2}", "y", None),
        ("FROM a\nARG x=1", "x", "1"),
        ("FROM a\nARG x", "x", None),
        ("FROM a\nARG x=1\nENV y=$x", "y", "1"),
        ("FROM a\nARG x=1\nENV x=2", "x", "2"),
        ("FROM a\nENV x=2\nARG x=1", "x", "2"),
        ("FROM a\nARG x=1 y=2", "y", "2"),
        ("FROM a\nARG x='1 2'", "x", "1 2"),
        ("ARG x=1\nFROM a", "x", None),
        ("ARG x=1\nFROM a\nARG x", "x", "1"),
        ("ARG x=1\nFROM a\nARG x=2", "x", "2"),
        ("ARG x=1\nARG y=$x\nFROM a\nARG y", "y", "1"),
        ("FROM a AS b\nARG x=1\nFROM b", "x", None),
        ("FROM a AS b\nENV x=1\nFROM b", "x", "1"),
        ("FROM a AS b\nARG x=1\nENV y=$x\nFROM b", "y", "1"),
        ("FROM a AS b\nENV x=1\nFROM c", "x", None),
        ("FROM a\nARG TARGETARCH", "TARGETARCH", None),
        ("FROM a\nENV x=1\nENV x=", "x", ""),
    ],
)
def test_values(text: str, name: str, value: str | None) -> None:
    assert last_state(text).variable(name) == value


def test_arguments_of_the_command_line() -> None:
    assert last_state("FROM a\nARG x=1", x="2").variable("x") == "2"
    assert last_state("ARG x=1\nFROM a\nARG x", x="2").variable("x") == "2"
    assert last_state("ARG x=1\nFROM a", x="2").variable("x") is None
    assert last_state("FROM a\nENV x=1\nARG x", x="2").variable("x") == "1"
    assert build("ARG V=1\nFROM a:$V", V="2").stages[0].image == "a:2"


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("FROM a", "a"),
        ("ARG V=1\nFROM a:$V", "a:1"),
        ("ARG V\nFROM a:$V", None),
        ("ARG V\nFROM a:${V:-2}", None),
        ("FROM a:${V:-2}", "a:2"),
        ("ARG V=1\nARG W=$V-slim\nFROM a:${W}", "a:1-slim"),
        ("FROM --platform=$BUILDPLATFORM a", "a"),
        ("FROM $TARGETARCH/a", None),
    ],
)
def test_images(text: str, image: str | None) -> None:
    assert build(text).stages[0].image == image


def test_sets() -> None:
    state = last_state("FROM a\nARG x\nENV y=$z")
    assert state.sets("x")
    assert state.sets("y")
    assert not state.sets("z")
    # The base image may bring any variable.
    assert "anything" in state.variables
    assert state.variables["anything"] is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ENV a=b c=d", [("a", "b"), ("c", "d")]),
        ("ENV a b c", [("a", "b c")]),
        ('ENV a="b c" d=', [("a", '"b c"'), ("d", "")]),
        ("LABEL a=b=c", [("a", "b=c")]),
        ("ENV a b=c", [("a", "b=c")]),
        ("ENV", []),
    ],
)
def test_pairs(text: str, wanted: list[tuple[str, str]]) -> None:
    assert pairs(parse(Source(f"FROM x\n{text}\n")).instructions[1]) == wanted


# ------------------------------------------------------------------------------ the rest of the state


@pytest.mark.parametrize(
    ("text", "workdir", "user"),
    [
        ("FROM a", None, None),
        ("FROM scratch", "/", "root"),
        ("FROM a\nWORKDIR /x", "/x", None),
        ("FROM a\nWORKDIR x", None, None),
        ("FROM a\nWORKDIR /x\nWORKDIR y", "/x/y", None),
        ("FROM a\nWORKDIR /x\nWORKDIR ../y/", "/y", None),
        ("FROM a\nENV D=/d\nWORKDIR $D/e", "/d/e", None),
        ("FROM a\nWORKDIR $D", None, None),
        ("FROM a\nWORKDIR $D\nWORKDIR x", None, None),
        ("FROM a\nUSER b", None, "b"),
        ("FROM a\nUSER $U", None, None),
        ("FROM a\nARG U=c\nUSER $U:d", None, "c:d"),
        ("FROM a AS b\nWORKDIR /x\nUSER c\nFROM b", "/x", "c"),
        ("FROM a AS b\nWORKDIR /x\nUSER c\nFROM d", None, None),
    ],
)
def test_workdir_and_user(text: str, workdir: str | None, user: str | None) -> None:
    state = last_state(text)
    assert (state.workdir, state.user) == (workdir, user)


def test_the_state_is_that_before_the_instruction() -> None:
    steps = build("FROM a\nWORKDIR /x\nENV b=1\nUSER c").stages[0].steps
    assert [(step.state.workdir, step.state.variable("b"), step.state.user) for step in steps] == [
        (None, None, None), ("/x", None, None), ("/x", "1", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "posix", "options"),
    [
        (("/bin/sh", "-c"), True, set()),
        (("/bin/bash", "-c"), True, set()),
        (("bash", "-euo", "pipefail", "-c"), True, {"e", "u", "pipefail"}),
        (("/bin/bash", "-o", "pipefail", "-c"), True, {"pipefail"}),
        (("/bin/ash", "-eo", "pipefail", "-c"), True, {"e", "pipefail"}),
        (("/bin/bash", "-lc"), True, {"l"}),
        (("/bin/bash", "-o", "errexit", "-xc"), True, {"e", "x"}),
        (("/usr/bin/zsh", "-c"), False, set()),
        (("powershell", "-Command"), False, None),
        (("cmd", "/S", "/C"), False, None),
        (("python", "-c"), False, None),
        (("/bin/sh",), False, set()),
        (("/bin/bash", "-c", "x"), False, None),
        ((), False, set()),
    ],
)
def test_shells(argv: tuple[str, ...], posix: bool, options: set[str] | None) -> None:
    shell = Shell(argv, certain=True)
    assert shell.posix is posix
    if options is not None:
        assert shell.options == options


def test_which_shell_is_in_force() -> None:
    assert last_state("FROM debian").shell == Shell(("/bin/sh", "-c"), certain=True)
    assert not last_state("FROM some/thing").shell.certain
    assert last_state('FROM some/thing\nSHELL ["/bin/bash", "-c"]').shell == Shell(("/bin/bash", "-c"), certain=True)
    assert last_state('FROM a AS b\nSHELL ["x", "-c"]\nFROM b').shell.argv == ("x", "-c")
    assert not last_state("FROM mcr.microsoft.com/windows/servercore:ltsc2022").shell.posix


@pytest.mark.parametrize(
    ("image", "family"),
    [
        ("debian:12", ("linux", "debian")),
        ("docker.io/library/debian", ("linux", "debian")),
        ("alpine:3.20", ("linux", "alpine")),
        ("python:3.12-alpine", ("linux", "alpine")),
        ("python:3.12-slim", ("linux", "debian")),
        ("centos:7", ("linux", "rhel")),
        ("mcr.microsoft.com/windows/nanoserver:1809", ("windows", "")),
        ("somebody/something", ("", "")),
        ("registry.example.com:5000/x:alpine", ("", "")),
    ],
)
def test_families(image: str, family: tuple[str, str]) -> None:
    assert tuple(last_state(f"FROM {image}").family) == family


def test_mounts() -> None:
    text = "FROM a\nRUN --mount=type=cache,target=/x --mount=from=b,dst=/y --mount=type=secret,id=z c\n"
    assert [tuple(one) for one in mounts(parse(Source(text)).instructions[1])] == [
        ("cache", "/x", "", True, ""), ("bind", "/y", "b", False, ""), ("secret", "", "", True, ""),
    ]  # fmt: skip


def test_mounts_of_a_step_are_where_the_builder_puts_them() -> None:
    text = "FROM a\nARG D=/c\nWORKDIR /w\nRUN --mount=TYPE=cache,TARGET=$D/x --mount=target=y,rw,source=s c\n"
    (step,) = [one for one in analyse(parse(Source(text))).steps() if one.keyword == "RUN"]
    assert [tuple(one) for one in step.mounts] == [
        ("cache", "/c/x", "", True, ""), ("bind", "/w/y", "", True, "s"),
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["-e", "-eux", "-o errexit", "-euo pipefail", "-o pipefail -o errexit"])
def test_errexit_is_known_by_either_name(word: str) -> None:
    """`-o errexit` is `-e`: whoever asks for the one must find the other."""
    shell = Shell(("/bin/bash", *word.split(), "-c"), certain=True)
    assert "e" in shell.options


def test_errexit_can_be_switched_off_again() -> None:
    assert "e" not in Shell(("/bin/bash", "+e", "-c"), certain=True).options
