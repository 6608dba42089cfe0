"""What two runs of a container are compared by, and how it is watched."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from slimify.proof import request
from slimify.proof import smoke as smoke_module
from slimify.proof.engine import Engine, EngineError, NotStartedError
from slimify.proof.smoke import Seen, Smoke, compared, observe
from slimify.proof.spoken import Ran
from slimify.proof.steady import match, normalised

Serve = Callable[..., int]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("started at 2026-11-28 10:11:12", "started at 2026-11-29 01:02:03"),
        ("[2026-11-28T10:11:12.123Z] up", "[2026-11-28T10:11:13.9Z] up"),
        ("<object at 0x7f01>", "<object at 0x7fff02>"),
        ("request 3f0c9a1e-1b2c-4d5e-8f90-a1b2c3d4e5f6", "request 00000000-1b2c-4d5e-8f90-a1b2c3d4e5f6"),
        ("28/Nov/2026:10:11:12 +0000 GET", "29/Nov/2026:10:11:13 +0000 GET"),
        ("Sat, 28 Nov 2026 10:11:12 GMT", "Sun, 29 Nov 2026 10:11:12 GMT"),
        ("\x1b[32mok\x1b[0m", "ok"),
        ("a  \nb", "a\nb"),
    ],
)
def test_what_is_never_a_result(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


def test_a_container_does_not_know_itself_by_another_name() -> None:
    assert normalised("on 0123456789ab", ["0123456789ab"]) == normalised("on ba9876543210", ["ba9876543210"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("version 1.2", "version 1.3"),
        ("rows: 1234", "rows: 9999"),
        ("Balance (1500)", "Balance (9500)"),
        ("took 5 s", "took 500 s"),
        ("sum 9f86d081884c7d659a2f", "sum 0000000000000000aaaa"),
        ("port 8080", "port 9090"),
        ("[7] start", "[8] start"),
    ],
)
def test_what_may_be_a_result(one: str, other: str) -> None:
    assert not match([normalised(one)], normalised(other)).same


@pytest.mark.parametrize(
    ("seen", "other", "same", "unsteady"),
    [
        (['{"now": 17643.1, "n": 1}', '{"now": 17644.99, "n": 1}'], '{"now": 17651.3, "n": 1}', True, "1 word"),
        (['{"now": 17643.1, "n": 1}', '{"now": 17644.99, "n": 1}'], '{"now": 17651.3, "n": 2}', False, "1 word"),
        (['{"now": 17643.1}', '{"now": 17644.99}'], '{"now": null}', False, "1 word"),
        (['<input value="kJ2_-a">', '<input value="p-J2z">'], '<input value="a--9">', True, "1 word"),
        (["pid 7", "pid 12"], "pid 9 died", False, "1 word"),
        (["a", "a"], "b", False, ""),
        (["a b c", "c a"], "b d", True, "all of it but its length"),
        (["a b c", "c a"], "b" * 50, False, "all of it but its length"),
        (["a (b)", "a [b]"], "a {b}", True, "all of it but its length"),
    ],
)
def test_what_differs_between_two_runs(seen: list[str], other: str, same: bool, unsteady: str) -> None:
    found = match(seen, other)
    assert (found.same, found.unsteady) == (same, unsteady)


def seen(
    exit_status: int | None = 0,
    output: str = "",
    answers: dict[str, str] | None = None,
    health: int | None = None,
    errors: str = "",
) -> Seen:
    return Seen(exit_status, output, answers or {}, health, output, errors, tuple(answers or ()))


PLAIN = Smoke()


def told(before: Seen, after: Seen, smoke: Smoke = PLAIN, again: Seen | None = None) -> list[str]:
    return [one.what for one in compared(before, after, smoke, lambda: again or before).differences]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (seen(), seen(), []),
        (seen(0), seen(1), ["exit status"]),
        (seen(None), seen(127), ["exit status"]),
        (seen(output="a"), seen(output="b"), ["output"]),
        (seen(1, errors="no database"), seen(1, errors="ModuleNotFoundError"), ["error output"]),
        (seen(output="x y " * 6000 + "A"), seen(output="x y " * 6000 + "B"), ["output"]),
        (seen(None, answers={"80/": "200"}), seen(None, answers={"80/": "500"}), ["answer of 80/"]),
        (seen(None, answers={"80/": "200"}), seen(None), ["answer of 80/"]),
        (seen(None, health=0), seen(None, health=1), ["health check"]),
    ],
)
def test_differences(before: Seen, after: Seen, what: list[str]) -> None:
    assert told(before, after) == what


def test_what_is_shown_is_where_two_long_texts_part() -> None:
    found = compared(seen(output="x" * 30_000 + "A"), seen(output="x" * 30_000 + "B"), Smoke(), lambda: seen())
    assert found.differences == () and found.unsteady
    before = seen(output="x y " * 6000 + "A")
    (one,) = compared(before, seen(output="x y " * 6000 + "B"), Smoke(), lambda: before).differences
    assert one.before is not None and one.before.endswith("A") and len(one.before) < 500


def test_the_old_version_is_seen_again_only_where_something_differs() -> None:
    asked: list[int] = []

    def again() -> Seen:
        asked.append(1)
        return seen(output="visits 2")

    assert not compared(seen(output="visits 1"), seen(output="visits 1"), Smoke(), again).unsteady
    assert not asked
    found = compared(seen(output="visits 1"), seen(output="visits 3"), Smoke(), again)
    assert (found.differences, found.unsteady) == ((), ("the output: 1 word",))
    assert [one.output for one in found.seen] == ["visits …"] * 2
    assert told(seen(output="visits 1"), seen(output="visits none"), again=seen(output="visits 2")) == ["output"]


def test_an_end_that_is_not_always_the_same() -> None:
    found = compared(seen(0), seen(1), Smoke(), lambda: seen(1))
    assert (found.differences, found.unsteady) == ((), ("how it ends: 0 or 1",))


def test_the_status_of_an_answer_is_never_unsteady() -> None:
    before, again = ({"80/": f"200 text/plain\n{one}"} for one in ("a", "b"))
    after = {"80/": "404 text/plain\nc"}
    assert told(seen(None, answers=before), seen(None, answers=after), again=seen(None, answers=again)) == [
        "answer of 80/"
    ]


def test_a_second_answer_counts_as_well() -> None:
    again = seen(None, answers={"80/": "200 \nn 1"})._replace(again={"80/": "200 \nn 2"})
    assert told(seen(None, answers={"80/": "200 \nn 1"}), seen(None, answers={"80/": "200 \nn 3"}), again=again) == []


def test_what_is_expected() -> None:
    said = seen(output="hello world, wage 2100")
    assert told(said, said, Smoke(expect="wage 2100")) == []
    assert told(said, said, Smoke(expect="mars")) == ["the expected text 'mars'"]
    answered = seen(None, answers={"80/": "200\nwage 2100"})
    assert told(answered, answered, Smoke(expect="wage 2100")) == []


def test_a_path_that_was_asked_for_has_to_answer() -> None:
    silent = seen(None)._replace(asked=("80/health",))
    assert told(silent, silent) == []
    assert told(silent, silent, Smoke(strict=True)) == ["answer of 80/health, which was asked for"]


@pytest.mark.parametrize(
    ("one", "shown"),
    [
        (seen(0), True),
        (seen(1), False),
        (seen(None), True),
        (seen(None, health=1), False),
        (seen(None, answers={"80/": "200 text/plain\n"}, health=0), True),
        (seen(None, answers={"80/": "503 text/plain\n"}), False),
        (seen(None, answers={"80/": "open, and speaks no HTTP"}), True),
        (seen(None)._replace(asked=("80/",)), False),
    ],
)
def test_whether_something_was_shown_to_work(one: Seen, shown: bool) -> None:
    assert one.shown is shown


# ------------------------------------------------------------------------------ a container that is watched


class Container(Engine):
    """A container by what it answers."""

    def __init__(
        self,
        places: Mapping[str, int] | None = None,
        states: Sequence[tuple[bool, int]] = ((True, 0),),
        health: Sequence[int] = (0,),
        refuses: Exception | None = None,
    ) -> None:
        super().__init__("none")
        self.places = places or {}
        self.states = iter_last(states)
        self.checks = iter_last(health)
        self.refuses = refuses
        self.executed: list[Sequence[str]] = []
        self.published_ports: Sequence[str] = ()
        self.removed = 0

    def start(self, image: str, name: str, ports: Sequence[str], arguments: Sequence[str] = ()) -> str:
        self.published_ports = ports
        if self.refuses:
            raise self.refuses
        return "0123456789abcdef"

    def published(self, name: str, port: str) -> tuple[str, int]:
        if port not in self.places:
            raise EngineError(f"No public port '{port}' published for {name}")
        return "127.0.0.1", self.places[port]

    def state(self, name: str) -> tuple[bool, int]:
        found: tuple[bool, int] = next(self.states)
        return found

    def execute(self, name: str, argv: Sequence[str], timeout: float = 30.0) -> Ran:
        self.executed.append(argv)
        return Ran(next(self.checks), "", "")

    def logs(self, name: str) -> Ran:
        return Ran(0, "out", "err")

    def remove_container(self, name: str) -> None:
        self.removed += 1


def iter_last(values: Sequence[Any]) -> Iterator[Any]:
    """The values, and then the last one for ever."""
    yield from values
    while True:
        yield values[-1]


EXPOSED: Mapping[str, Any] = {"ExposedPorts": {"80/tcp": {}}}


def watch(container: Container, config: Mapping[str, Any] = EXPOSED, **smoke: Any) -> Seen:
    return observe(container, "image", "name", config, Smoke(**{"wait": 0.5, **smoke}))


def test_a_container_that_ends_before_its_port_is_known() -> None:
    found = watch(Container(states=[(True, 0), (False, 3)]), wait=5)
    assert (found.exit, found.output, found.errors, found.answers) == (3, "out", "err", {})


def test_a_port_that_an_engine_never_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke_module, "_SETTLING", 0.1)
    container = Container()
    with pytest.raises(EngineError, match="No public port"):
        watch(container, wait=5)
    assert container.removed == 1


def test_a_program_that_is_not_there_and_an_engine_that_fails() -> None:
    missing = watch(Container(refuses=NotStartedError("exec: not found", 127)))
    assert (missing.exit, missing.errors) == (127, "exec: not found")
    broken = Container(refuses=EngineError("unknown flag: --nosuch"))
    with pytest.raises(EngineError, match="unknown flag"):
        watch(broken)
    assert broken.removed == 1


def test_a_server_that_is_still_starting(served: Serve) -> None:
    container = Container({"80/tcp": served("up", statuses=[503, 503, 200])})
    assert watch(container, wait=10).answers == {"80/": "200 text/plain\n/ up"}
    always = Container({"80/tcp": served("down", statuses=[503])})
    assert watch(always).answers == {"80/": "503 text/plain\n/ down"}


def test_a_health_check_that_fails_at_first() -> None:
    config = {"Healthcheck": {"Test": ["CMD-SHELL", "check it"]}, "Shell": ["/bin/bash", "-c"]}
    container = Container(health=[1, 1, 0])
    found = watch(container, config, wait=10)
    assert found.health == 0
    assert container.executed == [["/bin/bash", "-c", "check it"]] * 3
    assert watch(Container(health=[1]), config).health == 1
    plain = Container()
    watch(plain, {"Healthcheck": {"Test": ["CMD-SHELL", "x"]}})
    assert plain.executed == [["/bin/sh", "-c", "x"]]


def test_ports_that_the_image_does_not_expose(served: Serve) -> None:
    container = Container({"8000/tcp": served("here")})
    found = watch(container, {}, ports=(8000,), http=("/a b",), strict=True, wait=5)
    assert found.answers == {"8000/a b": "200 text/plain\n/a%20b here"}
    assert watch(Container({"80/tcp": served("here")}), http=("/é",)).answers["80/é"].endswith("/%C3%A9 here")
    with pytest.raises(EngineError, match="/health is to be asked for, and the image exposes no port; --port"):
        watch(Container(), {}, http=("/health",), strict=True)


@pytest.mark.parametrize("arguments", [("--network", "host"), ("--net=host",)])
def test_the_network_of_the_host(served: Serve, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    port = served("hello")
    config: Mapping[str, Any] = {"ExposedPorts": {f"{port}/tcp": {}}}
    with pytest.raises(EngineError, match="in use"):
        watch(Container(), config, arguments=arguments)
    monkeypatch.setattr(request, "is_open", lambda host, port: False)
    container = Container()
    assert watch(container, config, arguments=arguments).answers == {f"{port}/": "200 text/plain\n/ hello"}
    assert container.published_ports == []


def test_no_network() -> None:
    assert watch(Container(), arguments=("--network", "none")).answers == {}
    with pytest.raises(EngineError, match="nothing is reached with network none"):
        watch(Container(), arguments=("--network", "none"), strict=True)


def test_an_answer_without_an_end(served: Serve) -> None:
    start = time.monotonic()
    found = watch(Container({"80/tcp": served("drip", drips=0.2)}), wait=2)
    assert found.answers == {"80/": "200 text/plain\n[the answer does not end]"}
    assert time.monotonic() - start < 20


def test_an_answer_that_is_as_long_as_it_likes(served: Serve) -> None:
    one, other = (json.dumps([0] * 2_000_000 + [end]) for end in (1, 2))
    answers = [watch(Container({"80/tcp": served(text)}), wait=20).answers["80/"] for text in (one, one, other)]
    assert answers[0] == answers[1] != answers[2]
    assert all("bytes more, SHA-256" in one for one in answers)
