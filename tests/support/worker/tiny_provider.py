"""A minimal provider that answers with arbitrary bytes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4.1-nano-2025-04-14",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 500},
}


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    headers: dict[str, str]
    body: bytes
    line: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Respond = Callable[[Asked], bytes | Awaitable[bytes]]


@dataclass
class Tiny:
    """`base_url`: for a provider's row; `asked`: all requests; `left`: clients that disconnected."""

    base_url: str
    respond: Respond
    asked: list[Asked] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    left: int = 0
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until requests or disconnections make the condition true."""
        async with asyncio.timeout(20), self.arrived:
            await self.arrived.wait_for(condition)

    async def changed(self) -> None:
        async with self.arrived:
            self.arrived.notify_all()


def http(status: int = 200, body: object = ANSWER, **headers: str) -> bytes:
    """A complete HTTP answer; `body` is bytes, or data to encode as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content)}", "content-type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


async def never(asked: Asked) -> bytes:
    """Does not answer until the client disconnects."""
    await asyncio.Event().wait()
    return b""


@asynccontextmanager
async def tiny_provider(respond: Respond) -> AsyncIterator[Tiny]:
    """Serves on a free loopback port; an answer without a whole body closes the connection."""
    tiny = Tiny("", respond)

    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            while True:
                await _one(tiny, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    tiny.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield tiny
    finally:
        server.close()
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()


async def _one(tiny: Tiny, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    headers = {name.lower(): value for name, value in fields.items()}
    body = await reader.readexactly(int(headers["content-length"]))
    asked = Asked(headers, body, head.partition("\r\n")[0])
    tiny.asked.append(asked)
    tiny.under_way += 1
    tiny.most_under_way = max(tiny.most_under_way, tiny.under_way)
    await tiny.changed()
    try:
        answer = tiny.respond(asked)
        raw = answer if isinstance(answer, bytes) else await _unless_left(tiny, reader, answer)
    finally:
        tiny.under_way -= 1
        await tiny.changed()
    writer.write(raw)
    await writer.drain()
    raw_head, _, content = raw.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in raw_head and content.endswith(b"0\r\n\r\n"):
        return
    length = int(raw.partition(b"content-length: ")[2].partition(b"\r\n")[0] or -1)
    if length != len(content):
        raise ConnectionResetError


async def _unless_left(tiny: Tiny, reader: asyncio.StreamReader, answer: Awaitable[bytes]) -> bytes:
    """The answer, unless the client disconnects before."""
    answering = asyncio.ensure_future(answer)
    leaving = asyncio.ensure_future(reader.read(1))
    await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
    if answering.done():
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving
        return answering.result()
    answering.cancel()
    tiny.left += 1
    raise ConnectionResetError
