"""Attacks on the database with each role's login: Postgres refuses everything beyond the table of rights."""

import itertools

import asyncpg
import pytest

from pointsman.store.roles import AUDITOR, CLAIMS, WRITER, grants
from tests.support.access.installation import PREFIX, Guarded

pytestmark = [pytest.mark.stack, pytest.mark.slow]

AUDIT, READER, KEEPER = f"{PREFIX}.audit", f"{PREFIX}.auditor", f"{PREFIX}.worker.small"
_OF = {WRITER: AUDIT, AUDITOR: READER, CLAIMS: KEEPER}

#: Attacks that each of the three roles tries.
BY_EACH = {
    "become the owner": "set role pointsman",
    "become the owner of the session": "set session authorization pointsman",
    "become the writer's login": f'set role "{PREFIX}.operator"',
    "switch triggers off": "set session_replication_role = replica",
    "switch one trigger off": "alter table audit.message disable trigger all",
    "change a row": "update audit.message set topic = topic",
    "delete rows": "delete from audit.message",
    "delete all rows": "truncate audit.message",
    "drop the record": "drop table audit.message",
    "drop the schema": "drop schema audit cascade",
    "rename the record": "alter table audit.message rename to other",
    "own the record": "alter table audit.message owner to current_user",
    "lock everybody out": "lock table audit.message in access exclusive mode",
    "add a trigger": "create trigger t before insert on audit.lane execute function audit.keep_jobs()",
    "add a rule of its own": "create rule thief as on insert to audit.message do instead nothing",
    "move a lane back": "update audit.lane set next_offset = 0",
    "forge a chapter": "insert into audit.chapter default values",
    "forget an erasure": "delete from audit.erasure",
    "read the keys of what is sealed": "select wrapped from audit.subject_key",
    "have the keys opened": "select audit.open_subject_keys(null)",
    "erase a subject": "select audit.erase_subject(null)",
    "grant itself more": f"grant pointsman_audit_eraser to {AUDITOR}",
    "grant itself the table": "grant all on audit.message to current_user; delete from audit.message",
    "make itself super user": "alter role current_user superuser",
    "let itself make users": "alter role current_user createrole",
    "make a user": "create role thief login",
    "give another login a password": f"alter role \"{PREFIX}.operator\" password 'thief'",
    "take the audit's login away": f'drop role "{PREFIX}.operator"',
    "read the passwords": "select rolpassword from pg_authid",
    "run a program, in": "copy (select 1) to program 'id'",
    "run a program, out": "create temp table out (line text); copy out from program 'id'",
    "write a file of the server's": "copy (select 1) to '/tmp/thief'",
    "read a file of the server's": "select pg_read_file('/etc/passwd')",
    "list a folder of the server's": "select pg_ls_dir('.')",
    "read a file as a large object": "select lo_import('/etc/passwd')",
    "load a language": "create language thief handler pg_catalog.plpgsql_call_handler",
    "reach another server": "create extension dblink",
    "write a function in C": "create function pg_temp.thief() returns int language c as 'libc', 'system'",
    "put a function where all look": "create function public.thief() returns int return 1",
    "put a table where all look": "create table public.thief (id int)",
    "put a function into the record's schema": "create function audit.thief() returns int return 1",
    "put a table into the record's schema": "create table audit.thief (id int)",
    "change a function of the record's": "alter function audit.move_lanes owner to current_user",
    "hide from the server's log": "set log_statement = 'none'",
    "have the settings read again": "select pg_reload_conf()",
    "end sessions": "select pg_terminate_backend(pid) from pg_stat_activity where usename <> user",
    "make a database": "create database thief",
    "drop the database": "drop database postgres",
    "publish the record": "create publication thief for table audit.message",
    "copy by replication": "select pg_create_physical_replication_slot('thief')",
    "keep a statement of others' from ending": "alter role pointsman set statement_timeout = 1",
    "stop the migrations": "delete from audit.migration",
}
_MORE = {
    WRITER: {
        "read what it wrote": "select value from audit.message",
        "take the record out": "copy audit.message to stdout",
        "see what it added": "insert into audit.message default values returning *",
        "change what is there already": "insert into audit.lane (topic) values ('t') on conflict do nothing",
        "read large values": "select * from claims.payload",
        "put a large value there": "select claims.put(null, null)",
    },
    AUDITOR: {
        "add a row": "insert into audit.message default values",
        "add a checkpoint": "insert into audit.checkpoint default values",
        "hold a lane": "select audit.hold_lanes('{}', '{}', '{}')",
        "begin a chapter": "select audit.lose(null, null, null, null)",
        "lock a row": "select 1 from audit.message for update",
        "put a large value there": "select claims.put(null, null)",
    },
    CLAIMS: {
        "read the record": "select value from audit.message",
        "read a job": "select * from audit.job",
        "add a row": "insert into audit.message default values",
        "list large values": "select sha256 from claims.payload",
        "read others' large values": "select content from claims.payload",
        "remove large values": "delete from claims.payload",
        "change a large value": "update claims.payload set content = content",
        "remove all large values": "truncate claims.payload",
        "drop the large values": "drop table claims.payload",
    },
}
#: Postgres' errors: missing privilege, or not a member of the role.
_REFUSALS = (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidAuthorizationSpecificationError)


@pytest.mark.parametrize("role", _OF)
async def test_postgres_refuses_every_attack(guarded: Guarded, role: str) -> None:
    through = []
    thief = await asyncpg.connect(guarded.dsn(_OF[role]))
    try:
        for attack, statement in {**BY_EACH, **_MORE[role]}.items():
            refusal = await _refusal(thief, statement)
            print(f"  {_OF[role]}: {attack}: {refusal!r}")
            if not isinstance(refusal, _REFUSALS):
                through.append(f"{attack}: {refusal!r}")
    finally:
        await thief.close()
    assert through == []


async def test_no_agent_has_a_login(guarded: Guarded) -> None:
    password = guarded.passwords[f"{PREFIX}.agent.reader"].kafka
    address = guarded.owner.partition("@")[2]
    for user in (f"{PREFIX}.agent.reader", AUDIT, READER, "pointsman", "postgres"):
        with pytest.raises(_REFUSALS):
            await asyncpg.connect(f"postgresql://{address}", user=user, password=password)


async def test_each_role_has_exactly_its_rights(guarded: Guarded) -> None:
    owner = await asyncpg.connect(guarded.owner)
    tables = [row[0] for row in await owner.fetch(_TABLES)]
    await owner.close()
    held = {(grant.role, grant.object, grant.privilege) for grant in await grants(guarded.owner)}
    wrong, tried = [], 0
    for login, role in guarded.access.logins.items():
        connection = await asyncpg.connect(guarded.dsn(login))
        for table, (privilege, statement) in itertools.product(tables, _STATEMENTS.items()):
            refusal = await _refusal(connection, statement.format(table))
            tried += 1
            if ((role, table, privilege) in held) == isinstance(refusal, _REFUSALS):
                wrong.append(f"{login}: {privilege} {table}: {refusal!r}")
        await connection.close()
    print(f"\n{tried} cells of the database tried: {len(tables)} tables, {len(guarded.access.logins)} logins")
    assert wrong == []


_TABLES = """
select relnamespace::regnamespace || '.' || quote_ident(relname) from pg_class
where relnamespace::regnamespace::text in ('audit', 'claims') and relkind in ('r', 'p')
  and not relispartition order by 1
"""
_STATEMENTS = {
    "select": "select * from {0} where false",
    "insert": "insert into {0} default values",
    "delete": "delete from {0} where false",
    "truncate": "truncate {0}",
}


async def _refusal(connection: "asyncpg.Connection[asyncpg.Record]", statement: str) -> Exception | None:
    """Postgres' error for a statement, which is rolled back unless it cannot run in a transaction."""
    undone = connection.transaction()
    await undone.start()
    try:
        await connection.execute(statement)
    except asyncpg.ActiveSQLTransactionError:
        pass
    except asyncpg.PostgresError as error:
        return error
    else:
        return None
    finally:
        await undone.rollback()
    try:
        await connection.execute(statement)
    except asyncpg.PostgresError as error:
        return error
    return None
