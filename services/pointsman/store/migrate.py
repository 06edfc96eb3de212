"""Migrates the schema `audit`: numbered .sql files, each applied once and never changed again."""

from hashlib import sha256
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from pointsman.store.address import read_address
from pointsman.store.connect import Connection, connected, translated
from pointsman.store.errors import StoreError
from pointsman.store.sql import migrations, query


async def migrate(dsn: str) -> list[str]:
    """Apply the missing migrations, each in its own transaction; returns their names, in order.

    Safe to repeat and to run in several processes at once: one applies a file, the others wait.

    Raises:
        StoreUnavailableError: Postgres cannot be reached.
        StoreError: an applied file has changed since, or Postgres refuses a statement.
    """
    applied = []
    async with connected(dsn) as connection:
        await _prepared(connection)
        while (name := await _apply_next(connection)) is not None:
            applied.append(name)
        with translated(dsn):
            if await connection.fetchval("select to_regprocedure('audit.digest_of(text[])') is not null"):
                await connection.execute(query("note_migrations"))
    return applied


async def _prepared(connection: Connection) -> None:
    """Create the migration table and the roles; another process may be doing the same."""
    with translated():
        while True:
            try:
                await connection.execute(query("migration_table"))
                break
            except (asyncpg.UniqueViolationError, asyncpg.DuplicateSchemaError, asyncpg.DuplicateTableError):
                continue  # `if not exists` is not atomic: try again if another process created it
        await connection.execute(query("make_roles"))


async def _apply_next(connection: Connection) -> str | None:
    """Apply the first missing migration and return its name; None if none is missing."""
    with translated():
        async with connection.transaction():
            await connection.execute(query("migration_lock"))
            missing = _missing(await _applied(connection))
            if not missing:
                return None
            name, text = next(iter(missing.items()))
            try:
                with translated():
                    await connection.execute(text)
                    await connection.execute(query("migration_done"), name, _digest(text))
            except StoreError as error:
                raise type(error)(f"migration {name} did not go through: {error}") from error
    return name


async def pending(dsn: str) -> list[str]:
    """Return the names of the migrations that `migrate` would apply.

    Raises:
        StoreUnavailableError, StoreError: as `migrate`.
    """
    async with connected(dsn) as connection:
        return list(_missing(await _applied(connection)))


async def create_database_if_missing(dsn: str) -> bool:
    """Create the database that `dsn` names; returns whether it was missing.

    Raises:
        StoreUnavailableError: Postgres cannot be reached.
        StoreError: Postgres refuses.
    """
    parts = urlsplit(read_address(dsn).dsn)
    name = unquote(parts.path.lstrip("/"))
    async with connected(urlunsplit(parts._replace(path="/postgres"))) as connection:
        with translated(dsn):
            if await connection.fetchval("select true from pg_database where datname = $1", name):
                return False
            quoted = await connection.fetchval("select quote_ident($1)", name)
            try:
                await connection.execute(f"create database {quoted}")
            except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                return False  # another process was quicker
    return True


async def _applied(connection: Connection) -> dict[str, str]:
    with translated():
        if not await connection.fetchval("select to_regclass('audit.migration') is not null"):
            return {}
        return {row["name"]: row["sha256"] for row in await connection.fetch(query("migrations"))}


def _missing(applied: dict[str, str]) -> dict[str, str]:
    missing = {}
    for name, text in migrations().items():
        if name not in applied:
            missing[name] = text
        elif applied[name] != _digest(text):
            raise StoreError(
                f"migration {name} was applied to this database and has changed since: undo the change in "
                "the file and put it into a new migration with the next number"
            )
    return missing


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
