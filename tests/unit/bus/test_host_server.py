"""The HTTP server of a service wakes once per second and stops at once when asked to."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

import pytest
import uvicorn

from pointsman.bus import host


async def app(scope: object, receive: object, send: object) -> None: ...


async def ended_by_signal(server: host._Server) -> None:
    server.handle_exit(signal.SIGTERM, None)


async def ended_by_its_service(server: host._Server) -> None:
    ended = asyncio.Event()
    ended.set()
    await server.stop_after(ended)


@pytest.mark.parametrize("end", [ended_by_signal, ended_by_its_service])
async def test_it_ends_at_once_and_not_at_the_next_tick(
    end: Callable[[host._Server], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_TICK_S", 3600)
    server = host._Server(uvicorn.Config(app, lifespan="off"), lambda: None)
    running = asyncio.create_task(server.main_loop())
    await asyncio.sleep(0)
    assert not running.done()
    await end(server)
    await asyncio.wait_for(running, 20)
