"""What a container does when it is started: whether it stays, what it says, what it answers."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from slimify.proof.compare import Difference
from slimify.proof.engine import Engine, EngineError

# What changes from run to run, as a pattern and what stands for it.
_FLAKY = (
    (re.compile(r"\x1b\[[0-9;]*[A-Za-z]"), ""),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z| ?[+-]\d\d:?\d\d)?"), "TIME"),
    (
        re.compile(
            r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?\d{1,2}[ /](?:[A-Z][a-z]{2}|\d\d)[ /]\d{4}[: ]"
            r"\d\d:\d\d:\d\d(?: GMT| [+-]\d{4})?"
        ),
        "TIME",
    ),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"), "TIME"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "ADDRESS"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "ID"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(?:ms|s|sec|secs|seconds|µs|us|ns)\b"), "DURATION"),
    (re.compile(r"\b(?:pid|PID|process)[ :=\[]*\d+"), "PID"),
    (re.compile(r"(?<=[:=\[( ])\d{4,6}(?=[\])\s,;]|$)"), "NUMBER"),
)
_LONGEST = 20_000


class Smoke(NamedTuple):
    """How the application is tried.

    `run` is a command in place of the image's own; `http` are paths to ask for on each exposed port, `expect` a text
    that every answer, or the output, has to contain. `wait` is how many seconds it may take to answer or to end.
    `arguments` are options for the engine's `run`, such as `-e KEY=value`.
    """

    run: tuple[str, ...] = ()
    http: tuple[str, ...] = ("/",)
    expect: str = ""
    wait: float = 30.0
    arguments: tuple[str, ...] = ()


class Seen(NamedTuple):
    """What was seen: `exit` is None where it still ran; `answers` by port and path; `health` is the check's status."""

    exit: int | None
    output: str
    answers: Mapping[str, str]
    health: int | None
    log: str

    @property
    def shown(self) -> bool:
        return self.exit in (0, None)


def observe(engine: Engine, image: str, name: str, config: Mapping[str, Any], smoke: Smoke) -> Seen:
    """Start an image, watch it, and remove the container. Raises `EngineError`."""
    ports = [port for port in sorted(config.get("ExposedPorts") or {}) if not port.endswith("/udp")]
    if smoke.run:
        ran = engine.run(image, name, smoke.run[1:], smoke.run[0], smoke.wait, smoke.arguments)
        return Seen(ran.status, normalised(ran.output), {}, None, ran.output + ran.errors)
    try:
        engine.start(image, name, ports, smoke.arguments)
    except EngineError as error:
        # A program that is not there: the container is made and does not start.
        return Seen(127, normalised(str(error)), {}, None, str(error))
    try:
        answers = _ask(engine, name, ports, smoke)
        running, status = engine.state(name)
        health = _health(engine, name, config) if running else None
        said = engine.logs(name)
    finally:
        engine.remove_container(name)
    output = "" if running else normalised(said.output)
    return Seen(None if running else status, output, answers, health, said.output + said.errors)


def differences(before: Seen, after: Seen, expect: str = "") -> Iterator[Difference]:
    """How two observations differ."""
    if before.exit != after.exit:
        yield Difference("exit status", _status(before.exit), _status(after.exit))
    elif before.output != after.output:
        yield Difference("output", before.output, after.output)
    for key in dict.fromkeys((*before.answers, *after.answers)):
        if before.answers.get(key) != after.answers.get(key):
            yield Difference(f"answer of {key}", before.answers.get(key), after.answers.get(key))
    if before.health != after.health:
        yield Difference("health check", _status(before.health), _status(after.health))
    # What is compared has no numbers that change; what was written still has them.
    said = "\n".join((after.output, after.log, *after.answers.values()))
    if expect and expect not in said and normalised(expect) not in said:
        yield Difference(f"the expected text {expect!r}", "expected", None)


def normalised(text: str) -> str:
    """A text without what changes from run to run."""
    for pattern, stands in _FLAKY:
        text = pattern.sub(stands, text)
    return "\n".join(line.rstrip() for line in text[:_LONGEST].splitlines())


def _status(status: int | None) -> str:
    return "runs on" if status is None else str(status)


def _ask(engine: Engine, name: str, ports: Sequence[str], smoke: Smoke) -> dict[str, str]:
    """Wait until every port answers, or the container ends."""
    end = time.monotonic() + smoke.wait
    answers: dict[str, str] = {}
    places: dict[str, tuple[str, int]] = {}
    while time.monotonic() < end:
        if not engine.state(name)[0]:
            break
        for port in ports:
            if port not in places:
                places[port] = engine.published(name, port)
            for path in smoke.http:
                key = f"{port.partition('/')[0]}{path}"
                if key not in answers and (answer := _answer(*places[port], path)) is not None:
                    answers[key] = answer
        if ports and len(answers) == len(ports) * len(smoke.http):
            break
        time.sleep(0.2)
    return answers


def _answer(host: str, port: int, path: str) -> str | None:
    """What a port says to a request; None while nobody listens. What is no HTTP is said to be open."""
    try:
        connection = http.client.HTTPConnection(host, port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": "localhost", "Connection": "close"})
            response = connection.getresponse()
            body = response.read(1 << 20).decode("utf-8", "replace")
            kind = (response.getheader("Content-Type") or "").partition(";")[0]
            return normalised(f"{response.status} {kind}\n{body}")
        finally:
            connection.close()
    except http.client.RemoteDisconnected:
        # The engine's proxy takes connections before anybody listens behind it, and drops them.
        return None
    except http.client.BadStatusLine:
        return "open, and speaks no HTTP"
    except (OSError, http.client.HTTPException):
        return None


def _health(engine: Engine, name: str, config: Mapping[str, Any]) -> int | None:
    test = (config.get("Healthcheck") or {}).get("Test") or []
    if not test or test[0] == "NONE":
        return None
    argv = ["/bin/sh", "-c", test[1]] if test[0] == "CMD-SHELL" else list(test[1:])
    return engine.execute(name, argv).status
