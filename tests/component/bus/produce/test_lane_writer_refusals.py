"""Records that a real broker refuses are identified one by one; the lane's other records are written."""

import os
from collections.abc import Iterable
from dataclasses import replace

import cramjam
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.encoded_batch import EncodedBatch
from pointsman.bus.codec.records import LARGEST_VALUE, Outgoing
from pointsman.bus.errors import RecordsRefusedError
from pointsman.bus.produce.batches import BATCH_BYTES
from pointsman.bus.produce.lane_writer import LaneWriter, Position
from pointsman_schemas.topics import Topics
from tests.component.bus.produce.test_lane_writer import TIERS, Intake, intake
from tests.conftest import Kafka

__all__ = ["intake"]

pytestmark = pytest.mark.stack

SMALL = 20_000


@pytest.fixture
async def tight(kafka: Kafka) -> Intake:
    """The small tier's topic accepts less than declared, as an operator may configure it."""
    topics = Topics(kafka.prefix)
    tight = [
        replace(topic, max_message_bytes=SMALL) if topic.name == topics.tier("small").name else topic
        for topic in topics.all(TIERS)
    ]
    await apply(kafka.settings, tight)
    return Intake(kafka.bootstrap, topics)


async def refused(writer: LaneWriter, records: Iterable[Outgoing | EncodedBatch]) -> RecordsRefusedError:
    with pytest.raises(RecordsRefusedError) as raised:
        await writer.write(records, 5)
    return raised.value


async def test_every_record_that_is_too_large_is_named_and_nothing_is_written(
    tight: Intake,
) -> None:
    small = [tight.record(b"%d" % number) for number in range(50)]
    large = [tight.record(os.urandom(size)) for size in (SMALL, 3 * SMALL, BATCH_BYTES + 1)]
    elsewhere = tight.record(os.urandom(3 * SMALL), "medium")
    records = [*small[:20], large[0], *small[20:40], large[1], large[2], elsewhere, *small[40:]]
    writer = await tight.writer()
    try:
        error = await refused(writer, records)
        assert {id(record) for record in error.records} == set(map(id, large))
        assert (await tight.read(), await tight.read("medium")) == ([], [])
        assert await tight.position(writer) == Position(None)
        await writer.write([*small, elsewhere], 7)
        assert await tight.read() == [record.value for record in small]
        assert await tight.read("medium") == [elsewhere.value]
        assert await tight.position(writer) == Position(7)
    finally:
        await writer.close()


async def test_a_transaction_without_any_accepted_record_is_aborted_too(tight: Intake) -> None:
    writer = await tight.writer()
    try:
        for _ in range(3):
            await refused(writer, [tight.record(os.urandom(SMALL))])
        await writer.write([tight.record(b"good")], 1)
        assert await tight.read() == [b"good"]
    finally:
        await writer.close()


async def test_records_that_fit_alone_are_written_even_if_their_batch_does_not_fit(tight: Intake) -> None:
    values = [os.urandom(SMALL // 4) for _ in range(40)]
    writer = await tight.writer()
    try:
        await writer.write([tight.record(value, partition=0) for value in values], 1)
        assert await tight.read() == values
    finally:
        await writer.close()


async def test_an_encoded_batch_that_is_too_large_is_split(tight: Intake) -> None:
    """A batch of the fast path is split into its records."""
    values = [os.urandom(size) for size in (SMALL // 2, SMALL // 2, 2 * SMALL, SMALL // 3)]
    topic = tight.topics.tier("small").name
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 30)
    for place, value in enumerate(values):
        builder.append(place, 1, b"key", value, [("ce_id", b"1")])
    content = bytes(cramjam.zstd.compress(bytes(builder.build())[61:]))
    writer = await tight.writer()
    try:
        error = await refused(writer, [EncodedBatch(topic, 1, len(values), content)])
        assert [record.value for record in error.records] == [values[2]]
        rest = [
            record
            for record in EncodedBatch(topic, 1, len(values), content).unpack()
            if record.value != values[2]
        ]
        await writer.write(rest, 1)
        assert await tight.read() == [values[0], values[1], values[3]]
    finally:
        await writer.close()


async def test_a_request_too_large_for_the_broker_is_not_sent(intake: Intake) -> None:
    writer = await intake.writer()
    try:
        huge, good = intake.record(bytes(LARGEST_VALUE + 1)), intake.record(b"good")
        error = await refused(writer, [good, huge])
        assert error.records == [huge]
        await writer.write([good], 1)
        assert await intake.read() == [b"good"]
    finally:
        await writer.close()
