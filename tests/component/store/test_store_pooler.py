"""A connection pooler in front of Postgres is refused with a sentence: what we need lives in a session."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from pointsman.store.address import read_address
from pointsman.store.connect import connected, open_pool, translated
from pointsman.store.errors import StoreError
from tests.support.running.command import Command

pytestmark = pytest.mark.stack

REFUSED = r"is reached through a connection pooler such as PgBouncer.*name Postgres itself"


@asynccontextmanager
async def pooler(dsn: str) -> AsyncIterator[str]:
    """As PgBouncer does it, the key that a client gets at its login is not that of the session behind."""
    hosts = read_address(dsn).dsn.rpartition("@")[2].partition("/")[0]
    host, _, port = hosts.rpartition(":")

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection(host, int(port))

        async def there() -> None:
            while data := await reader.read(65_536):
                ours.write(data)

        async def back() -> None:
            login = True
            while data := await theirs.read(65_536):
                key = data.find(b"K\0\0\0\x0c") if login else -1
                if key >= 0:
                    login, data = False, data[: key + 5] + b"\0\0\0\x01" + data[key + 9 :]
                writer.write(data)

        await asyncio.wait(
            [asyncio.create_task(there()), asyncio.create_task(back())], return_when=asyncio.FIRST_COMPLETED
        )
        ours.close()
        writer.close()

    server = await asyncio.start_server(through, "127.0.0.1", 0)
    try:
        yield dsn.replace(hosts, f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    finally:
        server.close()


async def test_a_session_of_ones_own_is_let_through(database: str) -> None:
    async with connected(database) as connection:
        assert await connection.fetchval("select 1") == 1


async def test_a_pooler_is_refused_with_a_sentence(database: str, tmp_path: Path) -> None:
    async with pooler(database) as pooled:
        with pytest.raises(StoreError, match=REFUSED):
            async with connected(pooled):
                pass
        pool = await open_pool(pooled, application="test", size=1)
        with pytest.raises(StoreError, match=REFUSED), translated():
            await pool.fetchval("select 1")
        await pool.close()
        done = await Command(tmp_path, {"POINTSMAN_POSTGRES": pooled}).run("sql", "select 1")
    assert done.code == 1
    assert "connection pooler" in done.err


async def test_parameters_that_only_libpq_knows_do_no_harm(database: str) -> None:
    async with connected(f"{database}?connect_timeout=30&channel_binding=require&keepalives=1") as connection:
        assert await connection.fetchval("select 1") == 1


def test_a_pooler_that_refuses_our_settings_is_known_by_its_words() -> None:
    refused = asyncpg.ProtocolViolationError("unsupported startup parameter: lock_timeout")
    with pytest.raises(StoreError, match=REFUSED), translated():
        raise refused
