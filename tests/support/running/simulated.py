"""The simulated provider in the test's event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from starlette.types import ASGIApp

from pointsman.dev.simulator.app import build
from pointsman.dev.simulator.server import listening, server_of
from pointsman.dev.simulator.settings import SimulatorSettings


@asynccontextmanager
async def serving(settings: SimulatorSettings | None = None) -> AsyncIterator[str]:
    """Serves in this event loop; yields the address to use as an OpenAI `base_url` (it ends in `/v1`)."""
    settings = settings or SimulatorSettings()
    async with served(build(settings), host=settings.http_host, port=settings.http_port) as port:
        yield f"http://{settings.http_host}:{port}/v1"


@asynccontextmanager
async def served(app: ASGIApp, *, host: str, port: int) -> AsyncIterator[int]:
    """Serves in this event loop until the block ends; yields the port."""
    with listening(host, port) as sock:
        server = server_of(app)
        server.capture_signals = nullcontext  # type: ignore[assignment, method-assign] # the loop's owner has them
        task = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            await task
