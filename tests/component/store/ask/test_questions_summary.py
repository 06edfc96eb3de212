"""The summary row of a job agrees with its messages, in whatever order they arrive."""

import asyncio
import random
from collections.abc import Sequence
from datetime import date, timedelta

import asyncpg
import pytest

from pointsman.audit.records.rows import row_of
from pointsman.bus.codec.records import Incoming
from pointsman.store.append.row import Row
from pointsman_schemas.reasons import FailReason
from tests.support.bus.example_records import NAMES, example
from tests.support.store.audit_store import as_auditor, as_writer, observer, prepare
from tests.support.store.incident import START, TOPICS, Job, Try, failing_agent, unreadable

pytestmark = pytest.mark.stack

FAILED = Try(FailReason.TIMEOUT, tokens=None, paid=False)
JOBS = [
    *failing_agent(),
    Job(200, end="rejected"),
    Job(201, calls=(), end=None),
    Job(202, calls=(), end="cancelled"),
    Job(203, tiers=("small", "medium", "frontier"), calls=(FAILED, Try())),
    Job(204, kind=None, calls=(FAILED, FAILED), end=None),
]
SAME = (
    "job_id, agent_id, submitted_at, finished_at, state, tier, rule, policy_version, model, calls,"
    " failed_calls, unpriced_calls, tokens_in, tokens_out, cost_usd, last_error, messages, took"
)
DIFFERENT = (
    f"(select {SAME} from audit.jobs_recounted except select {SAME} from audit.jobs) union all"
    f" (select {SAME} from audit.jobs except select {SAME} from audit.jobs_recounted)"
)


def rows_of(jobs: Sequence[Job], *others: Incoming) -> list[Row]:
    return [
        row_of(record, TOPICS) for record in [*(record for job in jobs for record in job.records()), *others]
    ]


async def copy(connection: asyncpg.Connection, rows: Sequence[Row]) -> None:
    """Inserts rows in any order, which the audit's own writer does not do."""
    await connection.copy_records_to_table("message", schema_name="audit", columns=Row._fields, records=rows)


async def in_batches(dsn: str, rows: Sequence[Row], size: int) -> None:
    async with observer(dsn) as connection:
        for first in range(0, len(rows), size):
            await copy(connection, rows[first : first + size])


@pytest.mark.parametrize(("seed", "size"), [(1, 1000), (2, 7), (3, 1), (4, 50)])
async def test_messages_may_arrive_in_any_order(database: str, seed: int, size: int) -> None:
    await prepare(database)
    others = [unreadable(number, START) for number in range(3)]
    rows = rows_of([*JOBS[:: 1 if size > 1 else 4], *JOBS[-5:]], *others, *map(example, NAMES))
    rows = list({(row.topic, row.partition, row.offset): row for row in rows}.values())
    random.Random(seed).shuffle(rows)
    await in_batches(database, rows, size)
    async with observer(database) as connection:
        assert await connection.fetch(DIFFERENT) == []
        assert await connection.fetchval("select count(*) from audit.job") > 30


async def test_columns_of_the_summary_only(database: str) -> None:
    await prepare(database)
    rows = rows_of(JOBS)
    random.Random(5).shuffle(rows)
    await in_batches(database, rows, 3)
    question = (
        "select first_tier, tier, routes, task_kind, outcome, outcome_tier, outcome_reason, provider, last_at"
        " from audit.job where job_id = $1"
    )
    async with observer(database) as connection:
        climbed = await connection.fetchrow(question, Job(203).id)
        rejected = await connection.fetchrow(question, Job(200).id)
    assert climbed is not None and rejected is not None
    assert tuple(climbed)[:8] == (
        "small", "frontier", 3, "chat", "completed", "frontier", None, "simulator",
    )  # fmt: skip
    assert tuple(rejected)[:8] == (None, None, 0, "chat", "rejected", None, "agent_not_allowed", None)
    assert climbed["last_at"] == max(START + timedelta(seconds=0), climbed["last_at"])


async def test_two_writers_of_the_same_jobs_do_not_deadlock(database: str) -> None:
    await prepare(database)
    rows = rows_of(JOBS)
    random.Random(6).shuffle(rows)
    await asyncio.gather(*(in_batches(database, rows[part::4], 40) for part in range(4)))
    async with observer(database) as connection:
        assert await connection.fetch(DIFFERENT) == []
        assert await connection.fetchval("select sum(messages) from audit.job") == len(rows)


async def test_rows_that_are_not_stored_are_not_counted(database: str) -> None:
    await prepare(database)
    async with observer(database) as connection:
        transaction = connection.transaction()
        await transaction.start()
        await copy(connection, rows_of(JOBS[:3]))
        assert await connection.fetchval("select count(*) from audit.job") == 3
        await transaction.rollback()
        assert await connection.fetchval("select count(*) from audit.job") == 0


async def test_rows_that_move_into_their_partition_are_counted_once(database: str) -> None:
    await prepare(database)
    await in_batches(database, rows_of(JOBS), 1000)
    async with observer(database) as connection:
        assert await connection.fetchval("select audit.ensure_days($1, $1)", date(2026, 3, 12)) == 1
        assert await connection.fetchval("select count(*) from only audit.message_20260312") > 0
        assert await connection.fetch(DIFFERENT) == []


@pytest.mark.parametrize(
    "statement",
    [
        "update audit.job set cost_usd = 0",
        "delete from audit.job",
        "truncate audit.job",
        "insert into audit.job (job_id) values (gen_random_uuid())",
        "alter table audit.message disable trigger keep_jobs",
    ],
)
@pytest.mark.parametrize("login", [as_writer, as_auditor])
async def test_only_messages_change_the_summary(database: str, login: object, statement: str) -> None:
    await prepare(database)
    assert callable(login)
    async with observer(login(database)) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_rows_older_than_the_summary_are_included(database: str) -> None:
    await prepare(database)
    async with observer(database) as connection:
        await connection.execute("alter table audit.message disable trigger keep_jobs")
        await copy(connection, rows_of(JOBS))
        assert await connection.fetchval("select count(*) from audit.job") == 0
        await connection.execute("alter table audit.message enable trigger keep_jobs")
        assert await connection.fetchval("select audit.recount_jobs()") == len(JOBS)
        assert await connection.fetchval("select audit.recount_jobs()") == len(JOBS)
        assert await connection.fetch(DIFFERENT) == []
