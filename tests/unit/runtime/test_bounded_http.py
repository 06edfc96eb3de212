"""Idle or endless HTTP requests are closed, and waiting clients get their answer."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from pointsman.runtime import bounded_http
from pointsman.runtime.bounded_http import BoundedHttp

GET = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"


@contextlib.asynccontextmanager
async def served(answer: asyncio.Event) -> AsyncIterator[tuple[str, int]]:
    """An application that answers when permitted."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    server = uvicorn.Server(uvicorn.Config(app, port=0, http=BoundedHttp, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()
    server.should_exit = True
    await serving


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_S", 0.2)


async def test_a_silent_connection_is_closed() -> None:
    async with served(asyncio.Event()) as place:
        reader, writer = await asyncio.open_connection(*place)
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()


async def test_a_slow_connection_is_closed() -> None:
    async with served(asyncio.Event()) as place:
        reader, writer = await asyncio.open_connection(*place)
        closed = asyncio.create_task(reader.read())
        with contextlib.suppress(OSError):
            writer.write(b"GET / HTTP/1.1\r\n")
            while not closed.done():
                writer.write(b"x: y\r\n")
                await asyncio.wait([closed], timeout=0.05)
        with contextlib.suppress(ConnectionError):
            assert await closed == b""
        writer.close()


async def test_an_endless_request_head_is_not_buffered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_S", 300)
    async with served(asyncio.Event()) as place:
        reader, writer = await asyncio.open_connection(*place)
        sent = 0
        with contextlib.suppress(ConnectionError):
            writer.write(b"GET / HTTP/1.1\r\n")
            while sent < 100 * bounded_http.HEAD_BYTES:
                writer.write(b"x: " + b"y" * 8_000 + b"\r\n")
                sent += 8_000
                await writer.drain()
            await reader.read()
        assert sent < 100 * bounded_http.HEAD_BYTES
        writer.close()


async def test_a_waiting_client_gets_its_answer_and_may_send_another_request() -> None:
    may_answer = asyncio.Event()
    async with served(may_answer) as place:
        reader, writer = await asyncio.open_connection(*place)
        writer.write(GET)
        asyncio.get_running_loop().call_later(0.6, may_answer.set)  # three times as long as a head may take
        assert b" 204 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(GET)
        assert b" 204 " in await reader.readuntil(b"\r\n\r\n")
        writer.close()


async def test_beyond_the_limit_an_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_S", 300)
    monkeypatch.setattr(BoundedHttp, "most_connections", 1)
    async with served(asyncio.Event()) as place:
        _, first = await asyncio.open_connection(*place)
        reader, second = await asyncio.open_connection(*place)
        assert await asyncio.wait_for(reader.read(), 30) == b""
        first.close()
        second.close()


@pytest.mark.parametrize(
    ("soft", "hard", "allowed", "opened"),
    [(256, 1_000, 500, 1_000), (100, 100, 25, 100), (400, 19_000, 18_500, 19_000)],
)
def test_as_many_connections_are_allowed_as_files_may_be_open(
    soft: int, hard: int, allowed: int, opened: int
) -> None:
    program = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
from pointsman.runtime.bounded_http import connections_allowed
print(connections_allowed(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [str(allowed), str(opened), str(hard)]
