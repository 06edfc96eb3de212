"""Stores of large values for tests: one in memory that can fail, and the contract of every store."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.records import Incoming
from pointsman.claims.claim_check import ClaimCheck
from pointsman.claims.store import ClaimStore, ClaimsUnavailableError, StoredValue

TINY = 2_000


class Shelf:
    """A store in memory. `away`: it fails. `mute`: it does not answer. `slow_s`: duration of a put."""

    place = "memory://shelf"

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.at: dict[str, datetime] = {}
        self.away = self.mute = False
        self.slow_s = 0.0
        self.asked = 0

    def url(self, sha256: str) -> str:
        return f"{self.place}/{sha256}"

    async def put(self, sha256: str, content: bytes) -> None:
        await self._answer()
        await asyncio.sleep(self.slow_s)
        self.values[sha256] = content
        self.at[sha256] = datetime.now(UTC)

    async def get(self, sha256: str) -> bytes | None:
        await self._answer()
        return self.values.get(sha256)

    async def older(self, than: datetime) -> AsyncIterator[StoredValue]:
        await self._answer()
        for sha256, at in list(self.at.items()):
            if at < than:
                yield StoredValue(sha256, len(self.values[sha256]), at)

    async def delete(self, kept: StoredValue) -> bool:
        await self._answer()
        if self.at.get(kept.sha256) != kept.at:
            return False
        del self.values[kept.sha256], self.at[kept.sha256]
        return True

    async def close(self) -> None: ...

    async def _answer(self) -> None:
        self.asked += 1
        if self.mute:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        if self.away:
            raise ClaimsUnavailableError(f"the store {self.place} is not available: it is away")


def claim_check(store: ClaimStore, *, above: int = TINY, largest: int = 10_000_000) -> ClaimCheck:
    """A claim check for which 2,000 bytes are large."""
    return ClaimCheck(store, above=above, largest=largest, timeout_s=5)


def as_read(record: Made, offset: int = 0) -> Incoming:
    """The record as its topic's reader returns it."""
    return Incoming(record.topic, 0, offset, 0, record.key, record.value, tuple(record.headers))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def holds_the_contract(store: ClaimStore) -> None:
    """Everything that the claim check and garbage collection rely on."""
    content, other = b"large " * 50_000, b"another"
    assert await _listed(store) == []
    await store.put(digest(other), other)
    assert await store.get(digest(content)) is None
    await asyncio.gather(*(store.put(digest(content), content) for _ in range(4)))
    assert await store.get(digest(content)) == content
    assert store.url(digest(content)).endswith(digest(content))
    listed = {kept.sha256: kept for kept in await _listed(store)}
    assert {sha256: kept.bytes for sha256, kept in listed.items()} == {
        digest(content): len(content),
        digest(other): len(other),
    }
    long_ago = datetime.now(UTC) - timedelta(days=1)
    assert [kept async for kept in store.older(long_ago)] == []
    await _until_younger(store, listed[digest(content)], content)
    assert not await store.delete(listed[digest(content)])  # it was put there again since
    assert await store.get(digest(content)) == content
    assert await store.delete(listed[digest(other)])
    assert not await store.delete(listed[digest(other)])
    assert await store.get(digest(other)) is None
    await store.close()


async def _listed(store: ClaimStore) -> list[StoredValue]:
    try:
        return [kept async for kept in store.older(datetime.now(UTC) + timedelta(days=1))]
    except ClaimsUnavailableError:
        return []


async def _until_younger(store: ClaimStore, old: StoredValue, content: bytes) -> None:
    """Stores it again until the store's clock has advanced."""
    while old in await _listed(store):
        await store.put(old.sha256, content)
