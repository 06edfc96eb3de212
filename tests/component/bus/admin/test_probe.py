"""The checks of Kafka by `doctor`, against a real broker and against something that is not a broker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from struct import pack

import pytest

from pointsman.bus.admin.probe import probe
from pointsman.bus.admin.topics import apply
from pointsman.bus.tcp_check import addresses
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[int]:
    """The port of a server that calls this for each connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                await answer(reader, writer)
        finally:
            writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.stack
async def test_a_broker_reports_its_version(kafka: Kafka) -> None:
    topic = Topics(kafka.prefix).dead
    await apply(kafka.settings, [topic])
    result = await probe(kafka.settings)
    assert (result.problem, result.reachable) == (None, True)
    assert result.release in {"4.0", "4.1", "4.2", "4.3", "4.4", "newer than 4.4"}
    assert result.transactions == 2
    assert result.cluster_id
    assert result.topics[topic.name] == topic.partitions
    assert result.brokers


@pytest.mark.stack
async def test_a_broker_with_unreachable_advertised_listeners_is_recognised(kafka: Kafka) -> None:
    ((host, port),) = addresses(kafka.bootstrap)
    nobody = 1

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connects to another port instead of the broker's."""
        upstream, back = await asyncio.open_connection(host, port)

        async def answers() -> None:
            while data := await upstream.read(1 << 16):
                writer.write(data.replace(pack(">i", port), pack(">i", nobody)))

        answering = asyncio.create_task(answers())
        try:
            while data := await reader.read(1 << 16):
                back.write(data)
        finally:
            answering.cancel()
            back.close()

    direct = await probe(kafka.settings)
    async with listening(elsewhere) as here:
        result = await probe(KafkaPart(kafka=f"127.0.0.1:{here}"))
    assert (result.problem, result.release, result.reachable) == (None, direct.release, False)
    assert result.transactions == direct.transactions
    (broker,) = result.brokers
    assert (broker.port, broker.problem) == (nobody, f"nothing listens on {broker.host}:{nobody}")


@pytest.mark.parametrize(
    "reply",
    [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", pack(">iih", 12, 1, 0) + b"\xff" * 6],
    ids=["nothing", "HTTP", "nonsense of the right length"],
)
async def test_a_server_that_is_not_a_broker_is_recognised(reply: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4)
        writer.write(reply)

    async with listening(answer) as port:
        result = await probe(KafkaPart(kafka=f"127.0.0.1:{port}"))
    assert result.problem is not None
    assert "it is no Kafka broker" in result.problem
