"""Values as rows of the table `claims.payload` in Postgres."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime

from pointsman.claims.store import ClaimsUnavailableError, StoredValue
from pointsman.store import payloads
from pointsman.store.connect import Pool, open_pool, place
from pointsman.store.errors import StoreError


class ClaimsTable:
    """Connections are opened when needed; a table that is missing is waited for, as the server is."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()

    @property
    def place(self) -> str:
        """The address without user and password."""
        return f"postgresql://{place(self._dsn)}"

    def url(self, sha256: str) -> str:
        """The row, in the form of a URL."""
        return f"{self.place}#claims.payload/{sha256}"

    async def put(self, sha256: str, content: bytes) -> None:
        """See `ClaimStore`."""
        with self._translated():
            await payloads.put(await self._open(), sha256, content)

    async def get(self, sha256: str) -> bytes | None:
        """See `ClaimStore`."""
        with self._translated():
            return await payloads.get(await self._open(), sha256)

    async def older(self, than: datetime) -> AsyncIterator[StoredValue]:
        """See `ClaimStore`."""
        with self._translated():
            rows = await payloads.older(await self._open(), than)
        for row in rows:
            yield StoredValue(*row)

    async def delete(self, kept: StoredValue) -> bool:
        """See `ClaimStore`."""
        with self._translated():
            return await payloads.delete(await self._open(), kept.sha256, kept.at)

    async def close(self) -> None:
        """See `ClaimStore`."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _open(self) -> Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await open_pool(self._dsn, application="pointsman-claims")
            return self._pool

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            raise ClaimsUnavailableError(f"the store {self.place} is not available: {error}") from error
