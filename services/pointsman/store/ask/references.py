"""Which large values the rows on record name."""

from collections.abc import Sequence

from pointsman.store.connect import fetched


async def referred(dsn: str, digests: Sequence[str]) -> set[str]:
    """Those of `digests` (SHA-256, hexadecimal) that a row names, be it in a dead letter; reads every row.

    Raises:
        StoreUnavailableError, StoreError: nobody knows.
    """
    rows = await fetched(dsn, "referred", list(digests))
    return {row["sha256"] for row in rows}
