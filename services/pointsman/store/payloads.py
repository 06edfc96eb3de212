"""The table `claims.payload`: large values under their SHA-256."""

from datetime import datetime

from pointsman.store.connect import Pool, translated
from pointsman.store.sql import query


async def put(pool: Pool, sha256: str, content: bytes) -> None:
    """Keep `content`; where it is already, it becomes young.

    Raises:
        StoreUnavailableError, StoreError: it is not kept, or nobody knows.
    """
    with translated():
        async with pool.acquire() as connection:
            await connection.execute(query("payload_put"), bytes.fromhex(sha256), content)


async def get(pool: Pool, sha256: str) -> bytes | None:
    """What is there; None where nothing is. Raises the same."""
    with translated():
        async with pool.acquire() as connection:
            payload = await connection.fetchval(query("payload_get"), bytes.fromhex(sha256))
    return None if payload is None else bytes(payload)


async def older(pool: Pool, than: datetime) -> list[tuple[str, int, datetime]]:
    """Digest, bytes and time of each value last put there before `than`. Raises the same."""
    with translated():
        async with pool.acquire() as connection:
            rows = await connection.fetch(query("payload_older"), than)
    return [(row["sha256"].hex(), row["bytes"], row["put_at"]) for row in rows]


async def delete(pool: Pool, sha256: str, at: datetime) -> bool:
    """Remove the value that was last put there at that time; False where none such is. Raises the same."""
    with translated():
        async with pool.acquire() as connection:
            done: str = await connection.execute(query("payload_delete"), bytes.fromhex(sha256), at)
    return done == "DELETE 1"
