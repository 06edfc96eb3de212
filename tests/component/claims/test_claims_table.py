"""Postgres as a store of large values, with minimal privileges."""

from datetime import datetime

import asyncpg
import pytest

from pointsman.claims.store import ClaimsUnavailableError
from pointsman.claims.table import ClaimsTable
from pointsman.store.migrate import migrate
from pointsman.store.roles import AUDITOR, CLAIMS, as_login, ensure_login
from tests.support.bus.claim_stores import digest, holds_the_contract
from tests.support.store.audit_store import observer

pytestmark = pytest.mark.stack


async def login(database: str, role: str) -> str:
    await migrate(database)
    await ensure_login(database, f"test_{role}", role, "only for tests")
    return as_login(database, f"test_{role}", "only for tests")


async def test_a_table_fulfils_the_store_contract(database: str) -> None:
    await migrate(database)
    await holds_the_contract(ClaimsTable(database))


async def test_arbitrary_values_are_returned_unchanged(database: str) -> None:
    store, content = ClaimsTable(await login(database, CLAIMS)), bytes(range(256)) * 80_000
    await store.put(digest(content), content)
    assert await store.get(digest(content)) == content
    await store.close()


async def test_its_role_adds_and_reads_values_and_nothing_else(database: str) -> None:
    store = ClaimsTable(await login(database, CLAIMS))
    await store.put(digest(b"x"), b"x")
    await store.put(digest(b"x"), b"x")
    async with observer(await login(database, CLAIMS)) as connection:
        for statement in (
            "update claims.payload set content = 'y'",
            "update claims.payload set put_at = now()",
            "delete from claims.payload",
            "truncate claims.payload",
            "insert into claims.payload (sha256, content) values ('a', 'b')",
            "select * from audit.message",
            "select sha256 from claims.payload",
            "select content from claims.payload",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    assert await store.get(digest(b"x")) == b"x"
    (kept,) = [kept async for kept in ClaimsTable(database).older(await _now(database))]
    with pytest.raises(ClaimsUnavailableError, match="permission denied"):
        await store.delete(kept)
    await store.close()


async def test_an_auditor_reads_values_and_adds_none(database: str) -> None:
    await migrate(database)
    owner, store = ClaimsTable(database), ClaimsTable(await login(database, AUDITOR))
    await owner.put(digest(b"x"), b"x")
    assert await store.get(digest(b"x")) == b"x"
    with pytest.raises(ClaimsUnavailableError, match="permission denied"):
        await store.put(digest(b"y"), b"y")
    await owner.close()
    await store.close()


async def test_a_value_under_another_digest_is_refused(database: str) -> None:
    store = ClaimsTable(await login(database, CLAIMS))
    with pytest.raises(ClaimsUnavailableError):
        await store.put(digest(b"x"), b"y")
    assert await store.get(digest(b"x")) is None
    await store.close()


async def test_before_the_migrations_it_is_unavailable_and_says_why(database: str) -> None:
    store = ClaimsTable(database)
    with pytest.raises(ClaimsUnavailableError, match="pointsman db migrate"):
        await store.get(digest(b"x"))
    await store.close()


async def _now(database: str) -> datetime:
    async with observer(database) as connection:
        now: datetime = await connection.fetchval("select clock_timestamp()")
        return now
