"""Daily partitions are created in advance, and no timestamp can make an insert fail."""

import asyncio
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.lanes import Move, StoredPartition
from tests.support.store.audit_store import audit_pool, observer, row

pytestmark = pytest.mark.stack

LANE: StoredPartition = ("t", 0)
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


async def places(dsn: str) -> dict[int, str]:
    """The partition table of each offset."""
    async with observer(dsn) as connection:
        rows = await connection.fetch(
            'select "offset", tableoid::regclass::text as place from audit.message order by 1'
        )
    return {stored_row["offset"]: stored_row["place"].removeprefix("audit.message_") for stored_row in rows}


async def days(dsn: str) -> list[str]:
    async with observer(dsn) as connection:
        rows = await connection.fetch(
            "select inhrelid::regclass::text as name from pg_inherits"
            " where inhparent = 'audit.message'::regclass"
        )
    return sorted(stored_row["name"].removeprefix("audit.message_") for stored_row in rows)


async def test_partitions_are_created_for_records_and_before_midnight(database: str) -> None:
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool, clock=lambda: NOON)
        await writer.append(
            [row(0, broker_at=NOON), row(1, broker_at=NOON - timedelta(days=3))], {LANE: Move(None, 2)}
        )
    assert await places(database) == {0: "20260312", 1: "20260309"}
    assert await days(database) == ["20260309", "20260312", "20260313", "20260314", "default"]


async def test_days_begin_at_midnight_utc(database: str) -> None:
    midnight = datetime(2026, 3, 12, tzinfo=UTC)
    async with audit_pool(database) as pool:
        await pool.execute("select 1")
        times = [midnight - timedelta(microseconds=1), midnight, midnight + timedelta(days=1)]
        batch = [row(offset, broker_at=time) for offset, time in enumerate(times)]
        await AuditWriter(pool, clock=lambda: NOON).append(batch, {LANE: Move(None, 3)})
    assert await places(database) == {0: "20260311", 1: "20260312", 2: "20260313"}


@pytest.mark.parametrize(
    "time",
    [
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2999, 1, 1, tzinfo=UTC),
        NOON + timedelta(days=3),
        NOON - timedelta(days=32),
    ],
    ids=str,
)
async def test_a_distant_time_is_stored_without_a_new_partition(database: str, time: datetime) -> None:
    async with audit_pool(database) as pool:
        await AuditWriter(pool, clock=lambda: NOON).append([row(0, broker_at=time)], {LANE: Move(None, 1)})
    assert await places(database) == {0: "default"}
    assert await days(database) == ["20260312", "20260313", "20260314", "default"]


async def test_rows_stored_before_their_partition_move_into_it(database: str) -> None:
    early = NOON + timedelta(days=5)
    async with audit_pool(database) as pool:
        await AuditWriter(pool, clock=lambda: NOON).append(
            [row(0, broker_at=early), row(1, broker_at=early + timedelta(days=90))], {LANE: Move(None, 2)}
        )
        assert await places(database) == {0: "default", 1: "default"}
        await AuditWriter(pool, clock=lambda: early).append([row(2, broker_at=early)], {LANE: Move(2, 3)})
    assert await places(database) == {0: "20260317", 1: "default", 2: "20260317"}


async def test_partitions_can_be_created_concurrently(database: str) -> None:
    async with audit_pool(database, size=8) as pool:
        first, last = date(2026, 1, 1), date(2026, 1, 20)
        ask = "select audit.ensure_days($1, $2)"

        async def make() -> int:
            while True:
                with suppress(asyncpg.LockNotAvailableError):  # times out after two seconds; callers retry
                    return int(await pool.fetchval(ask, first, last))

        made = await asyncio.gather(*(make() for _ in range(8)))
        assert sorted(made) == [0] * 7 + [20]
        assert await pool.fetchval(ask, first, last + timedelta(days=1)) == 1
    assert len(await days(database)) == 22


async def test_partitions_are_created_during_writes(database: str) -> None:
    async with audit_pool(database, size=6) as pool:
        now = [NOON]
        writers = [AuditWriter(pool, clock=lambda: now[0]) for _ in range(4)]

        async def write(lane: int) -> None:
            for step in range(30):
                now[0] = max(now[0], NOON + timedelta(days=step))
                batch = [row(step, partition=lane, broker_at=NOON + timedelta(days=step))]
                await writers[lane].append(batch, {("t", lane): Move(step or None, step + 1)})

        await asyncio.gather(*(write(lane) for lane in range(4)))
    async with observer(database) as connection:
        assert await connection.fetchval("select count(*) from audit.message") == 120


async def test_a_long_query_does_not_block_inserts(database: str) -> None:
    async with audit_pool(database) as pool, observer(database) as auditor:
        async with auditor.transaction():
            await auditor.fetch("select * from audit.message")
            writer = AuditWriter(pool, clock=lambda: NOON)
            await writer.append([row(0, broker_at=NOON)], {LANE: Move(None, 1)})
            await writer.append([row(1, broker_at=NOON)], {LANE: Move(1, 2)})
        assert await places(database) == {0: "default", 1: "default"}
        later = NOON + timedelta(minutes=2)
        await AuditWriter(pool, clock=lambda: later).append([row(2, broker_at=later)], {LANE: Move(2, 3)})
    assert set((await places(database)).values()) == {"20260312"}
