"""Opens connections to Postgres and translates its errors."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from math import inf
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

#: Transient errors: the server is away, starting, stopping, full, busy or failing over.
_PASSING = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # raised when the connection is lost during a COPY
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
#: No statement cache: a pooler may run each transaction in another session. So nothing may depend on a
#: session: statements are unnamed, settings are local to a transaction, and a connection needs no reset.
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
    """Open a pool of up to `size` connections, made on demand; pg_stat_activity shows `application`.

    Raises:
        StoreError: the address is invalid, or names a file that cannot be used.
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
    """Limit the transaction's waits: of statements for a lock, and of the server for the client."""
    milliseconds = round(patience_s * 1000)
    await connection.execute(
        f"set local lock_timeout = {milliseconds};"
        f"set local idle_in_transaction_session_timeout = {milliseconds}"
    )


@asynccontextmanager
async def connected(dsn: str, within_s: float = inf) -> AsyncIterator[Connection]:
    """Open a single connection; `within_s` can shorten the time limit for connecting.

    Raises:
        StoreUnavailableError, StoreError: no connection can be made.
    """
    address = _read(dsn)
    _see_files(address)
    with translated(dsn):
        connection = await asyncpg.connect(
            address.dsn,
            timeout=min(within_s, address.timeout_s or _CONNECT_S),
            statement_cache_size=_NO_NAMES,
        )
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


async def fetched(dsn: str, name: str, *arguments: Any) -> list[asyncpg.Record]:
    """Run the named query on a connection of its own; returns its rows.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            return await connection.fetch(query(name), *arguments)


@contextmanager
def translated(dsn: str | None = None) -> Iterator[None]:
    """Turn the driver's errors into StoreUnavailableError (try again) or StoreError (change something)."""
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
    """Check the TLS files: the driver's errors do not name them, and it prompts for a key's password."""
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
    """Return host, port and database of an address, without user and password."""
    parts = urlsplit(_read(dsn).dsn)
    host = parts.netloc.rpartition("@")[2] or "the local socket"
    return f"{host}{parts.path}"


def _message_of(error: BaseException) -> str:
    return without_secrets(str(error).partition("\n")[0]) or type(error).__name__
