"""State lanes on a real broker: each record counts once, and a new owner waits for the old one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from pointsman.bus.admin.committed import committed_offsets
from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.records import Incoming
from pointsman.bus.consume.group_member import group_member
from pointsman.bus.consume.lanes import Lanes
from pointsman.bus.consume.state.handler import Effects
from pointsman.bus.read.follow import follow
from pointsman.bus.settings import LanePart
from pointsman.runtime.log_events import Event
from pointsman.runtime.metrics import STATE_BYTES, STATE_ENTRIES
from pointsman_schemas import dead
from tests.conftest import Kafka
from tests.support.bus.counting import HUGE, POISON, Counting, CountingHandler

pytestmark = pytest.mark.stack

LONG_S = 60
P = 2


class Still(CountingHandler):
    """A handler that counts and has no timers."""

    def due(self, now: datetime, state: Mapping[bytes, bytes]) -> Effects:
        return Effects()


class Bus(Counting):
    """Writes all records to one partition, and reads the results."""

    def __init__(self, kafka: Kafka) -> None:
        super().__init__(kafka.prefix)
        self.settings = LanePart(
            kafka=kafka.bootstrap, prefix=kafka.prefix, session_timeout_ms=6_000, transaction_timeout_ms=5_000
        )

    @asynccontextmanager
    async def running(
        self, kind: type[CountingHandler] = Still, *, ready: bool = True
    ) -> AsyncIterator[Lanes]:
        lanes = self.lanes(self.settings, lambda partition: kind(self, partition))
        task = asyncio.create_task(lanes.run())
        try:
            if ready:
                await until(lambda: lanes.ready)
            yield lanes
        finally:
            lanes.stop()
            await asyncio.wait_for(task, LONG_S)

    async def put(self, topic: str, *records: tuple[bytes, bytes | None], partition: int = P) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.settings.kafka) as producer:
            for key, value in records:
                await producer.send_and_wait(topic, value, key=key, partition=partition)

    async def read(self, topic: str) -> list[Incoming]:
        return [record async for record in follow(self.settings, [topic], start="beginning", until_end=True)]

    async def until_counted(self, *values: bytes) -> None:
        """Waits until exactly these counts are there."""
        records = await self.until_read(self.counts.name, len(values))
        assert sorted(record.value or b"" for record in records) == sorted(values)

    async def until_read(self, topic: str, count: int) -> list[Incoming]:
        async with asyncio.timeout(LONG_S):
            while len(records := await self.read(topic)) < count:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.05)
        return records

    @asynccontextmanager
    async def open_transaction(self) -> AsyncIterator[AIOKafkaProducer]:
        """A transaction of another owner on the changelog."""
        name = f"{self.prefix}.other"
        async with (
            AIOKafkaProducer(bootstrap_servers=self.settings.kafka, transactional_id=name) as other,
            other.transaction(),
        ):
            yield other

    async def positions(self) -> dict[tuple[str, int], int]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka)
        await admin.start()
        try:
            committed = await committed_offsets(admin, self.group)
        finally:
            await admin.close()
        return {place: offset for place, (offset, _) in committed.items()}


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not happened():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.fixture
async def bus(kafka: Kafka) -> Bus:
    made = Bus(kafka)
    await apply(made.settings, made.topics)
    return made


async def test_both_topics_are_counted_in_one_state_that_outlives_its_process(bus: Bus) -> None:
    async with bus.running():
        await bus.put(bus.asked.name, (b"a", b"1"), (b"b", b"2"))
        await bus.until_counted(b"1 1", b"1 2")
        await bus.put(bus.told.name, (b"a", b"3"))
        await bus.until_counted(b"1 1", b"1 2", b"2 3")
    async with bus.running():
        assert STATE_ENTRIES.labels(bus.changelog.name, P)._value.get() == 2
        assert STATE_BYTES.labels(bus.changelog.name, P)._value.get() == 4
        await bus.put(bus.told.name, (b"b", b"4"), (b"a", b"5"))
        await bus.until_counted(b"1 1", b"1 2", b"2 3", b"2 4", b"3 5")
    changes = await bus.read(bus.changelog.name)
    assert {change.partition for change in changes} == {P}  # that of its records, not of its key
    assert [(record.key, record.value) for record in changes] == [
        (b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"b", b"2"), (b"a", b"3"),
    ]  # fmt: skip


async def test_no_lane_is_ready_before_open_transactions_in_its_changelog_end(bus: Bus) -> None:
    """A transaction may end in the offsets topic before it ends in the changelog."""
    await bus.put(bus.changelog.name, (b"a", b"5"))
    async with bus.running(ready=False) as lanes:
        async with bus.open_transaction() as other:
            await other.send_and_wait(bus.changelog.name, b"7", key=b"a", partition=P)
            await bus.put(bus.asked.name, (b"a", b"1"))
            await bus.put(bus.told.name, (b"z", b"2"), partition=P + 1)
            await bus.until_counted(b"1 2")
            assert not lanes.ready
        await until(lambda: lanes.ready)
        await bus.until_counted(b"1 2", b"8 1")


async def test_a_failing_record_ends_alone_and_leaves_the_state_unchanged(bus: Bus) -> None:
    await bus.put(bus.asked.name, (b"a", b"1"), (b"a", POISON), (b"a", b"2"), (b"a", HUGE), (b"a", b"3"))
    async with bus.running():
        await bus.until_counted(b"1 1", b"2 2", b"3 3")
        await bus.put(bus.told.name, (b"a", POISON), (b"a", b"4"))
        await bus.until_counted(b"1 1", b"2 2", b"3 3", b"4 4")
    letters = [dead.from_headers(dict(record.headers)) for record in await bus.read(bus.dead.name)]
    assert [(letter.topic, letter.offset) for letter in letters] == [
        (bus.asked.name, 1), (bus.asked.name, 3), (bus.told.name, 0),
    ]  # fmt: skip


async def test_timers_write_without_moving_a_position(bus: Bus) -> None:
    await bus.put(bus.asked.name, (b"a", b"1"))
    async with bus.running():
        await bus.until_counted(b"1 1")
    before = await bus.positions()
    async with bus.running(CountingHandler):
        ticks = await bus.until_read(bus.ticks.name, 12)
    assert await bus.positions() | before == await bus.positions()
    for key in {tick.key for tick in ticks}:
        counts = [int(tick.value or b"0") for tick in ticks if tick.key == key]
        assert counts == list(range(1, len(counts) + 1))


async def test_the_state_is_restored_after_a_rebalance(bus: Bus) -> None:
    """Another owner may have changed the state without moving a position."""
    await bus.put(bus.asked.name, (b"a", b"1"))
    async with bus.running() as lanes:
        await bus.until_counted(b"1 1")
        async with bus.open_transaction() as other:
            await other.send_and_wait(bus.changelog.name, b"7", key=b"a", partition=P)
        passing = asyncio.Event()

        async def heard(owned: set[TopicPartition]) -> None:
            passing.set()

        async with group_member(bus.settings, bus.group, aligned=True) as member:
            await member.join(heard, topics=bus.inputs)
            await asyncio.wait_for(passing.wait(), LONG_S)
        await until(lambda: lanes.ready and len(lanes._lanes) == 8)
        await bus.put(bus.told.name, (b"a", b"2"))
        await bus.until_counted(b"1 1", b"8 2")


async def test_without_a_changelog_like_the_inputs_it_waits_and_says_what_to_do(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    bus = Bus(kafka)
    unequal = f"{bus.asked.name} has 4, {bus.told.name} has 4, {bus.changelog.name} has 2"
    await apply(bus.settings, [bus.asked, bus.told, bus.counts, bus.dead])

    def told(text: str) -> bool:
        failed = [entry for entry in caplog.records if entry.getMessage() == Event.LANE_FAILED]
        errors = [entry.__dict__["fields"]["error"] for entry in failed]
        return any(text in error and "pointsman topics apply" in error for error in errors)

    with caplog.at_level(logging.WARNING):
        async with bus.running(ready=False) as lanes:
            await until(lambda: told(f"not in Kafka: {bus.changelog.name}"))
            await apply(bus.settings, [replace(bus.changelog, partitions=2)])
            await until(lambda: told(unequal))
            assert not lanes.ready
            await apply(bus.settings, [bus.changelog])
            await until(lambda: lanes.ready)
