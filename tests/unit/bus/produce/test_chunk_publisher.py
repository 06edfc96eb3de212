"""The publisher of pieces never blocks: pieces are sent, or dropped and counted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from pointsman.bus.codec.records import Outgoing
from pointsman.bus.errors import KafkaUnavailableError
from pointsman.bus.produce import chunk_publisher
from pointsman.bus.produce.chunk_publisher import ChunkPublisher
from pointsman.runtime.metrics import CHUNKS_DROPPED
from pointsman.runtime.settings import KafkaPart


class Producer:
    """`answers`: the result of each record by its number; at first there are none."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.answers: list[asyncio.Future[Any]] = []
        self.failing: dict[bytes, Exception] = {}
        self.hangs = self.closed = False

    async def send(self, topic: str, *, value: bytes, **record: object) -> "asyncio.Future[Any]":
        if self.hangs:
            await asyncio.Event().wait()
        if error := self.failing.pop(value, None):
            raise error
        self.sent.append(value)
        self.answers.append(asyncio.get_running_loop().create_future())
        return self.answers[-1]


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Producer:
    producer = Producer()

    async def started(*_: object, **options: object) -> Producer:
        producer.closed = False
        return producer

    async def closed(_: object) -> None:
        producer.closed = True

    monkeypatch.setattr(chunk_publisher, "start_producer", started)
    monkeypatch.setattr(chunk_publisher, "close_producer", closed)
    monkeypatch.setattr(chunk_publisher, "_RECONNECT_S", 0)
    return producer


@asynccontextmanager
async def publishing(**bounds: int) -> AsyncIterator[ChunkPublisher]:
    with pytest.MonkeyPatch.context() as patched:
        for name, bound in bounds.items():
            patched.setattr(chunk_publisher, f"_{name.upper()}", bound)
        publisher = ChunkPublisher(KafkaPart(kafka="none:1"))
        async with publisher.running():
            yield publisher


def record(number: int, size: int = 10) -> Outgoing:
    return Outgoing("t", b"k", b"%d" % number + b"." * (size - len(str(number))), [])


def dropped(reason: str) -> float:
    return CHUNKS_DROPPED.labels(reason)._value.get()


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_no_producer_is_created_before_the_first_record(
    producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_publisher, "start_producer", None)
    async with publishing():
        await turns()


async def test_records_are_sent_in_order_without_waiting_for_answers(producer: Producer) -> None:
    async with publishing() as publisher:
        assert [publisher.send(record(number)) for number in range(5)] == [True] * 5
        assert producer.sent == []
        await turns()
        assert producer.sent == [record(number).value for number in range(5)]
        assert not producer.answers[0].done()
    assert producer.closed


async def test_a_hanging_producer_blocks_nobody_and_the_queue_is_bounded(producer: Producer) -> None:
    producer.hangs = True
    before = dropped("full")
    async with publishing(most_records=10) as publisher:
        taken = []
        for number in range(100):
            taken.append(publisher.send(record(number)))
            await asyncio.sleep(0)
        assert sum(taken) in (10, 11)  # one is in the producer's hands
        assert dropped("full") == before + 100 - sum(taken)


async def test_unanswered_records_count_as_queued(producer: Producer) -> None:
    async with publishing(most_records=3) as publisher:
        for number in range(3):
            assert publisher.send(record(number))
        await turns()
        assert len(producer.sent) == 3
        assert not publisher.send(record(3))
        producer.answers[0].set_result(SimpleNamespace())
        await turns()
        assert publisher.send(record(4))


async def test_bytes_are_bounded_too(producer: Producer) -> None:
    async with publishing(most_bytes=250) as publisher:
        assert publisher.send(record(1, 100))
        assert publisher.send(record(2, 100))
        assert not publisher.send(record(3, 100))
        assert publisher.send(record(4, 50))
        await turns()
        for answer in producer.answers:
            answer.set_result(SimpleNamespace())
        await turns()
        assert publisher.send(record(5, 250))


async def test_only_the_refused_record_is_dropped(producer: Producer) -> None:
    before = dropped("failed")
    producer.failing[record(1).value or b""] = MessageSizeTooLargeError()
    async with publishing() as publisher:
        for number in range(3):
            publisher.send(record(number))
        await turns()
        assert producer.sent == [record(0).value, record(2).value]
        producer.answers[0].set_exception(KafkaTimeoutError())
        await turns()
    assert dropped("failed") == before + 2


@pytest.mark.parametrize("error", [KafkaTimeoutError(), ValueError("a defect")])
async def test_after_an_error_there_is_another_producer(producer: Producer, error: Exception) -> None:
    producer.failing[record(0).value or b""] = error
    async with publishing(most_records=3) as publisher:
        for _ in range(3):
            publisher.send(record(0))
        await turns()
        assert producer.closed
        assert producer.sent == [], "what is old helps nobody"
        assert publisher.send(record(1))
        await turns()
        assert producer.sent == [record(1).value]


async def test_without_a_broker_records_are_dropped(
    producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*_: object, **options: object) -> None:
        raise KafkaUnavailableError("none:1", 1, "nobody there")

    monkeypatch.setattr(chunk_publisher, "start_producer", unavailable)
    async with publishing(most_records=2) as publisher:
        for _ in range(5):
            assert publisher.send(record(0))
            await turns()
