"""Fetches large outcomes from their store in the background, so that later records do not wait."""

import asyncio
from collections.abc import Callable

from pointsman.bus.codec.claimed import claim_of
from pointsman.bus.codec.records import Incoming
from pointsman.claims.claim_check import ClaimCheck
from pointsman.claims.store import ClaimsUnavailableError

#: Seconds until an unavailable store is asked again.
_PAUSE_S = 1.0


class LargeOutcomes:
    """Passes each record with its whole value to `take`. Without a claim check it fetches nothing."""

    def __init__(self, claim_check: ClaimCheck | None, take: Callable[[Incoming], None]) -> None:
        self._claim_check = claim_check
        self._take = take
        self._fetching: set[asyncio.Task[None]] = set()

    def fetch(self, record: Incoming) -> bool:
        """Return whether the record's value is in a store, and start to fetch it if so."""
        if self._claim_check is None or claim_of(record) is None:
            return False
        task = asyncio.create_task(self._fetched(record, self._claim_check), name="large outcome")
        self._fetching.add(task)
        task.add_done_callback(self._fetching.discard)
        return True

    async def close(self) -> None:
        """Stop fetching."""
        for task in self._fetching:
            task.cancel()
        await asyncio.gather(*self._fetching, return_exceptions=True)

    async def _fetched(self, record: Incoming, claim_check: ClaimCheck) -> None:
        """Fetch the value; retry as long as the store is unavailable."""
        while True:
            try:
                (full_record,) = await claim_check.fetch([record])
            except ClaimsUnavailableError:
                await asyncio.sleep(_PAUSE_S)
            else:
                self._take(full_record)
                return
