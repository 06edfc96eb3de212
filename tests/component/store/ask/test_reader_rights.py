"""Users of free SQL can only read, and readers do not block new partitions or checkpoints."""

from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.ask.asking import read_only_query
from pointsman.store.ask.reader_rights import TooMuchRightError
from pointsman.store.roles import as_login
from tests.support.store.audit_store import (
    as_auditor,
    as_opener,
    as_writer,
    audit_pool,
    observer,
    prepare,
    put,
    rows,
)
from tests.support.store.integrity import sign

pytestmark = pytest.mark.stack

SECONDS = timedelta(seconds=30)


async def one(dsn: str) -> object:
    async with read_only_query(
        dsn, "select count(*) from audit.jobs", within=SECONDS, by_user=True
    ) as answer:
        ((count,),), _ = await answer.first(1)
        return count


async def login(dsn: str, *statements: str) -> str:
    """A login for one test, created by these statements; `NAME` stands for its name."""
    name = "reader_" + dsn.rpartition("_")[2]
    async with observer(dsn) as connection:
        await connection.execute(f"create role {name} login password 'x'")
        for statement in ("grant pointsman_auditor to NAME", *statements):
            await connection.execute(statement.replace("NAME", name))
    return as_login(dsn, name, "x")


async def forget(dsn: str) -> None:
    name = "reader_" + dsn.rpartition("_")[2]
    async with observer(dsn) as connection:
        for end in ("reassign owned by NAME to current_user", "drop owned by NAME", "drop role NAME"):
            await connection.execute(end.replace("NAME", name))


async def test_a_reader_can_query(database: str) -> None:
    await prepare(database)
    assert await one(as_auditor(database)) == 0


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["alter role NAME superuser"], "superuser"),
        (["alter role NAME createrole"], "make roles"),
        (["alter role NAME bypassrls"], "row level security"),
        (["grant pointsman_audit_writer to NAME"], "member of pointsman_audit_writer"),
        (["grant pointsman_audit_eraser to NAME with inherit false"], "member of pointsman_audit_eraser"),
        (["grant pg_write_all_data to NAME"], "member of pg_write_all_data"),
        (["alter view audit.jobs owner to NAME"], "owns audit.jobs"),
        (["alter schema audit owner to NAME"], "owns the schema audit"),
        (["grant update on audit.lane to NAME"], "may change audit.lane"),
    ],
)
async def test_a_login_with_more_rights_is_refused_with_a_remedy(
    database: str, statements: list[str], expected: str
) -> None:
    await prepare(database)
    dsn = await login(database, *statements)
    try:
        with pytest.raises(TooMuchRightError, match=expected) as refused:
            await one(dsn)
        assert "db login" in refused.value.hint
    finally:
        await forget(database)


async def test_the_owner_of_the_database_and_the_services_logins_are_refused(database: str) -> None:
    await prepare(database)
    for dsn in (database, as_writer(database), as_opener(database)):
        with pytest.raises(TooMuchRightError):
            await one(dsn)


async def test_a_reader_cannot_stop_days_and_checkpoints(database: str) -> None:
    names = ("audit.ensure_days", "audit.checkpoint", "pointsman.migrate")
    async with audit_pool(database) as pool, observer(as_auditor(database)) as reader:
        for name in names:
            await reader.execute("select pg_advisory_lock(hashtextextended($1, 0))", name)
        transaction = reader.transaction()
        await transaction.start()
        await reader.execute("lock table audit.lane, audit.checkpoint in access share mode")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with reader.transaction():
                await reader.fetch("select * from audit.turn for update")
        writer = AuditWriter(pool, clock=lambda: datetime(2031, 5, 1, tzinfo=UTC))
        await put(writer, rows(0, 3))
        await sign(pool, writer)
        await prepare(database)
        assert await reader.fetchval("select to_regclass('audit.message_20310501') is not null")
        assert await reader.fetchval("select count(*) from audit.checkpoint") == 1
        await transaction.rollback()
        assert date(2031, 5, 1) in writer._days
