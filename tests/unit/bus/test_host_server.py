"""The HTTP server of a service stops on a signal, which it does not raise again, or when its service ends."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator

import pytest
import uvicorn

from pointsman.bus import host


async def app(scope: object, receive: object, send: object) -> None: ...


@pytest.fixture
def raised() -> Iterator[list[int]]:
    """The signals that reach the process while the server does not handle them."""
    numbers: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: numbers.append(number))
    yield numbers
    signal.signal(signal.SIGTERM, before)


async def ended_by_signal(server: host._Server) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def ended_by_its_service(server: host._Server) -> None:
    ended = asyncio.Event()
    ended.set()
    await server.stop_after(ended)


@pytest.mark.parametrize("end", [ended_by_signal, ended_by_its_service])
async def test_it_drains_and_ends_without_raising_the_signal_again(
    end: Callable[[host._Server], Awaitable[None]], raised: list[int]
) -> None:
    drained: list[bool] = []
    started = asyncio.Event()

    async def note() -> None:
        started.set()

    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, callback_notify=note)
    server = host._Server(config, lambda: drained.append(server.started))
    running = asyncio.create_task(server.serve())
    await asyncio.wait_for(started.wait(), 20)
    assert not running.done()
    await end(server)
    await asyncio.wait_for(running, 20)
    assert (drained, raised) == ([True], [])
