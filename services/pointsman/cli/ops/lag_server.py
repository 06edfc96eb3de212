"""Serve the list that `lag --json` prints over HTTP, for an autoscaler."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pointsman.bus.errors import BusError

Rows = list[dict[str, Any]]

#: How long an answer is reused, as the scalers of several tiers ask in quick succession.
_FRESH_S = 2.0


def lag_app(look: Callable[[], Awaitable[Rows]]) -> Starlette:
    """Return the app for `GET /lag`. It answers 503 with the reason if Kafka is unavailable."""
    turn, looked_at, rows = asyncio.Lock(), -math.inf, Rows()

    async def lag(_: Request) -> JSONResponse:
        nonlocal looked_at, rows
        async with turn:
            if time.monotonic() - looked_at > _FRESH_S:
                try:
                    rows, looked_at = await look(), time.monotonic()
                except BusError as error:
                    return JSONResponse({"error": str(error)}, 503)
            return JSONResponse(rows)

    def elsewhere(request: Request, _: Exception) -> JSONResponse:
        problem = f"there is no {request.method} {request.url.path}; ask GET /lag"
        return JSONResponse({"error": problem}, 404)

    return Starlette(
        routes=[Route("/lag", lag), Route("/lag/", lag)], exception_handlers={404: elsewhere, 405: elsewhere}
    )


def serve(look: Callable[[], Awaitable[Rows]], host: str, port: int, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `port` 0 takes a free port.

    Raises:
        OSError: the address cannot be used.
    """
    import socket

    import uvicorn

    with socket.create_server((host, port)) as listener:
        say(f"http://{host}:{listener.getsockname()[1]}/lag")
        config = uvicorn.Config(
            lag_app(look), lifespan="off", access_log=False, log_config=None, timeout_graceful_shutdown=1
        )
        with suppress(KeyboardInterrupt):  # uvicorn re-raises the signal after its shutdown
            uvicorn.Server(config).run(sockets=[listener])
