"""The fetcher on a real broker returns every committed record once and in order, also after seeks."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import CorruptRecordException
from aiokafka.protocol.metadata import MetadataRequest

from pointsman.bus.admin.topics import apply
from pointsman.bus.consume import fetcher as module
from pointsman.bus.consume.fetcher import Fetcher
from pointsman.bus.settings import LanePart
from pointsman.runtime.log_events import Event
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka

pytestmark = pytest.mark.stack

SOON_S = 0.1
HERE, THERE = 0, 1


Values = list[bytes | None]


class Place:
    """A topic of four partitions, a writer and a fetcher."""

    def __init__(self, kafka: Kafka, producer: AIOKafkaProducer) -> None:
        self.bootstrap = kafka.bootstrap
        self.topic = Topics(kafka.prefix).tier("small").name
        self.producer = producer
        self.settings = LanePart(kafka=kafka.bootstrap, prefix=kafka.prefix)
        self.fetcher = Fetcher(self.settings, "fetcher", request_timeout_ms=20_000)

    def __getitem__(self, partition: int) -> TopicPartition:
        return TopicPartition(self.topic, partition)

    async def publish(self, *values: bytes, partition: int = HERE) -> None:
        for value in values:
            await self.producer.send_and_wait(self.topic, value, partition=partition)

    async def delete_before(self, offset: int) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await admin.delete_records({self[HERE]: RecordsToDelete(before_offset=offset)})
        finally:
            await admin.close()

    async def take(self, until: Callable[[Values], bool], partition: int = HERE) -> Values:
        """Takes values until there are enough."""
        values: Values = []
        async with asyncio.timeout(30):
            while not until(values):
                await self.fetcher.gather([self[partition]], SOON_S)
                fetch_buffer = self.fetcher.fetch_buffer(self[partition])
                while fetch_buffer:
                    values += [record.value for record in fetch_buffer.take(10)]
        return values


def count(wanted: int) -> Callable[[Values], bool]:
    return lambda values: len(values) >= wanted


async def test_cancelling_while_connecting_leaves_no_connection_open(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[AIOKafkaConnection] = []
    send, is_asked = AIOKafkaConnection.send, asyncio.Event()

    def noted(self: AIOKafkaConnection, request: object, expect_response: bool = True) -> object:
        if isinstance(request, MetadataRequest):
            asked.append(self)
            is_asked.set()
        return send(self, request, expect_response)

    monkeypatch.setattr(AIOKafkaConnection, "send", noted)

    fetcher = Fetcher(LanePart(kafka=kafka.bootstrap), "fetcher", request_timeout_ms=20_000)
    starting = asyncio.create_task(fetcher.start())
    await asyncio.wait_for(is_asked.wait(), 20)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await fetcher.close()
    assert [connection.connected() for connection in asked] == [False]


@pytest.fixture
async def place(kafka: Kafka) -> AsyncIterator[Place]:
    await apply(kafka.settings, [Topics(kafka.prefix).tier("small")])
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, max_request_size=8_000_000)
    await producer.start()
    made = Place(kafka, producer)
    await made.fetcher.start()
    await made.fetcher.set_topics([made.topic])
    made.fetcher.seek(made[HERE], 0)
    made.fetcher.seek(made[THERE], 0)
    yield made
    await made.fetcher.close()
    await producer.stop()


async def test_records_are_returned_in_order_followed_by_new_ones(place: Place) -> None:
    await place.publish(b"a", b"b")
    assert await place.take(count(2)) == [b"a", b"b"]
    await place.publish(b"c")
    assert await place.take(count(1)) == [b"c"]
    assert (place.fetcher.next_offset(place[HERE]), place.fetcher.unread(place[HERE])) == (3, 0)


async def test_other_questions_are_answered_while_a_fetch_waits_for_records(place: Place) -> None:
    place.fetcher._longest_wait_ms = 10_000
    fetching = asyncio.create_task(place.fetcher.gather([place[HERE]], 10))
    async with asyncio.timeout(30):
        while not any(connection._requests for connection in place.fetcher.client._conns.values()):  # noqa: ASYNC110
            await asyncio.sleep(0)
        (asking,) = place.fetcher._requests.values()
        assert await place.fetcher.partitions.first((place.topic, HERE)) == 0
        assert not asking.done()
        await place.publish(b"a")
        await fetching


async def test_uncommitted_records_and_markers_are_skipped(kafka: Kafka, place: Place) -> None:
    writer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=kafka.prefix)
    await writer.start()
    try:
        for value, end in ((b"aborted", writer.abort_transaction), (b"committed", writer.commit_transaction)):
            await writer.begin_transaction()
            await writer.send_and_wait(place.topic, value, partition=HERE)
            await place.publish(b"beside " + value)
            await end()
    finally:
        await writer.stop()
    assert await place.take(count(3)) == [b"beside aborted", b"committed", b"beside committed"]
    async with asyncio.timeout(30):
        while place.fetcher.next_offset(place[HERE]) != 6:
            await place.fetcher.gather([place[HERE]], SOON_S)
    assert place.fetcher.unread(place[HERE]) == 0


async def test_an_open_transaction_blocks_records_after_it(kafka: Kafka, place: Place) -> None:
    writer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=kafka.prefix)
    await writer.start()
    try:
        await writer.begin_transaction()
        await writer.send_and_wait(place.topic, b"under way", partition=HERE)
        await place.publish(b"behind")
        await place.publish(b"elsewhere", partition=THERE)
        assert await place.take(count(1), THERE) == [b"elsewhere"]
        for _ in range(3):
            await place.fetcher.gather([place[HERE]], SOON_S)
        assert not place.fetcher.fetch_buffer(place[HERE])
        assert place.fetcher.unread(place[HERE]) == 2
        await writer.commit_transaction()
    finally:
        await writer.stop()
    assert await place.take(count(2)) == [b"under way", b"behind"]


async def test_a_partition_with_a_full_buffer_does_not_block_others(place: Place) -> None:
    await place.publish(b"stays")
    async with asyncio.timeout(30):
        while not place.fetcher.fetch_buffer(place[HERE]):
            await place.fetcher.gather([place[HERE]], SOON_S)
    for number in range(5):
        await place.publish(b"%d" % number, partition=THERE)
        await place.publish(b"is not asked for", partition=HERE)
        both = [place[HERE], place[THERE]]
        async with asyncio.timeout(30):
            while not place.fetcher.fetch_buffer(place[THERE]):
                await place.fetcher.gather(both, SOON_S)
        assert [record.value for record in place.fetcher.fetch_buffer(place[THERE]).take(9)] == [
            b"%d" % number
        ]
    assert [record.value for record in place.fetcher.fetch_buffer(place[HERE]).take(9)] == [b"stays"]


async def test_records_for_an_old_position_are_discarded(place: Place) -> None:
    """The old position is before or after the new one."""
    await place.publish(b"a", b"b")
    await place.fetcher.gather([place[HERE]], 0)  # the request is in flight
    place.fetcher.seek(place[HERE], 1)
    assert await place.take(count(1)) == [b"b"]
    place.fetcher.seek(place[HERE], 1)
    await place.fetcher.gather([place[HERE]], 0)
    place.fetcher.seek(place[HERE], 0)
    assert await place.take(count(2)) == [b"a", b"b"]


async def test_a_partition_without_a_lane_is_removed(place: Place) -> None:
    await place.publish(b"a")
    await place.fetcher.gather([place[HERE]], 0)
    place.fetcher.forget(place[HERE])
    await place.fetcher.gather([place[HERE], place[THERE]], SOON_S)
    with pytest.raises(KeyError):
        place.fetcher.fetch_buffer(place[HERE])


async def test_buffered_records_count_as_unread(place: Place) -> None:
    await place.publish(b"a", b"b")
    async with asyncio.timeout(30):
        while place.fetcher.unread(place[HERE]) < 2:
            await place.fetcher.gather([place[HERE]], SOON_S)
    assert len(place.fetcher.fetch_buffer(place[HERE]).take(1)) == 1
    assert place.fetcher.unread(place[HERE]) == 1
    place.fetcher.forget_others([place[THERE]])
    assert (place.fetcher.unread(place[HERE]), place.fetcher.unread(place[THERE])) == (0, 0)


async def test_a_record_larger_than_the_fetch_limit_is_returned(place: Place) -> None:
    """Only the first partition of a request may exceed its limit, so each comes first in turn."""
    large = [os.urandom(3_000_000) for _ in range(2)]
    for partition, value in enumerate(large):
        await place.publish(value, partition=partition)
    received: dict[TopicPartition, Values] = {place[HERE]: [], place[THERE]: []}
    turn = [place[HERE], place[THERE]]
    async with asyncio.timeout(30):
        while not all(received.values()):
            await place.fetcher.gather(turn, SOON_S)
            turn.reverse()
            for tp, values in received.items():
                values += [record.value for record in place.fetcher.fetch_buffer(tp).take(9)]
    assert list(received.values()) == [[large[0]], [large[1]]]


async def test_it_continues_after_deleted_records_and_reports_them(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    await place.publish(b"a", b"b", b"c")
    await place.delete_before(2)
    assert await place.take(count(1)) == [b"c"]
    (entry,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert entry.getMessage() == Event.OFFSET_GONE


async def test_it_waits_at_an_offset_beyond_the_end(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """Starting from the beginning would repeat all work."""
    await place.publish(b"a")
    place.fetcher.seek(place[HERE], 2)
    for _ in range(4):
        await place.fetcher.gather([place[HERE]], SOON_S)
    (entry,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert entry.getMessage() == Event.OFFSET_MISSING
    await place.publish(b"b", b"c")
    assert await place.take(count(1)) == [b"c"]


async def test_a_topic_created_later_is_found(kafka: Kafka) -> None:
    topic = Topics(kafka.prefix).tier("medium")
    place = TopicPartition(topic.name, 0)

    fetcher = Fetcher(LanePart(kafka=kafka.bootstrap), "fetcher", request_timeout_ms=20_000)
    await fetcher.start()
    await fetcher.set_topics([topic.name])
    try:
        fetcher.seek(place, 0)
        await fetcher.gather([place], SOON_S)
        await apply(kafka.settings, [topic])
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            await producer.send_and_wait(topic.name, b"a", partition=0)
        async with asyncio.timeout(30):
            while not fetcher.fetch_buffer(place):
                await fetcher.gather([place], SOON_S)
    finally:
        await fetcher.close()


async def test_a_corrupt_batch_is_an_error(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise CorruptRecordException("broken")

    monkeypatch.setattr(module, "read_batches", broken)
    await place.publish(b"a")
    with pytest.raises(CorruptRecordException):
        await place.take(count(1))


async def test_closing_does_not_wait_for_the_broker(place: Place) -> None:
    await place.fetcher.gather([place[HERE]], 0)
    async with asyncio.timeout(5):
        await place.fetcher.close()
