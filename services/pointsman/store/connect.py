"""Connections to Postgres, and the translation of its errors."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from pointsman.runtime.tls import UnusableFileError, client_context, distrust
from pointsman.store.address import Address, AddressError, read_address, without_secrets
from pointsman.store.errors import StoreError, StoreUnavailableError
from pointsman.store.sql import query

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)

Statement: TypeAlias = "asyncpg.prepared_stmt.PreparedStatement[asyncpg.Record]"

#: What a later try may find gone: the server away, starting, stopping, full, failed over, or busy.
_PASSING = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what the driver makes of a connection that is cut off amid a COPY
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
_UNKNOWN_HERE = (asyncpg.InvalidSchemaNameError, asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError)
_NO_ENTRY = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)


_CONNECT_S = 10.0
#: A pooler may give each transaction to another session. So nothing of ours lives in one: prepared statements
#: have no names, as long as none is cached; settings are for a transaction; nothing is to be reset.
_NO_NAMES = 0
_REFUSED_BY_POOLER = {
    "not allowed in statement pooling mode": "set pool_mode = transaction in it",
    "unsupported startup parameter": "leave the parameter out of POINTSMAN_POSTGRES",
}

_NO_TLS = (
    "does not speak TLS, which sslmode in its address asks for; set ssl = on in its configuration, or leave "
    "sslmode out where the way there is safe"
)


async def open_pool(dsn: str, *, application: str, size: int = 4) -> Pool:
    """Up to `size` connections, opened when needed; `application` names them in pg_stat_activity.

    Raises:
        StoreError: the address cannot be read.
    """
    address = _read(dsn)
    _see_files(address)
    with translated():
        return await asyncpg.create_pool(
            address.dsn,
            min_size=0,
            max_size=size,
            timeout=address.timeout_s or _CONNECT_S,
            reset=_nothing_to_reset,
            command_timeout=60,
            statement_cache_size=_NO_NAMES,
            server_settings={"application_name": application},
        )


async def limit_waits(connection: Connection, patience_s: float) -> None:
    """Let no statement of this transaction wait longer for a lock, nor the server for a silent client."""
    milliseconds = round(patience_s * 1000)
    await connection.execute(
        f"set local lock_timeout = {milliseconds};"
        f"set local idle_in_transaction_session_timeout = {milliseconds}"
    )


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    """One connection of its own, for work that is done once.

    Raises:
        StoreUnavailableError, StoreError: there is none to be had.
    """
    address = _read(dsn)
    _see_files(address)
    with translated(dsn):
        connection = await asyncpg.connect(
            address.dsn, timeout=address.timeout_s or _CONNECT_S, statement_cache_size=_NO_NAMES
        )
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


async def fetched(dsn: str, name: str, *arguments: Any) -> list[asyncpg.Record]:
    """The rows that the query `name` gives, by a connection of its own.

    Raises:
        StoreUnavailableError, StoreError: it cannot be asked.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            return await connection.fetch(query(name), *arguments)


@contextmanager
def translated(dsn: str | None = None) -> Iterator[None]:
    """The driver's errors become `StoreUnavailableError` (try again) and `StoreError` (change something)."""
    where = f" at {place(dsn)}" if dsn else ""
    try:
        yield
    except asyncpg.ClientConfigurationError as error:
        raise StoreError(
            f"the address of Postgres cannot be read: {_message_of(error)}; set POINTSMAN_POSTGRES"
        ) from error
    except ssl.SSLCertVerificationError as error:
        problem, hint = distrust(
            error,
            "the file that sslrootcert names",
            ca_setting="sslrootcert in it",
            addresses="POINTSMAN_POSTGRES",
        )
        raise StoreUnavailableError(f"the certificate of Postgres{where} {problem}; {hint}") from error
    except _PASSING as error:
        if "rejected SSL upgrade" in str(error):
            raise StoreUnavailableError(f"Postgres{where} {_NO_TLS}") from error
        for words, advice in _REFUSED_BY_POOLER.items():
            if words in str(error):
                raise StoreError(
                    f"the pooler in front of Postgres{where} refused access: {_message_of(error)}; {advice}"
                ) from error
        raise StoreUnavailableError(f"Postgres{where} is not available: {_message_of(error)}") from error
    except _UNKNOWN_HERE as error:
        raise StoreError(
            f"Postgres{where} lacks a table of pointsman ({_message_of(error)}); run `pointsman db migrate`"
        ) from error
    except _NO_ENTRY as error:
        raise StoreError(
            f"Postgres{where} refused access: {_message_of(error)}; check POINTSMAN_POSTGRES"
        ) from error
    except asyncpg.PostgresError as error:
        raise StoreError(f"Postgres{where} failed: {_message_of(error)}") from error


async def _nothing_to_reset(_: Connection) -> None: ...


def _read(dsn: str) -> Address:
    try:
        return read_address(dsn)
    except AddressError as error:
        raise StoreError(f"the address of Postgres cannot be read: {error}; set POINTSMAN_POSTGRES") from None


def _see_files(address: Address) -> None:
    """What the driver says of a file does not name it; and it asks for a key's password on the terminal."""
    options = dict(parse_qsl(urlsplit(address.dsn).query))
    ca, certificate, key = (
        Path(options[name]) if options.get(name) else None for name in ("sslrootcert", "sslcert", "sslkey")
    )
    if ca is None and certificate is None:
        return
    try:
        client_context(ca, certificate, key, options.get("sslpassword", ""))
    except UnusableFileError as error:
        names = {"ca": "sslrootcert", "certificate": "sslcert and sslkey"}
        raise StoreError(
            f"the address of Postgres names files that cannot be used: {names[error.role]}: {error}; set "
            "POINTSMAN_POSTGRES"
        ) from error


def place(dsn: str) -> str:
    """Host, port and database of an address, without user and password."""
    parts = urlsplit(_read(dsn).dsn)
    host = parts.netloc.rpartition("@")[2] or "the local socket"
    return f"{host}{parts.path}"


def _message_of(error: BaseException) -> str:
    return without_secrets(str(error).partition("\n")[0]) or type(error).__name__
