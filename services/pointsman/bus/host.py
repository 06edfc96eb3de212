"""Hosts a service: FastStream provides lifespan, broker and ASGI; uvicorn serves health and metrics."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import orjson
import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from faststream.asgi.types import Scope
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from pointsman.bus import connection
from pointsman.bus.settings import LanePart
from pointsman.bus.wait_for_kafka import BusNotReadyError, await_bus
from pointsman.runtime.bounded_http import BoundedHttp, connections_allowed
from pointsman.runtime.interpreter import tune
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event, failure
from pointsman.runtime.metrics import LOOP_LAG
from pointsman.runtime.settings import HttpPart

log = logging.getLogger(__name__)

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

_OWN_PATHS = ("/healthz", "/readyz", "/metrics")


@dataclass(frozen=True)
class Service:
    """What the host runs. `run` works until `stop`; `not_ready` returns what is missing, if anything.

    `web` answers all requests but those for health and metrics. On shutdown `drain` is called first, while
    requests are still answered, then `stop`.
    """

    name: str
    settings: LanePart
    topics: Sequence[str]
    run: Callable[[], Coroutine[Any, Any, None]]
    stop: Callable[[], None]
    not_ready: Callable[[], str | None]
    resources: Callable[[], contextlib.AbstractAsyncContextManager[None]] = field(
        default=contextlib.nullcontext
    )
    web: ASGIApp | None = None
    drain: Callable[[], None] = lambda: None


def control_broker(settings: LanePart) -> KafkaBroker:
    """Return FastStream's broker, with explicit settings where its defaults are unsuitable.

    The lanes do not use it: see docs/decisions/0001-lanes.md.
    """
    return connection.service_broker(
        settings,
        client_id=f"{settings.prefix}-host",
        acks="all",
        enable_idempotence=True,
        request_timeout_ms=settings.request_timeout_ms,
        graceful_timeout=settings.grace_s,
        logger=logging.getLogger("pointsman.faststream"),
        log_level=logging.DEBUG,
    )


class Host:
    """A service as an ASGI application; `ended` is set if its task ended by itself, `failure` says why."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.failure: BaseException | None = None
        self.ended = asyncio.Event()
        self._broker = control_broker(service.settings)
        self._own = AsgiFastStream(
            self._broker,
            lifespan=self._lifespan,
            specification=AsyncAPI(title=f"pointsman {service.name}"),
            asgi_routes=[
                ("/healthz", get(self._healthz)),
                ("/readyz", get(self._readyz)),
                ("/metrics", get(self._metrics)),
            ],
            logger=logging.getLogger("pointsman.faststream"),
        )

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application."""
        web = self._service.web
        if web is None or scope["type"] == "lifespan" or scope["path"] in _OWN_PATHS:
            await self._own(scope, receive, send)
        else:
            await web(scope, receive, send)

    @contextlib.asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        async with self._service.resources():
            self._task = asyncio.create_task(self._run(), name=self._service.name)
            lag = asyncio.create_task(_watch_loop())
            try:
                yield
            finally:
                self._stopping = True
                self._service.stop()
                lag.cancel()
                await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            await self._service.run()
        except Exception as error:
            self.failure = error
            failure(log, Event.SERVICE_FAILED)
        if not self._stopping:
            self.failure = self.failure or RuntimeError("the service's task ended by itself")
            self.ended.set()

    async def _healthz(self, scope: Scope) -> AsgiResponse:
        alive = self._task is not None and not self._task.done()
        return _json(200 if alive else 503, {"service": self._service.name, "alive": alive})

    async def _readyz(self, scope: Scope) -> AsgiResponse:
        missing = self._service.not_ready()
        if missing is None and not await self._broker.ping(2.0):
            missing = "Kafka does not answer"
        body = {"service": self._service.name, "ready": missing is None, "missing": missing}
        return _json(200 if missing is None else 503, body)

    async def _metrics(self, scope: Scope) -> AsgiResponse:
        return AsgiResponse(generate_latest(), 200, {"content-type": CONTENT_TYPE_PLAIN_0_0_4})


def serve(service: Service, http: HttpPart) -> int:
    """Run a service in the foreground until SIGTERM or SIGINT; 1 if it ended by itself, else 0."""
    import uvloop

    tune()
    return uvloop.run(_serve(service, http))


async def _serve(service: Service, http: HttpPart) -> int:
    host = Host(service)
    try:
        await await_bus(service.settings, service.topics)
    except BusNotReadyError as error:
        event(log, logging.ERROR, Event.SERVICE_NOT_STARTED, service=service.name, problem=str(error))
        return 1
    BoundedHttp.most_connections = connections_allowed()
    listener = socket.create_server((http.http_host, http.http_port))
    address = f"http://{http.http_host}:{listener.getsockname()[1]}"
    server = _Server(
        uvicorn.Config(
            host.app,
            interface="asgi3",
            http=BoundedHttp,
            proxy_headers=False,
            server_header=False,
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=max(5, int(service.settings.grace_s) + 1),
        ),
        service.drain,
    )
    event(log, logging.INFO, Event.SERVICE_STARTING, service=service.name, http=address)
    stopping = asyncio.create_task(server.stop_after(host.ended))
    await server.serve(sockets=[listener])
    stopping.cancel()
    event(log, logging.INFO, Event.SERVICE_STOPPED, service=service.name)
    return 0 if server.started and host.failure is None else 1


class _Server(uvicorn.Server):
    """Exits with code 0 on a signal; uvicorn's own server would raise the signal again."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain = drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then wait for the requests in flight."""
        self._drain()
        await super().shutdown(sockets)

    async def stop_after(self, ended: asyncio.Event) -> None:
        """Stop serving when `ended` is set."""
        await ended.wait()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On SIGTERM or SIGINT finish; on a second SIGINT do not wait."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()


async def _watch_loop() -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 1
        await asyncio.sleep(1)
        LOOP_LAG.observe(max(0.0, loop.time() - due))


def _json(status: int, body: object) -> AsgiResponse:
    return AsgiResponse(orjson.dumps(body), status, {"content-type": "application/json"})
