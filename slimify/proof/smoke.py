"""What a container does when it is started: whether it stays, what it says, what it answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from slimify.proof import request, steady
from slimify.proof.compare import Difference
from slimify.proof.engine import Engine, EngineError, NotStartedError, network_of

# What is shown of a text at most.
_SHOWN = 20_000
_AROUND = 200
_PAUSE = 0.2
# How long an engine may say that a container runs, and know nothing of its port.
_SETTLING = 2.0
# A status from which on an answer says that the application does not work, or not yet (RFC 9110, 15.6).
_SERVER_ERROR = 500


class Smoke(NamedTuple):
    """How the application is tried.

    `run` is a command in place of the image's own; `http` are paths to ask for on each port, `expect` a text that
    an answer, or the output, has to contain. `wait` is how many seconds it may take to answer or to end. `arguments`
    are options for the engine's `run`, such as `-e KEY=value`. `ports` are asked beside those that the image exposes.
    `strict` says that the paths were asked for by the user, so that each of them has to answer.
    """

    run: tuple[str, ...] = ()
    http: tuple[str, ...] = ("/",)
    expect: str = ""
    wait: float = 30.0
    arguments: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    strict: bool = False


class Seen(NamedTuple):
    """What was seen: `exit` is None where it still ran; `answers` by port and path; `health` is the check's status.

    `output` and `errors` are empty where it still ran, and `log` is both of them in any case. `asked` are the ports and
    paths that were asked for, `again` are second answers, and `own` is what the container knows itself by.
    """

    exit: int | None
    output: str
    answers: Mapping[str, str]
    health: int | None
    log: str
    errors: str = ""
    asked: tuple[str, ...] = ()
    again: Mapping[str, str] = {}
    own: tuple[str, ...] = ()

    @property
    def shown(self) -> bool:
        """Whether something was shown to work: it ended well, or it runs on, is well, and answers what is asked."""
        if self.exit is not None:
            return self.exit == 0
        answered = all(key in self.answers and not _is_error(self.answers[key]) for key in self.asked)
        return answered and not self.health


class Compared(NamedTuple):
    """How two versions differ, both as they are to be shown, and what could not be compared, each as a sentence."""

    differences: tuple[Difference, ...]
    seen: tuple[Seen, Seen]
    unsteady: tuple[str, ...] = ()


def observe(
    engine: Engine, image: str, name: str, config: Mapping[str, Any], smoke: Smoke, twice: bool = False
) -> Seen:
    """Start an image, watch it, and remove the container. With `twice` each request is made two times.

    Raises `EngineError`.
    """
    if smoke.run:
        ran = engine.run(image, name, smoke.run[1:], smoke.run[0], smoke.wait, smoke.arguments)
        return Seen(ran.status, ran.output, {}, None, ran.output + ran.errors, ran.errors, own=(name,))
    network = network_of(smoke.arguments)
    ports = _ports(config, smoke, network)
    if network == "host":
        _refuse_taken(ports)
    try:
        identity = engine.start(image, name, [] if network == "host" else ports, smoke.arguments)
    except NotStartedError as error:
        # A program that is not there: the container is made and does not start.
        engine.remove_container(name)
        return Seen(error.status, "", {}, None, str(error), str(error), own=(name,))
    except EngineError:
        engine.remove_container(name)
        raise
    try:
        watched = _Watched(engine, name, config, smoke, ports, network == "host")
        watched.wait()
        again = watched.ask_again() if twice else {}
        running, status = engine.state(name)
        health = watched.health if running else None
        said = engine.logs(name)
    finally:
        engine.remove_container(name)
    both = said.output + said.errors
    own = (name, identity, identity[:12])
    output, errors = ("", "") if running else (said.output, said.errors)
    return Seen(None if running else status, output, watched.answers, health, both, errors, watched.asked, again, own)


def _ports(config: Mapping[str, Any], smoke: Smoke, network: str) -> list[str]:
    """The ports that are asked: none where nobody could reach them."""
    exposed = {port for port in config.get("ExposedPorts") or {} if not port.endswith("/udp")}
    ports = sorted(exposed | {f"{port}/tcp" for port in smoke.ports})
    reachable = network != "none" and not network.startswith("container:")
    if smoke.strict and smoke.http and not (ports and reachable):
        why = (
            "the image exposes no port; --port names one" if reachable else f"nothing is reached with network {network}"
        )
        raise EngineError(f"{smoke.http[0]} is to be asked for, and {why}")
    return ports if reachable else []


def _refuse_taken(ports: Sequence[str]) -> None:
    """On the host's network a port that somebody else serves would answer for both versions."""
    for port in ports:
        if request.is_open("127.0.0.1", int(port.partition("/")[0])):
            raise EngineError(f"port {port} of this machine is in use, and with --network host the application's own")


class _Watched:
    """A container that was started: it is asked until everything answers well, it ends, or the time is over."""

    def __init__(
        self, engine: Engine, name: str, config: Mapping[str, Any], smoke: Smoke, ports: Sequence[str], on_host: bool
    ) -> None:
        self.answers: dict[str, str] = {}
        self.health: int | None = None
        self._engine = engine
        self._name = name
        self._check = _health_check(config)
        self._smoke = smoke
        self._on_host = on_host
        self._places: dict[str, tuple[str, int]] = {}
        self._targets = {f"{port.partition('/')[0]}{path}": (port, path) for port in ports for path in smoke.http}
        self._settled: float | None = None
        self.asked = tuple(self._targets)

    def wait(self) -> None:
        """Ask until there is nothing more to be waited for.

        A server that answers with an error may still be starting, as may one whose health check fails: Docker counts
        neither during its start period.
        """
        end = time.monotonic() + self._smoke.wait
        while True:
            # What began in time is finished: no observation is a part of one.
            if not self._engine.state(self._name)[0]:
                return
            if not self._ask(end):
                return
            well = all(key in self.answers and not _is_error(self.answers[key]) for key in self._targets)
            late = time.monotonic() >= end
            if self._check and (well or late):
                self.health = self._engine.execute(self._name, self._check).status
                well = well and self.health == 0
            if late or (well and (self._targets or self._check)):
                return
            time.sleep(_PAUSE)

    def _ask(self, end: float) -> bool:
        """One turn of all requests without a good answer; False where the container has ended meanwhile."""
        for key, (port, path) in self._targets.items():
            if key in self.answers and not _is_error(self.answers[key]):
                continue
            place = self._place(port)
            if place is None:
                return self._engine.state(self._name)[0] and not self._too_late()
            answer = request.answer(*place, path, max(1.0, end - time.monotonic()))
            if answer is not None:
                self.answers[key] = answer
        return True

    def ask_again(self) -> dict[str, str]:
        """Second answers of what has answered."""
        again = {}
        for key, (port, path) in self._targets.items():
            if key in self.answers and port in self._places:
                answer = request.answer(*self._places[port], path, self._smoke.wait)
                if answer is not None:
                    again[key] = answer
        return again

    def _place(self, port: str) -> tuple[str, int] | None:
        """Where a port is reached; None where the engine does not know, as of a container that has just ended."""
        if self._on_host:
            self._places[port] = "127.0.0.1", int(port.partition("/")[0])
        if port not in self._places:
            try:
                self._places[port] = self._engine.published(self._name, port)
            except EngineError:
                if not self._engine.state(self._name)[0]:
                    return None
                if self._too_late():
                    raise
                return None
        return self._places[port]

    def _too_late(self) -> bool:
        now = time.monotonic()
        self._settled = self._settled or now + _SETTLING
        return now > self._settled


def _health_check(config: Mapping[str, Any]) -> list[str]:
    """The command of HEALTHCHECK; the shell is the image's own (Dockerfile reference, SHELL)."""
    test = (config.get("Healthcheck") or {}).get("Test") or []
    if not test or test[0] == "NONE":
        return []
    if test[0] == "CMD-SHELL":
        return [*(config.get("Shell") or ("/bin/sh", "-c")), *test[1:]]
    return list(test[1:])


def compared(before: Seen, after: Seen, smoke: Smoke, again: Callable[[], Seen]) -> Compared:
    """How two observations differ. Only where they do is the old version observed once more, with `again`."""
    found = _Comparison((before,), after)
    if found.differences:
        found = _Comparison((before, again()), after)
    differences = list(found.differences)
    if smoke.strict:
        for key in before.asked:
            if key not in before.answers and key not in after.answers:
                differences.append(Difference(f"answer of {key}, which was asked for", None, None))
    # What was written is searched as it is, not as it is compared.
    said = "\n".join((after.output, after.log, *after.answers.values()))
    if smoke.expect and smoke.expect not in said:
        differences.append(Difference(f"the expected text {smoke.expect!r}", "expected", None))
    return Compared(tuple(differences), found.seen, tuple(found.unsteady))


class _Comparison:
    """An observation beside those of the old version, of which the first one is shown."""

    def __init__(self, old: Sequence[Seen], new: Seen) -> None:
        self.unsteady: list[str] = []
        self._old = old
        self._new = new
        self._shown: list[dict[str, Any]] = [{"answers": {}}, {"answers": {}}]
        self.differences = list(self._all())

    @property
    def seen(self) -> tuple[Seen, Seen]:
        """Both as they are to be shown: without what may differ, and not longer than anybody reads."""
        one, other = (
            seen._replace(**shown, log=seen.log[:_SHOWN], again={}, own=())
            for seen, shown in zip((self._old[0], self._new), self._shown, strict=True)
        )
        return one, other

    def _all(self) -> Iterator[Difference]:
        first, new = self._old[0], self._new
        exits = {one.exit for one in self._old}
        if len(exits) > 1:
            self.unsteady.append(f"how it ends: {' or '.join(_status(one.exit) for one in self._old)}")
        if new.exit not in exits:
            yield Difference("exit status", _status(first.exit), _status(new.exit))
        same_end = [one for one in self._old if one.exit == new.exit]
        for what in ("output", "errors"):
            texts = [_normalised(one, getattr(one, what)) for one in same_end or self._old]
            title = {"output": "output", "errors": "error output"}[what]
            changed = self._text(title, what, texts, _normalised(new, getattr(new, what)), None)
            # Of a program that ends otherwise the rest says why, and is no difference of its own.
            if changed and same_end:
                yield changed
        for key in dict.fromkeys((*first.answers, *new.answers)):
            texts = [
                _normalised(one, found[key]) for one in self._old for found in (one.answers, one.again) if key in found
            ]
            if not texts or key not in new.answers:
                if all(key in one.answers for one in self._old) or not texts:
                    yield Difference(f"answer of {key}", _cut(first.answers.get(key)), _cut(new.answers.get(key)))
                else:
                    self.unsteady.append(f"the answer of {key}: it does not always come")
                for shown, seen in zip(self._shown, (first, new), strict=True):
                    if key in seen.answers:
                        shown["answers"][key] = seen.answers[key][:_SHOWN]
                continue
            changed = self._text(f"answer of {key}", "answers", texts, _normalised(new, new.answers[key]), key)
            if changed:
                yield changed
        if new.health not in {one.health for one in self._old}:
            yield Difference("health check", _status(first.health), _status(new.health))

    def _text(self, title: str, field: str, texts: Sequence[str], new: str, key: str | None) -> Difference | None:
        """Compare one text, and keep what is to be shown of it."""
        found = _match(texts, new, has_head=key is not None)
        if found.unsteady:
            self.unsteady.append(f"the {title}: {found.unsteady}")
        shown = (found.shown, found.shown) if found.same else (texts[0], new)
        for place, text in zip(self._shown, shown, strict=True):
            if key is None:
                place[field] = text[:_SHOWN]
            else:
                place[field][key] = text[:_SHOWN]
        return None if found.same else Difference(title, *_parts(texts[0], new))


def _match(texts: Sequence[str], new: str, has_head: bool) -> steady.Match:
    """Compare a text; the first line of an answer has the status and the type, which are never unsteady by half."""
    if not has_head:
        return steady.match(texts, new)
    heads, bodies = zip(*(text.partition("\n")[::2] for text in texts), strict=True)
    head, _, body = new.partition("\n")
    if head not in heads:
        return steady.Match(False, texts[0])
    found = steady.match(bodies, body)
    return found._replace(shown=f"{head}\n{found.shown}")


def _normalised(seen: Seen, text: str) -> str:
    return steady.normalised(text, seen.own)


def _parts(one: str, other: str) -> tuple[str, str]:
    """Two texts from a little before the place where they part, if they are long."""
    if max(len(one), len(other)) <= _SHOWN // 10:
        return one, other
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, at - _AROUND)
    mark = "… " if start else ""
    return mark + one[start : start + _SHOWN // 10], mark + other[start : start + _SHOWN // 10]


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:_SHOWN]


def _is_error(answer: str) -> bool:
    return answer[:3].isdigit() and int(answer[:3]) >= _SERVER_ERROR


def _status(status: int | None) -> str:
    return "runs on" if status is None else str(status)
