"""The audit service signs checkpoints and writes the same bytes to Postgres and to Kafka."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from pointsman.audit.checkpointer import Checkpointer
from pointsman.audit.settings import AuditSettings
from pointsman.bus.admin.topics import apply
from pointsman.bus.read.follow import follow
from pointsman.store.append.audit_writer import AuditWriter
from pointsman_schemas.control.checkpoints import CheckpointSigned
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.store.audit_store import as_auditor, audit_pool, observer, put, rows
from tests.support.store.integrity import KEY

pytestmark = pytest.mark.stack


@asynccontextmanager
async def checkpointer(
    database: str, kafka: Kafka, **settings: float
) -> AsyncIterator[tuple[AuditWriter, Checkpointer]]:
    given = AuditSettings(kafka=kafka.bootstrap, prefix=kafka.prefix, **settings)  # type: ignore[arg-type]
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool)
        yield writer, Checkpointer(writer, pool, KEY, given, lambda: datetime.now(UTC))


async def stored(database: str) -> list[bytes]:
    async with observer(as_auditor(database)) as connection:
        stored_rows = await connection.fetch("select message from audit.checkpoint order by number")
    return [row["message"] for row in stored_rows]


async def on_the_bus(kafka: Kafka) -> list[bytes | None]:
    reading = follow(
        kafka.settings, [Topics(kafka.prefix).checkpoints.name], start="beginning", until_end=True
    )
    return [record.value async for record in reading]


async def test_it_signs_lanes_with_new_rows(database: str, kafka: Kafka) -> None:
    await apply(kafka.settings, [Topics(kafka.prefix).checkpoints])
    async with checkpointer(database, kafka) as (writer, checkpoints):
        await checkpoints.make()
        await put(writer, rows(0, 3) + rows(0, 2, partition=1))
        await checkpoints.make()
        await checkpoints.make()
        await put(writer, rows(3, 4))
        await checkpoints.make()
    messages = await stored(database)
    first, second = map(CheckpointSigned.model_validate_json, messages)
    assert [(lane.partition, lane.next_offset, lane.rows) for lane in first.lanes] == [(0, 3, 3), (1, 2, 2)]
    assert [(lane.partition, lane.next_offset, lane.rows) for lane in second.lanes] == [(0, 4, 4)]
    assert KEY.public.signed(first)
    assert KEY.public.signed(second)
    assert await on_the_bus(kafka) == messages


async def test_its_own_checkpoints_do_not_cause_new_ones(database: str, kafka: Kafka) -> None:
    topic = Topics(kafka.prefix).checkpoints
    await apply(kafka.settings, [topic])
    async with checkpointer(database, kafka) as (writer, checkpoints):
        await put(writer, rows(0, 3))
        await checkpoints.make()
        await put(writer, rows(0, 1, topic=topic.name))
        await checkpoints.make()
        assert len(await stored(database)) == 1
        await put(writer, rows(3, 4))
        await checkpoints.make()
    last = CheckpointSigned.model_validate_json((await stored(database))[-1])
    assert {lane.topic for lane in last.lanes} == {"t", topic.name}


async def test_without_the_topic_it_is_stored_and_published_later(database: str, kafka: Kafka) -> None:
    async with checkpointer(database, kafka) as (writer, checkpoints):
        await put(writer, rows(0, 3))
        await checkpoints.make()
        assert len(await stored(database)) == 1
        await apply(kafka.settings, [Topics(kafka.prefix).checkpoints])
        await checkpoints.make()
    assert await on_the_bus(kafka) == await stored(database)


async def test_several_processes_take_turns(database: str, kafka: Kafka) -> None:
    await apply(kafka.settings, [Topics(kafka.prefix).checkpoints])
    async with audit_pool(database, size=8) as pool:
        given = AuditSettings(kafka=kafka.bootstrap, prefix=kafka.prefix)
        writers = [AuditWriter(pool) for _ in range(6)]
        for lane, writer in enumerate(writers):
            await put(writer, rows(0, 2, partition=lane))
        all_of_them = [
            Checkpointer(writer, pool, KEY, given, lambda: datetime.now(UTC)) for writer in writers
        ]
        await asyncio.gather(*(maker.make() for maker in all_of_them))
    numbers = [CheckpointSigned.model_validate_json(message).number for message in await stored(database)]
    assert numbers == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("settings", [{"checkpoint_s": 0.01}, {"checkpoint_s": 3600, "checkpoint_rows": 3}])
async def test_it_signs_after_a_time_or_a_number_of_rows(
    database: str, kafka: Kafka, settings: dict[str, float]
) -> None:
    await apply(kafka.settings, [Topics(kafka.prefix).checkpoints])
    async with checkpointer(database, kafka, **settings) as (writer, checkpoints):
        working = asyncio.create_task(checkpoints.run())
        await put(writer, rows(0, 3))
        async with asyncio.timeout(30):
            while not await stored(database):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        working.cancel()
        await asyncio.wait([working])
