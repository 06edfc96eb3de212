"""Migrations: each file is applied once, by whichever process is first, and never changes afterwards."""

import asyncio
import json
import sys
from urllib.parse import quote

import asyncpg
import pytest

from pointsman.store import migrate as migrate_module
from pointsman.store.errors import StoreError, StoreUnavailableError
from pointsman.store.migrate import create_database_if_missing, migrate, pending
from pointsman.store.sql import migrations, query
from tests.support.store.audit_store import observer, seen

pytestmark = pytest.mark.stack

SCRIPT = """
import asyncio, json, sys
from pointsman.store.migrate import migrate
print(json.dumps(asyncio.run(migrate(sys.argv[1]))))
"""


async def test_everything_is_applied_once_and_in_order(database: str) -> None:
    names = list(migrations())
    assert names == sorted(names)
    assert await pending(database) == names
    assert await migrate(database) == names
    assert await migrate(database) == []
    assert await pending(database) == []


async def test_concurrent_processes_apply_each_file_once(database: str) -> None:
    async with observer(database) as connection:
        # All of them wait for this lock, so that they race when it is released.
        await connection.execute(query("migration_table"))
        shut = connection.transaction()
        await shut.start()
        await connection.execute(query("migration_lock"))
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", SCRIPT, database, stdout=asyncio.subprocess.PIPE
            )
            for _ in range(3)
        ]
        await seen(
            connection,
            "select count(*) = 3 from pg_locks where relation = 'audit.migration'::regclass and not granted",
        )
        await shut.rollback()
        outputs = [(await process.communicate())[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sorted(name for output in outputs for name in json.loads(output)) == list(migrations())


async def test_a_changed_file_is_an_error_that_says_what_to_do(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(database)
    changed = {**migrations(), "0002_lane.sql": "select 1"}
    monkeypatch.setattr(migrate_module, "migrations", lambda: changed)
    for ask in (migrate, pending):
        with pytest.raises(StoreError, match=r"0002_lane\.sql .* changed since.*new migration"):
            await ask(database)


async def test_a_file_that_fails_leaves_nothing_behind(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {**migrations(), "9000_broken.sql": "create table audit.half (i int); select no_such_thing()"}
    monkeypatch.setattr(migrate_module, "migrations", lambda: broken)
    with pytest.raises(StoreError, match=r"9000_broken\.sql did not go through.*no_such_thing"):
        await migrate(database)
    assert await pending(database) == ["9000_broken.sql"]
    async with observer(database) as connection:
        assert await connection.fetchval("select to_regclass('audit.half')") is None


async def test_a_file_that_cannot_be_recorded_is_not_applied(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(name: str) -> str:
        return "select no_such_thing($1, $2)" if name == "migration_done" else query(name)

    monkeypatch.setattr(migrate_module, "query", forgetful)
    with pytest.raises(StoreError, match=r"0001_message\.sql did not go through"):
        await migrate(database)
    async with observer(database) as connection:
        assert await connection.fetchval("select to_regclass('audit.message')") is None
    monkeypatch.undo()
    assert await migrate(database) == list(migrations())


async def test_a_missing_database_is_created_once(database: str) -> None:
    dsn = database + quote('-"new" one')
    try:
        made = await asyncio.gather(*(create_database_if_missing(dsn) for _ in range(4)))
        assert sorted(made) == [False, False, False, True]
        assert await create_database_if_missing(dsn) is False
        assert await migrate(dsn) == list(migrations())
    finally:
        async with observer(database) as connection:
            name = await connection.fetchval("select quote_ident(current_database() || $1)", '-"new" one')
            await connection.execute(f"drop database if exists {name} with (force)")


async def test_a_missing_database_is_reported(database: str) -> None:
    with pytest.raises(StoreError, match=r"no_such_database.*POINTSMAN_POSTGRES"):
        await migrate(database.rpartition("/")[0] + "/no_such_database")


async def test_an_unreachable_postgres_is_reported_without_the_password(unused_tcp_port: int) -> None:
    with pytest.raises(StoreUnavailableError) as caught:
        await migrate(f"postgresql://me:secret@127.0.0.1:{unused_tcp_port}/audit")
    assert f"127.0.0.1:{unused_tcp_port}/audit" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_an_invalid_address_is_reported() -> None:
    with pytest.raises(StoreError, match="cannot be read") as caught:
        await migrate("kafka://127.0.0.1/x")
    assert not isinstance(caught.value, StoreUnavailableError)


async def test_the_server_reports_applied_migrations(database: str) -> None:
    await migrate(database)
    connection = await asyncpg.connect(database)
    rows = await connection.fetch("select name, length(sha256) as size from audit.migration order by name")
    await connection.close()
    assert [(row["name"], row["size"]) for row in rows] == [(name, 64) for name in migrations()]
