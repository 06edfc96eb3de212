"""Random changes in every column, of every kind in docs/audit-integrity.md, are all detected.

`POINTSMAN_TAMPERINGS=1000 POINTSMAN_TAMPERING_SEED=7` draws more and different ones.
"""

import os
import random
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from pointsman.audit.checkpointer import published, signed
from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.records import Incoming
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.chain import genesis
from pointsman.store.append.lanes import Head, Move
from pointsman.store.append.row import Row
from pointsman.store.connect import Pool
from pointsman.store.privacy.erasing import erase
from pointsman.store.verify.findings import VerifyReport, Wrong
from pointsman.store.verify.marks import add_checkpoint
from pointsman.store.verify.summaries import counted, fact_of
from pointsman.store.verify.verify import Scope, verify_on
from pointsman_schemas.control.checkpoints import ChapterMet, CheckpointSigned, OffsetsLost
from tests.support.bus.example_records import TOPICS, story
from tests.support.store.audit_store import as_eraser, audit_pool, observer, prepare, put, row
from tests.support.store.integrity import KEY, START, drop, rechain_on
from tests.support.store.privacy import MASTER, SUBJECT, private_sink, store, telling
from tests.support.store.tampering import Tamperer, Tampering

pytestmark = pytest.mark.stack

COUNT = int(os.environ.get("POINTSMAN_TAMPERINGS", "200"))
SEED = int(os.environ.get("POINTSMAN_TAMPERING_SEED", "1"))
DAY = timedelta(days=1)
CHAPTERS = {
    topic.name: ("a-cluster", UUID(int=number))
    for number, topic in enumerate([TOPICS.intake, TOPICS.calls], 1)
}


class NothingChangedError(Exception):
    """The change had no effect: there was nothing to change, or Postgres refused it."""


async def filled(dsn: str) -> list[bytes]:
    """A database with rows in every table, and its checkpoints as on Kafka."""
    async with audit_pool(dsn) as pool:
        writer = AuditWriter(pool, clock=lambda: START)
        await put(writer, [row(offset, topic="old", broker_at=START - 3 * DAY) for offset in range(4)])
        for number in range(12):
            records = story(number, START + number * DAY / 8)
            await put(writer, [row_of(record, TOPICS) for record in records])
        sealed = [about(offset, who) for offset, who in enumerate((SUBJECT, "other", SUBJECT, "third"), 100)]
        async with private_sink(dsn) as sink:
            await store(sink, sealed, first=12)
        assert await erase(as_eraser(dsn), MASTER, SUBJECT)
        await drop(dsn, (START - 2 * DAY).date())
        await writer.chapters(CHAPTERS)
        await writer.record_loss(("old", 0), Move(4, 9))
        first = await sign_all(dsn, pool, writer.events)
        again = AuditWriter(pool, clock=lambda: START)
        await put(again, [row_of(as_record(0, first), TOPICS)])
        second = await sign_all(dsn, pool)
        await put(again, [row_of(as_record(1, second), TOPICS)])
    return [first, second]


def about(offset: int, subject: str) -> Incoming:
    return telling(offset, metadata={"data_subject": subject})


def as_record(offset: int, message: bytes) -> Incoming:
    """The checkpoint as read from Kafka."""
    sent = published(TOPICS, CheckpointSigned.model_validate_json(message), message)
    stamp = int(START.timestamp() * 1000)
    return Incoming(sent.topic, 0, offset, stamp, sent.key, sent.value, tuple(sent.headers))


async def sign_all(dsn: str, pool: Pool, events: Collection[ChapterMet | OffsetsLost] = ()) -> bytes:
    """Signs a checkpoint of all lanes."""
    async with observer(dsn) as connection:
        rows = await connection.fetch("select * from audit.lane")
    heads = {
        (lane["topic"], lane["partition"]): Head(
            lane["chain"] or genesis(lane["topic"], lane["partition"], 0),
            lane["rows"],
            0,
            lane["next_offset"],
        )
        for lane in rows
    }
    _, message = await add_checkpoint(
        pool, lambda number, before: signed(KEY, number, before, heads, START, events=events)
    )
    return message


async def apply(connection: asyncpg.Connection, tampering: Tampering) -> None:
    """Applies the change. Raises NothingChangedError."""
    try:
        async with connection.transaction():
            for statement in tampering.statements:
                done = await connection.execute(statement)
                if done.split(" ")[0] in ("UPDATE", "DELETE", "INSERT") and done.endswith(" 0"):
                    raise NothingChangedError(statement)
    except asyncpg.PostgresError as error:
        raise NothingChangedError(str(error)) from error


async def rewrite(connection: asyncpg.Connection, chance: random.Random) -> str:
    """Changes a row, recomputes the chain after it, and deletes checkpoints."""
    lanes = [tuple(lane_row) for lane_row in await connection.fetch(
        "select topic, partition from audit.message group by 1, 2 order by 1, 2")]  # fmt: skip
    lane = chance.choice([lane for lane in lanes if lane[0] != TOPICS.checkpoints.name])
    offsets = await connection.fetch(
        'select "offset" from audit.message where topic = $1 and partition = $2 order by 1', *lane
    )
    offset = chance.choice(offsets)[0]

    def changed(stored_row: Row) -> Row:
        return stored_row._replace(agent_id="nobody") if stored_row.offset == offset else stored_row

    await rechain_on(connection, changed, lane)
    which = chance.choice(["true", "number = (select max(number) from audit.checkpoint)", "false"])
    await connection.execute(f"delete from audit.checkpoint where {which}")
    return f"{lane[0]}@{offset} chained anew, checkpoints gone where {which}"


@asynccontextmanager
async def tampered(
    connection: asyncpg.Connection, tamperer: Tamperer, chance: random.Random
) -> AsyncIterator[str]:
    """The database with one change, which is undone afterwards."""
    transaction = connection.transaction(isolation="repeatable_read")
    await transaction.start()
    try:
        yield await change(connection, tamperer, chance)
    finally:
        await transaction.rollback()


async def change(connection: asyncpg.Connection, tamperer: Tamperer, chance: random.Random) -> str:
    """Makes one change. Returns its description."""
    if chance.random() < 0.06:
        return await rewrite(connection, chance)
    while True:
        drawn = tamperer.draw()
        with suppress(NothingChangedError):
            await apply(connection, drawn)
            return drawn.said


async def look(connection: asyncpg.Connection, published: list[bytes]) -> VerifyReport:
    return await verify_on(connection, Scope(), KEY.public, published)


async def test_every_column_of_a_summary_is_verified(database: str) -> None:
    await prepare(database)
    async with observer(database) as connection:
        columns = await connection.fetch(
            "select column_name as name from information_schema.columns"
            " where table_schema = 'audit' and table_name = 'job'"
        )
    fact = fact_of(row_of(story(0, START)[0], TOPICS), None)
    covered = {name for group in counted([fact]) for name in group}
    assert {column["name"] for column in columns} == {"job_id", *covered}


@pytest.mark.slow
@pytest.mark.timeout(300 + 2 * COUNT)
async def test_every_tampering_is_found(database: str) -> None:
    checkpoints = await filled(database)
    connection = await asyncpg.connect(database, statement_cache_size=0)
    try:
        untouched = await look(connection, checkpoints)
        assert [finding.wrong for finding in untouched.findings] == [Wrong.LOST]
        assert (untouched.rows > 50, untouched.jobs > 12) == (True, True)
        tamperer = await Tamperer.of(connection, SEED)
        chance = random.Random(SEED)
        missed, kinds = [], set()
        for _ in range(COUNT):
            async with tampered(connection, tamperer, chance) as done:
                report = await look(connection, checkpoints)
                new = [finding for finding in report.findings if finding not in untouched.findings]
                kinds |= {finding.wrong for finding in new}
                if not new:
                    missed.append(done)
        assert missed == []
        assert len(kinds) > 6, kinds
        assert (await look(connection, checkpoints)).findings == untouched.findings
    finally:
        await connection.close()
