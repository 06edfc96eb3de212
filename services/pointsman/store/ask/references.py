"""Which large values the rows on record name."""

from collections.abc import Sequence

from pointsman.store.connect import connected, translated
from pointsman.store.sql import query


async def referred(dsn: str, digests: Sequence[str]) -> set[str]:
    """Those of `digests` (SHA-256, hexadecimal) that a row names, be it in a dead letter; reads every row.

    Raises:
        StoreUnavailableError, StoreError: nobody knows.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            rows = await connection.fetch(query("referred"), list(digests))
    return {row["sha256"] for row in rows}
