"""A TCP proxy for Postgres that can drop the answer to a COMMIT."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Proxy:
    """Forwards bytes. After `lose_next_commit()`, the next COMMIT is executed and the client disconnected."""

    def __init__(self, dsn: str) -> None:
        self._target = urlsplit(dsn)
        self._losing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.lost = 0
        #: Everything received from clients.
        self.requests = bytearray()
        self.dsn = ""

    def lose_next_commit(self) -> None:
        self._losing = True

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        user = self._target.username or ""
        password = f":{self._target.password}" if self._target.password else ""
        port = server.sockets[0].getsockname()[1]
        self.dsn = f"postgresql://{user}{password}@127.0.0.1:{port}{self._target.path}?sslmode=disable"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        upstream, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        cut = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                ends = [
                    group.create_task(self._requests(reader, back, cut)),
                    group.create_task(self._answers(upstream, writer, cut)),
                ]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                for end in ends:
                    end.cancel()
        finally:
            for stream in (writer, back):
                stream.close()
                with suppress(OSError):
                    await stream.wait_closed()

    async def _requests(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, cut: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                self.requests += data
                if self._losing and b"COMMIT" in data:
                    self._losing = False
                    cut.set()
                back.write(data)
                await back.drain()

    async def _answers(
        self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await upstream.read(65536):
                if cut.is_set():
                    self.lost += 1
                    return
                writer.write(data)
                await writer.drain()
