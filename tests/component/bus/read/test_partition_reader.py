"""Reading a group's partitions outside the group misses nothing that a caller waits for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.records import Incoming, Unread
from pointsman.bus.consume.group_member import consumer_of
from pointsman.bus.consume.watchdog import StalledError, Watchdog
from pointsman.bus.errors import KafkaUnavailableError
from pointsman.bus.read.partition_reader import PartitionReader
from pointsman.bus.settings import LanePart
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.bus.bombs import bomb
from tests.support.bus.raw_produce import produce_raw
from tests.support.bus.record_log import ZSTD, Log

pytestmark = pytest.mark.stack

LONG_S = 40
PARTITIONS = 6


class Place:
    """Two topics with the same number of partitions, and readers of one group."""

    def __init__(self, kafka: Kafka, producer: AIOKafkaProducer) -> None:
        topics = Topics(kafka.prefix)
        self.settings = LanePart(kafka=kafka.bootstrap, prefix=kafka.prefix, session_timeout_ms=6_000)
        self.results, self.chunks = topics.results.name, topics.chunks.name
        self._producer = producer

    async def publish(self, topic: str, number: int, *values: bytes) -> None:
        for value in values:
            await self._producer.send_and_wait(topic, value, partition=number)

    @asynccontextmanager
    async def reading(self, group: str = "g") -> AsyncIterator["Reading"]:
        reading = Reading(self, group)
        task = asyncio.create_task(reading.reader.run())
        try:
            yield reading
        finally:
            reading.reader.stop()
            await asyncio.wait_for(task, LONG_S)


class Reading:
    """A reader, the records it returned, and what a caller waits for."""

    def __init__(self, place: Place, group: str = "g") -> None:
        self.shown: list[Incoming] = []
        self.needed: set[int] = set()
        self.reader = PartitionReader(
            place.settings, group, [place.results, place.chunks], self.shown.append, lambda: self.needed
        )

    @property
    def values(self) -> list[bytes | None]:
        return [record.value for record in self.shown]

    async def until_shown(self, *values: bytes) -> None:
        await until(lambda: set(values) <= set(self.values))


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not happened():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def shared_out(readings: Sequence[Reading]) -> bool:
    owned = [number for reading in readings for number in reading.reader.owned]
    return sorted(owned) == list(range(PARTITIONS)) and all(reading.reader.owned for reading in readings)


@pytest.fixture
async def place(kafka: Kafka) -> AsyncIterator[Place]:
    topics = Topics(kafka.prefix)
    made = [replace(topic, partitions=PARTITIONS) for topic in (topics.results, topics.chunks)]
    await apply(kafka.settings, made)
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, max_request_size=2_000_000) as producer:
        yield Place(kafka, producer)


async def test_each_partition_has_one_reader_and_a_former_one_reads_it_while_needed(place: Place) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(place.reading())
        await until(lambda: shared_out([first]))
        first.needed = set(range(PARTITIONS))
        second = await stack.enter_async_context(place.reading())
        await until(lambda: shared_out([first, second]))
        await asyncio.gather(*(place.publish(place.results, n, b"a%d" % n) for n in range(PARTITIONS)))
        await first.until_shown(*(b"a%d" % n for n in range(PARTITIONS)))
        theirs = second.reader.owned
        await second.until_shown(*(b"a%d" % n for n in theirs))
        assert {record.partition for record in second.shown} == theirs

        first.needed = set()
        await until(lambda: first.reader._next.keys() == {(t, n) for t in (place.results, place.chunks)
                                                          for n in first.reader.owned})  # fmt: skip
        await asyncio.gather(*(place.publish(place.chunks, n, b"b%d" % n) for n in range(PARTITIONS)))
        await first.until_shown(*(b"b%d" % n for n in first.reader.owned))
        await second.until_shown(*(b"b%d" % n for n in theirs))
        assert not {b"b%d" % n for n in theirs} & set(first.values)


async def test_records_written_after_a_partition_was_requested_are_returned(place: Place) -> None:
    async with place.reading() as first, place.reading() as second:
        await until(lambda: shared_out([first, second]))
        # It reads partitions that it just lost until its next iteration.
        await until(lambda: {number for _, number in first.reader._next} == first.reader.owned)
        for number in sorted(second.reader.owned):
            await place.publish(place.results, number, b"before")
            first.needed.add(number)
            await asyncio.gather(*(first.reader.read_too(number) for _ in range(3)))
            await place.publish(place.results, number, b"r%d" % number)
            await place.publish(place.chunks, number, b"c%d" % number)
        await first.until_shown(*(b"%s%d" % (k, n) for k in (b"r", b"c") for n in second.reader.owned))
        assert b"before" not in first.values
        assert len(first.values) == len(set(first.values))


async def test_reading_does_not_wait_for_an_unresponsive_member(place: Place) -> None:
    """A killed member stays in the group until its session times out."""
    silent, listener = consumer_of(place.settings, "g"), Silent()
    silent.subscribe([place.results], listener=listener)
    await silent.start()
    async with place.reading() as reading:
        await until(lambda: reading.reader.problem is None)
        assert not reading.reader.owned
        reading.needed.add(3)
        await reading.reader.read_too(3)
        await place.publish(place.results, 3, b"answer")
        await reading.until_shown(b"answer")
        await until(lambda: shared_out([reading]))
        listener.over.set()
        await silent.stop()


async def test_stopping_during_a_rebalance_leaves_the_group_at_once(place: Place) -> None:
    silent, listener = (
        consumer_of(place.settings.model_copy(update={"session_timeout_ms": 60_000}), "s"),
        Silent(),
    )
    silent.subscribe([place.results], listener=listener)
    await silent.start()
    async with place.reading(group="s"):
        while await member_count(place, "s") != 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert await member_count(place, "s") == 1
    listener.over.set()
    await silent.stop()


async def member_count(place: Place, group: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=place.settings.kafka)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([group])
    finally:
        await admin.close()
    ((_, _, _, _, _, members, *_),) = answer.groups
    return len(members)


class Silent(ConsumerRebalanceListener):  # type: ignore[misc]
    """A member that joins, and does not rejoin in a rebalance."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if revoked:
            await self.over.wait()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        pass


async def test_without_a_connection_no_partition_counts_as_read(place: Place) -> None:
    reader = Reading(place).reader
    with pytest.raises(KafkaUnavailableError):
        await reader.read_too(0)
    with pytest.raises(KafkaUnavailableError):
        reader.number_of(b"x")
    assert reader.problem


async def test_a_broken_connection_loses_nothing_and_shows_nothing_twice(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, broken = Watchdog.look, asyncio.Event()

    async def breaks(self: Watchdog, positions: dict[TopicPartition, int]) -> None:
        if broken.is_set():
            broken.clear()
            raise StalledError("for a test")
        await look(self, positions)

    monkeypatch.setattr(Watchdog, "look", breaks)
    async with place.reading() as reading:
        await until(lambda: shared_out([reading]))
        sent = []
        for turn in range(40):
            if turn in (10, 25):
                broken.set()
            sent.append(b"%d" % turn)
            await place.publish(place.results, turn % PARTITIONS, sent[-1])
            if turn in (12, 27):
                await until(lambda: not broken.is_set())
        await reading.until_shown(*sent)
        assert sorted(reading.values) == sorted(sent)  # type: ignore[type-var]


async def test_retention_in_one_topic_takes_nothing_from_the_other_nor_what_is_left(place: Place) -> None:
    """Pieces of answers are deleted after minutes; the outcome must still be returned."""
    large = 700_000
    async with place.reading() as reading:
        await until(lambda: shared_out([reading]))
        outcomes = [b"%d" % n * large for n in range(4)]
        await place.publish(place.results, 0, *outcomes)
        await place.publish(place.chunks, 0, b"gone", b"gone too", b"left", b"last")
        await reading.until_shown(*outcomes, b"last")
        admin = AIOKafkaAdminClient(bootstrap_servers=place.settings.kafka)
        await admin.start()
        await admin.delete_records({TopicPartition(place.chunks, 0): RecordsToDelete(before_offset=2)})
        await admin.close()
        # Reset the reader as if nothing had been read yet.
        reading.shown.clear()
        member = reading.reader._member
        assert member is not None
        for topic in (place.results, place.chunks):
            reading.reader._next[topic, 0] = 0
            member.fetcher.seek(TopicPartition(topic, 0), 0)
        await reading.until_shown(*outcomes, b"left", b"last")
        await place.publish(place.chunks, 0, b"new")
        await reading.until_shown(b"new")


async def test_an_unreadable_record_does_not_stop_reading(place: Place) -> None:
    odd = Log()
    odd.add([b"before", b"odd"])
    odd.rename_header(b"\xff")
    broken = bomb(ZSTD, 300_000_000)
    async with place.reading() as reading:
        await until(lambda: shared_out([reading]))
        for topic in (place.results, place.chunks):
            for log in (odd, broken):
                await produce_raw(place.settings.kafka, (topic, 1), log.data)
            await place.publish(topic, 1, topic.encode())
        await reading.until_shown(place.results.encode(), place.chunks.encode())
        assert reading.values.count(b"odd") == 2
        assert sum(isinstance(record, Unread) for record in reading.shown) == 2


async def test_a_partition_requested_during_a_lookup_is_kept(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place.reading() as first, place.reading() as second:
        await until(lambda: shared_out([first, second]))
        number, locate, requested = min(second.reader.owned), first.reader._locate, asyncio.Event()

        async def asked_meanwhile(numbers: Sequence[int]) -> None:
            await locate(numbers)
            if not requested.is_set():
                requested.set()
                first.needed.add(number)
                await locate([number])
                await place.publish(place.results, number, b"at once")

        monkeypatch.setattr(first.reader, "_locate", asked_meanwhile)
        await asyncio.wait_for(requested.wait(), LONG_S)
        await first.until_shown(b"at once")
