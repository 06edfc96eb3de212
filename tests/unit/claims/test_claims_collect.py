"""Garbage collection of stored values while new ones are written."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from pointsman.claims.collect import Collected, collect
from tests.support.bus.claim_stores import Shelf, digest

LONG_AGO = datetime.now(UTC) - timedelta(days=9)
EIGHT_DAYS_AGO = datetime.now(UTC) - timedelta(days=8)


async def test_a_value_stored_again_meanwhile_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf, forgotten, wanted = Shelf(), b"nobody asks for it", b"somebody sends it again"
    for content in (forgotten, wanted):
        await shelf.put(digest(content), content)
        shelf.at[digest(content)] = LONG_AGO

    async def put_again(dsn: str, digests: Sequence[str]) -> set[str]:
        """Stored again while the audit is queried, which knows neither."""
        await shelf.put(digest(wanted), wanted)
        return set()

    monkeypatch.setattr("pointsman.claims.collect.referred", put_again)
    collected = await collect(shelf, "nowhere", EIGHT_DAYS_AGO)
    assert list(shelf.values.values()) == [wanted]
    assert collected == Collected(referred=0, removed=1, removed_bytes=len(forgotten))
