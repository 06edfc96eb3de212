"""Lanes whose records are deleted before they are read, and lanes of a recreated topic."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from pointsman.bus.admin.committed import committed_offsets
from pointsman.bus.admin.topic_seed import TopicMark, topic_mark, unmark
from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.batch_lane import batch_lanes
from pointsman.bus.consume.failing import Failing
from pointsman.bus.consume.lanes import Lanes
from pointsman.bus.consume.window_lane import window_lanes
from pointsman.bus.read.follow import Follower
from pointsman.bus.settings import LanePart
from pointsman.runtime.clock import utc_now
from pointsman.runtime.log_events import Event
from pointsman.runtime.metrics import LOST
from pointsman_schemas import dead
from pointsman_schemas.ids import derived_id
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.bus.sole_writer import SoleWriter

pytestmark = pytest.mark.stack

PARTITION = 2
LONG_S = 60


class Intake:
    """An intake with four partitions, of which one is used, and lanes that record what they get."""

    def __init__(self, kafka: Kafka, kind: str) -> None:
        self.settings = LanePart(kafka=kafka.bootstrap, prefix=kafka.prefix, session_timeout_ms=6_000)
        self.topics = Topics(kafka.prefix)
        self.topic: Topic = self.topics.intake
        self.lane = TopicPartition(self.topic.name, PARTITION)
        self.group = f"{kafka.prefix}.router"
        self.kind = kind
        self.took: list[tuple[bytes | None, str]] = []
        self.hold = asyncio.Event()
        self.hold.set()

    def lanes(self) -> Lanes:
        failing = Failing(self.topics, stage="test", source="test", clock=utc_now)
        where = (self.settings, self.group, self.topic.name)
        if self.kind == "batch":
            return batch_lanes(*where, lambda _: self, remembered=0, failing=failing)
        return window_lanes(*where, self.run_one, window=10, failing=failing)

    def remember_records(self, records: Sequence[Incoming]) -> None: ...
    def remember_batch(self, batch: RecordBatch) -> bool:
        return False

    def handle_batches(self, batches: Sequence[RecordBatch]) -> None: ...
    def fail(self, record: Incoming) -> list[Outgoing]:
        raise AssertionError

    def handle_records(self, records: Sequence[Incoming]) -> list[Any]:
        return [self.made_of(record) for record in records]

    async def run_one(self, record: Incoming) -> list[Outgoing]:
        await self.hold.wait()
        return [self.made_of(record)]

    def made_of(self, record: Incoming) -> Outgoing:
        self.took.append((record.value, str(derived_id(*record.root, "job"))))
        return Outgoing(self.topics.results.name, None, record.value, [])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Lanes]:
        lanes = self.lanes()
        task = asyncio.create_task(lanes.run())
        try:
            yield lanes
        finally:
            lanes.stop()
            await asyncio.wait_for(task, LONG_S)

    async def publish(self, *values: bytes) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.settings.kafka) as producer:
            for value in values:
                await producer.send_and_wait(self.topic.name, value, partition=PARTITION)

    async def until_took(self, *values: bytes) -> None:
        await until(lambda: {value for value, _ in self.took} >= set(values))

    def ids(self) -> list[str]:
        return [id for _, id in self.took]

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def delete_before(self, offset: int) -> None:
        async with self.admin() as admin:
            await admin.delete_records({self.lane: RecordsToDelete(before_offset=offset)})

    async def committed(self) -> tuple[int, str] | None:
        async with self.admin() as admin:
            offsets = await committed_offsets(admin, self.group)
        return offsets.get((self.topic.name, PARTITION))

    async def until_committed(self, offset: int) -> None:
        async with asyncio.timeout(LONG_S):
            while (await self.committed() or (0,))[0] != offset:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def make_anew(self) -> None:
        async with self.admin() as admin:
            await admin.delete_topics([self.topic.name])
            async with asyncio.timeout(LONG_S):
                while self.topic.name in await admin.list_topics():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        await apply(self.settings, [self.topic])

    async def letters(self) -> list[tuple[int | None, str]]:
        """For each dead letter about lost records: its origin, and the offset after the last lost record."""
        dead_letters: list[tuple[int | None, str]] = []
        async with Follower(
            self.settings, [self.topics.dead.name], start="beginning", until_end=True
        ) as follower:
            while not follower.ended:
                for record in await follower.read():
                    letter = dead.from_headers(dict(record.headers))
                    dead_letters.append(
                        (letter.lost_before, f"{letter.topic}/{letter.partition}@{letter.offset}")
                    )
        return dead_letters

    def lost(self) -> float:
        return float(LOST.labels(self.topic.name)._value.get())


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not happened():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.fixture(params=["batch", "window"])
async def intake(kafka: Kafka, request: pytest.FixtureRequest) -> Intake:
    made = Intake(kafka, request.param)
    await apply(kafka.settings, [made.topic, made.topics.results, made.topics.dead])
    return made


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    ours = [record for record in caplog.records if record.name.startswith("pointsman.")]
    return [entry.getMessage() for entry in ours if entry.levelname == "ERROR"]


async def test_records_deleted_unread_are_reported(intake: Intake, caplog: pytest.LogCaptureFixture) -> None:
    async with intake.running():
        await intake.publish(b"before")
        await intake.until_took(b"before")
        await intake.until_committed(1)
    await intake.publish(*(b"%d" % number for number in range(6)))
    await intake.delete_before(5)
    async with intake.running():
        await intake.until_took(b"4", b"5")
        await intake.until_committed(7)
    assert [value for value, _ in intake.took] == [b"before", b"4", b"5"]
    assert await intake.letters() == [(5, f"{intake.topic.name}/{PARTITION}@1")]
    assert intake.lost() == 4
    (event,) = errors(caplog)
    assert event == Event.RECORDS_LOST
    async with intake.running():
        await intake.publish(b"after")
        await intake.until_took(b"after")
    assert len(await intake.letters()) == 1


async def test_records_deleted_while_a_lane_was_full_are_reported(kafka: Kafka) -> None:
    """Calls in flight finish, and their records do not count as lost."""
    intake = Intake(kafka, "window")
    await apply(kafka.settings, [intake.topic, intake.topics.results, intake.topics.dead])
    intake.hold.clear()
    async with intake.running() as lanes:
        await until(lambda: lanes.ready and len(lanes._lanes) == 4)
        await intake.publish(*(b"%d" % number for number in range(20)))
        lane = lanes._lanes[intake.lane]
        await until(lambda: not lane.has_room)
        read_to = lane.position
        member = lanes._member
        assert member is not None
        member.fetcher.seek(intake.lane, read_to, lanes._writers[intake.lane].mark)  # drops its buffer
        await intake.publish(*(b"%d" % number for number in range(20, 30)))
        await intake.delete_before(26)
        intake.hold.set()
        await intake.until_took(b"29")
        await intake.until_committed(30)
    took = {int(value or b"") for value, _ in intake.took}
    assert took == {*range(read_to), *range(26, 30)}
    assert await intake.letters() == [(26, f"{intake.topic.name}/{PARTITION}@{read_to}")]


async def test_deleted_transaction_markers_are_not_a_loss(
    intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    """Deleting the transaction marker after the last record loses nothing."""
    async with (
        AIOKafkaProducer(bootstrap_servers=intake.settings.kafka, transactional_id=intake.group) as sends,
        sends.transaction(),
    ):
        await sends.send(intake.topic.name, b"a", partition=PARTITION)
    async with intake.running():
        await intake.until_took(b"a")
        await intake.until_committed(2)
    await intake.delete_before(2)
    async with intake.running():
        await intake.publish(b"b")
        await intake.until_took(b"b")
    assert (await intake.letters(), intake.lost(), errors(caplog)) == ([], 0, [])


async def test_a_topic_recreated_under_a_running_lane_is_read_from_its_beginning_with_other_ids(
    intake: Intake,
) -> None:
    async with intake.running():
        await intake.publish(b"0", b"1", b"2")
        await intake.until_took(b"0", b"1", b"2")
        await intake.until_committed(3)
        await intake.make_anew()
        await intake.publish(b"new 0", b"new 1", b"new 2", b"new 3", b"new 4")
        await intake.until_took(b"new 0", b"new 1", b"new 2", b"new 3", b"new 4")
    assert len(set(intake.ids())) == len(intake.took) == 8


async def test_a_position_in_a_deleted_topic_is_ignored(intake: Intake) -> None:
    """A process can commit a position of the deleted topic after the topic was recreated."""
    async with intake.running():
        await intake.publish(b"0", b"1", b"2")
        await intake.until_took(b"0", b"1", b"2")
        await intake.until_committed(3)
    before = unmark((await intake.committed() or (0, ""))[1])[0]
    await intake.make_anew()
    late = await SoleWriter.open(intake.settings, intake.group, intake.lane)
    late.mark = before
    await late.write([], 3)
    await late.close()
    await intake.publish(b"new 0", b"new 1", b"new 2", b"new 3")
    async with intake.running():
        await intake.until_took(b"new 0", b"new 3")
        await intake.until_committed(4)
    assert len(set(intake.ids())) == len(intake.took) == 7


async def test_ids_stay_the_same_in_a_topic_that_an_older_version_read(
    intake: Intake,
) -> None:
    writer = await SoleWriter.open(intake.settings, intake.group, intake.lane)
    await writer.write([], 0)  # a commit without the topic's id, as by older versions
    await writer.close()
    await intake.publish(b"0", b"1")
    async with intake.running():
        await intake.until_took(b"0", b"1")
        await intake.until_committed(2)
    async with intake.running():
        await intake.publish(b"2")
        await intake.until_took(b"2")
        await intake.until_committed(3)
    by_name = [str(derived_id(intake.topic.name, PARTITION, offset, "job")) for offset in range(3)]
    assert intake.ids() == by_name
    await intake.make_anew()
    async with intake.running():
        await intake.publish(b"new")
        await intake.until_took(b"new")
    assert intake.ids()[-1] not in by_name


async def test_a_reader_of_positions_gets_the_same_result_as_the_lanes(intake: Intake) -> None:
    async with intake.running():
        await intake.publish(b"0")
        await intake.until_took(b"0")
        await intake.until_committed(1)
    (written, _) = unmark((await intake.committed() or (0, ""))[1])
    assert written is not None
    async with intake.admin() as admin:
        assert await topic_mark(admin, intake.group, intake.topic.name, written.topic) == written
        other = UUID(int=7)
        assert await topic_mark(admin, intake.group, intake.topic.name, other) == TopicMark(other, False)
    assert intake.ids() == [str(derived_id(written.seed(intake.topic.name), PARTITION, 0, "job"))]
