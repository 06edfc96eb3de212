"""A migrated audit database, simple rows for it, and queries."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.lanes import Move, StoredPartition
from pointsman.store.append.row import Row
from pointsman.store.connect import Pool, open_pool
from pointsman.store.migrate import migrate
from pointsman.store.roles import AUDITOR, ERASER, OPENER, WRITER, as_login, ensure_login
from pointsman.store.sql import migrations

APPLICATION = "pointsman-audit"

_PASSWORD = "only for tests"


def as_writer(dsn: str) -> str:
    """The address for a login with the audit service's rights only."""
    return as_login(dsn, "test_writer", _PASSWORD)


def as_auditor(dsn: str) -> str:
    """The address for a read-only login."""
    return as_login(dsn, "test_auditor", _PASSWORD)


def as_opener(dsn: str) -> str:
    """The address for a login that may read, and decrypt subjects' keys."""
    return as_login(dsn, "test_opener", _PASSWORD)


def as_eraser(dsn: str) -> str:
    """The address for a login that may erase a subject."""
    return as_login(dsn, "test_eraser", _PASSWORD)


async def prepare(dsn: str) -> None:
    """Migrates the database and creates the logins. `dsn` is the owner's address.

    An empty database is replaced by a copy of a prepared one, which takes a fraction of the time.
    """
    parts = urlsplit(dsn)
    server = urlunsplit(parts._replace(path="/postgres"))
    async with observer(dsn) as connection:
        empty = await connection.fetchval("select to_regnamespace('audit') is null")
    if empty and await _copied(server, parts.path.lstrip("/"), await _prepared_one(server)):
        await _make_logins(dsn)  # logins belong to the server, and another test may have changed them
    else:
        await _make_ready(dsn)


async def _prepared_one(server: str) -> str:
    """The name of the prepared database; the first process that needs it creates it."""
    name = f"prepared_{sha256(''.join(migrations().values()).encode()).hexdigest()[:16]}"
    known = "select true from pg_database where datname = $1"
    async with observer(server) as connection:
        if not await connection.fetchval(known, name):
            await connection.execute("select pg_advisory_lock(hashtext($1))", name)
            if not await connection.fetchval(known, name):
                half = f"{name}_half"  # left by a killed run
                await connection.execute(f"drop database if exists {half} with (force)")
                await connection.execute(f"create database {half}")
                await _make_ready(urlunsplit(urlsplit(server)._replace(path=f"/{half}")))
                await connection.execute(f"alter database {half} rename to {name}")
    return name


async def _copied(server: str, name: str, prepared: str) -> bool:
    """False if somebody is connected to the database already; it is then left unchanged."""
    async with observer(server) as connection:
        try:
            await connection.execute(f'drop database "{name}"')
        except asyncpg.ObjectInUseError:
            return False
        await connection.execute(f'create database "{name}" template {prepared}')
    return True


async def _make_ready(dsn: str) -> None:
    await migrate(dsn)
    await _make_logins(dsn)


async def _make_logins(dsn: str) -> None:
    await ensure_login(dsn, "test_writer", WRITER, _PASSWORD)
    await ensure_login(dsn, "test_auditor", AUDITOR, _PASSWORD)
    await ensure_login(dsn, "test_opener", OPENER, _PASSWORD)
    await ensure_login(dsn, "test_eraser", ERASER, _PASSWORD)


@asynccontextmanager
async def audit_pool(dsn: str, *, size: int = 4) -> AsyncIterator[Pool]:
    """Connections as the audit service opens them, to a prepared database."""
    await prepare(dsn)
    pool = await open_pool(as_writer(dsn), application=APPLICATION, size=size)
    try:
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def observer(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A separate connection."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def seen(connection: asyncpg.Connection, question: str, *arguments: Any) -> Any:
    """The result of a query, once it is neither null nor false."""
    async with asyncio.timeout(30):
        while not (answer := await connection.fetchval(question, *arguments)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return answer


def row(offset: int, *, topic: str = "t", partition: int = 0, **changes: Any) -> Row:
    """A row with a position only."""
    nothing: dict[str, Any] = dict.fromkeys(Row._fields)
    known = {"broker_at": datetime.now(UTC), "headers": "[]", "value": b"%d" % offset, "timestamp_ms": offset}
    record = Row(**{**nothing, **known, "topic": topic, "partition": partition, "offset": offset, **changes})
    return record.digested(())


async def put(writer: AuditWriter, batch: Sequence[Row]) -> None:
    """Stores rows as the audit does, and advances each lane's position."""
    ends: dict[StoredPartition, int] = {}
    for stored_row in batch:
        lane = (stored_row.topic, stored_row.partition)
        ends[lane] = max(ends.get(lane, 0), stored_row.offset + 1)
    stand = await writer.positions(list(ends))
    in_order = sorted(batch, key=lambda entry: (entry.topic, entry.partition, entry.offset))
    await writer.append(in_order, {lane: Move(stand.get(lane), end) for lane, end in ends.items()})


def rows(first: int, last: int, *, topic: str = "t", partition: int = 0) -> list[Row]:
    """Rows with offsets from `first` up to, but not including, `last`."""
    return [row(offset, topic=topic, partition=partition) for offset in range(first, last)]
