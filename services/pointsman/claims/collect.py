"""Removes old values that no audit row refers to.

Invariant: a value with a reference is never removed. The store is listed before the audit is queried, and a
value that is stored again in between counts as new. The age must be at least eight days: a record that is not
in the audit yet is still on its topic, and topics keep records for seven.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pointsman.claims.store import ClaimStore
from pointsman.store.connect import fetched


@dataclass(slots=True)
class Collected:
    """Counts of old values. `referred`: kept; `removed`: removed, or to be removed in a dry run."""

    referred: int = 0
    removed: int = 0
    removed_bytes: int = 0


async def collect(
    store: ClaimStore,
    dsn: str,
    before: datetime,
    *,
    dry_run: bool = False,
    begin: Callable[[int], None] = lambda _: None,
    advance: Callable[[int], None] = lambda _: None,
) -> Collected:
    """Remove every value last stored before `before` that no row of the audit at `dsn` refers to.

    Raises:
        ClaimsUnavailableError, StoreUnavailableError, StoreError: it failed midway; referenced values remain.
    """
    old = [kept async for kept in store.older(before)]
    named = await referred(dsn, [kept.sha256 for kept in old]) if old else set()
    begin(len(old))
    collected = Collected()
    for kept in old:
        if kept.sha256 in named:
            collected.referred += 1
        elif dry_run or await store.delete(kept):
            collected.removed += 1
            collected.removed_bytes += kept.bytes
        advance(1)
    return collected


async def referred(dsn: str, digests: Sequence[str]) -> set[str]:
    """Return those of `digests` (SHA-256, hexadecimal) that a row or dead letter refers to; scans all rows.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    return {row["sha256"] for row in await fetched(dsn, "referred", list(digests))}
