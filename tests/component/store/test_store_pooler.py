"""Everything works through a pooler in transaction mode."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from pointsman.audit.records.rows import row_of
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.lanes import Move, StoredPartition
from pointsman.store.append.row import Row
from pointsman.store.ask.agents_sent import agents_sent
from pointsman.store.ask.labelled import labelled
from pointsman.store.ask.replayable import Wanted, submitted
from pointsman.store.connect import connected, limit_waits, open_pool, translated
from pointsman.store.errors import StoreError, StoreUnavailableError
from pointsman.store.verify.marks import add_checkpoint
from pointsman.store.verify.verify import Scope, verify
from pointsman_schemas.control.checkpoints import CheckpointSigned
from tests.support.bus.example_records import TOPICS, story, story_id
from tests.support.running.command import Command
from tests.support.store.audit_store import (
    APPLICATION,
    as_auditor,
    as_writer,
    audit_pool,
    observer,
    prepare,
    put,
    rows,
    seen,
)
from tests.support.store.pgbouncer import PgBouncer, pgbouncer
from tests.support.store.postgres_proxy import Proxy
from tests.support.store.privacy import MASTER, NOTHING, SUBJECT_HEADER, private_sink
from tests.support.store.privacy import store as store_sealed

pytestmark = pytest.mark.stack

START = datetime(2026, 3, 12, 9, 14, tzinfo=UTC)
SPAN = START - timedelta(days=1), START + timedelta(days=1)


async def use_everything(database: str, by_way_of: str, folder: Path) -> None:
    """Creates the tables, stores two jobs, and runs every query."""
    migrated = await Command(folder, {"POINTSMAN_POSTGRES": by_way_of}).run("db", "migrate")
    assert migrated.code == 0, migrated.err
    await prepare(database)  # creates the logins
    async with await open_pool(as_writer(by_way_of), application=APPLICATION) as pool:
        writer = AuditWriter(pool, clock=lambda: START)
        await put(writer, [row_of(record, TOPICS) for number in (1, 2) for record in story(number, START)])
    reader = as_auditor(by_way_of)
    reading = Command(folder, {"POINTSMAN_POSTGRES": reader})
    job = str(story_id(1))
    for arguments, answer in (
        (("why", job), "outcome"),
        (("trace", job), "completed"),
        (("sql", "select count(*) from audit.message"), "8"),
        (("audit", "verify"), "8 rows"),
        (("audit", "export", "--since", START.isoformat()), "job.submitted.v1"),
    ):
        done = await reading.run(*arguments)
        assert (done.code, answer in done.out) == (0, True), (arguments, done)
    assert {sent.job_id async for sent in submitted(reader, Wanted(*SPAN))} == {story_id(1), story_id(2)}
    async with agents_sent(reader, [TOPICS.intake.name], *SPAN, None) as records:
        assert len([record async for record in records]) == 2
    async with labelled(reader, START) as facts:
        assert {fact.root async for fact in facts} <= {story_id(1), story_id(2)}


@pytest.mark.parametrize(("mode", "sessions"), [("transaction", 1), ("session", 4)])
async def test_everything_works_behind_pgbouncer(
    database: str, tmp_path: Path, mode: str, sessions: int
) -> None:
    with pgbouncer(database, mode=mode, sessions=sessions) as pooler:
        await use_everything(database, pooler.dsn, tmp_path)


async def test_no_prepared_statement_has_a_name(database: str, tmp_path: Path) -> None:
    async with Proxy(database).open() as proxy:
        await use_everything(database, proxy.dsn, tmp_path)
    assert b"from audit.hold_lanes" in proxy.requests
    assert b"__asyncpg_stmt" not in proxy.requests


async def test_sealed_jobs_are_replayed_by_a_single_session(database: str) -> None:
    """Each job is decrypted while others are read, with keys that only one session has."""
    jobs = [story(number, START)[0] for number in (1, 2)]
    sealed = [replace(job, headers=(*job.headers, SUBJECT_HEADER)) for job in jobs]
    async with private_sink(database, NOTHING) as sink:
        await store_sealed(sink, sealed)
    with pgbouncer(database) as pooler:
        for dsn, hidden in ((pooler.dsn, None), (as_auditor(pooler.dsn), "what it said is sealed")):
            replayed = [sent.hidden async for sent in submitted(dsn, Wanted(*SPAN), MASTER)]
            assert replayed == [hidden, hidden]


async def test_a_checkpoint_does_not_wait_for_ever_for_its_lock(database: str) -> None:
    async with audit_pool(database) as pool, observer(database) as busy, busy.transaction():
        await busy.execute("select from audit.turn where name = 'checkpoint' for update")
        with pytest.raises(StoreUnavailableError, match="lock timeout"):
            await add_checkpoint(pool, lambda *_: never(), patience_s=0.1)


def never() -> CheckpointSigned:
    raise AssertionError("it has no turn")


async def test_settings_end_with_their_transaction(database: str) -> None:
    async with await open_pool(database, application="test", size=1) as pool, pool.acquire() as connection:
        async with connection.transaction():
            await limit_waits(connection, 3)
            assert await connection.fetchval("show lock_timeout") == "3s"
            assert await connection.fetchval("show idle_in_transaction_session_timeout") == "3s"
        assert await connection.fetchval("show lock_timeout") == "0"
        assert await connection.fetchval("show idle_in_transaction_session_timeout") == "0"


async def test_nothing_is_lost_or_stored_twice_when_the_pooler_is_killed(database: str) -> None:
    await prepare(database)
    with pgbouncer(database, sessions=2) as pooler:
        await see_that_sessions_change(as_writer(pooler.dsn))
        kills = asyncio.create_task(killed_often(database, pooler))
        await asyncio.gather(
            *(store(as_writer(pooler.dsn), ("t", partition), batches=30) for partition in range(4)),
            store(as_writer(pooler.dsn), ("killed", 0), batches=3, amid=pooler),
        )
        kills.cancel()
        async with observer(database) as connection:
            stored = await connection.fetch(
                'select topic, partition, count(*), count(distinct "offset"), max("offset") '
                "from audit.message group by 1, 2 order by 1, 2"
            )
        assert [tuple(lane) for lane in stored] == [
            ("killed", 0, 30, 30, 29),
            *(("t", partition, 300, 300, 299) for partition in range(4)),
        ]
        report = await verify(as_auditor(pooler.dsn), Scope())
        assert (report.findings, report.rows) == ([], 1_230)


async def see_that_sessions_change(dsn: str) -> None:
    async with await open_pool(dsn, application="test", size=2) as pool:
        pid = "select pg_backend_pid()"
        async with pool.acquire() as one, pool.acquire() as other:
            async with one.transaction():
                assert await one.fetchval(pid) != await other.fetchval(pid)
            assert len({await one.fetchval(pid) for _ in range(4)}) == 2


async def store(dsn: str, lane: StoredPartition, *, batches: int, amid: PgBouncer | None = None) -> None:
    """Stores ten rows a batch, with retries. With `amid`, each batch is interrupted once after five rows."""
    pool = await open_pool(dsn, application=APPLICATION, size=2)
    writer = AuditWriter(pool)
    for number in range(batches):
        batch = rows(number * 10, number * 10 + 10, topic=lane[0], partition=lane[1])
        moves = {lane: Move(number * 10 or None, number * 10 + 10)}
        days = {row.broker_at.date() for row in batch}
        cut_off = amid is None
        async with asyncio.timeout(60):
            while True:
                tried = batch if amid is None or cut_off else broken_off(batch, amid)
                cut_off = True
                try:
                    await writer.append(tried, moves, days=days)
                    break
                except StoreUnavailableError:
                    await asyncio.sleep(0.05)
    await pool.close()


def broken_off(batch: list[Row], pooler: PgBouncer) -> Iterator[Row]:
    yield from batch[:5]
    pooler.kill()
    pooler.start()
    yield from batch[5:]


async def killed_often(database: str, pooler: PgBouncer) -> None:
    """Kills the pooler whenever forty more rows are stored."""
    async with observer(database) as connection:
        count = "select count(*) from audit.message where topic = 't'"
        for wanted in range(40, 1_200, 40):
            await seen(connection, f"{count} having count(*) >= $1", wanted)
            pooler.kill()
            pooler.start()


async def test_a_pooler_in_statement_mode_is_refused(database: str, tmp_path: Path) -> None:
    await prepare(database)
    with pgbouncer(database, mode="statement") as pooler:
        done = await Command(tmp_path, {"POINTSMAN_POSTGRES": as_auditor(pooler.dsn)}).run("sql", "select 1")
    assert done.code == 1
    assert "the pooler in front of Postgres" in done.err
    assert "set pool_mode = transaction in it" in done.err


async def test_an_unsupported_pooler_parameter_is_reported(database: str) -> None:
    refused = pytest.raises(StoreError, match="lock_timeout; leave the parameter out of POINTSMAN_POSTGRES")
    with pgbouncer(database) as pooler, refused:
        async with connected(f"{pooler.dsn}?lock_timeout=5"):
            pass


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("transaction blocks not allowed in statement pooling mode", "set pool_mode = transaction"),
        ("unsupported startup parameter: lock_timeout", "leave the parameter out"),
    ],
)
def test_a_poolers_refusal_is_recognised(words: str, advice: str) -> None:
    with pytest.raises(StoreError, match=advice), translated():
        raise asyncpg.ProtocolViolationError(words)


async def test_parameters_that_only_libpq_knows_do_no_harm(database: str) -> None:
    async with connected(f"{database}?connect_timeout=30&channel_binding=require&keepalives=1") as connection:
        assert await connection.fetchval("select 1") == 1
