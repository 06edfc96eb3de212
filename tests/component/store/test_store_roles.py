"""Append-only by privilege: the complete rights of the writer and the auditor."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.lanes import Move, StoredPartition
from pointsman.store.connect import connected
from pointsman.store.roles import AUDITOR, ERASER, OPENER, WRITER, as_login, ensure_login, grants
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor, as_writer, audit_pool, observer, prepare, rows

pytestmark = pytest.mark.stack

LANE: StoredPartition = ("t", 0)

#: Tables of the record, each with statements that would change or remove rows.
CHANGES = (
    "update audit.message set value = 'x'",
    "delete from audit.message",
    "truncate audit.message",
    "update audit.message_default set value = 'x'",
    "delete from audit.message_default",
    "truncate audit.message_default",
    "update audit.lane set next_offset = 0",
    "delete from audit.lane",
    "truncate audit.lane",
    "update audit.checkpoint set message = 'x'",
    "delete from audit.checkpoint",
    "delete from audit.migration",
    "drop table audit.message",
    "alter table audit.message add column mine text",
    "alter table audit.message detach partition audit.message_default",
    "create table audit.mine (i int)",
    "create trigger mine before insert on audit.message for each row"
    " execute function suppress_redundant_updates_trigger()",
    "set session_replication_role = 'replica'",
)


async def begun(dsn: str) -> None:
    async with audit_pool(dsn) as pool:
        await AuditWriter(pool).append(rows(0, 3), {LANE: Move(None, 3)})


async def refused(dsn: str, statement: str) -> bool:
    async with observer(dsn) as connection:
        try:
            await connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            return True
    return False


@pytest.mark.parametrize("login", [as_writer, as_auditor])
async def test_recorded_rows_cannot_be_changed_or_removed(database: str, login: Callable[[str], str]) -> None:
    await begun(database)
    assert [change for change in CHANGES if not await refused(login(database), change)] == []
    async with observer(database) as connection:
        assert await connection.fetchval("select count(*) from audit.message") == 3


async def test_the_writer_sees_nothing_and_the_auditor_adds_nothing(database: str) -> None:
    await begun(database)
    for table in ("message", "message_default", "lane", "timeline", "migration"):
        assert await refused(as_writer(database), f"select * from audit.{table}"), table
        assert not await refused(as_auditor(database), f"select * from audit.{table}"), table
    for statement in (
        'insert into audit.message (topic, partition, "offset", broker_at, headers)'
        " values ('t', 0, 9, now(), '[]')",
        "insert into audit.lane values ('t', 1, 0)",
        "select audit.ensure_days('2026-01-01', '2026-01-02')",
        "select audit.positions(array['t'], array[0])",
        "select audit.hold_lanes(array['t'], array[0], array[3])",
        "select audit.move_lanes(array['t'], array[0], array[3], array[9], array['x'::bytea], array[0])",
        "select audit.last_checkpoint()",
    ):
        assert await refused(as_auditor(database), statement), statement
    assert await refused(as_writer(database), "insert into audit.lane values ('t', 1, 0)")


async def test_the_writer_moves_a_lane_forward_only(database: str) -> None:
    await begun(database)
    async with observer(as_writer(database)) as connection:
        move = (
            "select audit.move_lanes(array['t'], array[0], array[$1::bigint], array[$2::bigint],"
            " array[null::bytea], array[0])"
        )
        assert await connection.fetchval(move, 3, 2) == 0
        assert await connection.fetchval(move, 2, 9) == 0
        assert await connection.fetchval(move, 3, 4) == 1


async def test_the_writer_does_not_own_partitions_that_it_creates(database: str) -> None:
    await begun(database)
    async with observer(database) as connection:
        owners = await connection.fetch(
            "select distinct relowner::regrole::text as owner from pg_class"
            " where relnamespace = 'audit'::regnamespace"
        )
        assert [owner["owner"] for owner in owners] == [await connection.fetchval("select current_user")]


async def test_the_grants_are_these_and_no_others(database: str) -> None:
    await prepare(database)
    held = [(grant.role, grant.privilege, grant.object) for grant in await grants(database)]
    writer = {(privilege, target.partition("(")[0]) for role, privilege, target in held if role == WRITER}
    assert writer == {
        ("usage", "audit"),
        ("insert", "audit.message"),
        ("insert", "audit.checkpoint"),
        ("execute", "audit.lose"),
        ("execute", "audit.chapters"),
        ("execute", "audit.positions"),
        ("execute", "audit.hold_lanes"),
        ("execute", "audit.last_checkpoint"),
        ("execute", "audit.move_lanes"),
        ("execute", "audit.ensure_days"),
        ("execute", "audit.keep_subject_keys"),
    }
    assert {privilege for role, privilege, _ in held if role == AUDITOR} <= {"usage", "select", "execute"}
    assert (AUDITOR, "select", "audit.message") in held
    assert (AUDITOR, "select", "audit.subject_key") not in held
    others = {(role, privilege, target.partition("(")[0]) for role, privilege, target in held}
    assert {grant for grant in others if grant[0] in {OPENER, ERASER}} == {
        (OPENER, "usage", "audit"),
        (OPENER, "execute", "audit.open_subject_keys"),
        (ERASER, "usage", "audit"),
        (ERASER, "execute", "audit.subject_extent"),
        (ERASER, "execute", "audit.erase_subject"),
    }


async def test_a_function_with_its_owner_s_rights_is_for_named_roles_only(database: str) -> None:
    await prepare(database)
    async with observer(database) as connection:
        open_to_all = await connection.fetch(
            "select oid::regprocedure::text as name from pg_proc"
            " where pronamespace = 'audit'::regnamespace and prosecdef"
            " and (proacl is null or has_function_privilege('public', oid, 'execute')"
            " or not exists (select from unnest(proconfig) as set where set like 'search_path=%'))"
        )
    assert [function["name"] for function in open_to_all] == []


async def test_a_login_is_created_once_and_its_password_can_change(database: str) -> None:
    await prepare(database)
    for password in ("one", 'it\'s "two"'):
        await ensure_login(database, "test_login", AUDITOR, password)
        async with connected(as_login(database, "test_login", password)) as connection:
            assert await connection.fetchval("select count(*) from audit.message") == 0
    await ensure_login(database, "test_login", AUDITOR, None)
    async with observer(database) as connection:
        kept = "select rolpassword from pg_authid where rolname = 'test_login'"
        assert await connection.fetchval(kept) is None


async def test_the_command_prints_statements_that_grant_the_same(database: str, tmp_path: Path) -> None:
    await prepare(database)
    pointsman = Command(tmp_path, {"POINTSMAN_POSTGRES": as_auditor(database)})
    printed = await pointsman.run("db", "roles", "--print")
    assert printed.code == 0, printed.err
    assert "grant insert on table audit.message to pointsman_audit_writer;" in printed.lines
    before = await grants(database)
    async with observer(database) as connection:
        await connection.execute("revoke insert on audit.message from pointsman_audit_writer")
        assert await grants(database) != before
        await connection.execute(printed.out)
    assert await grants(database) == before
    output = await pointsman.run("db", "roles")
    assert any(line.split()[:2] == [WRITER, "insert"] for line in output.lines)


async def test_the_command_makes_a_login(database: str, tmp_path: Path) -> None:
    await prepare(database)
    environment = {"POINTSMAN_POSTGRES_OWNER": database, "POINTSMAN_LOGIN_PASSWORD": "x"}
    made = await Command(tmp_path, environment).run("db", "login", "test_login", "--as", "auditor")
    assert made.code == 0, made.err
    assert not await refused(as_login(database, "test_login", "x"), "select * from audit.message")


async def test_before_the_migrations_the_command_says_what_to_do(database: str, tmp_path: Path) -> None:
    done = await Command(tmp_path, {"POINTSMAN_POSTGRES": database}).run("db", "roles")
    assert done.code == 1
    assert "pointsman db migrate" in done.err
