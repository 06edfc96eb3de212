"""The writer stores a batch and its lanes' positions atomically and once."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest

from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.lanes import Move, StoredPartition
from pointsman.store.connect import open_pool
from pointsman.store.errors import LaneMovedError, StoreError, StoreUnavailableError
from pointsman.store.sql import query
from tests.support.store.audit_store import APPLICATION, as_writer, audit_pool, observer, row, rows, seen
from tests.support.store.postgres_proxy import Proxy

pytestmark = pytest.mark.stack

LANE: StoredPartition = ("t", 0)
OTHER: StoredPartition = ("t", 1)


async def stored(dsn: str) -> list[int]:
    async with observer(dsn) as connection:
        return [
            stored_row["offset"]
            for stored_row in await connection.fetch(
                'select "offset" from audit.message order by topic, partition, 1'
            )
        ]


async def test_a_batch_advances_its_lanes(database: str) -> None:
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool)
        assert await writer.positions([LANE, OTHER]) == {}
        batch = rows(3, 6) + rows(0, 2, partition=1)
        await writer.append(batch, {LANE: Move(None, 6), OTHER: Move(None, 2)})
        assert await writer.positions([LANE, OTHER, ("t", 2)]) == {LANE: 6, OTHER: 2}
        await writer.append(rows(6, 7), {LANE: Move(6, 9)})  # offsets 7 and 8 are transaction markers
        await writer.append([], {LANE: Move(9, 12)})
        assert await writer.positions([LANE, OTHER]) == {LANE: 12, OTHER: 2}
    assert await stored(database) == [3, 4, 5, 6, 0, 1]


@pytest.mark.parametrize("expected", [None, 0, 5, 11])
async def test_an_unexpected_position_refuses_the_whole_batch(database: str, expected: int | None) -> None:
    async with audit_pool(database) as pool:
        writer = AuditWriter(pool)
        await writer.append(rows(0, 10), {LANE: Move(None, 10)})
        batch = rows(10, 12) + rows(0, 2, partition=1)
        with pytest.raises(LaneMovedError) as caught:
            await writer.append(batch, {OTHER: Move(None, 2), LANE: Move(expected, 12)})
        assert (caught.value.lane, caught.value.expected, caught.value.stored) == (LANE, expected, 10)
        assert "t/0" in str(caught.value)
        assert await writer.positions([LANE, OTHER]) == {LANE: 10}
    assert await stored(database) == list(range(10))


async def test_a_lane_that_was_never_started_is_not_continued(database: str) -> None:
    async with audit_pool(database) as pool:
        with pytest.raises(LaneMovedError) as caught:
            await AuditWriter(pool).append(rows(5, 6), {LANE: Move(5, 6)})
        assert caught.value.stored is None
    assert await stored(database) == []


@pytest.mark.parametrize("begun", [False, True])
async def test_of_fifty_writers_of_one_batch_exactly_one_wins(database: str, begun: bool) -> None:
    async with audit_pool(database, size=2) as first, audit_pool(database, size=10) as pool:
        expected = {LANE: 20, OTHER: 5} if begun else {}
        if begun:
            await AuditWriter(first).append([], {LANE: Move(None, 20), OTHER: Move(None, 5)})
        batch = rows(20, 120) + rows(5, 105, partition=1)
        moves = {LANE: Move(expected.get(LANE), 120), OTHER: Move(expected.get(OTHER), 105)}
        writers = [AuditWriter(pool) for _ in range(50)]
        orders = [dict(random.sample(list(moves.items()), 2)) for _ in writers]
        results = await asyncio.gather(
            *(writer.append(batch, order) for writer, order in zip(writers, orders, strict=True)),
            return_exceptions=True,
        )
    assert Counter(map(type, results)) == {type(None): 1, LaneMovedError: 49}
    assert await stored(database) == [*range(20, 120), *range(5, 105)]


async def test_a_connection_killed_in_mid_batch_stores_nothing_of_it(database: str) -> None:
    async with audit_pool(database) as pool, observer(database) as connection:
        writer = AuditWriter(pool)
        await writer.append(rows(0, 5), {LANE: Move(None, 5)})
        # A COPY into the table must wait, after its transaction has moved the lane.
        await connection.execute("begin; lock table audit.message in access exclusive mode")
        append = asyncio.create_task(writer.append(rows(5, 100), {LANE: Move(5, 100)}))
        blocked = "select pid from pg_locks where not granted and relation = 'audit.message'::regclass"
        pid = await seen(connection, blocked)
        assert await connection.fetchval("select pg_terminate_backend($1)", pid)
        with pytest.raises(StoreUnavailableError):
            await append
        await connection.execute("rollback")
        assert await stored(database) == list(range(5))
        assert await writer.positions([LANE]) == {LANE: 5}
        await writer.append(rows(5, 100), {LANE: Move(5, 100)})
    assert await stored(database) == list(range(100))


async def test_connections_killed_at_random_lose_and_duplicate_nothing(database: str) -> None:
    dice = random.Random(4)
    kill = (
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = $2"
    )
    async with audit_pool(database) as pool, observer(database) as connection:
        name = await connection.fetchval("select current_database()")
        done = asyncio.Event()
        failures = 0

        async def killer() -> None:
            while not done.is_set():
                await asyncio.sleep(dice.uniform(0, 0.2))
                await connection.fetch(kill, APPLICATION, name)

        killing = asyncio.create_task(killer())
        writer = AuditWriter(pool)
        at, batches = 0, 0
        while batches < 40 or failures < 10:
            batch, move = rows(at, at + 200), Move(at or None, at + 200)
            while True:
                try:
                    await writer.append(batch, {LANE: move})
                    break
                except StoreUnavailableError:
                    failures += 1
            at, batches = at + 200, batches + 1
        done.set()
        await killing
    assert await stored(database) == list(range(at))


async def test_a_commit_whose_answer_was_lost_is_recognised_when_it_is_tried_again(database: str) -> None:
    async with Proxy(database).open() as proxy, audit_pool(proxy.dsn) as pool:
        writer = AuditWriter(pool)
        await writer.append(rows(0, 5), {LANE: Move(None, 5)})
        batch, moves = rows(5, 9) + rows(0, 1, partition=1), {LANE: Move(5, 9), OTHER: Move(None, 1)}
        proxy.lose_next_commit()
        with pytest.raises(StoreUnavailableError):
            await writer.append(batch, moves)
        assert proxy.lost == 1
        await writer.append(batch, moves)
        with pytest.raises(LaneMovedError):  # it is known to be stored, so a repeat counts as another owner's
            await writer.append(batch, moves)
    assert await stored(database) == [*range(9), 0]


async def test_a_different_batch_is_not_taken_for_the_lost_one(database: str) -> None:
    async with Proxy(database).open() as proxy, audit_pool(proxy.dsn) as pool:
        writer = AuditWriter(pool)
        await writer.append([], {LANE: Move(None, 0), OTHER: Move(None, 0)})
        proxy.lose_next_commit()
        with pytest.raises(StoreUnavailableError):
            await writer.append(rows(0, 5), {LANE: Move(0, 5)})
        with pytest.raises(LaneMovedError):
            await writer.append(rows(0, 5) + rows(0, 5, partition=1), {LANE: Move(0, 5), OTHER: Move(0, 5)})
        assert await writer.positions([LANE, OTHER]) == {LANE: 5, OTHER: 0}
    assert await stored(database) == list(range(5))


async def test_the_session_of_a_frozen_writer_is_ended(database: str) -> None:
    async with audit_pool(database) as pool, observer(database) as watch:
        frozen = await asyncpg.connect(as_writer(database), server_settings={"application_name": APPLICATION})
        never = asyncio.Event()

        async def silence() -> AsyncIterator[tuple[int]]:
            await never.wait()
            yield (0,)

        async def freeze() -> None:
            async with frozen.transaction():
                await frozen.fetch(query("hold_lanes"), ["t"], [0], [None])
                await frozen.copy_records_to_table("message", schema_name="audit", records=silence())

        freezing = asyncio.create_task(freeze())
        asleep = "select true from pg_stat_activity where wait_event = 'ClientRead' and query like 'COPY%'"
        await seen(watch, asleep)
        writer = AuditWriter(pool, patience_s=0.3)
        for _ in range(20):
            try:
                await writer.append(rows(0, 10), {LANE: Move(None, 10)})
                break
            except StoreUnavailableError:
                continue
        never.set()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await freezing
        frozen.terminate()
        assert await writer.positions([LANE]) == {LANE: 10}
    assert await stored(database) == list(range(10))


async def test_the_session_of_a_busy_writer_is_kept(database: str) -> None:
    async with audit_pool(database) as pool, observer(database) as busy:
        await busy.execute(f"set application_name = '{APPLICATION}'")
        async with busy.transaction():
            await busy.fetch(query("hold_lanes"), ["t"], [0], [None])
            working = asyncio.create_task(busy.execute("select pg_sleep(1)"))
            with pytest.raises(StoreUnavailableError):
                await AuditWriter(pool, patience_s=0.2).append(rows(0, 5), {LANE: Move(None, 5)})
            await working
        assert await AuditWriter(pool).positions([LANE]) == {LANE: 0}


async def test_without_migrations_it_says_which_command_helps(database: str) -> None:
    pool = await open_pool(database, application=APPLICATION)
    try:
        for ask in (
            AuditWriter(pool).positions([LANE]),
            AuditWriter(pool).append([row(0)], {LANE: Move(None, 1)}),
        ):
            with pytest.raises(StoreError, match="pointsman db migrate"):
                await ask
    finally:
        await pool.close()


async def test_a_missing_server_is_reported_as_unavailable(unused_tcp_port: int) -> None:
    pool = await open_pool(f"postgresql://me@127.0.0.1:{unused_tcp_port}/x", application=APPLICATION)
    with pytest.raises(StoreUnavailableError):
        await AuditWriter(pool).append([row(0)], {LANE: Move(None, 1)})
    await pool.close()
