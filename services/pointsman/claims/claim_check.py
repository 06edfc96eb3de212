"""The claim check: stores large values before records are published, and fetches them before handling.

Invariants:
- A value about a data subject stays in its record: an erasure does not reach the store.
- A value is stored before the record that refers to it is published.
- Only the configured store is read, and only by digest; any other address in a record is ignored.
- A fetched value is checked against size and digest; one that does not match counts as lost, as if missing.
- If the store does not answer, ClaimsUnavailableError is raised and the value does not count as lost. It
  does if the store answers for other values but repeatedly not for this one.
"""

import asyncio
import hashlib
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import orjson

from pointsman.bus.codec.claimed import claim_of, kind_of
from pointsman.bus.codec.records import Fetched, Incoming, Outgoing
from pointsman.claims.store import ClaimStore, ClaimsUnavailableError
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event, failure
from pointsman_schemas.claims import BULK, DATAREF, Claim, abridge
from pointsman_schemas.envelope import DATA_SUBJECT

_T = TypeVar("_T")

#: Values of one batch held in memory together, bytes; a single one may be larger.
_BATCH_BYTES = 64 * 1024 * 1024
#: Concurrent requests to the store.
_AT_ONCE = 8
#: Tries for one value on which a working store fails, and the number of such values that are remembered.
_TRIES, _FAILED_KEPT = 5, 1_000
#: The digest of the empty value, which is never stored: asked for to see whether the store answers.
_NOTHING = hashlib.sha256(b"").hexdigest()

log = logging.getLogger(__name__)


class ClaimCheck:
    """Stores and fetches values. `above`: stored if larger; `largest`: most bytes; `timeout_s`: per value."""

    def __init__(self, store: ClaimStore, *, above: int, largest: int, timeout_s: float) -> None:
        self._store = store
        self._above = above
        self._largest = largest
        self._timeout_s = timeout_s
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._failed: dict[str, int] = {}

    async def fetch(self, records: Sequence[Incoming]) -> Sequence[Incoming]:
        """See `Payloads`."""
        claims = [claim_of(record) if record.headers else None for record in records]
        if not any(claims):
            return records
        room, loaded = _BATCH_BYTES, 0
        for claim in claims:
            room -= claim.bytes if claim else 0
            if loaded and room < 0:
                break
            loaded += 1
        pairs = zip(records[:loaded], claims, strict=False)
        return await asyncio.gather(*(self._whole(record, claim) for record, claim in pairs))

    async def deposit(self, records: list[Outgoing], *, above: int | None = None) -> list[Outgoing]:
        """See `Payloads`."""
        least = self._above if above is None else above
        if all(record.value is None or len(record.value) <= least for record in records):
            return records
        return list(await asyncio.gather(*(self._handed_in(record, least) for record in records)))

    async def value_of(self, claim: Claim) -> bytes | str:
        """Return the value, or the reason why it is lost.

        Raises:
            ClaimsUnavailableError: the store does not answer.
        """
        size = f"its value of {claim.bytes:,} bytes"
        if claim.bytes > self._largest:
            return f"{size} is too large; at most {self._largest:,} are taken (POINTSMAN_CLAIMS_MAX_BYTES)"
        try:
            content = await self._ask(self._store.get(claim.sha256))
        except Exception as error:
            await self._see_store_away(claim.sha256, error)
            return f"{size} cannot be had from {self._store.place}: {error}"
        self._failed.pop(claim.sha256, None)
        if content is None:
            where = "" if claim.store == self._store.place else f", put into {claim.store}"
            return (
                f"{size} is not in {self._store.place}: it was deleted, or never put there "
                f"({claim.digest}{where})"
            )
        digest = await asyncio.to_thread(_sha256, content)
        if len(content) != claim.bytes or digest != claim.sha256:
            return (
                f"{size} was changed in {self._store.place}: what is there under {claim.digest} has "
                f"{len(content):,} bytes and another digest"
            )
        return content

    async def _see_store_away(self, sha256: str, error: Exception) -> None:
        """Return if the store works but has failed too often for this value.

        Raises:
            ClaimsUnavailableError: the store is unavailable, or may be.
        """
        try:
            await self._ask(self._store.get(_NOTHING))
        except Exception as away:
            raise ClaimsUnavailableError(str(away)) from error
        tries = self._failed.pop(sha256, 0) + 1
        if tries < _TRIES:
            self._failed[sha256] = tries
            while len(self._failed) > _FAILED_KEPT:
                del self._failed[next(iter(self._failed))]
            raise ClaimsUnavailableError(str(error)) from error
        event(log, logging.ERROR, Event.CLAIM_LOST, digest=sha256, error=str(error))

    async def close(self) -> None:
        """Close the store's connections."""
        await self._store.close()

    async def _whole(self, record: Incoming, claim: Claim | None) -> Incoming:
        if claim is None:
            return record
        content = await self.value_of(claim)
        if isinstance(content, str):
            return Fetched.of(record, record.value, content, too_large=claim.bytes > self._largest)
        return Fetched.of(record, content)

    def _is_large(self, record: Outgoing, above: int) -> bool:
        """Return whether to store the value: not if readers would refuse it, so that its topic does."""
        if record.value is None or not above < len(record.value) <= self._largest:
            return False
        names = {name for name, _ in record.headers}
        return kind_of(record.headers) in BULK and names.isdisjoint((DATA_SUBJECT, DATAREF))

    async def _handed_in(self, record: Outgoing, above: int) -> Outgoing:
        """Store the record's value and return the record with a reference; unchanged if that fails."""
        value = record.value
        if value is None or not self._is_large(record, above):
            return record
        try:
            sha256 = await asyncio.to_thread(_sha256, value)
            claim = Claim(digest=f"sha256:{sha256}", bytes=len(value), store=self._store.place)
            stub = await asyncio.to_thread(_abridged, kind_of(record.headers), value, claim)
            await self._ask(self._store.put(sha256, value))
        except ClaimsUnavailableError:
            raise
        except Exception:
            failure(log, Event.CLAIM_NOT_MADE, topic=record.topic)
            return record
        headers = [*record.headers, (DATAREF, self._store.url(sha256).encode())]
        return replace(record, value=stub, headers=headers)

    async def _ask(self, question: Coroutine[Any, Any, _T]) -> _T:
        async with self._turns:
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await question
            except TimeoutError as error:
                problem = f"the store {self._store.place} did not answer within {self._timeout_s:g} s"
                raise ClaimsUnavailableError(problem) from error


def _abridged(kind: str, value: bytes, claim: Claim) -> bytes:
    return orjson.dumps(abridge(kind, orjson.loads(value), claim))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
