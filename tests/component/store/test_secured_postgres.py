"""Postgres over TLS: a wrong setting is reported in one line that says what to do."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pointsman.cli.checks.postgres import postgres as check_postgres
from pointsman.dev.certificates import Authority, Signed
from pointsman.runtime.clock import utc_now
from pointsman.store.address import read_address
from pointsman.store.connect import connected, open_pool
from pointsman.store.errors import StoreError
from tests.support.running.encrypted_key import encrypt_key

pytestmark = pytest.mark.stack

HOST = "127.0.0.1"


@asynccontextmanager
async def behind_tls(dsn: str, certificate: Signed) -> AsyncIterator[str]:
    """The same database behind a TLS proxy, because the embedded server is built without TLS."""
    login, _, place = read_address(dsn).dsn.rpartition("@")
    port, _, rest = place.removeprefix(f"{HOST}:").partition("/")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.both)

    async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, back = await asyncio.open_connection(HOST, int(port))
        try:
            assert len(await reader.readexactly(8)) == 8  # the SSLRequest message
            writer.write(b"S")
            await writer.start_tls(context)
            ends = [asyncio.create_task(copied(reader, back)), asyncio.create_task(copied(upstream, writer))]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        except (OSError, EOFError):
            pass
        finally:
            back.close()
            writer.close()

    async with await asyncio.start_server(through, HOST, 0) as server:
        yield f"{login}@{HOST}:{server.sockets[0].getsockname()[1]}/{rest}"


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


async def said(dsn: str) -> str:
    """The error of a failed connection."""
    with pytest.raises(StoreError) as refused:
        async with connected(dsn):
            pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def test_the_right_certificate_is_accepted_and_any_other_reported(
    database: str, ca: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "other")
    verified = f"?sslmode=verify-full&sslrootcert={ca.file}"
    async with behind_tls(database, ca.sign("db", HOST)) as address:
        async with connected(f"{address}{verified}") as connection:
            assert await connection.fetchval("select 1") == 1
        pool = await open_pool(f"{address}{verified}", application="test")
        assert await pool.fetchval("select 1") == 1
        await pool.close()
        unknown = await said(f"{address}?sslmode=verify-full&sslrootcert={other.file}")
    assert re.search(
        "certificate of Postgres at .* is not signed by the CA in the file that sslroot.*; set", unknown
    )
    async with behind_tls(database, ca.sign("elsewhere", "db.example")) as address:
        assert re.search(
            "is for another name: IP address mismatch.*POINTSMAN_POSTGRES", await said(address + verified)
        )
        async with connected(f"{address}?sslmode=verify-ca&sslrootcert={ca.file}") as connection:
            assert await connection.fetchval("select 1") == 1
    async with behind_tls(database, ca.sign("old", HOST, days=-1)) as address:
        assert "has expired; have it renewed" in await said(address + verified)


async def test_missing_files_and_a_server_without_tls_are_reported(database: str, ca: Authority) -> None:
    given = read_address(database).dsn
    assert "sslrootcert: /nowhere/ca.pem cannot be read: No such file" in await said(
        f"{given}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem"
    )
    with pytest.raises(StoreError, match=r"sslrootcert: /nowhere/ca.pem cannot be read"):
        await open_pool(f"{given}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem", application="test")
    ours = ca.sign("us")
    encrypt_key(ours.key, b"its own")
    files = f"sslcert={ours.certificate}&sslkey={ours.key}&sslpassword=wrong"
    assert "does not hold a certificate and its key, or the key's password does not open it" in await said(
        f"{given}?sslmode=require&{files}"
    )
    dsn = f"{given}?sslmode=verify-full&sslrootcert={ca.file}"
    assert re.search(
        "does not speak TLS, which sslmode in its address asks for; set ssl = on", await said(dsn)
    )
    answer, *_ = await check_postgres(dsn, utc_now)
    assert (answer.ok, "does not speak TLS" in answer.said) == (False, True)
