"""The server: takes what forges post, puts it into the queue, and answers once it is on disk. Workers do the rest."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from slimify.bot.jobs import Job, QueueError, Visit, WorkQueue
from slimify.bot.metrics import Metrics
from slimify.bot.stopping import Stop
from slimify.bot.visiting import Limits
from slimify.bot.webhook import Post, delivery_of, event_of, jobs_of
from slimify.bot.workers import work

_log = logging.getLogger(__name__)

MAX_BODY = 25 << 20
"""GitHub caps payloads at 25 MB (docs.github.com/en/webhooks/webhook-events-and-payloads), GitLab by default, too."""
READ_SECONDS = 10.0
"""How long a body may take. GitHub gives up after 10 seconds, the answer included."""
MAX_READING = 64
"""How many requests are read at once; what comes beside is told to come again, instead of filling the memory."""


class AddressError(Exception):
    """An address that cannot be listened at."""


@dataclass(frozen=True)
class Hook:
    """A forge that may post. `kind` as in `Forge.kind`; there are several secrets only while they are changed."""

    kind: str
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Sweep:
    """Puts every repository of the configured owners into the queue, at the start and every so many `seconds`."""

    jobs: Callable[[], Iterable[Job]]
    seconds: float = 86_400.0


@dataclass(frozen=True)
class Address:
    """Where to listen: on loopback, unless told otherwise; a proxy in front of it does TLS."""

    host: str = "127.0.0.1"
    port: int = 8080


def application(queue: WorkQueue, hooks: Mapping[str, Hook], metrics: Metrics, stop: Stop) -> web.Application:
    """The routes: `POST /webhook/{forge}`, `/healthz`, `/readyz` and `/metrics`."""
    server = _Server(queue, hooks, metrics, stop)
    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_post("/webhook/{forge}", server.webhook)
    app.router.add_get("/healthz", server.healthz)
    app.router.add_get("/readyz", server.readyz)
    app.router.add_get("/metrics", server.metrics)
    return app


class _Server:
    def __init__(self, queue: WorkQueue, hooks: Mapping[str, Hook], metrics: Metrics, stop: Stop) -> None:
        self._queue, self._hooks, self._metrics, self._stop = queue, hooks, metrics, stop
        self._reading = 0
        self._checked = (0.0, False)

    async def webhook(self, request: web.Request) -> web.Response:
        forge = request.match_info["forge"]
        hook = self._hooks.get(forge)
        if hook is None:
            return web.Response(status=404)
        status = await self._webhook(request, forge, hook)
        self._metrics.answered(forge, status)
        return web.Response(status=status)

    async def _webhook(self, request: web.Request, forge: str, hook: Hook) -> int:
        if (request.content_length or 0) > MAX_BODY:
            return 413
        if self._reading >= MAX_READING:
            return 503
        self._reading += 1
        try:
            async with asyncio.timeout(READ_SECONDS):
                body = await request.read()
            return await asyncio.to_thread(self._receive, forge, hook, request.headers, body)
        except TimeoutError:
            return 408
        except web.HTTPRequestEntityTooLarge:
            return 413
        except QueueError as error:
            _log.error("%s", error)
            return 503
        finally:
            self._reading -= 1

    def _receive(self, forge: str, hook: Hook, headers: Mapping[str, str], body: bytes) -> int:
        delivery = delivery_of(hook.kind, Post(headers, body, time.time()), hook.secrets)
        if delivery is None:
            return 401
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            return 400
        if not isinstance(payload, dict):
            return 400
        jobs = jobs_of(hook.kind, event_of(hook.kind, headers), payload, forge=forge)
        return 202 if jobs and self._queue.accept(f"{forge} {delivery}", jobs) else 204

    async def healthz(self, _request: web.Request) -> web.Response:
        """Whether the process is alive, and something can be written to the queue."""
        return web.Response(status=200 if await self._writable() else 503)

    async def readyz(self, _request: web.Request) -> web.Response:
        """Whether webhooks are taken: not while stopping."""
        return web.Response(status=200 if not self._stop.level and await self._writable() else 503)

    async def _writable(self) -> bool:
        checked, good = self._checked
        # Anybody may ask, so not every question is a write.
        if time.monotonic() < checked + 1.0:
            return good
        try:
            await asyncio.to_thread(self._queue.check)
            good = True
        except QueueError as error:
            _log.error("%s", error)
            good = False
        self._checked = (time.monotonic(), good)
        return good

    async def metrics(self, _request: web.Request) -> web.Response:
        try:
            text = self._metrics.text(await asyncio.to_thread(self._queue.counts))
        except QueueError as error:
            _log.error("%s", error)
            return web.Response(status=503)
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def serve(
    queue: WorkQueue,
    hooks: Mapping[str, Hook],
    visit: Visit | None,
    *,
    address: Address | None = None,
    workers: int = 2,
    limits: Limits | None = None,
    preload: tuple[str, ...] = (),
    sweep: Sweep | None = None,
    on_listening: Callable[[int], None] = lambda _port: None,
) -> None:
    """Serve, and work, until SIGTERM or SIGINT; on the first gracefully, on the second at once.

    `visit` is None for a server beside workers of their own; `workers`, `limits` and `preload` are theirs.
    `on_listening` is told the port when it is open. Raises `AddressError` if the address cannot be had, and what ends
    the workers, so that nothing serves that does no work.
    """
    stop, metrics = Stop(), Metrics()
    working = None
    if visit is not None:
        working = functools.partial(
            work,
            queue,
            visit,
            workers=workers,
            stop=stop,
            limits=limits,
            preload=preload,
            on_end=metrics.visited,
        )
    try:
        app = application(queue, hooks, metrics, stop)
        asyncio.run(
            _serve(app, address or Address(), stop, working, functools.partial(_sweep, queue, sweep), on_listening)
        )
    finally:
        stop.close()


async def _serve(
    app: web.Application,
    address: Address,
    stop: Stop,
    working: Callable[[], None] | None,
    sweeping: Callable[[], Awaitable[None]],
    on_listening: Callable[[int], None],
) -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        stop.ask()
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)
    async with _listening(app, address) as port:
        on_listening(port)
        tasks = [] if working is None else [asyncio.create_task(asyncio.to_thread(working))]
        sweep = asyncio.ensure_future(sweeping())
        await asyncio.wait([asyncio.create_task(asked.wait()), *tasks], return_when=asyncio.FIRST_COMPLETED)
        sweep.cancel()
    if not stop.level:
        stop.ask()
    await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def _listening(app: web.Application, address: Address) -> AsyncIterator[int]:
    # Its own access log would have the names of repositories, and nothing that the metrics do not tell.
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=READ_SECONDS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, address.host, address.port, backlog=1024).start()
        except OSError as error:
            raise AddressError(f"{address.host}:{address.port} cannot be had: {error.strerror or error}") from None
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _sweep(queue: WorkQueue, sweep: Sweep | None) -> None:
    while sweep is not None:
        try:
            put = await asyncio.to_thread(_put_all, queue, sweep)
            _log.info("swept: %d repositories", put)
        except Exception as error:
            # Whatever a forge answers, the next time may be better; its message may hold what is not for a log.
            _log.error("the sweep failed: %s", error if isinstance(error, QueueError) else type(error).__name__)
        await asyncio.sleep(sweep.seconds)


def _put_all(queue: WorkQueue, sweep: Sweep) -> int:
    return sum(queue.put(job) for job in sweep.jobs())
