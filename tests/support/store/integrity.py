"""Rows with chains and signed checkpoints, and a malicious database owner."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg

from pointsman.audit.checkpointer import signed
from pointsman.audit.records.rows import row_of
from pointsman.identity.keys import PrivateKey
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.chain import follow, genesis
from pointsman.store.append.lanes import StoredPartition
from pointsman.store.append.row import Row
from pointsman.store.connect import Pool
from pointsman.store.sql import query
from pointsman.store.verify.marks import add_checkpoint
from pointsman.store.verify.retain import days_before, drop_day, state_day
from pointsman.store.verify.walk import digest_of
from tests.support.bus.example_records import TOPICS, story
from tests.support.store.audit_store import as_auditor, audit_pool, observer, put

KEY = PrivateKey.parse("11" * 32)
START = datetime(2026, 3, 12, 9, tzinfo=UTC)
#: The lane that tests change, and its rows in SQL.
CALLS: StoredPartition = (TOPICS.calls.name, 0)
WHERE = f"where topic = '{CALLS[0]}' and partition = {CALLS[1]}"


async def sign(pool: Pool, writer: AuditWriter, key: PrivateKey = KEY) -> bytes:
    """A checkpoint of everything the writer has written; its bytes."""
    heads = dict(writer.heads)
    _, message = await add_checkpoint(pool, lambda number, before: signed(key, number, before, heads, START))
    return message


async def record(
    dsn: str, jobs: Sequence[int] = range(12), checkpoint_after: Sequence[int] = (5, 11)
) -> None:
    """Complete jobs a minute apart, each with its messages at one offset of four lanes; two checkpoints."""
    async with audit_pool(dsn) as pool:
        writer = AuditWriter(pool, clock=lambda: START)
        for job in jobs:
            records = story(job, START + timedelta(minutes=job))
            await put(writer, [row_of(record, TOPICS) for record in records])
            if job in checkpoint_after:
                await sign(pool, writer)


async def drop(dsn: str, until: date, key: PrivateKey | None = KEY) -> int:
    """Drops the days before `until`: signed with the key, then dropped by the owner."""
    dropped = 0
    for day in await days_before(dsn, until):
        dropped += await drop_day(
            dsn, day, None if key is None else await state_day(as_auditor(dsn), day, key)
        )
    return dropped


async def tamper(dsn: str, *statements: str) -> None:
    """Changes that a database owner can make; each statement must change something."""
    async with observer(dsn) as connection:
        for statement in statements:
            assert not (await connection.execute(statement)).endswith(" 0"), statement


async def rechain(dsn: str, change: Callable[[Row], Row], lane: StoredPartition = CALLS) -> None:
    """Changes rows of a lane and recomputes digests and chain, which needs no key."""
    async with observer(dsn) as connection:
        await rechain_on(connection, change, lane)


async def rechain_on(
    connection: asyncpg.Connection, change: Callable[[Row], Row], lane: StoredPartition
) -> None:
    """The same as `rechain`, and recomputes the lane's own digest."""
    from_offset = await connection.fetchval(
        "select chained_from from audit.lane where topic = $1 and partition = $2", *lane
    )
    link = genesis(*lane, from_offset)
    width = len(Row._fields)
    rows = await connection.fetch(query("rows_of_lane"), *lane, from_offset, 2**62)
    for stored_row in rows:
        row = change(Row._make(stored_row[:width]))
        if row.privacy is None:
            row = row._replace(record_sha256=digest_of(row) or b"")
        link = follow(link, row, stored_row["recorded_at"])
        await _rewrite(connection, row, link)
    await connection.execute(
        "update audit.lane set chain = $3, digest = audit.lane_digest(topic, partition, next_offset,"
        " moved_at, $3, rows, chained_from) where topic = $1 and partition = $2", *lane, link
    )  # fmt: skip


async def _rewrite(connection: asyncpg.Connection, row: Row, link: bytes) -> None:
    values: list[Any] = [
        row.topic,
        row.partition,
        row.offset,
        row.record_sha256,
        link,
        row.value,
        row.agent_id,
    ]
    await connection.execute(
        "update audit.message set record_sha256 = $4, chain = $5, value = $6, agent_id = $7,"
        " payload = case when payload is null then null else convert_from($6, 'UTF8')::jsonb end"
        ' where topic = $1 and partition = $2 and "offset" = $3',
        *values,
    )
