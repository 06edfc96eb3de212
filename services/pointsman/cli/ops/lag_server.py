"""What waits, over HTTP: the same list that `lag --json` prints, for a scaler that asks again and again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from pointsman.bus.errors import BusError

Rows = list[dict[str, Any]]

#: Scalers of several tiers ask one after another: they are told the same thing for so long.
_FRESH_S = 2.0


class LagApp:
    """An ASGI app: `GET /lag`. 503 with the reason where Kafka does not say."""

    def __init__(self, look: Callable[[], Awaitable[Rows]]) -> None:
        self._look = look
        self._turn = asyncio.Lock()
        self._last: tuple[float, Rows] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status, body = await self._answer(scope["method"], scope["path"])
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(body)})

    async def _answer(self, method: str, path: str) -> tuple[int, object]:
        if (method, path) != ("GET", "/lag"):
            return 404, {"error": f"there is no {method} {path}; ask GET /lag"}
        try:
            return 200, await self._fresh()
        except BusError as error:
            return 503, {"error": str(error)}

    async def _fresh(self) -> Rows:
        async with self._turn:
            if self._last is None or time.monotonic() - self._last[0] > _FRESH_S:
                self._last = None
                rows = await self._look()
                self._last = (time.monotonic(), rows)
            return self._last[1]


def serve(look: Callable[[], Awaitable[Rows]], host: str, port: int, say: Callable[[str], None]) -> None:
    """Answer until SIGINT or SIGTERM; `port` 0 takes a free one.

    Raises:
        OSError: nobody can listen there.
    """
    import socket
    from contextlib import suppress

    import uvicorn

    with socket.create_server((host, port)) as listener:
        say(f"http://{host}:{listener.getsockname()[1]}/lag")
        config = uvicorn.Config(
            LagApp(look), lifespan="off", access_log=False, log_config=None, timeout_graceful_shutdown=1
        )
        with suppress(KeyboardInterrupt):  # uvicorn raises the signal again after its shutdown
            uvicorn.Server(config).run(sockets=[listener])
